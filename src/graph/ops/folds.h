/* Loops that fold rows: pairwise within a tile, with a fixed number of lanes, so that the bits are the same whatever the
 * instruction set of the build. Included once for each. */
#include "graph/ops/reduce.h"

#include <math.h>

#define LEAF 32      /* rows folded in a plain loop */
#define PAIRED 128   /* elements of a row summed in a plain loop: rounding is that of pairs of such */
#define SUM_LANES 8      /* independent accumulators along a contiguous row */
#define EXTREME_LANES 32 /* more: comparisons wait longer for each other */

/* T: element, A: accumulator, U: result. Each row of at most TW_FOLD_TILE elements is split in halves down to PLAIN. */
#define FOLD(name, PLAIN, LANES, T, A, U, IDENTITY, MAP, JOIN)                                                \
  static A name##_row(const T *x, int64_t n) {                                                                \
    if (n > PLAIN) {                                                                                          \
      const int64_t half = n / 2 / LANES * LANES;                                                             \
      const A a = name##_row(x, half), b = name##_row(x + half, n - half);                                    \
      return (A)JOIN(a, b);                                                                                   \
    }                                                                                                         \
    A lane[LANES], all = (A)(IDENTITY);                                                                       \
    int64_t i = 0;                                                                                            \
    for (int k = 0; k < LANES; k++) lane[k] = (A)(IDENTITY);                                                  \
    for (; i + LANES <= n; i += LANES)                                                                        \
      for (int k = 0; k < LANES; k++) {                                                                       \
        const A e = (A)x[i + k];                                                                              \
        lane[k] = (A)JOIN(lane[k], (A)MAP(e));                                                                \
      }                                                                                                       \
    for (; i < n; i++) {                                                                                      \
      const A e = (A)x[i];                                                                                    \
      all = (A)JOIN(all, (A)MAP(e));                                                                          \
    }                                                                                                         \
    for (int width = LANES / 2; width > 0; width /= 2)                                                        \
      for (int k = 0; k < width; k++) lane[k] = (A)JOIN(lane[k], lane[k + width]);                            \
    return (A)JOIN(lane[0], all);                                                                             \
  }                                                                                                           \
  static void name##_columns(const T *x, int64_t rows, int64_t columns, int64_t stride, A *acc) {             \
    if (rows > LEAF) {                                                                                        \
      A half[TW_FOLD_COLUMNS_MOST];                                                                           \
      name##_columns(x, rows / 2, columns, stride, acc);                                                      \
      name##_columns(x + rows / 2 * stride, rows - rows / 2, columns, stride, half);                          \
      for (int64_t c = 0; c < columns; c++) acc[c] = (A)JOIN(acc[c], half[c]);                                \
      return;                                                                                                 \
    }                                                                                                         \
    for (int64_t c = 0; c < columns; c++) acc[c] = (A)(IDENTITY);                                             \
    int64_t r = 0;                                                                                            \
    for (; r + 2 <= rows; r += 2, x += 2 * stride)                                                            \
      for (int64_t c = 0; c < columns; c++) {                                                                 \
        const A e = (A)x[c], f = (A)x[stride + c];                                                            \
        const A pair = (A)JOIN((A)MAP(e), (A)MAP(f));                                                         \
        acc[c] = (A)JOIN(acc[c], pair);                                                                       \
      }                                                                                                       \
    if (r < rows)                                                                                             \
      for (int64_t c = 0; c < columns; c++) {                                                                 \
        const A e = (A)x[c];                                                                                  \
        acc[c] = (A)JOIN(acc[c], (A)MAP(e));                                                                  \
      }                                                                                                       \
  }                                                                                                           \
  static void name(const void *x, int64_t rows, int64_t columns, int64_t stride, void *out) {                 \
    A acc[TW_FOLD_COLUMNS_MOST];                                                                              \
    if (columns == 1 && stride == 1) {                                                                        \
      *(U *)out = (U)name##_row(x, rows);                                                                     \
      return;                                                                                                 \
    }                                                                                                         \
    for (int64_t c = 0; c < columns; c += TW_FOLD_COLUMNS_MOST) {                                             \
      const int64_t width = columns - c < TW_FOLD_COLUMNS_MOST ? columns - c : TW_FOLD_COLUMNS_MOST;          \
      name##_columns((const T *)x + c, rows, width, stride, acc);                                             \
      for (int64_t k = 0; k < width; k++) ((U *)out)[c + k] = (U)acc[k];                                      \
    }                                                                                                         \
  }

