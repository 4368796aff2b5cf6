/* Inner products and matrix products in plain loops that a compiler turns into vector code. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_MATMUL_H
#define TALWEG_GRAPH_EMIT_RUNTIME_MATMUL_H
#include "graph/emit/runtime/sum.h"

/* sum_i x_i y_i: eight lanes over 256 terms, compensated from there on. */
static inline real rt_dot_T(int64_t n, const real *x, const real *y) {
  real s = 0, r = 0;
  for (int64_t i = 0; i < n;) {
    const int64_t end = i + 256 < n ? i + 256 : n;
    real lane[8] = {0};
    for (; i + 8 <= end; i += 8)
      for (int k = 0; k < 8; k++) lane[k] += x[i + k] * y[i + k];
    for (; i < end; i++) lane[0] += x[i] * y[i];
    rt_add_T(&s, &r,
             ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7])));
  }
  return rt_total_T(s, r);
}

/* c[i][j] = sum_l a[i ai + l al] b[l bl + j], c m x n: rows of b times numbers, in blocks of b that stay in
 * the cache. */
static inline void rt_matmul_T(int64_t m, int64_t n, int64_t k, const real *a, int64_t ai, int64_t al,
                               const real *b, int64_t bl, real *restrict c) {
  for (int64_t i = 0; i < m * n; i++) c[i] = 0;
  for (int64_t j0 = 0; j0 < n; j0 += 256)
    for (int64_t l0 = 0; l0 < k; l0 += 64) {
      const int64_t width = n - j0 < 256 ? n - j0 : 256, depth = k - l0 < 64 ? k - l0 : 64;
      for (int64_t i = 0; i < m; i++) {
        const real *p = a + i * ai + l0 * al, *q = b + l0 * bl + j0;
        real *to = c + i * n + j0;
        for (int64_t l = 0; l < depth / 4; l++, p += 4 * al, q += 4 * bl) {
          const real u0 = p[0], u1 = p[al], u2 = p[2 * al], u3 = p[3 * al];
          for (int64_t j = 0; j < width; j++)
            to[j] += (u0 * q[j] + u1 * q[bl + j]) + (u2 * q[2 * bl + j] + u3 * q[3 * bl + j]);
        }
        for (int64_t l = 0; l < depth % 4; l++, p += al, q += bl)
          for (int64_t j = 0; j < width; j++) to[j] += *p * q[j];
      }
    }
}

/* c[i][j] = sum_l a[i ai + l al] b[j bj + l]: rows of a, gathered in pieces where they do not lie together,
 * times rows of b. */
static inline void rt_matmul_rows_T(int64_t m, int64_t n, int64_t k, const real *a, int64_t ai, int64_t al,
                                    const real *b, int64_t bj, real *restrict c) {
  const int64_t piece = al == 1 ? k : 256;
  for (int64_t i = 0; i < m * n; i++) c[i] = 0;
  for (int64_t i = 0; i < m; i++)
    for (int64_t l0 = 0; l0 < k; l0 += piece) {
      const int64_t length = k - l0 < piece ? k - l0 : piece;
      const real *row = a + i * ai + l0 * al;
      real gathered[256];
      for (int64_t l = 0; l < length && al != 1; l++) gathered[l] = row[l * al];
      for (int64_t j = 0; j < n; j++)
        c[i * n + j] += rt_dot_T(length, al == 1 ? row : gathered, b + j * bj + l0);
    }
}

/* The lower triangle of C = A A', A n x k. */
static inline void rt_gram_T(int64_t n, int64_t k, const real *a, real *restrict c) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j <= i; j++) c[i * n + j] = rt_dot_T(k, a + i * k, a + j * k);
}

/* Integers wrap around. */
static inline void rt_whole_matmul_T(int64_t m, int64_t n, int64_t k, const real *a, int64_t ai, int64_t al,
                                     const real *b, int64_t bl, int64_t bj, real *restrict c) {
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      uint64_t s = 0;
      for (int64_t l = 0; l < k; l++) s += (uint64_t)a[i * ai + l * al] * (uint64_t)b[l * bl + j * bj];
      c[i * n + j] = (real)s;
    }
}

#endif
