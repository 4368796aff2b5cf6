/* QR of rectangular matrices: least squares one way, minimum norm the other. */
#include "linear/systems.h"

static tw_factor *make(bool sparse, int64_t rows, int64_t cols, const double *a) {
  tw_error error = {0};
  tw_factor *f;
  if (!sparse) {
    assert_ok(tw_factor_dense(&f, TW_FACTOR_QR, rows, cols, a, &error));
    return f;
  }
  tw_csc s = sparse_of(rows, cols, a);
  assert_ok(tw_factor_csc(&f, TW_FACTOR_QR, &s, &error));
  tw_csc_free(&s);
  return f;
}

/* Tall M: M'(b - M x) = 0. */
static void check_least_squares(int64_t m, int64_t n, const double *a, const double *b, const double *x) {
  for (int64_t j = 0; j < n; j++) {
    double slope = 0;
    for (int64_t i = 0; i < m; i++) slope += a[i * n + j] * (b[i] - tw_vec_dot(a + i * n, x, (size_t)n));
    assert_close(slope, 0, 1e-11);
  }
}

/* M x = b, and x = M'w for some w: orthogonal to the null space, which z - M^+ M z samples for a random z. */
static void check_minimum_norm(tw_factor *f, bool transpose, int64_t m, int64_t n, const double *a,
                               const double *b, const double *x) {
  tw_error error = {0};
  double *z = vector_random(9, n), *mz = vector_new(m), *back = vector_new(n);
  assert_true(relative_residual(m, n, a, x, b) <= 1e-12);
  for (int64_t i = 0; i < m; i++) mz[i] = tw_vec_dot(a + i * n, z, (size_t)n);
  assert_ok(tw_factor_solve(f, transpose, 1, mz, back, &error));
  for (int64_t j = 0; j < n; j++) z[j] -= back[j];
  assert_true(n == m || tw_vec_norm2(z, (size_t)n) > 0.1);
  assert_close(tw_vec_dot(z, x, (size_t)n), 0, 1e-11);
  free(z), free(mz), free(back);
}

static void check_shape(bool sparse, int64_t m, int64_t n) {
  enum { COLUMNS = 2 };
  tw_error error = {0};
  double *a = matrix_general((uint64_t)m, m, n, 0.1, 4), *t = vector_new(m * n);
  for (int64_t i = 0; i < m * n; i++) t[i % n * m + i / n] = a[i];
  tw_factor *f = make(sparse, m, n, a);
  for (int transpose = 0; transpose < 2; transpose++) {
    const double *matrix = transpose ? t : a;
    const int64_t rows = transpose ? n : m, cols = transpose ? m : n;
    double *b = vector_random(5, rows * COLUMNS), *x = vector_new(cols * COLUMNS);
    assert_ok(tw_factor_solve(f, transpose, COLUMNS, b, x, &error));
    for (int64_t c = 0; c < COLUMNS; c++)
      if (rows >= cols)
        check_least_squares(rows, cols, matrix, b + c * rows, x + c * cols);
      else
        check_minimum_norm(f, transpose, rows, cols, matrix, b + c * rows, x + c * cols);
    free(b), free(x);
  }
  const double condition = tw_factor_condition(f);
  const double expected = m > 1 && n > 1 ? 40 : 1;
  assert_true(condition > expected / 3 && condition < expected * (double)(m + n));
  tw_factor_free(f), free(a), free(t);
}

static void rectangular_systems_are_solved(void **state) {
  (void)state;
  for (int sparse = 0; sparse < 2; sparse++) {
    check_shape(sparse, 40, 12);
    check_shape(sparse, 12, 40);
    check_shape(sparse, 15, 15);
    check_shape(sparse, 1, 6);
    check_shape(sparse, 6, 1);
  }
}

/* Longer than the solution, in place: columns must not be overwritten before they are read. */
static void solutions_in_place(void **state) {
  (void)state;
  enum { M = 9, N = 4, COLUMNS = 5 };
  double *a = matrix_general(2, M, N, 0.1, 4);
  for (int sparse = 0; sparse < 2; sparse++)
    for (int transpose = 0; transpose < 2; transpose++) {
      tw_error error = {0};
      tw_factor *f = make(sparse, M, N, a);
      double *b = vector_random(5, M * COLUMNS), *x = vector_new(M * COLUMNS);
      assert_ok(tw_factor_solve(f, transpose, COLUMNS, b, x, &error));
      assert_ok(tw_factor_solve(f, transpose, COLUMNS, b, b, &error));
      assert_memory_equal(b, x, (size_t)(transpose ? M * COLUMNS : N * COLUMNS) * sizeof *x);
      tw_factor_free(f), free(b), free(x);
    }
  free(a);
}

static void deficient_matrices_are_refused(void **state) {
  (void)state;
  enum { M = 20, N = 8 };
  double value[N] = {4, 3, 2, 1, 1, 0.5, 0, 0}, *a = matrix_with_values(3, M, N, value, false);
  tw_csc s = sparse_of(M, N, a);
  tw_error error;
  tw_factor *f;
  assert_fails(tw_factor_dense(&f, TW_FACTOR_QR, M, N, a, &error), TW_ERR_SINGULAR, "rank 6");
  assert_fails(tw_factor_csc(&f, TW_FACTOR_QR, &s, &error), TW_ERR_SINGULAR, "rank 6");
  for (int i = 0; i < M; i++) a[i * N + 3] = 0;
  assert_fails(tw_factor_dense(&f, TW_FACTOR_QR, M, N, a, &error), TW_ERR_SINGULAR,
               "column 3 of the matrix is zero");
  tw_csc_free(&s), free(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rectangular_systems_are_solved),
      cmocka_unit_test(solutions_in_place),
      cmocka_unit_test(deficient_matrices_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
