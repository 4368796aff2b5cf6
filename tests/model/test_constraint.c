/* Constraints: which side is the body, what its limits are, one row for every index, and what is no
 * constraint. */
#include "model.h"

static const char *const prelude =
    "set P = {a, b}\nset M = {u, v, w}\nset T = 1..3\nparam cap[P] = {a: 5, b: 6}\nparam lam = 2\n"
    "var x init 3\nvar y init 1\nvar s[P, M] init [[1, 2, 3], [4, 5, 6]]\nvar q[T] init [1, 4, 9]\n"
    "minimize x\n";

typedef struct side {
  const char *shape; /* NULL: no limit on this side */
  double value[6];
} side;

typedef struct row_case {
  const char *text, *name;
  side body, lower, upper;
} row_case;

static void check_side(tw_model *model, const row_case *c, const char *what, tw_expr e, const side *expected,
                       tw_shape shape) {
  char label[160];
  snprintf(label, sizeof label, "%s: %s", c->text, what);
  if (tw_is_none(e) != (expected->shape == NULL))
    fail_msg("%s is %s", label, tw_is_none(e) ? "missing" : "there");
  if (tw_is_none(e)) return;
  value_case values = {.expression = label, .shape = expected->shape};
  memcpy(values.value, expected->value, sizeof expected->value);
  tw_array value = value_at_start(model, label, tw_broadcast(e, shape));
  check_elements(&values, &value, 1e-12);
  tw_array_free(&value);
}

static void check_row(const row_case *c) {
  tw_text text = {0};
  tw_text_printf(&text, "%ssubject to %s\n", prelude, c->text);
  tw_model *model = model_of(text.data);
  const tw_problem *p = tw_model_problem(model);
  assert_int_equal(tw_problem_constraints(p), 1);
  const tw_constraint *row = tw_problem_constraint_at(p, 0);
  assert_string_equal(row->name, c->name);
  const tw_shape shape = tw_shape_of(row->expr);
  check_side(model, c, "body", row->expr, &c->body, shape);
  check_side(model, c, "lower", row->lower, &c->lower, shape);
  check_side(model, c, "upper", row->upper, &c->upper, shape);
  const bool equality = strstr(c->text, "==") != NULL && strstr(c->text, " if ") == NULL;
  if (equality) assert_true(tw_same(row->lower, row->upper));
  tw_model_free(model);
  tw_text_free(&text);
}

