/* qp_certify: programs whose solutions are certificates, and certificates made exact. Private to method/program. */
#ifndef TALWEG_METHOD_QP_CERTIFY_H
#define TALWEG_METHOD_QP_CERTIFY_H

#include "method/program/qp.h"

/* The least violation of the rows, a linear program that has a solution whenever l <= u:
 *   min sum p + q   subject to   rl <= A x + p - q <= ru,   l <= x <= u,   p, q >= 0
 * Its dual solution has A'y + z = 0 and as value minus the sum of a Farkas certificate, > 0 exactly if no x is feasible.
 * Variables: x, then p (rows with a lower limit) and q (with an upper one). */
tw_status tw_qp_elastic(tw_qp *out, const tw_qp *qp, tw_error *error);
/* The steepest ray:  min q'd  subject to  P d = 0,  A d and d in the recession cones of the limits,  |d| <= 1.  < 0 exactly if
 * the program is unbounded where it is feasible. Rows: those of A, then those of P that have entries. */
tw_status tw_qp_recession(tw_qp *out, const tw_qp *qp, tw_error *error);

/* Makes y and z exact where it can (y without signs its limits do not allow and without noise, z = -A'y where a bound allows it) and
 * judges; true when they prove to TW_PROOF_EXACT. work: n + m numbers; *margin as tw_qp_proves_infeasible has it. */
bool tw_qp_farkas(const tw_qp *qp, double *y, double *z, double *work, double *margin);
/* Likewise a ray, scaled to |d|_inf = 1. work: 2 n + m numbers. */
bool tw_qp_ray(const tw_qp *qp, double *d, double *work, double *margin);

/* Multipliers, or a direction, that came by splitting: what is left of their sums, in all, relative to the sizes of these; in units in
 * which A has entries of the size 1: row_i a_ij column_j. NULL: 1. */
double tw_qp_farkas_noise(const tw_qp *qp, const double *y, const double *row, const double *column);
double tw_qp_ray_noise(const tw_qp *qp, const double *d, const double *row, const double *column);
/* Balances what contributes more than such noise; true when that is a proof to TW_PROOF_CERTAIN. work: n + m, 2 n + m numbers. */
tw_status tw_qp_refine_farkas(const tw_qp *qp, double noise, double *y, double *z, double *work, bool *proven, tw_error *error);
tw_status tw_qp_refine_ray(const tw_qp *qp, double noise, double *d, double *work, bool *proven, tw_error *error);

#endif
