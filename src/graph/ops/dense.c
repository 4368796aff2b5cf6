/* Dense kernels that are not products: copies, checks, factorizations, triangular solves. */
#include "graph/ops/dense.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

/* The statement for the type behind `dtype`, which is f64 or f32. */
#define BY_DTYPE(dtype, statement)                                                                           \
  if ((dtype) == TW_F64) {                                                                                   \
    typedef double real;                                                                                     \
    statement;                                                                                               \
  } else {                                                                                                   \
    typedef float real;                                                                                      \
    statement;                                                                                               \
  }

double tw_dense_get(tw_dtype dtype, const void *x, int64_t i) {
  return dtype == TW_F64 ? ((const double *)x)[i] : (double)((const float *)x)[i];
}

bool tw_dense_finite(tw_dtype dtype, int64_t n, const void *x) {
  int64_t bad = 0;
  BY_DTYPE(dtype, for (int64_t i = 0; i < n; i++) bad += !isfinite(((const real *)x)[i]))
  return bad == 0;
}

void tw_dense_transpose(tw_dtype dtype, int64_t rows, int64_t cols, const void *x, int64_t ldx, void *out,
                        int64_t ldout) {
  enum { BLOCK = 16 }; /* two blocks stay in the first-level cache */
  for (int64_t i0 = 0; i0 < rows; i0 += BLOCK)
    for (int64_t j0 = 0; j0 < cols; j0 += BLOCK) {
      int64_t i1 = i0 + BLOCK < rows ? i0 + BLOCK : rows, j1 = j0 + BLOCK < cols ? j0 + BLOCK : cols;
      BY_DTYPE(dtype, for (int64_t i = i0; i < i1; i++) for (int64_t j = j0; j < j1; j++)(
                          (real *)out)[j * ldout + i] = ((const real *)x)[i * ldx + j])
    }
}

void tw_dense_copy(tw_dtype dtype, int64_t rows, int64_t cols, const void *x, int64_t ldx, void *out,
                   int64_t ldout) {
  size_t bytes = (size_t)cols * tw_dtype_get(dtype)->size;
  if (bytes == 0) return;
  if (ldx == cols && ldout == cols) {
    bytes *= (size_t)rows;
    rows = rows > 0;
  }
  for (int64_t i = 0; i < rows; i++)
    memcpy(tw_dense_put(dtype, out, i * ldout), tw_dense_at(dtype, x, i * ldx), bytes);
}

void tw_dense_negate(tw_dtype dtype, int64_t n, void *x, int64_t step) {
  BY_DTYPE(dtype, for (int64_t i = 0; i < n; i++)((real *)x)[i * step] = -((real *)x)[i * step])
}

int tw_dense_leading_sign(tw_dtype dtype, int64_t n, const void *x, int64_t step) {
  double leading = 0;
  BY_DTYPE(
      dtype, for (int64_t i = 0; i < n; i++) {
        double v = (double)((const real *)x)[i * step];
        if (fabs(v) > fabs(leading)) leading = v;
      })
  return leading < 0 ? -1 : 1;
}

/* ------------------------------------------------------------------ BLAS and LAPACK */

void tw_dense_trsm(tw_dtype dtype, bool upper, bool transpose, bool unit, int64_t n, int64_t nrhs,
                   const void *t, int64_t ldt, void *b, int64_t ldb) {
  enum CBLAS_UPLO uplo = upper ? CblasUpper : CblasLower;
  enum CBLAS_TRANSPOSE trans = transpose ? CblasTrans : CblasNoTrans;
  enum CBLAS_DIAG diag = unit ? CblasUnit : CblasNonUnit;
  int in = (int)n, ik = (int)nrhs, it = (int)ldt, ib = (int)ldb;
  if (n == 0 || nrhs == 0) return;
  if (dtype == TW_F64) {
    if (nrhs == 1)
      cblas_dtrsv(CblasRowMajor, uplo, trans, diag, in, t, it, b, ib);
    else
      cblas_dtrsm(CblasRowMajor, CblasLeft, uplo, trans, diag, in, ik, 1, t, it, b, ib);
  } else {
    if (nrhs == 1)
      cblas_strsv(CblasRowMajor, uplo, trans, diag, in, t, it, b, ib);
    else
      cblas_strsm(CblasRowMajor, CblasLeft, uplo, trans, diag, in, ik, 1, t, it, b, ib);
  }
}

