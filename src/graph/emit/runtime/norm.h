/* Euclidean norms. Included once for each type (emit/instantiate.h), or as it stands. */
#ifndef real
#include <math.h>
#include <stdint.h>
typedef double real;
#endif

/* |x| of n elements `stride` apart, of elements divided by the power of two next to the largest, so that
 * nothing overflows or vanishes. */
static inline double rt_scaled_norm_T(const real *x, int64_t n, int64_t stride) {
  double largest = 0, sum = 0;
  int exponent;
  for (int64_t i = 0; i < n; i++) {
    const double a = fabs((double)x[i * stride]);
    if (!(a <= largest)) largest = a; /* NaN too */
    if (a != a) return a;
  }
  if (largest == 0 || largest == INFINITY) return largest;
  (void)frexp(largest, &exponent);
  for (int64_t i = 0; i < n; i++) {
    const double a = ldexp((double)x[i * stride], -exponent);
    sum += a * a;
  }
  return ldexp(sqrt(sum), exponent);
}
