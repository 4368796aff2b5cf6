/* The method ipm: start, one iteration, and every reason of its own to end; see ipm.h.
 *
 * mu falls to max(mu_min, min(mu / 5, mu^1.5)) whenever the error of the barrier problem is at most 10 mu (Fiacco & McCormick 1968
 * with the rule of Waechter & Biegler 2006, (7)). */
#include "method/program/ipm.h"
#include "method/program/presolved.h"

static const double KAPPA_EPS = 10, KAPPA_MU = 0.2, THETA_MU = 1.5, KAPPA_1 = 1e-2, KAPPA_2 = 1e-2;
static const double ACCEPTABLE = 1e-6, FEASIBLE = 1e-8;
enum { ACCEPTABLE_STEPS = 15, STUCK_MOST = 8, RAISED_MOST = 3 };

/* Attempts: the first mu times this, and the iterations before the next one begins. */
static const struct attempt {
  double mu;
  int64_t most;
} attempts[] = {{1, 200}, {1e3, 200}, {1e-2, 200}, {1, INT64_MAX}};
enum { ATTEMPTS = sizeof attempts / sizeof *attempts };

static const tw_option options[] = {TW_OPTION_TOL(1e-9),
                                    TW_OPTION_MAX_ITER(3000),
                                    {"mu", TW_OPTION_REAL, 0.1, 1e-12, 1e6, NULL, "first barrier parameter"},
                                    {"polish", TW_OPTION_FLAG, 1, 0, 1, NULL, "finish with Newton's method on the active set"},
                                    {"restarts", TW_OPTION_FLAG, 1, 0, 1, NULL,
                                     "start again with other barrier parameters after a failure or 200 iterations"},
                                    TW_OPTION_PRESOLVE(1),
                                    TW_OPTION_END};

static double least_mu(const tw_ipm *ipm) {
  return ipm->tol / (KAPPA_EPS + 1);
}

/* ------------------------------------------------------------------ start */

/* Inside its bounds by a part of their distance or of their size. */
static double push_inside(double v, double l, double u) {
  const double width = u - l;
  if (isfinite(l)) v = fmax(v, l + fmin(KAPPA_1 * fmax(1, fabs(l)), isfinite(width) ? KAPPA_2 * width : INFINITY));
  if (isfinite(u)) v = fmin(v, u - fmin(KAPPA_1 * fmax(1, fabs(u)), isfinite(width) ? KAPPA_2 * width : INFINITY));
  return v;
}

/* x inside its bounds; where functions are not defined there, the start as given. */
static tw_status start_x(tw_ipm *ipm) {
  ipm_phase *ph = &ipm->outer;
  tw_run *run = ipm->run;
  for (int64_t k = 0; k < ipm->n; k++) ph->at.v[k] = push_inside(ipm->start[k], ipm->lower[k], ipm->upper[k]);
  TW_TRY(ipm_evaluate(ipm, &ph->at));
  if (isfinite(ph->at.f)) return TW_OK;
  return tw_fail(run->error, TW_ERR_NUMERIC, "ipm: the objective or a constraint is not finite at the start (moved into the bounds)");
}

static void start_slacks(tw_ipm *ipm) {
  ipm_phase *ph = &ipm->outer;
  for (int64_t k = ipm->n; k < ipm->nv; k++)
    ph->at.v[k] = push_inside(ph->at.c[ipm->slack_row[k - ipm->n]], ipm->lower[k], ipm->upper[k]);
  for (int64_t k = 0; k < ipm->nv; k++) {
    ph->zl[k] = isfinite(ipm->lower[k]);
    ph->zu[k] = isfinite(ipm->upper[k]);
  }
}

