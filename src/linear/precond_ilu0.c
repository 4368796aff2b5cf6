/* Incomplete LU without fill, A ~ L U on the pattern of A, L with unit diagonal (Saad 2003, section 10.3, by
 * columns). */
#include "linear/csc.h"
#include "linear/precond.h"
#include "linear/vec.h"

#include <float.h>
#include <stdlib.h>

typedef struct ilu0 {
  tw_precond base;
  tw_csc lu;         /* U on and above the diagonal, L below */
  int64_t *diagonal; /* position of the diagonal entry of each column */
} ilu0;

static tw_status ilu0_apply(void *context, const double *x, double *y) {
  const ilu0 *p = context;
  const tw_csc *a = &p->lu;
  vec_copy(a->cols, x, y);
  for (int64_t j = 0; j < a->cols; j++)
    for (int64_t q = p->diagonal[j] + 1; q < a->start[j + 1]; q++) y[a->row[q]] -= a->value[q] * y[j];
  for (int64_t j = a->cols - 1; j >= 0; j--) {
    const double yj = y[j] /= a->value[p->diagonal[j]];
    for (int64_t q = a->start[j]; q < p->diagonal[j]; q++) y[a->row[q]] -= a->value[q] * yj;
  }
  return TW_OK;
}

static tw_status ilu0_apply_transpose(void *context, const double *x, double *y) {
  const ilu0 *p = context;
  const tw_csc *a = &p->lu;
  vec_copy(a->cols, x, y);
  for (int64_t j = 0; j < a->cols; j++) {
    double sum = y[j];
    for (int64_t q = a->start[j]; q < p->diagonal[j]; q++) sum -= a->value[q] * y[a->row[q]];
    y[j] = sum / a->value[p->diagonal[j]];
  }
  for (int64_t j = a->cols - 1; j >= 0; j--)
    for (int64_t q = p->diagonal[j] + 1; q < a->start[j + 1]; q++) y[j] -= a->value[q] * y[a->row[q]];
  return TW_OK;
}

static void ilu0_release(tw_precond *p) {
  tw_csc_free(&((ilu0 *)p)->lu);
  free(((ilu0 *)p)->diagonal);
}

/* Column j: for k < j in its pattern, ascending, a_ij -= l_ik u_kj where (i, j) is in the pattern; then l_ij
 * = a_ij / u_jj. place[i] is the position of row i in column j and -1 elsewhere, on entry and exit
 * everywhere. */
static bool factor_column(ilu0 *p, int64_t j, int64_t *place) {
  const tw_csc *a = &p->lu;
  const int64_t diagonal = p->diagonal[j];
  double largest = 0;
  for (int64_t q = a->start[j]; q < a->start[j + 1]; q++) {
    place[a->row[q]] = q;
    largest = fmax(largest, fabs(a->value[q]));
  }
  for (int64_t q = a->start[j]; q < diagonal; q++) {
    const int64_t k = a->row[q];
    for (int64_t t = p->diagonal[k] + 1; t < a->start[k + 1]; t++)
      if (place[a->row[t]] >= 0) a->value[place[a->row[t]]] -= a->value[t] * a->value[q];
  }
  for (int64_t q = a->start[j]; q < a->start[j + 1]; q++) place[a->row[q]] = -1;
  const double pivot = a->value[diagonal];
  if (!isfinite(pivot) || fabs(pivot) <= DBL_EPSILON * largest) return false;
  for (int64_t q = diagonal + 1; q < a->start[j + 1]; q++) a->value[q] /= pivot;
  return true;
}

static tw_status find_diagonal(ilu0 *p, tw_error *error) {
  const tw_csc *a = &p->lu;
  for (int64_t j = 0; j < a->cols; j++) {
    int64_t q = a->start[j];
    while (q < a->start[j + 1] && a->row[q] < j) q++;
    if (q == a->start[j + 1] || a->row[q] != j)
      return tw_fail(error, TW_ERR_SINGULAR, "tw_precond_ilu0: `a` has no diagonal entry in column %lld",
                     (long long)j);
    p->diagonal[j] = q;
  }
  return TW_OK;
}

static tw_status ilu0_build(tw_precond *base, const void *source, tw_error *error) {
  ilu0 *p = (ilu0 *)base;
  const tw_csc *a = source;
  tw_status status = csc_copy(&p->lu, a, error);
  if (status != TW_OK) return status;
  p->diagonal = tw_alloc((size_t)a->cols, sizeof *p->diagonal);
  int64_t *place = tw_alloc((size_t)a->rows, sizeof *place);
  if (!p->diagonal || !place) status = tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", base->kind->name);
  if (status == TW_OK) status = find_diagonal(p, error);
  for (int64_t i = 0; i < a->rows && status == TW_OK; i++) place[i] = -1;
  for (int64_t j = 0; j < a->cols && status == TW_OK; j++)
    if (!factor_column(p, j, place))
      status = tw_fail(error, TW_ERR_SINGULAR, "%s: pivot %lld is %g", base->kind->name, (long long)j,
                       p->lu.value[p->diagonal[j]]);
  free(place);
  return status;
}

tw_status tw_precond_ilu0(tw_precond **out, const tw_csc *a, tw_error *error) {
  static const precond_kind kind = {"tw_precond_ilu0",    sizeof(ilu0), 0,           ilu0_apply,
                                    ilu0_apply_transpose, ilu0_build,   ilu0_release};
  return precond_new_csc(out, &kind, a, error);
}
