/* Quadratic programs with bounds alone by coordinate descent, with equalities alone by one linear system. */
#include "programs.h"

static void boxes(void **state) {
  (void)state;
  for (int i = 0; i < 40; i++) {
    const int64_t n = 1 + i % 11;
    program s = program_random(n, 0, i % 4 ? n : 0, true, (uint64_t)i);
    program_state(&s, true);
    tw_result r = program_solve(&s.oracle, "box_cd:tol=1e-10,max_iter=100000");
    const double f = program_objective(&s, s.x);
    assert_int_equal(r.outcome, TW_SOLVED);
    assert_close(r.f, f, 1e-8 * (1 + fabs(f)));
    assert_close(r.f, program_objective(&s, r.x), 1e-12 * (1 + fabs(f)));
    for (int64_t j = 0; j < n; j++) assert_true(r.x[j] >= s.lower[j] && r.x[j] <= s.upper[j]);
    if (i % 4)
      for (int64_t j = 0; j < n; j++) assert_close(r.x[j], s.x[j], 1e-5);
    tw_result_free(&r);
    program_free(&s);
  }
}

static void box_without_end(void **state) {
  (void)state;
  program s = program_random(3, 0, 0, true, 1);
  s.q[1] = -1, s.upper[1] = INFINITY;
  program_state(&s, true);
  tw_result r = program_solve(&s.oracle, "box_cd");
  assert_int_equal(r.outcome, TW_UNBOUNDED);
  tw_result_free(&r);
  program_free(&s);
}

/* min sum_j w_j (x_j - t_j)^2 / 2 with weights of very different sizes: no coordinate is forgotten for another. */
static void coordinates_of_any_size(void **state) {
  (void)state;
  static const char *const methods[] = {"equality_qp", "osqp", "box_cd"};
  static const double weight[][3] = {{2e8, 2, 200}, {2e10, 2e-10, 1}, {1e-8, 1e8, 1}}, target[] = {1e-5, 1, 2};
  int64_t start[] = {0, 1, 2, 3}, row[] = {0, 1, 2}, none[] = {0, 0, 0, 0};
  double value[3], q[3], empty = 0;
  const tw_csc p = {3, 3, start, row, value}, a = {0, 3, none, row, value};
  const double free_below[] = {-INFINITY, -INFINITY, -INFINITY}, free_above[] = {INFINITY, INFINITY, INFINITY};
  for (int i = 0; i < 9; i++) {
    for (int j = 0; j < 3; j++) value[j] = weight[i / 3][j], q[j] = -value[j] * target[j];
    const bool box = i % 3 == 2;
    const tw_quadratic squares = {.p = &p, .q = q, .a = &a, .row_lower = &empty, .row_upper = &empty, .convex = true,
                                  .lower = box ? free_below : NULL, .upper = box ? free_above : NULL};
    tw_oracle oracle;
    assert_int_equal(tw_oracle_quadratic(&oracle, &squares, NULL), TW_OK);
    tw_result r = program_solve(&oracle, methods[i % 3]);
    assert_int_equal(r.outcome, TW_SOLVED);
    for (int j = 0; j < 3; j++)
      if (!(fabs(r.x[j] - target[j]) <= (i % 3 == 1 ? 1e-5 : 1e-9) * target[j])) /* osqp's own tolerance is 1e-6 */
        fail_msg("%s: x[%d] = %.12g, expected %g", methods[i % 3], j, r.x[j], target[j]);
    tw_result_free(&r);
    tw_oracle_release(&oracle);
  }
}

