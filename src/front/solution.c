/* A solution: the result of a run with the values of constraints and reports there, and its sensitivities. */
#include <talweg/front.h>

#include "base/given.h"
#include "method/ranging.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ evidence */

void tw_evidence_merge(tw_evidence *into, const tw_evidence *from) {
  if (!into || !from) return;
  into->solves += from->solves;
  into->inner_residual = fmax(into->inner_residual, from->inner_residual);
  into->linear_residual = fmax(into->linear_residual, from->linear_residual);
  into->condition = fmax(into->condition, from->condition);
  into->complementarity_gap = fmin(into->complementarity_gap, from->complementarity_gap);
  into->derivative_error = fmax(into->derivative_error, from->derivative_error);
  if (into->reliable && !from->reliable) memcpy(into->message, from->message, sizeof into->message);
  into->reliable = into->reliable && from->reliable;
  into->kind = into->kind > from->kind ? into->kind : from->kind;
  into->factorizations += from->factorizations;
  into->evaluations += from->evaluations;
  into->product_flops += from->product_flops;
  if (from->linear) into->linear = from->linear;
}

tw_evidence tw_solution_evidence(const tw_solution *s) {
  if (!s) return (tw_evidence){0};
  tw_evidence all = s->evidence;
  for (int i = 0; i < s->n_sensitivities; i++) tw_evidence_merge(&all, &s->sensitivity[i].evidence);
  return all;
}

/* ------------------------------------------------------------------ values at the solution */

/* Expressions evaluated together at the solution: inputs are the variables and the parameters. */
typedef struct values {
  int n_inputs, n_outputs;
  tw_expr *input, *output;
  const void **in;
  void **out;
} values;

static bool values_open(values *v, const tw_solution *s) {
  const tw_problem *p = s->problem;
  const int variables = tw_problem_variables(p), parameters = tw_problem_parameters(p);
  const int constraints = tw_problem_constraints(p), reports = tw_problem_reports(p);
  const size_t inputs = (size_t)(variables + parameters), outputs = (size_t)(constraints + reports);
  *v = (values){.n_inputs = (int)inputs, .n_outputs = (int)outputs};
  v->input = tw_alloc(inputs, sizeof *v->input);
  v->in = tw_alloc(inputs, sizeof *v->in);
  v->output = tw_alloc(outputs, sizeof *v->output);
  v->out = tw_alloc(outputs, sizeof *v->out);
  if (v->input == NULL || v->in == NULL || v->output == NULL || v->out == NULL) return false;
  for (int i = 0; i < variables; i++) {
    v->input[i] = tw_problem_variable_at(p, i)->expr;
    v->in[i] = s->variables[i].data;
  }
  for (int i = 0; i < parameters; i++) {
    const tw_parameter *parameter = tw_problem_parameter_at(p, i);
    v->input[variables + i] = parameter->expr;
    v->in[variables + i] = parameter->value.data;
  }
  for (int i = 0; i < constraints; i++) {
    v->output[i] = tw_problem_constraint_at(p, i)->expr;
    v->out[i] = s->constraints[i].data;
  }
  for (int i = 0; i < reports; i++) {
    v->output[constraints + i] = tw_problem_report_expr(p, i);
    v->out[constraints + i] = s->reports[i].data;
  }
  return true;
}

static void values_close(values *v) {
  free(v->input);
  free(v->in);
  free(v->output);
  free(v->out);
}

/* What cannot be known is NaN. */
static void fill_unknown(tw_array *array) {
  for (int64_t i = 0; i < tw_shape_size(&array->shape); i++) ((double *)array->data)[i] = NAN;
}

/* A failure that is the problem's, not the machine's or the caller's: the solution is told all the same. */
static bool is_numerical(tw_status status) {
  return status == TW_ERR_NUMERIC || status == TW_ERR_SINGULAR || status == TW_ERR_INFEASIBLE ||
         status == TW_ERR_UNBOUNDED || status == TW_ERR_LIMIT;
}

