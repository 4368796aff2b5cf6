/* Problems over arrays as rows of scalars, with the names of their elements. */
#include "model/unroll.h"

#include "problem/problem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct maker {
  tw_flat *flat;
  const tw_problem *problem;
  const tw_model *model;
  bool trees;
  tw_unroll unroll;
  tw_error *error;
} maker;

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "out of memory for the rows of a model");
}

/* ------------------------------------------------------------------ names */

/* "ship[seattle,topeka]"; the entry's own name in models of rows and columns. */
static void put_name(const maker *m, const char *name, tw_shape shape, int64_t entry, tw_text *text) {
  char own[64];
  tw_text_clear(text);
  if (m->model != NULL && tw_model_entry(m->model, name, entry, own) != NULL) {
    tw_text_puts(text, own);
    return;
  }
  int64_t index[TW_MAX_RANK];
  for (int axis = shape.rank - 1; axis >= 0; axis--) {
    index[axis] = entry % shape.dim[axis];
    entry /= shape.dim[axis];
  }
  tw_text_puts(text, name);
  for (int axis = 0; axis < shape.rank; axis++) {
    snprintf(own, sizeof own, "%lld", (long long)index[axis]);
    tw_text_printf(text, "%s%s", axis == 0 ? "[" : ",", m->model != NULL ? tw_model_element(m->model, name, axis, index[axis], own) : own);
  }
  if (shape.rank > 0) tw_text_puts(text, "]");
}

static tw_status name_all(maker *m) {
  tw_flat *f = m->flat;
  tw_text text = {0};
  f->column = calloc((size_t)f->n + 1, sizeof *f->column);
  f->row = calloc((size_t)f->m + 1, sizeof *f->row);
  if (f->column == NULL || f->row == NULL) return out_of_memory(m->error);
  for (int i = 0; i < tw_problem_variables(m->problem); i++) {
    const tw_variable *v = tw_problem_variable_at(m->problem, i);
    for (int64_t k = 0; k < v->size && !text.failed; k++) {
      put_name(m, v->name, tw_shape_of(v->expr), k, &text);
      if (!text.failed) f->column[v->offset + k] = tw_flat_name(f, text.data, text.length);
    }
  }
  for (int i = 0; i < tw_problem_constraints(m->problem); i++) {
    const tw_constraint *c = tw_problem_constraint_at(m->problem, i);
    for (int64_t k = 0; k < c->size && !text.failed; k++) {
      put_name(m, c->name, tw_shape_of(c->expr), k, &text);
      if (!text.failed) f->row[c->offset + k] = tw_flat_name(f, text.data, text.length);
    }
  }
  for (int64_t i = tw_problem_rows(m->problem); i < f->m && !text.failed; i++) { /* of sets */
    tw_text_clear(&text);
    tw_text_printf(&text, "set[%lld]", (long long)(i - tw_problem_rows(m->problem)));
    if (!text.failed) f->row[i] = tw_flat_name(f, text.data, text.length);
  }
  const bool failed = text.failed || f->failed;
  tw_text_free(&text);
  return failed ? out_of_memory(m->error) : TW_OK;
}

/* ------------------------------------------------------------------ bounds */

/* The elements of a bound, as it broadcasts; `value` where there is none. */
static tw_status take_bound(maker *m, tw_expr e, tw_shape shape, double value, double *out) {
  const int64_t size = tw_shape_size(&shape);
  tw_array array;
  for (int64_t k = 0; k < size; k++) out[k] = value;
  if (tw_is_none(e)) return TW_OK;
  const tw_status status = tw_problem_evaluate(m->problem, tw_broadcast(tw_cast(e, TW_F64), shape), &array, m->error);
  if (status != TW_OK) return status;
  memcpy(out, array.data, (size_t)size * sizeof *out);
  tw_array_free(&array);
  return TW_OK;
}

static tw_status take_variable(maker *m, int i) {
  const tw_variable *v = tw_problem_variable_at(m->problem, i);
  const tw_shape shape = tw_shape_of(v->expr);
  tw_expr low = v->lower, high = v->upper;
  tw_flat *f = m->flat;
  if (v->domain.kind != NULL) {
    const tw_domain set = tw_problem_set(m->problem, i);
    const bool simplex = strcmp(v->domain.kind->name, "simplex") == 0;
    if (set.kind == NULL) return tw_graph_check(tw_problem_graph(m->problem), m->error);
    if (set.kind->bounds != NULL)
      set.kind->bounds(tw_problem_graph(m->problem), shape, set.param, &low, &high);
    else if (!simplex)
      return tw_fail(m->error, TW_ERR_UNSUPPORTED, "variable %s: the set %s has no form in rows and columns", v->name,
                     v->domain.kind->name);
    else
      low = tw_is_none(low) ? tw_scalar(tw_problem_graph(m->problem), 0) : tw_maximum(low, tw_scalar(tw_problem_graph(m->problem), 0));
  }
  tw_status status = take_bound(m, low, shape, -INFINITY, f->lower + v->offset);
  if (status == TW_OK) status = take_bound(m, high, shape, INFINITY, f->upper + v->offset);
  if (status == TW_OK) status = take_bound(m, v->start, shape, NAN, f->start + v->offset);
  for (int64_t k = 0; k < v->size; k++) f->kind[v->offset + k] = tw_variable_kind(v, k);
  return status;
}

