#include "linear/systems.h"

enum { SIDE = 20, N = SIDE * SIDE };

/* Without dropping, that is on a tridiagonal matrix, the incomplete factorizations are complete: M^-1 A = I.
 */
static void exact_on_tridiagonal_matrices(void **state) {
  (void)state;
  enum { SIZE = 15 };
  tw_error error = {0};
  double dense[SIZE * SIZE] = {0};
  for (int i = 0; i < SIZE; i++) {
    dense[i * SIZE + i] = 3 + i % 2;
    if (i > 0) dense[i * SIZE + i - 1] = dense[(i - 1) * SIZE + i] = -1 - 0.01 * i;
  }
  tw_csc a = sparse_of(SIZE, SIZE, dense);
  double *x = vector_random(1, SIZE), ax[SIZE], y[SIZE];
  tw_csc_apply(&a, x, ax);
  for (int kind = 0; kind < 2; kind++) {
    tw_precond *m;
    assert_ok(kind ? tw_precond_ilu0(&m, &a, &error) : tw_precond_ic0(&m, &a, &error));
    const tw_linop *op = tw_precond_linop(m);
    assert_int_equal(op->apply(op->context, ax, y), TW_OK);
    for (int i = 0; i < SIZE; i++) assert_close(y[i], x[i], 1e-13);
    tw_precond_free(m);
  }
  tw_csc_free(&a), free(x);
}

/* A and L U agree on the pattern of A: for ILU(0), apply is linear and its transpose is the adjoint. */
static void transposed_application_is_the_adjoint(void **state) {
  (void)state;
  tw_error error = {0};
  tw_csc a = grid(SIDE, 4, 0.4), s = grid(SIDE, 4, 0);
  double *x = vector_random(1, N), *y = vector_random(2, N), *mx = vector_new(N), *mty = vector_new(N);
  for (int kind = 0; kind < 2; kind++) {
    tw_precond *m;
    assert_ok(kind ? tw_precond_ilu0(&m, &a, &error) : tw_precond_ic0(&m, &s, &error));
    const tw_linop *op = tw_precond_linop(m);
    op->apply(op->context, x, mx);
    op->apply_transpose(op->context, y, mty);
    assert_close(tw_vec_dot(mx, y, N), tw_vec_dot(x, mty, N), 1e-11);
    tw_precond_free(m);
  }
  tw_csc_free(&a), tw_csc_free(&s), free(x), free(y), free(mx), free(mty);
}

static int64_t cg_iterations(const tw_csc *a, const tw_linop *m) {
  tw_error error = {0};
  tw_linear_result result;
  const tw_linop op = tw_linop_csc(a, TW_LINOP_DEFINITE);
  double *b = vector_random(1, a->rows), *x = vector_new(a->rows);
  assert_ok(tw_cg(&op, b, x, &(tw_linear_options){.preconditioner = m}, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
  free(b), free(x);
  return result.iterations;
}

static void ic0_saves_iterations(void **state) {
  (void)state;
  tw_error error = {0};
  tw_csc a = grid(SIDE, 4, 0);
  tw_precond *m;
  assert_ok(tw_precond_ic0(&m, &a, &error));
  assert_true(tw_precond_linop(m)->flags & TW_LINOP_DEFINITE);
  assert_true(2 * cg_iterations(&a, tw_precond_linop(m)) < cg_iterations(&a, NULL));
  tw_precond_free(m);
  tw_csc_free(&a);
}

/* Badly scaled rows and columns: D A D. */
static void jacobi_undoes_scaling(void **state) {
  (void)state;
  tw_error error = {0};
  tw_csc a = grid(SIDE, 5, 0);
  double *diagonal = vector_new(N);
  for (int64_t j = 0; j < N; j++)
    for (int64_t p = a.start[j]; p < a.start[j + 1]; p++) {
      a.value[p] *= pow(10, tw_random_uniform(9, (uint64_t)j) + tw_random_uniform(9, (uint64_t)a.row[p]));
      if (a.row[p] == j) diagonal[j] = a.value[p];
    }
  tw_precond *m;
  assert_ok(tw_precond_jacobi(&m, N, diagonal, &error));
  assert_true(2 * cg_iterations(&a, tw_precond_linop(m)) < cg_iterations(&a, NULL));
  tw_precond_free(m);
  tw_csc_free(&a), free(diagonal);
}

/* Definite, but its incomplete factorization meets a negative pivot (Kershaw 1978): the shift makes it work.
 */
static void ic0_shifts_on_breakdown(void **state) {
  (void)state;
  tw_error error = {0};
  const double kershaw[16] = {3, -2, 0, 2, -2, 3, -2, 0, 0, -2, 3, -2, 2, 0, -2, 3};
  tw_csc a = sparse_of(4, 4, kershaw);
  tw_precond *m;
  assert_ok(tw_precond_ic0(&m, &a, &error));
  assert_true(cg_iterations(&a, tw_precond_linop(m)) <= 8);
  tw_precond_free(m);
  tw_csc_free(&a);
}

static void bad_arguments_are_refused(void **state) {
  (void)state;
  tw_error error;
  tw_precond *m;
  const double bad[3] = {1, 0, 2}, nan[2] = {1, NAN}, hollow[4] = {1, 2, 3, 0}, negative[4] = {1, 0, 0, -1};
  const double singular[4] = {1, 2, 2, 4};
  tw_csc a = sparse_of(2, 2, hollow), b = sparse_of(2, 2, negative), c = sparse_of(2, 2, singular),
         d = sparse_of(1, 2, hollow);
  assert_fails(tw_precond_jacobi(&m, 3, bad, &error), TW_ERR_SINGULAR, "diagonal[1] is 0");
  assert_null(m);
  assert_fails(tw_precond_jacobi(&m, 2, nan, &error), TW_ERR_DATA, "diagonal[1] is nan");
  assert_fails(tw_precond_jacobi(&m, -1, bad, &error), TW_ERR_ARGUMENT, "-1");
  assert_fails(tw_precond_jacobi(NULL, 3, bad, &error), TW_ERR_ARGUMENT, "out");
  assert_fails(tw_precond_ilu0(&m, &a, &error), TW_ERR_SINGULAR, "column 1");
  assert_fails(tw_precond_ilu0(&m, &c, &error), TW_ERR_SINGULAR, "pivot 1");
  assert_fails(tw_precond_ilu0(&m, &d, &error), TW_ERR_SHAPE, "1 x 2");
  assert_fails(tw_precond_ilu0(&m, NULL, &error), TW_ERR_ARGUMENT, "NULL");
  assert_fails(tw_precond_ic0(&m, &a, &error), TW_ERR_SINGULAR, "diagonal entry 1");
  assert_fails(tw_precond_ic0(&m, &b, &error), TW_ERR_SINGULAR, "is -1");
  assert_fails(tw_precond_ic0(NULL, &b, &error), TW_ERR_ARGUMENT, "out");
  tw_precond_free(NULL);
  assert_null(tw_precond_linop(NULL));
  tw_csc_free(&a), tw_csc_free(&b), tw_csc_free(&c), tw_csc_free(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(exact_on_tridiagonal_matrices),
      cmocka_unit_test(transposed_application_is_the_adjoint),
      cmocka_unit_test(ic0_saves_iterations),
      cmocka_unit_test(jacobi_undoes_scaling),
      cmocka_unit_test(ic0_shifts_on_breakdown),
      cmocka_unit_test(bad_arguments_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
