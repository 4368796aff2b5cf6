/* Operators over matrices: dense, sparse, low-rank plus diagonal. */
#include "linear/vec.h"

#include <talweg/linear.h>

static bool symmetric(unsigned flags) {
  return flags & (TW_LINOP_SYMMETRIC | TW_LINOP_DEFINITE);
}

/* ------------------------------------------------------------------ sparse */

static tw_status csc_apply(void *context, const double *x, double *y) {
  tw_csc_apply(context, x, y);
  return TW_OK;
}

static tw_status csc_apply_transpose(void *context, const double *x, double *y) {
  tw_csc_apply_transpose(context, x, y);
  return TW_OK;
}

/* A symmetric matrix is applied as its transpose, which gathers instead of scattering. */
tw_linop tw_linop_csc(const tw_csc *a, unsigned flags) {
  if (!a) return (tw_linop){0};
  return (tw_linop){.rows = a->rows,
                    .cols = a->cols,
                    .flags = flags,
                    .apply = symmetric(flags) ? csc_apply_transpose : csc_apply,
                    .apply_transpose = csc_apply_transpose,
                    .context = (void *)a};
}

/* ------------------------------------------------------------------ dense */

static tw_status dense_apply(void *context, const double *x, double *y) {
  const tw_dense *a = context;
  for (int64_t i = 0; i < a->rows; i++) y[i] = vec_dot(a->cols, a->value + i * a->cols, x);
  return TW_OK;
}

static tw_status dense_apply_transpose(void *context, const double *x, double *y) {
  const tw_dense *a = context;
  vec_zero(a->cols, y);
  for (int64_t i = 0; i < a->rows; i++) vec_axpy(a->cols, x[i], a->value + i * a->cols, y);
  return TW_OK;
}

tw_linop tw_linop_dense(const tw_dense *a, unsigned flags) {
  if (!a) return (tw_linop){0};
  return (tw_linop){.rows = a->rows,
                    .cols = a->cols,
                    .flags = flags,
                    .apply = dense_apply,
                    .apply_transpose = symmetric(flags) ? dense_apply : dense_apply_transpose,
                    .context = (void *)a};
}

/* ------------------------------------------------------------------ low-rank plus diagonal */

/* y = d x + U (s (U'x)): O(n k). */
static tw_status lowrank_apply(void *context, const double *x, double *y) {
  const tw_lowrank *a = context;
  double *t = a->scratch;
  vec_zero(a->k, t);
  for (int64_t i = 0; a->k > 0 && i < a->n; i++) vec_axpy(a->k, x[i], a->u + i * a->k, t);
  for (int64_t j = 0; j < a->k; j++) t[j] *= a->s[j];
  for (int64_t i = 0; i < a->n; i++) {
    double sum = a->diagonal[i] * x[i];
    for (int64_t j = 0; j < a->k; j++) sum += a->u[i * a->k + j] * t[j];
    y[i] = sum;
  }
  return TW_OK;
}

tw_linop tw_linop_lowrank(const tw_lowrank *a) {
  if (!a) return (tw_linop){0};
  return (tw_linop){.rows = a->n,
                    .cols = a->n,
                    .flags = TW_LINOP_SYMMETRIC,
                    .apply = lowrank_apply,
                    .apply_transpose = lowrank_apply,
                    .context = (void *)a};
}
