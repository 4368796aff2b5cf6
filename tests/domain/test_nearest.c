/* Projections against other ways to the nearest point: polyhedra by trying all sets of active constraints,
 * curves in the plane by a fine grid, cones and matrices by their optimality conditions. */
#include "sets.h"

/* ------------------------------------------------------------------ polyhedra */

enum { ROWS_MOST = 24, N_MOST = 6 };

typedef struct polyhedron { /* row'z = rhs for the first `equalities` rows, row'z <= rhs for the others */
  int64_t n;
  int equalities, rows;
  double row[ROWS_MOST][N_MOST], rhs[ROWS_MOST];
} polyhedron;

static double *add_row(polyhedron *p, double rhs) {
  assert_true(p->rows < ROWS_MOST);
  p->rhs[p->rows] = rhs;
  memset(p->row[p->rows], 0, sizeof p->row[0]);
  return p->row[p->rows++];
}

static void add_bounds(polyhedron *p, int64_t i, double low, double high) {
  if (isfinite(low)) add_row(p, -low)[i] = -1;
  if (isfinite(high)) add_row(p, high)[i] = 1;
}

static bool is(const set_case *c, const char *kind) {
  return strcmp(c->kind, kind) == 0;
}

static const double *section_weights(const set_case *c) {
  static double w[N_MOST];
  for (int64_t i = 0; i < case_size(c); i++) w[i] = param_at(c, 2, i, 0);
  return w;
}

/* Of a permutahedron's k largest weights. */
static double sum_of_largest(const set_case *c, int64_t k) {
  double w[N_MOST];
  for (int64_t i = 0; i < case_size(c); i++) w[i] = param_at(c, 0, i, 0);
  sort_descending(w, case_size(c));
  return sum_of(w, k);
}

static void add_equalities(polyhedron *p, const set_case *c) {
  const int64_t n = p->n, m = is(c, "affine") ? c->param[0].dim[0] : is(c, "hyperplane");
  for (int64_t k = 0; k < m; k++) {
    double *row = add_row(p, param_at(c, 1, k, 0));
    for (int64_t i = 0; i < n; i++) row[i] = param_at(c, 0, k * n + i, 0);
  }
  for (int64_t k = 0; is(c, "polyhedron") && k < c->param[0].dim[0]; k++) {
    if (param_at(c, 1, k, 0) != param_at(c, 2, k, 0)) continue;
    memcpy(add_row(p, param_at(c, 1, k, 0)), c->param[0].v + k * n, (size_t)n * sizeof(double));
  }
  if (is(c, "transport") || is(c, "birkhoff")) {
    const int64_t rows = c->dim[0], cols = c->dim[1];
    for (int64_t k = 0; k < rows + cols; k++) {
      double *row = add_row(p, k < rows ? param_at(c, 0, k, 1) : param_at(c, 1, k - rows, 1));
      for (int64_t i = 0; i < n; i++) row[i] = (k < rows ? i / cols == k : i % cols == k - rows);
    }
  }
  if (is(c, "simplex") || is(c, "capped_simplex")) {
    double *row = add_row(p, param_at(c, is(c, "simplex") ? 0 : 2, 0, 1));
    for (int64_t i = 0; i < n; i++) row[i] = 1;
  }
  if (is(c, "box_section")) memcpy(add_row(p, param_at(c, 3, 0, 0)), section_weights(c), (size_t)n * sizeof(double));
  if (is(c, "permutahedron")) {
    double *row = add_row(p, sum_of_largest(c, n));
    for (int64_t i = 0; i < n; i++) row[i] = 1;
  }
  p->equalities = p->rows;
}

