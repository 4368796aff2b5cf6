/* Ranges against solving again: within a range the objective is what the basis says, beyond it something else is better. */
#include "dense_programs.h"

#include "method/ranging.h"

static bool available(void) {
  tw_qp qp = program_new(1, 1);
  tw_oracle oracle;
  tw_basis_ranges *ranges = NULL;
  const double x = 0, y = 0;
  program_linear(&qp);
  assert_ok(tw_qp_oracle(&oracle, &qp, true, &error));
  const tw_status status = tw_ranges_new(&ranges, &oracle, &x, &y, &error);
  tw_ranges_free(ranges);
  tw_oracle_release(&oracle);
  tw_qp_free(&qp);
  return status != TW_ERR_UNSUPPORTED && tw_method_find("cbc") != NULL;
}

static double optimum(const tw_qp *qp) {
  tw_result r = program_solve(qp, "cbc");
  const double f = r.outcome == TW_SOLVED ? r.f : INFINITY;
  tw_result_free(&r);
  return f;
}

/* Generic, so that its basis is not degenerate. */
static tw_qp generic(uint64_t key, int64_t n, int64_t m) {
  tw_qp qp = program_new(n, m);
  program_linear(&qp);
  for (int64_t j = 0; j < n; j++) {
    qp.q[j] = draw(key, (uint64_t)j, -2, 1), qp.lower[j] = 0, qp.upper[j] = j % 2 ? 2 : INFINITY;
    for (int64_t i = 0; i < m; i++) *program_at(&qp, i, j) = draw(key, (uint64_t)(100 + i * n + j), 0.1, 1);
  }
  for (int64_t i = 0; i < m; i++) {
    qp.row_upper[i] = draw(key, (uint64_t)(50 + i), 1, 3);
    if (i % 3 == 1) qp.row_lower[i] = 0.2;
  }
  return qp;
}

/* Moves *number to `to`: the optimum is `expected` when `same`, strictly below it (min: the basis loses) otherwise. */
static void expect(tw_qp *qp, double *number, double to, double expected, bool same, const char *what, int64_t k) {
  const double before = *number;
  *number = to;
  const double f = optimum(qp);
  *number = before;
  const bool equal = fabs(f - expected) <= 1e-7 * fmax(1, fabs(expected));
  if (equal != same) fail_msg("%s %lld at %.10g: %.12g, the basis says %.12g", what, (long long)k, to, f, expected);
}

static void check_costs(tw_qp *qp, const tw_basis_ranges *r) {
  for (int64_t j = 0; j < r->n; j++) {
    const tw_range *x = &r->column[j];
    assert_true(x->now == qp->q[j] && x->low <= x->now + 1e-9 && x->now <= x->high + 1e-9);
    for (int side = 0; side < 2; side++) {
      const double end = side ? x->high : x->low, step = side ? 1 : -1, at = side ? x->at_high : x->at_low;
      const double inside = isfinite(end) ? 0.5 * (end + x->now) : x->now + 10 * step;
      expect(qp, &qp->q[j], inside, r->objective + (inside - x->now) * x->value, true, "cost", j);
      if (!isfinite(end)) continue;
      assert_close(at, r->objective + (end - x->now) * x->value, 1e-9);
      expect(qp, &qp->q[j], end, at, true, "cost", j);
      expect(qp, &qp->q[j], end + 0.01 * step, at + 0.01 * step * x->value, false, "cost", j);
    }
  }
}

static void check_limits(tw_qp *qp, const tw_basis_ranges *r) {
  for (int64_t i = 0; i < r->m; i++) {
    const tw_range *x = &r->row[i];
    double *limit = x->now == qp->row_upper[i] ? &qp->row_upper[i] : &qp->row_lower[i];
    assert_true(x->now == *limit && x->low <= x->now + 1e-9 && x->now <= x->high + 1e-9);
    if (x->basic) assert_true(x->rate == 0);
    for (int side = 0; side < 2; side++) {
      const double end = side ? x->high : x->low, step = side ? 1 : -1, at = side ? x->at_high : x->at_low;
      const double inside = isfinite(end) ? 0.5 * (end + x->now) : x->now + 10 * step;
      if (qp->row_lower[i] == -INFINITY || isfinite(end))
        expect(qp, limit, inside, r->objective + x->rate * (inside - x->now), true, "limit", i);
      if (!isfinite(end)) continue;
      assert_close(at, r->objective + x->rate * (end - x->now), 1e-9);
      expect(qp, limit, end, at, true, "limit", i);
      expect(qp, limit, end + 0.01 * step, at + 0.01 * step * x->rate, false, "limit", i);
    }
  }
}

