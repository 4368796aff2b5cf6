/* Element-wise arithmetic of two operands a and b. */
#include "graph/emit/emit.h"
#include "graph/ops/elementwise.h"

#include <math.h>
#include <string.h>

#define PARTIAL(name, by_a, by_b)                                                                            \
  static tw_expr name##_partial(tw_expr node, int i) {                                                       \
    const tw_expr a = tw_input_of(node, 0), b = tw_input_of(node, 1);                                        \
    (void)node, (void)a, (void)b;                                                                            \
    return i == 0 ? by_a : by_b;                                                                             \
  }

/* 1 where a wins, 1/2 where a and b tie, else 0. */
static tw_expr share(tw_expr a_wins, tw_expr a, tw_expr b) {
  return tw_where(a_wins, tw_weak(a, 1), tw_where(tw_eq(a, b), tw_weak(a, 0.5), tw_weak(a, 0)));
}

static tw_expr squared_length(tw_expr a, tw_expr b) {
  return tw_add(tw_square(a), tw_square(b));
}

/* b a^(b-1). Where a = b = 0 the exponent -1 would give 0 inf; 1 gives the right 0. */
static tw_expr power_by_base(tw_expr a, tw_expr b) {
  double c;
  tw_expr exponent = tw_sub(b, tw_weak(b, 1));
  if (!tw_constant_value(b, &c)) {
    const tw_expr both_zero = tw_and(tw_eq(a, tw_weak(a, 0)), tw_eq(b, tw_weak(b, 0)));
    exponent = tw_where(both_zero, tw_weak(b, 1), exponent);
  }
  return tw_mul(b, tw_pow(a, exponent));
}

/* a^b log a where a > 0, else 0; the logarithm sees 1 there, so that no NaN comes in by later derivatives. */
static tw_expr power_by_exponent(tw_expr node, tw_expr a) {
  const tw_expr positive = tw_gt(a, tw_weak(a, 0));
  const tw_expr log = tw_log(tw_where(positive, a, tw_weak(a, 1)));
  return tw_where(positive, tw_mul(node, log), tw_weak(node, 0));
}

PARTIAL(add, tw_fill_like(node, 1), tw_fill_like(node, 1))
PARTIAL(sub, tw_fill_like(node, 1), tw_fill_like(node, -1))
PARTIAL(mul, b, a)
PARTIAL(div, tw_reciprocal(b), tw_neg(tw_div(node, b)))
PARTIAL(mod, tw_fill_like(node, 1), tw_neg(tw_idiv(a, b)))
PARTIAL(pow, power_by_base(a, b), power_by_exponent(node, a))
PARTIAL(atan2, tw_div(b, squared_length(a, b)), tw_neg(tw_div(a, squared_length(a, b))))
PARTIAL(minimum, share(tw_lt(a, b), a, b), share(tw_gt(a, b), a, b))
PARTIAL(maximum, share(tw_gt(a, b), a, b), share(tw_lt(a, b), a, b))

/* `x` in the shape of the whole result. */
static tw_expr whole(const tw_args *args, tw_expr x) {
  tw_shape shape;
  return tw_infer_broadcast(args, &shape) ? tw_broadcast(x, shape) : TW_NONE;
}

static tw_expr add_simplify(const tw_args *args) {
  const tw_expr a = args->in[0], b = args->in[1];
  if (tw_is_constant(a, 0)) return whole(args, b);
  if (tw_is_constant(b, 0)) return whole(args, a);
  if (tw_op_of(b) == &tw_op_neg) return tw_sub(a, tw_input_of(b, 0));
  if (tw_op_of(a) == &tw_op_neg) return tw_sub(b, tw_input_of(a, 0));
  return tw_simplify_broadcast(args);
}

static tw_expr sub_simplify(const tw_args *args) {
  const tw_expr a = args->in[0], b = args->in[1];
  if (tw_is_constant(b, 0)) return whole(args, a);
  if (tw_is_constant(a, 0)) return whole(args, tw_neg(b));
  if (tw_op_of(b) == &tw_op_neg) return tw_add(a, tw_input_of(b, 0));
  return tw_simplify_broadcast(args);
}

