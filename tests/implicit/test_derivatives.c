/* Derivatives through argmin, root, fixpoint and min: Jacobians, gradients, Hessians and Hessian products of
 * solutions against central differences of whole solves, on problems of every kind of optimality condition.
 */
#include "problems.h"

static void check(const char *name, tw_expr (*solve)(tw_graph *, tw_expr), const double *at,
                  double tolerance) {
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(D)), v = constant(g, 30, TW_SHAPE(D));
  tw_expr s = solve(g, theta);
  int64_t n = tw_size_of(s);
  tw_expr f = tw_add(total(tw_mul(s, tw_add(constant(g, 31, tw_shape_of(s)), s))), total(tw_square(theta)));
  tw_expr out[5] = {s, tw_jacobian(s, theta), tw_grad(f, theta), tw_hessian(f, theta), tw_hvp(f, theta, v)};
  double sv[16], jacobian[16 * D], gradient[D], hessian[D * D], hv[D], up[16], down[16], gu[D], gd[D],
      h = 1e-5;
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
        fail_msg("%s: d s[%d] / d theta[%d] = %.10g, difference %.10g", name, (int)i, j, implicit,
                 difference);
    }
    for (int i = 0; i < D; i++) {
      double difference = (gu[i] - gd[i]) / (2 * h), implicit = hessian[i * D + j];
      if (!(fabs(difference - implicit) <= 10 * tolerance * fmax(1, fabs(difference))))
        fail_msg("%s: d2 f / d theta[%d] d theta[%d] = %.10g, difference %.10g", name, i, j, implicit,
                 difference);
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

#define CASE(name, tolerance)                                                                                \
  static void test_##name(void **state) {                                                                    \
    (void)state;                                                                                             \
    check(#name, name, here, tolerance);                                                                     \
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
  tw_expr theta = tw_input(g, "l", TW_F64, TW_SCALAR), a = constant(g, 1, TW_SHAPE(9, 4)),
          b = constant(g, 2, TW_SHAPE(9));
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
  assert_fails(tw_fn_call(c.fn, c.work, (const void *[]){&at}, (void *[]){&out}, 0, &error), TW_ERR_SINGULAR,
               "singular");
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
      cmocka_unit_test(test_ridge),
      cmocka_unit_test(test_ridge_value),
      cmocka_unit_test(test_lasso),
      cmocka_unit_test(test_portfolio),
      cmocka_unit_test(test_portfolio_value),
      cmocka_unit_test(test_equality_qp),
      cmocka_unit_test(test_inequality_qp),
      cmocka_unit_test(test_inequality_value),
      cmocka_unit_test(test_bounded),
      cmocka_unit_test(test_bounded_value),
      cmocka_unit_test(test_logistic),
      cmocka_unit_test(test_equilibrium),
      cmocka_unit_test(test_root),
      cmocka_unit_test(ridge_in_closed_form),
      cmocka_unit_test(a_singular_solution_is_refused),
      cmocka_unit_test(a_failed_inner_solve_is_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
