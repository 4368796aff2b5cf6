/* Sensitivities of an outer problem: the problem seen as nested in its own parameters, at a solution already
 * known. */
#include "base/given.h"
#include "implicit/conic.h"
#include "base/try.h"
#include "implicit/program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One compiled function (parameters.., z) -> df [theta], dx [n, theta], strict-complementarity margin, exactness. */
typedef struct outputs {
  tw_expr df, dx, margin;
  tw_exactness exact;
} outputs;

/* The objective's total derivative by Danskin's rule and the solution's Jacobian, one tangent for every
 * element of theta. */
static outputs derive(const tw_nested *nested, tw_expr z, tw_expr theta, double sign) {
  tw_graph *graph = nested->graph;
  int n_args = nested->n_variables + nested->n_theta + 1;
  int64_t size = tw_size_of(theta);
  tw_expr t = tw_input(graph, "tangent", TW_F64, tw_shape_of(theta));
  outputs out = {TW_NONE, TW_NONE, TW_NONE, {TW_NONE, TW_NONE}};
  tw_shape units = {.rank = tw_shape_of(theta).rank + 1};
  units.dim[0] = size;
  for (int i = 0; i + 1 < units.rank; i++) units.dim[i + 1] = tw_shape_of(theta).dim[i];
  tw_expr unit = tw_reshape(tw_eye(graph, TW_F64, size, size), units);
  tw_expr *dtheta = calloc((size_t)nested->n_theta + 1, sizeof *dtheta),
          *args = calloc((size_t)n_args + 2, sizeof *args);
  if (dtheta && args) {
    /* What the problem captured may be functions of theta: their tangents along t. */
    tw_jvp(nested->n_theta, nested->theta, 1, &theta, &t, dtheta);
    tw_expr dz = tw_nested_tangent(nested, z, nested->theta, dtheta), df = TW_NONE;
    tw_nested_args(nested, z, nested->theta, args);
    tw_expr condition[3];
    if (tw_body_inline(nested->condition, args, condition) == TW_OK) out.margin = condition[2];
    if (nested->lagrangian && tw_body_inline(nested->held, args, args + n_args) == TW_OK)
      tw_theta_jvp(nested, nested->lagrangian, args, dtheta, 1, nested->lagrangian->outputs, &df);
    df = tw_is_none(df) ? tw_scalar(graph, 0) : tw_scale(df, sign);
    out.exact = tw_nested_exactness(nested, z, nested->theta);
    tw_expr both[2] = {df, tw_is_none(dz) ? tw_fill(graph, TW_F64, TW_SHAPE(nested->n), 0)
                                          : tw_slice(dz, 0, 0, nested->n, 1)};
    tw_batch(2, both, 1, &t, &unit, size, both);
    out.df = both[0];
    out.dx = tw_is_none(both[1]) ? TW_NONE : tw_transpose(both[1], NULL);
  }
  free(dtheta), free(args);
  return out;
}

static tw_argmin_evidence evidence_of(const tw_result *at, double margin, double condition) {
  return (tw_argmin_evidence){.used = true,
                              .residual = tw_worst_residual(&at->optimality),
                              .margin = margin,
                              .condition = condition,
                              .outcome = at->outcome,
                              .method = at->method,
                              .word = "the solution"};
}

/* (parameters.., z) -> the outputs. */
static tw_status compile(tw_fn **fn, const tw_problem *p, const tw_nested *nested, tw_expr theta, tw_error *error) {
  tw_graph *graph = tw_problem_graph(p);
  const int n = tw_problem_parameters(p);
  tw_expr *in = calloc((size_t)n + 1, sizeof *in);
  if (!in) return tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  tw_graph_lock(graph);
  for (int j = 0; j < n; j++) in[j] = tw_problem_parameter_at(p, j)->expr;
  in[n] = tw_input(graph, "z", TW_F64, TW_SHAPE(nested->n + nested->m));
  const outputs e = derive(nested, in[n], theta, tw_problem_goal(p) == TW_GOAL_MAXIMIZE ? -1 : 1);
  tw_status status = tw_graph_check(graph, error);
  if (status == TW_OK)
    status = tw_fn_new(fn, n + 1, in, 5, (tw_expr[]){e.df, e.dx, e.margin, e.exact.error, e.exact.residual}, NULL, error);
  tw_graph_unlock(graph);
  free(in);
  return status;
}

/* Without the graph's lock: threads that share out a loop in here take it when they compile. */
static tw_status evaluate(const tw_problem *p, const tw_fn *fn, const double *z, const tw_result *at, double *df, double *dx,
                          tw_evidence *evidence, tw_error *error) {
  const int n = tw_problem_parameters(p);
  const void **value = calloc((size_t)n + 1, sizeof *value);
  tw_work *work = NULL;
  tw_status status = value ? tw_work_new(&work, fn, error) : tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  for (int j = 0; j < n && status == TW_OK; j++) value[j] = tw_problem_parameter_at(p, j)->value.data;
  if (status == TW_OK) value[n] = z;
  double margin, inexact, residual;
  if (status == TW_OK) status = tw_fn_call(fn, work, value, (void *[]){df, dx, &margin, &inexact, &residual}, 0, error);
  if (status == TW_OK) {
    const tw_argmin_evidence solution = evidence_of(at, margin, residual);
    tw_work_evidence_with(work, &solution, inexact, evidence);
  }
  tw_work_free(work);
  free(value);
  return status;
}

