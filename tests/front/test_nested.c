/* talweg solve on models with nested problems: failures of inner solves, evidence of derivatives,
 * checkpoints. */
#include "command.h"

static char folder[64];

static outcome solve(const char *name, const char *model, const char *options) {
  char path[128];
  write_text(folder, name, model);
  return command("solve %s %s", test_path(folder, name, path), options);
}

/* Exit code and, in JSON, status and a part of the message at `where`. */
static void expect(const char *model, const char *options, int code, const char *status, const char *where,
                   const char *part) {
  char words[128];
  snprintf(words, sizeof words, "--json %s", options);
  outcome o = solve("model.tw", model, words);
  expect_code(&o, code);
  json_t *object = parse_object(&o);
  assert_string_equal(find_string(object, "status"), status);
  expect_text(find_string(object, where), part);
  json_decref(object);
  outcome_free(&o);
}

static void failed_inner_problems_give_their_reason(void **state) {
  (void)state;
  expect("var t init 1\n"
         "let w = argmin {\n  var w[2]\n  minimize sum(w^2)\n  subject to sum(w) >= 1 + t\n  subject to "
         "sum(w) <= -1\n}\n"
         "minimize sum((w - t)^2)\nreport w\n",
         "", 4, "numerical failure", "message",
         "argmin: the inner problem was not solved: mehrotra ended with \"infeasible\"");
  expect("var t init 1\nlet w = argmin { var w\n  minimize t * w }\nminimize (w - t)^2\nreport w\n", "", 4,
         "numerical failure", "message", "ended with \"unbounded\"");
  expect("var t init 1\n"
         "let w = argmin {\n  var w[2]\n  minimize 100 * (w[1] - w[0]^2)^2 + (t - w[0])^2\n  solve with "
         "gd(max_iter=20)\n}\n"
         "minimize sum((w - t)^2)\n",
         "", 4, "numerical failure", "message",
         "gd ended with \"iteration limit\" (limit of 20 iterations reached)");
  expect("var t init 1\nlet z = root { var z  subject to z^2 + exp(t) == 0 }\nminimize (z - t)^2\n", "", 4,
         "numerical failure", "message", "root: the inner problem was not solved");
}

/* In text, too: the reason, and reports that have no value. */
static void failures_are_shown_as_text(void **state) {
  (void)state;
  outcome o =
      solve("model.tw",
            "var t init 1\nlet w = argmin { var w\n  minimize t * w }\nminimize (w - t)^2\nreport w\n", "");
  expect_code(&o, 4);
  expect_text(o.out, "Numerical failure");
  expect_text(o.out, "argmin: the inner problem was not solved");
  expect_text(o.out, "w = nan");
  outcome_free(&o);
}

static void doubtful_sensitivities_are_told(void **state) {
  (void)state;
  const char *bound = "param c = 0\nvar x >= 0\nminimize (x - c)^2\n";
  expect(bound, "--sensitivity c", 4, "solved", "evidence.message", "degenerate");
  expect("param c = 0\nvar x init 1\nminimize x^4 - c * x\n", "--sensitivity c", 4, "solved",
         "evidence.message", "singular at the solution");
  expect("param c = 0\nvar x\nminimize x^4 - c * x\n", "--sensitivity c", 4, "solved", "evidence.message",
         "singular");
  expect("param c = 1\nvar x[2] >= 0\nminimize c * sum(x)\nsubject to sum(x) >= 1\n", "--sensitivity c", 4,
         "solved", "evidence.message", "not isolated");
  outcome o = solve("model.tw", bound, "--sensitivity c");
  expect_code(&o, 4);
  expect_text(o.out, "Not reliable: the solution is degenerate");
  expect_text(o.err, "the sensitivity to c is not reliable");
  outcome_free(&o);
}

static void good_sensitivities_are_not_doubted(void **state) {
  (void)state;
  outcome o = solve("model.tw", "param c = 1\nvar x[2] >= 0\nminimize (x[0] - c)^2 + (x[1] + 1)^2\n",
                    "--json --sensitivity c");
  expect_code(&o, 0);
  json_t *object = parse_object(&o);
  assert_true(json_is_true(find_value(object, "evidence.reliable")));
  assert_close(find_number(object, "evidence.complementarity_gap"), 1, 0.5);
  assert_true(find_number(object, "evidence.derivative_error") <= 1e-6);
  assert_close(find_number(object, "sensitivity.c.variables.x.0"), 1, 1e-8);
  assert_close(find_number(object, "sensitivity.c.variables.x.1"), 0, 1e-8);
  json_decref(object);
  outcome_free(&o);
}

