/* The standard test problems: they build at every size they allow, their derivatives agree with differences,
 * and known minimisers have the known value, satisfy the constraints and are stationary. */
#include "test.h"

#include <talweg/problem.h>

static tw_error error;

typedef struct opened {
  tw_graph *graph;
  tw_problem *problem;
  tw_class cls;
  tw_oracle oracle;
} opened;

static opened open_problem(const tw_test_problem *t, int64_t n) {
  opened o = {.graph = tw_graph_new()};
  o.problem = tw_problem_new(o.graph);
  assert_non_null(o.problem);
  if (t->build(o.problem, n) != TW_OK) fail_msg("%s: %s", t->name, tw_graph_message(o.graph));
  if (tw_classify(o.problem, &o.cls, &error) != TW_OK) fail_msg("%s: %s", t->name, error.message);
  if (tw_oracle_from_problem(&o.oracle, o.problem, &o.cls, &error) != TW_OK)
    fail_msg("%s: %s", t->name, error.message);
  return o;
}

static void close_problem(opened *o) {
  tw_oracle_release(&o->oracle);
  tw_problem_free(o->problem);
  tw_graph_free(o->graph);
}

/* ------------------------------------------------------------------ minimisers */

/* From the sources, carried on in 40 digits where they are not exact; entries repeat. Powell's and the three
 * roots of discretised and banded equations have no such form: tests/method solves them. */
static const struct minimizer {
  const char *name;
  int length;
  double x[10];
} minimizers[] = {
    {"rosenbrock", 1, {1}},
    {"freudenstein_roth", 2, {5, 4}},
    {"brown_badly_scaled", 2, {1e6, 2e-6}},
    {"beale", 2, {3, 0.5}},
    {"jennrich_sampson", 1, {0.257825213670364077}},
    {"helical_valley", 3, {1, 0, 0}},
    {"bard", 3, {0.0824105597497889324, 1.13303609202972156, 2.34369517864253714}},
    {"gaussian", 3, {0.39895613783875668, 1.0000190844878057, 0}},
    {"box3d", 3, {1, 10, 1}},
    {"box3d", 3, {10, 1, -1}},
    {"box3d", 3, {4, 4, 0}},
    {"wood", 1, {1}},
    {"kowalik_osborne",
     4,
     {0.192806934579037854, 0.191282328734366958, 0.123056506926320653, 0.136062330683794836}},
    {"brown_dennis",
     4,
     {-11.5944399047621654, 13.2036300512072038, -0.40343948817685952, 0.236778774455736299}},
    {"watson",
     6,
     {-0.0157250864014584568, 1.01243486936910986, -0.232991625956737684, 1.26043008779960834,
      -1.51372892272227967, 0.992996432431134522}},
    {"powell_singular", 1, {0}},
    {"penalty1", 1, {0.158122301113116355}},
    {"penalty2",
     10,
     {0.199983605197823606, 0.0103506484712922978, 0.0196049344804384005, 0.0320890672206856501,
      0.0499326773996412973, 0.0765139951539936084, 0.118624072869504181, 0.192144872335576677,
      0.347320586941843635, 0.369164374159350825}},
    {"variably_dimensioned", 1, {1}},
    {"trigonometric", 1, {0}},
    {"himmelblau", 2, {3, 2}},
    {"himmelblau", 2, {-2.80511808695274486, 3.13131251825057299}},
    {"himmelblau", 2, {-3.77931025337774689, -3.28318599128616942}},
    {"himmelblau", 2, {3.58442834033049175, -1.84812652696440355}},
    {"hs001", 1, {1}},
    {"hs006", 1, {1}},
    {"hs028", 3, {0.5, -0.5, 0.5}},
    {"hs035", 3, {4.0 / 3, 7.0 / 9, 4.0 / 9}},
    {"hs043", 4, {0, 1, 2, -1}},
    {"hs071", 4, {1, 4.74299963726441712, 3.82114998418487393, 1.37940829317267242}},
    {"hs076", 4, {3.0 / 11, 23.0 / 11, 0, 6.0 / 11}},
    {"hs100",
     7,
     {2.33049937287957, 1.95137237289688897, -0.477541392388871628, 4.36572623365581015, -0.62448697052681741,
      1.03813101860795834, 1.59422671161186845}},
    {"hs110", 1, {9.35026583306938516}},
};
enum { MINIMIZERS = sizeof minimizers / sizeof *minimizers };

