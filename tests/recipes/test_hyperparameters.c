/* Penalties, the Jacobian at inexact solutions, and a small support vector machine. */
#include "test.h"

#include "hyperparameters.h"

static void penalties(void **state) {
  (void)state;
  const char *const names[] = {"ridge", "lasso", "logistic"};
  for (int k = 0; k < 3; k++) {
    tw_error error = {0};
    tuning t = {0};
    assert_ok(tuning_run(&t, &(tuning_options){.name = names[k], .seed = 2, .grid = 41, .low = 3, .high = 8}, &error));
    assert_true(t.gradient_error <= 1e-5);
    if (!(t.loss <= t.best * (1 + 1e-6))) fail_msg("%s: %.12g, on the grid %.12g", names[k], t.loss, t.best);
    assert_true(t.model.solution.result.outcome == TW_SOLVED);
    assert_true(t.evidence.reliable);
    assert_true(t.model.history.count >= 2 && t.model.history.row[0].objective >= t.loss);
    tuning_free(&t);
  }
}

static void inexact_solutions(void **state) {
  (void)state;
  tw_error error = {0};
  precision p;
  assert_ok(precision_run(&p, &error));
  assert_true(p.slope >= 0.9 && p.slope <= 1.1);
  for (int k = 0; k < PRECISION_POINTS; k++) {
    assert_true(p.implicit[k] <= p.bound[k] * (1 + 1e-9));
    if (k >= 3) assert_true(p.implicit[k] <= p.unrolled[k]);
    if (k > 0) assert_true(p.iterate[k] < p.iterate[k - 1] && p.unrolled[k] < p.unrolled[0]);
  }
}

static void support_vectors(void **state) {
  (void)state;
  const char *const methods[] = {"projected_gradient(tol=1e-11)", "mirror_descent(tol=1e-8, polish=false)", "block_cd(tol=1e-9)"};
  svm_gradient g[3];
  for (int k = 0; k < 3; k++) {
    tw_error error = {0};
    assert_ok(svm_run(&(svm_options){.m = 40, .v = 20, .p = 4, .l = 2, .method = methods[k]}, k == 0, &g[k], &error));
    assert_true(isfinite(g[k].gradient) && fabs(g[k].gradient) > 1e-6);
    assert_close(g[k].gradient / g[0].gradient, 1, 1e-4);
    assert_true(g[k].evidence.solves > 0);
  }
  assert_true(g[0].difference <= 1e-4);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(penalties), cmocka_unit_test(inexact_solutions), cmocka_unit_test(support_vectors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
