/* Runs on presolved problems: what methods find there is a solution of the problem as stated, with its multipliers, certificates and
 * bounds; restarts and resumed runs go on as they would without. */
#include "resume.h"
#include "certificates.h"
#include "method/driver.h"
#include "random_qp.h"

#include <talweg/talweg.h>

static tw_error error;

static tw_result run_oracle(const tw_oracle *oracle, const char *method) {
  tw_solver *solver;
  tw_result r;
  const tw_solve_options options = {.method = method};
  if (tw_solver_new(&solver, oracle, NULL, &options, &error) != TW_OK) fail_msg("%s: %s", method, error.message);
  while (tw_solver_step(solver) == TW_RUNNING) {}
  assert_ok(tw_solver_result(solver, &r, &error));
  tw_solver_free(solver);
  return r;
}

static double kkt_error(const tw_qp *qp, const tw_result *r) {
  double *work = calloc((size_t)(2 * qp->n + 2 * qp->m + 1), sizeof *work), *y = work + 2 * qp->n + qp->m;
  if (r->dual) vec_copy(qp->m, r->dual, y);
  const tw_optimality e = tw_qp_optimality(qp, r->x, y, NULL, work);
  free(work);
  return fmax(e.stationarity, fmax(e.feasibility, e.complementarity));
}

/* ------------------------------------------------------------------ programs */

static void expect_planted(const char *method, int64_t programs, double tolerance, int64_t misses) {
  int64_t missed = 0, iterations = 0;
  double worst = 0;
  for (uint64_t seed = 1; seed <= (uint64_t)programs; seed++) {
    random_qp r = random_structured(seed, 3 + (int64_t)(seed % 29), (int64_t)(seed % 31), seed % 3 == 0);
    tw_oracle oracle;
    assert_ok(tw_qp_oracle(&oracle, &r.qp, true, &error));
    tw_result found = run_oracle(&oracle, method);
    const double e = kkt_error(&r.qp, &found);
    iterations += found.iterations;
    missed += found.outcome != TW_SOLVED;
    if (found.outcome == TW_SOLVED) {
      if (!(e <= tolerance)) fail_msg("%s, program %d: error %g (%s)", method, (int)seed, e, found.message);
      worst = fmax(worst, e);
      if (fabs(found.f - tw_qp_objective(&r.qp, r.x)) > 10 * tolerance * fmax(1, fabs(found.f)))
        fail_msg("%s, program %d: %g", method, (int)seed, found.f);
    }
    tw_result_free(&found);
    tw_oracle_release(&oracle);
    random_free(&r);
  }
  print_message("%s: error %.2g, %lld iterations, %lld missed\n", method, worst, (long long)iterations, (long long)missed);
  assert_true(missed <= misses);
}

static void programs_by_every_method(void **state) {
  (void)state;
  expect_planted("osqp:presolve=true", 600, 1e-3, 12);
  expect_planted("ipm:presolve=true", 600, 1e-5, 3);
  expect_planted("sqp:presolve=true", 300, 1e-6, 0);
}

/* Without the promise that it is a program, only its rows are known, to be linear. */
static void linear_rows_alone(void **state) {
  (void)state;
  static const char *const methods[] = {"ipm:presolve=true", "sqp:presolve=true"};
  for (int k = 0; k < 2; k++) {
    int64_t missed = 0; /* programs so degenerate that ipm alone misses them too */
    for (uint64_t seed = 1; seed <= 300; seed++) {
      const int64_t n = 3 + (int64_t)(seed % 29), m = (int64_t)(seed % 31);
      random_qp r = seed % 2 ? random_structured(seed, n, m, seed % 3 == 0) : random_program(seed, n, m, seed % 3 == 0);
      tw_oracle oracle;
      bool linear[31];
      for (int i = 0; i < 31; i++) linear[i] = true;
      assert_ok(tw_qp_oracle(&oracle, &r.qp, true, &error));
      oracle.offers &= ~(unsigned)TW_QP;
      oracle.c_linear = linear;
      tw_result found = run_oracle(&oracle, methods[k]);
      missed += found.outcome != TW_SOLVED;
      const double e = kkt_error(&r.qp, &found);
      if (found.outcome == TW_SOLVED && !(e <= 1e-5)) fail_msg("%s, program %d: error %g (%s)", methods[k], (int)seed, e, found.message);
      tw_result_free(&found);
      tw_oracle_release(&oracle);
      random_free(&r);
    }
    print_message("%s: %lld missed\n", methods[k], (long long)missed);
    assert_true(missed <= 5); /* 3 to 5, as the BLAS rounds */
  }
}