static void add_inequalities(polyhedron *p, const set_case *c) {
  const int64_t n = p->n;
  if (is(c, "halfspace")) {
    double *row = add_row(p, param_at(c, 1, 0, 0));
    for (int64_t i = 0; i < n; i++) row[i] = param_at(c, 0, i, 0);
  }
  for (int signs = 0; is(c, "l1_ball") && signs < 1 << n; signs++) {
    double *row = add_row(p, param_at(c, 0, 0, 1));
    for (int64_t i = 0; i < n; i++) row[i] = signs >> i & 1 ? -1 : 1;
  }
  for (int signs = 0; is(c, "l1_epigraph") && signs < 1 << (n - 1); signs++) {
    double *row = add_row(p, 0);
    for (int64_t i = 0; i < n; i++) row[i] = i == n - 1 || signs >> i & 1 ? -1 : 1;
  }
  for (int64_t k = 0; is(c, "polyhedron") && k < c->param[0].dim[0]; k++) {
    const double low = param_at(c, 1, k, 0), high = param_at(c, 2, k, 0), *a = c->param[0].v + k * n;
    if (low != high && isfinite(high)) memcpy(add_row(p, high), a, (size_t)n * sizeof *a);
    double *row = low != high && isfinite(low) ? add_row(p, -low) : NULL;
    for (int64_t i = 0; row && i < n; i++) row[i] = -a[i];
  }
  for (int part = 1; is(c, "permutahedron") && part < (1 << n) - 1; part++) {
    int64_t k = 0;
    for (int64_t i = 0; i < n; i++) k += part >> i & 1;
    double *row = add_row(p, sum_of_largest(c, k));
    for (int64_t i = 0; i < n; i++) row[i] = part >> i & 1;
  }
  for (int64_t i = 0; is(c, "order_simplex") && i <= n; i++) {
    const double rhs = i == 0 ? -param_at(c, 0, 0, 0) : i == n ? param_at(c, 1, 0, 1) : 0;
    if (!isfinite(rhs)) continue;
    double *row = add_row(p, rhs);
    if (i > 0) row[i - 1] = 1;
    if (i < n) row[i] = -1;
  }
  for (int64_t i = 0; i < n; i++) {
    if (c->outside == box_outside) add_bounds(p, i, low_of(c, i), high_of(c, i));
    if (is(c, "simplex") || is(c, "transport") || is(c, "birkhoff")) add_bounds(p, i, 0, INFINITY);
    if (is(c, "capped_simplex") || is(c, "box_section")) add_bounds(p, i, param_at(c, 0, i, 0), param_at(c, 1, i, 0));
  }
}

/* The point nearest to x where the rows in `active` hold with equality, by orthonormal rows; dependent ones
 * are left out. */
static void on_active(const polyhedron *p, unsigned active, const double *x, double *z) {
  double q[ROWS_MOST][N_MOST], d[ROWS_MOST];
  int kept = 0;
  memcpy(z, x, (size_t)p->n * sizeof *z);
  for (int k = 0; k < p->rows; k++) {
    if (k >= p->equalities && !(active >> (k - p->equalities) & 1)) continue;
    memcpy(q[kept], p->row[k], sizeof q[0]);
    d[kept] = p->rhs[k];
    const double before = tw_vec_norm2(q[kept], (size_t)p->n);
    for (int j = 0; j < kept; j++) {
      const double along = dot(q[kept], q[j], p->n);
      for (int64_t i = 0; i < p->n; i++) q[kept][i] -= along * q[j][i];
      d[kept] -= along * d[j];
    }
    const double norm = tw_vec_norm2(q[kept], (size_t)p->n);
    if (norm <= 1e-12 * before) continue;
    for (int64_t i = 0; i < p->n; i++) q[kept][i] /= norm;
    d[kept++] /= norm;
  }
  for (int j = 0; j < kept; j++) {
    const double miss = dot(q[j], x, p->n) - d[j];
    for (int64_t i = 0; i < p->n; i++) z[i] -= miss * q[j][i];
  }
}

static bool inside(const polyhedron *p, const double *z) {
  for (int k = 0; k < p->rows; k++) {
    const double over = dot(p->row[k], z, p->n) - p->rhs[k];
    if ((k < p->equalities ? fabs(over) : over) > 1e-9) return false;
  }
  return true;
}

