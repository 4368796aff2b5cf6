/* Tests of subsets of nonlinear constraints by ipm on the elastic problem
 *
 *   min sum_i p_i + q_i  with  rl <= c(x) + p - q <= ru,  l <= x <= u,  p, q >= 0, and = 0 for hard rows,
 *
 * from the stated start with p and q that make it feasible. Where c is not convex a positive minimum is one of its neighbourhood. */
#include "method/program/explain_engine.h"

static const double VIOLATION = 1e-6; /* counts as infeasible */

typedef struct nlp_engine {
  const tw_oracle *o;
  const tw_limits *limits;
  const tw_exec *exec;
  tw_oracle elastic;
  tw_pattern h, j;                                                      /* of the elastic problem; colptr NULL: none */
  double *lower, *upper, *row_lower, *row_upper, *x0, *c, *zero, *work; /* n + 2m; n + 2m; m; m; n + 2m; m; m; n and all values */
  double *block, *values;
} nlp_engine;

/* ------------------------------------------------------------------ the elastic problem */

static tw_status value(void *context, const double *x, double *f, tw_error *error) {
  (void)error;
  const nlp_engine *e = context;
  *f = 0;
  for (int64_t k = 0; k < 2 * e->o->m; k++) *f += x[e->o->n + k];
  return TW_OK;
}

static tw_status gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  const nlp_engine *e = context;
  for (int64_t k = 0; k < e->o->n + 2 * e->o->m; k++) g[k] = k < e->o->n ? 0 : 1;
  return value(context, x, f, error);
}

/* (hess f + y'hess c) v - hess f v */
static tw_status hvp(void *context, const double *x, const double *y, const double *v, double *out, tw_error *error) {
  nlp_engine *e = context;
  vec_zero(e->elastic.n, out);
  if (!y) return TW_OK;
  TW_TRY(e->o->hvp(e->o->context, x, y, v, out, error));
  TW_TRY(e->o->hvp(e->o->context, x, e->zero, v, e->work, error));
  vec_axpy(e->o->n, -1, e->work, out);
  return TW_OK;
}

static void add_slacks(const nlp_engine *e, const double *x, double *c) {
  for (int64_t i = 0; i < e->o->m; i++) c[i] += x[e->o->n + i] - x[e->o->n + e->o->m + i];
}

static tw_status constraints(void *context, const double *x, double *c, tw_error *error) {
  const nlp_engine *e = context;
  TW_TRY(e->o->constraints(e->o->context, x, c, error));
  add_slacks(e, x, c);
  return TW_OK;
}

static tw_status constraints_jvp(void *context, const double *x, const double *v, double *jv, tw_error *error) {
  const nlp_engine *e = context;
  TW_TRY(e->o->constraints_jvp(e->o->context, x, v, jv, error));
  add_slacks(e, v, jv);
  return TW_OK;
}

static tw_status constraints_vjp(void *context, const double *x, const double *y, double *jty, tw_error *error) {
  const nlp_engine *e = context;
  const int64_t n = e->o->n, m = e->o->m;
  TW_TRY(e->o->constraints_vjp(e->o->context, x, y, jty, error));
  for (int64_t i = 0; i < m; i++) jty[n + i] = y[i], jty[n + m + i] = -y[i];
  return TW_OK;
}

static tw_status sparse_pattern(void *context, tw_matrix matrix, const tw_pattern **pattern, tw_error *error) {
  nlp_engine *e = context;
  *pattern = matrix == TW_MATRIX_CONSTRAINTS ? &e->j : &e->h;
  const bool there = (matrix == TW_MATRIX_CONSTRAINTS || matrix == TW_MATRIX_LAGRANGIAN) && (*pattern)->colptr;
  return there ? TW_OK : tw_fail(error, TW_ERR_UNSUPPORTED, "not sparse");
}

static tw_status sparse_values(void *context, tw_matrix matrix, const double *x, const double *y, double *values, tw_error *error) {
  nlp_engine *e = context;
  const int64_t m = e->o->m;
  TW_TRY(e->o->sparse_values(e->o->context, matrix, x, y, values, error));
  if (matrix == TW_MATRIX_CONSTRAINTS) {
    for (int64_t k = 0; k < 2 * m; k++) values[e->j.nnz - 2 * m + k] = k < m ? 1 : -1;
    return TW_OK;
  }
  TW_TRY(e->o->sparse_values(e->o->context, matrix, x, e->zero, e->values, error));
  vec_axpy(e->h.nnz, -1, e->values, values);
  return TW_OK;
}

/* ------------------------------------------------------------------ memory */

/* A pattern with 2m more columns, which have `slack` entries each. */
static tw_status widen(tw_pattern *out, const nlp_engine *e, tw_matrix matrix, int64_t slack, tw_error *error) {
  const tw_pattern *p;
  const int64_t more = 2 * e->o->m;
  const tw_status status = e->o->offers & TW_SPARSE ? e->o->sparse_pattern(e->o->context, matrix, &p, NULL) : TW_ERR_UNSUPPORTED;
  if (status != TW_OK) return status == TW_ERR_UNSUPPORTED ? TW_OK : tw_fail(error, status, "no pattern of derivatives");
  *out = (tw_pattern){.rows = slack ? p->rows : p->rows + more, .cols = p->cols + more, .nnz = p->nnz + slack * more};
  out->colptr = tw_alloc((size_t)out->cols + 1, sizeof *out->colptr);
  out->rowidx = tw_alloc((size_t)out->nnz, sizeof *out->rowidx);
  if (!out->colptr || !out->rowidx) return tw_fail(error, TW_ERR_MEMORY, "out of memory");
  memcpy(out->colptr, p->colptr, (size_t)(p->cols + 1) * sizeof *p->colptr);
  memcpy(out->rowidx, p->rowidx, (size_t)p->nnz * sizeof *p->rowidx);
  for (int64_t k = 0; k < more; k++) {
    out->colptr[p->cols + k + 1] = p->nnz + slack * (k + 1);
    if (slack) out->rowidx[p->nnz + k] = k % e->o->m;
  }
  return TW_OK;
}

