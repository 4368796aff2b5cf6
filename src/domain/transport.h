/* Solves with the Laplacian-like matrices of transport polytopes. Private to domain. */
#ifndef TALWEG_DOMAIN_TRANSPORT_H
#define TALWEG_DOMAIN_TRANSPORT_H

#include <talweg/domain.h>

/* The system of potentials of weights W >= 0 [m, n],
 *
 *   K = [ diag(W 1)   W          ]
 *       [ W'          diag(W' 1) ],
 *
 * is positive semidefinite; its null space has a vector (1 on rows, -1 on columns) for every connected part of the graph whose edges are
 * W's positive entries. */

/* part[i]: the least node of the part that row i or column i - m is in. */
void tw_transport_parts(int64_t m, int64_t n, const double *w, int64_t *part);
/* v less its components in the null space; scratch: 2 (m + n) numbers. */
void tw_transport_range(int64_t m, int64_t n, const int64_t *part, double *scratch, double *v);
/* (alpha, beta) = K+ (r, s), the solution of least norm, m + n numbers in place. Scratch: (m + n)(m + n + 2) numbers, m + n integers. False
 * where K holds what is not finite. O((m + n)^3). */
bool tw_transport_solve(int64_t m, int64_t n, const double *w, double *rs, double *matrix, int64_t *part);
/* v = K+ rs as an expression: w [.., m, n], rs and v [.., m + n]. Differentiable where the parts of W's graph stay. */
tw_expr tw_transport_potentials(tw_expr w, tw_expr rs);
/* The sums of rows and of columns, [.., m + n]; the table of alpha_i + beta_j, [.., m, n]: adjoint to each other. */
tw_expr tw_transport_sums(tw_expr table);
tw_expr tw_transport_pairs(tw_expr v, int64_t m);

#endif
