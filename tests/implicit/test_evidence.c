/* What stands behind implicit derivatives: degenerate solutions, singular systems and inner solves that fail
 * are told, with the reason; regular ones are not. */
#include "problems.h"

typedef struct judged {
  tw_status status;
  tw_evidence evidence;
  double derivative;
} judged;

/* The derivative of the sum of s(theta) at theta, and its evidence. */
static judged judge(tw_expr (*state)(tw_graph *, tw_expr), double theta) {
  tw_graph *g = tw_graph_new();
  tw_expr t = tw_input(g, "theta", TW_F64, TW_SCALAR), slope = tw_grad(total(state(g, t)), t);
  compiled c = compile(t, 1, &slope);
  judged j = {0};
  error = (tw_error){0};
  tw_work_exec(c.work, &(tw_exec){.threads = 1});
  j.status = tw_fn_call(c.fn, c.work, (const void *[]){&theta}, (void *[]){&j.derivative}, 0, &error);
  if (j.status == TW_OK) tw_work_evidence(c.work, &j.evidence);
  done(c);
  tw_graph_free(g);
  return j;
}

static void expect_good(tw_expr (*state)(tw_graph *, tw_expr), double theta) {
  judged j = judge(state, theta);
  if (j.status != TW_OK) fail_msg("%s", error.message);
  if (!j.evidence.reliable) fail_msg("at %g: %s", theta, j.evidence.message);
  assert_string_equal(j.evidence.message, "");
  assert_true(j.evidence.solves > 0 && j.evidence.inner_residual <= 1e-8 &&
              j.evidence.linear_residual <= 1e-8);
}

static void expect_bad(tw_expr (*state)(tw_graph *, tw_expr), double theta, const char *why) {
  judged j = judge(state, theta);
  if (j.status != TW_OK) fail_msg("%s", error.message);
  if (j.evidence.reliable) fail_msg("at %g taken for reliable; expected \"%s\"", theta, why);
  if (!strstr(j.evidence.message, why)) fail_msg("\"%s\" does not contain \"%s\"", j.evidence.message, why);
}

static void expect_failure(tw_expr (*state)(tw_graph *, tw_expr), double theta, tw_status status,
                           const char *why) {
  judged j = judge(state, theta);
  if (j.status != status) fail_msg("%s, expected %s", tw_status_name(j.status), tw_status_name(status));
  assert_non_null(strstr(error.message, "argmin: the inner problem was not solved"));
  if (!strstr(error.message, why)) fail_msg("\"%s\" does not contain \"%s\"", error.message, why);
}

/* ------------------------------------------------------------------ degenerate solutions, at theta = 0 */

static tw_expr vector(tw_graph *g, int64_t n, const double *x) {
  tw_array a = tw_array_f64((double *)(uintptr_t)x, TW_SHAPE(n));
  return tw_constant(g, &a);
}

/* The nearest point of a set (NULL: of the bounds) to a + theta b. */
static tw_expr nearest(tw_graph *g, tw_expr theta, const char *set, int n_param, const tw_expr *param,
                       int64_t n, const double *a, const double *b) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(n)),
          gap = tw_sub(x, tw_add(vector(g, n, a), tw_mul(theta, vector(g, n, b))));
  if (set)
    tw_problem_domain(p, x, tw_domain_make(g, tw_domain_find(set), TW_SHAPE(n), n_param, param));
  else
    tw_problem_bounds(p, x, tw_scalar(g, 0), tw_scalar(g, 1));
  tw_problem_minimize(p, NULL, tw_scale(total(tw_square(gap)), 0.5));
  return solution(p, false);
}

