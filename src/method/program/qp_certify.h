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

/* Makes y and z exact where it can (y without signs its limits do not allow, z = -A'y where a bound allows it) and judges; true when
 * they prove beyond rounding errors. work: n + m numbers; *margin as tw_qp_proves_infeasible has it. */
bool tw_qp_farkas(const tw_qp *qp, double *y, double *z, double *work, double *margin);
/* Likewise a ray, scaled to |d|_inf = 1. */
bool tw_qp_ray(const tw_qp *qp, double *d, double *work, double *margin);

#endif
