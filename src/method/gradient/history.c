#include "method/gradient/history.h"

#include "method/vector.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* A pass goes tile by tile, and in a tile from iterate to iterate: TILE entries of a vector are a stream that
 * is long enough for the memory and short enough for the tile's accumulators to stay in the second cache.
 * Products are summed over CHAIN entries at a time. PRODUCTS of a pair: s'y, y'y, s'g, y'g. */
enum { TILE = 4096, CHAIN = 512, PRODUCTS = 4 };

int tw_history_slots(int m) {
  return m + 2;
}

tw_status tw_history_get(tw_run *run, const tw_trail *trail, tw_history *h) {
  *h = (tw_history){.trail = trail};
  const int64_t slots = trail->slots;
  const struct {
    const char *name;
    double **vector;
    int64_t n;
  } wanted[] = {{"pairs", &h->count, 1},
                {"s'y", &h->sy, slots * slots},
                {"y'y", &h->yy, slots * slots},
                {"s'g", &h->sg, slots},
                {"y'g", &h->yg, slots},
                {"coefficients", &h->coefficient, 2 * slots},
                {"sums", &h->scratch, (TW_SEGMENTS + 1) * PRODUCTS * (slots + 1)}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    *wanted[i].vector = tw_run_vector(run, wanted[i].name, wanted[i].n);
    if (*wanted[i].vector == NULL) return TW_ERR_MEMORY;
  }
  if (!(*h->count >= 0 && *h->count <= (double)(slots - 2)))
    return tw_fail(run->error, TW_ERR_DATA, "method %s: the checkpoint has more pairs than the memory holds",
                   run->method->name);
  return TW_OK;
}

static int pairs_of(const tw_history *h) {
  return (int)*h->count;
}

static bool useful(const tw_history *h, int slot) {
  return h->sy[slot * h->trail->slots + slot] > 0;
}

/* Age of the youngest useful pair; the number of pairs when there is none. */
static int youngest(const tw_history *h) {
  int age = 0;
  while (age < pairs_of(h) && !useful(h, tw_trail_slot(h->trail, age))) age++;
  return age;
}

bool tw_history_informed(const tw_history *h) {
  return youngest(h) < pairs_of(h);
}

void tw_history_clear(tw_history *h) {
  *h->count = 0;
}

/* ------------------------------------------------------------------ products */

typedef struct pass {
  const tw_history *h;
  double *d, *x_trial;
  double gamma;
} pass;

/* The entries first.. of the three iterates, or gradients, between which two neighbouring pairs lie, youngest
 * first. Without an older pair the last two are the same. */
typedef struct triple {
  const double *v2, *v1, *v0;
} triple;

static triple triple_at(const pass *p, double *vector(const tw_trail *, int), int age, int64_t first) {
  const tw_trail *t = p->h->trail;
  const int oldest = age + 2 <= pairs_of(p->h) ? age + 2 : age + 1;
  return (triple){vector(t, age) + first, vector(t, age + 1) + first, vector(t, oldest) + first};
}

