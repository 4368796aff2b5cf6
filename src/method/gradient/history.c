#include "method/gradient/history.h"

#include "method/vector.h"

#include <math.h>
#include <string.h>

/* Pairs are stored in tiles of TILE entries, all pairs of a tile together: a pass over them is one sequential
 * stream. */
enum { TILE = 1024, LANES = 8 };

static int64_t tile_of(int64_t n) {
  return n < TILE ? n : TILE;
}
static int64_t tiles_of(int64_t n) {
  return (n + TILE - 1) / TILE;
}

tw_status tw_history_get(tw_run *run, int m, tw_history *h) {
  *h = (tw_history){.run = run, .m = m};
  const struct {
    const char *name;
    double **vector;
    int64_t n;
  } wanted[] = {{"pairs", &h->pairs, tiles_of(run->n) * tile_of(run->n) * 2 * m},
                {"ring", &h->ring, 2},
                {"s'y", &h->sy, (int64_t)m * m},
                {"y'y", &h->yy, (int64_t)m * m},
                {"s'g", &h->sg, m},
                {"y'g", &h->yg, m},
                {"coefficients", &h->coefficient, 2 * (int64_t)m},
                {"sums", &h->scratch, (TW_SEGMENTS + 1) * (4 * (int64_t)m + 1)}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    *wanted[i].vector = tw_run_vector(run, wanted[i].name, wanted[i].n);
    if (*wanted[i].vector == NULL) return TW_ERR_MEMORY;
  }
  return TW_OK;
}

int tw_history_count(const tw_history *h) {
  return (int)h->ring[0];
}
void tw_history_clear(tw_history *h) {
  h->ring[0] = h->ring[1] = 0;
}

/* Slot of the pair `age` pairs before the newest. */
static int slot_of(const tw_history *h, int age) {
  return ((int)h->ring[1] - age + h->m) % h->m;
}

typedef struct pass {
  tw_history *h;
  double *x, *g, *d;
  const double *x_trial, *g_trial;
  int slot; /* for the new pair; -1: none */
  int count;
  double gamma;
} pass;

static double *pair_at(const pass *p, int64_t tile, int slot) {
  const int64_t length = tile_of(p->h->run->n);
  return p->h->pairs + (tile * 2 * p->h->m + 2 * slot) * length;
}

/* s'y, y'y, s'g, y'g of one tile into sums[0..3], in LANES interleaved accumulators each. */
static void four_dots(int64_t n, const double *restrict s, const double *restrict y,
                      const double *restrict new_y, const double *restrict g, double *sums) {
  double a[LANES] = {0}, b[LANES] = {0}, c[LANES] = {0}, d[LANES] = {0};
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (int k = 0; k < LANES; k++) {
      a[k] += s[i + k] * new_y[i + k];
      b[k] += y[i + k] * new_y[i + k];
      c[k] += s[i + k] * g[i + k];
      d[k] += y[i + k] * g[i + k];
    }
  for (int k = 0; i + k < n; k++) {
    a[k] += s[i + k] * new_y[i + k];
    b[k] += y[i + k] * new_y[i + k];
    c[k] += s[i + k] * g[i + k];
    d[k] += y[i + k] * g[i + k];
  }
  for (int k = 0; k < LANES; k++) {
    sums[0] += a[k];
    sums[1] += b[k];
    sums[2] += c[k];
    sums[3] += d[k];
  }
}

/* s = x_trial - x, y = g_trial - g into `s` and `y`; x and g move on. */
static void advance_tile(const pass *p, int64_t first, int64_t n, double *restrict s, double *restrict y) {
  double *restrict x = p->x + first, *restrict g = p->g + first;
  const double *restrict x_trial = p->x_trial + first, *restrict g_trial = p->g_trial + first;
  for (int64_t i = 0; i < n; i++) {
    s[i] = x_trial[i] - x[i];
    y[i] = g_trial[i] - g[i];
    x[i] = x_trial[i];
    g[i] = g_trial[i];
  }
}

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* Segments of tw_reduce are counted in tiles here. */
static void advance_segment(void *context, int64_t first, int64_t tiles, double *sums) {
  const pass *p = context;
  const int64_t n = p->h->run->n;
  for (int64_t tile = first; tile < first + tiles; tile++) {
    double unused_s[TILE], unused_y[TILE];
    const int64_t start = tile * TILE, length = smaller(n - start, TILE);
    double *s = p->slot >= 0 ? pair_at(p, tile, p->slot) : unused_s;
    double *y = p->slot >= 0 ? s + tile_of(n) : unused_y;
    advance_tile(p, start, length, s, y);
    for (int age = 0; age < p->count; age++) {
      const int slot = slot_of(p->h, age);
      const double *pair = pair_at(p, tile, slot);
      four_dots(length, pair, pair + tile_of(n), y, p->g + start, sums + 4 * slot);
    }
  }
}

