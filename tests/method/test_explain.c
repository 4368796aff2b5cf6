/* Infeasible subsets: what explain names cannot hold, and without any one member it can. */
#include "dense_programs.h"

#include "method/explain.h"

static tw_explanation explain(const tw_qp *qp) {
  tw_oracle oracle;
  tw_explanation e;
  assert_ok(tw_qp_oracle(&oracle, qp, true, &error));
  assert_ok(tw_explain(&oracle, &(tw_exec){.threads = 1}, &e, &error));
  tw_oracle_release(&oracle);
  return e;
}

/* Whether the members but `without` (-1: all) have a point, by another solver than the one that found them. */
static bool feasible(const tw_qp *qp, const tw_explanation *e, int64_t without) {
  tw_qp part;
  assert_ok(tw_qp_copy(&part, qp, &error));
  for (int64_t j = 0; j < qp->n; j++) part.lower[j] = -INFINITY, part.upper[j] = INFINITY, part.q[j] = 0;
  for (int64_t i = 0; i < qp->m; i++) part.row_lower[i] = -INFINITY, part.row_upper[i] = INFINITY;
  for (int64_t k = 0; k < e->members; k++) {
    const tw_member *x = &e->member[k];
    if (k == without) continue;
    if (x->lower) (x->row ? part.row_lower : part.lower)[x->index] = (x->row ? qp->row_lower : qp->lower)[x->index];
    if (x->upper) (x->row ? part.row_upper : part.upper)[x->index] = (x->row ? qp->row_upper : qp->upper)[x->index];
    assert_true(x->limit == (x->lower ? x->row ? qp->row_lower : qp->lower : x->row ? qp->row_upper : qp->upper)[x->index]);
  }
  tw_result r = program_solve(&part, tw_method_find("cbc") ? "cbc" : "ipm");
  const bool found = r.outcome == TW_SOLVED;
  if (!found) assert_int_equal(r.outcome, TW_INFEASIBLE);
  tw_result_free(&r);
  tw_qp_free(&part);
  return found;
}

static void expect_irreducible(const tw_qp *qp) {
  tw_explanation e = explain(qp);
  if (e.verdict != TW_EXPLAIN_INFEASIBLE) fail_msg("verdict %d: %s", e.verdict, e.message);
  assert_true(e.irreducible && e.members >= 1);
  assert_false(feasible(qp, &e, -1));
  for (int64_t k = 0; k < e.members; k++)
    if (!feasible(qp, &e, k)) fail_msg("member %lld of %lld is not needed", (long long)k, (long long)e.members);
  tw_explanation_free(&e);
}

/* Random rows that a point meets, and rows against it: a positive combination of some of the rows, negated and moved. */
static tw_qp contradictory(uint64_t key, int64_t n, int64_t m) {
  tw_qp qp = program_new(n, m);
  double x[32], sum = 0;
  program_linear(&qp);
  for (int64_t j = 0; j < n; j++) x[j] = draw(key, (uint64_t)j, -1, 1), qp.lower[j] = -3, qp.upper[j] = 3;
  for (int64_t i = 0; i + 1 < m; i++) {
    double at = 0;
    for (int64_t j = 0; j < n; j++) {
      const double a = draw(key, (uint64_t)(100 + i * n + j), -1, 1);
      *program_at(&qp, i, j) = a > 0.3 || a < -0.3 ? a : 0;
      at += *program_at(&qp, i, j) * x[j];
    }
    if (i % 3 == 0)
      qp.row_lower[i] = qp.row_upper[i] = at;
    else if (i % 3 == 1)
      qp.row_upper[i] = at + draw(key, (uint64_t)(50 + i), 0, 0.2);
    else
      qp.row_lower[i] = at - 0.1, qp.row_upper[i] = at + 0.1;
    if (i % 3 != 1 && i > 4) continue;
    const double weight = draw(key, (uint64_t)(70 + i), 0.2, 1);
    for (int64_t j = 0; j < n; j++) *program_at(&qp, m - 1, j) += weight * *program_at(&qp, i, j);
    sum += weight * qp.row_upper[i];
  }
  qp.row_lower[m - 1] = sum + 0.1;
  return qp;
}

static void random_linear_programs(void **state) {
  (void)state;
  for (uint64_t key = 1; key <= 6; key++) {
    tw_qp qp = contradictory(key, 3 + (int64_t)key, 6 + (int64_t)key);
    expect_irreducible(&qp);
    tw_qp_free(&qp);
  }
}

