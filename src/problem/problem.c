/* Problems: what was stated, checked as it is stated. */
#include "base/given.h"
#include "problem/problem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

tw_problem *tw_problem_new(tw_graph *graph) {
  tw_problem *p = graph ? calloc(1, sizeof *p) : NULL;
  if (!p) return NULL;
  p->graph = graph;
  p->arena = tw_arena_new();
  p->names = tw_map_new();
  p->subjects = tw_map_new();
  p->results = tw_map_new();
  p->objective = TW_NONE;
  if (p->arena && p->names && p->subjects && p->results) return p;
  tw_problem_free(p);
  return NULL;
}

void tw_problem_free(tw_problem *p) {
  if (!p) return;
  for (int i = 0; i < p->parameters.count; i++) tw_array_free(&((tw_parameter *)p->parameters.item[i])->value);
  tw_list *lists[] = {&p->variables, &p->parameters, &p->constraints, &p->reports, &p->maps};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) free(lists[i]->item);
  tw_map_free(p->names);
  tw_map_free(p->subjects);
  tw_map_free(p->results);
  tw_arena_free(p->arena);
  free(p->unknowns);
  free(p);
}

/* ------------------------------------------------------------------ bookkeeping */

static bool fine(const tw_problem *p) {
  return p && tw_graph_status(p->graph) == TW_OK;
}

static void out_of_memory(const tw_problem *p) {
  tw_graph_fail(p->graph, TW_ERR_MEMORY, "out of memory stating the problem");
}

/* A zeroed item at the end of the list; NULL with the graph's error set. */
static void *add(tw_problem *p, tw_list *list, size_t bytes) {
  if (list->count == list->capacity) {
    int capacity = list->capacity ? 2 * list->capacity : 8;
    void **grown = realloc(list->item, (size_t)capacity * sizeof *grown);
    if (!grown) {
      out_of_memory(p);
      return NULL;
    }
    list->item = grown;
    list->capacity = capacity;
  }
  void *item = tw_arena_alloc(p->arena, bytes, sizeof(void *));
  if (!item)
    out_of_memory(p);
  else
    list->item[list->count++] = item;
  return item;
}

/* Registers a name in its space and copies it. */
static const char *take_name(tw_problem *p, tw_map *space, const char *what, const char *name) {
  if (!name || !*name) {
    tw_graph_fail(p->graph, TW_ERR_NAME, "a %s has no name", what);
    return NULL;
  }
  if (tw_map_get(space, name)) {
    tw_graph_fail(p->graph, TW_ERR_NAME, "%s %s: the name is taken", what, name);
    return NULL;
  }
  char *copy = tw_arena_strdup(p->arena, name);
  if (!copy || !tw_map_set(space, copy, copy)) {
    out_of_memory(p);
    return NULL;
  }
  return copy;
}

static int find_variable(const tw_problem *p, tw_expr e) {
  for (int i = p->variables.count; i-- > 0;)
    if (tw_same(p->unknowns[i], e)) return i;
  return -1;
}

static tw_variable *variable_of(tw_problem *p, tw_expr e, const char *what) {
  if (!fine(p)) return NULL;
  int i = find_variable(p, e);
  if (i >= 0) return p->variables.item[i];
  tw_graph_fail(p->graph, TW_ERR_ARGUMENT, "%s: the expression is no variable of the problem", what);
  return NULL;
}

static bool depends(const tw_problem *p, tw_expr e) {
  if (tw_is_none(e)) return false;
  if (tw_arity_of(e) == 0) return find_variable(p, e) >= 0;
  return tw_depends(e, p->variables.count, p->unknowns);
}

/* `e` in f64, checked to broadcast to the shape and to depend on no variable. TW_NONE stays. */
static bool take_fixed(tw_problem *p, const char *name, const char *what, tw_shape shape, tw_expr *e) {
  if (tw_is_none(*e)) return fine(p);
  tw_shape own = tw_shape_of(*e), both;
  char a[TW_SHAPE_TEXT], b[TW_SHAPE_TEXT];
  if (!tw_shape_broadcast(&own, &shape, &both) || !tw_shape_equal(&both, &shape))
    tw_graph_fail(p->graph, TW_ERR_SHAPE, "%s of %s has shape %s, expected one that broadcasts to %s", what, name,
                  tw_shape_text(&own, a), tw_shape_text(&shape, b));
  else if (depends(p, *e))
    tw_graph_fail(p->graph, TW_ERR_ARGUMENT, "%s of %s depends on a variable, expected constants and parameters", what,
                  name);
  else
    *e = tw_cast(*e, TW_F64);
  return fine(p);
}

/* ------------------------------------------------------------------ variables */

