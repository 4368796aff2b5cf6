/* sweep: work of a method beside the tw_run functions, such as one over blocks. Private to method/. */
#ifndef TALWEG_METHOD_SWEEP_H
#define TALWEG_METHOD_SWEEP_H

#include <talweg/method.h>

/* Asks the budget for the work of one gradient, and counts it. */
tw_status tw_run_sweep(tw_run *run);

#endif
