/* Dense kernels by dtype (f64, f32): what BLAS and LAPACK offer, with leading dimensions and transposes told
 * in C order where BLAS has it, and the loops that BLAS is slow at. Every function runs on the calling thread
 * and allocates nothing. */
#ifndef TALWEG_GRAPH_OPS_DENSE_H
#define TALWEG_GRAPH_OPS_DENSE_H

#include <talweg/array.h>

/* Element i of an array of `dtype`. */
static inline const void *tw_dense_at(tw_dtype dtype, const void *x, int64_t i) {
  return (const char *)x + i * (int64_t)(dtype == TW_F64 || dtype == TW_I64 ? 8 : 4);
}
static inline void *tw_dense_put(tw_dtype dtype, void *x, int64_t i) {
  return (char *)x + i * (int64_t)(dtype == TW_F64 || dtype == TW_I64 ? 8 : 4);
}
double tw_dense_get(tw_dtype dtype, const void *x, int64_t i);
bool tw_dense_finite(tw_dtype dtype, int64_t n, const void *x);
/* out[j, i] = x[i, j]: x is rows x cols, rows ldx and ldout apart. */
void tw_dense_transpose(tw_dtype dtype, int64_t rows, int64_t cols, const void *x, int64_t ldx, void *out,
                        int64_t ldout);
/* rows x cols from x to out. */
void tw_dense_copy(tw_dtype dtype, int64_t rows, int64_t cols, const void *x, int64_t ldx, void *out,
                   int64_t ldout);
/* A row of n elements, `step` apart, times -1. */
void tw_dense_negate(tw_dtype dtype, int64_t n, void *x, int64_t step);
/* The sign (+1 or -1) of the first element of largest magnitude among n, `step` apart. */
int tw_dense_leading_sign(tw_dtype dtype, int64_t n, const void *x, int64_t step);

/* C = op(A) op(B), or C += op(A) op(B): op(A) is m x k, op(B) k x n, C m x n. f64, f32, i64 or i32 (which wrap
 * around). */
typedef struct tw_product {
  tw_dtype dtype;
  int64_t m, n, k;
  bool ta, tb; /* stored transposed */
  int64_t lda, ldb, ldc;
  bool add;
} tw_product;
void tw_dense_product(const tw_product *p, const void *a, const void *b, void *c);

/* The lower triangle of C = A A', A n x k, C n x n. */
void tw_dense_gram(tw_dtype dtype, int64_t n, int64_t k, const void *a, int64_t lda, void *c, int64_t ldc);

/* Solves op(T) X = B in place: T n x n triangular, B n x nrhs. */
void tw_dense_trsm(tw_dtype dtype, bool upper, bool transpose, bool unit, int64_t n, int64_t nrhs,
                   const void *t, int64_t ldt, void *b, int64_t ldb);

/* A = L L' in place, the lower triangle in C order. Returns the order of the first minor that is not
 * positive, or 0. */
int64_t tw_dense_cholesky(tw_dtype dtype, int64_t n, void *a, int64_t lda);
/* LAPACK's P L U factors of A' in place (A' because LAPACK reads C order as the transpose); pivots from 1. */
void tw_dense_lu(tw_dtype dtype, int64_t n, void *a, int64_t lda, int32_t *pivot);
/* The inverse from those factors, in place, with n * TW_LU_WORK elements of work. False when a pivot is zero.
 */
#define TW_LU_WORK 64
bool tw_dense_lu_inverse(tw_dtype dtype, int64_t n, void *a, const int32_t *pivot, void *work);

/* Eigenvalues w of the symmetric matrix whose lower triangle (C order) is in a; row j of a becomes the
 * eigenvector of w_j. Work: tw_dense_eigh_work elements and integers. False when it does not converge. */
void tw_dense_eigh_work(int64_t n, int64_t *elements, int64_t *integers);
bool tw_dense_eigh(tw_dtype dtype, int64_t n, void *a, void *w, void *work, int32_t *iwork);
/* A = U diag(s) V', A m x n in C order and destroyed, k = min(m, n): u m x k in C order, row j of vt the j-th
 * right vector. Work: tw_dense_svd_work elements and 8 k integers. False when it does not converge. */
int64_t tw_dense_svd_work(int64_t m, int64_t n);
bool tw_dense_svd(tw_dtype dtype, int64_t m, int64_t n, void *a, void *u, void *s, void *vt, void *work,
                  int32_t *iwork);

#endif