static void ranges_are_those_of_solving_again(void **state) {
  (void)state;
  if (!available()) skip();
  static const char *const methods[] = {"cbc", "ipm"};
  for (uint64_t key = 1; key <= 4; key++) {
    tw_qp qp = generic(key, 5, 4);
    tw_oracle oracle;
    tw_basis_ranges *ranges;
    assert_ok(tw_qp_oracle(&oracle, &qp, true, &error));
    tw_result r = program_solve(&qp, methods[key % 2]);
    assert_int_equal(r.outcome, TW_SOLVED);
    assert_ok(tw_ranges_new(&ranges, &oracle, r.x, r.dual, &error));
    assert_close(ranges->objective, r.f, 1e-7);
    assert_true(ranges->moved <= 1e-5);
    assert_false(ranges->primal_degenerate || ranges->dual_degenerate);
    check_costs(&qp, ranges);
    check_limits(&qp, ranges);
    tw_ranges_free(ranges);
    tw_result_free(&r);
    tw_oracle_release(&oracle);
    tw_qp_free(&qp);
  }
}

/* min -x - y with x + y <= 1: an edge of optima; x + y <= 1, x <= 1, y >= 0 at (1, 0): three limits in the plane. */
static void degeneracy_is_told(void **state) {
  (void)state;
  if (!available()) skip();
  tw_qp qp = program_new(2, 1);
  tw_oracle oracle;
  tw_basis_ranges *ranges;
  const double x[] = {0.5, 0.5}, y[] = {1}, corner[] = {1, 0};
  program_linear(&qp);
  *program_at(&qp, 0, 0) = *program_at(&qp, 0, 1) = 1;
  qp.row_upper[0] = 1;
  qp.q[0] = qp.q[1] = -1;
  assert_ok(tw_qp_oracle(&oracle, &qp, true, &error));
  assert_ok(tw_ranges_new(&ranges, &oracle, x, y, &error));
  assert_true(ranges->dual_degenerate);
  assert_close(ranges->moved, 0.5, 1e-9);
  assert_close(ranges->objective, -1, 1e-9);
  tw_ranges_free(ranges);
  qp.q[0] = -2;
  assert_ok(tw_ranges_new(&ranges, &oracle, corner, y, &error));
  assert_true(ranges->primal_degenerate);
  tw_ranges_free(ranges);
  tw_oracle_release(&oracle);
  tw_qp_free(&qp);
}

/* max x + 2 y with x + y + 3 <= 7, -9 <= x - y - 1 and x, y <= 3: at (1, 3), and the rows as stated, 7 and -3. The first limit may move
 * from 6, where x = 0, to 9, where x = 3. */
static void constants_of_rows_are_in_them(void **state) {
  (void)state;
  if (!available()) skip();
  tw_graph *graph = tw_graph_new();
  tw_problem *p = tw_problem_new(graph);
  const tw_expr x = tw_problem_variable(p, "x", TW_SCALAR), y = tw_problem_variable(p, "y", TW_SCALAR);
  tw_problem_bounds(p, x, tw_scalar(graph, 0), tw_scalar(graph, 3)), tw_problem_bounds(p, y, tw_scalar(graph, 0), tw_scalar(graph, 3));
  tw_problem_maximize(p, "f", tw_add(x, tw_scale(y, 2)));
  tw_problem_subject(p, "a", tw_add(tw_add(x, y), tw_scalar(graph, 3)), TW_NONE, tw_scalar(graph, 7));
  tw_problem_subject(p, "b", tw_sub(tw_sub(x, y), tw_scalar(graph, 1)), tw_scalar(graph, -9), TW_NONE);
  tw_class cls;
  tw_oracle oracle;
  tw_basis_ranges *r;
  const double at[] = {1, 3}, dual[] = {1, 0};
  assert_ok(tw_classify(p, &cls, &error));
  assert_ok(tw_oracle_from_problem(&oracle, p, &cls, &error));
  assert_ok(tw_ranges_new(&r, &oracle, at, dual, &error));
  assert_close(r->row[0].value, 7, 1e-12);
  assert_close(r->row[0].now, 7, 1e-12);
  assert_close(r->row[0].low, 6, 1e-12);
  assert_close(r->row[0].high, 9, 1e-12);
  assert_close(r->row[1].value, -3, 1e-12);
  assert_close(r->row[1].now, -9, 1e-12);
  assert_true(r->row[1].basic && !r->row[0].basic);
  tw_ranges_free(r);
  tw_oracle_release(&oracle);
  tw_problem_free(p);
  tw_graph_free(graph);
}

static void what_has_no_basis_is_refused(void **state) {
  (void)state;
  if (!available()) skip();
  tw_qp qp = program_new(2, 1);
  tw_oracle oracle;
  tw_basis_ranges *ranges;
  const double x[] = {0, 0}, y[] = {0};
  qp.p.value[0] = 1;
  assert_ok(tw_qp_oracle(&oracle, &qp, true, &error));
  assert_fails(tw_ranges_new(&ranges, &oracle, x, y, &error), TW_ERR_UNSUPPORTED, "linear objective");
  tw_oracle_release(&oracle);
  program_integer(&qp, 0, 1);
  assert_ok(tw_qp_oracle(&oracle, &qp, true, &error));
  assert_fails(tw_ranges_new(&ranges, &oracle, x, y, &error), TW_ERR_UNSUPPORTED, "without integers");
  tw_oracle_release(&oracle);
  tw_qp_free(&qp);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(ranges_are_those_of_solving_again), cmocka_unit_test(degeneracy_is_told),
                                     cmocka_unit_test(constants_of_rows_are_in_them),
                                     cmocka_unit_test(what_has_no_basis_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
