/* Every function that the conic form knows: min f(x) - <grad f(x0), x> over a box around x0 is f(x0) - <grad f(x0), x0>, found
 * by hsde; the same of -f where f is concave. And what it refuses. */
#include "test.h"

#include <talweg/method.h>

enum { ROWS = 2, COLS = 3, N = ROWS * COLS };

static tw_expr total(tw_expr e) {
  return tw_sum(e, TW_ALL, false);
}

static tw_expr constant(tw_expr x, double value) {
  return tw_scalar(x.graph, value);
}

/* A fixed 4 x 6 matrix times x as a vector. */
static tw_expr mix(tw_expr x) {
  double v[4 * N];
  for (int i = 0; i < 4 * N; i++) v[i] = tw_random_uniform(5, (uint64_t)i) - 0.4;
  const tw_array a = tw_array_view(v, TW_F64, TW_SHAPE(4, N));
  return tw_matmul(tw_constant(x.graph, &a), tw_ravel(x));
}

static tw_expr entry(tw_expr x, int64_t i) {
  return tw_reshape(tw_slice(tw_ravel(x), 0, i, 1, 1), TW_SCALAR);
}

#define ATOM(name, e)                                                                                        \
  static tw_expr name(tw_expr x) {                                                                           \
    return e;                                                                                                \
  }
ATOM(absolute, total(tw_abs(mix(x))))
ATOM(rectified, total(tw_relu(mix(x))))
ATOM(largest, total(tw_maximum(mix(x), constant(x, 0.2))))
ATOM(smallest, total(tw_minimum(mix(x), constant(x, 0.2))))
ATOM(largest_of_rows, total(tw_reduce_max(x, 2, false)))
ATOM(smallest_of_columns, total(tw_reduce_min(x, 1, true)))
ATOM(norm_of_all, tw_norm(mix(x), TW_ALL, false))
ATOM(norm_of_rows, total(tw_norm(x, 2, false)))
ATOM(norm_of_columns, total(tw_norm(x, 1, true)))
ATOM(squares, total(tw_square(mix(x))))
ATOM(square_of_norm, tw_square(tw_norm(mix(x), TW_ALL, false)))
ATOM(square_of_sum_of_absolutes, tw_square(total(tw_abs(x))))
ATOM(inner_product, tw_matmul(mix(x), mix(x)))
ATOM(quadratic_form, tw_matmul(tw_matmul(mix(x), tw_eye(x.graph, TW_F64, 4, 4)), mix(x)))
ATOM(roots, total(tw_sqrt(x)))
ATOM(exponentials, total(tw_exp(mix(x))))
ATOM(exponentials_less_one, total(tw_expm1(x)))
ATOM(powers_of_two, total(tw_pow(constant(x, 2), x)))
ATOM(logarithms, total(tw_log(x)))
ATOM(logarithms_of_one_more, total(tw_log1p(x)))
ATOM(soft, total(tw_softplus(mix(x))))
ATOM(hyperbolic, total(tw_cosh(mix(x))))
ATOM(log_of_sum_of_exponentials, tw_logsumexp(mix(x), TW_ALL, false))
ATOM(log_of_sums_by_row, total(tw_logsumexp(x, 2, false)))
ATOM(entropy, total(tw_mul(x, tw_log(x))))
ATOM(relative_entropy, tw_mul(entry(x, 0), tw_log(tw_div(entry(x, 0), tw_add(entry(x, 1), entry(x, 2))))))
ATOM(inverses, total(tw_reciprocal(x)))
ATOM(quotients, total(tw_div(constant(x, 3), x)))
ATOM(inverse_squares, total(tw_reciprocal(tw_square(x))))
ATOM(cubes, total(tw_pow(x, constant(x, 3))))
ATOM(fourth_powers, total(tw_pow(mix(x), constant(x, 4))))
ATOM(powers_above_one, total(tw_pow(x, constant(x, 1.5))))
ATOM(powers_below_one, total(tw_pow(x, constant(x, 0.3))))
ATOM(negative_powers, total(tw_pow(x, constant(x, -0.7))))
ATOM(square_over_linear, tw_div(tw_square(entry(x, 0)), tw_add(entry(x, 1), entry(x, 2))))
ATOM(squares_over_linear, tw_div(total(tw_square(tw_slice(tw_ravel(x), 0, 0, 3, 1))), entry(x, 4)))
ATOM(sparse_, tw_regularizer(x.graph, tw_regularizer_find("l1"), x, 0, NULL))
ATOM(largest_absolute, tw_regularizer(x.graph, tw_regularizer_find("linf"), x, 0, NULL))
ATOM(groups, tw_regularizer(x.graph, tw_regularizer_find("group_l2"), x, 0, NULL))
ATOM(elastic, tw_regularizer(x.graph, tw_regularizer_find("elastic_net"), x, 1, (tw_expr[]){constant(x, 0.5)}))
ATOM(nuclear_norm, tw_regularizer(x.graph, tw_regularizer_find("nuclear"), x, 0, NULL))
ATOM(composed, tw_exp(tw_square(tw_norm(mix(x), TW_ALL, false))))
ATOM(weighted, tw_sub(tw_scale(total(tw_exp(x)), 0.5), tw_scale(total(tw_sqrt(x)), 2)))

/* sum_k (x_k + k)^2 / 10 + |x_k - x_(k+1)|, as a loop. */
static tw_expr loop(tw_expr x) {
  const tw_expr k = tw_input(x.graph, "k", TW_I64, TW_SCALAR), next = tw_add(k, tw_integer(x.graph, 1)), flat = tw_ravel(x);
  const tw_expr a = tw_take(flat, 1, &k), b = tw_take(flat, 1, &next);
  const tw_expr square = tw_square(tw_add(a, tw_cast(k, TW_F64)));
  return tw_loop_sum(k, N - 1, tw_add(tw_scale(square, 0.1), tw_abs(tw_sub(a, b))));
}

