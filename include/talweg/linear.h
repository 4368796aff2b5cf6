/* linear: linear operators, Krylov solvers with a common result, dense and sparse direct solvers.
 * Vectors are contiguous f64; matrices dense row-major or sparse CSC. */
#ifndef TALWEG_LINEAR_H
#define TALWEG_LINEAR_H

#include <talweg/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ operators */

enum { TW_LINOP_SYMMETRIC = 1, TW_LINOP_DEFINITE = 2 /* symmetric positive definite; implies SYMMETRIC */ };

/* y = A x (apply) and y = A' x (apply_transpose; may be NULL when symmetric or when no method asks).
 * x and y never overlap. A status other than TW_OK stops the solver and is passed on. */
typedef struct tw_linop {
  int64_t rows, cols;
  unsigned flags;
  tw_status (*apply)(void *context, const double *x, double *y);
  tw_status (*apply_transpose)(void *context, const double *x, double *y);
  void *context;
} tw_linop;

/* ------------------------------------------------------------------ sparse matrices */

/* Compressed sparse columns: column j holds entries start[j] .. start[j+1]-1. Row indices ascend
 * within a column. Owns its three arrays (one malloc each). */
typedef struct tw_csc {
  int64_t rows, cols;
  int64_t *start, *row;
  double *value;
} tw_csc;

/* From n triplets; duplicates are summed. O(n + rows + cols). */
tw_status tw_csc_from_triplets(tw_csc *out, int64_t rows, int64_t cols, int64_t n, const int64_t *row,
                               const int64_t *col, const double *value, tw_error *error);
tw_status tw_csc_transpose(tw_csc *out, const tw_csc *a, tw_error *error);
void tw_csc_free(tw_csc *a);
void tw_csc_apply(const tw_csc *a, const double *x, double *y);           /* y = A x */
void tw_csc_apply_transpose(const tw_csc *a, const double *x, double *y); /* y = A' x */

/* Operators over caller-owned matrices (which must outlive them). */
tw_linop tw_linop_csc(const tw_csc *a, unsigned flags);
typedef struct tw_dense {
  int64_t rows, cols;
  const double *value; /* row-major */
} tw_dense;
tw_linop tw_linop_dense(const tw_dense *a, unsigned flags);

/* A = diag(d) + U S U', U n x k row-major, S diagonal: low-rank plus diagonal. */
typedef struct tw_lowrank {
  int64_t n, k;
  const double *diagonal, *u, *s;
  double *scratch; /* k, caller-owned */
} tw_lowrank;
tw_linop tw_linop_lowrank(const tw_lowrank *a);

/* ------------------------------------------------------------------ Krylov solvers */

typedef enum tw_linear_reason {
  TW_LINEAR_CONVERGED,
  TW_LINEAR_LIMIT,     /* iteration limit */
  TW_LINEAR_BREAKDOWN, /* Lanczos/Arnoldi/bi-orthogonalisation broke down */
  TW_LINEAR_NEGATIVE,  /* CG met a direction of non-positive curvature */
  TW_LINEAR_STAGNATED, /* no progress possible in this precision */
  TW_LINEAR_OPERATOR   /* the operator or preconditioner failed */
} tw_linear_reason;
const char *tw_linear_reason_text(tw_linear_reason reason);

typedef struct tw_linear_options {
  double rtol, atol; /* stop when |b - A x| <= max(rtol |b|, atol), for least squares |A'(b - A x)| and |A'b|,
                        both of the damped system; both 0: rtol = 1e-10 */
  int64_t max_iter;  /* 0: 10 n for CG/MINRES/LSQR/BiCGSTAB, 10 n matvecs for GMRES */
  int restart;       /* GMRES(m); 0: 30 */
  double damp;       /* LSQR and normal CG: minimise |Ax-b|^2 + damp^2 |x|^2; 0 for all others */
  const tw_linop *preconditioner; /* applies M^-1, symmetric definite for CG/MINRES, and for LSQR/normal CG,
                                     where M approximates A'A + damp^2 I; NULL: none */
} tw_linear_options;

typedef struct tw_linear_result {
  tw_linear_reason reason;
  int64_t iterations, applications; /* applications of A and of A' */
  double residual; /* |b - A x|, recomputed at the end (normal-equation residual for least squares) */
  double rhs_norm;
  double condition; /* 2-norm estimate, from below, of the (preconditioned) A from the Krylov coefficients;
                       NaN for BiCGSTAB and SOR */
} tw_linear_result;

/* Each solves A x = b from the x given (start from zeros if in doubt; singular consistent systems then give
 * the minimum-norm solution with MINRES, LSQR and normal CG). Returns TW_OK whenever `result` is filled: look
 * at `reason`. TW_ERR_* only for bad arguments (x is untouched), out of memory, or an operator's own failure
 * (x is the last iterate whose residual was verified). `options` may be NULL. CG and MINRES refuse an A that
 * is not flagged symmetric. "Converged" refers to the residual recomputed from x, never to a recurrence; b =
 * 0 gives x = 0. */
tw_status tw_cg(const tw_linop *a, const double *b, double *x, const tw_linear_options *options,
                tw_linear_result *result, tw_error *error); /* Hestenes & Stiefel 1952; A definite */
tw_status tw_minres(const tw_linop *a, const double *b, double *x, const tw_linear_options *options,
                    tw_linear_result *result, tw_error *error); /* Paige & Saunders 1975; A symmetric */
tw_status tw_gmres(const tw_linop *a, const double *b, double *x, const tw_linear_options *options,
                   tw_linear_result *result, tw_error *error); /* Saad & Schultz 1986; right preconditioned */
tw_status tw_bicgstab(const tw_linop *a, const double *b, double *x, const tw_linear_options *options,
                      tw_linear_result *result, tw_error *error); /* van der Vorst 1992 */
