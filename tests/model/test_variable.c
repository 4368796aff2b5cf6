/* Variables: shapes, bounds, starts, sets and kinds of numbers, as expressions that broadcast. */
#include "model.h"

static const tw_variable *find_variable(tw_model *model, const char *name) {
  const tw_problem *p = tw_model_problem(model);
  for (int i = 0; i < tw_problem_variables(p); i++)
    if (strcmp(tw_problem_variable_at(p, i)->name, name) == 0) return tw_problem_variable_at(p, i);
  fail_msg("no variable %s", name);
  return NULL;
}

/* One attribute of a variable against its elements; `tail` follows `var x` in the model. */
typedef struct attribute_case {
  const char *tail;
  enum { LOWER, UPPER, START } which;
  value_case expected;
} attribute_case;

static void check_attribute(const attribute_case *c) {
  tw_text text = {0};
  tw_text_printf(
      &text,
      "set P = {a, b}\nset T = 1..3\nparam lam = 2\nparam cap[P] = {a: 5, b: 6}\nvar x%s\nminimize sum(x)\n",
      c->tail);
  tw_model *model = model_of(text.data);
  const tw_variable *v = find_variable(model, "x");
  const tw_expr e = c->which == LOWER ? v->lower : c->which == UPPER ? v->upper : v->start;
  if (tw_is_none(e)) fail_msg("var x%s: nothing stated", c->tail);
  tw_array value = value_at_start(model, c->tail, tw_broadcast(e, tw_shape_of(v->expr)));
  value_case expected = c->expected;
  expected.expression = c->tail;
  check_elements(&expected, &value, 1e-12);
  tw_array_free(&value);
  tw_model_free(model);
  tw_text_free(&text);
}

