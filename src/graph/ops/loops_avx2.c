/* The AVX2 build of the loops (compiled with -mavx2 -mfma, entered after a look at the processor). */
#if defined(TALWEG_X86) && defined(TALWEG_SLEEF)
#define FUNCTION1_LOOP(name, real) /* by loops_sleef.h */
#define FUNCTION2_LOOP(name, real)
#include "graph/ops/loops_arithmetic.h"

#include <immintrin.h>
#include <sleef.h>
#include <string.h>

#define REAL double
#define WORD uint64_t
#define NAME(x) x##_f64
#define SLEEF(x) Sleef_##x##d4_u10avx2
#define LANES 4
#define SINH_END 709

typedef __m256d vec_f64;
static inline vec_f64 load_f64(const double *p) {
  return _mm256_loadu_pd(p);
}
static inline void store_f64(double *p, vec_f64 v) {
  _mm256_storeu_pd(p, v);
}
static inline vec_f64 spread_f64(double x) {
  return _mm256_set1_pd(x);
}
static inline vec_f64 negative_abs_f64(vec_f64 x) {
  return _mm256_or_pd(x, _mm256_set1_pd(-0.0));
}
static inline vec_f64 with_sign_f64(vec_f64 a, vec_f64 x) {
  return _mm256_or_pd(a, _mm256_and_pd(x, _mm256_set1_pd(-0.0)));
}
static inline vec_f64 if_greater_f64(vec_f64 a, vec_f64 b, vec_f64 x, vec_f64 y) {
  return _mm256_blendv_pd(y, x, _mm256_cmp_pd(a, b, _CMP_GT_OQ));
}
static inline vec_f64 fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) {
  return _mm256_fmadd_pd(a, b, c);
}
static inline bool all_greater_f64(vec_f64 a, vec_f64 b) {
  return _mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_GT_OQ)) == 0xf;
}
static inline bool any_greater_f64(vec_f64 a, vec_f64 b) {
  return _mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_GT_OQ)) != 0;
}
#include "graph/ops/loops_sleef.h"

#define REAL float
#define WORD uint32_t
#define NAME(x) x##_f32
#define SLEEF(x) Sleef_##x##f8_u10avx2
#define LANES 8
#define SINH_END 88

typedef __m256 vec_f32;
static inline vec_f32 load_f32(const float *p) {
  return _mm256_loadu_ps(p);
}
static inline void store_f32(float *p, vec_f32 v) {
  _mm256_storeu_ps(p, v);
}
static inline vec_f32 spread_f32(float x) {
  return _mm256_set1_ps(x);
}
static inline vec_f32 negative_abs_f32(vec_f32 x) {
  return _mm256_or_ps(x, _mm256_set1_ps(-0.0f));
}
static inline vec_f32 with_sign_f32(vec_f32 a, vec_f32 x) {
  return _mm256_or_ps(a, _mm256_and_ps(x, _mm256_set1_ps(-0.0f)));
}
static inline vec_f32 if_greater_f32(vec_f32 a, vec_f32 b, vec_f32 x, vec_f32 y) {
  return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_GT_OQ));
}
static inline vec_f32 fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) {
  return _mm256_fmadd_ps(a, b, c);
}
static inline bool all_greater_f32(vec_f32 a, vec_f32 b) {
  return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)) == 0xff;
}
static inline bool any_greater_f32(vec_f32 a, vec_f32 b) {
  return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)) != 0;
}
#include "graph/ops/loops_sleef.h"

const tw_loops tw_loops_avx2 = {
    .name = "avx2",
    .exp_sum = {exp_sum_f64, exp_sum_f32},
    .loop =
        {
#include "graph/ops/loops.def"
        },
};
#else
typedef int tw_no_avx2_loops; /* a translation unit must declare something */
#endif
