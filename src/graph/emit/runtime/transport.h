/* The table P >= 0 [m, n] with sums a of rows and b of columns that is nearest to X, or nearest to exp(X) in the Kullback-Leibler
 * divergence: Newton's method on the dual in the potentials v = (alpha, beta) (quadratic: Lorenz, Manns & Meyer 2021; entropic: Sinkhorn
 * 1967, Cuturi 2013). Part of the library, which has rt_exp_sum_f64 by vectors (domain/transport_dense.h), and of the C that it writes.
 *
 *   nearest to X:   P = max(X + alpha + beta, 0),    weights W = [P > 0]
 *   entropic in X:  P = exp(s X + alpha + beta),     weights W = P
 *
 * Both minimise a convex function of the potentials with gradient g = (P 1 - a, P'1 - b) and Hessian K(W) of transport_solve.h. Where
 * X spans many powers, s grows from little to 1 (Kosowsky & Yuille 1994). */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_TRANSPORT_H
#define TALWEG_GRAPH_EMIT_RUNTIME_TRANSPORT_H
#include "graph/emit/runtime/simplex.h"
#include "graph/emit/runtime/transport_solve.h"

/* Bytes that rt_transport needs. */
static inline size_t rt_transport_room(int64_t m, int64_t n) {
  return (size_t)(6 * (m + n) + m * n + rt_transport_solve_room(m, n)) * sizeof(double) + (size_t)(m + n) * sizeof(int64_t);
}

/* One table under way.
 * One paragraph with the first function, which brings it into what is written. */
typedef struct rt_transport_table {
  int64_t m, n;
  bool entropic;
  double s;
  const double *x;
  double *p;                               /* m n */
  double *a, *v, *trial, *g, *d, *degree;  /* m + n: sums of equal total, potentials and others, the sums of P or W */
  double *mask, *room;                     /* m n; for a solve, or two lines */
  int64_t *part;                           /* m + n */
} rt_transport_table;
static inline rt_transport_table rt_transport_make(int64_t m, int64_t n, void *room) {
  double *at = room;
  rt_transport_table t = {.m = m, .n = n, .s = 1, .a = at};
  t.v = (at += m + n), t.trial = (at += m + n), t.g = (at += m + n), t.d = (at += m + n);
  t.degree = (at += m + n), t.mask = (at += m + n), t.room = (at += m * n);
  t.part = (int64_t *)(void *)(at + rt_transport_solve_room(m, n));
  return t;
}

/* P, its sums and g at the potentials v. */
static inline void rt_transport_evaluate(rt_transport_table *t, const double *v) {
  const int64_t m = t->m, n = t->n;
  double *columns = t->degree + m;
  for (int64_t j = 0; j < n; j++) columns[j] = 0;
  for (int64_t i = 0; i < m; i++) {
    const double *x = t->x + i * n, alpha = v[i], *beta = v + m;
    double *p = t->p + i * n, sum = 0;
    for (int64_t j = 0; j < n; j++) p[j] = t->s * x[j] + alpha + beta[j];
    if (t->entropic) sum = rt_exp_sum_f64(n, p, 0, p);
    for (int64_t j = 0; j < n && !t->entropic; j++) sum += p[j] = p[j] > 0 ? p[j] : 0;
    for (int64_t j = 0; j < n; j++) columns[j] += p[j];
    t->degree[i] = sum;
  }
  for (int64_t k = 0; k < m + n; k++) t->g[k] = t->degree[k] - t->a[k];
}

/* The potential with which a line of n has this sum; kept: n numbers. */
static inline double rt_transport_potential(bool entropic, int64_t n, double *line, double sum, double *kept) {
  const double top = rt_simplex_top(line, n);
  if (!entropic) return -(top + rt_simplex_threshold(line, n, top, sum, kept));
  return sum == 0 ? -INFINITY : log(sum) - top - log(rt_exp_sum_f64(n, line, top, line));
}

