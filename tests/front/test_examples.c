/* The language page's examples, end to end: their known optima, stationarity, and example 2 from three starts. */
#include "test.h"

#include <stdio.h>
#include <talweg/front.h>

static tw_error error;

typedef struct run {
  tw_model *model;
  tw_result result;
} run;

static run solve(const char *name, int n, const tw_override *overrides) {
  char path[256];
  run r = {0};
  snprintf(path, sizeof path, "%s/examples/%s", TALWEG_SOURCE_DIR, name);
  assert_ok(tw_model_read(&r.model, path, &(tw_model_options){.n_overrides = n, .overrides = overrides}, &error));
  assert_ok(tw_solve_problem(tw_model_problem(r.model), NULL, &r.result, &error));
  if (r.result.outcome != TW_SOLVED) fail_msg("%s: %s: %s", name, tw_outcome_name(r.result.outcome), r.result.message);
  assert_true(r.result.optimality.stationarity <= 1e-8);
  return r;
}

static void release(run *r) {
  tw_result_free(&r->result);
  tw_model_free(r->model);
}

static void known_optima(void **state) {
  (void)state;
  const struct {
    const char *name;
    double f, tolerance;
  } cases[] = {{"rosenbrock.tw", 0, 1e-12},          {"ridge-path.tw", 2781.0916579815843, 1e-9}, {"transport.tw", 153.675, 1e-9},
               {"hs071.tw", 17.0140172891563, 1e-9}, {"luksan-vlcek.tw", 6.2324586324, 1e-9}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    run r = solve(cases[i].name, 0, NULL);
    assert_close(r.result.f, cases[i].f, cases[i].tolerance);
    release(&r);
  }
  run portfolio = solve("portfolio.tw", 0, NULL), equilibrium = solve("equilibrium.tw", 0, NULL);
  double sum = 0;
  for (int64_t i = 0; i < portfolio.result.n; i++) {
    assert_true(portfolio.result.x[i] >= 0);
    sum += portfolio.result.x[i];
  }
  assert_close(sum, 1, 1e-12);
  release(&portfolio);
  release(&equilibrium);
}

/* Coordinate descent on 1/2 |X w - y|^2 + l |w|_1 with columns of norm one. */
static double lasso_by_coordinates(double penalty) {
  enum { D = 10 };
  char path[256];
  tw_array x, y;
  snprintf(path, sizeof path, "%s/examples/data/diabetes.csv", TALWEG_SOURCE_DIR);
  assert_ok(tw_csv_read(path, "age..s6", &x, &error));
  assert_ok(tw_csv_read(path, "target", &y, &error));
  int64_t n = x.shape.dim[0];
  double *a = x.data, *r = y.data, w[D] = {0}, mean = tw_vec_sum(r, (size_t)n) / (double)n;
  for (int64_t i = 0; i < n; i++) r[i] -= mean;
  for (int j = 0; j < D; j++) {
    double m = 0, s = 0;
    for (int64_t i = 0; i < n; i++) m += a[i * D + j] / (double)n;
    for (int64_t i = 0; i < n; i++) s += (a[i * D + j] - m) * (a[i * D + j] - m);
    for (int64_t i = 0; i < n; i++) a[i * D + j] = (a[i * D + j] - m) / sqrt(s);
  }
  for (int sweep = 0; sweep < 20000; sweep++)
    for (int j = 0; j < D; j++) {
      double z = w[j], old = w[j];
      for (int64_t i = 0; i < n; i++) z += a[i * D + j] * r[i];
      w[j] = z > penalty ? z - penalty : z < -penalty ? z + penalty : 0;
      for (int64_t i = 0; i < n && w[j] != old; i++) r[i] -= a[i * D + j] * (w[j] - old);
    }
  double f = 0.5 * tw_vec_dot(r, r, (size_t)n);
  for (int j = 0; j < D; j++) f += penalty * fabs(w[j]);
  tw_array_free(&x);
  tw_array_free(&y);
  return f;
}

static void lasso_agrees_with_coordinate_descent(void **state) {
  (void)state;
  run r = solve("lasso.tw", 0, NULL);
  double f = lasso_by_coordinates(10);
  if (!(fabs(r.result.f - f) <= 1e-8)) fail_msg("%.12f, coordinate descent %.12f", r.result.f, f);
  release(&r);
}

