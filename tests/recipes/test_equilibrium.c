/* A small equilibrium model: gradient, accuracy, and the unrolled layer as its limit. */
#include "test.h"

#include "equilibrium.h"

static void small_model(void **state) {
  (void)state;
  tw_error error = {0};
  equilibrium e = {0};
  assert_ok(equilibrium_run(&e, &(equilibrium_options){1, 12, 200, 20}, &error));
  assert_true(e.gradient_error <= 1e-5);
  assert_true(e.tested >= 0.8 && e.trained >= e.tested);
  assert_true(e.evidence.reliable && e.evidence.solves >= 1);
  assert_true(study_report(&e.model, "norm_of_layer") < 0.95);
  equilibrium_free(&e);
}

static void unrolled(void **state) {
  (void)state;
  const equilibrium_options o = {1, 8, 50, 0};
  tw_error error = {0};
  study_cost exact, few, many;
  assert_ok(equilibrium_measure(&o, NULL, &exact, &error));
  assert_ok(equilibrium_measure(&o, "picard(derivative=unrolled, max_iter=4)", &few, &error));
  assert_ok(equilibrium_measure(&o, "picard(derivative=unrolled, max_iter=100)", &many, &error));
  assert_close(many.slope / exact.slope, 1, 1e-6);
  assert_true(fabs(few.slope / exact.slope - 1) > 1e-6);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(small_model), cmocka_unit_test(unrolled)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
