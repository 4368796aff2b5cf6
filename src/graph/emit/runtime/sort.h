/* Sorting: ascending, NaN after all numbers, equals as they come. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_SORT_H
#define TALWEG_GRAPH_EMIT_RUNTIME_SORT_H
#include "graph/emit/runtime/argmax.h"

/* out: the indices that sort each lane of x [outer, n, inner] along n. Merges of ever longer runs (Knuth vol.
 * 3, 5.2.4); work: 2 n indices. */
static inline void rt_argsort_T(int64_t outer, int64_t n, int64_t inner, const real *x, int64_t *out,
                                int64_t *work) {
  for (int64_t lane = 0; lane < outer * inner; lane++) {
    const int64_t first = lane / inner * n * inner + lane % inner;
    int64_t *a = work, *b = work + n;
    for (int64_t i = 0; i < n; i++) a[i] = i;
    for (int64_t run = 1; run < n; run *= 2) {
      for (int64_t low = 0; low < n; low += 2 * run) {
        const int64_t middle = low + run < n ? low + run : n, high = low + 2 * run < n ? low + 2 * run : n;
        int64_t l = low, r = middle;
        for (int64_t i = low; i < high; i++) {
          bool right = l == middle;
          if (l < middle && r < high) {
            const real u = x[first + a[l] * inner], v = x[first + a[r] * inner];
            right = !(u <= v) && rt_is_number_T(v);
          }
          b[i] = right ? a[r++] : a[l++];
        }
      }
      int64_t *swap = a;
      a = b;
      b = swap;
    }
    for (int64_t i = 0; i < n; i++) out[first + i * inner] = a[i];
  }
}

#endif
