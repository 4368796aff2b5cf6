/* Classes of problems, their parts, and what cannot be classified. */
#include "models.h"

static tw_error error;

static tw_class classify(const char *label) {
  tw_class cls;
  if (tw_classify(problem, &cls, &error) != TW_OK) fail_msg("%s: %s", label, error.message);
  return cls;
}

static void same(int model, const char *what, int found, int wanted) {
  if (found != wanted)
    fail_msg("model %d (%s): %s is %d, expected %d", model, models[model].class, what, found, wanted);
}

static void models_have_their_class(void **state) {
  (void)state;
  for (int k = 0; k < MODELS; k++) {
    const expected *e = &models[k];
    reopen_model();
    e->state();
    const tw_class c = classify(e->class);
    if (strcmp(c.name, e->class) != 0) fail_msg("model %d: %s, expected %s", k, c.name, e->class);
    same(k, "bounded", c.bounded, e->bounded);
    same(k, "has_set", c.has_set, e->has_set);
    same(k, "integer", c.integer, e->integer);
    same(k, "residual", !tw_is_none(c.residual), e->residual);
    same(k, "regularizer", c.has_regularizer, c.n_regularizers > 0);
    if (tw_problem_goal(problem) == TW_GOAL_ROOT || tw_problem_goal(problem) == TW_GOAL_FIXPOINT) continue;
    same(k, "convex", c.convex, e->convex);
    same(k, "constrained", c.constrained, e->constrained);
    same(k, "degree of the objective", (int)c.objective, (int)e->objective);
    same(k, "degree of the constraints", (int)c.constraints, (int)e->constraints);
  }
}

/* ------------------------------------------------------------------ the parts */

/* The value of e at a random point of the only variable. */
static double value_at(tw_expr e, const double *x) {
  tw_array a = tw_array_f64((double *)(uintptr_t)x, tw_shape_of(tw_problem_variable_at(problem, 0)->expr));
  tw_expr inputs[3] = {tw_problem_variable_at(problem, 0)->expr};
  tw_array values[3] = {a};
  const int n = tw_problem_parameters(problem);
  assert_true(n <= 2);
  for (int i = 0; i < n; i++) {
    inputs[1 + i] = tw_problem_parameter_at(problem, i)->expr;
    values[1 + i] = tw_problem_parameter_at(problem, i)->value;
  }
  tw_array out = evaluate_on("value", 1 + n, inputs, values, total(tw_square(e)), 1);
  const double size = element(&out, 0);
  tw_array_free(&out);
  out = evaluate_on("value", 1 + n, inputs, values, tw_size_of(e) == 1 ? tw_reshape(e, TW_SCALAR) : total(e),
                    1);
  const double sum = element(&out, 0);
  tw_array_free(&out);
  return tw_size_of(e) == 1 ? sum : size;
}

/* objective = scale |r|^2 + offset, for every model with one variable and a sum of squares in the objective.
 */
static void residuals_are_the_objective(void **state) {
  (void)state;
  for (int k = 0; k < MODELS; k++) {
    reopen_model();
    models[k].state();
    const tw_class c = classify(models[k].class);
    const bool other = tw_problem_variables(problem) > 1 || tw_problem_goal(problem) != TW_GOAL_MINIMIZE;
    if (tw_is_none(c.residual) || other) continue;
    double x[8];
    tw_random_normal_fill(40, 0, 8, x);
    const double square =
        tw_size_of(c.residual) == 1 ? pow(value_at(c.residual, x), 2) : value_at(c.residual, x);
    assert_close(c.residual_scale * square + c.residual_offset, value_at(c.smooth, x), 1e-13);
    assert_close(value_at(c.residual_constant, x), c.residual_offset, 1e-15);
  }
}

/* smooth + sum weight kind(x) = objective. */
static void regularizers_are_split_off(void **state) {
  (void)state;
  const tw_expr x = variable("x", 3), y = variable("y", 2), lambda = parameter("lambda", 0.5);
  tw_expr f = tw_add(squares(x), tw_mul(lambda, regularizer("l1", x)));
  f = tw_add(tw_scale(f, 4), tw_neg(tw_scale(regularizer("linf", y), -3)));
  minimize(tw_sub(f, tw_scale(tw_neg(regularizer("l1", x)), 0.25)));
  const tw_class c = classify("split");
  assert_string_equal(c.name, "composite");
  assert_int_equal(c.n_regularizers, 2);
  for (int i = 0; i < 2; i++) {
    const struct tw_reg_term *term = &c.regularizers[i];
    const bool first = term->variable == 0;
    assert_string_equal(term->kind->name, first ? "l1" : "linf");
    double weight[1], value = 0.5;
    tw_array given = tw_array_f64(&value, TW_SCALAR),
             out = evaluate_on("weight", 1, &lambda, &given, term->weight, 1);
    weight[0] = element(&out, 0);
    tw_array_free(&out);
    assert_close(weight[0], first ? 4 * 0.5 + 0.25 : 3, 1e-15); /* two terms of a kind add their weights */
  }
  assert_int_equal(c.objective, TW_QUADRATIC);
  assert_false(tw_is_none(c.residual));
}

