/* Vector kernels of the methods: element-wise updates shared out over threads. Private to method/. The result
 * does not depend on the number of threads. */
#ifndef TALWEG_METHOD_VECTOR_H
#define TALWEG_METHOD_VECTOR_H

#include <talweg/base.h>

/* out = x + a y; out may be x or y. */
void tw_add_scaled(int threads, int64_t n, const double *x, double a, const double *y, double *out);
/* out = b x + a y; out may be x or y. */
void tw_combine(int threads, int64_t n, double b, const double *x, double a, const double *y, double *out);
/* |P(x - g) - x|_inf for the box lower <= x <= upper; lower or upper NULL: no bounds, |g|_inf. */
double tw_projected_norm(int64_t n, const double *x, const double *g, const double *lower,
                         const double *upper);

/* A pass over `items` that also reduces: `segment` handles items first .. first+count-1 and adds to its own
 * `sums`, which are zero at the start; they are joined in a fixed order into out[0..n_sums-1]. scratch:
 * TW_SEGMENTS * n_sums. Threads are used when there are n >= 65536 entries in all. */
enum { TW_SEGMENTS = 64 };
typedef void tw_segment(void *context, int64_t first, int64_t count, double *sums);
void tw_reduce(int threads, int64_t n, int64_t items, int n_sums, tw_segment *segment, void *context,
               double *scratch, double *out);

#endif