/* Zero times x is zero only where x cannot be infinite or NaN: for integers. */
static tw_expr mul_simplify(const tw_args *args) {
  const bool integers = tw_dtype_get(tw_dtype_of(args->in[0]))->kind == TW_KIND_INTEGER;
  for (int i = 0; i < 2; i++) {
    const tw_expr c = args->in[i], x = args->in[1 - i];
    if (tw_is_constant(c, 1)) return whole(args, x);
    if (tw_is_constant(c, -1)) return whole(args, tw_neg(x));
    if (integers && tw_is_constant(c, 0)) return whole(args, c);
  }
  if (tw_same(args->in[0], args->in[1])) return tw_square(args->in[0]);
  return tw_simplify_broadcast(args);
}

static tw_expr div_simplify(const tw_args *args) {
  const tw_expr a = args->in[0], b = args->in[1];
  if (tw_is_constant(b, 1)) return whole(args, a);
  if (tw_is_constant(b, -1)) return whole(args, tw_neg(a));
  if (tw_is_constant(a, 1)) return whole(args, tw_reciprocal(b));
  return tw_simplify_broadcast(args);
}

static tw_expr pow_simplify(const tw_args *args) {
  const tw_expr a = args->in[0];
  double c;
  if (!tw_constant_value(args->in[1], &c)) return tw_simplify_broadcast(args);
  if (c == 0) return whole(args, tw_weak(a, 1));
  if (c == 1) return whole(args, a);
  if (c == 2) return whole(args, tw_square(a));
  if (c == 3) return whole(args, tw_mul(tw_square(a), a));
  if (c == 4) return whole(args, tw_square(tw_square(a)));
  if (c == 0.5) return whole(args, tw_sqrt(a));
  if (c == -1) return whole(args, tw_reciprocal(a));
  if (c == -2) return whole(args, tw_reciprocal(tw_square(a)));
  return tw_simplify_broadcast(args);
}

/* min(x, x) = max(x, x) = x. */
static tw_expr extremum_simplify(const tw_args *args) {
  if (tw_same(args->in[0], args->in[1])) return args->in[0];
  return tw_simplify_broadcast(args);
}

/* Integers have no infinity to answer a division by zero with. */
static tw_status refuse_zero_divisor(const tw_call *call) {
  const tw_expr b = tw_input_of(call->node, 1);
  const tw_dtype_info *info = tw_dtype_get(tw_dtype_of(b));
  const char *data = call->in[1];
  static const int64_t zero = 0;
  if (info->kind == TW_KIND_FLOAT || tw_size_of(call->node) == 0) return TW_OK;
  for (int64_t i = 0; i < tw_size_of(b); i++, data += info->size)
    if (memcmp(data, &zero, info->size) == 0)
      return tw_fail(call->error, TW_ERR_NUMERIC,
                     "%s: integer division by zero (element %lld of the divisor)", tw_op_of(call->node)->name,
                     (long long)i);
  return TW_OK;
}

static tw_status idiv_kernel(const tw_call *call) {
  const tw_status status = refuse_zero_divisor(call);
  return status ? status : tw_elementwise_run(call, tw_loop_get(TW_LOOP_idiv, tw_dtype_of(call->node)));
}

static tw_status mod_kernel(const tw_call *call) {
  const tw_status status = refuse_zero_divisor(call);
  return status ? status : tw_elementwise_run(call, tw_loop_get(TW_LOOP_mod, tw_dtype_of(call->node)));
}

static void checked_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_expr b = tw_input_of(node, 1);
  if (tw_dtype_get(tw_dtype_of(b))->kind != TW_KIND_FLOAT) {
    tw_emit_open(e, "for (int64_t i = 0; i < %lld; i++)", (long long)tw_size_of(b));
    tw_emit_fail_if(e, "%s[i] == 0", in[1]);
    tw_emit_close(e);
  }
  tw_emit_formula(e, node, in, out);
}

#define BINARY(NAME, PROMOTION, INFER, FLAGS, SIMPLIFY, KERNEL, LOOP, EMIT, PARTIAL_RULE, FLOPS, LOW, HIGH,  \
               SUMMARY)                                                                                      \
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
                              .arity = 2,                                                                    \
                              .infer = INFER,                                                                \
                              .simplify = SIMPLIFY,                                                          \
                              .kernel = KERNEL,                                                              \
                              .loop = LOOP,                                                                  \
                              .formula = NAME##_formula,                                                     \
                              .emit = EMIT,                                                                  \
                              .partial = PARTIAL_RULE,                                                       \
                              .flops = NAME##_flops,                                                         \
                              .example = NAME##_example,                                                     \
                              .low = LOW,                                                                    \
                              .high = HIGH};

#define LOOP(NAME)                                                                                           \
  static tw_loop *NAME##_loop(tw_expr node) {                                                                \
    return tw_loop_get(TW_LOOP_##NAME, tw_dtype_of(tw_input_of(node, 0)));                                   \
  }
