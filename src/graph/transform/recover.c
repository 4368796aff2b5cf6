/* Entries of a symmetric matrix from its product with the colors. An edge at a vertex that is a leaf of its
 * two-colored tree is read off directly; then the edge above it is a leaf once that is subtracted, and so on
 * (Coleman & Cai 1986). */
#include "graph/transform/coloring.h"

#include <stdlib.h>

void tw_recovery_free(tw_recovery *recovery) {
  free(recovery->row);
  free(recovery->parent);
  free(recovery->color);
  free(recovery->height);
  *recovery = (tw_recovery){0};
}

/* Edges by end and color of the other end: ends 2 e and 2 e + 1 belong to edge e, whose entry is entry[e]. */
typedef struct forest {
  const tw_pattern *lower;
  const int32_t *color;
  int64_t ends, groups;
  int64_t *entry, *vertex; /* by edge; by end */
  int64_t *group;          /* of an end: all ends at its vertex towards vertices of one color */
  int64_t *left, *last;    /* by group: edges not solved yet, the number of the last solved one + 1 */
  int64_t *before;         /* by edge: solved before it in the same group, + 1 */
  int64_t *at, *list;      /* ends by group */
  int64_t *queue;
  bool *solved;
} forest;

static bool allocate(forest *f) {
  size_t n = (size_t)f->lower->nnz + 1;
  f->entry = malloc(n * sizeof *f->entry);
  f->vertex = malloc(2 * n * sizeof *f->vertex);
  f->group = malloc(2 * n * sizeof *f->group);
  f->left = calloc(2 * n, sizeof *f->left);
  f->last = calloc(2 * n, sizeof *f->last);
  f->before = calloc(n, sizeof *f->before);
  f->at = calloc(2 * n + 1, sizeof *f->at);
  f->list = malloc(2 * n * sizeof *f->list);
  f->queue = malloc(4 * n * sizeof *f->queue);
  f->solved = calloc(n, sizeof *f->solved);
  return f->entry && f->vertex && f->group && f->left && f->last && f->before && f->at && f->list &&
         f->queue && f->solved;
}

static void release(forest *f) {
  free(f->entry);
  free(f->vertex);
  free(f->group);
  free(f->left);
  free(f->last);
  free(f->before);
  free(f->at);
  free(f->list);
  free(f->queue);
  free(f->solved);
}

static void find_edges(forest *f) {
  for (int64_t j = 0; j < f->lower->cols; j++)
    for (int64_t p = f->lower->colptr[j]; p < f->lower->colptr[j + 1]; p++) {
      if (f->lower->rowidx[p] == j) continue;
      f->entry[f->ends / 2] = p;
      f->vertex[f->ends++] = j;
      f->vertex[f->ends++] = f->lower->rowidx[p];
    }
}

typedef struct keyed { /* an end, to be sorted into groups */
  int64_t vertex, end;
  int32_t color;
} keyed;

static int by_group(const void *x, const void *y) {
  const keyed *a = x, *b = y;
  if (a->vertex != b->vertex) return a->vertex < b->vertex ? -1 : 1;
  if (a->color != b->color) return a->color < b->color ? -1 : 1;
  return (a->end > b->end) - (a->end < b->end);
}

static bool find_groups(forest *f) {
  keyed *key = malloc(((size_t)f->ends + 1) * sizeof *key);
  if (!key) return false;
  for (int64_t e = 0; e < f->ends; e++) key[e] = (keyed){f->vertex[e], e, f->color[f->vertex[e ^ 1]]};
  qsort(key, (size_t)f->ends, sizeof *key, by_group);
  for (int64_t i = 0; i < f->ends; i++) {
    bool same = i > 0 && key[i].vertex == key[i - 1].vertex && key[i].color == key[i - 1].color;
    f->groups += !same;
    f->group[key[i].end] = f->groups - 1;
    f->left[f->groups - 1]++;
    f->at[f->groups] = i + 1;
    f->list[i] = key[i].end;
  }
  free(key);
  return true;
}

/* The only end of a group whose edge is not solved. */
static int64_t open_end(const forest *f, int64_t group) {
  for (int64_t i = f->at[group]; i < f->at[group + 1]; i++)
    if (!f->solved[f->list[i] / 2]) return f->list[i];
  return -1;
}

/* Solves the edge of `end` at its vertex, with what is solved in its group below it. */
static void solve(forest *f, int64_t end, tw_recovery *out) {
  int64_t group = f->group[end], edge = end / 2, p = f->entry[edge];
  f->solved[edge] = true;
  out->row[p] = f->vertex[end];
  out->color[p] = f->color[f->vertex[end ^ 1]];
  for (int64_t q = f->last[group]; q > 0; q = f->before[q - 1]) {
    int64_t below = f->entry[q - 1];
    out->parent[below] = p;
    if (out->height[below] >= out->height[p]) out->height[p] = out->height[below] + 1;
  }
  if (out->height[p] > out->highest) out->highest = out->height[p];
  int64_t up = f->group[end ^ 1];
  f->before[edge] = f->last[up];
  f->last[up] = edge + 1;
}

/* Leaves first; false when a cycle is left. */
static bool peel(forest *f, tw_recovery *out) {
  int64_t first = 0, last = 0, solved = 0;
  for (int64_t g = 0; g < f->groups; g++)
    if (f->left[g] == 1) f->queue[last++] = g;
  while (first < last) {
    int64_t g = f->queue[first++], end = open_end(f, g);
    if (end < 0) continue; /* solved from its other end */
    solve(f, end, out);
    solved++;
    f->left[g]--;
    if (--f->left[f->group[end ^ 1]] == 1) f->queue[last++] = f->group[end ^ 1];
  }
  return 2 * solved == f->ends;
}

static bool allocate_recovery(int64_t nnz, tw_recovery *out) {
  size_t n = (size_t)nnz + 1;
  *out = (tw_recovery){.nnz = nnz};
  out->row = malloc(n * sizeof *out->row);
  out->parent = malloc(n * sizeof *out->parent);
  out->color = malloc(n * sizeof *out->color);
  out->height = calloc(n, sizeof *out->height);
  return out->row && out->parent && out->color && out->height;
}

tw_status tw_recovery_new(const tw_pattern *lower, const tw_coloring *coloring, tw_recovery *out) {
  forest f = {.lower = lower, .color = coloring->color};
  tw_status status = TW_ERR_MEMORY;
  bool ok = allocate_recovery(lower->nnz, out) && allocate(&f);
  for (int64_t j = 0; ok && j < lower->cols; j++)
    for (int64_t p = lower->colptr[j]; p < lower->colptr[j + 1]; p++) { /* what the diagonal stays at */
      out->row[p] = j;
      out->color[p] = coloring->color[j];
      out->parent[p] = -1;
    }
  if (ok) {
    find_edges(&f);
    if (find_groups(&f)) status = peel(&f, out) ? TW_OK : TW_ERR_ARGUMENT;
  }
  release(&f);
  if (status != TW_OK) tw_recovery_free(out);
  return status;
}

void tw_recover(const tw_recovery *r, int64_t colors, const double *compressed, double *values) {
  for (int64_t p = 0; p < r->nnz; p++) values[p] = compressed[r->row[p] * colors + r->color[p]];
  for (int32_t height = 0; height < r->highest; height++)
    for (int64_t p = 0; p < r->nnz; p++)
      if (r->height[p] == height && r->parent[p] >= 0) values[r->parent[p]] -= values[p];
}
