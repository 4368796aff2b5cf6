/* Convex models from text by cones: against other methods, closed forms and each other. */
#include "test.h"

#include <talweg/front.h>

static tw_error error;

static tw_result solve_by(const char *text, const char *method, double *objective) {
  tw_model *model = NULL;
  tw_result result = {0};
  if (tw_model_parse(&model, text, strlen(text), "test.tw", NULL, &error) != TW_OK) fail_msg("%s", error.message);
  const tw_solve_options options = {.method = method};
  const tw_status status = tw_solve_problem(tw_model_problem(model), &options, &result, &error);
  if (status != TW_OK) fail_msg("%s\nin\n%s", error.message, text);
  *objective = tw_problem_goal(tw_model_problem(model)) == TW_GOAL_MAXIMIZE ? -result.f : result.f;
  tw_model_free(model);
  return result;
}

static double optimum(const char *text, const char *method) {
  double f;
  tw_result r = solve_by(text, method, &f);
  if (r.outcome != TW_SOLVED) fail_msg("%s: %s\nin\n%s", tw_outcome_name(r.outcome), r.message, text);
  tw_result_free(&r);
  return f;
}

static const char lasso[] = "param X = normal(1, 30, 8)\nparam y = normal(2, 30)\nvar w[8]\n"
                            "minimize 0.5 * sum((X @ w - y)^2) + 3 * l1(w)\n";
static const char logistic[] = "param X = normal(1, 40, 5)\nlet s = sign(normal(2, 40))\nvar w[5]\n"
                               "minimize sum(logistic(s * (X @ w))) + 0.5 * sum(w^2)\n";
static const char groups[] = "param X = normal(3, 30, 6)\nparam y = normal(4, 30)\nvar W[3, 2]\n"
                             "minimize 0.5 * sum((X @ reshape(W, 6) - y)^2) + 4 * group_l2(W, [0, 1, 1])\n";
static const char nuclear_[] = "param M = normal(5, 5, 4)\nvar X[5, 4]\nminimize 0.5 * sum((X - M)^2) + 1.5 * nuclear(X)\n";
static const char ball_[] = "param X = normal(6, 30, 4)\nparam y = normal(7, 30)\nvar w[4] in ball(0.1)\nminimize sum((X @ w - y)^2)\n";
static const char psd_[] = "param M = normal(8, 4, 4)\nvar X[4, 4] in psd\nminimize sum((X - M)^2)\n";
static const char simplex_[] = "param M = normal(9, 6, 6)\nvar w[6] in simplex\nminimize sum((M @ w)^2) - 0.3 * w[0]\n";

static const char section_[] = "param M = normal(9, 6, 6)\nvar w[6] in box_section(0, 0.4, [1, 2, 1, 0.5, 1, 3], 1.2)\n"
                               "minimize sum((M @ w)^2) - 0.3 * w[0]\n";
static const char order_[] = "param t = normal(10, 7)\nvar w[7] in order_simplex(-1, 0.5)\nminimize sum((w - t)^2)\n";
static const char weighted[] = "param X = normal(1, 30, 4)\nparam y = normal(2, 30)\nvar w[4]\n"
                               "minimize 0.5 * sum((X @ w - y)^2) + 3 * l1(w, [0, 1, 2, 0.5])\n";

