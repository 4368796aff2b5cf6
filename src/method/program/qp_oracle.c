/* The answers of a program in arrays. */
#include "method/program/qp_oracle.h"

#include "linear/csc.h"

typedef struct answers {
  const tw_qp *qp;
  tw_pattern p, a; /* views of the matrices */
  tw_var_kind *kinds;
} answers;

static const tw_qp *qp_of(void *context) {
  return ((answers *)context)->qp;
}

static tw_status value(void *context, const double *x, double *f, tw_error *error) {
  (void)error;
  *f = tw_qp_objective(qp_of(context), x);
  return TW_OK;
}

static tw_status gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  const tw_qp *qp = qp_of(context);
  vec_copy(qp->n, qp->q, g);
  tw_qp_add_p(qp, 1, x, g);
  return value(context, x, f, error);
}

static tw_status hvp(void *context, const double *x, const double *y, const double *v, double *out, tw_error *error) {
  (void)x, (void)y, (void)error;
  vec_zero(qp_of(context)->n, out);
  tw_qp_add_p(qp_of(context), 1, v, out);
  return TW_OK;
}

static tw_status constraints(void *context, const double *x, double *c, tw_error *error) {
  (void)error;
  vec_zero(qp_of(context)->m, c);
  tw_qp_add_a(qp_of(context), 1, x, c);
  return TW_OK;
}

static tw_status constraints_jvp(void *context, const double *x, const double *v, double *jv, tw_error *error) {
  (void)x;
  return constraints(context, v, jv, error);
}

static tw_status constraints_vjp(void *context, const double *x, const double *y, double *jty, tw_error *error) {
  (void)x, (void)error;
  vec_zero(qp_of(context)->n, jty);
  tw_qp_add_at(qp_of(context), 1, y, jty);
  return TW_OK;
}

static tw_status sparse_pattern(void *context, tw_matrix matrix, const tw_pattern **pattern, tw_error *error) {
  answers *a = context;
  if (matrix == TW_MATRIX_RESIDUAL) return tw_fail(error, TW_ERR_UNSUPPORTED, "a program has no residual");
  *pattern = matrix == TW_MATRIX_CONSTRAINTS ? &a->a : &a->p;
  return TW_OK;
}

static tw_status sparse_values(void *context, tw_matrix matrix, const double *x, const double *y, double *values, tw_error *error) {
  (void)x, (void)y, (void)error;
  const tw_csc *from = matrix == TW_MATRIX_CONSTRAINTS ? &qp_of(context)->a : &qp_of(context)->p;
  vec_copy(csc_count(from), from->value, values);
  return TW_OK;
}

static void release(void *context) {
  answers *a = context;
  free(a->kinds);
  free(a);
}

static tw_pattern view(const tw_csc *m) {
  return (tw_pattern){.rows = m->rows, .cols = m->cols, .nnz = csc_count(m), .colptr = m->start, .rowidx = m->row};
}

tw_status tw_qp_oracle(tw_oracle *out, const tw_qp *qp, bool convex, tw_error *error) {
  *out = (tw_oracle){.n = qp->n};
  answers *a = tw_alloc(1, sizeof *a);
  if (a && qp->integer) a->kinds = tw_alloc((size_t)qp->n, sizeof *a->kinds);
  if (!a || (qp->integer && !a->kinds)) {
    free(a);
    return tw_fail(error, TW_ERR_MEMORY, "out of memory for an oracle");
  }
  a->qp = qp, a->p = view(&qp->p), a->a = view(&qp->a);
  for (int64_t j = 0; qp->integer && j < qp->n; j++) a->kinds[j] = qp->integer[j] ? TW_INTEGER : TW_CONTINUOUS;
  *out = (tw_oracle){.context = a,
                     .n = qp->n,
                     .m = qp->m,
                     .offers = TW_VALUE | TW_GRADIENT | TW_CURVATURE | TW_BOUNDS | TW_SPARSE | TW_QP |
                               (qp->m > 0 ? TW_CONSTRAINTS : 0u) | (convex ? TW_CONVEX : 0u),
                     .lower = qp->lower,
                     .upper = qp->upper,
                     .c_lower = qp->row_lower,
                     .c_upper = qp->row_upper,
                     .kinds = a->kinds,
                     .value = value,
                     .gradient = gradient,
                     .hvp = hvp,
                     .constraints = constraints,
                     .constraints_jvp = constraints_jvp,
                     .constraints_vjp = constraints_vjp,
                     .sparse_pattern = sparse_pattern,
                     .sparse_values = sparse_values,
                     .release = release};
  return TW_OK;
}
