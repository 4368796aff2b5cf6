/* Isotonic regression by pooling adjacent violators. Part of the library, and of the C that it writes. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_ISOTONIC_H
#define TALWEG_GRAPH_EMIT_RUNTIME_ISOTONIC_H
#include <math.h>
#include <stdint.h>

/* log(e^a + e^b). */
static inline double rt_log_add(double a, double b) {
  const double top = a > b ? a : b, low = a > b ? b : a;
  return low == -INFINITY ? top : top + log1p(exp(low - top));
}

/* The blocks of positions on which v_1 <= .. <= v_n is constant, for the least sum (v - y)^2, or with w for the least sum
 * exp(y - v) + exp(w) v: label[i] is the first position of i's block, or with `by` the position of the block's largest `by`.
 * A block has the value mean y, or log sum exp(y) - log sum exp(w); neighbours whose values fall are pooled (Ayer, Brunk, Ewing,
 * Reid & Silverman, 1955; Best & Chakravarti, 1990). O(n). a, b, start: room for n. */
static inline void rt_isotonic(int64_t n, const double *y, const double *w, const double *by, int64_t *label, double *a, double *b,
                               int64_t *start) {
  int64_t blocks = 0;
  for (int64_t i = 0; i < n; i++) {
    start[blocks] = i;
    a[blocks] = y[i];
    b[blocks] = w ? w[i] : 0;
    for (blocks++; blocks > 1; blocks--) {
      const int64_t r = blocks - 1, l = blocks - 2;
      const double right = w ? a[r] - b[r] : a[r] / (double)(i + 1 - start[r]);
      const double left = w ? a[l] - b[l] : a[l] / (double)(start[r] - start[l]);
      if (!(left > right)) break;
      a[l] = w ? rt_log_add(a[l], a[r]) : a[l] + a[r];
      b[l] = w ? rt_log_add(b[l], b[r]) : 0;
    }
  }
  for (int64_t k = 0; k < blocks; k++) {
    const int64_t end = k + 1 < blocks ? start[k + 1] : n;
    int64_t at = start[k];
    for (int64_t i = start[k]; by && i < end; i++)
      if (by[i] > by[at]) at = i;
    for (int64_t i = start[k]; i < end; i++) label[i] = at;
  }
}

#endif
