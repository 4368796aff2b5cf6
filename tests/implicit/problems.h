/* Nested problems of every kind of optimality condition, as functions of a vector theta. */
#ifndef TALWEG_TEST_IMPLICIT_PROBLEMS_H
#define TALWEG_TEST_IMPLICIT_PROBLEMS_H

#include "test.h"

#include <talweg/implicit.h>

static tw_error error;

enum { D = 3 }; /* entries of theta */

static inline tw_expr constant(tw_graph *g, uint64_t key, tw_shape shape) {
  tw_array a;
  assert_ok(tw_array_new(&a, TW_F64, shape, &error));
  tw_random_normal_fill(key, 0, (size_t)tw_shape_size(&shape), a.data);
  tw_expr e = tw_constant(g, &a);
  tw_array_free(&a);
  return e;
}

static inline tw_expr total(tw_expr e) {
  return tw_sum(e, TW_ALL, false);
}
static inline tw_expr entry(tw_expr theta, int64_t i) {
  return tw_reshape(tw_slice(theta, 0, i, 1, 1), TW_SCALAR);
}

/* Turns what the families below return into the optimal value, where they return the solution. */
static bool as_value;

static inline tw_expr solution_by(tw_problem *p, const char *method, bool value) {
  const tw_nested *nested = tw_nested_close(p, method, &error);
  if (!nested) fail_msg("%s", error.message);
  tw_problem_free(p);
  return value || as_value ? tw_optimal_value(nested) : tw_nested_variable(tw_argmin(nested), nested, 0);
}
static inline tw_expr solution(tw_problem *p, bool value) {
  return solution_by(p, NULL, value);
}

/* min |A w - b theta_0|^2 + exp(theta_1) |w|^2 + theta_2 sum w */
static inline tw_problem *ridge_problem(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(4)), a = constant(g, 1, TW_SHAPE(9, 4)),
          b = constant(g, 2, TW_SHAPE(9));
  tw_expr r = tw_sub(tw_matmul(a, w), tw_mul(b, entry(theta, 0)));
  tw_problem_minimize(
      p, NULL,
      tw_add(tw_add(total(tw_square(r)), tw_mul(tw_exp(entry(theta, 1)), total(tw_square(w)))),
             tw_mul(entry(theta, 2), total(w))));
  return p;
}
static inline tw_expr ridge(tw_graph *g, tw_expr theta) {
  return solution(ridge_problem(g, theta), false);
}
static inline tw_expr ridge_value(tw_graph *g, tw_expr theta) {
  return solution(ridge_problem(g, theta), true);
}

/* min |A w - b - theta_0 a_0|^2 / 2 + exp(theta_1) |w|_1, some w_i = 0 */
static inline tw_expr lasso(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(6)), a = constant(g, 3, TW_SHAPE(20, 6)),
          b = constant(g, 4, TW_SHAPE(20));
  tw_expr r = tw_sub(tw_matmul(a, w), tw_add(b, tw_mul(constant(g, 5, TW_SHAPE(20)), entry(theta, 0))));
  const tw_regularizer_kind *l1 = tw_regularizer_find("l1");
  assert_non_null(l1);
  tw_problem_minimize(p, NULL,
                      tw_add(tw_scale(total(tw_square(r)), 0.5), tw_mul(tw_scale(tw_exp(entry(theta, 1)), 5),
                                                                        tw_regularizer(g, l1, w, 0, NULL))));
  return solution(p, false);
}

