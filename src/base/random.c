/* Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror & Shaw, 2011).
 *
 * The counter of a block is (index, step, use): `index` tells draws apart, `step` the attempts of
 * one rejection, `use` the functions below, so no two of them ever share a block. */
#include <talweg/base.h>

#include <math.h>

enum use { USE_BITS, USE_NORMAL, USE_INTEGER, USE_SPLIT };

typedef struct block {
  uint64_t half[2];
} block;

void tw_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  const uint64_t m0 = 0xD2511F53, m1 = 0xCD9E8D57; /* multipliers */
  const uint32_t w0 = 0x9E3779B9, w1 = 0xBB67AE85; /* Weyl increments of the key */
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = m0 * c0, p1 = m1 * c2;
    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    k0 += w0;
    k1 += w1;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

static block draw(uint64_t key, uint64_t index, uint32_t step, enum use use) {
  const uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), step, (uint32_t)use};
  const uint32_t k[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
  uint32_t out[4];
  tw_philox4x32(counter, k, out);
  return (block){{out[0] | (uint64_t)out[1] << 32, out[2] | (uint64_t)out[3] << 32}};
}

uint64_t tw_key_split(uint64_t key, uint64_t branch) {
  return draw(key, branch, 0, USE_SPLIT).half[0];
}

uint64_t tw_random_bits(uint64_t key, uint64_t index) {
  return draw(key, index / 2, 0, USE_BITS).half[index % 2];
}

static double unit(uint64_t bits) {
  return (double)(bits >> 11) * 0x1p-53;
}

double tw_random_uniform(uint64_t key, uint64_t index) {
  return unit(tw_random_bits(key, index));
}

/* Box & Muller (1958): r = sqrt(-2 log u), (r cos 2 pi v, r sin 2 pi v) are two independent N(0, 1). */
static void normal_pair(uint64_t key, uint64_t pair, double out[2]) {
  const double two_pi = 6.28318530717958647692;
  block b = draw(key, pair, 0, USE_NORMAL);
  double u = ((double)(b.half[0] >> 12) + 0.5) * 0x1p-52; /* in (0, 1) */
  double r = sqrt(-2.0 * log(u)), angle = two_pi * unit(b.half[1]);
  out[0] = r * cos(angle);
  out[1] = r * sin(angle);
}

double tw_random_normal(uint64_t key, uint64_t index) {
  double pair[2];
  normal_pair(key, index / 2, pair);
  return pair[index % 2];
}

/* Lemire (2019): the high word of x * range, rejecting the 2^64 mod range lowest products. */
int64_t tw_random_integer(uint64_t key, uint64_t index, int64_t low, int64_t high) {
  if (high <= low) return low;
  __extension__ typedef unsigned __int128 wide;
  uint64_t range = (uint64_t)high - (uint64_t)low;
  uint64_t rejected = (0 - range) % range;
  for (uint32_t step = 0;; step++) {
    block b = draw(key, index, step, USE_INTEGER);
    for (int h = 0; h < 2; h++) {
      wide product = (wide)b.half[h] * range;
      if ((uint64_t)product >= rejected) return (int64_t)((uint64_t)low + (uint64_t)(product >> 64));
    }
  }
}

void tw_random_uniform_fill(uint64_t key, uint64_t first, size_t n, double *out) {
  size_t i = 0;
  if (n > 0 && first % 2) out[i++] = tw_random_uniform(key, first);
  for (; i + 2 <= n; i += 2) {
    block b = draw(key, (first + i) / 2, 0, USE_BITS);
    out[i] = unit(b.half[0]);
    out[i + 1] = unit(b.half[1]);
  }
  if (i < n) out[i] = tw_random_uniform(key, first + i);
}

void tw_random_normal_fill(uint64_t key, uint64_t first, size_t n, double *out) {
  size_t i = 0;
  if (n > 0 && first % 2) out[i++] = tw_random_normal(key, first);
  for (; i + 2 <= n; i += 2) normal_pair(key, (first + i) / 2, out + i);
  if (i < n) out[i] = tw_random_normal(key, first + i);
}

void tw_random_permutation(uint64_t key, size_t n, int64_t *out) {
  for (size_t i = 0; i < n; i++) { /* inside-out: out[0..i] is a uniform permutation of 0..i */
    size_t j = (size_t)tw_random_integer(key, i, 0, (int64_t)i + 1);
    if (j != i) out[i] = out[j];
    out[j] = (int64_t)i;
  }
}
