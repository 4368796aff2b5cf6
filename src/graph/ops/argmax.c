/* argmax and argmin_index: the first position of the extremum along an axis; NaN counts as the extremum. */
#include "graph/ops/reduce.h"

/* index[c] = first r at which x[r * inner + c] is better than all before it. */
#define SEARCH(name, T, BETTER)                                                                              \
  static void name(const void *data, tw_extents e, int64_t *index) {                                         \
    for (int64_t k = 0; k < e.outer * e.inner; k++) {                                                        \
      const T *x = (const T *)data + k / e.inner * e.middle * e.inner + k % e.inner;                         \
      int64_t found = 0;                                                                                     \
      for (int64_t r = 1; r < e.middle; r++) {                                                               \
        const T a = x[r * e.inner], b = x[found * e.inner];                                                  \
        if (BETTER) found = r;                                                                               \
      }                                                                                                      \
      index[k] = found;                                                                                      \
    }                                                                                                        \
  }
#define SEARCHES(name, ORDER)                                                                                \
  SEARCH(name##_f64, double, (b == b) && ((a ORDER b) || a != a))                                            \
  SEARCH(name##_f32, float, (b == b) && ((a ORDER b) || a != a))                                             \
  SEARCH(name##_i64, int64_t, a ORDER b)                                                                     \
  SEARCH(name##_i32, int32_t, a ORDER b)                                                                     \
  SEARCH(name##_u8, uint8_t, a ORDER b)
SEARCHES(largest, >)
SEARCHES(smallest, <)

typedef void search(const void *data, tw_extents extents, int64_t *index);

static tw_status run(const tw_call *call, search *const by_dtype[TW_DTYPE_COUNT]) {
  by_dtype[tw_dtype_of(tw_input_of(call->node, 0))](call->in[0], tw_reduce_extents(call->node), call->out);
  return TW_OK;
}

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

#define INDEX(NAME, PREFIX, SUMMARY)                                                                         \
  static tw_status NAME##_kernel(const tw_call *call) {                                                      \
    static search *const by_dtype[TW_DTYPE_COUNT] = {PREFIX##_f64, PREFIX##_f32, PREFIX##_i64,               \
                                                     PREFIX##_i32, PREFIX##_u8,  PREFIX##_u8};               \
    return run(call, by_dtype);                                                                              \
  }                                                                                                          \
  static tw_expr NAME##_example(tw_graph *graph, tw_dtype dtype, int variant) {                              \
    return index_example(&tw_op_##NAME, graph, dtype, variant);                                              \
  }                                                                                                          \
  const tw_op tw_op_##NAME = {.name = #NAME,                                                                 \
                              .summary = SUMMARY,                                                            \
                              .flags = TW_OP_CONSTANT_DERIVATIVE,                                            \
                              .arity = 1,                                                                    \
                              .attr_bytes = sizeof(tw_axes_attr),                                            \
                              .infer = index_infer,                                                          \
                              .kernel = NAME##_kernel,                                                       \
                              .batch = tw_reduce_batch,                                                      \
                              .flops = tw_reduce_flops,                                                      \
                              .example = NAME##_example,                                                     \
                              .low = -2,                                                                     \
                              .high = 2};                                                                    \
  tw_expr tw_##NAME(tw_expr x, int axis) {                                                                   \
    return index_build(&tw_op_##NAME, x, axis);                                                              \
  }

INDEX(argmax, largest, "first position of the largest element along an axis")
INDEX(argmin_index, smallest, "first position of the smallest element along an axis")
