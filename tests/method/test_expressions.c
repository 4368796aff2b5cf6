/* Problems stated as expressions, by the default method for their class and by others: known optima and
 * optimality. */
#include "functions.h"

static tw_graph *graph;
static tw_problem *problem;

static int open_problem(void **state) {
  (void)state;
  graph = tw_graph_new();
  problem = tw_problem_new(graph);
  return graph && problem ? 0 : 1;
}

static int close_problem(void **state) {
  (void)state;
  tw_problem_free(problem);
  tw_graph_free(graph);
  return 0;
}

static tw_expr number(double value) {
  return tw_scalar(graph, value);
}

static tw_expr at(tw_expr x, int64_t i) {
  return tw_squeeze(tw_slice(x, 0, i, 1, 1), 0);
}

static tw_expr vector(int64_t n, const double *value) {
  const tw_array a = tw_array_f64((double *)(uintptr_t)value, TW_SHAPE(n));
  return tw_constant(graph, &a);
}

static tw_expr random_matrix(uint64_t key, int64_t rows, int64_t cols) {
  double *value = malloc((size_t)(rows * cols) * sizeof *value);
  assert_non_null(value);
  tw_random_normal_fill(key, 0, (size_t)(rows * cols), value);
  const tw_array a = tw_array_f64(value, TW_SHAPE(rows, cols));
  const tw_expr e = tw_constant(graph, &a);
  free(value);
  return e;
}

/* Solves the stated problem and checks outcome, optimality and objective. */
static void expect(const char *method, double optimum, double tolerance) {
  tw_error error = {TW_OK, ""};
  assert_int_equal(tw_graph_check(graph, &error), TW_OK);
  tw_result r;
  const tw_solve_options options = {.method = method};
  if (tw_solve_problem(problem, &options, &r, &error) != TW_OK) fail_msg("%s", error.message);
  print_message("%-36s f %.14g, %lld iterations, %lld gradients, %lld hvp, %.1e %.1e %.1e, %s\n",
                method ? method : r.method, r.f, (long long)r.iterations, (long long)r.counts.gradient,
                (long long)r.counts.hvp, r.optimality.stationarity, r.optimality.feasibility,
                r.optimality.complementarity, r.message);
  assert_int_equal(r.outcome, TW_SOLVED);
  assert_true(!(r.optimality.stationarity > 1e-8) && !(r.optimality.feasibility > 1e-8));
  assert_near(r.f, optimum, tolerance);
  tw_result_free(&r);
}

static void hs071(void **state) {
  (void)state;
  const tw_expr x = tw_problem_variable(problem, "x", TW_SHAPE(4));
  const tw_expr a = at(x, 0), b = at(x, 1), c = at(x, 2), d = at(x, 3);
  tw_problem_bounds(problem, x, number(1), number(5));
  tw_problem_start(problem, x, vector(4, (double[]){1, 5, 5, 1}));
  tw_problem_minimize(problem, NULL, tw_add(tw_mul(tw_mul(a, d), tw_add(a, tw_add(b, c))), c));
  tw_problem_subject(problem, "prod", tw_mul(tw_mul(a, b), tw_mul(c, d)), number(25), TW_NONE);
  const tw_expr forty = number(40);
  tw_problem_subject(problem, "norm", tw_sum(tw_square(x), TW_ALL, false), forty, forty);
  expect(NULL, 17.0140172891, 1e-8);
  expect("auglag:inner=lbfgsb", 17.0140172891, 1e-7);
}

