/* Element-wise ops of one operand: value by a loop of loops.def, derivative as an expression of the node and
 * its operand x. */
#include "graph/ops/elementwise.h"

#include <math.h>

#define PARTIAL(name, expression)                                                                            \
  static tw_expr name##_partial(tw_expr node, int i) {                                                       \
    const tw_expr x = tw_input_of(node, 0);                                                                  \
    (void)node, (void)x, (void)i;                                                                            \
    return expression;                                                                                       \
  }

static tw_expr one_minus(tw_expr x) {
  return tw_sub(tw_weak(x, 1), x);
}

static tw_expr one_plus(tw_expr x) {
  return tw_add(tw_weak(x, 1), x);
}

PARTIAL(neg, tw_fill_like(node, -1))
PARTIAL(abs, tw_sign(x))
PARTIAL(square, tw_scale(x, 2))
PARTIAL(relu, tw_cast(tw_gt(x, tw_weak(x, 0)), tw_dtype_of(x)))
PARTIAL(sqrt, tw_div(tw_weak(x, 0.5), node))
PARTIAL(reciprocal, tw_neg(tw_square(node)))
PARTIAL(exp, node)
PARTIAL(expm1, tw_exp(x)) /* node + 1 would cancel for x far below 0 */
PARTIAL(log, tw_reciprocal(x))
PARTIAL(log1p, tw_reciprocal(one_plus(x)))
PARTIAL(sin, tw_cos(x))
PARTIAL(cos, tw_neg(tw_sin(x)))
PARTIAL(tan, one_plus(tw_square(node)))
PARTIAL(asin, tw_reciprocal(tw_sqrt(tw_mul(one_minus(x), one_plus(x)))))
PARTIAL(acos, tw_neg(tw_reciprocal(tw_sqrt(tw_mul(one_minus(x), one_plus(x))))))
PARTIAL(atan, tw_reciprocal(one_plus(tw_square(x))))
PARTIAL(sinh, tw_cosh(x))
PARTIAL(cosh, tw_sinh(x))
PARTIAL(tanh, one_minus(tw_square(node)))
PARTIAL(sigmoid, tw_mul(node, one_minus(node)))
PARTIAL(softplus, tw_sigmoid(x))
PARTIAL(erf, tw_scale(tw_exp(tw_neg(tw_square(x))), 2 / sqrt(acos(-1.0)))) /* 2/sqrt(pi) e^(-x^2) */
PARTIAL(lgamma, tw_digamma(x))

/* f(f(x)) = x for these. */
static tw_expr involution(const tw_args *args) {
  if (tw_op_of(args->in[0]) == args->op) return tw_input_of(args->in[0], 0);
  return tw_simplify_broadcast(args);
}

#define UNARY(NAME, PROMOTION, INFER, FLAGS, SIMPLIFY, PARTIAL_RULE, FLOPS, LOW, HIGH, SUMMARY)              \
  static tw_loop *NAME##_loop(tw_expr node) {                                                                \
    return tw_loop_get(TW_LOOP_##NAME, tw_dtype_of(tw_input_of(node, 0)));                                   \
  }                                                                                                          \
  static const char *NAME##_formula(tw_expr node) {                                                          \
    return tw_loop_formula(TW_LOOP_##NAME, tw_dtype_of(tw_input_of(node, 0)));                               \
  }                                                                                                          \
  static double NAME##_flops(tw_expr node) {                                                                 \
    return (FLOPS)*tw_flops_of_size(node);                                                                   \
  }                                                                                                          \
  static tw_expr NAME##_example(tw_graph *graph, tw_dtype dtype, int variant) {                              \
    return tw_elementwise_example(&tw_op_##NAME, PROMOTION, graph, dtype, variant);                          \
  }                                                                                                          \
  const tw_op tw_op_##NAME = {.name = #NAME,                                                                 \
                              .summary = SUMMARY,                                                            \
                              .flags = TW_OP_ELEMENTWISE | (FLAGS),                                          \
                              .arity = 1,                                                                    \
                              .infer = INFER,                                                                \
                              .simplify = SIMPLIFY,                                                          \
                              .kernel = tw_elementwise_kernel,                                               \
                              .loop = NAME##_loop,                                                           \
                              .formula = NAME##_formula,                                                     \
                              .partial = PARTIAL_RULE,                                                       \
                              .flops = NAME##_flops,                                                         \
                              .example = NAME##_example,                                                     \
                              .low = LOW,                                                                    \
                              .high = HIGH};

