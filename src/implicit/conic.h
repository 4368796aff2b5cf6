/* Derivatives of solutions through the conic residual map. */
#ifndef TALWEG_IMPLICIT_CONIC_H
#define TALWEG_IMPLICIT_CONIC_H

#include "problem/problem.h"

/* df/dtheta [theta] of the optimal value (sense: minimise) and dx/dtheta [n, theta] of the solution of a convex problem with a
 * conic form, at the present values of its parameters: the problem is solved by hsde, and for every element of theta
 *
 *   J dz = -dF/dtheta,   z = (v, y - s),  F and J the conic residual map and its derivative (Busseti, Moursi & Boyd, 2019)
 *
 * by LSQR: the least-norm answer where J is singular. *residual gets the largest |J dz + dF/dtheta| / |dF/dtheta|: above rounding,
 * the solution has no derivative there or is not isolated; *margin how far z is from where the projection has none.
 * TW_ERR_UNSUPPORTED: no conic form; TW_ERR_NUMERIC: not solved. */
tw_status tw_conic_sensitivity(const tw_problem *p, const tw_class *cls, tw_expr theta, double *df, double *dx, double *residual,
                               double *margin, tw_error *error);

#endif
