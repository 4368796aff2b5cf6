/* Scans and nested problems in one another: steps that solve a problem, and problems about the end of a scan.
 */
#include "graph/evaluate.h"

#include <talweg/implicit.h>

static tw_error error;

/* ------------------------------------------------------------------ a problem in every step */

/* The backward Euler step of x' = -p x^3: the root z of z + h p z^3 = x. */
static tw_expr euler_step(tw_expr x, tw_expr p) {
  tw_graph *g = x.graph;
  tw_problem *problem = tw_problem_new(g);
  tw_expr z = tw_problem_variable(problem, "z", TW_SCALAR), cube = tw_mul(z, tw_square(z)),
          zero = tw_scalar(g, 0);
  tw_problem_start(problem, z, x);
  tw_problem_subject(problem, "step", tw_sub(tw_add(z, tw_scale(tw_mul(p, cube), 0.1)), x), zero, zero);
  tw_problem_root(problem);
  const tw_nested *nested = tw_nested_close(problem, NULL, &error);
  if (!nested) fail_msg("%s", error.message);
  tw_problem_free(problem);
  return tw_nested_variable(tw_argmin(nested), nested, 0);
}

static tw_expr euler(tw_expr x, tw_expr p, int64_t n, int64_t checkpoints) {
  tw_expr k = tw_input(x.graph, "k", TW_I64, TW_SCALAR), now = tw_input(x.graph, "x_k", TW_F64, TW_SCALAR);
  tw_expr next = euler_step(now, p);
  tw_scan_options options = {.checkpoints = checkpoints};
  return tw_scan_final(tw_scan(k, n, 1, &now, &x, &next, 0, NULL, &options), 0);
}

static void steps_may_solve_problems(void **state) {
  (void)state;
  enum { N = 5 };
  double at[2] = {1.5, 0.8}, r[2][5];
  for (int64_t checkpoints = 0; checkpoints <= 2; checkpoints++) {
    for (int unrolled = 0; unrolled < 2; unrolled++) {
      tw_graph *g = tw_graph_new();
      tw_expr in[2] = {tw_input(g, "x", TW_F64, TW_SCALAR), tw_input(g, "p", TW_F64, TW_SCALAR)}, e = in[0];
      tw_array value[2] = {tw_array_f64(&at[0], TW_SCALAR), tw_array_f64(&at[1], TW_SCALAR)};
      if (!unrolled) e = euler(in[0], in[1], N, checkpoints);
      for (int k = 0; k < N && unrolled; k++) e = euler_step(e, in[1]);
      tw_expr dp = tw_grad(e, in[1]);
      tw_expr all[5] = {e, dp, tw_grad(e, in[0]), tw_hvp(e, in[1], in[0]), tw_grad(dp, in[0])};
      tw_array v = evaluate_on("euler", 2, in, value, tw_stack(5, all, 0), 1);
      for (int i = 0; i < 5; i++) r[unrolled][i] = element(&v, i);
      tw_array_free(&v);
      tw_graph_free(g);
    }
    for (int i = 0; i < 5; i++) assert_close(r[0][i], r[1][i], 1e-7);
  }
}

/* z^2 = x - 1 at x' = x - 1: without a root from the fourth step on. */
static void a_step_without_solution_is_named(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), x = tw_input(g, "x_k", TW_F64, TW_SCALAR);
  tw_expr start = tw_input(g, "x", TW_F64, TW_SCALAR), zero = tw_scalar(g, 0), one = tw_scalar(g, 1);
  tw_problem *problem = tw_problem_new(g);
  tw_expr z = tw_problem_variable(problem, "z", TW_SCALAR);
  tw_problem_start(problem, z, one);
  tw_problem_subject(problem, "square", tw_sub(tw_square(z), tw_sub(x, one)), zero, zero);
  tw_problem_root(problem);
  const tw_nested *nested = tw_nested_close(problem, NULL, &error);
  assert_non_null(nested);
  tw_problem_free(problem);
  tw_expr root = tw_nested_variable(tw_argmin(nested), nested, 0),
          next = tw_sub(tw_add(x, tw_scale(root, 1e-3)), one);
  tw_expr end = tw_scan_final(tw_scan(k, 9, 1, &x, &start, &next, 0, NULL, NULL), 0);
  tw_fn *fn;
  tw_work *work;
  double at = 4.5, out;
  assert_ok(tw_fn_new(&fn, 1, &start, 1, &end, NULL, &error));
  assert_ok(tw_work_new(&work, fn, &error));
  tw_error failed = {0};
  assert_true(tw_fn_call(fn, work, (const void *[]){&at}, (void *[]){&out}, 0, &failed) != TW_OK);
  if (!strstr(failed.message, "scan: step 4: root: the inner problem was not solved"))
    fail_msg("%s", failed.message);
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ a problem about the end of a scan */

/* u = argmin (x_n - theta)^2 + lambda |u|^2 with x_{k+1} = a x_k + u_k: with g_k = a^{n-1-k},
 *   u = g (theta - a^n x_0) / (lambda + g'g),   du/dtheta = g / (lambda + g'g). */
static void controls_are_chosen(void **state) {
  (void)state;
  enum { N = 12 };
  const double a = 0.9, lambda = 0.3, x0 = 2, theta0 = 5;
  for (int64_t checkpoints = 0; checkpoints <= 3; checkpoints += 3) {
    tw_graph *g = tw_graph_new();
    tw_expr theta = tw_input(g, "theta", TW_F64, TW_SCALAR), k = tw_input(g, "k", TW_I64, TW_SCALAR);
    tw_expr now = tw_input(g, "x_k", TW_F64, TW_SCALAR), start = tw_scalar(g, x0);
    tw_problem *problem = tw_problem_new(g);
    tw_expr u = tw_problem_variable(problem, "u", TW_SHAPE(N));
    tw_expr next = tw_add(tw_scale(now, a), tw_take(u, 1, &k));
    tw_scan_options options = {.checkpoints = checkpoints};
    tw_expr end = tw_scan_final(tw_scan(k, N, 1, &now, &start, &next, 0, NULL, &options), 0);
    tw_problem_minimize(
        problem, NULL,
        tw_add(tw_square(tw_sub(end, theta)), tw_scale(tw_sum(tw_square(u), TW_ALL, false), lambda)));
    const tw_nested *nested = tw_nested_close(problem, "lbfgs:tol=1e-12", &error);
    if (!nested) fail_msg("%s", error.message);
    tw_problem_free(problem);
    tw_expr best = tw_nested_variable(tw_argmin(nested), nested, 0),
            all[2] = {best, tw_jacobian(best, theta)};
    tw_array value = tw_array_f64((double[]){theta0}, TW_SCALAR);
    tw_array r = evaluate_on("controls", 1, &theta, &value, tw_stack(2, all, 0), 1);
    double square = 0;
    for (int i = 0; i < N; i++) square += pow(a, 2 * i);
    for (int i = 0; i < N; i++) {
      double gain = pow(a, N - 1 - i) / (lambda + square);
      assert_close(element(&r, i), gain * (theta0 - pow(a, N) * x0), 1e-8);
      assert_close(element(&r, N + i), gain, 1e-8);
    }
    tw_array_free(&r);
    tw_graph_free(g);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_may_solve_problems),
      cmocka_unit_test(a_step_without_solution_is_named),
      cmocka_unit_test(controls_are_chosen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
