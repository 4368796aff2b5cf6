/* Loops of plain arithmetic, and the rows of the table of loops; included by loops_portable.c and
 * loops_avx2.c, which add those of the FUNCTION families. Contraction is off (see CMakeLists.txt), so both
 * give the same bits. `omp simd` says that iterations are independent, which holds also when out is an
 * operand. */
#include "graph/ops/loops.h"

#include <math.h>
#include <tgmath.h>

#define SIMD _Pragma("omp simd")
#define LOOP_ARGUMENTS                                                                                       \
  int64_t rows, int64_t n, const void *const *in, const int64_t *row, const int64_t *step, void *out

/* z = expression in a, from type T to type U. */
#define LOOP1(name, T, U, expression)                                                                        \
  static void name(LOOP_ARGUMENTS) {                                                                         \
    const T *x = in[0];                                                                                      \
    U *z = out;                                                                                              \
    (void)rows, (void)row, (void)step;                                                                       \
    SIMD for (int64_t i = 0; i < n; i++) {                                                                   \
      const T a = x[i];                                                                                      \
      z[i] = (U)(expression);                                                                                \
    }                                                                                                        \
  }

/* z = expression in a and b, with a loop for each pattern of steps so that each is a vector loop. */
#define PASS2(T, U, A, B, expression)                                                                        \
  SIMD for (int64_t i = 0; i < n; i++) {                                                                     \
    const T a = A, b = B;                                                                                    \
    z[i] = (U)(expression);                                                                                  \
  }
#define LOOP2(name, T, U, expression)                                                                        \
  static void name(LOOP_ARGUMENTS) {                                                                         \
    for (int64_t r = 0; r < rows; r++) {                                                                     \
      const T *x = (const T *)in[0] + r * row[0], *y = (const T *)in[1] + r * row[1];                        \
      U *z = (U *)out + r * n;                                                                               \
      if (step[0] && step[1])                                                                                \
        PASS2(T, U, x[i], y[i], expression)                                                                  \
      else if (step[0])                                                                                      \
        PASS2(T, U, x[i], *y, expression)                                                                    \
      else if (step[1])                                                                                      \
        PASS2(T, U, *x, y[i], expression)                                                                    \
      else                                                                                                   \
        PASS2(T, U, *x, *y, expression)                                                                      \
    }                                                                                                        \
  }

