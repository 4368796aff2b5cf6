/* GMRES and BiCGSTAB: general systems. */
#include "linear/systems.h"

enum { N = 60 };

static const struct {
  const char *name;
  solver *solve;
} solvers[] = {{"tw_gmres", tw_gmres}, {"tw_bicgstab", tw_bicgstab}};

/* I + 0.3 random: well conditioned and far from symmetric. */
static double *shifted_random(uint64_t key) {
  double *a = vector_random(key, N * N);
  for (int i = 0; i < N * N; i++) a[i] = 0.3 * a[i] / sqrt(N) * 2 + (i % (N + 1) == 0);
  return a;
}

static void nonsymmetric_systems_converge(void **state) {
  (void)state;
  for (int s = 0; s < 2; s++)
    for (uint64_t key = 1; key < 6; key++) {
      tw_error error = {0};
      tw_linear_result result;
      double *a = shifted_random(key), *b = vector_random(key + 50, N), x[N] = {0};
      const tw_dense dense = {N, N, a};
      const tw_linop op = tw_linop_dense(&dense, 0);
      assert_ok(solvers[s].solve(&op, b, x, NULL, &result, &error));
      assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
      assert_true(relative_residual(N, N, a, x, b) <= 1.01e-10);
      free(a), free(b);
    }
}

/* Convection-diffusion on a grid; ILU(0) saves iterations and restarts do not prevent convergence. */
static void ilu0_saves_iterations(void **state) {
  (void)state;
  enum { SIDE = 24, CELLS = SIDE * SIDE };
  tw_csc a = grid(SIDE, 4, 0.5);
  const tw_linop op = tw_linop_csc(&a, 0);
  double *b = vector_random(1, CELLS), *ax = vector_new(CELLS);
  for (int s = 0; s < 2; s++) {
    tw_error error = {0};
    tw_linear_result plain, helped;
    tw_precond *m;
    double *x = vector_new(CELLS), *y = vector_new(CELLS);
    assert_ok(tw_precond_ilu0(&m, &a, &error));
    assert_ok(solvers[s].solve(&op, b, x, NULL, &plain, &error));
    assert_ok(solvers[s].solve(&op, b, y, &(tw_linear_options){.preconditioner = tw_precond_linop(m)},
                               &helped, &error));
    assert_int_equal(plain.reason, TW_LINEAR_CONVERGED);
    assert_int_equal(helped.reason, TW_LINEAR_CONVERGED);
    assert_true(2 * helped.iterations < plain.iterations);
    tw_csc_apply(&a, y, ax);
    assert_true(distance(CELLS, ax, b) <= 1.01e-10 * tw_vec_norm2(b, CELLS));
    tw_precond_free(m), free(x), free(y);
  }
  tw_csc_free(&a), free(b), free(ax);
}

/* Full GMRES ends after at most n steps; its last triangle has the condition of A. */
static void full_gmres_ends_in_n_steps(void **state) {
  (void)state;
  tw_error error = {0};
  tw_linear_result result;
  double *a = matrix_general(3, N, N, 1e-4, 1), *b = vector_random(4, N), x[N] = {0};
  const tw_dense dense = {N, N, a};
  const tw_linop op = tw_linop_dense(&dense, 0);
  assert_ok(tw_gmres(&op, b, x, &(tw_linear_options){.restart = N}, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
  assert_true(result.iterations <= N + 1);
  assert_true(result.condition > 0.5e4 && result.condition < 1.01e4);
  free(a), free(b);
}

static tw_status shift_apply(void *context, const double *x, double *y) {
  (void)context;
  for (int i = 0; i < N; i++) y[i] = x[(i + 1) % N];
  return TW_OK;
}

/* The cyclic shift: GMRES makes no progress before step n, so GMRES(m) stagnates and says so; full GMRES
 * solves it. */
static void restarted_gmres_admits_stagnation(void **state) {
  (void)state;
  tw_error error = {0};
  tw_linear_result result;
  const tw_linop shift = {.rows = N, .cols = N, .apply = shift_apply};
  double b[N] = {1}, x[N] = {0};
  assert_ok(tw_gmres(&shift, b, x, NULL, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_STAGNATED);
  assert_close(result.residual, 1, 1e-15);
  assert_ok(tw_gmres(&shift, b, x, &(tw_linear_options){.restart = N}, &result, &error));
  assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
  assert_int_equal(result.iterations, N);
  for (int i = 0; i < N; i++) assert_close(x[i], i == 1, 1e-14);
}

/* A nilpotent matrix and b outside its range: no solution, found out at once. */
static void singular_systems_break_down(void **state) {
  (void)state;
  const double a[9] = {0, 1, 0, 0, 0, 1, 0, 0, 0}, b[3] = {0, 0, 1};
  const tw_dense dense = {3, 3, a};
  const tw_linop op = tw_linop_dense(&dense, 0);
  for (int s = 0; s < 2; s++) {
    tw_error error = {0};
    tw_linear_result result;
    double x[3] = {0};
    assert_ok(solvers[s].solve(&op, b, x, NULL, &result, &error));
    assert_true(result.reason == TW_LINEAR_BREAKDOWN || result.reason == TW_LINEAR_STAGNATED);
    assert_true(result.residual <= 1 + 1e-15);
    assert_true(tw_vec_norm_inf(x, 3) < INFINITY);
  }
}

/* Skew-symmetric: every r'A r is zero, where plain BiCGSTAB breaks down at the first step. */
static void skew_symmetric_systems(void **state) {
  (void)state;
  double *a = vector_random(9, N * N), *b = vector_random(10, N);
  for (int i = 0; i < N; i++)
    for (int j = 0; j <= i; j++) a[i * N + j] = i == j ? 0 : -a[j * N + i];
  const tw_dense dense = {N, N, a};
  const tw_linop op = tw_linop_dense(&dense, 0);
  for (int s = 0; s < 2; s++) {
    tw_error error = {0};
    tw_linear_result result;
    double x[N] = {0};
    assert_ok(
        solvers[s].solve(&op, b, x, &(tw_linear_options){.restart = N, .max_iter = 5000}, &result, &error));
    assert_true(result.residual <= result.rhs_norm);
    if (s == 0) assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
    assert_true((result.reason == TW_LINEAR_CONVERGED) == (result.residual <= 1e-10 * result.rhs_norm));
  }
  free(a), free(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nonsymmetric_systems_converge), cmocka_unit_test(ilu0_saves_iterations),
      cmocka_unit_test(full_gmres_ends_in_n_steps),    cmocka_unit_test(restarted_gmres_admits_stagnation),
      cmocka_unit_test(singular_systems_break_down),   cmocka_unit_test(skew_symmetric_systems),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
