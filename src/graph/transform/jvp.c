/* Forward mode: tangents from inputs to outputs, each a new expression. */
#include "graph/transform/guard.h"
#include "graph/transform/rewrite.h"

#include <stdlib.h>

static tw_expr add_or(tw_expr a, tw_expr b) { return tw_is_none(a) ? b : tw_is_none(b) ? a : tw_add(a, b); }

/* Element-wise ops: sum_i (d node / d in_i) t_i, in node's shape. */
static tw_expr elementwise_jvp(tw_expr node, const tw_expr *tangents) {
  tw_expr sum = TW_NONE;
  for (int i = 0; i < tw_arity_of(node); i++) {
    if (tw_is_none(tangents[i])) continue;
    tw_expr partial = tw_op_of(node)->partial(node, i);
    if (!tw_is_none(partial)) sum = add_or(sum, tw_chain(partial, tangents[i]));
  }
  return tw_is_none(sum) ? sum : tw_broadcast(sum, tw_shape_of(node));
}

static tw_expr node_jvp(const tw_rewrite *rw, tw_expr node) {
  const tw_op *op = tw_op_of(node);
  if ((op->flags & TW_OP_CONSTANT_DERIVATIVE) || !tw_is_float(tw_dtype_of(node))) return TW_NONE;
  tw_expr few[TW_FEW], *tangents = tw_exprs(rw->graph, tw_arity_of(node), few), result = TW_NONE;
  if (!tangents) return TW_NONE;
  bool any = false;
  for (int i = 0; i < tw_arity_of(node); i++) {
    tangents[i] = tw_image(rw, tw_input_of(node, i));
    any |= !tw_is_none(tangents[i]);
  }
  if (any) {
    const char *outer = tw_scope_enter(node);
    if (op->jvp)
      result = op->jvp(node, tangents);
    else if (op->partial)
      result = elementwise_jvp(node, tangents);
    else
      tw_graph_fail(rw->graph, TW_ERR_UNSUPPORTED, "%s: has no derivative rule", op->name);
    tw_scope_leave(rw->graph, outer);
  }
  if (tangents != few) free(tangents);
  return result;
}

tw_status tw_jvp(int n, const tw_expr *outputs, int m, const tw_expr *inputs, const tw_expr *tangents,
                 tw_expr *results) {
  if ((n > 0 && (!outputs || !results)) || (m > 0 && (!inputs || !tangents))) return TW_ERR_ARGUMENT;
  tw_rewrite rw;
  for (int i = 0; i < n; i++) results[i] = TW_NONE;
  if (!tw_rewrite_open(&rw, n, outputs, m, inputs)) return rw.graph ? rw.graph->status : TW_ERR_ARGUMENT;
  bool *seed = calloc((size_t)rw.limit + 1, sizeof *seed);
  if (!seed) tw_graph_fail(rw.graph, TW_ERR_MEMORY, "out of memory transforming the graph");
  for (int j = 0; j < m && seed; j++) {
    seed[inputs[j].id] = true;
    tw_shape want = tw_shape_of(inputs[j]), have = tw_shape_of(tangents[j]);
    if (tw_is_none(tangents[j])) continue;
    if (!tw_shape_equal(&want, &have))
      tw_graph_fail(rw.graph, TW_ERR_SHAPE, "jvp: tangent %d has another shape than its input", j);
    tw_set_image(&rw, inputs[j].id, tangents[j]);
  }
  for (int32_t k = 0; k < rw.count && rw.graph->status == TW_OK; k++) {
    int32_t id = rw.order[k];
    if (rw.depends[id] && !seed[id]) tw_set_image(&rw, id, node_jvp(&rw, tw_at(rw.graph, id)));
  }
  for (int i = 0; i < n && rw.graph->status == TW_OK; i++) results[i] = tw_image(&rw, outputs[i]);
  free(seed);
  tw_status status = rw.graph->status;
  tw_rewrite_close(&rw);
  return status;
}
