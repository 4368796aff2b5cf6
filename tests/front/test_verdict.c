/* What the command says of models that have no point, and of runs that are interrupted. */
#include "command.h"

static const struct {
  const char *name, *text, *message;
} empty[] = {
    {"affine", "var x[2] in affine([[1, 1], [1, 1]], [1, 2])\nminimize sum(x^2)\n", "affine: no point satisfies all rows together"},
    {"no coefficients", "var x[2] in affine([[0, 0]], [1])\nminimize sum(x^2)\n", "affine: no point"},
    {"offset by --set", "param b = [1, 2]\nvar x[2] in affine([[1, 1], [1, 1]], b)\nminimize sum(x^2)\n", "affine: no point"},
    {"transport", "var P[2, 2] in transport([1, 1], [1, 2])\nminimize sum(P^2)\n", "transport: no table has these sums"},
    {"scalars", "var P[2, 3] in transport(1, 1)\nminimize sum(P^2)\n", "transport: no table has these sums"},
    {"polyhedron", "var x[2] in polyhedron([[1, 1], [1, 1]], [1, 2], [1, 2])\nminimize sum(x^2)\n", "polyhedron: no point satisfies row"},
    {"bounds", "var x[2] >= 1 <= 0\nminimize sum(x^2)\n", "the lower bound 1 is above the upper bound 0"},
    {"box", "var x[2] in box(1, 0)\nminimize sum(x^2)\n", "lower bound 1 above upper bound 0"},
    {"order", "param l = 1\nvar x[3] in order_simplex(l, 0)\nminimize sum(x^2)\n", "order_simplex: the lower bound is above"},
    {"bounds by a param", "param u = 0\nvar x[2] >= 1 <= u\nminimize sum(x^2)\n", "the lower bound 1 is above the upper bound 0"},
    {"limits", "var x[2]\nminimize sum(x^2)\nsubject to 1 <= sum(x) <= 0\n", "the lower limit 1 is above the upper limit 0"},
};

static void no_point_is_a_result(void **state) {
  (void)state;
  static const char *const keys[] = {"status",  "objective", "variables", "reports",     "constraints", "sensitivity", "method", "class",
                                     "iterations", "evaluations", "seconds", "optimality", "message"};
  char folder[64], path[128], words[256];
  test_folder_make(folder);
  for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
    write_text(folder, "m.tw", empty[i].text);
    snprintf(words, sizeof words, "solve %s --quiet", test_path(folder, "m.tw", path));
    json_t *object = run_json(3, words);
    assert_string_equal(find_string(object, "status"), "infeasible");
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
      if (!json_object_get(object, keys[k])) fail_msg("%s: no \"%s\"", empty[i].name, keys[k]);
    assert_true(json_is_null(find_value(object, "objective")));
    expect_text(find_string(object, "message"), empty[i].message);
    json_decref(object);
    outcome o = command("%s", words);
    expect_code(&o, 3);
    outcome_free(&o);
  }
  test_folder_remove(folder);
}

/* Sets of the same kinds with points, also where rows depend on each other and totals are rounded. */
static void points_are_found(void **state) {
  (void)state;
  static const char *const texts[] = {
      "var x[2] in affine([[1, 1], [2, 2]], [1, 2])\nminimize sum(x^2)\n",
      "var X[3, 2] in affine([[1, 1], [1, 1]], [1, 1])\nminimize sum(X^2)\n",
      "var x[2] in affine([[0, 0], [1, 1]], [0, 1])\nminimize sum(x^2)\n",
      "var P[2, 2] in transport([1, 2], [1.5, 1.5000000001])\nminimize sum(P^2)\n",
      "var x[3] in order_simplex(-inf, 1)\nminimize sum((x - 3)^2)\n",
      "param a = [1, 2]\nvar P[2, 2] in transport(a, sum(a) * [0.3, 0.7])\nminimize sum(P^2)\n",
  };
  char folder[64], path[128], words[256];
  test_folder_make(folder);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    write_text(folder, "m.tw", texts[i]);
    snprintf(words, sizeof words, "solve %s --quiet", test_path(folder, "m.tw", path));
    json_t *object = run_json(0, words);
    assert_true(find_number(object, "optimality.feasibility") <= 1e-9); /* the distance to the set */
    json_decref(object);
  }
  test_folder_remove(folder);
}

/* Stopped before there is a point, whatever method was to find one. */
static void interrupted_is_no_failure(void **state) {
  (void)state;
  const int stop = 1;
  static const char *const models[] = {"examples/knapsack.tw", "examples/hs071.tw", "examples/maxcut.tw", "examples/lasso.tw",
                                       "examples/ridge-path.tw", "tests/data/mps/lseu.mps"};
  for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
    char words[160];
    snprintf(words, sizeof words, "solve %s --quiet --json", models[i]);
    outcome o = command_on(words, (tw_console){.stop = &stop});
    expect_code(&o, 2);
    expect_text(o.out, "\"status\":\"interrupted\"");
    outcome_free(&o);
    snprintf(words, sizeof words, "solve %s --quiet", models[i]);
    o = command_on(words, (tw_console){.stop = &stop});
    expect_code(&o, 2);
    if (o.out[0] != '\0') expect_text(o.out, "Interrupted: ");
    assert_null(strstr(o.out, "topped by caller"));
    outcome_free(&o);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_point_is_a_result), cmocka_unit_test(points_are_found),
                                     cmocka_unit_test(interrupted_is_no_failure)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