/* The start of an attempt, the scales known. */
static tw_status begin(tw_ipm *ipm, double mu) {
  ipm_phase *ph = &ipm->outer;
  tw_run *run = ipm->run;
  bool finite;
  ipm_enter(ipm, ph);
  TW_TRY(start_x(ipm));
  start_slacks(ipm);
  TW_TRY(ipm_derive(ipm, ph, &finite));
  if (!finite) return tw_fail(run->error, TW_ERR_NUMERIC, "ipm: a derivative is not finite at the start (moved into the bounds)");
  tw_nlp_bfgs_reset(&ipm->nlp);
  vec_zero(IPM_PHASE_NUMBERS, ph->number);
  ph->number[IPM_F] = ph->at.f;
  ph->number[IPM_MU] = mu;
  const double theta = ipm_theta(ipm, &ph->at);
  ph->number[IPM_THETA_MAX] = 1e4 * fmax(1, theta);
  ph->number[IPM_THETA_MIN] = 1e-4 * fmax(1, theta);
  if (ipm->m > 0) TW_TRY(ipm_least_squares_y(ipm, ph));
  ipm_report(ipm, ph);
  return TW_OK;
}

/* sigma and r from the derivatives at the start. */
static tw_status scale_at_start(tw_ipm *ipm) {
  *ipm->nlp.scale = 1;
  for (int64_t i = 0; i < ipm->m; i++) ipm->nlp.row[i] = 1;
  ipm_bounds(ipm);
  TW_TRY(start_x(ipm));
  TW_TRY(tw_nlp_scale(&ipm->nlp, ipm->outer.at.v));
  ipm_bounds(ipm);
  return TW_OK;
}

static tw_status init(tw_run *run) {
  tw_ipm *ipm;
  bool taken;
  TW_TRY(tw_presolved_init(run, &taken));
  if (taken) return TW_OK;
  TW_TRY(ipm_open(&ipm, run));
  TW_TRY(tw_nlp_check_rows(run));
  vec_copy(ipm->n, run->x, ipm->start);
  TW_TRY(scale_at_start(ipm));
  return begin(ipm, tw_run_real(run, "mu"));
}

/* The next attempt that is to be made, or ATTEMPTS. The last repeats the first without its limit. */
static int next_attempt(const tw_ipm *ipm) {
  const int next = (int)ipm->number[IPM_ATTEMPT] + 1;
  if (!tw_run_flag(ipm->run, "restarts")) return ATTEMPTS;
  return next == ATTEMPTS - 1 && ipm->number[IPM_FAILED] != 0 ? ATTEMPTS : next;
}

static tw_status begin_next(tw_ipm *ipm) {
  const int next = next_attempt(ipm);
  ipm->number[IPM_ATTEMPT] = next;
  ipm->number[IPM_BEGAN] = (double)ipm->run->iteration;
  ipm->number[IPM_ACCEPTABLE] = ipm->number[IPM_STUCK] = 0;
  return begin(ipm, attempts[next].mu * tw_run_real(ipm->run, "mu"));
}

