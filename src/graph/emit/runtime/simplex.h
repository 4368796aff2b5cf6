/* Projection on {p >= 0, sum p = s}: p = max(x - tau, 0), tau such that sum p = s. Part of the library, and
 * of the C that it writes. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_SIMPLEX_H
#define TALWEG_GRAPH_EMIT_RUNTIME_SIMPLEX_H
#include <math.h>
#include <stdint.h>

/* The sum of x, compensated by Knuth's two-sum. */
static inline double rt_simplex_total(const double *x, int64_t n) {
  double s = 0, r = 0;
  for (int64_t i = 0; i < n; i++) {
    const double t = s + x[i], z = t - s;
    r += (s - (t - z)) + (x[i] - z);
    s = t;
  }
  return s + r;
}

/* Restores the max-heap y[0..n) below position i. */
static inline void rt_simplex_sift(double *y, int64_t n, int64_t i) {
  const double value = y[i];
  for (int64_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && y[child + 1] > y[child]) child++;
    if (y[child] <= value) break;
    y[i] = y[child];
  }
  y[i] = value;
}

/* Takes the values in descending order until the next is below (sum taken - s) / number taken. Those taken
 * gather at the end of y, so their sum can be formed again, more exactly. O(k + active log k). */
static inline double rt_simplex_sorted(double *y, int64_t k, double s) {
  for (int64_t i = k / 2; i-- > 0;) rt_simplex_sift(y, k, i);
  double sum = 0;
  int64_t taken = 0;
  while (taken < k && (taken == 0 || y[0] > (sum - s) / (double)taken)) {
    const double top = y[0];
    sum += top;
    taken++;
    y[0] = y[k - taken];
    y[k - taken] = top;
    rt_simplex_sift(y, k - taken, 0);
  }
  return (rt_simplex_total(y + (k - taken), taken) - s) / (double)taken;
}

/* tau - top for the row x with maximum `top`. The coordinates are taken relative to the maximum: tau - top is
 * in
 * [-s, 0), which loses no digits when x is large, and leaves out what is below -s at once. Then Michelot's
 * (1986) passes, each dropping what is below the mean of the rest, while they shrink the row geometrically;
 * the few hard rows are finished in sorted order. O(n log n) at worst, O(n) as a rule. `kept` has room for n.
 */
static inline double rt_simplex_threshold(const double *x, int64_t n, double top, double s, double *kept) {
  int64_t k = 0, before;
  for (int64_t i = 0; i < n; i++)
    if (x[i] - top > -s) kept[k++] = x[i] - top;
  double tau = 0;
  while (k > 0) {
    before = k;
    tau = (rt_simplex_total(kept, k) - s) / (double)k;
    k = 0;
    for (int64_t i = 0; i < before; i++)
      if (kept[i] > tau) kept[k++] = kept[i];
    if (k == before) return tau;
    if (k > before - before / 8) return rt_simplex_sorted(kept, k, s);
  }
  return tau;
}

/* p = the projection of the row x of n; NaN where x or s is not finite enough. 1 when s is negative. `kept`
 * has room for n. */
static inline int rt_simplex(const double *x, double s, double *p, int64_t n, double *kept) {
  double top = -INFINITY;
  int known = s - s == 0;
  if (s < 0) return 1;
  for (int64_t i = 0; i < n; i++) {
    known &= x[i] == x[i];
    top = x[i] > top ? x[i] : top;
  }
  const double tau = known && top - top == 0 ? rt_simplex_threshold(x, n, top, s, kept) : (double)NAN;
  for (int64_t i = 0; i < n; i++) p[i] = tau != tau ? tau : fmax((x[i] - top) - tau, 0);
  return 0;
}

#endif