/* The minimum in alpha, then in beta. */
static inline void rt_transport_alternate(rt_transport_table *t) {
  const int64_t m = t->m, n = t->n;
  double *line = t->room, *kept = line + m + n;
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j++) line[j] = t->s * t->x[i * n + j] + t->v[m + j];
    t->v[i] = rt_transport_potential(t->entropic, n, line, t->a[i], kept);
  }
  for (int64_t j = 0; j < n; j++) {
    for (int64_t i = 0; i < m; i++) line[i] = t->s * t->x[i * n + j] + t->v[i];
    t->v[m + j] = rt_transport_potential(t->entropic, m, line, t->a[m + j], kept);
  }
}

static inline double rt_transport_largest(int64_t n, const double *v) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = v[i] != v[i] ? INFINITY : fmax(most, fabs(v[i]));
  return most;
}

/* -g, less what rounding leaves of it along (1 on rows, -1 on columns), which changes nothing. */
static inline void rt_transport_downhill(rt_transport_table *t) {
  const int64_t order = t->m + t->n;
  double off = 0;
  for (int64_t i = 0; i < order; i++) off += (i < t->m ? -t->g[i] : t->g[i]) / (double)order;
  for (int64_t i = 0; i < order; i++) t->d[i] = -t->g[i] - (i < t->m ? off : -off);
}

/* Newton's direction; or, where parts of W's graph have too much or too little in all, along the null space, in which the function is
 * linear until other entries join. */
static inline bool rt_transport_direction(rt_transport_table *t, double error) {
  const int64_t order = t->m + t->n;
  const double *w = t->entropic ? t->p : t->mask;
  double most = 0;
  for (int64_t k = 0; k < t->m * t->n && !t->entropic; k++) t->mask[k] = t->p[k] > 0;
  if (!t->entropic) rt_transport_degrees(t->m, t->n, w, t->degree);
  rt_transport_downhill(t);
  for (int64_t i = 0; i < order; i++) t->trial[i] = t->d[i];
  rt_transport_parts(t->m, t->n, w, t->degree, t->part);
  rt_transport_range(t->m, t->n, t->part, t->room, t->trial);
  for (int64_t i = 0; i < order; i++) most = fmax(most, fabs(t->d[i] - t->trial[i]));
  if (!(most > 1e-3 * error)) return rt_transport_solve(t->m, t->n, w, t->degree, t->part, t->d, t->room);
  for (int64_t i = 0; i < order; i++) t->d[i] -= t->trial[i];
  return true;
}

static inline double rt_transport_slope(const rt_transport_table *t) {
  double slope = 0;
  for (int64_t i = 0; i < t->m + t->n; i++) slope += t->d[i] != 0 ? t->g[i] * t->d[i] : 0;
  return slope;
}

static inline double rt_transport_slope_at(rt_transport_table *t, double step) {
  for (int64_t i = 0; i < t->m + t->n; i++) t->trial[i] = t->v[i] + step * t->d[i];
  rt_transport_evaluate(t, t->trial);
  return rt_transport_slope(t);
}

/* From v, at which P and g are, along d to where the slope of the convex function has fallen by half: doubled steps, then halved
 * intervals. False, and v is where it was, where there is no such step. */
static inline bool rt_transport_search(rt_transport_table *t) {
  const int doublings = 1000, halvings = 60;
  const double start = rt_transport_slope(t), enough = -0.5 * start;
  if (!(start < 0)) return false;
  double low = 0, high = 1, slope = rt_transport_slope_at(t, 1);
  for (int k = 0; k < doublings && slope < -enough; k++) low = high, high *= 2, slope = rt_transport_slope_at(t, high);
  for (int k = 0; k < halvings && !(fabs(slope) <= enough); k++) {
    const double middle = low + 0.5 * (high - low);
    slope = rt_transport_slope_at(t, middle);
    *(slope < 0 ? &low : &high) = middle;
  }
  if (!(fabs(slope) <= enough)) return false;
  for (int64_t i = 0; i < t->m + t->n; i++) t->v[i] = t->trial[i];
  return true;
}

