/* argmax and argmin_index: the first position of the extremum along an axis; NaN counts as the extremum. */
#include "graph/emit/emit.h"
#include "graph/ops/reduce.h"

#define RUNTIME_FILE "graph/emit/runtime/argmax.h"
#define RUNTIME_WHOLE
#define rt_is_number_T TW_OF_TYPE(rt_is_number)
#define rt_argmax_T TW_OF_TYPE(rt_argmax)
#define rt_argmin_T TW_OF_TYPE(rt_argmin)
#include "graph/emit/instantiate.h"

static bool index_infer(const tw_args *args, tw_type *type) {
  if (!tw_reduce_infer_some(args, type)) return false;
  type->dtype = TW_I64;
  return true;
}

static tw_expr index_example(const tw_op *op, tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape shape[] = {{2, {3, 4}}, {2, {3, 4}}, {3, {2, 3, 4}}, {1, {6}}, {2, {0, 3}}};
  static const int64_t axis[] = {0, 1, 1, 0, 1};
  if (variant >= 5) return TW_NONE;
  return tw_reduce_node(op, tw_input(graph, "x", dtype, shape[variant]), (tw_axes_attr){axis[variant], 1});
}

static tw_expr index_build(const tw_op *op, tw_expr x, int axis) {
  if (!tw_operands(op->name, 1, &x)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x);
  if (!tw_axis_check(x.graph, op->name, &shape, &axis)) return TW_NONE;
  return tw_reduce_node(op, x, (tw_axes_attr){axis, 1});
}

#define INDEX(NAME, SEARCH, WRITTEN, SUMMARY)                                                                \
  static tw_status NAME##_kernel(const tw_call *call) {                                                      \
    const tw_extents e = tw_reduce_extents(call->node);                                                      \
    const tw_dtype dtype = tw_dtype_of(tw_input_of(call->node, 0));                                          \
    TW_CALL_BY_DTYPE(dtype, SEARCH, SEARCH, e.outer, e.middle, e.inner, call->in[0], call->out)              \
    return TW_OK;                                                                                            \
  }                                                                                                          \
  static void NAME##_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {             \
    tw_reduce_emit(e, node, WRITTEN, in, out);                                                               \
  }                                                                                                          \
  static tw_expr NAME##_example(tw_graph *graph, tw_dtype dtype, int variant) {                              \
    return index_example(&tw_op_##NAME, graph, dtype, variant);                                              \
  }                                                                                                          \
  const tw_op tw_op_##NAME = {.name = #NAME,                                                                 \
                              .summary = SUMMARY,                                                            \
                              .kind = TW_OP_KIND_REDUCTION,                                                  \
                              .flags = TW_OP_CONSTANT_DERIVATIVE,                                            \
                              .arity = 1,                                                                    \
                              .attr_bytes = sizeof(tw_axes_attr),                                            \
                              .infer = index_infer,                                                          \
                              .kernel = NAME##_kernel,                                                       \
                              .batch = tw_reduce_batch,                                                      \
                              .flops = tw_reduce_flops,                                                      \
                              .emit = NAME##_emit,                                                           \
                              .example = NAME##_example,                                                     \
                              .low = -2,                                                                     \
                              .high = 2};                                                                    \
  tw_expr tw_##NAME(tw_expr x, int axis) {                                                                   \
    return index_build(&tw_op_##NAME, x, axis);                                                              \
  }

INDEX(argmax, rt_argmax, "argmax", "first position of the largest element along an axis")
INDEX(argmin_index, rt_argmin, "argmin", "first position of the smallest element along an axis")
