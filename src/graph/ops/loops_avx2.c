/* The AVX2 build of the loops (this file alone is compiled with -mavx2 -mfma): mathematical functions by
 * SLEEF, error below 1.0 units in the last place (Shibata & Petrogalli, 2020). The last few elements go
 * through the same vectors, in a padded block, so that an element's value does not depend on its position. */
#ifdef TALWEG_AVX2
#define FUNCTION1_LOOP(name, real)
#define FUNCTION2_LOOP(name, real)
#include "graph/ops/loops_arithmetic.h"

#include <immintrin.h>
#include <sleef.h>
#include <string.h>

static inline __m256d negative_abs_pd(__m256d x) {
  return _mm256_or_pd(x, _mm256_set1_pd(-0.0));
}
static inline __m256 negative_abs_ps(__m256 x) {
  return _mm256_or_ps(x, _mm256_set1_ps(-0.0f));
}

/* 1 / (1 + e^-x), by the exponential that cannot overflow. */
static inline __m256d sigmoid_pd(__m256d x) {
  const __m256d one = _mm256_set1_pd(1), e = Sleef_expd4_u10avx2(negative_abs_pd(x));
  return _mm256_div_pd(_mm256_blendv_pd(one, e, x), _mm256_add_pd(one, e));
}
static inline __m256 sigmoid_ps(__m256 x) {
  const __m256 one = _mm256_set1_ps(1), e = Sleef_expf8_u10avx2(negative_abs_ps(x));
  return _mm256_div_ps(_mm256_blendv_ps(one, e, x), _mm256_add_ps(one, e));
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). */
static inline __m256d softplus_pd(__m256d x) {
  const __m256d tail = Sleef_log1pd4_u10avx2(Sleef_expd4_u10avx2(negative_abs_pd(x)));
  return _mm256_add_pd(_mm256_max_pd(x, _mm256_setzero_pd()), tail);
}
static inline __m256 softplus_ps(__m256 x) {
  const __m256 tail = Sleef_log1pf8_u10avx2(Sleef_expf8_u10avx2(negative_abs_ps(x)));
  return _mm256_add_ps(_mm256_max_ps(x, _mm256_setzero_ps()), tail);
}

/* SLEEF gives up where e^x overflows, a little before sinh and cosh do: there they are (e^(|x|/2) / 2) e^(|x|/2). */
static inline __m256d half_exp_pd(__m256d magnitude) {
  const __m256d half = _mm256_set1_pd(0.5), e = Sleef_expd4_u10avx2(_mm256_mul_pd(half, magnitude));
  return _mm256_mul_pd(_mm256_mul_pd(half, e), e);
}
static inline __m256 half_exp_ps(__m256 magnitude) {
  const __m256 half = _mm256_set1_ps(0.5f), e = Sleef_expf8_u10avx2(_mm256_mul_ps(half, magnitude));
  return _mm256_mul_ps(_mm256_mul_ps(half, e), e);
}

#define HYPERBOLIC(name, keep_sign)                                                                          \
  static inline __m256d name##_pd(__m256d x) {                                                               \
    const __m256d sign = _mm256_and_pd(x, _mm256_set1_pd(-0.0)), magnitude = _mm256_xor_pd(x, sign);         \
    const __m256d large = _mm256_cmp_pd(magnitude, _mm256_set1_pd(709), _CMP_GT_OQ);                         \
    const __m256d y = Sleef_##name##d4_u10avx2(x);                                                           \
    if (_mm256_movemask_pd(large) == 0) return y;                                                            \
    const __m256d end = half_exp_pd(magnitude);                                                              \
    return _mm256_blendv_pd(y, keep_sign ? _mm256_or_pd(end, sign) : end, large);                            \
  }                                                                                                          \
  static inline __m256 name##_ps(__m256 x) {                                                                 \
    const __m256 sign = _mm256_and_ps(x, _mm256_set1_ps(-0.0f)), magnitude = _mm256_xor_ps(x, sign);         \
    const __m256 large = _mm256_cmp_ps(magnitude, _mm256_set1_ps(88), _CMP_GT_OQ);                           \
    const __m256 y = Sleef_##name##f8_u10avx2(x);                                                            \
    if (_mm256_movemask_ps(large) == 0) return y;                                                            \
    const __m256 end = half_exp_ps(magnitude);                                                               \
    return _mm256_blendv_ps(y, keep_sign ? _mm256_or_ps(end, sign) : end, large);                            \
  }
