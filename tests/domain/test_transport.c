/* Transport polytopes beyond the small cases of sets.h: large tables, steps in the Kullback-Leibler divergence with their derivatives,
 * totals that differ, the systems of their potentials. */
#include "domain/transport.h"

#include "sets.h"

#include "graph/graph_fixture.h"

enum { M = 4, N = 3 };

static void draw_sums(int64_t m, int64_t n, uint64_t key, double *a, double *b) {
  double total = 0;
  for (int64_t i = 0; i < m; i++) a[i] = 0.1 + uniform(key, i), total += a[i];
  double other = 0;
  for (int64_t j = 0; j < n; j++) b[j] = 0.1 + uniform(key, m + j), other += b[j];
  for (int64_t j = 0; j < n; j++) b[j] *= total / other;
}

static tw_domain transport(int64_t m, int64_t n, tw_expr a, tw_expr b) {
  const tw_domain d = tw_domain_make(graph, tw_domain_find("transport"), TW_SHAPE(m, n), 2, (tw_expr[]){a, b});
  if (!d.kind) fail_msg("%s", tw_graph_message(graph));
  return d;
}

static void sums_hold(int64_t m, int64_t n, const double *p, const double *a, const double *b, double tolerance) {
  for (int64_t i = 0; i < m; i++) {
    double sum = 0;
    for (int64_t j = 0; j < n; j++) sum += p[i * n + j];
    assert_close(sum, a[i], tolerance);
  }
  for (int64_t j = 0; j < n; j++) {
    double sum = 0;
    for (int64_t i = 0; i < m; i++) sum += p[i * n + j];
    assert_close(sum, b[j], tolerance);
  }
}

/* At the nearest point the positive entries of P - X are alpha_i + beta_j, and those at 0 no less: checked by a potential of every node,
 * spread along positive entries. */
static void optimal(int64_t m, int64_t n, const double *x, const double *p, double tolerance) {
  double *v = calloc((size_t)(m + n), sizeof *v);
  int *known = calloc((size_t)(m + n), sizeof *known);
  known[0] = 1;
  for (bool more = true; more;) {
    more = false;
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j < n; j++) {
        if (!(p[i * n + j] > 0) || known[i] == known[m + j]) continue;
        const double pair = p[i * n + j] - x[i * n + j];
        if (known[i])
          v[m + j] = pair - v[i], known[m + j] = 1;
        else
          v[i] = pair - v[m + j], known[i] = 1;
        more = true;
      }
  }
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      if (!known[i] || !known[m + j]) continue;
      const double pair = v[i] + v[m + j], own = p[i * n + j] - x[i * n + j];
      if (p[i * n + j] > 0) assert_close(own, pair, tolerance);
      assert_true(own >= pair - tolerance);
    }
  free(v), free(known);
}

static void large_tables(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++) {
    const int64_t m = 30 + 20 * i, n = i % 2 ? 25 : m;
    const double scale = i % 2 ? 0.02 : 1;
    double *x = tw_alloc((size_t)(m * n), sizeof *x), *p = tw_alloc((size_t)(m * n), sizeof *p), *a = tw_alloc((size_t)(m + n), sizeof *a);
    draw_sums(m, n, (uint64_t)i, a, a + m);
    for (int64_t k = 0; k < m * n; k++) x[k] = scale * normal((uint64_t)i, k);
    const tw_expr in[3] = {tw_input(graph, "x", TW_F64, TW_SHAPE(m, n)), tw_input(graph, "a", TW_F64, TW_SHAPE(m)),
                           tw_input(graph, "b", TW_F64, TW_SHAPE(n))};
    call c = call_open("large", 3, in, tw_project(transport(m, n, in[1], in[2]), in[0]));
    call_at(&c, (const double *const[]){x, a, a + m}, p);
    sums_hold(m, n, p, a, a + m, 1e-12);
    for (int64_t k = 0; k < m * n; k++) assert_true(p[k] >= 0);
    optimal(m, n, x, p, 1e-11);
    call_close(&c);
    free(x), free(p), free(a);
  }
}

/* ------------------------------------------------------------------ entropic steps */

typedef struct entropic {
  call call;
  tw_expr in[5], p; /* x, g, eta, a, b */
  double x[M * N], g[M * N], eta, a[M], b[N];
  double *value[5];
} entropic;

static void entropic_open(entropic *e) {
  e->in[0] = tw_input(graph, "x", TW_F64, TW_SHAPE(M, N));
  e->in[1] = tw_input(graph, "g", TW_F64, TW_SHAPE(M, N));
  e->in[2] = tw_input(graph, "eta", TW_F64, TW_SCALAR);
  e->in[3] = tw_input(graph, "a", TW_F64, TW_SHAPE(M));
  e->in[4] = tw_input(graph, "b", TW_F64, TW_SHAPE(N));
  const tw_domain d = transport(M, N, e->in[3], e->in[4]);
  e->p = d.kind->mirror_step(e->in[0], e->in[1], e->in[2], d.param);
  e->call = call_open("entropic", 5, e->in, e->p);
  e->value[0] = e->x, e->value[1] = e->g, e->value[2] = &e->eta, e->value[3] = e->a, e->value[4] = e->b;
}

