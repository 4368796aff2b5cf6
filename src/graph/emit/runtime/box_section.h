/* Projection on {l <= p <= u, sum w p = c}: p = clip(x - tau w, l, u), tau such that sum w p = c. Part of the library, and of the C
 * that it writes. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_BOX_SECTION_H
#define TALWEG_GRAPH_EMIT_RUNTIME_BOX_SECTION_H
#include <math.h>
#include <stdint.h>

/* What sum w clip(x - tau w, l, u) = part[0] + part[1] - tau part[2] is made of: coordinates at a bound, and the others. a and b:
 * the tau where each meets its lower and its upper bound. */
static inline void rt_section_split(int64_t n, const double *x, const double *l, const double *u, const double *w, const double *a,
                                    const double *b, double tau, double *part) {
  part[0] = part[1] = part[2] = 0;
  for (int64_t i = 0; i < n; i++) {
    if (w[i] == 0) continue;
    const int rising = w[i] < 0;
    if (rising ? tau <= a[i] : tau >= a[i]) {
      part[0] += w[i] * l[i];
    } else if (rising ? tau >= b[i] : tau <= b[i]) {
      part[0] += w[i] * u[i];
    } else {
      part[1] += w[i] * x[i];
      part[2] += w[i] * w[i];
    }
  }
}

/* tau. The sum is piecewise linear and never increases in tau; its kinks are where a coordinate meets a bound. Newton's steps,
 * which end where no kink is passed, take turns with a search among the kinks by pivots drawn at random (by a fixed rule):
 * O(n) as a rule, O(n log n) expected at worst. `room` has room for 4n. */
static inline double rt_section_threshold(int64_t n, const double *x, const double *l, const double *u, const double *w, double c,
                                          double *room) {
  double *a = room, *b = room + n, *kink = room + 2 * n, left = -INFINITY, right = INFINITY, part[3], free_sum = 0, square = 0;
  int64_t kinks = 0;
  uint64_t draw = 1;
  for (int64_t i = 0; i < n; i++) {
    a[i] = (x[i] - l[i]) / w[i];
    b[i] = (x[i] - u[i]) / w[i];
    if (w[i] != 0 && a[i] - a[i] == 0) kink[kinks++] = a[i];
    if (w[i] != 0 && b[i] - b[i] == 0) kink[kinks++] = b[i];
    free_sum += w[i] * x[i];
    square += w[i] * w[i];
  }
  double guess = (free_sum - c) / square, inside = (double)NAN;
  for (int turn = 0; kinks > 0; turn++) {
    draw = draw * 6364136223846793005u + 1442695040888963407u;
    const double pivot = turn % 2 == 0 && guess > left && guess < right ? guess : kink[(int64_t)(draw >> 33) % kinks];
    rt_section_split(n, x, l, u, w, a, b, pivot, part);
    const double gap = part[0] + (part[1] - pivot * part[2]) - c;
    const int above = gap > 0;
    const int64_t before = kinks;
    int64_t passed = 0;
    guess = pivot + gap / part[2];
    kinks = 0;
    for (int64_t i = 0; i < before; i++) {
      const double v = kink[i];
      kink[kinks] = v;
      kinks += above ? v > pivot : v < pivot;
      passed += above ? (v >= pivot) & (v < guess) : (v <= pivot) & (v > guess);
    }
    if (above)
      left = pivot;
    else
      right = pivot;
    if (part[2] > 0 && passed == 0 && guess - guess == 0) {
      inside = guess;
      break;
    }
  }
  if (inside != inside)
    inside = left == -INFINITY   ? (right == INFINITY ? 0 : nextafter(right, -INFINITY))
             : right == INFINITY ? nextafter(left, INFINITY)
                                 : left + (right - left) / 2;
  rt_section_split(n, x, l, u, w, a, b, inside, part);
  if (part[2] == 0 && inside == guess) return guess; /* the root is a kink */
  if (part[2] == 0) { /* both bounds of a coordinate meet at one end, whose sum jumps there */
    const double end = part[0] < c ? left : right, other = part[0] < c ? right : left;
    return end - end == 0 ? end : other - other == 0 ? other : 0;
  }
  return fmin(fmax((part[1] + part[0] - c) / part[2], left), right);
}

/* range: the least and the greatest of sum w p within the bounds; 1 where the bounds cross or c is out of it by more than the
 * rounding of the sums. */
static inline int rt_section_outside(int64_t n, const double *l, const double *u, const double *w, double c, double *range) {
  double slack = fabs(c);
  int cross = 0;
  range[0] = range[1] = 0;
  for (int64_t i = 0; i < n; i++) {
    const double low = w[i] * (w[i] < 0 ? u[i] : l[i]), high = w[i] * (w[i] < 0 ? l[i] : u[i]);
    cross |= l[i] > u[i];
    if (w[i] == 0) continue;
    range[0] += low;
    range[1] += high;
    slack += (low - low == 0 ? fabs(low) : 0) + (high - high == 0 ? fabs(high) : 0);
  }
  return cross || c < range[0] - 4e-16 * slack || c > range[1] + 4e-16 * slack;
}

/* p of n. Where x is large tau has not the digits of p: then the point is moved by tau w, which leaves small numbers where p is
 * between its bounds, and projected again: that gains 15 digits each time. 1 when there is no such p; NaN where what is given is not finite
 * enough. `room` has room for 5n. */
static inline int rt_box_section(int64_t n, const double *x, const double *l, const double *u, const double *w, double c, double *p,
                                 double *room) {
  double *moved = room + 4 * n, range[2];
  int known = c - c == 0;
  for (int64_t i = 0; i < n; i++) known &= x[i] - x[i] == 0 && w[i] - w[i] == 0 && l[i] == l[i] && u[i] == u[i];
  if (rt_section_outside(n, l, u, w, c, range)) return 1;
  for (int64_t i = 0; i < n && !known; i++) p[i] = (double)NAN;
  for (int pass = 0; pass < 24 && known; pass++) {
    const double tau = rt_section_threshold(n, x, l, u, w, c, room);
    double size = fabs(c), sum = -c, lost = 0;
    for (int64_t i = 0; i < n; i++) {
      moved[i] = x[i] - tau * w[i];
      p[i] = fmin(fmax(moved[i], l[i]), u[i]);
      const double term = w[i] * p[i], t = sum + term, z = t - sum;
      lost += (sum - (t - z)) + (term - z);
      sum = t;
      size += fabs(term);
    }
    if (fabs(sum + lost) <= 4e-15 * size) break;
    x = moved;
  }
  return 0;
}

#endif
