/* Polygamma functions psi_n(x), n <= 40: part of the library, and of the C that it writes. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_POLYGAMMA_H
#define TALWEG_GRAPH_EMIT_RUNTIME_POLYGAMMA_H
#include <math.h>

static inline double rt_factorial(int n) {
  double product = 1;
  for (int k = 2; k <= n; k++) product *= k;
  return product;
}

/* The n-th derivative of cot(pi x): with c = cot(pi x) it is pi^n P_n(c), P_0 = c, P_(k+1) = -(1 + c^2) P_k'.
 */
static inline double rt_cotangent_derivative(int n, double x) {
  const double pi = 3.14159265358979323846, c = 1 / tan(pi * (x - rint(x)));
  double p[42] = {0, 1}, q[42];
  for (int k = 0; k < n; k++) {
    for (int j = 0; j <= k + 2; j++) q[j] = 0;
    for (int j = 1; j <= k + 1; j++) {
      q[j - 1] -= j * p[j];
      q[j + 1] -= j * p[j];
    }
    for (int j = 0; j <= k + 2; j++) p[j] = q[j];
  }
  double value = p[n + 1];
  for (int j = n; j >= 0; j--) value = value * c + p[j];
  return value * pow(pi, n);
}

/* For x >= 12 + n, by the asymptotic series (Abramowitz & Stegun 1964, 6.3.18 and 6.4.11) with Bernoulli
 * numbers B_2k: psi_0(x) ~ log x - 1/(2x) - sum B_2k / (2k x^2k), psi_n(x) ~ (-1)^(n-1) (n-1)!/x^n [1 +
 * n/(2x) + sum B_2k (2k+n-1)! /
 * ((2k)! (n-1)!) / x^2k]. */
static inline double rt_polygamma_series(int n, double x) {
  const double bernoulli[] = {1.0 / 6,       -1.0 / 30,       1.0 / 42,      -1.0 / 30,
                              5.0 / 66,      -691.0 / 2730,   7.0 / 6,       -3617.0 / 510,
                              43867.0 / 798, -174611.0 / 330, 854513.0 / 138};
  const int terms = (int)(sizeof bernoulli / sizeof *bernoulli);
  double sum = 0;
  for (int k = terms; k >= 1; k--) {
    double factor = bernoulli[k - 1];
    if (n == 0) factor /= 2 * k;
    for (int j = 1; j < n; j++) factor *= (2.0 * k + j) / j;
    sum = (sum + factor) / (x * x);
  }
  if (n == 0) return log(x) - 0.5 / x - sum;
  return (n % 2 ? 1 : -1) * rt_factorial(n - 1) / pow(x, n) * (1 + 0.5 * n / x + sum);
}

/* psi_n(x) = psi_n(x + 1) - (-1)^n n! / x^(n+1) raises x to the series; below 0 the reflection
 * psi_n(x) = (-1)^n psi_n(1 - x) - pi d^n/dx^n cot(pi x). Poles: NaN for even n, +inf for odd. */
static inline double rt_polygamma(int n, double x) {
  const double pi = 3.14159265358979323846, step = n % 2 ? rt_factorial(n) : -rt_factorial(n);
  double sum = 0;
  if (x <= 0 && x == rint(x)) return n % 2 && x > -INFINITY ? INFINITY : NAN;
  if (x < 0) {
    const double reflected = rt_polygamma(n, 1 - x);
    return (n % 2 ? -reflected : reflected) - pi * rt_cotangent_derivative(n, x);
  }
  for (; x < 12 + n; x += 1) sum += step / pow(x, n + 1);
  return sum + rt_polygamma_series(n, x);
}

#endif
