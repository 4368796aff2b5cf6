/* The rows of {l <= A x <= u} that hold the point nearest to x, by the dual active-set method of Goldfarb & Idnani (1983) for min
 * |z - x|^2 / 2. Part of the library, and of the C that it writes. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_POLYHEDRON_H
#define TALWEG_GRAPH_EMIT_RUNTIME_POLYHEDRON_H
#include "graph/emit/runtime/active.h"

/* One point under way. One paragraph with the first function, which brings it into what is written. */
typedef struct rt_polyhedron {
  int64_t m, n;
  const double *x, *a, *l, *u;
  double *z, *norm; /* n, m */
  double *side;     /* m: -1, 0, 1 */
  rt_active held;   /* normals with the sign of their side */
} rt_polyhedron;
static inline rt_polyhedron rt_polyhedron_make(int64_t m, int64_t n, void *scratch) {
  double *at = scratch;
  return (rt_polyhedron){.m = m, .n = n, .z = at, .norm = at + n, .held = rt_active_make(n, 1e-12, at + n + m)};
}

/* How far row i is violated, with the sign of the side that holds it; rows over their length. */
static inline double rt_polyhedron_violation(const rt_polyhedron *s, int64_t i) {
  if (s->norm[i] == 0) return 0 < s->l[i] ? -INFINITY : 0 > s->u[i] ? INFINITY : 0;
  const double v = rt_active_dot(s->n, s->a + i * s->n, s->z), over = v - s->u[i], under = s->l[i] - v;
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

/* Row p, violated on the side `sign`, is brought to hold; false: no point satisfies it and the held rows. z moves along -direction. */
static inline bool rt_polyhedron_bring_in(rt_polyhedron *s, int64_t p, double sign) {
  double y = 0;
  for (;;) {
    for (int64_t i = 0; i < s->n; i++) s->held.direction[i] = sign * s->a[p * s->n + i];
    const double left = rt_active_split(&s->held), at = rt_active_dot(s->n, s->a + p * s->n, s->z);
    int64_t go;
    const double t = rt_active_step(&s->held, left, sign * (at - (sign > 0 ? s->u[p] : s->l[p])), &go);
    if (!(t < INFINITY)) return false;
    for (int64_t i = 0; left > 0 && i < s->n; i++) s->z[i] -= t * s->held.direction[i];
    y += t;
    if (go < 0) {
      s->side[p] = sign;
      rt_active_add(&s->held, left, p, s->l[p] == s->u[p], y);
      return true;
    }
    s->side[s->held.row[go]] = 0;
    rt_active_drop(&s->held, go); /* fewer rows are held: this ends */
  }
}

/* side[i]: -1 where row i holds the nearest point at its lower limit, 1 at the upper one, else 0; all 0 where x is not finite. 0; or what
 * is wrong with row *row: 1 its limits cross (an equality's may, by rounding), 2 no point satisfies it together with others; 3 the
 * rows are not found; 4 A is not finite. room: n + m + rt_active_room(n) numbers. */
static inline int rt_polyhedron_sides(int64_t m, int64_t n, const double *x, const double *a, const double *l, const double *u,
                                      double *side, void *room, int64_t *row) {
  const int64_t limit = 100 * (m + n + 1);
  rt_polyhedron s = rt_polyhedron_make(m, n, room);
  bool known = true, matrix = true;
  s.x = x, s.a = a, s.l = l, s.u = u, s.side = side;
  for (int64_t i = 0; i < m * n; i++) matrix &= a[i] - a[i] == 0;
  for (int64_t i = 0; i < n; i++) s.z[i] = x[i], known &= x[i] - x[i] == 0;
  for (int64_t i = 0; i < m; i++) side[i] = 0, s.norm[i] = sqrt(rt_active_dot(n, a + i * n, a + i * n));
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