static void as_other_methods(void **state) {
  (void)state;
  static const struct {
    const char *text, *method;
  } cases[] = {{lasso, "proximal_gradient"}, {logistic, "lbfgs"},          {groups, "proximal_gradient"}, {nuclear_, "proximal_gradient"},
               {ball_, "projected_gradient"}, {psd_, "projected_gradient"}, {simplex_, "projected_gradient"},
               {section_, "projected_gradient"}, {order_, "projected_gradient"}, {weighted, "proximal_gradient"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_close(optimum(cases[i].text, "hsde"), optimum(cases[i].text, cases[i].method), 1e-7);
}

/* Entropy with a given mean: p_i = e^(l i) / Z. */
static void maximum_entropy(void **state) {
  (void)state;
  double f, low = -5, high = 5, z = 0;
  tw_result r = solve_by("var p[6] >= 0\nmaximize 0 - sum(p * log(p))\nsubject to sum(p) == 1\n"
                         "subject to sum(i * p[i] for i in 0..5) == 2\n", NULL, &f);
  for (int k = 0; k < 200; k++) {
    const double l = (low + high) / 2;
    double mean = 0;
    z = 0;
    for (int i = 0; i < 6; i++) z += exp(l * i), mean += i * exp(l * i);
    *(mean / z > 2 ? &high : &low) = l;
  }
  assert_int_equal(r.outcome, TW_SOLVED);
  for (int i = 0; i < 6; i++) assert_close(r.x[i], exp(low * i) / z, 1e-6);
  assert_close(f, log(z) - 2 * low, 1e-8);
  tw_result_free(&r);
}

/* The bound of Goemans & Williamson (1995) for a pentagon: 5/2 (1 - cos 4 pi / 5). */
static void cut_of_a_pentagon(void **state) {
  (void)state;
  const double f = optimum("set I = 0..4\nvar X[5, 5] in psd\n"
                           "maximize sum(0.5 * (1 - X[i, i + 1 if i < 4 else 0]) for i in I)\nsubject to diag(X) == ones(5)\n", NULL);
  assert_close(f, 2.5 * (1 + cos(M_PI / 5)), 1e-7);
}

/* max c'x with (a_i + P_i u)'x <= 1 for all |u| <= 1 and a box: the same with |P_i x| from another side, by gradients. */
static void robust_linear_program(void **state) {
  (void)state;
  static const char text[] = "param A = uniform(1, 5, 3)\nparam c = [1, 2, 1.5]\nparam rho = 0.3\nvar x[3] >= 0\nmaximize c @ x\n"
                             "subject to rows[i in 0..4]: A[i, :] @ x + rho * norm(x) <= 1\n";
  assert_close(optimum(text, NULL), optimum(text, "ipm"), 1e-7);
}

static void portfolio_with_risk(void **state) {
  (void)state;
  static const char text[] = "param F = normal(1, 3, 8)\nlet mu = uniform(2, 8)\nvar w[8] in simplex\nmaximize mu @ w\n"
                             "subject to risk: norm(F @ w) <= 0.4\nsubject to turnover: sum(abs(w - 0.125)) <= 0.8\n";
  double f;
  tw_result r = solve_by(text, NULL, &f);
  assert_int_equal(r.outcome, TW_SOLVED);
  assert_string_equal(r.method, "hsde");
  assert_true(r.dual[0] >= -1e-9 && r.dual[1] >= -1e-9);
  /* f is concave in the two limits, their multipliers its slope. */
  assert_close(f, optimum("param F = normal(1, 3, 8)\nlet mu = uniform(2, 8)\nvar w[8] in simplex\nmaximize mu @ w\n"
                          "subject to risk: norm(F @ w) <= 0.4001\nsubject to turnover: sum(abs(w - 0.125)) <= 0.8\n",
                              NULL) - 1e-4 * r.dual[0], 1e-6);
  tw_result_free(&r);
}

/* A quadratic constraint that is no sum of squares on sight, against the same as one. */
static void quadratic_constraints(void **state) {
  (void)state;
  static const char form[] = "param G = normal(3, 3, 3)\nlet S = G' @ G\nvar x[3]\nvar t\nminimize sum(x) + abs(t)\n"
                             "subject to x @ S @ x + 2 * x[0] - 3 <= t\nsubject to t <= 1\n";
  static const char squares[] = "param G = normal(3, 3, 3)\nvar x[3]\nvar t\nminimize sum(x) + abs(t)\n"
                                "subject to sum((G @ x)^2) + 2 * x[0] - 3 <= t\nsubject to t <= 1\n";
  assert_close(optimum(form, "hsde"), optimum(squares, "hsde"), 1e-7);
}

static void infeasible_models(void **state) {
  (void)state;
  static const char *const texts[] = {"var X[3, 3] in psd\nminimize X[0, 0]\nsubject to X[0, 1] == 1\nsubject to X[0, 0] + X[1, 1] <= 1\n",
                                      "var x[3]\nminimize sum(abs(x))\nsubject to norm(x) <= 1\nsubject to sum(x) >= 2\n",
                                      "var x\nminimize abs(x)\nsubject to exp(x) <= 1\nsubject to x >= 1\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    double f;
    tw_result r = solve_by(texts[i], NULL, &f);
    assert_int_equal(r.outcome, TW_INFEASIBLE);
    tw_result_free(&r);
  }
}

/* Solutions far from the size of the coefficients: no certificate may take the way to them for a proof. */
static void far_solutions(void **state) {
  (void)state;
  static const struct far {
    const char *text;
    double f;
  } models[] = {
      {"param t = [1,2,3,4,5]\nparam y = [1e9, 2.1e9, 2.9e9, 4.2e9, 5e9]\nvar a\nvar b\nminimize sum(abs(a*t + b - y))\n", 4e8},
      {"param t = [1,2,3,4,5]\nparam y = [1e9, 2.1e9, 2.9e9, 4.2e9, 5e9]\nvar a\nvar b\nminimize max(abs(a*t + b - y))\n", 1.25e8},
      {"param t = [1,2,3,4,5]\nparam y = [1e4, 2.1e4, 2.9e4, 4.2e4, 5e4]\nvar a\nvar b\nminimize sum(abs(a*t + b - y))\n", 4e3},
      {"var x[2]\nminimize norm(x)\nsubject to 1e-8*x[0] + 1e-8*x[1] >= 1\n", 5e7 * 1.4142135623730951},
      {"var x[2]\nminimize sum(abs(x))\nsubject to [[1e-4,2e-4],[3e-4,-1e-4]] @ x == [5000,700]\n", 2.07e8 / 7},
      {"var x\nminimize -x + 1e-10*x^2 + 1e-10*abs(x-1)\n", -2499999999.5},
      {"var x\nminimize -x + 1e-6*x^2 + 1e-6*abs(x-1)\n", -249999.50000125},
      {"var x\nminimize abs(x)\nsubject to 1e-5*x >= 1\n", 1e5}};
  for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
    const double f = optimum(models[i].text, "hsde");
    if (!(fabs(f - models[i].f) <= 1e-6 * fabs(models[i].f))) fail_msg("model %d: %.12g, not %.12g", (int)i, f, models[i].f);
  }
}

/* What is not convex by the rules is refused with its name. */
static void refusals(void **state) {
  (void)state;
  static const char text[] = "var x[3]\nminimize sum(sin(x))\nsubject to norm(x) <= 1\n";
  tw_model *model = NULL;
  tw_result result = {0};
  const tw_solve_options options = {.method = "hsde"};
  tw_class cls;
  assert_ok(tw_model_parse(&model, text, strlen(text), "test.tw", NULL, &error));
  assert_fails(tw_solve_problem(tw_model_problem(model), &options, &result, &error), TW_ERR_UNSUPPORTED, "method hsde needs");
  assert_ok(tw_classify(tw_model_problem(model), &cls, &error));
  cls.convex = true;
  assert_fails(tw_conic_exists(tw_model_problem(model), &cls, &error), TW_ERR_UNSUPPORTED, "sin(x)");
  tw_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(as_other_methods),      cmocka_unit_test(maximum_entropy),     cmocka_unit_test(cut_of_a_pentagon),
      cmocka_unit_test(robust_linear_program), cmocka_unit_test(portfolio_with_risk), cmocka_unit_test(quadratic_constraints),
      cmocka_unit_test(infeasible_models),     cmocka_unit_test(far_solutions),     cmocka_unit_test(refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
