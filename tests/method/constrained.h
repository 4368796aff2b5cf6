/* Constrained test problems written once as complex functions, so that first derivatives are exact by the
 * complex step (Squire & Trapp 1998). Hock & Schittkowski (1981) by their numbers. */
#ifndef TALWEG_TESTS_METHOD_CONSTRAINED_H
#define TALWEG_TESTS_METHOD_CONSTRAINED_H

#include <complex.h>

#include "functions.h"

typedef double complex z_t;
enum { NLP_MAX = 8 };

typedef struct nlp {
  const char *name;
  int64_t n, m;
  void (*eval)(const z_t *x, z_t *f, z_t *c);
  double start[NLP_MAX], lower[NLP_MAX], upper[NLP_MAX], c_lower[NLP_MAX], c_upper[NLP_MAX];
  bool bounded;
  double optimum;
} nlp;

static inline void hs006(const z_t *x, z_t *f, z_t *c) {
  *f = (1 - x[0]) * (1 - x[0]);
  c[0] = 10 * (x[1] - x[0] * x[0]);
}

static inline void hs007(const z_t *x, z_t *f, z_t *c) {
  const z_t s = 1 + x[0] * x[0];
  *f = clog(s) - x[1];
  c[0] = s * s + x[1] * x[1];
}

static inline void hs026(const z_t *x, z_t *f, z_t *c) {
  const z_t a = x[0] - x[1], b = x[1] - x[2];
  *f = a * a + b * b * b * b;
  c[0] = (1 + x[1] * x[1]) * x[0] + x[2] * x[2] * x[2] * x[2];
}

static inline void hs027(const z_t *x, z_t *f, z_t *c) {
  const z_t a = x[0] - 1, b = x[1] - x[0] * x[0];
  *f = 0.01 * a * a + b * b;
  c[0] = x[0] + x[2] * x[2];
}

static inline void hs035(const z_t *x, z_t *f, z_t *c) {
  *f = 9 - 8 * x[0] - 6 * x[1] - 4 * x[2] + 2 * x[0] * x[0] + 2 * x[1] * x[1] + x[2] * x[2] +
       2 * x[0] * x[1] + 2 * x[0] * x[2];
  c[0] = x[0] + x[1] + 2 * x[2];
}

static inline void hs039(const z_t *x, z_t *f, z_t *c) {
  *f = -x[0];
  c[0] = x[1] - x[0] * x[0] * x[0] - x[2] * x[2];
  c[1] = x[0] * x[0] - x[1] - x[3] * x[3];
}

static inline void hs040(const z_t *x, z_t *f, z_t *c) {
  *f = -x[0] * x[1] * x[2] * x[3];
  c[0] = x[0] * x[0] * x[0] + x[1] * x[1];
  c[1] = x[0] * x[0] * x[3] - x[2];
  c[2] = x[3] * x[3] - x[1];
}

static inline void hs043(const z_t *x, z_t *f, z_t *c) {
  *f = x[0] * x[0] + x[1] * x[1] + 2 * x[2] * x[2] + x[3] * x[3] - 5 * x[0] - 5 * x[1] - 21 * x[2] + 7 * x[3];
  c[0] = x[0] * x[0] + x[1] * x[1] + x[2] * x[2] + x[3] * x[3] + x[0] - x[1] + x[2] - x[3];
  c[1] = x[0] * x[0] + 2 * x[1] * x[1] + x[2] * x[2] + 2 * x[3] * x[3] - x[0] - x[3];
  c[2] = 2 * x[0] * x[0] + x[1] * x[1] + x[2] * x[2] + 2 * x[0] - x[1] - x[3];
}

static inline void hs048(const z_t *x, z_t *f, z_t *c) {
  *f = (x[0] - 1) * (x[0] - 1) + (x[1] - x[2]) * (x[1] - x[2]) + (x[3] - x[4]) * (x[3] - x[4]);
  c[0] = x[0] + x[1] + x[2] + x[3] + x[4];
  c[1] = x[2] - 2 * (x[3] + x[4]);
}

