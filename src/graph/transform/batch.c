/* Batching: one evaluation for many values of some inputs, along a new leading axis. */
#include "graph/transform/rewrite.h"

#include <stdlib.h>

static tw_shape with_leading(int64_t size, tw_shape shape) {
  tw_shape out = {.rank = shape.rank + 1};
  out.dim[0] = size;
  for (int i = 0; i < shape.rank && i + 1 < TW_MAX_RANK; i++) out.dim[i + 1] = shape.dim[i];
  return out;
}

/* A batched operand of smaller rank gets axes of extent 1 after the batch axis, so that it broadcasts. */
static tw_expr align(tw_expr batched, int rank) {
  tw_shape shape = tw_shape_of(batched), out = {.rank = rank + 1};
  int missing = rank + 1 - shape.rank;
  if (missing <= 0 || out.rank > TW_MAX_RANK) return batched;
  out.dim[0] = shape.dim[0];
  for (int i = 1; i <= missing; i++) out.dim[i] = 1;
  for (int i = 1; i < shape.rank; i++) out.dim[i + missing] = shape.dim[i];
  return tw_reshape(batched, out);
}

static tw_expr elementwise_batch(tw_expr node, tw_expr *in, const bool *batched) {
  for (int i = 0; i < tw_arity_of(node); i++)
    if (batched[i]) in[i] = align(in[i], tw_shape_of(node).rank);
  return tw_node(node.graph, tw_op_of(node), tw_arity_of(node), in, tw_attr_of(node));
}

tw_expr tw_batch_by_loop(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  tw_expr few[TW_FEW], *one = tw_exprs(node.graph, tw_arity_of(node), few);
  if (!one) return TW_NONE;
  tw_expr k = tw_input(node.graph, "batch", TW_I64, TW_SCALAR);
  for (int i = 0; i < tw_arity_of(node); i++) one[i] = batched[i] ? tw_take(in[i], 1, &k) : in[i];
  tw_expr e = tw_node(node.graph, tw_op_of(node), tw_arity_of(node), one, tw_attr_of(node));
  if (one != few) free(one);
  return tw_loop_stack(k, size, e);
}

static tw_expr node_batch(const tw_rewrite *rw, tw_expr node, int64_t size) {
  const tw_op *op = tw_op_of(node);
  int n = tw_arity_of(node);
  tw_expr few[TW_FEW], *in = tw_inputs(node, few), result = TW_NONE;
  bool few_batched[TW_FEW], *batched = n <= TW_FEW ? few_batched : malloc((size_t)n * sizeof *batched);
  if (!in || !batched) {
    tw_graph_fail(rw->graph, TW_ERR_MEMORY, "out of memory transforming the graph");
  } else if (tw_shape_of(node).rank == TW_MAX_RANK) {
    tw_graph_fail(rw->graph, TW_ERR_SHAPE, "batch: %s has rank %d already, the largest", op->name, TW_MAX_RANK);
  } else {
    for (int i = 0; i < n; i++) {
      tw_expr image = tw_image(rw, in[i]);
      batched[i] = !tw_is_none(image);
      if (batched[i]) in[i] = image;
    }
    const char *outer = tw_scope_enter(node);
    if (op->batch)
      result = op->batch(node, size, in, batched);
    else if (op->flags & TW_OP_ELEMENTWISE)
      result = elementwise_batch(node, in, batched);
    else
      result = tw_batch_by_loop(node, size, in, batched);
    tw_scope_leave(rw->graph, outer);
  }
  if (batched != few_batched) free(batched);
  if (in != few) free(in);
  return result;
}

tw_status tw_batch(int n, const tw_expr *outputs, int m, const tw_expr *inputs, const tw_expr *replacements,
                   int64_t size, tw_expr *results) {
  if ((n > 0 && (!outputs || !results)) || (m > 0 && (!inputs || !replacements))) return TW_ERR_ARGUMENT;
  tw_rewrite rw;
  if (!tw_rewrite_open(&rw, n, outputs, m, inputs)) {
    for (int i = 0; i < n; i++) results[i] = TW_NONE;
    return rw.graph ? rw.graph->status : TW_ERR_ARGUMENT;
  }
  for (int j = 0; j < m; j++) {
    tw_shape want = with_leading(size, tw_shape_of(inputs[j])), have = tw_shape_of(replacements[j]);
    if (tw_is_none(replacements[j]) || !tw_shape_equal(&want, &have) ||
        tw_dtype_of(inputs[j]) != tw_dtype_of(replacements[j]))
      tw_graph_fail(rw.graph, TW_ERR_SHAPE, "batch: replacement %d needs the type of its input and a leading axis of %lld",
                    j, (long long)size);
    else
      tw_set_image(&rw, inputs[j].id, replacements[j]);
  }
  for (int32_t k = 0; k < rw.count && rw.graph->status == TW_OK; k++) {
    int32_t id = rw.order[k];
    if (rw.depends[id] && rw.image[id] < 0) tw_set_image(&rw, id, node_batch(&rw, tw_at(rw.graph, id), size));
  }
  for (int i = 0; i < n; i++) { /* results may be the array of outputs */
    tw_expr image = tw_image(&rw, outputs[i]);
    bool ok = rw.graph->status == TW_OK;
    if (ok && tw_is_none(image)) image = tw_broadcast(outputs[i], with_leading(size, tw_shape_of(outputs[i])));
    results[i] = ok ? image : TW_NONE;
  }
  tw_status status = rw.graph->status;
  tw_rewrite_close(&rw);
  return status;
}
