/* Few iterations: the gradient through the codes, and what it is good for. */
#include "test.h"

#include "sparse-coding.h"

static void two_atoms(void **state) {
  (void)state;
  tw_error error = {0};
  sparse_coding_result r = {0};
  assert_ok(sparse_coding_run(&r, &(sparse_coding_options){.seed = 2, .atoms = 2, .iterations = 16}, &error));
  assert_true(r.gradient_error <= 1e-5);
  assert_true(r.driven.loss < r.unsupervised.loss);
  assert_true(r.driven.trained > 0.9 && r.driven.tested > 0.9);
  assert_true(r.nonzero > 0 && r.nonzero < 1);
  assert_true(r.evidence.solves > 0 && r.evidence.linear_residual <= 1e-8);
  const tw_array *d = study_array(&r.model, "D");
  for (int64_t i = 0; i < d->shape.dim[0]; i++) {
    double square = 0;
    for (int64_t j = 0; j < d->shape.dim[1]; j++) square += pow(tw_array_get(d, (int64_t[]){i, j}), 2);
    assert_true(square <= 1 + 1e-12);
  }
  sparse_coding_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(two_atoms)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
