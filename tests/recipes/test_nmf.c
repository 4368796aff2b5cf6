/* Small factorizations, and the gradients through them. */
#include "test.h"

#include "nmf.h"

static void factors(void **state) {
  (void)state;
  tw_error error = {0};
  nmf r = {0};
  assert_ok(nmf_run(&r, &(nmf_options){1, 40, 4}, 40, &error));
  assert_true(r.joint.solution.result.outcome == TW_SOLVED);
  assert_true(r.gradient_error <= 1e-5);
  assert_true(study_report(&r.joint, "error") < 0.5);
  assert_true(r.nested.solution.objective <= 1.1 * r.joint.solution.objective);
  const double *x = r.joint.solution.result.x;
  for (int64_t i = 0; i < r.joint.solution.result.n; i++) assert_true(x[i] >= 0);
  nmf_free(&r);
}

static void unseen_pixels(void **state) {
  (void)state;
  tw_error error = {0};
  nmf_inpainting r = {0};
  assert_ok(nmf_inpainting_run(&r, &(nmf_options){2, 100, 4}, 10, &error));
  assert_true(r.gradient_error <= 1e-4);
  assert_true(r.trained[1] < r.trained[0]);
  nmf_inpainting_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(factors), cmocka_unit_test(unseen_pixels)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
