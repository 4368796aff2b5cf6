/* Placing buffers with known lifetimes: each at the lowest offset that is free for as long as it lives. The order matters;
 * large ones first is nearly always best (Pisarchyk & Lee 2020), in the order of steps is what an allocator would do, and the
 * better of the two is taken. Where that is still above the largest live set, the buffer that ends highest is put first and
 * all are placed again, some times over; the best placement stays. Of many buffers only sweeps over the steps are tried. */
#include "graph/plan/plan.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 100, SEARCHED = 200, COMPARED = 2000 }; /* placements tried, and for how many buffers; buffers that are compared
                                                         * with each other */

static bool overlaps(const tw_buffer *a, const tw_buffer *b) { return a->first <= b->last && b->first <= a->last; }

static int by_size(const void *a_, const void *b_) {
  const tw_buffer *a = *(const tw_buffer *const *)a_, *b = *(const tw_buffer *const *)b_;
  if (a->bytes != b->bytes) return a->bytes > b->bytes ? -1 : 1;
  if (a->first != b->first) return a->first < b->first ? -1 : 1;
  return (a > b) - (a < b);
}

/* Inserts into `placed` [n], which is ordered by offset, at the lowest offset that is free. */
static void place_one(tw_buffer *buffer, tw_buffer **placed, size_t n) {
  size_t offset = 0;
  for (size_t k = 0; k < n; k++) {
    if (!overlaps(placed[k], buffer)) continue;
    if (placed[k]->offset >= offset + buffer->bytes) break; /* the gap before it fits */
    if (placed[k]->offset + placed[k]->bytes > offset) offset = placed[k]->offset + placed[k]->bytes;
  }
  buffer->offset = offset;
  size_t at = n;
  while (at > 0 && placed[at - 1]->offset > offset) {
    placed[at] = placed[at - 1];
    at--;
  }
  placed[at] = buffer;
}

static size_t place_all(tw_buffer *const *order, size_t n, tw_buffer **placed) {
  size_t end = 0;
  for (size_t k = 0; k < n; k++) {
    place_one(order[k], placed, k);
    if (order[k]->offset + order[k]->bytes > end) end = order[k]->offset + order[k]->bytes;
  }
  return end;
}

/* The largest sum of sizes in use at one step. */
static bool largest_live(const tw_buffer *buffer, size_t n, int32_t steps, size_t *live) {
  size_t *begin = calloc((size_t)steps + 2, sizeof *begin), *end = calloc((size_t)steps + 2, sizeof *end), now = 0;
  const bool ok = begin && end;
  for (size_t k = 0; ok && k < n; k++) {
    begin[buffer[k].first] += buffer[k].bytes;
    end[buffer[k].last < steps ? buffer[k].last + 1 : steps + 1] += buffer[k].bytes;
  }
  *live = 0;
  for (int32_t s = 0; ok && s <= steps; s++) {
    now = now + begin[s] - end[s];
    if (now > *live) *live = now;
  }
  free(begin);
  free(end);
  return ok;
}

/* The order that places lowest so far is kept in `best`. */
typedef struct search {
  tw_buffer **order, **placed, **best;
  size_t n, bytes;
} search;

static void try_order(search *s) {
  const size_t end = place_all(s->order, s->n, s->placed);
  if (end >= s->bytes) return;
  s->bytes = end;
  memcpy(s->best, s->order, s->n * sizeof *s->best);
}

/* The buffer that ends highest goes to the front. */
static void raise_highest(search *s) {
  size_t at = 0;
  for (size_t k = 1; k < s->n; k++)
    if (s->order[k]->offset + s->order[k]->bytes > s->order[at]->offset + s->order[at]->bytes) at = k;
  tw_buffer *highest = s->order[at];
  memmove(s->order + 1, s->order, at * sizeof *s->order);
  s->order[0] = highest;
}

/* The first sweep that reaches the largest live set, or the lowest of all. */
static bool place_many(tw_buffer *buffer, size_t n, size_t live, size_t *bytes) {
  static const tw_sweep tried[] = {{false, false}, {true, false}, {false, true}, {true, true}};
  enum { TRIED = sizeof tried / sizeof *tried };
  int best = 0;
  size_t lowest = SIZE_MAX;
  for (int k = 0; k < TRIED && lowest > live; k++) {
    if (!tw_buffers_sweep(buffer, n, tried[k], bytes)) return false;
    if (*bytes >= lowest) continue;
    lowest = *bytes;
    best = k;
  }
  return *bytes == lowest || tw_buffers_sweep(buffer, n, tried[best], bytes);
}

bool tw_buffers_place(tw_buffer *buffer, size_t n, int32_t steps, size_t *bytes, size_t *live) {
  if (n > COMPARED) return largest_live(buffer, n, steps, live) && place_many(buffer, n, *live, bytes);
  search s = {.n = n, .bytes = SIZE_MAX};
  s.order = malloc((n + 1) * sizeof(tw_buffer *));
  s.placed = malloc((n + 1) * sizeof(tw_buffer *));
  s.best = malloc((n + 1) * sizeof(tw_buffer *));
  const bool ok = s.order && s.placed && s.best && largest_live(buffer, n, steps, live);
  for (size_t k = 0; ok && k < n; k++) s.order[k] = &buffer[k];
  if (ok) {
    try_order(&s); /* as made: in the order of steps */
    qsort(s.order, n, sizeof *s.order, by_size);
    for (size_t round = 0; round < ROUNDS && s.bytes > *live && (round < 2 || n <= SEARCHED); round++) {
      try_order(&s);
      raise_highest(&s);
    }
    *bytes = place_all(s.best, n, s.placed);
  }
  free(s.order);
  free(s.placed);
  free(s.best);
  return ok;
}
