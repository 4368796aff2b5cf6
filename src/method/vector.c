#include "method/vector.h"

#include <math.h>
#include <string.h>

/* Below PARALLEL_FROM entries a pass is shorter than waking the threads. */
enum { TILE = 8192, PARALLEL_FROM = 1 << 16 };

typedef struct tiles {
  tw_each_tile *tile;
  const void *context;
  int64_t n;
} tiles;

static void run_tile(void *context, int64_t tile, int worker) {
  (void)worker;
  const tiles *t = context;
  const int64_t first = tile * TILE, rest = t->n - first;
  t->tile(t->context, first, rest < TILE ? rest : TILE);
}

void tw_for_tiles(int threads, int64_t n, tw_each_tile *tile, const void *context) {
  tiles t = {tile, context, n};
  tw_parallel(n >= PARALLEL_FROM ? threads : 1, (n + TILE - 1) / TILE, run_tile, &t);
}

typedef struct combination {
  double a, b;
  const double *x, *y;
  double *out;
} combination;

static void combine_tile(const void *context, int64_t first, int64_t count) {
  const combination *c = context;
  const double a = c->a, b = c->b, *x = c->x + first, *y = c->y + first;
  double *out = c->out + first;
  if (b == 1)
    for (int64_t i = 0; i < count; i++) out[i] = x[i] + a * y[i];
  else
    for (int64_t i = 0; i < count; i++) out[i] = b * x[i] + a * y[i];
}

void tw_combine(int threads, int64_t n, double b, const double *x, double a, const double *y, double *out) {
  tw_for_tiles(threads, n, combine_tile, &(combination){a, b, x, y, out});
}

void tw_add_scaled(int threads, int64_t n, const double *x, double a, const double *y, double *out) {
  tw_combine(threads, n, 1, x, a, y, out);
}

typedef struct reduction {
  tw_segment *segment;
  void *context;
  double *scratch;
  int n_sums;
  int64_t items, length;
} reduction;

static void reduce_segment(void *context, int64_t tile, int worker) {
  (void)worker;
  const reduction *r = context;
  double *sums = r->scratch + tile * r->n_sums;
  memset(sums, 0, (size_t)r->n_sums * sizeof *sums);
  const int64_t first = tile * r->length, rest = r->items - first;
  r->segment(r->context, first, rest < r->length ? rest : r->length, sums);
}

void tw_reduce(int threads, int64_t n, int64_t items, int n_sums, tw_segment *segment, void *context,
               double *scratch, double *out) {
  reduction r = {segment, context, scratch, n_sums, items, (items + TW_SEGMENTS - 1) / TW_SEGMENTS};
  const int64_t segments = (items + r.length - 1) / r.length;
  tw_parallel(n >= PARALLEL_FROM ? threads : 1, segments, reduce_segment, &r);
  for (int64_t width = segments; width > 1; width = (width + 1) / 2)
    for (int64_t k = 0; 2 * k < width; k++)
      for (int j = 0; j < n_sums; j++) {
        const double right = 2 * k + 1 < width ? scratch[(2 * k + 1) * n_sums + j] : 0;
        scratch[k * n_sums + j] = scratch[2 * k * n_sums + j] + right;
      }
  memcpy(out, scratch, (size_t)n_sums * sizeof *out);
}

typedef struct largest {
  tw_segment_largest *segment;
  const void *context;
  int64_t n, length;
  double found[TW_SEGMENTS];
} largest;

static void find_largest(void *context, int64_t tile, int worker) {
  (void)worker;
  largest *l = context;
  const int64_t first = tile * l->length, rest = l->n - first;
  l->found[tile] = l->segment(l->context, first, rest < l->length ? rest : l->length);
}

double tw_largest(int threads, int64_t n, tw_segment_largest *segment, const void *context) {
  largest l = {.segment = segment, .context = context, .n = n, .length = (n + TW_SEGMENTS - 1) / TW_SEGMENTS};
  const int64_t segments = (n + l.length - 1) / l.length;
  tw_parallel(n >= PARALLEL_FROM ? threads : 1, segments, find_largest, &l);
  double best = l.found[0];
  for (int64_t k = 1; k < segments; k++)
    if (!(l.found[k] <= best) && !isnan(best)) best = l.found[k];
  return best;
}
