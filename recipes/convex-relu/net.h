/* Two-layer ReLU nets f(x) = sum_j (x'u_j)_+ alpha_j, and what is known of them under attack. */
#ifndef CONVEX_RELU_NET_H
#define CONVEX_RELU_NET_H

#include "program.h"

typedef struct net {
  int64_t m, d;
  double *u;     /* m x d */
  double *alpha; /* m */
} net;

tw_status net_new(net *f, int64_t m, int64_t d, tw_error *error);
void net_free(net *f);
/* From blocks v_b of a convex program: u = v / sqrt|v|, alpha = +-sqrt|v|, for blocks that are not 0. */
tw_status net_recover(net *f, int64_t p, int64_t d, const double *blocks, tw_error *error);
/* From weights of given neurons u_i: sqrt|w_i| u_i, sign(w_i) sqrt|w_i|. */
tw_status net_from_weights(net *f, int64_t m, int64_t d, const double *u, const double *w, tw_error *error);

void net_predict(const net *f, int64_t n, const double *x, double *z);
/* L(f(X), y) + beta/2 sum (|u_j|^2 + alpha_j^2) */
tw_status net_objective(const net *f, const design *data, loss_kind loss, double beta, double *objective, tw_error *error);
/* Share of rows with y_k z_k > 0. */
double accuracy(int64_t n, const double *y, const double *z);

/* For every row a lower bound of the margin y f(x + delta) over |delta|_p <= eps on the features, for any net at all: with d_j =
 * [x'u_j >= 0], a neuron is within t_j = (eps |u_j,J|_q - |x'u_j|)_+ above d_j (x + delta)'u_j, so
 *
 *   y f(x + delta) >= y f(x) - eps |sum_j d_j alpha_j u_j,J|_q - sum_{j: y alpha_j < 0} |alpha_j| t_j,   1/p + 1/q = 1.
 *
 * Exact where no activation can flip (all t_j = 0). */
tw_status net_certify(const net *f, int64_t n, const double *x, const double *y, int64_t features, double eps, double p, double *margin,
                      tw_error *error);

#endif
