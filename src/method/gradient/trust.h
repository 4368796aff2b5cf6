/* What the trust-region Newton methods share. The model at x is q(s) = g's + s'Hs / 2, trusted for |s|_2 <=
 * radius; H is known by products, or as a dense matrix when there are few variables. Private to method/. */
#ifndef TALWEG_METHOD_TRUST_H
#define TALWEG_METHOD_TRUST_H

#include "method/common.h"
#include "method/gradient/box.h"

enum { TW_TRUST_RADIUS, TW_TRUST_DENSE_VALID, TW_TRUST_FIRST_VALUE, TW_TRUST_CAUCHY, TW_TRUST_CONVEX, TW_TRUST_SCALARS };

typedef struct tw_trust {
  tw_run *run;
  double *g, *s, *x_trial, *g_trial;
  double *scalar; /* TW_TRUST_SCALARS */
  double *h;      /* n x n, or NULL: products are asked of the oracle */
  double *work; /* TW_TRUST_WORK n: residual, direction, product of the subproblem, and two for the method */
  const bool *is_free; /* variables that may move; NULL: all */
} tw_trust;
enum { TW_TRUST_WORK = 5 };

/* A step for the model. */
typedef struct tw_trust_step {
  double slope, model, norm; /* g's, q(s), |s| */
  bool boundary;             /* |s| = radius */
} tw_trust_step;

#define TW_OPTION_DENSE(default_value)                                                                       \
  {                                                                                                          \
    "dense", TW_OPTION_INTEGER, default_value, 0, 2000, NULL,                                                \
        "up to this many variables H is formed and the subproblem solved by eigenvalues instead of CG"       \
  }
#define TW_OPTION_CG_TOL(default_value)                                                                      \
  {                                                                                                          \
    "cg_tol", TW_OPTION_REAL, default_value, 1e-12, 1, NULL,                                                 \
        "residual of the inner CG, relative; it falls with the square root of the stationarity"              \
  }

tw_status tw_trust_get(tw_run *run, tw_trust *t);
tw_status tw_trust_begin(tw_run *run, tw_trust *t); /* evaluates at x; radius max(1, |x|) */
/* Forms H at x when it is dense and not there from a step that was rejected. */
tw_status tw_trust_prepare(tw_trust *t);
/* out = H v; with is_free, entries outside are zero in out (and must be in v). */
tw_status tw_trust_product(tw_trust *t, const double *v, double *out);
/* Minimises the model with gradient g over |s| <= radius (over the free variables), into s: Steihaug's
 * truncated CG to |g + H s| <= rtol |g|, or exactly when H is dense. */
tw_status tw_trust_solve(tw_trust *t, const double *g, double radius, double rtol, double *s,
                         tw_trust_step *step);
tw_status tw_trust_solve_exact(tw_trust *t, const double *g, double radius, double *s, tw_trust_step *step);
/* rtol for the inner CG: superlinear convergence. */
double tw_trust_forcing(const tw_trust *t);

/* Evaluates at x_trial and judges: adapts the radius, and moves x and g there when f fell enough, or when the
 * decrease that the model promises is below the rounding of f and stationarity fell. measure: stationarity
 * for (x, g). */
typedef double tw_trust_measure(const tw_run *run, const double *x, const double *g);
tw_status tw_trust_judge(tw_trust *t, const tw_trust_step *step, tw_trust_measure *measure);
/* x, g become those of the trial. */
void tw_trust_move(tw_trust *t, double f, double stationarity);

/* trust_escape.c: where the gradient vanishes (over t->is_free), a step along negative curvature to a lower point of the box, when there is
 * one. */
tw_status tw_trust_escape(tw_trust *t, const tw_box *box, tw_trust_measure *measure, bool *moved);
/* The lowest eigenvalue of the dense H over the free variables with its vector v (n), and the largest in size; 0, 0 without free ones. */
tw_status tw_trust_lowest(tw_trust *t, double *v, double *lowest, double *largest);
/* The last dense step was short, and H was positive definite where it began. */
static inline bool tw_trust_is_convex(const tw_trust *t) {
  return t->h != NULL && t->scalar[TW_TRUST_CONVEX] != 0;
}

#endif
