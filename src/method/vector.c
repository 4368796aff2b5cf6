#include "method/vector.h"

#include <math.h>
#include <string.h>

/* Below PARALLEL_FROM entries a pass is shorter than waking the threads. */
enum { TILE = 8192, PARALLEL_FROM = 1 << 16 };

typedef struct combination {
  double a, b;
  const double *x, *y;
  double *out;
  int64_t n;
} combination;

static void combine_tile(void *context, int64_t tile, int worker) {
  (void)worker;
  const combination *c = context;
  const int64_t first = tile * TILE, end = first + TILE < c->n ? first + TILE : c->n;
  const double a = c->a, b = c->b, *x = c->x, *y = c->y;
  double *out = c->out;
  if (b == 1)
    for (int64_t i = first; i < end; i++) out[i] = x[i] + a * y[i];
  else
    for (int64_t i = first; i < end; i++) out[i] = b * x[i] + a * y[i];
}

void tw_combine(int threads, int64_t n, double b, const double *x, double a, const double *y, double *out) {
  combination c = {a, b, x, y, out, n};
  tw_parallel(n >= PARALLEL_FROM ? threads : 1, (n + TILE - 1) / TILE, combine_tile, &c);
}

void tw_add_scaled(int threads, int64_t n, const double *x, double a, const double *y, double *out) {
  tw_combine(threads, n, 1, x, a, y, out);
}

double tw_projected_norm(int64_t n, const double *x, const double *g, const double *lower,
                         const double *upper) {
  if (lower == NULL || upper == NULL) return tw_vec_norm_inf(g, (size_t)n);
  double norm = 0;
  for (int64_t i = 0; i < n; i++) {
    const double step = fmin(fmax(x[i] - g[i], lower[i]), upper[i]) - x[i];
    norm = fmax(norm, fabs(step));
  }
  return norm;
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
