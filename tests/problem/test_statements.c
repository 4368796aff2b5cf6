/* Stating problems: what views give back, what is refused with which message, and that the first error
 * sticks. */
#include "model.h"

static tw_error error;

/* ------------------------------------------------------------------ variables */

static void variables_have_places(void **state) {
  (void)state;
  const tw_expr a = tw_problem_variable(problem, "a", TW_SCALAR),
                b = tw_problem_variable(problem, "b", TW_SHAPE(2, 3)), c = variable("c", 0),
                d = variable("d", 4);
  const tw_expr all[4] = {a, b, c, d};
  static const int64_t offsets[] = {0, 1, 7, 7}, sizes[] = {1, 6, 0, 4};
  assert_int_equal(tw_problem_variables(problem), 4);
  assert_int_equal(tw_problem_size(problem), 11);
  assert_ptr_equal(tw_problem_graph(problem), graph);
  for (int i = 0; i < 4; i++) {
    const tw_variable *v = tw_problem_variable_at(problem, i);
    assert_true(tw_same(v->expr, all[i]) && v->offset == offsets[i] && v->size == sizes[i]);
    assert_true(v->kind == TW_CONTINUOUS && !v->domain.kind);
    assert_true(tw_is_none(v->lower) && tw_is_none(v->upper) && tw_is_none(v->start));
    assert_int_equal(v->name[0], "abcd"[i]);
    assert_int_equal(tw_dtype_of(v->expr), TW_F64);
  }
  assert_null(tw_problem_variable_at(problem, 4));
  assert_null(tw_problem_variable_at(problem, -1));
  assert_null(tw_problem_set(problem, 9).kind);
  assert_null(tw_problem_new(NULL));
  tw_problem_free(NULL);
}

static void names_are_taken_once(void **state) {
  (void)state;
  char name[8] = "x";
  const tw_expr x = tw_problem_variable(problem, name, TW_SHAPE(2));
  name[0] = 'y'; /* it was copied */
  assert_string_equal(tw_problem_variable_at(problem, 0)->name, "x");
  assert_true(tw_is_none(variable("x", 3)));
  assert_failed(TW_ERR_NAME, "variable x: the name is taken");
  parameter("x", 1);
  assert_failed(TW_ERR_NAME, "parameter x: the name is taken");
  parameter("p", 1);
  variable("p", 1);
  assert_failed(TW_ERR_NAME, "variable p: the name is taken");
  variable("", 1);
  assert_failed(TW_ERR_NAME, "no name");
  tw_problem_variable(problem, NULL, TW_SCALAR);
  assert_failed(TW_ERR_NAME, "no name");
  /* constraints and reports have spaces of their own */
  tw_problem_subject(problem, "x", x, number(0), TW_NONE);
  tw_problem_report(problem, "x", x);
  assert_int_equal(tw_graph_status(graph), TW_OK);
  tw_problem_subject(problem, "x", x, number(0), TW_NONE);
  assert_failed(TW_ERR_NAME, "constraint x: the name is taken");
  tw_problem_report(problem, "x", x);
  assert_failed(TW_ERR_NAME, "report x: the name is taken");
  assert_int_equal(tw_problem_variables(problem), 1);
  assert_int_equal(tw_problem_constraints(problem), 1);
  assert_int_equal(tw_problem_reports(problem), 1);
}

static void shapes_that_cannot_be(void **state) {
  (void)state;
  variable("x", -1);
  assert_failed(TW_ERR_SHAPE, "variable x");
  tw_problem_variable(problem, "x", TW_SHAPE(INT64_MAX / 4, 4));
  assert_failed(TW_ERR_SHAPE, "too large");
  tw_problem_variable(problem, "x", TW_SHAPE(INT64_MAX, INT64_MAX));
  assert_failed(TW_ERR_SHAPE, "too large");
}

