/* Models of every class, and others that miss it by one term. */
#ifndef TALWEG_TESTS_PROBLEM_MODELS_H
#define TALWEG_TESTS_PROBLEM_MODELS_H

#include "model.h"

typedef struct expected {
  const char *class;
  void (*state)(void);
  bool convex, bounded, has_set, constrained, integer;
  tw_degree objective, constraints;
  bool residual;
} expected;

static tw_expr affine(tw_expr x, int64_t rows) { /* A x - b */
  return tw_sub(tw_matmul(random_constant(1, TW_SHAPE(rows, tw_size_of(x))), x),
                random_constant(2, TW_SHAPE(rows)));
}

static tw_expr linear(tw_expr x) {
  return tw_dot(random_constant(3, tw_shape_of(x)), x);
}
static tw_expr squares(tw_expr e) {
  return total(tw_square(e));
}
static void minimize(tw_expr f) {
  tw_problem_minimize(problem, NULL, f);
}
static void at_most(tw_expr e, double bound) {
  tw_problem_subject(problem, NULL, e, TW_NONE, number(bound));
}

static tw_expr in_box(tw_expr x) {
  tw_problem_bounds(problem, x, number(-1), number(1));
  return x;
}

static tw_expr in(tw_expr x, const char *kind) {
  tw_problem_domain(problem, x, set(kind, tw_shape_of(x), 0, NULL));
  return x;
}

static tw_expr of_kind(tw_expr x, tw_var_kind kind) {
  tw_problem_kind(problem, x, kind);
  return x;
}

static tw_expr some(int64_t n) {
  return variable("x", n);
}

/* x'Qx with Q = M'M or Q indefinite */
static tw_expr form(tw_expr x, bool definite) {
  const int64_t n = tw_size_of(x);
  tw_expr m = random_constant(4, TW_SHAPE(n, n)), q = tw_matmul(tw_matrix_transpose(m), m);
  return tw_dot(x, tw_matmul(definite ? q : tw_add(m, tw_matrix_transpose(m)), x));
}

/* ------------------------------------------------------------------ linear programs */

static void lp_planes(void) {
  const tw_expr x = some(3);
  minimize(linear(x));
  at_most(affine(x, 4), 0);
}
static void lp_box(void) {
  minimize(linear(in_box(some(3))));
}
static void lp_simplex(void) {
  tw_problem_maximize(problem, NULL, linear(in(some(3), "simplex")));
}
static void lp_feasibility(void) {
  at_most(affine(some(3), 4), 0);
}
static void lp_loop(void) {
  const tw_expr x = in_box(some(5)), i = tw_input(graph, "i", TW_I64, TW_SCALAR);
  minimize(tw_loop_sum(i, 5, tw_mul(tw_cast(i, TW_F64), tw_take(x, 1, &i))));
}
static void lp_l1_ball(void) {
  minimize(linear(in(some(3), "l1_ball")));
}
static void linear_on_ball(void) {
  minimize(linear(in(some(3), "ball")));
}
static void linear_alone(void) {
  minimize(linear(some(3)));
}
static void linear_in_disc(void) {
  const tw_expr x = some(3);
  minimize(linear(x));
  at_most(squares(x), 1);
}
static void linear_outside_disc(void) {
  const tw_expr x = some(3);
  minimize(linear(x));
  tw_problem_subject(problem, NULL, squares(x), number(1), TW_NONE);
}

/* ------------------------------------------------------------------ quadratic programs */

static void qp_planes(void) {
  const tw_expr x = some(3);
  minimize(tw_add(form(x, true), linear(x)));
  at_most(affine(x, 2), 0);
}
static void qp_saddle(void) {
  minimize(form(in_box(some(3)), false));
}
static void qp_bilinear(void) {
  const tw_expr x = in(some(3), "simplex");
  minimize(tw_mul(at(x, 0), at(x, 1)));
}
static void qp_portfolio(void) {
  const tw_expr x = in(some(3), "simplex");
  tw_problem_maximize(problem, NULL, tw_sub(linear(x), form(x, true)));
}
static void qp_free(void) {
  const tw_expr x = some(3);
  minimize(tw_add(form(x, true), linear(x)));
}
static void qp_squares_in_planes(void) {
  const tw_expr x = some(3);
  minimize(squares(affine(x, 5)));
  at_most(affine(x, 2), 0);
}
static void cubic_in_planes(void) {
  const tw_expr x = some(3);
  minimize(tw_add(form(x, true), tw_mul(at(x, 0), tw_mul(at(x, 1), at(x, 2)))));
  at_most(affine(x, 2), 0);
}
static void quadratic_on_ball(void) {
  minimize(form(in(some(3), "ball"), true));
}

