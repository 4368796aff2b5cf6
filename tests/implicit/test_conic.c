/* Derivatives through the conic residual map: the same as through other optimality conditions, and as differences. */
#include "test.h"

#include "implicit/conic.h"
#include <talweg/implicit.h>

enum { N = 6 };

typedef struct stated {
  tw_graph *graph;
  tw_problem *p;
  tw_expr theta;
} stated;

static double uniform(uint64_t key, int64_t i) {
  return tw_random_uniform(key, (uint64_t)i) - 0.5;
}

static tw_expr vector(tw_graph *g, uint64_t key, int64_t n) {
  double v[64];
  for (int64_t i = 0; i < n; i++) v[i] = uniform(key, i);
  const tw_array a = tw_array_view(v, TW_F64, TW_SHAPE(n));
  return tw_constant(g, &a);
}

static tw_expr matrix(tw_graph *g, uint64_t key, int64_t rows, int64_t cols) {
  return tw_reshape(vector(g, key, rows * cols), TW_SHAPE(rows, cols));
}

static stated begin(int64_t size, const double *theta) {
  stated s = {.graph = tw_graph_new()};
  assert_non_null(s.graph);
  s.p = tw_problem_new(s.graph);
  const tw_array value = tw_array_view((void *)(uintptr_t)theta, TW_F64, size == 0 ? TW_SCALAR : TW_SHAPE(size));
  s.theta = tw_problem_parameter(s.p, "theta", &value);
  return s;
}

static void end(stated *s) {
  assert_string_equal(tw_graph_message(s->graph), "");
  tw_problem_free(s->p);
  tw_graph_free(s->graph);
}

static tw_expr total(tw_expr e) {
  return tw_sum(e, TW_ALL, false);
}

static tw_expr number(tw_graph *g, double value) {
  return tw_scalar(g, value);
}

/* ------------------------------------------------------------------ the problems */

/* min 1/2 |G x|^2 + |x|^2 / 20 - theta'x on the simplex, as a set or as bounds and a row. */
static stated quadratic_program(const double *theta, bool as_set) {
  stated s = begin(N, theta);
  const tw_expr x = tw_problem_variable(s.p, "x", TW_SHAPE(N));
  const tw_expr fit = tw_scale(total(tw_square(tw_matmul(matrix(s.graph, 1, N, N), x))), 0.5);
  tw_problem_minimize(s.p, NULL, tw_sub(tw_add(fit, tw_scale(total(tw_square(x)), 0.05)), tw_dot(s.theta, x)));
  if (as_set) {
    tw_problem_domain(s.p, x, tw_domain_make(s.graph, tw_domain_find("simplex"), TW_SHAPE(N), 0, NULL));
  } else {
    const tw_expr one = number(s.graph, 1);
    tw_problem_bounds(s.p, x, number(s.graph, 0), TW_NONE);
    tw_problem_subject(s.p, "sum", total(x), one, one);
  }
  return s;
}

/* min theta_0 |A x - b| + |x|_1 + exp(x_0)  s.t.  |B x| <= theta_1, sum x = theta_2 */
static stated second_order(const double *theta) {
  stated s = begin(3, theta);
  const tw_expr x = tw_problem_variable(s.p, "x", TW_SHAPE(N));
  tw_expr t[3];
  for (int i = 0; i < 3; i++) t[i] = tw_reshape(tw_slice(s.theta, 0, i, 1, 1), TW_SCALAR);
  const tw_expr residual = tw_sub(tw_matmul(matrix(s.graph, 2, 9, N), x), vector(s.graph, 3, 9));
  const tw_expr first = tw_reshape(tw_slice(x, 0, 0, 1, 1), TW_SCALAR);
  const tw_expr f = tw_add(tw_mul(t[0], tw_norm(residual, TW_ALL, false)), tw_scale(total(tw_abs(x)), 0.1));
  tw_problem_minimize(s.p, NULL, tw_add(f, tw_scale(tw_exp(first), 0.1)));
  tw_problem_subject(s.p, "ball", tw_norm(tw_matmul(matrix(s.graph, 4, N, N), x), TW_ALL, false), TW_NONE, t[1]);
  tw_problem_subject(s.p, "sum", total(x), t[2], t[2]);
  return s;
}

/* min <C, X> + |X - D|^2 / 2  s.t.  diag X = theta, X psd */
static stated semidefinite(const double *theta) {
  enum { K = 4 };
  stated s = begin(K, theta);
  const tw_expr x = tw_problem_variable(s.p, "X", TW_SHAPE(K, K)), d = matrix(s.graph, 6, K, K);
  tw_problem_domain(s.p, x, tw_domain_make(s.graph, tw_domain_find("psd"), TW_SHAPE(K, K), 0, NULL));
  const tw_expr c = matrix(s.graph, 5, K, K), sym = tw_add(c, tw_matrix_transpose(c));
  tw_problem_minimize(s.p, NULL, tw_add(tw_scale(tw_dot(sym, x), 3), tw_scale(total(tw_square(tw_sub(x, d))), 0.5)));
  tw_problem_subject(s.p, "diagonal", tw_diag(x), s.theta, s.theta);
  return s;
}

