/* The dual active-set step of Goldfarb & Idnani (1983) for min |w|^2 / 2 over rows: what rows and limits are, which of them joins next and
 * where the point is are the caller's (polyhedron.h; method/program/dual_qp.c, whose w = L'x with H = L L'). Part of the library, and of
 * the C that it writes. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_ACTIVE_H
#define TALWEG_GRAPH_EMIT_RUNTIME_ACTIVE_H
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline size_t rt_active_room(int64_t n) {
  return (size_t)(2 * n * n + 6 * n + 1);
}

/* q normals N are active: N = Q' R with orthonormal rows of Q, multipliers y >= 0 but for equations. Column k of R is r[k n .. k n + k].
 * One paragraph with the first function, which brings it into what is written; room: rt_active_room(n) numbers. */
typedef struct rt_active {
  int64_t n, q;
  double dependent;                 /* |n - Q'Q n| / |n| of a normal that counts as one in the span of those active */
  double *basis, *r, *y;            /* n n, n n, n */
  double *along, *coefficient;      /* n: Q n, R^-1 Q n */
  double *direction;                /* n */
  int64_t *row;                     /* n: which one it is, for the caller */
  bool *equation;                   /* n: it stays */
} rt_active;
static inline rt_active rt_active_make(int64_t n, double dependent, void *room) {
  rt_active s = {.n = n, .dependent = dependent, .basis = room};
  s.r = s.basis + n * n, s.y = s.r + n * n, s.along = s.y + n, s.coefficient = s.along + n, s.direction = s.coefficient + n;
  s.row = (int64_t *)(void *)(s.direction + n), s.equation = (bool *)(void *)(s.row + n);
  return s;
}

/* Four sums, so that additions do not wait for each other. */
static inline double rt_active_dot(int64_t n, const double *x, const double *y) {
  double a = 0, b = 0, c = 0, d = 0;
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) a += x[i] * y[i], b += x[i + 1] * y[i + 1], c += x[i + 2] * y[i + 2], d += x[i + 3] * y[i + 3];
  for (; i < n; i++) a += x[i] * y[i];
  return (a + c) + (b + d);
}

/* `direction` holds a normal n: along = Q n, direction = n - Q'Q n; a second time where digits cancelled, for orthogonality (Daniel,
 * Gragg, Kaufman & Stewart 1976). Returns |direction|^2, or 0 for one that depends on those active. */
static inline double rt_active_split(rt_active *s) {
  const int64_t n = s->n, q = s->q;
  const double all = rt_active_dot(n, s->direction, s->direction);
  double left = all, before;
  memset(s->along, 0, (size_t)q * sizeof *s->along);
  int turn = 0;
  do {
    for (int64_t k = 0; k < q; k++) {
      const double *b = s->basis + k * n, part = rt_active_dot(n, b, s->direction);
      s->along[k] += part;
      for (int64_t i = 0; i < n; i++) s->direction[i] -= part * b[i];
    }
    before = left, left = rt_active_dot(n, s->direction, s->direction);
  } while (++turn < 2 && left < 0.5 * before);
  return q < n && left > s->dependent * s->dependent * all ? left : 0;
}

/* x = R^-1 x */
static inline void rt_active_solve(const rt_active *s, double *x) {
  for (int64_t k = s->q; k-- > 0;) {
    const double *column = s->r + k * s->n;
    x[k] /= column[k];
    for (int64_t i = 0; i < k; i++) x[i] -= column[i] * x[k];
  }
}

/* x = R^-T x */
static inline void rt_active_solve_transposed(const rt_active *s, double *x) {
  for (int64_t k = 0; k < s->q; k++) {
    const double *column = s->r + k * s->n;
    x[k] = (x[k] - rt_active_dot(k, column, x)) / column[k];
  }
}

/* The normal that was split, of length `left` squared beside those active, becomes the last. */
static inline void rt_active_add(rt_active *s, double left, int64_t row, bool equation, double y) {
  const int64_t n = s->n, q = s->q++;
  const double length = sqrt(left);
  memcpy(s->r + q * n, s->along, (size_t)q * sizeof *s->r);
  s->r[q * n + q] = length;
  for (int64_t i = 0; i < n; i++) s->basis[q * n + i] = s->direction[i] / length;
  s->row[q] = row, s->equation[q] = equation, s->y[q] = y;
}

/* (a, b) -> (c a + s b, -s a + c b), n pairs. */
static inline void rt_active_rotate(int64_t n, double c, double s, double *a, double *b) {
  for (int64_t i = 0; i < n; i++) {
    const double x = a[i], y = b[i];
    a[i] = c * x + s * y;
    b[i] = c * y - s * x;
  }
}

/* The normal at place k leaves: R without its column is made triangular by rotations of Q's rows, the last of which goes. */
static inline void rt_active_drop(rt_active *s, int64_t k) {
  const int64_t n = s->n, q = --s->q;
  for (int64_t j = k; j < q; j++) {
    memcpy(s->r + j * n, s->r + (j + 1) * n, (size_t)(j + 2) * sizeof *s->r);
    s->row[j] = s->row[j + 1], s->equation[j] = s->equation[j + 1], s->y[j] = s->y[j + 1];
  }
  for (int64_t j = k; j < q; j++) {
    const double a = s->r[j * n + j], b = s->r[j * n + j + 1], size = hypot(a, b);
    if (size == 0) continue;
    for (int64_t i = j; i < q; i++) rt_active_rotate(1, a / size, b / size, s->r + i * n + j, s->r + i * n + j + 1);
    rt_active_rotate(n, a / size, b / size, s->basis + j * n, s->basis + (j + 1) * n);
  }
}

/* Where the multiplier of an inequality becomes 0 first as y moves along -coefficient. */
static inline double rt_active_first(const rt_active *s, int64_t *first) {
  double t = INFINITY, largest = 0;
  for (int64_t k = 0; k < s->q; k++) largest = fmax(largest, fabs(s->coefficient[k]));
  for (int64_t k = 0; k < s->q; k++) {
    if (s->equation[k] || !(s->coefficient[k] > 1e-14 * largest) || !(s->y[k] / s->coefficient[k] < t)) continue;
    t = fmax(0, s->y[k] / s->coefficient[k]), *first = k;
  }
  return t;
}

/* After a split that returned `left`, of a normal whose limit is missed by `gap` >= 0: how far its multiplier moves until the limit is met
 * (*leaves -1: to be added) or until an active one's is 0 (it is to be dropped); infinity: no point meets it and those active.
 * y moves by -t coefficient, w is to move by t direction towards the limit. */
static inline double rt_active_step(rt_active *s, double left, double gap, int64_t *leaves) {
  int64_t first = -1;
  memcpy(s->coefficient, s->along, (size_t)s->q * sizeof *s->along);
  rt_active_solve(s, s->coefficient);
  const double partial = rt_active_first(s, &first), full = left > 0 ? gap / left : INFINITY, t = fmin(full, partial);
  *leaves = full <= partial ? -1 : first;
  for (int64_t k = 0; k < s->q && t < INFINITY; k++) s->y[k] -= t * s->coefficient[k];
  if (*leaves >= 0) s->y[first] = 0;
  return t;
}

#endif
