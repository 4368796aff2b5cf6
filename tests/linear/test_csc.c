#include "linear/systems.h"

static void triplets_sum_duplicates_and_sort(void **state) {
  (void)state;
  tw_error error = {0};
  const int64_t row[] = {2, 0, 2, 1, 0}, col[] = {1, 0, 1, 2, 1};
  const double value[] = {1, 2, 4, 8, 16};
  tw_csc a;
  assert_ok(tw_csc_from_triplets(&a, 3, 3, 5, row, col, value, &error));
  const int64_t start[] = {0, 1, 3, 4}, rows[] = {0, 0, 2, 1};
  const double values[] = {2, 16, 5, 8};
  assert_memory_equal(a.start, start, sizeof start);
  assert_memory_equal(a.row, rows, sizeof rows);
  assert_memory_equal(a.value, values, sizeof values);
  tw_csc_free(&a);
  tw_csc_free(&a); /* freed and zeroed */
  tw_csc_free(NULL);
}

/* Random triplets with many duplicates give the matrix of their sums. */
static void triplets_match_a_dense_sum(void **state) {
  (void)state;
  enum { ROWS = 13, COLS = 7, N = 400 };
  tw_error error = {0};
  int64_t row[N], col[N];
  double value[N], sum[ROWS * COLS] = {0};
  for (int i = 0; i < N; i++) {
    row[i] = tw_random_integer(1, (uint64_t)i, 0, ROWS);
    col[i] = tw_random_integer(2, (uint64_t)i, 0, COLS);
    value[i] = (double)tw_random_integer(3, (uint64_t)i, -9, 9);
    sum[row[i] * COLS + col[i]] += value[i];
  }
  tw_csc a;
  assert_ok(tw_csc_from_triplets(&a, ROWS, COLS, N, row, col, value, &error));
  for (int64_t j = 0; j < COLS; j++)
    for (int64_t p = a.start[j]; p < a.start[j + 1]; p++) {
      if (p > a.start[j]) assert_true(a.row[p] > a.row[p - 1]);
      assert_true(a.value[p] == sum[a.row[p] * COLS + j]);
      sum[a.row[p] * COLS + j] = 0;
    }
  for (int i = 0; i < ROWS * COLS; i++) assert_true(sum[i] == 0);
  tw_csc_free(&a);
}

static void transpose_is_an_involution_and_the_adjoint(void **state) {
  (void)state;
  tw_error error = {0};
  double *dense = matrix_general(1, 9, 6, 0.1, 10);
  tw_csc a = sparse_of(9, 6, dense), t, tt;
  assert_ok(tw_csc_transpose(&t, &a, &error));
  assert_ok(tw_csc_transpose(&tt, &t, &error));
  assert_int_equal(t.rows, 6);
  assert_memory_equal(a.start, tt.start, 7 * sizeof *a.start);
  assert_memory_equal(a.row, tt.row, (size_t)a.start[6] * sizeof *a.row);
  assert_memory_equal(a.value, tt.value, (size_t)a.start[6] * sizeof *a.value);
  double *x = vector_random(2, 6), *y = vector_random(3, 9), *ax = vector_new(9), *aty = vector_new(6),
         *ty = vector_new(6);
  tw_csc_apply(&a, x, ax);
  tw_csc_apply_transpose(&a, y, aty);
  tw_csc_apply(&t, y, ty);
  assert_close(tw_vec_dot(ax, y, 9), tw_vec_dot(x, aty, 6), 1e-13);
  assert_close(distance(6, ty, aty), 0, 1e-13);
  for (int i = 0; i < 9; i++) assert_close(ax[i], tw_vec_dot(dense + i * 6, x, 6), 1e-13);
  tw_csc_free(&a), tw_csc_free(&t), tw_csc_free(&tt);
  free(dense), free(x), free(y), free(ax), free(aty), free(ty);
}

static void empty_matrices_work(void **state) {
  (void)state;
  tw_error error = {0};
  tw_csc a, t;
  assert_ok(tw_csc_from_triplets(&a, 0, 0, 0, NULL, NULL, NULL, &error));
  assert_ok(tw_csc_transpose(&t, &a, &error));
  tw_csc_free(&a), tw_csc_free(&t);
  assert_ok(tw_csc_from_triplets(&a, 3, 2, 0, NULL, NULL, NULL, &error));
  double x[2] = {1, 2}, y[3] = {9, 9, 9};
  tw_csc_apply(&a, x, y);
  assert_true(y[0] == 0 && y[1] == 0 && y[2] == 0);
  tw_csc_free(&a);
}

static void bad_triplets_are_refused(void **state) {
  (void)state;
  tw_error error = {0};
  tw_csc a;
  const int64_t row[] = {0, 3}, col[] = {0, 1}, negative[] = {0, -1};
  const double value[] = {1, 1};
  assert_fails(tw_csc_from_triplets(&a, 3, 3, 2, row, col, value, &error), TW_ERR_RANGE,
               "triplet 1 is at (3, 1)");
  assert_null(a.start);
  assert_fails(tw_csc_from_triplets(&a, 3, 3, 2, col, negative, value, &error), TW_ERR_RANGE, "triplet 1");
  assert_fails(tw_csc_from_triplets(&a, 3, -3, 2, row, col, value, &error), TW_ERR_SHAPE, "-3");
  assert_fails(tw_csc_from_triplets(&a, 3, 3, 2, NULL, col, value, &error), TW_ERR_ARGUMENT, "NULL");
  assert_fails(tw_csc_from_triplets(NULL, 3, 3, 2, row, col, value, &error), TW_ERR_ARGUMENT, "out");
  assert_fails(tw_csc_from_triplets(&a, INT64_MAX, 1, 0, NULL, NULL, NULL, &error), TW_ERR_MEMORY, "memory");
  assert_fails(tw_csc_transpose(&a, NULL, &error), TW_ERR_ARGUMENT, "NULL");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(triplets_sum_duplicates_and_sort),
      cmocka_unit_test(triplets_match_a_dense_sum),
      cmocka_unit_test(transpose_is_an_involution_and_the_adjoint),
      cmocka_unit_test(empty_matrices_work),
      cmocka_unit_test(bad_triplets_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
