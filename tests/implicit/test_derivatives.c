/* Derivatives through argmin, root, fixpoint and min: Jacobians, gradients, Hessians and Hessian products of solutions
 * against central differences of whole solves, on problems of every kind of optimality condition. */
#include "test.h"

#include <talweg/implicit.h>

static tw_error error;

enum { D = 3 }; /* entries of theta */

static tw_expr constant(tw_graph *g, uint64_t key, tw_shape shape) {
  tw_array a;
  assert_ok(tw_array_new(&a, TW_F64, shape, &error));
  tw_random_normal_fill(key, 0, (size_t)tw_shape_size(&shape), a.data);
  tw_expr e = tw_constant(g, &a);
  tw_array_free(&a);
  return e;
}

static tw_expr total(tw_expr e) { return tw_sum(e, TW_ALL, false); }
static tw_expr entry(tw_expr theta, int64_t i) { return tw_reshape(tw_slice(theta, 0, i, 1, 1), TW_SCALAR); }

static tw_expr solution(tw_problem *p, bool value) {
  const tw_nested *nested = tw_nested_close(p, NULL, &error);
  if (!nested) fail_msg("%s", error.message);
  tw_problem_free(p);
  return value ? tw_optimal_value(nested) : tw_nested_variable(tw_argmin(nested), nested, 0);
}

/* min |A w - b theta_0|^2 + exp(theta_1) |w|^2 + theta_2 sum w */
static tw_problem *ridge_problem(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(4)), a = constant(g, 1, TW_SHAPE(9, 4)), b = constant(g, 2, TW_SHAPE(9));
  tw_expr r = tw_sub(tw_matmul(a, w), tw_mul(b, entry(theta, 0)));
  tw_problem_minimize(p, NULL, tw_add(tw_add(total(tw_square(r)), tw_mul(tw_exp(entry(theta, 1)), total(tw_square(w)))),
                                      tw_mul(entry(theta, 2), total(w))));
  return p;
}
static tw_expr ridge(tw_graph *g, tw_expr theta) { return solution(ridge_problem(g, theta), false); }
static tw_expr ridge_value(tw_graph *g, tw_expr theta) { return solution(ridge_problem(g, theta), true); }

/* min |A w - b - theta_0 a_0|^2 / 2 + exp(theta_1) |w|_1, some w_i = 0 */
static tw_expr lasso(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(6)), a = constant(g, 3, TW_SHAPE(20, 6)), b = constant(g, 4, TW_SHAPE(20));
  tw_expr r = tw_sub(tw_matmul(a, w), tw_add(b, tw_mul(constant(g, 5, TW_SHAPE(20)), entry(theta, 0))));
  const tw_regularizer_kind *l1 = tw_regularizer_find("l1");
  assert_non_null(l1);
  tw_problem_minimize(p, NULL, tw_add(tw_scale(total(tw_square(r)), 0.5),
                                      tw_mul(tw_scale(tw_exp(entry(theta, 1)), 5), tw_regularizer(g, l1, w, 0, NULL))));
  return solution(p, false);
}

/* max mu'w - exp(theta_0) w'Sw / 2 on the simplex of size 1 + theta_1^2 */
static tw_problem *portfolio_problem(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(5)), a = constant(g, 6, TW_SHAPE(5, 5)), mu = constant(g, 7, TW_SHAPE(5));
  tw_expr s = tw_add(tw_matmul(tw_matrix_transpose(a), a), tw_eye(g, TW_F64, 5, 5));
  tw_expr size = tw_add(tw_scalar(g, 1), tw_square(entry(theta, 1)));
  tw_problem_domain(p, w, tw_domain_make(g, tw_domain_find("simplex"), TW_SHAPE(5), 1, &size));
  mu = tw_add(mu, tw_mul(entry(theta, 2), constant(g, 8, TW_SHAPE(5))));
  tw_problem_maximize(p, NULL, tw_sub(tw_dot(mu, w), tw_scale(tw_mul(tw_exp(entry(theta, 0)), tw_dot(w, tw_matmul(s, w))), 0.5)));
  return p;
}
static tw_expr portfolio(tw_graph *g, tw_expr theta) { return solution(portfolio_problem(g, theta), false); }
static tw_expr portfolio_value(tw_graph *g, tw_expr theta) { return solution(portfolio_problem(g, theta), true); }

