/* Systems too large to be assembled: derivatives by products alone, against closed forms; and singular ones
 * are told. */
#include "problems.h"

enum { N = 1200 };

typedef struct answer {
  tw_status status;
  double x[N], dx[N];
  tw_evidence evidence;
} answer;

/* x(theta) and dx / dtheta at 1.5. */
static answer *differentiate(tw_expr (*state)(tw_graph *, tw_expr)) {
  answer *a = calloc(1, sizeof *a);
  assert_non_null(a);
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SCALAR), x = state(g, theta),
          out[2] = {x, tw_jacobian(x, theta)};
  const double at = 1.5;
  compiled c = compile(theta, 2, out);
  tw_work_exec(c.work, &(tw_exec){.inner_tolerance = 1e-12});
  error = (tw_error){0};
  a->status = tw_fn_call(c.fn, c.work, (const void *[]){&at}, (void *[]){a->x, a->dx}, 0, &error);
  if (a->status == TW_OK) tw_work_evidence(c.work, &a->evidence);
  done(c);
  tw_graph_free(g);
  return a;
}

static tw_expr spread(tw_graph *g) { /* 1 .. 50 */
  return tw_add(tw_scalar(g, 1), tw_scale(tw_iota(g, TW_F64, N), 49.0 / (N - 1)));
}

/* min x'(D + u u'/N)x / 2 - theta b'x: x = theta (..)^-1 b. */
static tw_expr quadratic(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(N)), u = tw_dot(constant(g, 1, TW_SHAPE(N)), x);
  tw_expr f = tw_add(tw_dot(spread(g), tw_square(x)), tw_scale(tw_square(u), 1.0 / N));
  tw_problem_minimize(p, NULL,
                      tw_sub(tw_scale(f, 0.5), tw_mul(theta, tw_dot(constant(g, 2, TW_SHAPE(N)), x))));
  return solution(p, false);
}
/* The same subject to sum(x) == theta: indefinite. */
static tw_expr constrained(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(N)), b = tw_dot(constant(g, 2, TW_SHAPE(N)), x);
  tw_problem_minimize(p, NULL, tw_sub(tw_scale(tw_dot(spread(g), tw_square(x)), 0.5), tw_mul(theta, b)));
  tw_problem_subject(p, "sum", total(x), theta, theta);
  return solution(p, false);
}
/* x = theta (S x / 2 + b), S a shift: not symmetric. */
static tw_expr fixed_point(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(N)), b = constant(g, 3, TW_SHAPE(N));
  tw_expr head = tw_slice(x, 0, 0, N - 1, 1),
          shifted = tw_concat(2, (tw_expr[]){tw_fill(g, TW_F64, TW_SHAPE(1), 0), head}, 0);
  tw_problem_fixpoint(p, x, tw_add(tw_scale(shifted, 0.5), tw_mul(theta, b)));
  return solution(p, false);
}
/* Only the sum is determined. */
static tw_expr valley(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(N));
  tw_problem_minimize(p, NULL, tw_square(tw_sub(tw_scale(total(x), 1.0 / N), theta)));
  return solution(p, false);
}

/* All three are linear in theta: dx / dtheta = x / theta. */
static void derivatives_by_products(void **state) {
  (void)state;
  tw_expr (*const cases[])(tw_graph *, tw_expr) = {quadratic, constrained, fixed_point};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    answer *a = differentiate(cases[i]);
    if (a->status != TW_OK) fail_msg("%s", error.message);
    if (!a->evidence.reliable) fail_msg("case %zu: %s", i, a->evidence.message);
    assert_true(a->evidence.linear_residual <= 1e-10);
    double largest = 0;
    for (int k = 0; k < N; k++) {
      largest = fmax(largest, fabs(a->x[k]));
      assert_close(a->dx[k], a->x[k] / 1.5, 1e-8);
    }
    assert_true(largest > 1e-3);
    free(a);
  }
}

static void singular_systems_are_told(void **state) {
  (void)state;
  answer *a = differentiate(valley);
  if (a->status != TW_OK) fail_msg("%s", error.message);
  assert_false(a->evidence.reliable);
  assert_non_null(strstr(a->evidence.message, "singular at the solution"));
  free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(derivatives_by_products),
      cmocka_unit_test(singular_systems_are_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
