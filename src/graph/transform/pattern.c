/* Patterns of sparse matrices in compressed columns. */
#include "graph/transform/sparse.h"

#include <stdlib.h>

void tw_pattern_free(tw_pattern *pattern) {
  if (!pattern) return;
  free(pattern->colptr);
  free(pattern->rowidx);
  *pattern = (tw_pattern){0};
}

bool tw_pattern_new(tw_graph *graph, int64_t rows, int64_t cols, int64_t most, tw_pattern *out) {
  *out = (tw_pattern){.rows = rows, .cols = cols};
  out->colptr = calloc((size_t)cols + 2, sizeof *out->colptr);
  out->rowidx = malloc(((size_t)most + 1) * sizeof *out->rowidx);
  if (out->colptr && out->rowidx) return true;
  tw_pattern_free(out);
  tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory for a pattern of %lld entries", (long long)most);
  return false;
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Columns are short as a rule, and come nearly sorted. */
static void sort(int64_t *x, int64_t n) {
  enum { SHORT = 32 };
  if (n > SHORT) {
    qsort(x, (size_t)n, sizeof *x, compare);
    return;
  }
  for (int64_t i = 1; i < n; i++) {
    int64_t value = x[i], j = i;
    for (; j > 0 && x[j - 1] > value; j--) x[j] = x[j - 1];
    x[j] = value;
  }
}

/* Sorts every column and drops what occurs twice. colptr[j] is the end of column j at first, its start at
 * last. */
static void settle(tw_pattern *p) {
  int64_t count = 0, begin = 0;
  for (int64_t j = 0; j < p->cols; j++) {
    int64_t end = p->colptr[j], first = count;
    sort(p->rowidx + begin, end - begin);
    for (int64_t i = begin; i < end; i++)
      if (count == first || p->rowidx[count - 1] != p->rowidx[i]) p->rowidx[count++] = p->rowidx[i];
    p->colptr[j] = first;
    begin = end;
  }
  p->colptr[p->cols] = p->nnz = count;
}

bool tw_pattern_of(tw_graph *graph, int64_t rows, int64_t cols, size_t n, const tw_table *const *row,
                   const tw_table *const *col, tw_pattern *out) {
  int64_t total = 0;
  for (size_t i = 0; i < n; i++) total += col[i]->n;
  if (!tw_pattern_new(graph, rows, cols, total, out)) return false;
  for (size_t i = 0; i < n; i++)
    for (int64_t k = 0; k < col[i]->n; k++) out->colptr[tw_table_at(col[i], k) + 1]++;
  for (int64_t j = 0; j < cols; j++) out->colptr[j + 1] += out->colptr[j];
  for (size_t i = 0; i < n; i++)
    for (int64_t k = 0; k < col[i]->n; k++)
      out->rowidx[out->colptr[tw_table_at(col[i], k)]++] = tw_table_at(row[i], k);
  settle(out);
  int64_t *fitting = realloc(out->rowidx, ((size_t)out->nnz + 1) * sizeof *fitting);
  if (fitting) out->rowidx = fitting;
  return true;
}

int64_t tw_pattern_find(const tw_pattern *p, int64_t row, int64_t col) {
  int64_t low = p->colptr[col], high = p->colptr[col + 1];
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    if (p->rowidx[middle] <= row)
      low = middle;
    else
      high = middle;
  }
  return low;
}

tw_status tw_pattern_turn(const tw_pattern *p, tw_pattern *out) {
  *out = (tw_pattern){.rows = p->cols, .cols = p->rows, .nnz = p->nnz};
  out->colptr = calloc((size_t)p->rows + 2, sizeof *out->colptr);
  out->rowidx = malloc(((size_t)p->nnz + 1) * sizeof *out->rowidx);
  if (!out->colptr || !out->rowidx) {
    tw_pattern_free(out);
    return TW_ERR_MEMORY;
  }
  for (int64_t i = 0; i < p->nnz; i++) out->colptr[p->rowidx[i] + 2]++;
  for (int64_t i = 2; i <= p->rows; i++) out->colptr[i] += out->colptr[i - 1];
  for (int64_t j = 0; j < p->cols; j++)
    for (int64_t i = p->colptr[j]; i < p->colptr[j + 1]; i++)
      out->rowidx[out->colptr[p->rowidx[i] + 1]++] = j;
  return TW_OK;
}
