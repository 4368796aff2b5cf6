/* Folds of a few numbers in the order of the library's own (graph/ops/folds.h), for C that has to give its bits. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_LANES_H
#define TALWEG_GRAPH_EMIT_RUNTIME_LANES_H
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* The sum of n <= 128 numbers. */
static inline double rt_lanes_sum(int64_t n, const double *x) {
  double lane[8] = {0}, rest = 0;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; k++) lane[k] += x[i + k];
  for (; i < n; i++) rest += x[i];
  for (int width = 4; width > 0; width /= 2)
    for (int k = 0; k < width; k++) lane[k] += lane[k + width];
  return lane[0] + rest;
}

/* The product of n <= 128 numbers. */
static inline double rt_lanes_prod(int64_t n, const double *x) {
  double lane[8] = {1, 1, 1, 1, 1, 1, 1, 1}, rest = 1;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; k++) lane[k] *= x[i + k];
  for (; i < n; i++) rest *= x[i];
  for (int width = 4; width > 0; width /= 2)
    for (int k = 0; k < width; k++) lane[k] *= lane[k + width];
  return lane[0] * rest;
}

/* The larger of two, or the smaller; NaN wins, and of equal ones the second. */
static inline double rt_lanes_one(bool larger, double a, double b) {
  return ((larger ? a > b : a < b) | (a != a)) ? a : b;
}

/* The largest of n <= 128 numbers, or the smallest. */
static inline double rt_lanes_extreme(bool largest, int64_t n, const double *x) {
  const double least = largest ? -INFINITY : INFINITY;
  double lane[32], rest = least;
  int64_t i = 0;
  for (int k = 0; k < 32; k++) lane[k] = least;
  for (; i + 32 <= n; i += 32)
    for (int k = 0; k < 32; k++) lane[k] = rt_lanes_one(largest, lane[k], x[i + k]);
  for (; i < n; i++) rest = rt_lanes_one(largest, rest, x[i]);
  for (int width = 16; width > 0; width /= 2)
    for (int k = 0; k < width; k++) lane[k] = rt_lanes_one(largest, lane[k], lane[k + width]);
  return rt_lanes_one(largest, lane[0], rest);
}

/* The sum of rows <= 32 numbers that are `columns` apart. */
static inline double rt_column_sum(int64_t rows, int64_t columns, const double *x) {
  double sum = 0;
  int64_t i = 0;
  for (; i + 2 <= rows; i += 2) {
    const double pair = x[i * columns] + x[(i + 1) * columns];
    sum += pair;
  }
  if (i < rows) sum += x[i * columns];
  return sum;
}

#endif
