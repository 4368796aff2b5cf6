/* What all preconditioners share, and the simplest of them, Jacobi. */
#include "linear/precond.h"
#include "linear/csc.h"
#include "linear/vec.h"

#include <stdlib.h>

const tw_linop *tw_precond_linop(const tw_precond *p) {
  return p ? &p->op : NULL;
}

void tw_precond_free(tw_precond *p) {
  if (!p) return;
  p->kind->release(p);
  free(p);
}

tw_status precond_new(tw_precond **out, const precond_kind *kind, int64_t n, const void *source,
                      tw_error *error) {
  if (!out) return tw_fail(error, TW_ERR_ARGUMENT, "%s: out must not be NULL", kind->name);
  *out = NULL;
  tw_precond *p = tw_alloc(1, kind->size);
  if (!p) return tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", kind->name);
  p->kind = kind;
  p->op = (tw_linop){n, n, kind->flags, kind->apply, kind->apply_transpose, p};
  const tw_status status = kind->build(p, source, error);
  if (status == TW_OK)
    *out = p;
  else
    tw_precond_free(p);
  return status;
}

tw_status precond_new_csc(tw_precond **out, const precond_kind *kind, const tw_csc *a, tw_error *error) {
  if (out) *out = NULL;
  const tw_status status = csc_check_square(a, kind->name, error);
  return status == TW_OK ? precond_new(out, kind, a->cols, a, error) : status;
}

/* ------------------------------------------------------------------ Jacobi: M = diag(d) */

typedef struct jacobi {
  tw_precond base;
  double *inverse;
} jacobi;

static tw_status jacobi_apply(void *context, const double *x, double *y) {
  const jacobi *p = context;
  for (int64_t i = 0; i < p->base.op.rows; i++) y[i] = p->inverse[i] * x[i];
  return TW_OK;
}

static void jacobi_release(tw_precond *p) {
  free(((jacobi *)p)->inverse);
}

static tw_status jacobi_build(tw_precond *base, const void *source, tw_error *error) {
  jacobi *p = (jacobi *)base;
  const double *diagonal = source;
  const int64_t n = base->op.rows;
  p->inverse = tw_alloc((size_t)n, sizeof *p->inverse);
  if (!p->inverse) return tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", base->kind->name);
  for (int64_t i = 0; i < n; i++) {
    p->inverse[i] = 1 / diagonal[i];
    if (!isfinite(diagonal[i]) || !isfinite(p->inverse[i]))
      return tw_fail(error, diagonal[i] == 0 ? TW_ERR_SINGULAR : TW_ERR_DATA,
                     "%s: diagonal[%lld] is %g and has no inverse", base->kind->name, (long long)i,
                     diagonal[i]);
    if (diagonal[i] < 0) base->op.flags = TW_LINOP_SYMMETRIC;
  }
  return TW_OK;
}

tw_status tw_precond_jacobi(tw_precond **out, int64_t n, const double *diagonal, tw_error *error) {
  static const precond_kind kind = {"tw_precond_jacobi", sizeof(jacobi), TW_LINOP_DEFINITE, jacobi_apply,
                                    jacobi_apply,        jacobi_build,   jacobi_release};
  if (out) *out = NULL;
  if (n < 0 || (n > 0 && !diagonal))
    return tw_fail(error, TW_ERR_ARGUMENT, "%s: n is %lld, expected >= 0 and a diagonal that is not NULL",
                   kind.name, (long long)n);
  return precond_new(out, &kind, n, diagonal, error);
}
