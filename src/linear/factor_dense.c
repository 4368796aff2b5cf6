/* Dense square factorizations by LAPACK, T by columns. Each checks its pivots against their rounding errors.
 */
#include "linear/factor.h"

#include <lapacke.h>

typedef struct square {
  tw_factor base;
  lapack_int *pivot;
} square;

static lapack_int order(const tw_factor *f) {
  return (lapack_int)f->rows;
}

static tw_status new_pivot(tw_factor *f, tw_error *error) {
  square *s = (square *)f;
  s->pivot = tw_alloc((size_t)f->rows, sizeof *s->pivot);
  return s->pivot ? TW_OK : factor_no_memory(f, error);
}

static void square_release(tw_factor *f) {
  free(((square *)f)->pivot);
}

/* x = b, where both may be the same memory. */
static double *copy_right_hand_side(const tw_factor *f, int64_t columns, const double *b, double *x) {
  if (b != x) memmove(x, b, (size_t)(f->rows * columns) * sizeof *x);
  return x;
}

/* ------------------------------------------------------------------ LU with partial pivoting */

/* u_kk = t_kk - sum_{j<k} l_kj u_jk carries rounding errors of eps (|L| |U|)_kk. The test does not see the
 * scaling of rows and columns. */
static tw_status check_lu(const tw_factor *f, tw_error *error) {
  const int64_t n = f->rows;
  double *terms = tw_alloc((size_t)n, sizeof *terms);
  if (!terms) return factor_no_memory(f, error);
  for (int64_t j = 0; j < n; j++)
    for (int64_t k = j + 1; k < n; k++) terms[k] += fabs(f->dense[j * n + k] * f->dense[k * n + j]);
  tw_status status = TW_OK;
  for (int64_t k = 0; k < n && status == TW_OK; k++) {
    const double pivot = f->dense[k * n + k];
    if (factor_is_rounding(pivot, terms[k] + fabs(pivot))) status = factor_singular(f, k, pivot, error);
  }
  free(terms);
  return status;
}

static tw_status lu_factorize(tw_factor *f, tw_error *error) {
  const tw_status status = new_pivot(f, error);
  if (status != TW_OK) return status;
  const lapack_int n = order(f),
                   info = LAPACKE_dgetrf_work(LAPACK_COL_MAJOR, n, n, f->dense, n, ((square *)f)->pivot);
  if (info > 0) return factor_singular(f, info - 1, 0, error);
  return check_lu(f, error);
}

static tw_status lu_solve(tw_factor *f, bool adjoint, int64_t columns, const double *b, double *x,
                          tw_error *error) {
  (void)error;
  const lapack_int n = order(f);
  LAPACKE_dgetrs_work(LAPACK_COL_MAJOR, adjoint ? 'T' : 'N', n, (lapack_int)columns, f->dense, n,
                      ((square *)f)->pivot, copy_right_hand_side(f, columns, b, x), n);
  return TW_OK;
}

const factor_ops factor_dense_lu = {.name = "dense LU factorization",
                                    .size = sizeof(square),
                                    .square = true,
                                    .factorize = lu_factorize,
                                    .solve = lu_solve,
                                    .release = square_release};

/* ------------------------------------------------------------------ Cholesky, T = U'U */

/* u_kk^2 = t_kk - sum_{j<k} u_jk^2 */
static tw_status cholesky_factorize(tw_factor *f, tw_error *error) {
  const lapack_int n = order(f), info = LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', n, f->dense, n);
  if (info > 0) return factor_singular(f, info - 1, f->dense[(info - 1) * (int64_t)(n + 1)], error);
  for (int64_t k = 0; k < n; k++) {
    const double *column = f->dense + k * n, pivot = column[k] * column[k];
    if (factor_is_rounding(pivot, vec_dot(k + 1, column, column))) return factor_singular(f, k, pivot, error);
  }
  f->positive = n;
  return TW_OK;
}

static tw_status cholesky_solve(tw_factor *f, bool adjoint, int64_t columns, const double *b, double *x,
                                tw_error *error) {
  (void)error, (void)adjoint;
  const lapack_int n = order(f);
  LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'U', n, (lapack_int)columns, f->dense, n,
                      copy_right_hand_side(f, columns, b, x), n);
  return TW_OK;
}

