/* presolve: a quadratic program made smaller and scaled, and the way back for points, multipliers and certificates.
 *
 * Reductions, in turn until none applies (Brearley, Mitra & Williams 1975; Andersen & Andersen 1995): empty, redundant, forcing and
 * duplicate rows, rows of one entry; empty, fixed and dominated columns, columns of one entry. None changes a coefficient. Columns with
 * curvature are only fixed.
 *
 * The reduced program is  min 1/2 x'P x + q'x,  rl <= A x <= ru,  l <= x <= u  of the columns and rows that are left, in the scaled
 * variables x~ = x / C, rows R A C, objective sigma (..): P~ = sigma C P C, q~ = sigma C q, y = R y~ / sigma, z = z~ / (C sigma).
 * C, R and sigma are powers of two, so that scaling rounds nothing. Private to method/program. */
#ifndef TALWEG_METHOD_PRESOLVE_H
#define TALWEG_METHOD_PRESOLVE_H

#include "method/program/qp.h"

typedef enum presolve_kind {
  PRESOLVE_FIX,       /* column j = value */
  PRESOLVE_DROP,      /* row i never presses */
  PRESOLVE_SINGLETON, /* row i: a x_j became bounds of x_j */
  PRESOLVE_FORCING,   /* row i held all its columns, which are fixed next: side 1 at its upper limit, -1 at its lower one */
  PRESOLVE_DUPLICATE, /* row i is `a` times row j, which took over its limits */
  PRESOLVE_ABSORB     /* column j, alone in row i, became room of that row: x_j costs `cost` */
} presolve_kind;

typedef struct presolve_step {
  presolve_kind kind;
  int64_t i, j;
  double a, value, cost;
  double lower, upper;                   /* PRESOLVE_ABSORB: limits of row i before the step */
  double column_lower, column_upper;     /* and bounds of x_j */
  bool lower_moved, upper_moved; /* PRESOLVE_SINGLETON, PRESOLVE_DUPLICATE: which limits are row i's */
  int side;
} presolve_step;

typedef struct tw_presolve {
  const tw_qp *qp; /* borrowed */
  tw_qp reduced;
  tw_outcome found;      /* TW_RUNNING, or TW_INFEASIBLE, TW_UNBOUNDED where the reductions saw it */
  int64_t *column, *row; /* reduced.n, reduced.m: their places in qp */
  double *column_scale, *row_scale, cost_scale;
  tw_csc at;                 /* A' */
  presolve_step *step;
  int64_t steps, step_room;
  int64_t *column_step, *row_step; /* n, m: the step that took it away; INT64_MAX: none */
  double *cost;              /* n: q of the program at the end, or when the column went */
  int64_t contradiction;     /* TW_INFEASIBLE: a row of qp whose activity is out of reach of its limits, or -1 */
  int side;                  /* 1: above its upper limit, -1: below its lower one */
} tw_presolve;

/* `reduce` false: only scales. tw_presolve_close also after a failure. O(passes * entries). */
tw_status tw_presolve_open(tw_presolve *s, const tw_qp *qp, bool reduce, tw_error *error);
void tw_presolve_close(tw_presolve *s);
/* x (n), y (m), z (n) of qp from those of the reduced program (x, y; z follows): where the optimality conditions hold there, they hold
 * here. */
tw_status tw_presolve_restore(const tw_presolve *s, const double *x, const double *y, double *full_x, double *full_y, double *full_z,
                              tw_error *error);
/* The same for a Farkas certificate: y and z with A'y + z = 0. y NULL: the one that the reductions found. */
tw_status tw_presolve_restore_farkas(const tw_presolve *s, const double *y, double *full_y, double *full_z, tw_error *error);

/* presolve_scale.c: scales `reduced` in place, with its entries near 1: geometric means (Curtis & Reid's aim, by alternation), then
 * the equilibration of Ruiz (2001). */
tw_status tw_presolve_scale(tw_presolve *s, tw_error *error);

#endif
