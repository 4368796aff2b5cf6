/* scatter_add: values added up at integer positions of an array of zeros. Linear, with take as its adjoint.
 */
#include "graph/ops/index.h"

#include <string.h>

/* Operands: the index arrays, then the value. */
static bool scatter_infer(const tw_args *args, tw_type *type) {
  tw_shape shape = tw_attr_shape(args->attr), positions, slots;
  if (!tw_shape_possible(args->graph, "scatter_add", &shape)) return false;
  int n = args->n - 1;
  tw_shape value = tw_shape_of(args->in[n]);
  if (!tw_infer_positions(args, &shape, n, 0, &positions) ||
      !tw_slots_shape(args, &positions, &shape, n, &slots))
    return false;
  if (!tw_shape_equal(&slots, &value))
    return tw_fail_shapes(args->graph, "scatter_add", &value, &slots, "of value and of the places differ");
  *type = (tw_type){tw_dtype_of(args->in[n]), shape};
  return true;
}

/* out[slot of p] += value[p] for p in C order, so that the sums do not depend on anything else. */
#define SCATTER(type, sum_type)                                                                              \
  do {                                                                                                       \
    type *out = call->out;                                                                                   \
    const type *value = call->in[n];                                                                         \
    for (int64_t p = 0; p < g.count; p++) {                                                                  \
      int64_t slot = tw_gather_slot(&g, p);                                                                  \
      if (slot < 0) return tw_gather_fail(call, &g, p);                                                      \
      type *to = out + slot * g.tail;                                                                        \
      const type *from = value + p * g.tail;                                                                 \
      for (int64_t i = 0; i < g.tail; i++) to[i] = (type)((sum_type)to[i] + (sum_type)from[i]);              \
    }                                                                                                        \
  } while (0)

static tw_status scatter_kernel(const tw_call *call) {
  tw_shape shape = tw_shape_of(call->node);
  tw_dtype dtype = tw_dtype_of(call->node);
  int n = tw_arity_of(call->node) - 1;
  tw_gather g = tw_gather_make(call, &shape, n, 0);
  size_t bytes = (size_t)tw_size_of(call->node) * tw_dtype_get(dtype)->size;
  if (bytes) memset(call->out, 0, bytes);
  TW_ADD_BY_DTYPE(dtype, SCATTER)
  return TW_OK;
}

static void scatter_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const int n = tw_arity_of(node) - 1;
  const tw_shape shape = tw_shape_of(node);
  const long long tail = (long long)tw_shape_split(&shape, n, 0).inner;
  tw_text slot = {0}, to = {0}, from = {0};
  char j[TW_EMIT_NAME];
  tw_emit_zeros(e, node, out);
  tw_emit_open(e, "for (int64_t i = 0; i < %lld; i++)", (long long)tw_size_of(tw_input_of(node, 0)));
  tw_emit_slot(e, &shape, n, in, &slot);
  tw_emit_name(e, "j", j);
  tw_text_printf(&to, "%s[%s * %lld + %s]", out, slot.data ? slot.data : "", tail, j);
  tw_text_printf(&from, "%s[i * %lld + %s]", in[n], tail, j);
  if (to.failed || from.failed) e->text->failed = true;
  tw_emit_open(e, "for (int64_t %s = 0; %s < %lld; %s++)", j, j, tail, j);
  tw_emit_add_to(e, tw_dtype_of(node), to.data ? to.data : "", from.data ? from.data : "");
  tw_emit_close(e);
  tw_emit_close(e);
  tw_text_free(&slot);
  tw_text_free(&to);
  tw_text_free(&from);
}

static tw_expr scatter_jvp(tw_expr node, const tw_expr *tangents) {
  int n = tw_arity_of(node) - 1;
  tw_expr in[TW_MAX_RANK + 1];
  for (int i = 0; i < n; i++) in[i] = tw_input_of(node, i);
  in[n] = tangents[n];
  return tw_is_none(in[n]) ? TW_NONE : tw_node(node.graph, &tw_op_scatter_add, n + 1, in, tw_attr_of(node));
}

