/* Placing many buffers: a sweep over the steps with a list of the gaps between the buffers in use, as an allocator does that
 * knows beforehand who comes when. A buffer goes into the lowest gap that holds it, or into the smallest one; sweeping
 * backwards, from the last step to the first, is as good a placement and may be lower. */
#include "graph/plan/plan.h"

#include <stdlib.h>
#include <string.h>

typedef struct visit { /* a buffer's lifetime in the direction of the sweep */
  int64_t begin, end;
  tw_buffer *buffer;
} visit;

typedef struct gap {
  size_t offset, bytes;
} gap;

typedef struct gaps { /* by offset, no two adjacent, none that ends at the top */
  gap *item;
  size_t count, capacity, top;
} gaps;

static int by_begin(const void *a_, const void *b_) {
  const visit *a = a_, *b = b_;
  if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
  if (a->buffer->bytes != b->buffer->bytes) return a->buffer->bytes > b->buffer->bytes ? -1 : 1;
  return (a->buffer > b->buffer) - (a->buffer < b->buffer);
}

static int by_end(const void *a_, const void *b_) {
  const visit *a = a_, *b = b_;
  if (a->end != b->end) return a->end < b->end ? -1 : 1;
  return (a->buffer > b->buffer) - (a->buffer < b->buffer);
}

/* The first gap at or above an offset. */
static size_t gap_above(const gaps *g, size_t offset) {
  size_t low = 0, high = g->count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (g->item[middle].offset < offset)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static void drop(gaps *g, size_t at) {
  g->count--;
  memmove(g->item + at, g->item + at + 1, (g->count - at) * sizeof *g->item);
}

static size_t take(gaps *g, size_t bytes, bool best) {
  size_t at = g->count;
  for (size_t k = 0; k < g->count; k++) {
    if (g->item[k].bytes < bytes || (at < g->count && g->item[k].bytes >= g->item[at].bytes)) continue;
    at = k;
    if (!best || g->item[k].bytes == bytes) break;
  }
  if (at == g->count) {
    g->top += bytes;
    return g->top - bytes;
  }
  const size_t offset = g->item[at].offset;
  g->item[at].offset += bytes;
  g->item[at].bytes -= bytes;
  if (g->item[at].bytes == 0) drop(g, at);
  return offset;
}

static bool give_back(gaps *g, size_t offset, size_t bytes) {
  size_t at = gap_above(g, offset);
  const bool joins_lower = at > 0 && g->item[at - 1].offset + g->item[at - 1].bytes == offset;
  const bool joins_upper = at < g->count && offset + bytes == g->item[at].offset;
  if (joins_lower) {
    at--;
    g->item[at].bytes += bytes;
    if (joins_upper) {
      g->item[at].bytes += g->item[at + 1].bytes;
      drop(g, at + 1);
    }
  } else if (joins_upper) {
    g->item[at].offset = offset;
    g->item[at].bytes += bytes;
  } else {
    gap *grown = tw_grow(g->item, &g->capacity, g->count + 1, sizeof *grown);
    if (!grown) return false;
    g->item = grown;
    memmove(grown + at + 1, grown + at, (g->count - at) * sizeof *grown);
    g->count++;
    grown[at] = (gap){offset, bytes};
  }
  if (g->item[at].offset + g->item[at].bytes == g->top) {
    g->top = g->item[at].offset;
    g->count = at;
  }
  return true;
}

bool tw_buffers_sweep(tw_buffer *buffer, size_t n, tw_sweep sweep, size_t *bytes) {
  visit *coming = malloc((2 * n + 1) * sizeof *coming), *going = coming ? coming + n : NULL;
  gaps g = {0};
  bool ok = coming != NULL;
  *bytes = 0;
  for (size_t k = 0; ok && k < n; k++) {
    tw_buffer *b = &buffer[k];
    coming[k] = going[k] = sweep.backward ? (visit){-(int64_t)b->last, -(int64_t)b->first, b} : (visit){b->first, b->last, b};
  }
  if (ok && n > 0) {
    qsort(coming, n, sizeof *coming, by_begin);
    qsort(going, n, sizeof *going, by_end);
  }
  for (size_t k = 0, gone = 0; ok && k < n; k++) {
    for (; ok && going[gone].end < coming[k].begin; gone++) ok = give_back(&g, going[gone].buffer->offset, going[gone].buffer->bytes);
    if (ok) coming[k].buffer->offset = take(&g, coming[k].buffer->bytes, sweep.best);
    if (g.top > *bytes) *bytes = g.top;
  }
  free(coming);
  free(g.item);
  return ok;
}
