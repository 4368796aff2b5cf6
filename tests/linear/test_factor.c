/* Every backend, dense and sparse, through one table. */
#include "linear/systems.h"

typedef struct backend {
  tw_factor_kind kind;
  bool sparse;
} backend;

static const backend backends[] = {
    {TW_FACTOR_LU, false}, {TW_FACTOR_CHOLESKY, false}, {TW_FACTOR_LDLT, false}, {TW_FACTOR_QR, false},
    {TW_FACTOR_LU, true},  {TW_FACTOR_CHOLESKY, true},  {TW_FACTOR_LDLT, true},  {TW_FACTOR_QR, true},
    {TW_FACTOR_INDEFINITE, false}, {TW_FACTOR_INDEFINITE, true}};
#define FOR_EACH(b) for (const backend *b = backends; b < backends + sizeof backends / sizeof *backends; b++)

static bool is_symmetric(const backend *b) {
  return b->kind == TW_FACTOR_CHOLESKY || b->kind == TW_FACTOR_LDLT || b->kind == TW_FACTOR_INDEFINITE;
}

static tw_status make(const backend *b, tw_factor **f, int64_t rows, int64_t cols, const double *a,
                      tw_error *error) {
  if (!b->sparse) return tw_factor_dense(f, b->kind, rows, cols, a, error);
  tw_csc s = sparse_of(rows, cols, a);
  const tw_status status = tw_factor_csc(f, b->kind, &s, error);
  tw_csc_free(&s);
  return status;
}

/* A matrix the backend is made for. LDL' without pivoting needs a quasi-definite one: [H A'; A -G], H and G
 * definite. */
static double *matrix_for(const backend *b, uint64_t key, int64_t n) {
  if (b->kind == TW_FACTOR_CHOLESKY) return matrix_symmetric(key, n, 0.01, 5, false);
  if (b->kind == TW_FACTOR_INDEFINITE) return matrix_symmetric(key, n, 0.01, 5, true);
  if (b->kind != TW_FACTOR_LDLT) return matrix_general(key, n, n, 0.01, 5);
  if (!b->sparse) return matrix_symmetric(key, n, 0.01, 5, true);
  double *a = matrix_symmetric(key, n, 0.01, 5, false);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      if (i >= n / 2 && j >= n / 2) a[i * n + j] = -a[i * n + j];
  return a;
}

static void transpose_of(int64_t rows, int64_t cols, const double *a, double *t) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < cols; j++) t[j * rows + i] = a[i * cols + j];
}

static void square_systems_are_solved(void **state) {
  (void)state;
  enum { COLUMNS = 3 };
  FOR_EACH(b) for (int64_t n = 1; n < 200; n = 3 * n + 1) {
    tw_error error = {0};
    tw_factor *f;
    double *a = matrix_for(b, (uint64_t)n, n), *right = vector_random(7, n * COLUMNS),
           *x = vector_new(n * COLUMNS);
    double *t = vector_new(n * n);
    transpose_of(n, n, a, t);
    assert_ok(make(b, &f, n, n, a, &error));
    for (int transpose = 0; transpose < 2; transpose++) {
      assert_ok(tw_factor_solve(f, transpose, COLUMNS, right, x, &error));
      for (int64_t c = 0; c < COLUMNS; c++)
        assert_true(relative_residual(n, n, transpose ? t : a, x + c * n, right + c * n) <= 1e-11);
    }
    double *same = vector_random(7, n * COLUMNS); /* in place: the same bits */
    assert_ok(tw_factor_solve(f, true, COLUMNS, same, same, &error));
    assert_memory_equal(same, x, (size_t)(n * COLUMNS) * sizeof *x);
    tw_factor_free(f), free(a), free(right), free(x), free(t), free(same);
  }
}

/* Symmetric backends read the lower triangle only. */
static void the_upper_triangle_is_not_read(void **state) {
  (void)state;
  enum { N = 12 };
  FOR_EACH(b) if (is_symmetric(b)) {
    tw_error error = {0};
    tw_factor *f, *g;
    double *a = matrix_for(b, 3, N), *right = vector_random(7, N), x[N], y[N];
    assert_ok(make(b, &f, N, N, a, &error));
    for (int i = 0; i < N; i++)
      for (int j = i + 1; j < N; j++) a[i * N + j] = 1000 + i - j;
    assert_ok(make(b, &g, N, N, a, &error));
    assert_ok(tw_factor_solve(f, false, 1, right, x, &error));
    assert_ok(tw_factor_solve(g, false, 1, right, y, &error));
    assert_memory_equal(x, y, sizeof x);
    assert_same_bits(tw_factor_condition(f), tw_factor_condition(g));
    tw_factor_free(f), tw_factor_free(g), free(a), free(right);
  }
}