static void many_variables(void **state) {
  (void)state;
  char name[16];
  for (int i = 0; i < 100; i++) {
    snprintf(name, sizeof name, "x%d", i);
    variable(name, i);
  }
  assert_int_equal(tw_problem_size(problem), 99 * 100 / 2);
  assert_int_equal(tw_problem_variable_at(problem, 99)->offset, 98 * 99 / 2);
}

/* ------------------------------------------------------------------ bounds, sets, kinds, starts */

static void bounds_tighten(void **state) {
  (void)state;
  const tw_expr x = variable("x", 3);
  tw_problem_bounds(problem, x, VECTOR(graph, 0, -1, 2), TW_NONE);
  tw_problem_bounds(problem, x, number(1), number(5));
  tw_problem_bounds(problem, x, TW_NONE, VECTOR(graph, 9, 4, 3));
  const tw_variable *v = tw_problem_variable_at(problem, 0);
  assert_value(v->lower, 0, 1, 1, 2);
  assert_value(v->upper, 0, 5, 4, 3);
  assert_string_equal(tw_problem_set(problem, 0).kind->name, "box");
  assert_value(tw_project(tw_problem_set(problem, 0), tw_fill(graph, TW_F64, TW_SHAPE(3), 9)), 0, 5, 4, 3);
}

static void wrong_bounds(void **state) {
  (void)state;
  const tw_expr x = variable("x", 3), y = variable("y", 3);
  tw_problem_bounds(problem, x, VECTOR(graph, 1, 2), TW_NONE);
  assert_failed(TW_ERR_SHAPE, "the lower bound of x has shape [2], expected one that broadcasts to [3]");
  tw_problem_bounds(problem, x, TW_NONE, tw_fill(graph, TW_F64, TW_SHAPE(2, 3), 1));
  assert_failed(TW_ERR_SHAPE, "the upper bound of x");
  tw_problem_bounds(problem, x, y, TW_NONE);
  assert_failed(TW_ERR_ARGUMENT, "the lower bound of x depends on a variable");
  tw_problem_bounds(problem, tw_neg(x), number(0), TW_NONE);
  assert_failed(TW_ERR_ARGUMENT, "bounds: the expression is no variable");
  tw_problem_bounds(problem, TW_NONE, number(0), TW_NONE);
  assert_failed(TW_ERR_ARGUMENT, "no variable");
  tw_problem_start(problem, x, VECTOR(graph, 1, 2));
  assert_failed(TW_ERR_SHAPE, "the start of x");
  tw_problem_start(problem, x, y);
  assert_failed(TW_ERR_ARGUMENT, "the start of x depends on a variable");
  const tw_variable *v = tw_problem_variable_at(problem, 0);
  assert_true(tw_is_none(v->lower) && tw_is_none(v->upper) && tw_is_none(v->start));
  tw_problem_bounds(problem, x, number(2), number(1));
  assert_null(tw_problem_set(problem, 0).kind);
  assert_failed(TW_ERR_INFEASIBLE, "lower bound 2 above upper bound 1");
}

static void sets_are_stated_once(void **state) {
  (void)state;
  const tw_expr x = variable("x", 3), y = variable("y", 1), radius = tw_squeeze(y, 0);
  tw_problem_domain(problem, x, set("simplex", TW_SHAPE(3), 0, NULL));
  tw_problem_domain(problem, x, set("ball", TW_SHAPE(3), 0, NULL));
  assert_failed(TW_ERR_ARGUMENT, "in simplex and in ball, expected one set");
  tw_problem_domain(problem, y, set("ball", TW_SHAPE(1), 1, &radius));
  assert_failed(TW_ERR_ARGUMENT, "parameter 1 of the set ball depends on a variable");
  tw_problem_bounds(problem, x, TW_NONE, number(0.5));
  assert_string_equal(tw_problem_set(problem, 0).kind->name, "capped_simplex");
  tw_problem_domain(problem, y, set("sphere", TW_SHAPE(1), 0, NULL));
  tw_problem_bounds(problem, y, number(0), TW_NONE);
  assert_null(tw_problem_set(problem, 1).kind);
  assert_failed(TW_ERR_UNSUPPORTED, "bounds beside the set sphere");
}