static void bounds_and_starts(void **state) {
  (void)state;
  static const attribute_case cases[] = {
      {" >= 0", LOWER, {NULL, "[]", {0}}},
      {" <= 10 >= -lam", LOWER, {NULL, "[]", {-2}}},
      {" >= -lam <= 10 init lam^2", START, {NULL, "[]", {4}}},
      {"[2, 3] >= 1", LOWER, {NULL, "[2, 3]", {1, 1, 1, 1, 1, 1}}},
      {"[2, 3] <= [1, 2, 3]", UPPER, {NULL, "[2, 3]", {1, 2, 3, 1, 2, 3}}},
      {"[P] <= cap", UPPER, {NULL, "[2]", {5, 6}}},
      {"[P] <= cap init cap / 2", START, {NULL, "[2]", {2.5, 3}}},
      {"[P] init {a: 1, b: 2}", START, {NULL, "[2]", {1, 2}}},
      {"[P, T] init {(a, 1): 1, (a, 2): 2, (a, 3): 3, (b, 1): 4, (b, 2): 5, (b, 3): 6}",
       START,
       {NULL, "[2, 3]", {1, 2, 3, 4, 5, 6}}},
      {"[i in T] >= -i", LOWER, {NULL, "[3]", {-1, -2, -3}}},
      {"[i in T] >= -i <= i * lam init i / 2", UPPER, {NULL, "[3]", {2, 4, 6}}},
      {"[i in P, T] <= cap[i]", UPPER, {NULL, "[2, 3]", {5, 5, 5, 6, 6, 6}}},
      {"[P, t in T] init cap * t", START, {NULL, "[2, 3]", {5, 10, 15, 6, 12, 18}}},
      {"[3] init [sin(i) for i in 0..2]", START, {NULL, "[3]", {0, 0.8414709848078965, 0.9092974268256817}}},
      {"[2] >= -inf", LOWER, {NULL, "[2]", {-INFINITY, -INFINITY}}},
      {" integer in -1..10", LOWER, {NULL, "[]", {-1}}},
      {" integer in -1..10", UPPER, {NULL, "[]", {10}}},
      {" integer >= 0 init 3", START, {NULL, "[]", {3}}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_attribute(&cases[i]);
}

static void kinds_of_numbers(void **state) {
  (void)state;
  tw_model *model = model_of("set I = 0..4\nvar x\nvar k integer in 0..10\nvar n integer >= 1\nvar b[I] "
                             "binary\nminimize x + k + n + sum(b)\n");
  assert_int_equal(find_variable(model, "x")->kind, TW_CONTINUOUS);
  assert_int_equal(find_variable(model, "k")->kind, TW_INTEGER);
  assert_int_equal(find_variable(model, "n")->kind, TW_INTEGER);
  assert_int_equal(find_variable(model, "b")->kind, TW_BINARY);
  assert_int_equal(find_variable(model, "b")->size, 5);
  tw_model_free(model);
}

/* Every kind of set is known by its name, and a projection of the start lies in it. */
static void sets_by_name(void **state) {
  (void)state;
  static const struct {
    const char *set, *kind, *test; /* of a point in it */
  } cases[] = {
      {"simplex", "simplex", "abs(sum(z) - 1) < 1e-12 and min(z) >= 0"},
      {"simplex(lam)", "simplex", "abs(sum(z) - 2) < 1e-12 and min(z) >= 0"},
      {"ball(lam)", "ball", "norm(z) <= 2 + 1e-12"},
      {"ball", "ball", "norm(z) <= 1 + 1e-12"},
      {"box(0, 1)", "box", "min(z) >= 0 and max(z) <= 1"},
      {"box(-lam, [1, 2, 3])", "box", "min(z) >= -2 and z[0] <= 1"},
      {"sphere", "sphere", "abs(norm(z) - 1) < 1e-12"},
      {"nonneg", "nonneg", "min(z) >= 0"},
      {"l1_ball(2)", "l1_ball", "sum(abs(z)) <= 2 + 1e-12"},
      {"l1_epigraph", "l1_epigraph", "abs(z[0]) + abs(z[1]) <= z[2] + 1e-12"},
      {"halfspace([1, 1, 1], 1)", "halfspace", "sum(z) <= 1 + 1e-12"},
      {"hyperplane([1, 1, 1], 1)", "hyperplane", "abs(sum(z) - 1) < 1e-12"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_text text = {0};
    tw_text_printf(&text, "param lam = 2\nvar z[3] in %s init [3, -1, 5]\nminimize sum(z)\nreport %s\n",
                   cases[i].set, cases[i].test);
    tw_model *model = model_of(text.data);
    tw_problem *p = tw_model_problem(model);
    const tw_variable *z = tw_problem_variable_at(p, 0);
    assert_non_null(z->domain.kind);
    assert_string_equal(z->domain.kind->name, cases[i].kind);
    tw_expr test = tw_problem_report_expr(p, 0), projected = tw_project(z->domain, z->start);
    tw_error error = {0};
    assert_ok(tw_substitute(1, &test, 1, &z->expr, &projected, &test));
    if (number_at_start(model, test) != 1) fail_msg("%s: not %s", cases[i].set, cases[i].test);
    tw_model_free(model);
    tw_text_free(&text);
  }
  static const char *const matrices[] = {"psd", "stiefel"};
  for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
    char text[96];
    snprintf(text, sizeof text, "var Z[3, 3] in %s\nminimize trace(Z)\n", matrices[i]);
    tw_model *model = model_of(text);
    assert_string_equal(find_variable(model, "Z")->domain.kind->name, matrices[i]);
    tw_model_free(model);
  }
}

static void mistakes(void **state) {
  (void)state;
  static const refusal_case cases[] = {
      {"var x >= 0 >= 1\n", "1:12", "the lower bound is given twice"},
      {"var x init 1 init 2\n", "1:14", "init is given twice"},
      {"var x > 0\n", "1:7", "expected `>=`"},
      {"var x < 1\n", "1:7", "expected `<=`"},
      {"var x = 1\n", "1:7", "expected `init` for a start, or `let` for a formula"},
      {"var x\nvar y >= x\n", "2:10", "state a constraint instead"},
      {"var x[2] >= [1, 2, 3]\n", "1:13", "a lower bound of shape [3], expected [2]"},
      {"var x[2] init {0: 1}\n", "1:15", "no value of x for 1"},
      {"var x in simplx\n", "1:10", "unknown set `simplx`, did you mean `simplex`?"},
      {"var x[3] in ball(1, 2)\n", "1:13", "2 arguments, expected ball(r"},
      {"var x[3] in ball(r=2)\n", "1:20", "no argument `r`"},
      {"var x in 0..1\n", "1:10", "expected `integer in ..`, or bounds: >= low <= high"},
      {"var x in simplex\nminimize x\n", "1:10", "simplex"},
      {"var x[3] in ball >= 1\n", "1:13", "bounds beside the set ball"},
      {"var x[3] in box(0, 1) >= 2\n", "1:13", "lower bound 2 above upper bound 1"},
      {"var x integer binary\n", "1:15", "a second kind of number"},
      {"var x integer in simplex\n", "1:18", "unknown name `simplex`"},
      {"var x integer in {}\n", "1:18", "expected a range of integers that is not empty"},
      {"var x integer in {1, 3}\n", "1:18", "expected a range of integers"},
      {"var x binary in 0..1\n", "1:17", "a binary variable is 0 or 1"},
      {"var x\nvar x\n", "2:5", "taken by the var of line 1"},
      {"var x[n]\n", "1:7", "unknown name `n`"},
      {"var k\nvar x[k]\n", "2:7", "depends on the var `k`"},
      {"var 3\n", "1:5", "got a number, expected the name of a var"},
      {"var minimize\n", "1:5", "expected the name of a var"},
      {"var x[1e9]\n", "1:5", "expected at most 268435456 elements"},
      {"var x[2\n", "1:8", "expected `]` or `,` after a set"},
      {"var z\nlet w = argmin { var y integer  minimize (y - z)^2 }\n", "2:22",
       "an integer variable in a nested problem"},
  };
  CHECK_REFUSALS(cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bounds_and_starts),
      cmocka_unit_test(kinds_of_numbers),
      cmocka_unit_test(sets_by_name),
      cmocka_unit_test(mistakes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