/* ------------------------------------------------------------------ least squares */

static void ls_plain(void) {
  minimize(squares(affine(some(3), 6)));
}
static void ls_weighted(void) {
  minimize(total(tw_mul(tw_exp(random_constant(5, TW_SHAPE(6))), tw_square(affine(some(3), 6)))));
}
static void ls_ridge(void) {
  const tw_expr x = some(3);
  minimize(plus(tw_add(tw_scale(squares(affine(x, 6)), 0.5), tw_mul(parameter("lambda", 2), squares(x))), 7));
}
static void ls_box(void) {
  minimize(squares(affine(in_box(some(3)), 6)));
}
static void ls_norm(void) {
  minimize(tw_square(tw_norm(affine(some(3), 6), TW_ALL, false)));
}
static void ls_negative_weight(void) {
  const tw_expr x = some(3);
  minimize(tw_sub(squares(affine(x, 6)), tw_scale(squares(x), 1e-3)));
}
static void ls_negative_parameter(void) {
  const tw_expr x = some(3);
  minimize(tw_add(squares(affine(x, 6)), tw_mul(parameter("lambda", -1e-3), squares(x))));
}
static void ls_tilted(void) {
  const tw_expr x = some(3);
  minimize(tw_add(squares(affine(x, 6)), linear(x)));
}

static void nls_curve(void) {
  const tw_expr x = some(2), t = random_constant(6, TW_SHAPE(9));
  minimize(squares(tw_sub(tw_mul(at(x, 0), tw_exp(tw_mul(t, at(x, 1)))), random_constant(7, TW_SHAPE(9)))));
}
static void nls_rosenbrock(void) {
  const tw_expr x = some(2), valley = tw_sub(at(x, 1), tw_square(at(x, 0)));
  minimize(tw_add(tw_scale(tw_square(valley), 100), tw_square(plus(at(x, 0), -1))));
}
static void nls_loop(void) {
  const tw_expr x = some(8), i = tw_input(graph, "i", TW_I64, TW_SCALAR),
                next = tw_add(i, tw_integer(graph, 1));
  const tw_expr r = tw_sub(tw_take(x, 1, &next), tw_sin(tw_take(x, 1, &i)));
  minimize(tw_loop_sum(i, 7, tw_scale(tw_square(r), 3)));
}
static void nls_tilted(void) {
  const tw_expr x = some(2), valley = tw_sub(at(x, 1), tw_square(at(x, 0)));
  minimize(tw_add(tw_square(valley), at(x, 0)));
}
static void nls_maximized(void) {
  const tw_expr x = some(2);
  tw_problem_maximize(problem, NULL, squares(tw_sin(x)));
}
static void nls_product(void) {
  const tw_expr x = some(2);
  minimize(
      tw_mul(tw_square(at(x, 0)), tw_square(at(x, 1)))); /* a square of a product, but stated as a product */
}

/* ------------------------------------------------------------------ convex and not */

static void convex_logsumexp(void) {
  minimize(tw_logsumexp(affine(some(3), 5), TW_ALL, false));
}
static void convex_logistic(void) {
  const tw_expr x = some(3);
  minimize(tw_add(total(tw_softplus(affine(x, 8))), squares(x)));
}
static void convex_entropy(void) {
  const tw_expr x = in(some(3), "simplex");
  minimize(total(tw_mul(x, tw_log(x))));
}
static void convex_barrier(void) {
  const tw_expr x = some(3);
  minimize(tw_neg(total(tw_log(tw_neg(affine(x, 4))))));
  at_most(affine(x, 4), -0.1);
}
static void convex_maximum(void) {
  const tw_expr x = some(3);
  tw_problem_maximize(problem, NULL, tw_reduce_min(affine(x, 4), TW_ALL, false));
  at_most(squares(x), 1);
}
static void not_convex_bump(void) {
  minimize(tw_neg(tw_exp(tw_neg(squares(some(3))))));
}
static void not_convex_constraint(void) {
  const tw_expr x = some(3);
  minimize(tw_logsumexp(x, TW_ALL, false));
  tw_problem_subject(problem, NULL, tw_exp(at(x, 0)), number(1), TW_NONE);
}
static void not_convex_equality(void) {
  const tw_expr x = some(3), one = number(1);
  minimize(tw_logsumexp(x, TW_ALL, false));
  tw_problem_subject(problem, NULL, squares(x), one, one);
}
static void not_convex_sphere(void) {
  minimize(squares(affine(in(some(3), "sphere"), 5)));
}

