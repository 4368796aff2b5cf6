/* Projections of many rows (z, t) on the epigraph |z|_q <= t, and the proximal operator of a group lasso. What the library has as
 * expressions is compiled once. */
#ifndef CONVEX_RELU_CONES_H
#define CONVEX_RELU_CONES_H

#include "compiled.h"

/* x_b max(1 - eta / |x_b|, 0) for every row x_b. */
tw_status shrinkage_open(compiled *m, int64_t rows, int64_t cols, tw_error *error);
tw_status shrink(const compiled *m, const double *x, double eta, double *out, tw_error *error);

typedef struct epigraph {
  int64_t rows, cols; /* cols: of z and t */
  double q;           /* 1 .. infinity */
  compiled l1;        /* of q = 1 and, by its polar cone, of infinity */
  double *flipped;
} epigraph;
tw_status epigraph_open(epigraph *e, int64_t rows, int64_t cols, double q, tw_error *error);
tw_status epigraph_project(const epigraph *e, const double *x, double *out, tw_error *error);
void epigraph_close(epigraph *e);

double norm_of(double q, int64_t n, const double *z);
/* 1/p + 1/q = 1 */
double dual_exponent(double p);

#endif
