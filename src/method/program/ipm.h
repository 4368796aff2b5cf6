/* ipm: a primal-dual interior-point method with a filter line search (Waechter & Biegler 2006) for
 *
 *   min f(x)   subject to   c_i(x) = b_i,   c_i(x) - s_i = 0,   l <= v <= u,   v = (x, s)
 *
 * a slack s_i for every inequality row. Everything is scaled as nlp.h says. A_v = [J  -I_s] is the Jacobian of the rows in v; y
 * are their multipliers, z_l and z_u those of the bounds.
 *
 * The restoration phase is the same method on the same rows made elastic (section 3.3.1):
 *
 *   min rho sum (p + q) + zeta / 2 |D (x - x_R)|^2   subject to   d(v) - p + q = 0,   l <= v <= u,   p, q >= 0 */
#ifndef TALWEG_METHOD_IPM_H
#define TALWEG_METHOD_IPM_H

#include "linear/kkt.h"
#include "method/program/nlp.h"

enum { IPM_FILTER_MOST = 256 };
enum { /* numbers of a phase */
  IPM_MU,
  IPM_F, /* scaled f at v */
  IPM_THETA_MIN,
  IPM_THETA_MAX,
  IPM_FILTERS,  /* entries of the filter */
  IPM_DELTA_W,  /* last shift of the Hessian that was needed */
  IPM_TINY,     /* steps in a row that were too small to see */
  IPM_ZETA,
  IPM_REJECTS,  /* searches in a row whose last rejection was the filter's */
  IPM_PHASE_NUMBERS
};
enum { /* numbers of the run */
  IPM_RESTORING,   /* 1 while the elastic phase is under way */
  IPM_ACCEPTABLE,  /* iterations in a row whose error was acceptable */
  IPM_RESTORE_AT,  /* theta where the restoration began */
  IPM_STUCK,       /* failures in a row to find a step at a feasible point */
  IPM_ATTEMPT,     /* starts so far, but for the first */
  IPM_BEGAN,       /* iteration of the last one */
  IPM_INFEASIBLE,  /* 1 once an attempt ended in local infeasibility */
  IPM_FAILED,      /* 1 once the first attempt ended otherwise than by its limit */
  IPM_RAISED,      /* times that rows got other units */
  IPM_NUMBERS
};

typedef struct ipm_point {
  double *v, *p, *q, *c; /* p and q: NULL unless elastic; c: scaled rows at x */
  double f;              /* scaled; inf where something is not finite */
} ipm_point;

typedef struct ipm_phase {
  bool elastic;
  double *number;
  ipm_point at;
  double *g, *j; /* first derivatives at `at` */
  double *y, *zl, *zu, *zp, *zq;
  double *filter;          /* pairs (theta, phi), margins included */
  double *anchor, *weight; /* n: x_R and the diagonal of D'D; elastic */
} ipm_phase;

typedef struct ipm_direction {
  double *v, *y, *zl, *zu, *p, *q, *zp, *zq;
  double slope; /* of phi */
} ipm_direction;

typedef struct tw_ipm {
  tw_run *run;
  tw_nlp nlp;
  tw_kkt_matrix kkt;
  int64_t n, m, nv;
  int64_t *slack;     /* m: place of the row's slack in v, -1: an equality, -2: a row without bounds */
  int64_t *slack_row; /* nv - n */
  bool *fixed;        /* n: l = u */
  bool *no_row;       /* m: without bounds */
  double *lower, *upper, *target; /* nv, nv: of v, infinite where fixed; m: b of the equalities */
  double tol;
  double *number; /* of the run */
  double *start;  /* n: x where every attempt starts */
  ipm_phase outer, inner;
  ipm_phase *now;
  /* scratch of a step */
  ipm_point trial, corrected;
  double *elastic[2]; /* their p and q, while the elastic phase is under way */
  ipm_direction d, soc;
  double *h, *diagonal, *e, *dual_rhs, *row_rhs, *residual, *row_residual, *best, *xy, *rows;
  double *block; /* all of it */
} tw_ipm;

