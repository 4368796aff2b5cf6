/* Augmented Lagrangian method (Birgin & Martínez 2014, ALGENCAN) over any inner method:
 *
 *   x_{k+1} ~ argmin_{x in X} L_rho(x; y_k),   y_{k+1} = clip(v, -1e12, 1e12)
 *
 * to a tolerance that falls tenfold from one k to the next. rho grows tenfold unless V_k, the largest
 * |v_i - y_i| / rho (infeasibility and complementarity in one), fell to half.
 *
 * One step of this method is one iteration of the inner method; see al.h for L_rho and v. When the conditions
 * are nearly met and curvature is offered, Newton's method on them finishes (kkt_newton.c). A point where the
 * violation is stationary and rho has grown large is reported as infeasible. */
#include "method/constrained/al.h"

enum { EPS, LAST_VIOLATION, PHASE, FAILURES, BEST_ERROR, IDLE, STATE };
enum { IDLE_MAX = 12 /* updates in a row without progress */ };
enum { PHASE_INNER, PHASE_NEWTON };

static const double RHO_MAX = 1e16, MULTIPLIER_MAX = 1e12;
enum { SLOPES_MOST = 1000 };
static const double BALANCED = 1e-3; /* of the slopes of violated rows, what is left where they cancel */
static const double INFEASIBLE_RHO = 1e8; /* from here on a stationary violation counts as final */

static const tw_option options[] = {
    TW_OPTION_TOL(1e-9),
    TW_OPTION_MAX_ITER(100000),
    {"inner", TW_OPTION_CHOICE, 0, 0, 7,
     "auto|lbfgs|lbfgsb|newton_cg|tron|bfgs|projected_gradient|proximal_gradient",
     "inner method; auto: by what the oracle offers"},
    {"inner_max_iter", TW_OPTION_INTEGER, 1000, 1, 1e9, NULL,
     "inner iterations between updates of the multipliers"},
    {"rho", TW_OPTION_REAL, 0, 0, 1e12, NULL,
     "first penalty parameter; 0: from objective and violation at the start"},
    {"newton", TW_OPTION_FLAG, 1, 0, 1, NULL, "finish with Newton's method on the optimality conditions"},
    TW_OPTION_END};

static const char *inner_method(const tw_run *run) {
  static const char *const names[] = {
      "", "lbfgs", "lbfgsb", "newton_cg", "tron", "bfgs", "projected_gradient", "proximal_gradient"};
  const int choice = tw_run_choice(run, "inner");
  const unsigned offers = run->oracle->offers;
  if (choice > 0) return names[choice];
  if (offers & TW_PROX) return "proximal_gradient";
  if (offers & TW_BOUNDS) return (offers & TW_CURVATURE) ? "tron" : "lbfgsb";
  if (offers & TW_PROJECT) return "projected_gradient";
  return (offers & TW_CURVATURE) ? "newton_cg" : "lbfgs";
}

/* f, dual and optimality at run->x, which the augmented Lagrangian knows. */
static tw_status measure(tw_al *al, double *violation) {
  tw_run *run = al->run;
  tw_kkt kkt;
  TW_TRY(tw_al_at(al, run->x));
  TW_TRY(tw_kkt_measure(al, al->x, al->gradient, al->c, al->v, &kkt));
  double g = 0;
  if (run->oracle->offers & TW_PROX) TW_TRY(tw_run_regularizer(run, run->x, &g));
  run->f = al->scalars[TW_AL_F] + g;
  run->optimality = kkt.error;
  run->size = al->scalars[TW_AL_TERMS];
  for (int64_t i = 0; i < al->m; i++) run->dual[i] = al->row[i] * al->v[i] / al->scalars[TW_AL_SIGMA];
  if (violation) *violation = kkt.worst_violation;
  return TW_OK;
}

