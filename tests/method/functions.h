/* Smooth test functions as hand-written oracles: value, gradient, Hessian products. More, Garbow & Hillstrom
 * (1981). */
#ifndef TALWEG_TESTS_METHOD_FUNCTIONS_H
#define TALWEG_TESTS_METHOD_FUNCTIONS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <talweg/method.h>

typedef struct function {
  const char *name;
  int64_t n;
  double (*f)(const double *x, int64_t n, double *g); /* g may be NULL */
  void (*hvp)(const double *x, int64_t n, const double *v, double *out);
  double start[8]; /* repeated beyond */
  int start_length;
  double optimum, minimizer; /* every coordinate of the minimiser; NaN: not that simple */
  double f_error, x_error;   /* what stationarity 1e-9 relative to the start means here */
} function;

/* sum over pairs 100 (x_{2i+1} - x_{2i}^2)^2 + (1 - x_{2i})^2 */
static inline double rosenbrock_f(const double *x, int64_t n, double *g) {
  double f = 0;
  for (int64_t i = 0; i + 1 < n; i += 2) {
    const double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
    f += 100 * a * a + b * b;
    if (g != NULL) {
      g[i] = -400 * a * x[i] - 2 * b;
      g[i + 1] = 200 * a;
    }
  }
  return f;
}

static inline void rosenbrock_hvp(const double *x, int64_t n, const double *v, double *out) {
  for (int64_t i = 0; i + 1 < n; i += 2) {
    const double h00 = 1200 * x[i] * x[i] - 400 * x[i + 1] + 2, h01 = -400 * x[i];
    out[i] = h00 * v[i] + h01 * v[i + 1];
    out[i + 1] = h01 * v[i] + 200 * v[i + 1];
  }
}

static inline double beale_f(const double *x, int64_t n, double *g) {
  (void)n;
  static const double y[3] = {1.5, 2.25, 2.625};
  double f = 0, power = 1;
  if (g != NULL) g[0] = g[1] = 0;
  for (int i = 0; i < 3; i++) {
    const double before = power;
    power *= x[1];
    const double r = y[i] - x[0] * (1 - power);
    f += r * r;
    if (g == NULL) continue;
    g[0] += -2 * r * (1 - power);
    g[1] += 2 * r * x[0] * (i + 1) * before;
  }
  return f;
}

static inline void beale_hvp(const double *x, int64_t n, const double *v, double *out) {
  (void)n;
  static const double y[3] = {1.5, 2.25, 2.625};
  double h00 = 0, h01 = 0, h11 = 0;
  for (int i = 1; i <= 3; i++) {
    const double p = pow(x[1], i), dp = i * pow(x[1], i - 1),
                 ddp = i > 1 ? i * (i - 1) * pow(x[1], i - 2) : 0;
    const double r = y[i - 1] - x[0] * (1 - p), r0 = -(1 - p), r1 = x[0] * dp;
    h00 += 2 * r0 * r0;
    h01 += 2 * (r0 * r1 + r * dp);
    h11 += 2 * (r1 * r1 + r * x[0] * ddp);
  }
  out[0] = h00 * v[0] + h01 * v[1];
  out[1] = h01 * v[0] + h11 * v[1];
}

static inline double wood_f(const double *x, int64_t n, double *g) {
  (void)n;
  const double a = x[1] - x[0] * x[0], b = 1 - x[0], c = x[3] - x[2] * x[2], d = 1 - x[2], e = x[1] - 1,
               h = x[3] - 1;
  if (g != NULL) {
    g[0] = -400 * a * x[0] - 2 * b;
    g[1] = 200 * a + 20.2 * e + 19.8 * h;
    g[2] = -360 * c * x[2] - 2 * d;
    g[3] = 180 * c + 20.2 * h + 19.8 * e;
  }
  return 100 * a * a + b * b + 90 * c * c + d * d + 10.1 * (e * e + h * h) + 19.8 * e * h;
}

