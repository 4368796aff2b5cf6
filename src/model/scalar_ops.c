/* Scalar operators of modelling languages on arrays: each element is one scalar. */
#include "model/reroll.h"

#include <math.h>
#include <stdlib.h>

/* ------------------------------------------------------------------ numbers and truth values */

tw_expr tw_scalar_real(tw_expr e) {
  return tw_is_none(e) || tw_dtype_of(e) == TW_F64 ? e : tw_cast(e, TW_F64);
}

static tw_expr truth(tw_expr e) {
  return tw_is_none(e) || tw_dtype_of(e) == TW_BOOL ? e : tw_ne(e, tw_scalar(e.graph, 0));
}

static tw_expr number(tw_expr like, double value) {
  return tw_scalar(like.graph, value);
}

/* ------------------------------------------------------------------ functions that the graph has no op for */

/* Towards zero. */
static tw_expr truncated(tw_expr x) {
  return tw_where(tw_lt(x, number(x, 0)), tw_ceil(x), tw_floor(x));
}

/* asinh |x| = log1p(|x| + x^2 / (1 + sqrt(1 + x^2))), odd: accurate on both sides, and differentiable at 0. */
static tw_expr asinh_of(tw_expr x) {
  const tw_expr square = tw_square(x), tail = tw_div(square, tw_add(number(x, 1), tw_sqrt(tw_add(number(x, 1), square))));
  return tw_where(tw_lt(x, number(x, 0)), tw_neg(tw_log1p(tw_sub(tail, x))), tw_log1p(tw_add(x, tail)));
}

/* acosh x = log1p(t + sqrt(t (x + 1))) with t = x - 1. */
static tw_expr acosh_of(tw_expr x) {
  const tw_expr t = tw_sub(x, number(x, 1));
  return tw_log1p(tw_add(t, tw_sqrt(tw_mul(t, tw_add(x, number(x, 1))))));
}

/* atanh x = (log1p x - log1p(-x)) / 2 */
static tw_expr atanh_of(tw_expr x) {
  return tw_scale(tw_sub(tw_log1p(x), tw_log1p(tw_neg(x))), 0.5);
}

/* x to `digits` places after the decimal point, by `whole` towards an integer. */
static tw_expr decimal(tw_expr x, tw_expr digits, tw_expr (*whole)(tw_expr)) {
  const tw_expr scale = tw_pow(number(x, 10), digits);
  return tw_div(whole(tw_mul(x, scale)), scale);
}

/* x to `digits` significant decimal digits: digits - 1 - floor(log10 |x|) places. */
static tw_expr significant(tw_expr x, tw_expr digits) {
  const tw_expr zero = tw_eq(x, number(x, 0)), safe = tw_where(zero, number(x, 1), tw_abs(x));
  const tw_expr exponent = tw_floor(tw_scale(tw_log(tw_stop_gradient(safe)), 1 / log(10)));
  const tw_expr places = tw_sub(tw_sub(digits, number(x, 1)), exponent);
  return tw_where(zero, number(x, 0), decimal(x, places, tw_round));
}

/* Slopes s_0 .. s_k and breakpoints b_1 .. b_k between them, 0 at 0:
 * g(x) - g(0) with g(x) = s_0 x + sum_j (s_j - s_{j-1}) max(x - b_j, 0). */
static tw_expr piecewise(int n, const tw_expr *operand) {
  const tw_expr x = operand[0];
  tw_expr value = tw_mul(operand[1], x);
  for (int k = 2; k + 1 < n; k += 2) {
    const tw_expr turn = tw_sub(operand[k + 1], operand[k - 1]), b = operand[k];
    value = tw_add(value, tw_mul(turn, tw_sub(tw_relu(tw_sub(x, b)), tw_relu(tw_neg(b)))));
  }
  return value;
}

/* All different: neighbours differ once sorted. */
static tw_expr all_different(tw_graph *graph, int n, const tw_expr *operand) {
  if (n < 2) return tw_fill(graph, TW_BOOL, TW_SCALAR, 1);
  tw_shape shape = TW_SCALAR;
  for (int k = 0; k < n; k++) {
    const tw_shape own = tw_shape_of(operand[k]);
    if (!tw_shape_broadcast(&shape, &own, &shape)) return tw_graph_fail(graph, TW_ERR_SHAPE, "alldiff: shapes differ");
  }
  tw_expr *same = tw_alloc((size_t)n, sizeof *same);
  if (same == NULL) return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory for alldiff");
  for (int k = 0; k < n; k++) same[k] = tw_broadcast(tw_scalar_real(operand[k]), shape);
  const tw_expr sorted = tw_sort(tw_stack(n, same, shape.rank), shape.rank);
  free(same);
  const tw_expr next = tw_slice(sorted, shape.rank, 1, n - 1, 1), before = tw_slice(sorted, shape.rank, 0, n - 1, 1);
  return tw_gt(tw_reduce_min(tw_sub(next, before), 1u << shape.rank, false), tw_scalar(graph, 0));
}

static tw_expr number_of(int n, const tw_expr *operand) {
  tw_expr total = number(operand[0], 0);
  for (int k = 1; k < n; k++) total = tw_add(total, tw_cast(tw_eq(operand[k], operand[0]), TW_F64));
  return total;
}

/* ------------------------------------------------------------------ lists */

tw_expr tw_scalar_reduce(int op, tw_expr e, int axis) {
  const unsigned axes = 1u << axis;
  switch (op) {
  case TW_S_MIN: return tw_reduce_min(e, axes, false);
  case TW_S_MAX: return tw_reduce_max(e, axes, false);
  case TW_S_ALL: return tw_gt(tw_reduce_min(tw_scalar_real(e), axes, false), number(e, 0));
  case TW_S_ANY: return tw_gt(tw_reduce_max(tw_scalar_real(e), axes, false), number(e, 0));
  default: /* SUM, COUNT */ return tw_sum(tw_scalar_real(e), axes, false);
  }
}

