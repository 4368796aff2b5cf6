/* The AVX2 build of the small products (compiled with -mavx2 -mfma, entered after a look at the processor).
 */
#ifdef TALWEG_X86
#include "graph/ops/small_product.h"
#include "graph/ops/small_transpose.h"

#define REAL double
#define NAME(x) x##_f64
#define LANES 4

typedef __m256d vec_f64;
typedef __m256i mask_f64;

static inline vec_f64 load_f64(const double *p) {
  return _mm256_loadu_pd(p);
}
static inline void store_f64(double *p, vec_f64 v) {
  _mm256_storeu_pd(p, v);
}
static inline vec_f64 spread_f64(double x) {
  return _mm256_set1_pd(x);
}
static inline mask_f64 mask_first_f64(int64_t n) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}
static inline vec_f64 load_first_f64(const double *p, mask_f64 mask) {
  return _mm256_maskload_pd(p, mask);
}
static inline vec_f64 add_f64(vec_f64 a, vec_f64 b) {
  return _mm256_add_pd(a, b);
}
static inline vec_f64 multiply_add_f64(vec_f64 a, vec_f64 b, vec_f64 c) {
  return _mm256_fmadd_pd(a, b, c);
}

/* Stores through a mask are slow on several processors. */
static inline void store_first_f64(double *p, vec_f64 v, int64_t n) {
  if (n == 4) {
    _mm256_storeu_pd(p, v);
    return;
  }
  __m128d half = _mm256_castpd256_pd128(v);
  if (n & 2) {
    _mm_storeu_pd(p, half);
    half = _mm256_extractf128_pd(v, 1);
    p += 2;
  }
  if (n & 1) _mm_store_sd(p, half);
}

static inline double sum_f64(vec_f64 v) {
  const __m128d low = _mm256_castpd256_pd128(v), high = _mm256_extractf128_pd(v, 1);
  return _mm_cvtsd_f64(_mm_hadd_pd(low, low)) + _mm_cvtsd_f64(_mm_hadd_pd(high, high));
}

static inline void store_sums_f64(double *p, const vec_f64 *v) {
  const vec_f64 a = _mm256_hadd_pd(v[0], v[1]), b = _mm256_hadd_pd(v[2], v[3]);
  _mm256_storeu_pd(p, _mm256_add_pd(_mm256_permute2f128_pd(a, b, 0x20), _mm256_permute2f128_pd(a, b, 0x31)));
}

static inline void transpose_f64(const double *a, int64_t lda, double *to, int64_t ldt) {
  transpose_4x4_f64(a, lda, to, ldt);
}

#include "graph/ops/small_product_kernels.h"
#undef REAL
#undef NAME
#undef LANES

#define REAL float
#define NAME(x) x##_f32
#define LANES 8

typedef __m256 vec_f32;
typedef __m256i mask_f32;

static inline vec_f32 load_f32(const float *p) {
  return _mm256_loadu_ps(p);
}
static inline void store_f32(float *p, vec_f32 v) {
  _mm256_storeu_ps(p, v);
}
static inline vec_f32 spread_f32(float x) {
  return _mm256_set1_ps(x);
}
static inline mask_f32 mask_first_f32(int64_t n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vec_f32 load_first_f32(const float *p, mask_f32 mask) {
  return _mm256_maskload_ps(p, mask);
}
static inline vec_f32 add_f32(vec_f32 a, vec_f32 b) {
  return _mm256_add_ps(a, b);
}
static inline vec_f32 multiply_add_f32(vec_f32 a, vec_f32 b, vec_f32 c) {
  return _mm256_fmadd_ps(a, b, c);
}

static inline void store_first_f32(float *p, vec_f32 v, int64_t n) {
  if (n == 8) {
    _mm256_storeu_ps(p, v);
    return;
  }
  __m128 quarter = _mm256_castps256_ps128(v);
  if (n & 4) {
    _mm_storeu_ps(p, quarter);
    quarter = _mm256_extractf128_ps(v, 1);
    p += 4;
  }
  if (n & 2) {
    _mm_storel_pi((__m64 *)p, quarter);
    quarter = _mm_movehl_ps(quarter, quarter);
    p += 2;
  }
  if (n & 1) _mm_store_ss(p, quarter);
}

/* The sums of the quadruples of four vectors, first halves and second ones. */
static inline __m128 sums_of_f32(const vec_f32 *v) {
  const vec_f32 a = _mm256_hadd_ps(v[0], v[1]), b = _mm256_hadd_ps(v[2], v[3]), c = _mm256_hadd_ps(a, b);
  return _mm_add_ps(_mm256_castps256_ps128(c), _mm256_extractf128_ps(c, 1));
}
static inline float sum_f32(vec_f32 v) {
  return _mm_cvtss_f32(sums_of_f32((const vec_f32[]){v, v, v, v}));
}
static inline void store_sums_f32(float *p, const vec_f32 *v) {
  _mm_storeu_ps(p, sums_of_f32(v));
}

static inline void transpose_f32(const float *a, int64_t lda, float *to, int64_t ldt) {
  transpose_8x8_f32(a, lda, to, ldt);
}

#include "graph/ops/small_product_kernels.h"

const tw_small_kernels tw_small_avx2[2] = {{rows_f64, columns_f64, multiply_f64, 16, 16, 64, 64 * 64 * 64},
                                           {rows_f32, columns_f32, multiply_f32, 16, 32, 64, 64 * 64 * 64}};
const tw_small_kernels tw_small_avx512[2] = {{rows_f64, columns_f64, tw_small_multiply_avx512_f64, 16, 16, 64, 64 * 64 * 64},
                                             {rows_f32, columns_f32, tw_small_multiply_avx512_f32, 16, 32, 64, 64 * 64 * 64}};
#else
typedef int tw_no_avx2_products; /* a translation unit must declare something */
#endif
