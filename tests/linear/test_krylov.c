/* What every solver owes, checked through one table. */
#include "linear/systems.h"

enum { N = 40 };

static const struct {
  const char *name;
  solver *solve;
} solvers[] = {{"tw_cg", tw_cg},       {"tw_minres", tw_minres},
               {"tw_gmres", tw_gmres}, {"tw_bicgstab", tw_bicgstab},
               {"tw_lsqr", tw_lsqr},   {"tw_normal_cg", tw_normal_cg}};
enum { SOLVERS = sizeof solvers / sizeof *solvers };
#define FOR_EACH_SOLVER(i) for (int i = 0; i < SOLVERS; i++)

static double *matrix;
static tw_dense dense;
static tw_linop op;

static int setup(void **state) {
  (void)state;
  matrix = matrix_symmetric(11, N, 0.1, 5, false);
  dense = (tw_dense){N, N, matrix};
  op = tw_linop_dense(&dense, TW_LINOP_DEFINITE);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  free(matrix);
  return 0;
}

static void all_solve_a_definite_system(void **state) {
  (void)state;
  FOR_EACH_SOLVER(i) {
    tw_error error = {0};
    tw_linear_result result;
    double *b = vector_random(5, N), x[N] = {0};
    assert_ok(solvers[i].solve(&op, b, x, NULL, &result, &error));
    assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
    assert_true(relative_residual(N, N, matrix, x, b) <= 5e-9);
    assert_true(result.residual <= 1e-10 * result.rhs_norm);
    assert_true(result.iterations > 0 && result.iterations <= 3 * N &&
                result.applications >= result.iterations);
    free(b);
  }
}

/* The residual reported is the one of the x returned, converged or not. */
static void the_reported_residual_is_true(void **state) {
  (void)state;
  const bool least_squares[SOLVERS] = {[4] = true, [5] = true};
  FOR_EACH_SOLVER(i) for (int64_t limit = 1; limit < 30; limit += 7) {
    tw_error error = {0};
    tw_linear_result result;
    double *b = vector_random(6, N), *x = vector_random(7, N), r[N], g[N];
    assert_ok(solvers[i].solve(&op, b, x, &(tw_linear_options){.max_iter = limit}, &result, &error));
    assert_true(result.iterations <= limit);
    op.apply(op.context, x, r);
    for (int j = 0; j < N; j++) r[j] = b[j] - r[j];
    op.apply(op.context, r, g);
    assert_close(result.residual, tw_vec_norm2(least_squares[i] ? g : r, N), 1e-12);
    assert_true((result.residual <= 1e-10 * result.rhs_norm) == (result.reason == TW_LINEAR_CONVERGED));
    if (result.reason != TW_LINEAR_CONVERGED) assert_int_equal(result.reason, TW_LINEAR_LIMIT);
    free(b), free(x);
  }
}

static void a_zero_right_hand_side_gives_zero(void **state) {
  (void)state;
  FOR_EACH_SOLVER(i) {
    tw_error error = {0};
    tw_linear_result result;
    const double b[N] = {0};
    double *x = vector_random(7, N);
    assert_ok(solvers[i].solve(&op, b, x, NULL, &result, &error));
    assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
    assert_true(tw_vec_norm_inf(x, N) == 0 && result.residual == 0 && result.iterations == 0);
    free(x);
  }
}

/* An exact start is recognised, a good one saves iterations. */
static void the_start_is_used(void **state) {
  (void)state;
  FOR_EACH_SOLVER(i) {
    tw_error error = {0};
    tw_linear_result cold, warm;
    double *b = vector_random(5, N), x[N] = {0};
    assert_ok(solvers[i].solve(&op, b, x, NULL, &cold, &error));
    assert_ok(solvers[i].solve(&op, b, x, NULL, &warm, &error));
    assert_int_equal(warm.reason, TW_LINEAR_CONVERGED);
    assert_int_equal(warm.iterations, 0);
    for (int j = 0; j < N; j++) x[j] += 1e-6 * b[j];
    assert_ok(solvers[i].solve(&op, b, x, NULL, &warm, &error));
    assert_int_equal(warm.reason, TW_LINEAR_CONVERGED);
    assert_true(warm.iterations < cold.iterations);
    free(b);
  }
}

/* Scaling b by a power of two scales x exactly, even where its square over- or underflows. */
static void solutions_scale_with_the_right_hand_side(void **state) {
  (void)state;
  FOR_EACH_SOLVER(i) {
    tw_error error = {0};
    tw_linear_result result;
    double *b = vector_random(5, N), x[N] = {0};
    assert_ok(solvers[i].solve(&op, b, x, NULL, &result, &error));
    for (int e = -800; e <= 800; e += 1600) {
      double scaled[N], y[N] = {0};
      for (int j = 0; j < N; j++) scaled[j] = ldexp(b[j], e);
      assert_ok(solvers[i].solve(&op, scaled, y, NULL, &result, &error));
      assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
      for (int j = 0; j < N; j++) assert_close(ldexp(y[j], -e), x[j], 1e-9);
    }
    free(b);
  }
}

