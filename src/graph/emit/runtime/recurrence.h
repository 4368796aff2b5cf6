/* Linear recurrences along the middle axis of [outer, n, inner], from either end. Included once for each type
 * (emit/instantiate.h), or as it stands. */
#ifndef real
#include <stdbool.h>
#include <stdint.h>
typedef double real;
#endif

/* z_i = a_i z_{i-1} + b_i from z_{-1} = 0. */
static inline void rt_recurrence_T(int64_t outer, int64_t n, int64_t inner, bool reverse, const real *a,
                                   const real *b, real *restrict z) {
  const int64_t step = reverse ? -inner : inner;
  for (int64_t o = 0; o < outer; o++, a += n * inner, b += n * inner, z += n * inner)
    for (int64_t i = 0; i < n; i++) {
      const int64_t row = (reverse ? n - 1 - i : i) * inner;
      for (int64_t p = row; p < row + inner; p++) z[p] = i == 0 ? b[p] : (real)(a[p] * z[p - step] + b[p]);
    }
}