/* A derivative that does not exist is null, beside the solution itself. */
static void missing_derivatives_are_null(void **state) {
  (void)state;
  outcome o = solve("model.tw", "param c = 0\nvar x\nminimize x^4 - c * x\n", "--json --sensitivity c");
  json_t *object = parse_object(&o);
  assert_true(json_is_null(find_value(object, "sensitivity.c.variables.x")));
  assert_true(json_is_false(find_value(object, "evidence.reliable")));
  assert_close(find_number(object, "variables.x"), 0, 0);
  json_decref(object);
  outcome_free(&o);
}

/* Each parameter's derivatives say whether they are of a unique solution; reduced costs have the sense of the objective. */
static void programs_have_prices(void **state) {
  (void)state;
  for (int tied = 0; tied < 2; tied++) {
    char text[256];
    snprintf(text, sizeof text, "param b = 4\nparam ub = 1\nvar x[3] >= 0 <= [9, ub, 9]\nmaximize 2*x[0] + 3*x[1] + %s*x[2]\n"
             "subject to r: x[0] + x[1] + x[2] <= b\n", tied ? "2" : "1");
    outcome o = solve("model.tw", text, "--json --quiet --sensitivity b,ub");
    expect_code(&o, tied ? 4 : 0);
    json_t *object = parse_object(&o);
    const double prices[] = {0, 1, tied ? 0 : -1};
    for (int k = 0; k < 3; k++) {
      char path[64];
      snprintf(path, sizeof path, "reduced_costs.x.%d", k);
      assert_close(find_number(object, path), prices[k], 1e-7);
    }
    assert_close(find_number(object, "constraints.r.dual"), -2, 1e-7);
    assert_close(find_number(object, "sensitivity.b.objective"), 2, 1e-7);
    assert_close(find_number(object, "sensitivity.ub.objective"), 1, 1e-7);
    assert_close(find_number(object, "sensitivity.b.variables.x.0"), tied ? 0.5 : 1, 1e-7);
    assert_true(json_is_true(find_value(object, "sensitivity.b.unique")) == !tied);
    const char *why = json_string_value(find_value(object, "sensitivity.b.why"));
    assert_true(why != NULL && (strstr(why, "not isolated") != NULL) == tied);
    json_decref(object);
    outcome_free(&o);
    o = solve("model.tw", text, "--sensitivity b");
    expect_text(o.out, "Reduced costs");
    if (tied) expect_text(o.out, "not unique: the solution is not isolated");
    outcome_free(&o);
  }
}

/* An answer that rests on derivatives through a degenerate inner solution is none. */
static void doubtful_answers_are_none(void **state) {
  (void)state;
  expect(
      "var t init 1\nlet x = argmin { var x >= 0\n  minimize (x - t)^2 }\nminimize (x - 1)^2 + t^2 - 2*t\n",
      "", 0, "solved", "message", "stationarity");
  expect("var t init 0\nlet x = argmin { var x >= 0\n  minimize (x - t)^2 }\nminimize t^2 + 0 * x\n", "", 4,
         "numerical failure", "message",
         "derivatives through a nested problem are not reliable: the solution is degenerate");
}

static void resumed_runs_print_the_same(void **state) {
  (void)state;
  char path[128], words[512];
  const char *model = "var t[2] init 0.5\n"
                      "let w = argmin {\n  var w[3]\n  minimize sum(exp(w - t[0])) + sum((w + t[1])^2)\n}\n"
                      "minimize sum((w - 0.3)^2) + 0.1 * sum(t^2)\nreport w\n";
  test_path(folder, "run", path);
  outcome whole = solve("model.tw", model, "--json --method bfgs");
  snprintf(words, sizeof words, "--json --method bfgs --max-iter 4 --checkpoint %s", path);
  outcome cut = solve("model.tw", model, words);
  snprintf(words, sizeof words, "--json --method bfgs --resume %s", path);
  outcome rest = solve("model.tw", model, words);
  expect_code(&whole, 0);
  expect_code(&cut, 2);
  expect_code(&rest, 0);
  json_t *a = parse_object(&whole), *b = parse_object(&rest);
  const char *const same[] = {"objective",     "iterations",  "variables.t.0",
                              "variables.t.1", "reports.w.0", "reports.w.2"};
  for (size_t i = 0; i < sizeof same / sizeof *same; i++)
    assert_same_bits(find_number(b, same[i]), find_number(a, same[i]));
  json_decref(a);
  json_decref(b);
  outcome_free(&whole);
  outcome_free(&cut);
  outcome_free(&rest);
}

static int set_up(void **state) {
  (void)state;
  test_folder_make(folder);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  test_folder_remove(folder);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(failed_inner_problems_give_their_reason),
                                     cmocka_unit_test(failures_are_shown_as_text),
                                     cmocka_unit_test(doubtful_sensitivities_are_told),
                                     cmocka_unit_test(good_sensitivities_are_not_doubted),
                                     cmocka_unit_test(missing_derivatives_are_null),
                                     cmocka_unit_test(programs_have_prices),
      cmocka_unit_test(doubtful_answers_are_none),
                                     cmocka_unit_test(resumed_runs_print_the_same)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