/* max mu'w - exp(theta_0) w'Sw / 2 on the simplex of size 1 + theta_1^2 */
static inline tw_problem *portfolio_problem(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(5)), a = constant(g, 6, TW_SHAPE(5, 5)),
          mu = constant(g, 7, TW_SHAPE(5));
  tw_expr s = tw_add(tw_matmul(tw_matrix_transpose(a), a), tw_eye(g, TW_F64, 5, 5));
  tw_expr size = tw_add(tw_scalar(g, 1), tw_square(entry(theta, 1)));
  tw_problem_domain(p, w, tw_domain_make(g, tw_domain_find("simplex"), TW_SHAPE(5), 1, &size));
  mu = tw_add(tw_scale(mu, 4), tw_mul(entry(theta, 2), constant(g, 8, TW_SHAPE(5))));
  tw_problem_maximize(
      p, NULL,
      tw_sub(tw_dot(mu, w), tw_scale(tw_mul(tw_exp(entry(theta, 0)), tw_dot(w, tw_matmul(s, w))), 0.5)));
  return p;
}
static inline tw_expr portfolio(tw_graph *g, tw_expr theta) {
  return solution(portfolio_problem(g, theta), false);
}
static inline tw_expr portfolio_value(tw_graph *g, tw_expr theta) {
  return solution(portfolio_problem(g, theta), true);
}

/* min w'Qw/2 + c(theta)'w subject to A w == theta-dependent, and an inactive and an active inequality */
static inline tw_problem *program(tw_graph *g, tw_expr theta, bool inequalities) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(4)), m = constant(g, 9, TW_SHAPE(4, 4));
  tw_expr q = tw_add(tw_matmul(tw_matrix_transpose(m), m), tw_eye(g, TW_F64, 4, 4));
  tw_expr c = tw_add(constant(g, 10, TW_SHAPE(4)), tw_mul(entry(theta, 0), constant(g, 11, TW_SHAPE(4))));
  tw_problem_minimize(p, NULL, tw_add(tw_scale(tw_dot(w, tw_matmul(q, w)), 0.5), tw_dot(c, w)));
  tw_expr rhs = tw_sin(entry(theta, 1)), sum = tw_sub(total(w), rhs), zero = tw_scalar(g, 0);
  tw_problem_subject(p, "sum", sum, zero, zero);
  if (inequalities) {
    tw_expr first = tw_reshape(tw_slice(w, 0, 0, 1, 1), TW_SCALAR),
            last = tw_reshape(tw_slice(w, 0, 3, 1, 1), TW_SCALAR);
    tw_problem_subject(p, "active", tw_sub(first, tw_scale(entry(theta, 2), 0.2)), tw_scalar(g, 1), TW_NONE);
    tw_problem_subject(p, "inactive", last, TW_NONE, tw_scalar(g, 100));
  }
  return p;
}
static inline tw_expr equality_qp(tw_graph *g, tw_expr theta) {
  return solution(program(g, theta, false), false);
}
static inline tw_expr inequality_qp(tw_graph *g, tw_expr theta) {
  return solution(program(g, theta, true), false);
}
static inline tw_expr inequality_value(tw_graph *g, tw_expr theta) {
  return solution(program(g, theta, true), true);
}

/* The same quadratic with bounds that move, one of them active. */
static inline tw_problem *bounded_problem(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(4)), m = constant(g, 9, TW_SHAPE(4, 4));
  tw_expr q = tw_add(tw_matmul(tw_matrix_transpose(m), m), tw_eye(g, TW_F64, 4, 4));
  tw_expr c = tw_add(constant(g, 10, TW_SHAPE(4)), tw_mul(entry(theta, 0), constant(g, 11, TW_SHAPE(4))));
  tw_problem_minimize(p, NULL, tw_add(tw_scale(tw_dot(w, tw_matmul(q, w)), 0.5), tw_dot(c, w)));
  tw_problem_bounds(p, w, tw_scale(tw_sin(entry(theta, 1)), 0.3), TW_NONE);
  return p;
}
static inline tw_expr bounded(tw_graph *g, tw_expr theta) {
  return solution(bounded_problem(g, theta), false);
}
static inline tw_expr bounded_value(tw_graph *g, tw_expr theta) {
  return solution(bounded_problem(g, theta), true);
}

/* Logistic regression with penalty exp(theta_0) and shifted labels. */
static inline tw_expr logistic(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(3)), x = constant(g, 12, TW_SHAPE(30, 3));
  tw_expr y = tw_sign(tw_add(constant(g, 13, TW_SHAPE(30)), tw_matmul(x, constant(g, 14, TW_SHAPE(3)))));
  tw_expr z = tw_mul(y, tw_add(tw_matmul(x, w), entry(theta, 1)));
  tw_problem_minimize(p, NULL,
                      tw_add(tw_mean(tw_softplus(tw_neg(z)), TW_ALL, false),
                             tw_mul(tw_exp(entry(theta, 0)), total(tw_square(w)))));
  return solution(p, false);
}

