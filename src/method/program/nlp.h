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
  double terms;    /* max_k min(|grad f|_k, |J'y|_k) at the last tw_nlp_optimality, in the problem's units: for run->size, as Ipopt scales its
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

/* By how much sigma may grow, where the scaled gradient g has become a tenth of the most it may be or less since sigma was chosen: the start
 * was poor, and sigma would hide what is left to gain. Else 1. */
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

/* ------------------------------------------------------------------ the KKT matrix
 *
 *   K = [ H + diag(d)    J'      ]   order n + m
 *       [ J           -diag(e)   ]
 *
 * Variables and rows that are masked out have a unit on the diagonal and nothing else. */
typedef struct tw_kkt_matrix {
  int64_t n, m;
  tw_pattern h, j; /* borrowed */
  tw_factor_kind kind; /* TW_FACTOR_QUASIDEFINITE where K is that, else TW_FACTOR_INDEFINITE */
  tw_csc k; /* lower triangle */
  int64_t *h_at, *j_at, *d_at; /* places of H's, J's and the diagonal's entries */
  double *full;                /* dense copy for small orders */
  tw_factor *factor;
  tw_factor *aside; /* that of the kind before, whose analysis is kept */
  tw_factor_kind aside_kind;
  bool dense;
} tw_kkt_matrix;
tw_status tw_kkt_open(tw_kkt_matrix *kkt, const tw_nlp *nlp, tw_error *error);
/* From patterns: H's lower triangle, n x n, and J, m x n, which the caller keeps. */
tw_status tw_kkt_open_patterns(tw_kkt_matrix *kkt, const tw_pattern *h, const tw_pattern *j, tw_factor_kind kind, tw_error *error);
/* Another kind of factorization from here on. */
void tw_kkt_set_kind(tw_kkt_matrix *kkt, tw_factor_kind kind);
/* Takes over the factors of a matrix of the same pattern, for their analyses; nothing where the patterns differ. */
void tw_kkt_adopt(tw_kkt_matrix *kkt, tw_kkt_matrix *from);
void tw_kkt_close(tw_kkt_matrix *kkt);
/* h NULL: zero. Masks may be NULL. *negative: eigenvalues below zero, or -1 when K is singular. */
tw_status tw_kkt_factor(tw_kkt_matrix *kkt, const double *h, const double *j, const double *d, const double *e,
                        const bool *no_variable, const bool *no_row, int64_t *negative, tw_error *error);
/* (x, y) = K^-1 (x, y), n + m numbers. */
tw_status tw_kkt_solve(tw_kkt_matrix *kkt, double *xy, tw_error *error);

#endif