/* The set first: every inner iterate stays in it. */
static tw_status enter_set(tw_al *al) {
  tw_run *run = al->run;
  vec_copy(al->n, run->x, al->work);
  if (run->oracle->offers & TW_PROX) return tw_run_prox(run, al->work, DBL_MIN, run->x);
  if (run->oracle->offers & TW_PROJECT) return tw_run_project(run, al->work, run->x);
  vec_clip(al->n, run->oracle->lower, run->oracle->upper, run->x);
  return TW_OK;
}

/* rho_1 = 10 max(1, |f|) / max(1, |violation|^2 / 2), in [1e-8, 1e8] (Birgin & Martínez 2014) */
static double first_rho(const tw_al *al) {
  double square = 0;
  for (int64_t i = 0; i < al->m; i++) {
    const double violation = fmax(0, fmax(al->c[i] - tw_al_upper(al, i), tw_al_lower(al, i) - al->c[i]));
    square += violation * violation;
  }
  const double rho =
      10 * fmax(1, fabs(al->scalars[TW_AL_SIGMA] * al->scalars[TW_AL_F])) / fmax(1, 0.5 * square);
  return fmin(1e8, fmax(1e-8, rho));
}

static tw_status init(tw_run *run) {
  tw_al *al;
  TW_TRY(tw_al_open(&al, run));
  double *state = tw_run_vector(run, "auglag.state", STATE);
  if (!state) return TW_ERR_MEMORY;
  for (int64_t i = 0; i < al->m; i++) {
    const double l = al->oracle->c_lower[i], u = al->oracle->c_upper[i];
    if (!(l <= u))
      return tw_run_end(run, TW_INFEASIBLE, "constraint row %lld has bounds %g above %g", (long long)i, l, u);
  }
  TW_TRY(enter_set(al));
  double *start = tw_run_vector(run, "auglag.start", al->n);
  if (!start) return TW_ERR_MEMORY;
  vec_copy(al->n, run->x, start);
  TW_TRY(tw_al_scale(al));
  al->scalars[TW_AL_RHO] = 1;
  TW_TRY(tw_al_at(al, run->x));
  if (!isfinite(al->scalars[TW_AL_F]) || vec_find_nonfinite(al->m, al->c) >= 0) {
    return tw_fail(run->error, TW_ERR_NUMERIC,
                   "auglag: the objective or a constraint is not finite at the start");
  }
  const double given = tw_run_real(run, "rho");
  al->scalars[TW_AL_RHO] = given > 0 ? given : first_rho(al);
  tw_al_forget(al);
  state[EPS] = 0.1;
  state[LAST_VIOLATION] = state[BEST_ERROR] = INFINITY;
  return measure(al, NULL);
}

/* sum_i |w_i| |grad c_i|_inf at x, a product for each violated row; 0 where these are too many. */
static tw_status size_of_slopes(tw_al *al, const double *x, const double *w, double *unit, double *size) {
  int64_t count = 0;
  *size = 0;
  for (int64_t i = 0; i < al->m; i++) count += w[i] != 0;
  for (int64_t i = 0; i < al->m && count <= SLOPES_MOST; i++) {
    if (w[i] == 0) continue;
    vec_zero(al->m, unit);
    unit[i] = w[i];
    TW_TRY(tw_al_vjp(al, x, unit, al->work));
    *size += vec_norm_inf(al->n, al->work);
  }
  return TW_OK;
}

/* |P(x - J'w) - x| <= 1e-6 |w| for the violations w, and little of the slopes that cancel in J'w, or have vanished since the start: no
 * direction lessens them. The row that is worst; *left: what is left, beside the slopes. */
