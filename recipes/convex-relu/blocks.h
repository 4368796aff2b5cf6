/* The u-step for losses with a gradient: randomised block coordinate descent with Armijo's rule (Bai, Gautam & Sojoudi, 2022).
 *
 *   minimise phi(u) = L(F u) + rho/2 |u - c|^2 + rho/2 |G u - h|^2
 *
 * One step draws a pattern i and moves v_i and w_i together: with g = X'D_i grad L and m = c + G'h,
 *   grad_v = g + rho (C v_i - m_v),   grad_w = -g + rho (C w_i - m_w),   C = I + X'X,   d = -C^-1 grad,
 * by t d, t from 2.5 times the pattern's last step downwards by factors 2.5 until phi falls by 0.1 t grad'C^-1 grad. */
#ifndef CONVEX_RELU_BLOCKS_H
#define CONVEX_RELU_BLOCKS_H

#include "losses.h"
#include "operators.h"

#include <talweg/linear.h>

typedef struct block_descent {
  const operators *o;
  loss_kind loss;
  double rho;
  tw_factor *c;                                      /* of C */
  double *matrix;                                    /* d x d: C */
  double *length;                                    /* P: last steps */
  double *recent;                                    /* last decreases */
  int64_t window;                                    /* 8 sqrt(P) of them */
  double *grad, *move, *linear, *fu, *g, *f, *trial; /* 2 d, 2 d, 2 d, n, n, n, n */
  uint64_t key, drawn;
  int64_t steps; /* in all */
} block_descent;

tw_status block_descent_open(block_descent *s, const operators *o, loss_kind loss, double rho, uint64_t seed, tw_error *error);
void block_descent_close(block_descent *s);
/* Improves u (2P x d) until the mean of the last decreases is at most `threshold` times L(F u) at the start, or after 200 P steps. */
tw_status block_descent_solve(block_descent *s, const double *m, double threshold, double *u, tw_error *error);

#endif
