/* Reductions with one fixed order of operations, whatever the threads.
 *
 * A vector is cut into blocks of BLOCK entries. A block is reduced in LANES interleaved
 * accumulators, which compilers map to vector registers; blocks are joined by a balanced binary
 * tree (pairwise summation; Higham, 1993), so the rounding error grows with BLOCK / LANES + log n,
 * not n. The tree's first levels are SEGMENTS contiguous runs of blocks, which threads share out.
 * All of it depends on n alone. */
#include <talweg/base.h>

#include <math.h>

enum { LANES = 16, BLOCK = 2048, SEGMENTS = 64, PARALLEL_FROM = 1 << 17 };

typedef struct reduction {
  double (*block)(const struct reduction *r, size_t first, size_t n);
  double (*join)(double a, double b);
  const double *x, *y;
  double scale;
  size_t n, blocks_per_segment;
  double partial[SEGMENTS];
} reduction;

static double add(double a, double b) {
  return a + b;
}

/* The larger one, NaN when either is. */
static double larger(double a, double b) {
  return a > b || isnan(a) ? a : b;
}

/* Entries first .. first+n-1, term(i) joined in LANES accumulators and then halved. */
#define BLOCK_KERNEL(name, term, JOIN)                                                                       \
  static double name(const reduction *r, size_t first, size_t n) {                                           \
    const double *x = r->x + first, *y = r->y + first;                                                       \
    const double scale = r->scale;                                                                           \
    (void)y, (void)scale;                                                                                    \
    double lane[LANES] = {0};                                                                                \
    size_t i = 0;                                                                                            \
    for (; i + LANES <= n; i += LANES)                                                                       \
      for (size_t k = 0; k < LANES; k++) lane[k] = JOIN(lane[k], term(i + k));                               \
    for (size_t k = 0; i + k < n; k++) lane[k] = JOIN(lane[k], term(i + k));                                 \
    for (size_t half = LANES / 2; half > 0; half /= 2)                                                       \
      for (size_t k = 0; k < half; k++) lane[k] = JOIN(lane[k], lane[k + half]);                             \
    return lane[0];                                                                                          \
  }

#define ENTRY(i) x[i]
#define PRODUCT(i) (x[i] * y[i])
#define SCALED_SQUARE(i) ((x[i] * scale) * (x[i] * scale))
#define MAGNITUDE(i) fabs(x[i])
BLOCK_KERNEL(sum_block, ENTRY, add)
BLOCK_KERNEL(dot_block, PRODUCT, add)
BLOCK_KERNEL(square_block, SCALED_SQUARE, add)
BLOCK_KERNEL(magnitude_block, MAGNITUDE, larger)

/* Blocks low .. high-1, high > low. */
static double reduce_blocks(const reduction *r, size_t low, size_t high) {
  if (high - low == 1) {
    size_t first = low * BLOCK, rest = r->n - first;
    return r->block(r, first, rest < BLOCK ? rest : BLOCK);
  }
  size_t middle = low + (high - low + 1) / 2;
  double left = reduce_blocks(r, low, middle);
  return r->join(left, reduce_blocks(r, middle, high));
}

static void reduce_segment(void *context, int64_t segment, int worker) {
  (void)worker;
  reduction *r = context;
  size_t blocks = (r->n + BLOCK - 1) / BLOCK;
  size_t low = (size_t)segment * r->blocks_per_segment, high = low + r->blocks_per_segment;
  r->partial[segment] = reduce_blocks(r, low, high < blocks ? high : blocks);
}

static double reduce(reduction r) {
  if (r.n == 0) return 0;
  if (r.n <= BLOCK) return r.block(&r, 0, r.n);
  size_t blocks = (r.n + BLOCK - 1) / BLOCK;
  r.blocks_per_segment = (blocks + SEGMENTS - 1) / SEGMENTS;
  size_t segments = (blocks + r.blocks_per_segment - 1) / r.blocks_per_segment;
  tw_parallel(r.n >= PARALLEL_FROM ? 0 : 1, (int64_t)segments, reduce_segment, &r);
  for (size_t width = segments; width > 1; width = (width + 1) / 2)
    for (size_t k = 0; 2 * k < width; k++)
      r.partial[k] = 2 * k + 1 < width ? r.join(r.partial[2 * k], r.partial[2 * k + 1]) : r.partial[2 * k];
  return r.partial[0];
}

double tw_vec_sum(const double *x, size_t n) {
  return reduce((reduction){.block = sum_block, .join = add, .x = x, .y = x, .n = n});
}

double tw_vec_dot(const double *x, const double *y, size_t n) {
  return reduce((reduction){.block = dot_block, .join = add, .x = x, .y = y, .n = n});
}

double tw_vec_norm_inf(const double *x, size_t n) {
  return reduce((reduction){.block = magnitude_block, .join = larger, .x = x, .y = x, .n = n});
}

double tw_vec_norm2(const double *x, size_t n) {
  double square = tw_vec_dot(x, x, n);
  /* Above 1e-270 the squares lost to underflow weigh less than a rounding error for n < 1e20. */
  if (square > 1e-270 && square < 1e300) return sqrt(square);
  double largest = tw_vec_norm_inf(x, n);
  if (largest == 0 || !isfinite(largest)) return largest;
  int exponent;
  frexp(largest, &exponent);
  int shift = exponent < -1000 ? 1000 : exponent > 1000 ? -1000 : -exponent;
  double scale = ldexp(1.0, shift);
  square = reduce((reduction){.block = square_block, .join = add, .x = x, .y = x, .scale = scale, .n = n});
  return ldexp(sqrt(square), -shift);
}
