/* reduce_max and reduce_min. With m_i = 1 where x_i attains the extremum and 0 elsewhere, the derivative is
 * m_i / sum_j m_j: ties share it equally. */
#include "graph/ops/reduce.h"

/* An extremum of equal elements is one of them. */
static tw_expr extremum_simplify(const tw_args *args) {
  const tw_expr x = args->in[0];
  tw_type type;
  if (tw_op_of(x) != &tw_op_fill || !tw_reduce_infer_some(args, &type)) return tw_reduce_trivial(args);
  return tw_fill(x.graph, type.dtype, type.shape, ((const tw_fill_attr *)tw_attr_of(x))->value);
}

/* m_i / sum_j m_j in the shape of x. */
static tw_expr shares(tw_expr node) {
  const tw_expr x = tw_input_of(node, 0);
  const tw_expr mask = tw_cast(tw_eq(x, tw_reduce_restore(node, node)), tw_dtype_of(x));
  const tw_expr ties = tw_reduce_node(&tw_op_sum, mask, tw_reduce_axes(node));
  return tw_div(mask, tw_reduce_restore(node, ties));
}

static tw_expr extremum_jvp(tw_expr node, const tw_expr *tangents) {
  return tw_reduce_node(&tw_op_sum, tw_mul(shares(node), tangents[0]), tw_reduce_axes(node));
}

static void extremum_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  cotangents[0] = tw_mul(shares(node), tw_reduce_restore(node, cotangent));
}

#define EXTREMUM(NAME, FOLD, WRITTEN, SUMMARY)                                                               \
  static tw_status NAME##_kernel(const tw_call *call) {                                                      \
    return tw_reduce_run(call, FOLD, FOLD);                                                                  \
  }                                                                                                          \
  static void NAME##_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {             \
    tw_reduce_emit(e, node, WRITTEN, in, out);                                                               \
  }                                                                                                          \
  static tw_expr NAME##_example(tw_graph *graph, tw_dtype dtype, int variant) {                              \
    return tw_reduce_example(&tw_op_##NAME, false, graph, dtype, variant);                                   \
  }                                                                                                          \
  const tw_op tw_op_##NAME = {.name = #NAME,                                                                 \
                              .summary = SUMMARY,                                                            \
                              .kind = TW_OP_KIND_REDUCTION,                                                  \
                              .arity = 1,                                                                    \
                              .attr_bytes = sizeof(tw_axes_attr),                                            \
                              .infer = tw_reduce_infer_some,                                                 \
                              .simplify = extremum_simplify,                                                 \
                              .kernel = NAME##_kernel,                                                       \
                              .scratch = tw_reduce_scratch,                                                  \
                              .jvp = extremum_jvp,                                                           \
                              .vjp = extremum_vjp,                                                           \
                              .batch = tw_reduce_batch,                                                      \
                              .flops = tw_reduce_flops,                                                      \
                              .emit = NAME##_emit,                                                           \
                              .example = NAME##_example,                                                     \
                              .low = -2,                                                                     \
                              .high = 2};                                                                    \
  tw_expr tw_##NAME(tw_expr x, unsigned axes, bool keep) {                                                   \
    return tw_reduce_build(&tw_op_##NAME, x, axes, keep);                                                    \
  }

EXTREMUM(reduce_max, TW_FOLD_MAX, "max", "largest element; NaN wins")
EXTREMUM(reduce_min, TW_FOLD_MIN, "min", "smallest element; NaN wins")