static const tw_test_problem *find(const char *name) {
  for (const tw_test_problem *t = tw_test_problems(); t->name; t++)
    if (strcmp(t->name, name) == 0) return t;
  fail_msg("%s: not in the table", name);
  return NULL;
}

static double outside(double x, double low, double high) {
  return fmax(0, fmax(low - x, x - high));
}

static void minimizers_have_the_optimum(void **state) {
  (void)state;
  for (int k = 0; k < MINIMIZERS; k++) {
    const struct minimizer *known = &minimizers[k];
    const tw_test_problem *t = find(known->name);
    opened o = open_problem(t, 0);
    double x[16], f, c[8], scale = fmax(fabs(t->optimum), 1e-4);
    for (int64_t i = 0; i < o.oracle.n; i++) x[i] = known->x[i % known->length];
    assert_ok(o.oracle.value(o.oracle.context, x, &f, &error));
    if (!(fabs(f - t->optimum) <= 1e-14 * scale))
      fail_msg("%s: %.17g, expected %.17g", t->name, f, t->optimum);
    if (o.oracle.m > 0) assert_ok(o.oracle.constraints(o.oracle.context, x, c, &error));
    for (int64_t i = 0; i < o.oracle.m; i++)
      assert_true(outside(c[i], o.oracle.c_lower[i], o.oracle.c_upper[i]) <= 1e-13);
    for (int64_t i = 0; o.oracle.lower && i < o.oracle.n; i++)
      assert_true(outside(x[i], o.oracle.lower[i], o.oracle.upper[i]) == 0);
    close_problem(&o);
  }
}

/* No feasible point near a minimiser is better, in random directions; so not the value alone is right. */
static void minimizers_are_local_minima(void **state) {
  (void)state;
  for (int k = 0; k < MINIMIZERS; k++) {
    const struct minimizer *known = &minimizers[k];
    opened o = open_problem(find(known->name), 0);
    if (o.oracle.m == 0) {
      double x[16], z[16], f, fz;
      for (int64_t i = 0; i < o.oracle.n; i++) x[i] = known->x[i % known->length];
      assert_ok(o.oracle.value(o.oracle.context, x, &f, &error));
      for (uint64_t j = 0; j < 20; j++) {
        for (int64_t i = 0; i < o.oracle.n; i++) z[i] = x[i] + 1e-3 * tw_random_normal(j, (uint64_t)i);
        if (o.oracle.project) assert_ok(o.oracle.project(o.oracle.context, z, z, &error));
        assert_ok(o.oracle.value(o.oracle.context, z, &fz, &error));
        if (!(fz >= f)) fail_msg("%s: %.17g below %.17g", known->name, fz, f);
      }
    }
    close_problem(&o);
  }
}

/* ------------------------------------------------------------------ derivatives */

/* Differences of f lose what its size has lost: about eps^(2/3) |f|. */
static void check_at(const tw_test_problem *t, const opened *o, const double *x, const char *what) {
  double worst, f, *g = tw_alloc((size_t)o->oracle.n, sizeof *g);
  char where[160];
  assert_ok(o->oracle.gradient(o->oracle.context, x, &f, g, &error));
  const double lost = 4e-10 * fabs(f) / tw_vec_norm_inf(g, (size_t)o->oracle.n);
  free(g);
  if (tw_oracle_check(&o->oracle, x, &worst, where, sizeof where, &error) != TW_OK)
    fail_msg("%s: %s", t->name, error.message);
  if (!(worst <= 1e-6 + lost)) fail_msg("%s at %s: off by %.3g, %s", t->name, what, worst, where);
}

static void derivatives_agree_with_differences(void **state) {
  (void)state;
  for (const tw_test_problem *t = tw_test_problems(); t->name; t++) {
    opened o = open_problem(t, 0);
    double *x = tw_alloc((size_t)o.oracle.n, sizeof *x);
    assert_ok(o.oracle.start(o.oracle.context, x, &error));
    check_at(t, &o, x, "the start");
    for (int64_t i = 0; i < o.oracle.n; i++)
      x[i] += 0.1 * (1 + fabs(x[i])) * (tw_random_uniform(4, (uint64_t)i) - 0.5);
    if (o.oracle.project) assert_ok(o.oracle.project(o.oracle.context, x, x, &error));
    check_at(t, &o, x, "another point");
    free(x);
    close_problem(&o);
  }
}

