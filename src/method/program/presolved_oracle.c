/* The oracle of a problem without some rows and variables; see presolved.h. */
#include "linear/csc.h"
#include "method/program/presolved.h"

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "out of memory for a smaller problem");
}

/* ------------------------------------------------------------------ linear rows */

static bool is_linear(const tw_oracle *o, int64_t i) {
  return o->c_linear ? o->c_linear[i] : (o->offers & TW_QP) != 0;
}

/* The Jacobian at x as compressed columns with all places of its pattern. */
static tw_status jacobian(tw_csc *out, const tw_oracle *o, const double *x, bool *any, tw_error *error) {
  enum { DENSE_MOST = 4000000 };
  const tw_pattern *p = NULL;
  tw_storage storage;
  TW_TRY(tw_oracle_storage(o, TW_MATRIX_CONSTRAINTS, &storage, &p, error));
  *any = storage == TW_STORE_SPARSE || (o->constraints_jacobian && (double)o->m * (double)o->n <= DENSE_MOST);
  if (!*any) return TW_OK;
  TW_TRY(csc_new(out, o->m, o->n, storage == TW_STORE_SPARSE ? p->nnz : o->m * o->n, error));
  if (storage == TW_STORE_SPARSE) {
    memcpy(out->start, p->colptr, (size_t)(o->n + 1) * sizeof *out->start);
    if (p->nnz > 0) memcpy(out->row, p->rowidx, (size_t)p->nnz * sizeof *out->row);
    return o->sparse_values(o->context, TW_MATRIX_CONSTRAINTS, x, NULL, out->value, error);
  }
  double *dense = tw_alloc((size_t)(o->m * o->n), sizeof *dense);
  if (!dense) return out_of_memory(error);
  const tw_status status = o->constraints_jacobian(o->context, x, dense, error);
  for (int64_t j = 0; j < o->n; j++) {
    for (int64_t i = 0; i < o->m; i++) out->row[j * o->m + i] = i, out->value[j * o->m + i] = dense[i * o->n + j];
    out->start[j + 1] = (j + 1) * o->m;
  }
  free(dense);
  return status;
}

/* The entries of the rows with a place, that are not 0. */
static tw_status select_rows(tw_csc *out, const tw_csc *all, const int64_t *place, int64_t rows, bool *any, tw_error *error) {
  int64_t count = 0;
  TW_TRY(csc_new(out, rows, all->cols, csc_count(all), error));
  for (int64_t j = 0; j < all->cols; j++) {
    for (int64_t k = all->start[j]; k < all->start[j + 1]; k++) {
      if (place[all->row[k]] < 0 || all->value[k] == 0) continue;
      *any = *any && isfinite(all->value[k]);
      out->row[count] = place[all->row[k]], out->value[count++] = all->value[k];
    }
    out->start[j + 1] = count;
  }
  return TW_OK;
}

/* Limits less what the rows are at 0: c(x) - A x. */
static tw_status take_limits(tw_qp *qp, const int64_t *row, const tw_oracle *o, const double *x, bool *any, tw_error *error) {
  double *c = tw_alloc((size_t)(o->m + qp->m), sizeof *c), *ax = c + o->m;
  if (!c) return out_of_memory(error);
  const tw_status status = o->constraints(o->context, x, c, error);
  tw_qp_add_a(qp, 1, x, ax);
  for (int64_t i = 0; i < qp->m && status == TW_OK; i++) {
    const double constant = c[row[i]] - ax[i];
    *any = *any && isfinite(constant);
    qp->row_lower[i] = o->c_lower[row[i]] - constant, qp->row_upper[i] = o->c_upper[row[i]] - constant;
  }
  if (o->offers & TW_BOUNDS) vec_copy(o->n, o->lower, qp->lower), vec_copy(o->n, o->upper, qp->upper);
  free(c);
  return status;
}

static tw_status fill_rows(tw_qp *qp, const int64_t *row, const int64_t *place, const double *x, const tw_oracle *o, bool *any,
                           tw_error *error) {
  tw_csc all = {0};
  tw_status status = jacobian(&all, o, x, any, error);
  if (status == TW_OK && *any) {
    tw_csc_free(&qp->a);
    status = select_rows(&qp->a, &all, place, qp->m, any, error);
  }
  tw_csc_free(&all);
  return status == TW_OK && *any ? take_limits(qp, row, o, x, any, error) : status;
}

