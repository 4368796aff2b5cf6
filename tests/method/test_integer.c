/* Mixed-integer programs against enumeration, by every method that handles them. */
#include "dense_programs.h"

#include <unistd.h>

static const char *const methods[] = {"branch_and_bound", "branch_and_bound:strong=0,heuristics=0", "branch_and_bound:open=1",
                                      "branch_and_bound:presolve=true", "cbc"};
enum { METHODS = sizeof methods / sizeof *methods };

static bool applies(const tw_qp *qp, const char *method) {
  return strcmp(method, "cbc") != 0 || (tw_method_find("cbc") != NULL && tw_qp_is_linear(qp));
}

/* Every method reaches the optimum at a feasible point of integers, and its bound says so. */
static void expect_optimum(const tw_qp *qp, double optimum, const char *what) {
  for (int k = 0; k < METHODS; k++) {
    if (!applies(qp, methods[k])) continue;
    tw_result r = program_solve(qp, methods[k]);
    if (optimum == INFINITY) {
      if (r.outcome != TW_INFEASIBLE) fail_msg("%s by %s: %s (%s)", what, methods[k], tw_outcome_name(r.outcome), r.message);
    } else {
      if (r.outcome != TW_SOLVED || fabs(r.f - optimum) > 1e-6 * fmax(1, fabs(optimum)))
        fail_msg("%s by %s: %s, %.12g, expected %.12g (%s)", what, methods[k], tw_outcome_name(r.outcome), r.f, optimum, r.message);
      assert_true(r.bound <= r.f && tw_gap(r.f, r.bound, &r.optimality) <= 1e-7);
      assert_true(program_violation(qp, r.x) <= 1e-7);
      for (int64_t j = 0; j < qp->n; j++)
        if (qp->kinds[j] != TW_CONTINUOUS) assert_true(r.x[j] == nearbyint(r.x[j]));
    }
    tw_result_free(&r);
  }
}

/* max v'x with w'x <= c */
static void knapsacks(void **state) {
  (void)state;
  for (uint64_t key = 1; key <= 4; key++) {
    tw_qp qp = program_new(10, 1);
    program_linear(&qp);
    program_integer(&qp, 0, 10);
    double weight = 0;
    for (int64_t j = 0; j < 10; j++) {
      *program_at(&qp, 0, j) = floor(draw(key, (uint64_t)j, 5, 40));
      qp.q[j] = -floor(*program_at(&qp, 0, j) * draw(key, 100 + (uint64_t)j, 0.8, 1.3));
      weight += *program_at(&qp, 0, j);
    }
    qp.row_upper[0] = floor(weight / 2);
    expect_optimum(&qp, program_enumerate(&qp), "knapsack");
    tw_qp_free(&qp);
  }
}

/* max 10^k v'x with c'x <= 24: the optimum is 41 10^k and proven to be, whatever the unit of money. */
static void units_do_not_matter(void **state) {
  (void)state;
  static const double v[] = {12, 7, 9, 11, 5, 8, 6, 13, 4, 10}, c[] = {7, 4, 5, 7, 3, 5, 4, 8, 3, 6};
  if (tw_method_find("cbc") == NULL) skip();
  for (int k = -9; k <= 6; k++) {
    const double unit = pow(10, k), best = -41 * unit;
    tw_qp qp = program_new(10, 1);
    program_linear(&qp);
    program_integer(&qp, 0, 10);
    for (int64_t j = 0; j < 10; j++) qp.q[j] = -unit * v[j], *program_at(&qp, 0, j) = c[j];
    qp.row_upper[0] = 24;
    tw_result r = program_solve(&qp, "cbc");
    if (r.outcome != TW_SOLVED || fabs(r.f - best) > 1e-12 * fabs(best) || !(fabs(r.bound - best) <= 1e-9 * fabs(best)) || r.bound > r.f)
      fail_msg("1e%d: %s, %.17g, bound %.17g, expected %.17g", k, tw_outcome_name(r.outcome), r.f, r.bound, best);
    tw_result_free(&r);
    tw_qp_free(&qp);
  }
}

/* k workers, k tasks, and a budget that spoils the integral polytope. */
static void assignments(void **state) {
  (void)state;
  enum { K = 3 };
  for (uint64_t key = 11; key <= 13; key++) {
    tw_qp qp = program_new(K * K, 2 * K + 1);
    program_linear(&qp);
    program_integer(&qp, 0, K * K);
    for (int64_t j = 0; j < K * K; j++) {
      *program_at(&qp, j / K, j) = *program_at(&qp, K + j % K, j) = 1;
      *program_at(&qp, 2 * K, j) = draw(key, (uint64_t)j, 1, 9);
      qp.q[j] = draw(key, 50 + (uint64_t)j, 1, 9);
    }
    for (int64_t i = 0; i < 2 * K; i++) qp.row_lower[i] = qp.row_upper[i] = 1;
    qp.row_upper[2 * K] = key == 13 ? 2.5 : 14;
    expect_optimum(&qp, program_enumerate(&qp), "assignment");
    tw_qp_free(&qp);
  }
}