/* min w'Qw/2 + c(theta)'w subject to A w == theta-dependent, and an inactive and an active inequality */
static tw_problem *program(tw_graph *g, tw_expr theta, bool inequalities) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(4)), m = constant(g, 9, TW_SHAPE(4, 4));
  tw_expr q = tw_add(tw_matmul(tw_matrix_transpose(m), m), tw_eye(g, TW_F64, 4, 4));
  tw_expr c = tw_add(constant(g, 10, TW_SHAPE(4)), tw_mul(entry(theta, 0), constant(g, 11, TW_SHAPE(4))));
  tw_problem_minimize(p, NULL, tw_add(tw_scale(tw_dot(w, tw_matmul(q, w)), 0.5), tw_dot(c, w)));
  tw_expr rhs = tw_sin(entry(theta, 1)), sum = tw_sub(total(w), rhs), zero = tw_scalar(g, 0);
  tw_problem_subject(p, "sum", sum, zero, zero);
  if (inequalities) {
    tw_expr first = tw_reshape(tw_slice(w, 0, 0, 1, 1), TW_SCALAR), last = tw_reshape(tw_slice(w, 0, 3, 1, 1), TW_SCALAR);
    tw_problem_subject(p, "active", tw_sub(first, tw_scale(entry(theta, 2), 0.2)), tw_scalar(g, 1), TW_NONE);
    tw_problem_subject(p, "inactive", last, TW_NONE, tw_scalar(g, 100));
  }
  return p;
}
static tw_expr equality_qp(tw_graph *g, tw_expr theta) { return solution(program(g, theta, false), false); }
static tw_expr inequality_qp(tw_graph *g, tw_expr theta) { return solution(program(g, theta, true), false); }
static tw_expr inequality_value(tw_graph *g, tw_expr theta) { return solution(program(g, theta, true), true); }

/* The same quadratic with bounds that move, one of them active. */
static tw_problem *bounded_problem(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(4)), m = constant(g, 9, TW_SHAPE(4, 4));
  tw_expr q = tw_add(tw_matmul(tw_matrix_transpose(m), m), tw_eye(g, TW_F64, 4, 4));
  tw_expr c = tw_add(constant(g, 10, TW_SHAPE(4)), tw_mul(entry(theta, 0), constant(g, 11, TW_SHAPE(4))));
  tw_problem_minimize(p, NULL, tw_add(tw_scale(tw_dot(w, tw_matmul(q, w)), 0.5), tw_dot(c, w)));
  tw_problem_bounds(p, w, tw_scale(tw_sin(entry(theta, 1)), 0.3), TW_NONE);
  return p;
}
static tw_expr bounded(tw_graph *g, tw_expr theta) { return solution(bounded_problem(g, theta), false); }
static tw_expr bounded_value(tw_graph *g, tw_expr theta) { return solution(bounded_problem(g, theta), true); }

/* Logistic regression with penalty exp(theta_0) and shifted labels. */
static tw_expr logistic(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(3)), x = constant(g, 12, TW_SHAPE(30, 3));
  tw_expr y = tw_sign(tw_add(constant(g, 13, TW_SHAPE(30)), tw_matmul(x, constant(g, 14, TW_SHAPE(3)))));
  tw_expr z = tw_mul(y, tw_add(tw_matmul(x, w), entry(theta, 1)));
  tw_problem_minimize(p, NULL, tw_add(tw_mean(tw_softplus(tw_neg(z)), TW_ALL, false), tw_mul(tw_exp(entry(theta, 0)), total(tw_square(w)))));
  return solution(p, false);
}

/* z = tanh(0.4 W z / |W| + u(theta)) */
static tw_expr equilibrium(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr z = tw_problem_variable(p, "z", TW_SHAPE(5)), w = constant(g, 15, TW_SHAPE(5, 5));
  tw_expr u = tw_matmul(constant(g, 16, TW_SHAPE(5, D)), theta);
  tw_problem_fixpoint(p, z, tw_tanh(tw_add(tw_scale(tw_matmul(w, z), 0.15), u)));
  return solution(p, false);
}

