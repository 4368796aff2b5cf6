/* Patterns, memory and evaluations of a scaled nonlinear program; see nlp.h. */
#include "method/program/nlp.h"
#include "linear/csc.h"

static const double LARGEST_GRADIENT = 100, SMALLEST_SCALE = 1e-8;
enum { PRODUCTS_MOST = 500, ENTRIES_MOST = 50000000 };

/* ------------------------------------------------------------------ patterns */

/* All of rows x cols, or its lower triangle. */
static tw_status full_pattern(tw_pattern *p, int64_t rows, int64_t cols, bool lower, tw_error *error) {
  if (rows > 0 && cols > ENTRIES_MOST / rows)
    return tw_fail(error, TW_ERR_UNSUPPORTED,
                   "a matrix of derivatives is %lld x %lld and not sparse: too large to be factored; method auglag needs products alone",
                   (long long)rows, (long long)cols);
  *p = (tw_pattern){.rows = rows, .cols = cols, .nnz = lower ? cols * (cols + 1) / 2 : rows * cols};
  p->colptr = tw_alloc((size_t)cols + 1, sizeof *p->colptr);
  p->rowidx = tw_alloc((size_t)p->nnz, sizeof *p->rowidx);
  if (!p->colptr || !p->rowidx) return tw_fail(error, TW_ERR_MEMORY, "out of memory");
  int64_t at = 0;
  for (int64_t j = 0; j < cols; j++) {
    for (int64_t i = lower ? j : 0; i < rows; i++) p->rowidx[at++] = i;
    p->colptr[j + 1] = at;
  }
  return TW_OK;
}

static tw_status choose_second(tw_nlp *nlp) {
  const tw_oracle *o = nlp->oracle;
  const tw_pattern *pattern = NULL;
  tw_storage storage = TW_STORE_PRODUCTS;
  TW_TRY(tw_oracle_storage(o, nlp->m > 0 ? TW_MATRIX_LAGRANGIAN : TW_MATRIX_HESSIAN, &storage, &pattern, nlp->run->error));
  const bool products = (o->offers & TW_CURVATURE) && nlp->n <= PRODUCTS_MOST;
  nlp->second = storage == TW_STORE_SPARSE ? TW_NLP_SPARSE : storage == TW_STORE_DENSE && (o->offers & TW_HESSIAN) ? TW_NLP_DENSE
                : products                 ? TW_NLP_PRODUCTS
                                           : TW_NLP_BFGS;
  nlp->own_h = nlp->second != TW_NLP_SPARSE;
  if (!nlp->own_h) nlp->h = *pattern;
  return nlp->own_h ? full_pattern(&nlp->h, nlp->n, nlp->n, true, nlp->run->error) : TW_OK;
}

static tw_status choose_first(tw_nlp *nlp) {
  const tw_pattern *pattern = NULL;
  tw_storage storage = TW_STORE_PRODUCTS;
  if (nlp->m > 0) TW_TRY(tw_oracle_storage(nlp->oracle, TW_MATRIX_CONSTRAINTS, &storage, &pattern, nlp->run->error));
  nlp->sparse_j = storage == TW_STORE_SPARSE;
  nlp->own_j = !nlp->sparse_j;
  if (nlp->sparse_j) nlp->j = *pattern;
  return nlp->own_j ? full_pattern(&nlp->j, nlp->m, nlp->n, false, nlp->run->error) : TW_OK;
}

tw_status tw_nlp_open(tw_nlp *nlp, tw_run *run) {
  *nlp = (tw_nlp){.run = run, .oracle = run->oracle, .n = run->n, .m = run->oracle->m};
  TW_TRY(choose_second(nlp));
  TW_TRY(choose_first(nlp));
  const int64_t n = nlp->n, m = nlp->m;
  const int64_t dense = nlp->second == TW_NLP_DENSE ? n * n : 0, other = nlp->own_j ? n * m : 0;
  nlp->dense = tw_alloc((size_t)(dense > other ? dense : other), sizeof *nlp->dense);
  nlp->y = tw_alloc((size_t)(m + n), sizeof *nlp->y);
  nlp->col = tw_alloc((size_t)(2 * n), sizeof *nlp->col);
  if (!nlp->dense || !nlp->y || !nlp->col) return tw_fail(run->error, TW_ERR_MEMORY, "out of memory");
  return tw_nlp_fetch(nlp);
}