static void second_regularizer_stays_smooth(void **state) {
  (void)state;
  const tw_expr x = variable("x", 3);
  minimize(tw_add(tw_add(squares(x), regularizer("l1", x)), regularizer("linf", x)));
  const tw_class c = classify("two kinds");
  assert_string_equal(c.name, "composite");
  assert_int_equal(c.n_regularizers, 1);
  assert_int_equal(c.objective, TW_NONLINEAR);
  assert_true(c.convex);
}

/* The same statement is convex or not by the values of its parameters. */
static void convexity_follows_parameters(void **state) {
  (void)state;
  const tw_expr x = variable("x", 2), a = parameter("a", 1);
  minimize(tw_add(tw_mul(a, tw_square(at(x, 0))), tw_exp(at(x, 1))));
  assert_true(classify("a = 1").convex);
  double value = -1;
  const tw_array array = tw_array_f64(&value, TW_SCALAR);
  assert_ok(tw_problem_set_parameter(problem, "a", &array, &error));
  assert_false(classify("a = -1").convex);
}

/* A square has no sign to lose: x >= 0 makes x^3 and x y.. convex where that is known. */
static void signs_of_sets_count(void **state) {
  (void)state;
  const tw_expr x = variable("x", 3);
  tw_problem_bounds(problem, x, number(0), TW_NONE);
  minimize(total(tw_pow(x, number(3))));
  assert_true(classify("x^3, x >= 0").convex);
  reopen_model();
  minimize(total(tw_pow(in(some(3), "simplex"), number(1.5))));
  assert_true(classify("x^1.5 on the simplex").convex);
  reopen_model();
  minimize(total(tw_pow(some(3), number(3))));
  assert_false(classify("x^3").convex);
  reopen_model();
  const tw_expr y = some(3);
  tw_problem_bounds(problem, y, TW_NONE, parameter("top", -1));
  minimize(total(tw_reciprocal(tw_neg(y))));
  assert_true(classify("1/(-y), y <= -1").convex);
}

/* ------------------------------------------------------------------ what cannot be classified */

static void refused(tw_status status, const char *part) {
  tw_class cls;
  assert_fails(tw_classify(problem, &cls, &error), status, part);
  tw_graph_clear(graph);
}

static void unfinished_problems(void **state) {
  (void)state;
  tw_class cls;
  assert_fails(tw_classify(NULL, &cls, &error), TW_ERR_ARGUMENT, "the problem is NULL");
  assert_fails(tw_classify(problem, NULL, &error), TW_ERR_ARGUMENT, "the result is NULL");
  refused(TW_ERR_ARGUMENT, "no variables");
  const tw_expr x = variable("x", 3), zero = number(0);
  refused(TW_ERR_ARGUMENT, "no objective");
  tw_problem_root(problem);
  refused(TW_ERR_SHAPE, "root: 0 equations in 3 unknowns");
  tw_problem_subject(problem, "two", tw_slice(x, 0, 0, 2, 1), zero, zero);
  refused(TW_ERR_SHAPE, "root: 2 equations in 3 unknowns");
  tw_problem_subject(problem, "below", at(x, 2), TW_NONE, zero);
  refused(TW_ERR_ARGUMENT, "root: below is an inequality");
  reopen_model();
  const tw_expr y = variable("y", 2), z = variable("z", 2);
  tw_problem_fixpoint(problem, y, z);
  refused(TW_ERR_ARGUMENT, "fixpoint: z has no map");
  tw_problem_subject(problem, NULL, y, number(0), TW_NONE);
  refused(TW_ERR_ARGUMENT, "fixpoint: 1 constraints stated");
  reopen_model();
  const tw_expr s = variable("s", 2);
  tw_problem_domain(problem, s, set("psd", TW_SHAPE(2, 2), 0, NULL));
  tw_problem_bounds(problem, s, number(0), TW_NONE);
  minimize(total(s));
  refused(TW_ERR_UNSUPPORTED, "bounds beside the set psd");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(models_have_their_class),      TEST(residuals_are_the_objective),
      TEST(regularizers_are_split_off),   TEST(second_regularizer_stays_smooth),
      TEST(convexity_follows_parameters), TEST(signs_of_sets_count),
      TEST(unfinished_problems),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
