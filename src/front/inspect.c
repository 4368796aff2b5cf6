/* Bounds, limits and starts that no run could begin with. */
#include "front/inspect.h"
#include "front/table.h"

#include <math.h>
#include <stdlib.h>

/* One statement of the model and its entries. */
typedef struct part {
  const tw_model *model;
  const char *name, *what; /* "bound", "limit" */
  tw_shape shape;
  int64_t size;
} part;

/* "file:line:column: x[2]" */
static void put_place(const part *p, int64_t entry, tw_text *text) {
  char label[TW_CELL];
  const char *where = tw_model_where(p->model, p->name);
  if (where != NULL) tw_text_printf(text, "%s: ", where);
  tw_text_puts(text, tw_table_entry(p->model, p->name, p->shape, entry, label));
}

static tw_status fail_entry(const part *p, int64_t entry, tw_status status, const char *problem, tw_error *error) {
  tw_text place = {0};
  put_place(p, entry, &place);
  tw_fail(error, status, "%s: %s", place.failed ? p->name : place.data, problem);
  tw_text_free(&place);
  return status;
}

/* low <= high has a solution: neither is NaN, low is below infinity and high above minus infinity. */
static tw_status inspect_limits(const part *p, const double *low, const double *high, tw_error *error) {
  char text[160];
  for (int64_t k = 0; k < p->size; k++) {
    if (low[k] <= high[k] && low[k] < INFINITY && high[k] > -INFINITY) continue;
    if (isnan(low[k]) || isnan(high[k])) {
      snprintf(text, sizeof text, "the %s %s is NaN, expected a number", isnan(low[k]) ? "lower" : "upper", p->what);
      return fail_entry(p, k, TW_ERR_DATA, text, error);
    }
    if (low[k] > high[k])
      snprintf(text, sizeof text, "the lower %s %.10g is above the upper %s %.10g", p->what, low[k], p->what, high[k]);
    else
      snprintf(text, sizeof text, "the %s %s is %g, which no number meets", low[k] < INFINITY ? "upper" : "lower",
               p->what, low[k]);
    return fail_entry(p, k, TW_ERR_INFEASIBLE, text, error);
  }
  return TW_OK;
}

static part variable_part(const tw_model *model, const tw_variable *v) {
  return (part){model, v->name, "bound", tw_shape_of(v->expr), v->size};
}

static tw_status inspect_start(const tw_model *model, const tw_problem *p, const tw_oracle *o, tw_error *error) {
  if (o->start == NULL) return TW_OK;
  double *x = tw_alloc((size_t)o->n, sizeof *x);
  if (x == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a starting point");
  tw_status status = TW_OK;
  const bool known = o->start(o->context, x, NULL) == TW_OK; /* else the run will tell why not */
  for (int i = 0; known && status == TW_OK && i < tw_problem_variables(p); i++) {
    const tw_variable *v = tw_problem_variable_at(p, i);
    const part at = variable_part(model, v);
    for (int64_t k = 0; status == TW_OK && k < v->size; k++) {
      const double value = x[v->offset + k];
      if (isfinite(value)) continue;
      status = fail_entry(&at, k, TW_ERR_DATA,
                          isnan(value) ? "the start is NaN, expected a finite number"
                                       : "the start is infinite, expected a finite number",
                          error);
    }
  }
  free(x);
  return status;
}

tw_status tw_model_inspect(tw_model *model, const tw_oracle *o, tw_error *error) {
  const tw_problem *p = tw_model_problem(model);
  tw_status status = TW_OK;
  for (int i = 0; status == TW_OK && i < tw_problem_variables(p) && o->lower != NULL && o->upper != NULL; i++) {
    const tw_variable *v = tw_problem_variable_at(p, i);
    const part at = variable_part(model, v);
    status = inspect_limits(&at, o->lower + v->offset, o->upper + v->offset, error);
  }
  for (int i = 0; status == TW_OK && i < tw_problem_constraints(p) && o->c_lower != NULL; i++) {
    const tw_constraint *c = tw_problem_constraint_at(p, i);
    const part at = {model, c->name, "limit", tw_shape_of(c->expr), c->size};
    status = inspect_limits(&at, o->c_lower + c->offset, o->c_upper + c->offset, error);
  }
  return status == TW_OK ? inspect_start(model, p, o, error) : status;
}
