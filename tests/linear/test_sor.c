#include "linear/systems.h"

enum { SIDE = 12, N = SIDE * SIDE };
static const double pi = 3.14159265358979323846;

static tw_linear_result solve(double omega, tw_linear_options options) {
  tw_error error = {0};
  tw_linear_result result;
  tw_csc a = grid(SIDE, 4, 0);
  double *b = vector_random(1, N), *x = vector_new(N), *ax = vector_new(N);
  assert_ok(tw_sor(&a, b, x, omega, &options, &result, &error));
  tw_csc_apply(&a, x, ax);
  assert_close(distance(N, ax, b), result.residual, 1e-12);
  tw_csc_free(&a), free(b), free(x), free(ax);
  return result;
}

/* Young's omega = 2 / (1 + sin(pi / (side + 1))) beats Gauss-Seidel by an order of the grid. */
static void the_best_omega_is_best(void **state) {
  (void)state;
  const double best = 2 / (1 + sin(pi / (SIDE + 1)));
  const tw_linear_result optimal = solve(best, (tw_linear_options){0}),
                         seidel = solve(1, (tw_linear_options){0});
  assert_int_equal(optimal.reason, TW_LINEAR_CONVERGED);
  assert_int_equal(seidel.reason, TW_LINEAR_CONVERGED);
  assert_true(5 * optimal.iterations < seidel.iterations);
}

static void limits_and_precision_are_reported(void **state) {
  (void)state;
  assert_int_equal(solve(1, (tw_linear_options){.max_iter = 3}).reason, TW_LINEAR_LIMIT);
  const tw_linear_result result = solve(1.5, (tw_linear_options){.rtol = 1e-30, .max_iter = 100000});
  assert_int_equal(result.reason, TW_LINEAR_STAGNATED);
  assert_true(result.residual <= 1e-13 * result.rhs_norm && result.iterations < 5000);
}

/* Not definite: the sweeps diverge; x stays at the start. */
static void divergence_is_reported(void **state) {
  (void)state;
  tw_error error = {0};
  tw_linear_result result;
  const double dense[4] = {1, 5, 5, 1}, b[2] = {1, 1};
  tw_csc a = sparse_of(2, 2, dense);
  double x[2] = {0};
  assert_ok(tw_sor(&a, b, x, 1, &(tw_linear_options){.max_iter = 1000}, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_BREAKDOWN);
  assert_true(x[0] == 0 && x[1] == 0);
  tw_csc_free(&a);
}

static void bad_arguments_are_refused(void **state) {
  (void)state;
  tw_error error;
  tw_linear_result result;
  const double hollow[4] = {1, 2, 3, 0}, b[2] = {1, 1};
  double x[2] = {0};
  tw_csc a = sparse_of(2, 2, hollow), wide = sparse_of(1, 2, hollow);
  assert_fails(tw_sor(&a, b, x, 0, NULL, &result, &error), TW_ERR_ARGUMENT, "omega is 0");
  assert_fails(tw_sor(&a, b, x, 2, NULL, &result, &error), TW_ERR_ARGUMENT, "omega is 2");
  assert_fails(tw_sor(&a, b, x, NAN, NULL, &result, &error), TW_ERR_ARGUMENT, "omega");
  assert_fails(tw_sor(&a, b, x, 1, NULL, &result, &error), TW_ERR_SINGULAR, "diagonal entry 1");
  assert_fails(tw_sor(&wide, b, x, 1, NULL, &result, &error), TW_ERR_SHAPE, "1 x 2");
  assert_fails(tw_sor(NULL, b, x, 1, NULL, &result, &error), TW_ERR_ARGUMENT, "NULL");
  a.row[1] = 7;
  assert_fails(tw_sor(&a, b, x, 1, NULL, &result, &error), TW_ERR_RANGE, "row 7");
  tw_csc_free(&a), tw_csc_free(&wide);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_best_omega_is_best),
      cmocka_unit_test(limits_and_precision_are_reported),
      cmocka_unit_test(divergence_is_reported),
      cmocka_unit_test(bad_arguments_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
