/* Solves with the Laplacian-like matrices of transport polytopes. Part of the library, which has rt_dot_f64, rt_gram_f64 and
 * rt_cholesky*_f64 by BLAS and LAPACK (domain/transport_dense.h), and of the C that it writes.
 *
 * The system of potentials of weights W >= 0 [m, n],
 *
 *   K = [ diag(r)  W       ]    r = W 1,  c = W'1
 *       [ W'       diag(c) ],
 *
 * is positive semidefinite; its null space has a vector (1 on rows, -1 on columns) for every connected part of the graph whose edges are
 * W's positive entries, those aside that are below 1e-14 of the sums of both their nodes: of these K has no digits. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_TRANSPORT_SOLVE_H
#define TALWEG_GRAPH_EMIT_RUNTIME_TRANSPORT_SOLVE_H
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline int64_t rt_transport_root(int64_t *part, int64_t i) {
  while (part[i] != i) i = part[i] = part[part[i]];
  return i;
}

/* (r, c). */
static inline void rt_transport_degrees(int64_t m, int64_t n, const double *w, double *degree) {
  for (int64_t k = 0; k < m + n; k++) degree[k] = 0;
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) degree[i] += w[i * n + j], degree[m + j] += w[i * n + j];
}

static inline bool rt_transport_joins(double weight, double r, double c) {
  return weight > 1e-14 * (r < c ? r : c);
}

/* part[i]: the least node of the part that row i or column i - m is in. */
static inline void rt_transport_parts(int64_t m, int64_t n, const double *w, const double *degree, int64_t *part) {
  for (int64_t i = 0; i < m + n; i++) part[i] = i;
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      if (part[m + j] == part[i] || !rt_transport_joins(w[i * n + j], degree[i], degree[m + j])) continue;
      const int64_t a = rt_transport_root(part, i), b = rt_transport_root(part, m + j);
      part[a > b ? a : b] = part[i] = part[m + j] = a > b ? b : a;
    }
  for (int64_t i = 0; i < m + n; i++) part[i] = rt_transport_root(part, i);
}

/* v less its components in the null space; sum: 2 (m + n) numbers. */
static inline void rt_transport_range(int64_t m, int64_t n, const int64_t *part, double *sum, double *v) {
  double *count = sum + m + n;
  for (int64_t i = 0; i < 2 * (m + n); i++) sum[i] = 0;
  for (int64_t i = 0; i < m + n; i++) sum[part[i]] += i < m ? v[i] : -v[i], count[part[i]] += 1;
  for (int64_t i = 0; i < m + n; i++) v[i] -= (i < m ? sum[part[i]] : -sum[part[i]]) / count[part[i]];
}

/* The lower triangle of S = diag(r) - W diag(1/c) W' = diag(r) - V V' for the `few` nodes that part[0 ..] tells of, V [few, many]. S is the
 * Laplacian of a graph: its diagonal is the sum of what is taken off beside it, without cancellation. To it is added t / count for any
 * two nodes of a part, t the mean of the part's diagonal (1 where that is 0): positive definite, the same on the range of S.
 * sum: 2 numbers for each of `nodes`. */
static inline void rt_transport_schur(int64_t few, int64_t many, const double *v, int64_t nodes, const int64_t *part, double *sum,
                                      double *s) {
  double *count = sum + nodes, *diagonal = sum;
  rt_gram_f64(few, many, v, s);
  for (int64_t i = 0; i < few; i++) diagonal[i] = 0;
  for (int64_t i = 0; i < few; i++) {
    double *row = s + i * few, own = 0;
    for (int64_t j = 0; j < i; j++) own += row[j];
    for (int64_t j = 0; j < i; j++) diagonal[j] += row[j], row[j] = -row[j];
    diagonal[i] += own;
  }
  for (int64_t i = 0; i < few; i++) s[i * few + i] = diagonal[i];
  for (int64_t i = 0; i < 2 * nodes; i++) sum[i] = 0;
  for (int64_t i = 0; i < few; i++) sum[part[i]] += s[i * few + i], count[part[i]] += 1;
  for (int64_t i = 0; i < few; i++) {
    const double of = count[part[i]], t = (sum[part[i]] > 0 ? sum[part[i]] / of : 1) / of;
    for (int64_t j = 0; j <= i; j++) s[i * few + j] += part[j] == part[i] ? t : 0;
  }
}

