/* The sparse LDL' of quasi-definite matrices [H A'; A -E]: whose pivots it keeps, which it replaces, and which it refuses. */
#include "linear/systems.h"

enum { N = 60, M = 40, ORDER = N + M };

/* H = diag(h), E = diag(e), A random with four entries a column; `copies` rows repeat the row before. */
static tw_csc saddle(uint64_t key, double h, double e, int copies) {
  tw_error error;
  tw_csc a;
  static int64_t row[ORDER + 8 * N], col[ORDER + 8 * N];
  static double value[ORDER + 8 * N];
  double *random = vector_random(key, 4 * N);
  int64_t count = 0;
  for (int64_t k = 0; k < ORDER; k++) row[count] = col[count] = k, value[count++] = k < N ? h * (1 + (double)(k % 7)) : -e;
  for (int64_t j = 0; j < N; j++)
    for (int64_t k = 0; k < 4; k++) {
      const int64_t i = (j * 7 + k * 11) % (M - copies);
      row[count] = N + i, col[count] = j, value[count++] = random[4 * j + k];
      if (i < copies) row[count] = ORDER - 1 - i, col[count] = j, value[count++] = random[4 * j + k];
    }
  assert_ok(tw_csc_from_triplets(&a, ORDER, ORDER, count, row, col, value, &error));
  free(random);
  return a;
}

/* Both triangles of what is stored as the lower one. */
static tw_csc both_triangles(const tw_csc *a) {
  tw_error error;
  tw_csc out;
  static int64_t row[2 * (ORDER + 8 * N)], col[2 * (ORDER + 8 * N)];
  static double value[2 * (ORDER + 8 * N)];
  int64_t count = 0;
  for (int64_t j = 0; j < ORDER; j++)
    for (int64_t p = a->start[j]; p < a->start[j + 1]; p++)
      for (int turn = 0; turn < (a->row[p] == j ? 1 : 2); turn++)
        row[count] = turn ? j : a->row[p], col[count] = turn ? a->row[p] : j, value[count++] = a->value[p];
  assert_ok(tw_csc_from_triplets(&out, ORDER, ORDER, count, row, col, value, &error));
  return out;
}

static void pivots_that_are_good_stay(void **state) {
  (void)state;
  for (uint64_t key = 1; key <= 20; key++) {
    tw_error error;
    tw_factor *plain, *quasi, *pivoted;
    tw_csc a = saddle(key, 1, 0.5, 0);
    double *b = vector_random(key + 100, ORDER), x[ORDER], y[ORDER], z[ORDER];
    int64_t positive, negative;
    assert_ok(tw_factor_csc(&plain, TW_FACTOR_LDLT, &a, &error));
    assert_ok(tw_factor_csc(&quasi, TW_FACTOR_QUASIDEFINITE, &a, &error));
    assert_ok(tw_factor_csc(&pivoted, TW_FACTOR_INDEFINITE, &a, &error));
    assert_int_equal(tw_factor_replaced(quasi), 0);
    tw_factor_inertia(quasi, &positive, &negative, NULL);
    assert_int_equal(positive, N);
    assert_int_equal(negative, M);
    assert_ok(tw_factor_solve(plain, false, 1, b, x, &error));
    assert_ok(tw_factor_solve(quasi, false, 1, b, y, &error));
    assert_ok(tw_factor_solve(pivoted, false, 1, b, z, &error));
    assert_memory_equal(x, y, sizeof x);
    for (int i = 0; i < ORDER; i++) assert_close(y[i], z[i], 1e-11);
    tw_factor_free(plain), tw_factor_free(quasi), tw_factor_free(pivoted), tw_csc_free(&a), free(b);
  }
}

/* Rows twice with E and H so small that rounding takes pivots: as many are replaced as LDLT has to refuse, signs are those of the diagonal,
 * and GMRES with the factors finds the solution of the system itself where there is one. */
static void lost_pivots_are_replaced(void **state) {
  (void)state;
  for (uint64_t key = 1; key <= 20; key++) {
    tw_error error;
    tw_factor *f;
    tw_csc a = saddle(key, 1e-3, 1e-17, 3);
    double *x = vector_random(key + 100, ORDER), b[ORDER] = {0}, y[ORDER] = {0};
    int64_t negative;
    for (int64_t i = 0; i < 3; i++) x[ORDER - 1 - i] = x[N + i];
    assert_fails(tw_factor_csc(&f, TW_FACTOR_LDLT, &a, &error), TW_ERR_SINGULAR, "pivot");
    assert_ok(tw_factor_csc(&f, TW_FACTOR_QUASIDEFINITE, &a, &error));
    assert_int_equal(tw_factor_replaced(f), 3);
    tw_factor_inertia(f, NULL, &negative, NULL);
    assert_int_equal(negative, M);
    tw_csc whole = both_triangles(&a);
    tw_csc_apply(&whole, x, b);
    const tw_linop op = tw_linop_csc(&whole, TW_LINOP_SYMMETRIC), inverse = tw_factor_linop(f);
    const tw_linear_options options = {.rtol = 1e-13, .preconditioner = &inverse, .max_iter = 30};
    tw_linear_result result;
    assert_ok(tw_gmres(&op, b, y, &options, &result, &error));
    assert_true(result.residual <= 1e-11 * result.rhs_norm);
    assert_true(distance(N, x, y) <= 1e-6);
    tw_factor_free(f), tw_csc_free(&a), tw_csc_free(&whole), free(x);
  }
}

/* [1 2; 2 1] has a positive diagonal and a negative eigenvalue. */
static void other_signs_are_refused(void **state) {
  (void)state;
  tw_error error;
  tw_factor *f;
  const double full[4] = {1, 2, 2, 1}, none[4] = {0, 1, 1, 0};
  tw_csc a = sparse_of(2, 2, full), b = sparse_of(2, 2, none);
  assert_fails(tw_factor_csc(&f, TW_FACTOR_QUASIDEFINITE, &a, &error), TW_ERR_SINGULAR, "pivot");
  assert_fails(tw_factor_csc(&f, TW_FACTOR_QUASIDEFINITE, &b, &error), TW_ERR_SINGULAR, "pivot");
  assert_int_equal(tw_factor_replaced(NULL), 0);
  tw_csc_free(&a), tw_csc_free(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pivots_that_are_good_stay),
      cmocka_unit_test(lost_pivots_are_replaced),
      cmocka_unit_test(other_signs_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