/* ------------------------------------------------------------------ rows */

static int32_t tree_of(maker *m, const tw_elements *e, int64_t k) {
  return e->number != NULL ? tw_flat_number(m->flat, e->number[k]) : e->node[k];
}

static tw_status take_rows(maker *m, int i) {
  const tw_constraint *c = tw_problem_constraint_at(m->problem, i);
  const tw_shape shape = tw_shape_of(c->expr);
  const tw_elements *value = m->trees ? tw_unroll_elements(&m->unroll, c->expr) : NULL;
  if (m->trees && value == NULL) {
    tw_error_prefix(m->error, "constraint %s", c->name);
    return m->unroll.status;
  }
  for (int64_t k = 0; m->trees && k < c->size; k++) m->flat->body[c->offset + k] = tree_of(m, value, k);
  tw_status status = take_bound(m, c->lower, shape, -INFINITY, m->flat->row_lower + c->offset);
  return status == TW_OK ? take_bound(m, c->upper, shape, INFINITY, m->flat->row_upper + c->offset) : status;
}

static tw_status take_objective(maker *m) {
  const tw_goal goal = tw_problem_goal(m->problem);
  if (goal == TW_GOAL_FIXPOINT) return tw_fail(m->error, TW_ERR_UNSUPPORTED, "a fixed point has no form in rows and columns");
  if (goal != TW_GOAL_MINIMIZE && goal != TW_GOAL_MAXIMIZE) return TW_OK;
  const tw_elements *value = m->trees ? tw_unroll_elements(&m->unroll, tw_problem_objective(m->problem)) : NULL;
  if (m->trees && value == NULL) {
    tw_error_prefix(m->error, "objective");
    return m->unroll.status;
  }
  m->flat->has_objective = true;
  m->flat->maximize = goal == TW_GOAL_MAXIMIZE;
  if (m->trees) m->flat->objective = tree_of(m, value, 0);
  m->flat->objective_name = tw_flat_name(m->flat, tw_problem_objective_name(m->problem), strlen(tw_problem_objective_name(m->problem)));
  return TW_OK;
}

/* Points of a simplex add up to s, each row of the last axis. */
static tw_status add_simplex(maker *m, int i) {
  const tw_variable *v = tw_problem_variable_at(m->problem, i);
  if (v->domain.kind == NULL || strcmp(v->domain.kind->name, "simplex") != 0) return TW_OK;
  const tw_shape shape = tw_shape_of(v->expr);
  const int64_t length = shape.rank > 0 ? shape.dim[shape.rank - 1] : 1, rows = length > 0 ? v->size / length : 0, first = m->flat->m;
  tw_shape reduced = shape;
  if (reduced.rank > 0) reduced.rank--;
  if (!tw_flat_size(m->flat, m->flat->n, first + rows, 0)) return out_of_memory(m->error);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t k = 0; k < length; k++) tw_flat_linear(m->flat, first + r, v->offset + r * length + k, 1);
  const tw_status status = take_bound(m, v->domain.param[0], reduced, 1, m->flat->row_lower + first);
  for (int64_t r = 0; r < rows; r++) m->flat->row_upper[first + r] = m->flat->row_lower[first + r];
  return status;
}

static tw_status take_all(maker *m) {
  tw_status status = take_objective(m);
  for (int i = 0; i < tw_problem_variables(m->problem) && status == TW_OK; i++) status = take_variable(m, i);
  for (int i = 0; i < tw_problem_constraints(m->problem) && status == TW_OK; i++) status = take_rows(m, i);
  for (int i = 0; i < tw_problem_variables(m->problem) && status == TW_OK; i++) status = add_simplex(m, i);
  if (status == TW_OK) status = tw_graph_check(tw_problem_graph(m->problem), m->error);
  if (status == TW_OK) status = name_all(m);
  return status == TW_OK && m->flat->failed ? out_of_memory(m->error) : status;
}

tw_status tw_flat_from_problem(tw_flat **flat, const tw_problem *problem, const tw_model *model, bool trees, tw_error *error) {
  tw_error own = {.status = TW_OK};
  maker m = {.flat = tw_flat_new(), .problem = problem, .model = model, .trees = trees, .error = &own};
  *flat = NULL;
  if (m.flat == NULL) return out_of_memory(error);
  m.unroll = (tw_unroll){.flat = m.flat, .problem = problem, .graph = tw_problem_graph(problem), .error = &own};
  tw_status status = tw_problem_size(problem) == 0 ? tw_fail(&own, TW_ERR_UNSUPPORTED, "the model has no variables") : TW_OK;
  if (status == TW_OK && !tw_flat_size(m.flat, tw_problem_size(problem), tw_problem_rows(problem), 0)) status = out_of_memory(&own);
  if (status == TW_OK) status = take_all(&m);
  m.flat->algebraic = m.flat->m;
  if (status == TW_OK && model != NULL && *tw_model_title(model) != '\0')
    m.flat->title = tw_flat_name(m.flat, tw_model_title(model), strlen(tw_model_title(model)));
  tw_unroll_close(&m.unroll);
  if (status == TW_OK)
    *flat = m.flat;
  else
    tw_flat_free(m.flat);
  return status == TW_OK ? TW_OK : tw_fail(error, own.status != TW_OK ? own.status : status, "%s", own.message);
}