static inline void hs065(const z_t *x, z_t *f, z_t *c) {
  const z_t a = x[0] - x[1], b = x[0] + x[1] - 10, d = x[2] - 5;
  *f = a * a + b * b / 9 + d * d;
  c[0] = x[0] * x[0] + x[1] * x[1] + x[2] * x[2];
}

static inline void hs071(const z_t *x, z_t *f, z_t *c) {
  *f = x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2];
  c[0] = x[0] * x[1] * x[2] * x[3];
  c[1] = x[0] * x[0] + x[1] * x[1] + x[2] * x[2] + x[3] * x[3];
}

static inline void hs076(const z_t *x, z_t *f, z_t *c) {
  *f = x[0] * x[0] + 0.5 * x[1] * x[1] + x[2] * x[2] + 0.5 * x[3] * x[3] - x[0] * x[2] + x[2] * x[3] - x[0] -
       3 * x[1] + x[2] - x[3];
  c[0] = x[0] + 2 * x[1] + x[2] + x[3];
  c[1] = 3 * x[0] + x[1] + 2 * x[2] - x[3];
  c[2] = x[1] + 4 * x[2];
}

static inline void hs078(const z_t *x, z_t *f, z_t *c) {
  *f = x[0] * x[1] * x[2] * x[3] * x[4];
  c[0] = x[0] * x[0] + x[1] * x[1] + x[2] * x[2] + x[3] * x[3] + x[4] * x[4];
  c[1] = x[1] * x[2] - 5 * x[3] * x[4];
  c[2] = x[0] * x[0] * x[0] + x[1] * x[1] * x[1];
}

static inline void hs100(const z_t *x, z_t *f, z_t *c) {
  const z_t a = x[0] - 10, b = x[1] - 12, d = x[3] - 11, s3 = x[2] * x[2], s5 = x[4] * x[4], s7 = x[6] * x[6];
  *f = a * a + 5 * b * b + s3 * s3 + 3 * d * d + 10 * s5 * s5 * s5 + 7 * x[5] * x[5] + s7 * s7 -
       4 * x[5] * x[6] - 10 * x[5] - 8 * x[6];
  const z_t s1 = x[0] * x[0], s2 = x[1] * x[1];
  c[0] = 2 * s1 + 3 * s2 * s2 + x[2] + 4 * x[3] * x[3] + 5 * x[4];
  c[1] = 7 * x[0] + 3 * x[1] + 10 * s3 + x[3] - x[4];
  c[2] = 23 * x[0] + s2 + 6 * x[5] * x[5] - 8 * x[6];
  c[3] = 4 * s1 + s2 - 3 * x[0] * x[1] + 2 * s3 + 5 * x[5] - 11 * x[6];
}