/* x^3 + x - A theta = 0 coupled */
static tw_expr root(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(4)), a = constant(g, 17, TW_SHAPE(4, D)), m = constant(g, 18, TW_SHAPE(4, 4));
  tw_expr r = tw_sub(tw_add(tw_mul(x, tw_square(x)), tw_add(tw_scale(x, 3), tw_scale(tw_matmul(m, x), 0.3))), tw_matmul(a, theta));
  tw_problem_subject(p, "r", r, tw_scalar(g, 0), tw_scalar(g, 0));
  tw_problem_root(p);
  return solution(p, false);
}

/* ------------------------------------------------------------------ the checks */

typedef struct compiled {
  tw_fn *fn;
  tw_work *work;
} compiled;

static compiled compile(tw_expr theta, int n, const tw_expr *out) {
  compiled c;
  tw_exec exec = {.threads = 1, .inner_tolerance = 1e-13};
  if (tw_graph_check(theta.graph, &error) != TW_OK) fail_msg("%s", error.message);
  assert_ok(tw_fn_new(&c.fn, 1, &theta, n, out, NULL, &error));
  assert_ok(tw_work_new(&c.work, c.fn, &error));
  tw_work_exec(c.work, &exec);
  return c;
}

static void call(compiled c, const double *theta, void *const *out) {
  assert_ok(tw_fn_call(c.fn, c.work, (const void *[]){theta}, out, 0, &error));
}

static void done(compiled c) {
  tw_work_free(c.work);
  tw_fn_free(c.fn);
}

static void check(const char *name, tw_expr (*solve)(tw_graph *, tw_expr), const double *at, double tolerance) {
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(D)), v = constant(g, 30, TW_SHAPE(D));
  tw_expr s = solve(g, theta);
  int64_t n = tw_size_of(s);
  tw_expr f = tw_add(total(tw_mul(s, tw_add(constant(g, 31, tw_shape_of(s)), s))), total(tw_square(theta)));
  tw_expr out[5] = {s, tw_jacobian(s, theta), tw_grad(f, theta), tw_hessian(f, theta), tw_hvp(f, theta, v)};
  double sv[16], jacobian[16 * D], gradient[D], hessian[D * D], hv[D], up[16], down[16], gu[D], gd[D], h = 1e-5;
  compiled all = compile(theta, 5, out), some = compile(theta, 2, (tw_expr[]){s, tw_grad(f, theta)});
  call(all, at, (void *[]){sv, jacobian, gradient, hessian, hv});
  tw_evidence evidence;
  tw_work_evidence(all.work, &evidence);
  if (!evidence.reliable) fail_msg("%s: %s", name, evidence.message);
  assert_true(evidence.solves > 0);
  double vv[D];
  tw_random_normal_fill(30, 0, D, vv);
  for (int j = 0; j < D; j++) {
    double moved[D];
    memcpy(moved, at, sizeof moved);
    moved[j] = at[j] + h;
    call(some, moved, (void *[]){up, gu});
    moved[j] = at[j] - h;
    call(some, moved, (void *[]){down, gd});
    for (int64_t i = 0; i < n; i++) {
      double difference = (up[i] - down[i]) / (2 * h), implicit = jacobian[i * D + j];
      if (!(fabs(difference - implicit) <= tolerance * fmax(1, fabs(difference))))
        fail_msg("%s: d s[%d] / d theta[%d] = %.10g, difference %.10g", name, (int)i, j, implicit, difference);
    }
    for (int i = 0; i < D; i++) {
      double difference = (gu[i] - gd[i]) / (2 * h), implicit = hessian[i * D + j];
      if (!(fabs(difference - implicit) <= 10 * tolerance * fmax(1, fabs(difference))))
        fail_msg("%s: d2 f / d theta[%d] d theta[%d] = %.10g, difference %.10g", name, i, j, implicit, difference);
    }
  }
  for (int i = 0; i < D; i++) {
    double want = 0;
    for (int j = 0; j < D; j++) want += hessian[i * D + j] * vv[j];
    assert_close(hv[i], want, 1e-8);
  }
  done(all);
  done(some);
  tw_graph_free(g);
}

static const double here[D] = {0.7, -0.4, 0.3};