tw_status ipm_start_again(tw_ipm *ipm, tw_outcome outcome, const char *format, ...) {
  char message[TW_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  if (ipm->number[IPM_ATTEMPT] == 0) ipm->number[IPM_FAILED] = 1;
  if (outcome == TW_INFEASIBLE) ipm->number[IPM_INFEASIBLE] = 1;
  if (next_attempt(ipm) < ATTEMPTS) return begin_next(ipm);
  if (ipm->number[IPM_INFEASIBLE] != 0 && outcome != TW_INFEASIBLE)
    return tw_run_end(ipm->run, TW_INFEASIBLE,
                      "no point near the end of an attempt violates the constraints less");
  return tw_run_end(ipm->run, outcome, "%s", message);
}

tw_status ipm_raise_rows(tw_ipm *ipm) {
  double *count = &ipm->number[IPM_RAISED];
  if (*count >= RAISED_MOST || !tw_nlp_raise_rows(&ipm->nlp, ipm->inner.j, ipm->rows, ipm->row_residual))
    return ipm_start_again(ipm, TW_FAILED, "the restoration of feasibility ended at a violation of %.3g (scaled) that is not stationary",
                           vec_norm_inf(ipm->m, ipm->rows));
  ++*count;
  ipm_bounds(ipm);
  return begin(ipm, attempts[(int)ipm->number[IPM_ATTEMPT]].mu * tw_run_real(ipm->run, "mu"));
}

static bool attempt_is_over(const tw_ipm *ipm) {
  const int64_t most = attempts[(int)ipm->number[IPM_ATTEMPT]].most;
  return next_attempt(ipm) < ATTEMPTS && (double)ipm->run->iteration - ipm->number[IPM_BEGAN] >= (double)most;
}

/* ------------------------------------------------------------------ one iteration */

static void lower_mu(tw_ipm *ipm, ipm_phase *ph) {
  const double least = least_mu(ipm);
  double *mu = &ph->number[IPM_MU];
  bool force = ph->number[IPM_TINY] >= 2;
  while (*mu > least && (force || ipm_error(ipm, ph, *mu) <= KAPPA_EPS * *mu)) {
    *mu = fmax(least, fmin(KAPPA_MU * *mu, pow(*mu, THETA_MU)));
    if (ph->elastic) ph->number[IPM_ZETA] = sqrt(*mu);
    ph->number[IPM_FILTERS] = 0;
    force = false;
    ph->number[IPM_TINY] = 0;
  }
}

static bool meets(const tw_run *run, const tw_optimality *o, double tol, double feasibility) {
  const double scale = tw_run_scale(run);
  return o->stationarity / scale <= tol && o->complementarity / scale <= tol && o->feasibility <= feasibility;
}

/* At the polished point. */
static tw_status end_solved(tw_ipm *ipm) {
  tw_run *run = ipm->run;
  const tw_optimality *o = &run->optimality;
  if (meets(run, o, ipm->tol, fmax(ipm->tol, 1e-12))) return TW_OK; /* the driver's own test */
  return tw_run_end(run, TW_SOLVED, "solved to an acceptable level: stationarity %.2g, complementarity %.2g, violation %.2g",
                    o->stationarity, o->complementarity, o->feasibility);
}

/* Where sigma is outgrown the method starts again from here, with scales that belong here. */
static tw_status rescale(tw_ipm *ipm, bool *done) {
  tw_run *run = ipm->run;
  const double start = run->scale;
  *done = tw_nlp_outgrown(&ipm->nlp, ipm->outer.g) > 1;
  if (!*done) return TW_OK;
  vec_copy(ipm->n, run->x, ipm->start);
  TW_TRY(scale_at_start(ipm));
  run->scale = start;
  ipm->number[IPM_BEGAN] = (double)run->iteration;
  ipm->number[IPM_ACCEPTABLE] = ipm->number[IPM_STUCK] = 0;
  return begin(ipm, attempts[(int)ipm->number[IPM_ATTEMPT]].mu * tw_run_real(run, "mu"));
}

/* Large multipliers can keep the problem's own errors above the tolerance where those of the scaled one are below it; the active
 * set then mends that. */
static tw_status end_tests(tw_ipm *ipm) {
  tw_run *run = ipm->run;
  ipm_phase *ph = &ipm->outer;
  ipm_report(ipm, ph);
  const double error = ipm_error(ipm, ph, 0);
  const bool met = meets(run, &run->optimality, ipm->tol, fmax(ipm->tol, 1e-12));
  double *count = &ipm->number[IPM_ACCEPTABLE];
  *count = met || error <= ACCEPTABLE ? *count + 1 : 0;
  if (met || error <= ipm->tol || *count == ACCEPTABLE_STEPS || *count == 4 * ACCEPTABLE_STEPS) {
    if (tw_run_flag(run, "polish")) TW_TRY(ipm_polish(ipm));
    if (met || meets(run, &run->optimality, ipm->tol, fmax(ipm->tol, 1e-12))) return end_solved(ipm);
    bool rescaled = false;
    if (error <= ipm->tol) TW_TRY(rescale(ipm, &rescaled));
    if (rescaled) return TW_OK;
    if (*count >= (error <= ipm->tol ? 5 : ACCEPTABLE_STEPS) && meets(run, &run->optimality, ACCEPTABLE, FEASIBLE))
      return end_solved(ipm);
    if (*count >= 4 * ACCEPTABLE_STEPS)
      return ipm_start_again(ipm, TW_FAILED, "no better than stationarity %.2g, complementarity %.2g, violation %.2g",
                        run->optimality.stationarity, run->optimality.complementarity, run->optimality.feasibility);
  }
  if (vec_norm_inf(ipm->n, ph->at.v) > 1e20)
    return tw_run_end(run, TW_UNBOUNDED, "the iterates grow beyond 1e20, the objective is %.3g: there seems to be no finite minimum",
                      run->f);
  return TW_OK;
}

/* No step from an outer point: restore feasibility, or lower mu where there is none to restore. */
static tw_status outer_stuck(tw_ipm *ipm) {
  ipm_phase *ph = &ipm->outer;
  ipm_rows(ipm, &ph->at, ipm->rows);
  const double violation = vec_norm_inf(ipm->m, ipm->rows);
  if (violation > fmin(FEASIBLE, ipm->tol)) return ipm_restore_begin(ipm);
  if (ipm_error(ipm, ph, 0) <= ACCEPTABLE) {
    if (tw_run_flag(ipm->run, "polish")) TW_TRY(ipm_polish(ipm));
    if (meets(ipm->run, &ipm->run->optimality, ACCEPTABLE, FEASIBLE)) return end_solved(ipm);
  }
  if (++ipm->number[IPM_STUCK] > STUCK_MOST)
    return ipm_start_again(ipm, TW_FAILED, "no step lessens the objective at a feasible point: stationarity %.2g",
                      ipm->run->optimality.stationarity);
  ph->number[IPM_FILTERS] = 0;
  ph->number[IPM_MU] = fmax(least_mu(ipm), KAPPA_MU * ph->number[IPM_MU]);
  return ipm_least_squares_y(ipm, ph);
}

static void finish(tw_run *run) {
  if (!tw_presolved_finish(run)) ipm_close(run);
}

static tw_status step(tw_run *run) {
  tw_ipm *ipm;
  if (tw_presolved_is(run)) return tw_presolved_step(run);
  TW_TRY(ipm_open(&ipm, run));
  ipm_phase *ph = ipm->now;
  bool found, moved = false;
  if (attempt_is_over(ipm)) return begin_next(ipm);
  lower_mu(ipm, ph);
  TW_TRY(ipm_newton(ipm, &found));
  if (found) TW_TRY(ipm_search(ipm, &moved));
  if (!moved) return ph->elastic ? ipm_restore_stuck(ipm) : outer_stuck(ipm);
  if (ph->elastic) {
    TW_TRY(ipm_restore_test(ipm));
    if (ipm->now->elastic) ipm_report(ipm, &ipm->inner);
    if (ipm->now->elastic) return TW_OK;
  } else {
    ipm->number[IPM_STUCK] = 0;
  }
  return end_tests(ipm);
}

const tw_method tw_method_ipm = {
    .name = "ipm",
    .summary = "primal-dual interior-point method with a filter line search and feasibility restoration",
    .reference = "Wächter & Biegler 2006, On the implementation of an interior-point filter line-search algorithm",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT,
    .matrices = TW_HOLDS_LAGRANGIAN | TW_HOLDS_CONSTRAINTS,
    .handles = TW_HANDLES_CONSTRAINTS | TW_HANDLES_BOUNDS,
    .options = options,
    .init = init,
    .step = step,
    .finish = finish,
};