#define INF INFINITY
static const nlp nlps[] = {
    {"hs006", 2, 1, hs006, {-1.2, 1}, {0}, {0}, {0}, {0}, false, 0},
    {"hs007", 2, 1, hs007, {2, 2}, {0}, {0}, {4}, {4}, false, -1.7320508075688772},
    {"hs026", 3, 1, hs026, {-2.6, 2, 2}, {0}, {0}, {3}, {3}, false, 0},
    {"hs027", 3, 1, hs027, {2, 2, 2}, {0}, {0}, {-1}, {-1}, false, 0.04},
    {"hs035", 3, 1, hs035, {0.5, 0.5, 0.5}, {0, 0, 0}, {INF, INF, INF}, {-INF}, {3}, true, 1.0 / 9},
    {"hs039", 4, 2, hs039, {2, 2, 2, 2}, {0}, {0}, {0, 0}, {0, 0}, false, -1},
    {"hs040", 4, 3, hs040, {0.8, 0.8, 0.8, 0.8}, {0}, {0}, {1, 0, 0}, {1, 0, 0}, false, -0.25},
    {"hs043", 4, 3, hs043, {0, 0, 0, 0}, {0}, {0}, {-INF, -INF, -INF}, {8, 10, 5}, false, -44},
    {"hs048", 5, 2, hs048, {3, 5, -3, 2, -2}, {0}, {0}, {5, -3}, {5, -3}, false, 0},
    {"hs065", 3, 1, hs065, {-5, 5, 0}, {-4.5, -4.5, -5}, {4.5, 4.5, 5}, {-INF}, {48}, true, 0.9535288567},
    {"hs071",
     4,
     2,
     hs071,
     {1, 5, 5, 1},
     {1, 1, 1, 1},
     {5, 5, 5, 5},
     {25, 40},
     {INF, 40},
     true,
     17.01401728916},
    {"hs076",
     4,
     3,
     hs076,
     {0.5, 0.5, 0.5, 0.5},
     {0, 0, 0, 0},
     {INF, INF, INF, INF},
     {-INF, -INF, 1.5},
     {5, 4, INF},
     true,
     -4.6818181818},
    {"hs078", 5, 3, hs078, {-2, 1.5, 2, -1, -1}, {0}, {0}, {10, 0, -1}, {10, 0, -1}, false, -2.91970041},
    {"hs100",
     7,
     4,
     hs100,
     {1, 2, 0, 4, 0, 1, 1},
     {0},
     {0},
     {-INF, -INF, -INF, -INF},
     {127, 282, 196, 0},
     false,
     680.6300573744},
};
enum { NLPS = sizeof nlps / sizeof *nlps };

/* Derivatives along v at x: real parts and slopes of f and c. */
static inline void nlp_slope(const nlp *p, const double *x, const double *v, double *f, double *df, double *c,
                             double *dc) {
  const double h = 1e-100;
  z_t z[NLP_MAX], fz, cz[NLP_MAX];
  for (int64_t i = 0; i < p->n; i++) z[i] = x[i] + h * v[i] * I;
  p->eval(z, &fz, cz);
  *f = creal(fz);
  *df = cimag(fz) / h;
  for (int64_t i = 0; i < p->m; i++) {
    c[i] = creal(cz[i]);
    dc[i] = cimag(cz[i]) / h;
  }
}

/* grad f + J'y */
static inline void nlp_lagrangian_gradient(const nlp *p, const double *x, const double *y, double *f,
                                           double *g) {
  double e[NLP_MAX] = {0}, df, c[NLP_MAX], dc[NLP_MAX];
  for (int64_t j = 0; j < p->n; j++) {
    e[j] = 1;
    nlp_slope(p, x, e, f, &df, c, dc);
    e[j] = 0;
    g[j] = df;
    for (int64_t i = 0; y && i < p->m; i++) g[j] += y[i] * dc[i];
  }
}

static inline tw_status nlp_value(void *context, const double *x, double *f, tw_error *error) {
  (void)error;
  const double zero[NLP_MAX] = {0};
  double df, c[NLP_MAX], dc[NLP_MAX];
  nlp_slope(context, x, zero, f, &df, c, dc);
  return TW_OK;
}

static inline tw_status nlp_gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  (void)error;
  nlp_lagrangian_gradient(context, x, NULL, f, g);
  return TW_OK;
}

/* Central differences of the exact gradient: eight or nine digits. */
static inline tw_status nlp_hvp(void *context, const double *x, const double *y, const double *v, double *out,
                                tw_error *error) {
  (void)error;
  const nlp *p = context;
  const double size = tw_vec_norm_inf(v, (size_t)p->n);
  const double h = size > 0 ? 6e-6 * fmax(1, tw_vec_norm_inf(x, (size_t)p->n)) / size : 1;
  double up[NLP_MAX], down[NLP_MAX], gu[NLP_MAX], gd[NLP_MAX], f;
  for (int64_t j = 0; j < p->n; j++) {
    up[j] = x[j] + h * v[j];
    down[j] = x[j] - h * v[j];
  }
  nlp_lagrangian_gradient(p, up, y, &f, gu);
  nlp_lagrangian_gradient(p, down, y, &f, gd);
  for (int64_t j = 0; j < p->n; j++) out[j] = (gu[j] - gd[j]) / (2 * h);
  return TW_OK;
}