static tw_status take_as_unknown(tw_solution *s, tw_error *failure, tw_error *error) {
  for (int i = 0; i < tw_problem_constraints(s->problem); i++) fill_unknown(&s->constraints[i]);
  for (int i = 0; i < tw_problem_reports(s->problem); i++) {
    const tw_shape shape = s->reports[i].shape;
    tw_array_free(&s->reports[i]);
    const tw_status status = tw_array_new(&s->reports[i], TW_F64, shape, error);
    if (status != TW_OK) return status;
    fill_unknown(&s->reports[i]);
  }
  if (s->result.outcome != TW_SOLVED) return TW_OK;
  s->result.outcome = TW_FAILED;
  memcpy(s->result.message, failure->message, sizeof s->result.message);
  return TW_OK;
}

static tw_status evaluate(tw_solution *s, const tw_exec *exec, tw_error *error) {
  values v;
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  tw_status status = values_open(&v, s) ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for the reports");
  if (status == TW_OK && v.n_outputs > 0) {
    tw_error failure = {0};
    status = tw_fn_new(&fn, v.n_inputs, v.input, v.n_outputs, v.output, NULL, &failure);
    if (status == TW_OK) status = tw_work_new(&work, fn, &failure);
    if (status == TW_OK) {
      if (exec != NULL) tw_work_exec(work, exec);
      status = tw_fn_call(fn, work, v.in, v.out, 0, &failure);
    }
    if (status == TW_OK) {
      tw_evidence evidence = {0};
      tw_work_evidence(work, &evidence);
      tw_evidence_merge(&s->evidence, &evidence);
    } else {
      tw_error_prefix(&failure, "evaluating constraints and reports at the solution");
    }
    if (is_numerical(status))
      status = take_as_unknown(s, &failure, error);
    else if (status != TW_OK)
      status = tw_fail(error, status, "%s", failure.message);
  }
  tw_work_free(work);
  tw_fn_free(fn);
  values_close(&v);
  return status;
}

/* ------------------------------------------------------------------ making */

static tw_status allocate(tw_solution *s, tw_error *error) {
  const tw_problem *p = s->problem;
  const int variables = tw_problem_variables(p), constraints = tw_problem_constraints(p);
  const int reports = tw_problem_reports(p);
  s->variables = tw_alloc((size_t)variables, sizeof(tw_array));
  s->constraints = tw_alloc((size_t)constraints, sizeof(tw_array));
  s->duals = tw_alloc((size_t)constraints, sizeof(tw_array));
  s->reports = tw_alloc((size_t)reports, sizeof(tw_array));
  if (s->variables == NULL || s->constraints == NULL || s->duals == NULL || s->reports == NULL)
    return tw_fail(error, TW_ERR_MEMORY, "out of memory for a solution");
  for (int i = 0; i < variables; i++) {
    const tw_variable *v = tw_problem_variable_at(p, i);
    s->variables[i] = tw_array_f64(s->result.x + v->offset, tw_shape_of(v->expr));
  }
  for (int i = 0; i < constraints; i++) {
    const tw_constraint *c = tw_problem_constraint_at(p, i);
    const tw_status status = tw_array_new(&s->constraints[i], TW_F64, tw_shape_of(c->expr), error);
    if (status != TW_OK) return status;
    if (s->dual != NULL && c->offset + c->size <= s->result.m)
      s->duals[i] = tw_array_f64(s->dual + c->offset, tw_shape_of(c->expr));
  }
  for (int i = 0; i < reports; i++) {
    const tw_expr e = tw_problem_report_expr(p, i);
    const tw_status status = tw_array_new(&s->reports[i], tw_dtype_of(e), tw_shape_of(e), error);
    if (status != TW_OK) return status;
  }
  return TW_OK;
}

/* The result is of the minimisation of -f when f is maximised: objective and multipliers change sign, but for certificates, which
 * are about constraints alone. */