/* Rows that contradict each other: seen by presolve or by the method, with a proof in the terms of the program. */
static void infeasible_ones_are_proven(void **state) {
  (void)state;
  int64_t proven = 0;
  for (uint64_t seed = 1; seed <= 120; seed++) {
    random_qp r = random_structured(seed, 3 + (int64_t)(seed % 23), 2 + (int64_t)(seed % 13), false);
    for (int64_t i = 0; i < r.qp.m; i++) {
      const double shift = signed_uniform() * 2;
      r.qp.row_lower[i] += shift, r.qp.row_upper[i] += shift;
    }
    tw_oracle oracle;
    assert_ok(tw_qp_oracle(&oracle, &r.qp, true, &error));
    tw_result found = run_oracle(&oracle, "osqp:presolve=true"), known = run_oracle(&oracle, "mehrotra:presolve=false");
    if (found.outcome == TW_INFEASIBLE) expect_proof(&oracle, &found);
    if (found.outcome == TW_INFEASIBLE || found.outcome == TW_SOLVED) assert_int_equal(found.outcome, known.outcome);
    proven += found.outcome == TW_INFEASIBLE;
    tw_result_free(&found), tw_result_free(&known);
    tw_oracle_release(&oracle);
    random_free(&r);
  }
  print_message("%lld proven\n", (long long)proven);
  assert_true(proven >= 40);
}

/* A variable that nothing keeps from falling, beside rows and columns that presolve takes away: the ray comes back. */
static void unbounded_ones_are_proven(void **state) {
  (void)state;
  int64_t proven = 0;
  for (uint64_t seed = 1; seed <= 60; seed++) {
    random_qp r = random_structured(seed, 6 + (int64_t)(seed % 23), 4 + (int64_t)(seed % 13), seed % 2 == 0);
    tw_qp *qp = &r.qp;
    const int64_t j = 2;
    for (int64_t c = 0; c < qp->n; c++)
      for (int64_t k = qp->p.start[c]; k < qp->p.start[c + 1]; k++)
        if (c == j || qp->p.row[k] == j) qp->p.value[k] = 0;
    for (int64_t k = qp->a.start[j]; k < qp->a.start[j + 1]; k++)
      *(qp->a.value[k] > 0 ? &qp->row_lower[qp->a.row[k]] : &qp->row_upper[qp->a.row[k]]) = qp->a.value[k] > 0 ? -INFINITY : INFINITY;
    qp->lower[j] = -INFINITY;
    qp->q[j] = 1;
    tw_oracle oracle;
    assert_ok(tw_qp_oracle(&oracle, qp, true, &error));
    tw_result found = run_oracle(&oracle, "osqp:presolve=true");
    if (found.outcome == TW_UNBOUNDED) expect_proof(&oracle, &found);
    if (found.outcome == TW_SOLVED || found.outcome == TW_INFEASIBLE) fail_msg("program %d: %s", (int)seed, found.message);
    proven += found.outcome == TW_UNBOUNDED;
    tw_result_free(&found);
    tw_oracle_release(&oracle);
    random_free(&r);
  }
  print_message("%lld proven\n", (long long)proven);
  assert_true(proven >= 40);
}

/* ------------------------------------------------------------------ a nonlinear problem */

static const char MODEL[] = "var x[6] >= -3 <= 3 init 0.5\n"
                            "minimize sum((x[i] - i / 3)^4 + exp(0.3 * x[i]) for i in 0..5)\n"
                            "subject to single: 2 * x[0] <= -1\n"
                            "subject to redundant: x[1] + x[2] <= 7\n"
                            "subject to first: x[1] + 2 * x[3] <= 1\n"
                            "subject to again: 2 * x[1] + 4 * x[3] <= 1.5\n"
                            "subject to fixes: 3 * x[4] == 0.6\n"
                            "subject to ball: x[2]^2 + x[5]^2 <= 1.2\n";

