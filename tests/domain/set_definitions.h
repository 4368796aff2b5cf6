/* Sets by their definition: how far a point is outside, and how to draw points of the set, apart from how the
 * library projects. */
#ifndef TALWEG_TESTS_DOMAIN_SET_DEFINITIONS_H
#define TALWEG_TESTS_DOMAIN_SET_DEFINITIONS_H

#include "call.h"

#include <talweg/domain.h>

typedef struct values { /* a parameter; rank 0: a scalar */
  int rank;
  int64_t dim[2];
  double v[16];
} values;

typedef struct set_case {
  const char *kind;
  int rank;
  int64_t dim[3];
  int n_params;
  values param[TW_DOMAIN_PARAMS];
  double (*outside)(const struct set_case *c, const double *x);    /* 0 or less: inside */
  void (*draw)(const struct set_case *c, uint64_t key, double *z); /* a random point of the set */
  bool generic; /* smooth in points and parameters around their values, almost everywhere */
} set_case;

enum { SET_MOST = 24 }; /* elements of a case's points */

static inline tw_shape case_shape(const set_case *c) {
  return tw_shape_make(c->rank, c->dim);
}

static inline int64_t case_size(const set_case *c) {
  const tw_shape shape = case_shape(c);
  return tw_shape_size(&shape);
}

static inline int64_t value_size(const values *v) {
  return (v->rank > 0 ? v->dim[0] : 1) * (v->rank > 1 ? v->dim[1] : 1);
}

/* Entry k of a parameter that is a scalar, a row or a whole array. */
static inline double param_at(const set_case *c, int which, int64_t k, double fallback) {
  const values *v = &c->param[which];
  return which < c->n_params ? v->v[k % value_size(v)] : fallback;
}

static inline int64_t row_length(const set_case *c) {
  return c->dim[c->rank - 1];
}
static inline int64_t row_count(const set_case *c) {
  return case_size(c) / row_length(c);
}

static inline double uniform(uint64_t key, int64_t i) {
  return tw_random_uniform(tw_key_split(key, 77), (uint64_t)i);
}
static inline double normal(uint64_t key, int64_t i) {
  return tw_random_normal(key, (uint64_t)i);
}

/* The largest of `row` over the rows; draws row by row. */
#define BY_ROWS(name)                                                                                        \
  static inline double name##_outside(const set_case *c, const double *x) {                                  \
    double worst = -INFINITY;                                                                                \
    for (int64_t r = 0; r < row_count(c); r++)                                                               \
      worst = fmax(worst, name##_row_outside(c, r, x + r * row_length(c), row_length(c)));                   \
    return worst;                                                                                            \
  }                                                                                                          \
  static inline void name##_draw(const set_case *c, uint64_t key, double *z) {                               \
    for (int64_t r = 0; r < row_count(c); r++)                                                               \
      name##_row_draw(c, r, tw_key_split(key, (uint64_t)r), z + r * row_length(c), row_length(c));           \
  }

/* ------------------------------------------------------------------ boxes */

static inline double low_of(const set_case *c, int64_t k) {
  const bool box = strcmp(c->kind, "box") == 0, ball = strcmp(c->kind, "linf_ball") == 0;
  return box ? param_at(c, 0, k, 0) : ball ? -param_at(c, 0, k / row_length(c), 1) : 0;
}

static inline double high_of(const set_case *c, int64_t k) {
  const bool box = strcmp(c->kind, "box") == 0, ball = strcmp(c->kind, "linf_ball") == 0;
  if (strcmp(c->kind, "nonneg") == 0) return INFINITY;
  return box ? param_at(c, 1, k, 0) : ball ? param_at(c, 0, k / row_length(c), 1) : param_at(c, 0, k, 1);
}

static inline double box_outside(const set_case *c, const double *x) {
  double worst = -INFINITY;
  for (int64_t k = 0; k < case_size(c); k++)
    worst = fmax(worst, fmax(low_of(c, k) - x[k], x[k] - high_of(c, k)));
  return worst;
}

static inline void box_draw(const set_case *c, uint64_t key, double *z) {
  for (int64_t k = 0; k < case_size(c); k++) {
    const double low = low_of(c, k), high = high_of(c, k), t = uniform(key, k);
    if (isfinite(low) && isfinite(high))
      z[k] = t < 0.2 ? low : t > 0.8 ? high : low + t * (high - low);
    else
      z[k] = isfinite(low)    ? low + fabs(normal(key, k))
             : isfinite(high) ? high - fabs(normal(key, k))
                              : normal(key, k);
  }
}

/* ------------------------------------------------------------------ simplexes and l1 */

static inline double sum_of(const double *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i];
  return sum;
}

