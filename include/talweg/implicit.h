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
 * `method` ("lbfgs:tol=1e-12", NULL: chosen by class; copied) may hold options of nested problems beside those of the method:
 * "gd:tol=1e-9,derivative=unrolled,step=0.1"; "auto:linear=cg" where the method is chosen by class. */
typedef struct tw_nested tw_nested; /* arena-owned by the graph */
const tw_nested *tw_nested_close(const tw_problem *inner, const char *method, tw_error *error);

/* The options of nested problems; terminated by name NULL. An option that the method has too is the method's (its `step`).
 *
 *   derivative  implicit: by the optimality condition (implicit function theorem). Memory does not depend on the iterations.
 *               one_step: T(x, theta) with x held, T one iteration of the method's map at the solution (Bolte, Pauwels & Vaiter,
 *               2023): no linear system; wrong by the contraction rate of T (the evidence estimates it), exact for
 *               Newton's maps.
 *               unrolled: the value is the last of max_iter (or 100) iterations of the map from the start, which are
 *               differentiated (a tw_scan). Memory of reverse mode is linear in them, up to `checkpoints` states.
 *               The maps, with the fixed step eta = step: gd, x - eta grad f; proximal_gradient and projected_gradient, its prox or
 *               projection, unrolled with Nesterov's momentum where `accelerate` is on; mirror_descent; picard; Newton's, for newton_cg,
 *               trust, newton_root. Others refuse.
 *   step        eta; 0: 1 / L, L = |hess f| at the start by power iteration, not differentiated
 *   checkpoints of tw_scan_options
 *   linear      how the implicit system A v = b is solved; auto: by its structure. Direct where it is small, or sparse and not solved by
 *               240 iterations of CG or GMRES for few right sides; else CG (symmetric, positive), MINRES (symmetric), GMRES, then BiCGSTAB
 *               (not symmetric), last the least-norm solution by LSQR.
 *               cg, minres and cholesky are refused (TW_ERR_ARGUMENT) when A is not symmetric: asked by two random products
 *   ridge       r: A + r I in place of A; of normal_cg: A'A + r I. tw_evidence.derivative_error tells what it changes
 *   precondition of iterative solvers: jacobi (the diagonal by random products where A's entries are not to be had; Bekas, Kokiopoulou
 *               & Saad, 2007), ic0 and ilu0 where A is sparse */
const tw_option *tw_nested_options(void);
/* Whether a method string, with options of nested problems, is fit for a nested problem of this goal (NONE: of any). */
tw_status tw_nested_check(const char *method, tw_goal goal, tw_error *error);

/* argmin, root, fixpoint: the flat solution vector [n + multipliers]; use tw_nested_variable for the parts. With the method left to the
 * class, a convex problem with |a|, max(a, 0) or max(a, b) in its objective, weighted by what is known to be >= 0, has variables of its own
 * above these behind those that were stated, so that its solution has derivatives at their kinks. */
tw_expr tw_argmin(const tw_nested *nested);
tw_expr tw_nested_variable(tw_expr solution, const tw_nested *nested, int variable);
int tw_nested_variables(const tw_nested *nested);
const char *tw_nested_variable_name(const tw_nested *nested, int variable);
/* The optimal value (sense as stated): first derivative by Danskin's rule. */
tw_expr tw_optimal_value(const tw_nested *nested);
/* Whether evaluating the op solves something: a nested problem, or the system behind its derivatives. */
bool tw_op_is_nested(const tw_op *op);

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
  int factorizations;         /* matrices factored: of implicit systems, and of sensitivities of mathematical programs, */
  int64_t evaluations;        /* products with implicit systems; derivatives (or values) of a program's functions evaluated */
  double product_flops;       /* of those products */
  const char *linear;         /* what solved the last implicit system: "ldlt" "lu" "cg" ..; NULL: none */
} tw_evidence;

/* ------------------------------------------------------------------ the caller's own solver */

/* A solution that a C callback finds, differentiable to any order through what it is a solution of. */
typedef struct tw_custom {
  tw_expr x;            /* an f64 tw_input of any shape: the unknown in f */
  tw_expr f;            /* F(x, theta), of x's size; for a fixed point T(x, theta), of x's shape */
  int n_theta;
  const tw_expr *theta; /* what `solve` is told. What f holds beside is differentiated too */
  tw_expr start;        /* of x's size; TW_NONE: zeros. No derivatives */
  /* Finds x, which holds the start on entry. theta[j]: contiguous, of theta[j]'s dtype. Not asked again while theta and start are the
   * same. A status other than TW_OK ends the evaluation. May be called by several threads at once. */
  tw_status (*solve)(void *context, const void *const *theta, double *x, tw_error *error);
  void *context;        /* must outlive all functions with this expression */
  const char *options;  /* "linear=cg,ridge=1e-9": of nested problems, `linear`, `ridge` and `precondition`; NULL: none. Copied */
} tw_custom;
/* x with F(x, theta) = 0, and x with x = T(x, theta); x's shape. What the callback returns is measured: |F(x)|_inf relative to
 * max(1, |F(start)|_inf) is tw_evidence.inner_residual. One factorization or iterative solve for a derivative. Errors stick to the
 * graph. */
tw_expr tw_custom_root(const tw_custom *custom);
tw_expr tw_custom_fixed_point(const tw_custom *custom);

/* Derivatives of a root in numbers, F(x, theta) = 0 over the inputs x (f64) and theta[j], at given values: of theta along dtheta
 * (dtheta[j] NULL: zero; f64) into dx, and the transpose, from xbar to thetabar (thetabar[j] NULL: not asked). `linear` as
 * tw_custom.options. The evidence tells how far x is from a root. */