/* Numbers that rt_transport_solve needs. */
static inline int64_t rt_transport_solve_room(int64_t m, int64_t n) {
  const int64_t few = m < n ? m : n;
  return 2 * (m + n) + (m + n - few) + m * n + few * few;
}

/* (alpha, beta) = K+ (a, b), the solution of least norm, m + n numbers in place, by the Schur complement on the side of fewer nodes, alpha
 * say:
 *
 *   V = W diag(c)^(-1/2),   S alpha = a - V diag(c)^(-1/2) b,   beta = diag(c)^(-1/2) (diag(c)^(-1/2) b - V' alpha)
 *
 * False where K holds what is not finite. O(min(m, n)^2 (m + n)). */
static inline bool rt_transport_solve(int64_t m, int64_t n, const double *w, const double *degree, const int64_t *part, double *ab,
                                      double *room) {
  const bool wide = m <= n;
  const int64_t few = wide ? m : n, many = wide ? n : m;
  double *sum = room, *scale = sum + 2 * (m + n), *v = scale + many, *s = v + m * n;
  double *alpha = wide ? ab : ab + m, *beta = wide ? ab + m : ab;
  rt_transport_range(m, n, part, sum, ab);
  for (int64_t k = 0; k < m + n; k++)
    if (!(degree[k] - degree[k] == 0)) return false;
  for (int64_t k = 0; k < many; k++) {
    const double c = degree[wide ? m + k : k];
    scale[k] = c > 0 ? 1 / sqrt(c) : 0;
    beta[k] *= scale[k];
  }
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      const double weight = rt_transport_joins(w[i * n + j], degree[i], degree[m + j]) ? w[i * n + j] : 0;
      v[wide ? i * n + j : j * m + i] = weight * scale[wide ? j : i];
    }
  rt_transport_schur(few, many, v, m + n, wide ? part : part + m, sum, s);
  if (rt_cholesky_f64(few, s, s) != 0) return false;
  for (int64_t i = 0; i < few; i++) alpha[i] -= rt_dot_f64(many, v + i * many, beta);
  rt_cholesky_solve_f64(few, 1, s, alpha, alpha);
  for (int64_t i = 0; i < few; i++)
    for (int64_t k = 0; k < many; k++) beta[k] -= v[i * many + k] * alpha[i];
  for (int64_t k = 0; k < many; k++) beta[k] *= scale[k];
  rt_transport_range(m, n, part, sum, ab);
  return true;
}

/* Bytes that rt_transport_potentials needs. */
static inline size_t rt_transport_potentials_room(int64_t m, int64_t n) {
  return (size_t)(m + n + rt_transport_solve_room(m, n)) * sizeof(double) + (size_t)(m + n) * sizeof(int64_t);
}

/* v = K+ ab, NaN where K holds what is not finite. */
static inline void rt_transport_potentials(int64_t m, int64_t n, const double *w, const double *ab, double *v, void *room) {
  double *degree = room, *rest = degree + m + n;
  int64_t *part = (int64_t *)(void *)(rest + rt_transport_solve_room(m, n));
  for (int64_t i = 0; i < m + n; i++) v[i] = ab[i];
  rt_transport_degrees(m, n, w, degree);
  rt_transport_parts(m, n, w, degree, part);
  if (rt_transport_solve(m, n, w, degree, part, v, rest)) return;
  for (int64_t i = 0; i < m + n; i++) v[i] = (double)NAN;
}

#endif
