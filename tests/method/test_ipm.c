/* The interior-point method where it is hard: dependent gradients, no multipliers, restoration, fixed variables, square systems;
 * and large sparse problems. */
#include "constrained.h"
#include "luksan_vlcek.h"

#define INF INFINITY

static void dependent(const z_t *x, z_t *f, z_t *c) { /* gradients of the active rows vanish or are parallel at (0, 0) */
  *f = x[0];
  c[0] = x[1] - x[0] * x[0];
  c[1] = x[1] + x[0] * x[0];
  c[2] = x[1];
}

static void cusp(const z_t *x, z_t *f, z_t *c) { /* Hock & Schittkowski 13: no multipliers at the solution (1, 0) */
  *f = (x[0] - 2) * (x[0] - 2) + x[1] * x[1];
  const z_t s = 1 - x[0];
  c[0] = s * s * s - x[1];
}

/* Waechter & Biegler (2000): line searches that only lessen a merit function jam at the bounds; restoration is needed. */
static void jams(const z_t *x, z_t *f, z_t *c) {
  *f = x[0];
  c[0] = x[0] * x[0] - x[1] - 1;
  c[1] = x[0] - x[2] - 0.5;
}

static void square(const z_t *x, z_t *f, z_t *c) {
  *f = 0 * x[0];
  c[0] = x[0] * x[0] + x[1] * x[1];
  c[1] = x[0] * x[1];
}

static void far(const z_t *x, z_t *f, z_t *c) {
  *f = (x[0] - 1) * (x[0] - 1) + (x[1] - 2) * (x[1] - 2) + x[2];
  c[0] = x[0] + x[1] + x[2];
}

static void repeated(const z_t *x, z_t *f, z_t *c) { /* rank 1 of 3 everywhere */
  *f = x[0] * x[0] + x[1] * x[1] * x[1] * x[1];
  c[0] = x[0] + 2 * x[1];
  c[1] = 2 * x[0] + 4 * x[1];
  c[2] = -x[0] - 2 * x[1];
}

static void thin(const z_t *x, z_t *f, z_t *c) { /* the rows leave the line x + y = 1, without an interior */
  *f = x[0] * x[0] + 2 * x[1] * x[1];
  c[0] = x[0] + x[1];
  c[1] = -x[0] - x[1];
}

static const struct hard {
  nlp problem;
  double accuracy;
} hard[] = {
    {{"dependent gradients", 2, 3, dependent, {1, 1}, {0}, {0}, {0, -INF, -INF}, {INF, 0, 0}, false, 0}, 1e-3},
    {{"hs013", 2, 1, cusp, {-2, -2}, {0, 0}, {INF, INF}, {0}, {INF}, true, 1}, 2e-2},
    {{"jamming", 3, 2, jams, {0.2, 3, 1}, {-INF, 0, 0}, {INF, INF, INF}, {0, 0}, {0, 0}, true, 1}, 1e-8},
    {{"square system", 2, 2, square, {3, 0.5}, {0}, {0}, {5, 2}, {5, 2}, false, 0}, 1e-12},
    {{"start outside, one variable fixed", 3, 1, far, {90, -70, 5}, {0, 0, 3}, {9, 9, 3}, {-INF}, {5}, true, 3.5}, 1e-8},
    {{"row without bounds", 3, 1, far, {4, 4, 4}, {0, 0, 0}, {9, 9, 9}, {-INF}, {INF}, true, 0}, 1e-8},
    {{"repeated rows", 2, 3, repeated, {5, 5}, {0}, {0}, {3, 6, -3}, {3, 6, -3}, false, NAN}, 1e-8},
    {{"no interior", 2, 2, thin, {0, 0}, {0}, {0}, {1, -1}, {INF, INF}, false, 2.0 / 3}, 1e-6},
};

static void hard_problems(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) {
    const tw_oracle oracle = nlp_oracle(&hard[i].problem, true);
    tw_result r = solve(&oracle, "ipm");
    print_message("%-34s %s f %.10g, %lld iterations, %.1e %.1e; %s\n", hard[i].problem.name, tw_outcome_name(r.outcome), r.f,
                  (long long)r.iterations, r.optimality.stationarity, r.optimality.feasibility, r.message);
    assert_true(r.optimality.feasibility <= 1e-8);
    if (hard[i].accuracy < 1e-4) assert_int_equal(r.outcome, TW_SOLVED);
    if (!isnan(hard[i].problem.optimum)) assert_near(r.f, hard[i].problem.optimum, hard[i].accuracy);
    tw_result_free(&r);
  }
}

/* Active bounds hold exactly, inactive rows have no multiplier: what sensitivities start from. */
static void active_set_is_exact(void **state) {
  (void)state;
  const tw_oracle oracle = nlp_oracle(&nlps[10], true);
  tw_result r = solve(&oracle, "ipm");
  assert_true(r.x[0] == 1);
  assert_near(r.dual[0], -0.552293660, 1e-8);
  tw_result_free(&r);
}

/* ------------------------------------------------------------------ large and sparse */

static tw_error error;

static tw_result solve_large(int64_t n, double slack, bool bounds, int threads) {
  tw_graph *g = tw_graph_new();
  tw_problem *p = luksan_vlcek(g, n, slack, bounds);
  tw_result r;
  const tw_solve_options options = {.method = NULL, .exec = {.threads = threads}};
  if (tw_solve_problem(p, &options, &r, &error) != TW_OK) fail_msg("%s", error.message);
  print_message("n = %lld, slack %g, %s: %s, %s, f %.12g, %lld iterations, %.1e %.1e %.1e\n", (long long)n, slack,
                bounds ? "bounds" : "free", r.method, tw_outcome_name(r.outcome), r.f, (long long)r.iterations,
                r.optimality.stationarity, r.optimality.feasibility, r.optimality.complementarity);
  if (r.outcome != TW_SOLVED) fail_msg("%s", r.message);
  assert_string_equal(r.method, "ipm");
  assert_true(r.optimality.stationarity <= 1e-9 && r.optimality.feasibility <= 1e-9 && r.optimality.complementarity <= 1e-9);
  tw_problem_free(p);
  tw_graph_free(g);
  return r;
}

static void few_iterations_whatever_the_size(void **state) {
  (void)state;
  for (int64_t n = 100; n <= 10000; n *= 100) {
    tw_result r = solve_large(n, 0, false, 1);
    assert_true(r.iterations <= 12);
    if (n == 100) assert_near(r.f, 6.2324586324, 1e-8);
    tw_result_free(&r);
  }
  for (int bounds = 0; bounds < 2; bounds++) {
    tw_result r = solve_large(2000, 1, bounds, 1);
    assert_true(r.iterations <= 60);
    tw_result_free(&r);
  }
}

static void same_bits_for_any_threads(void **state) {
  (void)state;
  tw_result one = solve_large(3000, 0.5, true, 1), two = solve_large(3000, 0.5, true, 2);
  assert_int_equal(one.iterations, two.iterations);
  assert_memory_equal(one.x, two.x, (size_t)one.n * sizeof(double));
  assert_memory_equal(one.dual, two.dual, (size_t)one.m * sizeof(double));
  tw_result_free(&one);
  tw_result_free(&two);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(hard_problems), cmocka_unit_test(active_set_is_exact),
                                     cmocka_unit_test(few_iterations_whatever_the_size),
                                     cmocka_unit_test(same_bits_for_any_threads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
