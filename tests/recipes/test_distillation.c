/* Ten images after a few evaluations, and the gradient behind them. */
#include "test.h"

#include "distillation.h"

static void few_evaluations(void **state) {
  (void)state;
  tw_error error = {0};
  distillation d = {0};
  double real;
  assert_ok(distillation_run(&d, 1, 20, &error));
  assert_true(d.gradient_error <= 1e-5);
  assert_true(d.evidence.reliable && d.evidence.solves > 0);
  assert_true(d.evaluations <= 20);
  assert_true(d.accuracy >= 0.9);
  assert_ok(distillation_real(1, 3, &real, &error));
  assert_true(real >= 0.5 && real <= 0.8 && real < d.accuracy - 0.1);
  distillation_free(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(few_evaluations)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