static inline tw_status nlp_constraints(void *context, const double *x, double *c, tw_error *error) {
  (void)error;
  const double zero[NLP_MAX] = {0};
  double f, df, dc[NLP_MAX];
  nlp_slope(context, x, zero, &f, &df, c, dc);
  return TW_OK;
}

static inline tw_status nlp_jvp(void *context, const double *x, const double *v, double *jv,
                                tw_error *error) {
  (void)error;
  double f, df, c[NLP_MAX];
  nlp_slope(context, x, v, &f, &df, c, jv);
  return TW_OK;
}

static inline tw_status nlp_vjp(void *context, const double *x, const double *y, double *jty,
                                tw_error *error) {
  (void)error;
  const nlp *p = context;
  double e[NLP_MAX] = {0}, f, df, c[NLP_MAX], dc[NLP_MAX];
  for (int64_t j = 0; j < p->n; j++) {
    e[j] = 1;
    nlp_slope(p, x, e, &f, &df, c, dc);
    e[j] = 0;
    jty[j] = 0;
    for (int64_t i = 0; i < p->m; i++) jty[j] += y[i] * dc[i];
  }
  return TW_OK;
}

static inline tw_status nlp_start(void *context, double *x, tw_error *error) {
  (void)error;
  const nlp *p = context;
  memcpy(x, p->start, (size_t)p->n * sizeof *x);
  return TW_OK;
}

static inline tw_oracle nlp_oracle(const nlp *p, bool curvature) {
  return (tw_oracle){.context = (void *)(uintptr_t)p,
                     .n = p->n,
                     .m = p->m,
                     .offers = TW_VALUE | TW_GRADIENT | TW_CONSTRAINTS | (curvature ? TW_CURVATURE : 0) |
                               (p->bounded ? TW_BOUNDS : 0),
                     .lower = p->bounded ? p->lower : NULL,
                     .upper = p->bounded ? p->upper : NULL,
                     .c_lower = p->c_lower,
                     .c_upper = p->c_upper,
                     .value = nlp_value,
                     .gradient = nlp_gradient,
                     .hvp = nlp_hvp,
                     .constraints = nlp_constraints,
                     .constraints_jvp = nlp_jvp,
                     .constraints_vjp = nlp_vjp,
                     .start = nlp_start};
}

/* ------------------------------------------------------------------ Luksan & Vlcek (1998), problem 5.1, any
 * n
 *
 * sum_{i=1}^{n-1} 100 (x_{i-1}^2 - x_i)^2 + (x_{i-1} - 1)^2 subject to, for k = 0..n-3 with z, a, b = x_k,
 * x_{k+1}, x_{k+2}, 3 a^3 + 2 b - 5 + sin(a - b) sin(a + b) + 4 a - z exp(z - a) - 3 = 0;   sin(a - b) sin(a
 * + b) = sin^2 a - sin^2 b. */
static inline tw_status lv_gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  (void)error;
  const int64_t n = *(const int64_t *)context;
  *f = 0;
  memset(g, 0, (size_t)n * sizeof *g);
  for (int64_t i = 1; i < n; i++) {
    const double p = x[i - 1], a = p * p - x[i];
    *f += 100 * a * a + (p - 1) * (p - 1);
    g[i - 1] += 400 * a * p + 2 * (p - 1);
    g[i] -= 200 * a;
  }
  return TW_OK;
}

static inline tw_status lv_value(void *context, const double *x, double *f, tw_error *error) {
  (void)error;
  const int64_t n = *(const int64_t *)context;
  *f = 0;
  for (int64_t i = 1; i < n; i++) {
    const double p = x[i - 1], a = p * p - x[i];
    *f += 100 * a * a + (p - 1) * (p - 1);
  }
  return TW_OK;
}