static tw_expr at_bound(tw_graph *g, tw_expr theta) {
  return nearest(g, theta, NULL, 0, NULL, 3, (double[]){0.5, 0, -1}, (double[]){1, 1, 1});
}
static tw_expr simplex(tw_graph *g, tw_expr theta) {
  return nearest(g, theta, "simplex", 0, NULL, 3, (double[]){0.7, 0.3, 0}, (double[]){0, 0, 1});
}
static tw_expr capped_simplex(tw_graph *g, tw_expr theta) {
  tw_expr param[] = {tw_scalar(g, 0.1), tw_scalar(g, 0.6), tw_scalar(g, 1)};
  return nearest(g, theta, "capped_simplex", 3, param, 3, (double[]){0.9, 0.3, 0.1}, (double[]){0, -1, 1});
}
static tw_expr ball(tw_graph *g, tw_expr theta) {
  return nearest(g, theta, "ball", 0, NULL, 2, (double[]){0.6, 0.8}, (double[]){1, 0.3});
}
static tw_expr l1_ball(tw_graph *g, tw_expr theta) {
  return nearest(g, theta, "l1_ball", 0, NULL, 2, (double[]){0.25, -0.75}, (double[]){1, 0.3});
}
static tw_expr l1_epigraph(tw_graph *g, tw_expr theta) {
  return nearest(g, theta, "l1_epigraph", 0, NULL, 3, (double[]){0.25, -0.75, 1}, (double[]){1, 0.3, 0.2});
}
static tw_expr halfspace(tw_graph *g, tw_expr theta) {
  tw_expr param[] = {vector(g, 2, (double[]){3, 4}), tw_scalar(g, 5)};
  return nearest(g, theta, "halfspace", 2, param, 2, (double[]){0.6, 0.8}, (double[]){1, 1});
}

/* min |x - a - theta|^2 / 2 + penalty, with the first entry, group or singular value at the kink where theta
 * = 0. */
static tw_expr penalized(tw_graph *g, tw_expr theta, const char *penalty, const double *a) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(2, 2)),
          target = tw_reshape(vector(g, 4, a), TW_SHAPE(2, 2));
  tw_expr gap = tw_sub(x, tw_add(target, tw_mul(theta, tw_eye(g, TW_F64, 2, 2))));
  tw_expr r = tw_regularizer(g, tw_regularizer_find(penalty), x, 0, NULL);
  tw_problem_minimize(p, NULL, tw_add(tw_scale(total(tw_square(gap)), 0.5), r));
  return solution(p, false);
}
static tw_expr l1(tw_graph *g, tw_expr theta) {
  return penalized(g, theta, "l1", (double[]){1, 3, 0, -2});
}
static tw_expr group_l2(tw_graph *g, tw_expr theta) {
  return penalized(g, theta, "group_l2", (double[]){0.6, 0.8, 2, 2});
}
static tw_expr nuclear(tw_graph *g, tw_expr theta) {
  return penalized(g, theta, "nuclear", (double[]){1, 0, 0, 3});
}
static tw_expr linf(tw_graph *g, tw_expr theta) {
  return penalized(g, theta, "linf", (double[]){3, 2, 0, 1});
}

static tw_expr semidefinite(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(2, 2)), target = tw_diag(vector(g, 2, (double[]){2, 0}));
  tw_expr gap = tw_sub(x, tw_add(target, tw_mul(theta, tw_eye(g, TW_F64, 2, 2))));
  tw_problem_domain(p, x, tw_domain_make(g, tw_domain_find("psd"), TW_SHAPE(2, 2), 0, NULL));
  tw_problem_minimize(p, NULL, total(tw_square(gap)));
  return solution(p, false);
}

/* min (x - theta)^2 + y^2 subject to x <= 0: the multiplier is 0 at theta = 0. */
static tw_expr inequality(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SCALAR), y = tw_problem_variable(p, "y", TW_SCALAR);
  tw_problem_minimize(p, NULL, tw_add(tw_square(tw_sub(x, theta)), tw_square(y)));
  tw_problem_subject(p, "c", x, TW_NONE, tw_scalar(g, 0));
  return solution(p, false);
}

static void weakly_active_constraints_are_told(void **state) {
  (void)state;
  tw_expr (*const cases[])(tw_graph *, tw_expr) = {at_bound,     simplex,   capped_simplex, ball,    l1_ball,
                                                   l1_epigraph,  halfspace,    l1,        group_l2,       nuclear, linf,
                                                   semidefinite, inequality};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect_bad(cases[i], 0, "the solution is degenerate");
    expect_good(cases[i], 0.05);
    expect_good(cases[i], -0.05);
  }
}

/* A set from outside the library: its kinks are found by differences. */
static tw_expr own_project(tw_expr x, const tw_expr *param) {
  (void)param;
  return tw_relu(x);
}
static const tw_domain_kind own_set = {
    .name = "own", .summary = "x >= 0", .params = "", .convex = true, .project = own_project};
static tw_expr on_own_set(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(2)),
          gap = tw_sub(x, tw_add(vector(g, 2, (double[]){0, 1}), theta));
  tw_problem_domain(p, x, tw_domain_make(g, &own_set, TW_SHAPE(2), 0, NULL));
  tw_problem_minimize(p, NULL, total(tw_square(gap)));
  return solution(p, false);
}
static void kinks_of_unknown_sets_are_found(void **state) {
  (void)state;
  expect_bad(on_own_set, 0, "the solution is degenerate");
  expect_good(on_own_set, 0.1);
  expect_good(on_own_set, -0.1);
}