/* z = tanh(0.4 W z / |W| + u(theta)) */
static inline tw_expr equilibrium(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr z = tw_problem_variable(p, "z", TW_SHAPE(5)), w = constant(g, 15, TW_SHAPE(5, 5));
  tw_expr u = tw_matmul(constant(g, 16, TW_SHAPE(5, D)), theta);
  tw_problem_fixpoint(p, z, tw_tanh(tw_add(tw_scale(tw_matmul(w, z), 0.15), u)));
  return solution(p, false);
}

/* x^3 + x - A theta = 0 coupled */
static inline tw_expr root(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(4)), a = constant(g, 17, TW_SHAPE(4, D)),
          m = constant(g, 18, TW_SHAPE(4, 4));
  tw_expr r = tw_sub(tw_add(tw_mul(x, tw_square(x)), tw_add(tw_scale(x, 3), tw_scale(tw_matmul(m, x), 0.3))),
                     tw_matmul(a, theta));
  tw_problem_subject(p, "r", r, tw_scalar(g, 0), tw_scalar(g, 0));
  tw_problem_root(p);
  return solution(p, false);
}

/* min |A w - b|^2 / 2 + exp(theta_1) (3 |w|_1 + exp(theta_0) |w|^2 / 2), some w_i = 0 */
static inline tw_expr elastic_net(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(6)), a = constant(g, 3, TW_SHAPE(20, 6)),
          b = constant(g, 4, TW_SHAPE(20));
  tw_expr r = tw_sub(tw_matmul(a, w), tw_add(b, tw_mul(constant(g, 5, TW_SHAPE(20)), entry(theta, 2))));
  tw_expr ratio = tw_exp(entry(theta, 0)),
          net = tw_regularizer(g, tw_regularizer_find("elastic_net"), w, 1, &ratio);
  tw_problem_minimize(
      p, NULL, tw_add(tw_scale(total(tw_square(r)), 0.5), tw_mul(tw_scale(tw_exp(entry(theta, 1)), 5), net)));
  return solution(p, false);
}

/* Groups of two, of which one vanishes. */
static inline tw_expr group_lasso(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(3, 2)), a = constant(g, 3, TW_SHAPE(20, 6)),
          b = constant(g, 4, TW_SHAPE(20));
  tw_expr r =
      tw_sub(tw_matmul(a, tw_ravel(w)), tw_add(b, tw_mul(constant(g, 5, TW_SHAPE(20)), entry(theta, 0))));
  tw_expr norms = tw_regularizer(g, tw_regularizer_find("group_l2"), w, 0, NULL);
  tw_problem_minimize(
      p, NULL,
      tw_add(tw_scale(total(tw_square(r)), 0.5), tw_mul(tw_scale(tw_exp(entry(theta, 1)), 9), norms)));
  return solution(p, false);
}

/* Lasso between bounds: coordinates off the support, at a bound that moves with theta_2, and free ones. */
static inline tw_expr bounded_lasso(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(6)), a = constant(g, 3, TW_SHAPE(20, 6)),
          b = constant(g, 4, TW_SHAPE(20));
  tw_expr r = tw_sub(tw_matmul(a, w), tw_add(b, tw_mul(constant(g, 5, TW_SHAPE(20)), entry(theta, 0))));
  tw_expr l1 = tw_regularizer(g, tw_regularizer_find("l1"), w, 0, NULL);
  tw_problem_bounds(p, w, tw_scale(tw_exp(entry(theta, 2)), -0.08), tw_scalar(g, 0.1));
  tw_problem_minimize(
      p, NULL, tw_add(tw_scale(total(tw_square(r)), 0.5), tw_mul(tw_scale(tw_exp(entry(theta, 1)), 3), l1)));
  return solution(p, false);
}

