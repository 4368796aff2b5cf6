/* The linear system of the u-step of ADMM, factored once:
 *
 *   (blkdiag(C_i, C_i) + kappa F'F + [robust] R'J R) u = r,   C_i = I + X'X                                          (standard)
 *                                                             C_i = I + X'X + J - eps^2 g_i g_i' / (1 + n eps^2)     (robust)
 *
 * with J the projection on the features and g_i = X'(2 D_i - 1). Since F and R see v - w alone, the sum v + w solves with blkdiag(C_i),
 * and the difference with the P d x P d matrix
 *
 *   A = blkdiag(C_i) + 2 kappa F_1'F_1 + 2 R_1'J R_1,   blocks  X'D_iD_jX  and  1'D_iD_j1 J.
 *
 * A is factored by blocks (BY_PATTERNS), or, standard form, through the n x n matrix of Woodbury's identity (BY_ROWS), whose
 * F_1 blkdiag(C)^-1 F_1' = (X C^-1 X') o (M M'), M the masks, takes no more than an element-wise product; or, above a size, solved by
 * conjugate gradients from the last solution, preconditioned by the diagonal blocks of A (BY_CG). */
#ifndef CONVEX_RELU_NORMAL_H
#define CONVEX_RELU_NORMAL_H

#include "operators.h"

#include <talweg/linear.h>

typedef enum system_kind { BY_CHOICE, BY_ROWS, BY_PATTERNS, BY_CG, SYSTEMS } system_kind;
extern const char *const system_names[SYSTEMS]; /* auto, rows, patterns, cg */

typedef struct normal_system {
  const operators *o;
  system_kind kind;
  bool robust;
  double kappa, eps;
  int64_t factors; /* 1, or P where the C_i differ */
  double *c;       /* factors x d x d: C_i */
  tw_factor **of_c;
  tw_factor *whole;                                     /* of A, or of the n x n matrix */
  tw_factor **block;                                    /* P: diagonal blocks of A, for CG */
  double *sum, *difference, *padded, *rows, *gradients; /* P x d, P x d, 2P x d, n, n x d */
  int64_t iterations;                                   /* of CG, in all */
} normal_system;

tw_status normal_open(normal_system *s, const operators *o, system_kind kind, double kappa, bool robust, double eps, tw_error *error);
void normal_close(normal_system *s);
/* u (2P x d) from r (2P x d); u is where CG starts. */
tw_status normal_solve(normal_system *s, const double *r, double *u, tw_error *error);

#endif
