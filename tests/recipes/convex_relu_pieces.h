/* The pieces of convex-relu by their definitions: patterns, operators, linear systems, proximal operators. */
#ifndef TALWEG_TESTS_RECIPES_CONVEX_RELU_H
#define TALWEG_TESTS_RECIPES_CONVEX_RELU_H

#include "test.h"

#include "fit.h"

static void random_fill(uint64_t key, int64_t n, double *x) { tw_random_normal_fill(key, 0, (size_t)n, x); }

/* ------------------------------------------------------------------ patterns */

static void assert_distinct(const patterns *set) {
  for (int64_t i = 0; i < set->p; i++)
    for (int64_t j = 0; j < i; j++)
      assert_int_not_equal(memcmp(set->mask + i * set->n, set->mask + j * set->n, (size_t)set->n * sizeof(double)), 0);
}

static bool contains(const patterns *set, const double *a) {
  for (int64_t i = 0; i < set->p; i++) {
    bool same = true;
    for (int64_t k = 0; k < set->n && same; k++) same = (a[k] >= 0) == (set->mask[i * set->n + k] == 1);
    if (same) return true;
  }
  return false;
}

/* In general position there are as many as Cover counts; what 20000 random h give is among them, and most of it. */
static void all_patterns(void **state) {
  (void)state;
  static const int64_t sizes[][2] = {{30, 2}, {12, 1}, {9, 3}, {14, 3}, {8, 4}, {6, 5}, {3, 4}, {1, 2}};
  for (size_t c = 0; c < sizeof sizes / sizeof *sizes; c++) {
    const int64_t n = sizes[c][0], d = sizes[c][1];
    double x[128], h[8], a[64];
    tw_error error = {0};
    patterns set = {0}, sampled = {0};
    random_fill(40 + c, n * d, x);
    for (int64_t k = 0; k < n && d == 2; k++) x[2 * k + 1] = 1;
    assert_ok(patterns_enumerate(&set, n, d, x, &error));
    assert_int_equal(set.p, (int64_t)patterns_bound(n, d < n ? d : n));
    assert_distinct(&set);
    for (uint64_t t = 0; t < 20000; t++) {
      random_fill(tw_key_split(c, t), d, h);
      for (int64_t k = 0; k < n; k++) {
        a[k] = 0;
        for (int64_t j = 0; j < d; j++) a[k] += x[k * d + j] * h[j];
      }
      assert_ok(patterns_add(&sampled, n, a, NULL, &error));
    }
    assert_true(sampled.p <= set.p && 4 * sampled.p >= 3 * set.p);
    for (int64_t i = 0; i < sampled.p; i++) {
      for (int64_t k = 0; k < n; k++) a[k] = 2 * sampled.mask[i * n + k] - 1;
      assert_true(contains(&set, a));
    }
    patterns_free(&set);
    patterns_free(&sampled);
  }
}

/* Equal, opposite and zero rows, and rows of lower rank, change nothing but what they add to every pattern. */
static void degenerate_patterns(void **state) {
  (void)state;
  double x[8 * 4], y[5 * 3];
  tw_error error = {0};
  patterns set = {0};
  random_fill(3, 15, y);
  for (int k = 0; k < 8; k++) { /* y_0 .. y_4, -2 y_1, y_3, 0, in a plane of R^4 of rank 3 */
    static const int from[] = {0, 1, 2, 3, 4, 1, 3, 0};
    static const double factor[] = {1, 1, 1, 1, 1, -2, 1, 0};
    for (int j = 0; j < 3; j++) x[4 * k + j] = factor[k] * y[3 * from[k] + j];
    x[4 * k + 3] = x[4 * k] - 2 * x[4 * k + 1];
  }
  assert_ok(patterns_enumerate(&set, 8, 4, x, &error));
  assert_int_equal(set.p, (int64_t)patterns_bound(5, 3));
  assert_distinct(&set);
  for (int64_t i = 0; i < set.p; i++) {
    const double *m = set.mask + 8 * i;
    assert_true(m[5] == 1 - m[1] && m[6] == m[3] && m[7] == 1);
  }
  patterns_free(&set);
  double *wide = tw_alloc(200 * 9, sizeof *wide);
  random_fill(5, 200 * 9, wide);
  assert_fails(patterns_enumerate(&set, 200, 9, wide, &error), TW_ERR_UNSUPPORTED, "sample them");
  patterns_free(&set);
  free(wide);
}