static tw_status open_engine(nlp_engine *e, tw_error *error) {
  const int64_t n = e->o->n, m = e->o->m, all = n + 2 * m;
  TW_TRY(widen(&e->h, e, TW_MATRIX_LAGRANGIAN, 0, error));
  TW_TRY(widen(&e->j, e, TW_MATRIX_CONSTRAINTS, 1, error));
  double *b = e->block = tw_alloc((size_t)(3 * all + 4 * m + n), sizeof *b);
  e->values = tw_alloc((size_t)e->h.nnz, sizeof *b);
  if (!b || !e->values) return tw_fail(error, TW_ERR_MEMORY, "out of memory");
  e->lower = b, e->upper = b + all, e->x0 = b + 2 * all, e->row_lower = b + 3 * all, e->row_upper = e->row_lower + m;
  e->c = e->row_upper + m, e->zero = e->c + m, e->work = e->zero + m;
  const unsigned kept = e->o->offers & (TW_CURVATURE | TW_SPARSE);
  e->elastic = (tw_oracle){.context = e,
                           .n = all,
                           .m = m,
                           .offers = TW_VALUE | TW_GRADIENT | TW_CONSTRAINTS | TW_BOUNDS | kept,
                           .lower = e->lower,
                           .upper = e->upper,
                           .c_lower = e->row_lower,
                           .c_upper = e->row_upper,
                           .value = value,
                           .gradient = gradient,
                           .hvp = e->o->hvp ? hvp : NULL,
                           .constraints = constraints,
                           .constraints_jvp = constraints_jvp,
                           .constraints_vjp = constraints_vjp,
                           .sparse_pattern = sparse_pattern,
                           .sparse_values = sparse_values};
  return TW_OK;
}

static void close_engine(nlp_engine *e) {
  tw_pattern_free(&e->h);
  tw_pattern_free(&e->j);
  free(e->block);
  free(e->values);
}

/* ------------------------------------------------------------------ a test */

static tw_status set_start(nlp_engine *e, tw_error *error) {
  const int64_t n = e->o->n, m = e->o->m;
  vec_zero(e->elastic.n, e->x0);
  if (e->o->start) TW_TRY(e->o->start(e->o->context, e->x0, error));
  vec_clip(n, e->lower, e->upper, e->x0);
  TW_TRY(e->o->constraints(e->o->context, e->x0, e->c, error));
  for (int64_t i = 0; i < m; i++) {
    e->x0[n + i] = fmin(e->upper[n + i], fmax(0, e->row_lower[i] - e->c[i]));
    e->x0[n + m + i] = fmin(e->upper[n + m + i], fmax(0, e->c[i] - e->row_upper[i]));
    if (!isfinite(e->c[i])) e->x0[n + i] = e->x0[n + m + i] = 0;
  }
  return TW_OK;
}

static tw_status test(void *context, const bool *in, const bool *hard, tw_test *result, bool *cause, tw_error *error) {
  nlp_engine *e = context;
  const int64_t n = e->o->n, m = e->o->m;
  tw_limits_keep(e->limits, in, e->row_lower, e->row_upper, e->lower, e->upper);
  for (int64_t k = 0; k < 2 * m; k++) e->lower[n + k] = 0, e->upper[n + k] = INFINITY;
  for (int64_t k = 0; hard && k < e->limits->count; k++)
    if (hard[k] && e->limits->member[k].row)
      e->upper[n + e->limits->member[k].index] = e->upper[n + m + e->limits->member[k].index] = 0;
  TW_TRY(set_start(e, error));
  tw_result r;
  const tw_solve_options options = {.method = "ipm", .exec = *e->exec};
  TW_TRY(tw_minimize(&e->elastic, e->x0, &options, &r, error));
  if (r.outcome == TW_INFEASIBLE) result->verdict = TW_EXPLAIN_INFEASIBLE;
  const bool feasible = r.f <= VIOLATION && r.optimality.feasibility <= VIOLATION;
  if (r.outcome == TW_SOLVED || feasible) {
    result->verdict = feasible ? TW_EXPLAIN_FEASIBLE : TW_EXPLAIN_INFEASIBLE;
    result->residual = r.optimality.feasibility;
    for (int64_t k = 0; k < 2 * m; k++) result->residual = fmax(result->residual, r.x[n + k]);
    for (int64_t k = 0; !feasible && k < e->limits->count; k++) {
      const tw_member *x = &e->limits->member[k];
      cause[k] = in[k] && x->row && r.x[n + x->index] + r.x[n + m + x->index] > 0.1 * VIOLATION;
    }
  }
  tw_result_free(&r);
  return TW_OK;
}

tw_status tw_explain_nlp(const tw_oracle *oracle, tw_filter *filter, const tw_exec *exec, tw_error *error) {
  nlp_engine e = {.o = oracle, .limits = filter->limits, .exec = exec};
  const tw_engine engine = {.context = &e, .test = test};
  tw_status status = open_engine(&e, error);
  if (status == TW_OK) status = tw_filter_run(filter, &engine, error);
  close_engine(&e);
  return status;
}