/* Matrix completion by the nuclear norm, to a matrix of lower rank; and the largest entry as a penalty. */
static inline tw_expr penalized_matrix(tw_graph *g, tw_expr theta, const char *penalty, double weight) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(3, 3)),
          seen = tw_gt(constant(g, 24, TW_SHAPE(3, 3)), tw_scalar(g, -1));
  tw_expr target =
      tw_add(constant(g, 25, TW_SHAPE(3, 3)), tw_mul(entry(theta, 0), constant(g, 26, TW_SHAPE(3, 3))));
  tw_expr gap = tw_where(seen, tw_sub(w, target), tw_scale(w, 0.3));
  tw_expr r = tw_regularizer(g, tw_regularizer_find(penalty), w, 0, NULL);
  tw_problem_minimize(
      p, NULL,
      tw_add(tw_scale(total(tw_square(gap)), 0.5), tw_mul(tw_scale(tw_exp(entry(theta, 1)), weight), r)));
  return solution(p, false);
}
static inline tw_expr low_rank(tw_graph *g, tw_expr theta) {
  return penalized_matrix(g, theta, "nuclear", 1.2);
}
static inline tw_expr flat_matrix(tw_graph *g, tw_expr theta) {
  return penalized_matrix(g, theta, "linf", 1.2);
}

/* A quadratic on a ball whose radius moves; the ball is active. */
static inline tw_expr on_ball(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(4)), radius = tw_scale(tw_exp(entry(theta, 1)), 0.4);
  tw_expr gap =
      tw_sub(w, tw_add(constant(g, 10, TW_SHAPE(4)), tw_mul(entry(theta, 0), constant(g, 11, TW_SHAPE(4)))));
  tw_expr m = constant(g, 9, TW_SHAPE(4, 4)),
          q = tw_add(tw_matmul(tw_matrix_transpose(m), m), tw_eye(g, TW_F64, 4, 4));
  tw_problem_domain(p, w, tw_domain_make(g, tw_domain_find("ball"), TW_SHAPE(4), 1, &radius));
  tw_problem_minimize(p, NULL, tw_scale(tw_dot(gap, tw_matmul(q, gap)), 0.5));
  return solution(p, false);
}

