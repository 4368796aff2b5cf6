/* The AVX-512 build of the small matrix products (compiled for its F, DQ, VL and BW parts, entered after a look at the processor).
 * Each element is the same sum as in the AVX2 build, so the bits are its. */
#ifdef TALWEG_X86
#include "graph/ops/small_product.h"
#include "graph/ops/small_transpose.h"

#define SMALL_MATRICES_ONLY

#define REAL double
#define NAME(x) x##_f64
#define LANES 8

typedef __m512d vec_f64;
typedef __mmask8 mask_f64;

static inline vec_f64 load_f64(const double *p) {
  return _mm512_loadu_pd(p);
}
static inline void store_f64(double *p, vec_f64 v) {
  _mm512_storeu_pd(p, v);
}
static inline vec_f64 spread_f64(double x) {
  return _mm512_set1_pd(x);
}
static inline mask_f64 mask_first_f64(int64_t n) {
  return (mask_f64)((1u << n) - 1);
}
static inline vec_f64 load_first_f64(const double *p, mask_f64 mask) {
  return _mm512_maskz_loadu_pd(mask, p);
}
static inline void store_first_f64(double *p, vec_f64 v, int64_t n) {
  _mm512_mask_storeu_pd(p, mask_first_f64(n), v);
}
static inline vec_f64 multiply_add_f64(vec_f64 a, vec_f64 b, vec_f64 c) {
  return _mm512_fmadd_pd(a, b, c);
}
static inline void transpose_f64(const double *a, int64_t lda, double *to, int64_t ldt) {
  for (int64_t i = 0; i < LANES; i += 4)
    for (int64_t j = 0; j < LANES; j += 4) transpose_4x4_f64(a + i * lda + j, lda, to + j * ldt + i, ldt);
}

#include "graph/ops/small_product_kernels.h"
#undef REAL
#undef NAME
#undef LANES

#define REAL float
#define NAME(x) x##_f32
#define LANES 16

typedef __m512 vec_f32;
typedef __mmask16 mask_f32;

static inline vec_f32 load_f32(const float *p) {
  return _mm512_loadu_ps(p);
}
static inline void store_f32(float *p, vec_f32 v) {
  _mm512_storeu_ps(p, v);
}
static inline vec_f32 spread_f32(float x) {
  return _mm512_set1_ps(x);
}
static inline mask_f32 mask_first_f32(int64_t n) {
  return (mask_f32)((1u << n) - 1);
}
static inline vec_f32 load_first_f32(const float *p, mask_f32 mask) {
  return _mm512_maskz_loadu_ps(mask, p);
}
static inline void store_first_f32(float *p, vec_f32 v, int64_t n) {
  _mm512_mask_storeu_ps(p, mask_first_f32(n), v);
}
static inline vec_f32 multiply_add_f32(vec_f32 a, vec_f32 b, vec_f32 c) {
  return _mm512_fmadd_ps(a, b, c);
}
static inline void transpose_f32(const float *a, int64_t lda, float *to, int64_t ldt) {
  for (int64_t i = 0; i < LANES; i += 8)
    for (int64_t j = 0; j < LANES; j += 8) transpose_8x8_f32(a + i * lda + j, lda, to + j * ldt + i, ldt);
}

#include "graph/ops/small_product_kernels.h"

void tw_small_multiply_avx512_f64(const tw_product *p, const void *a, const void *b, void *c) { multiply_f64(p, a, b, c); }
void tw_small_multiply_avx512_f32(const tw_product *p, const void *a, const void *b, void *c) { multiply_f32(p, a, b, c); }
#else
typedef int tw_no_avx512_products; /* a translation unit must declare something */
#endif
