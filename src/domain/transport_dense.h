/* What runtime/transport.h and runtime/transport_solve.h call: by BLAS, LAPACK and vector functions in the library, by the plain loops of
 * runtime/matmul.h, linalg.h and softmax.h, under the same names, in the C that it writes. Private to domain. */
#ifndef TALWEG_DOMAIN_TRANSPORT_DENSE_H
#define TALWEG_DOMAIN_TRANSPORT_DENSE_H

#include "graph/ops/dense.h"
#include "graph/ops/loops.h"

static inline double rt_dot_f64(int64_t n, const double *x, const double *y) {
  double sum;
  tw_dense_product(&(tw_product){.dtype = TW_F64, .m = 1, .n = 1, .k = n, .lda = n, .ldb = 1, .ldc = 1}, x, y, &sum);
  return sum;
}

static inline void rt_gram_f64(int64_t n, int64_t k, const double *a, double *c) {
  tw_dense_gram(TW_F64, n, k, a, k, c, n);
}

/* In place. */
static inline int rt_cholesky_f64(int64_t n, const double *a, double *l) {
  (void)a;
  return tw_dense_cholesky(TW_F64, n, l, n) != 0;
}

static inline void rt_cholesky_solve_f64(int64_t n, int64_t k, const double *l, const double *b, double *x) {
  (void)b;
  tw_dense_trsm(TW_F64, false, false, false, n, k, l, n, x, k);
  tw_dense_trsm(TW_F64, false, true, false, n, k, l, n, x, k);
}

static inline double rt_exp_sum_f64(int64_t n, const double *x, double shift, double *out) {
  tw_exp_sum *block = tw_exp_sum_get(TW_F64);
  double sum = 0;
  for (int64_t i = 0; i < n; i += TW_EXP_SUM_MOST) sum += block(n - i < TW_EXP_SUM_MOST ? n - i : TW_EXP_SUM_MOST, x + i, shift, out + i);
  return sum;
}

#endif
