/* fixpoint: what the methods for x = T(x) share; the oracle's residual is r(x) = T(x) - x. */
#ifndef TALWEG_METHOD_FIXPOINT_H
#define TALWEG_METHOD_FIXPOINT_H

#include "method/work.h"

/* r at the start; f = |r|^2 / 2, stationarity |r|_inf and its scale. */
tw_status tw_fixpoint_start(tw_run *run, double *r);
/* Optimality at run->x, whose residual is r. Ends the run as solved when r is below the rounding of x. */
tw_status tw_fixpoint_measure(tw_run *run, const double *r);

#endif
