/* Small programs in arrays, dense, and what to do with them. */
#ifndef TALWEG_TESTS_METHOD_DENSE_PROGRAMS_H
#define TALWEG_TESTS_METHOD_DENSE_PROGRAMS_H

#include "test.h"

#include <talweg/method.h>

#include "method/program/qp.h"

static tw_error error;

/* n variables in [0, 1], m free rows, full matrices of zeros. */
static inline tw_qp program_new(int64_t n, int64_t m) {
  tw_qp qp;
  assert_ok(tw_qp_new(&qp, n, m, n * (n + 1) / 2, n * m, &error));
  for (int64_t j = 0, p = 0, a = 0; j < n; j++) {
    for (int64_t i = j; i < n; i++) qp.p.row[p++] = i;
    for (int64_t i = 0; i < m; i++) qp.a.row[a++] = i;
    qp.p.start[j + 1] = p;
    qp.a.start[j + 1] = a;
    qp.lower[j] = 0, qp.upper[j] = 1;
  }
  return qp;
}

/* Zeros in P are entries: a linear program has none. */
static inline void program_linear(tw_qp *qp) {
  for (int64_t j = 0; j <= qp->n; j++) qp->p.start[j] = 0;
}

static inline void program_integer(tw_qp *qp, int64_t first, int64_t count) {
  if (!qp->kinds) qp->kinds = tw_alloc((size_t)qp->n, sizeof *qp->kinds);
  assert_non_null(qp->kinds);
  for (int64_t j = first; j < first + count; j++) qp->kinds[j] = TW_INTEGER;
}

static inline double *program_at(tw_qp *qp, int64_t i, int64_t j) {
  return &qp->a.value[qp->a.start[j] + i];
}

static inline double draw(uint64_t key, uint64_t index, double low, double high) {
  return low + (high - low) * tw_random_uniform(key, index);
}

/* The result of a method; tw_result_free. */
static inline tw_result program_solve(const tw_qp *qp, const char *method) {
  tw_oracle oracle;
  tw_result r;
  const tw_solve_options options = {.method = method};
  assert_ok(tw_qp_oracle(&oracle, qp, true, &error));
  assert_ok(tw_minimize(&oracle, NULL, &options, &r, &error));
  tw_oracle_release(&oracle);
  return r;
}

/* Largest violation of rows and bounds. */
static inline double program_violation(const tw_qp *qp, const double *x) {
  double worst = 0, *ax = calloc((size_t)qp->m + 1, sizeof *ax);
  assert_non_null(ax);
  tw_qp_add_a(qp, 1, x, ax);
  for (int64_t i = 0; i < qp->m; i++) worst = fmax(worst, fmax(qp->row_lower[i] - ax[i], ax[i] - qp->row_upper[i]));
  for (int64_t j = 0; j < qp->n; j++) worst = fmax(worst, fmax(qp->lower[j] - x[j], x[j] - qp->upper[j]));
  free(ax);
  return worst;
}

/* The least objective over all integer points of a program of integers alone; inf: none is feasible. */
static inline double program_enumerate(const tw_qp *qp) {
  double best = INFINITY, x[16];
  assert_true(qp->n <= 16);
  for (int64_t j = 0; j < qp->n; j++) x[j] = qp->lower[j];
  for (;;) {
    if (program_violation(qp, x) <= 1e-9) best = fmin(best, tw_qp_objective(qp, x));
    int64_t j = 0;
    while (j < qp->n && x[j] + 1 > qp->upper[j]) x[j] = qp->lower[j], j++;
    if (j == qp->n) return best;
    x[j]++;
  }
}

#endif
