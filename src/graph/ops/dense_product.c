/* C = op(A) op(B) on one thread: BLAS, and loops where they are faster (thin matrices times vectors) or where
 * BLAS has nothing (integers). Which one runs depends on the shapes alone. */
#include "graph/ops/dense.h"

#include <cblas.h>
#include <string.h>

/* Up to this many columns a row is too short for BLAS to run at full speed. */
enum { THIN = 64 };

/* ------------------------------------------------------------------ thin matrix times vector */

typedef double double4 __attribute__((vector_size(32)));
typedef double double4_in __attribute__((vector_size(32), aligned(8), may_alias)); /* anywhere in an array */
typedef float float4 __attribute__((vector_size(16)));
typedef float float4_in __attribute__((vector_size(16), aligned(4), may_alias));

/* y = A x, A rows x cols, four rows at a time; the sums of four lanes of each of them are joined by shuffles.
 */
#define DEFINE_ROWS(name, real, real4, real4_in)                                                             \
  static void name(int64_t rows, int64_t cols, const real *restrict a, int64_t lda, const real *restrict x,  \
                   real *restrict y) {                                                                       \
    int64_t i = 0;                                                                                           \
    for (; i + 4 <= rows; i += 4) {                                                                          \
      const real *r0 = a + i * lda, *r1 = r0 + lda, *r2 = r1 + lda, *r3 = r2 + lda;                          \
      real4 s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, rest = {0};                                              \
      int64_t j = 0;                                                                                         \
      for (; j + 4 <= cols; j += 4) {                                                                        \
        real4 v = *(const real4_in *)(x + j);                                                                \
        s0 += *(const real4_in *)(r0 + j) * v;                                                               \
        s1 += *(const real4_in *)(r1 + j) * v;                                                               \
        s2 += *(const real4_in *)(r2 + j) * v;                                                               \
        s3 += *(const real4_in *)(r3 + j) * v;                                                               \
      }                                                                                                      \
      for (; j < cols; j++) rest += (real4){r0[j], r1[j], r2[j], r3[j]} * x[j];                              \
      real4 s01 = __builtin_shufflevector(s0, s1, 0, 4, 2, 6) + __builtin_shufflevector(s0, s1, 1, 5, 3, 7); \
      real4 s23 = __builtin_shufflevector(s2, s3, 0, 4, 2, 6) + __builtin_shufflevector(s2, s3, 1, 5, 3, 7); \
      real4 low = __builtin_shufflevector(s01, s23, 0, 1, 4, 5);                                             \
      real4 high = __builtin_shufflevector(s01, s23, 2, 3, 6, 7);                                            \
      *(real4_in *)(y + i) = (low + high) + rest;                                                            \
    }                                                                                                        \
    for (; i < rows; i++) {                                                                                  \
      real s = 0;                                                                                            \
      for (int64_t j = 0; j < cols; j++) s += a[i * lda + j] * x[j];                                         \
      y[i] = s;                                                                                              \
    }                                                                                                        \
  }
DEFINE_ROWS(rows_f64, double, double4, double4_in)
DEFINE_ROWS(rows_f32, float, float4, float4_in)

/* y = A'x, four rows at a time. */
#define DEFINE_COLUMNS(name, real)                                                                           \
  static void name(int64_t rows, int64_t cols, const real *restrict a, int64_t lda, const real *restrict x,  \
                   real *restrict y) {                                                                       \
    for (int64_t j = 0; j < cols; j++) y[j] = 0;                                                             \
    int64_t i = 0;                                                                                           \
    for (; i + 4 <= rows; i += 4) {                                                                          \
      const real *r0 = a + i * lda, *r1 = r0 + lda, *r2 = r1 + lda, *r3 = r2 + lda;                          \
      const real x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];                                     \
      for (int64_t j = 0; j < cols; j++) y[j] += (r0[j] * x0 + r1[j] * x1) + (r2[j] * x2 + r3[j] * x3);      \
    }                                                                                                        \
    for (; i < rows; i++)                                                                                    \
      for (int64_t j = 0; j < cols; j++) y[j] += a[i * lda + j] * x[i];                                      \
  }
DEFINE_COLUMNS(columns_f64, double)
DEFINE_COLUMNS(columns_f32, float)

