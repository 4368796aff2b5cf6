/* hsde: splitting on the homogeneous self-dual embedding of a convex problem over cones.
 *
 *   min 1/2 x'P x + c'x   s.t.  A x + s = b, s in K;   its multipliers y in K*
 *
 * u = (x, y, tau) with  0 in F(u) + N(u),  F(u) = (P x + A'y + c tau, -A x + b tau, -x'P x / tau - c'x - b'y),  N the normal
 * cone of R^n x K* x R_+ (O'Donoghue, 2021; without P: O'Donoghue, Chu, Parikh & Boyd, 2016). tau > 0: x/tau, y/tau solve the
 * problem; tau = 0: x or y is a certificate that none does. Private to method/program. */
#ifndef TALWEG_METHOD_HSDE_H
#define TALWEG_METHOD_HSDE_H

#include "method/program/certificate.h"
#include "problem/conic_map.h"

/* The problem and itself in better units: A~ = D A E, P~ = (rho / sigma) E P E, c~ = rho E c, b~ = sigma D b, with D constant in each cone,
 * so that x = E x~ / sigma, s = D^-1 s~ / sigma, y = D y~ / rho. At first x~ is
 * expected to have the size 1 and the larger of |c~| and |P~| has it. */
typedef struct tw_conic_scaled {
  tw_conic raw;
  int64_t n, m;
  tw_csc p, a; /* in the new units, as c and b */
  double *c, *b, *d, *e, sigma, rho;
} tw_conic_scaled;
/* Takes `raw` over, also when it fails. `passes` of Ruiz' equilibration; 0: none, D = E = 1, sigma = rho = 1. */
tw_status tw_conic_scale(tw_conic_scaled *out, tw_conic *raw, int passes, tw_error *error);
/* Other sigma and rho: new values of p, c, b. */
void tw_conic_rescale(tw_conic_scaled *s, double sigma, double rho);
void tw_conic_scaled_free(tw_conic_scaled *s);

/* How well (x, y, s) in the original units solves the problem; work: n + m numbers. */
typedef struct tw_conic_error {
  double primal, dual, gap;              /* |A x + s - b|, |P x + A'y + c|, |x'P x + c'x + b'y|: infinity norms */
  double primal_scale, dual_scale, gap_scale; /* sizes of what is subtracted, at least 1 */
  double objective;                      /* with the constant */
} tw_conic_error;
tw_conic_error tw_conic_judge(const tw_conic *c, const double *x, const double *y, const double *s, double *work);

/* hsde_newton.c */
/* Newton's method on F from z, steps by LSQR, each kept when it makes |F| smaller; *norm is |F|_2 at the end. */
tw_status tw_conic_map_newton(tw_conic_map *map, int steps, double *z, double *norm, tw_error *error);

/* ------------------------------------------------------------------ presolve (hsde_presolve.c) */

/* A smaller problem with the same solutions: its zero and nonnegative cones reduced as a program is. It has no links to variables and
 * rows of another problem. */
typedef struct tw_conic_presolve tw_conic_presolve;
/* *out NULL: nothing is gained. Borrows `full`; `smaller` is the caller's (tw_conic_free). */
tw_status tw_conic_presolve_open(tw_conic_presolve **out, const tw_conic *full, tw_conic *smaller, tw_error *error);
void tw_conic_presolve_close(tw_conic_presolve *s);
/* full_x (n) and full_y (m) of the problem from x and y of the smaller one: a solution, or a direction and multipliers that prove. */
void tw_conic_presolve_bring(const tw_conic_presolve *s, const double *x, const double *y, bool certificate, double *full_x,
                             double *full_y);
/* s in K next to -A x, for a direction x and the s of the smaller problem. */
void tw_conic_presolve_slack(const tw_conic_presolve *s, const double *full_x, const double *slack, double *full_slack);

/* ------------------------------------------------------------------ the method */

enum { /* numbers of the state */
  HSDE_SCALE,
  HSDE_LOG_SUM,
  HSDE_LOGS,
  HSDE_SINCE,
  HSDE_ATTEMPT,
  HSDE_AA_COUNT,
  HSDE_AA_NORM,
  HSDE_AA_TRIED,
  HSDE_LEFT_Y, /* what was left of the sums of y, and of x, when a proof was last tried */
  HSDE_LEFT_X,
  HSDE_SIGMA,
  HSDE_RHO,
  HSDE_UNITS, /* the iteration from which these may change */
  HSDE_STATE
};

typedef struct tw_hsde {
  tw_run *run;
  tw_conic full;      /* as stated, where `presolve` made a smaller problem of it, which is then s.raw */
  tw_conic_presolve *presolve; /* NULL: none */
  double *full_x, *full_y, *full_slack; /* then 2 (n + m) numbers of scratch */
  tw_conic_scaled s;
  int64_t n, m, size; /* size = n + m + 1 */
  tw_conic_map map;
  tw_csc kkt;         /* lower triangle of [P + R_x, A'; A, -R_y] */
  tw_factor *factor;
  double factored_scale; /* the scale that the factor is for */
  double *r;          /* R: n + m + 1 weights */
  double *g;          /* (R + M)^-1 (c, b) */
  double g_curvature, g_linear; /* g_x'P g_x, (c, b)'g */
  double *work;       /* 2 size */
  double *x, *y, *slack; /* the solution in the original units */
  /* saved with the run: */
  double *w, *u, *tilde, *state, *aa_w, *aa_f, *aa_last_w, *aa_last_f, *aa_plain;
} tw_hsde;

#define HSDE_ALPHA 1.5 /* relaxation: w <- w + alpha (u - u~) */
enum { HSDE_MEMORY = 10, HSDE_AA_EVERY = 10 };
/* hsde_step.c */
tw_status hsde_factorize(tw_hsde *h); /* R from the state's scale, and what follows from it */
tw_status hsde_iterate(tw_hsde *h);   /* w <- w + alpha (u - u~); |u - u~| */
/* s in K that belongs to u: R_y (u_y + w_y - 2 u~_y) with the w before the step. */
void hsde_slack(const tw_hsde *h, double *s);
void hsde_set_w(tw_hsde *h, const double *slack); /* w_y after a step that gave u, u~ and this slack under the present R */
void hsde_normalize(tw_hsde *h); /* |w| = sqrt(size): the iteration is homogeneous, and 0 a fixed point that proves nothing */
/* hsde_certify.c: y in K* proves that no x is feasible when A'y = 0, b'y < 0. */
tw_proof tw_conic_proof_infeasible(const tw_conic *c, const double *y);
/* x with s in K proves that a feasible problem is unbounded when P x = 0, A x + s = 0, c'x < 0. work: 2 (n + m) numbers. */
tw_proof tw_conic_proof_unbounded(const tw_conic *c, const double *x, const double *s, double *work);
/* Whether y, or x and its slack, of u prove when they are made exact: then h->y, or h->x and h->slack, in the units of s.raw. */
tw_status hsde_prove(tw_hsde *h, const double *slack, bool *infeasible, bool *unbounded);
/* hsde_accelerate.c: before the next iteration, w may be replaced by an extrapolation; and back if that was no good. */
tw_status hsde_accelerate(tw_hsde *h);
void hsde_forget(tw_hsde *h);

#endif
