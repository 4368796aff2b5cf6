/* What only sparse factors do: large systems, updates. */
#include "linear/systems.h"

enum { SIDE = 30, N = SIDE * SIDE };

static void check_solution(tw_factor *f, const tw_csc *a) {
  tw_error error = {0};
  double *x = vector_random(1, N), *b = vector_new(N), *y = vector_new(N);
  tw_csc_apply(a, x, b);
  assert_ok(tw_factor_solve(f, false, 1, b, y, &error));
  assert_close(distance(N, x, y), 0, 1e-9);
  tw_csc_apply_transpose(a, x, b);
  assert_ok(tw_factor_solve(f, true, 1, b, y, &error));
  assert_close(distance(N, x, y), 0, 1e-9);
  free(x), free(b), free(y);
}

/* A well-posed matrix per kind on the same grid pattern, or a second one when `other`. */
static tw_csc grid_for(tw_factor_kind kind, bool other) {
  tw_csc a = grid(SIDE, other ? 5 : 4.1, kind == TW_FACTOR_LU || kind == TW_FACTOR_QR ? 0.3 : 0);
  for (int64_t j = 0; kind == TW_FACTOR_LDLT && j < N;
       j++) /* quasi-definite: every third diagonal entry negated */
    for (int64_t p = a.start[j]; p < a.start[j + 1]; p++)
      if (a.row[p] == j && j % 3 == 0) a.value[p] = -a.value[p];
  return a;
}

static void updates_solve_with_the_new_values(void **state) {
  (void)state;
  for (int kind = TW_FACTOR_LU; kind <= TW_FACTOR_INDEFINITE; kind++) {
    tw_error error = {0};
    tw_factor *f, *fresh;
    tw_csc a = grid_for((tw_factor_kind)kind, false), b = grid_for((tw_factor_kind)kind, true);
    assert_ok(tw_factor_csc(&f, (tw_factor_kind)kind, &a, &error));
    check_solution(f, &a);
    const double before = tw_factor_condition(f);
    assert_ok(tw_factor_update(f, &b, &error));
    check_solution(f, &b);
    assert_ok(tw_factor_csc(&fresh, (tw_factor_kind)kind, &b, &error));
    assert_close(tw_factor_condition(f), tw_factor_condition(fresh), 1e-8);
    assert_true(fabs(tw_factor_condition(f) - before) > 0.01 * before);
    int64_t counts[2][3];
    tw_factor_inertia(f, &counts[0][0], &counts[0][1], &counts[0][2]);
    tw_factor_inertia(fresh, &counts[1][0], &counts[1][1], &counts[1][2]);
    assert_memory_equal(counts[0], counts[1], sizeof counts[0]);
    tw_factor_free(f), tw_factor_free(fresh), tw_csc_free(&a), tw_csc_free(&b);
  }
}

/* A failed update leaves a factor that says so, and that the next update repairs. */
static void failed_updates_can_be_repaired(void **state) {
  (void)state;
  for (int kind = TW_FACTOR_LU; kind <= TW_FACTOR_INDEFINITE; kind++) {
    tw_error error = {0};
    tw_factor *f;
    tw_csc a = grid_for((tw_factor_kind)kind, false), singular = grid_for((tw_factor_kind)kind, false);
    double *b = vector_random(1, N);
    for (int64_t p = 0; p < singular.start[N]; p++) singular.value[p] = 0;
    assert_ok(tw_factor_csc(&f, (tw_factor_kind)kind, &a, &error));
    assert_fails(tw_factor_update(f, &singular, &error), TW_ERR_SINGULAR, "sparse");
    assert_fails(tw_factor_solve(f, false, 1, b, b, &error), TW_ERR_SINGULAR, "last update");
    assert_true(isnan(tw_factor_condition(f)));
    assert_ok(tw_factor_update(f, &a, &error));
    check_solution(f, &a);
    tw_factor_free(f), tw_csc_free(&a), tw_csc_free(&singular), free(b);
  }
}

static void other_patterns_are_refused(void **state) {
  (void)state;
  tw_error error = {0};
  tw_factor *f;
  const double full[4] = {3, 1, 1, 3}, diagonal[4] = {3, 0, 0, 3}, small[1] = {1};
  tw_csc a = sparse_of(2, 2, full), b = sparse_of(2, 2, diagonal), c = sparse_of(1, 1, small);
  assert_ok(tw_factor_csc(&f, TW_FACTOR_LU, &a, &error));
  assert_fails(tw_factor_update(f, &b, &error), TW_ERR_SHAPE, "another pattern");
  assert_fails(tw_factor_update(f, &c, &error), TW_ERR_SHAPE, "1 x 1");
  assert_fails(tw_factor_update(f, NULL, &error), TW_ERR_ARGUMENT, "NULL");
  assert_fails(tw_factor_update(NULL, &a, &error), TW_ERR_ARGUMENT, "factor");
  double x[2] = {4, 4};
  assert_ok(tw_factor_solve(f, false, 1, x, x, &error)); /* a refused update leaves the factor as it was */
  assert_close(x[0], 1, 1e-15);
  tw_factor_free(f), tw_csc_free(&a), tw_csc_free(&b), tw_csc_free(&c);
}

/* Malformed matrices are found before a library sees them. */
static void malformed_matrices_are_refused(void **state) {
  (void)state;
  tw_error error;
  tw_factor *f;
  const double full[9] = {3, 1, 1, 1, 3, 1, 1, 1, 3};
  for (int kind = TW_FACTOR_LU; kind <= TW_FACTOR_INDEFINITE; kind++) {
    tw_csc a = sparse_of(3, 3, full);
    a.row[4] = 9;
    assert_fails(tw_factor_csc(&f, (tw_factor_kind)kind, &a, &error), TW_ERR_RANGE,
                 "column 1 has an entry in row 9");
    a.row[4] = 0;
    assert_fails(tw_factor_csc(&f, (tw_factor_kind)kind, &a, &error), TW_ERR_RANGE, "column 1 do not ascend");
    a.row[4] = 1, a.value[4] = INFINITY;
    assert_fails(tw_factor_csc(&f, (tw_factor_kind)kind, &a, &error), TW_ERR_DATA, "row 1, column 1 is inf");
    a.value[4] = 3, a.start[1] = 7;
    assert_fails(tw_factor_csc(&f, (tw_factor_kind)kind, &a, &error), TW_ERR_RANGE,
                 "start descends at column 1");
    a.start[0] = 1, a.start[1] = 3;
    assert_fails(tw_factor_csc(&f, (tw_factor_kind)kind, &a, &error), TW_ERR_RANGE, "start[0]");
    tw_csc_free(&a);
  }
}

/* A saddle point [H B'; B 0] with a zero block is no quasi-definite matrix, but with diagonals that
 * elimination fills the refined LDL' still solves it; when it meets a zero pivot it says so. */
static void zero_pivots_are_reported(void **state) {
  (void)state;
  tw_error error;
  tw_factor *f;
  const double swap[4] = {0, 1, 1, 0};
  tw_csc a = sparse_of(2, 2, swap);
  assert_fails(tw_factor_csc(&f, TW_FACTOR_LDLT, &a, &error), TW_ERR_SINGULAR, "pivot");
  tw_csc_free(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(updates_solve_with_the_new_values), cmocka_unit_test(failed_updates_can_be_repaired),
      cmocka_unit_test(other_patterns_are_refused),        cmocka_unit_test(malformed_matrices_are_refused),
      cmocka_unit_test(zero_pivots_are_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
