/* cumsum and cumprod. */
#include "graph/ops/cumulate.h"
#include "graph/emit/emit.h"
#include "graph/ops/index.h"

/* ------------------------------------------------------------------ what running ops share */

bool tw_cumulate_infer(const tw_args *args, tw_type *type) {
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  for (int i = 1; i < args->n; i++) {
    tw_shape other = tw_shape_of(args->in[i]);
    if (!tw_shape_equal(&type->shape, &other) || tw_dtype_of(args->in[i]) != type->dtype)
      return tw_fail_shapes(args->graph, args->op->name, &type->shape, &other,
                            "or the dtypes of operands differ");
  }
  return true;
}

tw_expr tw_cumulate_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  tw_cumulate_attr attr = *(const tw_cumulate_attr *)tw_attr_of(node);
  attr.axis++;
  tw_expr all[2];
  for (int i = 0; i < tw_arity_of(node); i++) all[i] = tw_batched(in[i], batched[i], size);
  return tw_node(node.graph, tw_op_of(node), tw_arity_of(node), all, &attr);
}

tw_lanes tw_lanes_of(tw_expr node) {
  const tw_cumulate_attr *attr = tw_attr_of(node);
  tw_shape shape = tw_shape_of(node);
  tw_extents e = tw_shape_split(&shape, (int)attr->axis, 1);
  tw_lanes lanes = {e, 0, e.inner};
  if (attr->reverse) lanes = (tw_lanes){e, (e.middle - 1) * e.inner, -e.inner};
  return lanes;
}

tw_expr tw_neighbour(tw_expr e, int axis, bool reverse, double edge) {
  tw_shape shape = tw_shape_of(e);
  int64_t n = shape.dim[axis];
  if (n == 0) return e;
  shape.dim[axis] = 1;
  tw_expr rest = tw_slice(e, axis, reverse ? 1 : 0, n - 1, 1);
  tw_expr outside = tw_fill(e.graph, tw_dtype_of(e), shape, edge);
  return tw_concat(2, reverse ? (tw_expr[]){rest, outside} : (tw_expr[]){outside, rest}, axis);
}

/* ------------------------------------------------------------------ kernels */

#define RUNTIME_FILE "graph/emit/runtime/cumulate.h"
#define RUNTIME_WHOLE
#define rt_cumsum_T TW_OF_TYPE(rt_cumsum)
#define rt_whole_cumsum_T TW_OF_TYPE(rt_whole_cumsum)
#define rt_cumprod_T TW_OF_TYPE(rt_cumprod)
#define rt_whole_cumprod_T TW_OF_TYPE(rt_whole_cumprod)
#include "graph/emit/instantiate.h"

static tw_status cumsum_kernel(const tw_call *call) {
  const tw_extents e = tw_lanes_of(call->node).extents;
  const bool reverse = ((const tw_cumulate_attr *)tw_attr_of(call->node))->reverse != 0;
  const void *x = call->in[0];
  TW_CALL_BY_DTYPE(tw_dtype_of(call->node), rt_cumsum, rt_whole_cumsum, e.outer, e.middle, e.inner, reverse,
                   x, call->out)
  return TW_OK;
}

static tw_status cumprod_kernel(const tw_call *call) {
  const tw_extents e = tw_lanes_of(call->node).extents;
  const void *x = call->in[0];
  TW_CALL_BY_DTYPE(tw_dtype_of(call->node), rt_cumprod, rt_whole_cumprod, e.outer, e.middle, e.inner, x,
                   call->out)
  return TW_OK;
}

static bool counts(tw_expr node) {
  return tw_dtype_get(tw_dtype_of(node))->kind != TW_KIND_FLOAT;
}

static void cumsum_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_extents x = tw_lanes_of(node).extents;
  tw_emit_line(e, "rt_%s_%s(%lld, %lld, %lld, %d, %s, %s);", counts(node) ? "whole_cumsum" : "cumsum",
               tw_c_short(tw_dtype_of(node)), (long long)x.outer, (long long)x.middle, (long long)x.inner,
               ((const tw_cumulate_attr *)tw_attr_of(node))->reverse != 0, in[0], out);
}

static void cumprod_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_extents x = tw_lanes_of(node).extents;
  tw_emit_line(e, "rt_%s_%s(%lld, %lld, %lld, %s, %s);", counts(node) ? "whole_cumprod" : "cumprod",
               tw_c_short(tw_dtype_of(node)), (long long)x.outer, (long long)x.middle, (long long)x.inner,
               in[0], out);
}

/* ------------------------------------------------------------------ rules */

static tw_expr cumsum_jvp(tw_expr node, const tw_expr *tangents) {
  const tw_cumulate_attr *attr = tw_attr_of(node);
  return tw_is_none(tangents[0]) ? TW_NONE : tw_cumsum(tangents[0], (int)attr->axis, attr->reverse != 0);
}

