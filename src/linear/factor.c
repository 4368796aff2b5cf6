/* Direct solvers: construction, checks, the translation between A and T, inertia. */
#include "linear/factor.h"

#include <limits.h>

tw_status factor_no_memory(const tw_factor *f, tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", f->ops->name);
}

tw_status factor_singular(const tw_factor *f, int64_t k, double pivot, tw_error *error) {
  const char *what = f->kind == TW_FACTOR_CHOLESKY ? "not positive definite" : "singular";
  return tw_fail(error, TW_ERR_SINGULAR, "%s: pivot %lld is %g: the matrix is %s to working precision",
                 f->ops->name, (long long)k, pivot, what);
}

tw_status factor_deficient(const tw_factor *f, int64_t rank, tw_error *error) {
  return tw_fail(error, TW_ERR_SINGULAR,
                 "%s: the %lld x %lld matrix has rank %lld to working precision, pivot %lld vanishes",
                 f->ops->name, (long long)f->rows, (long long)f->cols, (long long)rank, (long long)rank);
}

void tw_factor_free(tw_factor *f) {
  if (!f) return;
  f->ops->release(f);
  tw_csc_free(&f->sparse);
  free(f->dense);
  free(f->scale);
  free(f);
}

/* ------------------------------------------------------------------ column scaling */

/* S from the largest entries of T's columns: powers of two, so that scaling is exact. */
static tw_status set_scale(tw_factor *f, int64_t j, double largest, tw_error *error) {
  if (largest == 0)
    return tw_fail(error, TW_ERR_SINGULAR, "%s: %s %lld of the matrix is zero", f->ops->name,
                   f->flipped ? "row" : "column", (long long)j);
  int exponent;
  frexp(largest, &exponent);
  f->scale[j] = ldexp(1, exponent > -1000 ? -exponent : 1000);
  return TW_OK;
}

static tw_status scale_dense(tw_factor *f, tw_error *error) {
  const int64_t m = factor_t_rows(f);
  for (int64_t j = 0; j < factor_t_cols(f); j++) {
    const tw_status status = set_scale(f, j, tw_vec_norm_inf(f->dense + j * m, (size_t)m), error);
    if (status != TW_OK) return status;
    vec_scale(m, f->scale[j], f->dense + j * m);
  }
  return TW_OK;
}

