/* Quadratic programs in arrays: from an oracle's derivatives, products, optimality; see qp.h. */
#include "method/program/qp.h"

#include "linear/csc.h"

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "out of memory for the matrices of a program");
}

/* ------------------------------------------------------------------ memory */

static tw_status allocate_vectors(tw_qp *qp, tw_error *error) {
  const size_t n = (size_t)qp->n, m = (size_t)qp->m;
  qp->q = tw_alloc(n, sizeof(double));
  qp->lower = tw_alloc(n, sizeof(double)), qp->upper = tw_alloc(n, sizeof(double));
  qp->row_lower = tw_alloc(m, sizeof(double)), qp->row_upper = tw_alloc(m, sizeof(double));
  if (!qp->q || !qp->lower || !qp->upper || !qp->row_lower || !qp->row_upper) return out_of_memory(error);
  for (size_t j = 0; j < n; j++) qp->lower[j] = -INFINITY, qp->upper[j] = INFINITY;
  for (size_t i = 0; i < m; i++) qp->row_lower[i] = -INFINITY, qp->row_upper[i] = INFINITY;
  return TW_OK;
}

tw_status tw_qp_new(tw_qp *qp, int64_t n, int64_t m, int64_t p_entries, int64_t a_entries, tw_error *error) {
  *qp = (tw_qp){.n = n, .m = m};
  TW_TRY(allocate_vectors(qp, error));
  TW_TRY(csc_new(&qp->p, n, n, p_entries, error));
  return csc_new(&qp->a, m, n, a_entries, error);
}

tw_status tw_qp_copy(tw_qp *out, const tw_qp *qp, tw_error *error) {
  *out = (tw_qp){.n = qp->n, .m = qp->m, .constant = qp->constant};
  TW_TRY(allocate_vectors(out, error));
  TW_TRY(csc_copy(&out->p, &qp->p, error));
  TW_TRY(csc_copy(&out->a, &qp->a, error));
  vec_copy(qp->n, qp->q, out->q);
  vec_copy(qp->n, qp->lower, out->lower), vec_copy(qp->n, qp->upper, out->upper);
  vec_copy(qp->m, qp->row_lower, out->row_lower), vec_copy(qp->m, qp->row_upper, out->row_upper);
  if (!qp->kinds) return TW_OK;
  if (!(out->kinds = tw_alloc((size_t)qp->n, sizeof *out->kinds))) return out_of_memory(error);
  memcpy(out->kinds, qp->kinds, (size_t)qp->n * sizeof *out->kinds);
  return TW_OK;
}

void tw_qp_free(tw_qp *qp) {
  tw_csc_free(&qp->p);
  tw_csc_free(&qp->a);
  free(qp->q);
  free(qp->lower), free(qp->upper);
  free(qp->row_lower), free(qp->row_upper);
  free(qp->kinds);
  *qp = (tw_qp){0};
}

/* ------------------------------------------------------------------ from an oracle */

/* The entries that are not zero, from values at a pattern's places. */
static tw_status compress_pattern(tw_csc *out, const tw_pattern *p, const double *value, tw_error *error) {
  int64_t count = 0;
  for (int64_t k = 0; k < p->nnz; k++) count += value[k] != 0;
  TW_TRY(csc_new(out, p->rows, p->cols, count, error));
  count = 0;
  for (int64_t j = 0; j < p->cols; j++) {
    for (int64_t k = p->colptr[j]; k < p->colptr[j + 1]; k++)
      if (value[k] != 0) out->row[count] = p->rowidx[k], out->value[count++] = value[k];
    out->start[j + 1] = count;
  }
  return TW_OK;
}

/* The same from a dense matrix, row-major; or from its lower triangle. */
static tw_status compress_dense(tw_csc *out, int64_t rows, int64_t cols, const double *value, bool lower, tw_error *error) {
  int64_t count = 0;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < (lower ? i + 1 : cols); j++) count += value[i * cols + j] != 0;
  TW_TRY(csc_new(out, rows, cols, count, error));
  count = 0;
  for (int64_t j = 0; j < cols; j++) {
    for (int64_t i = lower ? j : 0; i < rows; i++)
      if (value[i * cols + j] != 0) out->row[count] = i, out->value[count++] = value[i * cols + j];
    out->start[j + 1] = count;
  }
  return TW_OK;
}

typedef tw_status dense_matrix(const tw_oracle *o, const double *zero, double *value, tw_error *error);

