/* Functions of one element that the formulas of ops/loops.def call: part of the library, and of the C that it writes
 * (where this file is copied in front, from the first line below the includes). */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_SCALAR_H
#define TALWEG_GRAPH_EMIT_RUNTIME_SCALAR_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* lgamma_r: lgamma writes a global. Include this file first. */
#endif
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

static inline bool negative(int64_t a) {
  return a < 0;
}

/* Quotient rounded towards minus infinity; b is not 0. */
static inline int64_t floor_quotient(int64_t a, int64_t b) {
  if (b == -1) return (int64_t)(0 - (uint64_t)a);
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* a - b * floor_quotient(a, b): has the sign of b. */
static inline int64_t floor_remainder(int64_t a, int64_t b) {
  if (b == -1) return 0;
  int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

/* The same for floats. fmod is exact; the sum r + b rounds once. */
static inline double float_remainder(double a, double b) {
  double r = fmod(a, b);
  if (r == 0) return copysign(r, b);
  return (r < 0) != (b < 0) ? r + b : r;
}

/* floor of the exact a / b, which the rounded quotient may have passed: a - remainder is a multiple of b but
 * for one rounding, so its quotient rounds to the integer wanted. */
static inline double float_quotient(double a, double b) {
  double q = floor(a / b);
  if (b == 0 || !(fabs(a) < INFINITY) || !(fabs(b) < INFINITY) || fabs(q) >= 0x1p52)
    return fabs(b) == INFINITY && a != 0 && fabs(a) < INFINITY && (a < 0) != (b < 0) ? -1 : q;
  return rint((a - float_remainder(a, b)) / b);
}

/* log |Gamma(x)| without the global sign of lgamma. */
static inline double log_gamma(double x) {
  int sign;
  return lgamma_r(x, &sign);
}

/* 1 / (1 + e^-x), by the exponential that cannot overflow. */
static inline double logistic(double x) {
  const double e = exp(-fabs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). */
static inline double soft_plus(double x) {
  return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

/* Towards zero; out of range saturates, NaN gives 0 (C leaves both undefined). */
static inline int64_t whole_in(double x, double low, double high, int64_t lowest, int64_t highest) {
  return x >= high ? highest : x <= low ? lowest : x == x ? (int64_t)x : 0;
}

#endif
