/* Mirror steps: argmin over the set of eta g'z + D(z, x), against random points and the condition of
 * optimality. */
#include "sets.h"

enum { N = 5 };

/* Generalised Kullback-Leibler divergence of z from x. */
static double divergence(const double *z, const double *x) {
  double sum = 0;
  for (int i = 0; i < N; i++) sum += (z[i] > 0 ? z[i] * log(z[i] / x[i]) : 0) - z[i] + x[i];
  return sum;
}

static double model(const double *z, const double *x, const double *g, double eta) {
  return eta * dot(g, z, N) + divergence(z, x);
}

static const set_case cases[] = {{"nonneg", S1(N), 0, {SCALAR(0)}, box_outside, box_draw, true},
                                 {"simplex", S1(N), 1, {SCALAR(3)}, simplex_outside, simplex_draw, true}};

typedef struct mirror {
  tw_graph *graph;
  call call;
} mirror;

static mirror mirror_open(const set_case *c) {
  mirror m = {.graph = tw_graph_new()};
  const tw_domain_kind *kind = tw_domain_find(c->kind);
  assert_non_null(kind->mirror_step);
  const tw_expr in[3] = {tw_input(m.graph, "x", TW_F64, TW_SHAPE(N)),
                         tw_input(m.graph, "g", TW_F64, TW_SHAPE(N)),
                         tw_input(m.graph, "eta", TW_F64, TW_SCALAR)};
  const tw_expr size = tw_scalar(m.graph, c->param[0].v[0]);
  const tw_domain d = tw_domain_make(m.graph, kind, TW_SHAPE(N), c->n_params, &size);
  m.call = call_open(c->kind, 3, in, kind->mirror_step(in[0], in[1], in[2], d.param));
  return m;
}

static void mirror_close(mirror *m) {
  call_close(&m->call);
  tw_graph_free(m->graph);
}

/* A point inside: of the simplex, or anywhere above 0. */
static void inside(const set_case *c, uint64_t key, double *x) {
  for (int i = 0; i < N; i++) x[i] = 0.1 + uniform(key, i);
  const double sum = sum_of(x, N);
  for (int i = 0; c->n_params && i < N; i++) x[i] *= c->param[0].v[0] / sum;
}

static void steps_are_optimal(void **state) {
  (void)state;
  for (int k = 0; k < 2; k++) {
    const set_case *c = &cases[k];
    mirror m = mirror_open(c);
    for (int i = 0; i < 40; i++) {
      double x[N], g[N], z[N], p[N], eta = i % 4 ? 0.1 * (double)(i % 4) : 3;
      inside(c, (uint64_t)i, x);
      for (int j = 0; j < N; j++) g[j] = normal((uint64_t)i, j);
      call_at(&m.call, (const double *const[]){x, g, &eta}, p);
      assert_true(c->outside(c, p) <= 1e-14);
      for (int j = 0; j < 20; j++) {
        if (j % 2)
          c->draw(c, (uint64_t)(20 * i + j), z);
        else
          inside(c, (uint64_t)(20 * i + j), z);
        assert_true(model(p, x, g, eta) <= model(z, x, g, eta) + 1e-13);
      }
      /* log(p / x) + eta g is 0, on the simplex the same for all coordinates */
      const double level = c->n_params ? log(p[0] / x[0]) + eta * g[0] : 0;
      for (int j = 0; j < N; j++) assert_close(log(p[j] / x[j]) + eta * g[j], level, 1e-13);
    }
    mirror_close(&m);
  }
}

static void limits(void **state) {
  (void)state;
  for (int k = 0; k < 2; k++) {
    mirror m = mirror_open(&cases[k]);
    double x[N], g[N] = {1, -2, 3, -400, 5}, p[N], eta = 0;
    inside(&cases[k], 1, x);
    call_at(&m.call, (const double *const[]){x, g, &eta}, p);
    assert_true(distance(p, x, N) <= 1e-15);
    x[1] = 0; /* stays on its face */
    eta = 1e-3;
    call_at(&m.call, (const double *const[]){x, g, &eta}, p);
    assert_true(p[1] == 0 && p[0] > 0);
    if (k == 1) { /* no overflow: all moves to the smallest gradient */
      eta = 1e4;
      call_at(&m.call, (const double *const[]){x, g, &eta}, p);
      for (int j = 0; j < N; j++) assert_close(p[j], j == 3 ? 3 : 0, 1e-15);
    }
    mirror_close(&m);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(steps_are_optimal), cmocka_unit_test(limits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