static tw_status dense_hessian(const tw_oracle *o, const double *zero, double *value, tw_error *error) {
  if (o->offers & TW_HESSIAN) return o->hessian(o->context, zero, NULL, value, error);
  double *unit = tw_alloc((size_t)o->n, sizeof *unit);
  if (!unit) return out_of_memory(error);
  tw_status status = TW_OK;
  for (int64_t j = 0; j < o->n && status == TW_OK; j++) {
    unit[j] = 1;
    status = o->hvp(o->context, zero, NULL, unit, value + j * o->n, error);
    unit[j] = 0;
  }
  free(unit);
  return status;
}

static tw_status dense_jacobian(const tw_oracle *o, const double *zero, double *value, tw_error *error) {
  if (o->constraints_jacobian) return o->constraints_jacobian(o->context, zero, value, error);
  double *unit = tw_alloc((size_t)o->m, sizeof *unit);
  if (!unit) return out_of_memory(error);
  tw_status status = TW_OK;
  for (int64_t i = 0; i < o->m && status == TW_OK; i++) {
    unit[i] = 1;
    status = o->constraints_vjp(o->context, zero, unit, value + i * o->n, error);
    unit[i] = 0;
  }
  free(unit);
  return status;
}

static tw_status take_matrix(tw_csc *out, const tw_oracle *o, tw_matrix matrix, dense_matrix *dense, const double *zero,
                             tw_error *error) {
  enum { DENSE_MOST = 200000000 };
  const tw_pattern *p = NULL;
  const bool lower = matrix == TW_MATRIX_HESSIAN;
  const int64_t rows = lower ? o->n : o->m;
  tw_status status = o->offers & TW_SPARSE ? o->sparse_pattern(o->context, matrix, &p, error) : TW_ERR_UNSUPPORTED;
  if (status != TW_OK && status != TW_ERR_UNSUPPORTED) return status;
  if (!p && rows > 0 && o->n > DENSE_MOST / rows)
    return tw_fail(error, TW_ERR_UNSUPPORTED, "a matrix of the program is %lld x %lld and not sparse", (long long)rows, (long long)o->n);
  double *value = tw_alloc((size_t)(p ? p->nnz : rows * o->n), sizeof *value);
  if (!value) return out_of_memory(error);
  status = p ? o->sparse_values(o->context, matrix, zero, NULL, value, error) : dense(o, zero, value, error);
  if (status == TW_OK) status = p ? compress_pattern(out, p, value, error) : compress_dense(out, rows, o->n, value, lower, error);
  free(value);
  return status;
}

static tw_status take_objective(tw_qp *qp, const tw_oracle *o, const double *zero, tw_error *error) {
  TW_TRY(o->gradient(o->context, zero, &qp->constant, qp->q, error));
  if (!(o->offers & TW_CURVATURE)) return tw_fail(error, TW_ERR_UNSUPPORTED, "a quadratic program needs Hessian-vector products");
  return take_matrix(&qp->p, o, TW_MATRIX_HESSIAN, dense_hessian, zero, error);
}

static tw_status take_rows(tw_qp *qp, const tw_oracle *o, const double *zero, tw_error *error) {
  if (o->m == 0) return csc_new(&qp->a, 0, o->n, 0, error);
  double *c = tw_alloc((size_t)o->m, sizeof *c);
  if (!c) return out_of_memory(error);
  tw_status status = o->constraints(o->context, zero, c, error);
  for (int64_t i = 0; i < o->m; i++) {
    qp->row_lower[i] = o->c_lower[i] - c[i];
    qp->row_upper[i] = o->c_upper[i] - c[i];
  }
  free(c);
  return status == TW_OK ? take_matrix(&qp->a, o, TW_MATRIX_CONSTRAINTS, dense_jacobian, zero, error) : status;
}

static tw_status take_kinds(tw_qp *qp, const tw_oracle *o, tw_error *error) {
  if (!o->kinds) return TW_OK;
  if (!(qp->kinds = tw_alloc((size_t)qp->n, sizeof *qp->kinds))) return out_of_memory(error);
  memcpy(qp->kinds, o->kinds, (size_t)qp->n * sizeof *qp->kinds);
  return TW_OK;
}