static void without_a_contradiction(void **state) {
  (void)state;
  tw_qp qp = contradictory(9, 6, 9);
  qp.row_lower[8] = -INFINITY;
  tw_explanation e = explain(&qp);
  assert_int_equal(e.verdict, TW_EXPLAIN_FEASIBLE);
  assert_int_equal(e.members, 0);
  assert_true(e.residual <= 1e-7);
  tw_explanation_free(&e);
  tw_qp_free(&qp);
}

/* x + y >= 3 within the unit square: one row and two bounds. */
static void bounds_are_members(void **state) {
  (void)state;
  tw_qp qp = program_new(3, 2);
  program_linear(&qp);
  *program_at(&qp, 0, 0) = *program_at(&qp, 0, 1) = *program_at(&qp, 1, 2) = 1;
  qp.row_lower[0] = 3, qp.row_lower[1] = -5;
  tw_explanation e = explain(&qp);
  assert_int_equal(e.members, 3);
  for (int64_t k = 0; k < 3; k++)
    assert_true(e.member[k].row ? e.member[k].index == 0 && e.member[k].lower : e.member[k].index < 2 && e.member[k].upper);
  tw_explanation_free(&e);
  tw_qp_free(&qp);
}

static void limits_that_cross(void **state) {
  (void)state;
  tw_qp qp = program_new(3, 1);
  program_linear(&qp);
  qp.lower[1] = 2;
  tw_explanation e = explain(&qp);
  assert_int_equal(e.members, 2);
  assert_true(e.irreducible && e.crossing == 1 && !e.member[0].row && e.member[0].index == 1 && e.member[0].lower && e.member[1].upper);
  tw_explanation_free(&e);
  qp.row_lower[0] = 1, qp.row_upper[0] = 0;
  e = explain(&qp);
  assert_int_equal(e.crossing, 2);
  assert_true(e.member[0].row);
  tw_explanation_free(&e);
  tw_qp_free(&qp);
}

/* 2 x + 4 y = 7 and x + y <= 15 within 0 .. 10: parity alone. */
static void integers(void **state) {
  (void)state;
  tw_qp qp = program_new(2, 2);
  program_linear(&qp);
  program_integer(&qp, 0, 2);
  *program_at(&qp, 0, 0) = 2, *program_at(&qp, 0, 1) = 4, *program_at(&qp, 1, 0) = *program_at(&qp, 1, 1) = 1;
  qp.row_lower[0] = qp.row_upper[0] = 7, qp.row_upper[1] = 15;
  qp.upper[0] = qp.upper[1] = 10;
  tw_explanation e = explain(&qp);
  assert_int_equal(e.verdict, TW_EXPLAIN_INFEASIBLE);
  assert_true(e.integral);
  assert_non_null(strstr(e.message, "relaxation is feasible"));
  bool parity = false;
  for (int64_t k = 0; k < e.members; k++) parity |= e.member[k].row && e.member[k].index == 0;
  assert_true(parity);
  for (int64_t k = 0; k < e.members; k++) assert_false(e.member[k].row && e.member[k].index == 1);
  qp.row_lower[0] = qp.row_upper[0] = 100; /* and now the relaxation is the reason */
  tw_explanation_free(&e);
  e = explain(&qp);
  assert_int_equal(e.verdict, TW_EXPLAIN_INFEASIBLE);
  assert_false(e.integral);
  tw_explanation_free(&e);
  tw_qp_free(&qp);
}

static void a_stopped_search_says_so(void **state) {
  (void)state;
  tw_qp qp = contradictory(3, 6, 9);
  tw_oracle oracle;
  tw_explanation e;
  const volatile int stop = 1;
  assert_ok(tw_qp_oracle(&oracle, &qp, true, &error));
  assert_ok(tw_explain(&oracle, &(tw_exec){.threads = 1, .stop = &stop}, &e, &error));
  assert_true(e.verdict != TW_EXPLAIN_FEASIBLE);
  if (e.verdict == TW_EXPLAIN_INFEASIBLE && !e.irreducible) assert_false(feasible(&qp, &e, -1));
  tw_explanation_free(&e);
  tw_oracle_release(&oracle);
  tw_qp_free(&qp);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(random_linear_programs),
                                     cmocka_unit_test(without_a_contradiction),
                                     cmocka_unit_test(bounds_are_members),
                                     cmocka_unit_test(limits_that_cross),
                                     cmocka_unit_test(integers),
                                     cmocka_unit_test(a_stopped_search_says_so)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