tw_status tw_nlp_fetch(tw_nlp *nlp) {
  const tw_slot slots[] = {{"nlp.scale", 1, &nlp->scale}, {"nlp.row", nlp->m, &nlp->row}, {NULL, 0, NULL}};
  TW_TRY(tw_fetch(nlp->run, slots));
  if (nlp->second == TW_NLP_BFGS && !(nlp->bfgs = tw_run_vector(nlp->run, "nlp.bfgs", nlp->h.nnz))) return TW_ERR_MEMORY;
  return TW_OK;
}

void tw_nlp_close(tw_nlp *nlp) {
  if (nlp->own_h) tw_pattern_free(&nlp->h);
  if (nlp->own_j) tw_pattern_free(&nlp->j);
  free(nlp->dense);
  free(nlp->y);
  free(nlp->col);
  free(nlp->extra);
}

tw_status tw_nlp_check_rows(tw_run *run) {
  const tw_oracle *o = run->oracle;
  for (int64_t i = 0; i < o->m; i++)
    if (!(o->c_lower[i] <= o->c_upper[i]) || o->c_lower[i] == INFINITY || o->c_upper[i] == -INFINITY)
      return tw_run_end(run, TW_INFEASIBLE, "constraint row %lld has bounds %g above %g", (long long)i, o->c_lower[i], o->c_upper[i]);
  return TW_OK;
}

/* ------------------------------------------------------------------ evaluations */

tw_status tw_nlp_value(tw_nlp *nlp, const double *x, double *f, double *c) {
  TW_TRY(tw_run_value(nlp->run, x, f));
  *f *= *nlp->scale;
  if (nlp->m == 0) return TW_OK;
  TW_TRY(tw_run_constraints(nlp->run, x, c));
  for (int64_t i = 0; i < nlp->m; i++) c[i] *= nlp->row[i];
  if (vec_find_nonfinite(nlp->m, c) >= 0) *f = INFINITY;
  return TW_OK;
}

/* Row-major J, or J by products with its transpose, into columns. */
static tw_status dense_jacobian(tw_nlp *nlp, const double *x, double *j) {
  const int64_t n = nlp->n, m = nlp->m;
  if (nlp->oracle->constraints_jacobian) {
    TW_TRY(tw_run_constraints_jacobian(nlp->run, x, nlp->dense));
  } else {
    for (int64_t i = 0; i < m; i++) {
      vec_zero(m, nlp->y);
      nlp->y[i] = 1;
      TW_TRY(tw_run_constraints_vjp(nlp->run, x, nlp->y, nlp->dense + i * n));
    }
  }
  for (int64_t k = 0; k < n; k++)
    for (int64_t i = 0; i < m; i++) j[k * m + i] = nlp->dense[i * n + k];
  return TW_OK;
}

static tw_status jacobian(tw_nlp *nlp, const double *x, double *j) {
  if (nlp->m == 0) return TW_OK;
  TW_TRY(nlp->sparse_j ? tw_run_sparse_values(nlp->run, TW_MATRIX_CONSTRAINTS, x, NULL, j) : dense_jacobian(nlp, x, j));
  for (int64_t p = 0; p < nlp->j.nnz; p++) j[p] *= nlp->row[nlp->j.rowidx[p]];
  return TW_OK;
}

tw_status tw_nlp_first(tw_nlp *nlp, const double *x, double *g, double *j, bool *finite) {
  double f;
  TW_TRY(tw_run_gradient(nlp->run, x, &f, g));
  vec_scale(nlp->n, *nlp->scale, g);
  TW_TRY(jacobian(nlp, x, j));
  *finite = isfinite(f) && vec_find_nonfinite(nlp->j.nnz, j) < 0;
  return TW_OK;
}

