/* Cuts at the root: each is violated at the vertex it was made for, none excludes an integer point, and the search finds the same
 * optimum with them in fewer nodes. */
#include "dense_programs.h"

#include "method/program/bb_cut.h"
#include "method/program/bb_lp.h"
#include "method/program/qp_solve.h"

enum { INTEGERS = 4, CONTINUOUS = 3, N = INTEGERS + CONTINUOUS, M = 5 };

/* Integers in small boxes, the last variables continuous; some rows bound a continuous variable by an integer one. */
static tw_qp random_program(uint64_t key) {
  tw_qp qp = program_new(N, M);
  program_linear(&qp);
  for (int64_t j = 0; j < N; j++) {
    qp.q[j] = draw(key, (uint64_t)j, -3, 1);
    qp.lower[j] = 0, qp.upper[j] = j >= INTEGERS ? draw(key, 30 + (uint64_t)j, 2, 6) : key % 3 == 0 ? 3 : 1;
  }
  for (int64_t i = 0; i < M; i++) {
    const int64_t y = i % INTEGERS, x = INTEGERS + i % CONTINUOUS;
    if (i >= 3) { /* x <= most y */
      *program_at(&qp, i, x) = 1, *program_at(&qp, i, y) = -draw(key, 50 + (uint64_t)i, 1, 5);
      qp.row_lower[i] = -INFINITY, qp.row_upper[i] = 0;
      continue;
    }
    double sum = 0;
    for (int64_t j = 0; j < N; j++) {
      const double a = nearbyint(draw(key, (uint64_t)(100 + i * N + j), -4, 9));
      *program_at(&qp, i, j) = a;
      sum += fmax(0, a) * qp.upper[j];
    }
    const double at = nearbyint(0.4 * sum) + 0.5 * (double)(key % 2);
    qp.row_upper[i] = at, qp.row_lower[i] = i == 1 && key % 5 == 0 ? at : -INFINITY;
  }
  return qp;
}

/* The largest value of the cut at points with these integers, by a linear program; -inf: there are none. */
static double largest(const tw_qp *qp, const tw_cut *cut, const double *integer) {
  tw_qp fixed;
  tw_qp_answer a;
  assert_ok(tw_qp_copy(&fixed, qp, &error));
  vec_zero(N, fixed.q);
  for (int64_t k = 0; k < cut->count; k++) fixed.q[cut->col[k]] = -cut->value[k];
  for (int64_t j = 0; j < INTEGERS; j++) fixed.lower[j] = fixed.upper[j] = integer[j];
  assert_ok(tw_qp_solve(&fixed, 1e-10, NULL, &a, &error));
  double most = -INFINITY;
  if (a.outcome == TW_SOLVED) {
    most = 0;
    for (int64_t k = 0; k < cut->count; k++) most += cut->value[k] * a.x[cut->col[k]];
  } else {
    assert_int_equal(a.outcome, TW_INFEASIBLE);
  }
  tw_qp_answer_free(&a);
  tw_qp_free(&fixed);
  return most;
}

static void check_cut(const tw_qp *qp, const tw_cut *cut, const double *vertex) {
  double integer[INTEGERS], at = 0;
  int64_t points = 1;
  for (int64_t k = 0; k < cut->count; k++) at += cut->value[k] * vertex[cut->col[k]];
  assert_true(at > cut->limit);
  for (int64_t j = 0; j < INTEGERS; j++) points *= (int64_t)qp->upper[j] + 1;
  for (int64_t p = 0; p < points; p++) {
    for (int64_t j = 0, rest = p; j < INTEGERS; j++) {
      const int64_t values = (int64_t)qp->upper[j] + 1;
      integer[j] = (double)(rest % values), rest /= values;
    }
    const double most = largest(qp, cut, integer);
    if (most > cut->limit + 1e-7 * fmax(1, fabs(cut->limit))) fail_msg("a cut at %g excludes a point with %g", cut->limit, most);
  }
}

static void no_integer_point_is_cut_off(void **state) {
  (void)state;
  int64_t place[N], cuts = 0;
  for (int64_t j = 0; j < N; j++) place[j] = j < INTEGERS ? j : -1;
  for (uint64_t key = 1; key <= 100; key++) {
    tw_qp qp = random_program(key);
    tw_csc rows;
    tw_bb_lp *lp;
    double x[N], y[M], f;
    assert_ok(tw_csc_transpose(&rows, &qp.a, &error));
    assert_ok(tw_bb_lp_new(&lp, &qp, &error));
    if (lp && tw_bb_lp_solve(lp, x, y, &f) == TW_BB_LP_SOLVED) {
      tw_cutter c = {.n = N, .m = M, .qp = &qp, .rows = &rows, .place = place, .lower = qp.lower, .upper = qp.upper, .x = x};
      assert_ok(tw_cutter_open(&c, &error));
      assert_ok(tw_cutter_separate(&c, &error));
      for (size_t k = 0; k < c.cuts && k < 6; k++) check_cut(&qp, &c.cut[k], x);
      cuts += (int64_t)c.cuts;
      tw_cutter_close(&c);
    }
    tw_bb_lp_free(lp);
    tw_csc_free(&rows), tw_qp_free(&qp);
  }
  print_message("%lld cuts\n", (long long)cuts);
  assert_true(cuts > 60);
}

/* Knapsacks with many covers: the same optimum, in fewer nodes altogether. */
static void the_optimum_stays(void **state) {
  (void)state;
  enum { ITEMS = 22, ROWS = 3 };
  int64_t nodes[2] = {0, 0};
  for (uint64_t key = 1; key <= 8; key++) {
    tw_qp qp = program_new(ITEMS, ROWS);
    tw_oracle oracle;
    double found[2];
    program_linear(&qp);
    qp.kinds = tw_alloc(ITEMS, sizeof *qp.kinds);
    assert_non_null(qp.kinds);
    for (int64_t j = 0; j < ITEMS; j++) {
      qp.kinds[j] = TW_BINARY, qp.lower[j] = 0, qp.upper[j] = 1, qp.q[j] = -nearbyint(draw(key, (uint64_t)j, 20, 60));
      for (int64_t i = 0; i < ROWS; i++) *program_at(&qp, i, j) = nearbyint(draw(key, (uint64_t)(100 + i * ITEMS + j), 10, 60));
    }
    for (int64_t i = 0; i < ROWS; i++) qp.row_lower[i] = -INFINITY, qp.row_upper[i] = 150 + 20 * (double)i;
    assert_ok(tw_qp_oracle(&oracle, &qp, true, &error));
    for (int with = 0; with < 2; with++) {
      tw_result r;
      const tw_solve_options options = {.method = with ? "branch_and_bound" : "branch_and_bound:cuts=0"};
      assert_ok(tw_minimize(&oracle, NULL, &options, &r, &error));
      assert_int_equal(r.outcome, TW_SOLVED);
      found[with] = r.f, nodes[with] += r.iterations;
      tw_result_free(&r);
    }
    assert_close(found[0], found[1], 1e-9);
    tw_oracle_release(&oracle);
    tw_qp_free(&qp);
  }
  print_message("%lld nodes without cuts, %lld with\n", (long long)nodes[0], (long long)nodes[1]);
  assert_true(nodes[1] < nodes[0]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_integer_point_is_cut_off), cmocka_unit_test(the_optimum_stays)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