static void example_2_from_three_starts(void **state) {
  (void)state;
  char path[256];
  run r;
  snprintf(path, sizeof path, "%s/examples/ridge-path.tw", TALWEG_SOURCE_DIR);
  const double starts[] = {0, 3, -3};
  for (int i = 0; i < 3; i++) {
    tw_class cls;
    tw_oracle oracle;
    double f, g;
    assert_ok(tw_model_read(&r.model, path, NULL, &error));
    const tw_problem *p = tw_model_problem(r.model);
    assert_ok(tw_classify(p, &cls, &error));
    assert_ok(tw_oracle_from_problem(&oracle, p, &cls, &error));
    tw_solve_options options = {.method = tw_method_choose(p, &cls, NULL, 0)};
    assert_ok(tw_minimize(&oracle, &starts[i], &options, &r.result, &error));
    assert_close(r.result.x[0], -2.0051230520, 1e-9);
    assert_ok(oracle.gradient(oracle.context, r.result.x, &f, &g, &error));
    if (!(fabs(g) <= 1e-8)) fail_msg("from %g: |d val / d loglam| = %g", starts[i], fabs(g));
    tw_oracle_release(&oracle);
    release(&r);
  }
}

static void integer_models_are_solved(void **state) {
  (void)state;
  tw_model *model;
  tw_result result = {0};
  assert_ok(tw_model_read(&model, TALWEG_SOURCE_DIR "/examples/knapsack.tw", NULL, &error));
  assert_ok(tw_solve_problem(tw_model_problem(model), NULL, &result, &error));
  assert_int_equal(result.outcome, TW_SOLVED);
  assert_close(result.f, -15, 1e-9);
  assert_close(result.bound, -15, 1e-9);
  for (int k = 0; k < 5; k++) assert_true(result.x[k] == (k > 0));
  tw_result_free(&result);
  tw_model_free(model);
}

typedef struct extent { /* of a graph */
  int32_t nodes;
  size_t bytes;
} extent;

static extent extent_of(const tw_graph *graph) {
  return (extent){tw_graph_nodes(graph), tw_graph_bytes(graph)};
}

/* Example 8 as it is read, and once its derivatives are compiled. */
static void measure_example_8(const char *n, extent *read, extent *compiled) {
  tw_model *model;
  tw_class cls;
  tw_oracle o;
  double f;
  const tw_override override = {"N", n};
  const tw_model_options options = {.n_overrides = 1, .overrides = &override};
  assert_ok(tw_model_read(&model, TALWEG_SOURCE_DIR "/examples/luksan-vlcek.tw", &options, &error));
  const tw_problem *p = tw_model_problem(model);
  *read = extent_of(tw_problem_graph(p));
  assert_ok(tw_classify(p, &cls, &error));
  assert_ok(tw_oracle_from_problem(&o, p, &cls, &error));
  double *x = tw_alloc((size_t)o.n, sizeof *x), *y = tw_alloc((size_t)o.m, sizeof *y), *out = tw_alloc((size_t)o.n, sizeof *out);
  assert_true(x && y && out);
  assert_ok(o.start(o.context, x, &error));
  assert_ok(o.gradient(o.context, x, &f, out, &error));
  assert_ok(o.hvp(o.context, x, y, x, out, &error));
  assert_ok(o.constraints_vjp(o.context, x, y, out, &error));
  *compiled = extent_of(tw_problem_graph(p));
  free(x), free(y), free(out);
  tw_oracle_release(&o);
  tw_model_free(model);
}

/* The graph of example 8 does not grow with N, nor do the functions compiled from it. */
static void build_does_not_grow_with_the_index_set(void **state) {
  (void)state;
  extent few[2], many[2];
  measure_example_8("1000", &few[0], &few[1]);
  measure_example_8("1000000", &many[0], &many[1]);
  for (int t = 0; t < 2; t++) {
    assert_true(many[t].nodes <= few[t].nodes + few[t].nodes / 10);
    assert_true(many[t].bytes <= few[t].bytes + few[t].bytes / 10);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_optima),
      cmocka_unit_test(lasso_agrees_with_coordinate_descent),
      cmocka_unit_test(example_2_from_three_starts),
      cmocka_unit_test(integer_models_are_solved),
      cmocka_unit_test(build_does_not_grow_with_the_index_set),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
