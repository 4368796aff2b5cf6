/* Proximal operators within sets, projections in the Kullback-Leibler divergence, intersections by Dykstra's algorithm, single precision.
 */
#include "sets.h"

#include "graph/graph_fixture.h"

enum { N = 4 };

static tw_domain set_of(const char *kind, tw_shape shape, int n, const tw_expr *param) {
  const tw_domain d = tw_domain_make(graph, tw_domain_find(kind), shape, n, param);
  if (!d.kind) fail_msg("%s: %s", kind, tw_graph_message(graph));
  return d;
}

static const tw_domain whole = {0};

/* ------------------------------------------------------------------ prox within a set */

typedef struct pair {
  const char *regularizer, *set; /* NULL: none */
  int n;                         /* parameters of the regularizer */
  double (*value)(const double *z);
} pair;

static const double weights[N] = {0.5, 1, 2, 0};

static double lasso(const double *z) {
  return l1_of(z, N);
}
static double weighted(const double *z) {
  double sum = 0;
  for (int i = 0; i < N; i++) sum += weights[i] * fabs(z[i]);
  return sum;
}
static double ridge(const double *z) {
  return dot(z, z, N);
}
static double nothing(const double *z) {
  (void)z;
  return 0;
}

static const pair pairs[] = {{"l1", NULL, 0, lasso},     {"l1", "nonneg", 0, lasso},     {"l1", "nonneg", 1, weighted},
                             {"l2sq", "nonneg", 0, ridge}, {"l2sq", "simplex", 0, ridge}, {"l2sq", "ball", 0, ridge},
                             {NULL, "simplex", 0, nothing}, {NULL, "ball", 0, nothing},    {"l1", "hypercube", 1, weighted}};

static void draw_member(const char *set, uint64_t key, double *z) {
  for (int i = 0; i < N; i++) z[i] = 2 * normal(key, i);
  for (int k = 0; set && k < SET_CASES; k++) {
    const set_case *c = &set_cases[k];
    if (strcmp(c->kind, set) != 0) continue;
    set_case own = *c;
    own.rank = 1, own.dim[0] = N, own.n_params = 0;
    own.draw(&own, key, z);
    return;
  }
}

/* r(z) >= r(p) + (x - p)'(z - p) / eta for all z of the set. */
static void proxes_are_optimal(void **state) {
  (void)state;
  for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
    const pair *q = &pairs[k];
    const tw_expr in[2] = {tw_input(graph, "x", TW_F64, TW_SHAPE(N)), tw_input(graph, "eta", TW_F64, TW_SCALAR)};
    const tw_expr w = VECTOR(graph, 0.5, 1, 2, 0);
    const tw_domain d = q->set ? set_of(q->set, TW_SHAPE(N), 0, NULL) : whole;
    const tw_expr p = tw_prox(q->regularizer ? tw_regularizer_find(q->regularizer) : NULL, in[0], in[1], q->n, &w, d);
    call c = call_open(q->regularizer ? q->regularizer : "none", 2, in, p);
    call jacobian = call_open("jacobian", 2, in, tw_jacobian(p, in[0]));
    for (int i = 0; i < 40; i++) {
      double x[N], at[N], z[N], eta = i % 2 ? 0.3 : 2, away[N], step[N], j[N * N], column[N], *value[2] = {x, &eta};
      for (int a = 0; a < N; a++) x[a] = 1.5 * normal((uint64_t)i, a);
      call_at(&c, (const double *const *)value, at);
      for (int m = 0; m < 12; m++) {
        draw_member(q->set, (uint64_t)(12 * i + m), z);
        for (int a = 0; a < N; a++) away[a] = (x[a] - at[a]) / eta, step[a] = z[a] - at[a];
        const double gap = q->value(at) + dot(away, step, N) - q->value(z);
        if (!(gap <= 1e-12)) fail_msg("pair %d, point %d: %.3g", (int)k, i, gap);
      }
      call_at(&jacobian, (const double *const *)value, j);
      for (int b = 0; i < 10 && b < N; b++) {
        call_difference(&c, value, 0, b, 1e-6, column);
        for (int a = 0; a < N; a++) assert_close(j[a * N + b], column[a], 1e-6);
      }
    }
    call_close(&c);
    call_close(&jacobian);
  }
}

static void refusals(void **state) {
  (void)state;
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(N)), one = tw_scalar(graph, 1);
  const tw_domain simplex = set_of("simplex", TW_SHAPE(N), 0, NULL), ball = set_of("ball", TW_SHAPE(N), 0, NULL);
  assert_refused(graph, tw_prox(tw_regularizer_find("l1"), x, one, 0, NULL, simplex), TW_ERR_UNSUPPORTED, "no formula");
  assert_refused(graph, tw_prox(tw_regularizer_find("l1"), x, VECTOR(graph, 1, 2), 0, NULL, whole), TW_ERR_SHAPE, "eta");
  assert_refused(graph, tw_prox(tw_regularizer_find("elastic_net"), x, one, 0, NULL, whole), TW_ERR_ARGUMENT, "0 parameters");
  assert_refused(graph, tw_kl_project(ball, x), TW_ERR_UNSUPPORTED, "ball");
  assert_refused(graph, tw_project_intersection(-1, NULL, x, 3), TW_ERR_ARGUMENT, "below 0");
  const tw_domain sphere = set_of("sphere", TW_SHAPE(N), 0, NULL);
  assert_refused(graph, tw_project_intersection(1, &sphere, x, 3), TW_ERR_ARGUMENT, "not convex");
}