#define SAME(e) (e)
#define SQUARE(e) ((e) * (e))
#define ADD(a, b) ((a) + (b))
#define MULTIPLY(a, b) ((a) * (b))
/* NaN wins; without a branch, so that lanes become vectors */
#define LARGER(a, b) ((((a) > (b)) | ((a) != (a))) ? (a) : (b))
#define SMALLER(a, b) ((((a) < (b)) | ((a) != (a))) ? (a) : (b))
#define LARGER_WHOLE(a, b) ((a) > (b) ? (a) : (b))
#define SMALLER_WHOLE(a, b) ((a) < (b) ? (a) : (b))

/* f32 accumulates in double; integers wrap in 64 bits. */
#define ARITHMETIC_FOLDS(name, IDENTITY, JOIN)                                                                \
  FOLD(name##_f64, PAIRED, SUM_LANES, double, double, double, IDENTITY, SAME, JOIN)                           \
  FOLD(name##_f32, PAIRED, SUM_LANES, float, double, float, IDENTITY, SAME, JOIN)                             \
  FOLD(name##_i64, PAIRED, SUM_LANES, int64_t, uint64_t, int64_t, IDENTITY, SAME, JOIN)                       \
  FOLD(name##_i32, PAIRED, SUM_LANES, int32_t, uint64_t, int64_t, IDENTITY, SAME, JOIN)                       \
  FOLD(name##_u8, PAIRED, SUM_LANES, uint8_t, uint64_t, int64_t, IDENTITY, SAME, JOIN)
ARITHMETIC_FOLDS(sum, 0, ADD)
ARITHMETIC_FOLDS(prod, 1, MULTIPLY)
FOLD(squares_f64, PAIRED, SUM_LANES, double, double, double, 0, SQUARE, ADD)
FOLD(squares_f32, PAIRED, SUM_LANES, float, double, float, 0, SQUARE, ADD)
FOLD(max_f64, TW_FOLD_TILE, EXTREME_LANES, double, double, double, -INFINITY, SAME, LARGER)
FOLD(max_f32, TW_FOLD_TILE, EXTREME_LANES, float, float, float, -INFINITY, SAME, LARGER)
FOLD(max_i64, TW_FOLD_TILE, EXTREME_LANES, int64_t, int64_t, int64_t, INT64_MIN, SAME, LARGER_WHOLE)
FOLD(max_i32, TW_FOLD_TILE, EXTREME_LANES, int32_t, int32_t, int32_t, INT32_MIN, SAME, LARGER_WHOLE)
FOLD(max_u8, TW_FOLD_TILE, EXTREME_LANES, uint8_t, uint8_t, uint8_t, 0, SAME, LARGER_WHOLE)
FOLD(min_f64, TW_FOLD_TILE, EXTREME_LANES, double, double, double, INFINITY, SAME, SMALLER)
FOLD(min_f32, TW_FOLD_TILE, EXTREME_LANES, float, float, float, INFINITY, SAME, SMALLER)
FOLD(min_i64, TW_FOLD_TILE, EXTREME_LANES, int64_t, int64_t, int64_t, INT64_MAX, SAME, SMALLER_WHOLE)
FOLD(min_i32, TW_FOLD_TILE, EXTREME_LANES, int32_t, int32_t, int32_t, INT32_MAX, SAME, SMALLER_WHOLE)
FOLD(min_u8, TW_FOLD_TILE, EXTREME_LANES, uint8_t, uint8_t, uint8_t, UINT8_MAX, SAME, SMALLER_WHOLE)

#define ROW(name)                                                                                             \
  { name##_f64, name##_f32, name##_i64, name##_i32, name##_u8, name##_u8 }
#define FOLDS                                                                                                 \
  {                                                                                                           \
    [TW_FOLD_SUM] = ROW(sum), [TW_FOLD_SQUARES] = {squares_f64, squares_f32}, [TW_FOLD_PROD] = ROW(prod),     \
    [TW_FOLD_MAX] = ROW(max), [TW_FOLD_MIN] = ROW(min)                                                        \
  }
