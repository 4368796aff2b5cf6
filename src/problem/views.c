/* Reading a problem, and evaluating what depends on its parameters alone. */
#include "problem/problem.h"

#include <stdlib.h>

tw_graph *tw_problem_graph(const tw_problem *p) { return p ? p->graph : NULL; }
tw_goal tw_problem_goal(const tw_problem *p) { return p ? p->goal : TW_GOAL_NONE; }
const char *tw_problem_objective_name(const tw_problem *p) { return p && p->objective_name ? p->objective_name : ""; }
tw_expr tw_problem_objective(const tw_problem *p) { return p ? p->objective : TW_NONE; }
int64_t tw_problem_size(const tw_problem *p) { return p ? p->size : 0; }
int64_t tw_problem_rows(const tw_problem *p) { return p ? p->rows : 0; }
int tw_problem_variables(const tw_problem *p) { return p ? p->variables.count : 0; }
int tw_problem_parameters(const tw_problem *p) { return p ? p->parameters.count : 0; }
int tw_problem_constraints(const tw_problem *p) { return p ? p->constraints.count : 0; }
int tw_problem_reports(const tw_problem *p) { return p ? p->reports.count : 0; }

static void *item(const tw_list *list, int i) {
  return i >= 0 && i < list->count ? list->item[i] : NULL;
}

const tw_variable *tw_problem_variable_at(const tw_problem *p, int i) { return p ? item(&p->variables, i) : NULL; }
const tw_parameter *tw_problem_parameter_at(const tw_problem *p, int i) { return p ? item(&p->parameters, i) : NULL; }
const tw_constraint *tw_problem_constraint_at(const tw_problem *p, int i) { return p ? item(&p->constraints, i) : NULL; }

tw_expr tw_problem_map(const tw_problem *p, int variable) {
  if (!p) return TW_NONE;
  const tw_expr *map = item(&p->maps, variable);
  return map ? *map : TW_NONE;
}

const char *tw_problem_report_name(const tw_problem *p, int i) {
  if (!p) return "";
  const tw_report *report = item(&p->reports, i);
  return report ? report->name : NULL;
}

tw_expr tw_problem_report_expr(const tw_problem *p, int i) {
  if (!p) return TW_NONE;
  const tw_report *report = item(&p->reports, i);
  return report ? report->expr : TW_NONE;
}

tw_domain tw_problem_set(const tw_problem *p, int variable) {
  if (!p) return (tw_domain){0};
  const tw_variable *v = tw_problem_variable_at(p, variable);
  if (!v) return (tw_domain){0};
  return tw_domain_within(p->graph, v->domain, tw_shape_of(v->expr), v->lower, v->upper);
}

tw_status tw_problem_evaluate(const tw_problem *p, tw_expr e, tw_array *out, tw_error *error) {
  int n = p && !p->open ? p->parameters.count : 0;
  *out = (tw_array){0};
  tw_expr *inputs = calloc((size_t)n + 1, sizeof *inputs);
  const void **data = calloc((size_t)n + 1, sizeof *data);
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  tw_status status = inputs && data ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory evaluating an expression");
  for (int i = 0; status == TW_OK && i < n; i++) {
    const tw_parameter *parameter = p->parameters.item[i];
    inputs[i] = parameter->expr;
    data[i] = parameter->value.data;
  }
  if (status == TW_OK) status = tw_fn_new(&fn, n, inputs, 1, &e, NULL, error);
  if (status == TW_OK) status = tw_work_new(&work, fn, error);
  if (status == TW_OK) status = tw_array_new(out, tw_dtype_of(e), tw_shape_of(e), error);
  if (status == TW_OK) status = tw_fn_call(fn, work, data, (void *[]){out->data}, 0, error);
  if (status != TW_OK) tw_array_free(out);
  tw_work_free(work);
  tw_fn_free(fn);
  free(inputs);
  free(data);
  return status;
}