static inline double simplex_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  double worst = fabs(sum_of(x, n) - param_at(c, 0, r, 1));
  for (int64_t i = 0; i < n; i++) worst = fmax(worst, -x[i]);
  return worst;
}

/* A point of a random face. */
static inline void simplex_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  const int64_t kept = tw_random_integer(key, 1000, 0, n);
  double sum = 0;
  for (int64_t i = 0; i < n; i++)
    sum += z[i] = i == kept || uniform(key, i) < 0.6 ? -log(1 - uniform(key, n + i)) : 0;
  for (int64_t i = 0; i < n; i++) z[i] *= param_at(c, 0, r, 1) / sum;
}
BY_ROWS(simplex)

static inline double capped_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  double worst = fabs(sum_of(x, n) - param_at(c, 2, r, 1));
  for (int64_t i = 0; i < n; i++)
    worst = fmax(worst, fmax(param_at(c, 0, r * n + i, 0) - x[i], x[i] - param_at(c, 1, r * n + i, 0)));
  return worst;
}

/* The coordinates in random order take random parts of what is left, then all they can. */
static inline void capped_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  int64_t order[SET_MOST];
  tw_random_permutation(key, (size_t)n, order);
  double left = param_at(c, 2, r, 1);
  for (int64_t i = 0; i < n; i++) left -= z[i] = param_at(c, 0, r * n + i, 0);
  for (int64_t pass = 0; pass < 2; pass++)
    for (int64_t j = 0; j < n; j++) {
      const int64_t i = order[j];
      const double step =
          fmin(param_at(c, 1, r * n + i, 0) - z[i], pass == 0 ? left * uniform(key, j) : left);
      z[i] += step;
      left -= step;
    }
}
BY_ROWS(capped)

static inline double l1_of(const double *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += fabs(x[i]);
  return sum;
}

static inline double l1_ball_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  return l1_of(x, n) - param_at(c, 0, r, 1);
}

static inline double l1_sphere_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  return fabs(l1_of(x, n) - param_at(c, 0, r, 1));
}

static inline void l1_sphere_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  simplex_row_draw(c, r, key, z, n);
  for (int64_t i = 0; i < n; i++) z[i] = uniform(key, 2 * n + i) < 0.5 ? -z[i] : z[i];
}
BY_ROWS(l1_sphere)

static inline void l1_ball_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  l1_sphere_row_draw(c, r, key, z, n);
  const double shrink = fmin(1, 1.5 * uniform(key, 3 * n));
  for (int64_t i = 0; i < n; i++) z[i] *= shrink;
}
BY_ROWS(l1_ball)

static inline double l1_epigraph_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  (void)c, (void)r;
  return l1_of(x, n - 1) - x[n - 1];
}

/* Now and then on the boundary, at the apex, with zeros. */
static inline void l1_epigraph_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  (void)c, (void)r;
  const double t = uniform(key, n);
  for (int64_t i = 0; i + 1 < n; i++) z[i] = t < 0.1 || uniform(key, i) < 0.3 ? 0 : 2 * normal(key, i);
  z[n - 1] = l1_of(z, n - 1) + (t < 0.5 ? 0 : t);
}
BY_ROWS(l1_epigraph)

/* ------------------------------------------------------------------ l2 */

static inline double ball_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  return tw_vec_norm2(x, (size_t)n) - param_at(c, 0, r, 1);
}

static inline double sphere_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  return fabs(ball_row_outside(c, r, x, n));
}

static inline void sphere_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  for (int64_t i = 0; i < n; i++) z[i] = normal(key, i);
  const double norm = tw_vec_norm2(z, (size_t)n);
  for (int64_t i = 0; i < n; i++) z[i] *= param_at(c, 0, r, 1) / norm;
}
BY_ROWS(sphere)

static inline void ball_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  sphere_row_draw(c, r, key, z, n);
  const double shrink = fmin(1, 1.5 * uniform(key, 3 * n));
  for (int64_t i = 0; i < n; i++) z[i] *= shrink;
}
BY_ROWS(ball)

/* ------------------------------------------------------------------ affine */

static inline double excess(const set_case *c, int64_t r, const double *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += param_at(c, 0, r * n + i, 0) * x[i];
  return sum - param_at(c, 1, r, 0);
}

static inline double hyperplane_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  return fabs(excess(c, r, x, n));
}

/* Random, and the equation solved for the coordinate of the largest factor. */
static inline void hyperplane_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  int64_t pivot = 0;
  for (int64_t i = 0; i < n; i++) {
    z[i] = 3 * normal(key, i);
    if (fabs(param_at(c, 0, r * n + i, 0)) > fabs(param_at(c, 0, r * n + pivot, 0))) pivot = i;
  }
  z[pivot] -= excess(c, r, z, n) / param_at(c, 0, r * n + pivot, 0);
}
BY_ROWS(hyperplane)