/* A tolerance below what the precision allows ends as stagnation at a small residual, not as a claim and not
 * at the limit. */
static void impossible_tolerances_stagnate(void **state) {
  (void)state;
  FOR_EACH_SOLVER(i) {
    tw_error error = {0};
    tw_linear_result result;
    double *b = vector_random(5, N), x[N] = {0};
    assert_ok(solvers[i].solve(&op, b, x, &(tw_linear_options){.rtol = 1e-30, .max_iter = 100000}, &result,
                               &error));
    if (result.reason != TW_LINEAR_STAGNATED)
      fail_msg("%s: %s", solvers[i].name, tw_linear_reason_text(result.reason));
    assert_true(result.residual <= 1e-13 * result.rhs_norm);
    assert_true(result.iterations < 2000);
    free(b);
  }
}

static void an_operator_failure_is_passed_on(void **state) {
  (void)state;
  FOR_EACH_SOLVER(i) for (int64_t calls = 0; calls < 6; calls++) {
    tw_error error;
    tw_linear_result result;
    failing f = {op, calls};
    const tw_linop broken = failing_linop(&f);
    double *b = vector_random(5, N), *x = vector_random(9, N);
    assert_fails(solvers[i].solve(&broken, b, x, NULL, &result, &error), TW_ERR_INTERRUPT, solvers[i].name);
    assert_non_null(strstr(error.message, "operator failed"));
    assert_int_equal(result.reason, TW_LINEAR_OPERATOR);
    for (int j = 0; j < N; j++) assert_true(isfinite(x[j]));
    free(b), free(x);
  }
}

static void a_preconditioner_failure_is_passed_on(void **state) {
  (void)state;
  FOR_EACH_SOLVER(i) for (int64_t calls = 0; calls < 4; calls++) {
    tw_error error;
    tw_linear_result result;
    failing f = {op, calls};
    const tw_linop broken = failing_linop(&f);
    double *b = vector_random(5, N), x[N] = {0};
    assert_fails(
        solvers[i].solve(&op, b, x, &(tw_linear_options){.preconditioner = &broken}, &result, &error),
        TW_ERR_INTERRUPT, "preconditioner failed");
    assert_int_equal(result.reason, TW_LINEAR_OPERATOR);
    free(b);
  }
}

/* NaN from the operator ends the solve as a breakdown and stays out of x. */
static tw_status apply_nan(void *context, const double *x, double *y) {
  (void)context, (void)x;
  for (int i = 0; i < N; i++) y[i] = i == 3 ? NAN : 1;
  return TW_OK;
}

static void nan_stays_out_of_x(void **state) {
  (void)state;
  const tw_linop bad = {N, N, TW_LINOP_DEFINITE, apply_nan, apply_nan, NULL};
  FOR_EACH_SOLVER(i) {
    tw_error error = {0};
    tw_linear_result result;
    double *b = vector_random(5, N), x[N] = {0};
    assert_ok(solvers[i].solve(&bad, b, x, NULL, &result, &error));
    assert_int_equal(result.reason, TW_LINEAR_BREAKDOWN);
    for (int j = 0; j < N; j++) assert_true(isfinite(x[j]));
    free(b);
  }
}

static void runs_repeat_bit_for_bit(void **state) {
  (void)state;
  FOR_EACH_SOLVER(i) {
    tw_error error = {0};
    tw_linear_result result;
    double *b = vector_random(5, N), x[N] = {0}, y[N] = {0};
    assert_ok(solvers[i].solve(&op, b, x, NULL, &result, &error));
    assert_ok(solvers[i].solve(&op, b, y, NULL, &result, &error));
    assert_memory_equal(x, y, sizeof x);
    free(b);
  }
}

static void systems_of_order_zero_and_one(void **state) {
  (void)state;
  FOR_EACH_SOLVER(i) {
    tw_error error = {0};
    tw_linear_result result;
    const double four = 4, b = 2;
    double x = 0;
    const tw_dense none = {0, 0, NULL}, one = {1, 1, &four};
    const tw_linop empty = tw_linop_dense(&none, TW_LINOP_DEFINITE),
                   unit = tw_linop_dense(&one, TW_LINOP_DEFINITE);
    assert_ok(solvers[i].solve(&empty, NULL, NULL, NULL, &result, &error));
    assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
    assert_ok(solvers[i].solve(&unit, &b, &x, NULL, &result, &error));
    assert_int_equal(result.reason, TW_LINEAR_CONVERGED);
    assert_close(x, 0.5, 1e-15);
  }
}