static tw_status state_sense(tw_solution *s, tw_error *error) {
  const tw_goal goal = tw_problem_goal(s->problem);
  const bool flip = goal == TW_GOAL_MAXIMIZE;
  s->objective = flip ? 0 - s->result.f : goal == TW_GOAL_MINIMIZE ? s->result.f : NAN;
  s->bound = flip ? 0 - s->result.bound : s->result.bound;
  if (s->result.dual == NULL) return TW_OK;
  s->dual = tw_alloc((size_t)s->result.m, sizeof *s->dual);
  if (s->dual == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for the multipliers");
  for (int64_t i = 0; i < s->result.m; i++) s->dual[i] = flip && !s->result.certified ? 0 - s->result.dual[i] : s->result.dual[i];
  return TW_OK;
}

tw_status tw_solution_new(tw_solution *s, const tw_problem *p, const tw_class *cls, tw_result *result,
                          const tw_exec *exec, tw_error *error) {
  TW_GIVEN(s);
  TW_GIVEN(p);
  TW_GIVEN(cls);
  TW_GIVEN(result);
  *s = (tw_solution){.problem = p, .class_name = cls->name, .result = *result};
  s->evidence = (tw_evidence){.complementarity_gap = INFINITY, .reliable = true};
  *result = (tw_result){0};
  tw_status status = state_sense(s, error);
  if (status == TW_OK) status = allocate(s, error);
  if (status == TW_OK) status = evaluate(s, exec, error);
  if (status != TW_OK) tw_solution_free(s);
  return status;
}

tw_status tw_solution_price(tw_solution *s, const tw_oracle *oracle, tw_error *error) {
  TW_GIVEN(s);
  TW_GIVEN(oracle);
  const tw_problem *p = s->problem;
  const int variables = tw_problem_variables(p);
  const bool answer = s->result.outcome != TW_INFEASIBLE && s->result.outcome != TW_UNBOUNDED;
  if (!answer || !tw_has_reduced_costs(oracle) || s->reduced_costs != NULL || (oracle->m > 0 && s->result.dual == NULL)) return TW_OK;
  tw_error failure = {0};
  s->reduced_cost = tw_alloc((size_t)oracle->n, sizeof *s->reduced_cost);
  s->reduced_costs = tw_alloc((size_t)variables, sizeof *s->reduced_costs);
  if (s->reduced_cost == NULL || s->reduced_costs == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for reduced costs");
  const tw_status status = tw_reduced_costs(oracle, &s->result, s->reduced_cost, &failure);
  if (status != TW_OK && !is_numerical(status)) return tw_fail(error, status, "%s", failure.message);
  const double sign = tw_problem_goal(p) == TW_GOAL_MAXIMIZE ? -1 : 1;
  for (int64_t k = 0; k < oracle->n; k++) s->reduced_cost[k] = status == TW_OK ? 0 + sign * s->reduced_cost[k] : NAN;
  for (int i = 0; i < variables; i++) {
    const tw_variable *v = tw_problem_variable_at(p, i);
    s->reduced_costs[i] = tw_array_f64(s->reduced_cost + v->offset, tw_shape_of(v->expr));
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ sensitivities */

static const tw_parameter *find_parameter(const tw_problem *p, const char *name) {
  for (int i = 0; i < tw_problem_parameters(p); i++)
    if (strcmp(tw_problem_parameter_at(p, i)->name, name) == 0) return tw_problem_parameter_at(p, i);
  return NULL;
}

static void sensitivity_free(tw_solution_sensitivity *d, int variables) {
  tw_array_free(&d->objective);
  for (int i = 0; d->variables != NULL && i < variables; i++) tw_array_free(&d->variables[i]);
  free(d->variables);
}

static bool append_shape(const tw_shape *a, const tw_shape *b, tw_shape *out) {
  if (a->rank + b->rank > TW_MAX_RANK) return false;
  *out = *a;
  for (int i = 0; i < b->rank; i++) out->dim[out->rank++] = b->dim[i];
  return true;
}

/* dx is [n, size of the parameter]: the rows of a variable are its part. */
static tw_status take_rows(const tw_solution *s, const tw_shape *theta, const double *dx, tw_solution_sensitivity *d,
                           tw_error *error) {
  const int64_t columns = tw_shape_size(theta);
  for (int i = 0; i < tw_problem_variables(s->problem); i++) {
    const tw_variable *v = tw_problem_variable_at(s->problem, i);
    const tw_shape own = tw_shape_of(v->expr);
    tw_shape shape;
    if (!append_shape(&own, theta, &shape))
      return tw_fail(error, TW_ERR_SHAPE, "sensitivity of %s: more than %d axes", v->name, TW_MAX_RANK);
    const tw_status status = tw_array_new(&d->variables[i], TW_F64, shape, error);
    if (status != TW_OK) return status;
    memcpy(d->variables[i].data, dx + v->offset * columns, (size_t)(v->size * columns) * sizeof *dx);
  }
  return TW_OK;
}

static tw_status differentiate(tw_solution *s, const tw_parameter *parameter, tw_solution_sensitivity *d,
                               tw_error *error) {
  const tw_problem *p = s->problem;
  const tw_shape theta = tw_shape_of(parameter->expr);
  const int64_t columns = tw_shape_size(&theta);
  d->parameter = parameter->name;
  d->variables = tw_alloc((size_t)tw_problem_variables(p), sizeof *d->variables);
  double *dx = tw_alloc((size_t)tw_problem_size(p), (size_t)columns * sizeof *dx);
  tw_error failure = {0};
  tw_status status = tw_array_new(&d->objective, TW_F64, theta, error);
  if (status == TW_OK && (d->variables == NULL || dx == NULL))
    status = tw_fail(error, TW_ERR_MEMORY, "out of memory for the sensitivity to %s", parameter->name);
  if (status == TW_OK)
    status = tw_sensitivity(p, &s->result, parameter->name, d->objective.data, dx, &d->evidence, &failure);
  if (is_numerical(status)) {
    fill_unknown(&d->objective);
    for (int64_t i = 0; i < tw_problem_size(p) * columns; i++) dx[i] = NAN;
    d->evidence = (tw_evidence){.linear_residual = INFINITY, .condition = INFINITY, .complementarity_gap = INFINITY,
                                .kind = TW_DERIVATIVE_NONE};
    snprintf(d->evidence.message, sizeof d->evidence.message, "%.*s", (int)sizeof d->evidence.message - 1, failure.message);
    status = TW_OK;
  } else if (failure.status != TW_OK) {
    tw_fail(error, status, "%s", failure.message);
  }
  if (status == TW_OK) status = take_rows(s, &theta, dx, d, error);
  free(dx);
  return status;
}

tw_status tw_solution_differentiate(tw_solution *s, const char *name, tw_error *error) {
  TW_GIVEN(s);
  TW_GIVEN(name);
  const tw_parameter *parameter = find_parameter(s->problem, name);
  if (parameter == NULL) return tw_fail(error, TW_ERR_NAME, "sensitivity: the problem has no parameter %s", name);
  tw_solution_sensitivity *grown =
      realloc(s->sensitivity, (size_t)(s->n_sensitivities + 1) * sizeof *s->sensitivity);
  if (grown == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for the sensitivity to %s", name);
  s->sensitivity = grown;
  tw_solution_sensitivity made = {0};
  const tw_status status = differentiate(s, parameter, &made, error);
  if (status == TW_OK)
    grown[s->n_sensitivities++] = made;
  else
    sensitivity_free(&made, tw_problem_variables(s->problem));
  return status;
}

void tw_solution_free(tw_solution *s) {
  if (!s) return;
  if (s->problem == NULL) return;
  for (int i = 0; s->constraints != NULL && i < tw_problem_constraints(s->problem); i++)
    tw_array_free(&s->constraints[i]);
  for (int i = 0; s->reports != NULL && i < tw_problem_reports(s->problem); i++) tw_array_free(&s->reports[i]);
  for (int i = 0; i < s->n_sensitivities; i++)
    sensitivity_free(&s->sensitivity[i], tw_problem_variables(s->problem));
  tw_ranges_free(s->ranges);
  free(s->sensitivity);
  free(s->variables);
  free(s->constraints);
  free(s->duals);
  free(s->dual);
  free(s->reduced_costs);
  free(s->reduced_cost);
  free(s->reports);
  tw_result_free(&s->result);
  *s = (tw_solution){0};
}
