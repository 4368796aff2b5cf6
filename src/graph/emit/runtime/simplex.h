/* Projection on {p >= 0, sum p = s}: p = max(x - tau, 0), tau such that sum p = s. Part of the library, and of
 * the C that it writes. */
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

/* Moves the largest of the heap y[0..k) to y[k-1], before which k - 1 are left as a heap. */
static inline double rt_simplex_pop(double *y, int64_t k) {
  const double top = y[0];
  y[0] = y[k - 1];
  y[k - 1] = top;
  rt_simplex_sift(y, k - 1, 0);
  return top;
}

/* Of k values, beside `count` others that are in and sum to `base`: takes them in descending order until the next is below
 * (sum taken - s) / number taken. How many; they gather at the end of y. O(k + taken log k). */
static inline int64_t rt_simplex_take(double *y, int64_t k, double base, double count, double s) {
  int64_t taken = 0;
  double sum = base;
  for (int64_t i = k / 2; i-- > 0;) rt_simplex_sift(y, k, i);
  while (taken < k && (count + (double)taken == 0 || y[0] > (sum - s) / (count + (double)taken))) {
    sum += rt_simplex_pop(y, k - taken);
    taken++;
  }
  return taken;
}

/* Numbers below and above tau - top that are likely to be near it: 100 ranks from where it is in a sample of the n numbers x - top. */
static inline void rt_simplex_bracket(const double *x, int64_t n, double top, double base, double count, double s, double *low,
                                      double *high) {
  const int64_t size = 1024, reach = 100, step = n / size;
  const double part = (double)size / (double)n;
  double sample[1024];
  uint64_t draw = 1;
  for (int64_t i = 0; i < size; i++) {
    draw = draw * 6364136223846793005u + 1442695040888963407u;
    sample[i] = x[i * step + (int64_t)(draw >> 33) % step] - top;
  }
  const int64_t taken = rt_simplex_take(sample, size, base * part, count * part, s * part);
  *high = taken > reach ? sample[size - taken + reach] : 0;
  double next = -INFINITY;
  for (int64_t k = taken; k < taken + reach; k++) next = k < size ? rt_simplex_pop(sample, size - k) : -INFINITY;
  *low = next > -s ? next : -s;
}

