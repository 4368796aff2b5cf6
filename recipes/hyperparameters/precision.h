/* precision: how wrong the Jacobian of a solution is where the solution is inexact (theorem 1 of Blondel et al. 2022).
 *
 *   w(theta) = argmin 1/2 |Z w - t|^2 + 1/2 sum theta_i w_i^2,    A = Z'Z + diag(theta),  B(w) = -diag(w),  A J = B
 *
 * A does not depend on w, |B(w) - B(w*)| = |w - w*|:  |J(w) - J*| <= |w - w*| / alpha with alpha the least eigenvalue of A,
 * in the Frobenius norm, which is meant throughout. */
#ifndef HYPERPARAMETERS_PRECISION_H
#define HYPERPARAMETERS_PRECISION_H

#include "study.h"

enum { PRECISION_POINTS = 12 };

typedef struct precision {
  double steps[PRECISION_POINTS];    /* of gradient descent with step 1 / L */
  double iterate[PRECISION_POINTS];  /* |w - w*| after them */
  double implicit[PRECISION_POINTS]; /* error of the Jacobian by the optimality condition there */
  double unrolled[PRECISION_POINTS]; /* of the Jacobian of the steps themselves */
  double bound[PRECISION_POINTS];    /* of `implicit`, by the theorem */
  double slope;                      /* of log implicit over log iterate */
} precision;

tw_status precision_run(precision *p, tw_error *error);

#endif
