/* Counter-based random draws, with the bits of src/base/random.c. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_RANDOM_H
#define TALWEG_GRAPH_EMIT_RUNTIME_RANDOM_H
#include <math.h>
#include <stdint.h>

/* Philox4x32-10 (Salmon, Moraes, Dror & Shaw 2011) of the counter (index, 0, use). */
static inline void rt_philox(uint64_t key, uint64_t index, uint32_t use, uint64_t half[2]) {
  const uint64_t m0 = 0xD2511F53, m1 = 0xCD9E8D57;
  uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = 0, c3 = use;
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = m0 * c0, p1 = m1 * c2;
    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  half[0] = c0 | (uint64_t)c1 << 32;
  half[1] = c2 | (uint64_t)c3 << 32;
}

/* n draws from [0, 1). */
static inline void rt_uniform(int64_t key, int64_t n, double *out) {
  uint64_t half[2] = {0, 0};
  for (int64_t i = 0; i < n; i++) {
    if (i % 2 == 0) rt_philox((uint64_t)key, (uint64_t)i / 2, 0, half);
    out[i] = (double)(half[i % 2] >> 11) * 0x1p-53;
  }
}

/* n standard normal draws, in pairs (Box & Muller 1958). */
static inline void rt_normal(int64_t key, int64_t n, double *out) {
  uint64_t half[2] = {0, 0};
  for (int64_t i = 0; i < n; i += 2) {
    rt_philox((uint64_t)key, (uint64_t)i / 2, 1, half);
    const double r = sqrt(-2.0 * log(((double)(half[0] >> 12) + 0.5) * 0x1p-52));
    const double angle = 6.28318530717958647692 * ((double)(half[1] >> 11) * 0x1p-53);
    out[i] = r * cos(angle);
    if (i + 1 < n) out[i + 1] = r * sin(angle);
  }
}

#endif
