/* What "solved" means: not relative to a poor start, to rounding where nothing else is left, and at minima alone where curvature is
 * known. */
#include "command.h"

#include <math.h>

static char folder[64];

static json_t *solve(const char *model, const char *method, int code) {
  char path[128], options[64] = "";
  write_text(folder, "model.tw", model);
  if (method[0]) snprintf(options, sizeof options, "--method %s", method);
  outcome o = command("solve %s --json %s", test_path(folder, "model.tw", path), options);
  expect_code(&o, code);
  json_t *object = parse_object(&o);
  outcome_free(&o);
  return object;
}

/* Solved with this objective and an absolute stationarity of at most `stationarity`. */
static void expect_minimum(const char *model, const char *method, double f, double error, double stationarity) {
  json_t *object = solve(model, method, 0);
  assert_string_equal(find_string(object, "status"), "solved");
  assert_true(fabs(find_number(object, "objective") - f) <= error);
  assert_true(find_number(object, "optimality.stationarity") <= stationarity);
  json_decref(object);
}

/* Starts whose gradients are larger by 10 to 18 orders than those near the solution: no more than a factor of 100 counts. */
static void a_poor_start_is_no_excuse(void **state) {
  (void)state;
  static const char *const methods[] = {"", "newton_cg", "lbfgs", "bfgs", "tron", "ipm", "sqp", "ncg", "accelerated_gradient"};
  static const char *const quasi_newton[] = {"lbfgs", "bfgs", "ncg", "newton_cg", "tron"};
  static const char *const programs[] = {"ipm", "sqp", "auglag"};
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
    expect_minimum("var x init 20\nminimize exp(2*x) - 2*x\n", methods[i], 1, 1e-9, 1e-7);
  for (size_t i = 0; i < sizeof quasi_newton / sizeof *quasi_newton; i++)
    expect_minimum("var x init -1e4\nvar y init 1\nminimize (1 - x)^2 + 100*(y - x^2)^2\n", quasi_newton[i], 0, 1e-12, 1e-7);
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
    expect_minimum("var x init 1e3\nvar y init -1e3\nminimize (1 - x)^2 + 100*(y - x^2)^2\n"
                   "subject to x + y <= 10\nsubject to x^2 + y^2 <= 100\n",
                   programs[i], 0, 1e-9, 1e-7);
  expect_minimum("var x[2] init 1\nminimize 1e10*(x[0]-1e-5)^2 + 1e-10*(x[1]-1e5)^2\n", "", 0, 1e-4, 1e-7);
}

static void roots_are_no_different(void **state) {
  (void)state;
  json_t *object = solve("var t init 1\n"
                         "let z = root {\n  var z init 30\n  subject to exp(z) - 2 == 0\n}\nminimize (t - z)^2\nreport z\n", "", 0);
  assert_true(fabs(find_number(object, "reports.z") - log(2)) <= 1e-8);
  json_decref(object);
}

/* An objective of 1e12 has gradients of 1e12 eps at the least, and says that it ended there, soon. */
static void what_is_large_is_solved_to_rounding(void **state) {
  (void)state;
  static const char *const methods[] = {"newton_cg", "lbfgs", "bfgs", "gd", "tron", "ipm", "sqp"};
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    json_t *object = solve("var x[3] init 2\nminimize 1e12*sum(square(x - [0.3, 1.7, -2.1])) + 1e11*(x[0]*x[1])^2\n", methods[i], 0);
    assert_string_equal(find_string(object, "status"), "solved");
    expect_text(find_string(object, "message"), "to rounding");
    assert_true(find_number(object, "iterations") <= 100);
    const double stationarity = find_number(object, "optimality.stationarity");
    assert_true(stationarity > 1e-7 && stationarity <= 1e-2);
    json_decref(object);
  }
}

/* A step so short that it is lost in the rounding of x is the end of a method, not of the problem. */
static void kinks_are_not_solved_by_rounding(void **state) {
  (void)state;
  static const char *const methods[] = {"accelerated_gradient", "anderson_accelerated"};
  for (int i = 0; i < 2; i++) {
    json_t *object = solve("var w[2] init [1, 3]\nminimize abs(w[0]) + abs(w[0] + w[1]) + 0.5*(w[1]-1)^2\n", methods[i], 4);
    assert_string_equal(find_string(object, "status"), "numerical failure");
    json_decref(object);
  }
}

static void maxima_and_saddles_are_left(void **state) {
  (void)state;
  static const char *const bounded[] = {"", "tron", "sqp"}, *const free_[] = {"", "newton_cg", "tron", "sqp"};
  for (int i = 0; i < 3; i++) expect_minimum("var x[2] >= -1 <= 2\nminimize x[0]*x[1] - x[0]^2\n", bounded[i], -6, 1e-9, 1e-9);
  for (int i = 0; i < 4; i++) {
    expect_minimum("var x\nminimize x^4 - x^2\n", free_[i], -0.25, 1e-9, 1e-7);
    expect_minimum("var x[100]\nminimize sum(x^4) - x[7]*x[9] + 0.4*sum(x^2)\n", free_[i], -0.005, 1e-9, 1e-7);
  }
  json_t *object = solve("var x\nminimize -x^2\n", "", 3);
  assert_string_equal(find_string(object, "status"), "unbounded");
  json_decref(object);
  object = solve("param a = 1\nlet x = argmin {\n  var x\n  minimize x^4 - a*x^2\n}\n"
                 "var y init 3\nminimize (y - x)^2\nreport x, grad(x, a)\n", "", 0);
  const double x = find_number(object, "reports.x");
  assert_true(fabs(fabs(x) - sqrt(0.5)) <= 1e-8);
  json_decref(object);
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
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_poor_start_is_no_excuse),         cmocka_unit_test(roots_are_no_different),
      cmocka_unit_test(what_is_large_is_solved_to_rounding), cmocka_unit_test(kinks_are_not_solved_by_rounding),
      cmocka_unit_test(maxima_and_saddles_are_left),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
