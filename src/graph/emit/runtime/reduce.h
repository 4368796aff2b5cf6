/* Reductions of [outer, rows, columns] to [outer, columns] other than the sum of floats. Integers are counted
 * in 64 bits and wrap around; a NaN is the result of whatever extremum meets it. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_REDUCE_H
#define TALWEG_GRAPH_EMIT_RUNTIME_REDUCE_H
#include "graph/emit/runtime/norm.h"
#include "graph/emit/runtime/sum.h"
#include <stdbool.h>

static inline void rt_whole_sum_T(int64_t outer, int64_t rows, int64_t columns, const real *x,
                                  int64_t *restrict out) {
  for (int64_t o = 0; o < outer; o++, out += columns) {
    for (int64_t c = 0; c < columns; c++) out[c] = 0;
    for (int64_t r = 0; r < rows; r++, x += columns)
      for (int64_t c = 0; c < columns; c++) out[c] = (int64_t)((uint64_t)out[c] + (uint64_t)x[c]);
  }
}

static inline void rt_whole_prod_T(int64_t outer, int64_t rows, int64_t columns, const real *x,
                                   int64_t *restrict out) {
  for (int64_t o = 0; o < outer; o++, out += columns) {
    for (int64_t c = 0; c < columns; c++) out[c] = 1;
    for (int64_t r = 0; r < rows; r++, x += columns)
      for (int64_t c = 0; c < columns; c++) out[c] = (int64_t)((uint64_t)out[c] * (uint64_t)x[c]);
  }
}

/* Up to 64 columns at a time, so that products of floats are formed in double. */
static inline void rt_prod_T(int64_t outer, int64_t rows, int64_t columns, const real *x,
                             real *restrict out) {
  double product[64];
  for (int64_t o = 0; o < outer; o++, x += rows * columns, out += columns)
    for (int64_t first = 0; first < columns; first += 64) {
      const int64_t width = columns - first < 64 ? columns - first : 64;
      for (int64_t c = 0; c < width; c++) product[c] = 1;
      for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < width; c++) product[c] *= (double)x[r * columns + first + c];
      for (int64_t c = 0; c < width; c++) out[first + c] = (real)product[c];
    }
}

/* rows > 0. Where neither a <= m nor a > m holds, one of them is NaN, and so is their sum. */
static inline void rt_max_T(int64_t outer, int64_t rows, int64_t columns, const real *x, real *restrict out) {
  for (int64_t o = 0; o < outer; o++, out += columns) {
    for (int64_t c = 0; c < columns; c++) out[c] = x[c];
    for (int64_t r = 0; r < rows; r++, x += columns)
      for (int64_t c = 0; c < columns; c++) {
        const real a = x[c], m = out[c];
        out[c] = (real)(a <= m ? m : a > m ? a : a + m);
      }
  }
}

static inline void rt_min_T(int64_t outer, int64_t rows, int64_t columns, const real *x, real *restrict out) {
  for (int64_t o = 0; o < outer; o++, out += columns) {
    for (int64_t c = 0; c < columns; c++) out[c] = x[c];
    for (int64_t r = 0; r < rows; r++, x += columns)
      for (int64_t c = 0; c < columns; c++) {
        const real a = x[c], m = out[c];
        out[c] = (real)(a >= m ? m : a < m ? a : a + m);
      }
  }
}

/* Euclidean norms, up to 64 columns at a time: roots of sums of squares where those are safe from overflow
 * and underflow. */
static inline void rt_norm_T(int64_t outer, int64_t rows, int64_t columns, const real *x,
                             real *restrict out) {
  const double low = sizeof(real) == 8 ? 0x1p-900 : 0x1p-100, high = sizeof(real) == 8 ? 0x1p1000 : 0x1p120;
  for (int64_t o = 0; o < outer; o++, x += rows * columns, out += columns)
    for (int64_t first = 0; first < columns; first += 64) {
      const int64_t width = columns - first < 64 ? columns - first : 64;
      const real *from = x + first;
      real s[64] = {0}, r[64] = {0};
      for (int64_t i = 0; i < rows; i++)
        for (int64_t c = 0; c < width; c++)
          rt_add_T(&s[c], &r[c], from[i * columns + c] * from[i * columns + c]);
      for (int64_t c = 0; c < width; c++) {
        const double square = (double)rt_total_T(s[c], r[c]);
        const bool safe = square > low && square < high;
        out[first + c] = (real)(safe ? sqrt(square) : rt_scaled_norm_T(from + c, rows, columns));
      }
    }
}

#endif