#define BUILDER(NAME, PROMOTION)                                                                             \
  tw_expr tw_##NAME(tw_expr a, tw_expr b) {                                                                  \
    return tw_elementwise_build(&tw_op_##NAME, PROMOTION, 2, (tw_expr[]){a, b});                             \
  }

#define NUMBER(NAME, FLAGS, SIMPLIFY, LOW, HIGH, SUMMARY)                                                    \
  LOOP(NAME)                                                                                                 \
  BINARY(NAME, TW_TO_NUMBER, tw_infer_numeric, FLAGS, SIMPLIFY, tw_elementwise_kernel, NAME##_loop, NULL,    \
         NAME##_partial, 1, LOW, HIGH, SUMMARY)                                                              \
  BUILDER(NAME, TW_TO_NUMBER)
#define REAL(NAME, SIMPLIFY, FLOPS, LOW, HIGH, SUMMARY)                                                      \
  LOOP(NAME)                                                                                                 \
  BINARY(NAME, TW_TO_FLOAT, tw_infer_float, 0, SIMPLIFY, tw_elementwise_kernel, NAME##_loop, NULL,           \
         NAME##_partial, FLOPS, LOW, HIGH, SUMMARY)

NUMBER(add, TW_OP_COMMUTATIVE, add_simplify, -2, 2, "a + b")
NUMBER(sub, 0, sub_simplify, -2, 2, "a - b")
NUMBER(mul, TW_OP_COMMUTATIVE, mul_simplify, -2, 2, "a b")
NUMBER(minimum, 0, extremum_simplify, -2, 2, "the smaller of a and b; NaN wins, ties share the derivative")
NUMBER(maximum, 0, extremum_simplify, -2, 2, "the larger of a and b; NaN wins, ties share the derivative")

REAL(div, div_simplify, 4, 0.4, 2, "a / b")
REAL(pow, pow_simplify, 40, 0.4, 2, "a^b")
REAL(atan2, tw_simplify_broadcast, 30, 0.4, 2, "angle of the point (b, a)")
BUILDER(div, TW_TO_FLOAT)
BUILDER(atan2, TW_TO_FLOAT)

/* Integer divisors must be looked at: no plain loop. */
#define CHECKED_LOOP(NAME)                                                                                   \
  static tw_loop *NAME##_loop(tw_expr node) {                                                                \
    const tw_dtype dtype = tw_dtype_of(node);                                                                \
    return tw_dtype_get(dtype)->kind == TW_KIND_FLOAT ? tw_loop_get(TW_LOOP_##NAME, dtype) : NULL;           \
  }
CHECKED_LOOP(idiv)
CHECKED_LOOP(mod)
BINARY(idiv, TW_TO_NUMBER, tw_infer_numeric, TW_OP_CONSTANT_DERIVATIVE, tw_simplify_broadcast, idiv_kernel,
       idiv_loop, checked_emit, NULL, 4, 0.6, 3, "quotient rounded towards minus infinity")
BINARY(mod, TW_TO_NUMBER, tw_infer_numeric, 0, tw_simplify_broadcast, mod_kernel, mod_loop, checked_emit,
       mod_partial, 10, 0.6, 3, "a - b idiv(a, b): has the sign of b")
BUILDER(idiv, TW_TO_NUMBER)
BUILDER(mod, TW_TO_NUMBER)

/* a^n of integers by repeated squaring. */
static tw_expr integer_power(tw_expr a, int n) {
  tw_expr power = a, result = tw_fill_like(a, 1);
  for (; n > 0; n >>= 1) {
    if (n & 1) result = tw_mul(result, power);
    if (n > 1) power = tw_square(power);
  }
  return result;
}

/* Integers to a small constant power stay integers; other powers are real. */
tw_expr tw_pow(tw_expr a, tw_expr b) {
  double c;
  if (!tw_operands("pow", 2, (tw_expr[]){a, b})) return TW_NONE;
  const bool integers = tw_dtype_get(tw_dtype_promote(tw_dtype_of(a), tw_dtype_of(b)))->kind != TW_KIND_FLOAT;
  if (integers && tw_shape_of(b).rank == 0 && tw_constant_value(b, &c) && c >= 0 && c <= 62)
    return integer_power(a, (int)c);
  return tw_elementwise_build(&tw_op_pow, TW_TO_FLOAT, 2, (tw_expr[]){a, b});
}
