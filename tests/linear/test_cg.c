#include "linear/systems.h"

static const double pi = 3.14159265358979323846;

/* With k distinct eigenvalues CG ends after k steps. */
static void few_eigenvalues_few_steps(void **state) {
  (void)state;
  enum { N = 60 };
  tw_error error = {0};
  tw_linear_result result;
  double value[N], *b = vector_random(1, N), x[N] = {0};
  for (int i = 0; i < N; i++) value[i] = 1 + i % 4;
  double *a = matrix_with_values(2, N, N, value, true);
  const tw_dense dense = {N, N, a};
  const tw_linop op = tw_linop_dense(&dense, TW_LINOP_DEFINITE);
  assert_ok(tw_cg(&op, b, x, NULL, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
  assert_int_equal(result.iterations, 4);
  assert_close(result.condition, 4, 1e-2);
  free(a), free(b);
}

/* The estimate is a lower bound and within 10 % once CG has converged, over seven orders of magnitude. */
static void condition_is_estimated(void **state) {
  (void)state;
  enum { N = 50 };
  for (double condition = 10; condition < 1e8; condition *= 1000) {
    tw_error error = {0};
    tw_linear_result result;
    double *a = matrix_symmetric(3, N, 1 / condition, 1, false), *b = vector_random(4, N), x[N] = {0};
    const tw_dense dense = {N, N, a};
    const tw_linop op = tw_linop_dense(&dense, TW_LINOP_DEFINITE);
    assert_ok(tw_cg(&op, b, x, &(tw_linear_options){.rtol = 1e-8, .max_iter = 100 * N}, &result, &error));
    assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
    assert_true(result.condition > 0.9 * condition && result.condition < 1.01 * condition);
    free(a), free(b);
  }
}

/* The five-point Laplacian: known condition, and iterations of the order of its square root. */
static void laplacian_on_a_grid(void **state) {
  (void)state;
  enum { SIDE = 40, N = SIDE * SIDE };
  tw_error error = {0};
  tw_linear_result result;
  tw_csc a = grid(SIDE, 4, 0);
  const tw_linop op = tw_linop_csc(&a, TW_LINOP_DEFINITE);
  double *b = vector_random(1, N), *x = vector_new(N), *ax = vector_new(N);
  assert_ok(tw_cg(&op, b, x, NULL, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
  tw_csc_apply(&a, x, ax);
  assert_true(distance(N, ax, b) <= 1e-10 * tw_vec_norm2(b, N));
  const double s = sin(pi / 2 / (SIDE + 1)), condition = (1 - s * s) / (s * s);
  assert_true(result.condition > 0.9 * condition && result.condition < 1.01 * condition);
  assert_true(result.iterations < 5 * SIDE);
  tw_csc_free(&a), free(b), free(x), free(ax);
}

static void negative_curvature_is_detected(void **state) {
  (void)state;
  enum { N = 30 };
  tw_error error = {0};
  tw_linear_result result;
  double *a = matrix_symmetric(5, N, 0.1, 10, true), *b = vector_random(6, N), x[N] = {0};
  const tw_dense dense = {N, N, a};
  const tw_linop op = tw_linop_dense(&dense, TW_LINOP_SYMMETRIC);
  assert_ok(tw_cg(&op, b, x, NULL, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_NEGATIVE);
  assert_true(result.iterations < N && tw_vec_norm_inf(x, N) < INFINITY);
  free(a), free(b);
}

/* Zero curvature counts as well: b in the null space. */
static void zero_curvature_is_detected(void **state) {
  (void)state;
  tw_error error = {0};
  tw_linear_result result;
  const double a[4] = {1, 0, 0, 0}, b[2] = {0, 1};
  double x[2] = {0};
  const tw_dense dense = {2, 2, a};
  const tw_linop op = tw_linop_dense(&dense, TW_LINOP_SYMMETRIC);
  assert_ok(tw_cg(&op, b, x, NULL, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_NEGATIVE);
}

/* Semidefinite and consistent: converges, and from zero to the minimum-norm solution. */
static void semidefinite_consistent_systems(void **state) {
  (void)state;
  enum { N = 30 };
  tw_error error = {0};
  tw_linear_result result;
  double *value = spectrum(N, 0.1, 10, false), *z = vector_random(7, N), b[N], x[N] = {0}, back[N];
  for (int i = 0; i < 10; i++) value[i] = 0;
  double *a = matrix_with_values(8, N, N, value, true);
  const tw_dense dense = {N, N, a};
  const tw_linop op = tw_linop_dense(&dense, TW_LINOP_SYMMETRIC);
  op.apply(op.context, z, b);
  assert_ok(tw_cg(&op, b, x, NULL, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
  assert_true(relative_residual(N, N, a, x, b) <= 1e-10);
  double gap[N]; /* x has minimum norm when it is orthogonal to z - x, which the matrix maps to zero */
  for (int i = 0; i < N; i++) gap[i] = z[i] - x[i];
  op.apply(op.context, gap, back);
  assert_close(tw_vec_norm_inf(back, N), 0, 1e-8);
  assert_close(tw_vec_dot(gap, x, N), 0, 1e-7);
  free(value), free(z), free(a);
}

static void an_indefinite_preconditioner_breaks_down(void **state) {
  (void)state;
  enum { N = 20 };
  tw_error error = {0};
  tw_linear_result result;
  double *a = matrix_symmetric(5, N, 0.1, 10, false), *b = vector_random(6, N), x[N] = {0}, diagonal[N];
  for (int i = 0; i < N; i++) diagonal[i] = -1;
  const tw_dense dense = {N, N, a};
  const tw_linop op = tw_linop_dense(&dense, TW_LINOP_DEFINITE);
  tw_precond *m;
  assert_ok(tw_precond_jacobi(&m, N, diagonal, &error));
  assert_ok(tw_cg(&op, b, x, &(tw_linear_options){.preconditioner = tw_precond_linop(m)}, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_BREAKDOWN);
  tw_precond_free(m), free(a), free(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(few_eigenvalues_few_steps),
      cmocka_unit_test(condition_is_estimated),
      cmocka_unit_test(laplacian_on_a_grid),
      cmocka_unit_test(negative_curvature_is_detected),
      cmocka_unit_test(zero_curvature_is_detected),
      cmocka_unit_test(semidefinite_consistent_systems),
      cmocka_unit_test(an_indefinite_preconditioner_breaks_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
