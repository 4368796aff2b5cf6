/* Algorithm CP of Byrd, Lu, Nocedal & Zhu (1995), section 4: the first minimiser of the quadratic model along
 * the projected gradient path P(x - t g), found segment by segment. The letters are the paper's. */
#include "method/gradient/lbfgsb.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ------------------------------------------------------------------ breakpoints, smallest first */

static void sift_down(int64_t *heap, int64_t size, int64_t at, const double *t) {
  for (int64_t child; (child = 2 * at + 1) < size; at = child) {
    if (child + 1 < size && t[heap[child + 1]] < t[heap[child]]) child++;
    if (t[heap[at]] <= t[heap[child]]) return;
    const int64_t swap = heap[at];
    heap[at] = heap[child];
    heap[child] = swap;
  }
}

static int64_t pop(int64_t *heap, int64_t *size, const double *t) {
  const int64_t top = heap[0];
  heap[0] = heap[--*size];
  sift_down(heap, *size, 0, t);
  return top;
}

/* d = -g with zeros where a bound stops x at once; t_i where variable i meets its bound. sums: d'd, then
 * those of W'd. */
static void start_tile(void *context, int64_t first, int64_t length, double *sums) {
  const tw_lbfgsb *s = context;
  for (int64_t i = first; i < first + length; i++) {
    const double g = s->g[i];
    double t = INFINITY;
    if (s->box.lower != NULL && g != 0) t = (s->x[i] - (g > 0 ? s->box.lower[i] : s->box.upper[i])) / g;
    s->t[i] = t;
    s->d[i] = t > 0 ? -g : 0;
    s->cauchy[i] = s->x[i];
  }
  const double *d = s->d + first;
  sums[0] += tw_vec_dot_on(1, d, d, (size_t)length);
  tw_pairs_project(&s->b.pairs, first, length, d, sums + 1);
}

/* p = W'd; returns d'd. */
static double start_path(tw_lbfgsb *s, double *p) {
  const int n_sums = 2 * (s->b.pairs.count + 1) + 1;
  double *sums = s->b.scratch + TW_SEGMENTS * n_sums;
  tw_pairs_reduce(&s->b.pairs, n_sums, start_tile, s, s->b.scratch, sums);
  tw_compact_collect(&s->b, sums + 1, p);
  return sums[0];
}

/* The variables that meet their bound after `from` and not after `to`, as a heap; returns how many. */
static int64_t fill_heap(tw_lbfgsb *s, double from, double to) {
  int64_t count = 0;
  for (int64_t i = 0; s->box.lower != NULL && i < s->n; i++)
    if (s->t[i] > from && s->t[i] <= to && isfinite(s->t[i])) s->heap[count++] = i;
  for (int64_t i = count / 2; i-- > 0;) sift_down(s->heap, count, i, s->t);
  return count;
}

/* ------------------------------------------------------------------ the path */

static double dot_small(const double *a, const double *b, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* a'Mb; scratch holds Mb. */
static double m_product(const tw_lbfgsb *s, const double *a, const double *b, double *scratch) {
  const int size = 2 * s->b.pairs.count;
  memcpy(scratch, b, (size_t)size * sizeof *b);
  tw_compact_solve(&s->b, scratch);
  return dot_small(a, scratch, size);
}

/* Variable i reaches its bound after dt more: its share leaves the derivatives f', f'' of the model along the
 * path. */
static void pass_breakpoint(tw_lbfgsb *s, int64_t i, double dt, double *p, double *slope, double *curvature) {
  const double g = s->g[i], theta = s->b.theta;
  const int size = 2 * s->b.pairs.count;
  double w[2 * TW_COMPACT_PAIRS], scratch[2 * TW_COMPACT_PAIRS];
  s->cauchy[i] = g > 0 ? s->box.lower[i] : s->box.upper[i];
  const double z = s->cauchy[i] - s->x[i];
  *slope += dt * *curvature + g * g + theta * g * z;
  *curvature -= theta * g * g;
  if (size > 0) {
    tw_compact_row(&s->b, i, w);
    for (int j = 0; j < size; j++) s->c[j] += dt * p[j];
    *slope -= g * m_product(s, w, s->c, scratch);
    *curvature -= 2 * g * m_product(s, w, p, scratch) + g * g * m_product(s, w, w, scratch);
    for (int j = 0; j < size; j++) p[j] += g * w[j];
  }
  s->d[i] = 0;
}

void tw_lbfgsb_cauchy(tw_lbfgsb *s) {
  const int size = 2 * s->b.pairs.count;
  double p[2 * TW_COMPACT_PAIRS] = {0}, scratch[2 * TW_COMPACT_PAIRS];
  memset(s->c, 0, sizeof s->c);
  const double dd = start_path(s, p);
  double slope = -dd, curvature = s->b.theta * dd;
  if (size > 0) curvature -= m_product(s, p, p, scratch);
  const double floor = DBL_EPSILON * s->b.theta * dd;
  curvature = fmax(curvature, floor);
  double t = 0, dt_min = dd > 0 ? -slope / curvature : 0;
  double reach = 0; /* breakpoints up to here have been put into the heap */
  for (int64_t left = 0;;) {
    if (left == 0 && t + dt_min > reach) {
      const double from = reach;
      reach = 2 * (t + dt_min);
      left = fill_heap(s, from, reach);
      continue;
    }
    if (left == 0) break;
    const double dt = s->t[s->heap[0]] - t;
    if (dt_min < dt) break;
    pass_breakpoint(s, pop(s->heap, &left, s->t), dt, p, &slope, &curvature);
    t += dt;
    curvature = fmax(curvature, floor);
    dt_min = -slope / curvature;
  }
  dt_min = fmax(dt_min, 0);
  s->at = t + dt_min;
  for (int j = 0; j < size; j++) s->c[j] += dt_min * p[j];
}
