#include "method/gradient/pairs.h"

/* Products are summed over CHAIN entries at a time: the tiles' sums are as good as pairwise ones. */
enum { CHAIN = 512 };

int tw_pairs_slots(int m) {
  return m + 2;
}

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

typedef struct tiles {
  tw_pairs_tile *tile;
  void *context;
  int64_t n;
} tiles;

static void reduce_tiles(void *context, int64_t first, int64_t count, double *sums) {
  const tiles *t = context;
  for (int64_t k = first; k < first + count; k++)
    t->tile(t->context, k * TW_PAIRS_TILE, smaller(t->n - k * TW_PAIRS_TILE, TW_PAIRS_TILE), sums);
}

void tw_pairs_reduce(const tw_pairs *p, int n_sums, tw_pairs_tile *tile, void *context, double *scratch,
                     double *out) {
  const tw_run *run = p->trail->run;
  tiles t = {tile, context, run->n};
  tw_reduce(run->exec->threads, run->n, (run->n + TW_PAIRS_TILE - 1) / TW_PAIRS_TILE, n_sums, reduce_tiles,
            &t, scratch, out);
}

/* Pairs are taken two at a time, with the three iterates, or gradients, between which they lie: youngest
 * first. Where an odd number of pairs lacks the older one, the last two are the same. */
typedef struct triple {
  const double *v2, *v1, *v0;
} triple;

static triple triple_at(const tw_pairs *p, double *vector(const tw_trail *, int), int age, int64_t first) {
  const int oldest = age + 2 <= p->count ? age + 2 : age + 1;
  return (triple){vector(p->trail, age) + first, vector(p->trail, age + 1) + first,
                  vector(p->trail, oldest) + first};
}

static void two_products(int64_t n, triple x, triple g, const double *u, const double *v, double *sums) {
  double s1u = 0, y1u = 0, s1v = 0, y1v = 0, s0u = 0, y0u = 0, s0v = 0, y0v = 0;
#pragma omp simd reduction(+ : s1u, y1u, s1v, y1v, s0u, y0u, s0v, y0v)
  for (int64_t i = 0; i < n; i++) {
    const double s1 = x.v2[i] - x.v1[i], y1 = g.v2[i] - g.v1[i];
    const double s0 = x.v1[i] - x.v0[i], y0 = g.v1[i] - g.v0[i];
    s1u += s1 * u[i];
    y1u += y1 * u[i];
    s1v += s1 * v[i];
    y1v += y1 * v[i];
    s0u += s0 * u[i];
    y0u += y0 * u[i];
    s0v += s0 * v[i];
    y0v += y0 * v[i];
  }
  const double sum[8] = {s1u, y1u, s1v, y1v, s0u, y0u, s0v, y0v};
  for (int k = 0; k < 8; k++) sums[k] += sum[k];
}

static void one_product(int64_t n, triple x, triple g, const double *u, double *sums) {
  double s1u = 0, y1u = 0, s0u = 0, y0u = 0;
#pragma omp simd reduction(+ : s1u, y1u, s0u, y0u)
  for (int64_t i = 0; i < n; i++) {
    s1u += (x.v2[i] - x.v1[i]) * u[i];
    y1u += (g.v2[i] - g.v1[i]) * u[i];
    s0u += (x.v1[i] - x.v0[i]) * u[i];
    y0u += (g.v1[i] - g.v0[i]) * u[i];
  }
  const double sum[4] = {s1u, y1u, s0u, y0u};
  for (int k = 0; k < 4; k++) sums[k] += sum[k];
}

void tw_pairs_products(const tw_pairs *p, int64_t first, int64_t length, const double *u, const double *v,
                       double *sums) {
  for (int age = 0; age < p->count; age += 2)
    for (int64_t at = 0; at < length; at += CHAIN)
      two_products(smaller(length - at, CHAIN), triple_at(p, tw_trail_x, age, first + at),
                   triple_at(p, tw_trail_g, age, first + at), u + at, v + at, sums + 4 * age);
}

void tw_pairs_project(const tw_pairs *p, int64_t first, int64_t length, const double *u, double *sums) {
  for (int age = 0; age < p->count; age += 2)
    for (int64_t at = 0; at < length; at += CHAIN)
      one_product(smaller(length - at, CHAIN), triple_at(p, tw_trail_x, age, first + at),
                  triple_at(p, tw_trail_g, age, first + at), u + at, sums + 2 * age);
}

/* c: coefficients of s1, y1, s0, y0. */
static void add_pairs(int64_t n, triple x, triple g, const double c[4], double *restrict out) {
  for (int64_t i = 0; i < n; i++)
    out[i] += (c[0] * (x.v2[i] - x.v1[i]) + c[1] * (g.v2[i] - g.v1[i])) +
              (c[2] * (x.v1[i] - x.v0[i]) + c[3] * (g.v1[i] - g.v0[i]));
}

void tw_pairs_combine(const tw_pairs *p, int64_t first, int64_t length, const double *coefficient,
                      double *out) {
  for (int age = 0; age < p->count; age += 2) {
    const bool older = age + 1 < p->count;
    const double c[4] = {coefficient[2 * age], coefficient[2 * age + 1], older ? coefficient[2 * age + 2] : 0,
                         older ? coefficient[2 * age + 3] : 0};
    add_pairs(length, triple_at(p, tw_trail_x, age, first), triple_at(p, tw_trail_g, age, first), c, out);
  }
}