/* Example 8 of LANGUAGE.md with slices; n = 1000. */
static void luksan_vlcek(void **state) {
  (void)state;
  const int64_t n = 1000;
  double *start = malloc((size_t)n * sizeof *start);
  assert_non_null(start);
  for (int64_t i = 0; i < n; i++) start[i] = i % 2 == 0 ? -1.2 : 1;
  const tw_expr x = tw_problem_variable(problem, "x", TW_SHAPE(n));
  tw_problem_start(problem, x, vector(n, start));
  free(start);
  const tw_expr head = tw_slice(x, 0, 0, n - 1, 1), tail = tw_slice(x, 0, 1, n - 1, 1);
  const tw_expr bend = tw_sub(tw_square(head), tail), offset = tw_sub(head, number(1));
  tw_problem_minimize(problem, NULL,
                      tw_sum(tw_add(tw_scale(tw_square(bend), 100), tw_square(offset)), TW_ALL, false));
  const tw_expr z = tw_slice(x, 0, 0, n - 2, 1), a = tw_slice(x, 0, 1, n - 2, 1),
                b = tw_slice(x, 0, 2, n - 2, 1);
  const tw_expr sines = tw_mul(tw_sin(tw_sub(a, b)), tw_sin(tw_add(a, b)));
  tw_expr c = tw_add(tw_scale(tw_mul(a, tw_square(a)), 3), tw_scale(b, 2));
  c = tw_add(tw_add(c, sines), tw_scale(a, 4));
  c = tw_sub(tw_sub(c, tw_mul(z, tw_exp(tw_sub(z, a)))), number(8));
  const tw_expr zero = number(0);
  tw_problem_subject(problem, "c", c, zero, zero);
  expect(NULL, 6.2324586324, 1e-9);
}

/* Example 3: compared in full with coordinate descent in test_proximal. */
static void lasso(void **state) {
  (void)state;
  tw_array data, target;
  tw_error error;
  const char *path = TALWEG_SOURCE_DIR "/examples/data/diabetes.csv";
  if (tw_csv_read(path, "age..s6", &data, &error) != TW_OK ||
      tw_csv_read(path, "target", &target, &error) != TW_OK)
    fail_msg("%s", error.message);
  const tw_expr raw = tw_constant(graph, &data), y = tw_constant(graph, &target);
  tw_array_free(&data);
  tw_array_free(&target);
  const tw_expr centred = tw_sub(raw, tw_mean(raw, 1, false)),
                xs = tw_div(centred, tw_norm(centred, 1, false));
  const tw_expr w = tw_problem_variable(problem, "w", TW_SHAPE(10));
  const tw_expr r = tw_sub(tw_matmul(xs, w), tw_sub(y, tw_mean(y, TW_ALL, false)));
  const tw_expr l1 = tw_regularizer(graph, tw_regularizer_find("l1"), w, 0, NULL);
  tw_problem_minimize(problem, NULL,
                      tw_add(tw_scale(tw_sum(tw_square(r), TW_ALL, false), 0.5), tw_scale(l1, 10)));
  expect(NULL, 656133.31025, 5e-6);
  expect("proximal_gradient:polish=0", 656133.31025, 5e-6);
}

/* Example 6: a QP on the simplex, by four methods to the same value. */
static void portfolio(void **state) {
  (void)state;
  const int64_t n = 20;
  const tw_expr half = random_matrix(3, n, n),
                s = tw_scale(tw_matmul(half, tw_matrix_transpose(half)), 1.0 / (double)n);
  const tw_expr mu = at(random_matrix(4, 1, n), 0), w = tw_problem_variable(problem, "w", TW_SHAPE(n));
  tw_problem_domain(problem, w, tw_domain_make(graph, tw_domain_find("simplex"), TW_SHAPE(n), 0, NULL));
  tw_problem_maximize(problem, NULL, tw_sub(tw_dot(mu, w), tw_scale(tw_dot(w, tw_matmul(s, w)), 2.5)));
  tw_error error;
  tw_result r;
  assert_int_equal(tw_solve_problem(problem, NULL, &r, &error), TW_OK);
  const double best = r.f;
  tw_result_free(&r);
  expect(NULL, best, 1e-12);
  expect("projected_gradient:polish=0", best, 1e-10);
  expect("projected_gradient:variant=spectral", best, 1e-10);
  expect("mirror_descent", best, 1e-10);
}

/* Example 4, the transport problem: a linear program. */
static void transport(void **state) {
  (void)state;
  const tw_expr ship = tw_problem_variable(problem, "ship", TW_SHAPE(2, 3));
  const tw_expr cost = tw_reshape(vector(6, (double[]){2.5, 1.7, 1.8, 2.5, 1.8, 1.4}), TW_SHAPE(2, 3));
  tw_problem_bounds(problem, ship, number(0), TW_NONE);
  tw_problem_minimize(problem, "cost", tw_scale(tw_sum(tw_mul(cost, ship), TW_ALL, false), 0.09));
  tw_problem_subject(problem, "supply", tw_sum(ship, 2, false), TW_NONE, vector(2, (double[]){350, 600}));
  tw_problem_subject(problem, "demand", tw_sum(ship, 1, false), vector(3, (double[]){325, 300, 275}),
                     TW_NONE);
  expect(NULL, 153.675, 1e-6);
}

