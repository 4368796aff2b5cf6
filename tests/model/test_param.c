/* Params: tables, arrays, formulas, files beside the model, overrides; which are constants of the model and
 * which the problem's own. */
#include "model.h"

static void values(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"a", "[]", {3}},
      {"b", "[]", {7}},
      {"cap", "[2]", {350, 600}},
      {"cap2", "[2]", {1, 1}},
      {"d", "[2, 3]", {1, 2, 3, 4, 5, 6}},
      {"dd", "[2, 3]", {1, 2, 3, 14, 15, 16}},
      {"w", "[3]", {1, 4, 9}},
      {"e", "[0]", {0}},
      {"u", "[2]", {10, 20}},
      {"row", "[2, 2]", {1, 2, 1, 2}},
      {"neg[-1]", "[]", {5}},
      {"q", "[2]", {70, 30}},
      {"big", "[]", {1e300}},
      {"word[\"a b\"]", "[]", {2}},
      {"f", "[2]", {6, 6}},
      {"sum(g)", "[]", {15}},
      {"lo", "[]", {-1}},
      {"h", "[2, 3]", {1, 4, 9, 1, 4, 9}},
      {"k[b_, 2, z]", "[]", {26}},
  };
  CHECK_VALUES(
      "set P = {a_, b_}\nset M = {x, y, z}\nset Q = {7, 3}\nset N = -2..-1\nset W = {\"a b\", c}\n"
      "param a = 3\nparam b = 2 * a + 1\nparam cap[P] = {a_: 350, b_: 600}\nparam cap2[P] = 1\n"
      "param d[P, M] = {(a_, x): 1, (a_, y): 2, (a_, z): 3, (b_, x): 4, (b_, y): 5, (b_, z): 6}\n"
      "param dd[i in P, M] = d[i, :] + (0 if i == a_ else 10)\nparam w[i in 1..3] = i^2\nparam e[{}] = 5\n"
      "param u[2] = {1: 20, 0: 10}\nparam row[2, 2] = [1, 2]\nparam neg[N] = {-1: 5, -2: 6}\n"
      "param q[Q] = {3: 30, 7: 70}\nparam big = 1e300\nparam word[W] = {\"a b\": 2, c: 3}\n"
      "param f[P] = 2 * a\nparam g[i in P, j in M] = 1 if i == a_ else 4\nparam lo = -1\n"
      "param h[P, j in 1..3] = j^2\nparam k[i in P, 1..2, M] = [[10], [20]] * [d[i, j] for j in M] / d[i, y] "
      "+ (2 if i == b_ else 0)",
      cases);
}

static void mistakes(void **state) {
  (void)state;
  static const refusal_case cases[] = {
      {"param a\n", "1:7", "expected `= value` here or --set a=VALUE"},
      {"param a = 1\nparam a = 2\n", "2:7", "taken by the param of line 1"},
      {"set P = {a, b}\nparam c[P] = {a: 1}\n", "2:14", "no value of c for b, expected one for every key"},
      {"set P = {a, b, c, d, e}\nparam c[P] = {a: 1}\n", "2:14", "no value of c for b, c, d and 1 more"},
      {"set P = {a, b}\nset Q = 1..2\nparam c[P, Q] = {(a, 1): 1, (b, 2): 3, (b, 1): 4}\n", "3:17",
       "for (a, 2)"},
      {"set P = {a, b}\nparam c[P] = {a: 1, a: 2, b: 1}\n", "2:21", "has a value already"},
      {"set P = {aa, b}\nparam c[P] = {ab: 1, b: 2}\n", "2:15", "did you mean `aa`?"},
      {"set P = {a, b}\nparam c[P] = {1: 1, b: 2}\n", "2:15", "a number as key, expected a label of P"},
      {"set Q = 1..2\nparam c[Q] = {0: 1, 1: 2}\n", "2:15", "key 0 is outside c, expected an element of Q"},
      {"param c[2] = {2: 1, 1: 2}\n", "1:15", "key 2 is outside c, expected an element of 0..1"},
      {"set P = {a, b}\nparam c[P] = {(a, b): 1}\n", "2:15", "a key of 2 parts, expected 1 for c"},
      {"param c = {0: 1}\n", "1:11", "a table needs the sets of its keys"},
      {"param c[3] = [1, 2]\n", "1:14", "a value of shape [2], expected [3]"},
      {"param c = {1, 2}\n", "1:11", "a set as the value of a param"},
      {"param c[2] = {0: 1, 1: [1, 2]}\n", "1:24", "a value of a table of shape [2], expected one number"},
      {"var x\nparam c = x\n", "2:11", "it depends on the var `x`"},
      {"param c[-1] = 0\n", "1:9", "an extent of -1, expected 0 or more"},
      {"param c[1e9] = 0\n", "1:7", "expected at most 268435456 elements"},
      {"param c[1e5, 1e5] = 0\n", "1:7", "expected at most 268435456 elements"},
      {"param c[1.5] = 0\n", "1:9", "an extent is 1.5, expected an integer"},
      {"param c[2,] = 0\n", "1:11", "expected an expression"},
      {"param c[2, 2, 2, 2, 2, 2, 2, 2, 2] = 0\n", "1:7", "9 axes, expected at most 8"},
      {"set P = {a, a}\n", "1:13", "in the set already"},
      {"set P = {1, 2, 1}\n", "1:16", "in the set already"},
      {"set P = {a, 2}\n", "1:13", "a set of labels, expected a label here too"},
      {"set P = {1, a}\n", "1:13", "unknown name `a`"},
      {"set P = 1..x\n", "1:12", "unknown name `x`"},
      {"set P = 0.5..2\n", "1:9", "the first element of a range is 0.5, expected an integer"},
      {"set P = 5\n", "1:9", "this is no set"},
      {"var x\nminimize argmin { var y  param a = 3  minimize (y - a)^2 } + x\n", "2:26",
       "a param in a nested problem"},
      {"param c = 0/0\n", "1:11", "c: NaN at element 0, expected numbers"},
      {"param c[3] = [1, 0, 1] * inf\n", "1:14", "c: NaN at element 1, expected numbers"},
      {"param c = 1/0 if 1 else 2\nset S = 1..c\nvar x[S]\n", "2:12", "the last element of a range is inf"},
  };
  CHECK_REFUSALS(cases);
}