/* Where the optimality conditions of the problem as it is stated have no derivative, those of its conic form may have one. */
static void try_conic(const tw_problem *p, const tw_result *at, tw_expr theta, double *df, double *dx, tw_evidence *evidence) {
  enum { UNKNOWNS_MOST = 100000 };
  static const double RESIDUAL_MOST = 1e-6, MARGIN_LEAST = 1e-7;
  const int64_t size = tw_size_of(theta), n = tw_problem_size(p);
  tw_class cls;
  if (size > UNKNOWNS_MOST / (n + 1) || tw_classify(p, &cls, NULL) != TW_OK || !cls.convex || cls.integer) return;
  if (!cls.kinks && !cls.has_regularizer && !cls.has_set) return;
  double *own_df = tw_alloc((size_t)size, sizeof *own_df), *own_dx = tw_alloc((size_t)(n * size), sizeof *own_dx), residual, margin;
  tw_error error;
  const bool answered = own_df && own_dx && tw_conic_sensitivity(p, &cls, theta, own_df, own_dx, &residual, &margin, &error) == TW_OK;
  if (answered && residual < RESIDUAL_MOST && margin > MARGIN_LEAST) {
    const double sign = tw_problem_goal(p) == TW_GOAL_MAXIMIZE ? -1 : 1;
    for (int64_t i = 0; i < size; i++) df[i] = sign * own_df[i];
    memcpy(dx, own_dx, (size_t)(n * size) * sizeof *dx);
    *evidence = (tw_evidence){.solves = evidence->solves,
                              .inner_residual = tw_worst_residual(&at->optimality),
                              .linear_residual = residual,
                              .complementarity_gap = margin,
                              .reliable = true};
  }
  free(own_df), free(own_dx);
}

static tw_status refuse_integers(const tw_problem *p, tw_error *error) {
  for (int i = 0; i < tw_problem_variables(p); i++)
    if (tw_problem_variable_at(p, i)->kind != TW_CONTINUOUS)
      return tw_fail(error, TW_ERR_UNSUPPORTED,
                     "variable %s is integer: its optimum moves in jumps, which have no derivative (with integers "
                     "held as params the rest has)",
                     tw_problem_variable_at(p, i)->name);
  return TW_OK;
}

/* By the optimality conditions of the problem seen as nested, matrix-free. */
static tw_status by_conditions(const tw_problem *p, const tw_nested *nested, const tw_result *at, tw_expr theta, double *df, double *dx,
                               tw_evidence *evidence, tw_error *error) {
  tw_fn *fn = NULL;
  double *z = tw_alloc((size_t)(nested->n + nested->m) + 1, sizeof *z);
  if (!z) return tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  memcpy(z, at->x, (size_t)nested->n * sizeof *z);
  if (nested->m && at->dual) memcpy(z + nested->n, at->dual, (size_t)nested->m * sizeof *z);
  tw_status status = compile(&fn, p, nested, theta, error);
  if (status == TW_OK) status = evaluate(p, fn, z, at, df, dx, evidence, error);
  tw_fn_free(fn);
  free(z);
  return status;
}

tw_status tw_sensitivity(const tw_problem *p, const tw_result *at, const char *parameter, double *df,
                         double *dx, tw_evidence *evidence, tw_error *error) {
  TW_GIVEN(p);
  TW_GIVEN(at);
  TW_GIVEN(parameter);
  TW_GIVEN(df);
  TW_GIVEN(dx);
  if (!at->x || at->n != tw_problem_size(p) || at->m != tw_problem_rows(p) || (at->m > 0 && !at->dual))
    return tw_fail(error, TW_ERR_ARGUMENT, "sensitivity: the result has %lld variables and %lld multipliers, the problem %lld and %lld",
                   (long long)(at->x ? at->n : 0), (long long)(at->dual ? at->m : 0), (long long)tw_problem_size(p),
                   (long long)tw_problem_rows(p));
  const tw_parameter *theta = NULL;
  tw_evidence own;
  if (!evidence) evidence = &own;
  for (int j = 0; j < tw_problem_parameters(p); j++)
    if (strcmp(tw_problem_parameter_at(p, j)->name, parameter) == 0) theta = tw_problem_parameter_at(p, j);
  if (!theta) return tw_fail(error, TW_ERR_NAME, "sensitivity: no parameter %s", parameter);
  if (tw_dtype_of(theta->expr) != TW_F64)
    return tw_fail(error, TW_ERR_DTYPE, "sensitivity: parameter %s is not real-valued", parameter);
  TW_TRY(refuse_integers(p, error));
  tw_graph_lock(tw_problem_graph(p));
  const tw_nested *nested = tw_nested_close_as_stated(p, error);
  tw_graph_unlock(tw_problem_graph(p));
  tw_status status = nested ? TW_OK : error ? error->status : TW_ERR_ARGUMENT;
  tw_class cls;
  bool done = false;
  if (status == TW_OK) status = tw_classify(p, &cls, error);
  if (status == TW_OK) status = tw_program_sensitivity(p, &cls, nested, at, theta->expr, df, dx, evidence, &done, error);
  if (status == TW_OK && !done) status = by_conditions(p, nested, at, theta->expr, df, dx, evidence, error);
  if (status == TW_OK && !evidence->reliable && at->outcome == TW_SOLVED) try_conic(p, at, theta->expr, df, dx, evidence);
  return status;
}