static void entropic_point(entropic *e, int i) {
  const uint64_t key = 900 + (uint64_t)i;
  draw_sums(M, N, key, e->a, e->b);
  for (int k = 0; k < M * N; k++) e->x[k] = 0.05 + uniform(key, 50 + k), e->g[k] = (i % 3 ? 1 : 20) * normal(key, k);
  e->eta = i % 2 ? 1 : 0.2;
}

/* Sums hold, and log(P / x) + eta g is alpha_i + beta_j. */
static void steps_are_optimal(void **state) {
  (void)state;
  entropic e;
  entropic_open(&e);
  for (int i = 0; i < 30; i++) {
    double p[M * N], pair[M * N];
    entropic_point(&e, i);
    call_at(&e.call, (const double *const *)e.value, p);
    sums_hold(M, N, p, e.a, e.b, 1e-13);
    for (int k = 0; k < M * N; k++) pair[k] = log(p[k] / e.x[k]) + e.eta * e.g[k];
    for (int r = 1; r < M; r++)
      for (int c = 1; c < N; c++) assert_close(pair[r * N + c] - pair[r * N] - pair[c] + pair[0], 0, 1e-11);
  }
  call_close(&e.call);
}

/* exp(-C / gamma) down to a gamma at which most of P is 0 and its graph falls apart: sums hold, and where four entries of P are not too
 * small log P + C / gamma is alpha_i + beta_j. */
static void sharp_steps_are_optimal(void **state) {
  (void)state;
  enum { ROWS = 24, COLUMNS = 17 };
  const tw_expr in[3] = {tw_input(graph, "x", TW_F64, TW_SHAPE(ROWS, COLUMNS)), tw_input(graph, "a", TW_F64, TW_SHAPE(ROWS)),
                         tw_input(graph, "b", TW_F64, TW_SHAPE(COLUMNS))};
  call c = call_open("sharp", 3, in, tw_kl_project(transport(ROWS, COLUMNS, in[1], in[2]), in[0]));
  for (int i = 0; i < 24; i++) {
    double x[ROWS * COLUMNS], p[ROWS * COLUMNS], pair[ROWS * COLUMNS], a[ROWS + COLUMNS];
    const double gamma = pow(10, -0.5 * (i % 12 + 2));
    draw_sums(ROWS, COLUMNS, 70 + (uint64_t)i, a, a + ROWS);
    for (int k = 0; k < ROWS && i % 2; k++) a[k] = 1;
    for (int k = ROWS; k < ROWS + COLUMNS && i % 2; k++) a[k] = (double)ROWS / COLUMNS;
    for (int k = 0; k < ROWS * COLUMNS; k++) x[k] = -uniform(800 + (uint64_t)i, k) / gamma;
    call_at(&c, (const double *const[]){x, a, a + ROWS}, p);
    sums_hold(ROWS, COLUMNS, p, a, a + ROWS, 1e-15 / gamma + 1e-13);
    for (int k = 0; k < ROWS * COLUMNS; k++) pair[k] = p[k] > 1e-290 ? log(p[k]) - x[k] : -INFINITY;
    for (int r = 1; r < ROWS; r++)
      for (int k = 1; k < COLUMNS; k++) {
        const double *at = pair + r * COLUMNS, *over = at - COLUMNS;
        if (at[k] > -INFINITY && at[k - 1] > -INFINITY && over[k] > -INFINITY && over[k - 1] > -INFINITY)
          assert_close(at[k] - at[k - 1], over[k] - over[k - 1], 1e-10 + 1e-14 / gamma);
      }
  }
  call_close(&c);
}

/* In all inputs; the sums may leave equal totals, which are evened out. */
static void steps_are_differentiable(void **state) {
  (void)state;
  entropic e;
  entropic_open(&e);
  for (int k = 0; k < 5; k++) {
    const int64_t size = tw_size_of(e.in[k]);
    double j[M * N * M * N], column[M * N];
    call jacobian = call_open("entropic", 5, e.in, tw_jacobian(e.p, e.in[k]));
    for (int i = 1; i < 9; i += i % 3 == 2 ? 2 : 1) {
      entropic_point(&e, i);
      call_at(&jacobian, (const double *const *)e.value, j);
      for (int64_t b = 0; b < size; b++) {
        call_difference(&e.call, e.value, k, b, 1e-5, column);
        for (int a = 0; a < M * N; a++) assert_close(j[a * size + b], column[a], 1e-7);
      }
    }
    call_close(&jacobian);
  }
  call_close(&e.call);
}

