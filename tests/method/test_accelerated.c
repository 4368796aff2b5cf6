/* Anderson acceleration of other methods, FIRE, Nesterov's momentum: what they save, where they end. */
#include "composite.h"

#include <unistd.h>

static int64_t iterations(const tw_oracle *oracle, const char *method, double optimum, double tolerance) {
  tw_result r = solve(oracle, method);
  print_message("%-64s %6lld iterations, %6lld gradients, f %.12g, %s\n", method,
                (long long)r.iterations, (long long)r.counts.gradient, r.f, r.message);
  assert_int_equal(r.outcome, TW_SOLVED);
  assert_near(r.f, optimum, tolerance);
  const int64_t count = r.iterations;
  tw_result_free(&r);
  return count;
}

/* The quadratic of condition 1e6 in less than a tenth, and nowhere more than 1.5 times. */
static void smooth(void **state) {
  (void)state;
  const struct {
    int function;
    double most;
    const char *inner, *accelerated;
  } cases[] = {
      {4, 0.1, "accelerated_gradient:accelerate=0,growth=1,polish=0,tol=1e-2,max_iter=10000000", "anderson_accelerated:tol=1e-2"},
      {1, 1.5, "gd", "anderson_accelerated:inner=gd,frequency=2"},
      {2, 0.5, "gd", "anderson_accelerated:inner=gd,ridge=1e-5"},
      {0, 0.5, "accelerated_gradient:accelerate=0,growth=1,polish=0", "anderson_accelerated"},
      {3, 1.5, "gd", "anderson_accelerated:inner=gd,frequency=2"},
      {1, 1.5, "lbfgs", "anderson_accelerated:inner=lbfgs"},
      {0, 1.5, "ncg", "anderson_accelerated:inner=ncg,history=2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const function *fn = &functions[cases[i].function];
    const tw_oracle oracle = function_oracle(fn);
    const int64_t alone = iterations(&oracle, cases[i].inner, fn->optimum, i == 0 ? 2 : 1e-4);
    const int64_t both = iterations(&oracle, cases[i].accelerated, fn->optimum, i == 0 ? 2 : 1e-4);
    if (!((double)both <= cases[i].most * (double)alone)) fail_msg("%lld iterations, %lld alone", (long long)both, (long long)alone);
  }
}

static void nonsmooth(void **state) {
  (void)state;
  composite lasso = {.weight = 5, .penalty = l1_penalty, .prox = l1_prox}, simplex = {.weight = 1, .project = simplex_project};
  composite_random(&lasso, 60, 50, 21);
  composite_random(&simplex, 20, 9, 9);
  tw_oracle first = composite_oracle(&lasso, false), second = composite_oracle(&simplex, false);
  tw_result best = solve(&first, "proximal_gradient");
  const int64_t plain = iterations(&first, "proximal_gradient:accelerate=0,growth=1", best.f, 1e-9);
  assert_true(2 * iterations(&first, "anderson_accelerated", best.f, 1e-9) < plain);
  tw_result_free(&best);
  best = solve(&second, "projected_gradient");
  const int64_t projected = iterations(&second, "projected_gradient:accelerate=0,growth=1", best.f, 1e-9);
  assert_true(2 * iterations(&second, "anderson_accelerated", best.f, 1e-9) <= 3 * projected);
  tw_result_free(&best);
  composite_free(&lasso);
  composite_free(&simplex);
}

static void fire_and_momentum(void **state) {
  (void)state;
  for (int i = 0; i < FUNCTIONS; i++) {
    const tw_oracle oracle = function_oracle(&functions[i]);
    const bool stiff = i == 4; /* curvatures up to 1e6: FIRE's time step has to be told */
    iterations(&oracle, stiff ? "fire:dt=1e-4,dt_max=1e-3,max_iter=1000000" : "fire:dt=0.01,dt_max=0.05", functions[i].optimum, 1e-4);
    iterations(&oracle, "accelerated_gradient", functions[i].optimum, 1e-4);
  }
}

static void resumed_equals_uninterrupted(void **state) {
  (void)state;
  static const char *const methods[] = {"anderson_accelerated", "anderson_accelerated:inner=gd,frequency=2", "fire:dt=0.01,dt_max=0.05",
                                        "accelerated_gradient"};
  const tw_oracle oracle = function_oracle(&functions[0]);
  char path[] = "/tmp/talweg-accelerated-XXXXXX";
  const int file = mkstemp(path);
  assert_true(file >= 0);
  close(file);
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
    for (int stop = 1; stop <= 64; stop *= 4) {
      const tw_solve_options options = {.method = methods[i]};
      tw_error error = {0};
      tw_solver *whole, *first, *second;
      assert_int_equal(tw_solver_new(&whole, &oracle, NULL, &options, &error), TW_OK);
      assert_int_equal(tw_solver_new(&first, &oracle, NULL, &options, &error), TW_OK);
      assert_int_equal(tw_solver_new(&second, &oracle, NULL, &options, &error), TW_OK);
      for (int k = 0; k < stop; k++) tw_solver_step(first);
      if (tw_solver_save(first, path, &error) != TW_OK || tw_solver_load(second, path, &error) != TW_OK) fail_msg("%s", error.message);
      while (tw_solver_step(whole) == TW_RUNNING) {}
      while (tw_solver_step(second) == TW_RUNNING) {}
      tw_result a, b;
      assert_int_equal(tw_solver_result(whole, &a, NULL), TW_OK);
      assert_int_equal(tw_solver_result(second, &b, NULL), TW_OK);
      if (a.iterations != b.iterations || memcmp(a.x, b.x, 2 * sizeof(double)) != 0) fail_msg("%s stopped after %d", methods[i], stop);
      tw_result_free(&a);
      tw_result_free(&b);
      tw_solver_free(whole);
      tw_solver_free(first);
      tw_solver_free(second);
    }
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(smooth), cmocka_unit_test(nonsmooth), cmocka_unit_test(fire_and_momentum),
                                     cmocka_unit_test(resumed_equals_uninterrupted)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