/* scale |r|^2 + offset is the value wherever there is a residual, and sums of squares are known as such. */
static void sums_of_squares_are_found(void **state) {
  (void)state;
  int found = 0;
  for (const tw_test_problem *t = tw_test_problems(); t->name; t++) {
    opened o = open_problem(t, 0);
    const bool program = strncmp(t->name, "hs", 2) == 0;
    if (!program && !strstr(o.cls.name, "least squares")) fail_msg("%s: class %s", t->name, o.cls.name);
    if (o.oracle.offers & TW_RESIDUAL) {
      double *x = tw_alloc((size_t)o.oracle.n, sizeof *x), *r = tw_alloc((size_t)o.oracle.k, sizeof *r), f;
      assert_ok(o.oracle.start(o.oracle.context, x, &error));
      assert_ok(o.oracle.value(o.oracle.context, x, &f, &error));
      assert_ok(o.oracle.residual(o.oracle.context, x, r, &error));
      const double sum = tw_vec_dot(r, r, (size_t)o.oracle.k);
      assert_close(o.oracle.residual_scale * sum + o.oracle.residual_offset, f, 1e-13);
      found++;
      free(x);
      free(r);
    }
    close_problem(&o);
  }
  assert_true(found >= 24);
}

/* ------------------------------------------------------------------ sizes */

/* Where n varies the graph does not grow with it. */
static void loops_do_not_grow(void **state) {
  (void)state;
  int sized = 0;
  for (const tw_test_problem *t = tw_test_problems(); t->name; t++) {
    int32_t nodes[2];
    if (t->default_n == 0) continue;
    for (int large = 0; large < 2; large++) {
      tw_graph *graph = tw_graph_new();
      tw_problem *p = tw_problem_new(graph);
      const int64_t n = large ? 20000 : 24;
      assert_int_equal(t->build(p, n), TW_OK);
      assert_int_equal(tw_problem_size(p), n);
      nodes[large] = tw_graph_nodes(graph);
      tw_problem_free(p);
      tw_graph_free(graph);
    }
    if (nodes[1] > nodes[0]) fail_msg("%s: %d nodes, then %d", t->name, nodes[0], nodes[1]);
    opened o = open_problem(t, 0);
    assert_int_equal(o.oracle.n, t->default_n);
    close_problem(&o);
    sized++;
  }
  assert_true(sized >= 10);
}

static void wrong_sizes(void **state) {
  (void)state;
  for (const tw_test_problem *t = tw_test_problems(); t->name; t++) {
    static const int64_t sizes[] = {-1, 1};
    for (int k = 0; k < 2; k++) {
      tw_graph *graph = tw_graph_new();
      tw_problem *p = tw_problem_new(graph);
      const tw_status status = t->build(p, sizes[k]);
      const bool single = sizes[k] == 1 && t->default_n > 0 && status == TW_OK;
      if (!single && (status != TW_ERR_ARGUMENT || !strstr(tw_graph_message(graph), "expected")))
        fail_msg("%s, n = %lld: %s", t->name, (long long)sizes[k], tw_graph_message(graph));
      tw_problem_free(p);
      tw_graph_free(graph);
    }
  }
}

static void table_is_complete(void **state) {
  (void)state;
  int count = 0;
  for (const tw_test_problem *t = tw_test_problems(); t->name; t++, count++) {
    assert_true(t->source[0] && t->build && isfinite(t->optimum) && t->default_n >= 0);
    assert_ptr_equal(find(t->name), t); /* names are unique */
  }
  assert_true(count >= 25);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(table_is_complete),
      cmocka_unit_test(minimizers_have_the_optimum),
      cmocka_unit_test(minimizers_are_local_minima),
      cmocka_unit_test(derivatives_agree_with_differences),
      cmocka_unit_test(sums_of_squares_are_found),
      cmocka_unit_test(loops_do_not_grow),
      cmocka_unit_test(wrong_sizes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