tw_status tw_linear_rows(tw_qp *qp, int64_t **row, const tw_oracle *o, bool *any, tw_error *error) {
  int64_t count = 0;
  *any = false;
  for (int64_t i = 0; i < o->m; i++) count += is_linear(o, i);
  if (count == 0) return TW_OK;
  *any = true;
  TW_TRY(tw_qp_new(qp, o->n, count, 0, 0, error));
  int64_t *place = tw_alloc((size_t)o->m, sizeof *place);
  double *x = tw_alloc((size_t)o->n, sizeof *x); /* 0, or the bound nearest to it */
  *row = tw_alloc((size_t)count, sizeof **row);
  tw_status status = place && x && *row ? TW_OK : out_of_memory(error);
  if (status == TW_OK) {
    count = 0;
    for (int64_t i = 0; i < o->m; i++) {
      place[i] = is_linear(o, i) ? count : -1;
      if (place[i] >= 0) (*row)[count++] = i;
    }
    if (o->offers & TW_BOUNDS) vec_clip(o->n, o->lower, o->upper, x);
    status = fill_rows(qp, *row, place, x, o, any, error);
  }
  free(place), free(x);
  return status;
}

/* ------------------------------------------------------------------ between the two */

static void lift_point(tw_smaller *s, const double *x) {
  for (int64_t j = 0; j < s->n; j++) s->x[s->column[j]] = x[j];
}

static void lift(int64_t n, const int64_t *place, const double *from, int64_t all, double *out) {
  vec_zero(all, out);
  for (int64_t k = 0; k < n; k++) out[place[k]] = from[k];
}

static void gather(int64_t n, const int64_t *place, const double *from, double *out) {
  for (int64_t k = 0; k < n; k++) out[k] = from[place[k]];
}

static const double *lift_y(tw_smaller *s, const double *y) {
  if (y) lift(s->m, s->row, y, s->run->oracle->m, s->y);
  return y ? s->y : NULL;
}

static tw_status value(void *context, const double *x, double *f, tw_error *error) {
  tw_smaller *s = context;
  (void)error;
  lift_point(s, x);
  return tw_run_value(s->run, s->x, f);
}

static tw_status gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  tw_smaller *s = context;
  (void)error;
  lift_point(s, x);
  TW_TRY(tw_run_gradient(s->run, s->x, f, s->out));
  gather(s->n, s->column, s->out, g);
  return TW_OK;
}

static tw_status hvp(void *context, const double *x, const double *y, const double *v, double *out, tw_error *error) {
  tw_smaller *s = context;
  (void)error;
  lift_point(s, x);
  lift(s->n, s->column, v, s->run->n, s->v);
  TW_TRY(tw_run_hvp(s->run, s->x, lift_y(s, y), s->v, s->out));
  gather(s->n, s->column, s->out, out);
  return TW_OK;
}

static tw_status constraints(void *context, const double *x, double *c, tw_error *error) {
  tw_smaller *s = context;
  (void)error;
  lift_point(s, x);
  TW_TRY(tw_run_constraints(s->run, s->x, s->c));
  gather(s->m, s->row, s->c, c);
  return TW_OK;
}

static tw_status constraints_jvp(void *context, const double *x, const double *v, double *jv, tw_error *error) {
  tw_smaller *s = context;
  (void)error;
  lift_point(s, x);
  lift(s->n, s->column, v, s->run->n, s->v);
  TW_TRY(tw_run_constraints_jvp(s->run, s->x, s->v, s->c));
  gather(s->m, s->row, s->c, jv);
  return TW_OK;
}

static tw_status constraints_vjp(void *context, const double *x, const double *y, double *jty, tw_error *error) {
  tw_smaller *s = context;
  (void)error;
  lift_point(s, x);
  TW_TRY(tw_run_constraints_vjp(s->run, s->x, lift_y(s, y), s->out));
  gather(s->n, s->column, s->out, jty);
  return TW_OK;
}

/* ------------------------------------------------------------------ matrices */

static tw_status need_dense(tw_smaller *s, tw_error *error) {
  const tw_oracle *o = s->run->oracle;
  if (!s->dense) s->dense = tw_alloc((size_t)(o->n * (o->n > o->m ? o->n : o->m)), sizeof *s->dense);
  return s->dense ? TW_OK : out_of_memory(error);
}

static tw_status hessian(void *context, const double *x, const double *y, double *h, tw_error *error) {
  tw_smaller *s = context;
  TW_TRY(need_dense(s, error));
  lift_point(s, x);
  TW_TRY(tw_run_hessian(s->run, s->x, lift_y(s, y), s->dense));
  for (int64_t i = 0; i < s->n; i++) gather(s->n, s->column, s->dense + s->column[i] * s->run->n, h + i * s->n);
  return TW_OK;
}

