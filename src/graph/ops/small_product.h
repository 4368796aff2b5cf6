/* Products whose extents BLAS is slow at: a matrix with few rows or columns times a vector, and matrices of
 * at most a few vector registers each way. Builds: portable, AVX2 with FMA and, for matrices, AVX-512, which add in the same
 * order. */
#ifndef TALWEG_GRAPH_OPS_SMALL_PRODUCT_H
#define TALWEG_GRAPH_OPS_SMALL_PRODUCT_H

#include "graph/ops/dense.h"

typedef struct tw_small_kernels {
  /* y = A x, A stored rows x cols, rows lda apart. */
  void (*rows)(int64_t rows, int64_t cols, const void *a, int64_t lda, const void *x, void *y);
  /* y = A'x. */
  void (*columns)(int64_t rows, int64_t cols, const void *a, int64_t lda, const void *x, void *y);
  /* C = op(A) op(B), or C += op(A) op(B): as tw_dense_product. */
  void (*multiply)(const tw_product *p, const void *a, const void *b, void *c);
  int64_t thin, narrow, shallow, little; /* up to which extents they are faster than BLAS: see tw_dense_product */
} tw_small_kernels;

extern const tw_small_kernels tw_small_portable[2]; /* f64, f32 */
#ifdef TALWEG_X86
extern const tw_small_kernels tw_small_avx2[2], tw_small_avx512[2]; /* the latter with products of vectors by AVX2 */
void tw_small_multiply_avx512_f64(const tw_product *p, const void *a, const void *b, void *c);
void tw_small_multiply_avx512_f32(const tw_product *p, const void *a, const void *b, void *c);
#endif

/* The best ones for such a processor, f64 and f32. */
const tw_small_kernels *tw_small_kernels_for(tw_cpu cpu);
/* The best ones on this machine for `dtype`, which is f64 or f32. */
const tw_small_kernels *tw_small_kernels_get(tw_dtype dtype);

#endif
