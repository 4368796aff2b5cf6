/* bb_lp: the linear relaxations of branch and bound by the dual simplex method on a dense tableau (Lemke 1954; bounds: Wagner 1958).
 * A branch changes bounds alone, so a basis that is optimal stays dual feasible, and a few pivots lead from one to the next.
 *
 *   min q'x  with  A x - s = 0,  l <= x <= u,  rl <= s <= ru;     basic variables  x_B = -T x_N,   d = q - q_B'T
 *
 * Private to method/program. */
#ifndef TALWEG_METHOD_BB_LP_H
#define TALWEG_METHOD_BB_LP_H

#include "method/program/qp.h"

typedef struct tw_bb_tableau {
  double *t;      /* m x (n + m), row-major */
  double *d;      /* n + m reduced costs */
  int64_t *basic; /* m: column of each row */
  bool *at_upper; /* n + m: of nonbasic ones */
} tw_bb_tableau;

typedef struct tw_bb_lp {
  const tw_qp *qp;
  int64_t n, m, columns;
  tw_bb_tableau root, node, now;
  int64_t *row_of;           /* n + m: where a column is basic, -1: nowhere; of `now` */
  double *lower, *upper, *x; /* n + m: of a solve */
  double *work;              /* n + m */
} tw_bb_lp;

typedef enum tw_bb_lp_end { TW_BB_LP_SOLVED, TW_BB_LP_INFEASIBLE, TW_BB_LP_GAVE_UP } tw_bb_lp_end;

/* The root's optimal basis at the bounds that qp has. *out NULL: too large, or no such basis was found. */
tw_status tw_bb_lp_new(tw_bb_lp **out, const tw_qp *qp, tw_error *error);
void tw_bb_lp_free(tw_bb_lp *lp);
void tw_bb_lp_restart(tw_bb_lp *lp); /* solves begin at the root's basis */
void tw_bb_lp_keep(tw_bb_lp *lp);    /* solves begin at the basis of the last one */
/* At the present bounds of qp: x (n), y (m); *f: a bound that y proves, equal to the objective but for rounding. Infeasible is proven
 * by a combination of rows. What rounding spoils is given up. */
tw_bb_lp_end tw_bb_lp_solve(tw_bb_lp *lp, double *x, double *y, double *f);

#endif
