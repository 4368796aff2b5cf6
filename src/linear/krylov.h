/* krylov: what all iterative solvers share. A solver is a descriptor and a `sweep`, which solves the
 * correction equation A d = r from d = 0 for a right-hand side of unit length; the driver scales, adds
 * corrections, recomputes the true residual, decides about another sweep and reports. So a sweep holds
 * mathematics only, overflow and underflow of b do not reach it, and "converged" is never claimed on the word
 * of a recurrence. */
#ifndef LINEAR_KRYLOV_H
#define LINEAR_KRYLOV_H

#include "linear/triangle.h"
#include "linear/vec.h"

#include <float.h>
#include <talweg/linear.h>

enum { KRYLOV_VECTORS = 10 };

/* How a sweep ended. The driver starts another one while sweeps pay (see `krylov_rules` in krylov.c). */
typedef enum krylov_end {
  KRYLOV_MET,       /* the recurrence says |r - A d| <= target */
  KRYLOV_RESTART,   /* the cycle is over */
  KRYLOV_LIMIT,     /* krylov_step said no */
  KRYLOV_BREAKDOWN, /* a coefficient is zero or not finite; d is what was reached before */
  KRYLOV_NEGATIVE,
  KRYLOV_STALLED,  /* d cannot be improved in this precision */
  KRYLOV_OPERATOR, /* `status` holds what the operator returned */
  KRYLOV_MEMORY
} krylov_end;

typedef struct krylov krylov;

typedef struct krylov_method {
  const char *name;
  krylov_end (*sweep)(krylov *k);
  int row_vectors, col_vectors; /* work vectors u[] of length rows and v[] of length cols */
  int width;                    /* of the coefficient triangle; 0: no condition estimate; -1: `restart` */
  bool symmetric;               /* A must be flagged symmetric */
  bool least_squares;           /* any shape; solves A'A x = A'b, converges in |A'(b - A x)| */
  bool squared;                 /* the triangle's condition is the square root of A's */
  bool keep_best;               /* the residual may grow: drop a correction that made it larger */
  bool precondition;            /* takes options->preconditioner */
} krylov_method;

struct krylov {
  /* For the sweep to read. With options->damp = delta > 0 the system is [A; delta I] x = [b; 0]. */
  int64_t rows, cols;
  double target; /* of |r - A d|; least squares: of |A'(r - A d)| */
  bool preconditioned;
  int restart;
  void *context; /* the method's own */
  /* For the sweep to change. */
  double *r; /* unit right-hand side on entry, `rows` long */
  double *d; /* the correction, zero on entry, `cols` long */
  double *u[KRYLOV_VECTORS], *v[KRYLOV_VECTORS];
  triangle coefficients; /* empty on entry */

  /* For the driver. */
  const krylov_method *method;
  const tw_linop *a, *m;
  const double *b;
  double *x;
  double damp, tolerance, rho, measure; /* rho = |b - A x|, measure = the residual to converge in */
  int64_t max_iter;
  tw_status status;
  tw_arena *arena;
  tw_linear_result *result;
  tw_error *error;
};

/* Counts one iteration; false when the limit is reached. */
bool krylov_step(krylov *k);
/* y = A x, y = A' x, z = M^-1 r (a copy without preconditioner); false when the operator failed. */
bool krylov_apply(krylov *k, const double *x, double *y);
bool krylov_apply_transpose(krylov *k, const double *x, double *y);
bool krylov_precondition(krylov *k, const double *r, double *z);
/* A vector that lives until the solve ends; NULL when out of memory. */
double *krylov_vector(krylov *k, int64_t n);

/* Checks the arguments, drives `method` and fills `result`. `context` is handed to the sweep. */
tw_status krylov_solve(const krylov_method *method, void *context, const tw_linop *a, const double *b,
                       double *x, const tw_linear_options *options, tw_linear_result *result,
                       tw_error *error);

#endif