/* The portfolio with no share above a cap, and within a ball of the l1 norm. */
static inline tw_expr on_set(tw_graph *g, tw_expr theta, const char *set, int n, const tw_expr *param) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(5)), a = constant(g, 6, TW_SHAPE(5, 5)),
          mu = constant(g, 7, TW_SHAPE(5));
  tw_expr s = tw_add(tw_matmul(tw_matrix_transpose(a), a), tw_eye(g, TW_F64, 5, 5));
  tw_problem_domain(p, w, tw_domain_make(g, tw_domain_find(set), TW_SHAPE(5), n, param));
  mu = tw_add(tw_scale(mu, 4), tw_mul(entry(theta, 2), constant(g, 8, TW_SHAPE(5))));
  tw_problem_minimize(
      p, NULL,
      tw_sub(tw_scale(tw_mul(tw_exp(entry(theta, 0)), tw_dot(w, tw_matmul(s, w))), 0.5), tw_dot(mu, w)));
  return solution(p, false);
}
static inline tw_expr on_capped_simplex(tw_graph *g, tw_expr theta) {
  tw_expr cap = tw_scale(tw_exp(entry(theta, 1)), 0.6), param[] = {tw_scalar(g, 0), cap, tw_scalar(g, 1)};
  return on_set(g, theta, "capped_simplex", 3, param);
}
static inline tw_expr on_l1_ball(tw_graph *g, tw_expr theta) {
  tw_expr radius = tw_exp(entry(theta, 1));
  return on_set(g, theta, "l1_ball", 1, &radius);
}
static inline tw_expr cut_simplex(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(5)),
          mu = tw_add(constant(g, 7, TW_SHAPE(5)), entry(theta, 2));
  tw_problem_domain(p, w, tw_domain_make(g, tw_domain_find("simplex"), TW_SHAPE(5), 0, NULL));
  tw_problem_bounds(p, w, TW_NONE, tw_scale(tw_exp(entry(theta, 1)), 0.6));
  tw_expr total_cost = tw_sub(tw_mul(tw_exp(entry(theta, 0)), total(tw_square(w))), tw_dot(mu, w));
  tw_problem_minimize(p, NULL, total_cost);
  return solution(p, false);
}
/* A simplex under a constraint that is active. */
static inline tw_expr constrained_simplex(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(5)), mu = constant(g, 7, TW_SHAPE(5)),
          risk = constant(g, 8, TW_SHAPE(5));
  tw_problem_domain(p, w, tw_domain_make(g, tw_domain_find("simplex"), TW_SHAPE(5), 0, NULL));
  tw_problem_minimize(p, NULL, tw_sub(tw_mul(tw_exp(entry(theta, 0)), total(tw_square(w))), tw_dot(mu, w)));
  tw_problem_subject(p, "risk", tw_dot(risk, w), TW_NONE, tw_scale(entry(theta, 1), 2));
  return solution(p, false);
}
/* Bounds and constraints together, in two variables of other shapes. */
static inline tw_expr two_variables(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr a = tw_problem_variable(p, "a", TW_SHAPE(2, 2)), b = tw_problem_variable(p, "b", TW_SCALAR);
  tw_expr target =
      tw_add(constant(g, 27, TW_SHAPE(2, 2)), tw_mul(entry(theta, 0), constant(g, 28, TW_SHAPE(2, 2))));
  tw_expr gap = tw_add(tw_sub(a, target), tw_mul(b, constant(g, 29, TW_SHAPE(2, 2))));
  tw_problem_bounds(p, a, tw_scale(entry(theta, 1), 0.2), TW_NONE);
  tw_problem_minimize(
      p, NULL, tw_add(total(tw_square(gap)), tw_add(tw_square(b), tw_scale(total(tw_square(a)), 0.1))));
  tw_problem_subject(p, "even", tw_sub(tw_sum(a, 1, false), tw_scale(tw_exp(entry(theta, 2)), 0.1)), TW_NONE,
                     tw_scalar(g, 0));
  return tw_add(solution(p, false), tw_exp(entry(theta, 2)));
}
static inline tw_expr in_halfspace(tw_graph *g, tw_expr theta) {
  tw_expr param[] = {constant(g, 8, TW_SHAPE(5)), tw_scale(entry(theta, 1), 0.5)};
  return on_set(g, theta, "halfspace", 2, param);
}

/* sum_i w_i^power + (w_i - c_i(theta))^2 / 2 with w >= 0: derivatives of w^power from some order on are
 * infinite in the coordinates that stay at 0. */
static inline tw_expr with_power(tw_graph *g, tw_expr theta, double power, const char *method, bool value) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(4)), m = constant(g, 9, TW_SHAPE(4, 4));
  tw_expr q = tw_add(tw_scale(tw_matmul(tw_matrix_transpose(m), m), 0.1), tw_eye(g, TW_F64, 4, 4));
  tw_expr c = tw_add(constant(g, 10, TW_SHAPE(4)), tw_mul(entry(theta, 0), constant(g, 11, TW_SHAPE(4))));
  tw_expr powers = tw_mul(tw_exp(entry(theta, 1)), total(tw_pow(w, tw_scalar(g, power))));
  tw_problem_bounds(p, w, tw_scalar(g, 0), TW_NONE);
  tw_problem_start(p, w, tw_scalar(g, 1));
  tw_problem_minimize(p, NULL,
                      tw_sub(tw_add(powers, tw_scale(tw_dot(w, tw_matmul(q, w)), 0.5)),
                             tw_mul(tw_add(tw_scalar(g, 1), tw_square(entry(theta, 2))), tw_dot(c, w))));
  return solution_by(p, method, value);
}
static inline tw_expr infinite_curvature(tw_graph *g, tw_expr theta) {
  return with_power(g, theta, 1.5, "lbfgsb:tol=1e-13", false);
}
static inline tw_expr infinite_curvature_value(tw_graph *g, tw_expr theta) {
  return with_power(g, theta, 1.5, "lbfgsb:tol=1e-13", true);
}
static inline tw_expr infinite_curvature_in_loop(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(4)), k = tw_input(g, "k", TW_I64, TW_SCALAR),
          wk = tw_take(w, 1, &k);
  tw_expr c = tw_add(constant(g, 10, TW_SHAPE(4)), tw_mul(entry(theta, 0), constant(g, 11, TW_SHAPE(4))));
  tw_expr power = tw_mul(tw_exp(entry(theta, 1)), tw_pow(wk, tw_scalar(g, 1.5)));
  tw_expr each = tw_add(power, tw_square(tw_sub(wk, tw_mul(tw_take(c, 1, &k), tw_exp(entry(theta, 2))))));
  tw_problem_bounds(p, w, tw_scalar(g, 0), TW_NONE);
  tw_problem_start(p, w, tw_scalar(g, 1));
  tw_problem_minimize(p, NULL, tw_add(tw_loop_sum(k, 4, each), tw_log1p(total(tw_square(w)))));
  return solution_by(p, "lbfgsb:tol=1e-13", false);
}
static inline tw_expr infinite_third_derivative(tw_graph *g, tw_expr theta) {
  return with_power(g, theta, 2.5, NULL, false);
}