const factor_ops factor_dense_cholesky = {.name = "dense Cholesky factorization",
                                          .size = sizeof(square),
                                          .square = true,
                                          .symmetric = true,
                                          .factorize = cholesky_factorize,
                                          .solve = cholesky_solve,
                                          .release = square_release};

/* ------------------------------------------------------------------ LDL', T = P U D U' P' (Bunch & Kaufman
 * 1977) */

/* terms[k] = (|U| |D| |U'|)_kk without the pivot of column k's own block; e[k] couples k-1 and k in a 2 x 2
 * block. */
static void ldlt_terms(const tw_factor *f, const double *e, double *terms) {
  const int64_t n = f->rows;
  for (int64_t j = n - 1; j >= 0; j--) {
    const double *u = f->dense + j * n, *before = u - n;
    const bool pair = j > 0 && e[j] != 0;
    for (int64_t k = 0; k < (pair ? j - 1 : j); k++) {
      terms[k] += u[k] * u[k] * fabs(u[j]);
      if (pair) terms[k] += before[k] * before[k] * fabs(before[j - 1]) + 2 * fabs(u[k] * before[k] * e[j]);
    }
    if (pair) j--;
  }
}

/* Counts signs and refuses pivots that are rounding errors. A 2 x 2 block has a negative determinant by
 * construction. */
static tw_status ldlt_pivots(tw_factor *f, const double *e, const double *terms, tw_error *error) {
  const int64_t n = f->rows;
  for (int64_t k = n - 1; k >= 0; k--) {
    const double d = f->dense[k * n + k];
    if (k > 0 && e[k] != 0) {
      const double above = f->dense[(k - 1) * (n + 1)];
      if (factor_is_rounding(e[k], sqrt((terms[k] + fabs(d)) * (terms[k - 1] + fabs(above)))))
        return factor_singular(f, k, e[k], error);
      f->positive++, f->negative++, k--;
    } else {
      if (factor_is_rounding(d, terms[k] + fabs(d))) return factor_singular(f, k, d, error);
      *(d > 0 ? &f->positive : &f->negative) += 1;
    }
  }
  return TW_OK;
}

/* dsyconv lays U and D open for the checks, and closes them again. */
static tw_status check_ldlt(tw_factor *f, tw_error *error) {
  const lapack_int n = order(f);
  double *e = tw_alloc(2 * (size_t)n, sizeof *e);
  if (!e) return factor_no_memory(f, error);
  LAPACKE_dsyconv_work(LAPACK_COL_MAJOR, 'U', 'C', n, f->dense, n, ((square *)f)->pivot, e);
  ldlt_terms(f, e, e + n);
  const tw_status status = ldlt_pivots(f, e, e + n, error);
  LAPACKE_dsyconv_work(LAPACK_COL_MAJOR, 'U', 'R', n, f->dense, n, ((square *)f)->pivot, e);
  free(e);
  return status;
}

static tw_status ldlt_factorize(tw_factor *f, tw_error *error) {
  tw_status status = new_pivot(f, error);
  if (status != TW_OK) return status;
  const lapack_int n = order(f);
  lapack_int *pivot = ((square *)f)->pivot;
  double size;
  LAPACKE_dsytrf_work(LAPACK_COL_MAJOR, 'U', n, f->dense, n, pivot, &size, -1);
  double *work = tw_alloc((size_t)size, sizeof *work);
  if (!work) return factor_no_memory(f, error);
  const lapack_int info =
      LAPACKE_dsytrf_work(LAPACK_COL_MAJOR, 'U', n, f->dense, n, pivot, work, (lapack_int)size);
  free(work);
  return info > 0 ? factor_singular(f, info - 1, 0, error) : check_ldlt(f, error);
}

static tw_status ldlt_solve(tw_factor *f, bool adjoint, int64_t columns, const double *b, double *x,
                            tw_error *error) {
  (void)error, (void)adjoint;
  const lapack_int n = order(f);
  LAPACKE_dsytrs_work(LAPACK_COL_MAJOR, 'U', n, (lapack_int)columns, f->dense, n, ((square *)f)->pivot,
                      copy_right_hand_side(f, columns, b, x), n);
  return TW_OK;
}

const factor_ops factor_dense_ldlt = {.name = "dense LDL' factorization",
                                      .size = sizeof(square),
                                      .square = true,
                                      .symmetric = true,
                                      .factorize = ldlt_factorize,
                                      .solve = ldlt_solve,
                                      .release = square_release};
