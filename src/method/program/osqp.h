/* osqp: operator splitting for convex quadratic programs (Stellato, Banjac, Goulart, Bemporad & Boyd 2020, OSQP).
 *
 *   min 1/2 x'P x + q'x   subject to   z = (A x, x),   l <= z <= u
 *
 * The bounds of the variables are rows of the identity below A; they are eliminated from the linear system by hand. A row of A has
 * the weight rho_i, a bound rho_j, or 0 where there is none. In the scaled program (Ruiz equilibration)
 *
 *   P~ = c D P D,   q~ = c D q,   A~ = E A D,   bounds l / d, u / d
 *
 * so that x = D x~, z = E^-1 z~, y = E y~ / c, and D z~, y~ / (c D) for the bounds. Private to method/program. */
#ifndef TALWEG_METHOD_OSQP_H
#define TALWEG_METHOD_OSQP_H

#include "linear/csc.h"
#include "method/driver.h"
#include "method/program/qp.h"

/* A primal-dual point of the program as stated. */
typedef struct osqp_point {
  double *x, *y, *z;      /* n within the bounds, m, n reduced costs */
  double *row;            /* m: what A x is to be, within the limits */
  double *px, *ax, *aty;  /* P x, A x, A'y */
  double f;
  tw_optimality optimality;
  double primal, dual;    /* |(A x - row, x - its twin)|_inf, |P x + q + A'y + z|_inf */
  double primal_scale, dual_scale, value_scale; /* of the terms in these and in the objective */
} osqp_point;

/* Numbers of the state. */
enum {
  OSQP_C,       /* c */
  OSQP_RHO,
  OSQP_TRIED,   /* a key of the active set that was polished last, and when */
  OSQP_TRIED_AT,
  OSQP_ADAPT_AT, /* the iteration from which rho may change again */
  OSQP_LEFT_Y,   /* what was left of the sums of a proof of infeasibility, or of a ray, when it was last tried */
  OSQP_LEFT_D,
  OSQP_NUMBERS
};

typedef struct tw_osqp {
  tw_run *run;
  tw_qp qp;
  int64_t n, m;
  double sigma, alpha;
  /* The state: vectors of the run, scaled. */
  double *x, *z, *y; /* n, m + n, m + n */
  double *d, *e;     /* n, m */
  double *number;
  /* What follows from program and state. */
  double *q, *lower, *upper, *rho; /* n, m + n, m + n, m + n: scaled; weights */
  tw_csc k;                        /* lower triangle of the KKT matrix, order n + m */
  tw_factor *factor;
  double *made;                    /* d, e, rho, c that the factor was made for */
  osqp_point at, polished, trial;
  double *step_x, *step_y; /* what the last iteration changed: n, m + n */
  double *right, *work;    /* n + m; 2 n + m */
  double *block;           /* memory of all these */
} tw_osqp;

/* The matrix [P~ + sigma I + diag(rho_bounds), A~'; A~, -diag(1/rho)] and its factor, made again only where it has changed. */
tw_status osqp_factor(tw_osqp *s);
/* Limits and bounds, objective and weights of the scaled program, from the state's scales and rho. */
void osqp_rescale(tw_osqp *s);
/* D, E, c of a program. */
void osqp_equilibrate(tw_osqp *s, int64_t iterations);

/* One iteration of the splitting; the first of a block needs osqp_factor. */
tw_status osqp_iterate(tw_osqp *s);
/* The iterate as a point, with what is left of its optimality. */
void osqp_look(tw_osqp *s);
/* Completes a point whose x, y, z, row are set; `twin` is what x shall be (the bounds' part of z), or x. */
void osqp_judge(const tw_osqp *s, osqp_point *p, const double *twin);
bool osqp_meets(const osqp_point *p, double tol);
/* rho times the root of the ratio of relative residuals. */
double osqp_next_rho(const tw_osqp *s);

/* Whether the last step proves that there is no feasible point, or that the objective falls without end. The proof: multipliers of the
 * rows (m), a ray (n); NULL when there is none. */
tw_status osqp_infeasible(tw_osqp *s, const double **proof);
tw_status osqp_unbounded(tw_osqp *s, const double **proof);

/* A key of the limits and bounds that the iterate presses on. */
double osqp_active_key(const tw_osqp *s);
/* Solves the equalities of that active set and of those that follow from it until the tolerance `enough` is met; *better: s->polished meets
 * it, or is better by its largest error. */
tw_status osqp_polish(tw_osqp *s, double enough, bool *better);

#endif
