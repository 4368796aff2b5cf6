/* Descent methods: a run that is saved and gone on with elsewhere, and a run on other numbers of threads,
 * give the same bits. */
#include "test.h"

#include "functions.h"

static const char *const methods[] = {"gd",
                                      "ncg",
                                      "bfgs",
                                      "lbfgs",
                                      "lbfgs:memory=1",
                                      "lbfgs:memory=3",
                                      "lbfgs:linesearch=armijo",
                                      "lbfgs:linesearch=hager-zhang",
                                      "lbfgsb",
                                      "newton_cg",
                                      "tron:dense=0"};
enum { METHODS = sizeof methods / sizeof *methods };

static tw_solver *open_solver(const tw_oracle *oracle, const double *x0, const tw_solve_options *options) {
  tw_solver *solver;
  tw_error error = {0};
  assert_ok(tw_solver_new(&solver, oracle, x0, options, &error));
  return solver;
}

static tw_result finish(tw_solver *solver) {
  tw_result r;
  while (tw_solver_step(solver) == TW_RUNNING) {}
  assert_int_equal(tw_solver_result(solver, &r, NULL), TW_OK);
  tw_solver_free(solver);
  return r;
}

static void assert_same(const tw_result *a, const tw_result *b, const char *method) {
  if (a->iterations != b->iterations || a->counts.gradient != b->counts.gradient ||
      a->outcome != b->outcome || memcmp(a->x, b->x, (size_t)a->n * sizeof(double)) != 0)
    fail_msg("%s: %lld iterations and %lld; %s and %s", method, (long long)a->iterations,
             (long long)b->iterations, a->message, b->message);
  assert_same_bits(a->f, b->f);
}

static void resumed_equals_uninterrupted(void **state) {
  (void)state;
  char folder[64], path[96];
  test_folder_make(folder);
  snprintf(path, sizeof path, "%s/run", folder);
  const tw_oracle oracle = function_oracle(&functions[3]);
  for (int i = 0; i < METHODS; i++)
    for (int stop = 0; stop <= 27; stop += 3) {
      tw_error error = {0};
      const tw_solve_options options = {.method = methods[i], .max_iter = 60};
      tw_result whole = finish(open_solver(&oracle, NULL, &options));
      tw_solver *first = open_solver(&oracle, NULL, &options), *fresh = open_solver(&oracle, NULL, &options),
                *used = open_solver(&oracle, NULL, &options);
      for (int k = 0; k < stop; k++) tw_solver_step(first);
      assert_ok(tw_solver_save(first, path, &error));
      for (int k = 0; k < 7; k++) tw_solver_step(used); /* what it knows must not matter */
      assert_ok(tw_solver_load(fresh, path, &error));
      assert_ok(tw_solver_load(used, path, &error));
      tw_progress at, loaded;
      tw_solver_progress(first, &at);
      tw_solver_progress(used, &loaded);
      assert_memory_equal(at.x, loaded.x, (size_t)at.n * sizeof(double));
      tw_solver *const all[] = {first, fresh, used};
      for (int k = 0; k < 3; k++) {
        tw_result r = finish(all[k]);
        assert_same(&r, &whole, methods[i]);
        tw_result_free(&r);
      }
      tw_result_free(&whole);
    }
  assert_int_equal(test_folder_remove(folder), 1);
}

static void same_bits_whatever_the_threads(void **state) {
  (void)state;
  const function wide = {
      "extended rosenbrock", 140002, rosenbrock_f, rosenbrock_hvp, {-1.2, 1, 2, -3}, 4, 0, 0, 0, 0};
  const tw_oracle oracle = function_oracle(&wide);
  for (int i = 0; i < METHODS; i++) {
    if (strcmp(methods[i], "bfgs") == 0) continue; /* n x n numbers */
    tw_result serial = finish(open_solver(
        &oracle, NULL, &(tw_solve_options){.method = methods[i], .max_iter = 4, .exec.threads = 1}));
    for (int threads = 2; threads <= 2; threads++) {
      tw_result r = finish(open_solver(
          &oracle, NULL, &(tw_solve_options){.method = methods[i], .max_iter = 4, .exec.threads = threads}));
      assert_same(&r, &serial, methods[i]);
      tw_result_free(&r);
    }
    tw_result_free(&serial);
  }
}

/* Separable, with a third of the variables held at their bound in the end. */
static tw_status bounded_gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  (void)error;
  const int64_t n = *(const int64_t *)context;
  long double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    const double weight = 1 + (double)(i % 50), d = x[i] - (double)(i % 3);
    sum += (long double)weight * (long double)(d * d + 0.1 * d * d * d * d);
    g[i] = weight * (2 * d + 0.4 * d * d * d);
  }
  *f = (double)sum;
  return TW_OK;
}

/* The minimiser of each variable is known: i % 3 clamped into [0.5, 1.5]. */
static void bounds_on_any_number_of_threads(void **state) {
  (void)state;
  for (int64_t n = 3; n < 200000; n = n * 40 + 2) {
    double *lower = malloc((size_t)n * sizeof *lower), *upper = malloc((size_t)n * sizeof *upper),
           *x0 = malloc((size_t)n * sizeof *x0);
    assert_true(lower && upper && x0);
    for (int64_t i = 0; i < n; i++) {
      lower[i] = 0.5;
      upper[i] = 1.5;
      x0[i] = 0.5 + 0.25 * (double)(i % 5);
    }
    const tw_oracle oracle = {.context = &n,
                              .n = n,
                              .offers = TW_VALUE | TW_GRADIENT | TW_BOUNDS,
                              .gradient = bounded_gradient,
                              .lower = lower,
                              .upper = upper};
    tw_result serial =
        finish(open_solver(&oracle, x0, &(tw_solve_options){.method = "lbfgsb", .exec.threads = 1}));
    assert_int_equal(serial.outcome, TW_SOLVED);
    for (int64_t i = 0; i < n; i++) assert_near(serial.x[i], fmin(fmax((double)(i % 3), 0.5), 1.5), 1e-6);
    tw_result r =
        finish(open_solver(&oracle, x0, &(tw_solve_options){.method = "lbfgsb", .exec.threads = 2}));
    assert_same(&r, &serial, "lbfgsb");
    tw_result_free(&r);
    tw_result_free(&serial);
    free(lower);
    free(upper);
    free(x0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(resumed_equals_uninterrupted),
                                     cmocka_unit_test(same_bits_whatever_the_threads),
                                     cmocka_unit_test(bounds_on_any_number_of_threads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