static tw_status violation_is_stationary(tw_al *al, bool *stationary, double *left, int64_t *row) {
  double *w = al->trial_c, *gradient = al->work, worst = 0, size, before;
  const double *start = tw_run_vector(al->run, "auglag.start", al->n);
  if (!start) return TW_ERR_MEMORY;
  *stationary = false, *left = 0;
  for (int64_t i = 0; i < al->m; i++) {
    const double above = al->c[i] - tw_al_upper(al, i), below = tw_al_lower(al, i) - al->c[i];
    w[i] = above > 0 ? above : below > 0 ? -below : 0;
    if (fabs(w[i]) > worst) {
      worst = fabs(w[i]);
      *row = i;
    }
  }
  if (worst == 0) return TW_OK;
  TW_TRY(size_of_slopes(al, al->x, w, al->v, &size));
  TW_TRY(size_of_slopes(al, start, w, al->v, &before));
  if (isfinite(before)) size = fmax(size, before);
  TW_TRY(tw_al_vjp(al, al->x, w, gradient));
  double largest;
  TW_TRY(tw_al_reduced_gradient(al, al->x, gradient, 1, false, &largest));
  *left = size > 0 ? largest / size : 0;
  *stationary = largest <= 1e-6 * worst && *left <= BALANCED;
  return TW_OK;
}

static tw_status raise_penalty(tw_al *al, double violation) {
  tw_run *run = al->run;
  const double tolerance = fmax(1e-8, tw_run_tolerance(run));
  if (run->optimality.feasibility > tolerance && al->scalars[TW_AL_RHO] >= INFEASIBLE_RHO) {
    bool stationary;
    double left;
    int64_t row = 0;
    TW_TRY(violation_is_stationary(al, &stationary, &left, &row));
    if (al->scalars[TW_AL_RHO] >= RHO_MAX && left > BALANCED)
      return tw_run_end(run, TW_FAILED, "the penalty is as large as can be, and the violation %.3g not stationary",
                        run->optimality.feasibility);
    if (stationary || al->scalars[TW_AL_RHO] >= RHO_MAX) {
      return tw_run_end(
          run, TW_INFEASIBLE,
          "no point nearby violates the constraints less: %.3g in all, most in row %lld (scaled %.3g)",
          run->optimality.feasibility, (long long)row, violation);
    }
  }
  al->scalars[TW_AL_RHO] = fmin(RHO_MAX, 10 * al->scalars[TW_AL_RHO]);
  return TW_OK;
}

/* Ends a run whose error has stopped falling: as solved where rounding explains it. */
static tw_status watch_progress(tw_run *run, double *state) {
  const double scale = tw_run_scale(run);
  const tw_optimality *o = &run->optimality;
  const double error = fmax(o->feasibility, fmax(o->stationarity, o->complementarity) / scale);
  state[IDLE] = error <= 0.9 * state[BEST_ERROR] ? 0 : state[IDLE] + 1;
  state[BEST_ERROR] = fmin(error, state[BEST_ERROR]);
  if (state[IDLE] < IDLE_MAX) return TW_OK;
  return tw_run_end(run, error <= 1e-7 ? TW_SOLVED : TW_FAILED,
                    "no progress in %d updates of the multipliers: stationarity %.1e, infeasibility %.1e",
                    IDLE_MAX, o->stationarity / scale, o->feasibility);
}

/* New multipliers, penalty and tolerance from an inner solution. */
static tw_status update(tw_al *al, double *state, bool inner_solved) {
  tw_run *run = al->run;
  const double rho = al->scalars[TW_AL_RHO];
  double violation, change = 0;
  TW_TRY(measure(al, &violation));
  for (int64_t i = 0; i < al->m; i++) change = fmax(change, fabs(al->v[i] - al->y[i]) / rho);
  for (int64_t i = 0; i < al->m; i++) al->y[i] = fmin(MULTIPLIER_MAX, fmax(-MULTIPLIER_MAX, al->v[i]));
  if (change > 0.5 * state[LAST_VIOLATION]) TW_TRY(raise_penalty(al, violation));
  state[LAST_VIOLATION] = change;
  TW_TRY(tw_al_rescale(al));
  const double least = 0.1 * tw_run_tolerance(run) * al->scalars[TW_AL_SIGMA] * tw_run_scale(run);
  if (inner_solved) state[EPS] = fmax(least, 0.1 * state[EPS]);
  tw_al_forget(al);
  tw_run_child_end(run, "inner");
  TW_TRY(watch_progress(run, state));
  const tw_optimality *o = &run->optimality;
  const bool near = o->stationarity <= 1e-3 * tw_run_scale(run) && o->feasibility <= 1e-3;
  if (near && tw_run_flag(run, "newton")) state[PHASE] = PHASE_NEWTON;
  return TW_OK;
}

