/* The rows of {l <= A x <= u} that hold the point nearest to x, by the dual active-set method of Goldfarb & Idnani (1983) for min
 * |z - x|^2 / 2. Part of the library, and of the C that it writes. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_POLYHEDRON_H
#define TALWEG_GRAPH_EMIT_RUNTIME_POLYHEDRON_H
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* One point under way. q rows are held: normals N (with the sign of their side), N = Q' R with orthonormal rows of Q.
 * One paragraph with the first function, which brings it into what is written. */
typedef struct rt_polyhedron {
  int64_t m, n, q;
  const double *x, *a, *l, *u;
  double *z, *basis, *r, *y, *along, *coefficient, *direction, *norm; /* n, n n, n n, n, n, n, n, m */
  int64_t *held;                                                      /* n */
  double *side;                                                       /* m: -1, 0, 1 */
} rt_polyhedron;
static inline rt_polyhedron rt_polyhedron_make(int64_t m, int64_t n, void *scratch) {
  double *at = scratch;
  rt_polyhedron s = {.m = m, .n = n, .z = at, .basis = at + n};
  s.r = (at += n + n * n), s.y = (at += n * n), s.along = (at += n), s.coefficient = (at += n), s.direction = (at += n);
  s.norm = (at += n);
  s.held = (int64_t *)(void *)(at + m);
  return s;
}

static inline double rt_polyhedron_dot(int64_t n, const double *x, const double *y) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

/* along = Q n and direction = n - Q'Q n for n = sign a_row; twice, for orthogonality. Returns |direction| / |n|, 0 for a dependent row. */
static inline double rt_polyhedron_split(rt_polyhedron *s, int64_t row, double sign) {
  const int64_t n = s->n, q = s->q;
  double *along = s->along;
  for (int64_t i = 0; i < n; i++) s->direction[i] = sign * s->a[row * n + i];
  for (int64_t k = 0; k < q; k++) along[k] = 0;
  for (int turn = 0; turn < 2; turn++)
    for (int64_t k = 0; k < q; k++) {
      const double part = rt_polyhedron_dot(n, s->basis + k * n, s->direction);
      along[k] += part;
      for (int64_t i = 0; i < n; i++) s->direction[i] -= part * s->basis[k * n + i];
    }
  const double left = sqrt(rt_polyhedron_dot(n, s->direction, s->direction)) / s->norm[row];
  return left > 1e-12 ? left : 0;
}

static inline void rt_polyhedron_hold(rt_polyhedron *s, int64_t row, double y) { /* after split */
  const int64_t n = s->n, q = s->q;
  const double length = sqrt(rt_polyhedron_dot(n, s->direction, s->direction));
  for (int64_t k = 0; k < q; k++) s->r[k * n + q] = s->along[k];
  s->r[q * n + q] = length;
  for (int64_t i = 0; i < n; i++) s->basis[q * n + i] = s->direction[i] / length;
  s->held[q] = row, s->y[q] = y, s->q++;
}

static inline void rt_polyhedron_triangle(rt_polyhedron *s) { /* coefficient = R^-1 along */
  for (int64_t k = 0; k < s->q; k++) s->coefficient[k] = s->along[k];
  for (int64_t k = s->q; k-- > 0;) {
    for (int64_t j = k + 1; j < s->q; j++) s->coefficient[k] -= s->r[k * s->n + j] * s->coefficient[j];
    s->coefficient[k] /= s->r[k * s->n + k];
  }
}

/* Lets go of the row at place k; the rows after it are taken in again. */
static inline void rt_polyhedron_let_go(rt_polyhedron *s, int64_t k) {
  const int64_t q = s->q;
  s->side[s->held[k]] = 0;
  s->q = k;
  for (int64_t j = k + 1; j < q; j++) {
    const int64_t row = s->held[j];
    const double y = s->y[j];
    rt_polyhedron_split(s, row, s->side[row]);
    rt_polyhedron_hold(s, row, y);
  }
}

/* How far row i is violated, with the sign of the side that holds it; rows over their length. */
static inline double rt_polyhedron_violation(const rt_polyhedron *s, int64_t i) {
  if (s->norm[i] == 0) return 0 < s->l[i] ? -INFINITY : 0 > s->u[i] ? INFINITY : 0;
  const double v = rt_polyhedron_dot(s->n, s->a + i * s->n, s->z), over = v - s->u[i], under = s->l[i] - v;
  return over > 0 ? over / s->norm[i] : under > 0 ? -under / s->norm[i] : 0;
}