/* The weights of the outer ridge problem pull towards the solution of the inner one. */
static inline tw_expr two_levels(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(4)), inner = ridge(g, tw_add(theta, tw_scalar(g, 0.1)));
  tw_expr r = tw_sub(tw_matmul(constant(g, 20, TW_SHAPE(7, 4)), w), constant(g, 21, TW_SHAPE(7)));
  tw_problem_minimize(
      p, NULL,
      tw_add(total(tw_square(r)), tw_mul(tw_exp(entry(theta, 2)), total(tw_square(tw_sub(w, inner))))));
  return solution(p, false);
}

/* argmin inside argmin: the inner problem depends on the outer one's variable.
 *   min_w |w - c|^2 + |v*(w) - theta_1|^2,   v*(w) = argmin_v sum log cosh(v - M w) + exp(theta_0) |v|^2 */
static inline tw_expr in_each_other(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g), *lower = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(2)), v = tw_problem_variable(lower, "v", TW_SHAPE(3));
  tw_expr gap = tw_sub(v, tw_matmul(constant(g, 22, TW_SHAPE(3, 2)), w)), one = tw_scalar(g, 1);
  tw_expr cosh = tw_sqrt(tw_add(one, tw_square(gap)));
  tw_problem_minimize(lower, NULL, tw_add(total(cosh), tw_mul(tw_exp(entry(theta, 0)), total(tw_square(v)))));
  tw_expr best = solution(lower, false);
  tw_expr near = total(tw_square(tw_sub(w, tw_mul(constant(g, 23, TW_SHAPE(2)), tw_exp(entry(theta, 2))))));
  tw_problem_minimize(p, NULL, tw_add(near, total(tw_square(tw_sub(best, entry(theta, 1))))));
  return solution(p, false);
}

/* ------------------------------------------------------------------ compiled once, called often */

typedef struct compiled {
  tw_fn *fn;
  tw_work *work;
} compiled;

static inline compiled compile(tw_expr theta, int n, const tw_expr *out) {
  compiled c;
  tw_exec exec = {.threads = 1, .inner_tolerance = 1e-13};
  if (tw_graph_check(theta.graph, &error) != TW_OK) fail_msg("%s", error.message);
  assert_ok(tw_fn_new(&c.fn, 1, &theta, n, out, NULL, &error));
  assert_ok(tw_work_new(&c.work, c.fn, &error));
  tw_work_exec(c.work, &exec);
  return c;
}

static inline void call(compiled c, const double *theta, void *const *out) {
  assert_ok(tw_fn_call(c.fn, c.work, (const void *[]){theta}, out, 0, &error));
}

static inline void done(compiled c) {
  tw_work_free(c.work);
  tw_fn_free(c.fn);
}

#endif
