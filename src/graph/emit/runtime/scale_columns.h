/* Columns times products that leave one factor out. Included once for each type (emit/instantiate.h), or as
 * it stands. */
#ifndef real
#include <stdint.h>
typedef double real;
#endif

/* Column i of X, n x n, times scale * prod_{l /= i} s_l: products from the left, then from the right. */
static inline void rt_scale_columns_T(int64_t n, real *x, const real *s, double scale) {
  for (int64_t i = 0; i < n; scale *= (double)s[i], i++)
    for (int64_t r = 0; r < n; r++) x[r * n + i] = (real)((double)x[r * n + i] * scale);
  scale = 1;
  for (int64_t i = n - 1; i >= 0; scale *= (double)s[i], i--)
    for (int64_t r = 0; r < n; r++) x[r * n + i] = (real)((double)x[r * n + i] * scale);
}
