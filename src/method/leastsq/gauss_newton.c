/* Gauss-Newton (Björck 1996, ch. 9) for min |r(x)|^2: the undamped step s = argmin |J s + r|^2, basic on the
 * numerical rank of J (dense) or of minimum norm (LSQR), with a backtracking line search that asks for
 * Armijo's decrease |r(x + t s)|^2 <= |r|^2 + 2 c t g's,  g = J'r, c = 1e-4, and takes the minimiser of the
 * interpolating parabola, kept in [0.1 t, 0.5 t], for the next t. Bounds as in lm. */
#include "method/leastsq/lsq.h"

static const tw_option options[] = {TW_OPTION_TOL(1e-12), TW_OPTION_MAX_ITER(500), TW_LSQ_OPTION_JACOBIAN,
                                    TW_OPTION_END};

enum { MAX_HALVINGS = 60 };

static tw_status init(tw_run *run) {
  tw_lsq s;
  TW_TRY(tw_lsq_open(&s, run));
  TW_TRY(tw_lsq_start(&s));
  return tw_lsq_measure(&s);
}

static tw_status step(tw_run *run) {
  tw_lsq s;
  TW_TRY(tw_lsq_open(&s, run));
  double *direction = tw_run_vector(run, "gauss_newton.direction", s.n);
  if (!direction) return TW_ERR_MEMORY;
  TW_TRY(tw_lsq_solve(&s, s.r, 0, direction));
  double t = 1;
  for (int tries = 0; tries < MAX_HALVINGS; tries++) {
    for (int64_t j = 0; j < s.n; j++) s.step[j] = t * direction[j];
    tw_lsq_trial trial;
    TW_TRY(tw_lsq_try(&s, &trial));
    const double slope = 2 * vec_dot(s.n, s.gradient, s.step); /* of |r|^2 along the clipped step */
    if (slope < 0 && (trial.blind || trial.actual >= -1e-4 * slope)) return tw_lsq_advance(&s, &trial);
    if (trial.relative <= DBL_EPSILON) break;
    /* q(u) = |r|^2 + u slope + u^2 (-actual - slope), u = 1 at this trial */
    const double u = isfinite(trial.actual) ? -slope / (2 * (-trial.actual - slope)) : 0.1;
    t *= fmin(0.5, fmax(0.1, u));
  }
  return tw_lsq_stall(&s);
}

const tw_method tw_method_gauss_newton = {
    .name = "gauss_newton",
    .summary = "Gauss-Newton with a backtracking line search, by QR or LSQR",
    .reference = "Björck 1996, Numerical Methods for Least Squares Problems, ch. 9",
    .goals = TW_FOR_LEAST_SQUARES,
    .needs = TW_RESIDUAL | TW_RESIDUAL_JVP,
    .matrices = TW_HOLDS_RESIDUAL,
    .handles = TW_HANDLES_BOUNDS,
    .options = options,
    .init = init,
    .step = step,
};
