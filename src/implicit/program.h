/* Sensitivities of mathematical programs: smooth objective and constraints, bounds on variables, nothing else.
 *
 * Unknowns i = 0 .. n+m-1: the variables, then the rows. Each has a value v_i (x_i or c_i(x)), limits l_i <= v_i <= u_i and a
 * multiplier (of its limit; L = f + y'c, so that of a bound is -dL/dx_i). Along a direction of theta
 *
 *   H dx + J'dy = -d(grad_x L)  on free variables,   dx = d(limit) on held ones,   J dx = d(limit) - dc  on active rows,
 *
 * where d is with x and y held. H and J are sparse where the problem is. */
#ifndef TALWEG_IMPLICIT_PROGRAM_H
#define TALWEG_IMPLICIT_PROGRAM_H

#include "implicit/argmin.h"
#include "implicit/solve.h"
#include "linear/csc.h"
#include "linear/kkt.h"
#include "method/derivatives.h"

enum { TW_SIDE_NONE = 0, TW_SIDE_LOWER = -1, TW_SIDE_UPPER = 1, TW_SIDE_BOTH = 2 };

/* program_active.c: the matrix of an active set without what is held or out. */
typedef struct tw_active {
  int64_t n, m;   /* variables that move, rows that hold */
  int64_t *place; /* of each unknown of the program, or -1 */
  tw_pattern h, j;
  double *hv, *jv, *d, *e;
  tw_kkt_matrix kkt;
  int64_t *index; /* one block */
  double *number; /* another */
} tw_active;

typedef struct tw_program {
  const tw_problem *problem;
  const tw_nested *nested;
  const tw_class *cls;
  int64_t n, m;
  tw_oracle oracle;
  tw_derivatives *derivatives;
  tw_csc hessian, jacobian; /* patterns of `derivatives` with the entries h and j at the solution; borrowed */
  tw_active active;
  int factorizations;
  /* at the solution */
  double *x, *y;                 /* n, m: one block of n + m */
  double *g;                     /* n: grad f */
  double *value, *multiplier;    /* n + m */
  double *lower, *upper;         /* n + m */
  double *h, *j;                 /* entries of H (lower triangle) and J */
  signed char *side;             /* n + m: the limit that holds with equality; TW_SIDE_BOTH: they are one */
  bool *weak;                    /* n + m: with a multiplier of zero */
  bool *held, *out;              /* n, m: of the matrix in use: variables that are held, rows that are out */
  int64_t weak_count;
  double margin;                 /* of strict complementarity, relative; inf when nothing is at stake */
  /* along one direction of theta */
  tw_fn *tangent;
  tw_work *work;
  const void **in;
  double *t;                     /* size of theta */
  double *d_stationarity, *d_rows; /* n, m: of grad_x L and c, one block of n + m */
  double d_f;                    /* of f */
  double *d_lower, *d_upper;     /* n + m */
  double *scratch;               /* 2 (n + m) */
  double *block;
  bool *flags;
} tw_program;

/* *fits is false where the problem is no mathematical program (sets, kinks, nested problems inside) or its matrices are not to be
 * had. Call tw_program_close in any case. */
tw_status tw_program_open(tw_program *s, const tw_problem *p, const tw_class *cls, const tw_nested *nested, const tw_result *at,
                          tw_expr theta, bool *fits, tw_error *error);
void tw_program_close(tw_program *s);
/* H and J at a point. */
tw_status tw_program_matrices(tw_program *s, const double *x, const double *y, double *h, double *j, bool *finite, tw_error *error);
/* Everything along the unit vector of entry `column` of theta, with the multipliers in s->y. */
tw_status tw_program_along(tw_program *s, int64_t column, tw_error *error);
/* The derivative of the limit that i lies at; of two that part, the one that presses. */
static inline double tw_program_limit(const tw_program *s, int64_t i) {
  const bool upper = s->side[i] == TW_SIDE_UPPER || (s->side[i] == TW_SIDE_BOTH && s->multiplier[i] > 0);
  return upper ? s->d_upper[i] : s->d_lower[i];
}
/* Whether some limits that are one part (1), or cross (-1), in the present direction; else 0. */
int tw_program_parting(const tw_program *s);

/* The matrix of the active set that side tells, without its weak limits; h NULL: with them, and with the identity in place of H,
 * which tells whether the active gradients are independent. *negative: as in tw_kkt_factor. */
tw_status tw_program_factor(tw_program *s, const double *h, int64_t *negative, double *condition, tw_error *error);
/* The factorization behind it, of the active set that s->held and s->out tell. */
tw_status tw_active_factor(tw_program *s, const double *h, int64_t *negative, double *condition, tw_error *error);
void tw_active_close(tw_active *a);
/* Solves for columns of n + m; unknowns that are out come back 0. *residual: the largest, relative. */
tw_status tw_program_solve(tw_program *s, int64_t columns, double *xy, double *residual, tw_error *error);
/* The right side of the system for the present direction, n + m, and dx (n) of variables that are held; *df: of the optimal value. */
void tw_program_right_side(tw_program *s, double *xy, double *dx, double *df);
/* The same in the least-squares sense, of least norm, for singular matrices: by MINRES on the active set of the last factorization. */
tw_status tw_program_least_norm(tw_program *s, double *dx, double *df, double *residual, tw_error *error);
/* tw_nested_exactness by the factorization at hand; `residual` of stationarity, whose pieces tell. */
tw_status tw_program_exactness(tw_program *s, double *inexact, double *residual, tw_error *error);

/* What is wrong with the solution. */
typedef struct tw_irregular {
  bool weak, dependent, singular; /* weak limits; active gradients that depend on each other; a solution that is not isolated */
} tw_irregular;
/* One-sided or least-norm derivatives along the present direction, by dense quadratic programs (program_direction.c). *found is
 * false where there is none; *singular tells that the least-norm one was taken. */
enum { TW_DIRECTION_MOST = 800 };
tw_status tw_program_direction(tw_program *s, const tw_irregular *what, int64_t column, double *dx, double *df, bool *found,
                               bool *singular, tw_error *error);

/* tw_sensitivity of a mathematical program; *fits is false where the problem is none. */
tw_status tw_program_sensitivity(const tw_problem *p, const tw_class *cls, const tw_nested *nested, const tw_result *at, tw_expr theta,
                                 double *df, double *dx, tw_evidence *evidence, bool *fits, tw_error *error);

#endif
