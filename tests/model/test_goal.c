/* What is wanted: objectives and systems, methods and their options, reports; and whole models that are
 * refused. */
#include "model.h"

static tw_goal goal_of(const char *text) {
  tw_model *model = model_of(text);
  const tw_goal goal = tw_problem_goal(tw_model_problem(model));
  tw_model_free(model);
  return goal;
}

static void goals(void **state) {
  (void)state;
  assert_int_equal(goal_of("var x\nminimize x^2\n"), TW_GOAL_MINIMIZE);
  assert_int_equal(goal_of("var x\nmaximize gain: -x^2\n"), TW_GOAL_MAXIMIZE);
  assert_int_equal(goal_of("var x[2]\nsubject to x[0] + x[1] == 3\nsubject to x[0] * x[1] == 2\n"),
                   TW_GOAL_ROOT);
  assert_int_equal(goal_of("var x[2] >= 0\nsubject to x[0] + x[1] == 3\nsubject to x[0] * x[1] == 2\n"),
                   TW_GOAL_NONE);
  assert_int_equal(goal_of("var x[2]\nsubject to x[0] + x[1] == 3\n"), TW_GOAL_NONE);
  assert_int_equal(goal_of("var x\nsubject to x >= 3\n"), TW_GOAL_NONE);
}

/* The objective as stated, under its name, also where integers are all there is. */
static void objectives(void **state) {
  (void)state;
  tw_model *model = model_of(
      "param lam = 3\nvar x init 2\nmaximize gain: lam * x - x^2\nreport grad(gain, lam), gain / 2\n");
  const tw_problem *p = tw_model_problem(model);
  assert_string_equal(tw_problem_objective_name(p), "gain");
  assert_close(number_at_start(model, tw_problem_objective(p)), 2, 0);
  assert_close(number_at_start(model, tw_problem_report_expr(p, 0)), 2, 0);
  assert_close(number_at_start(model, tw_problem_report_expr(p, 1)), 1, 0);
  tw_model_free(model);
  model = model_of("var x\nminimize 7\n");
  assert_int_equal(tw_dtype_of(tw_problem_objective(tw_model_problem(model))), TW_F64);
  tw_model_free(model);
}