tw_expr tw_problem_variable(tw_problem *p, const char *name, tw_shape shape) {
  if (!fine(p)) return TW_NONE;
  int64_t size = tw_shape_size(&shape);
  char text[TW_SHAPE_TEXT];
  if (size < 0 || size > INT64_MAX / 16 - p->size)
    return tw_graph_fail(p->graph, TW_ERR_SHAPE, "variable %s: shape %s is too large", name ? name : "",
                         tw_shape_text(&shape, text));
  if (p->variables.count == p->unknown_capacity) {
    int capacity = p->unknown_capacity ? 2 * p->unknown_capacity : 8;
    tw_expr *grown = realloc(p->unknowns, (size_t)capacity * sizeof *grown);
    if (!grown) return tw_graph_fail(p->graph, TW_ERR_MEMORY, "out of memory stating the problem");
    p->unknowns = grown;
    p->unknown_capacity = capacity;
  }
  const char *copy = take_name(p, p->names, "variable", name);
  tw_expr expr = copy ? tw_input(p->graph, copy, TW_F64, shape) : TW_NONE;
  tw_expr *map = tw_is_none(expr) ? NULL : add(p, &p->maps, sizeof *map);
  tw_variable *v = map ? add(p, &p->variables, sizeof *v) : NULL;
  if (!v) return TW_NONE;
  *map = TW_NONE;
  *v = (tw_variable){.name = copy,
                     .expr = expr,
                     .lower = TW_NONE,
                     .upper = TW_NONE,
                     .start = TW_NONE,
                     .offset = p->size,
                     .size = size};
  p->unknowns[p->variables.count - 1] = expr;
  p->size += size;
  return expr;
}

void tw_problem_bounds(tw_problem *p, tw_expr variable, tw_expr lower, tw_expr upper) {
  tw_variable *v = variable_of(p, variable, "bounds");
  if (!v || !take_fixed(p, v->name, "the lower bound", tw_shape_of(variable), &lower) ||
      !take_fixed(p, v->name, "the upper bound", tw_shape_of(variable), &upper))
    return;
  if (!tw_is_none(lower)) v->lower = tw_is_none(v->lower) ? lower : tw_maximum(v->lower, lower);
  if (!tw_is_none(upper)) v->upper = tw_is_none(v->upper) ? upper : tw_minimum(v->upper, upper);
}

void tw_problem_domain(tw_problem *p, tw_expr variable, tw_domain domain) {
  tw_variable *v = variable_of(p, variable, "domain");
  if (!v) return;
  if (v->domain.kind) {
    tw_graph_fail(p->graph, TW_ERR_ARGUMENT, "variable %s: in %s and in %s, expected one set", v->name,
                  v->domain.kind->name, domain.kind ? domain.kind->name : "the whole space");
    return;
  }
  for (int i = 0; domain.kind && i < domain.kind->max_params; i++)
    if (depends(p, domain.param[i])) {
      tw_graph_fail(p->graph, TW_ERR_ARGUMENT, "variable %s: parameter %d of the set %s depends on a variable", v->name,
                    i + 1, domain.kind->name);
      return;
    }
  v->domain = domain;
}

void tw_problem_kind(tw_problem *p, tw_expr variable, tw_var_kind kind) {
  tw_variable *v = variable_of(p, variable, "kind");
  if (!v) return;
  v->kind = kind;
  if (kind == TW_BINARY) tw_problem_bounds(p, variable, tw_scalar(p->graph, 0), tw_scalar(p->graph, 1));
}

/* Binary elements lie in 0..1, others anywhere. */
static void bound_binaries(tw_problem *p, tw_expr variable, int64_t size, const tw_var_kind *kinds) {
  double *bound = tw_alloc(2 * (size_t)size, sizeof *bound);
  if (!bound) {
    out_of_memory(p);
    return;
  }
  for (int64_t i = 0; i < size; i++) {
    bound[i] = kinds[i] == TW_BINARY ? 0 : -INFINITY;
    bound[size + i] = kinds[i] == TW_BINARY ? 1 : INFINITY;
  }
  const tw_shape shape = tw_shape_of(variable);
  const tw_array low = tw_array_f64(bound, shape), high = tw_array_f64(bound + size, shape);
  tw_problem_bounds(p, variable, tw_constant(p->graph, &low), tw_constant(p->graph, &high));
  free(bound);
}

void tw_problem_kinds(tw_problem *p, tw_expr variable, const tw_var_kind *kinds) {
  tw_variable *v = variable_of(p, variable, "kinds");
  if (!v || v->size == 0) return;
  bool equal = true, binary = false;
  for (int64_t i = 0; i < v->size; i++) {
    equal = equal && kinds[i] == kinds[0];
    binary = binary || kinds[i] == TW_BINARY;
  }
  if (equal) {
    tw_problem_kind(p, variable, kinds[0]);
    return;
  }
  v->kinds = tw_arena_dup(p->arena, kinds, (size_t)v->size * sizeof *kinds, sizeof *kinds);
  if (!v->kinds) out_of_memory(p);
  v->kind = TW_INTEGER;
  if (binary) bound_binaries(p, variable, v->size, kinds);
}