static void nonlinear(void **state) {
  (void)state;
  static const char *const methods[] = {"ipm", "sqp"};
  tw_model *model;
  if (tw_model_parse(&model, MODEL, sizeof MODEL - 1, "model", NULL, &error) != TW_OK) fail_msg("%s", error.message);
  for (int k = 0; k < 2; k++) {
    char spec[64];
    snprintf(spec, sizeof spec, "%s:presolve=true", methods[k]);
    tw_result with, without;
    assert_ok(tw_solve_problem(tw_model_problem(model), &(tw_solve_options){.method = spec}, &with, &error));
    assert_ok(tw_solve_problem(tw_model_problem(model), &(tw_solve_options){.method = methods[k]}, &without, &error));
    assert_int_equal(with.outcome, TW_SOLVED);
    assert_int_equal(without.outcome, TW_SOLVED);
    assert_close(with.f, without.f, 1e-8);
    for (int64_t j = 0; j < with.n; j++) assert_close(with.x[j], without.x[j], 1e-6);
    for (int64_t i = 0; i < with.m; i++) assert_close(with.dual[i], without.dual[i], 1e-5);
    assert_true(with.dual[0] > 0 && with.dual[3] > 0 && fabs(with.dual[4]) > 0 && with.dual[5] > 0);
    assert_true(with.dual[1] == 0 && with.dual[2] == 0);
    tw_result_free(&with), tw_result_free(&without);
  }
  tw_model_free(model);
}

/* ------------------------------------------------------------------ restart, resume */

static const void *memory_of_child(tw_driver *d) {
  const tw_named_child *child = tw_driver_child(d, "presolved");
  return child ? child->driver->run.local : NULL;
}

/* Costs move within the range of P, which leaves the reductions, so that the child goes on with its factor; then fixed variables are
 * let go, and the method is alone. */
static void change(random_qp *r, int round, double *d) {
  for (int64_t j = 0; j < r->qp.n; j++) d[j] = 0.1 * signed_uniform();
  tw_qp_add_p(&r->qp, 1, d, r->qp.q);
  for (int64_t j = 0; j < r->qp.n && round == 2; j++)
    if (r->qp.lower[j] == r->qp.upper[j]) r->qp.lower[j] -= 1, r->qp.upper[j] += 1;
}

static void restarted_solutions_are_solutions(void **state) {
  (void)state;
  int64_t kept = 0, given_up = 0;
  for (uint64_t seed = 1; seed <= 60; seed++) {
    random_qp r = random_structured(seed, 12 + (int64_t)(seed % 17), 8 + (int64_t)(seed % 13), true);
    tw_oracle oracle;
    tw_driver *driver;
    double d[32];
    assert_ok(tw_qp_oracle(&oracle, &r.qp, true, &error));
    const tw_driver_setup setup = {
        .method = tw_method_find("osqp"), .spec = "osqp:presolve=true,max_iter=40000", .oracle = &oracle};
    assert_ok(tw_driver_new(&driver, &setup, &error));
    assert_ok(tw_driver_begin(driver, &error));
    for (int round = 0; round < 4; round++) {
      while (tw_driver_step(driver) == TW_RUNNING) {}
      if (driver->outcome != TW_SOLVED) fail_msg("program %d, round %d: %s", (int)seed, round, driver->message);
      const tw_result found = {.x = driver->run.x, .dual = driver->run.dual};
      const double e = kkt_error(&r.qp, &found);
      if (!(e <= 2e-3)) fail_msg("program %d, round %d: error %g", (int)seed, round, e);
      const void *memory = memory_of_child(driver);
      change(&r, round, d);
      if (round == 3) break;
      assert_ok(tw_driver_restart(driver, &error));
      kept += round < 2 && memory && memory_of_child(driver) == memory;
      given_up += round == 2 && memory && !memory_of_child(driver);
    }
    tw_driver_free(driver);
    tw_oracle_release(&oracle);
    random_free(&r);
  }
  print_message("%lld restarts of the child, %lld without it\n", (long long)kept, (long long)given_up);
  assert_true(kept >= 60 && given_up >= 20);
}

static void resumed_is_uninterrupted(void **state) {
  (void)state;
  static const char *const methods[] = {"osqp:presolve=true", "ipm:presolve=true", "sqp:presolve=true"};
  char folder[64], path[128];
  test_folder_make(folder);
  test_path(folder, "run", path);
  for (int k = 0; k < 3; k++)
    for (int cut = 0; cut < 8; cut += 3) {
      random_qp r = random_structured(16, 24, 14, true);
      tw_oracle oracle;
      assert_ok(tw_qp_oracle(&oracle, &r.qp, true, &error));
      resumed_outcome(&oracle, methods[k], cut, path);
      tw_oracle_release(&oracle);
      random_free(&r);
    }
  test_folder_remove(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(programs_by_every_method), cmocka_unit_test(linear_rows_alone),
      cmocka_unit_test(infeasible_ones_are_proven), cmocka_unit_test(unbounded_ones_are_proven),
      cmocka_unit_test(nonlinear),
      cmocka_unit_test(restarted_solutions_are_solutions), cmocka_unit_test(resumed_is_uninterrupted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
