/* Systems r(x) = 0 with exact Jacobians as oracles (Moré, Garbow & Hillstrom 1981). */
#ifndef TALWEG_TESTS_METHOD_SYSTEMS_H
#define TALWEG_TESTS_METHOD_SYSTEMS_H

#include "functions.h"

typedef struct tw_system {
  const char *name;
  int64_t n;
  /* r(x); entry(i, j, dr_i/dx_j) for every structural nonzero */
  void (*residual)(const double *x, int64_t n, double *r);
  double (*entry)(const double *x, int64_t n, int64_t i, int64_t j);
  int64_t band; /* dr_i/dx_j = 0 for |i - j| > band */
  double start[4];
  int start_length;
} tw_system;

static inline void rosenbrock_system_r(const double *x, int64_t n, double *r) {
  (void)n;
  r[0] = 10 * (x[1] - x[0] * x[0]);
  r[1] = 1 - x[0];
}

static inline double rosenbrock_system_j(const double *x, int64_t n, int64_t i, int64_t j) {
  (void)n;
  if (i == 0) return j == 0 ? -20 * x[0] : 10;
  return j == 0 ? -1 : 0;
}

/* 1e4 x y = 1, exp(-x) + exp(-y) = 1.0001 */
static inline void powell_badly_scaled_r(const double *x, int64_t n, double *r) {
  (void)n;
  r[0] = 1e4 * x[0] * x[1] - 1;
  r[1] = exp(-x[0]) + exp(-x[1]) - 1.0001;
}

static inline double powell_badly_scaled_j(const double *x, int64_t n, int64_t i, int64_t j) {
  (void)n;
  return i == 0 ? 1e4 * x[1 - j] : -exp(-x[j]);
}

/* The Jacobian has rank two at the root. */
static inline void powell_singular_r(const double *x, int64_t n, double *r) {
  (void)n;
  r[0] = x[0] + 10 * x[1];
  r[1] = sqrt(5) * (x[2] - x[3]);
  r[2] = (x[1] - 2 * x[2]) * (x[1] - 2 * x[2]);
  r[3] = sqrt(10) * (x[0] - x[3]) * (x[0] - x[3]);
}

static inline double powell_singular_j(const double *x, int64_t n, int64_t i, int64_t j) {
  (void)n;
  const double a = 2 * (x[1] - 2 * x[2]), b = 2 * sqrt(10) * (x[0] - x[3]);
  const double rows[4][4] = {{1, 10, 0, 0}, {0, 0, sqrt(5), -sqrt(5)}, {0, a, -2 * a, 0}, {b, 0, 0, -b}};
  return rows[i][j];
}

static inline void freudenstein_roth_r(const double *x, int64_t n, double *r) {
  (void)n;
  r[0] = -13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1];
  r[1] = -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1];
}

static inline double freudenstein_roth_j(const double *x, int64_t n, int64_t i, int64_t j) {
  (void)n;
  if (j == 0) return 1;
  return i == 0 ? 10 * x[1] - 3 * x[1] * x[1] - 2 : 3 * x[1] * x[1] + 2 * x[1] - 14;
}

/* (3 - 2 x_i) x_i - x_{i-1} - 2 x_{i+1} + 1 */
static inline void broyden_tridiagonal_r(const double *x, int64_t n, double *r) {
  for (int64_t i = 0; i < n; i++) {
    const double left = i > 0 ? x[i - 1] : 0, right = i + 1 < n ? x[i + 1] : 0;
    r[i] = (3 - 2 * x[i]) * x[i] - left - 2 * right + 1;
  }
}

static inline double broyden_tridiagonal_j(const double *x, int64_t n, int64_t i, int64_t j) {
  (void)n;
  return i == j ? 3 - 4 * x[i] : j == i - 1 ? -1 : j == i + 1 ? -2 : 0;
}

/* 2 x_i - x_{i-1} - x_{i+1} + h^2 (x_i + t_i + 1)^3 / 2 */
static inline void boundary_value_r(const double *x, int64_t n, double *r) {
  const double h = 1 / ((double)n + 1);
  for (int64_t i = 0; i < n; i++) {
    const double left = i > 0 ? x[i - 1] : 0, right = i + 1 < n ? x[i + 1] : 0,
                 z = x[i] + h * (double)(i + 1) + 1;
    r[i] = 2 * x[i] - left - right + h * h * z * z * z / 2;
  }
}