/* The sum of those of the n numbers x - top that are above `high`; *count grows by how many. Eight lanes. */
static inline double rt_simplex_above(const double *x, int64_t n, double top, double high, int64_t *count) {
  double sum[8] = {0};
  int64_t some[8] = {0};
  const int64_t whole = n - n % 8;
  for (int64_t i = 0; i < whole; i += 8)
    for (int k = 0; k < 8; k++) {
      const double d = x[i + k] - top;
      sum[k] += d > high ? d : 0;
      some[k] += d > high;
    }
  for (int64_t i = whole; i < n; i++) {
    const double d = x[i] - top;
    sum[0] += d > high ? d : 0;
    some[0] += d > high;
  }
  for (int k = 0; k < 8; k++) *count += some[k];
  return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/* Of the n numbers x - top: the sum and the count of those above `high`, and in kept those above `low` beside them. How many
 * these are. No branch depends on a number; sums of blocks are compensated. */
static inline int64_t rt_simplex_part(const double *x, int64_t n, double top, double low, double high, double *kept, double *sum,
                                      double *count) {
  int64_t k = 0, above = 0;
  double s = 0, r = 0;
  for (int64_t first = 0; first < n; first += 512) {
    const int64_t size = n - first < 512 ? n - first : 512;
    const double block = high < 0 ? rt_simplex_above(x + first, size, top, high, &above) : 0, t = s + block, z = t - s;
    r += (s - (t - z)) + (block - z);
    s = t;
    for (int64_t i = first; i < first + size; i++) {
      const double d = x[i] - top;
      kept[k] = d;
      k += (d > low) & (d <= high);
    }
  }
  *sum = s + r;
  *count = (double)above;
  return k;
}

/* Michelot's (1986) passes over k candidates: each drops what is not above the mean that it would have, while they shrink
 * geometrically; the few hard rows are finished in sorted order. tau - top. */
static inline double rt_simplex_finish(double *kept, int64_t k, double base, double count, double s, double tau) {
  while (k > 0) {
    const int64_t before = k;
    k = 0;
    for (int64_t i = 0; i < before; i++) {
      const double d = kept[i];
      kept[k] = d;
      k += d > tau;
    }
    if (k == before) return tau;
    if (k > before - before / 8) {
      const int64_t taken = rt_simplex_take(kept, k, base, count, s);
      return ((base + rt_simplex_total(kept + (k - taken), taken)) - s) / (count + (double)taken);
    }
    if (count + (double)k > 0) tau = ((base + rt_simplex_total(kept, k)) - s) / (count + (double)k);
  }
  return tau;
}

/* tau - top for the row x with maximum `top`. The coordinates are taken relative to the maximum: tau - top is in [-s, 0), which
 * loses no digits when x is large, and leaves out what is below -s at once. Of long rows a sample tells which coordinates are
 * surely in (their sum and number are enough) or out, again and again for the rest; should it be wrong, which one look at the
 * rest tells, all is done without. O(n log n) at worst, O(n) as a rule. `kept` has room for n. */
static inline double rt_simplex_threshold(const double *x, int64_t n, double top, double s, double *kept) {
  const int64_t few = 16384;
  const double *from = x;
  double base = 0, count = 0, sum, some, tau = 0;
  int64_t m = n;
  for (int careful = 0;;) {
    double low = -s, high = 0;
    if (m >= few && !careful) rt_simplex_bracket(from, m, from == x ? top : 0, base, count, s, &low, &high);
    const int64_t k = rt_simplex_part(from, m, from == x ? top : 0, low, high, kept, &sum, &some), before = m;
    base += sum;
    count += some;
    m = k;
    from = kept;
    tau = count + (double)k > 0 ? ((base + rt_simplex_total(kept, k)) - s) / (count + (double)k) : 0;
    if (!careful && before >= few && !(tau >= low && base - count * high <= s && count + (double)k > 0)) {
      careful = 1;
      from = x;
      m = n;
      base = count = 0;
      continue;
    }
    if (m < few || careful || m > before / 2) return rt_simplex_finish(kept, m, base, count, s, tau);
  }
}

/* The largest of x; NaN when one of them is. */
static inline double rt_simplex_top(const double *x, int64_t n) {
  double lane[8], top = -INFINITY;
  int64_t odd[8] = {0};
  const int64_t whole = n - n % 8;
  for (int k = 0; k < 8; k++) lane[k] = top;
  for (int64_t i = 0; i < whole; i += 8)
    for (int k = 0; k < 8; k++) {
      lane[k] = x[i + k] > lane[k] ? x[i + k] : lane[k];
      odd[k] |= x[i + k] != x[i + k];
    }
  for (int64_t i = whole; i < n; i++) {
    lane[0] = x[i] > lane[0] ? x[i] : lane[0];
    odd[0] |= x[i] != x[i];
  }
  for (int k = 0; k < 8; k++) {
    top = lane[k] > top ? lane[k] : top;
    odd[0] |= odd[k];
  }
  return odd[0] ? (double)NAN : top;
}

/* p = the projection of the row x of n; NaN where x or s is not finite enough. 1 when s is negative. `kept`
 * has room for n. */
static inline int rt_simplex(const double *x, double s, double *p, int64_t n, double *kept) {
  if (s < 0) return 1;
  const double top = rt_simplex_top(x, n);
  if (s - s != 0 || top - top != 0) {
    for (int64_t i = 0; i < n; i++) p[i] = (double)NAN;
    return 0;
  }
  const double tau = rt_simplex_threshold(x, n, top, s, kept);
  for (int64_t i = 0; i < n; i++) {
    const double d = (x[i] - top) - tau;
    p[i] = d > 0 ? d : 0;
  }
  return 0;
}

#endif
