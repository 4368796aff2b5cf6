/* tw_qp_solve on programs whose answer is known: optima, certificates of both kinds, and what has no rows, columns or costs. */
#include <signal.h>

#include "method/program/qp_solve.h"
#include "method/program/qp_certify.h"
#include "random_qp.h"

static tw_error error;

static double largest_error(const tw_qp *qp, const tw_qp_answer *a) {
  double *work = calloc((size_t)(2 * qp->n + qp->m), sizeof *work);
  const tw_optimality e = tw_qp_optimality(qp, a->x, a->y, a->z, work);
  free(work);
  return fmax(e.stationarity, fmax(e.feasibility, e.complementarity));
}

static void planted_optima_are_found(void **state) {
  (void)state;
  double worst = 0;
  for (uint64_t seed = 1; seed <= 120; seed++) {
    random_qp r = random_program(seed, 3 + (int64_t)(seed % 37), (int64_t)(seed % 29), seed % 2 == 0);
    tw_qp_answer a;
    assert_ok(tw_qp_solve(&r.qp, 1e-9, NULL, &a, &error));
    if (a.outcome != TW_SOLVED) fail_msg("seed %d: %s", (int)seed, tw_outcome_name(a.outcome));
    const double e = largest_error(&r.qp, &a);
    if (!(e <= 1e-9)) fail_msg("seed %d: error %g", (int)seed, e);
    worst = fmax(worst, e);
    assert_close(a.f, tw_qp_objective(&r.qp, r.x), 1e-8);
    tw_qp_answer_free(&a);
    random_free(&r);
  }
  print_message("largest error %.2g\n", worst);
}

/* Among these are programs on which Mehrotra's step without a safeguard goes in circles (3099), and costs that cancel to rounding
 * errors in presolve, which must not pass for a direction without end (1390). */
static void none_goes_in_circles(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 400; seed++) {
    const uint64_t number = seed <= 200 ? 1200 + seed : 2800 + seed;
    random_qp r = random_program(number, 2 + (int64_t)(number % 41), (int64_t)(number % 37), number % 3 == 0);
    tw_qp_answer a;
    assert_ok(tw_qp_solve(&r.qp, 1e-9, NULL, &a, &error));
    if (a.outcome != TW_SOLVED) fail_msg("program %d: %s", (int)number, tw_outcome_name(a.outcome));
    const double e = largest_error(&r.qp, &a);
    if (!(e <= 1e-9)) fail_msg("program %d: error %g", (int)number, e);
    assert_close(a.f, tw_qp_objective(&r.qp, r.x), 1e-7);
    tw_qp_answer_free(&a);
    random_free(&r);
  }
}

/* A row that repeats another one's entries, beyond its limit by 1. */
static void contradict(tw_qp *qp, int64_t row, int64_t other) {
  for (int64_t j = 0; j < qp->n; j++)
    for (int64_t k = qp->a.start[j]; k < qp->a.start[j + 1]; k++) {
      if (qp->a.row[k] == row) qp->a.value[k] = 0;
      if (qp->a.row[k] == other) qp->a.value[k] = 1 + (double)(j % 3);
    }

  double most = 0, least = 0;
  for (int64_t j = 0; j < qp->n; j++)
    for (int64_t k = qp->a.start[j]; k < qp->a.start[j + 1]; k++)
      if (qp->a.row[k] == other) {
        if (qp->lower[j] == -INFINITY) qp->lower[j] = fmin(-4, qp->upper[j]);
        least += qp->a.value[k] * qp->lower[j], most += 1;
      }
  qp->row_lower[other] = -INFINITY;
  qp->row_upper[other] = most > 0 ? least - 1 : -1;
}

static void infeasible_ones_are_proven(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 60; seed++) {
    random_qp r = random_program(seed, 5 + (int64_t)(seed % 31), 4 + (int64_t)(seed % 23), seed % 2 == 0);
    contradict(&r.qp, 1, 2);
    tw_qp_answer a;
    double *work = calloc((size_t)(2 * r.qp.n + r.qp.m), sizeof *work), margin;
    assert_ok(tw_qp_solve(&r.qp, 1e-9, NULL, &a, &error));
    if (a.outcome != TW_INFEASIBLE) fail_msg("seed %d: %s", (int)seed, tw_outcome_name(a.outcome));
    assert_true(tw_qp_farkas(&r.qp, a.y, a.z, work, &margin));
    assert_true(tw_qp_proves_infeasible(&r.qp, a.y, a.z) > 0);
    free(work);
    tw_qp_answer_free(&a);
    random_free(&r);
  }
}

