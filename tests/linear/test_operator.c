#include "linear/systems.h"

/* <A x, y> = <x, A'y>, and both agree with the row-major matrix. */
static void check_adjoint(const tw_linop *op, const double *dense) {
  const int64_t m = op->rows, n = op->cols;
  double *x = vector_random(7, n), *y = vector_random(8, m), *ax = vector_new(m), *aty = vector_new(n);
  assert_int_equal(op->apply(op->context, x, ax), TW_OK);
  assert_int_equal(op->apply_transpose(op->context, y, aty), TW_OK);
  assert_close(tw_vec_dot(ax, y, (size_t)m), tw_vec_dot(x, aty, (size_t)n), 1e-12);
  for (int64_t i = 0; i < m; i++) assert_close(ax[i], tw_vec_dot(dense + i * n, x, (size_t)n), 1e-12);
  free(x), free(y), free(ax), free(aty);
}

static void dense_and_sparse_agree(void **state) {
  (void)state;
  double *a = matrix_general(1, 11, 5, 0.1, 10), *s = matrix_symmetric(2, 8, 0.1, 10, true);
  const tw_dense da = {11, 5, a}, ds = {8, 8, s};
  tw_csc ca = sparse_of(11, 5, a), cs = sparse_of(8, 8, s);
  const tw_linop ops[] = {tw_linop_dense(&da, 0), tw_linop_csc(&ca, 0),
                          tw_linop_dense(&ds, TW_LINOP_SYMMETRIC), tw_linop_csc(&cs, TW_LINOP_SYMMETRIC),
                          tw_linop_csc(&cs, 0)};
  for (int i = 0; i < 5; i++) check_adjoint(&ops[i], i < 2 ? a : s);
  tw_csc_free(&ca), tw_csc_free(&cs);
  free(a), free(s);
}

static void lowrank_is_its_dense_matrix(void **state) {
  (void)state;
  enum { N = 9, K = 3 };
  double *u = vector_random(1, N * K), *d = vector_random(2, N), *s = vector_random(3, K), scratch[K],
         dense[N * N];
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      dense[i * N + j] = i == j ? d[i] : 0;
      for (int k = 0; k < K; k++) dense[i * N + j] += u[i * K + k] * s[k] * u[j * K + k];
    }
  const tw_lowrank a = {N, K, d, u, s, scratch};
  const tw_linop op = tw_linop_lowrank(&a);
  assert_true(op.flags & TW_LINOP_SYMMETRIC);
  check_adjoint(&op, dense);
  free(u), free(d), free(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dense_and_sparse_agree),
      cmocka_unit_test(lowrank_is_its_dense_matrix),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