static void kinds(void **state) {
  (void)state;
  const tw_expr x = variable("x", 2), y = variable("y", 2);
  tw_problem_kind(problem, x, TW_INTEGER);
  tw_problem_bounds(problem, y, TW_NONE, number(0.5));
  tw_problem_kind(problem, y, TW_BINARY);
  assert_true(tw_is_none(tw_problem_variable_at(problem, 0)->lower));
  assert_value(tw_problem_variable_at(problem, 1)->lower, 0, 0);
  assert_value(tw_problem_variable_at(problem, 1)->upper, 0, 0.5);
}

/* ------------------------------------------------------------------ parameters */

static void parameters_are_copied(void **state) {
  (void)state;
  double value[2] = {1, 2};
  tw_array a = tw_array_f64(value, TW_SHAPE(2));
  const tw_expr p = tw_problem_parameter(problem, "p", &a);
  value[0] = 9;
  const tw_parameter *view = tw_problem_parameter_at(problem, 0);
  assert_true(tw_same(view->expr, p) && element(&view->value, 0) == 1);
  assert_ok(tw_problem_set_parameter(problem, "p", &a, &error));
  assert_true(element(&view->value, 0) == 9);
  int64_t whole[1] = {4};
  const tw_array integer = tw_array_view(whole, TW_I64, TW_SHAPE(1));
  tw_problem_parameter(problem, "k", &integer);
  double three = 3;
  a = tw_array_f64(&three, TW_SHAPE(1));
  assert_ok(tw_problem_set_parameter(problem, "k", &a, &error)); /* to the declared type */
  assert_int_equal(tw_problem_parameter_at(problem, 1)->value.dtype, TW_I64);
  assert_true(element(&tw_problem_parameter_at(problem, 1)->value, 0) == 3);
  three = NAN;
  assert_fails(tw_problem_set_parameter(problem, "k", &a, &error), TW_ERR_RANGE, "parameter k");
  assert_true(element(&tw_problem_parameter_at(problem, 1)->value, 0) == 3);
  assert_fails(tw_problem_set_parameter(problem, "p", &a, &error), TW_ERR_SHAPE,
               "value of shape [1], expected [2]");
  assert_fails(tw_problem_set_parameter(problem, "q", &a, &error), TW_ERR_NAME,
               "parameter q: not in the problem");
  assert_fails(tw_problem_set_parameter(problem, NULL, &a, &error), TW_ERR_NAME, "not in the problem");
  assert_int_equal(tw_problem_parameters(problem), 2);
  assert_null(tw_problem_parameter_at(problem, 2));
  tw_problem_parameter(problem, "r", NULL);
  assert_failed(TW_ERR_ARGUMENT, "parameter r: no value");
}

/* ------------------------------------------------------------------ goals */

static void one_goal(void **state) {
  (void)state;
  const tw_expr x = variable("x", 2);
  assert_int_equal(tw_problem_goal(problem), TW_GOAL_NONE);
  tw_problem_minimize(problem, "f", x);
  assert_failed(TW_ERR_SHAPE, "objective f: [2], expected a scalar");
  tw_problem_minimize(problem, NULL, TW_NONE);
  assert_failed(TW_ERR_SHAPE, "no expression, expected a scalar");
  tw_problem_maximize(problem, "f", tw_reshape(total(x), TW_SHAPE(1, 1)));
  assert_int_equal(tw_problem_goal(problem), TW_GOAL_MAXIMIZE);
  assert_string_equal(tw_problem_objective_name(problem), "f");
  assert_int_equal(tw_shape_of(tw_problem_objective(problem)).rank, 0);
  tw_problem_minimize(problem, "g", total(x));
  assert_failed(TW_ERR_ARGUMENT, "already asks for an objective");
  tw_problem_root(problem);
  assert_failed(TW_ERR_ARGUMENT, "root: the problem already asks for an objective");
  tw_problem_fixpoint(problem, x, tw_cos(x));
  assert_failed(TW_ERR_ARGUMENT, "fixpoint: the problem already asks for an objective");
  reopen_model();
  tw_problem_root(problem);
  tw_problem_minimize(problem, NULL, number(1));
  assert_failed(TW_ERR_ARGUMENT, "already asks for a root");
}