static void methods(void **state) {
  (void)state;
  static const struct {
    const char *statement, *spec;
  } cases[] = {{"solve with lbfgs", "lbfgs"},
               {"solve with lbfgs()", "lbfgs"},
               {"solve with lbfgs(tol=1e-10, max_iter=500)", "lbfgs:tol=1e-10,max_iter=500"},
               {"solve with lbfgs(max_iter=n^2)", "lbfgs:max_iter=100"},
               {"solve with lbfgs(\n  tol=1e-10,\n)", "lbfgs:tol=1e-10"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[160];
    snprintf(text, sizeof text, "param n = 10\nvar x\nminimize x^2\n%s\n", cases[i].statement);
    tw_model *model = model_of(text);
    assert_string_equal(tw_model_method(model), cases[i].spec);
    tw_model_free(model);
  }
  tw_model *model = model_of("var x\nminimize x^2\n");
  assert_null(tw_model_method(model));
  assert_string_equal(tw_model_title(model), "");
  tw_model_free(model);
}

/* A report's name is its text, blanks and line ends between tokens one blank; the same text is reported once.
 */
static void reports(void **state) {
  (void)state;
  tw_model *model =
      model_of("var x[2] init [3, 4]\nminimize sum(x)\nreport x[0],norm( x ), # comment\n  x[0] "
               "+\n\tx[1]\nreport x[0]\n"
               "let w = argmin { var y  var z  minimize (y - x[0])^2 + z^2 }\nreport w.y, x'\n");
  const tw_problem *p = tw_model_problem(model);
  static const struct {
    const char *name;
    double first;
  } cases[] = {{"x[0]", 3}, {"norm( x )", 5}, {"x[0] + x[1]", 7}, {"w.y", 3}, {"x'", 3}};
  enum { CASES = sizeof cases / sizeof *cases };
  assert_int_equal(tw_problem_reports(p), CASES);
  for (int i = 0; i < CASES; i++) {
    assert_string_equal(tw_problem_report_name(p, i), cases[i].name);
    tw_array value = value_at_start(model, cases[i].name, tw_problem_report_expr(p, i));
    assert_close(element(&value, 0), cases[i].first, 1e-9);
    tw_array_free(&value);
  }
  tw_model_free(model);
}

static void mistakes(void **state) {
  (void)state;
  static const refusal_case cases[] = {
      {"", "1:1", "no variable, expected a `var`"},
      {"\n# nothing\n\n", "1:1", "no variable, expected a `var`"},
      {"var x\n\n\n", "1:6", "nothing is asked for, expected minimize, maximize or subject to"},
      {"minimize 3\n", "1:11", "no variable, expected a `var`"},
      {"var x\nminimize x\nmaximize x\n", "3:1", "a second objective, expected the one of line 2 alone"},
      {"var x[2]\nminimize x\n", "2:10",
       "an objective of shape [2], expected a number; sum(..) adds up an array"},
      {"var x\nminimize x: x^2\n", "2:10", "taken by the var of line 1"},
      {"var x\nminimize x^2\nsolve with lbgs\n", "3:12", "unknown method `lbgs`, did you mean `lbfgs`?"},
      {"var x\nminimize x^2\nsolve with lbfgs(tol=-1)\n", "3:22", "tol"},
      {"var x\nminimize x^2\nsolve with lbfgs(toll=1)\n", "3:23", "toll"},
      {"var x\nminimize x^2\nsolve with lbfgs(1e-8)\n", "3:18", "an option without its name"},
      {"var x\nminimize x^2\nsolve with lbfgs(tol=x)\n", "3:22", "depends on the var `x`"},
      {"var x\nminimize x^2\nsolve with lbfgs\nsolve with gd\n", "4:1", "a second `solve with`"},
      {"var x\nminimize x^2\nsolve with broyden\n", "3:12",
       "method broyden solves equations, expected one that minimizes: accelerated_gradient"},
      {"solve with lbfgs\nvar x\nsubject to x^2 == 2\n", "1:12",
       "method lbfgs minimizes, expected one that solves equations"},
      {"var x\nlet w = argmin { var z  solve with picard  minimize (z - x)^2 }\n", "2:36",
       "expected one that minimizes"},
      {"var x\nlet w = fixpoint { var z  solve with gd  z = x }\n", "2:38",
       "expected one that solves equations"},
      {"var x\nminimize x^2\nsolve lbfgs\n", "3:7", "expected `with`: solve with method(option=value, ..)"},
      {"var x\nminimize x^2\nreport\n", "3:7", "expected an expression"},
      {"var x\nminimize x^2\nreport x,\n", "3:10", "expected an expression"},
      {"var x\nminimize x^2\nmodel title\n", "3:7", "expected a title in double quotes"},
      {"let 3 = 4\n", "1:5", "got a number, expected a name after `let`"},
      {"let y 4\n", "1:7", "expected `=` and the expression to name"},
      {"var x\nlet y = y + 1\n", "2:9", "unknown name `y`"},
      {"set = {a}\n", "1:5", "expected the name of a set"},
      {"set S 1..3\n", "1:7", "expected `=` and the elements"},
      {"set S = {a, b\nvar x\n", "2:1", "got `var`, expected `}` to close the bracket at 1:9"},
      {"subject to\n", "1:11", "expected an expression"},
      {"var x\nminimize", "2:9", "the text ends, expected an expression"},
  };
  CHECK_REFUSALS(cases);
}

/* ------------------------------------------------------------------ reading */

static void limits(void **state) {
  (void)state;
  tw_error error = {0};
  tw_model *model = NULL;
  static const char *const text = "var x[1000]\nminimize sum(x^2)\n";
  assert_fails(
      tw_model_parse(&model, text, strlen(text), "t.tw", &(tw_model_options){.max_bytes = 10}, &error),
      TW_ERR_RANGE, "t.tw: 30 bytes of text, expected at most 10");
  assert_null(model);
  assert_fails(
      tw_model_parse(&model, text, strlen(text), "t.tw", &(tw_model_options){.max_elements = 999}, &error),
      TW_ERR_SHAPE, "expected at most 999 elements");
  assert_null(model);
  assert_ok(tw_model_parse(&model, text, strlen(text), "t.tw",
                           &(tw_model_options){.max_bytes = 30, .max_elements = 1000}, &error));
  tw_model_free(model);
  assert_fails(tw_model_read(&model, "/nonexistent/m.tw", NULL, &error), TW_ERR_IO, "/nonexistent/m.tw");
  assert_null(model);
  assert_fails(tw_model_read(&model, "/tmp", NULL, &error), TW_ERR_IO, "not a regular file");
  assert_null(model);
  tw_model_free(NULL);
}

/* Bytes that are no text end in a message at the first of them. */
static void binary_noise(void **state) {
  (void)state;
  for (uint64_t key = 0; key < 300; key++) {
    char noise[200];
    for (uint64_t i = 0; i < sizeof noise; i++) noise[i] = (char)(int)(256 * tw_random_uniform(key, i) - 128);
    tw_error error = {0};
    tw_model *model = NULL;
    assert_int_not_equal(tw_model_parse(&model, noise, sizeof noise, "noise", NULL, &error), TW_OK);
    assert_memory_equal(error.message, "noise:", 6);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(goals),        cmocka_unit_test(objectives), cmocka_unit_test(methods),
      cmocka_unit_test(reports),      cmocka_unit_test(mistakes),   cmocka_unit_test(limits),
      cmocka_unit_test(binary_noise),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
