/* The first positions of extrema along the rows of x [outer, rows, columns]; a NaN counts as the extremum.
 * Included once for each type (emit/instantiate.h), or as it stands. */
#ifndef real
#include <stdbool.h>
#include <stdint.h>
typedef double real;
#endif

/* False for NaN. */
static inline bool rt_is_number_T(real x) {
  const real same = x;
  return x == same;
}

static inline void rt_argmax_T(int64_t outer, int64_t rows, int64_t columns, const real *x,
                               int64_t *restrict out) {
  for (int64_t o = 0; o < outer; o++, x += rows * columns, out += columns)
    for (int64_t c = 0; c < columns; c++) {
      int64_t found = 0;
      for (int64_t r = 1; r < rows; r++) {
        const real a = x[r * columns + c], b = x[found * columns + c];
        if (!(a <= b) && rt_is_number_T(b)) found = r;
      }
      out[c] = found;
    }
}

static inline void rt_argmin_T(int64_t outer, int64_t rows, int64_t columns, const real *x,
                               int64_t *restrict out) {
  for (int64_t o = 0; o < outer; o++, x += rows * columns, out += columns)
    for (int64_t c = 0; c < columns; c++) {
      int64_t found = 0;
      for (int64_t r = 1; r < rows; r++) {
        const real a = x[r * columns + c], b = x[found * columns + c];
        if (!(a >= b) && rt_is_number_T(b)) found = r;
      }
      out[c] = found;
    }
}