#define CASE(name, tolerance)                                                                                          \
  static void test_##name(void **state) {                                                                              \
    (void)state;                                                                                                       \
    check(#name, name, here, tolerance);                                                                               \
  }
CASE(ridge, 1e-7)
CASE(ridge_value, 1e-7)
CASE(lasso, 1e-6)
CASE(portfolio, 1e-6)
CASE(portfolio_value, 1e-6)
CASE(equality_qp, 1e-6)
CASE(inequality_qp, 1e-6)
CASE(inequality_value, 1e-6)
CASE(bounded, 1e-6)
CASE(bounded_value, 1e-6)
CASE(logistic, 1e-6)
CASE(equilibrium, 1e-6)
CASE(root, 1e-6)

/* Ridge in closed form: dw/dl = -(A'A + l I)^-1 w for the penalty l |w|^2. */
static void ridge_in_closed_form(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "l", TW_F64, TW_SCALAR), a = constant(g, 1, TW_SHAPE(9, 4)), b = constant(g, 2, TW_SHAPE(9));
  tw_problem *p = tw_problem_new(g);
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(4)), r = tw_sub(tw_matmul(a, w), b);
  tw_problem_minimize(p, NULL, tw_add(total(tw_square(r)), tw_mul(theta, total(tw_square(w)))));
  tw_expr s = solution(p, false), at = tw_matrix_transpose(a);
  tw_expr h = tw_add(tw_matmul(at, a), tw_mul(theta, tw_eye(g, TW_F64, 4, 4)));
  tw_expr exact = tw_linear_solve(h, tw_matmul(at, b)), slope = tw_neg(tw_linear_solve(h, exact));
  tw_expr out[4] = {s, tw_jacobian(s, theta), exact, slope};
  double v[4][4], l = 0.3;
  compiled c = compile(theta, 4, out);
  call(c, &l, (void *[]){v[0], v[1], v[2], v[3]});
  for (int i = 0; i < 4; i++) {
    assert_close(v[0][i], v[2][i], 1e-10);
    assert_close(v[1][i], v[3][i], 1e-8);
  }
  done(c);
  tw_graph_free(g);
}

/* x^4 - theta x at theta = 0: the Hessian is singular at the solution, the derivative does not exist. */
static void a_singular_solution_is_refused(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SCALAR);
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SCALAR);
  tw_problem_minimize(p, NULL, tw_sub(tw_square(tw_square(x)), tw_mul(theta, x)));
  tw_expr slope = tw_grad(solution(p, false), theta);
  compiled c = compile(theta, 1, &slope);
  double at = 0, out;
  assert_fails(tw_fn_call(c.fn, c.work, (const void *[]){&at}, (void *[]){&out}, 0, &error), TW_ERR_SINGULAR, "singular");
  done(c);
  tw_graph_free(g);
}

/* An inner problem without an optimum is reported with the inner method's reason. */
static void a_failed_inner_solve_is_reported(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SCALAR);
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SCALAR);
  tw_problem_minimize(p, NULL, tw_mul(tw_exp(theta), x));
  tw_expr s = solution(p, false);
  compiled c = compile(theta, 1, &s);
  double at = 0, out;
  error = (tw_error){0};
  assert_true(tw_fn_call(c.fn, c.work, (const void *[]){&at}, (void *[]){&out}, 0, &error) != TW_OK);
  assert_non_null(strstr(error.message, "argmin: the inner problem was not solved"));
  done(c);
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ridge),           cmocka_unit_test(test_ridge_value),      cmocka_unit_test(test_lasso),
      cmocka_unit_test(test_portfolio),       cmocka_unit_test(test_portfolio_value),  cmocka_unit_test(test_equality_qp),
      cmocka_unit_test(test_inequality_qp),   cmocka_unit_test(test_inequality_value), cmocka_unit_test(test_bounded),
      cmocka_unit_test(test_bounded_value),   cmocka_unit_test(test_logistic),         cmocka_unit_test(test_equilibrium),
      cmocka_unit_test(test_root),            cmocka_unit_test(ridge_in_closed_form),  cmocka_unit_test(a_singular_solution_is_refused),
      cmocka_unit_test(a_failed_inner_solve_is_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