static void scatter_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  int n = tw_arity_of(node) - 1;
  tw_expr index[TW_MAX_RANK];
  for (int i = 0; i < n; i++) index[i] = tw_input_of(node, i);
  cotangents[n] = tw_take(cotangent, n, index);
}

/* Entries of the batch are added up apart: the result has one more leading axis, which 0, 1, .. indexes. */
static tw_expr scatter_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  int n = tw_arity_of(node) - 1;
  tw_expr all[TW_MAX_RANK + 2];
  int count = tw_batch_positions(node.graph, size, n, in, batched, true, all);
  all[count] = tw_batched(in[n], batched[n], size);
  tw_shape shape = tw_shape_insert(tw_shape_of(node), 0, size);
  tw_shape_attr attr = tw_shape_attr_of(&shape);
  return tw_node(node.graph, &tw_op_scatter_add, count + 1, all, &attr);
}

static double scatter_flops(tw_expr node) {
  return tw_flops_of_size(tw_input_of(node, tw_arity_of(node) - 1));
}

static tw_expr scatter_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const int64_t rows[] = {2, 0, 2, 3}, columns[] = {1, 2, 1, 1};
  tw_expr index[2] = {tw_example_index(graph, TW_SHAPE(4), rows),
                      tw_example_index(graph, TW_SHAPE(4), columns)};
  switch (variant) {
  case 0:
    return tw_scatter_add(graph, TW_SHAPE(5), 1, index, tw_input(graph, "value", dtype, TW_SHAPE(4)));
  case 1:
    return tw_scatter_add(graph, TW_SHAPE(4, 3), 1, index, tw_input(graph, "value", dtype, TW_SHAPE(4, 3)));
  case 2:
    return tw_scatter_add(graph, TW_SHAPE(4, 3, 2), 2, index,
                          tw_input(graph, "value", dtype, TW_SHAPE(4, 2)));
  default:
    return TW_NONE;
  }
}

const tw_op tw_op_scatter_add = {
    .name = "scatter_add",
    .summary = "values added up at integer positions of zeros",
    .kind = TW_OP_KIND_LOOKUP,
    .arity = -1,
    .attr_bytes = sizeof(tw_shape_attr),
    .infer = scatter_infer,
    .kernel = scatter_kernel,
    .jvp = scatter_jvp,
    .vjp = scatter_vjp,
    .batch = scatter_batch,
    .flops = scatter_flops,
    .emit = scatter_emit,
    .example = scatter_example,
    .low = -2,
    .high = 2,
};

tw_expr tw_scatter_add(tw_graph *graph, tw_shape shape, int n, const tw_expr *index, tw_expr value) {
  tw_expr all[TW_MAX_RANK + 1];
  if (!graph || !tw_operands("scatter_add", 1, &value)) return TW_NONE;
  if (n > 0 && !index) return tw_graph_fail(graph, TW_ERR_ARGUMENT, "scatter_add: the index arrays are NULL");
  if (n < 0 || n > TW_MAX_RANK || n > shape.rank)
    return tw_graph_fail(graph, TW_ERR_ARGUMENT, "scatter_add: %d index arrays for a shape of rank %d", n,
                         shape.rank);
  if (n == 0) return tw_broadcast(value, shape);
  for (int i = 0; i < n; i++) all[i] = index[i];
  all[n] = value;
  if (!tw_operands("scatter_add", n + 1, all) || !tw_index_prepare("scatter_add", n, index, all))
    return TW_NONE;
  if (tw_dtype_of(value) == TW_BOOL) value = tw_cast(value, TW_I64);
  tw_shape slots = tw_shape_of(all[0]), have = tw_shape_of(value), joined;
  if (slots.rank + shape.rank - n <= TW_MAX_RANK)
    for (int axis = n; axis < shape.rank; axis++) slots.dim[slots.rank++] = shape.dim[axis];
  all[n] = tw_shape_broadcast(&slots, &have, &joined) && tw_shape_equal(&slots, &joined)
               ? tw_broadcast(value, slots)
               : value; /* the shape rule says what is wrong */
  tw_shape_attr attr = tw_shape_attr_of(&shape);
  return tw_node(graph, &tw_op_scatter_add, n + 1, all, &attr);
}
