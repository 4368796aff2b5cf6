/* root: what the methods for r(x) = 0 share. */
#ifndef TALWEG_METHOD_ROOT_H
#define TALWEG_METHOD_ROOT_H

#include "method/work.h"

/* TW_OK when there are as many residuals as unknowns. */
tw_status tw_root_square(const tw_run *run);
/* f = |r|^2 / 2 and stationarity |r|_inf; on the first call also the scale. */
void tw_root_measure(tw_run *run, const double *r, bool first);

#endif
