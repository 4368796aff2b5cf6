/* C = op(A) op(B) on one thread: BLAS, and our own kernels where they are faster (small or thin matrices) or
 * where BLAS has nothing (integers). Which one runs depends on the shapes and the machine alone. */
#include "graph/ops/small_product.h"

#include <cblas.h>
#include <string.h>

/* Up to this many columns a row is too short for BLAS to run at full speed. */
enum { SHORT = 64 };
/* Up to this many rows of B those of a few vectors stay in the first cache. */
enum { DEEP = 256 };

/* ------------------------------------------------------------------ vectors */

/* y = A x or A'x; A is stored rows x cols. */
static void times_vector(tw_dtype dtype, bool transpose, int64_t rows, int64_t cols, const void *a,
                         int64_t lda, const void *x, void *y) {
  enum CBLAS_TRANSPOSE trans = transpose ? CblasTrans : CblasNoTrans;
  const tw_small_kernels *small = tw_small_kernels_get(dtype);
  int64_t size = transpose ? cols : rows;
  if (cols <= SHORT || rows <= small->thin) {
    (transpose ? small->columns : small->rows)(rows, cols, a, lda, x, y);
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
          wide sum = l == 0 && !p->add ? 0 : (wide)*to;                                                      \
          *to = (type)(sum + (wide)a[i * ai + l * al] * (wide)b[l * bl + j * bj]);                           \
        }                                                                                                    \
  }
DEFINE_INTEGER(product_i64, int64_t, uint64_t)
DEFINE_INTEGER(product_i32, int32_t, uint32_t)

/* ------------------------------------------------------------------ the choice */

/* BLAS spends a while on getting started and packs what it could use where it lies. */
static bool is_small(const tw_small_kernels *small, const tw_product *p) {
  return p->n <= (p->k <= DEEP ? small->narrow : small->thin) || p->k <= small->shallow || (p->m <= small->thin / 2 && !p->tb) ||
         (double)p->m * (double)p->n * (double)p->k <= (double)small->little;
}

static void product_matrices(const tw_product *p, const void *a, const void *b, void *c) {
  const tw_small_kernels *small = tw_small_kernels_get(p->dtype);
  enum CBLAS_TRANSPOSE ta = p->ta ? CblasTrans : CblasNoTrans, tb = p->tb ? CblasTrans : CblasNoTrans;
  int m = (int)p->m, n = (int)p->n, k = (int)p->k, lda = (int)p->lda, ldb = (int)p->ldb, ldc = (int)p->ldc;
  if (is_small(small, p))
    small->multiply(p, a, b, c);
  else if (p->dtype == TW_F64)
    cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, lda, b, ldb, p->add, c, ldc);
  else
    cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, a, lda, b, ldb, p->add, c, ldc);
}

static void product_float(const tw_product *p, const void *a, const void *b, void *c) {
  bool a_is_vector = p->m == 1 && (!p->ta || p->lda == 1), b_is_vector = p->n == 1 && (p->tb || p->ldb == 1);
  if (p->add)
    product_matrices(p, a, b, c);
  else if (a_is_vector && b_is_vector)
    inner_product(p->dtype, p->k, a, b, c);
  else if (b_is_vector && p->ldc == 1)
    times_vector(p->dtype, p->ta, p->ta ? p->k : p->m, p->ta ? p->m : p->k, a, p->lda, b, c);
  else if (a_is_vector)
    times_vector(p->dtype, !p->tb, p->tb ? p->n : p->k, p->tb ? p->k : p->n, b, p->ldb, a, c);
  else
    product_matrices(p, a, b, c);
}

void tw_dense_product(const tw_product *p, const void *a, const void *b, void *c) {
  if (p->m == 0 || p->n == 0) return;
  if (p->k == 0) {
    for (int64_t i = 0; i < p->m && !p->add; i++)
      memset(tw_dense_put(p->dtype, c, i * p->ldc), 0, (size_t)p->n * tw_dtype_get(p->dtype)->size);
  } else if (p->dtype == TW_I64) {
    product_i64(p, a, b, c);
  } else if (p->dtype == TW_I32) {
    product_i32(p, a, b, c);
  } else {
    product_float(p, a, b, c);
  }
}
