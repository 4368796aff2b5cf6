/* What follows from LU factors as in ops/lu.h: f is n x (n+1), L and the unit upper triangular U in columns 0
 * .. n-1, exchanged columns of A in column n, counted from 1. Included once for each type
 * (emit/instantiate.h), or as it stands. */
#ifndef real
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
typedef double real;
#endif

/* Whether one of n elements `step` apart is zero. */
static inline bool rt_zero_T(int64_t n, const real *x, int64_t step) {
  for (int64_t i = 0; i < n; i++)
    if (x[i * step] == 0) return true;
  return false;
}

/* The rows of X, k long and `pitch` apart, exchanged as f says, from the first or from the last on. */
static inline void rt_exchange_T(int64_t n, const real *f, bool backwards, int64_t k, int64_t pitch,
                                 real *x) {
  for (int64_t q = 0; q < n; q++) {
    const int64_t i = backwards ? n - 1 - q : q, j = (int64_t)f[i * (n + 1) + n] - 1;
    for (int64_t c = 0; c < k && j != i; c++) {
      const real swap = x[i * pitch + c];
      x[i * pitch + c] = x[j * pitch + c];
      x[j * pitch + c] = swap;
    }
  }
}

/* -1 for an odd number of exchanges. */
static inline int rt_parity_T(int64_t n, const real *f) {
  int sign = 1;
  for (int64_t i = 0; i < n; i++)
    if ((int64_t)f[i * (n + 1) + n] != i + 1) sign = -sign;
  return sign;
}

/* The determinant: the product of the pivots as mantissa * 2^exponent. */
static inline double rt_det_T(int64_t n, const real *f) {
  double mantissa = rt_parity_T(n, f);
  int64_t exponent = 0;
  for (int64_t i = 0; i < n; i++) {
    int e;
    mantissa = frexp(mantissa * (double)f[i * (n + 2)], &e);
    exponent += e;
  }
  return ldexp(mantissa, (int)(exponent > 5000 ? 5000 : exponent < -5000 ? -5000 : exponent));
}

/* log |det A|. */
static inline double rt_logdet_T(int64_t n, const real *f) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += log(fabs((double)f[i * (n + 2)]));
  return sum;
}
