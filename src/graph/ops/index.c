/* Integer positions: checks, broadcasting and batching that take and scatter_add share. */
#include "graph/ops/index.h"

tw_gather tw_gather_make(const tw_call *call, const tw_shape *shape, int n, int first) {
  tw_gather g = {.n = n, .count = tw_size_of(tw_input_of(call->node, first)), .tail = 1};
  for (int axis = 0; axis < shape->rank; axis++) {
    if (axis < n) {
      g.index[axis] = call->in[first + axis];
      g.extent[axis] = shape->dim[axis];
    } else {
      g.tail *= shape->dim[axis];
    }
  }
  return g;
}

tw_status tw_index_fail(const tw_call *call, int64_t index, int axis, int64_t extent) {
  return tw_fail(call->error, TW_ERR_RANGE, "%s: index %lld is outside axis %d, whose extent is %lld",
                 tw_op_of(call->node)->name, (long long)index, axis, (long long)extent);
}

tw_status tw_gather_fail(const tw_call *call, const tw_gather *g, int64_t p) {
  int axis = 0;
  while (axis + 1 < g->n && (uint64_t)g->index[axis][p] < (uint64_t)g->extent[axis]) axis++;
  return tw_index_fail(call, g->index[axis][p], axis, g->extent[axis]);
}

void tw_emit_slot(tw_emitter *e, const tw_shape *shape, int n, const char *const *index, tw_text *slot) {
  for (int axis = 0; axis < n; axis++)
    tw_emit_fail_if(e, "%s[i] < 0 || %s[i] >= %lld", index[axis], index[axis], (long long)shape->dim[axis]);
  for (int axis = 1; axis < n; axis++) tw_text_puts(slot, "(");
  tw_text_printf(slot, "%s[i]", index[0]);
  for (int axis = 1; axis < n; axis++)
    tw_text_printf(slot, " * %lld + %s[i])", (long long)shape->dim[axis], index[axis]);
  if (slot->failed) e->text->failed = true;
}

void tw_emit_add_to(tw_emitter *e, tw_dtype dtype, const char *to, const char *from) {
  if (tw_is_float(dtype))
    tw_emit_line(e, "%s += %s;", to, from);
  else
    tw_emit_line(e, "%s = (%s)((uint64_t)%s + (uint64_t)%s);", to, tw_c_type(dtype), to, from);
}

bool tw_index_prepare(const char *op, int n, const tw_expr *index, tw_expr *out) {
  tw_graph *graph = index[0].graph;
  if (n < 1 || n > TW_MAX_RANK) {
    tw_graph_fail(graph, TW_ERR_ARGUMENT, "%s: 1 to %d index arrays, not %d", op, TW_MAX_RANK, n);
    return false;
  }
  tw_shape common = TW_SCALAR;
  for (int i = 0; i < n; i++) {
    tw_dtype dtype = tw_dtype_of(index[i]);
    if (tw_dtype_get(dtype)->kind != TW_KIND_INTEGER) {
      tw_graph_fail(graph, TW_ERR_DTYPE, "%s: index %d is %s; indices are integers", op, i,
                    tw_dtype_get(dtype)->name);
      return false;
    }
    tw_shape shape = tw_shape_of(index[i]), joined;
    if (!tw_shape_broadcast(&common, &shape, &joined))
      return tw_fail_shapes(graph, op, &common, &shape, "of index arrays do not broadcast");
    common = joined;
  }
  for (int i = 0; i < n; i++) out[i] = tw_broadcast(tw_cast(index[i], TW_I64), common);
  return tw_graph_status(graph) == TW_OK;
}

bool tw_infer_positions(const tw_args *args, const tw_shape *shape, int n, int first, tw_shape *positions) {
  const char *op = args->op->name;
  char text[TW_SHAPE_TEXT];
  if (n < 1 || n > shape->rank) {
    tw_graph_fail(args->graph, TW_ERR_SHAPE, "%s: %d index arrays for an array of shape %s", op, n,
                  tw_shape_text(shape, text));
    return false;
  }
  *positions = tw_shape_of(args->in[first]);
  for (int i = first; i < first + n; i++) {
    tw_shape other = tw_shape_of(args->in[i]);
    if (tw_dtype_of(args->in[i]) != TW_I64) {
      tw_graph_fail(args->graph, TW_ERR_DTYPE, "%s: index %d is %s, not i64", op, i - first,
                    tw_dtype_get(tw_dtype_of(args->in[i]))->name);
      return false;
    }
    if (!tw_shape_equal(positions, &other))
      return tw_fail_shapes(args->graph, op, positions, &other, "of index arrays differ");
  }
  return true;
}

bool tw_slots_shape(const tw_args *args, const tw_shape *positions, const tw_shape *shape, int n,
                    tw_shape *out) {
  *out = *positions;
  if (positions->rank + shape->rank - n > TW_MAX_RANK)
    return tw_fail_shapes(args->graph, args->op->name, positions, shape,
                          "of index and array give too many axes");
  for (int axis = n; axis < shape->rank; axis++) out->dim[out->rank++] = shape->dim[axis];
  return true;
}

tw_expr tw_batched(tw_expr e, bool batched, int64_t size) {
  if (batched) return e;
  tw_shape shape = tw_shape_of(e);
  if (shape.rank == TW_MAX_RANK)
    return tw_graph_fail(e.graph, TW_ERR_SHAPE, "batch: an operand has rank %d already, the largest",
                         TW_MAX_RANK);
  return tw_broadcast(e, tw_shape_insert(shape, 0, size));
}

int tw_batch_positions(tw_graph *graph, int64_t size, int n, const tw_expr *in, const bool *batched,
                       bool array_batched, tw_expr *out) {
  int count = 0;
  if (array_batched) {
    tw_shape column = {.rank = tw_shape_of(in[0]).rank + !batched[0]};
    if (column.rank > TW_MAX_RANK) {
      tw_graph_fail(graph, TW_ERR_SHAPE, "batch: index arrays have rank %d already, the largest",
                    TW_MAX_RANK);
      return 0;
    }
    for (int axis = 0; axis < column.rank; axis++) column.dim[axis] = axis == 0 ? size : 1;
    tw_expr entry = tw_reshape(tw_iota(graph, TW_I64, size), column);
    tw_shape full = tw_shape_of(tw_batched(in[0], batched[0], size));
    out[count++] = tw_broadcast(entry, full);
  }
  for (int i = 0; i < n; i++) out[count++] = tw_batched(in[i], batched[i], size);
  return count;
}

tw_expr tw_example_index(tw_graph *graph, tw_shape shape, const int64_t *values) {
  tw_array view = tw_array_view((void *)(uintptr_t)values, TW_I64, shape);
  return tw_constant(graph, &view);
}
