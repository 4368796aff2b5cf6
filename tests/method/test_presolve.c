/* Presolve and postsolve: an optimum of the reduced program is one of the program, whatever was taken away; and what is left is scaled. */
#include "method/program/qp_session.h"
#include "random_qp.h"

static tw_error error;

/* Solves by one stage, with or without reductions; the largest error of the optimality conditions of the whole program. */
static double solve(const tw_qp *qp, bool reduce, double *f, int64_t *left) {
  qp_stage g;
  assert_ok(qp_stage_open(&g, QP_ITSELF, qp, reduce, &error));
  assert_int_equal(g.pre.found, TW_RUNNING);
  *left = g.pre.reduced.n + g.pre.reduced.m;
  double *state = calloc((size_t)tw_mehrotra_state(&g.ipm), sizeof *state);
  tw_mehrotra_attach(&g.ipm, state);
  if (g.ipm.n == 0) {
    qp_stage_accept(&g, 1e-9);
  } else {
    assert_ok(tw_mehrotra_start(&g.ipm, &error));
    for (int step = 0; step < 60 && !g.exact; step++) {
      assert_ok(tw_mehrotra_step(&g.ipm, &error));
      qp_stage_report(&g);
      if (tw_mehrotra_error(&g.ipm) <= 1e-7) assert_ok(qp_stage_polish(&g, 1e-9, &error));
    }
  }
  *f = tw_qp_objective(qp, g.x);
  const tw_optimality e = tw_qp_optimality(qp, g.x, g.y, g.exact ? g.z : NULL, g.work);
  free(state);
  qp_stage_close(&g);
  return fmax(e.stationarity, fmax(e.feasibility, e.complementarity));
}

static void restored_solutions_are_solutions(void **state) {
  (void)state;
  double worst = 0;
  int64_t with = 0, without = 0;
  for (uint64_t seed = 1; seed <= 300; seed++) {
    random_qp r = random_program(seed, 2 + (int64_t)(seed % 41), (int64_t)(seed % 37), seed % 3 == 0);
    double f, plain;
    int64_t left, all;
    const double e = solve(&r.qp, true, &f, &left), other = solve(&r.qp, false, &plain, &all);
    if (!(e <= 1e-9) || !(other <= 1e-8)) fail_msg("seed %d: error %g with presolve, %g without", (int)seed, e, other);
    assert_close(f, tw_qp_objective(&r.qp, r.x), 1e-8); /* curvature may be tiny, and x far away */
    assert_close(f, plain, 1e-8);
    worst = fmax(worst, e), with += left, without += all;
    random_free(&r);
  }
  print_message("largest error %.2g, %lld of %lld rows and columns left\n", worst, (long long)with, (long long)without);
  assert_true(4 * with < 3 * without);
}

static double spread(int64_t n, const double *most) {
  double low = INFINITY, high = 0;
  for (int64_t k = 0; k < n; k++)
    if (most[k] > 0) low = fmin(low, most[k]), high = fmax(high, most[k]);
  return high > 0 ? high / low : 1;
}

/* Largest entries of rows and columns lie within a factor of each other, whatever they were before, and no bit is lost. */
static void entries_are_near_one(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    random_qp r = random_program(seed, 30, 20, seed % 2 == 0);
    for (int64_t j = 0; j < 30; j++)
      for (int64_t k = r.qp.a.start[j]; k < r.qp.a.start[j + 1]; k++)
        r.qp.a.value[k] *= pow(10, (double)((j * 7) % 9 - 4) + (double)((r.qp.a.row[k] * 5) % 7 - 3));
    tw_presolve s;
    assert_ok(tw_presolve_open(&s, &r.qp, false, &error));
    double *row = calloc(20, sizeof *row);
    const tw_csc *a = &s.reduced.a;
    for (int64_t j = 0; j < 30; j++)
      for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
        row[a->row[k]] = fmax(row[a->row[k]], fabs(a->value[k]));
        assert_true(a->value[k] / s.row_scale[a->row[k]] / s.column_scale[j] == r.qp.a.value[k]);
      }
    assert_true(spread(20, row) <= 100);
    free(row);
    tw_presolve_close(&s);
    random_free(&r);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(restored_solutions_are_solutions), cmocka_unit_test(entries_are_near_one)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
