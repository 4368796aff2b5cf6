/* logsumexp and softmax over the rows of x [outer, rows, columns], up to 64 columns at a time, shifted by the
 * maximum m: logsumexp(x) = m + log sum_j e^(x_j - m),  softmax(x)_i = e^(x_i - m) / sum_j e^(x_j - m). */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_SOFTMAX_H
#define TALWEG_GRAPH_EMIT_RUNTIME_SOFTMAX_H
#include "graph/emit/runtime/reduce.h"
#include "graph/emit/runtime/sum.h"
#include <tgmath.h>

/* out[i] = e^(x[i] - shift), and their sum; x may be out. */
static inline real rt_exp_sum_T(int64_t n, const real *x, real shift, real *out) {
  real s = 0, r = 0;
  for (int64_t i = 0; i < n; i++) rt_add_T(&s, &r, out[i] = exp(x[i] - shift));
  return rt_total_T(s, r);
}

/* rows > 0. An infinite m would make inf - inf; e^(x - 0) is then 0, infinite or NaN by itself. */
static inline void rt_logsumexp_T(int64_t outer, int64_t rows, int64_t columns, const real *x,
                                  real *restrict out) {
  rt_max_T(outer, rows, columns, x, out);
  for (int64_t o = 0; o < outer; o++, x += rows * columns, out += columns)
    for (int64_t first = 0; first < columns; first += 64) {
      const int64_t width = columns - first < 64 ? columns - first : 64;
      real m[64], s[64] = {0}, r[64] = {0};
      for (int64_t c = 0; c < width; c++) m[c] = out[first + c] - out[first + c] == 0 ? out[first + c] : 0;
      for (int64_t i = 0; i < rows; i++)
        for (int64_t c = 0; c < width; c++) rt_add_T(&s[c], &r[c], exp(x[i * columns + first + c] - m[c]));
      for (int64_t c = 0; c < width; c++) out[first + c] = m[c] + log(rt_total_T(s[c], r[c]));
    }
}

/* rows > 0. */
static inline void rt_softmax_T(int64_t outer, int64_t rows, int64_t columns, const real *x,
                                real *restrict out) {
  for (int64_t o = 0; o < outer; o++, x += rows * columns, out += rows * columns)
    for (int64_t first = 0; first < columns; first += 64) {
      const int64_t width = columns - first < 64 ? columns - first : 64;
      real m[64], s[64] = {0}, r[64] = {0};
      for (int64_t c = 0; c < width; c++) m[c] = x[first + c];
      for (int64_t i = 1; i < rows; i++)
        for (int64_t c = 0; c < width; c++) {
          const real a = x[i * columns + first + c];
          m[c] = a <= m[c] ? m[c] : a > m[c] ? a : a + m[c];
        }
      for (int64_t i = 0; i < rows; i++)
        for (int64_t c = 0; c < width; c++) {
          const real e = exp(x[i * columns + first + c] - m[c]);
          out[i * columns + first + c] = e;
          rt_add_T(&s[c], &r[c], e);
        }
      for (int64_t i = 0; i < rows; i++)
        for (int64_t c = 0; c < width; c++) out[i * columns + first + c] /= rt_total_T(s[c], r[c]);
    }
}

#endif
