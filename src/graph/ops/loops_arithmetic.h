/* Loops of plain arithmetic, and the rows of the table of loops; included by loops_portable.c and
 * loops_avx2.c, which add those of the FUNCTION families. Contraction is off (see CMakeLists.txt), so both
 * give the same bits. `omp simd` says that iterations are independent, which holds also when out is an
 * operand. */
#include "graph/emit/runtime/scalar.h"
#include "graph/ops/loops.h"

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


#define COMPARE_LOOPS(name, expression)                                                                      \
  LOOP2(name##_f64, double, uint8_t, expression)                                                             \
  LOOP2(name##_f32, float, uint8_t, expression)                                                              \
  LOOP2(name##_i64, int64_t, uint8_t, expression)                                                            \
  LOOP2(name##_i32, int32_t, uint8_t, expression)                                                            \
  LOOP2(name##_u8, uint8_t, uint8_t, expression)

#define NUMERIC1(name, real, whole) NUMERIC_LOOPS(LOOP1, name, real, whole)
#define NUMERIC2(name, real, whole) NUMERIC_LOOPS(LOOP2, name, real, whole)
#define SLOW2(name, real, whole)
#define FLOATS1(name, real) FLOAT_LOOPS(LOOP1, name, real)
#define FLOATS2(name, real) FLOAT_LOOPS(LOOP2, name, real)
#define TEST1(name, test)                                                                                    \
  LOOP1(name##_f64, double, uint8_t, test)                                                                   \
  LOOP1(name##_f32, float, uint8_t, test)
#define FUNCTION1(name, real)
#define FUNCTION2(name, real)
#define COMPARE2(name, test) COMPARE_LOOPS(name, test)
#define LOGIC1(name, test) LOOP1(name##_bool, uint8_t, uint8_t, test)
#define LOGIC2(name, test) LOOP2(name##_bool, uint8_t, uint8_t, test)
#define BYTES(name)
#include "graph/ops/loops.def"

/* From here on loops call functions and are not vector loops. */
#undef SIMD
#define SIMD
#define NUMERIC1(name, real, whole)
#define NUMERIC2(name, real, whole)
#define SLOW2(name, real, whole) NUMERIC_LOOPS(LOOP2, name, real, whole)
#define FLOATS1(name, real)
#define FLOATS2(name, real)
#define TEST1(name, test)
#ifndef FUNCTION1_LOOP /* a build with vector functions of its own */
#define FUNCTION1_LOOP(name, real) FLOAT_LOOPS(LOOP1, name, real)
#define FUNCTION2_LOOP(name, real) FLOAT_LOOPS(LOOP2, name, real)
#endif
#define FUNCTION1(name, real) FUNCTION1_LOOP(name, real)
#define FUNCTION2(name, real) FUNCTION2_LOOP(name, real)
#define COMPARE2(name, test)
#define LOGIC1(name, test)
#define LOGIC2(name, test)
#define BYTES(name)
#include "graph/ops/loops.def"

/* The rows of the table. */
#define ROW_OF_FLOATS(name) [TW_LOOP_##name] = {[TW_F64] = name##_f64, [TW_F32] = name##_f32},
#define ROW_OF_NUMBERS(name)                                                                                 \
  [TW_LOOP_##name] = {[TW_F64] = name##_f64,                                                                 \
                      [TW_F32] = name##_f32,                                                                 \
                      [TW_I64] = name##_i64,                                                                 \
                      [TW_I32] = name##_i32,                                                                 \
                      [TW_U8] = name##_u8},
#define NUMERIC1(name, real, whole) ROW_OF_NUMBERS(name)
#define NUMERIC2(name, real, whole) ROW_OF_NUMBERS(name)
#define SLOW2(name, real, whole) ROW_OF_NUMBERS(name)
#define FLOATS1(name, real) ROW_OF_FLOATS(name)
#define FLOATS2(name, real) ROW_OF_FLOATS(name)
#define TEST1(name, test) ROW_OF_FLOATS(name)
#define FUNCTION1(name, real) ROW_OF_FLOATS(name)
#define FUNCTION2(name, real) ROW_OF_FLOATS(name)
#define COMPARE2(name, test)                                                                                 \
  [TW_LOOP_##name] = {[TW_F64] = name##_f64, [TW_F32] = name##_f32, [TW_I64] = name##_i64,                   \
                      [TW_I32] = name##_i32, [TW_U8] = name##_u8,   [TW_BOOL] = name##_u8},
#define LOGIC1(name, test) [TW_LOOP_##name] = {[TW_BOOL] = name##_bool},
#define LOGIC2(name, test) [TW_LOOP_##name] = {[TW_BOOL] = name##_bool},
#define BYTES(name)                                                                                          \
  [TW_LOOP_##name] = {[TW_F64] = name##_64, [TW_F32] = name##_32, [TW_I64] = name##_64,                      \
                      [TW_I32] = name##_32, [TW_U8] = name##_8,   [TW_BOOL] = name##_8},
