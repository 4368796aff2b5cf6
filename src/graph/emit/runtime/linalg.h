/* Triangular systems, Cholesky and LU factors, solutions by them. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_LINALG_H
#define TALWEG_GRAPH_EMIT_RUNTIME_LINALG_H
#include "graph/emit/runtime/matmul.h"
#include "graph/emit/runtime/pivots.h"
#include <tgmath.h>

/* T X = B in place, X n x k: T's element (i, j) is t[i ti + j tj], i > j going forward, i < j going backward.
 */
static inline void rt_substitute_T(bool forward, bool unit, int64_t n, int64_t k, const real *t, int64_t ti,
                                   int64_t tj, real *x) {
  for (int64_t p = 0; p < n; p++) {
    const int64_t i = forward ? p : n - 1 - p;
    for (int64_t q = 0; q < p; q++) {
      const int64_t j = forward ? q : n - 1 - q;
      const real u = t[i * ti + j * tj];
      for (int64_t c = 0; c < k; c++) x[i * k + c] -= u * x[j * k + c];
    }
    for (int64_t c = 0; c < k && !unit; c++) x[i * k + c] /= t[i * ti + i * tj];
  }
}

/* T X = B or T' X = B for the upper or lower triangle of rows `pitch` apart. */
static inline void rt_triangular_T(bool upper, bool transpose, bool unit, int64_t n, int64_t k, const real *t,
                                   int64_t pitch, const real *b, real *x) {
  for (int64_t i = 0; i < n * k && b != x; i++) x[i] = b[i];
  rt_substitute_T(upper == transpose, unit, n, k, t, transpose ? 1 : pitch, transpose ? pitch : 1, x);
}

/* L L' = A, in place or not, zeros above the diagonal. 1 when A is not positive definite (Cholesky-Banachiewicz). */
static inline int rt_cholesky_T(int64_t n, const real *a, real *l) {
  for (int64_t i = 0; i < n; i++) {
    real *row = l + i * n;
    for (int64_t j = 0; j < i; j++) row[j] = (a[i * n + j] - rt_dot_T(j, row, l + j * n)) / l[j * n + j];
    const real square = a[i * n + i] - rt_dot_T(i, row, row);
    if (!(square > 0) || !(square - square == 0)) return 1;
    row[i] = sqrt(square);
    for (int64_t j = i + 1; j < n; j++) row[j] = 0;
  }
  return 0;
}

static inline void rt_cholesky_solve_T(int64_t n, int64_t k, const real *l, const real *b, real *x) {
  rt_triangular_T(false, false, false, n, k, l, n, b, x);
  rt_triangular_T(false, true, false, n, k, l, n, x, x);
}

/* The factors f of A with partial pivoting, as in ops/lu.h: A = L U P', exchanges of columns. 1 when A holds
 * NaN or infinity; a zero pivot is left to whoever divides by it. */
static inline int rt_lu_T(int64_t n, const real *a, real *restrict f) {
  for (int64_t i = 0; i < n * n; i++)
    if (!(a[i] - a[i] == 0)) return 1;
  for (int64_t i = 0; i < n * n; i++) f[i / n * (n + 1) + i % n] = a[i];
  for (int64_t k = 0; k < n; k++) {
    real *row = f + k * (n + 1);
    int64_t p = k;
    for (int64_t j = k + 1; j < n; j++)
      if ((row[j] < 0 ? -row[j] : row[j]) > (row[p] < 0 ? -row[p] : row[p])) p = j;
    for (int64_t i = 0; i < n && p != k; i++) {
      const real swap = f[i * (n + 1) + k];
      f[i * (n + 1) + k] = f[i * (n + 1) + p];
      f[i * (n + 1) + p] = swap;
    }
    row[n] = (real)(p + 1);
    if (row[k] == 0) continue;
    for (int64_t j = k + 1; j < n; j++) row[j] /= row[k];
    for (int64_t i = k + 1; i < n; i++) {
      real *below = f + i * (n + 1);
      for (int64_t j = k + 1; j < n; j++) below[j] -= below[k] * row[j];
    }
  }
  return 0;
}

/* A X = B or A' X = B by the factors f: X = P U^-1 L^-1 B, or L^-T U^-T P'B. 1 when a pivot is zero. */
static inline int rt_lu_solve_T(bool transpose, int64_t n, int64_t k, const real *f, const real *b, real *x) {
  if (rt_zero_T(n, f, n + 2)) return 1;
  for (int64_t i = 0; i < n * k; i++) x[i] = b[i];
  if (transpose) rt_exchange_T(n, f, false, k, k, x);
  rt_triangular_T(transpose, transpose, transpose, n, k, f, n + 1, x, x);
  rt_triangular_T(!transpose, transpose, !transpose, n, k, f, n + 1, x, x);
  if (!transpose) rt_exchange_T(n, f, true, k, k, x);
  return 0;
}

static inline int rt_inverse_T(int64_t n, const real *f, real *restrict x) {
  if (rt_zero_T(n, f, n + 2)) return 1;
  for (int64_t i = 0; i < n * n; i++) x[i] = i % (n + 1) == 0;
  rt_triangular_T(false, false, false, n, n, f, n + 1, x, x);
  rt_triangular_T(true, false, true, n, n, f, n + 1, x, x);
  rt_exchange_T(n, f, true, n, n, x);
  return 0;
}

#endif