static inline tw_status lv_constraints(void *context, const double *x, double *c, tw_error *error) {
  (void)error;
  const int64_t n = *(const int64_t *)context;
  for (int64_t k = 0; k + 2 < n; k++) {
    const double z = x[k], a = x[k + 1], b = x[k + 2];
    c[k] = 3 * a * a * a + 2 * b - 5 + sin(a - b) * sin(a + b) + 4 * a - z * exp(z - a) - 3;
  }
  return TW_OK;
}

static inline void lv_row(const double *x, int64_t k, double row[3]) {
  const double z = x[k], a = x[k + 1], b = x[k + 2], e = exp(z - a);
  row[0] = -(1 + z) * e;
  row[1] = 9 * a * a + sin(2 * a) + 4 + z * e;
  row[2] = 2 - sin(2 * b);
}

static inline tw_status lv_jvp(void *context, const double *x, const double *v, double *jv, tw_error *error) {
  (void)error;
  const int64_t n = *(const int64_t *)context;
  for (int64_t k = 0; k + 2 < n; k++) {
    double row[3];
    lv_row(x, k, row);
    jv[k] = row[0] * v[k] + row[1] * v[k + 1] + row[2] * v[k + 2];
  }
  return TW_OK;
}

static inline tw_status lv_vjp(void *context, const double *x, const double *y, double *jty,
                               tw_error *error) {
  (void)error;
  const int64_t n = *(const int64_t *)context;
  memset(jty, 0, (size_t)n * sizeof *jty);
  for (int64_t k = 0; k + 2 < n; k++) {
    double row[3];
    lv_row(x, k, row);
    for (int j = 0; j < 3; j++) jty[k + j] += y[k] * row[j];
  }
  return TW_OK;
}

static inline tw_status lv_hvp(void *context, const double *x, const double *y, const double *v, double *out,
                               tw_error *error) {
  (void)error;
  const int64_t n = *(const int64_t *)context;
  memset(out, 0, (size_t)n * sizeof *out);
  for (int64_t i = 1; i < n; i++) {
    const double p = x[i - 1];
    out[i - 1] += (1200 * p * p - 400 * x[i] + 2) * v[i - 1] - 400 * p * v[i];
    out[i] += -400 * p * v[i - 1] + 200 * v[i];
  }
  for (int64_t k = 0; y && k + 2 < n; k++) {
    const double z = x[k], a = x[k + 1], b = x[k + 2], e = exp(z - a);
    out[k] += y[k] * (-(2 + z) * e * v[k] + (1 + z) * e * v[k + 1]);
    out[k + 1] += y[k] * ((1 + z) * e * v[k] + (18 * a + 2 * cos(2 * a) - z * e) * v[k + 1]);
    out[k + 2] += y[k] * -2 * cos(2 * b) * v[k + 2];
  }
  return TW_OK;
}

static inline tw_status lv_start(void *context, double *x, tw_error *error) {
  (void)error;
  const int64_t n = *(const int64_t *)context;
  for (int64_t i = 0; i < n; i++) x[i] = i % 2 == 0 ? -1.2 : 1;
  return TW_OK;
}

/* `zeros`: n - 2 of them, the right-hand sides. */
static inline tw_oracle lv_oracle(int64_t *n, const double *zeros, bool curvature) {
  return (tw_oracle){.context = n,
                     .n = *n,
                     .m = *n - 2,
                     .offers = TW_VALUE | TW_GRADIENT | TW_CONSTRAINTS | (curvature ? TW_CURVATURE : 0),
                     .c_lower = zeros,
                     .c_upper = zeros,
                     .value = lv_value,
                     .gradient = lv_gradient,
                     .hvp = lv_hvp,
                     .constraints = lv_constraints,
                     .constraints_jvp = lv_jvp,
                     .constraints_vjp = lv_vjp,
                     .start = lv_start};
}

#endif