static inline double boundary_value_j(const double *x, int64_t n, int64_t i, int64_t j) {
  const double h = 1 / ((double)n + 1), z = x[i] + h * (double)(i + 1) + 1;
  return i == j ? 2 + 1.5 * h * h * z * z : -1;
}

static const tw_system systems[] = {
    {"rosenbrock", 2, rosenbrock_system_r, rosenbrock_system_j, 2, {-1.2, 1}, 2},
    {"freudenstein-roth", 2, freudenstein_roth_r, freudenstein_roth_j, 2, {6, 3}, 2},
    {"broyden tridiagonal", 60, broyden_tridiagonal_r, broyden_tridiagonal_j, 1, {-1}, 1},
    {"boundary value", 30, boundary_value_r, boundary_value_j, 1, {-0.1}, 1},
    {"powell badly scaled", 2, powell_badly_scaled_r, powell_badly_scaled_j, 2, {0, 1}, 2},
    {"powell singular", 4, powell_singular_r, powell_singular_j, 4, {3, -1, 0, 1}, 4},
};
enum { SYSTEMS = sizeof systems / sizeof *systems, REGULAR_SYSTEMS = 4 };

static inline tw_status system_residual(void *context, const double *x, double *r, tw_error *error) {
  (void)error;
  const tw_system *s = context;
  s->residual(x, s->n, r);
  return TW_OK;
}

static inline int64_t system_first(const tw_system *s, int64_t i) {
  return i > s->band ? i - s->band : 0;
}
static inline int64_t system_last(const tw_system *s, int64_t i) {
  return i + s->band < s->n ? i + s->band : s->n - 1;
}

static inline tw_status system_jacobian(void *context, const double *x, double *j, tw_error *error) {
  (void)error;
  const tw_system *s = context;
  memset(j, 0, (size_t)(s->n * s->n) * sizeof *j);
  for (int64_t i = 0; i < s->n; i++)
    for (int64_t c = system_first(s, i); c <= system_last(s, i); c++)
      j[i * s->n + c] = s->entry(x, s->n, i, c);
  return TW_OK;
}

static inline tw_status system_jvp(void *context, const double *x, const double *v, double *jv,
                                   tw_error *error) {
  (void)error;
  const tw_system *s = context;
  for (int64_t i = 0; i < s->n; i++) {
    jv[i] = 0;
    for (int64_t c = system_first(s, i); c <= system_last(s, i); c++) jv[i] += s->entry(x, s->n, i, c) * v[c];
  }
  return TW_OK;
}

static inline tw_status system_vjp(void *context, const double *x, const double *u, double *jtu,
                                   tw_error *error) {
  (void)error;
  const tw_system *s = context;
  memset(jtu, 0, (size_t)s->n * sizeof *jtu);
  for (int64_t i = 0; i < s->n; i++)
    for (int64_t c = system_first(s, i); c <= system_last(s, i); c++)
      jtu[c] += s->entry(x, s->n, i, c) * u[i];
  return TW_OK;
}

static inline tw_status system_start(void *context, double *x, tw_error *error) {
  (void)error;
  const tw_system *s = context;
  for (int64_t i = 0; i < s->n; i++) x[i] = s->start[i % s->start_length];
  return TW_OK;
}

static inline tw_oracle system_oracle(const tw_system *s) {
  return (tw_oracle){.context = (void *)(uintptr_t)s,
                     .n = s->n,
                     .k = s->n,
                     .offers = TW_RESIDUAL | TW_RESIDUAL_JVP | TW_RESIDUAL_JACOBIAN,
                     .residual_scale = 1,
                     .residual = system_residual,
                     .residual_jvp = system_jvp,
                     .residual_vjp = system_vjp,
                     .residual_jacobian = system_jacobian,
                     .start = system_start};
}

static inline double system_norm(const tw_system *s, const double *x) {
  double *r = malloc((size_t)s->n * sizeof *r);
  assert_non_null(r);
  s->residual(x, s->n, r);
  const double norm = tw_vec_norm_inf(r, (size_t)s->n);
  free(r);
  return norm;
}

#endif
