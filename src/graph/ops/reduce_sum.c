/* sum, and what is built of it: mean, unbroadcast, trace. */
#include "graph/ops/reduce.h"

/* Integers and bool are counted in i64. */
static bool sum_infer(const tw_args *args, tw_type *type) {
  if (!tw_reduce_infer(args, type)) return false;
  if (tw_dtype_get(type->dtype)->kind != TW_KIND_FLOAT) type->dtype = TW_I64;
  return true;
}

/* True when `small` broadcasts to `shape` by repetition along all of the axes; `rest` is small without them.
 */
static bool repeats_along(const tw_shape *small, const tw_shape *shape, tw_axes_attr axes, tw_shape *rest) {
  const int shift = shape->rank - small->rank;
  *rest = *small;
  for (int64_t k = axes.first + axes.count - 1; k >= axes.first; k--) {
    if (k < shift) continue;
    if (small->dim[k - shift] != 1) return false;
    *rest = tw_shape_remove(*rest, (int)k - shift);
  }
  return true;
}

/* The sum of n equal elements is n times one. */
static tw_expr sum_of_repeated(const tw_args *args) {
  const tw_axes_attr axes = *(const tw_axes_attr *)args->attr;
  const tw_shape shape = tw_shape_of(args->in[0]);
  tw_expr x = args->in[0];
  tw_type type;
  tw_shape rest;
  if (tw_op_of(x) == &tw_op_fill)
    x = tw_fill(x.graph, tw_dtype_of(x), TW_SCALAR, ((const tw_fill_attr *)tw_attr_of(x))->value);
  else if (tw_op_of(x) == &tw_op_broadcast)
    x = tw_input_of(x, 0);
  else
    return TW_NONE;
  const tw_shape small = tw_shape_of(x);
  if (!sum_infer(args, &type) || !repeats_along(&small, &shape, axes, &rest)) return TW_NONE;
  const tw_extents extents = tw_shape_split(&shape, (int)axes.first, (int)axes.count);
  x = tw_cast(tw_reshape(x, rest), type.dtype);
  return tw_broadcast(tw_scale(x, (double)extents.middle), type.shape);
}

static tw_expr sum_simplify(const tw_args *args) {
  const tw_expr trivial = tw_reduce_trivial(args);
  return tw_is_none(trivial) ? sum_of_repeated(args) : trivial;
}

static tw_status sum_kernel(const tw_call *call) {
  return tw_reduce_run(call, TW_FOLD_SUM, TW_FOLD_SUM);
}

static tw_expr sum_jvp(tw_expr node, const tw_expr *tangents) {
  return tw_reduce_node(&tw_op_sum, tangents[0], tw_reduce_axes(node));
}

static void sum_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  cotangents[0] = tw_broadcast(tw_reduce_restore(node, cotangent), tw_shape_of(tw_input_of(node, 0)));
}

static void sum_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_reduce_emit(e, node, tw_dtype_get(tw_dtype_of(node))->kind == TW_KIND_FLOAT ? "sum" : "whole_sum", in,
                 out);
}

static tw_expr sum_example(tw_graph *graph, tw_dtype dtype, int variant) {
  return tw_reduce_example(&tw_op_sum, true, graph, dtype, variant);
}

const tw_op tw_op_sum = {.name = "sum",
                         .summary = "sum over axes, pairwise",
                         .kind = TW_OP_KIND_REDUCTION,
                         .arity = 1,
                         .attr_bytes = sizeof(tw_axes_attr),
                         .infer = sum_infer,
                         .simplify = sum_simplify,
                         .kernel = sum_kernel,
                         .scratch = tw_reduce_scratch,
                         .jvp = sum_jvp,
                         .vjp = sum_vjp,
                         .batch = tw_reduce_batch,
                         .flops = tw_reduce_flops,
                         .emit = sum_emit,
                         .example = sum_example,
                         .low = -2,
                         .high = 2};

tw_expr tw_sum(tw_expr x, unsigned axes, bool keep) {
  const tw_expr sum = tw_reduce_build(&tw_op_sum, x, axes, keep);
  if (tw_is_none(sum)) return sum;
  /* Over no axes the sum is x itself, in the dtype of sums. */
  return tw_dtype_get(tw_dtype_of(sum))->kind == TW_KIND_FLOAT ? sum : tw_cast(sum, TW_I64);
}

tw_expr tw_mean(tw_expr x, unsigned axes, bool keep) {
  if (!tw_operands("mean", 1, &x) || !tw_mask_check("mean", x, &axes)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x);
  char text[TW_SHAPE_TEXT];
  int64_t count = 1;
  for (int k = 0; k < shape.rank; k++) count *= axes >> k & 1 ? shape.dim[k] : 1;
  if (count == 0)
    return tw_graph_fail(x.graph, TW_ERR_SHAPE, "mean: no elements along the reduced axes of shape %s",
                         tw_shape_text(&shape, text));
  if (tw_dtype_get(tw_dtype_of(x))->kind != TW_KIND_FLOAT) x = tw_cast(x, TW_F64);
  const tw_expr sum = tw_sum(x, axes, keep);
  return tw_div(sum, tw_weak(sum, (double)count));
}

tw_expr tw_unbroadcast(tw_expr x, tw_shape shape) {
  if (!tw_operands("unbroadcast", 1, &x)) return TW_NONE;
  const tw_shape from = tw_shape_of(x);
  const int shift = from.rank - shape.rank;
  tw_shape joint;
  unsigned axes = 0;
  if (shift < 0 || !tw_shape_broadcast(&shape, &from, &joint) || !tw_shape_equal(&joint, &from)) {
    tw_fail_shapes(x.graph, "unbroadcast", &from, &shape,
                   "do not fit: the second must broadcast to the first");
    return TW_NONE;
  }
  for (int k = 0; k < from.rank; k++)
    if (k < shift || shape.dim[k - shift] != from.dim[k]) axes |= 1u << k;
  return axes ? tw_reshape(tw_reduce_build(&tw_op_sum, x, axes, false), shape) : x;
}

tw_expr tw_trace(tw_expr x) {
  if (!tw_operands("trace", 1, &x)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x);
  char text[TW_SHAPE_TEXT];
  if (shape.rank < 2)
    return tw_graph_fail(x.graph, TW_ERR_SHAPE, "trace: shape %s, expected a matrix",
                         tw_shape_text(&shape, text));
  return tw_sum(tw_diag(x), 1u << (shape.rank - 2), false);
}
