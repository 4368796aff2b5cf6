/* Compensated sums: s is the sum so far, r what its additions lost (Neumaier 1974), which takes no comparison (Knuth, The Art
 * of Computer Programming 2, section 4.2.2). */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_SUM_H
#define TALWEG_GRAPH_EMIT_RUNTIME_SUM_H
#include <stdint.h>
typedef double real;

static inline void rt_add_T(real *s, real *r, real x) {
  const real t = *s + x, z = t - *s;
  *r += (*s - (t - z)) + (x - z);
  *s = t;
}

static inline real rt_total_T(real s, real r) {
  return r == r ? s + r : s; /* NaN: an infinite sum needs no correction */
}

/* out[c] = sum_r x[r][c] for c < columns <= 64: plain over 32 rows, compensated from there on. */
static inline void rt_column_sums_T(int64_t rows, int64_t columns, int64_t stride, const real *x,
                                    real *restrict out) {
  real s[64] = {0}, r[64] = {0}, part[64];
  for (int64_t first = 0; first < rows; first += 32) {
    const int64_t end = first + 32 < rows ? first + 32 : rows;
    for (int64_t c = 0; c < columns; c++) part[c] = 0;
    for (int64_t i = first; i < end; i++)
      for (int64_t c = 0; c < columns; c++) part[c] += x[i * stride + c];
    for (int64_t c = 0; c < columns; c++) rt_add_T(&s[c], &r[c], part[c]);
  }
  for (int64_t c = 0; c < columns; c++) out[c] = rt_total_T(s[c], r[c]);
}

/* The sum of n elements in a row: eight columns of n / 8 rows, and the rest. */
static inline real rt_row_sum_T(int64_t n, const real *x) {
  real lane[8] = {0}, s = 0, r = 0;
  if (n >= 8) rt_column_sums_T(n / 8, 8, 8, x, lane);
  for (int64_t k = 0; k < 8; k++) rt_add_T(&s, &r, lane[k]);
  for (int64_t i = n / 8 * 8; i < n; i++) rt_add_T(&s, &r, x[i]);
  return rt_total_T(s, r);
}

/* out[o][c] = sum_r x[o][r][c], x [outer, rows, columns]. */
static inline void rt_sum_T(int64_t outer, int64_t rows, int64_t columns, const real *x, real *restrict out) {
  for (int64_t o = 0; o < outer; o++, x += rows * columns, out += columns) {
    if (columns == 1) *out = rt_row_sum_T(rows, x);
    for (int64_t c = 0; c < columns && columns > 1; c += 64)
      rt_column_sums_T(rows, columns - c < 64 ? columns - c : 64, columns, x + c, out + c);
  }
}

#endif
