/* vec: the vector loops of this room. Sums go through base (fixed tiles), so their bits do not depend on
 * threads. */
#ifndef LINEAR_VEC_H
#define LINEAR_VEC_H

#include <math.h>
#include <string.h>
#include <talweg/base.h>

static inline double vec_dot(int64_t n, const double *x, const double *y) {
  return tw_vec_dot(x, y, (size_t)n);
}

static inline double vec_norm(int64_t n, const double *x) {
  return tw_vec_norm2(x, (size_t)n);
}

static inline void vec_zero(int64_t n, double *x) {
  if (n > 0) memset(x, 0, (size_t)n * sizeof *x);
}

static inline void vec_copy(int64_t n, const double *x, double *y) {
  if (n > 0) memcpy(y, x, (size_t)n * sizeof *y);
}

static inline void vec_scale(int64_t n, double a, double *x) {
  for (int64_t i = 0; i < n; i++) x[i] *= a;
}

/* y += a x */
static inline void vec_axpy(int64_t n, double a, const double *restrict x, double *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

/* y = x + b y; b = 0 does not read y. */
static inline void vec_xpby(int64_t n, const double *restrict x, double b, double *restrict y) {
  if (b == 0) {
    vec_copy(n, x, y);
    return;
  }
  for (int64_t i = 0; i < n; i++) y[i] = x[i] + b * y[i];
}

/* The first entry that is NaN or infinite, or -1. */
static inline int64_t vec_find_nonfinite(int64_t n, const double *x) {
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(x[i])) return i;
  return -1;
}

#endif
