/* Checks and small expressions that shape rules and builders share. */
#include "graph/ops/build.h"

#include <string.h>

bool tw_operands(const char *op, int n, const tw_expr *x) {
  tw_graph *graph = NULL;
  for (int i = 0; i < n && !graph; i++) graph = x[i].graph;
  if (!graph || tw_graph_status(graph)) return false;
  for (int i = 0; i < n; i++) {
    if (tw_is_none(x[i])) {
      tw_graph_fail(graph, TW_ERR_ARGUMENT, "%s: operand %d is no expression", op, i + 1);
      return false;
    }
    if (x[i].graph != graph) {
      tw_graph_fail(graph, TW_ERR_ARGUMENT, "%s: operand %d belongs to another graph", op, i + 1);
      return false;
    }
  }
  return true;
}

bool tw_fail_shapes(tw_graph *graph, const char *op, const tw_shape *a, const tw_shape *b, const char *what) {
  char first[TW_SHAPE_TEXT], second[TW_SHAPE_TEXT];
  tw_graph_fail(graph, TW_ERR_SHAPE, "%s: shapes %s and %s %s", op, tw_shape_text(a, first),
                tw_shape_text(b, second), what);
  return false;
}

bool tw_shape_possible(tw_graph *graph, const char *op, const tw_shape *shape) {
  char text[TW_SHAPE_TEXT];
  int64_t size = tw_shape_size(shape);
  if (size >= 0 && size <= INT64_MAX / 16) return true;
  tw_graph_fail(graph, TW_ERR_SHAPE, "%s: shape %s %s", op, tw_shape_text(shape, text),
                size < 0 ? "has a negative extent or too many elements" : "has too many elements");
  return false;
}

bool tw_axis_check(tw_graph *graph, const char *op, const tw_shape *shape, int *axis) {
  char text[TW_SHAPE_TEXT];
  if (*axis >= -shape->rank && *axis < shape->rank) {
    if (*axis < 0) *axis += shape->rank;
    return true;
  }
  tw_graph_fail(graph, TW_ERR_SHAPE, "%s: no axis %d in shape %s", op, *axis, tw_shape_text(shape, text));
  return false;
}

tw_expr tw_weak(tw_expr x, double value) {
  if (tw_is_none(x)) return TW_NONE;
  return tw_fill(x.graph, tw_dtype_of(x), TW_SCALAR, value);
}

bool tw_is_constant(tw_expr e, double value) {
  double c;
  return tw_constant_value(e, &c) && c == value;
}

tw_shape tw_shape_insert(tw_shape shape, int axis, int64_t extent) {
  for (int k = shape.rank; k > axis; k--) shape.dim[k] = shape.dim[k - 1];
  shape.dim[axis] = extent;
  shape.rank++;
  return shape;
}

tw_shape tw_shape_remove(tw_shape shape, int axis) {
  shape.rank--;
  for (int k = axis; k < shape.rank; k++) shape.dim[k] = shape.dim[k + 1];
  shape.dim[shape.rank] = 0;
  return shape;
}

tw_extents tw_shape_split(const tw_shape *shape, int first, int count) {
  tw_extents e = {1, 1, 1};
  for (int k = 0; k < shape->rank; k++)
    *(k < first ? &e.outer : k < first + count ? &e.middle : &e.inner) *= shape->dim[k];
  return e;
}

double tw_flops_of_size(tw_expr node) {
  return (double)tw_size_of(node);
}

double tw_bytes_of_part(tw_expr node) {
  double bytes = 2 * tw_flops_of_size(node) * (double)tw_dtype_get(tw_dtype_of(node))->size;
  for (int i = 1; i < tw_arity_of(node); i++) {
    const tw_expr in = tw_input_of(node, i);
    bytes += tw_flops_of_size(in) * (double)tw_dtype_get(tw_dtype_of(in))->size;
  }
  return bytes;
}

double tw_flops_none(tw_expr node) {
  (void)node;
  return 0;
}

int64_t tw_alias_start(tw_expr node) {
  (void)node;
  return 0;
}

tw_status tw_copy_kernel(const tw_call *call) {
  const size_t element = tw_dtype_get(tw_dtype_of(call->node))->size;
  const size_t offset = (size_t)tw_op_of(call->node)->alias(call->node) * element;
  memcpy(call->out, (const char *)call->in[0] + offset, (size_t)tw_size_of(call->node) * element);
  return TW_OK;
}

int tw_call_threads(const tw_call *call, int64_t work) {
  if (!call->exec || work < TW_PARALLEL_WORK) return 1;
  return call->exec->threads;
}
