/* Orders in which greedy coloring needs few colors. */
#include "graph/transform/coloring.h"

#include <stdlib.h>
#include <string.h>

static const int64_t WORK_MOST = INT64_C(2000000000);

tw_status tw_coloring_work(const tw_pattern *t) {
  int64_t work = 0;
  for (int64_t i = 0; i < t->cols; i++) {
    int64_t length = t->colptr[i + 1] - t->colptr[i];
    if (length > 0 && length > (WORK_MOST - work) / length) return TW_ERR_LIMIT;
    work += length * length;
  }
  return TW_OK;
}

/* Neighbours of column j, each as often as there are rows with both. */
static void degrees(const tw_pattern *p, const tw_pattern *t, int64_t *degree) {
  for (int64_t j = 0; j < p->cols; j++) {
    degree[j] = 0;
    for (int64_t i = p->colptr[j]; i < p->colptr[j + 1]; i++)
      degree[j] += t->colptr[p->rowidx[i] + 1] - t->colptr[p->rowidx[i]] - 1;
  }
}

/* ------------------------------------------------------------------ vertices in buckets by degree */

typedef struct buckets {
  int64_t *head, *next, *before, *degree; /* -1: none; before[v] = -2: taken out */
} buckets;

static void put(buckets *b, int64_t v) {
  int64_t *head = &b->head[b->degree[v]];
  b->next[v] = *head;
  b->before[v] = -1;
  if (*head >= 0) b->before[*head] = v;
  *head = v;
}

static void take(buckets *b, int64_t v) {
  if (b->before[v] >= 0)
    b->next[b->before[v]] = b->next[v];
  else
    b->head[b->degree[v]] = b->next[v];
  if (b->next[v] >= 0) b->before[b->next[v]] = b->before[v];
}

/* From the end: always the vertex with fewest neighbours among those left. */
static void smallest_last(const tw_pattern *p, const tw_pattern *t, buckets *b, int64_t *order) {
  int64_t least = 0;
  for (int64_t v = p->cols - 1; v >= 0; v--) put(b, v);
  for (int64_t at = p->cols - 1; at >= 0; at--) {
    while (b->head[least] < 0) least++;
    int64_t v = order[at] = b->head[least];
    take(b, v);
    b->before[v] = -2;
    for (int64_t i = p->colptr[v]; i < p->colptr[v + 1]; i++)
      for (int64_t j = t->colptr[p->rowidx[i]]; j < t->colptr[p->rowidx[i] + 1]; j++) {
        int64_t w = t->rowidx[j];
        if (b->before[w] == -2) continue;
        take(b, w);
        b->degree[w]--;
        put(b, w);
        if (b->degree[w] < least) least = b->degree[w];
      }
  }
}

/* Stable: equal degrees stay in their natural order. */
static void largest_first(int64_t n, int64_t largest, const int64_t *degree, int64_t *place, int64_t *order) {
  for (int64_t d = 0; d <= largest + 1; d++) place[d] = 0;
  for (int64_t v = 0; v < n; v++) place[largest - degree[v] + 1]++;
  for (int64_t d = 0; d <= largest; d++) place[d + 1] += place[d];
  for (int64_t v = 0; v < n; v++) order[place[largest - degree[v]]++] = v;
}

tw_status tw_order_columns(const tw_pattern *p, const tw_pattern *t, tw_ordering ordering, int64_t *order) {
  const int64_t n = p->cols;
  for (int64_t v = 0; v < n; v++) order[v] = v;
  if (ordering == TW_ORDER_NATURAL) return TW_OK;
  int64_t *degree = calloc(3 * (size_t)n + 3, sizeof *degree), largest = 0;
  if (!degree) return TW_ERR_MEMORY;
  degrees(p, t, degree);
  for (int64_t v = 0; v < n; v++) largest = degree[v] > largest ? degree[v] : largest;
  int64_t *head = malloc(((size_t)largest + 2) * sizeof *head);
  if (head && ordering == TW_ORDER_LARGEST_FIRST) {
    largest_first(n, largest, degree, head, order);
  } else if (head) {
    for (int64_t d = 0; d <= largest; d++) head[d] = -1;
    smallest_last(p, t, &(buckets){head, degree + n, degree + 2 * n, degree}, order);
  }
  free(degree);
  free(head);
  return head ? TW_OK : TW_ERR_MEMORY;
}
