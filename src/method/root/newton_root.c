/* Newton's method for r(x) = 0 (Dennis & Schnabel 1983; Kelley 1995).
 *
 * Direction: J d = -r by LU while J is small and dense; otherwise by GMRES on products J v, to the relative
 * residual eta_k = 0.9 (|r_k| / |r_{k-1}|)^2 (Eisenstat & Walker 1996, choice 2, with their safeguard). A
 * line search on |r|^2 makes it global. Where J is singular, or the search would need tiny steps, one
 * Levenberg-Marquardt step on |r|^2 is taken instead, which is defined everywhere; a point where |r|^2 is
 * stationary without being zero ends the run. */
#include "method/leastsq/lsq.h"
#include "method/root/root.h"

enum { NEWTON_MU, NEWTON_FORCING, NEWTON_LAST, NEWTON_STATE };
enum { SMALLEST_STEP_EXPONENT = 10 };

static const tw_option options[] = {
    TW_OPTION_TOL(1e-12),
    TW_OPTION_MAX_ITER(200),
    TW_LSQ_OPTION_JACOBIAN,
    {"restart", TW_OPTION_INTEGER, 50, 1, 1000, NULL, "GMRES(m): directions kept, matrix-free only"},
    TW_OPTION_END};

static tw_status init(tw_run *run) {
  TW_TRY(tw_root_square(run));
  tw_lsq s;
  TW_TRY(tw_lsq_open(&s, run));
  double *state = tw_run_vector(run, "newton.state", NEWTON_STATE);
  if (!state) return TW_ERR_MEMORY;
  state[NEWTON_MU] = 1e-3;
  TW_TRY(tw_lsq_start(&s));
  tw_root_measure(run, s.r, true);
  return TW_OK;
}

/* J d = -r by LU; not `usable` when J is singular to working precision. */
static tw_status direct(tw_lsq *s, double *d, bool *usable) {
  tw_factor *lu = NULL;
  tw_error error = {TW_OK, ""};
  tw_status status = tw_factor_dense(&lu, TW_FACTOR_LU, s->n, s->n, s->jacobian, &error);
  *usable = false;
  if (status == TW_ERR_SINGULAR) return TW_OK;
  if (status == TW_OK && tw_factor_condition(lu) < 0.01 / DBL_EPSILON) {
    for (int64_t i = 0; i < s->n; i++) d[i] = -s->r[i];
    status = tw_factor_solve(lu, false, 1, d, d, &error);
    *usable = status == TW_OK && vec_find_nonfinite(s->n, d) < 0;
  }
  tw_factor_free(lu);
  return status == TW_OK ? TW_OK : tw_fail(s->run->error, status, "%s", error.message);
}

static tw_status apply_jacobian(void *context, const double *v, double *jv) {
  tw_run *run = context;
  return tw_run_residual_jvp(run, run->x, v, jv);
}

static double forcing(double *state, double norm, double target) {
  const double last = state[NEWTON_LAST], before = state[NEWTON_FORCING];
  double eta = last > 0 ? 0.9 * (norm / last) * (norm / last) : 0.5;
  if (0.9 * before * before > 0.1) eta = fmax(eta, 0.9 * before * before);
  eta = fmin(eta, 0.9);
  state[NEWTON_FORCING] = eta;
  state[NEWTON_LAST] = norm;
  return fmax(eta, fmin(0.5, 0.1 * target / norm)); /* no more accuracy than the end asks for */
}

static tw_status iterative(tw_lsq *s, double *d, bool *usable) {
  tw_run *run = s->run;
  double *state = tw_run_vector(run, "newton.state", NEWTON_STATE), *rhs = s->trial_r;
  if (!state) return TW_ERR_MEMORY;
  const double norm = s->scalars[TW_LSQ_NORM];
  const int restart = (int)tw_run_integer(run, "restart");
  const tw_linop a = {.rows = s->n, .cols = s->n, .apply = apply_jacobian, .context = run};
  const tw_linear_options linear = {.rtol = forcing(state, norm, tw_run_tolerance(run) * tw_run_scale(run)),
                                    .restart = restart,
                                    .max_iter = 20 * restart};
  tw_linear_result result;
  for (int64_t i = 0; i < s->n; i++) rhs[i] = -s->r[i];
  vec_zero(s->n, d);
  TW_TRY(tw_gmres(&a, rhs, d, &linear, &result, run->error));
  *usable = result.residual < norm && vec_find_nonfinite(s->n, d) < 0;
  return TW_OK;
}