/* The lower triangle of hess f + y'hess c, unscaled. */
static tw_status hessian(tw_nlp *nlp, const double *x, const double *y, double *h) {
  const int64_t n = nlp->n;
  const tw_matrix matrix = nlp->m > 0 ? TW_MATRIX_LAGRANGIAN : TW_MATRIX_HESSIAN;
  if (nlp->second == TW_NLP_SPARSE) return tw_run_sparse_values(nlp->run, matrix, x, y, h);
  if (nlp->second == TW_NLP_DENSE) {
    TW_TRY(tw_run_hessian(nlp->run, x, y, nlp->dense));
    for (int64_t k = 0, p = 0; k < n; k++)
      for (int64_t i = k; i < n; i++) h[p++] = nlp->dense[i * n + k];
    return TW_OK;
  }
  double *unit = nlp->col, *image = nlp->col + n;
  vec_zero(n, unit);
  for (int64_t k = 0, p = 0; k < n; k++) {
    unit[k] = 1;
    TW_TRY(tw_run_hvp(nlp->run, x, y, unit, image));
    unit[k] = 0;
    for (int64_t i = k; i < n; i++) h[p++] = image[i];
  }
  return TW_OK;
}

/* The oracle has f + y'c alone: without the objective it is the difference to y = 0. */
static tw_status without_objective(tw_nlp *nlp, const double *x, double *h) {
  if (!nlp->extra && !(nlp->extra = tw_alloc((size_t)nlp->h.nnz, sizeof *nlp->extra)))
    return tw_fail(nlp->run->error, TW_ERR_MEMORY, "out of memory");
  vec_zero(nlp->m, nlp->y);
  TW_TRY(hessian(nlp, x, nlp->y, nlp->extra));
  for (int64_t p = 0; p < nlp->h.nnz; p++) h[p] -= nlp->extra[p];
  return TW_OK;
}

tw_status tw_nlp_second(tw_nlp *nlp, const double *x, double objective, const double *y, double *h, bool *finite) {
  *finite = true;
  if (nlp->bfgs) {
    vec_copy(nlp->h.nnz, nlp->bfgs, h);
    return TW_OK;
  }
  const double sigma = *nlp->scale;
  for (int64_t i = 0; i < nlp->m; i++) nlp->y[i] = nlp->row[i] * y[i] / sigma;
  TW_TRY(hessian(nlp, x, nlp->y, h));
  if (objective == 0) TW_TRY(without_objective(nlp, x, h));
  vec_scale(nlp->h.nnz, sigma, h);
  *finite = vec_find_nonfinite(nlp->h.nnz, h) < 0;
  return TW_OK;
}

/* ------------------------------------------------------------------ scaling */

static double scale_for(double gradient) {
  return gradient > LARGEST_GRADIENT ? fmax(SMALLEST_SCALE, LARGEST_GRADIENT / gradient) : 1;
}

tw_status tw_nlp_scale(tw_nlp *nlp, const double *x) {
  double f, *g = nlp->col, *j = tw_alloc((size_t)nlp->j.nnz, sizeof *j);
  if (!j) return tw_fail(nlp->run->error, TW_ERR_MEMORY, "out of memory");
  *nlp->scale = 1;
  for (int64_t i = 0; i < nlp->m; i++) nlp->row[i] = 1;
  tw_status status = tw_run_gradient(nlp->run, x, &f, g);
  if (status == TW_OK) status = jacobian(nlp, x, j);
  if (status == TW_OK) {
    const double largest = vec_norm_inf(nlp->n, g);
    nlp->run->scale = largest;
    if (isfinite(largest)) *nlp->scale = scale_for(largest);
    double *norm = nlp->y;
    vec_zero(nlp->m, norm);
    for (int64_t p = 0; p < nlp->j.nnz; p++) norm[nlp->j.rowidx[p]] = fmax(norm[nlp->j.rowidx[p]], fabs(j[p]));
    for (int64_t i = 0; i < nlp->m; i++) nlp->row[i] = isfinite(norm[i]) ? scale_for(norm[i]) : 1;
  }
  free(j);
  return status;
}

double tw_nlp_outgrown(const tw_nlp *nlp, const double *g) {
  const double sigma = *nlp->scale, factor = scale_for(vec_norm_inf(nlp->n, g) / sigma) / sigma;
  return sigma < 1 && (factor >= 10 || (factor > 1 && factor * sigma == 1)) ? factor : 1;
}

