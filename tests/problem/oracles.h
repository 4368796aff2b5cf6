/* Problems with parameters, sets, regularizers and constraints of several shapes, and their oracles. */
#ifndef TALWEG_TESTS_PROBLEM_ORACLES_H
#define TALWEG_TESTS_PROBLEM_ORACLES_H

#include "model.h"

static tw_error error;

enum { MOST = 24 };

/* ------------------------------------------------------------------ models */

static tw_expr squares(tw_expr e) {
  return total(tw_square(e));
}

/* Variables of three shapes, one of them unused; parameters in objective, bounds and constraints; rows of
 * three shapes. */
static void nlp(void) {
  const tw_expr x = tw_problem_variable(problem, "x", TW_SHAPE(2, 2)), y = variable("y", 3);
  tw_problem_variable(problem, "idle", TW_SCALAR);
  const tw_expr p = parameter("p", 0.7), q = parameter("q", 2),
                ones = tw_fill(graph, TW_F64, TW_SHAPE(2, 2), 1);
  tw_problem_bounds(problem, x, tw_neg(q), TW_NONE);
  tw_problem_bounds(problem, y, VECTOR(graph, -9, -INFINITY, -9), number(9));
  tw_problem_start(problem, y, VECTOR(graph, 1, 2, 3));
  const tw_expr f = tw_add(total(tw_exp(tw_mul(p, tw_sin(x)))), tw_mul(squares(y), total(tw_cos(x))));
  tw_problem_minimize(problem, NULL, f);
  tw_problem_subject(problem, "matrix", tw_matmul(x, x), p, p);
  tw_problem_subject(problem, "scalar", tw_mul(total(y), at(y, 0)), TW_NONE, q);
  tw_problem_subject(problem, "fixed", tw_add(tw_mul(p, ones), tw_scale(x, 0)), number(-1), number(1));
}

static void maximum(void) {
  const tw_expr x = variable("x", 4);
  tw_problem_maximize(problem, NULL, tw_neg(tw_logsumexp(tw_mul(x, parameter("p", 2)), TW_ALL, false)));
}

static void fit(void) {
  const tw_expr x = variable("x", 2), t = random_constant(1, TW_SHAPE(7)), p = parameter("p", 0.5);
  const tw_expr r = tw_sub(tw_mul(at(x, 0), tw_exp(tw_mul(t, at(x, 1)))), random_constant(2, TW_SHAPE(7)));
  tw_problem_bounds(problem, x, tw_neg(p), number(4));
  tw_problem_minimize(
      problem, NULL, plus(tw_add(tw_add(tw_scale(squares(r), 0.5), tw_mul(p, squares(x))), tw_square(p)), 1));
}

static void composite(void) {
  const tw_expr x = variable("x", 4), y = variable("y", 3), p = parameter("p", 0.3);
  tw_problem_bounds(problem, x, number(-0.5), number(1));
  tw_expr f = tw_add(squares(tw_matmul(random_constant(3, TW_SHAPE(5, 4)), x)), total(tw_sin(y)));
  f = tw_add(f, tw_mul(p, regularizer("l1", x)));
  tw_problem_minimize(problem, NULL, tw_add(f, tw_mul(tw_scale(p, 2), regularizer("linf", y))));
}

static void sets(void) {
  const tw_expr x = variable("x", 3), s = tw_problem_variable(problem, "s", TW_SHAPE(2, 2)),
                p = parameter("p", 2);
  tw_problem_domain(problem, x, set("simplex", TW_SHAPE(3), 1, &p));
  tw_problem_domain(problem, s, set("psd", TW_SHAPE(2, 2), 0, NULL));
  tw_problem_minimize(problem, NULL, tw_add(squares(tw_sub(x, number(0.1))), total(tw_exp(s))));
}

static void simplexes(void) {
  const tw_expr x = variable("x", 3), z = variable("z", 2), free_one = variable("u", 1);
  tw_problem_domain(problem, x, set("simplex", TW_SHAPE(3), 0, NULL));
  tw_problem_domain(problem, z, set("nonneg", TW_SHAPE(2), 0, NULL));
  tw_problem_start(problem, z, VECTOR(graph, 1, 2));
  tw_problem_minimize(problem, NULL,
                      tw_add(tw_add(squares(x), squares(z)), tw_mul(parameter("p", 1), squares(free_one))));
}

static void system_of_equations(void) {
  const tw_expr x = variable("x", 2), y = variable("y", 1), p = parameter("p", 1.5);
  tw_problem_root(problem);
  tw_problem_subject(problem, NULL, tw_add(tw_exp(x), tw_broadcast(y, TW_SHAPE(2))), p, p);
  const tw_expr zero = number(0);
  tw_problem_subject(problem, NULL, tw_mul(total(x), y), zero, zero);
}

static void map(void) {
  const tw_expr x = variable("x", 3), y = variable("y", 2);
  tw_problem_fixpoint(problem, x, tw_cos(tw_mul(parameter("p", 0.8), x)));
  tw_problem_fixpoint(problem, y, tw_scale(tw_add(tw_slice(x, 0, 0, 2, 1), tw_sin(y)), 0.5));
}

static void chain(void) { /* loops, and a linear objective part only */
  const tw_expr x = variable("x", 6), i = tw_input(graph, "i", TW_I64, TW_SCALAR),
                next = tw_add(i, tw_integer(graph, 1));
  const tw_expr a = tw_take(x, 1, &i), b = tw_take(x, 1, &next), zero = number(0);
  tw_problem_minimize(problem, NULL, tw_mul(parameter("p", 3), total(x)));
  tw_problem_subject(problem, "bend", tw_loop_stack(i, 5, tw_sub(b, tw_square(a))), zero, zero);
}

static void empty_variable(void) { /* no elements, no rows */
  const tw_expr none = variable("none", 0), x = variable("x", 2), p = parameter("p", 1);
  tw_problem_minimize(problem, NULL, tw_add(tw_mul(p, squares(x)), squares(none)));
  tw_problem_subject(problem, "no rows", none, number(0), TW_NONE);
  tw_problem_subject(problem, "row", at(x, 0), number(-5), TW_NONE);
}

static void (*const models[])(void) = {
    nlp, maximum, fit, composite, sets, simplexes, system_of_equations, map, chain, empty_variable};
enum { MODELS = sizeof models / sizeof *models };

/* ------------------------------------------------------------------ opening one */

static tw_class cls;

static tw_oracle oracle_of_problem(void) {
  tw_oracle o;
  assert_ok(tw_classify(problem, &cls, &error));
  assert_ok(tw_oracle_from_problem(&o, problem, &cls, &error));
  assert_true(o.n <= MOST && o.m <= MOST && o.k <= MOST);
  return o;
}

static void random_vector(uint64_t key, int64_t n, double *x) {
  tw_random_normal_fill(key, 0, (size_t)n, x);
}

static double gap(const double *a, const double *b, int64_t n) {
  double most = 0, size = 1;
  for (int64_t i = 0; i < n; i++) {
    most = fmax(most, fabs(a[i] - b[i]));
    size = fmax(size, fabs(b[i]));
    if (isnan(a[i]) || isnan(b[i])) return INFINITY;
  }
  return most / size;
}

static bool offers(const tw_oracle *o, unsigned flag) {
  return (o->offers & flag) != 0;
}

#endif
