/* nlp: a constrained problem as the methods of this folder see it: scaled, with its derivatives in compressed columns.
 *
 *   min sigma f(x)   subject to   rl <= r c(x) <= ru (row by row),   l <= x <= u
 *
 * Objective and rows are divided so that no entry of a gradient at the start exceeds 100 (Waechter & Biegler 2006, section 3.8).
 * Private to method/program. */
#ifndef TALWEG_METHOD_NLP_H
#define TALWEG_METHOD_NLP_H

#include "method/work.h"

typedef enum tw_curvature_source {
  TW_NLP_SPARSE,   /* second derivatives by the oracle's sparse matrix */
  TW_NLP_DENSE,    /* by its dense Hessian */
  TW_NLP_PRODUCTS, /* by n products with vectors */
  TW_NLP_BFGS      /* none: Powell's damped BFGS (1978) */
} tw_curvature_source;

typedef struct tw_nlp {
  tw_run *run;
  const tw_oracle *oracle;
  int64_t n, m;
  double *scale; /* sigma */
  double *row;   /* m: r */
  tw_pattern h;  /* lower triangle of the Hessian of the Lagrangian, n x n */
  tw_pattern j;  /* Jacobian of the rows, m x n */
  bool own_h, own_j;
  tw_curvature_source second;
  bool sparse_j;
  double *dense;   /* scratch for a dense matrix of derivatives, or NULL */
  double *y, *col; /* scratch: m; n */
  double *extra;   /* values of a second Hessian, when first needed */
  double terms; /* max_k min(|grad f|_k, |J'y|_k) at the last tw_nlp_optimality, in the problem's units: for run->size, as Ipopt scales its
                   errors by multipliers (Waechter & Biegler 2006, (6)) */
  double *bfgs;    /* lower triangle of B, a vector of the run; NULL when there are second derivatives */
} tw_nlp;

/* Finds patterns and memory. TW_ERR_UNSUPPORTED when matrices would be too large. What it allocated is released by
 * tw_nlp_close also when it fails. */
tw_status tw_nlp_open(tw_nlp *nlp, tw_run *run);
/* Its vectors of the run's state, which a resume replaces. */
tw_status tw_nlp_fetch(tw_nlp *nlp);
void tw_nlp_close(tw_nlp *nlp);
/* Ends the run as infeasible where a row's bounds cross. */
tw_status tw_nlp_check_rows(tw_run *run);

/* sigma and r from the derivatives at x; run->scale. */
tw_status tw_nlp_scale(tw_nlp *nlp, const double *x);

/* By how much sigma may grow, where the scaled gradient g has become a tenth of the most it may be or less since sigma was chosen: the
 * start was poor, and sigma would hide what is left to gain. Else 1. */
double tw_nlp_outgrown(const tw_nlp *nlp, const double *g);
/* Scaled f and rows; *f = inf where one of them is not finite. */
tw_status tw_nlp_value(tw_nlp *nlp, const double *x, double *f, double *c);
/* Scaled gradient and Jacobian's values; *finite tells whether all are. */
tw_status tw_nlp_first(tw_nlp *nlp, const double *x, double *g, double *j, bool *finite);
/* Scaled Hessian of `objective` f + y'c (objective: 0 or 1) for scaled y. */
tw_status tw_nlp_second(tw_nlp *nlp, const double *x, double objective, const double *y, double *h, bool *finite);
/* B updated by s and the change of the gradient of the Lagrangian (overwritten). */
void tw_nlp_bfgs_reset(tw_nlp *nlp); /* B = I; nothing where there are second derivatives */
void tw_nlp_bfgs_update(tw_nlp *nlp, const double *s, double *change);

/* out += a J v; out += a J'y; out += a H v. */
void tw_nlp_add_j(const tw_nlp *nlp, const double *j, double a, const double *v, double *out);
void tw_nlp_add_jt(const tw_nlp *nlp, const double *j, double a, const double *y, double *out);
void tw_nlp_add_h(const tw_nlp *nlp, const double *h, double a, const double *v, double *out);

/* What is left of the optimality conditions at x (within its bounds) with scaled y and reduced costs z = z_l - z_u of the scaled
 * problem, in the problem's own units; c and g scaled, at x. */
tw_optimality tw_nlp_optimality(tw_nlp *nlp, const double *x, const double *c, const double *g, const double *j, const double *y,
                                const double *zl, const double *zu);

/* ------------------------------------------------------------------ violations
 *
 * A point is locally infeasible where the violation is stationary: with multipliers y of its rows, as large as the price of violations
 * where they are violated, and z of the bounds, J'y + z = 0. Rows in small units look so whatever their slope. What counts is that in all
 * columns k of a row that is violated
 *   |(J'y + z)_k| / (sum_i G_ik |y_i| + |z_k|),   G the larger of |J| here and at another point,
 * is small, which no units change: slopes cancel, or have vanished. */
#define TW_NLP_BALANCED 1e-3 /* what may be left */
/* *left: the least, over the violated rows, of the largest such part. y, violation: m; z, elsewhere: n. One evaluation. */
tw_status tw_nlp_violation_left(tw_nlp *nlp, const double *j, const double *violation, const double *y, const double *z,
                                const double *elsewhere, double *left);
/* Violated rows whose derivatives are small get the unit in which the largest is 1. True when there were any: limits and all values of rows
 * are then to be had anew. work: m. */
bool tw_nlp_raise_rows(tw_nlp *nlp, const double *j, const double *violation, double *work);

#endif
