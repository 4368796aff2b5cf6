/* Reverse mode: cotangents from outputs to inputs, each a new expression. */
#include "graph/transform/guard.h"
#include "graph/transform/rewrite.h"

#include <stdlib.h>

static void accumulate(tw_rewrite *rw, tw_expr at, tw_expr cotangent) {
  if (tw_is_none(cotangent) || at.id >= rw->limit || !rw->depends[at.id]) return;
  tw_expr so_far = tw_image(rw, at);
  tw_set_image(rw, at.id, tw_is_none(so_far) ? cotangent : tw_add(so_far, cotangent));
}

/* Element-wise ops: (d node / d in_i) cotangent, summed over what broadcasting repeated. */
static void elementwise_vjp(const tw_rewrite *rw, tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  for (int i = 0; i < tw_arity_of(node); i++) {
    tw_expr in = tw_input_of(node, i);
    if (!rw->depends[in.id] || !tw_is_float(tw_dtype_of(in))) continue;
    tw_expr partial = tw_op_of(node)->partial(node, i);
    if (tw_is_none(partial)) continue;
    cotangents[i] = tw_unbroadcast(tw_broadcast(tw_chain(partial, cotangent), tw_shape_of(node)), tw_shape_of(in));
  }
}

static void node_vjp(tw_rewrite *rw, tw_expr node, tw_expr cotangent) {
  const tw_op *op = tw_op_of(node);
  if ((op->flags & TW_OP_CONSTANT_DERIVATIVE) || !tw_is_float(tw_dtype_of(node))) return;
  int n = tw_arity_of(node);
  tw_expr few[TW_FEW], *cotangents = tw_exprs(rw->graph, n, few);
  if (!cotangents) return;
  const char *outer = tw_scope_enter(node);
  for (int i = 0; i < n; i++) cotangents[i] = rw->depends[tw_input_of(node, i).id] ? TW_NONE : TW_UNASKED;
  if (op->vjp)
    op->vjp(node, cotangent, cotangents);
  else if (op->partial)
    elementwise_vjp(rw, node, cotangent, cotangents);
  else
    tw_graph_fail(rw->graph, TW_ERR_UNSUPPORTED, "%s: has no derivative rule", op->name);
  for (int i = 0; i < n && rw->graph->status == TW_OK; i++) accumulate(rw, tw_input_of(node, i), cotangents[i]);
  tw_scope_leave(rw->graph, outer);
  if (cotangents != few) free(cotangents);
}

tw_status tw_vjp(int n, const tw_expr *outputs, const tw_expr *cotangents, int m, const tw_expr *inputs,
                 tw_expr *results) {
  if ((n > 0 && (!outputs || !cotangents)) || (m > 0 && (!inputs || !results))) return TW_ERR_ARGUMENT;
  tw_rewrite rw;
  for (int j = 0; j < m; j++) results[j] = TW_NONE;
  if (!tw_rewrite_open(&rw, n, outputs, m, inputs)) return rw.graph ? rw.graph->status : TW_ERR_ARGUMENT;
  bool *leaf = calloc((size_t)rw.limit + 1, sizeof *leaf);
  if (!leaf) tw_graph_fail(rw.graph, TW_ERR_MEMORY, "out of memory transforming the graph");
  for (int j = 0; j < m && leaf; j++) leaf[inputs[j].id] = true;
  for (int i = 0; i < n && rw.graph->status == TW_OK; i++) {
    tw_shape want = tw_shape_of(outputs[i]), have = tw_shape_of(cotangents[i]);
    if (!tw_is_none(cotangents[i]) && !tw_shape_equal(&want, &have))
      tw_graph_fail(rw.graph, TW_ERR_SHAPE, "vjp: cotangent %d has another shape than its output", i);
    accumulate(&rw, outputs[i], cotangents[i]);
  }
  for (int32_t k = rw.count - 1; k >= 0 && rw.graph->status == TW_OK; k--) {
    tw_expr node = tw_at(rw.graph, rw.order[k]), cotangent = tw_image(&rw, node);
    if (rw.depends[node.id] && !leaf[node.id] && !tw_is_none(cotangent)) node_vjp(&rw, node, cotangent);
  }
  for (int j = 0; j < m && rw.graph->status == TW_OK; j++) results[j] = tw_image(&rw, inputs[j]);
  free(leaf);
  tw_status status = rw.graph->status;
  tw_rewrite_close(&rw);
  return status;
}