static void nearest_by_enumeration(const polyhedron *p, const double *x, double *best) {
  double least = INFINITY, z[N_MOST];
  for (unsigned active = 0; active < 1u << (p->rows - p->equalities); active++) {
    on_active(p, active, x, z);
    if (!inside(p, z) || !(distance(x, z, p->n) < least)) continue;
    least = distance(x, z, p->n);
    memcpy(best, z, (size_t)p->n * sizeof *z);
  }
  assert_true(isfinite(least));
}

static const set_case small_cases[] = {
    {"l1_ball", S1(3), 1, {SCALAR(1.5)}, NULL, l1_ball_draw, true},
    {"l1_ball", S1(2), 1, {SCALAR(0)}, NULL, l1_ball_draw, true},
    {"simplex", S1(4), 1, {SCALAR(3)}, NULL, simplex_draw, true},
    {"capped_simplex", S1(3), 3, {SCALAR(-INFINITY), V1(3, 1, 0.5, -1), SCALAR(-0.5)}, NULL, NULL, true},
    {"capped_simplex",
     S1(3),
     3,
     {V1(3, -INFINITY, 0, 0), V1(3, INFINITY, 1, 0), SCALAR(4)},
     NULL,
     NULL,
     true},
    {"capped_simplex", S1(3), 3, {SCALAR(-INFINITY), SCALAR(INFINITY), SCALAR(4)}, NULL, NULL, true},
};

static void check_polyhedron(const set_case *c) {
  projection q;
  polyhedron p = {.n = case_size(c)};
  double x[N_MOST], found[N_MOST], best[N_MOST];
  add_equalities(&p, c);
  add_inequalities(&p, c);
  projection_open(&q, c, false);
  for (int i = 0; i < 60; i++) {
    static const double scale[] = {0.3, 1, 3, 30};
    for (int64_t k = 0; k < p.n; k++) x[k] = scale[i % 4] * normal((uint64_t)i, k);
    for (int64_t k = 0; i % 5 == 4 && k < p.n; k++) x[k] = floor(x[k]);
    call_on(&q.call, x, found);
    nearest_by_enumeration(&p, x, best);
    if (!(distance(found, best, p.n) <= 1e-12 * (1 + size_inf(x, p.n))))
      fail_msg("%s, point %d: %.3g from the nearest point", q.label, i, distance(found, best, p.n));
  }
  projection_close(&q);
}

static void polyhedra(void **state) {
  (void)state;
  int checked = 0;
  for (int k = 0; k < SET_CASES; k++) {
    const set_case *c = &set_cases[k];
    const int rank = is(c, "transport") || is(c, "birkhoff") ? 2 : 1;
    if (!tw_domain_find(c->kind)->polyhedral || c->rank != rank || case_size(c) > N_MOST ||
        ((is(c, "l1_ball") || is(c, "l1_epigraph")) && case_size(c) > 3))
      continue;
    check_polyhedron(c);
    checked++;
  }
  for (size_t k = 0; k < sizeof small_cases / sizeof *small_cases; k++) check_polyhedron(&small_cases[k]);
  assert_true(checked >= 15);
}

/* ------------------------------------------------------------------ curves in the plane */

/* No point of a fine grid on the curve is nearer than the projection by more than the grid is coarse. */
static void curves(void **state) {
  (void)state;
  enum { GRID = 4000 };
  static const set_case cases[] = {{"sphere", S1(2), 1, {SCALAR(1.5)}, NULL, NULL, true},
                                   {"l1_sphere", S1(2), 1, {SCALAR(1.5)}, NULL, NULL, true}};
  for (int k = 0; k < 2; k++) {
    projection q;
    projection_open(&q, &cases[k], false);
    for (int i = 0; i < 40; i++) {
      double x[2] = {normal((uint64_t)i, 0), normal((uint64_t)i, 1)}, p[2], least = INFINITY;
      if (i % 4 == 3) x[0] = 0;
      if (i % 8 == 7) x[1] = 0;
      call_on(&q.call, x, p);
      for (int j = 0; j < GRID; j++) {
        const double angle = 2 * M_PI * j / GRID, u = cos(angle), v = sin(angle);
        const double radius = 1.5 / (k == 0 ? 1 : fabs(u) + fabs(v));
        least = fmin(least, distance(x, (double[2]){radius * u, radius * v}, 2));
      }
      if (!(distance(x, p, 2) <= least + 1e-14))
        fail_msg("%s, point %d: %.17g", q.label, i, distance(x, p, 2) - least);
      assert_true(least - distance(x, p, 2) < 1e-2);
    }
    projection_close(&q);
  }
}