static tw_status constraints_jacobian(void *context, const double *x, double *j, tw_error *error) {
  tw_smaller *s = context;
  TW_TRY(need_dense(s, error));
  lift_point(s, x);
  TW_TRY(tw_run_constraints_jacobian(s->run, s->x, s->dense));
  for (int64_t i = 0; i < s->m; i++) gather(s->n, s->column, s->dense + s->row[i] * s->run->n, j + i * s->n);
  return TW_OK;
}

/* The entries in columns and rows that are left. */
static tw_status cut_pattern(tw_smaller *s, tw_matrix matrix, const tw_pattern *all, tw_error *error) {
  tw_pattern *p = &s->pattern[matrix];
  const bool rows = matrix == TW_MATRIX_CONSTRAINTS;
  const int64_t *place = rows ? s->row_place : s->place;
  int64_t count = 0;
  *p = (tw_pattern){.rows = rows ? s->m : s->n, .cols = s->n};
  p->colptr = tw_alloc((size_t)s->n + 1, sizeof *p->colptr);
  p->rowidx = tw_alloc((size_t)all->nnz + 1, sizeof *p->rowidx);
  s->from[matrix] = tw_alloc((size_t)all->nnz + 1, sizeof *s->from[matrix]);
  if (!p->colptr || !p->rowidx || !s->from[matrix]) return out_of_memory(error);
  for (int64_t j = 0; j < s->n; j++) {
    for (int64_t k = all->colptr[s->column[j]]; k < all->colptr[s->column[j] + 1]; k++)
      if (place[all->rowidx[k]] >= 0) s->from[matrix][count] = k, p->rowidx[count++] = place[all->rowidx[k]];
    p->colptr[j + 1] = count;
  }
  p->nnz = count;
  return TW_OK;
}

static tw_status sparse_pattern(void *context, tw_matrix matrix, const tw_pattern **pattern, tw_error *error) {
  tw_smaller *s = context;
  const tw_oracle *o = s->run->oracle;
  const tw_pattern *all;
  if (matrix == TW_MATRIX_RESIDUAL) return tw_fail(error, TW_ERR_UNSUPPORTED, "a smaller problem has no residual");
  TW_TRY(o->sparse_pattern(o->context, matrix, &all, error));
  if (!s->from[matrix]) TW_TRY(cut_pattern(s, matrix, all, error));
  *pattern = &s->pattern[matrix];
  return TW_OK;
}

static tw_status sparse_values(void *context, tw_matrix matrix, const double *x, const double *y, double *values, tw_error *error) {
  tw_smaller *s = context;
  const tw_oracle *o = s->run->oracle;
  const tw_pattern *own, *all;
  TW_TRY(sparse_pattern(context, matrix, &own, error));
  TW_TRY(o->sparse_pattern(o->context, matrix, &all, error));
  double *full = tw_alloc((size_t)all->nnz, sizeof *full);
  if (!full) return out_of_memory(error);
  lift_point(s, x);
  const tw_status status = tw_run_sparse_values(s->run, matrix, s->x, matrix == TW_MATRIX_LAGRANGIAN ? lift_y(s, y) : NULL, full);
  if (status == TW_OK) gather(own->nnz, s->from[matrix], full, values);
  free(full);
  return status;
}

/* ------------------------------------------------------------------ opening */

static tw_status allocate(tw_smaller *s) {
  const tw_oracle *o = s->run->oracle;
  const size_t n = (size_t)o->n, m = (size_t)o->m;
  s->column = tw_alloc(2 * n + 2 * m, sizeof *s->column);
  s->x = tw_alloc(5 * n + 4 * m, sizeof *s->x);
  if (!s->column || !s->x) return out_of_memory(s->run->error);
  s->place = s->column + n, s->row = s->place + n, s->row_place = s->row + m;
  s->v = s->x + n, s->out = s->v + n, s->lower = s->out + n, s->upper = s->lower + n;
  s->y = s->upper + n, s->c = s->y + m, s->row_lower = s->c + m, s->row_upper = s->row_lower + m;
  return TW_OK;
}

/* The limits of linear rows that are left: those of presolve, which took fixed columns out, moved back to where the oracle has them:
 * fixed columns and the constant of the row added. */
