/* Incomplete Cholesky without fill, A ~ U'U on the pattern of A (Meijerink & van der Vorst 1977), with a
 * diagonal shift A + sigma diag(A) when a pivot breaks down (Manteuffel 1980; the doubling of sigma follows
 * Lin & More 1999). */
#include "linear/csc.h"
#include "linear/precond.h"
#include "linear/vec.h"

#include <float.h>
#include <stdlib.h>

typedef struct ic0 {
  tw_precond base;
  tw_csc u; /* column i of U is row i of L */
} ic0;

/* x = U^-1 x; the diagonal entry is the last of its column. */
static void upper_solve(const tw_csc *u, double *x) {
  for (int64_t j = u->cols - 1; j >= 0; j--) {
    const int64_t diagonal = u->start[j + 1] - 1;
    const double xj = x[j] /= u->value[diagonal];
    for (int64_t p = u->start[j]; p < diagonal; p++) x[u->row[p]] -= u->value[p] * xj;
  }
}

/* x = U'^-1 x */
static void upper_solve_transpose(const tw_csc *u, double *x) {
  for (int64_t j = 0; j < u->cols; j++) {
    const int64_t diagonal = u->start[j + 1] - 1;
    double sum = x[j];
    for (int64_t p = u->start[j]; p < diagonal; p++) sum -= u->value[p] * x[u->row[p]];
    x[j] = sum / u->value[diagonal];
  }
}

static tw_status ic0_apply(void *context, const double *x, double *y) {
  const ic0 *p = context;
  vec_copy(p->u.cols, x, y);
  upper_solve_transpose(&p->u, y);
  upper_solve(&p->u, y);
  return TW_OK;
}

static void ic0_release(tw_precond *p) {
  tw_csc_free(&((ic0 *)p)->u);
}

/* Column i of U from the columns before it. w is zero on entry and exit, and holds the column in between:
 * u_ki = (a_ki - sum_{j<k} u_jk u_ji) / u_kk, u_ii^2 = (1 + sigma) a_ii - sum_j u_ji^2. False when u_ii^2 is
 * not positive. */
static bool factor_column(tw_csc *u, const double *a, int64_t i, double sigma, double *w) {
  const int64_t diagonal = u->start[i + 1] - 1;
  double pivot = (1 + sigma) * a[diagonal];
  for (int64_t p = u->start[i]; p < diagonal; p++) w[u->row[p]] = a[p];
  for (int64_t p = u->start[i]; p < diagonal; p++) {
    const int64_t k = u->row[p], end = u->start[k + 1] - 1;
    double sum = w[k];
    for (int64_t q = u->start[k]; q < end; q++) sum -= u->value[q] * w[u->row[q]];
    w[k] = u->value[p] = sum / u->value[end];
    pivot -= w[k] * w[k];
  }
  for (int64_t p = u->start[i]; p < diagonal; p++) w[u->row[p]] = 0;
  if (!(pivot > DBL_EPSILON * a[diagonal]) || !isfinite(pivot)) return false;
  u->value[diagonal] = sqrt(pivot);
  return true;
}

/* All columns, with larger and larger shifts. A large enough one makes A diagonally dominant, and then no
 * pivot breaks. */
static bool factor(tw_csc *u, const double *a, double *w) {
  for (double sigma = 0; sigma<1e300; sigma = sigma> 0 ? 2 * sigma : 1e-3) {
    int64_t i = 0;
    while (i < u->cols && factor_column(u, a, i, sigma, w)) i++;
    if (i == u->cols) return true;
  }
  return false;
}

static tw_status check_diagonal(const tw_csc *u, tw_error *error) {
  for (int64_t j = 0; j < u->cols; j++) {
    const int64_t last = u->start[j + 1] - 1;
    const bool present = last >= u->start[j] && u->row[last] == j;
    if (!present || !(u->value[last] > 0))
      return tw_fail(error, TW_ERR_SINGULAR,
                     "tw_precond_ic0: the diagonal entry %lld of `a` is %g, expected > 0", (long long)j,
                     present ? u->value[last] : 0.0);
  }
  return TW_OK;
}

/* U starts as the transpose of A's lower triangle. */
static tw_status start(ic0 *p, const tw_csc *a, tw_error *error) {
  tw_csc lower = {0};
  tw_status status = csc_triangle(&lower, a, true, error);
  if (status == TW_OK) status = tw_csc_transpose(&p->u, &lower, error);
  tw_csc_free(&lower);
  return status == TW_OK ? check_diagonal(&p->u, error) : status;
}

static tw_status ic0_build(tw_precond *base, const void *source, tw_error *error) {
  ic0 *p = (ic0 *)base;
  const tw_csc *a = source;
  tw_status status = start(p, a, error);
  if (status != TW_OK) return status;
  double *values = tw_alloc((size_t)csc_count(&p->u), sizeof *values),
         *w = tw_alloc((size_t)a->cols, sizeof *w);
  if (values && w) {
    vec_copy(csc_count(&p->u), p->u.value, values);
    if (!factor(&p->u, values, w))
      status = tw_fail(error, TW_ERR_NUMERIC, "%s: no shift makes the pivots positive", base->kind->name);
  } else {
    status = tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", base->kind->name);
  }
  free(values);
  free(w);
  return status;
}

tw_status tw_precond_ic0(tw_precond **out, const tw_csc *a, tw_error *error) {
  static const precond_kind kind = {"tw_precond_ic0", sizeof(ic0), TW_LINOP_DEFINITE, ic0_apply,
                                    ic0_apply,        ic0_build,   ic0_release};
  return precond_new_csc(out, &kind, a, error);
}