static tw_status check_finite(const tw_qp *qp, tw_error *error) {
  const bool finite = isfinite(qp->constant) && vec_find_nonfinite(qp->n, qp->q) < 0 &&
                      vec_find_nonfinite(csc_count(&qp->p), qp->p.value) < 0 &&
                      vec_find_nonfinite(csc_count(&qp->a), qp->a.value) < 0;
  return finite ? TW_OK : tw_fail(error, TW_ERR_NUMERIC, "a coefficient of the program is not finite");
}

tw_status tw_qp_open(tw_qp *qp, const tw_oracle *o, tw_error *error) {
  *qp = (tw_qp){.n = o->n, .m = o->m};
  if (!(o->offers & TW_QP)) return tw_fail(error, TW_ERR_UNSUPPORTED, "the problem is no linear or quadratic program");
  TW_TRY(allocate_vectors(qp, error));
  double *zero = tw_alloc((size_t)o->n, sizeof *zero);
  if (!zero) return out_of_memory(error);
  tw_status status = take_objective(qp, o, zero, error);
  if (status == TW_OK) status = take_rows(qp, o, zero, error);
  if (status == TW_OK) status = take_kinds(qp, o, error);
  free(zero);
  if (status == TW_OK && (o->offers & TW_BOUNDS)) {
    vec_copy(qp->n, o->lower, qp->lower);
    vec_copy(qp->n, o->upper, qp->upper);
  }
  return status == TW_OK ? check_finite(qp, error) : status;
}

tw_status tw_qp_oracle(tw_oracle *out, const tw_qp *qp, bool convex, tw_error *error) {
  const tw_quadratic program = {.p = &qp->p, .q = qp->q, .constant = qp->constant, .a = &qp->a, .row_lower = qp->row_lower,
                                .row_upper = qp->row_upper, .lower = qp->lower, .upper = qp->upper, .kinds = qp->kinds, .convex = convex};
  return tw_oracle_quadratic(out, &program, error);
}

double tw_qp_objective(const tw_qp *qp, const double *x) {
  double f = qp->constant + vec_dot(qp->n, qp->q, x);
  for (int64_t j = 0; j < qp->n; j++)
    for (int64_t k = qp->p.start[j]; k < qp->p.start[j + 1]; k++) {
      const int64_t i = qp->p.row[k];
      f += (i == j ? 0.5 : 1) * qp->p.value[k] * x[i] * x[j];
    }
  return f;
}

/* ------------------------------------------------------------------ optimality */

/* What limits l <= v <= u and a multiplier leave: violation, complementarity, and as stationarity the multiplier that presses on
 * nothing. */
static void judge_limit(tw_optimality *e, double v, double l, double u, double multiplier) {
  e->feasibility = fmax(e->feasibility, fmax(l - v, v - u));
  if (multiplier == 0) return;
  const double slack = multiplier > 0 ? u - v : v - l;
  if (isfinite(slack))
    e->complementarity = fmax(e->complementarity, fabs(multiplier * slack));
  else
    e->stationarity = fmax(e->stationarity, fabs(multiplier));
}

tw_optimality tw_qp_judge(const tw_qp *qp, const double *x, const double *ax, const double *r, const double *y, const double *z) {
  tw_optimality e = {0, 0, 0};
  if (vec_find_nonfinite(qp->n, r) >= 0 || vec_find_nonfinite(qp->m, ax) >= 0) return (tw_optimality){INFINITY, INFINITY, INFINITY};
  for (int64_t j = 0; j < qp->n; j++) {
    e.stationarity = fmax(e.stationarity, fabs(r[j] + z[j]));
    judge_limit(&e, x[j], qp->lower[j], qp->upper[j], z[j]);
  }
  for (int64_t i = 0; i < qp->m; i++) judge_limit(&e, ax[i], qp->row_lower[i], qp->row_upper[i], y[i]);
  return e;
}

tw_optimality tw_qp_optimality(const tw_qp *qp, const double *x, const double *y, const double *z, double *work) {
  const int64_t n = qp->n, m = qp->m;
  double *r = work, *own = work + n, *ax = work + 2 * n;
  vec_copy(n, qp->q, r);
  tw_qp_add_p(qp, 1, x, r);
  tw_qp_add_at(qp, 1, y, r);
  for (int64_t j = 0; j < n; j++) {
    const bool presses = r[j] > 0 ? qp->lower[j] > -INFINITY : qp->upper[j] < INFINITY;
    own[j] = z ? z[j] : presses ? -r[j] : 0;
  }
  vec_zero(m, ax);
  tw_qp_add_a(qp, 1, x, ax);
  return tw_qp_judge(qp, x, ax, r, y, own);
}
