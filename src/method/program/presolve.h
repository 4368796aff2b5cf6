/* presolve: a quadratic program made smaller and scaled, and the way back for points, multipliers and certificates.
 *
 * The reduced program is  min 1/2 x'P x + q'x,  rl <= A x <= ru,  l <= x <= u  of the columns and rows that are left, in the scaled
 * variables x~ = x / C, rows R A C, objective sigma (..): P~ = sigma C P C, q~ = sigma C q, y = R y~ / sigma, z = z~ / (C sigma).
 * C, R and sigma are powers of two, so that scaling rounds nothing. Private to method/program. */
#ifndef TALWEG_METHOD_PRESOLVE_H
#define TALWEG_METHOD_PRESOLVE_H

#include "method/program/qp.h"

typedef struct presolve_step presolve_step;

typedef struct tw_presolve {
  const tw_qp *qp; /* borrowed */
  tw_qp reduced;
  tw_outcome found;      /* TW_RUNNING, or TW_INFEASIBLE, TW_UNBOUNDED where the reductions saw it */
  int64_t *column, *row; /* reduced.n, reduced.m: their places in qp */
  double *column_scale, *row_scale, cost_scale;
} tw_presolve;

/* `reduce` false: only scales. tw_presolve_close also after a failure. O(passes * entries). */
tw_status tw_presolve_open(tw_presolve *s, const tw_qp *qp, bool reduce, tw_error *error);
void tw_presolve_close(tw_presolve *s);
/* x (n), y (m), z (n) of qp from those of the reduced program (x, y; z follows): where the optimality conditions hold there, they hold
 * here. */
void tw_presolve_restore(const tw_presolve *s, const double *x, const double *y, double *full_x, double *full_y, double *full_z);
/* The same for a Farkas certificate: y and z with A'y + z = 0. */
void tw_presolve_restore_farkas(const tw_presolve *s, const double *y, double *full_y, double *full_z);

/* presolve_scale.c: scales `reduced` in place, with its entries near 1: geometric means (Curtis & Reid's aim, by alternation), then
 * the equilibration of Ruiz (2001). */
tw_status tw_presolve_scale(tw_presolve *s, tw_error *error);

#endif