/* Every row an equality at x; the last one twice when `dependent`. */
static void make_equalities(program *s, bool dependent) {
  const int64_t m = s->a.rows, n = s->a.cols;
  for (int64_t j = 0; j < n; j++)
    for (int64_t k = s->a.start[j]; dependent && k < s->a.start[j + 1]; k++)
      if (s->a.row[k] >= m - 2) s->a.value[k] = 0.25 * (double)(j + 1); /* rows m-2 and m-1 share the places that both have */
  double *work = program_vector(m + n);
  tw_csc_apply(&s->a, s->x, work);
  for (int64_t i = 0; i < m; i++) s->row_lower[i] = s->row_upper[i] = work[i], s->y[i] = program_normal(9, i);
  tw_csc_apply_transpose(&s->a, s->y, work);
  for (int64_t j = 0; j < n; j++) s->q[j] = -work[j];
  for (int64_t j = 0; j < n; j++)
    for (int64_t k = s->p.start[j]; k < s->p.start[j + 1]; k++) {
      const int64_t i = s->p.row[k];
      s->q[i] -= s->p.value[k] * s->x[j];
      if (i != j) s->q[j] -= s->p.value[k] * s->x[i];
    }
  free(work);
}

static void equalities(void **state) {
  (void)state;
  static const char *const methods[] = {"equality_qp", "equality_qp:solver=gmres"};
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < 40; i++) {
      const int64_t n = 6 + i % 9, m = i % 5;
      const bool singular = i % 4 == 3; /* P alone is singular, on the rows' null space it is not */
      program s = program_random(n, m, singular ? n - m + 1 : n, false, 50 + (uint64_t)i);
      make_equalities(&s, false);
      program_state(&s, false);
      tw_result r = program_solve(&s.oracle, methods[k]);
      if (r.outcome != TW_SOLVED) fail_msg("%s, program %d: %s", methods[k], i, r.message);
      const double f = program_objective(&s, s.x);
      assert_close(r.f, f, 1e-9 * (1 + fabs(f)));
      if (m < 2)
        for (int64_t j = 0; j < n; j++) assert_close(r.x[j], s.x[j], 1e-6);
      tw_result_free(&r);
      program_free(&s);
    }
}

/* Rows m-2 and m-1 the same, then with other right-hand sides. */
static void dependent_rows(void **state) {
  (void)state;
  program s = program_random(8, 4, 8, false, 77);
  tw_csc_free(&s.a);
  s.a = program_random_matrix(4, 8, 2, 5);
  make_equalities(&s, true);
  program_state(&s, false);
  tw_result r = program_solve(&s.oracle, "equality_qp");
  assert_int_equal(r.outcome, TW_SOLVED);
  for (int64_t j = 0; j < 8; j++) assert_close(r.x[j], s.x[j], 1e-6);
  tw_result_free(&r);
  s.row_lower[3] = s.row_upper[3] += 1;
  r = program_solve(&s.oracle, "equality_qp");
  assert_int_equal(r.outcome, TW_INFEASIBLE);
  tw_result_free(&r);
  program_free(&s);
}

/* No row and no curvature stops the last variable. */
static void line_without_end(void **state) {
  (void)state;
  program s = program_random(5, 2, 0, false, 78);
  for (int64_t k = s.a.start[4]; k < s.a.start[5]; k++) s.a.value[k] = 0;
  make_equalities(&s, false);
  s.q[4] = 1;
  program_state(&s, false);
  tw_result r = program_solve(&s.oracle, "equality_qp");
  assert_int_equal(r.outcome, TW_UNBOUNDED);
  tw_result_free(&r);
  program_free(&s);
}

static void inequalities_are_refused(void **state) {
  (void)state;
  program s = program_random(5, 2, 5, false, 79);
  s.row_lower[0] = 0, s.row_upper[0] = 1;
  program_state(&s, false);
  program_refused(&s.oracle, "equality_qp", "no equality");
  program_free(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(boxes),
      cmocka_unit_test(box_without_end),
      cmocka_unit_test(coordinates_of_any_size),
      cmocka_unit_test(equalities),
      cmocka_unit_test(dependent_rows),
      cmocka_unit_test(line_without_end),
      cmocka_unit_test(inequalities_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