/* A variable without curvature that is free to fall in a direction that every row allows. */
static void unbounded_ones_are_proven(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 60; seed++) {
    random_qp r = random_program(seed, 6 + (int64_t)(seed % 31), 3 + (int64_t)(seed % 13), seed % 2 == 0);
    tw_qp *qp = &r.qp;
    const int64_t j = (int64_t)(seed % 5);
    for (int64_t c = 0; c < qp->n; c++)
      for (int64_t k = qp->p.start[c]; k < qp->p.start[c + 1]; k++)
        if (c == j || qp->p.row[k] == j) qp->p.value[k] = 0;
    for (int64_t k = qp->a.start[j]; k < qp->a.start[j + 1]; k++)
      *(qp->a.value[k] > 0 ? &qp->row_lower[qp->a.row[k]] : &qp->row_upper[qp->a.row[k]]) = qp->a.value[k] > 0 ? -INFINITY : INFINITY;
    qp->lower[j] = -INFINITY;
    qp->q[j] = 1;
    tw_qp_answer a;
    assert_ok(tw_qp_solve(qp, 1e-9, NULL, &a, &error));
    if (a.outcome != TW_UNBOUNDED) fail_msg("seed %d: %s", (int)seed, tw_outcome_name(a.outcome));
    assert_true(tw_qp_proves_unbounded(qp, a.x) > 0);
    tw_qp_answer_free(&a);
    random_free(&r);
  }
}

static void small_cases(void **state) {
  (void)state;
  tw_qp qp;
  tw_qp_answer a;
  assert_ok(tw_qp_new(&qp, 1, 0, 0, 0, &error)); /* nothing at all: every x */
  assert_ok(tw_qp_solve(&qp, 1e-9, NULL, &a, &error));
  assert_int_equal(a.outcome, TW_SOLVED);
  tw_qp_answer_free(&a);
  qp.q[0] = 1;
  assert_ok(tw_qp_solve(&qp, 1e-9, NULL, &a, &error));
  assert_int_equal(a.outcome, TW_UNBOUNDED);
  assert_true(a.x[0] < 0);
  tw_qp_answer_free(&a);
  qp.lower[0] = 2, qp.upper[0] = 1;
  assert_ok(tw_qp_solve(&qp, 1e-9, NULL, &a, &error));
  assert_int_equal(a.outcome, TW_INFEASIBLE);
  tw_qp_answer_free(&a);
  qp.upper[0] = 5;
  assert_ok(tw_qp_solve(&qp, 1e-9, NULL, &a, &error));
  assert_int_equal(a.outcome, TW_SOLVED);
  assert_true(a.x[0] == 2 && a.z[0] == -1 && a.f == 2);
  tw_qp_answer_free(&a);
  volatile sig_atomic_t stop = 1;
  const tw_exec exec = {.stop = &stop};
  assert_ok(tw_qp_solve(&qp, 1e-9, &exec, &a, &error));
  assert_int_equal(a.outcome, TW_STOPPED_CALLER);
  tw_qp_answer_free(&a);
  tw_qp_free(&qp);
}

/* x - y >= 1 and x - y <= 0: no point, though the objective falls along (1, 1) and far out the violation looks small. */
static void infeasible_comes_before_unbounded(void **state) {
  (void)state;
  tw_qp qp;
  tw_qp_answer a;
  double work[6], margin;
  assert_ok(tw_qp_new(&qp, 2, 2, 0, 4, &error));
  for (int j = 0; j < 2; j++) {
    qp.a.start[j + 1] = 2 * (j + 1), qp.q[j] = -1;
    for (int i = 0; i < 2; i++) qp.a.row[2 * j + i] = i, qp.a.value[2 * j + i] = (j == 0 ? 1 : -1) * (i + 1.5);
  }
  qp.row_lower[0] = 1.5, qp.row_upper[1] = 0;
  assert_ok(tw_qp_solve(&qp, 1e-9, NULL, &a, &error));
  assert_int_equal(a.outcome, TW_INFEASIBLE);
  assert_true(tw_qp_farkas(&qp, a.y, a.z, work, &margin));
  tw_qp_answer_free(&a);
  tw_qp_free(&qp);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(planted_optima_are_found),   cmocka_unit_test(none_goes_in_circles),
      cmocka_unit_test(infeasible_ones_are_proven),
      cmocka_unit_test(unbounded_ones_are_proven),  cmocka_unit_test(small_cases),
      cmocka_unit_test(infeasible_comes_before_unbounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
