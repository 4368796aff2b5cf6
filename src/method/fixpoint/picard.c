/* Picard iteration for x = T(x): x+ = x + beta r(x), r(x) = T(x) - x. Linear convergence where T contracts; a
 * damped beta < 1 also settles maps that oscillate (Krasnosel'skii 1955). */
#include "method/fixpoint/fixpoint.h"

static const tw_option options[] = {
    TW_OPTION_TOL(1e-12),
    TW_OPTION_MAX_ITER(100000),
    {"mixing", TW_OPTION_REAL, 1, 1e-6, 1, NULL, "beta: how far to go towards T(x)"},
    TW_OPTION_END};

static tw_status init(tw_run *run) {
  double *r = tw_run_vector(run, "picard.r", run->n);
  return r ? tw_fixpoint_start(run, r) : TW_ERR_MEMORY;
}

static tw_status step(tw_run *run) {
  const int64_t n = run->n;
  double *r = tw_run_vector(run, "picard.r", n), *x = tw_run_vector(run, "picard.x", n),
         *trial = tw_run_vector(run, "picard.trial_r", n);
  if (!r || !x || !trial) return TW_ERR_MEMORY;
  const double start = run->scale;
  vec_add(n, run->x, tw_run_real(run, "mixing"), r, x);
  TW_TRY(tw_run_residual(run, x, trial));
  if (!(vec_norm_inf(n, trial) <= 1e12 * fmax(1, start))) {
    return tw_run_end(run, TW_FAILED,
                      "the iteration diverges (|T(x) - x| > 1e12 of the start): T does not contract here; "
                      "try anderson or newton_root");
  }
  vec_copy(n, x, run->x);
  vec_copy(n, trial, r);
  return tw_fixpoint_measure(run, r);
}

const tw_method tw_method_picard = {
    .name = "picard",
    .summary = "x <- T(x), optionally damped",
    .reference = "Krasnosel'skii 1955",
    .goals = TW_FOR_FIXPOINT,
    .needs = TW_RESIDUAL,
    .options = options,
    .init = init,
    .step = step,
    .traits = TW_ATOMIC,
};