/* PRODUCTS of two neighbouring pairs with the newest y and g, added to `younger` and `older`. */
static void add_products(int64_t n, triple x, triple g, const double *restrict new_y,
                         const double *restrict new_g, double *younger, double *older) {
  double sy1 = 0, yy1 = 0, sg1 = 0, yg1 = 0, sy0 = 0, yy0 = 0, sg0 = 0, yg0 = 0;
#pragma omp simd reduction(+ : sy1, yy1, sg1, yg1, sy0, yy0, sg0, yg0)
  for (int64_t i = 0; i < n; i++) {
    const double s1 = x.v2[i] - x.v1[i], y1 = g.v2[i] - g.v1[i];
    const double s0 = x.v1[i] - x.v0[i], y0 = g.v1[i] - g.v0[i];
    sy1 += s1 * new_y[i];
    yy1 += y1 * new_y[i];
    sg1 += s1 * new_g[i];
    yg1 += y1 * new_g[i];
    sy0 += s0 * new_y[i];
    yy0 += y0 * new_y[i];
    sg0 += s0 * new_g[i];
    yg0 += y0 * new_g[i];
  }
  younger[0] += sy1, younger[1] += yy1, younger[2] += sg1, younger[3] += yg1;
  older[0] += sy0, older[1] += yy0, older[2] += sg0, older[3] += yg0;
}

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* PRODUCTS by age; one place more than pairs, for the older pair that an odd number of them lacks. */
static void products_tile(const pass *p, int64_t first, int64_t length, double *sums) {
  const double *g = tw_trail_g(p->h->trail, 0) + first, *before = tw_trail_g(p->h->trail, 1) + first;
  double y[TILE];
  for (int64_t i = 0; i < length; i++) y[i] = g[i] - before[i];
  for (int age = 0; age < pairs_of(p->h); age += 2) {
    double *younger = sums + PRODUCTS * age;
    for (int64_t at = 0; at < length; at += CHAIN)
      add_products(smaller(length - at, CHAIN), triple_at(p, tw_trail_x, age, first + at),
                   triple_at(p, tw_trail_g, age, first + at), y + at, g + at, younger, younger + PRODUCTS);
  }
}

/* Segments of tw_reduce are counted in tiles. */
static void products_segment(void *context, int64_t first, int64_t tiles, double *sums) {
  const pass *p = context;
  const int64_t n = p->h->trail->run->n;
  for (int64_t tile = first; tile < first + tiles; tile++)
    products_tile(p, tile * TILE, smaller(n - tile * TILE, TILE), sums);
}

static void reduce_tiles(const pass *p, int n_sums, tw_segment *segment, double *sums) {
  const tw_run *run = p->h->trail->run;
  tw_reduce(run->exec->threads, run->n, (run->n + TILE - 1) / TILE, n_sums, segment, (void *)(uintptr_t)p,
            p->h->scratch, sums);
}

void tw_history_update(tw_history *h, bool curved) {
  const int slots = h->trail->slots, newest = tw_trail_slot(h->trail, 0);
  if (*h->count < slots - 2) ++*h->count;
  const int places = PRODUCTS * (pairs_of(h) + 1);
  double *sums = h->scratch + TW_SEGMENTS * places;
  reduce_tiles(&(pass){.h = h}, places, products_segment, sums);
  for (int age = 0; age < pairs_of(h); age++, sums += PRODUCTS) {
    const int i = tw_trail_slot(h->trail, age);
    h->sy[i * slots + newest] = sums[0];
    h->yy[i * slots + newest] = h->yy[newest * slots + i] = sums[1];
    h->sg[i] = sums[2];
    h->yg[i] = sums[3];
  }
  double *sy = &h->sy[newest * slots + newest];
  const double yy = h->yy[newest * slots + newest];
  if (!curved || !(*sy > 0 && yy > 0 && isfinite(yy))) *sy = 0;
}

/* ------------------------------------------------------------------ direction */

/* First loop: q = g - sum a_j y_j, a_j = s_j'q / s_j'y_j, youngest first; a_j into coefficient[2 j + 1]. */
static void first_loop(tw_history *h) {
  const int slots = h->trail->slots;
  double *c = h->coefficient;
  for (int age = 0; age < pairs_of(h); age++) {
    const int j = tw_trail_slot(h->trail, age);
    double sq = h->sg[j];
    for (int younger = 0; younger < age; younger++) {
      const int l = tw_trail_slot(h->trail, younger);
      sq -= c[2 * l + 1] * h->sy[j * slots + l];
    }
    c[2 * j + 1] = useful(h, j) ? sq / h->sy[j * slots + j] : 0;
  }
}

/* Second loop: r = gamma q + sum (a_j - b_j) s_j, b_j = y_j'r / s_j'y_j, oldest first; a_j - b_j into
 * coefficient[2 j]. */