static void bad_arguments_are_refused(void **state) {
  (void)state;
  double *b = vector_random(5, N), x[N] = {0}, bad[N] = {0};
  bad[17] = INFINITY;
  FOR_EACH_SOLVER(i) {
    solver *solve = solvers[i].solve;
    tw_error error;
    tw_linear_result result;
    tw_linop no_apply = op, narrow = op, negative = op;
    no_apply.apply = NULL, narrow.cols = N - 1, negative.rows = negative.cols = -1;
    assert_fails(solve(NULL, b, x, NULL, &result, &error), TW_ERR_ARGUMENT, "operator `a`");
    assert_fails(solve(&no_apply, b, x, NULL, &result, &error), TW_ERR_ARGUMENT, "apply");
    assert_fails(solve(&negative, b, x, NULL, &result, &error), TW_ERR_SHAPE, "-1 x -1");
    assert_fails(solve(&op, NULL, x, NULL, &result, &error), TW_ERR_ARGUMENT, "b must not be NULL");
    assert_fails(solve(&op, b, NULL, NULL, &result, &error), TW_ERR_ARGUMENT, "x must not be NULL");
    assert_fails(solve(&op, x, x, NULL, &result, &error), TW_ERR_ARGUMENT, "same memory");
    assert_fails(solve(&op, b, x, NULL, NULL, &error), TW_ERR_ARGUMENT, "result");
    assert_fails(solve(&op, bad, x, NULL, &result, &error), TW_ERR_DATA, "b[17] is inf");
    assert_fails(solve(&op, b, bad, NULL, &result, &error), TW_ERR_DATA, "x[17] is inf");
    assert_fails(solve(&op, b, x, &(tw_linear_options){.rtol = -1}, &result, &error), TW_ERR_ARGUMENT,
                 "rtol");
    assert_fails(solve(&op, b, x, &(tw_linear_options){.atol = NAN}, &result, &error), TW_ERR_ARGUMENT,
                 "atol");
    assert_fails(solve(&op, b, x, &(tw_linear_options){.max_iter = -2}, &result, &error), TW_ERR_ARGUMENT,
                 "-2");
    assert_fails(solve(&op, b, x, &(tw_linear_options){.damp = -1}, &result, &error), TW_ERR_ARGUMENT,
                 "damp is -1");
    assert_fails(solve(&op, b, x, &(tw_linear_options){.preconditioner = &narrow}, &result, &error),
                 TW_ERR_SHAPE, "preconditioner is 40 x 39");
    assert_fails(solve(&op, b, x, &(tw_linear_options){.preconditioner = &no_apply}, &result, &error),
                 TW_ERR_ARGUMENT, "preconditioner's apply");
  }
  free(b);
}

static void unsuitable_operators_are_refused(void **state) {
  (void)state;
  tw_error error;
  tw_linear_result result;
  double *b = vector_random(5, N), x[N] = {0};
  tw_linop general = op, wide = op, one_way = op;
  general.flags = one_way.flags = 0, one_way.apply_transpose = NULL, wide.rows = N - 1;
  assert_fails(tw_cg(&general, b, x, NULL, &result, &error), TW_ERR_ARGUMENT, "not flagged symmetric");
  assert_fails(tw_minres(&general, b, x, NULL, &result, &error), TW_ERR_ARGUMENT, "not flagged symmetric");
  assert_fails(tw_gmres(&wide, b, x, NULL, &result, &error), TW_ERR_SHAPE, "39 x 40");
  assert_fails(tw_bicgstab(&wide, b, x, NULL, &result, &error), TW_ERR_SHAPE, "39 x 40");
  assert_fails(tw_lsqr(&one_way, b, x, NULL, &result, &error), TW_ERR_ARGUMENT, "apply_transpose");
  assert_fails(tw_normal_cg(&one_way, b, x, NULL, &result, &error), TW_ERR_ARGUMENT, "apply_transpose");
  assert_fails(tw_gmres(&op, b, x, &(tw_linear_options){.damp = 1}, &result, &error), TW_ERR_ARGUMENT,
               "damp");
  free(b);
}

static void every_reason_has_its_text(void **state) {
  (void)state;
  for (int i = TW_LINEAR_CONVERGED; i <= TW_LINEAR_OPERATOR; i++)
    for (int j = 0; j < i; j++)
      assert_string_not_equal(tw_linear_reason_text((tw_linear_reason)i),
                              tw_linear_reason_text((tw_linear_reason)j));
  assert_string_equal(tw_linear_reason_text((tw_linear_reason)99), "unknown reason");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_solve_a_definite_system),
      cmocka_unit_test(the_reported_residual_is_true),
      cmocka_unit_test(a_zero_right_hand_side_gives_zero),
      cmocka_unit_test(the_start_is_used),
      cmocka_unit_test(solutions_scale_with_the_right_hand_side),
      cmocka_unit_test(impossible_tolerances_stagnate),
      cmocka_unit_test(an_operator_failure_is_passed_on),
      cmocka_unit_test(a_preconditioner_failure_is_passed_on),
      cmocka_unit_test(nan_stays_out_of_x),
      cmocka_unit_test(runs_repeat_bit_for_bit),
      cmocka_unit_test(systems_of_order_zero_and_one),
      cmocka_unit_test(bad_arguments_are_refused),
      cmocka_unit_test(unsuitable_operators_are_refused),
      cmocka_unit_test(every_reason_has_its_text),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}
