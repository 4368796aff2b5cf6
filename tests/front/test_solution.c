/* Solutions: values of constraints and reports, the sense of objective and multipliers, sensitivities, JSON. */
#include "command.h"

typedef struct fixture {
  tw_graph *graph;
  tw_problem *problem;
  tw_expr x, p;
} fixture;

/* min (x0 - p)^2 + (x1 - 2 p)^2 subject to x0 + x1 <= 1, with p = 3: x = p + t, 2p + t, t = (1 - 3p)/2, y = -2t. With
 * `maximize` the same of the negated objective. */
static fixture make(bool maximize) {
  fixture f = {.graph = tw_graph_new()};
  f.problem = tw_problem_new(f.graph);
  f.x = tw_problem_variable(f.problem, "x", TW_SHAPE(2));
  double three = 3, weights[] = {1, 2};
  const tw_array value = tw_array_f64(&three, TW_SCALAR), weight = tw_array_f64(weights, TW_SHAPE(2));
  f.p = tw_problem_parameter(f.problem, "p", &value);
  const tw_expr gap = tw_sub(f.x, tw_mul(tw_constant(f.graph, &weight), f.p));
  const tw_expr objective = tw_sum(tw_square(gap), TW_ALL, false), sum = tw_sum(f.x, TW_ALL, false);
  if (maximize)
    tw_problem_maximize(f.problem, "gain", tw_neg(objective));
  else
    tw_problem_minimize(f.problem, "cost", objective);
  tw_problem_subject(f.problem, "budget", sum, TW_NONE, tw_scalar(f.graph, 1));
  tw_problem_report(f.problem, "twice", tw_mul(tw_reshape(f.x, TW_SHAPE(2, 1)), tw_scalar(f.graph, 2)));
  tw_problem_report(f.problem, "positive", tw_gt(f.x, tw_scalar(f.graph, 0)));
  tw_problem_report(f.problem, "hopeless", tw_log(tw_neg(tw_square(f.p))));
  return f;
}

static void release(fixture *f) {
  tw_problem_free(f->problem);
  tw_graph_free(f->graph);
}

static tw_solution solve(const fixture *f) {
  tw_error error = {0};
  tw_result result = {0};
  tw_class cls;
  tw_solution s;
  const tw_solve_options options = {.tolerance = 1e-10};
  assert_ok(tw_graph_check(f->graph, &error));
  assert_ok(tw_classify(f->problem, &cls, &error));
  assert_ok(tw_solve_problem(f->problem, &options, &result, &error));
  assert_string_equal(tw_outcome_name(result.outcome), "solved");
  assert_ok(tw_solution_new(&s, f->problem, &cls, &result, NULL, &error));
  assert_ok(tw_solution_differentiate(&s, "p", &error));
  assert_fails(tw_solution_differentiate(&s, "q", &error), TW_ERR_NAME, "no parameter q");
  return s;
}

static json_t *to_json(const tw_solution *s) {
  tw_text text = {0};
  tw_solution_json(&text, s, NULL);
  assert_false(text.failed);
  const outcome o = {.out = text.data};
  json_t *object = parse_object(&o);
  tw_text_free(&text);
  return object;
}

/* f*(p) = 2 t^2 = (1 - 3p)^2 / 2 */
static void check_values(bool maximize) {
  fixture f = make(maximize);
  tw_solution s = solve(&f);
  json_t *o = to_json(&s);
  const double sign = maximize ? -1 : 1;
  assert_close(find_number(o, "objective"), sign * 32, 1e-8);
  assert_close(find_number(o, "variables.x.0"), -1, 1e-8);
  assert_close(find_number(o, "variables.x.1"), 2, 1e-8);
  assert_close(find_number(o, "constraints.budget.value"), 1, 1e-8);
  assert_close(find_number(o, "constraints.budget.dual"), sign * 8, 1e-6);
  assert_close(find_number(o, "sensitivity.p.objective"), sign * -3 * (1 - 9), 1e-6);
  assert_close(find_number(o, "sensitivity.p.variables.x.0"), 1 - 1.5, 1e-8);
  assert_close(find_number(o, "sensitivity.p.variables.x.1"), 2 - 1.5, 1e-8);
  assert_true(json_is_true(find_value(o, "evidence.reliable")));
  assert_close(find_number(o, "reports.twice.1.0"), 4, 1e-8);
  assert_true(json_is_false(find_value(o, "reports.positive.0")));
  assert_true(json_is_true(find_value(o, "reports.positive.1")));
  assert_true(json_is_null(find_value(o, "reports.hopeless")));
  json_decref(o);
  tw_solution_free(&s);
  release(&f);
}

