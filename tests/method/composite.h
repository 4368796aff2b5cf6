/* Least squares 1/2 |A x - b|^2 plus a regularizer or over a set, as oracles with projections, proxes and
 * mirror steps. */
#ifndef TALWEG_TESTS_METHOD_COMPOSITE_H
#define TALWEG_TESTS_METHOD_COMPOSITE_H

#include "functions.h"

typedef struct composite {
  int64_t rows, n;
  double *a, *b; /* rows x n row-major; rows */
  double *r;     /* rows: scratch */
  double weight; /* of the regularizer; size of the set */
  double (*penalty)(const double *x, int64_t n, double weight);
  void (*prox)(const double *z, int64_t n, double eta_weight, double *out);
  void (*project)(const double *z, int64_t n, double size, double *out);
} composite;

static inline void composite_random(composite *c, int64_t rows, int64_t n, uint64_t key) {
  c->rows = rows;
  c->n = n;
  c->a = malloc((size_t)(rows * n) * sizeof(double));
  c->b = malloc((size_t)rows * sizeof(double));
  c->r = malloc((size_t)rows * sizeof(double));
  assert_true(c->a && c->b && c->r);
  tw_random_normal_fill(key, 0, (size_t)(rows * n), c->a);
  tw_random_normal_fill(key + 1, 0, (size_t)rows, c->b);
}

static inline void composite_free(composite *c) {
  free(c->a);
  free(c->b);
  free(c->r);
}

static inline double composite_f(composite *c, const double *x, double *g) {
  double f = 0;
  if (g) memset(g, 0, (size_t)c->n * sizeof *g);
  for (int64_t i = 0; i < c->rows; i++) {
    const double *row = c->a + i * c->n;
    const double r = tw_vec_dot(row, x, (size_t)c->n) - c->b[i];
    f += 0.5 * r * r;
    for (int64_t j = 0; g && j < c->n; j++) g[j] += r * row[j];
  }
  return f;
}

static inline tw_status composite_value(void *context, const double *x, double *f, tw_error *error) {
  (void)error;
  *f = composite_f(context, x, NULL);
  return TW_OK;
}

static inline tw_status composite_gradient(void *context, const double *x, double *f, double *g,
                                           tw_error *error) {
  (void)error;
  *f = composite_f(context, x, g);
  return TW_OK;
}

static inline tw_status composite_hvp(void *context, const double *x, const double *y, const double *v,
                                      double *out, tw_error *error) {
  (void)x;
  (void)y;
  (void)error;
  const composite *c = context;
  memset(out, 0, (size_t)c->n * sizeof *out);
  for (int64_t i = 0; i < c->rows; i++) {
    const double *row = c->a + i * c->n, t = tw_vec_dot(row, v, (size_t)c->n);
    for (int64_t j = 0; j < c->n; j++) out[j] += t * row[j];
  }
  return TW_OK;
}

static inline tw_status composite_prox(void *context, const double *z, double eta, double *out,
                                       tw_error *error) {
  (void)error;
  const composite *c = context;
  c->prox(z, c->n, eta * c->weight, out);
  return TW_OK;
}

static inline tw_status composite_regularizer(void *context, const double *x, double *g, tw_error *error) {
  (void)error;
  const composite *c = context;
  *g = c->penalty(x, c->n, c->weight);
  return TW_OK;
}

static inline tw_status composite_project(void *context, const double *z, double *out, tw_error *error) {
  (void)error;
  const composite *c = context;
  c->project(z, c->n, c->weight, out);
  return TW_OK;
}

/* x exp(-eta g), rescaled to sum `weight`. */
static inline tw_status composite_mirror(void *context, const double *x, const double *g, double eta,
                                         double *out, tw_error *error) {
  (void)error;
  const composite *c = context;
  double least = INFINITY, sum = 0;
  for (int64_t i = 0; i < c->n; i++) least = fmin(least, g[i]);
  for (int64_t i = 0; i < c->n; i++) sum += out[i] = x[i] * exp(-eta * (g[i] - least));
  for (int64_t i = 0; i < c->n; i++) out[i] *= c->weight / sum;
  return TW_OK;
}

static inline tw_oracle composite_oracle(composite *c, bool curvature) {
  tw_oracle o = {.context = c,
                 .n = c->n,
                 .offers = TW_VALUE | TW_GRADIENT | (curvature ? TW_CURVATURE : 0),
                 .value = composite_value,
                 .gradient = composite_gradient,
                 .hvp = composite_hvp};
  if (c->prox) {
    o.offers |= TW_PROX;
    o.prox = composite_prox;
    o.regularizer = composite_regularizer;
  }
  if (c->project) {
    o.offers |= TW_PROJECT;
    o.project = composite_project;
  }
  return o;
}

/* ------------------------------------------------------------------ regularizers */

static inline double l1_penalty(const double *x, int64_t n, double weight) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += fabs(x[i]);
  return weight * sum;
}

static inline void l1_prox(const double *z, int64_t n, double t, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = copysign(fmax(fabs(z[i]) - t, 0), z[i]);
}

/* weight * sum over groups of five of |x_group| */
static inline double group_penalty(const double *x, int64_t n, double weight) {
  double sum = 0;
  for (int64_t i = 0; i < n; i += 5) sum += tw_vec_norm2(x + i, 5);
  return weight * sum;
}

static inline void group_prox(const double *z, int64_t n, double t, double *out) {
  for (int64_t i = 0; i < n; i += 5) {
    const double norm = tw_vec_norm2(z + i, 5), keep = norm > t ? 1 - t / norm : 0;
    for (int64_t j = i; j < i + 5; j++) out[j] = keep * z[j];
  }
}

/* ------------------------------------------------------------------ sets */

static inline int descending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x < y) - (x > y);
}

static inline void simplex_project(const double *z, int64_t n, double size, double *out) {
  double *u = malloc((size_t)n * sizeof *u), sum = 0, tau = 0;
  assert_non_null(u);
  memcpy(u, z, (size_t)n * sizeof *u);
  qsort(u, (size_t)n, sizeof *u, descending);
  for (int64_t j = 0; j < n; j++) {
    sum += u[j];
    const double candidate = (sum - size) / (double)(j + 1);
    if (u[j] > candidate) tau = candidate;
  }
  for (int64_t i = 0; i < n; i++) out[i] = fmax(z[i] - tau, 0);
  free(u);
}

static inline void box_project(const double *z, int64_t n, double size, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = fmin(fmax(z[i], 0), size);
}

static inline void ball_project(const double *z, int64_t n, double size, double *out) {
  const double norm = tw_vec_norm2(z, (size_t)n), keep = norm > size ? size / norm : 1;
  for (int64_t i = 0; i < n; i++) out[i] = keep * z[i];
}

static inline void sphere_project(const double *z, int64_t n, double size, double *out) {
  const double norm = tw_vec_norm2(z, (size_t)n);
  for (int64_t i = 0; i < n; i++) out[i] = norm > 0 ? size / norm * z[i] : i == 0 ? size : 0;
}

#endif
