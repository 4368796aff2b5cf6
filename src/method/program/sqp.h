/* sqp: sequential quadratic programming with dense matrices for
 *
 *   min f(x)   subject to   rl <= c(x) <= ru,   l <= x <= u
 *
 * scaled as nlp.h says. At x, with multipliers y, the step d solves
 *
 *   min 1/2 d'B d + g'd   subject to   rl <= c + J d <= ru,   l <= x + d <= u                                    (QP)
 *
 * where B is the Hessian of the Lagrangian made positive definite (sqp_direction.c), or a quasi-Newton approximation; it is judged by the
 * merit function phi(x) = f + sum_i nu_i v_i, v_i the violation of row i. */
#ifndef TALWEG_METHOD_SQP_H
#define TALWEG_METHOD_SQP_H

#include "graph/emit/runtime/active.h"
#include "method/dense_qp.h"
#include "method/program/nlp.h"

enum { /* numbers of the run */
  SQP_F,     /* scaled f at x */
  SQP_SHIFT, /* last shift of B that was needed */
  SQP_FLOOR, /* shift that every B gets, after steps that failed */
  SQP_STUCK, /* steps in a row that failed */
  SQP_GAMMA, /* weight of violations in elastic programs */
  SQP_HOPELESS, /* elastic programs in a row that saw no way to lessen the violation */
  SQP_ATTEMPT,    /* starts so far, but for the first */
  SQP_BEGAN,      /* iteration of the last one */
  SQP_INFEASIBLE, /* 1 once an attempt ended in local infeasibility */
  SQP_FAILED,     /* 1 once the first attempt ended otherwise than by its limit */
  SQP_RAISED,     /* times that rows got other units */
  SQP_NUMBERS
};

typedef struct tw_sqp {
  tw_run *run;
  tw_nlp nlp;
  int64_t n, m;
  double tol;
  /* state */
  double *number, *x, *c, *g, *j, *y, *nu;
  double *start; /* n: x where every attempt starts */
  double *guess; /* m + n: the last active set, -1, 0, 1 */
  /* scratch */
  double *rl, *ru, *l, *u;        /* limits of rows and variables; infinite where there is none */
  double *h, *b;                  /* entries of H; B, n x n */
  double *a;                      /* J, m x n row-major */
  double *penalty;                /* m + n: what an active limit adds to B */
  double *q, *al, *au, *dl, *du;  /* of a quadratic program */
  double *d, *qy, *qz, *d2, *y2, *z2;
  double *trial, *trial_c, *base, *work; /* n, m, m, rt_active_room(n) */
  signed char *active;            /* m + n */
  double *zl, *zu;
  double *block;
  bool elastic;                   /* the last step came of an elastic program */
  bool shifted;                   /* B is H with a shift: steps may be too short by any factor */
} tw_sqp;

/* sqp.c: phi at a point. */
double sqp_merit(const tw_sqp *s, double f, const double *c);
/* sqp_escape.c */
tw_status sqp_escape(tw_sqp *s, double *f, bool *moved);
/* sqp_direction.c */
/* B from the derivatives at x. *finite: whether they are. */
tw_status sqp_curvature(tw_sqp *s, bool *finite);
/* (QP) with c in place of `base`; d, y, z to the arrays given. *found is false when there is no d, or rounding errors hide it. */
tw_status sqp_program(tw_sqp *s, const double *base, double *d, double *y, double *z, bool *found);
/* The same with violations at a price:  + gamma sum (p + q),  rl <= c + J d + p - q <= ru,  p, q >= 0. */
tw_status sqp_elastic(tw_sqp *s, bool *found);
static inline double sqp_violation(const tw_sqp *s, int64_t i, double c) { return fmax(0, fmax(s->rl[i] - c, c - s->ru[i])); }

#endif
