/* Running sums and products along the middle axis of [outer, n, inner], from either end. Included once
 * for each type (emit/instantiate.h), or as it stands. Lanes run side by side, so that memory is read in
 * order. */
#ifndef real
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
typedef double real;
#endif

/* The error c of the running sum s is carried along (Neumaier 1974), so that the last of many is as good as
 * the first. */
static inline void rt_cumsum_T(int64_t outer, int64_t n, int64_t inner, bool reverse, const real *x,
                               real *restrict out) {
  for (int64_t o = 0; o < outer; o++, x += n * inner, out += n * inner)
    for (int64_t j = 0; j < inner; j++) {
      double s = 0, c = 0;
      for (int64_t i = 0; i < n; i++) {
        const int64_t p = (reverse ? n - 1 - i : i) * inner + j;
        const double v = (double)x[p], t = s + v;
        c += fabs(s) >= fabs(v) ? (s - t) + v : (v - t) + s;
        s = t;
        out[p] = (real)(s - s == 0 ? s + c : s);
      }
    }
}

/* Sums of integers wrap around. */
static inline void rt_whole_cumsum_T(int64_t outer, int64_t n, int64_t inner, bool reverse, const real *x,
                                     real *restrict out) {
  const int64_t step = reverse ? -inner : inner;
  for (int64_t o = 0; o < outer; o++, x += n * inner, out += n * inner)
    for (int64_t i = 0; i < n; i++) {
      const int64_t row = (reverse ? n - 1 - i : i) * inner;
      for (int64_t p = row; p < row + inner; p++)
        out[p] = i == 0 ? x[p] : (real)((uint64_t)out[p - step] + (uint64_t)x[p]);
    }
}

static inline void rt_cumprod_T(int64_t outer, int64_t n, int64_t inner, const real *x, real *restrict out) {
  for (int64_t o = 0; o < outer; o++, x += n * inner, out += n * inner)
    for (int64_t p = 0; p < n * inner; p++) out[p] = p < inner ? x[p] : (real)(out[p - inner] * x[p]);
}

static inline void rt_whole_cumprod_T(int64_t outer, int64_t n, int64_t inner, const real *x,
                                      real *restrict out) {
  for (int64_t o = 0; o < outer; o++, x += n * inner, out += n * inner)
    for (int64_t p = 0; p < n * inner; p++)
      out[p] = p < inner ? x[p] : (real)((uint64_t)out[p - inner] * (uint64_t)x[p]);
}
