/* The NIST StRD nonlinear regression sets (https://www.itl.nist.gov/div898/strd): a reader for their files,
 * and their models with exact first derivatives as least-squares oracles. */
#ifndef TALWEG_TESTS_METHOD_NIST_H
#define TALWEG_TESTS_METHOD_NIST_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <talweg/method.h>

enum { NIST_MAX_PARAMETERS = 9, NIST_MAX_ROWS = 256 };

/* y at predictors x with parameters b; g (n) receives dy/db. */
typedef double nist_model(const double *b, const double *x, double *g);

typedef struct nist_set {
  const char *name;
  nist_model *model;
  int n, predictors;
  bool log_response;
  double start[2][NIST_MAX_PARAMETERS], certified[NIST_MAX_PARAMETERS], deviation[NIST_MAX_PARAMETERS];
  double rss;
  int rows;
  double y[NIST_MAX_ROWS], x[NIST_MAX_ROWS][2];
} nist_set;

/* sum_i b_{2i} exp(-b_{2i+1} x) */
static inline double nist_exponentials(int terms, const double *b, double x, double *g) {
  double y = 0;
  for (int i = 0; i < terms; i++) {
    const double e = exp(-b[2 * i + 1] * x);
    y += b[2 * i] * e;
    g[2 * i] = e;
    g[2 * i + 1] = -x * b[2 * i] * e;
  }
  return y;
}

static inline double nist_lanczos(const double *b, const double *x, double *g) {
  return nist_exponentials(3, b, x[0], g);
}

static inline double nist_chwirut(const double *b, const double *x, double *g) {
  const double d = b[1] + b[2] * x[0], y = exp(-b[0] * x[0]) / d;
  g[0] = -x[0] * y;
  g[1] = -y / d;
  g[2] = -x[0] * y / d;
  return y;
}

static inline double nist_danwood(const double *b, const double *x, double *g) {
  g[0] = pow(x[0], b[1]);
  g[1] = b[0] * g[0] * log(x[0]);
  return b[0] * g[0];
}

static inline double nist_wave(double amplitude_cos, double amplitude_sin, double period, double x,
                               double *g_cos, double *g_sin, double *g_period) {
  const double angle = 2 * 3.14159265358979323846 * x / period;
  *g_cos = cos(angle);
  *g_sin = sin(angle);
  if (g_period) *g_period = (amplitude_cos * *g_sin - amplitude_sin * *g_cos) * angle / period;
  return amplitude_cos * *g_cos + amplitude_sin * *g_sin;
}

static inline double nist_enso(const double *b, const double *x, double *g) {
  g[0] = 1;
  return b[0] + nist_wave(b[1], b[2], 12, x[0], &g[1], &g[2], NULL) +
         nist_wave(b[4], b[5], b[3], x[0], &g[4], &g[5], &g[3]) +
         nist_wave(b[7], b[8], b[6], x[0], &g[7], &g[8], &g[6]);
}

static inline double nist_gauss(const double *b, const double *x, double *g) {
  double y = nist_exponentials(1, b, x[0], g);
  for (int i = 2; i < 8; i += 3) {
    const double z = (x[0] - b[i + 1]) / b[i + 2], e = exp(-z * z);
    y += b[i] * e;
    g[i] = e;
    g[i + 1] = b[i] * e * 2 * z / b[i + 2];
    g[i + 2] = b[i] * e * 2 * z * z / b[i + 2];
  }
  return y;
}

static inline double nist_kirby(const double *b, const double *x, double *g) {
  const double t = x[0], d = 1 + b[3] * t + b[4] * t * t, y = (b[0] + b[1] * t + b[2] * t * t) / d;
  for (int i = 0; i < 3; i++) g[i] = pow(t, i) / d;
  g[3] = -y * t / d;
  g[4] = -y * t * t / d;
  return y;
}

static inline double nist_mgh17(const double *b, const double *x, double *g) {
  const double e4 = exp(-x[0] * b[3]), e5 = exp(-x[0] * b[4]);
  g[0] = 1;
  g[1] = e4;
  g[2] = e5;
  g[3] = -x[0] * b[1] * e4;
  g[4] = -x[0] * b[2] * e5;
  return b[0] + b[1] * e4 + b[2] * e5;
}

static inline double nist_misra1a(const double *b, const double *x, double *g) {
  g[0] = 1 - exp(-b[1] * x[0]);
  g[1] = b[0] * x[0] * exp(-b[1] * x[0]);
  return b[0] * g[0];
}

static inline double nist_misra1b(const double *b, const double *x, double *g) {
  const double d = 1 + b[1] * x[0] / 2;
  g[0] = 1 - 1 / (d * d);
  g[1] = b[0] * x[0] / (d * d * d);
  return b[0] * g[0];
}

static inline double nist_nelson(const double *b, const double *x, double *g) {
  const double e = exp(-b[2] * x[1]);
  g[0] = 1;
  g[1] = -x[0] * e;
  g[2] = b[1] * x[0] * x[1] * e;
  return b[0] - b[1] * x[0] * e;
}

static inline double nist_rat42(const double *b, const double *x, double *g) {
  const double e = exp(b[1] - b[2] * x[0]), d = 1 + e;
  g[0] = 1 / d;
  g[1] = -b[0] * e / (d * d);
  g[2] = b[0] * e * x[0] / (d * d);
  return b[0] / d;
}

static inline double nist_roszman(const double *b, const double *x, double *g) {
  const double pi = 3.14159265358979323846, t = x[0] - b[3], square = t * t + b[2] * b[2];
  g[0] = 1;
  g[1] = -x[0];
  g[2] = -t / (pi * square);
  g[3] = -b[2] / (pi * square);
  return b[0] - b[1] * x[0] - atan(b[2] / t) / pi;
}