tw_expr tw_scalar_join(int op, tw_expr a, tw_expr b) {
  switch (op) {
  case TW_S_MIN: return tw_minimum(a, b);
  case TW_S_MAX: return tw_maximum(a, b);
  case TW_S_ALL: return tw_and(a, b);
  case TW_S_ANY: return tw_or(a, b);
  default: return tw_add(a, b);
  }
}

/* ------------------------------------------------------------------ one, two and three operands */

static tw_expr apply_unary(int op, tw_expr x) {
  switch (op) {
  case TW_S_FLOOR: return tw_floor(x);
  case TW_S_CEIL: return tw_ceil(x);
  case TW_S_ABS: return tw_abs(x);
  case TW_S_TANH: return tw_tanh(x);
  case TW_S_TAN: return tw_tan(x);
  case TW_S_SQRT: return tw_sqrt(x);
  case TW_S_SINH: return tw_sinh(x);
  case TW_S_SIN: return tw_sin(x);
  case TW_S_LOG10: return tw_scale(tw_log(x), 1 / log(10));
  case TW_S_LOG: return tw_log(x);
  case TW_S_EXP: return tw_exp(x);
  case TW_S_COSH: return tw_cosh(x);
  case TW_S_COS: return tw_cos(x);
  case TW_S_ATANH: return atanh_of(x);
  case TW_S_ATAN: return tw_atan(x);
  case TW_S_ASINH: return asinh_of(x);
  case TW_S_ASIN: return tw_asin(x);
  case TW_S_ACOSH: return acosh_of(x);
  case TW_S_ACOS: return tw_acos(x);
  case TW_S_SQUARE: return tw_square(x);
  default: return TW_NONE;
  }
}

static tw_expr apply_binary(int op, tw_expr a, tw_expr b) {
  switch (op) {
  case TW_S_MUL: return tw_mul(a, b);
  case TW_S_DIV: return tw_div(a, b);
  case TW_S_REM: return tw_sub(a, tw_mul(b, truncated(tw_div(a, b))));
  case TW_S_POW:
  case TW_S_POW_CONSTANT:
  case TW_S_CONSTANT_POW: return tw_pow(a, b);
  case TW_S_LESS: return tw_relu(tw_sub(a, b));
  case TW_S_ATAN2: return tw_atan2(a, b);
  case TW_S_INTDIV: return truncated(tw_div(a, b));
  case TW_S_PRECISION: return significant(a, b);
  case TW_S_ROUND: return decimal(a, b, tw_round);
  case TW_S_TRUNC: return decimal(a, b, truncated);
  case TW_S_LT: return tw_lt(a, b);
  case TW_S_LE: return tw_le(a, b);
  case TW_S_EQ: return tw_eq(a, b);
  case TW_S_GE: return tw_ge(a, b);
  case TW_S_GT: return tw_gt(a, b);
  case TW_S_NE: return tw_ne(a, b);
  case TW_S_ATLEAST: return tw_ge(b, a);
  case TW_S_ATMOST: return tw_le(b, a);
  case TW_S_EXACTLY: return tw_eq(b, a);
  case TW_S_NOT_ATLEAST: return tw_lt(b, a);
  case TW_S_NOT_ATMOST: return tw_gt(b, a);
  case TW_S_NOT_EXACTLY: return tw_ne(b, a);
  default: return TW_NONE;
  }
}

static tw_expr apply_logical(int op, const tw_expr *operand) {
  const tw_expr a = truth(operand[0]);
  switch (op) {
  case TW_S_NOT: return tw_not(a);
  case TW_S_COUNT: return tw_cast(a, TW_F64);
  case TW_S_ALL:
  case TW_S_ANY: return a;
  case TW_S_OR: return tw_or(a, truth(operand[1]));
  case TW_S_AND: return tw_and(a, truth(operand[1]));
  case TW_S_IFF: return tw_eq(tw_cast(a, TW_F64), tw_cast(truth(operand[1]), TW_F64));
  case TW_S_IF: return tw_where(a, tw_scalar_real(operand[1]), tw_scalar_real(operand[2]));
  case TW_S_IMPLIES: return tw_or(tw_and(a, truth(operand[1])), tw_and(tw_not(a), truth(operand[2])));
  default: return TW_NONE;
  }
}

tw_expr tw_scalar_apply(tw_graph *graph, int op, int n, const tw_expr *operand) {
  if (tw_graph_status(graph) != TW_OK || n < 1) return TW_NONE;
  tw_expr e = apply_logical(op, operand);
  if (!tw_is_none(e) || tw_graph_status(graph) != TW_OK) return e;
  tw_expr few[8], *real = n <= 8 ? few : tw_alloc((size_t)n, sizeof *real);
  if (real == NULL) return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory for an operator of %d operands", n);
  for (int k = 0; k < n; k++) real[k] = tw_scalar_real(operand[k]);
  if (op == TW_S_PIECEWISE)
    e = piecewise(n, real);
  else if (op == TW_S_ALLDIFF)
    e = all_different(graph, n, real);
  else if (op == TW_S_SOMESAME)
    e = tw_not(all_different(graph, n, real));
  else if (op == TW_S_NUMBEROF)
    e = number_of(n, real);
  else
    e = n == 1 ? apply_unary(op, real[0]) : n == 2 ? apply_binary(op, real[0], real[1]) : TW_NONE;
  if (real != few) free(real);
  if (tw_is_none(e)) tw_graph_fail(graph, TW_ERR_UNSUPPORTED, "operator %d of %d operands has no expression", op, n);
  return e;
}
