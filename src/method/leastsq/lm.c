/* Levenberg-Marquardt (Levenberg 1944, Marquardt 1963) for min |r(x)|^2.
 *
 *   s(mu) = argmin |J s + r|^2 + mu |D s|^2,   rho = (|r|^2 - |r(x+s)|^2) / (|r|^2 - |r + J s|^2)
 *
 * D is Moré's (1978) running column scaling. Damping follows Nielsen (1999): a good step multiplies mu by
 * max(1/3, 1 - (2 rho - 1)^3), a bad one by nu, and nu doubles while steps stay bad. Bounds: variables that
 * the gradient holds at a bound take no part and the trial point is projected (Bertsekas 1982; Kanzow,
 * Yamashita & Fukushima 2004); as mu grows the step turns into a scaled projected gradient step, so descent
 * is always found.
 *
 * Geodesic acceleration (Transtrum & Sethna 2012): s + a/2, a = argmin |J a + r_ss|^2 + mu |D a|^2 with r_ss
 * the second derivative of r along s by one more residual. A step with 2 |D a| > 0.75 |D s| is refused like
 * one that raises |r|: the linear model does not reach that far. */
#include "method/leastsq/lsq.h"

enum { MAX_TRIALS = 80 };

static const tw_option options[] = {
    TW_OPTION_TOL(1e-12),
    TW_OPTION_MAX_ITER(1000),
    TW_LSQ_OPTION_JACOBIAN,
    {"damping", TW_OPTION_REAL, 1e-3, 0, 1e6, NULL,
     "initial mu, relative to the scaled columns of J, which have norm one"},
    {"geodesic", TW_OPTION_FLAG, 1, 0, 1, NULL,
     "add the second-order correction of the path (one more residual a step)"},
    TW_OPTION_END};

/* s->step <- s + a/2; not `gentle` when the path bends too much for that. *predicted: the decrease that the
 * linear model promises for s alone, which is what a step that follows the path can be measured by. */
static tw_status accelerate(tw_lsq *s, double mu, double *predicted, bool *gentle) {
  const double h = 0.1;
  double *a = tw_run_vector(s->run, "lm.acceleration", s->n);
  if (!a) return TW_ERR_MEMORY;
  TW_TRY(tw_lsq_apply(s, s->step, s->js));
  *predicted = tw_lsq_predicted(s);
  *gentle = true;
  if (tw_lsq_relative(s, s->step) <= 1e-7) return TW_OK; /* nothing but rounding to see */
  *gentle = false;
  vec_add(s->n, s->run->x, h, s->step, s->trial_x);
  TW_TRY(tw_run_residual(s->run, s->trial_x, s->trial_r));
  double *second = s->trial_r; /* r_ss = 2/h ((r(x + h s) - r)/h - J s) */
  for (int64_t i = 0; i < s->k; i++) second[i] = 2 / h * ((s->trial_r[i] - s->r[i]) / h - s->js[i]);
  if (vec_find_nonfinite(s->k, second) >= 0) return TW_OK;
  TW_TRY(tw_lsq_solve(s, second, mu, a));
  *gentle = 2 * tw_lsq_relative(s, a) <= 0.75 * tw_lsq_relative(s, s->step);
  if (*gentle) vec_axpy(s->n, 0.5, a, s->step);
  return TW_OK;
}

/* The trial of s->step; one that bends too much counts as one without any decrease. */
static tw_status attempt(tw_lsq *s, double mu, bool geodesic, tw_lsq_trial *trial) {
  double predicted = 0;
  bool gentle = true;
  if (geodesic) TW_TRY(accelerate(s, mu, &predicted, &gentle));
  if (!gentle) {
    *trial = (tw_lsq_trial){.actual = -INFINITY, .predicted = predicted, .norm = INFINITY, .relative = 1};
    return TW_OK;
  }
  TW_TRY(tw_lsq_try(s, trial));
  if (geodesic && !trial->clipped) trial->predicted = predicted;
  return TW_OK;
}

tw_status tw_lsq_damped(tw_lsq *s, double *mu, bool geodesic, tw_lsq_trial *trial, bool *moved) {
  *moved = false;
  double trial_mu = *mu, nu = 2;
  for (int tries = 0; tries < MAX_TRIALS; tries++) {
    TW_TRY(tw_lsq_solve(s, s->r, trial_mu, s->step));
    TW_TRY(attempt(s, trial_mu, geodesic, trial));
    const double rho = trial->blind ? 1 : trial->actual / trial->predicted;
    if (trial->predicted > 0 && rho > 1e-4) {
      const double cube = (2 * rho - 1) * (2 * rho - 1) * (2 * rho - 1);
      *mu = fmax(trial_mu * fmax(1.0 / 3, 1 - cube), DBL_MIN);
      *moved = true;
      return TW_OK;
    }
    if (trial->relative <= DBL_EPSILON) return TW_OK;
    trial_mu = fmax(trial_mu, DBL_EPSILON * DBL_EPSILON) * nu;
    nu *= 2;
  }
  return TW_OK;
}

static tw_status init(tw_run *run) {
  tw_lsq s;
  TW_TRY(tw_lsq_open(&s, run));
  double *mu = tw_run_vector(run, "lm.mu", 1);
  if (!mu) return TW_ERR_MEMORY;
  *mu = tw_run_real(run, "damping");
  TW_TRY(tw_lsq_start(&s));
  return tw_lsq_measure(&s);
}

static tw_status step(tw_run *run) {
  tw_lsq s;
  TW_TRY(tw_lsq_open(&s, run));
  double *mu = tw_run_vector(run, "lm.mu", 1);
  if (!mu) return TW_ERR_MEMORY;
  tw_lsq_trial trial;
  bool moved;
  TW_TRY(tw_lsq_damped(&s, mu, tw_run_flag(run, "geodesic"), &trial, &moved));
  return moved ? tw_lsq_advance(&s, &trial) : tw_lsq_stall(&s);
}

const tw_method tw_method_lm = {
    .name = "lm",
    .summary = "Levenberg-Marquardt: damped Gauss-Newton steps with Moré's scaling, by QR or LSQR",
    .reference = "Marquardt 1963; Moré 1978; Nielsen 1999; Transtrum & Sethna 2012",
    .goals = TW_FOR_LEAST_SQUARES,
    .needs = TW_RESIDUAL | TW_RESIDUAL_JVP,
    .matrices = TW_HOLDS_RESIDUAL,
    .handles = TW_HANDLES_BOUNDS,
    .options = options,
    .init = init,
    .step = step,
};
