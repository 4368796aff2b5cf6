/* JSON of a solution. */
#include "front/command.h"
#include "front/ranging.h"

#include <math.h>

static void put_axis(tw_text *text, const tw_array *array, int axis, int64_t *index) {
  if (axis == array->shape.rank) {
    const double value = tw_array_get(array, index);
    if (array->dtype == TW_BOOL)
      tw_text_puts(text, value != 0 ? "true" : "false");
    else
      tw_text_json_number(text, value);
    return;
  }
  tw_text_puts(text, "[");
  for (index[axis] = 0; index[axis] < array->shape.dim[axis]; index[axis]++) {
    if (index[axis] > 0) tw_text_puts(text, ",");
    put_axis(text, array, axis + 1, index);
  }
  tw_text_puts(text, "]");
}

void tw_json_array(tw_text *text, const tw_array *array) {
  if (!text || !array) return;
  int64_t index[TW_MAX_RANK + 1] = {0};
  if (array->data == NULL && tw_shape_size(&array->shape) != 0)
    tw_text_puts(text, "null");
  else
    put_axis(text, array, 0, index);
}

/* `"name":` with a comma before all but the first of an object. */
static void put_key(tw_text *text, bool *first, const char *name) {
  if (!*first) tw_text_puts(text, ",");
  *first = false;
  tw_text_json_string(text, name);
  tw_text_puts(text, ":");
}

static void put_number(tw_text *text, bool *first, const char *name, double value) {
  put_key(text, first, name);
  tw_text_json_number(text, value);
}

static void put_string(tw_text *text, bool *first, const char *name, const char *value) {
  put_key(text, first, name);
  tw_text_json_string(text, value);
}

/* An entry, or the rows of one, for each variable of a file with names. */
static void put_columns(tw_text *text, const tw_model_table *table, const tw_array *value) {
  bool first = true;
  int64_t index[TW_MAX_RANK + 1] = {0};
  for (int64_t j = 0; j < table->n; j++) {
    put_key(text, &first, table->column[j]);
    index[0] = j;
    put_axis(text, value, 1, index);
  }
}

static void put_variables(tw_text *text, const tw_solution *s, const tw_model_table *table, const tw_array *values) {
  bool first = true;
  tw_text_puts(text, "{");
  if (table != NULL && table->column != NULL) {
    put_columns(text, table, &values[0]);
    tw_text_puts(text, "}");
    return;
  }
  for (int i = 0; i < tw_problem_variables(s->problem); i++) {
    put_key(text, &first, tw_problem_variable_at(s->problem, i)->name);
    tw_json_array(text, &values[i]);
  }
  tw_text_puts(text, "}");
}

static void put_reports(tw_text *text, const tw_solution *s) {
  bool first = true;
  tw_text_puts(text, "{");
  for (int i = 0; i < tw_problem_reports(s->problem); i++) {
    put_key(text, &first, tw_problem_report_name(s->problem, i));
    tw_json_array(text, &s->reports[i]);
  }
  tw_text_puts(text, "}");
}

/* One number for each row of the file, from arrays over the problem's constraints one after the other. */
static void put_rows(tw_text *text, const tw_solution *s, const tw_model_table *table, const tw_array *values, int64_t row) {
  const int64_t at = table->position[row];
  for (int i = 0; i < tw_problem_constraints(s->problem); i++) {
    const tw_constraint *c = tw_problem_constraint_at(s->problem, i);
    if (at < c->offset || at >= c->offset + c->size) continue;
    if (values[i].data != NULL)
      tw_text_json_number(text, ((const double *)values[i].data)[at - c->offset]);
    else
      tw_text_puts(text, "null");
  }
}

/* Rows by name, in the order of the file. */
static void put_named_rows(tw_text *text, const tw_solution *s, const tw_model_table *table) {
  bool first = true;
  for (int64_t i = 0; i < table->m; i++) {
    put_key(text, &first, table->row[i]);
    tw_text_puts(text, "{\"value\":");
    put_rows(text, s, table, s->constraints, i);
    tw_text_puts(text, ",\"dual\":");
    put_rows(text, s, table, s->duals, i);
    tw_text_puts(text, "}");
  }
}

/* Without names: arrays over the rows of the file. */
static void put_plain_rows(tw_text *text, const tw_solution *s, const tw_model_table *table) {
  const bool dual = s->dual != NULL;
  if (table->m == 0) return;
  for (int part = 0; part < 1 + dual; part++) {
    tw_text_puts(text, part == 0 ? "\"c\":{\"value\":[" : ",\"dual\":[");
    for (int64_t i = 0; i < table->m; i++) {
      if (i > 0) tw_text_puts(text, ",");
      put_rows(text, s, table, part == 0 ? s->constraints : s->duals, i);
    }
    tw_text_puts(text, "]");
  }
  tw_text_puts(text, dual ? "}" : ",\"dual\":null}");
}