static inline void wood_hvp(const double *x, int64_t n, const double *v, double *out) {
  (void)n;
  out[0] = (1200 * x[0] * x[0] - 400 * x[1] + 2) * v[0] - 400 * x[0] * v[1];
  out[1] = -400 * x[0] * v[0] + 220.2 * v[1] + 19.8 * v[3];
  out[2] = (1080 * x[2] * x[2] - 360 * x[3] + 2) * v[2] - 360 * x[2] * v[3];
  out[3] = 19.8 * v[1] - 360 * x[2] * v[2] + 200.2 * v[3];
}

/* sum lambda_i (x_i - 1)^2 / 2, lambda from 1 to 1e6 by equal factors. */
static inline double lambda_of(int64_t i, int64_t n) {
  return pow(10, 6.0 * (double)i / (double)(n - 1));
}

static inline double quadratic_f(const double *x, int64_t n, double *g) {
  double f = 0;
  for (int64_t i = 0; i < n; i++) {
    const double lambda = lambda_of(i, n), d = x[i] - 1;
    f += 0.5 * lambda * d * d;
    if (g != NULL) g[i] = lambda * d;
  }
  return f;
}

static inline void quadratic_hvp(const double *x, int64_t n, const double *v, double *out) {
  (void)x;
  for (int64_t i = 0; i < n; i++) out[i] = lambda_of(i, n) * v[i];
}

static const function functions[] = {
    {"rosenbrock", 2, rosenbrock_f, rosenbrock_hvp, {-1.2, 1}, 2, 0, 1, 1e-10, 1e-4},
    {"extended rosenbrock", 100, rosenbrock_f, rosenbrock_hvp, {-1.2, 1}, 2, 0, 1, 1e-10, 1e-4},
    {"beale", 2, beale_f, beale_hvp, {1, 1}, 2, 0, NAN, 1e-14, 0},
    {"wood", 4, wood_f, wood_hvp, {-3, -1}, 2, 0, 1, 1e-8, 1e-3},
    {"quadratic of condition 1e6", 20, quadratic_f, quadratic_hvp, {-2, 0.5, 3}, 3, 0, 1, 1e-4, 1e-2},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

static inline tw_status function_value(void *context, const double *x, double *f, tw_error *error) {
  (void)error;
  const function *fn = context;
  *f = fn->f(x, fn->n, NULL);
  return TW_OK;
}

static inline tw_status function_gradient(void *context, const double *x, double *f, double *g,
                                          tw_error *error) {
  (void)error;
  const function *fn = context;
  *f = fn->f(x, fn->n, g);
  return TW_OK;
}

static inline tw_status function_hvp(void *context, const double *x, const double *y, const double *v,
                                     double *out, tw_error *error) {
  (void)y;
  (void)error;
  const function *fn = context;
  fn->hvp(x, fn->n, v, out);
  return TW_OK;
}

static inline tw_status function_start(void *context, double *x, tw_error *error) {
  (void)error;
  const function *fn = context;
  for (int64_t i = 0; i < fn->n; i++) x[i] = fn->start[i % fn->start_length];
  return TW_OK;
}

static inline tw_oracle function_oracle(const function *fn) {
  return (tw_oracle){.context = (void *)(uintptr_t)fn,
                     .n = fn->n,
                     .offers = TW_VALUE | TW_GRADIENT | TW_CURVATURE,
                     .value = function_value,
                     .gradient = function_gradient,
                     .hvp = function_hvp,
                     .start = function_start};
}

/* Runs to the end; the caller frees the result. */
static inline tw_result solve(const tw_oracle *oracle, const char *method) {
  tw_error error = {0};
  tw_result result;
  const tw_solve_options options = {.method = method};
  if (tw_minimize(oracle, NULL, &options, &result, &error) != TW_OK)
    fail_msg("%s: %s", method, error.message);
  return result;
}

static inline void assert_near(double value, double expected, double tolerance) {
  if (!(fabs(value - expected) <= tolerance))
    fail_msg("%.17g is not within %.3g of %.17g", value, tolerance, expected);
}

#endif