/* ipm_open.c */
tw_status ipm_open(tw_ipm **out, tw_run *run);
void ipm_close(tw_run *run);
/* Makes `ph` the present phase. */
void ipm_enter(tw_ipm *ipm, ipm_phase *ph);
/* Bounds from the scales; after tw_nlp_scale, and on resume. */
void ipm_bounds(tw_ipm *ipm);

/* ipm_phase.c: the barrier problem of the present phase, at a point. */
static inline double ipm_gap(double distance, double bound) { /* never quite zero */
  return fmax(distance, 1e-13 * fmax(1, fabs(bound)));
}
static inline double ipm_gap_l(const tw_ipm *ipm, const double *v, int64_t k) {
  return ipm_gap(v[k] - ipm->lower[k], ipm->lower[k]);
}
static inline double ipm_gap_u(const tw_ipm *ipm, const double *v, int64_t k) {
  return ipm_gap(ipm->upper[k] - v[k], ipm->upper[k]);
}
extern const double ipm_rho;
void ipm_rows(const tw_ipm *ipm, const ipm_point *at, double *d);     /* d(v) - p + q */
double ipm_theta(const tw_ipm *ipm, const ipm_point *at);             /* |d|_1 */
double ipm_phi(const tw_ipm *ipm, const ipm_phase *ph, const ipm_point *at); /* objective + barrier */
/* Gradient of the phase's objective in v, without barrier. */
void ipm_objective_gradient(const tw_ipm *ipm, const ipm_phase *ph, double *out);
/* The same with the barrier. */
void ipm_barrier_gradient(const tw_ipm *ipm, const ipm_phase *ph, double *out);
/* E_mu of the phase (Waechter & Biegler 2006, (5)). */
double ipm_error(tw_ipm *ipm, const ipm_phase *ph, double mu);
tw_status ipm_evaluate(tw_ipm *ipm, ipm_point *at);
/* First derivatives at the phase's point. */
tw_status ipm_derive(tw_ipm *ipm, ipm_phase *ph, bool *finite);
void ipm_copy_point(const tw_ipm *ipm, const ipm_point *from, ipm_point *to);

/* ipm_direction.c */
/* The Newton direction of the barrier problem; *found is false when no perturbation gives a matrix with the right inertia. */
tw_status ipm_newton(tw_ipm *ipm, bool *found);
/* Another direction by the same factorization, with rows d instead of the present ones. */
tw_status ipm_corrected(tw_ipm *ipm, const double *d, ipm_direction *out);
/* Multipliers y that fit the gradients best; zeros where they would be larger than 1e3. */
tw_status ipm_least_squares_y(tw_ipm *ipm, ipm_phase *ph);

/* ipm_search.c */
double ipm_to_boundary(const tw_ipm *ipm, const ipm_phase *ph, const ipm_direction *d, double tau);
bool ipm_filter_accepts(const ipm_phase *ph, double theta, double phi);
void ipm_filter_add(ipm_phase *ph, double theta, double phi);
/* Moves the phase's point; *moved is false when the step became too short. */
tw_status ipm_search(tw_ipm *ipm, bool *moved);

/* ipm_restore.c */
tw_status ipm_restore_begin(tw_ipm *ipm);
/* After an iteration of the elastic phase: back to the outer one if its filter accepts the point. */
tw_status ipm_restore_test(tw_ipm *ipm);
/* The elastic phase found no step. */
tw_status ipm_restore_stuck(tw_ipm *ipm);
void ipm_best_elastic(double rho, double mu, double d, double *p, double *q);

/* ipm.c */
/* This attempt found no solution: starts again with another mu, or ends the run when there is none left. */
tw_status ipm_start_again(tw_ipm *ipm, tw_outcome outcome, const char *format, ...) TW_PRINTF(3, 4);

/* The rows (violations in ipm->rows) are in units too small for the restoration: starts the attempt again with others. */
tw_status ipm_raise_rows(tw_ipm *ipm);

/* ipm_polish.c */
/* f, dual, optimality of run->x from the phase. */
void ipm_report(tw_ipm *ipm, const ipm_phase *ph);
/* Newton on the active set that the multipliers tell; then the run's point is exact, or what it was. */
tw_status ipm_polish(tw_ipm *ipm);

#endif
