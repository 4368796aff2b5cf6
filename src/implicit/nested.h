/* A nested problem, closed over its own variables, and its optimality condition as functions of params.
 *
 * z = [x; y]: the flat variables and, with constraints, the multiplier of every constraint row (L = f + y'c).
 * theta: what the problem captured from outside.
 *
 * The condition is F(z, theta) = 0; on unknowns that are held F = z_i - fixed_i(theta), and the rest of F does not depend on
 * them (see condition.c). On the free ones:
 *   smooth with bounds, separable regularizers, constraints (the symmetric form)
 *     F_x = grad_x L,  F_y = c - its active bound;  held: variables at a bound or off the support, y = 0 of inactive rows
 *   sets, non-separable regularizers (the projected form)
 *     F_x = x - P(x - eta grad_x L),  P projection or prox, eta = 1 but for sets that are not convex (see columns.c);  held at 0: off
 *     the support of a simplex
 *   root F = r(x, theta);  fixpoint F = x - g(x, theta). */
#ifndef TALWEG_IMPLICIT_NESTED_H
#define TALWEG_IMPLICIT_NESTED_H

#include "implicit/options.h"

typedef struct tw_part { /* a variable or a block of constraints */
  const char *name;
  tw_shape shape;
  int64_t offset, size;
} tw_part;

struct tw_nested {
  tw_graph *graph;
  tw_goal goal;
  const char *method; /* NULL: chosen by class */
  tw_nested_choice choice;
  const char *word; /* "argmin" "argmax" "root" "fixpoint", for messages */
  int n_variables, n_constraints, n_theta;
  int n_stated; /* variables of the problem as stated; others stand for kinks */
  tw_part *variable, *constraint;
  const tw_domain_kind **domain; /* per variable, NULL: none */
  int64_t n, m;                  /* x and y */
  tw_expr *theta;                /* captured expressions */

  /* The statement over params: variables, then theta. Outputs in this order (those that were stated):
   * objective; per constraint expr, lower, upper; per variable lower, upper, start, map, domain params. -1: not stated. */
  const tw_body *statement;
  int objective;
  int *c_expr, *c_lower, *c_upper, *lower, *upper, *start, *map, *domain_param; /* domain_param: first of TW_DOMAIN_PARAMS */

  /* The condition over params: variables, theta, y. Outputs: F [n+m], mask [n+m] bool (true: free), margin (smallest
   * strict-complementarity margin, +inf when nothing is at stake). */
  const tw_body *condition;
  /* (v [n+m], variables, theta, y) -> (dF/dz) v */
  const tw_body *linear;
  /* Danskin's rule, over params variables, theta, y, r [n], u [n]: the derivative of the optimal value in theta is that of
   *   L - y' active bound + r' s(theta),   variables at a bound moving with it,
   * with x, y, r = grad_x L and u = x - eta r held, where s is the projection of u on the set of a variable with a set. */
  const tw_body *lagrangian;
  const tw_body *held; /* (variables, theta, y) -> r, u */
  /* The map of choice.named, when one_step or unrolled asks for it: (variables, theta, y, eta) -> the variables after one
   * iteration with step eta, then the gradient of the smooth part in every variable. */
  const tw_body *iteration;
  bool symmetric, masked;
  bool program; /* a minimisation over bounds and constraints: no other sets, no kinks */
};

/* A problem that is closed as it is, for conditions at a solution of it. */
const tw_nested *tw_nested_close_as_stated(const tw_problem *p, tw_error *error);

/* The objective of `p` with sum |x| over whole variables marked as the regularizer l1, and the class that it has then: as such it is a
 * weighted l1 whatever is known of its weight, with a prox and a support. *marked shares all else with p. False where kinks remain. */
bool tw_kinks_as_l1(const tw_problem *p, tw_problem *marked, tw_class *cls);
/* The problem with a variable s above each |a|, max(a, 0), max(a, b) of the objective, in whose place it stands, and rows a <= s, .. (its
 * epigraph): the same solutions where the problem is convex and the weights of s are known to be >= 0. Its optimality condition, of a
 * smooth program, holds at kinks. NULL where it does not apply or kinks remain. */
tw_problem *tw_kinks_as_rows(const tw_problem *p, tw_class *cls);

/* Builds condition, linear and lagrangian of a nested problem whose statement is closed. */
tw_status tw_nested_condition(tw_nested *nested, const tw_class *cls, tw_error *error);

/* A problem of its own over the same graph: fresh variables and one parameter "theta<j>" per captured expression (zeros until
 * set). NULL on failure. */
tw_problem *tw_nested_instance(const tw_nested *nested, tw_error *error);

/* Arguments for condition-like bodies: variables from z, then theta, then y from z. args: n_variables + n_theta + 1. */
void tw_nested_args(const tw_nested *nested, tw_expr z, const tw_expr *theta, tw_expr *args);

/* dz/dtheta . dtheta at z (TW_NONE tangents: zero; TW_NONE result: zero). */
tw_expr tw_nested_tangent(const tw_nested *nested, tw_expr z, const tw_expr *theta, const tw_expr *dtheta);
/* Cotangents of theta from one of z; on entry TW_NONE or TW_UNASKED. */
void tw_nested_cotangent(const tw_nested *nested, tw_expr z, const tw_expr *theta, tw_expr cotangent, tw_expr *cotangents);

/* With A = dF/dz at z: A v, and v with A v = b (b may have leading axes). */
tw_expr tw_nested_linear(const tw_nested *nested, tw_expr z, const tw_expr *theta, tw_expr v);
tw_expr tw_nested_solve(const tw_nested *nested, tw_expr z, const tw_expr *theta, tw_expr b);
/* How far derivatives at z can be trusted. `error`: by how much they may be wrong, relative, the larger of two.
 *   |(A(z - d) - A(z)) d| / |A(z) d|,  d = A^-1 F(z) the Newton step: z is not exact. It is of the order of 1 where A vanishes
 *   at the solution, however small F is.
 *   |A^-1 A u - u| / |u| for a fixed u: A is singular, or its system not solved.
 * `residual`: whether z is a solution of F at all, which it is not at a kink that F knows nothing of, where the piece of F that z lies in
 * vanishes elsewhere or nowhere: the smaller of |F(z)| and |F(z - d)|, relative to |A (u s)|, s = (max(|x|, 1), |y|); inf norms. 0 for
 * roots and fixed points, whose F is what their methods measure. */
typedef struct tw_exactness {
  tw_expr error, residual;
} tw_exactness;
tw_exactness tw_nested_exactness(const tw_nested *nested, tw_expr z, const tw_expr *theta);

/* The parts of a flat vector (variables or constraints) as one, and back. */
tw_expr tw_flatten(tw_graph *graph, int n, const tw_expr *e);

/* The solution by the argmin op, whatever the mode. */
tw_expr tw_argmin_node(const tw_nested *nested);

extern const tw_op tw_op_argmin, tw_op_optimal_value, tw_op_implicit_solve, tw_op_attested;

#endif
