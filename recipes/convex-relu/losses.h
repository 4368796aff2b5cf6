/* Losses of predictions z against y, and what splitting needs of them.
 *   squared   1/2 sum_k (z_k - y_k)^2
 *   hinge     1/n sum_k max(0, 1 - y_k z_k)
 *   logistic  1/n sum_k log(1 + exp(-y_k z_k))
 * Robust forms take a number b_k >= 0 by which an adversary can move z_k: 1/2 sum (|z_k - y_k| + b_k)^2, and margins y_k z_k - b_k. */
#ifndef CONVEX_RELU_LOSSES_H
#define CONVEX_RELU_LOSSES_H

#include <talweg/base.h>

typedef enum loss_kind { LOSS_SQUARED, LOSS_HINGE, LOSS_LOGISTIC, LOSSES } loss_kind;
extern const char *const loss_names[LOSSES];

/* One row's loss, with its weight (1 or 1/n). */
double loss_at(loss_kind kind, int64_t n, double y, double z, double b);
/* b NULL: zeros. */
double loss_value(loss_kind kind, int64_t n, const double *y, const double *z, const double *b);
/* g = a subgradient at z, b = 0. */
void loss_gradient(loss_kind kind, int64_t n, const double *y, const double *z, double *g);
/* -L*(-theta), the dual value; -infinity outside its domain. */
double loss_dual(loss_kind kind, int64_t n, const double *y, const double *theta);
/* (z, b) = argmin L(z, b) + rho/2 (|z - z0|^2 + |b - b0|^2) in place; b NULL: of z alone. */
void loss_prox(loss_kind kind, int64_t n, const double *y, double rho, double *z, double *b);

#endif