/* ------------------------------------------------------------------ Kullback-Leibler */

/* sum p log p - p - x p. */
static double divergence(const double *p, const double *x) {
  double sum = 0;
  for (int i = 0; i < N; i++) sum += (p[i] > 0 ? p[i] * log(p[i]) : 0) - p[i] - x[i] * p[i];
  return sum;
}

static void kl_projections_are_nearest(void **state) {
  (void)state;
  static const char *const kinds[] = {"nonneg", "hypercube", "simplex", "birkhoff"};
  for (int k = 0; k < 4; k++) {
    const tw_shape shape = k == 3 ? TW_SHAPE(2, 2) : TW_SHAPE(N);
    const tw_expr x = tw_input(graph, "x", TW_F64, shape), p = tw_kl_project(set_of(kinds[k], shape, 0, NULL), x);
    call c = call_open(kinds[k], 1, &x, p), jacobian = call_open(kinds[k], 1, &x, tw_jacobian(p, x));
    for (int i = 0; i < 30; i++) {
      double at[N], x0[N], z[N], j[N * N], column[N], *value[1] = {x0};
      for (int a = 0; a < N; a++) x0[a] = 2 * normal((uint64_t)i, a);
      call_on(&c, x0, at);
      for (int m = 0; m < 20; m++) {
        if (k < 3)
          draw_member(kinds[k], (uint64_t)(20 * i + m), z);
        else
          z[0] = z[3] = uniform((uint64_t)i, m), z[1] = z[2] = 1 - z[0];
        if (k == 0)
          for (int a = 0; a < N; a++) z[a] = fabs(z[a]);
        assert_true(divergence(at, x0) <= divergence(z, x0) + 1e-12);
      }
      call_on(&jacobian, x0, j);
      for (int b = 0; b < N; b++) {
        call_difference(&c, value, 0, b, 1e-6, column);
        for (int a = 0; a < N; a++) assert_close(j[a * N + b], column[a], 1e-7);
      }
    }
    call_close(&c);
    call_close(&jacobian);
  }
}

/* ------------------------------------------------------------------ intersections */

/* Three halfspaces are a polyhedron, and a ball with a halfspace has a tangent condition; derivatives go through the loop. */
static void intersections(void **state) {
  (void)state;
  static const double rows[3][3] = {{1, 2, -1}, {0, 1, 1}, {-1, 0, 1}}, rhs[3] = {0.3, -0.2, 0.5};
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(3));
  tw_domain half[3];
  for (int k = 0; k < 3; k++) {
    const tw_expr param[2] = {VECTOR(graph, rows[k][0], rows[k][1], rows[k][2]), tw_scalar(graph, rhs[k])};
    half[k] = set_of("halfspace", TW_SHAPE(3), 2, param);
  }
  const tw_array matrix = tw_array_f64((double *)(uintptr_t)rows, TW_SHAPE(3, 3));
  const tw_expr limits[3] = {tw_constant(graph, &matrix), tw_scalar(graph, -INFINITY), VECTOR(graph, 0.3, -0.2, 0.5)};
  const tw_expr p = tw_project_intersection(3, half, x, 400);
  const tw_expr exact = tw_project(set_of("polyhedron", TW_SHAPE(3), 3, limits), x);
  call gap = call_open("gap", 1, &x, tw_sub(p, exact));
  call slopes = call_open("slopes", 1, &x, tw_sub(tw_jacobian(p, x), tw_jacobian(exact, x)));
  for (int i = 0; i < 20; i++) {
    double at[3], out[9];
    for (int k = 0; k < 3; k++) at[k] = 2 * normal((uint64_t)i, k);
    call_on(&gap, at, out);
    assert_true(size_inf(out, 3) <= 1e-10);
    call_on(&slopes, at, out);
    assert_true(size_inf(out, 9) <= 1e-8);
  }
  call_close(&gap);
  call_close(&slopes);
}

/* ------------------------------------------------------------------ single precision */

static void single_precision(void **state) {
  (void)state;
  for (int k = 0; k < SET_CASES; k++) {
    const set_case *c = &set_cases[k];
    tw_expr param[TW_DOMAIN_PARAMS];
    for (int i = 0; i < c->n_params; i++) {
      const tw_array value = tw_array_f64((double *)(uintptr_t)c->param[i].v, values_shape(&c->param[i]));
      param[i] = tw_constant(graph, &value);
    }
    const tw_domain d = set_of(c->kind, case_shape(c), c->n_params, param);
    const tw_expr x = tw_input(graph, "x", TW_F32, case_shape(c)), p = tw_project(d, x);
    assert_int_equal(tw_dtype_of(p), TW_F32);
    assert_int_equal(tw_dtype_of(tw_grad(tw_sum(tw_square(p), TW_ALL, false), x)), TW_F32);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_graph, close_graph)

int main(void) {
  const struct CMUnitTest tests[] = {TEST(proxes_are_optimal), TEST(refusals), TEST(kl_projections_are_nearest), TEST(intersections),
                                     TEST(single_precision)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