static void sampled_patterns(void **state) {
  (void)state;
  double x[40 * 3];
  tw_error error = {0};
  patterns one = {0}, again = {0}, few = {0};
  random_fill(9, 120, x);
  const sampling how = {.wanted = 30, .seed = 4, .whole = true, .reach = 0.2, .p = 2, .features = 2, .perturbed = 2};
  assert_ok(patterns_sample(&one, 40, 3, x, &how, &error));
  assert_ok(patterns_sample(&again, 40, 3, x, &how, &error));
  assert_int_equal(one.p, 30);
  assert_memory_equal(one.mask, again.mask, (size_t)(one.p * one.n) * sizeof(double));
  assert_distinct(&one);
  for (int64_t k = 0; k < 40; k++) assert_true(one.mask[k] == 1);
  assert_ok(patterns_sample(&few, 2, 3, x, &(sampling){.wanted = 30, .seed = 4}, &error)); /* there are no more than 4 */
  assert_int_equal(few.p, 4);
  patterns_free(&one);
  patterns_free(&again);
  patterns_free(&few);
}

/* ------------------------------------------------------------------ operators and the linear system */

typedef struct instance {
  table t;
  patterns set;
  operators o;
} instance;

static void open_instance(instance *s, int64_t n, int64_t d, int64_t p, bool classes) {
  tw_error error = {0};
  *s = (instance){
      .t = {.x = tw_alloc((size_t)(n * d), sizeof(double)), .y = tw_alloc((size_t)n, sizeof(double)), .scale = 1, .classes = classes}};
  random_fill(70, n * d, s->t.x);
  random_fill(71, n, s->t.y);
  for (int64_t k = 0; k < n; k++) s->t.x[k * d + d - 1] = 1;
  for (int64_t k = 0; k < n && classes; k++) s->t.y[k] = s->t.x[k * d] * s->t.x[k * d] + 0.3 * s->t.y[k] > 0.6 ? 1 : -1;
  s->t.train = (design){n, d, d - 1, s->t.x, s->t.y};
  assert_ok(patterns_sample(&s->set, n, d, s->t.x, &(sampling){.wanted = p, .seed = 2, .whole = true}, &error));
  assert_ok(operators_open(&s->o, &s->t.train, &s->set, &error));
}

static void close_instance(instance *s) {
  operators_close(&s->o);
  patterns_free(&s->set);
  table_free(&s->t);
}

/* F and G by their definition, row by row; transposes are adjoint. */
static void structured_operators(void **state) {
  (void)state;
  enum { N = 11, D = 4, P = 5, U = 2 * P * D, S = 2 * P * N };
  instance s;
  double u[U], fu[N], gu[S], ru[N * D], g[N], m[S], r[N * D], back[U];
  open_instance(&s, N, D, P, false);
  random_fill(1, U, u);
  random_fill(2, N, g);
  random_fill(3, S, m);
  random_fill(4, N * D, r);
  apply_f(&s.o, u, fu);
  apply_g(&s.o, u, gu);
  apply_r(&s.o, u, ru);
  for (int64_t k = 0; k < N; k++) {
    double sum = 0;
    for (int64_t b = 0; b < 2 * P; b++) {
      const double xu = dot(D, s.t.x + k * D, u + b * D), active = mask_of(&s.o, b)[k];
      assert_close(gu[b * N + k], (2 * active - 1) * xu, 1e-14);
      sum += (b < P ? 1 : -1) * active * xu;
    }
    assert_close(fu[k], sum, 1e-13);
    assert_close(dot(D, s.t.x + k * D, ru + k * D), sum, 1e-13);
  }
  apply_f_transposed(&s.o, g, back);
  assert_close(dot(N, g, fu), dot(U, back, u), 1e-13);
  apply_g_transposed(&s.o, m, back);
  assert_close(dot(S, m, gu), dot(U, back, u), 1e-13);
  apply_r_transposed(&s.o, r, back);
  assert_close(dot(N * D, r, ru), dot(U, back, u), 1e-13);
  close_instance(&s);
}

