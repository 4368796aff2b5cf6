#include "method/root/root.h"

tw_status tw_root_square(const tw_run *run) {
  if (run->oracle->k == run->n) return TW_OK;
  return tw_fail(run->error, TW_ERR_SHAPE,
                 "%s: %lld equations in %lld unknowns; expected as many of one as of the other",
                 run->method->name, (long long)run->oracle->k, (long long)run->n);
}

void tw_root_measure(tw_run *run, const double *r, bool first) {
  const double norm = vec_norm(run->n, r);
  run->f = 0.5 * norm * norm;
  run->optimality.stationarity = vec_norm_inf(run->n, r);
  if (first) run->scale = run->optimality.stationarity;
}