void tw_problem_start(tw_problem *p, tw_expr variable, tw_expr start) {
  tw_variable *v = variable_of(p, variable, "start");
  if (v && take_fixed(p, v->name, "the start", tw_shape_of(variable), &start)) v->start = start;
}

/* ------------------------------------------------------------------ parameters */

tw_expr tw_problem_parameter(tw_problem *p, const char *name, const tw_array *value) {
  if (!fine(p)) return TW_NONE;
  tw_error error;
  tw_array copy = {0};
  if (!value) return tw_graph_fail(p->graph, TW_ERR_ARGUMENT, "parameter %s: no value", name ? name : "");
  const char *own = take_name(p, p->names, "parameter", name);
  if (!own) return TW_NONE;
  if (tw_array_copy(&copy, value, value->dtype, &error) != TW_OK)
    return tw_graph_fail(p->graph, error.status, "parameter %s: %s", own, error.message);
  tw_parameter *parameter = add(p, &p->parameters, sizeof *parameter);
  if (!parameter) {
    tw_array_free(&copy);
    return TW_NONE;
  }
  *parameter = (tw_parameter){own, tw_input(p->graph, own, value->dtype, value->shape), copy};
  return parameter->expr;
}

tw_status tw_problem_set_parameter(tw_problem *p, const char *name, const tw_array *value, tw_error *error) {
  TW_GIVEN(p);
  TW_GIVEN(value);
  for (int i = 0; name && i < p->parameters.count; i++) {
    tw_parameter *parameter = p->parameters.item[i];
    if (strcmp(parameter->name, name) != 0) continue;
    if (!tw_shape_equal(&parameter->value.shape, &value->shape)) {
      char a[TW_SHAPE_TEXT], b[TW_SHAPE_TEXT];
      return tw_fail(error, TW_ERR_SHAPE, "parameter %s: value of shape %s, expected %s", name,
                     tw_shape_text(&value->shape, a), tw_shape_text(&parameter->value.shape, b));
    }
    tw_array copy = {0};
    tw_status status = tw_array_copy(&copy, value, parameter->value.dtype, error);
    if (status != TW_OK) {
      tw_error_prefix(error, "parameter %s", name);
      return status;
    }
    tw_array_free(&parameter->value);
    parameter->value = copy;
    return TW_OK;
  }
  return tw_fail(error, TW_ERR_NAME, "parameter %s: not in the problem", name ? name : "");
}

/* ------------------------------------------------------------------ goals */

static bool take_goal(tw_problem *p, tw_goal goal, const char *what) {
  static const char *const text[] = {"", "an objective", "an objective", "a root", "a fixed point"};
  if (!fine(p)) return false;
  if (p->goal == TW_GOAL_NONE) {
    p->goal = goal;
    return true;
  }
  tw_graph_fail(p->graph, TW_ERR_ARGUMENT, "%s: the problem already asks for %s", what, text[p->goal]);
  return false;
}

static void state_objective(tw_problem *p, tw_goal goal, const char *name, tw_expr objective) {
  if (!fine(p)) return;
  if (tw_is_none(objective) || tw_size_of(objective) != 1) {
    tw_shape shape = tw_shape_of(objective);
    char text[TW_SHAPE_TEXT];
    tw_graph_fail(p->graph, TW_ERR_SHAPE, "objective %s: %s, expected a scalar", name ? name : "",
                  tw_is_none(objective) ? "no expression" : tw_shape_text(&shape, text));
    return;
  }
  if (!take_goal(p, goal, "objective")) return;
  p->objective = tw_reshape(tw_cast(objective, TW_F64), TW_SCALAR);
  p->objective_name = tw_arena_strdup(p->arena, name ? name : "objective");
  if (!p->objective_name) out_of_memory(p);
}

void tw_problem_minimize(tw_problem *p, const char *name, tw_expr objective) {
  state_objective(p, TW_GOAL_MINIMIZE, name, objective);
}

void tw_problem_maximize(tw_problem *p, const char *name, tw_expr objective) {
  state_objective(p, TW_GOAL_MAXIMIZE, name, objective);
}

void tw_problem_root(tw_problem *p) {
  take_goal(p, TW_GOAL_ROOT, "root");
}