enum { SITES = 4, CUSTOMERS = 5 };

/* Open sites y_s at a cost, serve shares z_sc <= y_s. For fixed y every customer takes the nearest: the enumeration. */
static double facility_optimum(const double *open, const double *serve) {
  double best = INFINITY;
  for (int set = 1; set < 1 << SITES; set++) {
    double cost = 0;
    for (int s = 0; s < SITES; s++) cost += set >> s & 1 ? open[s] : 0;
    for (int c = 0; c < CUSTOMERS; c++) {
      double nearest = INFINITY;
      for (int s = 0; s < SITES; s++)
        if (set >> s & 1) nearest = fmin(nearest, serve[s * CUSTOMERS + c]);
      cost += nearest;
    }
    best = fmin(best, cost);
  }
  return best;
}

static void facilities(void **state) {
  (void)state;
  for (uint64_t key = 21; key <= 22; key++) {
    tw_qp qp = program_new(SITES + SITES * CUSTOMERS, CUSTOMERS + SITES);
    program_linear(&qp);
    program_integer(&qp, 0, SITES);
    for (int64_t s = 0; s < SITES; s++) {
      qp.q[s] = draw(key, (uint64_t)s, 2, 6);
      *program_at(&qp, CUSTOMERS + s, s) = -CUSTOMERS; /* sum_c z_sc <= 5 y_s: a weak relaxation */
      qp.row_upper[CUSTOMERS + s] = 0;
      for (int64_t c = 0; c < CUSTOMERS; c++) {
        const int64_t z = SITES + s * CUSTOMERS + c;
        qp.q[z] = draw(key, 30 + (uint64_t)z, 0, 5);
        *program_at(&qp, c, z) = *program_at(&qp, CUSTOMERS + s, z) = 1;
      }
    }
    for (int64_t c = 0; c < CUSTOMERS; c++) qp.row_lower[c] = qp.row_upper[c] = 1;
    expect_optimum(&qp, facility_optimum(qp.q, qp.q + SITES), "facility");
    tw_qp_free(&qp);
  }
}

enum { JOBS = 3, PAIRS = JOBS * (JOBS - 1) / 2 };

/* The least weighted sum of completion times: jobs by weight / time (Smith 1956). */
static double schedule_optimum(const double *time, const double *weight) {
  bool done[JOBS] = {false};
  double now = 0, cost = 0;
  for (int k = 0; k < JOBS; k++) {
    int next = -1;
    for (int j = 0; j < JOBS; j++)
      if (!done[j] && (next < 0 || weight[j] / time[j] > weight[next] / time[next])) next = j;
    done[next] = true;
    now += time[next];
    cost += weight[next] * now;
  }
  return cost;
}

/* Completion C_j >= t_j; of i < j one is first: C_j - C_i >= t_j - M y, C_i - C_j >= t_i - M (1 - y). */
static void schedules(void **state) {
  (void)state;
  const double big = 100;
  for (uint64_t key = 31; key <= 32; key++) {
    double time[JOBS], weight[JOBS];
    tw_qp qp = program_new(JOBS + PAIRS, 2 * PAIRS);
    program_linear(&qp);
    program_integer(&qp, JOBS, PAIRS);
    for (int64_t j = 0; j < JOBS; j++) {
      time[j] = draw(key, (uint64_t)j, 1, 9), weight[j] = draw(key, 20 + (uint64_t)j, 1, 4);
      qp.q[j] = weight[j], qp.lower[j] = time[j], qp.upper[j] = big;
    }
    for (int64_t i = 0, p = 0; i < JOBS; i++)
      for (int64_t j = i + 1; j < JOBS; j++, p++) {
        *program_at(&qp, 2 * p, j) = 1, *program_at(&qp, 2 * p, i) = -1, *program_at(&qp, 2 * p, JOBS + p) = big;
        *program_at(&qp, 2 * p + 1, j) = -1, *program_at(&qp, 2 * p + 1, i) = 1, *program_at(&qp, 2 * p + 1, JOBS + p) = -big;
        qp.row_lower[2 * p] = time[j], qp.row_lower[2 * p + 1] = time[i] - big;
      }
    expect_optimum(&qp, schedule_optimum(time, weight), "schedule");
    tw_qp_free(&qp);
  }
}

