/* Loops of mathematical functions by SLEEF's vectors, error below 1.0 units in the last place (Shibata & Petrogalli, 2020),
 * exp and log1p apart, written once; the includer says for which instruction set and element type by
 *   REAL, WORD                         the element type, the unsigned integer of its size
 *   NAME(x), SLEEF(x)                  x with the type's suffix, SLEEF's function x
 *   LANES, NAME(vec)                   elements of a vector, and a vector, which has C's arithmetic
 *   NAME(load), NAME(store), NAME(spread)  of vectors anywhere in an array; of one number
 *   NAME(fma)(a, b, c)                 a b + c, rounded once
 *   NAME(negative_abs)(x)              -|x|
 *   NAME(with_sign)(a, x)              a >= 0, or of x's sign, with the sign of x
 *   NAME(if_greater)(a, b, x, y)       a > b ? x : y, lane by lane
 *   NAME(any_greater), NAME(all_greater)(a, b)  whether some, all a > b
 *   SINH_END                           above which |x| SLEEF's sinh and cosh give up
 * The last few elements go through the same vectors, in a padded block, so that an element's value does not depend on its
 * position. */
#include "graph/ops/loops_exp_log1p.h"

/* 1 / (1 + e^-x), by the exponential that cannot overflow. */
static inline NAME(vec) NAME(sigmoid_of)(NAME(vec) x) {
  const NAME(vec) one = NAME(spread)(1), e = NAME(exp_of)(NAME(negative_abs)(x));
  return NAME(if_greater)(NAME(spread)(0), x, e, one) / (one + e);
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). */
static inline NAME(vec) NAME(softplus_of)(NAME(vec) x) {
  const NAME(vec) zero = NAME(spread)(0), tail = NAME(log1p_of)(NAME(exp_of)(NAME(negative_abs)(x)));
  return NAME(if_greater)(x, zero, x, zero) + tail;
}

/* Where e^x overflows, a little before sinh and cosh do, they are (e^(|x|/2) / 2) e^(|x|/2). */
static inline NAME(vec) NAME(half_exp)(NAME(vec) magnitude) {
  const NAME(vec) half = NAME(spread)((REAL)0.5), e = NAME(exp_of)(half * magnitude);
  return half * e * e;
}
static inline NAME(vec) NAME(sinh_of)(NAME(vec) x) {
  const NAME(vec) magnitude = -NAME(negative_abs)(x), y = SLEEF(sinh)(x), end = NAME(spread)(SINH_END);
  if (!NAME(any_greater)(magnitude, end)) return y;
  return NAME(if_greater)(magnitude, end, NAME(with_sign)(NAME(half_exp)(magnitude), x), y);
}
static inline NAME(vec) NAME(cosh_of)(NAME(vec) x) {
  const NAME(vec) magnitude = -NAME(negative_abs)(x), y = SLEEF(cosh)(x), end = NAME(spread)(SINH_END);
  if (!NAME(any_greater)(magnitude, end)) return y;
  return NAME(if_greater)(magnitude, end, NAME(half_exp)(magnitude), y);
}

/* SLEEF's pow overflows a little early, from (1 - 2e-6) times the largest number: infinities are the C library's. */
static inline NAME(vec) NAME(pow_of)(NAME(vec) x, NAME(vec) y) {
  const NAME(vec) z = SLEEF(pow)(x, y);
  REAL a[LANES], b[LANES], c[LANES];
  if (NAME(all_greater)(NAME(spread)((REAL)INFINITY), -NAME(negative_abs)(z))) return z;
  NAME(store)(a, x), NAME(store)(b, y), NAME(store)(c, z);
  for (int k = 0; k < LANES; k++)
    if (isinf(c[k])) c[k] = pow(a[k], b[k]);
  return NAME(load)(c);
}

#ifndef SLEEF_LOOP1
#define SLEEF_LOOP1(name, function)                                                                          \
  static void NAME(name)(LOOP_ARGUMENTS) {                                                                   \
    const REAL *x = in[0];                                                                                   \
    REAL *z = out;                                                                                           \
    int64_t i = 0;                                                                                           \
    (void)rows, (void)row, (void)step;                                                                       \
    for (; i + LANES <= n; i += LANES) NAME(store)(z + i, function(NAME(load)(x + i)));                      \
    if (i < n) {                                                                                             \
      REAL block[LANES] = {0};                                                                               \
      memcpy(block, x + i, (size_t)(n - i) * sizeof(REAL));                                                  \
      NAME(store)(block, function(NAME(load)(block)));                                                       \
      memcpy(z + i, block, (size_t)(n - i) * sizeof(REAL));                                                  \
    }                                                                                                        \
  }

