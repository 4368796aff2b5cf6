/* More sets by their definition: sections of boxes, sparse points of the simplex, ordered points, permutahedra. */
#ifndef TALWEG_TESTS_DOMAIN_SECTION_DEFINITIONS_H
#define TALWEG_TESTS_DOMAIN_SECTION_DEFINITIONS_H

#include "set_definitions.h"

static inline double section_excess(const set_case *c, int64_t r, const double *x, int64_t n) {
  double sum = -param_at(c, 3, r, 0);
  for (int64_t i = 0; i < n; i++) sum += param_at(c, 2, r * n + i, 0) * x[i];
  return sum;
}

static inline double section_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  double worst = fabs(section_excess(c, r, x, n));
  for (int64_t i = 0; i < n; i++)
    worst = fmax(worst, fmax(param_at(c, 0, r * n + i, 0) - x[i], x[i] - param_at(c, 1, r * n + i, 0)));
  return worst;
}

/* A random point of the box; then coordinates in random order take up what the sum misses, as far as they can. */
static inline void section_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  int64_t order[SET_MOST];
  tw_random_permutation(key, (size_t)n, order);
  for (int64_t i = 0; i < n; i++)
    z[i] = fmin(fmax(3 * normal(key, i), param_at(c, 0, r * n + i, 0)), param_at(c, 1, r * n + i, 0));
  for (int64_t j = 0; j < n; j++) {
    const int64_t i = order[j];
    const double w = param_at(c, 2, r * n + i, 0), to = w == 0 ? z[i] : z[i] - section_excess(c, r, z, n) / w;
    z[i] = fmin(fmax(to, param_at(c, 0, r * n + i, 0)), param_at(c, 1, r * n + i, 0));
  }
}
BY_ROWS(section)

static inline double sparse_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  double worst = fabs(sum_of(x, n) - param_at(c, 1, r, 1)), some = 0;
  for (int64_t i = 0; i < n; i++) worst = fmax(worst, -x[i]), some += x[i] != 0;
  return fmax(worst, some - param_at(c, 0, r, 1));
}

static inline void sparse_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  int64_t order[SET_MOST];
  double sum = 0;
  tw_random_permutation(key, (size_t)n, order);
  for (int64_t j = 0; j < n; j++) sum += z[order[j]] = (double)j < param_at(c, 0, r, 1) ? 0.01 + uniform(key, j) : 0;
  for (int64_t i = 0; i < n; i++) z[i] *= param_at(c, 1, r, 1) / sum;
}
BY_ROWS(sparse)

static inline double order_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  double worst = fmax(param_at(c, 0, r, 0) - x[0], x[n - 1] - param_at(c, 1, r, 1));
  for (int64_t i = 1; i < n; i++) worst = fmax(worst, x[i - 1] - x[i]);
  return worst;
}

/* Steps upwards, some of them 0. */
static inline void order_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  const double low = fmax(param_at(c, 0, r, 0), -3), high = fmin(param_at(c, 1, r, 1), 3);
  double at = low;
  for (int64_t i = 0; i < n; i++) {
    if (uniform(key, i) < 0.7) at += (high - at) * uniform(key, n + i);
    z[i] = at;
  }
}
BY_ROWS(order)

static inline void sort_descending(double *x, int64_t n) {
  for (int64_t i = 1; i < n; i++)
    for (int64_t j = i; j > 0 && x[j] > x[j - 1]; j--) {
      const double swap = x[j];
      x[j] = x[j - 1], x[j - 1] = swap;
    }
}

/* The k largest entries sum to no more than w's (Rado, 1952). */
static inline double permutahedron_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  double own[SET_MOST], w[SET_MOST], excess = 0, worst = -INFINITY;
  for (int64_t i = 0; i < n; i++) own[i] = x[i], w[i] = param_at(c, 0, r * n + i, 0);
  sort_descending(own, n);
  sort_descending(w, n);
  for (int64_t i = 0; i < n; i++) excess += own[i] - w[i], worst = fmax(worst, excess);
  return fmax(worst, fabs(excess));
}

/* Between two vertices. */
static inline void permutahedron_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  int64_t a[SET_MOST], b[SET_MOST];
  const double t = uniform(key, 0) < 0.3 ? 0 : uniform(key, 1);
  tw_random_permutation(key, (size_t)n, a);
  tw_random_permutation(tw_key_split(key, 1), (size_t)n, b);
  for (int64_t i = 0; i < n; i++) z[i] = (1 - t) * param_at(c, 0, r * n + a[i], 0) + t * param_at(c, 0, r * n + b[i], 0);
}
BY_ROWS(permutahedron)

#endif
