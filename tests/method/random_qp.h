/* Random convex programs whose solution is known: x, y, z are drawn first, limits and costs then made to fit. */
#ifndef TALWEG_TEST_RANDOM_QP_H
#define TALWEG_TEST_RANDOM_QP_H

#include "linear/csc.h"
#include "method/program/qp.h"
#include "test.h"

typedef struct random_qp {
  tw_qp qp;
  double *x, *y, *z;
} random_qp;

static uint64_t random_state;

static inline double uniform(void) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (double)(random_state >> 11) * 0x1p-53;
}
static inline double signed_uniform(void) { return 2 * uniform() - 1; }
static inline int64_t below(int64_t n) { return (int64_t)(uniform() * (double)n); }

typedef struct entries {
  int64_t n, row[20000], col[20000];
  double value[20000];
} entries;

static inline void put(entries *e, int64_t i, int64_t j, double v) {
  e->row[e->n] = i, e->col[e->n] = j, e->value[e->n++] = v;
}

/* Rows of 1 to 6 entries; some empty, some with one entry, some copies of others. */
static inline void random_rows(entries *e, int64_t m, int64_t n) {
  for (int64_t i = 0; i < m; i++) {
    const int64_t first = e->n, kind = below(12);
    if (kind == 0) continue;
    if (kind == 1 && i > 0) { /* a multiple of the row before */
      for (int64_t k = 0; k < first; k++)
        if (e->row[k] == i - 1) put(e, i, e->col[k], -2 * e->value[k]);
      continue;
    }
    const int64_t length = kind < 4 ? 1 : 2 + below(5);
    for (int64_t k = 0; k < length; k++) {
      bool again = false;
      const int64_t j = below(n);
      for (int64_t p = first; p < e->n; p++) again |= e->col[p] == j;
      if (!again) put(e, i, j, signed_uniform() * 4);
    }
  }
}

/* Limits around v with a multiplier: equal, none, one, two, pressing or not. */
static inline double random_limits(double v, bool may_fix, double *l, double *u) {
  const int64_t kind = below(may_fix ? 7 : 6);
  *l = -INFINITY, *u = INFINITY;
  if (kind == 6) *l = *u = v;
  if (kind == 6) return signed_uniform();
  if (kind == 1 || kind == 3) *l = v - uniform();
  if (kind == 2 || kind == 3) *u = v + uniform();
  if (kind == 4) *l = v, *u = uniform() < 0.5 ? INFINITY : v + 1;
  if (kind == 5) *u = v, *l = uniform() < 0.5 ? -INFINITY : v - 1;
  const double size = uniform() < 0.2 ? 0 : uniform(); /* sometimes degenerate */
  return kind == 4 ? -size : kind == 5 ? size : 0;
}

/* P = sum of a few squares of sparse rows, and a diagonal on some variables. */
static inline void random_curvature(entries *e, int64_t n) {
  for (int64_t r = 0; r < n / 3; r++) {
    const int64_t i = below(n), j = below(n);
    const double a = signed_uniform(), b = signed_uniform();
    put(e, i, i, a * a);
    if (i != j) put(e, j, j, b * b), put(e, i > j ? i : j, i > j ? j : i, a * b);
  }
}

/* Limits for the planted x, and costs for the planted y, z. */
static inline void plant_limits(random_qp *r) {
  tw_qp *qp = &r->qp;
  double *ax = calloc((size_t)qp->m + 1, sizeof(double));
  for (int64_t j = 0; j < qp->n; j++) r->x[j] = signed_uniform() * 3;
  tw_qp_add_a(qp, 1, r->x, ax);
  for (int64_t j = 0; j < qp->n; j++) r->z[j] = random_limits(r->x[j], true, &qp->lower[j], &qp->upper[j]);
  for (int64_t i = 0; i < qp->m; i++) r->y[i] = random_limits(ax[i], true, &qp->row_lower[i], &qp->row_upper[i]);
  free(ax);
}

