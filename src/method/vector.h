/* Vector kernels of the methods: element-wise updates shared out over threads. Private to method/. The result
 * does not depend on the number of threads. */
#ifndef TALWEG_METHOD_VECTOR_H
#define TALWEG_METHOD_VECTOR_H

#include <talweg/base.h>

/* out = x + a y; out may be x or y. */
void tw_add_scaled(int threads, int64_t n, const double *x, double a, const double *y, double *out);
/* out = b x + a y; out may be x or y. */
void tw_combine(int threads, int64_t n, double b, const double *x, double a, const double *y, double *out);

/* A pass over `items` that also reduces: `segment` handles items first .. first+count-1 and adds to its own
 * `sums`, which are zero at the start; they are joined in a fixed order into out[0..n_sums-1]. scratch:
 * TW_SEGMENTS * n_sums. Threads are used when there are n >= 65536 entries in all. */
enum { TW_SEGMENTS = 64 };
typedef void tw_segment(void *context, int64_t first, int64_t count, double *sums);
void tw_reduce(int threads, int64_t n, int64_t items, int n_sums, tw_segment *segment, void *context,
               double *scratch, double *out);

/* The largest value that `segment` finds in the entries first .. first+count-1 of all n; NaN when one is. */
typedef double tw_segment_largest(const void *context, int64_t first, int64_t count);
double tw_largest(int threads, int64_t n, tw_segment_largest *segment, const void *context);
/* Calls tile(context, first, count) for fixed tiles of the n entries. */
typedef void tw_each_tile(const void *context, int64_t first, int64_t count);
void tw_for_tiles(int threads, int64_t n, tw_each_tile *tile, const void *context);

#endif
