/* Equations over inputs as a nested problem: what custom roots and derivatives of roots in numbers are made of. */
#include "implicit/custom.h"

#include <stdlib.h>
#include <string.h>

static void *take(tw_graph *graph, size_t n, size_t size) { return tw_arena_alloc(tw_graph_arena(graph), n * size, sizeof(void *)); }

static bool check(tw_expr x, tw_expr f, bool fixed_point) {
  tw_graph *graph = x.graph;
  char a[TW_SHAPE_TEXT], b[TW_SHAPE_TEXT];
  if (tw_is_none(x)) return false;
  if (tw_is_none(f) || f.graph != graph) {
    tw_graph_fail(graph, TW_ERR_ARGUMENT, "custom root: no equations, or those of another graph");
    return false;
  }
  const tw_shape of_x = tw_shape_of(x), of_f = tw_shape_of(f);
  if (!tw_is_input(x) || tw_dtype_of(x) != TW_F64 || tw_dtype_of(f) != TW_F64) {
    tw_graph_fail(graph, TW_ERR_DTYPE, "custom root: the unknown must be an f64 input, and the equations f64");
    return false;
  }
  const bool fits = fixed_point ? tw_shape_equal(&of_x, &of_f) : tw_size_of(x) == tw_size_of(f);
  if (!fits)
    tw_graph_fail(graph, TW_ERR_SHAPE, "custom %s: %s has shape %s and the unknown %s, expected as many entries%s",
                  fixed_point ? "fixed point" : "root", fixed_point ? "the map" : "F", tw_shape_text(&of_f, a), tw_shape_text(&of_x, b),
                  fixed_point ? " of one shape" : "");
  return fits;
}

/* One unknown; one constraint, or one map, whose only statement is f. */
static bool allocate(tw_nested *nested, tw_expr x) {
  tw_graph *g = nested->graph;
  nested->variable = take(g, 1, sizeof *nested->variable);
  nested->constraint = take(g, 1, sizeof *nested->constraint);
  nested->domain = take(g, 1, sizeof(void *));
  int **index[] = {&nested->lower,  &nested->upper,   &nested->start,  &nested->map, &nested->domain_param,
                   &nested->c_expr, &nested->c_lower, &nested->c_upper};
  bool ok = nested->variable && nested->constraint && nested->domain;
  for (size_t i = 0; i < sizeof index / sizeof *index; i++) {
    *index[i] = take(g, 1, sizeof(int));
    ok = ok && *index[i];
    if (ok) **index[i] = -1;
  }
  if (!ok) return false;
  *nested->domain = NULL;
  *nested->variable = (tw_part){"x", tw_shape_of(x), 0, tw_size_of(x)};
  *nested->constraint = (tw_part){"F", tw_shape_of(x), 0, tw_size_of(x)};
  if (nested->goal == TW_GOAL_ROOT) *nested->c_expr = 0;
  else *nested->map = 0;
  return true;
}

/* The statement over x, theta, and what f captures beside them. */
static bool state(tw_nested *nested, tw_expr x, tw_expr f, int n_theta, const tw_expr *theta) {
  tw_graph *graph = nested->graph;
  tw_expr *bound = calloc((size_t)n_theta + 1, sizeof *bound), *captured = NULL, *all = NULL;
  int beside = 0;
  bool ok = bound;
  if (ok) bound[0] = x;
  for (int j = 0; ok && j < n_theta; j++) bound[j + 1] = tw_input(graph, "theta", tw_dtype_of(theta[j]), tw_shape_of(theta[j]));
  ok = ok && tw_substitute(1, &f, n_theta, theta, bound + 1, &f) == TW_OK;
  if (ok) nested->statement = tw_body_close(graph, n_theta + 1, bound, 1, &f, &beside, &captured);
  ok = ok && nested->statement && (all = take(graph, (size_t)(n_theta + beside) + 1, sizeof *all));
  if (ok) {
    if (n_theta > 0) memcpy(all, theta, (size_t)n_theta * sizeof *all);
    if (beside > 0) memcpy(all + n_theta, captured, (size_t)beside * sizeof *all);
    nested->theta = all;
    nested->n_theta = n_theta + beside;
  }
  free(bound);
  return ok;
}

const tw_nested *tw_equations_close(tw_expr x, tw_expr f, bool fixed_point, int n_theta, const tw_expr *theta, const char *options) {
  tw_graph *graph = x.graph;
  tw_error error = {TW_OK, ""};
  if (!check(x, f, fixed_point)) return NULL;
  for (int j = 0; j < n_theta; j++)
    if (tw_is_none(theta[j]) || theta[j].graph != graph) {
      tw_graph_fail(graph, TW_ERR_ARGUMENT, "custom root: theta[%d] is no expression of the unknown's graph", j);
      return NULL;
    }
  tw_nested *nested = take(graph, 1, sizeof *nested);
  if (!nested) {
    tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory closing a custom root");
    return NULL;
  }
  memset(nested, 0, sizeof *nested);
  nested->graph = graph;
  nested->goal = fixed_point ? TW_GOAL_FIXPOINT : TW_GOAL_ROOT;
  nested->word = fixed_point ? "custom_fixed_point" : "custom_root";
  nested->n_variables = nested->n_stated = 1;
  nested->n_constraints = fixed_point ? 0 : 1;
  nested->n = tw_size_of(x);
  nested->objective = -1;
  const tw_class cls = {0};
  if (!allocate(nested, x))
    tw_fail(&error, TW_ERR_MEMORY, "out of memory closing a custom root");
  else if (tw_linear_choose(options, &nested->choice.linear, &error) == TW_OK && state(nested, x, f, n_theta, theta))
    tw_nested_condition(nested, &cls, &error);
  if (error.status != TW_OK && tw_graph_status(graph) == TW_OK) tw_graph_fail(graph, error.status, "%s", error.message);
  return tw_graph_status(graph) == TW_OK ? nested : NULL;
}