/* ------------------------------------------------------------------ composite */

static void composite_lasso(void) {
  const tw_expr x = some(3);
  minimize(tw_add(squares(affine(x, 6)), tw_scale(regularizer("l1", x), 2)));
}
static void composite_nuclear(void) {
  const tw_expr x = tw_problem_variable(problem, "x", TW_SHAPE(3, 2));
  minimize(tw_add(total(tw_softplus(x)), regularizer("nuclear", x)));
}
static void composite_boxed(void) {
  const tw_expr x = in_box(some(3));
  minimize(tw_add(squares(affine(x, 6)), regularizer("l1", x)));
}
static void composite_nonconvex(void) {
  const tw_expr x = some(3);
  minimize(tw_add(total(tw_sin(x)), regularizer("group_l2", x)));
}
static void regularizer_of_image(void) {
  const tw_expr x = some(3);
  minimize(tw_add(squares(x), regularizer("l1", affine(x, 4))));
}
static void regularizer_negative(void) {
  const tw_expr x = some(3);
  minimize(tw_sub(squares(x), regularizer("l1", x)));
}
static void regularizer_smooth(void) {
  const tw_expr x = some(3);
  minimize(tw_add(squares(affine(x, 6)), regularizer("l2sq", x)));
}
static void regularizer_in_box(void) { /* not separable: clipping its prox is not the prox in the box */
  const tw_expr x = in_box(some(3));
  minimize(tw_add(squares(affine(x, 6)), regularizer("linf", x)));
}
static void regularizer_in_ball(void) {
  const tw_expr x = in(some(3), "ball");
  minimize(tw_add(squares(affine(x, 6)), regularizer("l1", x)));
}

/* ------------------------------------------------------------------ integers */

static void milp_knapsack(void) {
  const tw_expr x = of_kind(some(4), TW_BINARY);
  tw_problem_maximize(problem, NULL, linear(x));
  at_most(total(x), 2);
}
static void milp_mixed(void) {
  const tw_expr x = of_kind(some(2), TW_INTEGER), y = variable("y", 2);
  minimize(tw_add(linear(x), linear(y)));
  at_most(tw_add(x, y), 1);
}
static void milp_box(void) {
  minimize(linear(of_kind(in_box(some(4)), TW_INTEGER)));
}
static void minlp_quadratic(void) {
  minimize(squares(affine(of_kind(some(2), TW_INTEGER), 4)));
}
static void minlp_constraint(void) {
  const tw_expr x = of_kind(some(2), TW_INTEGER);
  minimize(linear(x));
  at_most(tw_exp(x), 1);
}
static void minlp_regularized(void) {
  const tw_expr x = of_kind(some(2), TW_INTEGER);
  minimize(tw_add(linear(x), regularizer("l1", x)));
}

/* ------------------------------------------------------------------ roots, fixed points, general */

static void root_system(void) {
  const tw_expr x = some(2), zero = number(0);
  tw_problem_root(problem);
  tw_problem_subject(problem, NULL, tw_sub(tw_exp(x), number(2)), zero, zero);
}
static void root_two_parts(void) {
  const tw_expr x = some(1), y = variable("y", 2), one = number(1), zero = number(0);
  tw_problem_root(problem);
  tw_problem_subject(problem, NULL, tw_mul(x, total(y)), one, one);
  tw_problem_subject(problem, NULL, tw_sub(y, tw_sin(y)), zero, zero);
}
static void root_linear(void) {
  const tw_expr x = some(3), zero = number(0);
  tw_problem_subject(problem, NULL, affine(x, 3), zero, zero);
  tw_problem_root(problem);
}
static void fixpoint_cosine(void) {
  const tw_expr x = some(2);
  tw_problem_fixpoint(problem, x, tw_cos(x));
}
static void fixpoint_two(void) {
  const tw_expr x = some(2), y = variable("y", 1);
  tw_problem_fixpoint(problem, x, tw_broadcast(tw_scale(y, 0.5), TW_SHAPE(2)));
  tw_problem_fixpoint(problem, y, tw_reshape(total(tw_sin(x)), TW_SHAPE(1)));
}
static void fixpoint_linear(void) {
  const tw_expr x = some(3);
  tw_problem_fixpoint(problem, x, tw_scale(affine(x, 3), 0.1));
}
static void nlp_hs071(void) {
  const tw_expr x = some(4), forty = number(40);
  tw_problem_bounds(problem, x, number(1), number(5));
  minimize(tw_add(tw_mul(tw_mul(at(x, 0), at(x, 3)), plus(tw_add(at(x, 0), at(x, 1)), 1)), at(x, 2)));
  tw_problem_subject(problem, NULL, tw_prod(x, TW_ALL, false), number(25), TW_NONE);
  tw_problem_subject(problem, NULL, squares(x), forty, forty);
}
static void smooth_sines(void) {
  minimize(total(tw_sin(some(3))));
}
static void smooth_product(void) {
  minimize(tw_prod(some(3), TW_ALL, false));
}