/* Within a factor of 3 below to 1.5 n above the 2-norm condition, which the 1-norm's brackets by sqrt(n). */
static void condition_is_estimated(void **state) {
  (void)state;
  enum { N = 30 };
  FOR_EACH(b) for (double condition = 10; condition < 1e11; condition *= 1000) {
    tw_error error = {0};
    tw_factor *f;
    double *a = is_symmetric(b) ? matrix_symmetric(2, N, 1 / condition, 1, false)
                                : matrix_general(2, N, N, 1 / condition, 1);
    assert_ok(make(b, &f, N, N, a, &error));
    const double estimate = tw_factor_condition(f);
    assert_true(estimate > condition / 3 && estimate < 1.5 * N * condition);
    assert_same_bits(tw_factor_condition(f), estimate);
    tw_factor_free(f), free(a);
  }
}

static void rounded_singular_matrices_are_refused(void **state) {
  (void)state;
  const double exact[9] = {4, 2, 6, 2, 1, 3, 6, 3, 9}, rounded[9] = {.1, .2, .3, .2, .4, .6, .3, .6, .9};
  const double zero[4] = {0, 0, 0, 0}, nines[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  FOR_EACH(b) {
    tw_error error;
    tw_factor *f;
    assert_fails(make(b, &f, 3, 3, exact, &error), TW_ERR_SINGULAR, b->sparse ? "sparse" : "dense");
    assert_null(f);
    assert_fails(make(b, &f, 3, 3, rounded, &error), TW_ERR_SINGULAR, "factorization");
    assert_fails(make(b, &f, 2, 2, zero, &error), TW_ERR_SINGULAR, "factorization");
    if (!is_symmetric(b))
      assert_fails(make(b, &f, 3, 3, nines, &error), TW_ERR_SINGULAR, "working precision");
  }
}

/* Scaling rows and columns by powers of ten does not make a regular matrix singular, nor spoil its solution.
 */
static void bad_scaling_is_not_singularity(void **state) {
  (void)state;
  enum { N = 10 };
  FOR_EACH(b) {
    tw_error error = {0};
    tw_factor *f;
    double *a = matrix_for(b, 5, N), *x = vector_random(1, N), right[N] = {0}, y[N], scale[N];
    for (int i = 0; i < N; i++) scale[i] = pow(10, (i * 7) % N * 3 - 15);
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        a[i * N + j] *= (is_symmetric(b) ? scale[i] : 1) * scale[j];
        right[i] += a[i * N + j] * x[j] / scale[j];
      }
    assert_ok(make(b, &f, N, N, a, &error));
    assert_ok(tw_factor_solve(f, false, 1, right, y, &error));
    for (int i = 0; i < N; i++) assert_close(y[i] * scale[i], x[i], 1e-10);
    tw_factor_free(f), free(a), free(x);
  }
}

static void inertia_counts_signs(void **state) {
  (void)state;
  enum { N = 31 };
  FOR_EACH(b) {
    tw_error error = {0};
    tw_factor *f;
    int64_t positive, negative, zero;
    double *a = matrix_for(b, 4, N);
    assert_ok(make(b, &f, N, N, a, &error));
    tw_factor_inertia(f, &positive, &negative, &zero);
    const bool symmetric = is_symmetric(b), definite = b->kind == TW_FACTOR_CHOLESKY;
    assert_int_equal(positive, !symmetric ? 0 : definite ? N : b->sparse && b->kind == TW_FACTOR_LDLT ? N / 2 : (N + 1) / 2);
    assert_int_equal(positive + negative, symmetric ? N : 0);
    assert_int_equal(zero, 0);
    tw_factor_inertia(f, NULL, NULL, NULL);
    tw_factor_free(f), free(a);
  }
}

/* [0 B'; B 0] needs 2 x 2 pivots: as many positive as negative eigenvalues. */
static void inertia_of_a_saddle_point(void **state) {
  (void)state;
  enum { HALF = 9, N = 2 * HALF };
  tw_error error = {0};
  tw_factor *f;
  int64_t positive, negative, zero;
  double *b = matrix_general(6, HALF, HALF, 0.1, 3), a[N * N] = {0};
  for (int i = 0; i < HALF; i++)
    for (int j = 0; j < HALF; j++) a[(HALF + i) * N + j] = a[j * N + HALF + i] = b[i * HALF + j];
  FOR_EACH(by) {
    if (by->kind != TW_FACTOR_INDEFINITE && (by->kind != TW_FACTOR_LDLT || by->sparse)) continue;
    assert_ok(make(by, &f, N, N, a, &error));
    tw_factor_inertia(f, &positive, &negative, &zero);
    assert_int_equal(positive, HALF);
    assert_int_equal(negative, HALF);
    assert_int_equal(zero, 0);
    tw_factor_free(f);
  }
  free(b);
}

