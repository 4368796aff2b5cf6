/* Transposition in registers of 32 bytes: to = a', rows lda and ldt apart. For the builds with AVX2 and beyond. */
#ifndef TALWEG_GRAPH_OPS_SMALL_TRANSPOSE_H
#define TALWEG_GRAPH_OPS_SMALL_TRANSPOSE_H

#include <immintrin.h>
#include <stdint.h>

static inline void transpose_4x4_f64(const double *a, int64_t lda, double *to, int64_t ldt) {
  const __m256d r0 = _mm256_loadu_pd(a), r1 = _mm256_loadu_pd(a + lda);
  const __m256d r2 = _mm256_loadu_pd(a + 2 * lda), r3 = _mm256_loadu_pd(a + 3 * lda);
  const __m256d even0 = _mm256_unpacklo_pd(r0, r1), odd0 = _mm256_unpackhi_pd(r0, r1);
  const __m256d even2 = _mm256_unpacklo_pd(r2, r3), odd2 = _mm256_unpackhi_pd(r2, r3);
  _mm256_storeu_pd(to, _mm256_permute2f128_pd(even0, even2, 0x20));
  _mm256_storeu_pd(to + ldt, _mm256_permute2f128_pd(odd0, odd2, 0x20));
  _mm256_storeu_pd(to + 2 * ldt, _mm256_permute2f128_pd(even0, even2, 0x31));
  _mm256_storeu_pd(to + 3 * ldt, _mm256_permute2f128_pd(odd0, odd2, 0x31));
}

/* Rows 4 apart side by side in a vector's halves, then 4 x 4 blocks within halves: pairs, then pairs of pairs. */
static inline void transpose_8x8_f32(const float *a, int64_t lda, float *to, int64_t ldt) {
  for (int half = 0; half < 2; half++) {
    __m256 r[4];
    for (int i = 0; i < 4; i++)
      r[i] =
          _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(a + i * lda + 4 * half)), _mm_loadu_ps(a + (i + 4) * lda + 4 * half), 1);
    const __m256 low0 = _mm256_unpacklo_ps(r[0], r[1]), high0 = _mm256_unpackhi_ps(r[0], r[1]);
    const __m256 low2 = _mm256_unpacklo_ps(r[2], r[3]), high2 = _mm256_unpackhi_ps(r[2], r[3]);
    float *out = to + 4 * half * ldt;
    _mm256_storeu_ps(out, _mm256_shuffle_ps(low0, low2, 0x44));
    _mm256_storeu_ps(out + ldt, _mm256_shuffle_ps(low0, low2, 0xee));
    _mm256_storeu_ps(out + 2 * ldt, _mm256_shuffle_ps(high0, high2, 0x44));
    _mm256_storeu_ps(out + 3 * ldt, _mm256_shuffle_ps(high0, high2, 0xee));
  }
}

#endif