/* Outside a ball p = x - lambda p with lambda >= 0 and |p| = r; inside p = x. */
static void balls(void **state) {
  (void)state;
  const set_case c = {"ball", S1(4), 1, {SCALAR(2)}, NULL, NULL, true};
  projection q;
  projection_open(&q, &c, false);
  for (int i = 0; i < 40; i++) {
    double x[4], p[4];
    for (int k = 0; k < 4; k++) x[k] = (i % 2 ? 3 : 0.5) * normal((uint64_t)i, k);
    call_on(&q.call, x, p);
    const double norm = tw_vec_norm2(x, 4), lambda = fmax(0, norm / 2 - 1);
    for (int k = 0; k < 4; k++) assert_close(p[k], x[k] - lambda * p[k], 1e-14);
    if (lambda > 0) assert_close(tw_vec_norm2(p, 4), 2, 1e-15);
  }
  projection_close(&q);
}

/* ------------------------------------------------------------------ matrices */

/* Moreau's decomposition: sym(x) = p - q with p and q positive semidefinite and <p, q> = 0. */
static void semidefinite_cone(void **state) {
  (void)state;
  enum { N = 4 };
  const set_case c = {"psd", S2(N, N), 0, {SCALAR(0)}, NULL, NULL, true};
  projection q;
  projection_open(&q, &c, false);
  for (int i = 0; i < 30; i++) {
    double x[N * N], p[N * N], rest[N * N], w[N];
    for (int k = 0; k < N * N; k++) x[k] = normal((uint64_t)i, k);
    for (int k = 0; i % 3 == 2 && k < N * N; k++)
      x[k] = k % (N + 1) ? 0 : k % 2 ? -1 : 1; /* repeated eigenvalues */
    call_on(&q.call, x, p);
    for (int r = 0; r < N; r++)
      for (int s = 0; s < N; s++) rest[r * N + s] = p[r * N + s] - (x[r * N + s] + x[s * N + r]) / 2;
    eigenvalues(N, p, w);
    assert_true(w[0] >= -1e-14);
    eigenvalues(N, rest, w);
    assert_true(w[0] >= -1e-14);
    assert_close(dot(p, rest, N * N), 0, 1e-13);
  }
  projection_close(&q);
}

/* x = p h with h symmetric positive semidefinite (wide matrices: x = h p). */
static void polar_factor(void **state) {
  (void)state;
  static const set_case cases[] = {{"stiefel", S2(5, 3), 0, {SCALAR(0)}, NULL, NULL, true},
                                   {"stiefel", S2(3, 5), 0, {SCALAR(0)}, NULL, NULL, true}};
  enum { K = 3, L = 5 };
  for (int wide = 0; wide < 2; wide++) {
    projection q;
    projection_open(&q, &cases[wide], false);
    for (int i = 0; i < 30; i++) {
      double x[K * L], p[K * L], h[K * K] = {0}, w[K];
      for (int k = 0; k < K * L; k++) x[k] = normal((uint64_t)i, k);
      call_on(&q.call, x, p);
      for (int r = 0; r < K; r++)
        for (int s = 0; s < K; s++)
          for (int t = 0; t < L; t++)
            h[r * K + s] += wide ? x[r * L + t] * p[s * L + t] : p[t * K + r] * x[t * K + s];
      for (int r = 0; r < K; r++)
        for (int s = 0; s < r; s++) assert_close(h[r * K + s], h[s * K + r], 1e-13);
      eigenvalues(K, h, w);
      assert_true(w[0] >= -1e-14);
    }
    projection_close(&q);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(polyhedra),         cmocka_unit_test(curves),       cmocka_unit_test(balls),
      cmocka_unit_test(semidefinite_cone), cmocka_unit_test(polar_factor),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