/* Four vectors at a time with one test whether the plain case, name_between, holds for all. */
#define SLEEF_LOOP1_BETWEEN(name)                                                                            \
  SLEEF_LOOP1(name##_short, NAME(name##_of))                                                                 \
  static void NAME(name)(LOOP_ARGUMENTS) {                                                                   \
    const REAL *x = in[0];                                                                                   \
    REAL *z = out;                                                                                           \
    int64_t i = 0;                                                                                           \
    for (; i + 4 * LANES <= n; i += 4 * LANES) {                                                             \
      NAME(vec) y[4];                                                                                        \
      bool between = true;                                                                                   \
      for (int v = 0; v < 4; v++) y[v] = NAME(load)(x + i + v * LANES), between &= NAME(name##_plain)(y[v]); \
      for (int v = 0; v < 4 && between; v++) NAME(store)(z + i + v * LANES, NAME(name##_between)(y[v]));     \
      for (int v = 0; v < 4 && !between; v++) NAME(store)(z + i + v * LANES, NAME(name##_of)(y[v]));         \
    }                                                                                                        \
    NAME(name##_short)(rows, n - i, (const void *[]){x + i}, row, step, z + i);                              \
  }

/* Two operands: a constant one fills a block once. */
#define SLEEF_LOOP2(name, function)                                                                          \
  static inline void NAME(name##_block)(const REAL *x, const REAL *y, int64_t sx, int64_t sy, int64_t count, \
                                        REAL *z) {                                                           \
    REAL a[LANES] = {0}, b[LANES] = {0};                                                                     \
    for (int64_t i = 0; i < count; i++) a[i] = x[i * sx], b[i] = y[i * sy];                                  \
    NAME(store)(a, function(NAME(load)(a), NAME(load)(b)));                                                  \
    memcpy(z, a, (size_t)count * sizeof(REAL));                                                              \
  }                                                                                                          \
  static void NAME(name)(LOOP_ARGUMENTS) {                                                                   \
    const int64_t sx = step[0], sy = step[1];                                                                \
    for (int64_t r = 0; r < rows; r++) {                                                                     \
      const REAL *x = (const REAL *)in[0] + r * row[0], *y = (const REAL *)in[1] + r * row[1];               \
      REAL *z = (REAL *)out + r * n;                                                                         \
      int64_t i = 0;                                                                                         \
      if (sx && sy)                                                                                          \
        for (; i + LANES <= n; i += LANES)                                                                   \
          NAME(store)(z + i, function(NAME(load)(x + i), NAME(load)(y + i)));                                \
      for (; i < n; i += LANES)                                                                              \
        NAME(name##_block)(x + i * sx, y + i * sy, sx, sy, n - i < LANES ? n - i : LANES, z + i);            \
    }                                                                                                        \
  }
#endif

SLEEF_LOOP1_BETWEEN(exp)
SLEEF_LOOP1(expm1, SLEEF(expm1))
SLEEF_LOOP1(log, SLEEF(log))
SLEEF_LOOP1_BETWEEN(log1p)
SLEEF_LOOP1(sin, SLEEF(sin))
SLEEF_LOOP1(cos, SLEEF(cos))
SLEEF_LOOP1(tan, SLEEF(tan))
SLEEF_LOOP1(asin, SLEEF(asin))
SLEEF_LOOP1(acos, SLEEF(acos))
SLEEF_LOOP1(atan, SLEEF(atan))
SLEEF_LOOP1(tanh, SLEEF(tanh))
SLEEF_LOOP1(erf, SLEEF(erf))
SLEEF_LOOP1(lgamma, SLEEF(lgamma))
SLEEF_LOOP1(sinh, NAME(sinh_of))
SLEEF_LOOP1(cosh, NAME(cosh_of))
SLEEF_LOOP1(sigmoid, NAME(sigmoid_of))
SLEEF_LOOP1(softplus, NAME(softplus_of))
SLEEF_LOOP2(pow, NAME(pow_of))
SLEEF_LOOP2(atan2, SLEEF(atan2))

/* z = e^(x - shift), added to sum, for four vectors: one test for all. */
static inline void NAME(exp_four)(const REAL *x, NAME(vec) shift, REAL *z, NAME(vec) sum[4]) {
  NAME(vec) y[4];
  bool between = true;
  for (int v = 0; v < 4; v++) {
    y[v] = NAME(load)(x + v * LANES) - shift;
    between &= NAME(exp_plain)(y[v]);
  }
  for (int v = 0; v < 4; v++) {
    const NAME(vec) e = between ? NAME(exp_between)(y[v]) : NAME(exp_of)(y[v]);
    NAME(store)(z + v * LANES, e);
    sum[v] += e;
  }
}

/* Four vectors of sums: at most TW_EXP_SUM_MOST / (4 LANES) terms to each, then in pairs. The elements
 * of a last, padded vector are added one by one. */
static double NAME(exp_sum)(int64_t n, const void *in, double by, void *out) {
  const REAL *x = in;
  REAL *z = out, lane[LANES];
  const NAME(vec) shift = NAME(spread)((REAL)by);
  NAME(vec) sum[4] = {NAME(spread)(0), NAME(spread)(0), NAME(spread)(0), NAME(spread)(0)};
  double tail = 0, all = 0;
  int64_t i = 0;
  for (; i + 4 * LANES <= n; i += 4 * LANES) NAME(exp_four)(x + i, shift, z + i, sum);
  for (; i + LANES <= n; i += LANES) {
    const NAME(vec) e = NAME(exp_of)(NAME(load)(x + i) - shift);
    NAME(store)(z + i, e);
    sum[0] += e;
  }
  if (i < n) {
    REAL block[LANES] = {0};
    memcpy(block, x + i, (size_t)(n - i) * sizeof(REAL));
    NAME(store)(block, NAME(exp_of)(NAME(load)(block) - shift));
    memcpy(z + i, block, (size_t)(n - i) * sizeof(REAL));
    for (int64_t k = 0; k < n - i; k++) tail += (double)block[k];
  }
  NAME(store)(lane, (sum[0] + sum[1]) + (sum[2] + sum[3]));
  for (int k = 0; k < LANES; k++) all += (double)lane[k];
  return all + tail;
}

#undef REAL
#undef WORD
#undef NAME
#undef SLEEF
#undef LANES
#undef SINH_END