/* 1/2 |G x|^2 + q'x over integers in -2 .. 2 and two rows. */
static tw_qp random_miqp(uint64_t key, int64_t n) {
  tw_qp qp = program_new(n, 2);
  double g[64];
  program_integer(&qp, 0, n);
  for (int64_t k = 0; k < n * n; k++) g[k] = draw(key, (uint64_t)k, -1, 1);
  for (int64_t j = 0, p = 0; j < n; j++) {
    for (int64_t i = j; i < n; i++, p++)
      for (int64_t k = 0; k < n; k++) qp.p.value[p] += g[k * n + i] * g[k * n + j];
    qp.q[j] = draw(key, 200 + (uint64_t)j, -3, 3);
    qp.lower[j] = -2, qp.upper[j] = 2;
    *program_at(&qp, 0, j) = draw(key, 300 + (uint64_t)j, -2, 2);
    *program_at(&qp, 1, j) = draw(key, 400 + (uint64_t)j, -2, 2);
  }
  qp.row_upper[0] = draw(key, 500, -1, 2);
  qp.row_lower[1] = draw(key, 501, -1, 1), qp.row_upper[1] = qp.row_lower[1] + 1;
  return qp;
}

static void quadratic_programs(void **state) {
  (void)state;
  for (uint64_t key = 41; key <= 46; key++) {
    tw_qp qp = random_miqp(key, 4);
    expect_optimum(&qp, program_enumerate(&qp), "MIQP");
    tw_qp_free(&qp);
  }
}

/* 2 x + 4 y = 7 has no integers; x >= 1/2 and x <= 3/4 neither. */
static void infeasible_integers(void **state) {
  (void)state;
  tw_qp qp = program_new(2, 1);
  program_linear(&qp);
  program_integer(&qp, 0, 2);
  *program_at(&qp, 0, 0) = 2, *program_at(&qp, 0, 1) = 4;
  qp.row_lower[0] = qp.row_upper[0] = 7;
  qp.upper[0] = qp.upper[1] = 10;
  expect_optimum(&qp, INFINITY, "parity");
  tw_qp_free(&qp);
}

/* The objective falls for ever along integers. */
static void unbounded_integers(void **state) {
  (void)state;
  for (int k = 0; k < METHODS; k++) {
    tw_qp qp = program_new(2, 1);
    program_linear(&qp);
    program_integer(&qp, 0, 2);
    *program_at(&qp, 0, 0) = 1, *program_at(&qp, 0, 1) = -1;
    qp.row_lower[0] = qp.row_upper[0] = 0;
    qp.upper[0] = qp.upper[1] = INFINITY;
    qp.lower[0] = 1; /* 0 is not feasible */
    qp.q[0] = -1;
    if (applies(&qp, methods[k])) {
      tw_result r = program_solve(&qp, methods[k]);
      if (r.outcome != TW_UNBOUNDED) fail_msg("%s: %s (%s)", methods[k], tw_outcome_name(r.outcome), r.message);
      tw_result_free(&r);
    }
    tw_qp_free(&qp);
  }
}

/* ------------------------------------------------------------------ runs */

static void run_on(tw_solver *solver) {
  while (tw_solver_step(solver) == TW_RUNNING) {}
}

static tw_solver *open_solver(const tw_oracle *oracle, const char *resume) {
  tw_solver *solver;
  const tw_solve_options options = {.method = "branch_and_bound:heuristics=0,strong=1", .resume = resume};
  assert_ok(tw_solver_new(&solver, oracle, NULL, &options, &error));
  return solver;
}

/* A knapsack with two rows: bases instead of interior points. */
static tw_qp two_knapsacks(uint64_t key) {
  tw_qp qp = program_new(14, 2);
  program_linear(&qp);
  program_integer(&qp, 0, 14);
  for (int64_t j = 0; j < 14; j++) {
    qp.q[j] = -draw(key, (uint64_t)j, 1, 2);
    for (int64_t i = 0; i < 2; i++) *program_at(&qp, i, j) = draw(key, (uint64_t)(20 + 14 * i + j), 1, 3);
  }
  qp.row_upper[0] = qp.row_upper[1] = 13;
  return qp;
}

