/* Lifted covers of knapsack rows: with z_j = x_j or 1 - x_j, sum w_j z_j <= b, w > 0, a set C with sum_C w > b that loses that with any
 * member allows at most |C| - 1 of them to be 1, and
 *
 *   sum_C z_j + sum_{j not in C} h_j z_j <= |C| - 1,   h_j the most h for which the h largest weights of C together are <= w_j
 *
 * (Balas 1975: these h can all be taken at once). */
#include "method/program/bb_cut.h"

#include <stdlib.h>

typedef struct item {
  double w, z, price; /* price: (1 - z) / w */
  int64_t j;
  bool turned, inside; /* z = 1 - x; in C */
} item;

static int by_price(const void *a, const void *b) {
  const item *p = a, *q = b;
  if (p->price != q->price) return p->price < q->price ? -1 : 1;
  return p->j < q->j ? -1 : p->j > q->j;
}

static int by_weight(const void *a, const void *b) {
  const item *p = a, *q = b;
  if (p->inside != q->inside) return p->inside ? -1 : 1;
  if (p->w != q->w) return p->w > q->w ? -1 : 1;
  return p->j < q->j ? -1 : p->j > q->j;
}

/* Binary entries as items, the others at the bound that leaves most; false where that is infinite. */
static bool take_row(const tw_cutter *c, int64_t i, double sign, item *it, int64_t *count, double *b) {
  *count = 0;
  *b = sign * (sign > 0 ? c->qp->row_upper[i] : c->qp->row_lower[i]);
  for (int64_t p = c->rows->start[i]; p < c->rows->start[i + 1]; p++) {
    const int64_t j = c->rows->row[p];
    const double v = sign * c->rows->value[p], l = c->lower[j], u = c->upper[j];
    if (c->place[j] < 0 || l != 0 || u != 1) {
      const double least = v > 0 ? v * l : v * u;
      if (!isfinite(least)) return false;
      *b -= least;
      continue;
    }
    const double z = fmin(fmax(v > 0 ? c->x[j] : 1 - c->x[j], 0), 1), w = fabs(v);
    if (v < 0) *b += w;
    it[(*count)++] = (item){.w = w, .z = z, .price = (1 - z) / w, .j = j, .turned = v < 0};
  }
  return *count > 1;
}

/* The cheapest items until they do not fit, then without those that need not be in; false: all fit. */
static bool find_cover(item *it, int64_t count, double b, double margin) {
  double sum = 0;
  int64_t used = 0;
  qsort(it, (size_t)count, sizeof *it, by_price);
  while (used < count && sum <= b + margin) sum += it[used].w, it[used++].inside = true;
  if (sum <= b + margin) return false;
  for (int64_t k = used; k-- > 0;)
    if (sum - it[k].w > b + margin) sum -= it[k].w, it[k].inside = false;
  return true;
}

static void write_cut(const tw_cutter *c, const item *it, int64_t count, int64_t size, double *limit) {
  vec_zero(c->n, c->a);
  *limit = (double)(size - 1);
  for (int64_t k = 0; k < count; k++) {
    double h = it[k].inside, sum = 0;
    for (int64_t s = 0; !it[k].inside && s < size; s++) {
      sum += it[s].w;
      if (sum > it[k].w * (1 - 1e-9)) break;
      h++;
    }
    if (it[k].turned) *limit -= h;
    c->a[it[k].j] = it[k].turned ? -h : h;
  }
}

bool tw_cut_cover(tw_cutter *c, int64_t i, double sign, double *limit) {
  int64_t count, size = 0;
  double b;
  const size_t entries = (size_t)(c->rows->start[i + 1] - c->rows->start[i]);
  item *it = tw_alloc(entries, sizeof *it);
  if (!it) return false; /* one cut less */
  bool found = take_row(c, i, sign, it, &count, &b) && b > 0 && find_cover(it, count, b, 1e-6 * fmax(1, b));
  if (found) {
    qsort(it, (size_t)count, sizeof *it, by_weight);
    while (size < count && it[size].inside) size++;
    found = size > 1;
  }
  if (found) write_cut(c, it, count, size, limit);
  free(it);
  return found;
}
