/* Whether a point where violations are stationary says that the rows contradict each other, and the units of rows; see nlp.h. */
#include "method/program/nlp.h"

static const double VIOLATED = 1e-7, PART = 1e-3; /* of a row that counts: absolute, and of the largest */
static const double SMALL = 0.1;                   /* a row's largest derivative, beside its unit */

static bool counts(double violation, double largest) {
  return fabs(violation) > fmax(VIOLATED, PART * largest);
}

/* row_i: the largest part that is left in a column of row i. g: G. */
static void parts_of_rows(const tw_nlp *nlp, const double *j, const double *g, const double *y, const double *z, double *row) {
  vec_zero(nlp->m, row);
  const tw_oracle *o = nlp->oracle;
  for (int64_t k = 0; k < nlp->n; k++) {
    double sum = z[k], size = fabs(z[k]);
    if ((o->offers & TW_BOUNDS) && o->lower[k] == o->upper[k]) continue; /* its bounds take up any slope */
    for (int64_t p = nlp->j.colptr[k]; p < nlp->j.colptr[k + 1]; p++) {
      const double multiplier = y[nlp->j.rowidx[p]];
      sum += j[p] * multiplier, size += g[p] * fabs(multiplier);
    }
    const double part = sum == 0 ? 0 : fabs(sum) / size;
    for (int64_t p = nlp->j.colptr[k]; p < nlp->j.colptr[k + 1]; p++)
      if (g[p] > 0) row[nlp->j.rowidx[p]] = fmax(row[nlp->j.rowidx[p]], part);
  }
}

/* g: the larger of |J| here and at `elsewhere`, as far as that is finite. */
static tw_status largest_slopes(tw_nlp *nlp, const double *j, const double *elsewhere, double *g, double *gradient) {
  bool finite;
  TW_TRY(tw_nlp_first(nlp, elsewhere, gradient, g, &finite));
  for (int64_t p = 0; p < nlp->j.nnz; p++) g[p] = isfinite(g[p]) ? fmax(fabs(g[p]), fabs(j[p])) : fabs(j[p]);
  return TW_OK;
}

tw_status tw_nlp_violation_left(tw_nlp *nlp, const double *j, const double *violation, const double *y, const double *z,
                                const double *elsewhere, double *left) {
  const double largest = vec_norm_inf(nlp->m, violation);
  double *g = tw_alloc((size_t)(nlp->j.nnz + nlp->n + nlp->m), sizeof *g), *gradient = g + nlp->j.nnz, *row = gradient + nlp->n;
  if (!g) return tw_fail(nlp->run->error, TW_ERR_MEMORY, "out of memory");
  const tw_status status = largest_slopes(nlp, j, elsewhere, g, gradient);
  *left = INFINITY;
  if (status == TW_OK) parts_of_rows(nlp, j, g, y, z, row);
  for (int64_t i = 0; i < nlp->m && status == TW_OK; i++)
    if (counts(violation[i], largest)) *left = fmin(*left, row[i]);
  free(g);
  return status;
}

bool tw_nlp_raise_rows(tw_nlp *nlp, const double *j, const double *violation, double *work) {
  const double largest = vec_norm_inf(nlp->m, violation);
  bool any = false;
  vec_zero(nlp->m, work);
  for (int64_t p = 0; p < nlp->j.nnz; p++) work[nlp->j.rowidx[p]] = fmax(work[nlp->j.rowidx[p]], fabs(j[p]));
  for (int64_t i = 0; i < nlp->m; i++) {
    if (!counts(violation[i], largest) || !(work[i] > 0) || !(work[i] < SMALL)) continue;
    nlp->row[i] /= work[i];
    any = true;
  }
  return any;
}
