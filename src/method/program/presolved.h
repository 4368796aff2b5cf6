/* presolved: a run of a method on a smaller problem with the same solutions, inside the run of that method. What methods share of
 * presolve: a method with the option `presolve` hands its run over in init, and its steps are then those of a child run, whose points
 * and multipliers are brought back into the terms of the problem as stated. Private to method/program.
 *
 * Linear and quadratic programs are reduced as a whole (presolve.h). Of other problems the rows that are linear are, with all columns
 * held, which takes away rows of one entry, redundant, forcing and duplicate ones, and fixed columns. */
#ifndef TALWEG_METHOD_PRESOLVED_H
#define TALWEG_METHOD_PRESOLVED_H

#include "method/driver.h"
#include "method/program/presolve.h"

/* ------------------------------------------------------------------ the smaller problem (presolved_oracle.c) */

/* A problem without some of its rows and with some of its variables fixed; evaluations are those of the run. */
typedef struct tw_smaller {
  tw_run *run;
  int64_t n, m;                /* that are left */
  int64_t *column, *row;       /* n, m: their places */
  int64_t *place, *row_place;  /* of all: their places in what is left, or -1 */
  double *lower, *upper, *row_lower, *row_upper;
  double *x, *v, *out, *y, *c; /* of all: a point with fixed values, scratch */
  double *dense;               /* scratch, when first needed */
  tw_pattern pattern[TW_MATRICES];
  int64_t *from[TW_MATRICES];  /* of each entry, its place in the pattern of all */
} tw_smaller;

/* The linear rows of the oracle as a program without objective, and which rows these are (qp->m places in `row`, which the caller frees).
 * *any false: there are none, or their coefficients are not to be had. */
tw_status tw_linear_rows(tw_qp *qp, int64_t **row, const tw_oracle *oracle, bool *any, tw_error *error);
/* What presolve left of those rows, all other rows, and the columns left; oracle borrows the smaller problem. */
tw_status tw_smaller_open(tw_smaller *s, tw_run *run, const tw_presolve *pre, const int64_t *row, tw_oracle *oracle);
void tw_smaller_close(tw_smaller *s);
/* grad f + J'y at x (all of them), where y counts for rows that are not among the linear ones. */
tw_status tw_smaller_outside(tw_smaller *s, const double *x, const double *y, double *out);

/* ------------------------------------------------------------------ the run (presolved.c) */

/* In init, where run->x and run->dual are the start: *taken tells that the run is handed over, as far as init goes. Not where the option
 * `presolve` is off or nothing is gained. */
tw_status tw_presolved_init(tw_run *run, bool *taken);
/* In step, restart and finish: whether it was handed over. */
bool tw_presolved_is(tw_run *run);
tw_status tw_presolved_step(tw_run *run);
/* Of a program: the same reductions are found, and the child goes on; else the run goes back to the method. */
tw_status tw_presolved_restart(tw_run *run);
/* Releases run->local; false when it is the method's. */
bool tw_presolved_finish(tw_run *run);

#define TW_OPTION_PRESOLVE(on) {"presolve", TW_OPTION_FLAG, on, 0, 1, NULL, "solve a smaller problem with the same solutions"}

#endif