static const struct {
  const char *name;
  nist_model *model;
  int n, predictors;
  bool log_response;
} nist_models[] = {{"Misra1a", nist_misra1a, 2, 1, false},  {"Misra1b", nist_misra1b, 2, 1, false},
                   {"Chwirut2", nist_chwirut, 3, 1, false}, {"Lanczos3", nist_lanczos, 6, 1, false},
                   {"Gauss1", nist_gauss, 8, 1, false},     {"DanWood", nist_danwood, 2, 1, false},
                   {"Kirby2", nist_kirby, 5, 1, false},     {"Nelson", nist_nelson, 3, 2, true},
                   {"MGH17", nist_mgh17, 5, 1, false},      {"Lanczos1", nist_lanczos, 6, 1, false},
                   {"Roszman1", nist_roszman, 4, 1, false}, {"ENSO", nist_enso, 9, 1, false},
                   {"Rat42", nist_rat42, 3, 1, false}};
enum { NIST_SETS = sizeof nist_models / sizeof *nist_models };

/* "  b1 =  500  250  2.3894212918E+02  2.7070075241E+00" */
static inline void nist_parse_parameter(nist_set *set, const char *line) {
  int index;
  double v[4];
  if (sscanf(line, " b%d = %lf %lf %lf %lf", &index, &v[0], &v[1], &v[2], &v[3]) != 5) return;
  assert_in_range(index, 1, set->n);
  set->start[0][index - 1] = v[0];
  set->start[1][index - 1] = v[1];
  set->certified[index - 1] = v[2];
  set->deviation[index - 1] = v[3];
}

/* The set number `index`, from tests/data/nist. */
static inline void nist_read(nist_set *set, int index) {
  *set = (nist_set){.name = nist_models[index].name,
                    .model = nist_models[index].model,
                    .n = nist_models[index].n,
                    .predictors = nist_models[index].predictors,
                    .log_response = nist_models[index].log_response};
  char path[512], line[512];
  snprintf(path, sizeof path, "%s/tests/data/nist/%s.dat", TALWEG_SOURCE_DIR, set->name);
  FILE *file = fopen(path, "r");
  if (!file) fail_msg("cannot read %s", path);
  int data_lines = 0; /* "Data:" names the set at the top and begins the table at the bottom */
  while (fgets(line, sizeof line, file)) {
    nist_parse_parameter(set, line);
    sscanf(line, "Residual Sum of Squares: %lf", &set->rss);
    double v[3] = {0};
    if (strncmp(line, "Data:", 5) == 0) {
      data_lines++;
    } else if (data_lines == 2 && sscanf(line, "%lf %lf %lf", &v[0], &v[1], &v[2]) == 1 + set->predictors) {
      assert_true(set->rows < NIST_MAX_ROWS);
      set->y[set->rows] = set->log_response ? log(v[0]) : v[0];
      set->x[set->rows][0] = v[1];
      set->x[set->rows++][1] = v[2];
    }
  }
  fclose(file);
  assert_true(set->rows > set->n && set->rss > 0 && set->certified[set->n - 1] != 0);
}

static inline tw_status nist_residual(void *context, const double *b, double *r, tw_error *error) {
  (void)error;
  const nist_set *set = context;
  double g[NIST_MAX_PARAMETERS];
  for (int i = 0; i < set->rows; i++) r[i] = set->model(b, set->x[i], g) - set->y[i];
  return TW_OK;
}

static inline tw_status nist_jacobian(void *context, const double *b, double *j, tw_error *error) {
  (void)error;
  const nist_set *set = context;
  for (int i = 0; i < set->rows; i++) set->model(b, set->x[i], j + i * set->n);
  return TW_OK;
}

static inline tw_status nist_jvp(void *context, const double *b, const double *v, double *jv,
                                 tw_error *error) {
  (void)error;
  const nist_set *set = context;
  double g[NIST_MAX_PARAMETERS];
  for (int i = 0; i < set->rows; i++) {
    set->model(b, set->x[i], g);
    jv[i] = 0;
    for (int j = 0; j < set->n; j++) jv[i] += g[j] * v[j];
  }
  return TW_OK;
}

static inline tw_status nist_vjp(void *context, const double *b, const double *u, double *jtu,
                                 tw_error *error) {
  (void)error;
  const nist_set *set = context;
  double g[NIST_MAX_PARAMETERS];
  for (int j = 0; j < set->n; j++) jtu[j] = 0;
  for (int i = 0; i < set->rows; i++) {
    set->model(b, set->x[i], g);
    for (int j = 0; j < set->n; j++) jtu[j] += g[j] * u[i];
  }
  return TW_OK;
}

static inline tw_oracle nist_oracle(nist_set *set) {
  return (tw_oracle){.context = set,
                     .n = set->n,
                     .k = set->rows,
                     .offers = TW_RESIDUAL | TW_RESIDUAL_JVP | TW_RESIDUAL_JACOBIAN,
                     .residual_scale = 1,
                     .residual = nist_residual,
                     .residual_jvp = nist_jvp,
                     .residual_vjp = nist_vjp,
                     .residual_jacobian = nist_jacobian};
}

/* Digits of agreement: -log10 of the largest relative error of a parameter (NIST's LRE). */
static inline double nist_digits(const nist_set *set, const double *b) {
  double worst = 1e-15;
  for (int j = 0; j < set->n; j++)
    worst = fmax(worst, fabs(b[j] - set->certified[j]) / fabs(set->certified[j]));
  return -log10(worst);
}

#endif