static void fixed_points(void **state) {
  (void)state;
  const tw_expr x = variable("x", 2), y = variable("y", 2);
  tw_problem_fixpoint(problem, x, number(1));
  tw_problem_fixpoint(problem, x, y);
  assert_failed(TW_ERR_ARGUMENT, "x has a map already");
  tw_problem_fixpoint(problem, y, VECTOR(graph, 1, 2, 3));
  assert_failed(TW_ERR_SHAPE, "the map of y has shape [3], expected [2]");
  tw_problem_fixpoint(problem, y, TW_NONE);
  assert_failed(TW_ERR_SHAPE, "the map of y");
  tw_problem_fixpoint(problem, tw_neg(y), y);
  assert_failed(TW_ERR_ARGUMENT, "no variable");
  assert_value(tw_problem_map(problem, 0), 0, 1, 1);
  assert_true(tw_is_none(tw_problem_map(problem, 1)) && tw_is_none(tw_problem_map(problem, 2)));
}

/* ------------------------------------------------------------------ constraints and reports */

static void constraints_have_rows(void **state) {
  (void)state;
  const tw_expr x = variable("x", 3), p = parameter("p", 2);
  tw_problem_subject(problem, "first", total(x), number(0), number(1));
  tw_problem_subject(problem, NULL, x, TW_NONE, p);
  tw_problem_subject(problem, NULL, number(1), x, TW_NONE); /* 1 >= x: the bound moves over */
  tw_problem_subject(problem, "same", x, p, p);
  tw_problem_subject(problem, "equal", x, tw_square(x), tw_square(x));
  assert_int_equal(tw_graph_status(graph), TW_OK);
  assert_int_equal(tw_problem_constraints(problem), 5);
  assert_int_equal(tw_problem_rows(problem), 13);
  static const char *const names[] = {"first", "c2", "c3", "same", "equal"};
  static const int64_t offsets[] = {0, 1, 4, 7, 10};
  for (int i = 0; i < 5; i++) {
    const tw_constraint *c = tw_problem_constraint_at(problem, i);
    assert_string_equal(c->name, names[i]);
    assert_int_equal(c->offset, offsets[i]);
    assert_int_equal(c->size, i == 0 ? 1 : 3);
  }
  const tw_constraint *moved = tw_problem_constraint_at(problem, 2),
                      *same = tw_problem_constraint_at(problem, 3),
                      *equal = tw_problem_constraint_at(problem, 4);
  assert_true(tw_is_none(moved->upper));
  assert_value(moved->lower, 0, 0);
  assert_true(tw_same(same->lower, same->upper) && tw_same(same->lower, p));
  assert_true(tw_same(equal->lower, equal->upper));
  assert_value(equal->lower, 0, 0);
  assert_null(tw_problem_constraint_at(problem, 5));
}