/* What each form of the system solves, put into its definition. */
static void systems_solve(void **state) {
  (void)state;
  enum { N = 17, D = 3, P = 8, U = 2 * P * D };
  instance s;
  tw_error error = {0};
  double r[U], u[U], fu[N], gu[2 * P * N], ru[N * D], f[U], g[U], j[U];
  open_instance(&s, N, D, P, false);
  random_fill(5, U, r);
  for (int robust = 0; robust < 2; robust++)
    for (int kind = BY_ROWS; kind < SYSTEMS; kind++) {
      const double kappa = 7, eps = robust ? 0.3 : 0, whole = 1 + N * eps * eps;
      normal_system system;
      if (kind == BY_ROWS && robust) continue;
      assert_ok(normal_open(&system, &s.o, (system_kind)kind, kappa, robust, eps, &error));
      memset(u, 0, sizeof u);
      assert_ok(normal_solve(&system, r, u, &error));
      apply_f(&s.o, u, fu);
      apply_f_transposed(&s.o, fu, f);
      apply_g(&s.o, u, gu);
      apply_r(&s.o, u, ru);
      for (int64_t k = 0; k < N; k++) ru[k * D + D - 1] = 0;
      apply_r_transposed(&s.o, ru, j);
      for (int64_t b = 0; b < 2 * P && robust; b++) { /* t eliminated: less eps^2 / (1 + n eps^2) times 1'G_b u */
        double sum = 0;
        for (int64_t k = 0; k < N; k++) sum += gu[b * N + k];
        for (int64_t k = 0; k < N; k++) gu[b * N + k] -= eps * eps / whole * sum;
      }
      apply_g_transposed(&s.o, gu, g);
      for (int64_t i = 0; i < U; i++)
        assert_close(u[i] + g[i] + kappa * f[i] + (robust ? j[i] + (i % D < D - 1 ? u[i] : 0) : 0), r[i], 1e-9);
      normal_close(&system);
    }
  close_instance(&s);
}

/* ------------------------------------------------------------------ proximal operators */

static double prox_value(loss_kind kind, double y, double rho, const double *z0, double z, double b) {
  return loss_at(kind, 3, y, z, b) + 0.5 * rho * (pow(z - z0[0], 2) + pow(b - z0[1], 2));
}

/* No point near or far is better. The squared loss counts b where |z - y| + b >= 0 alone, where the adversary's b is. */
static void proxes_are_minimal(void **state) {
  (void)state;
  for (int kind = 0; kind < LOSSES; kind++)
    for (int i = 0; i < 200; i++) {
      double at[2], p[2];
      random_fill(tw_key_split(31, (uint64_t)i), 2, at);
      const double y = kind == LOSS_SQUARED ? 0.3 : i % 2 ? 1 : -1, rho = pow(10, i % 4 - 2);
      const bool robust = i % 3;
      at[0] *= 3;
      if (!robust) at[1] = 0;
      memcpy(p, at, sizeof p);
      loss_prox((loss_kind)kind, 1, &y, rho * 3, &p[0], robust ? &p[1] : NULL); /* n = 1: weights of n = 3 by three times rho */
      if (kind == LOSS_SQUARED) {
        memcpy(p, at, sizeof p);
        loss_prox(LOSS_SQUARED, 1, &y, rho, &p[0], robust ? &p[1] : NULL);
        if (fabs(p[0] - y) + p[1] < 0) continue;
      }
      const double best = prox_value((loss_kind)kind, y, rho, at, p[0], p[1]);
      for (int j = 0; j < 60; j++) {
        double step[2];
        random_fill(tw_key_split(77, (uint64_t)(60 * i + j)), 2, step);
        const double length = pow(10, -(j % 6)), z = p[0] + length * step[0], b = robust ? p[1] + length * step[1] : 0;
        if (kind == LOSS_SQUARED && fabs(z - y) + b < 0) continue;
        const double other = prox_value((loss_kind)kind, y, rho, at, z, b);
        if (!(best <= other + 1e-12 * (1 + fabs(other)))) fail_msg("%s, %d, %d: %.12g > %.12g", loss_names[kind], i, j, best, other);
      }
    }
}

/* Feasible, and by Moreau x - p is in the polar cone and orthogonal to p: for cones that is the nearest point. */
static void epigraph_projections(void **state) {
  (void)state;
  enum { ROWS = 60, COLS = 6 };
  static const double exponents[] = {1, 1.5, 2, 3, INFINITY};
  double x[ROWS * COLS], p[ROWS * COLS];
  tw_error error = {0};
  for (int e = 0; e < 5; e++) {
    const double q = exponents[e];
    epigraph cone;
    random_fill(8, ROWS * COLS, x);
    for (int r = 0; r < ROWS; r++) x[r * COLS + COLS - 1] *= r % 3 == 0 ? 4 : 1;
    for (int r = 0; r < ROWS; r += 7) x[r * COLS] = 0;
    assert_ok(epigraph_open(&cone, ROWS, COLS, q, &error));
    assert_ok(epigraph_project(&cone, x, p, &error));
    for (int r = 0; r < ROWS; r++) {
      double rest[COLS];
      const double *pr = p + r * COLS;
      for (int j = 0; j < COLS; j++) rest[j] = x[r * COLS + j] - pr[j];
      assert_true(norm_of(q, COLS - 1, pr) <= pr[COLS - 1] + 1e-9);
      assert_true(norm_of(dual_exponent(q), COLS - 1, rest) <= -rest[COLS - 1] + 1e-9);
      assert_true(fabs(dot(COLS, pr, rest)) <= 1e-8);
    }
    epigraph_close(&cone);
  }
}

#endif
