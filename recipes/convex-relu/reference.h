/* An independent way to the optimum, for small programs: the dual program, whose constraints are smooth and have an interior, stated over
 * expressions and solved by the library's interior-point method `ipm`. Nothing is shared with ADMM but the masks. */
#ifndef CONVEX_RELU_REFERENCE_H
#define CONVEX_RELU_REFERENCE_H

#include "program.h"

/*   maximise -L*(-theta)  subject to  |F'theta + R'J pi + G'kappa + psi|_2^2 <= beta^2 for every block,  kappa >= 0,
 *   |pi_kj| <= eps y_k theta_k,  |psi_bj| <= eps sum_k kappa_bk
 * for the squared loss, or hinge (0 <= n y_k theta_k <= 1) standard or robust with p = infinity. *optimum: the dual value, equal to the
 * primal one; *residual: the largest of the method's stationarity, feasibility and complementarity. */
tw_status reference_optimum(const program *a, double *optimum, double *residual, tw_error *error);

#endif
