/* implicit: nested problems as expressions. argmin, min, max, root and fixpoint have values and, through their
 * optimality conditions and the implicit function theorem, derivatives of any order. */
#ifndef TALWEG_IMPLICIT_H
#define TALWEG_IMPLICIT_H

#include <talweg/method.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The nested problem's variables become bound; everything else in its expressions is a parameter, differentiated
 * through. Its own tw_problem_parameters must be none (use outer expressions). The problem may be freed afterwards.
 * `method` ("lbfgs:tol=1e-12", NULL: chosen by class; copied). */
typedef struct tw_nested tw_nested; /* arena-owned by the graph */
const tw_nested *tw_nested_close(const tw_problem *inner, const char *method, tw_error *error);

/* argmin, root, fixpoint: the flat solution vector [n + multipliers]; use tw_nested_variable for the parts. */
tw_expr tw_argmin(const tw_nested *nested);
tw_expr tw_nested_variable(tw_expr solution, const tw_nested *nested, int variable);
int tw_nested_variables(const tw_nested *nested);
const char *tw_nested_variable_name(const tw_nested *nested, int variable);
/* The optimal value (sense as stated): first derivative by Danskin's rule. */
tw_expr tw_optimal_value(const tw_nested *nested);
/* Whether evaluating the op solves something: a nested problem, or the system behind its derivatives. */
bool tw_op_is_nested(const tw_op *op);

/* Solve L(v; p) = b for v, where body: (v, p..) -> L(v; p) is linear in v. Square; the general linear-solve op behind all
 * implicit derivatives, itself differentiable to any order. free: u8/bool mask [n] or TW_NONE: where it is false the unknown
 * is fixed to b's entry (row and column leave the system). */
tw_expr tw_implicit_solve(tw_graph *graph, const tw_body *body, int n_p, const tw_expr *p, tw_expr b, tw_expr free_mask, bool symmetric);

/* What derivatives of a solution are. */
typedef enum tw_derivative_kind {
  TW_DERIVATIVE_REGULAR,    /* of a unique solution, the same on both sides */
  TW_DERIVATIVE_ONE_SIDED,  /* a constraint is active with multiplier zero, or multipliers are not unique: for theta that grows */
  TW_DERIVATIVE_LEAST_NORM, /* the solution is not unique: the smallest motion that keeps it one */
  TW_DERIVATIVE_NONE        /* it jumps, or ceases to exist: NaN */
} tw_derivative_kind;

/* Evidence: what stands behind the values and derivatives that a workspace or oracle has computed last. */
typedef struct tw_evidence {
  int solves;                 /* nested solves found */
  double inner_residual;      /* worst residual of an inner optimality condition (relative) */
  double linear_residual;     /* worst |b - A v| / |b| of a linear solve */
  double condition;           /* largest condition estimate */
  double complementarity_gap; /* smallest strict-complementarity margin; inf when no constraint is involved */
  double derivative_error;    /* estimate of the relative error of derivatives that comes of inexact solutions and singular systems */
  bool reliable;
  char message[256];          /* why not, "" when reliable */
  tw_derivative_kind kind;    /* the least regular of all */
  int factorizations;         /* of sensitivities of mathematical programs: matrices factored, */
  int64_t evaluations;        /* and derivatives (or values) of the problem's functions evaluated */
} tw_evidence;
/* derivative_error is measured on request, by two more solves with the linear system of every solution that derivatives were
 * taken at. */
void tw_work_evidence(tw_work *work, tw_evidence *evidence);
void tw_oracle_evidence(const tw_oracle *oracle, tw_evidence *evidence);

/* Sensitivities at a solution of an outer problem: df/dtheta and dx/dtheta (shape x.shape + theta.shape), by treating the
 * problem itself as nested. dx and df are caller-allocated, size n * size(theta) and size(theta).
 *
 * Mathematical programs (bounds and constraints alone) take one factorization of their KKT matrix, sparse where the problem is,
 * and a solve for each entry of theta. Where the solution is not regular (evidence->kind) each column is the motion along its
 * entry as that grows: one-sided, of least norm, or NaN, by dense quadratic programs; beyond 800 variables the least-norm
 * solution of the linear system. */
tw_status tw_sensitivity(const tw_problem *p, const tw_result *at, const char *parameter, double *df, double *dx,
                         tw_evidence *evidence, tw_error *error);

#ifdef __cplusplus
}
#endif
#endif
