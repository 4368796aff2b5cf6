/* The tableau of branch and bound: at any bounds it says what interior points say, or that it does not know. */
#include "dense_programs.h"

#include "method/program/bb_lp.h"
#include "method/program/qp_solve.h"

static tw_qp random_program(uint64_t key, int64_t n, int64_t m) {
  tw_qp qp = program_new(n, m);
  program_linear(&qp);
  for (int64_t j = 0; j < n; j++) {
    qp.q[j] = draw(key, (uint64_t)j, -2, 2);
    qp.lower[j] = draw(key, 20 + (uint64_t)j, -3, 0), qp.upper[j] = qp.lower[j] + draw(key, 40 + (uint64_t)j, 0, 5);
    if (j % 5 == 4) qp.upper[j] = INFINITY;
    for (int64_t i = 0; i < m; i++) {
      const double a = draw(key, (uint64_t)(100 + i * n + j), -1, 1);
      *program_at(&qp, i, j) = fabs(a) > 0.4 ? a : 0;
    }
  }
  for (int64_t i = 0; i < m; i++) {
    const double at = draw(key, 60 + (uint64_t)i, -1, 1);
    if (i % 4 == 0)
      qp.row_lower[i] = qp.row_upper[i] = at;
    else if (i % 4 == 1)
      qp.row_lower[i] = at;
    else
      qp.row_upper[i] = at, qp.row_lower[i] = i % 4 == 2 ? -INFINITY : at - 2;
  }
  return qp;
}

/* The answer is optimal for qp: feasible, and its bound is its objective; or interior points find no point either. */
static void check(tw_bb_lp *lp, const tw_qp *qp, int *solved, int *infeasible) {
  double x[16], y[16], f;
  tw_qp_answer a;
  const tw_bb_lp_end end = tw_bb_lp_solve(lp, x, y, &f);
  assert_ok(tw_qp_solve(qp, 1e-9, NULL, &a, &error));
  if (end == TW_BB_LP_SOLVED) {
    assert_int_equal(a.outcome, TW_SOLVED);
    assert_close(f, a.f, 1e-7);
    assert_close(tw_qp_objective(qp, x), f, 1e-7);
    assert_true(program_violation(qp, x) <= 1e-7);
    ++*solved;
  } else if (end == TW_BB_LP_INFEASIBLE) {
    assert_int_equal(a.outcome, TW_INFEASIBLE);
    ++*infeasible;
  }
  tw_qp_answer_free(&a);
}

static void it_follows_bounds(void **state) {
  (void)state;
  int solved = 0, infeasible = 0, bases = 0;
  for (uint64_t key = 1; key <= 12; key++) {
    tw_qp qp = random_program(key, 8, 5), root;
    tw_bb_lp *lp;
    assert_ok(tw_qp_copy(&root, &qp, &error));
    assert_ok(tw_bb_lp_new(&lp, &qp, &error));
    if (lp) {
      bases++;
      for (uint64_t k = 0; k < 30; k++) {
        const int64_t j = tw_random_integer(key, 1000 + k, 0, qp.n);
        const double middle = qp.lower[j] + draw(key, 2000 + k, 0.2, 0.8) * (isfinite(qp.upper[j]) ? qp.upper[j] - qp.lower[j] : 2);
        *(k % 2 ? &qp.lower[j] : &qp.upper[j]) = middle;
        check(lp, &qp, &solved, &infeasible);
        if (k % 3 == 0) tw_bb_lp_keep(lp);
        if (k % 7 != 6) continue;
        vec_copy(qp.n, root.lower, qp.lower), vec_copy(qp.n, root.upper, qp.upper);
        tw_bb_lp_restart(lp);
      }
    }
    tw_bb_lp_free(lp);
    tw_qp_free(&root);
    tw_qp_free(&qp);
  }
  assert_true(bases >= 4 && solved > 20 && infeasible > 20);
}

/* Where the objective falls for ever, and where it is quadratic, there is no basis. */
static void what_has_none(void **state) {
  (void)state;
  tw_bb_lp *lp;
  tw_qp qp = program_new(2, 1);
  qp.p.value[0] = 1;
  assert_ok(tw_bb_lp_new(&lp, &qp, &error));
  assert_null(lp);
  program_linear(&qp);
  qp.q[0] = -1, qp.upper[0] = INFINITY;
  assert_ok(tw_bb_lp_new(&lp, &qp, &error));
  assert_null(lp);
  qp.q[0] = 1;
  assert_ok(tw_bb_lp_new(&lp, &qp, &error));
  assert_non_null(lp);
  tw_bb_lp_free(lp);
  tw_qp_free(&qp);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(it_follows_bounds), cmocka_unit_test(what_has_none)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
