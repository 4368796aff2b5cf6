/* Every standard test problem from its standard start by the default method for its class: the known optimum,
 * or a local minimum that the sources document. */
#include "functions.h"

/* Local minima of More, Garbow & Hillstrom (1981) that descent from the standard start is known to end in. */
static const struct local {
  const char *name;
  double f;
} locals[] = {{"freudenstein_roth", 48.98425367924}, {"trigonometric", 2.795056121878e-5}};

static double expected_of(const tw_test_problem *t) {
  for (size_t i = 0; i < sizeof locals / sizeof *locals; i++)
    if (strcmp(locals[i].name, t->name) == 0) return locals[i].f;
  return t->optimum;
}

static tw_result solve_standard(const tw_test_problem *t, int64_t n, const char *method) {
  tw_error error = {TW_OK, ""};
  tw_graph *graph = tw_graph_new();
  tw_problem *p = tw_problem_new(graph);
  if (t->build(p, n) != TW_OK) fail_msg("%s: %s", t->name, tw_graph_message(graph));
  tw_result r;
  const tw_solve_options options = {.method = method};
  if (tw_solve_problem(p, &options, &r, &error) != TW_OK) fail_msg("%s: %s", t->name, error.message);
  print_message("%-20s %-9s n %4lld  f %.10g  %lld iterations, %.1e %.1e\n", t->name, r.method,
                (long long)r.n, r.f, (long long)r.iterations, r.optimality.stationarity,
                r.optimality.feasibility);
  if (r.outcome != TW_SOLVED) fail_msg("%s: %s: %s", t->name, tw_outcome_name(r.outcome), r.message);
  assert_true(!(r.optimality.stationarity > 1e-6) && !(r.optimality.feasibility > 1e-8));
  tw_problem_free(p);
  tw_graph_free(graph);
  return r;
}

/* To nine digits; vanishing sums of squares to 1e-14. */
static void default_methods(void **state) {
  (void)state;
  for (const tw_test_problem *t = tw_test_problems(); t->name; t++) {
    tw_result r = solve_standard(t, 0, NULL);
    const double expected = expected_of(t);
    if (!(fabs(r.f - expected) <= 1e-9 * fabs(expected) + 1e-14))
      fail_msg("%s: %.17g, expected %.17g", t->name, r.f, expected);
    tw_result_free(&r);
  }
}

/* Where n varies and the optimum is 0 for every n. */
static void larger_sizes(void **state) {
  (void)state;
  static const char *const other[] = {"watson", "penalty1", "penalty2", "trigonometric"};
  int solved = 0;
  for (const tw_test_problem *t = tw_test_problems(); t->name; t++) {
    bool zero = t->default_n > 0;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) zero = zero && strcmp(other[i], t->name) != 0;
    if (!zero) continue;
    tw_result r = solve_standard(t, 200, NULL);
    if (!(r.f <= 1e-14)) fail_msg("%s: %.17g", t->name, r.f);
    tw_result_free(&r);
    solved++;
  }
  assert_true(solved >= 7);
}

/* The other way to the same minima: a sum of squares as any smooth function. */
static void by_newton(void **state) {
  (void)state;
  static const char *const names[] = {
      "beale",      "wood",       "helical_valley",  "bard",         "kowalik_osborne",
      "himmelblau", "rosenbrock", "powell_singular", "brown_dennis", "broyden_tridiagonal"};
  for (const tw_test_problem *t = tw_test_problems(); t->name; t++) {
    bool chosen = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
      chosen = chosen || strcmp(names[i], t->name) == 0;
    if (!chosen) continue;
    tw_result r = solve_standard(t, 0, "newton_cg");
    if (!(fabs(r.f - t->optimum) <= 1e-8 * (1 + fabs(t->optimum))))
      fail_msg("%s: %.17g, expected %.17g", t->name, r.f, t->optimum);
    tw_result_free(&r);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(default_methods), cmocka_unit_test(larger_sizes),
                                     cmocka_unit_test(by_newton)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
