/* mehrotra: a primal-dual interior-point method for convex quadratic programs (Mehrotra 1992; Gondzio 1996), on
 *
 *   min 1/2 x'P x + q'x   subject to   A x - s = 0 (s_i = b_i in equality rows),   l <= v <= u,   v = (x, s)
 *
 * with a slack s_i for every row that is an inequality. Gaps to the bounds are variables of their own, so that the start need not lie
 * between them:
 *
 *   v - l - tl = 0,  u - v - tu = 0,   tl, tu >= 0,   zl, zu >= 0,   tl zl = tu zu = mu
 *   P x + q + A'y + zu_x - zl_x = 0,   -y_i + zu_s - zl_s = 0
 *
 * Newton's system is the quasi-definite one of x and y (the regularization of Altman & Gondzio 1999, taken out again by
 * refinement); free variables, ranges and equalities need no copies, and a dense column fills nothing but its own.
 * Expects a program whose entries are of the size 1 (qp_scale). Private to method/program. */
#ifndef TALWEG_METHOD_MEHROTRA_H
#define TALWEG_METHOD_MEHROTRA_H

#include "linear/kkt.h"
#include "method/program/nlp.h"
#include "method/program/qp.h"

enum { /* numbers that are saved */
  MEHROTRA_SHIFT,   /* regularization in use */
  MEHROTRA_THETA,   /* size of D, which regularization is relative to */
  MEHROTRA_PIVOTED, /* how many factorizations to come pivot */
  MEHROTRA_PIVOT_TURNS, /* how many did the last time */
  MEHROTRA_BEST,    /* least error so far */
  MEHROTRA_IDLE,    /* iterations since then that made no progress */
  MEHROTRA_BEFORE,  /* the error before the last iteration */
  MEHROTRA_STEPS,
  MEHROTRA_NUMBERS
};

typedef struct mehrotra_direction {
  double *v, *y, *tl, *tu, *zl, *zu;
} mehrotra_direction;

typedef struct tw_mehrotra {
  const tw_qp *qp;
  int64_t n, m, nv;
  int64_t *slack; /* m: place of the row's slack in v, -1: an equality, -2: a row without limits */
  bool *fixed;    /* n: l = u */
  bool *no_row;   /* m */
  double *l, *u;  /* nv; infinite where fixed */
  double limit_size, cost_size; /* 1 + the largest |limit|; 1 + |q| */
  int64_t pairs;  /* how many gaps there are */
  tw_kkt_matrix kkt;
  /* saved: one block that the caller owns */
  double *number, *v, *y, *tl, *tu, *zl, *zu;
  /* what is known of the point */
  double *rd, *rp, *rl, *ru, *px;  /* nv, m, nv, nv, n */
  double mu, primal, dual, gap, f;     /* relative errors of feasibility and complementarity */
  bool known;
  /* scratch */
  mehrotra_direction predictor, d, trial;
  double *cl, *cu, *diagonal, *shifted, *e, *e_shifted, *g, *rhs, *res, *sol, *best, *norm;
  double *block;
  bool *held, *inactive; /* of the polish */
  bool polishing;        /* its equations may contradict each other: systems are solved as far as they go */
} tw_mehrotra;

/* The caller owns `state`, of tw_mehrotra_state numbers, which says all that an iteration depends on. tw_mehrotra_close also after a
 * failure. */
tw_status tw_mehrotra_open(tw_mehrotra *s, const tw_qp *qp, tw_error *error);
int64_t tw_mehrotra_state(const tw_mehrotra *s);
void tw_mehrotra_attach(tw_mehrotra *s, double *state);
void tw_mehrotra_close(tw_mehrotra *s);
/* Mehrotra's starting point: the least |v| with A x = s, the least |z|, both moved inside. */
tw_status tw_mehrotra_start(tw_mehrotra *s, tw_error *error);
/* mu and the errors at the present point. */
void tw_mehrotra_measure(tw_mehrotra *s);
/* One iteration; TW_ERR_NUMERIC when no direction is to be had. */
tw_status tw_mehrotra_step(tw_mehrotra *s, tw_error *error);
static inline double tw_mehrotra_error(const tw_mehrotra *s) {
  return fmax(fmax(s->primal, s->dual), s->gap);
}
/* No progress in the last iterations; where errors that had grown are falling again, in many. */
bool tw_mehrotra_stalled(const tw_mehrotra *s);
/* The point as answer: x within its bounds, y (m) of the sign its limits allow, z (n). */
void tw_mehrotra_answer(const tw_mehrotra *s, double *x, double *y, double *z);
/* mehrotra_polish.c. Newton's method on the active set that gaps and multipliers tell, mended where signs or bounds are broken:
 * x, y and z (n, m, n) lie on it to rounding, multipliers of what is not active are 0. *exact: the optimality conditions hold to
 * `tolerance`; otherwise x, y, z may be anything. */
tw_status tw_mehrotra_polish(tw_mehrotra *s, double tolerance, double *x, double *y, double *z, bool *exact, tw_error *error);

/* mehrotra_kkt.c */
/* Factors K with P + diag(diagonal) and E = diag(e), shifted as far as it takes; masks may be NULL. */
tw_status mehrotra_factor(tw_mehrotra *s, const bool *no_variable, const bool *no_row, tw_error *error);
/* s->sol = K^-1 s->rhs (n + m numbers), K without the shift, refined while that helps. *error_left: relative. */
tw_status mehrotra_solve(tw_mehrotra *s, const bool *no_variable, const bool *no_row, double *left, tw_error *error);

#endif