/* Numbers keep their dtype. */
#define NUMBER(NAME, FLAGS, SIMPLIFY, PARTIAL_RULE, LOW, HIGH, SUMMARY)                                      \
  UNARY(NAME, TW_TO_NUMBER, tw_infer_numeric, FLAGS, SIMPLIFY, PARTIAL_RULE, 1, LOW, HIGH, SUMMARY)          \
  tw_expr tw_##NAME(tw_expr x) {                                                                             \
    return tw_elementwise_build(&tw_op_##NAME, TW_TO_NUMBER, 1, &x);                                         \
  }

/* Rounding leaves integers alone. */
#define ROUNDING(NAME, SUMMARY)                                                                              \
  UNARY(NAME, TW_TO_FLOAT, tw_infer_float, TW_OP_CONSTANT_DERIVATIVE, tw_simplify_broadcast, NULL, 1, -3, 3, \
        SUMMARY)                                                                                             \
  tw_expr tw_##NAME(tw_expr x) {                                                                             \
    if (!tw_is_none(x) && tw_dtype_get(tw_dtype_of(x))->kind != TW_KIND_FLOAT) return x;                     \
    return tw_elementwise_build(&tw_op_##NAME, TW_TO_FLOAT, 1, &x);                                          \
  }

/* Functions of a real number; integers become f64. */
#define REAL(NAME, FLOPS, LOW, HIGH, SUMMARY)                                                                \
  UNARY(NAME, TW_TO_FLOAT, tw_infer_float, 0, tw_simplify_broadcast, NAME##_partial, FLOPS, LOW, HIGH,       \
        SUMMARY)                                                                                             \
  tw_expr tw_##NAME(tw_expr x) {                                                                             \
    return tw_elementwise_build(&tw_op_##NAME, TW_TO_FLOAT, 1, &x);                                          \
  }

NUMBER(neg, 0, involution, neg_partial, -2, 2, "-x")
NUMBER(abs, 0, tw_simplify_broadcast, abs_partial, -2, 2, "|x|, derivative sign(x)")
NUMBER(sign, TW_OP_CONSTANT_DERIVATIVE, tw_simplify_broadcast, NULL, -2, 2, "-1, 0 or 1; NaN stays")
NUMBER(square, 0, tw_simplify_broadcast, square_partial, -2, 2, "x^2")
NUMBER(relu, 0, tw_simplify_broadcast, relu_partial, -2, 2, "max(x, 0), derivative 0 at 0")
ROUNDING(floor, "largest integer <= x")
ROUNDING(ceil, "smallest integer >= x")
ROUNDING(round, "nearest integer, half to even")

REAL(sqrt, 4, 0.2, 4, "square root")
REAL(reciprocal, 4, 0.3, 3, "1 / x")
REAL(exp, 15, -2, 2, "e^x")
REAL(expm1, 20, -2, 2, "e^x - 1, accurate near 0")
REAL(log, 20, 0.2, 4, "natural logarithm")
REAL(log1p, 20, -0.7, 3, "log(1 + x), accurate near 0")
REAL(sin, 20, -3, 3, "sine")
REAL(cos, 20, -3, 3, "cosine")
REAL(tan, 25, -1.2, 1.2, "tangent")
REAL(asin, 20, -0.9, 0.9, "inverse sine")
REAL(acos, 20, -0.9, 0.9, "inverse cosine")
REAL(atan, 25, -3, 3, "inverse tangent")
REAL(sinh, 25, -2, 2, "hyperbolic sine")
REAL(cosh, 25, -2, 2, "hyperbolic cosine")
REAL(tanh, 25, -2, 2, "hyperbolic tangent")
REAL(sigmoid, 20, -3, 3, "1 / (1 + e^-x)")
REAL(softplus, 40, -3, 3, "log(1 + e^x)")
REAL(erf, 30, -2, 2, "error function")
REAL(lgamma, 40, 0.3, 4, "log |Gamma(x)|")

UNARY(not, TW_TO_BOOL, tw_infer_logic, TW_OP_CONSTANT_DERIVATIVE, involution, NULL, 1, -1, 1,
      "logical negation")
UNARY(is_finite, TW_TO_FLOAT, tw_infer_compare, TW_OP_CONSTANT_DERIVATIVE, tw_simplify_broadcast, NULL, 1, -1,
      1, "neither infinite nor NaN")

tw_expr tw_not(tw_expr x) {
  return tw_elementwise_build(&tw_op_not, TW_TO_BOOL, 1, &x);
}

tw_expr tw_is_finite(tw_expr x) {
  return tw_elementwise_build(&tw_op_is_finite, TW_TO_FLOAT, 1, &x);
}

tw_expr tw_scale(tw_expr x, double factor) {
  if (!tw_operands("scale", 1, &x)) return TW_NONE;
  return tw_mul(x, tw_weak(x, factor));
}