/* An inner method that stopped for a reason of its own. */
static tw_status inner_ended(tw_al *al, double *state, tw_outcome outcome, const char *message) {
  tw_run *run = al->run;
  if (al->failure != TW_OK) return al->failure;
  if (outcome == TW_UNBOUNDED) {
    if (al->scalars[TW_AL_RHO] >= INFEASIBLE_RHO) return tw_run_end(run, TW_UNBOUNDED, "%s", message);
    al->scalars[TW_AL_RHO] *= 100;
    tw_al_forget(al);
    tw_run_child_end(run, "inner");
    return TW_OK;
  }
  state[FAILURES] = outcome == TW_FAILED ? state[FAILURES] + 1 : 0;
  if (state[FAILURES] > 10) return tw_run_end(run, TW_FAILED, "the inner method keeps failing: %s", message);
  return update(al, state, outcome == TW_SOLVED);
}

static tw_status inner_step(tw_al *al, double *state) {
  tw_run *run = al->run, *inner;
  char spec[96], message[TW_MESSAGE_MAX];
  snprintf(spec, sizeof spec, "%s:tol=1e-15,max_iter=%lld", inner_method(run),
           (long long)tw_run_integer(run, "inner_max_iter"));
  TW_TRY(tw_run_child(run, "inner", &al->inner, spec, run->x, &inner));
  const tw_outcome outcome = tw_run_child_step(inner);
  if (al->failure != TW_OK) return al->failure;
  if (outcome == TW_UNBOUNDED) { /* the iterate may be far out: stay */
    snprintf(message, sizeof message, "%s", tw_run_message(inner));
    return inner_ended(al, state, outcome, message);
  }
  vec_copy(al->n, inner->x, run->x);
  TW_TRY(measure(al, NULL));
  const double reached = inner->optimality.stationarity;
  if (reached <= state[EPS]) return update(al, state, true);
  if (outcome == TW_RUNNING) return TW_OK;
  snprintf(message, sizeof message, "%s", tw_run_message(inner));
  return inner_ended(al, state, outcome, message);
}

static tw_status step(tw_run *run) {
  tw_al *al;
  TW_TRY(tw_al_open(&al, run));
  double *state = tw_run_vector(run, "auglag.state", STATE);
  if (!state) return TW_ERR_MEMORY;
  if (state[PHASE] == PHASE_NEWTON) {
    bool moved;
    TW_TRY(tw_kkt_newton(al, al->y, &moved));
    if (moved) return TW_OK;
    state[PHASE] = PHASE_INNER;
  }
  return inner_step(al, state);
}

const tw_method tw_method_auglag = {
    .name = "auglag",
    .summary = "augmented Lagrangian for general constraints over any inner method, Newton on the KKT "
               "conditions at the end",
    .reference =
        "Birgin & Martínez 2014, Practical Augmented Lagrangian Methods for Constrained Optimization",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT | TW_CONSTRAINTS,
    .matrices = TW_HOLDS_LAGRANGIAN | TW_HOLDS_CONSTRAINTS | TW_HOLDS_IF_SPARSE,
    .handles = TW_HANDLES_CONSTRAINTS | TW_HANDLES_BOUNDS | TW_HANDLES_SETS | TW_HANDLES_REGULARIZERS,
    .options = options,
    .init = init,
    .step = step,
    .finish = tw_al_close,
};
