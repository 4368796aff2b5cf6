/* ADMM for the convex program (Bai, Gautam & Sojoudi, 2022; Boyd et al., 2011), with all terms but quadratic ones split off:
 *
 *   u = v (group norms),   G u - eps t 1 = s >= 0,   and, robust, (u_b,J, t_b) = e_b in K, (R u)_k,J, q_k = r_k in K,
 *   F u = a, eps q = b (loss)            K = {(z, t): |z|_q <= t}
 *
 * (u, t, q) are the minimiser of a quadratic, the copies of separate proximal operators; scaled duals add up what is left. The
 * squared loss of the standard program stays in the quadratic, as in the paper; SPLIT_LOSS splits it as well. BLOCK_DESCENT is the
 * paper's u-step for losses with a gradient: randomised block coordinate descent (blocks.h). */
#ifndef CONVEX_RELU_ADMM_H
#define CONVEX_RELU_ADMM_H

#include "program.h"

#include <talweg/method.h>

typedef enum u_step { SPLIT_BY_LOSS, SPLIT_LOSS, BLOCK_DESCENT } u_step;

typedef struct admm_options {
  double rho;
  double relax; /* over-relaxation, 1 .. 1.9; 0: 1 */
  int64_t max_iter;
  double tol; /* on both residuals of admm_row */
  system_kind system;
  u_step step;
  uint64_t seed;     /* of BLOCK_DESCENT, and of a random start */
  bool random_start; /* copies and duals from N(0, 1), not 0 */
  int history;       /* > 0: Anderson extrapolation of the iterates with so many differences; not with BLOCK_DESCENT */
} admm_options;

enum { ADMM_EVERY = 10 /* iterations between rows of the history */ };

typedef struct admm_row {
  int64_t iteration;
  double objective, infeasibility; /* of v */
  double primal;                   /* Euclidean norm of all residuals Au - copies */
  double dual;                     /* |F'grad L + rho (lambda + G'nu + ..)|, stationarity of u */
} admm_row;

typedef struct admm_result {
  double *u; /* 2P x d: v, whose zero blocks are zero */
  program_value value;
  double bound; /* lower bound of the optimum by weak duality */
  int64_t iterations;
  bool converged;
  int64_t rows;
  admm_row *history;
  system_kind system;
  double seconds;
} admm_result;

tw_status admm_solve(const program *a, const admm_options *options, admm_result *result, tw_error *error);
void admm_result_free(admm_result *result);

#endif
