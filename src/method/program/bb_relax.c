/* Relaxations of nodes. */
#include "method/program/bb.h"
#include "method/program/qp_solve.h"

static const double TOLERANCE = 1e-9;
static const double FEASIBLE = 1e-6; /* violation of rows that a point may have, relative to max(1, |limit|) */

void tw_bb_set_bounds(tw_bb *bb, const double *node) {
  double *lower = bb->is_qp ? bb->qp.lower : bb->lower, *upper = bb->is_qp ? bb->qp.upper : bb->upper;
  vec_copy(bb->n, bb->root_lower, lower);
  vec_copy(bb->n, bb->root_upper, upper);
  for (int64_t k = 0; k < bb->ni; k++) {
    lower[bb->index[k]] = node[TW_BB_NODE + k];
    upper[bb->index[k]] = node[TW_BB_NODE + bb->ni + k];
  }
}

/* ------------------------------------------------------------------ the problem without its kinds */

static tw_run *run_of(void *context) {
  return ((tw_bb *)context)->run;
}
static tw_status value(void *context, const double *x, double *f, tw_error *error) {
  (void)error;
  return tw_run_value(run_of(context), x, f);
}
static tw_status gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  (void)error;
  return tw_run_gradient(run_of(context), x, f, g);
}
static tw_status hvp(void *context, const double *x, const double *y, const double *v, double *out, tw_error *error) {
  (void)error;
  return tw_run_hvp(run_of(context), x, y, v, out);
}
static tw_status hessian(void *context, const double *x, const double *y, double *h, tw_error *error) {
  (void)error;
  return tw_run_hessian(run_of(context), x, y, h);
}
static tw_status constraints(void *context, const double *x, double *c, tw_error *error) {
  (void)error;
  return tw_run_constraints(run_of(context), x, c);
}
static tw_status constraints_jvp(void *context, const double *x, const double *v, double *jv, tw_error *error) {
  (void)error;
  return tw_run_constraints_jvp(run_of(context), x, v, jv);
}
static tw_status constraints_vjp(void *context, const double *x, const double *y, double *jty, tw_error *error) {
  (void)error;
  return tw_run_constraints_vjp(run_of(context), x, y, jty);
}
static tw_status constraints_jacobian(void *context, const double *x, double *j, tw_error *error) {
  (void)error;
  return tw_run_constraints_jacobian(run_of(context), x, j);
}
static tw_status sparse_pattern(void *context, tw_matrix matrix, const tw_pattern **pattern, tw_error *error) {
  const tw_oracle *o = run_of(context)->oracle;
  return o->sparse_pattern(o->context, matrix, pattern, error);
}
static tw_status sparse_values(void *context, tw_matrix matrix, const double *x, const double *y, double *values, tw_error *error) {
  (void)error;
  return tw_run_sparse_values(run_of(context), matrix, x, y, values);
}

static tw_oracle relaxed_oracle(tw_bb *bb) {
  const tw_oracle *o = bb->run->oracle;
  const unsigned kept = TW_VALUE | TW_GRADIENT | TW_CURVATURE | TW_HESSIAN | TW_CONSTRAINTS | TW_SPARSE | TW_CONVEX;
  return (tw_oracle){.context = bb,
                     .n = o->n,
                     .m = o->m,
                     .offers = (o->offers & kept) | TW_BOUNDS,
                     .lower = bb->lower,
                     .upper = bb->upper,
                     .c_lower = o->c_lower,
                     .c_upper = o->c_upper,
                     .value = value,
                     .gradient = gradient,
                     .hvp = o->hvp ? hvp : NULL,
                     .hessian = o->hessian ? hessian : NULL,
                     .constraints = o->constraints ? constraints : NULL,
                     .constraints_jvp = o->constraints_jvp ? constraints_jvp : NULL,
                     .constraints_vjp = o->constraints_vjp ? constraints_vjp : NULL,
                     .constraints_jacobian = o->constraints_jacobian ? constraints_jacobian : NULL,
                     .sparse_pattern = o->sparse_pattern ? sparse_pattern : NULL,
                     .sparse_values = o->sparse_values ? sparse_values : NULL};
}

/* ------------------------------------------------------------------ solving */