/* ------------------------------------------------------------------ potentials */

/* W of several magnitudes, of at least `blocks` parts, some of them a row or a column without entries. */
static void draw_weights(int64_t m, int64_t n, int64_t blocks, double spread, uint64_t key, double *w) {
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      const bool in = i % blocks == j % blocks && i % 7 != 6 && uniform(key, 5000 + i * n + j) < 0.8;
      w[i * n + j] = in ? exp(spread * normal(key, i * n + j)) : 0;
    }
}

/* K v. */
static void apply(int64_t m, int64_t n, const double *w, const double *v, double *out) {
  for (int64_t k = 0; k < m + n; k++) out[k] = 0;
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      const double flow = w[i * n + j] * (v[i] + v[m + j]);
      out[i] += flow, out[m + j] += flow;
    }
}

static double largest_of(int64_t n, const double *x, const double *y) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(x[i] - (y ? y[i] : 0)));
  return most;
}

/* Penrose's equations on vectors: K+ K y = y where y = K+ x, K K+ (K x) = K x, and (x, K+ y) = (K+ x, y). */
static void potentials_are_pseudo_inverses(void **state) {
  (void)state;
  const struct {
    int64_t m, n, blocks;
    double spread, tolerance;
  } cases[] = {{1, 1, 1, 1, 1e-14}, {1, 6, 1, 1, 1e-13}, {6, 1, 1, 1, 1e-13}, {5, 9, 1, 0.5, 1e-12}, {12, 4, 1, 1, 1e-11},
               {9, 9, 2, 1, 1e-11},  {20, 8, 3, 1, 1e-10}, {8, 23, 4, 1, 1e-10}, {5, 4, 1, 4, 1e-5}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    enum { MOST = 40 };
    const int64_t m = cases[k].m, n = cases[k].n, order = m + n;
    double w[MOST * MOST], x[MOST], y[MOST], kx[MOST], ky[MOST], v[MOST], u[MOST], left = 0, right = 0;
    assert_true(order <= MOST);
    const tw_expr in[2] = {tw_input(graph, "w", TW_F64, TW_SHAPE(m, n)), tw_input(graph, "rs", TW_F64, TW_SHAPE(order))};
    call c = call_open("potentials", 2, in, tw_transport_potentials(in[0], in[1]));
    for (uint64_t key = 0; key < 20; key++) {
      draw_weights(m, n, cases[k].blocks, cases[k].spread, key, w);
      for (int64_t i = 0; i < order; i++) x[i] = normal(key, 9000 + i), y[i] = normal(key, 9500 + i);
      call_at(&c, (const double *const[]){w, x}, v);
      call_at(&c, (const double *const[]){w, y}, u);
      for (int64_t i = 0; i < order; i++) left += x[i] * u[i], right += v[i] * y[i];
      assert_close(left, right, cases[k].tolerance * (1 + fabs(left)));
      apply(m, n, w, v, kx);
      call_at(&c, (const double *const[]){w, kx}, u);
      assert_close(largest_of(order, u, v), 0, cases[k].tolerance * (1 + largest_of(order, v, NULL)));
      apply(m, n, w, x, kx);
      call_at(&c, (const double *const[]){w, kx}, u);
      apply(m, n, w, u, ky);
      assert_close(largest_of(order, ky, kx), 0, cases[k].tolerance * (1 + largest_of(order, kx, NULL)));
    }
    call_close(&c);
  }
}

/* ------------------------------------------------------------------ parameters */

static void parameters(void **state) {
  (void)state;
  const tw_domain square = tw_domain_make(graph, tw_domain_find("birkhoff"), TW_SHAPE(2, 3), 0, NULL);
  assert_null(square.kind);
  assert_int_equal(tw_graph_status(graph), TW_ERR_SHAPE);
  tw_graph_clear(graph);
  const tw_domain negative =
      tw_domain_make(graph, tw_domain_find("transport"), TW_SHAPE(2, 2), 2, (tw_expr[]){tw_scalar(graph, -1), tw_scalar(graph, 1)});
  assert_null(negative.kind);
  assert_int_equal(tw_graph_status(graph), TW_ERR_RANGE);
  tw_graph_clear(graph);
  /* 2 x 2, rows 1.1, columns 0.9: 1 each is nearest. */
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(2, 2));
  call c = call_open("uneven", 1, &x, tw_project(transport(2, 2, tw_scalar(graph, 1.1), tw_scalar(graph, 0.9)), x));
  double p[4];
  call_on(&c, (double[]){0.3, 0.1, 0.2, 0.7}, p);
  sums_hold(2, 2, p, (double[]){1, 1}, (double[]){1, 1}, 1e-15);
  call_close(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_graph, close_graph)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(large_tables), TEST(steps_are_optimal), TEST(sharp_steps_are_optimal), TEST(steps_are_differentiable),
      TEST(potentials_are_pseudo_inverses), TEST(parameters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