static void minimum(void **state) {
  (void)state;
  check_values(false);
}

static void maximum(void **state) {
  (void)state;
  check_values(true);
}

static void keys_in_order(void **state) {
  (void)state;
  static const char *const keys[] = {"status",      "objective", "variables",  "reports",     "constraints",
                                     "sensitivity", "method",    "class",      "iterations",  "evaluations",
                                     "seconds",     "optimality", "evidence",  "message"};
  fixture f = make(false);
  tw_solution s = solve(&f);
  json_t *o = to_json(&s), *value;
  const char *key;
  size_t at = 0;
  json_object_foreach(o, key, value) assert_string_equal(key, keys[at++]);
  assert_int_equal(at, sizeof keys / sizeof *keys);
  json_decref(o);
  tw_solution_free(&s);
  release(&f);
}

static void numbers_round_trip(void **state) {
  (void)state;
  enum { COUNT = 500 };
  double x[COUNT];
  for (uint64_t i = 0; i < COUNT; i++) x[i] = tw_random_normal(1, i) * pow(10, 600 * tw_random_uniform(2, i) - 300);
  x[7] = INFINITY;
  x[8] = NAN;
  const tw_array array = tw_array_f64(x, TW_SHAPE(5, 4, 25));
  tw_text text = {0};
  tw_json_array(&text, &array);
  json_t *list = json_loads(text.data, 0, NULL);
  assert_non_null(list);
  for (size_t i = 0; i < COUNT; i++) {
    json_t *number = json_array_get(json_array_get(json_array_get(list, i / 100), i / 25 % 4), i % 25);
    if (isfinite(x[i]))
      assert_same_bits(json_number_value(number), x[i]);
    else
      assert_true(json_is_null(number));
  }
  json_decref(list);
  tw_text_free(&text);
}

static void evidence_keeps_the_worst(void **state) {
  (void)state;
  tw_evidence a = {1, 1e-9, 1e-12, 10, 0.5, 1e-8, true, "", TW_DERIVATIVE_ONE_SIDED, 1, 10, 5e3, "lu"};
  const tw_evidence b = {2, 1e-10, 1e-3, 5, 0.1, 1e-6, false, "badly solved", TW_DERIVATIVE_REGULAR, 2, 20, 7e3, NULL};
  tw_evidence_merge(&a, &b);
  assert_int_equal(a.solves, 3);
  assert_close(a.inner_residual, 1e-9, 0);
  assert_close(a.linear_residual, 1e-3, 0);
  assert_close(a.condition, 10, 0);
  assert_close(a.complementarity_gap, 0.1, 0);
  assert_close(a.derivative_error, 1e-6, 0);
  assert_false(a.reliable);
  assert_string_equal(a.message, "badly solved");
  assert_int_equal(a.kind, TW_DERIVATIVE_ONE_SIDED);
  assert_int_equal(a.factorizations, 3);
  assert_int_equal(a.evaluations, 30);
}

static void text_names_everything(void **state) {
  (void)state;
  fixture f = make(true);
  tw_solution s = solve(&f);
  tw_text text = {0};
  tw_solution_text(&text, &s, NULL, "title");
  static const char *const parts[] = {"Solved: title", "Maximum of gain = -32", "x = [-1, 2]", "budget", "value",
                                      "dual", "twice", "positive = [false, true]", "Sensitivity to p", "stationarity"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) expect_text(text.data, parts[i]);
  tw_text_free(&text);
  tw_solution_free(&s);
  release(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(minimum),
                                     cmocka_unit_test(maximum),
                                     cmocka_unit_test(keys_in_order),
                                     cmocka_unit_test(numbers_round_trip),
                                     cmocka_unit_test(evidence_keeps_the_worst),
                                     cmocka_unit_test(text_names_everything)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
