/* The portable build of the small products: a vector is two halves of 16 bytes, which most processors have.
 */
#include "graph/ops/small_product.h"

typedef double half_f64 __attribute__((vector_size(16)));
typedef double anywhere_f64 __attribute__((vector_size(16), aligned(8), may_alias));
typedef float half_f32 __attribute__((vector_size(16)));
typedef float anywhere_f32 __attribute__((vector_size(16), aligned(4), may_alias));

/* The first n elements of a half; n is at least 1. */
static inline half_f64 first_f64(const double *p, int64_t n) {
  if (n > 1) return *(const anywhere_f64 *)p;
  return (half_f64){p[0], 0};
}
static inline half_f32 first_f32(const float *p, int64_t n) {
  switch (n) {
  case 1:
    return (half_f32){p[0], 0, 0, 0};
  case 2:
    return (half_f32){p[0], p[1], 0, 0};
  case 3:
    return (half_f32){p[0], p[1], p[2], 0};
  default:
    return *(const anywhere_f32 *)p;
  }
}

#define DEFINE_VECTORS(real, suffix, lanes)                                                                  \
  typedef struct vec_##suffix {                                                                              \
    half_##suffix low, high;                                                                                 \
  } vec_##suffix;                                                                                            \
  typedef int64_t mask_##suffix;                                                                             \
  static inline vec_##suffix load_##suffix(const real *p) {                                                  \
    return (vec_##suffix){*(const anywhere_##suffix *)p, *(const anywhere_##suffix *)(p + lanes / 2)};       \
  }                                                                                                          \
  static inline void store_##suffix(real *p, vec_##suffix v) {                                               \
    *(anywhere_##suffix *)p = v.low;                                                                         \
    *(anywhere_##suffix *)(p + lanes / 2) = v.high;                                                          \
  }                                                                                                          \
  static inline vec_##suffix spread_##suffix(real x) {                                                       \
    const half_##suffix half = x - (half_##suffix){0};                                                       \
    return (vec_##suffix){half, half};                                                                       \
  }                                                                                                          \
  static inline mask_##suffix mask_first_##suffix(int64_t n) {                                               \
    return n;                                                                                                \
  }                                                                                                          \
  static inline vec_##suffix load_first_##suffix(const real *p, mask_##suffix n) {                           \
    const half_##suffix none = {0};                                                                          \
    if (n <= lanes / 2) return (vec_##suffix){first_##suffix(p, n), none};                                   \
    return (vec_##suffix){*(const anywhere_##suffix *)p, first_##suffix(p + lanes / 2, n - lanes / 2)};      \
  }                                                                                                          \
  static inline void store_first_##suffix(real *p, vec_##suffix v, int64_t n) {                              \
    real part[lanes];                                                                                        \
    store_##suffix(part, v);                                                                                 \
    for (int64_t i = 0; i < n; i++) p[i] = part[i];                                                          \
  }                                                                                                          \
  static inline void transpose_##suffix(const real *a, int64_t lda, real *to, int64_t ldt) {                 \
    for (int64_t i = 0; i < lanes; i++)                                                                      \
      for (int64_t j = 0; j < lanes; j++) to[j * ldt + i] = a[i * lda + j];                                  \
  }                                                                                                          \
  static inline vec_##suffix add_##suffix(vec_##suffix a, vec_##suffix b) {                                  \
    return (vec_##suffix){a.low + b.low, a.high + b.high};                                                   \
  }                                                                                                          \
  static inline vec_##suffix multiply_add_##suffix(vec_##suffix a, vec_##suffix b, vec_##suffix c) {         \
    return (vec_##suffix){a.low * b.low + c.low, a.high * b.high + c.high};                                  \
  }                                                                                                          \
  static inline real sum_##suffix(vec_##suffix v) {                                                          \
    return SUM_##suffix(v.low) + SUM_##suffix(v.high);                                                       \
  }                                                                                                          \
  static inline void store_sums_##suffix(real *p, const vec_##suffix *v) {                                   \
    for (int r = 0; r < 4; r++) p[r] = sum_##suffix(v[r]);                                                   \
  }
#define SUM_f64(half) ((half)[0] + (half)[1])
#define SUM_f32(half) (((half)[0] + (half)[1]) + ((half)[2] + (half)[3]))
DEFINE_VECTORS(double, f64, 4)
DEFINE_VECTORS(float, f32, 8)

#define REAL double
#define NAME(x) x##_f64
#define LANES 4
#include "graph/ops/small_product_kernels.h"
#undef REAL
#undef NAME
#undef LANES
#define REAL float
#define NAME(x) x##_f32
#define LANES 8
#include "graph/ops/small_product_kernels.h"

const tw_small_kernels tw_small_portable[2] = {{rows_f64, columns_f64, multiply_f64, 0, 0, 0, 64},
                                               {rows_f32, columns_f32, multiply_f32, 0, 0, 0, 64}};

const tw_small_kernels *tw_small_kernels_for(tw_cpu cpu) {
#ifdef TALWEG_X86
  if (cpu.avx512) return tw_small_avx512;
  if (cpu.avx2) return tw_small_avx2;
#endif
  (void)cpu;
  return tw_small_portable;
}

const tw_small_kernels *tw_small_kernels_get(tw_dtype dtype) {
  return &tw_small_kernels_for(tw_cpu_features())[dtype == TW_F32];
}