static void take_linear_limits(tw_smaller *s, const tw_presolve *pre, int64_t left, int64_t at) {
  const tw_oracle *o = s->run->oracle;
  const presolve_layer *layer = &pre->layer[0];
  const int64_t i = layer->row[left], all = s->row[at];
  double fixed = 0;
  for (int64_t k = layer->at.start[i]; k < layer->at.start[i + 1]; k++)
    if (s->place[layer->at.row[k]] < 0) fixed += layer->at.value[k] * s->x[layer->at.row[k]];
  const double constant = isfinite(o->c_lower[all])   ? o->c_lower[all] - pre->qp->row_lower[i]
                          : isfinite(o->c_upper[all]) ? o->c_upper[all] - pre->qp->row_upper[i]
                                                      : 0;
  const double low = pre->reduced.row_lower[left] + fixed + constant, high = pre->reduced.row_upper[left] + fixed + constant;
  const double near = 1e-13 * (1 + fabs(fixed) + fabs(constant));
  s->row_lower[at] = fabs(low - o->c_lower[all]) <= near ? o->c_lower[all] : low;
  s->row_upper[at] = fabs(high - o->c_upper[all]) <= near ? o->c_upper[all] : high;
  if (s->row_lower[at] > s->row_upper[at] || low == high) s->row_upper[at] = s->row_lower[at]; /* equal but for rounding */
}

static void number_all(tw_smaller *s, const tw_presolve *pre, const int64_t *row) {
  const tw_oracle *o = s->run->oracle;
  const presolve_layer *layer = &pre->layer[0];
  for (int64_t j = 0; j < o->n; j++) {
    s->place[j] = layer->column_step[j] == INT64_MAX ? s->n : -1;
    if (s->place[j] < 0) s->x[j] = layer->step[layer->column_step[j]].value;
    if (s->place[j] >= 0) s->column[s->n++] = j;
  }
  for (int64_t i = 0, k = 0, left = 0; i < o->m; i++) {
    const bool linear = k < pre->qp->m && row[k] == i, stays = !linear || layer->row_step[k] == INT64_MAX;
    s->row_place[i] = stays ? s->m : -1;
    if (stays) s->row[s->m] = i, s->row_lower[s->m] = o->c_lower[i], s->row_upper[s->m] = o->c_upper[i];
    if (stays && linear) take_linear_limits(s, pre, left++, s->m);
    s->m += stays, k += linear;
  }
  vec_copy(s->n, pre->reduced.lower, s->lower), vec_copy(s->n, pre->reduced.upper, s->upper);
}

tw_status tw_smaller_open(tw_smaller *s, tw_run *run, const tw_presolve *pre, const int64_t *row, tw_oracle *out) {
  const tw_oracle *o = run->oracle;
  *s = (tw_smaller){.run = run};
  TW_TRY(allocate(s));
  number_all(s, pre, row);
  const unsigned kept = TW_VALUE | TW_GRADIENT | TW_CURVATURE | TW_HESSIAN | TW_SPARSE | TW_CONVEX | (s->m > 0 ? TW_CONSTRAINTS : 0);
  *out = (tw_oracle){.context = s, .n = s->n, .m = s->m, .offers = (o->offers & kept) | TW_BOUNDS, .lower = s->lower, .upper = s->upper,
                     .c_lower = s->row_lower, .c_upper = s->row_upper, .value = value, .gradient = gradient};
  if (o->hvp) out->hvp = hvp;
  if (o->hessian) out->hessian = hessian;
  if (o->sparse_pattern) out->sparse_pattern = sparse_pattern, out->sparse_values = sparse_values;
  if (s->m == 0) return TW_OK;
  out->constraints = constraints;
  if (o->constraints_jvp) out->constraints_jvp = constraints_jvp;
  if (o->constraints_vjp) out->constraints_vjp = constraints_vjp;
  if (o->constraints_jacobian) out->constraints_jacobian = constraints_jacobian;
  return TW_OK;
}

void tw_smaller_close(tw_smaller *s) {
  for (int k = 0; k < TW_MATRICES; k++) {
    tw_pattern_free(&s->pattern[k]);
    free(s->from[k]);
  }
  free(s->column), free(s->x), free(s->dense);
  *s = (tw_smaller){0};
}

tw_status tw_smaller_outside(tw_smaller *s, const double *x, const double *y, double *out) {
  double f;
  TW_TRY(tw_run_gradient(s->run, x, &f, out));
  if (s->run->oracle->m == 0) return TW_OK;
  TW_TRY(tw_run_constraints_vjp(s->run, x, y, s->v));
  vec_axpy(s->run->n, 1, s->v, out);
  return TW_OK;
}