HYPERBOLIC(sinh, true)
HYPERBOLIC(cosh, false)

#define VECTOR1(name, T, width, load, store, function)                                                       \
  static void name(LOOP_ARGUMENTS) {                                                                         \
    const T *x = in[0];                                                                                      \
    T *z = out;                                                                                              \
    int64_t i = 0;                                                                                           \
    (void)rows, (void)row, (void)step;                                                                       \
    for (; i + width <= n; i += width) store(z + i, function(load(x + i)));                                  \
    if (i < n) {                                                                                             \
      T block[width] = {0};                                                                                  \
      memcpy(block, x + i, (size_t)(n - i) * sizeof(T));                                                     \
      store(block, function(load(block)));                                                                   \
      memcpy(z + i, block, (size_t)(n - i) * sizeof(T));                                                     \
    }                                                                                                        \
  }
#define VECTOR1_BOTH(name, pd, ps)                                                                           \
  VECTOR1(name##_f64, double, 4, _mm256_loadu_pd, _mm256_storeu_pd, pd)                                      \
  VECTOR1(name##_f32, float, 8, _mm256_loadu_ps, _mm256_storeu_ps, ps)
#define SLEEF1(name) VECTOR1_BOTH(name, Sleef_##name##d4_u10avx2, Sleef_##name##f8_u10avx2)

SLEEF1(exp)
SLEEF1(expm1)
SLEEF1(log)
SLEEF1(log1p)
SLEEF1(sin)
SLEEF1(cos)
SLEEF1(tan)
SLEEF1(asin)
SLEEF1(acos)
SLEEF1(atan)
SLEEF1(tanh)
SLEEF1(erf)
SLEEF1(lgamma)
VECTOR1_BOTH(sinh, sinh_pd, sinh_ps)
VECTOR1_BOTH(cosh, cosh_pd, cosh_ps)
VECTOR1_BOTH(sigmoid, sigmoid_pd, sigmoid_ps)
VECTOR1_BOTH(softplus, softplus_pd, softplus_ps)

/* Two operands: a constant one fills a block once. */
#define VECTOR2(name, T, width, load, store, function)                                                       \
  static inline void name##_block(const T *x, const T *y, int64_t sx, int64_t sy, int64_t count, T *z) {     \
    T a[width] = {0}, b[width] = {0};                                                                        \
    for (int64_t i = 0; i < count; i++) a[i] = x[i * sx], b[i] = y[i * sy];                                  \
    store(a, function(load(a), load(b)));                                                                    \
    memcpy(z, a, (size_t)count * sizeof(T));                                                                 \
  }                                                                                                          \
  static void name(LOOP_ARGUMENTS) {                                                                         \
    const int64_t sx = step[0], sy = step[1];                                                                \
    for (int64_t r = 0; r < rows; r++) {                                                                     \
      const T *x = (const T *)in[0] + r * row[0], *y = (const T *)in[1] + r * row[1];                        \
      T *z = (T *)out + r * n;                                                                               \
      int64_t i = 0;                                                                                         \
      if (sx && sy)                                                                                          \
        for (; i + width <= n; i += width) store(z + i, function(load(x + i), load(y + i)));                 \
      for (; i < n; i += width)                                                                              \
        name##_block(x + i * sx, y + i * sy, sx, sy, n - i < width ? n - i : width, z + i);                  \
    }                                                                                                        \
  }
#define SLEEF2(name)                                                                                         \
  VECTOR2(name##_f64, double, 4, _mm256_loadu_pd, _mm256_storeu_pd, Sleef_##name##d4_u10avx2)                \
  VECTOR2(name##_f32, float, 8, _mm256_loadu_ps, _mm256_storeu_ps, Sleef_##name##f8_u10avx2)

SLEEF2(pow)
SLEEF2(atan2)

const tw_loop_table tw_loops_avx2 = {
#include "graph/ops/loops.def"
};
#else
typedef int tw_no_avx2_loops; /* a translation unit must declare something */
#endif
