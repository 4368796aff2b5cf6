/* Operator splitting: known solutions of random programs, certificates, polishing, other vectors on the same factor, resuming. */
#include "certificates.h"
#include "programs.h"

#include <unistd.h>

static tw_error error;

/* Number i of the random programs: of all ranks, with and without rows and bounds. */
static void draw(program *s, int i) {
  const int64_t n = 2 + i % 13 * 3, m = i % 5 == 4 ? 0 : 1 + i % 7 * 4, rank = i % 3 == 0 ? n : i % 3 == 1 ? n / 2 : 0;
  *s = program_random(n, m, rank, i % 4 != 3, (uint64_t)i);
  program_state(s, i % 4 != 3);
}

/* What is called solved is; an iteration limit is rare. */
static void known_solutions(void **state) {
  (void)state;
  static const struct {
    const char *method;
    double tol;
    int unsolved; /* of 120 at most */
  } cases[] = {{"osqp", 1e-6, 2}, {"osqp:tol=1e-3", 1e-3, 0}, {"osqp:tol=1e-9", 1e-9, 2}, {"osqp:polish=0,tol=1e-4", 1e-4, 4},
               {"osqp:adaptive=0,scaling=0,tol=1e-3", 1e-3, 4}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    int unsolved = 0;
    for (int i = 0; i < 120; i++) {
      program s;
      draw(&s, i);
      tw_result r = program_solve(&s.oracle, cases[k].method);
      const double f = program_objective(&s, s.x), tol = cases[k].tol;
      if (r.outcome != TW_SOLVED && r.outcome != TW_STOPPED_ITERATIONS) fail_msg("%s, program %d: %s", cases[k].method, i, r.message);
      unsolved += r.outcome != TW_SOLVED;
      assert_close(r.f, program_objective(&s, r.x), 1e-12 * (1 + fabs(f)));
      if (r.outcome == TW_SOLVED && !(fabs(r.f - f) <= 200 * tol * (1 + fabs(f)) && r.optimality.feasibility <= 100 * tol))
        fail_msg("%s, program %d: f - f* %.1e, violation %.1e", cases[k].method, i, r.f - f, r.optimality.feasibility);
      tw_result_free(&r);
      program_free(&s);
    }
    print_message("%s: %d of 120 reach the iteration limit\n", cases[k].method, unsolved);
    assert_true(unsolved <= cases[k].unsolved);
  }
}

/* Multipliers have the program's signs and units, and are those drawn where they are unique. */
static void multipliers(void **state) {
  (void)state;
  for (int i = 0; i < 20; i++) {
    program s = program_random(12, 6, 12, false, 300 + (uint64_t)i);
    program_state(&s, false);
    tw_result r = program_solve(&s.oracle, "osqp:tol=1e-8");
    assert_int_equal(r.outcome, TW_SOLVED);
    for (int64_t j = 0; j < 12; j++) assert_close(r.x[j], s.x[j], 1e-8);
    for (int64_t k = 0; k < 6; k++) assert_close(r.dual[k], s.y[k], 1e-7);
    tw_result_free(&r);
    program_free(&s);
  }
}

/* Sums of rows 0 and 1 are above what row 2 = row 0 + row 1 allows. */
static void contradict(program *s) {
  for (int64_t j = 0; j < s->a.cols; j++) {
    double sum = 0, *last = NULL;
    for (int64_t k = s->a.start[j]; k < s->a.start[j + 1]; k++) {
      if (s->a.row[k] < 2) sum += s->a.value[k];
      if (s->a.row[k] == 2) last = &s->a.value[k];
    }
    for (int64_t k = s->a.start[j]; !last && k < s->a.start[j + 1]; k++)
      if (s->a.row[k] < 2) s->a.value[k] = 0;
    if (last) *last = sum;
  }
  s->row_lower[0] = 1, s->row_upper[0] = INFINITY, s->row_lower[1] = 2, s->row_upper[1] = 9;
  s->row_lower[2] = -INFINITY, s->row_upper[2] = 2.5;
}