/* At most `most` of Newton's steps from v until no |g| is above `goal`, or until steps gain nothing below 1e-9 `scale`. The largest |g|. */
static inline double rt_transport_newton(rt_transport_table *t, int most, double goal, double scale) {
  double least = INFINITY, error;
  rt_transport_evaluate(t, t->v);
  for (int k = 0, idle = 0;; k++) {
    error = rt_transport_largest(t->m + t->n, t->g);
    if (error <= goal || k == most || idle == 3) return error;
    idle = error < 0.9 * least ? 0 : idle + (error <= 1e-9 * scale);
    least = fmin(least, error);
    if (rt_transport_direction(t, error) && rt_transport_search(t)) continue;
    rt_transport_alternate(t);
    rt_transport_evaluate(t, t->v);
  }
}

/* s with which s X spans 64 at most: 1, 1/4, .. */
static inline double rt_transport_start(const rt_transport_table *t) {
  double low = INFINITY, high = -INFINITY, s = 1;
  for (int64_t k = 0; k < t->m * t->n; k++) {
    const double x = t->x[k];
    low = x > -INFINITY && x < low ? x : low;
    high = x > high ? x : high;
  }
  while (s * fmin(high - low, 1e300) > 64) s /= 4;
  return s;
}

/* P, to what rounding leaves of it. *missed: what g is; false where that is above 1e-8, relative to 1 and the largest number given. */
static inline bool rt_transport_minimise(rt_transport_table *t, double *missed) {
  const int rounds = 4, few = 50, most = 200;
  const int64_t order = t->m + t->n;
  const double sum = rt_transport_largest(order, t->a);
  const double scale = 1 + sum + (t->entropic ? 0 : rt_transport_largest(t->m * t->n, t->x));
  for (int64_t i = 0; i < order; i++) t->v[i] = 0;
  if (t->entropic) t->s = rt_transport_start(t);
  for (int k = 0; k < rounds; k++) rt_transport_alternate(t);
  while (t->s < 1) {
    rt_transport_newton(t, few, 1e-3 * sum, scale);
    t->s *= 4;
    for (int64_t i = 0; i < order; i++) t->v[i] *= 4;
    rt_transport_alternate(t);
  }
  *missed = rt_transport_newton(t, most, 4e-16 * scale, scale);
  return *missed <= 1e-8 * scale;
}

/* Sums of equal total, nearest to those given. 0; or k + 1 where sum k is below 0, or moved to below 0. */
static inline int64_t rt_transport_take_sums(rt_transport_table *t, const double *a, const double *b) {
  const int64_t m = t->m, n = t->n;
  double excess = 0;
  for (int64_t i = 0; i < m; i++) excess += a[i];
  for (int64_t j = 0; j < n; j++) excess -= b[j];
  excess /= (double)(m + n);
  for (int64_t k = 0; k < m + n; k++) {
    const double given = k < m ? a[k] : b[k - m], moved = k < m ? given - excess : given + excess;
    if (!(given >= 0) || moved < -fabs(excess) * 1e-6 - 1e-12) return k + 1;
    t->a[k] = fmax(moved, 0);
  }
  return 0;
}

static inline bool rt_transport_known(const rt_transport_table *t) {
  for (int64_t k = 0; k < t->m * t->n; k++)
    if (!(t->x[k] - t->x[k] == 0) && !(t->entropic && t->x[k] == -INFINITY)) return false;
  return true;
}

/* P, NaN where X is not finite enough. 0; k > 0 where the k-th of the sums (rows, then columns) is below 0, or would be if all gave their
 * share to equal totals; -1 where P misses the sums by *missed. room: rt_transport_room bytes. O(min(m, n)^2 (m + n)) for each of
 * Newton's steps. */
static inline int64_t rt_transport(bool entropic, int64_t m, int64_t n, const double *x, const double *a, const double *b, double *p,
                                   void *room, double *missed) {
  rt_transport_table t = rt_transport_make(m, n, room);
  t.entropic = entropic, t.x = x, t.p = p;
  const int64_t refused = rt_transport_take_sums(&t, a, b);
  if (refused > 0) return refused;
  if (rt_transport_known(&t)) return rt_transport_minimise(&t, missed) ? 0 : -1;
  for (int64_t k = 0; k < m * n; k++) p[k] = (double)NAN;
  return 0;
}

#endif
