#include "method/fixpoint/fixpoint.h"

static void measure(tw_run *run, const double *r) {
  const double norm = vec_norm(run->n, r);
  run->f = 0.5 * norm * norm;
  run->optimality.stationarity = vec_norm_inf(run->n, r);
}

tw_status tw_fixpoint_start(tw_run *run, double *r) {
  if (run->oracle->k != run->n) {
    return tw_fail(run->error, TW_ERR_SHAPE,
                   "%s: the map gives %lld values for %lld variables; expected as many", run->method->name,
                   (long long)run->oracle->k, (long long)run->n);
  }
  TW_TRY(tw_run_residual(run, run->x, r));
  const int64_t bad = vec_find_nonfinite(run->n, r);
  if (bad >= 0) {
    return tw_fail(run->error, TW_ERR_NUMERIC, "%s: the map is not finite at the start (position %lld)",
                   run->method->name, (long long)bad);
  }
  measure(run, r);
  run->scale = run->optimality.stationarity;
  return TW_OK;
}

tw_status tw_fixpoint_measure(tw_run *run, const double *r) {
  measure(run, r);
  if (run->optimality.stationarity <= 2 * DBL_EPSILON * vec_norm_inf(run->n, run->x)) {
    return tw_run_end(run, TW_SOLVED, "T(x) - x is below the rounding of x: %.1e",
                      run->optimality.stationarity);
  }
  return TW_OK;
}