/* The objective falls along the last variable, which no row has and whose bounds are open to that side. */
static void open_end(program *s, bool down) {
  const int64_t n = s->a.cols, m = s->a.rows, j = n - 1;
  for (int64_t k = s->a.start[j]; k < s->a.start[n]; k++) s->a.value[k] = 0;
  tw_csc_apply(&s->a, s->x, s->y);
  for (int64_t k = 0; k < m; k++) s->row_lower[k] = fmin(s->row_lower[k], s->y[k]), s->row_upper[k] = fmax(s->row_upper[k], s->y[k]);
  s->q[j] = down ? 1e-2 : -3, s->lower[j] = down ? -INFINITY : 1, s->upper[j] = down ? 1 : INFINITY;
}

static void certificates(void **state) {
  (void)state;
  int proven = 0;
  enum { PROGRAMS = 40 };
  for (int i = 0; i < 2 * PROGRAMS; i++) {
    const bool infeasible = i % 2;
    const int64_t n = 4 + i % 9, m = 3 + i % 8;
    program s = program_random(n, m, infeasible && i % 4 == 1 ? n : 0, !infeasible || i % 3 > 0, 100 + (uint64_t)i);
    if (infeasible)
      contradict(&s);
    else
      open_end(&s, i % 4 > 0);
    program_state(&s, !infeasible || i % 3 > 0);
    tw_result r = program_solve(&s.oracle, "osqp");
    const tw_outcome expected = infeasible ? TW_INFEASIBLE : TW_UNBOUNDED;
    if (r.outcome != expected && r.outcome != TW_STOPPED_ITERATIONS)
      fail_msg("program %d: %s, expected %s", i, tw_outcome_name(r.outcome), tw_outcome_name(expected));
    proven += r.outcome == expected;
    if (r.outcome == expected) expect_proof(&s.oracle, &r);
    tw_result_free(&r);
    program_free(&s);
  }
  print_message("%d of %d proven\n", proven, 2 * PROGRAMS);
  assert_true(proven >= 2 * PROGRAMS - 10);
}

static void crossing_limits(void **state) {
  (void)state;
  program s = program_random(4, 2, 4, false, 1);
  s.row_lower[1] = 2, s.row_upper[1] = 1;
  program_state(&s, false);
  tw_result r = program_solve(&s.oracle, "osqp");
  assert_int_equal(r.outcome, TW_INFEASIBLE);
  tw_result_free(&r);
  program_free(&s);
}

static void not_convex(void **state) {
  (void)state;
  program s = program_random(4, 2, 4, true, 2);
  for (int64_t k = 0; k < s.p.start[4]; k++) s.p.value[k] = -s.p.value[k];
  program_state(&s, true);
  program_refused(&s.oracle, "osqp", "not convex");
  program_free(&s);
}

/* ------------------------------------------------------------------ again */

static tw_solver *open_solver(const tw_oracle *oracle, const tw_solve_options *options) {
  tw_solver *solver;
  if (tw_solver_new(&solver, oracle, NULL, options, &error) != TW_OK) fail_msg("%s", error.message);
  return solver;
}

static tw_result run_on(tw_solver *solver) {
  tw_result r;
  while (tw_solver_step(solver) == TW_RUNNING) {}
  assert_int_equal(tw_solver_result(solver, &r, &error), TW_OK);
  return r;
}

/* Another q, other limits, other values of a matrix: the answers of fresh solves, in fewer iterations when little has changed. */
static void restarted(void **state) {
  (void)state;
  int64_t again = 0, fresh = 0;
  for (int i = 0; i < 40; i++) {
    program s = program_random(15, 10, 15, i % 2, 400 + (uint64_t)i);
    program_state(&s, i % 2);
    const tw_solve_options options = {.method = "osqp:tol=1e-8"};
    tw_solver *solver = open_solver(&s.oracle, &options);
    tw_result r = run_on(solver);
    tw_result_free(&r);
    const int what = i % 4;
    for (int64_t j = 0; j < 15 && what != 1; j++) s.q[j] += 0.01 * program_normal(7, j);
    for (int64_t k = 0; k < 10 && what > 0; k++) s.row_lower[k] -= 0.01, s.row_upper[k] += 0.02;
    if (what == 2 && s.row_upper[0] < INFINITY) s.row_lower[0] = s.row_upper[0]; /* another kind of row: another rho */
    if (what == 3) s.p.value[0] *= 1.1, s.a.value[1] += 0.1;
    assert_int_equal(tw_solver_restart(solver, &error), TW_OK);
    r = run_on(solver);
    tw_result other = program_solve(&s.oracle, "osqp:tol=1e-8");
    if (r.outcome != TW_SOLVED || other.outcome != TW_SOLVED) fail_msg("program %d: %s, %s", i, r.message, other.message);
    for (int64_t j = 0; j < 15; j++) assert_close(r.x[j], other.x[j], 1e-6);
    again += r.iterations, fresh += other.iterations;
    tw_result_free(&r), tw_result_free(&other);
    tw_solver_free(solver);
    program_free(&s);
  }
  print_message("%lld iterations again, %lld anew\n", (long long)again, (long long)fresh);
  assert_true(again < fresh);
}