static void resume(tw_qp qp) {
  tw_oracle oracle;
  char folder[64], path[128];
  test_folder_make(folder);
  test_path(folder, "bb.checkpoint", path);
  assert_ok(tw_qp_oracle(&oracle, &qp, true, &error));
  tw_solver *whole = open_solver(&oracle, NULL);
  run_on(whole);
  tw_result a, b;
  assert_ok(tw_solver_result(whole, &a, &error));
  assert_true(a.iterations > 5);
  for (int at = 1; at < 5; at += 2) {
    tw_solver *first = open_solver(&oracle, NULL);
    for (int k = 0; k < at; k++) assert_int_equal(tw_solver_step(first), TW_RUNNING);
    assert_ok(tw_solver_save(first, path, &error));
    tw_solver_free(first);
    tw_solver *second = open_solver(&oracle, path);
    run_on(second);
    assert_ok(tw_solver_result(second, &b, &error));
    assert_int_equal(a.iterations, b.iterations);
    assert_same_bits(b.f, a.f);
    assert_same_bits(b.bound, a.bound);
    assert_memory_equal(a.x, b.x, (size_t)a.n * sizeof(double));
    assert_string_equal(a.message, b.message);
    tw_result_free(&b);
    tw_solver_free(second);
  }
  tw_result_free(&a);
  tw_solver_free(whole);
  tw_oracle_release(&oracle);
  tw_qp_free(&qp);
  test_folder_remove(folder);
}

static void a_resumed_search_is_the_same(void **state) {
  (void)state;
  resume(random_miqp(43, 6));
  resume(two_knapsacks(3));
}

typedef struct watch {
  double last_f, last_bound;
  int calls;
} watch;

/* Incumbents fall, bounds rise, and never cross. */
static bool look(void *context, const tw_progress *p) {
  watch *w = context;
  w->calls++;
  assert_true(p->f <= w->last_f || p->optimality.feasibility > 1e-6 || w->calls == 1);
  assert_true(p->bound >= w->last_bound);
  if (p->optimality.feasibility <= 1e-6) assert_true(p->bound <= p->f);
  if (p->optimality.feasibility <= 1e-6) w->last_f = p->f;
  w->last_bound = p->bound;
  return true;
}

static void progress_is_monotone(void **state) {
  (void)state;
  tw_qp qp = random_miqp(43, 6);
  tw_oracle oracle;
  tw_result r;
  watch w = {INFINITY, -INFINITY, 0};
  const tw_solve_options options = {.method = "branch_and_bound:heuristics=0,strong=1", .callback = look, .callback_context = &w};
  assert_ok(tw_qp_oracle(&oracle, &qp, true, &error));
  assert_ok(tw_minimize(&oracle, NULL, &options, &r, &error));
  assert_true(w.calls > 5);
  tw_result_free(&r);
  tw_oracle_release(&oracle);
  tw_qp_free(&qp);
}

static void node_limit(void **state) {
  (void)state;
  tw_qp qp = random_miqp(43, 6);
  tw_result r = program_solve(&qp, "branch_and_bound:heuristics=0,strong=0,max_iter=3");
  assert_int_equal(r.outcome, TW_STOPPED_ITERATIONS);
  assert_int_equal(r.iterations, 3);
  tw_result_free(&r);
  tw_qp_free(&qp);
}

static void what_is_not_convex_is_refused(void **state) {
  (void)state;
  tw_qp qp = random_miqp(43, 4);
  tw_oracle oracle;
  tw_result r;
  assert_ok(tw_qp_oracle(&oracle, &qp, false, &error));
  tw_solve_options options = {.method = "branch_and_bound"};
  assert_fails(tw_minimize(&oracle, NULL, &options, &r, &error), TW_ERR_UNSUPPORTED, "not proven convex");
  options.method = "branch_and_bound:convex=assume";
  assert_ok(tw_minimize(&oracle, NULL, &options, &r, &error));
  assert_int_equal(r.outcome, TW_SOLVED);
  tw_result_free(&r);
  options.method = "cbc";
  if (tw_method_find("cbc")) assert_fails(tw_minimize(&oracle, NULL, &options, &r, &error), TW_ERR_UNSUPPORTED, "quadratic");
  tw_oracle_release(&oracle);
  tw_qp_free(&qp);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(knapsacks),
                                     cmocka_unit_test(units_do_not_matter),
                                     cmocka_unit_test(assignments),
                                     cmocka_unit_test(facilities),
                                     cmocka_unit_test(schedules),
                                     cmocka_unit_test(quadratic_programs),
                                     cmocka_unit_test(infeasible_integers),
                                     cmocka_unit_test(unbounded_integers),
                                     cmocka_unit_test(a_resumed_search_is_the_same),
                                     cmocka_unit_test(progress_is_monotone),
                                     cmocka_unit_test(node_limit),
                                     cmocka_unit_test(what_is_not_convex_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
