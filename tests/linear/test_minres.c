#include "linear/systems.h"

enum { N = 40 };

static void solve_indefinite(double low, tw_linear_result *result) {
  tw_error error = {0};
  double *a = matrix_symmetric(1, N, low, 1, true), *b = vector_random(2, N), x[N] = {0};
  const tw_dense dense = {N, N, a};
  const tw_linop op = tw_linop_dense(&dense, TW_LINOP_SYMMETRIC);
  assert_ok(tw_minres(&op, b, x, &(tw_linear_options){.max_iter = 1000 * N}, result, &error));
  assert_int_equal(result->reason, TW_LINEAR_CONVERGED);
  assert_true(relative_residual(N, N, a, x, b) <= 1.01e-10);
  free(a), free(b);
}

static void indefinite_systems_converge(void **state) {
  (void)state;
  for (double condition = 10; condition < 1e7; condition *= 100) {
    tw_linear_result result;
    solve_indefinite(1 / condition, &result);
    assert_true(result.condition > 0.5 * condition && result.condition < 1.01 * condition);
  }
}

/* The residual norm never grows from step to step. */
static void residuals_descend(void **state) {
  (void)state;
  tw_error error = {0};
  tw_linear_result result;
  double *a = matrix_symmetric(3, N, 0.01, 1, true), *b = vector_random(2, N), before = INFINITY;
  const tw_dense dense = {N, N, a};
  const tw_linop op = tw_linop_dense(&dense, TW_LINOP_SYMMETRIC);
  for (int64_t limit = 1; limit < 60; limit++) {
    double x[N] = {0};
    assert_ok(tw_minres(&op, b, x, &(tw_linear_options){.max_iter = limit}, &result, &error));
    assert_true(result.residual <= before * (1 + 1e-12));
    before = result.residual;
  }
  free(a), free(b);
}

/* a of rank 25 with eigenvalues of both signs; z random. */
static double *singular_matrix(void) {
  double *value = spectrum(N, 0.1, 10, true);
  for (int i = 0; i < 15; i++) value[i] = 0;
  double *a = matrix_with_values(4, N, N, value, true);
  free(value);
  return a;
}

/* From zero, x is the projection of any solution on the range, that is A w for some w: check x's part in the
 * null space. */
static void singular_consistent_systems_give_the_minimum_norm(void **state) {
  (void)state;
  tw_error error = {0};
  tw_linear_result result;
  double *a = singular_matrix(), *z = vector_random(5, N), b[N], x[N] = {0}, gap[N], back[N];
  const tw_dense dense = {N, N, a};
  const tw_linop op = tw_linop_dense(&dense, TW_LINOP_SYMMETRIC);
  op.apply(op.context, z, b);
  assert_ok(tw_minres(&op, b, x, NULL, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
  for (int i = 0; i < N; i++) gap[i] = z[i] - x[i];
  op.apply(op.context, gap, back);
  assert_close(tw_vec_norm_inf(back, N), 0, 1e-8);
  assert_close(tw_vec_dot(gap, x, N), 0, 1e-8);
  assert_true(tw_vec_norm2(x, N) < tw_vec_norm2(z, N));
  free(a), free(z);
}

/* Inconsistent: stops at a least-squares solution, A r = 0, and says that the residual stagnated. */
static void singular_inconsistent_systems_stagnate(void **state) {
  (void)state;
  tw_error error = {0};
  tw_linear_result result;
  double *a = singular_matrix(), *b = vector_random(6, N), x[N] = {0}, r[N], ar[N];
  const tw_dense dense = {N, N, a};
  const tw_linop op = tw_linop_dense(&dense, TW_LINOP_SYMMETRIC);
  assert_ok(tw_minres(&op, b, x, &(tw_linear_options){.max_iter = 100000}, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_STAGNATED);
  op.apply(op.context, x, r);
  for (int i = 0; i < N; i++) r[i] = b[i] - r[i];
  op.apply(op.context, r, ar);
  assert_true(tw_vec_norm2(ar, N) <= 1e-8 * tw_vec_norm2(r, N));
  assert_true(result.iterations < 1000);
  free(a), free(b);
}

/* |A| as preconditioner leaves the eigenvalues -1 and 1: two steps. */
static void the_preconditioner_is_used(void **state) {
  (void)state;
  tw_error error = {0};
  tw_linear_result result;
  double diagonal[N], absolute[N], *b = vector_random(2, N), x[N] = {0};
  for (int i = 0; i < N; i++)
    diagonal[i] = (i % 2 ? -1 : 1) * (i + 1.0) * (i + 1.0), absolute[i] = fabs(diagonal[i]);
  const tw_lowrank a = {.n = N, .diagonal = diagonal};
  const tw_linop op = tw_linop_lowrank(&a);
  tw_precond *m;
  assert_ok(tw_precond_jacobi(&m, N, absolute, &error));
  assert_ok(
      tw_minres(&op, b, x, &(tw_linear_options){.preconditioner = tw_precond_linop(m)}, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
  assert_int_equal(result.iterations, 2);
  for (int i = 0; i < N; i++) assert_close(x[i], b[i] / diagonal[i], 1e-9);
  tw_precond_free(m), free(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(indefinite_systems_converge),
      cmocka_unit_test(residuals_descend),
      cmocka_unit_test(singular_consistent_systems_give_the_minimum_norm),
      cmocka_unit_test(singular_inconsistent_systems_stagnate),
      cmocka_unit_test(the_preconditioner_is_used),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