static const struct {
  const char *name;
  tw_expr (*build)(tw_expr x);
  bool concave;
} atoms[] = {
#define CONVEX(name) {#name, name, false}
#define CONCAVE(name) {#name, name, true}
    CONVEX(absolute), CONVEX(rectified), CONVEX(largest), CONCAVE(smallest), CONVEX(largest_of_rows), CONCAVE(smallest_of_columns),
    CONVEX(norm_of_all), CONVEX(norm_of_rows), CONVEX(norm_of_columns), CONVEX(squares), CONVEX(square_of_norm),
    CONVEX(square_of_sum_of_absolutes), CONVEX(inner_product), CONVEX(quadratic_form), CONCAVE(roots), CONVEX(exponentials),
    CONVEX(exponentials_less_one), CONVEX(powers_of_two), CONCAVE(logarithms), CONCAVE(logarithms_of_one_more), CONVEX(soft),
    CONVEX(hyperbolic), CONVEX(log_of_sum_of_exponentials), CONVEX(log_of_sums_by_row), CONVEX(entropy), CONVEX(relative_entropy),
    CONVEX(inverses), CONVEX(quotients), CONVEX(inverse_squares), CONVEX(cubes), CONVEX(fourth_powers), CONVEX(powers_above_one),
    CONCAVE(powers_below_one), CONVEX(negative_powers), CONVEX(square_over_linear), CONVEX(squares_over_linear), CONVEX(sparse_),
    CONVEX(largest_absolute), CONVEX(groups), CONVEX(elastic), CONVEX(nuclear_norm), CONVEX(composed), CONVEX(weighted), CONVEX(loop)};
enum { ATOMS = sizeof atoms / sizeof *atoms };

static void point(double *x0) {
  for (int i = 0; i < N; i++) x0[i] = 0.3 + tw_random_uniform(7, (uint64_t)i);
}

/* Value and gradient at x0. */
static void evaluate(tw_expr (*build)(tw_expr), const double *x0, double *f, double *g) {
  tw_error error;
  tw_graph *graph = tw_graph_new();
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(ROWS, COLS)), e = build(x);
  const tw_expr outputs[2] = {e, tw_grad(e, x)};
  tw_fn *fn;
  tw_work *work;
  assert_ok(tw_fn_new(&fn, 1, &x, 2, outputs, NULL, &error));
  assert_ok(tw_work_new(&work, fn, &error));
  assert_ok(tw_fn_call(fn, work, (const void *const[]){x0}, (void *[]){f, g}, 0, &error));
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(graph);
}

/* As an objective, or as a constraint on a variable t that bounds it. */
static void solve(int k, bool as_constraint) {
  tw_error error;
  double x0[N], f, g[N], optimum;
  point(x0);
  evaluate(atoms[k].build, x0, &f, g);
  optimum = f;
  for (int i = 0; i < N; i++) optimum -= g[i] * x0[i];
  tw_graph *graph = tw_graph_new();
  tw_problem *p = tw_problem_new(graph);
  const tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(ROWS, COLS));
  const tw_array slope = tw_array_view(g, TW_F64, TW_SHAPE(ROWS, COLS)), middle = tw_array_view(x0, TW_F64, TW_SHAPE(ROWS, COLS));
  const tw_expr c = tw_constant(graph, &middle), width = tw_scalar(graph, 0.25);
  const tw_expr tilt = tw_dot(tw_constant(graph, &slope), x), e = atoms[k].build(x);
  tw_problem_bounds(p, x, tw_sub(c, width), tw_add(c, width));
  if (as_constraint) {
    const tw_expr t = tw_problem_variable(p, "t", TW_SCALAR), zero = tw_scalar(graph, 0), gap = tw_sub(e, t);
    tw_problem_subject(p, "bound", gap, atoms[k].concave ? zero : TW_NONE, atoms[k].concave ? TW_NONE : zero);
    (atoms[k].concave ? tw_problem_maximize : tw_problem_minimize)(p, NULL, tw_sub(t, tilt));
  } else {
    (atoms[k].concave ? tw_problem_maximize : tw_problem_minimize)(p, NULL, tw_sub(e, tilt));
  }
  tw_result result;
  const tw_solve_options options = {.method = "hsde"};
  assert_string_equal(tw_graph_message(graph), "");
  const tw_status status = tw_solve_problem(p, &options, &result, &error);
  if (status != TW_OK) fail_msg("%s (constraint %d): %s", atoms[k].name, as_constraint, error.message);
  const double found = atoms[k].concave ? -result.f : result.f;
  if (result.outcome != TW_SOLVED || !(fabs(found - optimum) <= 1e-7 * fmax(1, fabs(optimum))))
    fail_msg("%s (constraint %d): %s (%s), %.12g, optimum %.12g", atoms[k].name, as_constraint, tw_outcome_name(result.outcome),
             result.message, found, optimum);
  if (as_constraint) assert_close(fabs(result.dual[0]), 1, 1e-6);
  tw_result_free(&result);
  tw_problem_free(p);
  tw_graph_free(graph);
}

static void objectives(void **state) {
  (void)state;
  for (int k = 0; k < ATOMS; k++) solve(k, false);
}

static void constraints(void **state) {
  (void)state;
  for (int k = 0; k < ATOMS; k++) solve(k, true);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(objectives), cmocka_unit_test(constraints)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
