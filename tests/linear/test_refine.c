/* Iterative refinement with inverses of nearby matrices, and factors in a given order. */
#include "linear/systems.h"

enum { SIDE = 20, N = SIDE * SIDE };

/* The inverse of A + shift I is refined to that of A. */
static void regularized_inverse_is_refined(void **state) {
  (void)state;
  tw_error error = {0};
  tw_factor *f;
  tw_csc a = grid(SIDE, 4.1, 0), near = grid(SIDE, 4.1 + 1e-3, 0);
  double *x = vector_new(N), *b = vector_random(3, N), *ax = vector_new(N);
  assert_ok(tw_factor_csc(&f, TW_FACTOR_LDLT, &near, &error));
  const tw_linop op = tw_linop_csc(&a, TW_LINOP_SYMMETRIC), inverse = tw_factor_linop(f);
  assert_int_equal(inverse.rows, N);
  tw_linear_result result;
  assert_ok(tw_refine(&op, &inverse, b, x, NULL, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
  assert_true(result.iterations > 1 && result.iterations <= 10);
  tw_csc_apply(&a, x, ax);
  assert_true(distance(N, ax, b) <= 1e-7 * tw_vec_norm2(b, N));
  assert_ok(tw_refine(&op, &inverse, b, x, &(tw_linear_options){.rtol = 1e-14, .max_iter = 50}, &result, &error));
  tw_csc_apply(&a, x, ax);
  assert_true(distance(N, ax, b) <= 1e-13 * tw_vec_norm2(b, N));
  tw_factor_free(f), tw_csc_free(&a), tw_csc_free(&near), free(x), free(b), free(ax);
}

static tw_status inner_gmres(void *a, const double *b, double *x) {
  tw_linear_result result;
  for (int i = 0; i < N; i++) x[i] = 0;
  return tw_gmres(a, b, x, &(tw_linear_options){.rtol = 1e-2}, &result, NULL);
}

/* An inner Krylov solver to two digits is an inverse, too. */
static void inner_iterations_are_refined(void **state) {
  (void)state;
  tw_error error = {0};
  tw_csc a = grid(SIDE, 4.5, 0.3);
  tw_linop op = tw_linop_csc(&a, 0);
  const tw_linop inverse = {N, N, 0, inner_gmres, NULL, &op};
  double *x = vector_new(N), *b = vector_random(4, N);
  tw_linear_result result;
  assert_ok(tw_refine(&op, &inverse, b, x, NULL, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
  assert_true(result.iterations <= 5);
  tw_csc_free(&a), free(x), free(b);
}

/* An inverse of something else does not converge, and says so; the start is kept where nothing is better. */
static void wrong_inverse_is_noticed(void **state) {
  (void)state;
  tw_error error = {0};
  tw_csc a = grid(SIDE, 4.1, 0), other = grid(SIDE, 4.1, 0);
  for (int64_t p = 0; p < other.start[N]; p++) other.value[p] *= -1;
  tw_factor *f;
  double *x = vector_new(N), *b = vector_random(5, N);
  assert_ok(tw_factor_csc(&f, TW_FACTOR_LDLT, &other, &error));
  const tw_linop op = tw_linop_csc(&a, 0), inverse = tw_factor_linop(f);
  tw_linear_result result;
  assert_ok(tw_refine(&op, &inverse, b, x, NULL, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_STAGNATED);
  for (int i = 0; i < N; i++) assert_true(x[i] == 0);
  assert_fails(tw_refine(&op, NULL, b, x, NULL, &result, &error), TW_ERR_ARGUMENT, "inverse");
  tw_factor_free(f), tw_csc_free(&a), tw_csc_free(&other), free(x), free(b);
}

/* The same solution in any order of elimination; what is no order is refused. */
static void orders(void **state) {
  (void)state;
  tw_error error = {0};
  tw_csc a = grid(SIDE, 4.1, 0);
  double *x = vector_new(N), *y = vector_new(N), *b = vector_random(6, N);
  int64_t order[N], again[N];
  for (int kind = TW_FACTOR_CHOLESKY; kind <= TW_FACTOR_LDLT; kind++) {
    tw_factor *f, *g;
    assert_ok(tw_factor_csc(&f, (tw_factor_kind)kind, &a, &error));
    assert_ok(tw_factor_solve(f, false, 1, b, x, &error));
    assert_true(tw_factor_order(f, order));
    for (int turn = 0; turn < 2; turn++) {
      assert_ok(tw_factor_csc_ordered(&g, (tw_factor_kind)kind, &a, order, &error));
      assert_ok(tw_factor_solve(g, false, 1, b, y, &error));
      assert_close(distance(N, x, y), 0, 1e-12 * tw_vec_norm2(x, N));
      assert_true(tw_factor_order(g, again));
      tw_factor_free(g);
      for (int i = 0; i < N; i++) order[i] = N - 1 - i;
    }
    order[0] = order[1];
    assert_fails(tw_factor_csc_ordered(&g, (tw_factor_kind)kind, &a, order, &error), TW_ERR_RANGE, "permutation");
    tw_factor_free(f);
  }
  tw_factor *lu;
  assert_ok(tw_factor_csc(&lu, TW_FACTOR_LU, &a, &error));
  assert_false(tw_factor_order(lu, order));
  tw_factor_free(lu);
  assert_fails(tw_factor_csc_ordered(&lu, TW_FACTOR_LU, &a, order, &error), TW_ERR_ARGUMENT, "Cholesky");
  tw_csc_free(&a), free(x), free(y), free(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(regularized_inverse_is_refined),
      cmocka_unit_test(inner_iterations_are_refined),
      cmocka_unit_test(wrong_inverse_is_noticed),
      cmocka_unit_test(orders),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
