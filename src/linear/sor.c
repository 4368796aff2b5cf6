/* Successive over-relaxation (Young 1954), sweeping rows in ascending order. */
#include "linear/csc.h"
#include "linear/krylov.h"

#include <stdlib.h>

typedef struct relaxation {
  tw_csc rows; /* A', so that its columns are the rows of A */
  double *diagonal;
  double omega;
} relaxation;

/* x_i += omega (r_i - sum_j a_ij x_j) / a_ii with the x so far; returns the norm of the bracketed residuals.
 * It goes to zero with the true residual and costs nothing. */
static double relax(const relaxation *s, const double *r, double *x) {
  double square = 0;
  for (int64_t i = 0; i < s->rows.cols; i++) {
    double sum = r[i];
    for (int64_t p = s->rows.start[i]; p < s->rows.start[i + 1]; p++)
      sum -= s->rows.value[p] * x[s->rows.row[p]];
    square += sum * sum;
    x[i] += s->omega * sum / s->diagonal[i];
  }
  return sqrt(square);
}

static krylov_end sweep(krylov *k) {
  enum { PATIENCE = 100 }; /* sweeps without a new smallest residual; those of omega near 2 oscillate */
  double best = INFINITY;
  for (int waited = 0; waited < PATIENCE; waited++) {
    if (!krylov_step(k)) return KRYLOV_LIMIT;
    k->result->applications++;
    const double norm = relax(k->context, k->r, k->d);
    if (!isfinite(norm) || norm > 1 / DBL_EPSILON) return KRYLOV_BREAKDOWN; /* diverges */
    if (norm <= k->target) return KRYLOV_MET;
    if (norm < best) best = norm, waited = 0;
  }
  return KRYLOV_STALLED;
}

static tw_status prepare(relaxation *s, const tw_csc *a, tw_error *error) {
  const tw_status status = tw_csc_transpose(&s->rows, a, error);
  if (status != TW_OK) return tw_error_prefix(error, "tw_sor");
  s->diagonal = tw_alloc((size_t)a->cols, sizeof *s->diagonal);
  if (!s->diagonal) return tw_fail(error, TW_ERR_MEMORY, "tw_sor: out of memory");
  for (int64_t j = 0; j < a->cols; j++)
    for (int64_t p = a->start[j]; p < a->start[j + 1]; p++)
      if (a->row[p] == j) s->diagonal[j] = a->value[p];
  for (int64_t j = 0; j < a->cols; j++)
    if (s->diagonal[j] == 0 || !isfinite(s->diagonal[j]))
      return tw_fail(error, TW_ERR_SINGULAR, "tw_sor: the diagonal entry %lld of `a` is %g", (long long)j,
                     s->diagonal[j]);
  return TW_OK;
}

tw_status tw_sor(const tw_csc *a, const double *b, double *x, double omega, const tw_linear_options *options,
                 tw_linear_result *result, tw_error *error) {
  static const krylov_method method = {.name = "tw_sor", .sweep = sweep, .keep_best = true};
  if (!(omega > 0 && omega < 2))
    return tw_fail(error, TW_ERR_ARGUMENT, "tw_sor: omega is %g, expected 0 < omega < 2", omega);
  tw_status status = csc_check(a, "tw_sor: a", error);
  if (status == TW_OK && a->rows != a->cols)
    status = tw_fail(error, TW_ERR_SHAPE, "tw_sor: `a` is %lld x %lld, expected a square matrix",
                     (long long)a->rows, (long long)a->cols);
  if (status != TW_OK) return status;
  relaxation s = {.omega = omega};
  status = prepare(&s, a, error);
  const tw_linop op = tw_linop_csc(a, 0);
  if (status == TW_OK) status = krylov_solve(&method, &s, &op, b, x, options, result, error);
  tw_csc_free(&s.rows);
  free(s.diagonal);
  return status;
}