void tw_dense_gram(tw_dtype dtype, int64_t n, int64_t k, const void *a, int64_t lda, void *c, int64_t ldc) {
  const int in = (int)n, ik = (int)k, ia = (int)lda, ic = (int)ldc;
  if (dtype == TW_F64)
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, in, ik, 1, a, ia, 0, c, ic);
  else
    cblas_ssyrk(CblasRowMajor, CblasLower, CblasNoTrans, in, ik, 1, a, ia, 0, c, ic);
}

/* The lower triangle in C order is the upper one in LAPACK's order: A = U'U with U = L'. */
int64_t tw_dense_cholesky(tw_dtype dtype, int64_t n, void *a, int64_t lda) {
  int in = (int)n, il = (int)lda;
  int64_t info = dtype == TW_F64 ? LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', in, a, il)
                                 : LAPACKE_spotrf_work(LAPACK_COL_MAJOR, 'U', in, a, il);
  for (int64_t i = 0; i < n && info == 0; i++) /* NaN passes LAPACK's test and ends on the diagonal */
    if (!(tw_dense_get(dtype, a, i * (lda + 1)) > 0) || !isfinite(tw_dense_get(dtype, a, i * (lda + 1))))
      info = i + 1;
  return info;
}

void tw_dense_lu(tw_dtype dtype, int64_t n, void *a, int64_t lda, int32_t *pivot) {
  int in = (int)n, il = (int)lda;
  if (dtype == TW_F64)
    LAPACKE_dgetrf_work(LAPACK_COL_MAJOR, in, in, a, il, pivot);
  else
    LAPACKE_sgetrf_work(LAPACK_COL_MAJOR, in, in, a, il, pivot);
}

bool tw_dense_lu_inverse(tw_dtype dtype, int64_t n, void *a, const int32_t *pivot, void *work) {
  int in = (int)n, size = (int)(n * TW_LU_WORK);
  return (dtype == TW_F64 ? LAPACKE_dgetri_work(LAPACK_COL_MAJOR, in, a, in, pivot, work, size)
                          : LAPACKE_sgetri_work(LAPACK_COL_MAJOR, in, a, in, pivot, work, size)) == 0;
}

void tw_dense_eigh_work(int64_t n, int64_t *elements, int64_t *integers) {
  *elements = 1 + 6 * n + 2 * n * n + 64 * n;
  *integers = 3 + 5 * n;
}

bool tw_dense_eigh(tw_dtype dtype, int64_t n, void *a, void *w, void *work, int32_t *iwork) {
  int64_t elements, integers;
  tw_dense_eigh_work(n, &elements, &integers);
  int in = (int)n, size = (int)elements, isize = (int)integers;
  return (dtype == TW_F64
              ? LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'U', in, a, in, w, work, size, iwork, isize)
              : LAPACKE_ssyevd_work(LAPACK_COL_MAJOR, 'V', 'U', in, a, in, w, work, size, iwork, isize)) == 0;
}

int64_t tw_dense_svd_work(int64_t m, int64_t n) {
  int64_t k = m < n ? m : n;
  return 4 * k * k + 8 * k + 64 * (m + n);
}

/* LAPACK reads C order as A' = V diag(s) U': its left vectors, one column after the other, are the rows of
 * V', and its right factor is U in C order. */
bool tw_dense_svd(tw_dtype dtype, int64_t m, int64_t n, void *a, void *u, void *s, void *vt, void *work,
                  int32_t *iwork) {
  int im = (int)m, in = (int)n, ik = (int)(m < n ? m : n), size = (int)tw_dense_svd_work(m, n);
  return (dtype == TW_F64
              ? LAPACKE_dgesdd_work(LAPACK_COL_MAJOR, 'S', in, im, a, in, s, vt, in, u, ik, work, size, iwork)
              : LAPACKE_sgesdd_work(LAPACK_COL_MAJOR, 'S', in, im, a, in, s, vt, in, u, ik, work, size,
                                    iwork)) == 0;
}