tw_status tw_lsqr(const tw_linop *a, const double *b, double *x, const tw_linear_options *options,
                  tw_linear_result *result, tw_error *error); /* Paige & Saunders 1982; any shape */
tw_status tw_normal_cg(const tw_linop *a, const double *b, double *x, const tw_linear_options *options,
                       tw_linear_result *result, tw_error *error); /* CG on A'A x = A'b (CGLS) */
tw_status tw_sor(const tw_csc *a, const double *b, double *x, double omega, const tw_linear_options *options,
                 tw_linear_result *result, tw_error *error); /* successive over-relaxation, 0 < omega < 2 */

/* Iterative refinement (Wilkinson 1963): x += M^-1 (b - A x) from the x given, where `inverse` applies M^-1 for an M near A, such as a
 * regularized or rounded A that has been factored (tw_factor_linop), or an inner iteration. Converges when A M^-1 - I is a contraction.
 * Ends as the Krylov solvers do, or as TW_LINEAR_STAGNATED where the residual no longer falls, with the best x. Defaults: rtol 1e-7,
 * max_iter 10. The condition is NaN. */
tw_status tw_refine(const tw_linop *a, const tw_linop *inverse, const double *b, double *x, const tw_linear_options *options,
                    tw_linear_result *result, tw_error *error);

/* ------------------------------------------------------------------ preconditioners */

typedef struct tw_precond tw_precond;
tw_status tw_precond_jacobi(tw_precond **out, int64_t n, const double *diagonal, tw_error *error);
tw_status tw_precond_ilu0(tw_precond **out, const tw_csc *a, tw_error *error);
tw_status tw_precond_ic0(tw_precond **out, const tw_csc *a,
                         tw_error *error); /* symmetric definite; shifts on breakdown */
const tw_linop *tw_precond_linop(const tw_precond *p);
void tw_precond_free(tw_precond *p);

/* ------------------------------------------------------------------ direct solvers */

typedef enum tw_factor_kind {
  TW_FACTOR_LU,       /* dense: LAPACK getrf; sparse: UMFPACK */
  TW_FACTOR_CHOLESKY, /* dense: potrf; sparse: CHOLMOD (supernodal LL') */
  TW_FACTOR_LDLT,     /* dense: sytrf (Bunch-Kaufman); sparse: LDL' in the order of AMD (quasi-definite) */
  TW_FACTOR_QR,       /* least squares; dense: geqp3; sparse: SPQR */
  TW_FACTOR_INDEFINITE, /* any symmetric matrix, with its inertia; dense: as LDLT; sparse: MUMPS (pivoted LDL') */
  TW_FACTOR_QUASIDEFINITE /* dense: as LDLT; sparse: LDLT of a matrix whose pivots have the signs of its diagonal; pivots that rounding
                             took are replaced, so that a matrix nearby is factored: see tw_factor_replaced */
} tw_factor_kind;

/* A factorization that owns copies of what it needs. One factor may be used by one thread at a time. */
typedef struct tw_factor tw_factor;
/* Singular input, for Cholesky also indefinite, gives TW_ERR_SINGULAR with the pivot in the message; so does
 * a pivot that is nothing but rounding errors. Cholesky, LDL' and INDEFINITE read the lower triangle only. QR needs full
 * rank, of any shape. */
tw_status tw_factor_dense(tw_factor **out, tw_factor_kind kind, int64_t rows, int64_t cols, const double *a,
                          tw_error *error);
tw_status tw_factor_csc(tw_factor **out, tw_factor_kind kind, const tw_csc *a, tw_error *error);
/* Sparse Cholesky, LDL' and QUASIDEFINITE alone. The order of elimination: pivot k is that of row order[k] of A (false for others); and
 * a factorization in a given order, a permutation of n, in place of AMD's, whose search can cost more than all else. */
bool tw_factor_order(const tw_factor *factor, int64_t *order);
tw_status tw_factor_csc_ordered(tw_factor **out, tw_factor_kind kind, const tw_csc *a, const int64_t *order, tw_error *error);
/* New values, same pattern: reuses the symbolic analysis. Sparse only. When it fails the factor cannot solve
 * until an update succeeds. */
tw_status tw_factor_update(tw_factor *factor, const tw_csc *a, tw_error *error);
/* Each column solved by a sparse LDL' is refined while that halves its residual, at most 3 times; `most` in its place. */
void tw_factor_refinement(tw_factor *factor, int most);
/* X = A^-1 B (or A^-T B), B and X n x columns, column after column; may be the same memory. QR: least squares
 * where A (or A' when `transpose`) has more rows than columns, the minimum-norm solution where it has fewer.
 */
tw_status tw_factor_solve(tw_factor *factor, bool transpose, int64_t columns, const double *b, double *x,
                          tw_error *error);
/* A^-1 as an operator over a factor of a square A, which must outlive it. */
tw_linop tw_factor_linop(tw_factor *factor);
double tw_factor_condition(const tw_factor *factor); /* 1-norm estimate, for QR 2-norm; a few solves on first
                                                        use; NaN when not available */
void tw_factor_inertia(const tw_factor *factor, int64_t *positive, int64_t *negative,
                       int64_t *zero); /* LDLT, Cholesky, INDEFINITE, QUASIDEFINITE */
/* How many pivots of a sparse QUASIDEFINITE factorization are not the matrix's own; each changes one entry of its diagonal by about
 * 1.5e-8 of the terms that the pivot is the sum of. Solutions are refined towards the matrix itself. */
int64_t tw_factor_replaced(const tw_factor *factor);
void tw_factor_free(tw_factor *factor);

#ifdef __cplusplus
}
#endif
#endif