typedef struct tw_root {
  tw_expr f, x;
  int n_theta;
  const tw_expr *theta;
} tw_root;
tw_status tw_root_jvp(const tw_root *root, const char *linear, const double *x, const void *const *theta, const double *const *dtheta,
                      double *dx, tw_evidence *evidence, tw_error *error);
tw_status tw_root_vjp(const tw_root *root, const char *linear, const double *x, const void *const *theta, const double *xbar,
                      double *const *thetabar, tw_evidence *evidence, tw_error *error);

/* Optimality mappings: F with F(z, theta) = 0 at solutions, ready for tw_custom_root (x: z, f: F). eta > 0 is any number: 1 by
 * default, not the solver's step.
 *
 *   STATIONARY          F = grad f
 *   KKT                 z = [x; nu; lambda]:  F = [grad f + (dG)'lambda + (dH)'nu; H; lambda G]  of  min f, H = 0, G <= 0
 *   PROXIMAL_GRADIENT   F = x - prox_{eta w r}(x - eta grad f), w r the regularizer
 *   PROJECTED_GRADIENT  F = x - P(x - eta grad f)
 *   MIRROR_DESCENT      F = x - argmin_{u in C} eta <grad f, u> + D(u, x), for sets with a natural divergence D
 *   NEWTON              F = eta (dG)^-1 G, G = residual
 *   BLOCK_PROXIMAL      the block F_j = x_j - prox_{eta_j w_j r}(x_j - eta_j [grad f]_j) for every row x_j of x
 *   CONIC               min c'x, E x + s = d, s in K;  z = [x; v], v = y - s:  F = [E'y + c; d - E x - y + v], y = P_K*(v)
 *                       (the residual map of Busseti, Moursi & Boyd 2019 with w = 1); K of zero, nonneg, second-order, psd cones
 *   LEAST_SQUARES       F = (dr)'r, r = residual
 *   BOX_QP              F = x - clip(x - (Q x + c), l, u) */
typedef enum tw_condition_kind {
  TW_CONDITION_STATIONARY,
  TW_CONDITION_KKT,
  TW_CONDITION_PROXIMAL_GRADIENT,
  TW_CONDITION_PROJECTED_GRADIENT,
  TW_CONDITION_MIRROR_DESCENT,
  TW_CONDITION_NEWTON,
  TW_CONDITION_BLOCK_PROXIMAL,
  TW_CONDITION_CONIC,
  TW_CONDITION_LEAST_SQUARES,
  TW_CONDITION_BOX_QP,
  TW_CONDITIONS
} tw_condition_kind;
const char *tw_condition_name(tw_condition_kind kind); /* "stationary" "kkt" .. */

typedef struct tw_condition_parts { /* zero-initialise; a zero tw_expr is as TW_NONE */
  tw_expr x;                     /* an f64 tw_input; CONIC and BOX_QP: its vector of unknowns */
  tw_expr f;                     /* smooth part of the objective */
  tw_expr equality, inequality;  /* H and G of any shape */
  tw_domain domain;
  const tw_regularizer_kind *regularizer;
  tw_expr weight, param[TW_REGULARIZER_PARAMS]; /* BLOCK_PROXIMAL: weight is a scalar or one for each row */
  tw_expr eta;                   /* a scalar; BLOCK_PROXIMAL: or one for each row */
  tw_expr residual;
  tw_expr q, c, lower, upper;    /* BOX_QP: matrix, vectors, bounds that broadcast; CONIC: c */
  tw_expr e, d;                  /* CONIC: [m, n], [m] */
  int n_cones;
  const tw_cone *cone;           /* their rows are those of E, one after the other */
} tw_condition_parts;
/* F, and in *z the tw_input that it is a function of: x itself, or a vector [x; multipliers] for KKT and CONIC. Built on x's graph,
 * where errors stick. */
tw_expr tw_condition_of(tw_condition_kind kind, const tw_condition_parts *parts, tw_expr *z);

/* ------------------------------------------------------------------ linear solves */

/* Solve L(v; p) = b for v, where body: (v, p..) -> L(v; p) is linear in v. Square; the general linear-solve op behind all
 * implicit derivatives, itself differentiable to any order. free: u8/bool mask [n] or TW_NONE: where it is false the unknown
 * is fixed to b's entry (row and column leave the system). */
tw_expr tw_implicit_solve(tw_graph *graph, const tw_body *body, int n_p, const tw_expr *p, tw_expr b, tw_expr free_mask, bool symmetric);

/* ------------------------------------------------------------------ what stands behind answers */

/* derivative_error is measured on request, by two more solves with the linear system of every solution that derivatives were
 * taken at; so is the residual of the condition that they come from. */
void tw_work_evidence(tw_work *work, tw_evidence *evidence);
void tw_oracle_evidence(const tw_oracle *oracle, tw_evidence *evidence);

/* Sensitivities at a solution of an outer problem: df/dtheta and dx/dtheta (shape x.shape + theta.shape), by treating the
 * problem itself as nested. dx and df are caller-allocated, size n * size(theta) and size(theta).
 *
 * Mathematical programs (bounds and constraints alone) take one factorization of their KKT matrix, sparse where the problem is,
 * and a solve for each entry of theta. Where the solution is not regular (evidence->kind) each column is the motion along its
 * entry as that grows: one-sided, of least norm, or NaN, by dense quadratic programs; beyond 800 variables the least-norm
 * solution of the linear system. Where the conditions of the problem as stated do not hold or have no derivative at the solution, at
 * kinks, those of the conic form of a convex problem are tried. */
tw_status tw_sensitivity(const tw_problem *p, const tw_result *at, const char *parameter, double *df, double *dx,
                         tw_evidence *evidence, tw_error *error);

#ifdef __cplusplus
}
#endif
#endif
