/* Shared frame of the transforms, and substitution. */
#include "graph/transform/rewrite.h"

#include <stdlib.h>

static tw_graph *graph_of(int n, const tw_expr *e) {
  for (int i = 0; i < n; i++)
    if (!tw_is_none(e[i])) return e[i].graph;
  return NULL;
}

bool tw_rewrite_open(tw_rewrite *rw, int n, const tw_expr *outputs, int m, const tw_expr *inputs) {
  *rw = (tw_rewrite){.graph = graph_of(n, outputs)};
  if (!rw->graph) rw->graph = graph_of(m, inputs);
  if (!rw->graph || rw->graph->status != TW_OK) return false;
  for (int i = 0; i < n + m; i++) {
    tw_expr e = i < n ? outputs[i] : inputs[i - n];
    if (!tw_is_none(e) && e.graph == rw->graph) continue;
    tw_graph_fail(rw->graph, TW_ERR_ARGUMENT, "transform: %s %d is not an expression of this graph",
                  i < n ? "output" : "input", i < n ? i : i - n);
    return false;
  }
  rw->limit = rw->graph->count;
  if (!tw_walk_to(rw->graph, n, outputs, m, inputs, &rw->order, &rw->count)) return false;
  rw->depends = tw_walk_depends(rw->graph, rw->order, rw->count, m, inputs);
  rw->image = malloc(((size_t)rw->limit + 1) * sizeof *rw->image);
  if (!rw->depends || !rw->image) {
    tw_graph_fail(rw->graph, TW_ERR_MEMORY, "out of memory transforming the graph");
    tw_rewrite_close(rw);
    return false;
  }
  for (int32_t i = 0; i < rw->limit; i++) rw->image[i] = -1;
  return true;
}

void tw_rewrite_close(tw_rewrite *rw) {
  free(rw->order);
  free(rw->depends);
  free(rw->image);
}

tw_expr *tw_exprs(tw_graph *graph, int n, tw_expr few[TW_FEW]) {
  if (n <= TW_FEW) return few;
  tw_expr *many = malloc((size_t)n * sizeof *many);
  if (!many) tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory transforming the graph");
  return many;
}

tw_expr *tw_inputs(tw_expr node, tw_expr few[TW_FEW]) {
  int n = tw_arity_of(node);
  tw_expr *in = tw_exprs(node.graph, n, few);
  for (int i = 0; in && i < n; i++) in[i] = tw_input_of(node, i);
  return in;
}

/* The node with every input replaced by its image, where it has one. */
static tw_expr rebuild(const tw_rewrite *rw, tw_expr node) {
  tw_expr few[TW_FEW], *in = tw_inputs(node, few);
  if (!in) return TW_NONE;
  for (int i = 0; i < tw_arity_of(node); i++) {
    tw_expr image = tw_image(rw, in[i]);
    if (!tw_is_none(image)) in[i] = image;
  }
  const char *outer = tw_scope_enter(node);
  tw_expr e = tw_node(rw->graph, tw_op_of(node), tw_arity_of(node), in, tw_attr_of(node));
  tw_scope_leave(rw->graph, outer);
  if (in != few) free(in);
  return e;
}

static bool same_type(tw_expr a, tw_expr b) {
  tw_shape sa = tw_shape_of(a), sb = tw_shape_of(b);
  return tw_dtype_of(a) == tw_dtype_of(b) && tw_shape_equal(&sa, &sb);
}

tw_status tw_substitute(int n, const tw_expr *outputs, int m, const tw_expr *from, const tw_expr *to,
                        tw_expr *results) {
  if ((n > 0 && (!outputs || !results)) || (m > 0 && (!from || !to))) return TW_ERR_ARGUMENT;
  tw_rewrite rw;
  if (!tw_rewrite_open(&rw, n, outputs, m, from)) {
    for (int i = 0; i < n; i++) results[i] = TW_NONE;
    return rw.graph ? rw.graph->status : TW_ERR_ARGUMENT;
  }
  for (int j = 0; j < m; j++) {
    if (tw_is_none(to[j]) || !same_type(from[j], to[j]))
      tw_graph_fail(rw.graph, TW_ERR_SHAPE, "substitute: replacement %d has another type than what it replaces", j);
    else
      tw_set_image(&rw, from[j].id, to[j]);
  }
  for (int32_t k = 0; k < rw.count && rw.graph->status == TW_OK; k++) {
    int32_t id = rw.order[k];
    if (rw.depends[id] && rw.image[id] < 0) tw_set_image(&rw, id, rebuild(&rw, tw_at(rw.graph, id)));
  }
  for (int i = 0; i < n; i++) { /* results may be the array of outputs */
    tw_expr image = tw_image(&rw, outputs[i]);
    results[i] = rw.graph->status != TW_OK ? TW_NONE : tw_is_none(image) ? outputs[i] : image;
  }
  tw_status status = rw.graph->status;
  tw_rewrite_close(&rw);
  return status;
}
