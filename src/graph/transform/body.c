/* Closed functions: outputs over params, with what they capture made explicit (closure conversion). */
#include "graph/transform/rewrite.h"

#include <stdlib.h>
#include <string.h>

/* Interned, so that equal arrays of expressions are one. */
static tw_expr *intern_exprs(tw_graph *graph, int n, const tw_expr *e) {
  static const tw_expr none;
  if (n == 0) return (tw_expr *)(uintptr_t)tw_graph_intern(graph, &none, sizeof none);
  tw_expr *copy = calloc((size_t)n, sizeof *copy); /* zeroed: padding is hashed */
  if (!copy) {
    tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory making a body");
    return NULL;
  }
  for (int i = 0; i < n; i++) {
    copy[i].graph = e[i].graph;
    copy[i].id = e[i].id;
  }
  const void *interned = tw_graph_intern(graph, copy, (size_t)n * sizeof *copy);
  free(copy);
  return (tw_expr *)(uintptr_t)interned;
}

const tw_body *tw_body_make(tw_graph *graph, int n_params, const tw_expr *params, int n, const tw_expr *outputs) {
  if (!graph || graph->status != TW_OK || (n_params > 0 && !params) || (n > 0 && !outputs)) return NULL;
  for (int i = 0; i < n_params + n; i++)
    if (tw_is_none(i < n_params ? params[i] : outputs[i - n_params])) {
      tw_graph_fail(graph, TW_ERR_ARGUMENT, "body: a param or output is not an expression");
      return NULL;
    }
  tw_body body;
  memset(&body, 0, sizeof body);
  body.n_params = n_params;
  body.n_outputs = n;
  body.params = intern_exprs(graph, n_params, params);
  body.outputs = intern_exprs(graph, n, outputs);
  if (!body.params || !body.outputs) return NULL;
  return tw_graph_intern(graph, &body, sizeof body);
}

tw_status tw_body_inline(const tw_body *body, const tw_expr *args, tw_expr *results) {
  if (!body || !args || !results) return TW_ERR_ARGUMENT;
  return tw_substitute(body->n_outputs, body->outputs, body->n_params, body->params, args, results);
}

/* Marks what a body takes from outside: inputs of dependent nodes (and outputs) that do not depend themselves. */
static int32_t find_captured(const tw_rewrite *rw, int n, const tw_expr *outputs, int32_t *captured) {
  bool *taken = calloc((size_t)rw->limit + 1, sizeof *taken);
  int32_t count = 0;
  if (!taken) {
    tw_graph_fail(rw->graph, TW_ERR_MEMORY, "out of memory making a body");
    return 0;
  }
  for (int32_t k = 0; k < rw->count + n; k++) {
    tw_expr node = k < rw->count ? tw_at(rw->graph, rw->order[k]) : outputs[k - rw->count];
    bool whole = k >= rw->count; /* an output: may be captured itself */
    if (!whole && (!rw->depends[node.id] || rw->image[node.id] >= 0)) continue;
    for (int i = whole ? -1 : 0; i < (whole ? 0 : tw_arity_of(node)); i++) {
      tw_expr e = i < 0 ? node : tw_input_of(node, i);
      if (rw->depends[e.id] || taken[e.id] || tw_is_cheap_leaf(e)) continue;
      taken[e.id] = true;
      captured[count++] = e.id;
    }
  }
  free(taken);
  return count;
}

const tw_body *tw_body_close(tw_graph *graph, int n_bound, const tw_expr *bound, int n, const tw_expr *outputs,
                             int *n_captured, tw_expr **captured) {
  if (!graph || !n_captured || !captured || (n_bound > 0 && !bound) || (n > 0 && !outputs)) return NULL;
  tw_rewrite rw;
  const tw_body *body = NULL;
  *n_captured = 0;
  *captured = NULL;
  if (!tw_rewrite_open(&rw, n, outputs, n_bound, bound)) return NULL;
  for (int j = 0; j < n_bound; j++) rw.image[bound[j].id] = bound[j].id; /* bound nodes are leaves here */
  int32_t *ids = malloc(((size_t)rw.limit + 1) * sizeof *ids);
  int32_t count = ids ? find_captured(&rw, n, outputs, ids) : 0;
  int m = n_bound + count;
  tw_expr *from = calloc((size_t)m + 1, sizeof *from), *params = calloc((size_t)m + 1, sizeof *params);
  tw_expr *results = calloc((size_t)n + 1, sizeof *results);
  *captured = tw_arena_alloc(graph->arena, ((size_t)count + 1) * sizeof **captured, sizeof(void *));
  if (ids && from && params && results && *captured) {
    for (int j = 0; j < m; j++) {
      from[j] = j < n_bound ? bound[j] : tw_at(graph, ids[j - n_bound]);
      params[j] = tw_param(graph, j, tw_dtype_of(from[j]), tw_shape_of(from[j]));
      if (j >= n_bound) (*captured)[j - n_bound] = from[j];
    }
    *n_captured = count;
    if (graph->status == TW_OK && tw_substitute(n, outputs, m, from, params, results) == TW_OK)
      body = tw_body_make(graph, m, params, n, results);
  } else {
    tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory making a body");
  }
  free(ids);
  free(from);
  free(params);
  free(results);
  tw_rewrite_close(&rw);
  return body;
}
