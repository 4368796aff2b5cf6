/* Greedy distance-2 coloring of columns: the least color that no column with an entry in a common row has. */
#include "graph/transform/coloring.h"

#include <stdlib.h>

void tw_coloring_free(tw_coloring *coloring) {
  free(coloring->color);
  *coloring = (tw_coloring){0};
}

/* taken[c] = v + 1: color c is a neighbour's. */
static void color_greedily(const tw_pattern *p, const tw_pattern *t, const int64_t *order, int64_t *taken,
                           tw_coloring *out) {
  for (int64_t v = 0; v < p->cols; v++) out->color[v] = -1;
  for (int64_t k = 0; k < p->cols; k++) {
    int64_t v = order[k];
    for (int64_t i = p->colptr[v]; i < p->colptr[v + 1]; i++)
      for (int64_t j = t->colptr[p->rowidx[i]]; j < t->colptr[p->rowidx[i] + 1]; j++)
        if (out->color[t->rowidx[j]] >= 0) taken[out->color[t->rowidx[j]]] = v + 1;
    int32_t c = 0;
    while (taken[c] == v + 1) c++;
    out->color[v] = c;
    if (c >= out->colors) out->colors = c + 1;
  }
}

static tw_status color_by(const tw_pattern *p, const tw_pattern *t, tw_ordering ordering, tw_coloring *out) {
  size_t n = (size_t)p->cols + 1;
  *out = (tw_coloring){.n = p->cols, .color = malloc(n * sizeof *out->color)};
  int64_t *order = malloc(n * sizeof *order), *taken = calloc(n, sizeof *taken);
  tw_status status = out->color && order && taken ? TW_OK : TW_ERR_MEMORY;
  if (status == TW_OK) status = tw_order_columns(p, t, ordering, order);
  if (status == TW_OK) color_greedily(p, t, order, taken, out);
  free(order);
  free(taken);
  if (status != TW_OK) tw_coloring_free(out);
  return status;
}

tw_status tw_color_columns_by(const tw_pattern *p, tw_ordering ordering, tw_coloring *out) {
  tw_pattern t;
  *out = (tw_coloring){0};
  tw_status status = tw_pattern_turn(p, &t);
  if (status != TW_OK) return status;
  status = tw_coloring_work(&t);
  if (status == TW_OK) status = color_by(p, &t, ordering, out);
  tw_pattern_free(&t);
  return status;
}

tw_status tw_color_columns(const tw_pattern *p, tw_coloring *out) {
  tw_pattern t;
  *out = (tw_coloring){0};
  tw_status status = tw_pattern_turn(p, &t);
  if (status == TW_OK) status = tw_coloring_work(&t);
  for (int o = 0; o < TW_ORDERINGS && status == TW_OK; o++) {
    tw_coloring one;
    status = color_by(p, &t, (tw_ordering)o, &one);
    bool better = status == TW_OK && (o == 0 || one.colors < out->colors);
    if (better) {
      tw_coloring_free(out);
      *out = one;
    } else if (status == TW_OK) {
      tw_coloring_free(&one);
    }
  }
  if (status != TW_OK) tw_coloring_free(out);
  tw_pattern_free(&t);
  return status;
}
