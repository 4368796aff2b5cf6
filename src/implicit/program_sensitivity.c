/* Sensitivities of mathematical programs, whatever their solution is like; see program.h. */
#include "implicit/program.h"
#include "base/try.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double CONSISTENT = 1e-8; /* what a singular system's answer may leave */

typedef struct verdict {
  tw_derivative_kind kind;
  tw_solve_evidence solve;
  double inexact, residual;
  bool parting; /* limits that are one do not move together */
  char why[256];
} verdict;

/* Column by column: dx is n x columns. */
typedef tw_status column_solver(tw_program *s, const tw_irregular *what, int64_t column, double *dx, double *df, verdict *v,
                                tw_error *error);

static void give_up(tw_program *s, double *dx, double *df, verdict *v) {
  *df = NAN;
  for (int64_t k = 0; k < s->n; k++) dx[k] = NAN;
  v->kind = TW_DERIVATIVE_NONE;
}

/* What holds of a column whatever its solver: limits that part, the sense, its place in dx. */
static void take_column(tw_program *s, int64_t columns, int64_t c, double *one, double *df, double *dx, verdict *v) {
  const int parting = tw_program_parting(s);
  v->parting |= parting != 0;
  if (parting < 0) give_up(s, one, &df[c], v);
  if (parting > 0 && v->kind < TW_DERIVATIVE_ONE_SIDED) v->kind = TW_DERIVATIVE_ONE_SIDED;
  if (tw_problem_goal(s->problem) == TW_GOAL_MAXIMIZE) df[c] = 0 - df[c];
  for (int64_t k = 0; k < s->n; k++) dx[k * columns + c] = one[k];
}

static tw_status each_column(tw_program *s, const tw_irregular *what, int64_t columns, column_solver *solve, double *df, double *dx,
                             verdict *v, tw_error *error) {
  double *one = tw_alloc((size_t)s->n, sizeof *one);
  tw_status status = one ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  for (int64_t c = 0; c < columns && status == TW_OK; c++) {
    status = tw_program_along(s, c, error);
    if (status == TW_OK) status = solve(s, what, c, one, &df[c], v, error);
    if (status == TW_OK) take_column(s, columns, c, one, df, dx, v);
  }
  free(one);
  return status;
}

/* Columns first .. first + count - 1 of a regular solution, solved for together; memory: n + m for each, and n. */
static tw_status regular_columns(tw_program *s, int64_t columns, int64_t first, int64_t count, double *memory, double *df, double *dx,
                                 verdict *v, tw_error *error) {
  const int64_t n = s->n, all = n + s->m;
  double *one = memory + count * all, residual;
  for (int64_t c = 0; c < count; c++) {
    TW_TRY(tw_program_along(s, first + c, error));
    tw_program_right_side(s, memory + c * all, one, &df[first + c]);
    take_column(s, columns, first + c, one, df, dx, v);
  }
  TW_TRY(tw_program_solve(s, count, memory, &residual, error));
  v->solve.residual = fmax(v->solve.residual, residual);
  for (int64_t c = 0; c < count; c++)
    for (int64_t k = 0; k < n; k++)
      if (!s->held[k] && !isnan(dx[k * columns + first + c])) dx[k * columns + first + c] = memory[c * all + k];
  return TW_OK;
}

static tw_status regular(tw_program *s, int64_t columns, double *df, double *dx, verdict *v, tw_error *error) {
  enum { TOGETHER = 32 };
  const int64_t all = s->n + s->m;
  double *memory = tw_alloc((size_t)(TOGETHER * all + s->n), sizeof *memory);
  tw_status status = memory ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  for (int64_t c = 0; c < columns && status == TW_OK; c += TOGETHER)
    status = regular_columns(s, columns, c, columns - c < TOGETHER ? columns - c : TOGETHER, memory, df, dx, v, error);
  free(memory);
  return status;
}

static tw_status one_sided_column(tw_program *s, const tw_irregular *what, int64_t column, double *dx, double *df, verdict *v,
                                  tw_error *error) {
  bool found = true, singular = false;
  TW_TRY(tw_program_direction(s, what, column, dx, df, &found, &singular, error));
  if (singular && v->kind < TW_DERIVATIVE_LEAST_NORM) v->kind = TW_DERIVATIVE_LEAST_NORM;
  if (!found) give_up(s, dx, df, v);
  return TW_OK;
}