/* A solution and its multipliers, given as the start, are found to be one at once. */
static void started_at_the_solution(void **state) {
  (void)state;
  program s = program_random(15, 10, 15, false, 500);
  program_state(&s, false);
  tw_result r;
  const tw_solve_options options = {.method = "osqp", .dual = s.y};
  assert_int_equal(tw_minimize(&s.oracle, s.x, &options, &r, &error), TW_OK);
  assert_int_equal(r.outcome, TW_SOLVED);
  assert_int_equal(r.iterations, 0);
  tw_result_free(&r);
  program_free(&s);
}

/* Other methods begin anew at the last point. */
static void other_methods_restart(void **state) {
  (void)state;
  static const char *const methods[] = {"lbfgs", "newton_cg", "ipm"};
  for (int k = 0; k < 3; k++) {
    program s = program_random(8, 0, 8, false, 600);
    program_state(&s, false);
    const tw_solve_options options = {.method = methods[k]};
    tw_solver *solver = open_solver(&s.oracle, &options);
    tw_result r = run_on(solver);
    tw_result_free(&r);
    for (int64_t j = 0; j < 8; j++) s.q[j] = 1;
    assert_int_equal(tw_solver_restart(solver, &error), TW_OK);
    r = run_on(solver);
    tw_result other = program_solve(&s.oracle, "osqp:tol=1e-9");
    assert_int_equal(r.outcome, TW_SOLVED);
    for (int64_t j = 0; j < 8; j++) assert_close(r.x[j], other.x[j], 1e-5);
    tw_result_free(&r), tw_result_free(&other);
    tw_solver_free(solver);
    program_free(&s);
  }
}

static void same_bits(tw_solver *a, tw_solver *b) {
  tw_result ra = run_on(a), rb = run_on(b);
  assert_int_equal(ra.outcome, rb.outcome);
  assert_int_equal(ra.iterations, rb.iterations);
  assert_memory_equal(ra.x, rb.x, (size_t)ra.n * sizeof(double));
  if (ra.m > 0) assert_memory_equal(ra.dual, rb.dual, (size_t)ra.m * sizeof(double));
  assert_memory_equal(&ra.f, &rb.f, sizeof(double));
  tw_result_free(&ra), tw_result_free(&rb);
  tw_solver_free(a), tw_solver_free(b);
}

static void resumed_equals_uninterrupted(void **state) {
  (void)state;
  char path[] = "/tmp/talweg-osqp-XXXXXX";
  const int file = mkstemp(path);
  assert_true(file >= 0);
  close(file);
  const tw_solve_options options = {.method = "osqp:tol=1e-9"};
  for (int i = 0; i < 24; i++) {
    program s;
    draw(&s, i);
    for (int stop = 0; stop < 9; stop += 4) {
      tw_solver *whole = open_solver(&s.oracle, &options), *first = open_solver(&s.oracle, &options),
                *second = open_solver(&s.oracle, &options);
      for (int k = 0; k < stop; k++) tw_solver_step(first);
      for (int k = 0; k < i % 3; k++) tw_solver_step(second); /* what it has done by itself is forgotten */
      if (tw_solver_save(first, path, &error) != TW_OK || tw_solver_load(second, path, &error) != TW_OK) fail_msg("%s", error.message);
      tw_solver_free(first);
      same_bits(whole, second);
    }
    program_free(&s);
  }
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_solutions), cmocka_unit_test(multipliers), cmocka_unit_test(certificates),
      cmocka_unit_test(crossing_limits), cmocka_unit_test(not_convex),  cmocka_unit_test(restarted),
      cmocka_unit_test(started_at_the_solution), cmocka_unit_test(other_methods_restart), cmocka_unit_test(resumed_equals_uninterrupted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
