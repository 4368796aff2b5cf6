/* Random quadratic programs in arrays, drawn so that their solution is known. */
#ifndef TALWEG_TESTS_METHOD_PROGRAMS_H
#define TALWEG_TESTS_METHOD_PROGRAMS_H

#include "test.h"

#include <talweg/method.h>

typedef struct program {
  tw_csc p, a; /* P: lower triangle */
  double *q, *row_lower, *row_upper, *lower, *upper;
  double *x, *y, *z; /* a solution with multipliers: P x + q + A'y + z = 0 */
  tw_quadratic quadratic;
  tw_oracle oracle;
} program;

static inline double program_normal(uint64_t seed, int64_t i) {
  return tw_random_normal(tw_key_split(seed, 5), (uint64_t)i);
}
static inline double program_uniform(uint64_t seed, int64_t i) {
  return tw_random_uniform(tw_key_split(seed, 6), (uint64_t)i);
}

static inline tw_csc program_random_matrix(int64_t rows, int64_t cols, double density, uint64_t seed) {
  const int64_t most = rows * cols;
  int64_t *row = tw_alloc((size_t)most, sizeof *row), *col = tw_alloc((size_t)most, sizeof *col), count = 0;
  double *value = tw_alloc((size_t)most, sizeof *value);
  for (int64_t k = 0; k < most; k++)
    if (program_uniform(seed, k) < density) row[count] = k / cols, col[count] = k % cols, value[count++] = program_normal(seed, k);
  tw_csc out;
  assert_int_equal(tw_csc_from_triplets(&out, rows, cols, count, row, col, value, NULL), TW_OK);
  free(row), free(col), free(value);
  return out;
}

/* The lower triangle of M M' of this rank. */
static inline tw_csc program_random_p(int64_t n, int64_t rank, uint64_t seed) {
  const int64_t most = n * n;
  int64_t *row = tw_alloc((size_t)most, sizeof *row), *col = tw_alloc((size_t)most, sizeof *col), count = 0;
  double *value = tw_alloc((size_t)most, sizeof *value);
  for (int64_t j = 0; j < n; j++)
    for (int64_t i = j; i < n && rank > 0; i++) {
      double sum = 0;
      for (int64_t k = 0; k < rank; k++) sum += program_normal(seed, i * rank + k) * program_normal(seed, j * rank + k);
      row[count] = i, col[count] = j, value[count++] = sum;
    }
  tw_csc out;
  assert_int_equal(tw_csc_from_triplets(&out, n, n, count, row, col, value, NULL), TW_OK);
  free(row), free(col), free(value);
  return out;
}

static inline double *program_vector(int64_t n) {
  double *v = tw_alloc((size_t)n + 1, sizeof *v);
  assert_non_null(v);
  return v;
}

/* Limits around v for a multiplier that is 0, at the upper, at the lower limit, or of an equality; sometimes none at all. */
static inline double program_limit(uint64_t seed, int64_t i, double v, double *lower, double *upper) {
  const double kind = program_uniform(seed, 3 * i), size = 0.1 + program_uniform(seed, 3 * i + 1);
  *lower = kind < 0.5 ? v - size : -INFINITY, *upper = kind > 0.2 ? v + size : INFINITY;
  if (kind < 0.6) return 0;
  if (kind < 0.75) return *upper = v, size;
  if (kind < 0.9) return *lower = v, *upper = program_uniform(seed, 3 * i + 2) < 0.5 ? INFINITY : v + size, -size;
  return *lower = *upper = v, program_uniform(seed, 3 * i + 2) - 0.5;
}

static inline void program_state(program *s, bool bounds) {
  s->quadratic = (tw_quadratic){.p = &s->p, .q = s->q, .constant = 3, .a = &s->a, .row_lower = s->row_lower, .row_upper = s->row_upper,
                                .lower = bounds ? s->lower : NULL, .upper = bounds ? s->upper : NULL};
  assert_int_equal(tw_oracle_quadratic(&s->oracle, &s->quadratic, NULL), TW_OK);
}

/* Limits and multipliers are drawn at a random x; q makes it optimal. */
static inline program program_random(int64_t n, int64_t m, int64_t rank, bool bounds, uint64_t seed) {
  program s = {.p = program_random_p(n, rank, seed), .a = program_random_matrix(m, n, 0.5, tw_key_split(seed, 1))};
  double *work = program_vector(n + m);
  s.q = program_vector(n), s.lower = program_vector(n), s.upper = program_vector(n), s.x = program_vector(n), s.z = program_vector(n);
  s.row_lower = program_vector(m), s.row_upper = program_vector(m), s.y = program_vector(m);
  for (int64_t j = 0; j < n; j++) s.x[j] = program_normal(seed + 1, j);
  tw_csc_apply(&s.a, s.x, work);
  for (int64_t i = 0; i < m; i++) s.y[i] = program_limit(tw_key_split(seed, 2), i, work[i], &s.row_lower[i], &s.row_upper[i]);
  for (int64_t j = 0; j < n; j++) s.z[j] = program_limit(tw_key_split(seed, 3), j, s.x[j], &s.lower[j], &s.upper[j]);
  tw_csc_apply_transpose(&s.a, s.y, work);
  for (int64_t j = 0; j < n; j++) s.q[j] = -work[j] - (bounds ? s.z[j] : 0);
  for (int64_t j = 0; j < n; j++)
    for (int64_t k = s.p.start[j]; k < s.p.start[j + 1]; k++) {
      const int64_t i = s.p.row[k];
      s.q[i] -= s.p.value[k] * s.x[j];
      if (i != j) s.q[j] -= s.p.value[k] * s.x[i];
    }
  free(work);
  return s;
}

static inline void program_free(program *s) {
  tw_oracle_release(&s->oracle);
  tw_csc_free(&s->p), tw_csc_free(&s->a);
  free(s->q), free(s->row_lower), free(s->row_upper), free(s->lower), free(s->upper), free(s->x), free(s->y), free(s->z);
}

static inline double program_objective(const program *s, const double *x) {
  double f;
  assert_int_equal(s->oracle.value(s->oracle.context, x, &f, NULL), TW_OK);
  return f;
}

/* The result of a method; tw_result_free. */
static inline tw_result program_solve(const tw_oracle *oracle, const char *method) {
  tw_error why;
  tw_result r;
  const tw_solve_options options = {.method = method};
  if (tw_minimize(oracle, NULL, &options, &r, &why) != TW_OK) fail_msg("%s: %s", method, why.message);
  return r;
}

static inline void program_refused(const tw_oracle *oracle, const char *method, const char *part) {
  tw_error why = {0};
  tw_result r;
  const tw_solve_options options = {.method = method};
  assert_int_equal(tw_minimize(oracle, NULL, &options, &r, &why), TW_ERR_UNSUPPORTED);
  if (!strstr(why.message, part)) fail_msg("\"%s\" is not in: %s", part, why.message);
}

#endif