/* ------------------------------------------------------------------ singular */

/* x^4 - theta x, from a start that does not hit 0. */
static tw_expr quartic(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SCALAR);
  tw_problem_start(p, x, tw_scalar(g, 1));
  tw_problem_minimize(p, NULL, tw_sub(tw_square(tw_square(x)), tw_mul(theta, x)));
  return solution(p, false);
}
static tw_expr quartic_exactly(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SCALAR);
  tw_problem_minimize(p, NULL, tw_sub(tw_square(tw_square(x)), tw_mul(theta, x)));
  return solution(p, false);
}
static tw_expr triple_root(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SCALAR), zero = tw_scalar(g, 0);
  tw_problem_start(p, x, tw_scalar(g, 1));
  tw_problem_subject(p, NULL, tw_sub(tw_mul(x, tw_square(x)), theta), zero, zero);
  tw_problem_root(p);
  return solution(p, false);
}
/* min theta (x + y), x + y >= 1, x, y >= 0: a whole edge is optimal. */
static tw_expr edge(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(2));
  tw_problem_bounds(p, x, tw_scalar(g, 0), TW_NONE);
  tw_problem_minimize(p, NULL, tw_mul(theta, total(x)));
  tw_problem_subject(p, "c", total(x), tw_scalar(g, 1), TW_NONE);
  return solution(p, false);
}
/* A least-squares problem whose matrix has dependent columns. */
static tw_expr flat_valley(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(2));
  tw_problem_minimize(p, NULL, tw_square(tw_sub(total(x), theta)));
  return solution(p, false);
}
/* The same equation twice. */
static tw_expr dependent_rows(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(2));
  tw_problem_minimize(p, NULL, total(tw_square(x)));
  tw_problem_subject(p, "a", total(x), theta, theta);
  tw_problem_subject(p, "b", tw_scale(total(x), 2), tw_scale(theta, 2), tw_scale(theta, 2));
  return solution(p, false);
}

static void singular_solutions_are_told(void **state) {
  (void)state;
  expect_bad(quartic, 0, "singular at the solution");
  expect_good(quartic, 1);
  expect_bad(triple_root, 0, "singular at the solution");
  expect_good(triple_root, 1);
  expect_bad(edge, 1, "nearly singular");
  expect_bad(flat_valley, 1, "not isolated");
  expect_bad(dependent_rows, 1, "nearly singular");
  judged j = judge(quartic_exactly, 0);
  assert_int_equal(j.status, TW_ERR_SINGULAR);
  assert_non_null(strstr(error.message, "singular"));
}

/* Values alone do not depend on how the solution moves. */
static tw_expr edge_value(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(2));
  tw_problem_bounds(p, x, tw_scalar(g, 0), TW_NONE);
  tw_problem_minimize(p, NULL, tw_mul(theta, total(x)));
  tw_problem_subject(p, "c", total(x), tw_scalar(g, 1), TW_NONE);
  return solution(p, true);
}
static void optimal_values_need_no_isolated_solution(void **state) {
  (void)state;
  expect_good(edge_value, 1);
  assert_close(judge(edge_value, 1).derivative, 1, 1e-8);
}

/* ------------------------------------------------------------------ inner solves that fail, or nearly so */

/* min 50 (y - x^2)^2 + (theta - x)^2 by gradient descent with a limit on its iterations. */
static tw_expr limited(tw_graph *g, tw_expr theta, const char *method) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SCALAR), y = tw_problem_variable(p, "y", TW_SCALAR);
  tw_problem_minimize(p, NULL, tw_add(tw_scale(tw_square(tw_sub(y, x)), 5), tw_square(tw_sub(theta, x))));
  return solution_by(p, method, false);
}
static tw_expr far_from_solved(tw_graph *g, tw_expr theta) {
  return limited(g, theta, "gd:max_iter=3");
}
static tw_expr nearly_solved(tw_graph *g, tw_expr theta) {
  return limited(g, theta, "gd:max_iter=1000000,tol=1e-6");
}