#define FLOAT_LOOPS(LOOP, name, expression)                                                                  \
  LOOP(name##_f64, double, double, expression)                                                               \
  LOOP(name##_f32, float, float, expression)
/* Integers wrap: their expressions are written in uint64_t and cut down. */
#define INTEGER_LOOPS(LOOP, name, expression)                                                                \
  LOOP(name##_i64, int64_t, int64_t, expression)                                                             \
  LOOP(name##_i32, int32_t, int32_t, expression)                                                             \
  LOOP(name##_u8, uint8_t, uint8_t, expression)
#define NUMERIC_LOOPS(LOOP, name, real, whole)                                                               \
  FLOAT_LOOPS(LOOP, name, real)                                                                              \
  INTEGER_LOOPS(LOOP, name, whole)

static inline bool negative(int64_t a) {
  return a < 0;
}

/* Quotient rounded towards minus infinity; b is not 0. */
static inline int64_t floor_quotient(int64_t a, int64_t b) {
  if (b == -1) return (int64_t)(0 - (uint64_t)a);
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* a - b * floor_quotient(a, b): has the sign of b. */
static inline int64_t floor_remainder(int64_t a, int64_t b) {
  if (b == -1) return 0;
  int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

/* The same for floats. fmod is exact; the sum r + b rounds once. */
static inline double float_remainder(double a, double b) {
  double r = fmod(a, b);
  if (r == 0) return copysign(r, b);
  return (r < 0) != (b < 0) ? r + b : r;
}

/* floor of the exact a / b, which the rounded quotient may have passed: a - remainder is a multiple of b but
 * for one rounding, so its quotient rounds to the integer wanted. */
static inline double float_quotient(double a, double b) {
  double q = floor(a / b);
  if (b == 0 || !(fabs(a) < INFINITY) || !(fabs(b) < INFINITY) || fabs(q) >= 0x1p52)
    return fabs(b) == INFINITY && a != 0 && fabs(a) < INFINITY && (a < 0) != (b < 0) ? -1 : q;
  return rint((a - float_remainder(a, b)) / b);
}

NUMERIC_LOOPS(LOOP1, neg, -a, 0 - (uint64_t)a)
NUMERIC_LOOPS(LOOP1, abs, fabs(a), negative(a) ? 0 - (uint64_t)a : (uint64_t)a)
NUMERIC_LOOPS(LOOP1, sign, a > 0 ? 1 : a < 0 ? -1 : a, (a > 0) - negative(a)) /* 0 and NaN stay */
NUMERIC_LOOPS(LOOP1, square, a *a, (uint64_t)a *(uint64_t)a)
NUMERIC_LOOPS(LOOP1, relu, a <= 0 ? 0 : a, negative(a) ? 0 : a) /* NaN stays */
NUMERIC_LOOPS(LOOP2, add, a + b, (uint64_t)a + (uint64_t)b)
NUMERIC_LOOPS(LOOP2, sub, a - b, (uint64_t)a - (uint64_t)b)
NUMERIC_LOOPS(LOOP2, mul, a *b, (uint64_t)a *(uint64_t)b)
NUMERIC_LOOPS(LOOP2, minimum, a < b || a != a ? a : b, a < b ? a : b) /* NaN wins */
NUMERIC_LOOPS(LOOP2, maximum, a > b || a != a ? a : b, a > b ? a : b)

FLOAT_LOOPS(LOOP1, floor, floor(a))
FLOAT_LOOPS(LOOP1, ceil, ceil(a))
FLOAT_LOOPS(LOOP1, round, rint(a))
FLOAT_LOOPS(LOOP1, sqrt, sqrt(a))
FLOAT_LOOPS(LOOP1, reciprocal, 1 / a)
FLOAT_LOOPS(LOOP2, div, a / b)
LOOP1(is_finite_f64, double, uint8_t, a - a == 0)
LOOP1(is_finite_f32, float, uint8_t, a - a == 0)

#define COMPARE_LOOPS(name, expression)                                                                      \
  LOOP2(name##_f64, double, uint8_t, expression)                                                             \
  LOOP2(name##_f32, float, uint8_t, expression)                                                              \
  LOOP2(name##_i64, int64_t, uint8_t, expression)                                                            \
  LOOP2(name##_i32, int32_t, uint8_t, expression)                                                            \
  LOOP2(name##_u8, uint8_t, uint8_t, expression)
COMPARE_LOOPS(eq, a == b)
COMPARE_LOOPS(ne, a != b)
COMPARE_LOOPS(lt, a < b)
COMPARE_LOOPS(le, a <= b)
LOOP1(not_bool, uint8_t, uint8_t, !a)
LOOP2(and_bool, uint8_t, uint8_t, a &b)
LOOP2(or_bool, uint8_t, uint8_t, a | b)

/* Elements moved whole, as unsigned integers of their size. */
#define WHERE_LOOP(bits)                                                                                     \
  static void where_##bits(LOOP_ARGUMENTS) {                                                                 \
    for (int64_t r = 0; r < rows; r++) {                                                                     \
      const uint8_t *c = (const uint8_t *)in[0] + r * row[0];                                                \
      const uint##bits##_t *x = (const uint##bits##_t *)in[1] + r * row[1];                                  \
      const uint##bits##_t *y = (const uint##bits##_t *)in[2] + r * row[2];                                  \
      uint##bits##_t *z = (uint##bits##_t *)out + r * n;                                                     \
      const int64_t sc = step[0], sx = step[1], sy = step[2];                                                \
      if (sc && sx && sy)                                                                                    \
        SIMD for (int64_t i = 0; i < n; i++) z[i] = c[i] ? x[i] : y[i];                                      \
      else if (sc && sx)                                                                                     \
        SIMD for (int64_t i = 0; i < n; i++) z[i] = c[i] ? x[i] : *y;                                        \
      else                                                                                                   \
        for (int64_t i = 0; i < n; i++) z[i] = c[i * sc] ? x[i * sx] : y[i * sy];                            \
    }                                                                                                        \
  }                                                                                                          \
  static void copy_##bits(LOOP_ARGUMENTS) {                                                                  \
    for (int64_t r = 0; r < rows; r++) {                                                                     \
      const uint##bits##_t *x = (const uint##bits##_t *)in[0] + r * row[0];                                  \
      uint##bits##_t *z = (uint##bits##_t *)out + r * n;                                                     \
      if (step[0])                                                                                           \
        SIMD for (int64_t i = 0; i < n; i++) z[i] = x[i];                                                    \
      else                                                                                                   \
        SIMD for (int64_t i = 0; i < n; i++) z[i] = *x;                                                      \
    }                                                                                                        \
  }
WHERE_LOOP(64)
WHERE_LOOP(32)
WHERE_LOOP(8)

/* From here on loops call functions and are not vector loops. */
#undef SIMD
#define SIMD
NUMERIC_LOOPS(LOOP2, idiv, float_quotient(a, b), floor_quotient((int64_t)a, (int64_t)b))
NUMERIC_LOOPS(LOOP2, mod, float_remainder(a, b), floor_remainder((int64_t)a, (int64_t)b))

#define FLOATS(name) [TW_LOOP_##name] = {[TW_F64] = name##_f64, [TW_F32] = name##_f32},
#define FUNCTION1(name) FLOATS(name)
#define FUNCTION2(name) FLOATS(name)
#define NUMERIC(name)                                                                                        \
  [TW_LOOP_##name] = {[TW_F64] = name##_f64,                                                                 \
                      [TW_F32] = name##_f32,                                                                 \
                      [TW_I64] = name##_i64,                                                                 \
                      [TW_I32] = name##_i32,                                                                 \
                      [TW_U8] = name##_u8},
#define COMPARE(name)                                                                                        \
  [TW_LOOP_##name] = {[TW_F64] = name##_f64, [TW_F32] = name##_f32, [TW_I64] = name##_i64,                   \
                      [TW_I32] = name##_i32, [TW_U8] = name##_u8,   [TW_BOOL] = name##_u8},
#define LOGIC(name) [TW_LOOP_##name] = {[TW_BOOL] = name##_bool},
#define BYTES(name)                                                                                          \
  [TW_LOOP_##name] = {[TW_F64] = name##_64, [TW_F32] = name##_32, [TW_I64] = name##_64,                      \
                      [TW_I32] = name##_32, [TW_U8] = name##_8,   [TW_BOOL] = name##_8},
