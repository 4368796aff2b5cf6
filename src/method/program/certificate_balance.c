/* Certificates of splitting methods made exact: the smallest relative change after which their sums cancel; see certificate.h. */
#include "method/program/certificate.h"

#include "linear/csc.h"

enum { ITERATIONS_MOST = 400 };
static const double ACCURACY = 1e-15;

/* w -> scale (A'(weight w)), or scale (A (weight w), P (weight w)); size 0: no equation. */
typedef struct equations {
  const tw_csc *a, *p; /* p NULL: none */
  bool columns;
  const double *weight, *scale;
  double *inner; /* rows + cols of a */
} equations;

static int64_t unknowns(const equations *e) {
  return e->columns ? e->a->rows : e->a->cols;
}

static int64_t count(const equations *e) {
  return e->columns ? e->a->cols : e->a->rows + (e->p ? e->p->cols : 0);
}

static tw_status apply(void *context, const double *w, double *out) {
  const equations *e = context;
  const int64_t n = unknowns(e), m = count(e);
  for (int64_t i = 0; i < n; i++) e->inner[i] = e->weight[i] * w[i];
  if (e->columns)
    tw_csc_apply_transpose(e->a, e->inner, out);
  else
    tw_csc_apply(e->a, e->inner, out);
  if (e->p) vec_zero(e->p->cols, out + e->a->rows), csc_add_symmetric(e->p, 1, e->inner, out + e->a->rows);
  for (int64_t k = 0; k < m; k++) out[k] *= e->scale[k];
  return TW_OK;
}

static tw_status apply_transpose(void *context, const double *v, double *out) {
  const equations *e = context;
  const int64_t n = unknowns(e), m = count(e);
  for (int64_t k = 0; k < m; k++) e->inner[k] = e->scale[k] * v[k];
  if (e->columns)
    tw_csc_apply(e->a, e->inner, out);
  else
    tw_csc_apply_transpose(e->a, e->inner, out);
  if (e->p) csc_add_symmetric(e->p, 1, e->inner + e->a->rows, out);
  for (int64_t i = 0; i < n; i++) out[i] *= e->weight[i];
  return TW_OK;
}

/* v += weight w with  scale (sums + their change) = 0; room: count + unknowns numbers, scale and residual (minus the sums) given. */
static tw_status solve(equations *e, double *residual, double *w, double *v, tw_error *error) {
  const int64_t n = unknowns(e);
  const tw_linop matrix = {.rows = count(e), .cols = n, .apply = apply, .apply_transpose = apply_transpose, .context = e};
  const tw_linear_options options = {.rtol = ACCURACY, .max_iter = ITERATIONS_MOST};
  tw_linear_result result;
  if (vec_norm(count(e), residual) == 0) return TW_OK;
  vec_zero(n, w);
  TW_TRY(tw_lsqr(&matrix, residual, w, &options, &result, error));
  for (int64_t i = 0; i < n; i++) v[i] += isfinite(w[i]) ? e->weight[i] * w[i] : 0;
  return TW_OK;
}

tw_status tw_proof_balance_columns(const tw_csc *a, const bool *equation, const double *weight, const double *z, double *y,
                                   tw_error *error) {
  const int64_t n = a->cols, m = a->rows;
  double *scale = tw_alloc((size_t)(4 * n + 3 * m), sizeof *scale), *residual = scale + n, *w = residual + n, *inner = w + m;
  if (!scale) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a certificate");
  for (int64_t j = 0; j < n; j++) {
    double sum = z ? z[j] : 0, size = fabs(sum);
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
      const double term = a->value[k] * y[a->row[k]];
      sum += term, size += fabs(term);
    }
    scale[j] = (!equation || equation[j]) && size > 0 ? 1 / size : 0;
    residual[j] = -scale[j] * sum;
  }
  equations e = {.a = a, .columns = true, .weight = weight, .scale = scale, .inner = inner};
  const tw_status status = solve(&e, residual, w, y, error);
  free(scale);
  return status;
}

tw_status tw_proof_balance_rows(const tw_csc *a, const tw_csc *p, const double *size, const double *weight, const double *offset, double *d,
                                tw_error *error) {
  const int64_t n = a->cols, m = a->rows, all = m + n;
  double *scale = tw_alloc((size_t)(4 * all + n), sizeof *scale), *residual = scale + all, *w = residual + all, *inner = w + n;
  if (!scale) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a certificate");
  tw_proof_add_rows(a, d, residual, inner);
  tw_proof_add_symmetric(p, d, residual + m, inner + m);
  for (int64_t i = 0; i < m; i++) residual[i] += offset[i], inner[i] = size[i];
  for (int64_t k = 0; k < all; k++) {
    scale[k] = inner[k] > 0 ? 1 / inner[k] : 0;
    residual[k] *= -scale[k];
  }
  equations e = {.a = a, .p = p, .weight = weight, .scale = scale, .inner = inner};
  const tw_status status = solve(&e, residual, w, d, error);
  free(scale);
  return status;
}