static void solves_cut_short_are_told(void **state) {
  (void)state;
  expect_failure(far_from_solved, 1, TW_ERR_LIMIT,
                 "gd ended with \"iteration limit\" (limit of 3 iterations reached)");
  /* To 1e-6 is what was asked for, and is not enough for derivatives. */
  expect_bad(nearly_solved, 1, "the inner problem is solved to");
  /* One iteration less than the method needs: close, but cut short. */
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SCALAR);
  bool met = false;
  for (int limit = 1; limit < 400 && !met; limit++) {
    char method[64];
    snprintf(method, sizeof method, "gd:max_iter=%d", limit);
    tw_expr slope = tw_grad(total(limited(g, theta, method)), theta);
    compiled c = compile(theta, 1, &slope);
    double at = 1, out;
    tw_evidence evidence;
    tw_work_exec(c.work, NULL);
    if (tw_fn_call(c.fn, c.work, (const void *[]){&at}, (void *[]){&out}, 0, &error) == TW_OK) {
      tw_work_evidence(c.work, &evidence);
      assert_false(evidence.reliable);
      assert_non_null(strstr(evidence.message, "argmin: gd was cut short (iteration limit)"));
      met = true;
    }
    done(c);
  }
  assert_true(met);
  tw_graph_free(g);
}

static tw_expr infeasible(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(2));
  tw_problem_minimize(p, NULL, total(tw_square(tw_sub(x, theta))));
  tw_problem_subject(p, "a", total(x), tw_scalar(g, 2), TW_NONE);
  tw_problem_subject(p, "b", total(x), TW_NONE, tw_scalar(g, 1));
  return solution(p, false);
}
static tw_expr unbounded(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SCALAR);
  tw_problem_minimize(p, NULL, tw_mul(theta, x));
  return solution(p, false);
}
static tw_expr undefined(tw_graph *g, tw_expr theta) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SCALAR);
  tw_problem_minimize(p, NULL, tw_mul(tw_square(tw_sub(x, theta)), tw_log(tw_sub(theta, tw_scalar(g, 2)))));
  return solution(p, false);
}

static void failed_inner_solves_give_their_reason(void **state) {
  (void)state;
  expect_failure(infeasible, 1, TW_ERR_INFEASIBLE, "every point violates the constraints");
  expect_failure(unbounded, 1, TW_ERR_UNBOUNDED, "no finite minimum");
  expect_failure(undefined, 1, TW_ERR_NUMERIC, "not finite");
}

/* ------------------------------------------------------------------ sensitivities at a solution */

static tw_evidence sensitivity_at(double theta, int64_t max_iter, double *dx) {
  tw_graph *g = tw_graph_new();
  tw_problem *p = tw_problem_new(g);
  tw_array value = tw_array_f64(&theta, TW_SCALAR);
  tw_expr t = tw_problem_parameter(p, "t", &value), x = tw_problem_variable(p, "x", TW_SHAPE(2));
  tw_problem_bounds(p, x, tw_scalar(g, 0), TW_NONE);
  tw_problem_start(p, x, tw_scalar(g, 3));
  tw_expr gap = tw_sub(x, tw_add(vector(g, 2, (double[]){0, 1}), t));
  tw_problem_minimize(p, NULL, tw_add(total(tw_square(gap)), total(tw_square(tw_square(gap)))));
  tw_result r;
  tw_evidence evidence;
  double df;
  assert_ok(tw_solve_problem(p, &(tw_solve_options){.max_iter = max_iter, .tolerance = 1e-12}, &r, &error));
  assert_ok(tw_sensitivity(p, &r, "t", &df, dx, &evidence, &error));
  tw_result_free(&r);
  tw_problem_free(p);
  tw_graph_free(g);
  return evidence;
}

static void sensitivities_are_judged(void **state) {
  (void)state;
  double dx[2];
  tw_evidence good = sensitivity_at(0.5, 0, dx), degenerate = sensitivity_at(0, 0, dx),
              early = sensitivity_at(0.5, 2, dx);
  assert_true(good.reliable && good.inner_residual <= 1e-9 && good.complementarity_gap > 0.1);
  assert_false(degenerate.reliable);
  assert_non_null(strstr(degenerate.message, "degenerate"));
  assert_false(early.reliable);
  assert_non_null(strstr(early.message, "was cut short (iteration limit)"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(weakly_active_constraints_are_told),
      cmocka_unit_test(kinks_of_unknown_sets_are_found),
      cmocka_unit_test(singular_solutions_are_told),
      cmocka_unit_test(optimal_values_need_no_isolated_solution),
      cmocka_unit_test(solves_cut_short_are_told),
      cmocka_unit_test(failed_inner_solves_give_their_reason),
      cmocka_unit_test(sensitivities_are_judged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