static tw_bb_verdict verdict_of(tw_outcome outcome) {
  switch (outcome) {
  case TW_SOLVED:
    return TW_BB_SOLVED;
  case TW_INFEASIBLE:
    return TW_BB_INFEASIBLE;
  case TW_UNBOUNDED:
    return TW_BB_UNBOUNDED;
  default:
    return TW_BB_FAILED;
  }
}

/* A run of ipm, from `start`. */
static tw_status run_ipm(tw_bb *bb, const tw_oracle *oracle, const double *start, tw_bb_answer *answer) {
  tw_run *run = bb->run, *child = NULL;
  TW_TRY(tw_run_child(run, "relaxation", oracle, "ipm", start, &child));
  while (tw_run_child_step(child) == TW_RUNNING) {}
  answer->verdict = verdict_of(child->driver->outcome);
  answer->f = child->f;
  vec_copy(bb->n, child->x, bb->x);
  vec_copy(bb->m, child->dual, bb->y);
  tw_run_child_end(run, "relaxation");
  return tw_driver_check_budget(run->driver, run->error);
}

static tw_status solve_program(tw_bb *bb, const tw_qp *qp, tw_bb_answer *answer) {
  tw_run *run = bb->run;
  tw_qp_answer a;
  bb->solves++;
  tw_status status = tw_qp_solve(qp, TOLERANCE, run->exec, &a, run->error);
  if (status == TW_OK) {
    answer->verdict = verdict_of(a.outcome);
    answer->f = a.f;
    vec_copy(bb->n, a.x, bb->x);
    vec_copy(qp->m, a.y, bb->y);
  }
  tw_qp_answer_free(&a);
  return status == TW_OK ? tw_driver_check_budget(run->driver, run->error) : status;
}

/* Where all variables are fixed there is nothing to solve. */
static bool all_fixed(const tw_bb *bb) {
  const double *lower = bb->is_qp ? bb->qp.lower : bb->lower, *upper = bb->is_qp ? bb->qp.upper : bb->upper;
  for (int64_t j = 0; j < bb->n; j++)
    if (lower[j] != upper[j]) return false;
  return true;
}

/* f and the largest violation of rows at x, relative to max(1, |limit|). */
static tw_status evaluate(tw_bb *bb, const double *x, double *f, double *violation) {
  const tw_oracle *o = bb->run->oracle;
  double *c = bb->work;
  *violation = 0;
  if (bb->is_qp) {
    *f = tw_qp_objective(&bb->stated, x);
    vec_zero(bb->m, c);
    tw_qp_add_a(&bb->stated, 1, x, c);
  } else {
    TW_TRY(tw_run_value(bb->run, x, f));
    if (bb->m > 0) TW_TRY(tw_run_constraints(bb->run, x, c));
  }
  const double *low = bb->is_qp ? bb->stated.row_lower : o->c_lower, *high = bb->is_qp ? bb->stated.row_upper : o->c_upper;
  for (int64_t i = 0; i < bb->m; i++) {
    const double by = fmax((low[i] - c[i]) / fmax(1, fabs(low[i])), (c[i] - high[i]) / fmax(1, fabs(high[i])));
    *violation = fmax(*violation, isnan(by) && !isfinite(c[i]) ? INFINITY : isnan(by) ? 0 : by);
  }
  return TW_OK;
}

/* By the dual simplex method from a basis nearby; false where there is none, or rounding spoils it. */
static bool solve_linear(tw_bb *bb, tw_bb_answer *answer) {
  if (!bb->lp) return false;
  bb->solves++;
  const tw_bb_lp_end end = tw_bb_lp_solve(bb->lp, bb->x, bb->y, &answer->f);
  answer->verdict = end == TW_BB_LP_SOLVED ? TW_BB_SOLVED : TW_BB_INFEASIBLE;
  return end != TW_BB_LP_GAVE_UP;
}