/* "smooth" with a box is smooth; with an indefinite Hessian and nothing else too. */
static void smooth_boxed(void) {
  minimize(total(tw_sin(in_box(some(3)))));
}

enum { NO = false, YES = true };
static const expected models[] = {
    /* class, model, convex, bounded, set, constrained, integer, degrees, residual */
    {"LP", lp_planes, YES, NO, NO, YES, NO, TW_LINEAR, TW_LINEAR, NO},
    {"LP", lp_box, YES, YES, NO, NO, NO, TW_LINEAR, TW_CONSTANT, NO},
    {"LP", lp_simplex, YES, NO, YES, NO, NO, TW_LINEAR, TW_CONSTANT, NO},
    {"LP", lp_feasibility, YES, NO, NO, YES, NO, TW_CONSTANT, TW_LINEAR, NO},
    {"LP", lp_loop, YES, YES, NO, NO, NO, TW_LINEAR, TW_CONSTANT, NO},
    {"LP", lp_l1_ball, YES, NO, YES, NO, NO, TW_LINEAR, TW_CONSTANT, NO},
    {"convex", linear_on_ball, YES, NO, YES, NO, NO, TW_LINEAR, TW_CONSTANT, NO},
    {"convex", linear_alone, YES, NO, NO, NO, NO, TW_LINEAR, TW_CONSTANT, NO},
    {"convex", linear_in_disc, YES, NO, NO, YES, NO, TW_LINEAR, TW_QUADRATIC, NO},
    {"NLP", linear_outside_disc, NO, NO, NO, YES, NO, TW_LINEAR, TW_QUADRATIC, NO},
    {"QP", qp_planes, YES, NO, NO, YES, NO, TW_QUADRATIC, TW_LINEAR, NO},
    {"QP", qp_saddle, NO, YES, NO, NO, NO, TW_QUADRATIC, TW_CONSTANT, NO},
    {"QP", qp_bilinear, NO, NO, YES, NO, NO, TW_QUADRATIC, TW_CONSTANT, NO},
    {"QP", qp_portfolio, YES, NO, YES, NO, NO, TW_QUADRATIC, TW_CONSTANT, NO},
    {"QP", qp_free, YES, NO, NO, NO, NO, TW_QUADRATIC, TW_CONSTANT, NO},
    {"QP", qp_squares_in_planes, YES, NO, NO, YES, NO, TW_QUADRATIC, TW_LINEAR, YES},
    {"NLP", cubic_in_planes, NO, NO, NO, YES, NO, TW_NONLINEAR, TW_LINEAR, NO},
    {"convex", quadratic_on_ball, YES, NO, YES, NO, NO, TW_QUADRATIC, TW_CONSTANT, NO},
    {"least squares", ls_plain, YES, NO, NO, NO, NO, TW_QUADRATIC, TW_CONSTANT, YES},
    {"least squares", ls_weighted, YES, NO, NO, NO, NO, TW_QUADRATIC, TW_CONSTANT, YES},
    {"least squares", ls_ridge, YES, NO, NO, NO, NO, TW_QUADRATIC, TW_CONSTANT, YES},
    {"least squares", ls_box, YES, YES, NO, NO, NO, TW_QUADRATIC, TW_CONSTANT, YES},
    {"least squares", ls_norm, YES, NO, NO, NO, NO, TW_QUADRATIC, TW_CONSTANT, YES},
    {"QP", ls_negative_weight, YES, NO, NO, NO, NO, TW_QUADRATIC, TW_CONSTANT, NO},
    {"QP", ls_negative_parameter, YES, NO, NO, NO, NO, TW_QUADRATIC, TW_CONSTANT, NO},
    {"QP", ls_tilted, YES, NO, NO, NO, NO, TW_QUADRATIC, TW_CONSTANT, NO},
    {"nonlinear least squares", nls_curve, NO, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, YES},
    {"nonlinear least squares", nls_rosenbrock, NO, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, YES},
    {"nonlinear least squares", nls_loop, NO, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, YES},
    {"smooth", nls_tilted, NO, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"smooth", nls_maximized, NO, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"smooth", nls_product, NO, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"convex", convex_logsumexp, YES, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"convex", convex_logistic, YES, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"convex", convex_entropy, YES, NO, YES, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"convex", convex_barrier, YES, NO, NO, YES, NO, TW_NONLINEAR, TW_LINEAR, NO},
    {"convex", convex_maximum, YES, NO, NO, YES, NO, TW_NONLINEAR, TW_QUADRATIC, NO},
    {"smooth", not_convex_bump, NO, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"NLP", not_convex_constraint, NO, NO, NO, YES, NO, TW_NONLINEAR, TW_NONLINEAR, NO},
    {"NLP", not_convex_equality, NO, NO, NO, YES, NO, TW_NONLINEAR, TW_QUADRATIC, NO},
    {"NLP", not_convex_sphere, NO, NO, YES, NO, NO, TW_QUADRATIC, TW_CONSTANT, YES},
    {"composite", composite_lasso, YES, NO, NO, NO, NO, TW_QUADRATIC, TW_CONSTANT, YES},
    {"composite", composite_nuclear, YES, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"composite", composite_boxed, YES, YES, NO, NO, NO, TW_QUADRATIC, TW_CONSTANT, YES},
    {"composite", composite_nonconvex, NO, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"convex", regularizer_of_image, YES, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"smooth", regularizer_negative, NO, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"least squares", regularizer_smooth, YES, NO, NO, NO, NO, TW_QUADRATIC, TW_CONSTANT, YES},
    {"convex", regularizer_in_box, YES, YES, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"convex", regularizer_in_ball, YES, NO, YES, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"MILP", milp_knapsack, YES, YES, NO, YES, YES, TW_LINEAR, TW_LINEAR, NO},
    {"MILP", milp_mixed, YES, NO, NO, YES, YES, TW_LINEAR, TW_LINEAR, NO},
    {"MILP", milp_box, YES, YES, NO, NO, YES, TW_LINEAR, TW_CONSTANT, NO},
    {"MINLP", minlp_quadratic, YES, NO, NO, NO, YES, TW_QUADRATIC, TW_CONSTANT, YES},
    {"MINLP", minlp_constraint, YES, NO, NO, YES, YES, TW_LINEAR, TW_NONLINEAR, NO},
    {"MINLP", minlp_regularized, YES, NO, NO, NO, YES, TW_LINEAR, TW_CONSTANT, NO},
    {"root", root_system, NO, NO, NO, NO, NO, TW_CONSTANT, TW_CONSTANT, YES},
    {"root", root_two_parts, NO, NO, NO, NO, NO, TW_CONSTANT, TW_CONSTANT, YES},
    {"root", root_linear, NO, NO, NO, NO, NO, TW_CONSTANT, TW_CONSTANT, YES},
    {"fixed point", fixpoint_cosine, NO, NO, NO, NO, NO, TW_CONSTANT, TW_CONSTANT, YES},
    {"fixed point", fixpoint_two, NO, NO, NO, NO, NO, TW_CONSTANT, TW_CONSTANT, YES},
    {"fixed point", fixpoint_linear, NO, NO, NO, NO, NO, TW_CONSTANT, TW_CONSTANT, YES},
    {"NLP", nlp_hs071, NO, YES, NO, YES, NO, TW_NONLINEAR, TW_NONLINEAR, NO},
    {"smooth", smooth_sines, NO, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"smooth", smooth_product, NO, NO, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
    {"smooth", smooth_boxed, NO, YES, NO, NO, NO, TW_NONLINEAR, TW_CONSTANT, NO},
};
enum { MODELS = sizeof models / sizeof *models };

#endif
