/* derivatives: first and second derivatives of a mathematical program at points, in compressed columns, for those who differentiate its
 * solutions. */
#ifndef TALWEG_METHOD_DERIVATIVES_H
#define TALWEG_METHOD_DERIVATIVES_H

#include <talweg/method.h>

typedef struct tw_derivatives tw_derivatives;

/* x [n]: any point. *out NULL: there are no second derivatives, or matrices would be too large. Borrows the oracle. */
tw_status tw_derivatives_new(tw_derivatives **out, const tw_oracle *oracle, const double *x, tw_error *error);
void tw_derivatives_free(tw_derivatives *d);
/* Of the lower triangle of the Hessian, n x n, and the Jacobian of the rows, m x n. */
const tw_pattern *tw_derivatives_hessian(const tw_derivatives *d);
const tw_pattern *tw_derivatives_jacobian(const tw_derivatives *d);
/* At x [n], the gradient g [n] of f and the entries of the Jacobian; *finite: whether all numbers are. */
tw_status tw_derivatives_first(tw_derivatives *d, const double *x, double *g, double *j, bool *finite, tw_error *error);
/* The entries of the Hessian of f + y'c. */
tw_status tw_derivatives_second(tw_derivatives *d, const double *x, const double *y, double *h, bool *finite, tw_error *error);
/* c [m] */
tw_status tw_derivatives_rows(tw_derivatives *d, const double *x, double *c, tw_error *error);
/* What has been asked for so far. */
const tw_counts *tw_derivatives_counts(const tw_derivatives *d);

#endif
