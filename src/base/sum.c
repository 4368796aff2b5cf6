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

/* A reduction sums terms, looks for the largest magnitude, or both. */
typedef struct outcome {
  double sum, largest;
} outcome;

typedef struct reduction {
  outcome (*block)(const struct reduction *r, size_t first, size_t n);
  const double *x, *y;
  double scale;
  size_t n, blocks_per_segment;
  outcome partial[SEGMENTS];
} reduction;

/* The larger one, NaN when either is. */
static double larger(double a, double b) {
  return a > b || isnan(a) ? a : b;
}

static outcome join(outcome a, outcome b) {
  return (outcome){a.sum + b.sum, larger(a.largest, b.largest)};
}

/* lane[0] = sum of the lanes, halved again and again. */
static double sum_lanes(double *lane) {
  for (size_t half = LANES / 2; half > 0; half /= 2)
    for (size_t k = 0; k < half; k++) lane[k] += lane[k + half];
  return lane[0];
}

/* The sum of term(i) over the entries first .. first+n-1, in LANES accumulators. */
#define SUM_KERNEL(name, term)                                                                               \
  static outcome name(const reduction *r, size_t first, size_t n) {                                          \
    const double *x = r->x + first, *y = r->y + first;                                                       \
    const double scale = r->scale;                                                                           \
    (void)y, (void)scale;                                                                                    \
    double lane[LANES] = {0};                                                                                \
    size_t i = 0;                                                                                            \
    for (; i + LANES <= n; i += LANES)                                                                       \
      for (size_t k = 0; k < LANES; k++) lane[k] += term(i + k);                                             \
    for (size_t k = 0; i + k < n; k++) lane[k] += term(i + k);                                               \
    return (outcome){.sum = sum_lanes(lane)};                                                                \
  }

#define ENTRY(i) x[i]
#define PRODUCT(i) (x[i] * y[i])
#define SCALED_SQUARE(i) ((x[i] * scale) * (x[i] * scale))
#define NOTHING_IF_FINITE(i) (x[i] * 0)
SUM_KERNEL(sum_block, ENTRY)
SUM_KERNEL(dot_block, PRODUCT)
SUM_KERNEL(square_block, SCALED_SQUARE)
SUM_KERNEL(nothing_block, NOTHING_IF_FINITE)

/* The largest |x_i|, where finite says that all entries are: comparisons alone would overlook a NaN. */
static double largest_of(const double *x, size_t n, bool finite) {
  double largest = 0;
  if (finite) {
#pragma omp simd reduction(max : largest)
    for (size_t i = 0; i < n; i++) largest = fabs(x[i]) > largest ? fabs(x[i]) : largest;
  } else {
    for (size_t i = 0; i < n; i++) largest = larger(largest, fabs(x[i]));
  }
  return largest;
}

static outcome magnitude_block(const reduction *r, size_t first, size_t n) {
  return (outcome){.largest = largest_of(r->x + first, n, nothing_block(r, first, n).sum == 0)};
}

/* An entry of x that is not finite leaves no finite x'y. */
static outcome dot_magnitude_block(const reduction *r, size_t first, size_t n) {
  const double dot = dot_block(r, first, n).sum;
  return (outcome){dot, largest_of(r->x + first, n, isfinite(dot))};
}

/* Blocks low .. high-1, high > low. */
static outcome reduce_blocks(const reduction *r, size_t low, size_t high) {
  if (high - low == 1) {
    size_t first = low * BLOCK, rest = r->n - first;
    return r->block(r, first, rest < BLOCK ? rest : BLOCK);
  }
  size_t middle = low + (high - low + 1) / 2;
  const outcome left = reduce_blocks(r, low, middle);
  return join(left, reduce_blocks(r, middle, high));
}

static void reduce_segment(void *context, int64_t segment, int worker) {
  (void)worker;
  reduction *r = context;
  size_t blocks = (r->n + BLOCK - 1) / BLOCK;
  size_t low = (size_t)segment * r->blocks_per_segment, high = low + r->blocks_per_segment;
  r->partial[segment] = reduce_blocks(r, low, high < blocks ? high : blocks);
}

static outcome reduce(int threads, reduction r) {
  if (r.n == 0) return (outcome){0, 0};
  if (r.n <= BLOCK) return r.block(&r, 0, r.n);
  size_t blocks = (r.n + BLOCK - 1) / BLOCK;
  r.blocks_per_segment = (blocks + SEGMENTS - 1) / SEGMENTS;
  size_t segments = (blocks + r.blocks_per_segment - 1) / r.blocks_per_segment;
  tw_parallel(r.n >= PARALLEL_FROM ? threads : 1, (int64_t)segments, reduce_segment, &r);
  for (size_t width = segments; width > 1; width = (width + 1) / 2)
    for (size_t k = 0; 2 * k < width; k++)
      r.partial[k] = 2 * k + 1 < width ? join(r.partial[2 * k], r.partial[2 * k + 1]) : r.partial[2 * k];
  return r.partial[0];
}

double tw_vec_sum(const double *x, size_t n) {
  return reduce(0, (reduction){.block = sum_block, .x = x, .y = x, .n = n}).sum;
}

double tw_vec_dot_on(int threads, const double *x, const double *y, size_t n) {
  return reduce(threads, (reduction){.block = dot_block, .x = x, .y = y, .n = n}).sum;
}

double tw_vec_norm_inf_on(int threads, const double *x, size_t n) {
  return reduce(threads, (reduction){.block = magnitude_block, .x = x, .y = x, .n = n}).largest;
}

double tw_vec_dot_norm_inf_on(int threads, const double *x, const double *y, size_t n, double *norm_inf) {
  const outcome both = reduce(threads, (reduction){.block = dot_magnitude_block, .x = x, .y = y, .n = n});
  *norm_inf = both.largest;
  return both.sum;
}

double tw_vec_norm2_on(int threads, const double *x, size_t n) {
  double square = tw_vec_dot_on(threads, x, x, n);
  /* Above 1e-270 the squares lost to underflow weigh less than a rounding error for n < 1e20. */
  if (square > 1e-270 && square < 1e300) return sqrt(square);
  double largest = tw_vec_norm_inf_on(threads, x, n);
  if (largest == 0 || !isfinite(largest)) return largest;
  int exponent;
  frexp(largest, &exponent);
  int shift = exponent < -1000 ? 1000 : exponent > 1000 ? -1000 : -exponent;
  double scale = ldexp(1.0, shift);
  square = reduce(threads, (reduction){.block = square_block, .x = x, .y = x, .scale = scale, .n = n}).sum;
  return ldexp(sqrt(square), -shift);
}

double tw_vec_dot(const double *x, const double *y, size_t n) {
  return tw_vec_dot_on(0, x, y, n);
}
double tw_vec_norm2(const double *x, size_t n) {
  return tw_vec_norm2_on(0, x, n);
}
double tw_vec_norm_inf(const double *x, size_t n) {
  return tw_vec_norm_inf_on(0, x, n);
}