/* Backtracking on |r|^2 along d, t >= 2^-10; Newton's slope is -2 |r|^2. */
static tw_status search(tw_lsq *s, const double *d, tw_lsq_trial *trial, bool *moved) {
  *moved = false;
  double t = 1;
  for (int tries = 0; tries < SMALLEST_STEP_EXPONENT && !*moved; tries++) {
    for (int64_t j = 0; j < s->n; j++) s->step[j] = t * d[j];
    TW_TRY(tw_lsq_try(s, trial));
    const double slope = 2 * vec_dot(s->n, s->gradient, s->step);
    *moved = slope < 0 && (trial->blind || trial->actual >= -1e-4 * slope);
    const double u = isfinite(trial->actual) ? -slope / (2 * (-trial->actual - slope)) : 0.1;
    t *= fmin(0.5, fmax(0.1, u));
  }
  return TW_OK;
}

/* A Levenberg-Marquardt step; ends the run at a stationary point of |r|^2. */
static tw_status fall_back(tw_lsq *s, double *mu, tw_lsq_trial *trial) {
  bool moved = false;
  const double cosine = tw_lsq_descent_cosine(s);
  if (cosine > 1e-8) {
    TW_TRY(tw_lsq_factor(s));
    TW_TRY(tw_lsq_damped(s, mu, true, trial, &moved));
  }
  if (moved) return TW_OK;
  return tw_run_end(s->run, TW_FAILED,
                    "|r| = %.3g is stationary here but not zero (|J'r| / (|J| |r|) = %.1e): no root nearby, "
                    "start elsewhere",
                    s->scalars[TW_LSQ_NORM], cosine);
}

/* Ends the run when |r| cannot be told from zero: Newton's correction is below the spacing of x, or r below
 * what rounding of x makes of it. */
static tw_status at_rounding(const tw_lsq *s, bool newton, bool idle) {
  tw_run *run = s->run;
  const bool correction = newton && vec_at_rounding(s->n, s->step, run->x, 2);
  const bool noise = idle && s->scalars[TW_LSQ_NORM] <= 10 * s->scalars[TW_LSQ_NOISE];
  if (!correction && !noise) return TW_OK;
  return tw_run_end(run, TW_SOLVED, "%s; |r| = %.1e",
                    correction ? "Newton's correction is below rounding" : "the residual is down to rounding",
                    run->optimality.stationarity);
}

static tw_status step(tw_run *run) {
  tw_lsq s;
  TW_TRY(tw_lsq_open(&s, run));
  double *state = tw_run_vector(run, "newton.state", NEWTON_STATE),
         *d = tw_run_vector(run, "newton.direction", s.n);
  if (!state || !d) return TW_ERR_MEMORY;
  TW_TRY(tw_lsq_jacobian(&s));
  bool usable = false, moved = false;
  tw_lsq_trial trial = {0};
  TW_TRY(s.dense ? direct(&s, d, &usable) : iterative(&s, d, &usable));
  if (usable) TW_TRY(search(&s, d, &trial, &moved));
  const bool newton = moved;
  if (!moved) TW_TRY(fall_back(&s, &state[NEWTON_MU], &trial));
  const bool idle = trial.blind && trial.norm > 0.5 * s.scalars[TW_LSQ_NORM];
  tw_lsq_accept(&s, &trial);
  tw_root_measure(run, s.r, false);
  return at_rounding(&s, newton, idle);
}

const tw_method tw_method_newton_root = {
    .name = "newton_root",
    .summary =
        "Newton's method for roots: LU or GMRES, line search, Levenberg-Marquardt steps where J is singular",
    .reference = "Dennis & Schnabel 1983; Eisenstat & Walker 1996",
    .goals = TW_FOR_ROOT | TW_FOR_FIXPOINT,
    .needs = TW_RESIDUAL | TW_RESIDUAL_JVP,
    .matrices = TW_HOLDS_RESIDUAL,
    .handles = TW_HANDLES_BOUNDS,
    .options = options,
    .init = init,
    .step = step,
};
