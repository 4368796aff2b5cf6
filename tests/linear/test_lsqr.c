/* LSQR and normal CG: systems of any shape and rank. */
#include "linear/systems.h"

static const struct {
  const char *name;
  solver *solve;
} solvers[] = {{"tw_lsqr", tw_lsqr}, {"tw_normal_cg", tw_normal_cg}};
#define FOR_BOTH(s) for (int s = 0; s < 2; s++)

/* |A'(b - A x) - damp^2 x| */
static double normal_residual(int64_t m, int64_t n, const double *a, const double *x, const double *b,
                              double damp) {
  double *g = vector_new(n), norm;
  for (int64_t j = 0; j < n; j++) g[j] = -damp * damp * x[j];
  for (int64_t i = 0; i < m; i++) {
    const double r = b[i] - tw_vec_dot(a + i * n, x, (size_t)n);
    for (int64_t j = 0; j < n; j++) g[j] += a[i * n + j] * r;
  }
  norm = tw_vec_norm2(g, (size_t)n);
  free(g);
  return norm;
}

static void check_shape(int64_t m, int64_t n, double damp, const double *start) {
  FOR_BOTH(s) {
    tw_error error = {0};
    tw_linear_result result;
    double *a = matrix_general(1, m, n, 0.05, 2), *b = vector_random(2, m), *x = vector_new(n);
    const tw_dense dense = {m, n, a};
    const tw_linop op = tw_linop_dense(&dense, 0);
    if (start) memcpy(x, start, (size_t)n * sizeof *x);
    assert_ok(solvers[s].solve(&op, b, x, &(tw_linear_options){.damp = damp}, &result, &error));
    assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
    assert_true(normal_residual(m, n, a, x, b, damp) <= 1.01e-10 * result.rhs_norm);
    const double low = hypot(0.05, damp), high = hypot(2, damp);
    assert_true(result.condition > 0.9 * high / low && result.condition < 1.01 * high / low);
    free(a), free(b), free(x);
  }
}

static void least_squares_of_any_shape(void **state) {
  (void)state;
  check_shape(50, 20, 0, NULL);
  check_shape(30, 30, 0, NULL);
  check_shape(20, 50, 0, NULL);
}

/* The damped problem is min |A x - b|^2 + damp^2 |x|^2 whatever the start. */
static void damping_does_not_depend_on_the_start(void **state) {
  (void)state;
  double *start = vector_random(5, 20);
  check_shape(50, 20, 0.5, NULL);
  check_shape(50, 20, 0.5, start);
  free(start);
}

/* Rank-deficient and wide: from zero, x has no part in the null space of A. */
static void minimum_norm_of_deficient_systems(void **state) {
  (void)state;
  enum { M = 25, N = 40 };
  double *value = spectrum(M, 0.1, 3, false), *z = vector_random(3, N), b[M];
  for (int i = 0; i < 8; i++) value[i] = 0;
  double *a = matrix_with_values(4, M, N, value, false);
  const tw_dense dense = {M, N, a};
  const tw_linop op = tw_linop_dense(&dense, 0);
  op.apply(op.context, z, b);
  for (int i = 0; i < M; i++) b[i] += i % 3; /* inconsistent */
  FOR_BOTH(s) {
    tw_error error = {0};
    tw_linear_result result;
    double x[N] = {0}, y[N], gap[N], back[M];
    assert_ok(solvers[s].solve(&op, b, x, NULL, &result, &error));
    assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
    assert_true(result.condition < 31 && result.condition > 1);
    memcpy(y, z,
           sizeof y); /* another start reaches another solution; their difference is in the null space */
    assert_ok(solvers[s].solve(&op, b, y, NULL, &result, &error));
    for (int i = 0; i < N; i++) gap[i] = y[i] - x[i];
    op.apply(op.context, gap, back);
    assert_close(tw_vec_norm_inf(back, M), 0, 1e-7);
    assert_true(tw_vec_norm2(gap, N) > 0.1);
    assert_close(tw_vec_dot(gap, x, N), 0, 1e-7);
  }
  free(value), free(z), free(a);
}

/* Columns of very different length: Jacobi with the squared lengths equilibrates them. */
static void the_preconditioner_saves_iterations(void **state) {
  (void)state;
  enum { M = 60, N = 30 };
  double *a = matrix_general(6, M, N, 0.5, 2), *b = vector_random(7, M), diagonal[N] = {0};
  for (int i = 0; i < M; i++)
    for (int j = 0; j < N; j++) {
      a[i * N + j] *= pow(10, j % 3);
      diagonal[j] += a[i * N + j] * a[i * N + j];
    }
  const tw_dense dense = {M, N, a};
  const tw_linop op = tw_linop_dense(&dense, 0);
  FOR_BOTH(s) {
    tw_error error = {0};
    tw_linear_result plain, helped;
    tw_precond *m;
    double x[N] = {0}, y[N] = {0};
    assert_ok(tw_precond_jacobi(&m, N, diagonal, &error));
    const tw_linear_options with = {.preconditioner = tw_precond_linop(m), .rtol = 1e-9};
    assert_ok(
        solvers[s].solve(&op, b, x, &(tw_linear_options){.rtol = 1e-12, .max_iter = 10000}, &plain, &error));
    assert_ok(solvers[s].solve(&op, b, y, &with, &helped, &error));
    assert_int_equal(helped.reason, TW_LINEAR_CONVERGED);
    assert_true(2 * helped.iterations < plain.iterations);
    assert_true(normal_residual(M, N, a, y, b, 0) <= 1.01e-9 * helped.rhs_norm);
    tw_precond_free(m);
  }
  free(a), free(b);
}

/* Damping and a preconditioner together still solve the damped problem. */
static void preconditioned_damping_keeps_the_problem(void **state) {
  (void)state;
  enum { M = 30, N = 12 };
  double *a = matrix_general(6, M, N, 0.1, 2), *b = vector_random(7, M), diagonal[N];
  for (int j = 0; j < N; j++) diagonal[j] = 1 + j;
  const tw_dense dense = {M, N, a};
  const tw_linop op = tw_linop_dense(&dense, 0);
  FOR_BOTH(s) {
    tw_error error = {0};
    tw_linear_result result;
    tw_precond *m;
    double x[N] = {0};
    assert_ok(tw_precond_jacobi(&m, N, diagonal, &error));
    const tw_linear_options options = {.preconditioner = tw_precond_linop(m), .damp = 0.7};
    assert_ok(solvers[s].solve(&op, b, x, &options, &result, &error));
    assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
    assert_true(normal_residual(M, N, a, x, b, 0.7) <= 1.01e-10 * result.rhs_norm);
    tw_precond_free(m);
  }
  free(a), free(b);
}

/* b orthogonal to the range: x = 0 is the solution. */
static void orthogonal_right_hand_sides(void **state) {
  (void)state;
  const double a[3] = {1, 0, 0}, b[3] = {0, 2, 3};
  const tw_dense dense = {3, 1, a};
  const tw_linop op = tw_linop_dense(&dense, 0);
  FOR_BOTH(s) {
    tw_error error = {0};
    tw_linear_result result;
    double x = 5;
    assert_ok(solvers[s].solve(&op, b, &x, NULL, &result, &error));
    assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
    assert_true(x == 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(least_squares_of_any_shape),
      cmocka_unit_test(damping_does_not_depend_on_the_start),
      cmocka_unit_test(minimum_norm_of_deficient_systems),
      cmocka_unit_test(the_preconditioner_saves_iterations),
      cmocka_unit_test(preconditioned_damping_keeps_the_problem),
      cmocka_unit_test(orthogonal_right_hand_sides),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