static void put_constraints(tw_text *text, const tw_solution *s, const tw_model_table *table) {
  bool first = true;
  tw_text_puts(text, "{");
  if (table != NULL) {
    (table->row != NULL ? put_named_rows : put_plain_rows)(text, s, table);
    tw_text_puts(text, "}");
    return;
  }
  for (int i = 0; i < tw_problem_constraints(s->problem); i++) {
    put_key(text, &first, tw_problem_constraint_at(s->problem, i)->name);
    tw_text_puts(text, "{\"value\":");
    tw_json_array(text, &s->constraints[i]);
    tw_text_puts(text, ",\"dual\":");
    if (s->duals[i].data != NULL)
      tw_json_array(text, &s->duals[i]);
    else
      tw_text_puts(text, "null");
    tw_text_puts(text, "}");
  }
  tw_text_puts(text, "}");
}

static void put_sensitivities(tw_text *text, const tw_solution *s, const tw_model_table *table) {
  bool first = true;
  tw_text_puts(text, "{");
  for (int i = 0; i < s->n_sensitivities; i++) {
    put_key(text, &first, s->sensitivity[i].parameter);
    tw_text_puts(text, "{\"objective\":");
    tw_json_array(text, &s->sensitivity[i].objective);
    tw_text_puts(text, ",\"variables\":");
    put_variables(text, s, table, s->sensitivity[i].variables);
    const tw_evidence *e = &s->sensitivity[i].evidence;
    tw_text_printf(text, ",\"unique\":%s,\"why\":", e->kind == TW_DERIVATIVE_REGULAR ? "true" : "false");
    tw_text_json_string(text, e->message);
    tw_text_puts(text, "}");
  }
  tw_text_puts(text, "}");
}

/* Values, gradients and Hessian products always; the other kinds when there were any. */
static void put_evaluations(tw_text *text, const tw_counts *c) {
  const struct {
    const char *name;
    int64_t count;
    bool always;
  } rows[] = {{"value", c->value, true},       {"gradient", c->gradient, true},
              {"hvp", c->hvp, true},           {"residual", c->residual, false},
              {"jacobian", c->jacobian, false}, {"project", c->project, false},
              {"constraints", c->constraints, false}};
  bool first = true;
  tw_text_puts(text, "{");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].always || rows[i].count > 0) put_number(text, &first, rows[i].name, (double)rows[i].count);
  tw_text_puts(text, "}");
}

/* Absolute. */
static void put_optimality(tw_text *text, const tw_result *r) {
  const tw_optimality *o = &r->optimality;
  bool first = true;
  tw_text_puts(text, "{");
  put_number(text, &first, "stationarity", o->stationarity * r->scale);
  put_number(text, &first, "feasibility", o->feasibility);
  put_number(text, &first, "complementarity", o->complementarity * r->scale);
  tw_text_puts(text, "}");
}

static void put_evidence(tw_text *text, const tw_evidence *e) {
  bool first = true;
  tw_text_puts(text, "{");
  put_number(text, &first, "solves", e->solves);
  put_number(text, &first, "inner_residual", e->inner_residual);
  put_number(text, &first, "linear_residual", e->linear_residual);
  put_number(text, &first, "condition", e->condition);
  put_number(text, &first, "complementarity_gap", e->complementarity_gap);
  put_number(text, &first, "derivative_error", e->derivative_error);
  put_key(text, &first, "reliable");
  tw_text_puts(text, e->reliable ? "true" : "false");
  put_string(text, &first, "message", e->message);
  tw_text_puts(text, "}");
}

void tw_solution_json(tw_text *text, const tw_solution *s, const tw_model *model) {
  if (!text || !s) return;
  const tw_model_table *table = model != NULL ? tw_model_table_of(model) : NULL;
  const tw_result *r = &s->result;
  bool first = true;
  tw_text_puts(text, "{");
  put_string(text, &first, "status", tw_status_word(r->outcome));
  put_number(text, &first, "objective", s->objective);
  if (!isnan(s->bound)) {
    put_number(text, &first, "bound", s->bound);
    put_number(text, &first, "gap", tw_gap(r->f, r->bound, &r->optimality));
  }
  if (r->certified) {
    put_key(text, &first, "certified");
    tw_text_puts(text, "true");
  }
  put_key(text, &first, "variables");
  put_variables(text, s, table, s->variables);
  put_key(text, &first, "reports");
  put_reports(text, s);
  put_key(text, &first, "constraints");
  put_constraints(text, s, table);
  if (s->reduced_costs != NULL) {
    put_key(text, &first, "reduced_costs");
    put_variables(text, s, table, s->reduced_costs);
  }
  put_key(text, &first, "sensitivity");
  put_sensitivities(text, s, table);
  if (s->ranges != NULL) {
    put_key(text, &first, "ranging");
    tw_ranging_json(text, s->ranges, model);
  }
  put_string(text, &first, "method", r->method);
  put_string(text, &first, "class", s->class_name);
  put_number(text, &first, "iterations", (double)r->iterations);
  put_key(text, &first, "evaluations");
  put_evaluations(text, &r->counts);
  put_number(text, &first, "seconds", r->seconds);
  put_key(text, &first, "optimality");
  put_optimality(text, r);
  const tw_evidence evidence = tw_solution_evidence(s);
  if (evidence.solves > 0 || s->n_sensitivities > 0) {
    put_key(text, &first, "evidence");
    put_evidence(text, &evidence);
  }
  put_string(text, &first, "message", r->message);
  tw_text_puts(text, "}\n");
}