/* ------------------------------------------------------------------ what a problem may change */

static void fixed_and_free(void **state) {
  (void)state;
  tw_model *model = model_of(
      "param n = 3\nparam half = n // 2\nparam lam = 0.5\nparam twice = 2 * lam\nparam w[n] = 1\n"
      "param k = 1\nparam unused = 4\nparam sizes = [1, 2]\nset S = 1..sizes[1]\n"
      "var x[n]\nminimize lam * sum(x^2) + twice * w @ x + x[k] + sum(x[i] for i in S if i < half + 1)\n");
  const tw_problem *p = tw_model_problem(model);
  static const struct {
    const char *name;
    bool fixed;
  } cases[] = {{"n", true}, {"half", true},    {"lam", false},  {"twice", false}, {"w", false},
               {"k", true}, {"unused", false}, {"sizes", true}, {"x", false},     {"nothing", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    if (tw_model_fixed(model, cases[i].name) != cases[i].fixed) fail_msg("%s", cases[i].name);
  const char *const parameters[] = {"lam", "w", "unused"};
  assert_int_equal(tw_problem_parameters(p), 3);
  for (int i = 0; i < 3; i++) assert_string_equal(tw_problem_parameter_at(p, i)->name, parameters[i]);
  tw_model_free(model);
}

/* A formula follows the param it is computed from. */
static void formulas_follow(void **state) {
  (void)state;
  tw_error error = {0};
  tw_model *model =
      model_of("param a = 2\nparam b = a^2\nvar x\nminimize (x - b)^2 + grad(b * x, a) * 0 + b\n");
  tw_problem *p = tw_model_problem(model);
  assert_close(number_at_start(model, tw_problem_objective(p)), 20, 1e-12);
  double three = 3;
  const tw_array value = tw_array_f64(&three, TW_SCALAR);
  assert_ok(tw_problem_set_parameter(p, "a", &value, &error));
  assert_close(number_at_start(model, tw_problem_objective(p)), 90, 1e-12);
  tw_model_free(model);
}

/* ------------------------------------------------------------------ overrides */

static double with_override(const char *text, const char *name, const char *value) {
  const tw_override o = {name, value};
  tw_model *model = model_with(text, &(tw_model_options){.n_overrides = 1, .overrides = &o});
  const double f = number_at_start(model, tw_problem_objective(tw_model_problem(model)));
  tw_model_free(model);
  return f;
}

static void overrides(void **state) {
  (void)state;
  static const char *const text =
      "set P = {a, b}\nparam n = 2\nparam lam = 1\nparam twice = 2 * lam\nparam v[n] = 1\n"
      "param c[P] = {a: 1, b: 2}\nvar x\n"
      "minimize 1000 * n + 100 * twice + 10 * sum(v) + sum(c) + x\n";
  static const struct {
    const char *name, *value;
    double f;
  } cases[] = {{"lam", "1", 2223},        {"lam", "0.5", 2123},       {"lam", "2 * 3", 3223},
               {"lam", "-1", 2023 - 200}, {"n", "3", 3233},           {"v", "[1, 2]", 2233},
               {"v", "7", 2343},          {"twice", "0", 2023},       {"c", "{a: 5, b: 6}", 2231},
               {"c", "[3, 4]", 2227},     {"lam", " 1 ", 2223},       {"lam", "1e0", 2223},
               {"lam", "n", 2423},        {"c", "{b: 1, a: 0}", 2221}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const double f = with_override(text, cases[i].name, cases[i].value);
    if (fabs(f - cases[i].f) > 1e-9)
      fail_msg("--set %s=%s: %g, expected %g", cases[i].name, cases[i].value, f, cases[i].f);
  }
}

static void wrong_overrides(void **state) {
  (void)state;
  static const char *const text =
      "set P = {a, b}\nparam lam = 1\nparam c[P] = {a: 1, b: 2}\nvar x\nminimize lam * x^2 + sum(c)\n";
  static const struct {
    const char *name, *value, *message;
  } cases[] = {{"lamb", "1", "--set lamb: the model has no param of this name, did you mean `lam`?"},
               {"x", "1", "--set x: this is a var of the model, expected a param"},
               {"P", "1..2", "--set P:1:2: got `..`, expected an operator or the end of the value"},
               {"P", "3", "--set P: this is a set of the model, expected a param"},
               {"lam", "", "--set lam:1:1: the text ends, expected an expression"},
               {"lam", "1 2", "--set lam:1:3: got a number, expected an operator or the end of the value"},
               {"lam", "1 +", "--set lam:1:4: the text ends"},
               {"lam", "foo", "--set lam:1:1: unknown name `foo`"},
               {"lam", "{a: 1}", "--set lam:1:1: a table needs the sets of its keys"},
               {"lam", "x", "--set lam:1:1: unknown name `x`"},
               {"lam", "$", "--set lam:1:1: this character is not part of the language"},
               {"c", "{a: 1}", "--set c:1:1: no value of c for b"},
               {"c", "[1, 2, 3]", "--set c:1:1: a value of shape [3], expected [2]"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_error error = {0};
    tw_model *model = NULL;
    const tw_override o = {cases[i].name, cases[i].value};
    const tw_model_options options = {.n_overrides = 1, .overrides = &o};
    if (tw_model_parse(&model, text, strlen(text), "t.tw", &options, &error) == TW_OK)
      fail_msg("accepted --set %s=%s", o.name, o.value);
    if (strstr(error.message, cases[i].message) != error.message)
      fail_msg("--set %s=%s: \"%s\", expected \"%s\"", o.name, o.value, error.message, cases[i].message);
  }
}

/* ------------------------------------------------------------------ files */

static void write_file(const char *folder, const char *name, const char *text) {
  char path[128];
  FILE *file = fopen(test_path(folder, name, path), "w");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

static void expect_place(const tw_error *error, const char *place) {
  if (strstr(error->message, place) == NULL) fail_msg("no %s in %s", place, error->message);
}

static void files_lie_beside_the_model(void **state) {
  (void)state;
  char folder[64], path[128];
  tw_error error = {0};
  test_folder_make(folder);
  write_file(folder, "data.csv", "a,b,target\n1,2,3\n4,5,6\n");
  double numbers[] = {7, 8, 9, 10};
  const tw_array array = tw_array_f64(numbers, TW_SHAPE(2, 2));
  assert_ok(tw_npy_write(test_path(folder, "m.npy", path), &array, &error));
  write_file(folder, "m.tw",
             "set R = {one, two}\nparam X = csv(\"data.csv\", columns=\"a..b\")\nparam y = csv(\"data.csv\", "
             "\"target\")\n"
             "param M[R, R] = npy(\"m.npy\")\nlet all = csv(\"data.csv\")\nvar x init 1\n"
             "minimize x * sum(X @ [1, 10]) + 1000 * y[1] + 10000 * M[two, one] + 1e6 * sum(all)\n");
  tw_model *model = NULL;
  assert_ok(tw_model_read(&model, test_path(folder, "m.tw", path), NULL, &error));
  assert_close(number_at_start(model, tw_problem_objective(tw_model_problem(model))),
               75 + 6000 + 90000 + 21e6, 1e-12);
  tw_model_free(model);
  write_file(folder, "bad.tw",
             "param X = csv(\"data.csv\")\nparam y = csv(\"nothing.csv\")\nvar x\nminimize x\n");
  assert_fails(tw_model_read(&model, test_path(folder, "bad.tw", path), NULL, &error), TW_ERR_IO,
               "nothing.csv");
  expect_place(&error, ":2:11: ");
  write_file(folder, "bad.tw", "param X[3, 3] = csv(\"data.csv\")\nvar x\nminimize x\n");
  assert_fails(tw_model_read(&model, test_path(folder, "bad.tw", path), NULL, &error), TW_ERR_SHAPE,
               "an array of shape [2, 3] for X, expected [3, 3]");
  expect_place(&error, ":1:17: ");
  write_file(folder, "bad.tw", "param X = csv(\"data.csv\", columns=\"a..c\")\nvar x\nminimize x\n");
  assert_fails(tw_model_read(&model, test_path(folder, "bad.tw", path), NULL, &error), TW_ERR_NAME, "c");
  expect_place(&error, ":1:11: ");
  test_folder_remove(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values),
      cmocka_unit_test(mistakes),
      cmocka_unit_test(fixed_and_free),
      cmocka_unit_test(formulas_follow),
      cmocka_unit_test(overrides),
      cmocka_unit_test(wrong_overrides),
      cmocka_unit_test(files_lie_beside_the_model),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