static inline void plant_costs(random_qp *r) {
  tw_qp *qp = &r->qp;
  vec_zero(qp->n, qp->q);
  tw_qp_add_p(qp, -1, r->x, qp->q);
  tw_qp_add_at(qp, -1, r->y, qp->q);
  for (int64_t j = 0; j < qp->n; j++) qp->q[j] -= r->z[j];
}

static inline random_qp random_program_of(int64_t n, int64_t m, const entries *a, const entries *p) {
  tw_error error;
  random_qp r = {.x = calloc((size_t)n, sizeof(double)), .z = calloc((size_t)n, sizeof(double))};
  r.y = calloc((size_t)m + 1, sizeof(double));
  assert_ok(tw_qp_new(&r.qp, n, m, 0, 0, &error));
  tw_csc_free(&r.qp.a), tw_csc_free(&r.qp.p);
  assert_ok(tw_csc_from_triplets(&r.qp.a, m, n, a->n, a->row, a->col, a->value, &error));
  assert_ok(tw_csc_from_triplets(&r.qp.p, n, n, p->n, p->row, p->col, p->value, &error));
  plant_limits(&r);
  plant_costs(&r);
  return r;
}

static inline random_qp random_program(uint64_t seed, int64_t n, int64_t m, bool quadratic) {
  static entries a, p;
  random_state = seed * 2654435761u + 1;
  a.n = p.n = 0;
  random_rows(&a, m, n);
  if (quadratic) random_curvature(&p, n);
  return random_program_of(n, m, &a, &p);
}

/* The same with what presolve looks for: many equations of two entries, chains of them too, columns that are multiples of each other, with
 * costs that are and are not, and bounds that rows imply. */
static inline random_qp random_structured(uint64_t seed, int64_t n, int64_t m, bool quadratic) {
  static entries a, p, twins;
  random_state = seed * 2654435761u + 7;
  a.n = p.n = twins.n = 0;
  random_rows(&a, m / 2, n);
  for (int64_t i = m / 2; i < m; i++) {
    const int64_t j = below(n), k = uniform() < 0.5 ? (j + 1) % n : below(n);
    put(&a, i, j, 1 + (double)below(3));
    if (k != j) put(&a, i, k, uniform() < 0.5 ? -1 : signed_uniform() * 4);
  }
  if (quadratic) random_curvature(&p, n);
  double *factor = calloc((size_t)n, sizeof *factor); /* column j is that times column j - 1; not where there is curvature */
  for (int64_t j = 1; j < n; j += 2 + below(4)) factor[j] = uniform() < 0.5 ? 2 : -0.5;
  for (int64_t k = 0; k < p.n; k++) factor[p.row[k]] = factor[p.col[k]] = 0;
  for (int64_t k = 0; k < a.n; k++)
    if (factor[a.col[k]] == 0) put(&twins, a.row[k], a.col[k], a.value[k]);
  for (int64_t k = 0; k < a.n; k++)
    if (a.col[k] + 1 < n && factor[a.col[k] + 1] != 0 && factor[a.col[k]] == 0)
      put(&twins, a.row[k], a.col[k] + 1, factor[a.col[k] + 1] * a.value[k]);
  random_qp r = random_program_of(n, m, &twins, &p);
  double *ax = calloc((size_t)m + 1, sizeof *ax);
  tw_qp_add_a(&r.qp, 1, r.x, ax);
  for (int64_t i = m / 2; i < m; i++)
    if (uniform() < 0.8) r.qp.row_lower[i] = r.qp.row_upper[i] = ax[i], r.y[i] = signed_uniform();
  for (int64_t j = 1; j < n; j++)
    if (factor[j] != 0 && uniform() < 0.6) { /* at bounds together or not at all */
      r.qp.lower[j - 1] = r.x[j - 1] - 1, r.qp.upper[j - 1] = r.x[j - 1] + 2, r.z[j - 1] = 0;
      r.qp.lower[j] = r.x[j], r.qp.upper[j] = uniform() < 0.5 ? INFINITY : r.x[j] + 1, r.z[j] = 0;
    }
  plant_costs(&r);
  free(ax), free(factor);
  return r;
}

static inline void random_free(random_qp *r) {
  tw_qp_free(&r->qp);
  free(r->x), free(r->y), free(r->z);
}

#endif