tw_status tw_bb_relax(tw_bb *bb, tw_bb_answer *answer) {
  if (all_fixed(bb)) {
    double violation;
    vec_copy(bb->n, bb->is_qp ? bb->qp.lower : bb->lower, bb->x);
    vec_zero(tw_bb_rows(bb), bb->y);
    TW_TRY(evaluate(bb, bb->x, &answer->f, &violation));
    answer->verdict = violation <= FEASIBLE && isfinite(answer->f) ? TW_BB_SOLVED : TW_BB_INFEASIBLE;
    return TW_OK;
  }
  if (bb->head[TW_BB_BLIND] > 0) {
    vec_zero(bb->n, bb->pump.q);
    return solve_program(bb, &bb->pump, answer);
  }
  if (bb->is_qp)
    return solve_linear(bb, answer) ? tw_driver_check_budget(bb->run->driver, bb->run->error) : solve_program(bb, &bb->qp, answer);
  bb->solves++;
  const tw_oracle oracle = relaxed_oracle(bb);
  vec_copy(bb->n, bb->at, bb->point);
  vec_clip(bb->n, bb->lower, bb->upper, bb->point);
  return run_ipm(bb, &oracle, bb->point, answer);
}

/* f at a point, and how far it is from feasible, integrality included. */
tw_status tw_bb_evaluate(tw_bb *bb, const double *x, double *f, double *violation) {
  TW_TRY(evaluate(bb, x, f, violation));
  for (int64_t j = 0; j < bb->n; j++) {
    if (bb->place[j] >= 0) *violation = fmax(*violation, fabs(x[j] - nearbyint(x[j])));
    *violation = fmax(*violation, fmax(bb->root_lower[j] - x[j], x[j] - bb->root_upper[j]));
  }
  return TW_OK;
}

tw_status tw_bb_relax_pump(tw_bb *bb, const double *q, tw_bb_answer *answer) {
  if (q != bb->pump.q) vec_copy(bb->n, q, bb->pump.q);
  return solve_program(bb, &bb->pump, answer);
}

/* ------------------------------------------------------------------ feasible points */

static double best_so_far(const tw_bb *bb) {
  return bb->improved ? bb->best_f : bb->head[TW_BB_FOUND] > 0 ? bb->run->f : INFINITY;
}

static tw_status offer(tw_bb *bb, const double *x, const double *y) {
  double f, violation;
  TW_TRY(evaluate(bb, x, &f, &violation));
  if (!(violation <= FEASIBLE) || !(f < best_so_far(bb))) return TW_OK;
  vec_copy(bb->n, x, bb->best);
  vec_copy(bb->m, y, bb->best_dual);
  bb->best_f = f;
  bb->best_violation = violation;
  bb->improved = true;
  return TW_OK;
}

static void fix_integers(const tw_bb *bb, const double *values, double *lower, double *upper) {
  vec_copy(bb->n, bb->root_lower, lower);
  vec_copy(bb->n, bb->root_upper, upper);
  for (int64_t k = 0; k < bb->ni; k++) {
    const int64_t j = bb->index[k];
    lower[j] = upper[j] = fmin(fmax(nearbyint(values[j]), bb->root_lower[j]), bb->root_upper[j]) + 0.0;
  }
}

/* Integer points meet the tightened rows exactly when they meet the stated ones. */
static bool promises_nothing(tw_bb *bb, const double *values) {
  double f;
  if (!bb->lp || bb->head[TW_BB_BLIND] > 0) return false;
  fix_integers(bb, values, bb->qp.lower, bb->qp.upper);
  bb->solves++;
  const tw_bb_lp_end end = tw_bb_lp_solve(bb->lp, bb->x, bb->y, &f);
  return end == TW_BB_LP_INFEASIBLE || (end == TW_BB_LP_SOLVED && f >= best_so_far(bb));
}

tw_status tw_bb_complete(tw_bb *bb, const double *values) {
  double *lower = bb->is_qp ? bb->stated.lower : bb->lower, *upper = bb->is_qp ? bb->stated.upper : bb->upper;
  if (bb->ni < bb->n && promises_nothing(bb, values)) return TW_OK;
  fix_integers(bb, values, lower, upper);
  tw_bb_answer answer = {TW_BB_SOLVED, 0};
  if (bb->ni == bb->n) {
    vec_copy(bb->n, lower, bb->x);
    vec_zero(bb->m, bb->y);
  } else if (bb->is_qp) {
    TW_TRY(solve_program(bb, &bb->stated, &answer));
  } else {
    TW_TRY(tw_bb_relax(bb, &answer));
  }
  if (answer.verdict != TW_BB_SOLVED) return TW_OK;
  for (int64_t j = 0; j < bb->n; j++) bb->x[j] = fmin(fmax(bb->x[j], lower[j]), upper[j]);
  return offer(bb, bb->x, bb->y);
}