static inline double rt_polyhedron_size(const rt_polyhedron *s, int64_t i) {
  const double b = fmax(s->l[i] - s->l[i] == 0 ? fabs(s->l[i]) : 0, s->u[i] - s->u[i] == 0 ? fabs(s->u[i]) : 0);
  double most = b / s->norm[i];
  for (int64_t k = 0; k < s->n; k++) most = fmax(most, fmax(fabs(s->z[k]), fabs(s->x[k])));
  return 1 + most;
}

/* The most violated row, equalities before others; -1: none is. */
static inline int64_t rt_polyhedron_worst(const rt_polyhedron *s) {
  int64_t worst = -1;
  double most = 0;
  for (int64_t i = 0; i < s->m; i++) {
    if (s->side[i] != 0) continue;
    const double v = fabs(rt_polyhedron_violation(s, i));
    if (v == 0 || (s->norm[i] > 0 && v <= 1e-12 * rt_polyhedron_size(s, i))) continue;
    if (worst >= 0 && v <= most) continue;
    most = v, worst = i;
  }
  return worst;
}

/* The held inequality whose multiplier reaches 0 first when multipliers move along -coefficient. */
static inline int64_t rt_polyhedron_first_to_go(const rt_polyhedron *s, double *t) {
  int64_t first = -1;
  *t = INFINITY;
  for (int64_t k = 0; k < s->q; k++) {
    const int64_t row = s->held[k];
    if (s->l[row] == s->u[row] || !(s->coefficient[k] > 0)) continue;
    const double at = fmax(s->y[k], 0) / s->coefficient[k];
    if (at < *t) *t = at, first = k;
  }
  return first;
}

/* Row p, violated on the side `sign`, is brought to hold; false: no point satisfies it and the held rows. z moves along -direction, the
 * multipliers of the held rows along -R^-1 Q n; those that reach 0 are let go. */
static inline bool rt_polyhedron_bring_in(rt_polyhedron *s, int64_t p, double sign) {
  double y = 0;
  for (;;) {
    const double left = rt_polyhedron_split(s, p, sign), at = rt_polyhedron_dot(s->n, s->a + p * s->n, s->z);
    const double over = sign * (at - (sign > 0 ? s->u[p] : s->l[p]));
    const double whole = left > 0 ? over / rt_polyhedron_dot(s->n, s->direction, s->direction) : INFINITY;
    double part;
    rt_polyhedron_triangle(s);
    const int64_t go = rt_polyhedron_first_to_go(s, &part);
    const double t = fmin(part, whole);
    if (!(t < INFINITY)) return false;
    for (int64_t k = 0; k < s->q; k++) s->y[k] -= t * s->coefficient[k];
    for (int64_t i = 0; left > 0 && i < s->n; i++) s->z[i] -= t * s->direction[i];
    y += t;
    if (whole <= part) break;
    rt_polyhedron_let_go(s, go); /* fewer rows are held: this ends */
  }
  s->side[p] = sign;
  rt_polyhedron_hold(s, p, y);
  return true;
}

/* side[i]: -1 where row i holds the nearest point at its lower limit, 1 at the upper one, else 0; all 0 where x is not finite. 0; or what
 * is wrong with row *row: 1 its limits cross (an equality's may, by rounding), 2 no point satisfies it together with others; 3 the
 * rows are not found; 4 A is not finite. room: 2 n^2 + 5 n + m numbers and n integers. */
static inline int rt_polyhedron_sides(int64_t m, int64_t n, const double *x, const double *a, const double *l, const double *u,
                                      double *side, void *room, int64_t *row) {
  const int64_t limit = 100 * (m + n + 1);
  rt_polyhedron s = rt_polyhedron_make(m, n, room);
  bool known = true, matrix = true;
  s.x = x, s.a = a, s.l = l, s.u = u, s.side = side;
  for (int64_t i = 0; i < m * n; i++) matrix &= a[i] - a[i] == 0;
  for (int64_t i = 0; i < n; i++) s.z[i] = x[i], known &= x[i] - x[i] == 0;
  for (int64_t i = 0; i < m; i++) side[i] = 0, s.norm[i] = sqrt(rt_polyhedron_dot(n, a + i * n, a + i * n));
  if (!matrix) return 4;
  for (*row = 0; *row < m && known; ++*row)
    if (!(l[*row] - u[*row] <= 1e-5 * fmax(1, fabs(u[*row])))) return 1;
  for (int64_t k = 0; k < limit && known; k++) {
    *row = rt_polyhedron_worst(&s);
    if (*row < 0) return 0;
    if (s.norm[*row] == 0 || !rt_polyhedron_bring_in(&s, *row, rt_polyhedron_violation(&s, *row) > 0 ? 1 : -1)) return 2;
  }
  return known ? 3 : 0;
}

#endif