void tw_problem_fixpoint(tw_problem *p, tw_expr variable, tw_expr map) {
  tw_variable *v = variable_of(p, variable, "fixpoint");
  if (!v || (p->goal != TW_GOAL_FIXPOINT && !take_goal(p, TW_GOAL_FIXPOINT, "fixpoint"))) return;
  tw_expr *own = p->maps.item[find_variable(p, variable)];
  tw_shape shape = tw_shape_of(variable), from = tw_shape_of(map), both;
  char a[TW_SHAPE_TEXT], b[TW_SHAPE_TEXT];
  if (!tw_is_none(*own))
    tw_graph_fail(p->graph, TW_ERR_ARGUMENT, "fixpoint: %s has a map already", v->name);
  else if (tw_is_none(map) || !tw_shape_broadcast(&from, &shape, &both) || !tw_shape_equal(&both, &shape))
    tw_graph_fail(p->graph, TW_ERR_SHAPE, "fixpoint: the map of %s has shape %s, expected %s", v->name,
                  tw_shape_text(&from, a), tw_shape_text(&shape, b));
  else
    *own = tw_broadcast(tw_cast(map, TW_F64), shape);
}

/* ------------------------------------------------------------------ constraints and reports */

/* A bound that depends on variables moves to the other side: expr - bound against 0. */
static bool move_bounds(tw_problem *p, const char *name, tw_expr *expr, tw_expr *lower, tw_expr *upper) {
  bool equal = !tw_is_none(*lower) && tw_same(*lower, *upper);
  bool low = depends(p, *lower), high = depends(p, *upper);
  if (!low && !high) return true;
  if (!equal && !tw_is_none(*lower) && !tw_is_none(*upper)) {
    tw_graph_fail(p->graph, TW_ERR_ARGUMENT,
                  "constraint %s: one of two bounds depends on a variable, expected two constraints", name);
    return false;
  }
  *expr = tw_sub(*expr, low ? *lower : *upper);
  if (!tw_is_none(*lower)) *lower = tw_scalar(p->graph, 0);
  if (!tw_is_none(*upper)) *upper = tw_scalar(p->graph, 0);
  return true;
}

/* The shape that expr and its bounds broadcast to. */
static bool common_shape(tw_problem *p, const char *name, tw_expr expr, tw_expr lower, tw_expr upper, tw_shape *shape) {
  *shape = tw_shape_of(expr);
  tw_expr bound[2] = {lower, upper};
  for (int i = 0; i < 2; i++) {
    tw_shape own = tw_shape_of(bound[i]), both;
    if (tw_is_none(bound[i])) continue;
    if (!tw_shape_broadcast(shape, &own, &both)) {
      char a[TW_SHAPE_TEXT], b[TW_SHAPE_TEXT];
      tw_graph_fail(p->graph, TW_ERR_SHAPE, "constraint %s: %s against a bound of shape %s", name,
                    tw_shape_text(shape, a), tw_shape_text(&own, b));
      return false;
    }
    *shape = both;
  }
  return true;
}

void tw_problem_subject(tw_problem *p, const char *name, tw_expr expr, tw_expr lower, tw_expr upper) {
  if (!fine(p)) return;
  char counted[32];
  snprintf(counted, sizeof counted, "c%d", p->constraints.count + 1);
  if (!name) name = counted;
  if (tw_is_none(expr) || (tw_is_none(lower) && tw_is_none(upper))) {
    tw_graph_fail(p->graph, TW_ERR_ARGUMENT, "constraint %s: %s", name,
                  tw_is_none(expr) ? "no expression" : "no bound on either side");
    return;
  }
  tw_shape shape;
  if (!common_shape(p, name, expr, lower, upper, &shape) || !move_bounds(p, name, &expr, &lower, &upper)) return;
  if (!take_fixed(p, name, "the lower bound", shape, &lower) || !take_fixed(p, name, "the upper bound", shape, &upper))
    return;
  const char *copy = take_name(p, p->subjects, "constraint", name);
  tw_expr whole = tw_broadcast(tw_cast(expr, TW_F64), shape);
  tw_constraint *c = copy && fine(p) ? add(p, &p->constraints, sizeof *c) : NULL;
  if (!c) return;
  *c = (tw_constraint){copy, whole, lower, upper, p->rows, tw_size_of(whole)};
  p->rows += c->size;
}

void tw_problem_report(tw_problem *p, const char *name, tw_expr expr) {
  if (!fine(p)) return;
  if (tw_is_none(expr)) {
    tw_graph_fail(p->graph, TW_ERR_ARGUMENT, "report %s: no expression", name ? name : "");
    return;
  }
  const char *copy = take_name(p, p->results, "report", name);
  tw_report *report = copy ? add(p, &p->reports, sizeof *report) : NULL;
  if (report) *report = (tw_report){copy, expr};
}
