/* certificate: what counts as a proof that a program has no solution. One rule for all methods. Private to method/program.
 *
 * Infeasible. Multipliers y of rl <= A x <= ru and z of l <= x <= u, with r = A'y + z and
 *   sigma = sum ru y+ + sum rl y- + sum u z+ + sum l z- < 0,   T = the same sum of absolute values,
 * say of every feasible x that  r'x = y'A x + z'x <= sigma, so that  sum_j |r_j| |x_j| >= -sigma.  With r = 0 there is none (Farkas 1902),
 * but r is computed, and small is no matter of its own size: y -> D^-1 y, A -> D A E, x -> E^-1 x say the same. It is one of
 * cancellation:
 *   s_j = sum_i |a_ij| |y_i| + |z_j|,   left = max_j |r_j| / s_j,   margin = -sigma / T,                                       (1)
 * which no units of rows, columns or limits change. left <= e says two things. (a) y is an exact proof for coefficients that differ from
 * those of A by the relative e each (Oettli & Prager 1964). (b) A feasible x needs
 *   sum_ij |y_i a_ij x_j| + sum_j |z_j x_j| >= T margin / left:
 * terms that cancel until 1 / (margin / left) of them is left to meet the limits. Bounds that are finite take part by z and cost nothing:
 * with z = -A'y where they allow it, r_j is 0, and sigma holds what the box leaves (for a row alone: interval arithmetic).
 *
 * Unbounded. A direction d with q'd < 0, T = sum |q_j d_j|, and A d, d in the recession cones of the limits, P d = 0: the same statement
 * of the dual program. left is the largest of |(P d)_j| / sum_k |p_jk d_k| and of what (A d)_i exceeds the cone by, over
 * sum_j |a_ij d_j|; bounds hold exactly. Any multipliers that bound the objective need terms 1 / left times the costs.
 * Over cones sums of one cone share the largest size of the cone, whose rows are in one unit. */
#ifndef TALWEG_METHOD_CERTIFICATE_H
#define TALWEG_METHOD_CERTIFICATE_H

#include "method/work.h"

typedef struct tw_proof {
  double margin; /* in (0, 1] where there is one; otherwise, or NaN, it is none */
  double left;
} tw_proof;
#define TW_PROOF_NONE ((tw_proof){-INFINITY, INFINITY})
#define TW_PROOF_CERTAIN 1e-9 /* what may be left in a proof that came by splitting */
#define TW_PROOF_EXACT 1e-12  /* in one that came by factorizations */
/* margin above rounding, left <= most, and by (b) no x whose terms are less than 1e7 times those of the limits. */
bool tw_proof_holds(tw_proof p, double most);

/* ------------------------------------------------------------------ sizes */

static inline double tw_proof_part(double sum, double size) {
  return sum == 0 ? 0 : fabs(sum) / size;
}
/* max_j |sum_i a_ij y_i + z_j| / (sum_i |a_ij y_i| + |z_j|); z NULL: 0. */
double tw_proof_columns(const tw_csc *a, const double *y, const double *z);
/* sum += A d, size += |A| |d|; and of a symmetric P given by its lower triangle. */
void tw_proof_add_rows(const tw_csc *a, const double *d, double *sum, double *size);
void tw_proof_add_symmetric(const tw_csc *p, const double *d, double *sum, double *size);

/* ------------------------------------------------------------------ what a proof rests on
 *
 * Multipliers that contribute to nothing are noise of the method that found them, whose sums do not cancel. Those that count are: rows
 * whose term of sigma is above `noise` T, and rows with |a_ij y_i| > noise s_j in a column that others reach, s_j of rows that are kept.
 * One sweep over the columns, to and fro by the parity of `sweep`; true when it added to `kept`: then another is due, but after
 * TW_PROOF_SWEEPS all are kept. For directions the same with columns and rows exchanged. */
enum { TW_PROOF_SWEEPS = 50 };
bool tw_proof_reach_rows(const tw_csc *a, const double *y, const double *z, double noise, int sweep, bool *kept);
bool tw_proof_reach_columns(const tw_csc *a, bool symmetric, const double *d, double noise, int sweep, bool *kept, double *size);

/* ------------------------------------------------------------------ balancing (certificate_balance.c)
 *
 * The smallest change, relative to `weight`, after which sums cancel:  min |w|  subject to
 *   sum_i a_ij (y_i + weight_i w_i) + z_j = 0 for the columns j with equation[j],
 * each divided by s_j so that units do not matter, by LSQR. y is replaced. */
tw_status tw_proof_balance_columns(const tw_csc *a, const bool *equation, const double *weight, const double *z, double *y,
                                   tw_error *error);
/* sum_j a_ij (d_j + weight_j w_j) + offset_i = 0 for the rows with size_i > 0, divided by it, and P (d + weight w) = 0. */
tw_status tw_proof_balance_rows(const tw_csc *a, const tw_csc *p, const double *size, const double *weight, const double *offset, double *d,
                                tw_error *error);

#endif