/* The matrices' row and column of the new pair, and the products with the gradient. */
static void store_products(tw_history *h, bool kept, const double *sums) {
  const int newest = (int)h->ring[1], m = h->m;
  for (int age = 0; age < tw_history_count(h); age++) {
    const int i = slot_of(h, age);
    h->sg[i] = sums[4 * i + 2];
    h->yg[i] = sums[4 * i + 3];
    if (!kept) continue;
    h->sy[i * m + newest] = sums[4 * i];
    h->yy[i * m + newest] = h->yy[newest * m + i] = sums[4 * i + 1];
  }
}

void tw_history_advance(tw_history *h, bool keep, double *x, double *g, const double *x_trial,
                        const double *g_trial) {
  if (keep) {
    h->ring[1] = (double)(((int)h->ring[1] + (h->ring[0] > 0 ? 1 : 0)) % h->m);
    if (h->ring[0] < h->m) h->ring[0]++;
  }
  pass p = {
      .h = h, .x = x, .g = g, .x_trial = x_trial, .g_trial = g_trial, .slot = keep ? (int)h->ring[1] : -1};
  p.count = tw_history_count(h);
  double *sums = h->scratch + TW_SEGMENTS * (4 * h->m + 1);
  tw_reduce(h->run->exec->threads, h->run->n, tiles_of(h->run->n), 4 * h->m, advance_segment, &p, h->scratch,
            sums);
  store_products(h, keep, sums);
  const int newest = (int)h->ring[1];
  if (keep && !(h->sy[newest * h->m + newest] > 0 && h->yy[newest * h->m + newest] > 0)) tw_history_clear(h);
}

/* The two loops over coefficients instead of vectors: q = g - sum a_j y_j, then r = gamma q + sum (a_j - b_j)
 * s_j; coefficient[2 j], [2 j + 1] become those of s_j, y_j in -r. Returns gamma. */
static double two_loops(tw_history *h) {
  const int m = h->m, count = tw_history_count(h), newest = (int)h->ring[1];
  double *c = h->coefficient;
  for (int age = 0; age < count; age++) {
    const int j = slot_of(h, age);
    double sq = h->sg[j];
    for (int younger = 0; younger < age; younger++) {
      const int l = slot_of(h, younger);
      sq -= c[2 * l + 1] * h->sy[j * m + l];
    }
    c[2 * j + 1] = sq / h->sy[j * m + j];
  }
  const double gamma = h->sy[newest * m + newest] / h->yy[newest * m + newest];
  for (int age = count - 1; age >= 0; age--) {
    const int j = slot_of(h, age);
    double yr = h->yg[j];
    for (int other = 0; other < count; other++)
      yr -= c[2 * slot_of(h, other) + 1] * h->yy[j * m + slot_of(h, other)];
    yr *= gamma;
    for (int older = age + 1; older < count; older++) {
      const int l = slot_of(h, older);
      yr += c[2 * l] * h->sy[l * m + j];
    }
    c[2 * j] = c[2 * j + 1] - yr / h->sy[j * m + j];
  }
  for (int age = 0; age < count; age++) {
    const int j = slot_of(h, age);
    c[2 * j] = -c[2 * j];
    c[2 * j + 1] *= gamma;
  }
  return gamma;
}

/* d += a s + b y on one tile. */
static void add_pair(int64_t n, double a, const double *restrict s, double b, const double *restrict y,
                     double *restrict d) {
  for (int64_t i = 0; i < n; i++) d[i] += a * s[i] + b * y[i];
}

static void direction_segment(void *context, int64_t first, int64_t tiles, double *sums) {
  const pass *p = context;
  const int64_t n = p->h->run->n;
  for (int64_t tile = first; tile < first + tiles; tile++) {
    const int64_t start = tile * TILE, length = smaller(n - start, TILE);
    double *d = p->d + start;
    const double *g = p->g + start;
    for (int64_t i = 0; i < length; i++) d[i] = -p->gamma * g[i];
    for (int age = 0; age < p->count; age++) {
      const int slot = slot_of(p->h, age);
      const double *pair = pair_at(p, tile, slot), *c = p->h->coefficient + 2 * slot;
      add_pair(length, c[0], pair, c[1], pair + tile_of(n), d);
    }
    sums[0] += tw_vec_dot(g, d, (size_t)length);
  }
}

double tw_history_direction(tw_history *h, const double *g, double *d) {
  pass p = {.h = h, .g = (double *)(uintptr_t)g, .d = d, .count = tw_history_count(h), .gamma = 1};
  if (p.count > 0) p.gamma = two_loops(h);
  double slope = 0;
  tw_reduce(h->run->exec->threads, h->run->n, tiles_of(h->run->n), 1, direction_segment, &p, h->scratch,
            &slope);
  return slope;
}