static tw_status scale_sparse(tw_factor *f, tw_error *error) {
  for (int64_t j = 0; j < f->sparse.cols; j++) {
    const int64_t first = f->sparse.start[j], count = f->sparse.start[j + 1] - first;
    const tw_status status = set_scale(f, j, tw_vec_norm_inf(f->sparse.value + first, (size_t)count), error);
    if (status != TW_OK) return status;
    vec_scale(count, f->scale[j], f->sparse.value + first);
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ norms */

/* Adds |a| at (i, j) of T to the column sums and row sums, mirrored when only the lower triangle is stored.
 */
static void add_norm(const tw_factor *f, double *col, double *row, int64_t i, int64_t j, double a) {
  col[j] += fabs(a);
  row[i] += fabs(a);
  if (f->ops->symmetric && i != j) col[i] += fabs(a);
}

static void sum_entries(const tw_factor *f, double *col, double *row) {
  const int64_t m = factor_t_rows(f), n = factor_t_cols(f);
  for (int64_t j = 0; f->dense && j < n; j++)
    for (int64_t i = 0; i < m; i++)
      if (!f->ops->symmetric || i <= j) add_norm(f, col, row, i, j, f->dense[j * m + i]);
  for (int64_t j = 0; !f->dense && j < n; j++)
    for (int64_t p = f->sparse.start[j]; p < f->sparse.start[j + 1]; p++)
      add_norm(f, col, row, f->sparse.row[p], j, f->sparse.value[p]);
}

static tw_status set_norms(tw_factor *f, tw_error *error) {
  const int64_t m = factor_t_rows(f), n = factor_t_cols(f);
  double *col = tw_alloc((size_t)n, sizeof *col), *row = tw_alloc((size_t)m, sizeof *row);
  if (col && row) {
    sum_entries(f, col, row);
    f->norm_one = tw_vec_norm_inf(col, (size_t)n);
    f->norm_inf = f->ops->symmetric ? f->norm_one : tw_vec_norm_inf(row, (size_t)m);
  }
  const bool ok = col && row;
  free(col);
  free(row);
  return ok ? TW_OK : factor_no_memory(f, error);
}

/* ------------------------------------------------------------------ construction */

static const factor_ops *const dense_backends[] = {[TW_FACTOR_LU] = &factor_dense_lu,
                                                   [TW_FACTOR_CHOLESKY] = &factor_dense_cholesky,
                                                   [TW_FACTOR_LDLT] = &factor_dense_ldlt,
                                                   [TW_FACTOR_QR] = &factor_dense_qr,
                                                   [TW_FACTOR_INDEFINITE] = &factor_dense_ldlt,
                                                   [TW_FACTOR_QUASIDEFINITE] = &factor_dense_ldlt};
static const factor_ops *const sparse_backends[] = {[TW_FACTOR_LU] = &factor_umfpack,
                                                    [TW_FACTOR_CHOLESKY] = &factor_cholmod,
                                                    [TW_FACTOR_LDLT] = &factor_ldl,
                                                    [TW_FACTOR_QR] = &factor_spqr,
                                                    [TW_FACTOR_INDEFINITE] = &factor_mumps,
                                                    [TW_FACTOR_QUASIDEFINITE] = &factor_ldl};

/* Factors the T just stored. */
static tw_status refactor(tw_factor *f, tw_error *error) {
  f->ready = false;
  f->condition = -1;
  f->positive = f->negative = 0;
  tw_status status = set_norms(f, error);
  if (status == TW_OK && f->scale) status = f->dense ? scale_dense(f, error) : scale_sparse(f, error);
  if (status == TW_OK && factor_t_cols(f) > 0) status = f->ops->factorize(f, error);
  f->ready = status == TW_OK;
  return status;
}

/* An empty factor for an A of this shape. `function` heads messages about the arguments. */
static tw_status factor_new(tw_factor **out, const char *function, const factor_ops *const *backends,
                            tw_factor_kind kind, int64_t rows, int64_t cols, tw_error *error) {
  if ((unsigned)kind > TW_FACTOR_QUASIDEFINITE)
    return tw_fail(error, TW_ERR_ARGUMENT, "%s: kind is %d, expected a tw_factor_kind", function, (int)kind);
  const factor_ops *ops = backends[kind];
  if (rows < 0 || cols < 0 || (ops->square && rows != cols))
    return tw_fail(error, TW_ERR_SHAPE, "%s: the matrix is %lld x %lld, expected %s", ops->name,
                   (long long)rows, (long long)cols, ops->square ? "a square one" : "a shape");
  tw_factor *f = tw_alloc(1, ops->size);
  if (!f) return tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", ops->name);
  f->ops = ops;
  f->kind = kind;
  f->rows = rows;
  f->cols = cols;
  f->flipped = ops->tall && rows < cols;
  f->refinements = 3;
  *out = f;
  return TW_OK;
}

static tw_status new_scale(tw_factor *f, tw_error *error) {
  if (!f->ops->scaled) return TW_OK;
  f->scale = tw_alloc((size_t)factor_t_cols(f), sizeof *f->scale);
  return f->scale ? TW_OK : factor_no_memory(f, error);
}

/* Row-major A is T = A' by columns already, which all take but a QR of a tall or square A. */
static tw_status store_dense(tw_factor *f, const double *a, tw_error *error) {
  const int64_t m = f->rows, n = f->cols;
  if (m > INT_MAX || n > INT_MAX)
    return tw_fail(error, TW_ERR_SHAPE, "%s: the matrix is %lld x %lld, larger than LAPACK's integers",
                   f->ops->name, (long long)m, (long long)n);
  const int64_t bad = vec_find_nonfinite(m * n, a);
  if (bad >= 0)
    return tw_fail(error, TW_ERR_DATA, "%s: the entry at row %lld, column %lld is %g", f->ops->name,
                   (long long)(bad / n), (long long)(bad % n), a[bad]);
  f->flipped = !f->ops->tall || m < n;
  f->dense = tw_alloc((size_t)(m * n), sizeof *f->dense);
  if (!f->dense) return factor_no_memory(f, error);
  if (f->flipped) vec_copy(m * n, a, f->dense);
  for (int64_t i = 0; !f->flipped && i < m; i++)
    for (int64_t j = 0; j < n; j++) f->dense[j * m + i] = a[i * n + j];
  return TW_OK;
}

tw_status tw_factor_dense(tw_factor **out, tw_factor_kind kind, int64_t rows, int64_t cols, const double *a,
                          tw_error *error) {
  if (!out) return tw_fail(error, TW_ERR_ARGUMENT, "tw_factor_dense: out must not be NULL");
  *out = NULL;
  tw_factor *f = NULL;
  tw_status status = factor_new(&f, "tw_factor_dense", dense_backends, kind, rows, cols, error);
  if (status != TW_OK) return status;
  if (!a && rows > 0 && cols > 0)
    status = tw_fail(error, TW_ERR_ARGUMENT, "%s: the matrix must not be NULL", f->ops->name);
  if (status == TW_OK) status = store_dense(f, a, error);
  if (status == TW_OK) status = new_scale(f, error);
  if (status == TW_OK) status = refactor(f, error);
  if (status == TW_OK)
    *out = f;
  else
    tw_factor_free(f);
  return status;
}

/* T of a sparse A. */
static tw_status take_sparse(const tw_factor *f, tw_csc *out, const tw_csc *a, tw_error *error) {
  if (f->ops->symmetric) return csc_triangle(out, a, true, error);
  return f->flipped ? tw_csc_transpose(out, a, error) : csc_copy(out, a, error);
}

static tw_status factor_sparse(tw_factor **out, tw_factor_kind kind, const tw_csc *a, const int64_t *order, tw_error *error) {
  *out = NULL;
  tw_factor *f = NULL;
  tw_status status = csc_check(a, "tw_factor_csc", error);
  if (status == TW_OK)
    status = factor_new(&f, "tw_factor_csc", sparse_backends, kind, a->rows, a->cols, error);
  if (status != TW_OK) return status;
  f->given = order;
  status = take_sparse(f, &f->sparse, a, error);
  if (status == TW_OK) status = new_scale(f, error);
  if (status == TW_OK && factor_t_cols(f) > 0) status = f->ops->analyse(f, error);
  f->given = NULL;
  if (status == TW_OK) status = refactor(f, error);
  if (status == TW_OK)
    *out = f;
  else
    tw_factor_free(f);
  return status;
}

tw_status tw_factor_csc(tw_factor **out, tw_factor_kind kind, const tw_csc *a, tw_error *error) {
  if (!out) return tw_fail(error, TW_ERR_ARGUMENT, "tw_factor_csc: out must not be NULL");
  return factor_sparse(out, kind, a, NULL, error);
}

/* A permutation of n? */
static bool is_order(int64_t n, const int64_t *order) {
  bool *seen = tw_alloc((size_t)n, sizeof *seen), good = seen != NULL;
  for (int64_t k = 0; k < n && good; k++) {
    good = order[k] >= 0 && order[k] < n && !seen[order[k]];
    if (good) seen[order[k]] = true;
  }
  free(seen);
  return good;
}

tw_status tw_factor_csc_ordered(tw_factor **out, tw_factor_kind kind, const tw_csc *a, const int64_t *order, tw_error *error) {
  if (!out || !a || !order) return tw_fail(error, TW_ERR_ARGUMENT, "tw_factor_csc_ordered: out, a and order must not be NULL");
  *out = NULL;
  if (kind != TW_FACTOR_CHOLESKY && kind != TW_FACTOR_LDLT && kind != TW_FACTOR_QUASIDEFINITE)
    return tw_fail(error, TW_ERR_ARGUMENT, "tw_factor_csc_ordered: the kind must be Cholesky or LDL'");
  if (!is_order(a->cols, order))
    return tw_fail(error, TW_ERR_RANGE, "tw_factor_csc_ordered: order is no permutation of %lld", (long long)a->cols);
  return factor_sparse(out, kind, a, order, error);
}

bool tw_factor_order(const tw_factor *f, int64_t *order) {
  const int64_t *own = f && f->ops->order ? f->ops->order(f) : NULL;
  if (own) memcpy(order, own, (size_t)f->rows * sizeof *order);
  return own != NULL;
}

tw_status tw_factor_update(tw_factor *f, const tw_csc *a, tw_error *error) {
  if (!f || f->dense)
    return tw_fail(error, TW_ERR_ARGUMENT, "tw_factor_update: the factor must be a sparse one and not NULL");
  tw_status status = csc_check(a, "tw_factor_update", error);
  tw_csc t = {0};
  if (status == TW_OK && (a->rows != f->rows || a->cols != f->cols))
    status =
        tw_fail(error, TW_ERR_SHAPE, "tw_factor_update: the matrix is %lld x %lld, the factor's %lld x %lld",
                (long long)a->rows, (long long)a->cols, (long long)f->rows, (long long)f->cols);
  if (status == TW_OK) status = take_sparse(f, &t, a, error);
  if (status == TW_OK && !csc_same_pattern(&t, &f->sparse))
    status = tw_fail(error, TW_ERR_SHAPE,
                     "tw_factor_update: the matrix has another pattern than the one factored");
  if (status == TW_OK) {
    vec_copy(csc_count(&t), t.value, f->sparse.value);
    status = refactor(f, error);
  }
  tw_csc_free(&t);
  return status;
}

/* ------------------------------------------------------------------ solving */

/* T x = b gives x = S x~; T' x = b becomes (T S)' x = S b, with the scaled right-hand side in `scaled`. */
static tw_status solve_scaled(tw_factor *f, bool adjoint, int64_t columns, const double *b, double *x,
                              tw_error *error) {
  const int64_t n = factor_t_cols(f);
  if (!f->scale) return f->ops->solve(f, adjoint, columns, b, x, error);
  double *scaled = adjoint ? tw_alloc((size_t)n, (size_t)columns * sizeof *scaled) : NULL;
  if (adjoint && !scaled) return factor_no_memory(f, error);
  for (int64_t i = 0; adjoint && i < n * columns; i++) scaled[i] = f->scale[i % n] * b[i];
  const tw_status status = f->ops->solve(f, adjoint, columns, adjoint ? scaled : b, x, error);
  for (int64_t i = 0; !adjoint && status == TW_OK && i < n * columns; i++) x[i] *= f->scale[i % n];
  free(scaled);
  return status;
}

static tw_status check_solve(const tw_factor *f, int64_t columns, int64_t length, const double *b,
                             const double *x, int64_t out_length, tw_error *error) {
  if (!f) return tw_fail(error, TW_ERR_ARGUMENT, "tw_factor_solve: the factor must not be NULL");
  if (!f->ready)
    return tw_fail(error, TW_ERR_SINGULAR, "tw_factor_solve: the last update of this factor failed");
  if (columns < 0 || columns > INT_MAX)
    return tw_fail(error, TW_ERR_SHAPE, "tw_factor_solve: columns is %lld", (long long)columns);
  if (columns > 0 && ((length > 0 && !b) || (out_length > 0 && !x)))
    return tw_fail(error, TW_ERR_ARGUMENT, "tw_factor_solve: b and x must not be NULL");
  const int64_t bad = vec_find_nonfinite(length * columns, b);
  if (bad >= 0) return tw_fail(error, TW_ERR_DATA, "tw_factor_solve: b[%lld] is %g", (long long)bad, b[bad]);
  return TW_OK;
}

tw_status tw_factor_solve(tw_factor *f, bool transpose, int64_t columns, const double *b, double *x,
                          tw_error *error) {
  const int64_t length = f ? (transpose ? f->cols : f->rows) : 0,
                out = f ? (transpose ? f->rows : f->cols) : 0;
  tw_status status = check_solve(f, columns, length, b, x, out, error);
  if (status != TW_OK || columns == 0 || out == 0) return status;
  if (length == 0) {
    vec_zero(out * columns, x);
    return TW_OK;
  }
  status = solve_scaled(f, transpose != f->flipped, columns, b, x, error);
  if (status != TW_OK) return status;
  const int64_t bad = vec_find_nonfinite(out * columns, x);
  if (bad >= 0)
    return tw_fail(error, TW_ERR_NUMERIC, "tw_factor_solve: the solution overflows: x[%lld] is %g",
                   (long long)bad, x[bad]);
  return TW_OK;
}

static tw_status apply_inverse(void *f, const double *b, double *x) {
  return tw_factor_solve(f, false, 1, b, x, NULL);
}

static tw_status apply_inverse_transpose(void *f, const double *b, double *x) {
  return tw_factor_solve(f, true, 1, b, x, NULL);
}

tw_linop tw_factor_linop(tw_factor *f) {
  if (!f) return (tw_linop){0};
  return (tw_linop){.rows = f->cols,
                    .cols = f->rows,
                    .flags = f->ops->symmetric ? TW_LINOP_SYMMETRIC : 0,
                    .apply = apply_inverse,
                    .apply_transpose = apply_inverse_transpose,
                    .context = f};
}

void tw_factor_refinement(tw_factor *f, int most) {
  if (f) f->refinements = most > 0 ? most : 0;
}

void tw_factor_inertia(const tw_factor *f, int64_t *positive, int64_t *negative, int64_t *zero) {
  const bool known = f && f->ready && f->ops->symmetric;
  if (positive) *positive = known ? f->positive : 0;
  if (negative) *negative = known ? f->negative : 0;
  if (zero) *zero = known ? f->rows - f->positive - f->negative : 0;
}

int64_t tw_factor_replaced(const tw_factor *f) {
  return f && f->ready ? f->replaced : 0;
}
