/* The AVX-512 build of the loops (compiled for its F, DQ, VL and BW parts, entered after a look at the
 * processor). */
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
#define SLEEF(x) Sleef_##x##d8_u10avx512f
#define LANES 8
#define SINH_END 709

typedef __m512d vec_f64;
static inline vec_f64 load_f64(const double *p) {
  return _mm512_loadu_pd(p);
}
static inline void store_f64(double *p, vec_f64 v) {
  _mm512_storeu_pd(p, v);
}
static inline vec_f64 spread_f64(double x) {
  return _mm512_set1_pd(x);
}
static inline vec_f64 negative_abs_f64(vec_f64 x) {
  return _mm512_or_pd(x, _mm512_set1_pd(-0.0));
}
static inline vec_f64 with_sign_f64(vec_f64 a, vec_f64 x) {
  return _mm512_or_pd(a, _mm512_and_pd(x, _mm512_set1_pd(-0.0)));
}
static inline vec_f64 if_greater_f64(vec_f64 a, vec_f64 b, vec_f64 x, vec_f64 y) {
  return _mm512_mask_blend_pd(_mm512_cmp_pd_mask(a, b, _CMP_GT_OQ), y, x);
}
static inline vec_f64 fma_f64(vec_f64 a, vec_f64 b, vec_f64 c) {
  return _mm512_fmadd_pd(a, b, c);
}
static inline bool all_greater_f64(vec_f64 a, vec_f64 b) {
  return _mm512_cmp_pd_mask(a, b, _CMP_GT_OQ) == 0xff;
}
static inline bool any_greater_f64(vec_f64 a, vec_f64 b) {
  return _mm512_cmp_pd_mask(a, b, _CMP_GT_OQ) != 0;
}
#include "graph/ops/loops_sleef.h"

#define REAL float
#define WORD uint32_t
#define NAME(x) x##_f32
#define SLEEF(x) Sleef_##x##f16_u10avx512f
#define LANES 16
#define SINH_END 88

typedef __m512 vec_f32;
static inline vec_f32 load_f32(const float *p) {
  return _mm512_loadu_ps(p);
}
static inline void store_f32(float *p, vec_f32 v) {
  _mm512_storeu_ps(p, v);
}
static inline vec_f32 spread_f32(float x) {
  return _mm512_set1_ps(x);
}
static inline vec_f32 negative_abs_f32(vec_f32 x) {
  return _mm512_or_ps(x, _mm512_set1_ps(-0.0f));
}
static inline vec_f32 with_sign_f32(vec_f32 a, vec_f32 x) {
  return _mm512_or_ps(a, _mm512_and_ps(x, _mm512_set1_ps(-0.0f)));
}
static inline vec_f32 if_greater_f32(vec_f32 a, vec_f32 b, vec_f32 x, vec_f32 y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ), y, x);
}
static inline vec_f32 fma_f32(vec_f32 a, vec_f32 b, vec_f32 c) {
  return _mm512_fmadd_ps(a, b, c);
}
static inline bool all_greater_f32(vec_f32 a, vec_f32 b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ) == 0xffff;
}
static inline bool any_greater_f32(vec_f32 a, vec_f32 b) {
  return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ) != 0;
}
#include "graph/ops/loops_sleef.h"

const tw_loops tw_loops_avx512 = {
    .name = "avx512",
    .exp_sum = {exp_sum_f64, exp_sum_f32},
    .loop =
        {
#include "graph/ops/loops.def"
        },
};
#else
typedef int tw_no_avx512_loops; /* a translation unit must declare something */
#endif