static void sides(void **state) {
  (void)state;
  static const row_case cases[] = {
      {"x + y <= lam", "c1", {"[]", {4}}, {NULL, {0}}, {"[]", {2}}},
      {"x + y >= 2 * lam", "c1", {"[]", {4}}, {"[]", {4}}, {NULL, {0}}},
      {"2 <= x", "c1", {"[]", {3}}, {"[]", {2}}, {NULL, {0}}},
      {"2 >= x", "c1", {"[]", {3}}, {NULL, {0}}, {"[]", {2}}},
      {"x == 5", "c1", {"[]", {3}}, {"[]", {5}}, {"[]", {5}}},
      {"5 == x * y", "c1", {"[]", {3}}, {"[]", {5}}, {"[]", {5}}},
      {"x <= y", "c1", {"[]", {2}}, {NULL, {0}}, {"[]", {0}}},
      {"x >= 2 * y + 1", "c1", {"[]", {0}}, {"[]", {0}}, {NULL, {0}}},
      {"order: x == y", "order", {"[]", {2}}, {"[]", {0}}, {"[]", {0}}},
      {"1 <= x <= 4", "c1", {"[]", {3}}, {"[]", {1}}, {"[]", {4}}},
      {"4 >= x + y >= -lam", "c1", {"[]", {4}}, {"[]", {-2}}, {"[]", {4}}},
      {"q <= [1, 2, 3]", "c1", {"[3]", {1, 4, 9}}, {NULL, {0}}, {"[3]", {1, 2, 3}}},
      {"q >= 0", "c1", {"[3]", {1, 4, 9}}, {"[3]", {0, 0, 0}}, {NULL, {0}}},
      {"x <= [1, 2]", "c1", {"[2]", {3, 3}}, {NULL, {0}}, {"[2]", {1, 2}}},
      {"norm: norm([x, 4]) <= 5", "norm", {"[]", {5}}, {NULL, {0}}, {"[]", {5}}},
      {"sum(s, 1) <= cap", "c1", {"[2]", {6, 15}}, {NULL, {0}}, {"[2]", {5, 6}}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_row(&cases[i]);
}

static void rows_for_indices(void **state) {
  (void)state;
  static const row_case cases[] = {
      {"supply[i in P]: sum(s[i, j] for j in M) <= cap[i]",
       "supply",
       {"[2]", {6, 15}},
       {NULL, {0}},
       {"[2]", {5, 6}}},
      {"c[i in P, j in M]: s[i, j] >= 0", "c", {"[2, 3]", {1, 2, 3, 4, 5, 6}}, {"[2, 3]", {0}}, {NULL, {0}}},
      {"c[t in T]: q[t] == t^2", "c", {"[3]", {1, 4, 9}}, {"[3]", {1, 4, 9}}, {"[3]", {1, 4, 9}}},
      {"c[t in 2..3]: q[t] - q[t - 1] <= 2 * t", "c", {"[2]", {3, 5}}, {NULL, {0}}, {"[2]", {4, 6}}},
      {"c[t in T if t != 2]: q[t] <= t", "c", {"[2]", {1, 9}}, {NULL, {0}}, {"[2]", {1, 3}}},
      {"c[i in P, j in M if i == a and j != u]: s[i, j] <= 1",
       "c",
       {"[2]", {2, 3}},
       {NULL, {0}},
       {"[2]", {1, 1}}},
      {"c[i in P]: s[i, :] <= cap[i]",
       "c",
       {"[2, 3]", {1, 2, 3, 4, 5, 6}},
       {NULL, {0}},
       {"[2, 3]", {5, 5, 5, 6, 6, 6}}},
      {"c[t in T]: x <= t", "c", {"[3]", {3, 3, 3}}, {NULL, {0}}, {"[3]", {1, 2, 3}}},
      {"c[t in T]: -t <= q[t] - x <= t", "c", {"[3]", {-2, 1, 6}}, {"[3]", {-1, -2, -3}}, {"[3]", {1, 2, 3}}},
      {"c[i in 1..2, j in i..2]: q[i] + q[j] <= 10 * i + j",
       "c",
       {"[3]", {2, 5, 8}},
       {NULL, {0}},
       {"[3]", {11, 12, 22}}},
      {"c[t in 4..3]: q[t] <= 1", "c", {"[0]", {0}}, {NULL, {0}}, {"[0]", {0}}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_row(&cases[i]);
}

static void names_of_their_own(void **state) {
  (void)state;
  tw_model *model = model_of(
      "set P = {a, b}\nvar x[P]\nvar c1\nminimize total: sum(x) + c1\nsubject to sum(x) >= 1\nsubject to "
      "limit[i in P]: x[i] <= 2\nsubject to c1 >= 0\nreport 2 * total\n");
  const tw_problem *p = tw_model_problem(model);
  const char *const names[] = {"c2", "limit", "c3"};
  assert_int_equal(tw_problem_constraints(p), 3);
  for (int i = 0; i < 3; i++) assert_string_equal(tw_problem_constraint_at(p, i)->name, names[i]);
  assert_string_equal(tw_problem_objective_name(p), "total");
  const char *const *labels = tw_model_labels(model, "limit", 0);
  assert_non_null(labels);
  assert_string_equal(labels[1], "b");
  assert_null(labels[2]);
  assert_null(tw_model_labels(model, "c2", 0));
  assert_null(tw_model_labels(model, "nothing", 0));
  assert_string_equal(tw_model_where(model, "limit"), "test.tw:6:12");
  assert_null(tw_model_where(model, "nothing"));
  tw_model_free(model);
}

static void mistakes(void **state) {
  (void)state;
  static const refusal_case cases[] = {
      {"var x\nsubject to x\n", "2:12", "a constraint without a comparison"},
      {"var x\nsubject to x = 1\n", "2:14", "expected `==` for an equality"},
      {"var x\nsubject to x < 1\n", "2:14", "expected `<=`"},
      {"var x\nsubject to x > 1\n", "2:14", "expected `>=`"},
      {"var x\nsubject to x != 1\n", "2:14", "`!=` is no constraint"},
      {"var x\nsubject to 1 <= 2\n", "2:14", "no variable occurs in this constraint"},
      {"var x\nsubject to 1 <= x >= 0\n", "2:19", "expected `l <= e <= u`"},
      {"var x\nsubject to 1 == x == 1\n", "2:19", "expected `l <= e <= u`"},
      {"var x\nsubject to 1 <= x <= 2 <= 3\n", "2:24", "expected at most two comparisons"},
      {"var x\nsubject to x <= 2 <= 3\n", "2:12", "a limit depends on a variable"},
      {"var x\nsubject to 1 <= 2 <= x\n", "2:17", "no variable occurs in the middle"},
      {"var x\nsubject x >= 1\n", "2:9", "`to`: subject to"},
      {"var x\nsubject to c: x >= 1\nsubject to c: x <= 2\n", "3:12", "taken by the constraint of line 2"},
      {"var x\nsubject to x: x >= 1\n", "2:12", "taken by the var of line 1"},
      {"var x[2]\nsubject to x >= [1, 2, 3]\n", "2:14", "shapes [2] and [3] do not fit"},
      {"var x[3]\nsubject to c[i in 0..3]: x[i] >= 1\n", "2:28",
       "index that runs from 0 to 3 is outside axis 0 of x"},
      {"var x[3]\nsubject to c[i in 0..2 if x[i] > 0]: x[i] >= 1\n", "2:38",
       "a condition on the indices here alone"},
      {"var x\nsubject to c: x >= 1\nreport c\n", "3:8", "`c` is a constraint, expected a number or array"},
      {"var x\nsubject to x >= 1 and x <= 2\n", "2:12", "a constraint without a comparison"},
      {"var x\nsubject to c[i in 1..2: x >= i\n", "2:23", "got `:`, expected `]`"},
      {"var x\nsubject to c[i in 1..2] x >= i\n", "2:25", "expected `:` after the name of a constraint"},
  };
  CHECK_REFUSALS(cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sides),
      cmocka_unit_test(rows_for_indices),
      cmocka_unit_test(names_of_their_own),
      cmocka_unit_test(mistakes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
