/* damped: small dense least-squares problems with a Tikhonov term, by LAPACK. */
#ifndef TALWEG_METHOD_DAMPED_H
#define TALWEG_METHOD_DAMPED_H

#include <talweg/base.h>

/* What LAPACKE's `info` means for the caller of `routine`. */
tw_status tw_lapack_status(int info, const char *routine, tw_error *error);

/* Solves min |R w + c|^2 + mu |w|^2 for R q x p upper trapezoidal with leading dimension ld (column-major;
 * entries below the diagonal are ignored). `work` holds at least (q + p) * (p + 1) doubles. */
tw_status tw_damped_triangle(int64_t q, int64_t p, const double *r, int64_t ld, const double *c, double mu,
                             double *w, double *work, tw_error *error);

#endif