/* min |W x - y|^2 with 1'x = 1 and x' x <= r: a convex QCQP beside its equality. */
static void constrained_least_squares(void **state) {
  (void)state;
  const int64_t n = 30;
  const tw_expr x = tw_problem_variable(problem, "x", TW_SHAPE(n)), w = random_matrix(8, 40, n),
                y = at(random_matrix(9, 1, 40), 0);
  const tw_expr one = number(1);
  tw_problem_minimize(problem, NULL, tw_sum(tw_square(tw_sub(tw_matmul(w, x), y)), TW_ALL, false));
  tw_problem_subject(problem, "sum", tw_sum(x, TW_ALL, false), one, one);
  tw_problem_subject(problem, "ball", tw_sum(tw_square(x), TW_ALL, false), TW_NONE, number(0.2));
  tw_error error;
  tw_result r;
  assert_int_equal(tw_solve_problem(problem, NULL, &r, &error), TW_OK);
  const double best = r.f;
  tw_result_free(&r);
  expect(NULL, best, 1e-12);
  expect("auglag:newton=0", best, 1e-7);
  expect("auglag:inner=lbfgs,newton=0", best, 1e-7);
}

/* z = tanh(0.5 W z + u), as a fixed point and as a root. */
static void equilibrium(void **state) {
  const char *method = *state;
  const int64_t n = 25;
  const bool root = strncmp(method, "newton", 6) == 0 || strncmp(method, "broyden", 7) == 0;
  const tw_expr w = tw_scale(random_matrix(5, n, n), 0.5 / sqrt((double)n)),
                u = at(random_matrix(6, 1, n), 0);
  const tw_expr z = tw_problem_variable(problem, "z", TW_SHAPE(n)), map = tw_tanh(tw_add(tw_matmul(w, z), u));
  if (root) {
    const tw_expr zero = number(0);
    tw_problem_subject(problem, NULL, tw_sub(z, map), zero, zero);
    tw_problem_root(problem);
  } else {
    tw_problem_fixpoint(problem, z, map);
  }
  expect(method, 0, 1e-20);
}

/* NIST's Misra1a typed in as a sum of squares: the class finds the residual, the default is lm. */
static void misra(void **state) {
  (void)state;
  const double y[] = {10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02,
                      44.82, 50.76, 55.05, 61.01, 66.4,  75.47, 81.78},
               x[] = {77.6,  114.9, 141.1, 190.8, 239.9, 289,   332.8,
                      378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760};
  const tw_expr b1 = tw_problem_variable(problem, "b1", TW_SCALAR),
                b2 = tw_problem_variable(problem, "b2", TW_SCALAR);
  tw_problem_start(problem, b1, number(500));
  tw_problem_start(problem, b2, number(1e-4));
  const tw_expr model = tw_mul(b1, tw_sub(number(1), tw_exp(tw_neg(tw_mul(b2, vector(14, x))))));
  tw_problem_minimize(problem, NULL, tw_sum(tw_square(tw_sub(model, vector(14, y))), TW_ALL, false));
  tw_error error;
  tw_result r;
  assert_int_equal(tw_solve_problem(problem, NULL, &r, &error), TW_OK);
  assert_string_equal(r.method, "lm");
  assert_near(r.f, 1.2455138894e-01, 1e-10);
  assert_near(r.x[0], 2.3894212918e+02, 1e-7);
  assert_near(r.x[1], 5.5015643181e-04, 1e-13);
  tw_result_free(&r);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, open_problem, close_problem)
#define WITH(test, method)                                                                                   \
  { #test " by " method, test, open_problem, close_problem, (void *)(uintptr_t)method }

int main(void) {
  const struct CMUnitTest tests[] = {TEST(hs071),
                                     TEST(luksan_vlcek),
                                     TEST(lasso),
                                     TEST(portfolio),
                                     TEST(transport),
                                     TEST(constrained_least_squares),
                                     WITH(equilibrium, "picard"),
                                     WITH(equilibrium, "anderson"),
                                     WITH(equilibrium, "newton_root"),
                                     WITH(equilibrium, "newton_root:jacobian=matrix-free"),
                                     WITH(equilibrium, "broyden"),
                                     TEST(misra)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