static void indefinite_matrices_are_refused_by_cholesky(void **state) {
  (void)state;
  const double a[9] = {4, 0, 0, 0, -1, 0, 0, 0, 9};
  FOR_EACH(b) if (b->kind == TW_FACTOR_CHOLESKY) {
    tw_error error;
    tw_factor *f;
    assert_fails(make(b, &f, 3, 3, a, &error), TW_ERR_SINGULAR, "pivot 1");
    assert_non_null(strstr(error.message, "not positive definite"));
  }
}

static void empty_matrices_work(void **state) {
  (void)state;
  FOR_EACH(b) {
    tw_error error = {0};
    tw_factor *f;
    assert_ok(make(b, &f, 0, 0, NULL, &error));
    assert_ok(tw_factor_solve(f, false, 2, NULL, NULL, &error));
    assert_true(isnan(tw_factor_condition(f)));
    tw_factor_free(f);
  }
  tw_factor_free(NULL);
  assert_true(isnan(tw_factor_condition(NULL)));
}

static void bad_arguments_are_refused(void **state) {
  (void)state;
  tw_error error;
  tw_factor *f;
  const double a[4] = {2, 1, 1, 2}, bad[4] = {1, 0, NAN, 1}, infinite[2] = {1, INFINITY};
  double x[2];
  FOR_EACH(b) {
    assert_fails(make(b, &f, 2, 2, bad, &error), TW_ERR_DATA, "row 1, column 0 is nan");
    if (b->kind != TW_FACTOR_QR) assert_fails(make(b, &f, 1, 2, a, &error), TW_ERR_SHAPE, "1 x 2");
    assert_ok(make(b, &f, 2, 2, a, &error));
    assert_fails(tw_factor_solve(f, false, 1, infinite, x, &error), TW_ERR_DATA, "b[1] is inf");
    assert_fails(tw_factor_solve(f, false, 1, NULL, x, &error), TW_ERR_ARGUMENT, "NULL");
    assert_fails(tw_factor_solve(f, false, 1, a, NULL, &error), TW_ERR_ARGUMENT, "NULL");
    assert_fails(tw_factor_solve(f, false, -1, a, x, &error), TW_ERR_SHAPE, "-1");
    if (!b->sparse) assert_fails(tw_factor_update(f, NULL, &error), TW_ERR_ARGUMENT, "sparse");
    tw_factor_free(f);
  }
  assert_fails(tw_factor_solve(NULL, false, 1, a, x, &error), TW_ERR_ARGUMENT, "factor");
  assert_fails(tw_factor_dense(NULL, TW_FACTOR_LU, 2, 2, a, &error), TW_ERR_ARGUMENT, "out");
  assert_fails(tw_factor_dense(&f, TW_FACTOR_LU, 2, 2, NULL, &error), TW_ERR_ARGUMENT, "NULL");
  assert_fails(tw_factor_dense(&f, (tw_factor_kind)9, 2, 2, a, &error), TW_ERR_ARGUMENT, "kind is 9");
  assert_fails(tw_factor_dense(&f, TW_FACTOR_LU, -2, -2, a, &error), TW_ERR_SHAPE, "-2 x -2");
  assert_fails(tw_factor_dense(&f, TW_FACTOR_QR, INT64_MAX, 1, a, &error), TW_ERR_SHAPE, "larger");
  assert_fails(tw_factor_csc(&f, TW_FACTOR_LU, NULL, &error), TW_ERR_ARGUMENT, "NULL");
  assert_fails(tw_factor_csc(NULL, TW_FACTOR_LU, NULL, &error), TW_ERR_ARGUMENT, "out");
}

/* 1e-200 x = 1e200 has no solution among the doubles. */
static void overflow_is_an_error(void **state) {
  (void)state;
  FOR_EACH(b) {
    tw_error error = {0};
    tw_factor *f;
    const double a = 1e-200, right = 1e200;
    double x;
    assert_ok(make(b, &f, 1, 1, &a, &error));
    assert_fails(tw_factor_solve(f, false, 1, &right, &x, &error), TW_ERR_NUMERIC, "overflows");
    tw_factor_free(f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(square_systems_are_solved),
      cmocka_unit_test(the_upper_triangle_is_not_read),
      cmocka_unit_test(condition_is_estimated),
      cmocka_unit_test(rounded_singular_matrices_are_refused),
      cmocka_unit_test(bad_scaling_is_not_singularity),
      cmocka_unit_test(inertia_counts_signs),
      cmocka_unit_test(inertia_of_a_saddle_point),
      cmocka_unit_test(indefinite_matrices_are_refused_by_cholesky),
      cmocka_unit_test(empty_matrices_work),
      cmocka_unit_test(bad_arguments_are_refused),
      cmocka_unit_test(overflow_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