static inline double halfspace_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  return excess(c, r, x, n);
}

static inline void halfspace_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  hyperplane_row_draw(c, r, key, z, n);
  const double depth = fmax(0, normal(key, n));
  for (int64_t i = 0; i < n; i++) z[i] -= depth * param_at(c, 0, r * n + i, 0);
}
BY_ROWS(halfspace)

static inline double affine_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  double worst = 0;
  const int64_t m = c->param[0].dim[0];
  for (int64_t k = 0; k < m; k++) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += c->param[0].v[k * n + i] * x[i];
    worst = fmax(worst, fabs(sum - param_at(c, 1, r * m + k, 0)));
  }
  return worst;
}

/* The first two rows of A are 1, 1, .. and 0, 1, ..; later ones follow from them. Second differences are in
 * their kernel. */
static inline void affine_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  const int64_t m = c->param[0].dim[0];
  const double total = param_at(c, 1, r * m, 0), moment = param_at(c, 1, r * m + 1, 0);
  for (int64_t i = 0; i < n; i++) z[i] = i == 0 ? total - moment : i == 1 ? moment : 0;
  for (int64_t i = 0; i + 2 < n; i++) {
    const double t = 3 * normal(key, i);
    z[i] += t;
    z[i + 1] -= 2 * t;
    z[i + 2] += t;
  }
}
BY_ROWS(affine)

/* ------------------------------------------------------------------ matrices */

/* The eigenvalues, ascending, of a symmetric matrix n x n. */
static inline void eigenvalues(int64_t n, const double *a, double *w) {
  tw_graph *graph = tw_graph_new();
  const tw_array matrix = tw_array_f64((double *)(uintptr_t)a, TW_SHAPE(n, n));
  tw_array out = evaluate(tw_eigh_values(tw_eigh(tw_constant(graph, &matrix))));
  memcpy(w, out.data, (size_t)n * sizeof *w);
  tw_array_free(&out);
  tw_graph_free(graph);
}

static inline double psd_outside(const set_case *c, const double *x) {
  const int64_t n = row_length(c);
  double worst = -INFINITY, w[SET_MOST];
  for (int64_t b = 0; b < row_count(c) / n; b++, x += n * n) {
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < i; j++) worst = fmax(worst, fabs(x[i * n + j] - x[j * n + i]));
    eigenvalues(n, x, w);
    worst = fmax(worst, -w[0]);
  }
  return worst;
}

/* B B' with a B of random rank. */
static inline void psd_draw(const set_case *c, uint64_t key, double *z) {
  const int64_t n = row_length(c);
  memset(z, 0, (size_t)case_size(c) * sizeof *z);
  for (int64_t b = 0; b < row_count(c) / n; b++, z += n * n, key = tw_key_split(key, 5)) {
    const int64_t rank = tw_random_integer(key, 1000, 0, n + 1);
    for (int64_t i = 0; i < n * n; i++)
      for (int64_t k = 0; k < rank; k++) z[i] += normal(key, k * n + i / n) * normal(key, k * n + i % n);
  }
}

/* |Q'Q - I| of the longer side's vectors; step: from one to the next, stride: between entries. */
static inline double stiefel_outside(const set_case *c, const double *x) {
  const int64_t m = c->dim[c->rank - 2], n = c->dim[c->rank - 1], k = m < n ? m : n, length = m < n ? n : m;
  const int64_t step = m < n ? n : 1, stride = m < n ? 1 : n;
  double worst = 0;
  for (int64_t b = 0; b < case_size(c) / (m * n); b++, x += m * n)
    for (int64_t i = 0; i < k; i++)
      for (int64_t j = 0; j <= i; j++) {
        double sum = i == j ? -1 : 0;
        for (int64_t t = 0; t < length; t++) sum += x[i * step + t * stride] * x[j * step + t * stride];
        worst = fmax(worst, fabs(sum));
      }
  return worst;
}

/* Gram-Schmidt on normal vectors. */
static inline void stiefel_draw(const set_case *c, uint64_t key, double *z) {
  const int64_t m = c->dim[c->rank - 2], n = c->dim[c->rank - 1], k = m < n ? m : n, length = m < n ? n : m;
  const int64_t step = m < n ? n : 1, stride = m < n ? 1 : n;
  for (int64_t b = 0; b < case_size(c) / (m * n); b++, z += m * n, key = tw_key_split(key, 5)) {
    for (int64_t i = 0; i < m * n; i++) z[i] = normal(key, i);
    for (int64_t i = 0; i < k; i++) {
      double norm = 0;
      for (int64_t j = 0; j < i; j++) {
        double sum = 0;
        for (int64_t t = 0; t < length; t++) sum += z[i * step + t * stride] * z[j * step + t * stride];
        for (int64_t t = 0; t < length; t++) z[i * step + t * stride] -= sum * z[j * step + t * stride];
      }
      for (int64_t t = 0; t < length; t++) norm = hypot(norm, z[i * step + t * stride]);
      for (int64_t t = 0; t < length; t++) z[i * step + t * stride] /= norm;
    }
  }
}