static void second_loop(tw_history *h, double gamma) {
  const int slots = h->trail->slots, count = pairs_of(h);
  double *c = h->coefficient;
  for (int age = count - 1; age >= 0; age--) {
    const int j = tw_trail_slot(h->trail, age);
    double yr = h->yg[j];
    for (int other = 0; other < count; other++) {
      const int l = tw_trail_slot(h->trail, other);
      yr -= c[2 * l + 1] * h->yy[j * slots + l];
    }
    yr *= gamma;
    for (int older = age + 1; older < count; older++) {
      const int l = tw_trail_slot(h->trail, older);
      yr += c[2 * l] * h->sy[l * slots + j];
    }
    c[2 * j] = useful(h, j) ? c[2 * j + 1] - yr / h->sy[j * slots + j] : 0;
  }
}

/* coefficient[2 j], [2 j + 1] become those of s_j, y_j in -r = -H g. Returns gamma. */
static double two_loops(tw_history *h) {
  if (!tw_history_informed(h)) {
    memset(h->coefficient, 0, (size_t)(2 * h->trail->slots) * sizeof *h->coefficient);
    return 1;
  }
  const int newest = tw_trail_slot(h->trail, youngest(h)), diagonal = newest * (h->trail->slots + 1);
  const double gamma = h->sy[diagonal] / h->yy[diagonal];
  first_loop(h);
  second_loop(h, gamma);
  for (int age = 0; age < pairs_of(h); age++) {
    const int j = tw_trail_slot(h->trail, age);
    h->coefficient[2 * j] = -h->coefficient[2 * j];
    h->coefficient[2 * j + 1] *= gamma;
  }
  return gamma;
}

/* d += a1 s1 + b1 y1 + a0 s0 + b0 y0 for two neighbouring pairs. */
static void add_pairs(int64_t n, triple x, triple g, const double *younger, const double *older,
                      double *restrict d) {
  const double a1 = younger[0], b1 = younger[1], a0 = older[0], b0 = older[1];
  for (int64_t i = 0; i < n; i++)
    d[i] += (a1 * (x.v2[i] - x.v1[i]) + b1 * (g.v2[i] - g.v1[i])) +
            (a0 * (x.v1[i] - x.v0[i]) + b0 * (g.v1[i] - g.v0[i]));
}

static double direction_tile(const pass *p, int64_t first, int64_t length) {
  const tw_history *h = p->h;
  const double *x = tw_trail_x(h->trail, 0) + first, *g = tw_trail_g(h->trail, 0) + first;
  double *d = p->d + first, *x_trial = p->x_trial + first;
  static const double nothing[2] = {0, 0};
  for (int64_t i = 0; i < length; i++) d[i] = -p->gamma * g[i];
  for (int age = 0; age < pairs_of(h); age += 2) {
    const double *younger = h->coefficient + 2 * tw_trail_slot(h->trail, age);
    const double *older =
        age + 1 < pairs_of(h) ? h->coefficient + 2 * tw_trail_slot(h->trail, age + 1) : nothing;
    add_pairs(length, triple_at(p, tw_trail_x, age, first), triple_at(p, tw_trail_g, age, first), younger,
              older, d);
  }
  for (int64_t i = 0; i < length; i++) x_trial[i] = x[i] + d[i];
  return tw_vec_dot_on(1, g, d, (size_t)length);
}

static void direction_segment(void *context, int64_t first, int64_t tiles, double *sums) {
  const pass *p = context;
  const int64_t n = p->h->trail->run->n;
  for (int64_t tile = first; tile < first + tiles; tile++)
    sums[0] += direction_tile(p, tile * TILE, smaller(n - tile * TILE, TILE));
}

double tw_history_direction(tw_history *h, double *d, double *x_trial) {
  const pass p = {.h = h, .d = d, .x_trial = x_trial, .gamma = two_loops(h)};
  double slope = 0;
  reduce_tiles(&p, 1, direction_segment, &slope);
  return slope;
}
