/* Comparisons of two operands and logic of two conditions: results are bool, derivatives zero. */
#include "graph/ops/elementwise.h"

static tw_expr and_simplify(const tw_args *args) {
  if (tw_same(args->in[0], args->in[1])) return args->in[0];
  return tw_simplify_broadcast(args);
}

#define CONDITION(NAME, PROMOTION, INFER, FLAGS, SIMPLIFY, SUMMARY)                                          \
  static tw_loop *NAME##_loop(tw_expr node) {                                                                \
    return tw_loop_get(TW_LOOP_##NAME, tw_dtype_of(tw_input_of(node, 0)));                                   \
  }                                                                                                          \
  static const char *NAME##_formula(tw_expr node) {                                                          \
    return tw_loop_formula(TW_LOOP_##NAME, tw_dtype_of(tw_input_of(node, 0)));                               \
  }                                                                                                          \
  static tw_expr NAME##_example(tw_graph *graph, tw_dtype dtype, int variant) {                              \
    return tw_elementwise_example(&tw_op_##NAME, PROMOTION, graph, dtype, variant);                          \
  }                                                                                                          \
  const tw_op tw_op_##NAME = {.name = #NAME,                                                                 \
                              .summary = SUMMARY,                                                            \
                              .flags = TW_OP_ELEMENTWISE | TW_OP_CONSTANT_DERIVATIVE | (FLAGS),              \
                              .arity = 2,                                                                    \
                              .infer = INFER,                                                                \
                              .simplify = SIMPLIFY,                                                          \
                              .kernel = tw_elementwise_kernel,                                               \
                              .loop = NAME##_loop,                                                           \
                              .formula = NAME##_formula,                                                     \
                              .flops = tw_flops_of_size,                                                     \
                              .example = NAME##_example,                                                     \
                              .low = -2,                                                                     \
                              .high = 2};                                                                    \
  tw_expr tw_##NAME(tw_expr a, tw_expr b) {                                                                  \
    return tw_elementwise_build(&tw_op_##NAME, PROMOTION, 2, (tw_expr[]){a, b});                             \
  }

CONDITION(eq, TW_TO_COMMON, tw_infer_compare, TW_OP_COMMUTATIVE, tw_simplify_broadcast, "a = b")
CONDITION(ne, TW_TO_COMMON, tw_infer_compare, TW_OP_COMMUTATIVE, tw_simplify_broadcast, "a != b")
CONDITION(lt, TW_TO_COMMON, tw_infer_compare, 0, tw_simplify_broadcast, "a < b")
CONDITION(le, TW_TO_COMMON, tw_infer_compare, 0, tw_simplify_broadcast, "a <= b")
CONDITION(and, TW_TO_BOOL, tw_infer_logic, TW_OP_COMMUTATIVE, and_simplify, "a and b")
CONDITION(or, TW_TO_BOOL, tw_infer_logic, TW_OP_COMMUTATIVE, and_simplify, "a or b")

tw_expr tw_gt(tw_expr a, tw_expr b) {
  return tw_lt(b, a);
}

tw_expr tw_ge(tw_expr a, tw_expr b) {
  return tw_le(b, a);
}
