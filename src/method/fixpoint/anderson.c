/* Anderson acceleration for x = T(x), r_k = T(x_k) - x_k, with the extrapolation of mixing.h. Safeguard: when |r| grows tenfold
 * above the best, or has not improved for a while, the history is dropped, x goes back to the best point and beta is halved; it
 * recovers as steps succeed. */
#include "method/fixpoint/fixpoint.h"
#include "method/fixpoint/mixing.h"

enum { BETA, BEST, STALE, STATE };

static const double GROWTH = 10;

static const tw_option options[] = {
    TW_OPTION_TOL(1e-12),
    TW_OPTION_MAX_ITER(10000),
    {"history", TW_OPTION_INTEGER, 5, 0, 200, NULL, "m: differences kept"},
    {"ridge", TW_OPTION_REAL, 0, 0, 1, NULL,
     "Tikhonov term of the least-squares problem, relative to |dR|_F^2"},
    {"mixing", TW_OPTION_REAL, 1, 1e-6, 1, NULL, "beta: how far to go along the combined residual"},
    TW_OPTION_END};

typedef struct anderson {
  tw_run *run;
  int64_t n;
  tw_mixing mixing;
  double *r, *best_x, *best_r, *state;
} anderson;

static tw_status open(anderson *a, tw_run *run) {
  const int64_t n = run->n;
  *a = (anderson){.run = run, .n = n};
  const tw_slot slots[] = {{"anderson.r", n, &a->r},
                           {"anderson.best_x", n, &a->best_x},
                           {"anderson.best_r", n, &a->best_r},
                           {"anderson.state", STATE, &a->state},
                           {NULL, 0, NULL}};
  TW_TRY(tw_fetch(run, slots));
  return tw_mixing_open(&a->mixing, run, tw_run_integer(run, "history"));
}

static void remember_best(anderson *a) {
  vec_copy(a->n, a->run->x, a->best_x);
  vec_copy(a->n, a->r, a->best_r);
  a->state[BEST] = vec_norm(a->n, a->r);
  a->state[STALE] = 0;
}

static tw_status init(tw_run *run) {
  anderson a;
  TW_TRY(open(&a, run));
  TW_TRY(tw_fixpoint_start(run, a.r));
  a.state[BETA] = tw_run_real(run, "mixing");
  remember_best(&a);
  return TW_OK;
}

/* Back to the best point with an empty history and half the mixing. */
static tw_status restart(anderson *a) {
  double *s = a->state;
  const double residual = vec_norm_inf(a->n, a->best_r), size = vec_norm_inf(a->n, a->best_x);
  const bool hopeless = s[BETA] <= 1e-5 * tw_run_real(a->run, "mixing");
  if (hopeless) {
    return tw_run_end(a->run, TW_FAILED, "no mixing, however small, brings |T(x) - x| below %.3g", s[BEST]);
  }
  vec_copy(a->n, a->best_x, a->run->x);
  vec_copy(a->n, a->best_r, a->r);
  if (residual <= 1e3 * DBL_EPSILON * size) {
    TW_TRY(tw_fixpoint_measure(a->run, a->r));
    return tw_run_end(a->run, TW_SOLVED, "T(x) - x stays at %.1e, the rounding of T", residual);
  }
  s[BETA] *= 0.5;
  s[STALE] = 0;
  tw_mixing_clear(&a->mixing);
  return tw_fixpoint_measure(a->run, a->r);
}

static tw_status step(tw_run *run) {
  anderson a;
  TW_TRY(open(&a, run));
  double *s = a.state, *x = tw_run_vector(run, "anderson.trial_x", a.n),
         *r = tw_run_vector(run, "anderson.trial_r", a.n);
  if (!x || !r) return TW_ERR_MEMORY;
  TW_TRY(tw_mixing_extrapolate(&a.mixing, run->x, a.r, s[BETA], tw_run_real(run, "ridge"), x));
  TW_TRY(tw_run_residual(run, x, r));
  const double norm = vec_norm(a.n, r);
  if (!(norm <= GROWTH * s[BEST]) || s[STALE] > 20 + 4 * (double)a.mixing.m) return restart(&a);
  vec_copy(a.n, run->x, a.mixing.last_x);
  vec_copy(a.n, a.r, a.mixing.last_r);
  vec_copy(a.n, x, run->x);
  vec_copy(a.n, r, a.r);
  tw_mixing_record(&a.mixing, run->x, a.r);
  s[STALE] += 1;
  if (norm < s[BEST]) {
    remember_best(&a);
    s[BETA] = fmin(tw_run_real(run, "mixing"), 1.2 * s[BETA]);
  }
  return tw_fixpoint_measure(run, a.r);
}

const tw_method tw_method_anderson = {
    .name = "anderson",
    .summary = "fixed points by Anderson acceleration with filtering and safeguarded restarts",
    .reference = "Anderson 1965; Walker & Ni 2011; Pollock & Rebholz 2023",
    .goals = TW_FOR_FIXPOINT,
    .needs = TW_RESIDUAL,
    .options = options,
    .init = init,
    .step = step,
    .traits = TW_ATOMIC,
};