static void cumsum_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const tw_cumulate_attr *attr = tw_attr_of(node);
  cotangents[0] = tw_cumsum(cotangent, (int)attr->axis, attr->reverse == 0);
}

/* y_i = x_i y_{i-1}, so dy_i = x_i dy_{i-1} + y_{i-1} dx_i with y_{-1} = 1: nothing is divided by, zeros are
 * exact. */
static tw_expr cumprod_jvp(tw_expr node, const tw_expr *tangents) {
  int axis = (int)((const tw_cumulate_attr *)tw_attr_of(node))->axis;
  if (tw_is_none(tangents[0])) return TW_NONE;
  return tw_recurrence(tw_input_of(node, 0), tw_mul(tw_neighbour(node, axis, false, 1), tangents[0]), axis,
                       false);
}

/* The adjoint runs backwards: l_i = g_i + x_{i+1} l_{i+1}, and x_i gets l_i y_{i-1}. */
static void cumprod_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  int axis = (int)((const tw_cumulate_attr *)tw_attr_of(node))->axis;
  tw_expr l = tw_recurrence(tw_neighbour(tw_input_of(node, 0), axis, true, 0), cotangent, axis, true);
  cotangents[0] = tw_mul(l, tw_neighbour(node, axis, false, 1));
}

/* Exact zeros in the data, which random inputs lack. */
static tw_expr with_zeros(tw_expr x) {
  tw_shape shape = tw_shape_of(x);
  return tw_mul(
      x, tw_cast(tw_ne(tw_mod(tw_iota(x.graph, TW_I64, shape.dim[shape.rank - 1]), tw_integer(x.graph, 3)),
                       tw_integer(x.graph, 1)),
                 tw_dtype_of(x)));
}

static tw_expr cumsum_example(tw_graph *graph, tw_dtype dtype, int variant) {
  if (variant == 4) return tw_cumsum(tw_input(graph, "x", dtype, TW_SHAPE(0, 2)), 0, false);
  if (variant > 4) return TW_NONE;
  return tw_cumsum(tw_input(graph, "x", dtype, TW_SHAPE(3, 4)), variant / 2, variant % 2 != 0);
}

static tw_expr cumprod_example(tw_graph *graph, tw_dtype dtype, int variant) {
  switch (variant) {
  case 0:
    return tw_cumprod(tw_input(graph, "x", dtype, TW_SHAPE(5)), 0);
  case 1:
    return tw_cumprod(tw_input(graph, "x", dtype, TW_SHAPE(3, 2)), 0);
  case 2:
    return tw_cumprod(with_zeros(tw_input(graph, "x", dtype, TW_SHAPE(2, 6))), 1);
  case 3:
    return tw_cumprod(tw_input(graph, "x", dtype, TW_SHAPE(2, 0)), 1);
  default:
    return TW_NONE;
  }
}

const tw_op tw_op_cumsum = {
    .name = "cumsum",
    .summary = "running sum along one axis, from either end",
    .kind = TW_OP_KIND_SCAN,
    .arity = 1,
    .attr_bytes = sizeof(tw_cumulate_attr),
    .infer = tw_cumulate_infer,
    .kernel = cumsum_kernel,
    .jvp = cumsum_jvp,
    .vjp = cumsum_vjp,
    .batch = tw_cumulate_batch,
    .flops = tw_flops_of_size,
    .emit = cumsum_emit,
    .example = cumsum_example,
    .low = -2,
    .high = 2,
};

const tw_op tw_op_cumprod = {
    .name = "cumprod",
    .summary = "running product along one axis",
    .kind = TW_OP_KIND_SCAN,
    .arity = 1,
    .attr_bytes = sizeof(tw_cumulate_attr),
    .infer = tw_cumulate_infer,
    .kernel = cumprod_kernel,
    .jvp = cumprod_jvp,
    .vjp = cumprod_vjp,
    .batch = tw_cumulate_batch,
    .flops = tw_flops_of_size,
    .emit = cumprod_emit,
    .example = cumprod_example,
    .low = -2,
    .high = 2,
};

static tw_expr scan_node(const tw_op *op, tw_expr x, int axis, bool reverse) {
  if (!tw_operands(op->name, 1, &x)) return TW_NONE;
  tw_shape shape = tw_shape_of(x);
  if (!tw_axis_check(x.graph, op->name, &shape, &axis)) return TW_NONE;
  if (tw_dtype_of(x) == TW_BOOL) x = tw_cast(x, TW_I64);
  tw_cumulate_attr attr = {axis, reverse};
  return tw_node(x.graph, op, 1, &x, &attr);
}

tw_expr tw_cumsum(tw_expr x, int axis, bool reverse) {
  return scan_node(&tw_op_cumsum, x, axis, reverse);
}
tw_expr tw_cumprod(tw_expr x, int axis) {
  return scan_node(&tw_op_cumprod, x, axis, false);
}