/* Beyond the reach of dense matrices: weak limits are left alone, and singular systems solved in the least-squares sense. */
static tw_status least_norm_column(tw_program *s, const tw_irregular *what, int64_t column, double *dx, double *df, verdict *v,
                                   tw_error *error) {
  double residual;
  (void)what, (void)column;
  TW_TRY(tw_program_least_norm(s, dx, df, &residual, error));
  if (!(residual <= CONSISTENT)) give_up(s, dx, df, v);
  return TW_OK;
}

/* ------------------------------------------------------------------ what there is to say */

static void explain(verdict *v, const tw_irregular *what, double margin) {
  char cause[160] = "the solution is degenerate: the limits of an equation part";
  if (v->kind == TW_DERIVATIVE_LEAST_NORM || what->singular)
    snprintf(cause, sizeof cause, "the solution is not isolated: its linear system is singular");
  if (what->weak)
    snprintf(cause, sizeof cause, "the solution is degenerate: a constraint is active with multiplier near zero (margin %.1e)", margin);
  if (what->dependent)
    snprintf(cause, sizeof cause, "the solution is degenerate: active constraints depend on each other, so multipliers are not unique");
  static const char *const sort[] = {[TW_DERIVATIVE_REGULAR] = "",
                                     [TW_DERIVATIVE_ONE_SIDED] = "derivatives are one-sided",
                                     [TW_DERIVATIVE_LEAST_NORM] = "it is not unique, derivatives are the smallest that there are",
                                     [TW_DERIVATIVE_NONE] = "it jumps or ends there, so some have no derivative"};
  snprintf(v->why, sizeof v->why, "%s; %s", cause, sort[v->kind]);
}

static tw_status irregular(tw_program *s, tw_irregular *what, int64_t columns, double *df, double *dx, verdict *v, tw_error *error) {
  int64_t negative;
  double condition;
  const bool small = s->n <= TW_DIRECTION_MOST;
  TW_TRY(tw_program_factor(s, NULL, &negative, &condition, error));
  what->dependent = negative != s->m || !(condition <= tw_good_condition);
  if (!small) TW_TRY(tw_program_factor(s, s->h, &negative, &condition, error));
  v->kind = what->weak || what->dependent ? TW_DERIVATIVE_ONE_SIDED : TW_DERIVATIVE_LEAST_NORM;
  TW_TRY(each_column(s, what, columns, small ? one_sided_column : least_norm_column, df, dx, v, error));
  if (!small && what->singular && v->kind != TW_DERIVATIVE_NONE) v->kind = TW_DERIVATIVE_LEAST_NORM;
  explain(v, what, s->margin);
  return TW_OK;
}

tw_status tw_program_sensitivity(const tw_problem *p, const tw_class *cls, const tw_nested *nested, const tw_result *at, tw_expr theta,
                                 double *df, double *dx, tw_evidence *evidence, bool *fits, tw_error *error) {
  tw_program s;
  verdict v = {.kind = TW_DERIVATIVE_REGULAR, .solve = {.used = true}};
  int64_t negative = 0;
  tw_status status = tw_program_open(&s, p, cls, nested, at, theta, fits, error);
  const bool on = status == TW_OK && *fits;
  if (on) status = tw_program_factor(&s, s.h, &negative, &v.solve.condition, error);
  if (on && status == TW_OK) {
    tw_irregular what = {.weak = s.weak_count > 0, .singular = negative < 0 || !(v.solve.condition <= tw_good_condition)};
    if (!what.weak && !what.singular) {
      status = regular(&s, tw_size_of(theta), df, dx, &v, error);
      if (status == TW_OK) status = tw_program_exactness(&s, &v.inexact, &v.residual, error);
      if (v.parting)
        explain(&v, &what, s.margin);
      else if (negative != s.m)
        snprintf(v.why, sizeof v.why, "the solution is no strict minimum: the Hessian of the Lagrangian is not positive definite "
                 "along the active constraints");
    } else {
      status = irregular(&s, &what, tw_size_of(theta), df, dx, &v, error);
    }
  }
  if (on && status == TW_OK && evidence) {
    const tw_argmin_evidence solution = {.used = true, .residual = tw_worst_residual(&at->optimality), .margin = s.margin,
                                         .condition = v.residual, .outcome = at->outcome, .method = at->method, .word = "the solution"};
    const tw_counts *c = tw_derivatives_counts(s.derivatives);
    tw_evidence_at(&solution, &v.solve, v.inexact, v.kind, v.why, evidence);
    evidence->factorizations = s.factorizations;
    evidence->evaluations = c->value + c->gradient + c->hvp + c->jacobian + c->constraints;
  }
  tw_program_close(&s);
  return status;
}
