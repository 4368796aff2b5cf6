/* Small packings: their motion against differences, and with what is known of it. */
#include "test.h"

#include "soft-spheres.h"

static void motion(void **state) {
  (void)state;
  for (int seed = 1; seed <= 2; seed++) {
    tw_error error = {0};
    soft_spheres s = {0};
    const soft_spheres_options o = {.n = 24, .seed = seed, .theta = 0.6};
    double apart, mean[2] = {0}, most = 0;
    assert_ok(soft_spheres_run(&s, &o, NULL, &error));
    assert_true(s.residual <= 1e-13);
    for (int i = 0; i < 2 * s.n; i++) mean[i % 2] += s.moves[i] / s.n, most = fmax(most, fabs(s.moves[i]));
    assert_true(most > 0.1);
    assert_true(fabs(mean[0]) <= 1e-12 * most && fabs(mean[1]) <= 1e-12 * most);
    assert_false(s.evidence.reliable); /* it says that the Hessian is singular */
    assert_non_null(strstr(s.evidence.message, "singular"));
    assert_ok(soft_spheres_differences(&s, &o, 1e-6, &apart, &error));
    assert_true(apart <= 1e-5);
    soft_spheres_free(&s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(motion)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