/* ------------------------------------------------------------------ polyhedra */

static inline double polyhedron_row_outside(const set_case *c, int64_t r, const double *x, int64_t n) {
  const int64_t m = c->param[0].dim[0];
  double worst = -INFINITY;
  for (int64_t i = 0; i < m; i++) {
    double v = 0;
    for (int64_t j = 0; j < n; j++) v += c->param[0].v[i * n + j] * x[j];
    worst = fmax(worst, fmax(param_at(c, 1, r * m + i, 0) - v, v - param_at(c, 2, r * m + i, 0)));
  }
  return worst;
}

/* From the point nearest to 0 on the first row, where that is an equality, else from 0 (inside in all cases), in a random direction that
 * keeps an equality: a part of the way to the border. */
static inline void polyhedron_row_draw(const set_case *c, int64_t r, uint64_t key, double *z, int64_t n) {
  const int64_t m = c->param[0].dim[0];
  const double *a = c->param[0].v;
  double g[8], square = 0, along = 0, least = 3;
  assert_true(n <= 8);
  const bool equal = param_at(c, 1, r * m, 0) == param_at(c, 2, r * m, 0);
  for (int64_t j = 0; j < n; j++) g[j] = normal(key, j), square += a[j] * a[j], along += a[j] * g[j];
  for (int64_t j = 0; j < n; j++) {
    z[j] = equal ? a[j] * param_at(c, 1, r * m, 0) / square : 0;
    if (equal) g[j] -= along / square * a[j];
  }
  for (int64_t i = equal; i < m; i++) {
    double v = 0, slope = 0;
    for (int64_t j = 0; j < n; j++) v += a[i * n + j] * z[j], slope += a[i * n + j] * g[j];
    const double room = slope > 0 ? param_at(c, 2, r * m + i, 0) - v : v - param_at(c, 1, r * m + i, 0);
    if (slope != 0) least = fmin(least, room / fabs(slope));
  }
  const double t = least * (uniform(key, 99) < 0.3 ? 1 - 1e-15 : uniform(key, 98));
  for (int64_t j = 0; j < n; j++) z[j] += t * g[j];
}

BY_ROWS(polyhedron)

/* ------------------------------------------------------------------ transport polytopes */

static inline double transport_outside(const set_case *c, const double *x) {
  const int64_t n = c->dim[c->rank - 1], m = c->dim[c->rank - 2];
  double worst = -INFINITY;
  for (int64_t k = 0; k < case_size(c); k++) worst = fmax(worst, -x[k]);
  for (const double *at = x; at < x + case_size(c); at += m * n) {
    for (int64_t i = 0; i < m; i++) {
      double sum = -param_at(c, 0, i, 1);
      for (int64_t j = 0; j < n; j++) sum += at[i * n + j];
      worst = fmax(worst, fabs(sum));
    }
    for (int64_t j = 0; j < n; j++) {
      double sum = -param_at(c, 1, j, 1);
      for (int64_t i = 0; i < m; i++) sum += at[i * n + j];
      worst = fmax(worst, fabs(sum));
    }
  }
  return worst;
}

/* A vertex by the north-west rule with a random first column, mixed with the product of the sums. */
static inline void transport_draw(const set_case *c, uint64_t key, double *z) {
  const int64_t n = c->dim[c->rank - 1], m = c->dim[c->rank - 2];
  double total = 0;
  for (int64_t i = 0; i < m; i++) total += param_at(c, 0, i, 1);
  for (int64_t k = 0; k < case_size(c); k += m * n) {
    const int64_t first = (int64_t)(uniform(key, k) * (double)n);
    const double mix = uniform(key, k + 1) < 0.5 ? 0 : uniform(key, k + 2);
    double column[8], left;
    assert_true(n <= 8);
    for (int64_t j = 0; j < n; j++) column[j] = param_at(c, 1, j, 1);
    for (int64_t i = 0; i < m; i++) {
      left = param_at(c, 0, i, 1);
      for (int64_t t = 0; t < n; t++) {
        const int64_t j = (first + t) % n;
        const double take = fmin(left, column[j]);
        z[k + i * n + j] = (1 - mix) * take + mix * param_at(c, 0, i, 1) * param_at(c, 1, j, 1) / total;
        left -= take, column[j] -= take;
      }
    }
  }
}

#endif
