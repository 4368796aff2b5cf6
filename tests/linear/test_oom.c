/* Every allocation of every function may fail: an error comes back, nothing leaks (address sanitizer),
 * nothing is half done. */
#include "failing_malloc.h"
#include "linear/systems.h"

enum { N = 12 };

static double *symmetric;
static tw_csc sparse;

static int setup(void **state) {
  (void)state;
  symmetric = matrix_symmetric(1, N, 0.5, 3, false);
  sparse = sparse_of(N, N, symmetric);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  tw_csc_free(&sparse);
  free(symmetric);
  return 0;
}

static tw_status solve_iteratively(int which, tw_error *error) {
  static solver *const solvers[] = {tw_cg, tw_minres, tw_gmres, tw_bicgstab, tw_lsqr, tw_normal_cg};
  const tw_dense dense = {N, N, symmetric};
  const tw_linop op = tw_linop_dense(&dense, TW_LINOP_DEFINITE);
  double b[N] = {1, 2, 3}, x[N] = {0};
  tw_linear_result result;
  const tw_status status = which < 6 ? solvers[which](&op, b, x, NULL, &result, error)
                                     : tw_sor(&sparse, b, x, 1, NULL, &result, error);
  if (status == TW_OK) assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
  return status;
}

static tw_status precondition(int which, tw_error *error) {
  const double diagonal[N] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  tw_precond *m;
  const tw_status status = which == 0   ? tw_precond_jacobi(&m, N, diagonal, error)
                           : which == 1 ? tw_precond_ilu0(&m, &sparse, error)
                                        : tw_precond_ic0(&m, &sparse, error);
  assert_true((m != NULL) == (status == TW_OK));
  tw_precond_free(m);
  return status;
}

static tw_status factor(int which, tw_error *error) {
  tw_factor *f;
  double b[2 * N] = {1, 2, 3};
  const tw_factor_kind kind = (tw_factor_kind)(which / 2);
  tw_status status =
      which % 2 ? tw_factor_csc(&f, kind, &sparse, error) : tw_factor_dense(&f, kind, N, N, symmetric, error);
  assert_true((f != NULL) == (status == TW_OK));
  if (status == TW_OK && which % 2) status = tw_factor_update(f, &sparse, error);
  if (status == TW_OK) status = tw_factor_solve(f, true, 2, b, b, error);
  if (status == TW_OK) {
    const double condition = tw_factor_condition(f);
    assert_true(isnan(condition) || (condition > 2 && condition < 200));
  }
  tw_factor_free(f);
  return status;
}

static tw_status triplets(int which, tw_error *error) {
  (void)which;
  const int64_t index[3] = {0, 1, 1};
  const double value[3] = {1, 2, 3};
  tw_csc a, t = {0};
  tw_status status = tw_csc_from_triplets(&a, 2, 2, 3, index, index, value, error);
  if (status == TW_OK) status = tw_csc_transpose(&t, &a, error);
  tw_csc_free(&a), tw_csc_free(&t);
  return status;
}

static void iterative_solvers(void **state) {
  (void)state;
  for (int which = 0; which < 7; which++) failing_each(solve_iteratively, which, 500);
}

static void preconditioners(void **state) {
  (void)state;
  for (int which = 0; which < 3; which++) failing_each(precondition, which, 500);
}

static void factors(void **state) {
  (void)state;
  for (int which = 0; which < 8; which++) failing_each(factor, which, 500);
}

static void sparse_matrices(void **state) {
  (void)state;
  failing_each(triplets, 0, 500);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(iterative_solvers),
      cmocka_unit_test(preconditioners),
      cmocka_unit_test(factors),
      cmocka_unit_test(sparse_matrices),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