static void wrong_constraints(void **state) {
  (void)state;
  const tw_expr x = variable("x", 3);
  tw_problem_subject(problem, "c", TW_NONE, number(0), TW_NONE);
  assert_failed(TW_ERR_ARGUMENT, "constraint c: no expression");
  tw_problem_subject(problem, "c", x, TW_NONE, TW_NONE);
  assert_failed(TW_ERR_ARGUMENT, "no bound on either side");
  tw_problem_subject(problem, "c", x, VECTOR(graph, 1, 2), TW_NONE);
  assert_failed(TW_ERR_SHAPE, "constraint c: [3] against a bound of shape [2]");
  tw_problem_subject(problem, "c", x, number(0), tw_square(x));
  assert_failed(TW_ERR_ARGUMENT, "expected two constraints");
  tw_problem_subject(problem, "", x, number(0), TW_NONE);
  assert_failed(TW_ERR_NAME, "no name");
  assert_int_equal(tw_problem_constraints(problem), 0);
  assert_int_equal(tw_problem_rows(problem), 0);
}

static void reports(void **state) {
  (void)state;
  const tw_expr x = variable("x", 3);
  tw_problem_report(problem, "sum", total(x));
  tw_problem_report(problem, "none", TW_NONE);
  assert_failed(TW_ERR_ARGUMENT, "report none: no expression");
  tw_problem_report(problem, NULL, x);
  assert_failed(TW_ERR_NAME, "no name");
  assert_int_equal(tw_problem_reports(problem), 1);
  assert_string_equal(tw_problem_report_name(problem, 0), "sum");
  assert_true(tw_same(tw_problem_report_expr(problem, 0), total(x)));
  assert_null(tw_problem_report_name(problem, 1));
  assert_true(tw_is_none(tw_problem_report_expr(problem, 1)));
}

/* ------------------------------------------------------------------ the first error */

/* After an error nothing is stated any more, nothing crashes, and everything that asks gives that error. */
static void first_error_sticks(void **state) {
  (void)state;
  const tw_expr x = variable("x", 2);
  const double one = 1;
  const tw_array value = tw_array_f64((double *)(uintptr_t)&one, TW_SCALAR);
  tw_graph_fail(graph, TW_ERR_DATA, "the first");
  assert_true(tw_is_none(variable("y", 2)));
  assert_true(tw_is_none(tw_problem_parameter(problem, "p", &value)));
  tw_problem_bounds(problem, x, TW_NONE, TW_NONE);
  tw_problem_domain(problem, x, (tw_domain){.kind = tw_domain_find("ball")});
  tw_problem_kind(problem, x, TW_BINARY);
  tw_problem_start(problem, x, TW_NONE);
  tw_problem_minimize(problem, "f", TW_NONE);
  tw_problem_maximize(problem, NULL, TW_NONE);
  tw_problem_subject(problem, NULL, TW_NONE, TW_NONE, TW_NONE);
  tw_problem_root(problem);
  tw_problem_fixpoint(problem, x, TW_NONE);
  tw_problem_report(problem, "r", TW_NONE);
  assert_int_equal(tw_problem_variables(problem), 1);
  assert_int_equal(
      tw_problem_parameters(problem) + tw_problem_constraints(problem) + tw_problem_reports(problem), 0);
  assert_int_equal(tw_problem_goal(problem), TW_GOAL_NONE);
  assert_int_equal(tw_problem_variable_at(problem, 0)->kind, TW_CONTINUOUS);
  tw_class cls;
  tw_oracle oracle;
  assert_fails(tw_classify(problem, &cls, &error), TW_ERR_DATA, "the first");
  cls = (tw_class){.smooth = TW_NONE, .residual = TW_NONE, .residual_constant = TW_NONE};
  assert_fails(tw_oracle_from_problem(&oracle, problem, &cls, &error), TW_ERR_DATA, "the first");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(variables_have_places), TEST(names_are_taken_once),
      TEST(shapes_that_cannot_be), TEST(many_variables),
      TEST(bounds_tighten),        TEST(wrong_bounds),
      TEST(sets_are_stated_once),  TEST(kinds),
      TEST(parameters_are_copied), TEST(one_goal),
      TEST(fixed_points),          TEST(constraints_have_rows),
      TEST(wrong_constraints),     TEST(reports),
      TEST(first_error_sticks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