/* ------------------------------------------------------------------ products */

void tw_nlp_add_j(const tw_nlp *nlp, const double *j, double a, const double *v, double *out) {
  const tw_csc matrix = csc_of(&nlp->j, j);
  csc_add(&matrix, a, v, out);
}

void tw_nlp_add_jt(const tw_nlp *nlp, const double *j, double a, const double *y, double *out) {
  const tw_csc matrix = csc_of(&nlp->j, j);
  csc_add_transpose(&matrix, a, y, out);
}

void tw_nlp_add_h(const tw_nlp *nlp, const double *h, double a, const double *v, double *out) {
  const tw_csc matrix = csc_of(&nlp->h, h);
  csc_add_symmetric(&matrix, a, v, out);
}

/* ------------------------------------------------------------------ damped BFGS */

void tw_nlp_bfgs_reset(tw_nlp *nlp) {
  if (!nlp->bfgs) return;
  vec_zero(nlp->h.nnz, nlp->bfgs);
  for (int64_t k = 0; k < nlp->n; k++) nlp->bfgs[nlp->h.colptr[k]] = 1;
}

/* Powell (1978): with t = max over [0, 1] of those with s'r >= 0.2 s'Bs, r = t y + (1 - t) B s,
 *   B <- B - B s s'B / s'Bs + r r' / s'r. */
void tw_nlp_bfgs_update(tw_nlp *nlp, const double *s, double *change) {
  const int64_t n = nlp->n;
  double *bs = nlp->col;
  vec_zero(n, bs);
  tw_nlp_add_h(nlp, nlp->bfgs, 1, s, bs);
  const double sbs = vec_dot(n, s, bs), sy = vec_dot(n, s, change);
  if (!(sbs > 0) || !isfinite(sy)) return;
  const double t = sy >= 0.2 * sbs ? 1 : 0.8 * sbs / (sbs - sy);
  for (int64_t k = 0; k < n; k++) change[k] = t * change[k] + (1 - t) * bs[k];
  const double sr = vec_dot(n, s, change);
  for (int64_t k = 0, p = 0; k < n; k++)
    for (int64_t i = k; i < n; i++, p++) nlp->bfgs[p] += change[i] * change[k] / sr - bs[i] * bs[k] / sbs;
}

/* ------------------------------------------------------------------ optimality */

tw_optimality tw_nlp_optimality(tw_nlp *nlp, const double *x, const double *c, const double *g, const double *j, const double *y,
                                const double *zl, const double *zu) {
  const tw_oracle *o = nlp->oracle;
  const double sigma = *nlp->scale;
  double *r = nlp->col, terms = 0;
  tw_optimality e = {0, 0, 0};
  vec_copy(nlp->n, g, r);
  tw_nlp_add_jt(nlp, j, 1, y, r);
  const bool bounded = (o->offers & TW_BOUNDS) != 0;
  for (int64_t k = 0; k < nlp->n; k++) {
    e.stationarity = fmax(e.stationarity, fabs(r[k] - zl[k] + zu[k]) / sigma);
    terms = fmax(terms, fmin(fabs(g[k]), fabs(r[k] - g[k])) / sigma);
    if (bounded && zl[k] > 0) e.complementarity = fmax(e.complementarity, zl[k] * fabs(x[k] - o->lower[k]) / sigma);
    if (bounded && zu[k] > 0) e.complementarity = fmax(e.complementarity, zu[k] * fabs(o->upper[k] - x[k]) / sigma);
  }
  for (int64_t i = 0; i < nlp->m; i++) {
    const double value = c[i] / nlp->row[i], above = value - o->c_upper[i], below = o->c_lower[i] - value;
    e.feasibility = fmax(e.feasibility, fmax(above, below));
    const double slack = y[i] > 0 ? above : y[i] < 0 ? below : 0, multiplier = nlp->row[i] * y[i] / sigma;
    if (isfinite(slack)) e.complementarity = fmax(e.complementarity, fabs(multiplier * slack));
    else e.stationarity = fmax(e.stationarity, fabs(multiplier)); /* it presses on nothing */
  }
  nlp->terms = terms;
  return e;
}
