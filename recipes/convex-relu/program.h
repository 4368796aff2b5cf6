/* The convex program over P patterns, standard (eps = 0) or robust against |delta|_p <= eps on the features, 1/p + 1/q = 1:
 *
 *   minimise  L(z, b) + beta sum_b |u_b|_2,   z = F u, b_k = eps |(R u)_k,J|_q          (R u)_k = sum_i d_ik (v_i - w_i)
 *   subject to  G u >= eps |u_b,J|_q
 *
 * J: the features; the column of ones is not the adversary's. */
#ifndef CONVEX_RELU_PROGRAM_H
#define CONVEX_RELU_PROGRAM_H

#include "cones.h"
#include "losses.h"
#include "normal.h"

typedef struct program {
  const design *data;
  const patterns *set;
  loss_kind loss;
  double beta;
  double eps, p; /* p >= 1 or INFINITY */
} program;

typedef struct program_value {
  double objective, loss;
  double infeasibility; /* largest violation of the constraints */
  int64_t blocks;       /* that are not 0 */
} program_value;

/* Of u; o: operators of the same data and patterns. z, b: n each, or NULL. */
tw_status program_evaluate(const program *a, const operators *o, const double *u, program_value *value, double *z, double *b,
                           tw_error *error);

/* A point of the dual program, made from multipliers that need not be feasible: theta (n) of F u, kappa (2P x n) >= 0 of the constraints,
 * and for the robust program pi (n x features) of R u and psi (2P x features) of the constraints' norms:
 *
 *   maximise -L*(-theta)  subject to  |F'theta + R'J pi + G'kappa + psi|_2 <= beta for every block,
 *   |pi_k|_p <= eps omega_k,  |psi_b|_p <= eps sum_k kappa_bk,   omega_k = y_k theta_k for margins, >= |theta_k| for squares
 *
 * pi and psi are shrunk to their bounds, then all by one factor until the blocks' inequalities hold. Weak duality: no net of neurons with
 * these patterns has a lower objective than *bound; with all patterns, no net at all. */
typedef struct multipliers {
  double *theta, *kappa, *pi, *psi;
} multipliers;
tw_status program_bound(const program *a, const operators *o, const multipliers *m, double *bound, tw_error *error);

#endif