/* ------------------------------------------------------------------ differences */

typedef stated state_problem(const double *theta);

static void solution(state_problem *make, const double *theta, double *f, double *x) {
  tw_error error;
  tw_result result;
  stated s = make(theta);
  const tw_solve_options options = {.method = "hsde", .tolerance = 1e-12};
  assert_ok(tw_solve_problem(s.p, &options, &result, &error));
  *f = result.f;
  memcpy(x, result.x, (size_t)result.n * sizeof *x);
  tw_result_free(&result);
  end(&s);
}

static void against_differences(state_problem *make, int64_t size, const double *theta) {
  tw_error error;
  tw_class cls;
  stated s = make(theta);
  const int64_t n = tw_problem_size(s.p);
  double df[16], dx[256], residual, margin, at[16], f[2], x[2][32];
  assert_ok(tw_classify(s.p, &cls, &error));
  assert_true(cls.convex);
  assert_ok(tw_conic_sensitivity(s.p, &cls, s.theta, df, dx, &residual, &margin, &error));
  assert_true(residual < 1e-6 && margin > 1e-4);
  end(&s);
  const double h = 1e-5;
  for (int64_t t = 0; t < size; t++) {
    for (int side = 0; side < 2; side++) {
      memcpy(at, theta, (size_t)size * sizeof *at);
      at[t] += side ? h : -h;
      solution(make, at, &f[side], x[side]);
    }
    assert_close(df[t], (f[1] - f[0]) / (2 * h), 1e-5);
    double moved = 0;
    for (int64_t j = 0; j < n; j++) {
      assert_close(dx[j * size + t], (x[1][j] - x[0][j]) / (2 * h), 1e-5);
      moved = fmax(moved, fabs(dx[j * size + t]));
    }
    assert_true(moved > 1e-3);
  }
}

static void second_order_programs(void **state) {
  (void)state;
  against_differences(second_order, 3, (double[]){1, 0.3, 0.4});
}

static void semidefinite_programs(void **state) {
  (void)state;
  against_differences(semidefinite, 4, (double[]){1, 1.2, 0.8, 1});
}

/* ------------------------------------------------------------------ three conditions */

static void three_conditions(void **state) {
  (void)state;
  tw_error error;
  double theta[N], jacobian[3][N * N], df[N], residual, margin;
  for (int i = 0; i < N; i++) theta[i] = uniform(9, i);
  for (int as_set = 0; as_set < 2; as_set++) {
    stated s = quadratic_program(theta, as_set);
    tw_result result;
    tw_evidence evidence;
    const tw_solve_options options = {.tolerance = 1e-12};
    assert_ok(tw_solve_problem(s.p, &options, &result, &error));
    assert_int_equal(result.outcome, TW_SOLVED);
    assert_ok(tw_sensitivity(s.p, &result, "theta", df, jacobian[as_set], &evidence, &error));
    assert_true(evidence.reliable);
    tw_result_free(&result);
    tw_class cls;
    assert_ok(tw_classify(s.p, &cls, &error));
    if (as_set == 0) assert_ok(tw_conic_sensitivity(s.p, &cls, s.theta, df, jacobian[2], &residual, &margin, &error));
    end(&s);
  }
  double largest = 0;
  for (int k = 0; k < N * N; k++) {
    assert_close(jacobian[1][k], jacobian[0][k], 1e-6);
    assert_close(jacobian[2][k], jacobian[0][k], 1e-6);
    largest = fmax(largest, fabs(jacobian[0][k]));
  }
  assert_true(largest > 0.1);
}

/* Where a norm vanishes or a coordinate is 0 by its absolute value, the conditions of the problem as stated have no derivative;
 * tw_sensitivity answers by the map. */
static void kinks(void **state) {
  (void)state;
  tw_error error;
  const double theta[3] = {1, 0.3, 0.4};
  stated s = second_order(theta);
  tw_result result;
  tw_evidence evidence;
  tw_class cls;
  double df[3], dx[3 * N], own_df[3], own_dx[3 * N], residual, margin;
  assert_ok(tw_solve_problem(s.p, &(tw_solve_options){.method = "hsde"}, &result, &error));
  int zeros = 0;
  for (int j = 0; j < N; j++) zeros += fabs(result.x[j]) < 1e-10;
  assert_true(zeros > 0);
  assert_ok(tw_sensitivity(s.p, &result, "theta", df, dx, &evidence, &error));
  assert_true(evidence.reliable);
  assert_ok(tw_classify(s.p, &cls, &error));
  assert_ok(tw_conic_sensitivity(s.p, &cls, s.theta, own_df, own_dx, &residual, &margin, &error));
  for (int k = 0; k < 3; k++) assert_close(df[k], own_df[k], 1e-8);
  for (int k = 0; k < 3 * N; k++) assert_close(dx[k], own_dx[k], 1e-8);
  tw_result_free(&result);
  end(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(three_conditions), cmocka_unit_test(second_order_programs),
                                     cmocka_unit_test(semidefinite_programs), cmocka_unit_test(kinks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