/* y = A x or A'x; A is stored rows x cols. */
static void times_vector(tw_dtype dtype, bool transpose, int64_t rows, int64_t cols, const void *a,
                         int64_t lda, const void *x, void *y) {
  enum CBLAS_TRANSPOSE trans = transpose ? CblasTrans : CblasNoTrans;
  int64_t size = transpose ? cols : rows;
  if (cols <= THIN) {
    if (dtype == TW_F64)
      (transpose ? columns_f64 : rows_f64)(rows, cols, a, lda, x, y);
    else
      (transpose ? columns_f32 : rows_f32)(rows, cols, a, lda, x, y);
    return;
  }
  /* Accumulating into zeros, since not every BLAS leaves y unread when its factor is 0. */
  memset(y, 0, (size_t)size * tw_dtype_get(dtype)->size);
  if (dtype == TW_F64)
    cblas_dgemv(CblasRowMajor, trans, (int)rows, (int)cols, 1, a, (int)lda, x, 1, 1, y, 1);
  else
    cblas_sgemv(CblasRowMajor, trans, (int)rows, (int)cols, 1, a, (int)lda, x, 1, 1, y, 1);
}

/* Pieces short enough that tw_vec_dot does not call for threads. f32 is summed in f64. */
static void inner_product(tw_dtype dtype, int64_t n, const void *x, const void *y, void *out) {
  enum { PIECE = 65536 };
  double sum = 0;
  for (int64_t i = 0; i < n; i += PIECE) {
    int64_t count = n - i < PIECE ? n - i : PIECE;
    sum += dtype == TW_F64 ? tw_vec_dot((const double *)x + i, (const double *)y + i, (size_t)count)
                           : cblas_dsdot((int)count, (const float *)x + i, 1, (const float *)y + i, 1);
  }
  if (dtype == TW_F64)
    *(double *)out = sum;
  else
    *(float *)out = (float)sum;
}

/* ------------------------------------------------------------------ integers */

#define DEFINE_INTEGER(name, type, wide)                                                                     \
  static void name(const tw_product *p, const type *a, const type *b, type *c) {                             \
    int64_t ai = p->ta ? 1 : p->lda, al = p->ta ? p->lda : 1;                                                \
    int64_t bl = p->tb ? 1 : p->ldb, bj = p->tb ? p->ldb : 1;                                                \
    for (int64_t i = 0; i < p->m; i++)                                                                       \
      for (int64_t l = 0; l < p->k; l++)                                                                     \
        for (int64_t j = 0; j < p->n; j++) {                                                                 \
          type *to = &c[i * p->ldc + j];                                                                     \
          *to = (type)((l == 0 ? 0 : (wide)*to) + (wide)a[i * ai + l * al] * (wide)b[l * bl + j * bj]);      \
        }                                                                                                    \
  }
DEFINE_INTEGER(product_i64, int64_t, uint64_t)
DEFINE_INTEGER(product_i32, int32_t, uint32_t)

/* ------------------------------------------------------------------ the choice */

static void product_float(const tw_product *p, const void *a, const void *b, void *c) {
  bool a_is_vector = p->m == 1 && (!p->ta || p->lda == 1), b_is_vector = p->n == 1 && (p->tb || p->ldb == 1);
  if (a_is_vector && b_is_vector) {
    inner_product(p->dtype, p->k, a, b, c);
  } else if (b_is_vector && p->ldc == 1) {
    times_vector(p->dtype, p->ta, p->ta ? p->k : p->m, p->ta ? p->m : p->k, a, p->lda, b, c);
  } else if (a_is_vector) {
    times_vector(p->dtype, !p->tb, p->tb ? p->n : p->k, p->tb ? p->k : p->n, b, p->ldb, a, c);
  } else {
    enum CBLAS_TRANSPOSE ta = p->ta ? CblasTrans : CblasNoTrans, tb = p->tb ? CblasTrans : CblasNoTrans;
    int m = (int)p->m, n = (int)p->n, k = (int)p->k, lda = (int)p->lda, ldb = (int)p->ldb, ldc = (int)p->ldc;
    if (p->dtype == TW_F64)
      cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
    else
      cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
  }
}

void tw_dense_product(const tw_product *p, const void *a, const void *b, void *c) {
  if (p->m == 0 || p->n == 0) return;
  if (p->k == 0) {
    for (int64_t i = 0; i < p->m; i++)
      memset(tw_dense_put(p->dtype, c, i * p->ldc), 0, (size_t)p->n * tw_dtype_get(p->dtype)->size);
  } else if (p->dtype == TW_I64) {
    product_i64(p, a, b, c);
  } else if (p->dtype == TW_I32) {
    product_i32(p, a, b, c);
  } else {
    product_float(p, a, b, c);
  }
}
