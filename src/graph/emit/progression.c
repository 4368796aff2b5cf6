/* Loops in integer sequences. Level by level: where a stretch of items recurs, each of its numbers growing by a step of its
 * own, all its occurrences become one item, a loop. At each place the shortest such stretch is taken. Items of one level recur
 * on the next: a grid's rows are loops in a loop. */
#include "graph/emit/progression.h"

#include <stdlib.h>
#include <string.h>

enum {
  PERIOD_MOST = 64,
  REPEATS = 3, /* the fewest that make a loop: two always do */
  SHAPES_MOST = TW_PROGRESSION_MOST / TW_PROGRESSION_LOOP + 1 /* each is written somewhere */
};

typedef struct level { /* items, and the numbers of all of them */
  int64_t n;
  const int32_t *item; /* NULL: numbers alone */
  const int64_t *base;
} level;

static int32_t item_at(const level *l, int64_t i) { return l->item ? l->item[i] : 0; }

static tw_status out_of_memory(tw_error *error) { return tw_fail(error, TW_ERR_MEMORY, "out of memory writing a pattern"); }

static tw_status irregular(tw_error *error) {
  return tw_fail(error, TW_ERR_UNSUPPORTED, "its pattern is not regular: it takes more than %d numbers", TW_PROGRESSION_MOST);
}

void tw_progression_free(tw_progression *p) {
  free(p->item);
  free(p->base);
  free(p->shape);
  free(p->inner);
  free(p->step);
  *p = (tw_progression){0};
}

/* ------------------------------------------------------------------ what recurs */

/* `period` items from item `at` on, whose numbers begin at `base`. */
typedef struct stretch {
  int64_t at, base, period, numbers, written, count;
} stretch;

/* How often it recurs: equal shapes, and every number ahead of the one a period before by as much as that was. */
static int64_t repeats(const tw_progression *p, const level *l, const stretch *s) {
  int64_t i = s->at + s->period, x = s->base + s->numbers;
  for (; i < l->n && item_at(l, i) == item_at(l, i - s->period); i++)
    for (const int64_t end = x + p->shape[item_at(l, i)].numbers; x < end; x++)
      if (i >= s->at + 2 * s->period &&
          l->base[x] - l->base[x - s->numbers] != l->base[x - s->numbers] - l->base[x - 2 * s->numbers])
        return (i - s->at) / s->period;
  return (i - s->at) / s->period;
}

/* The shortest stretch at item `at` whose loop is shorter than what it replaces; count 1: none. */
static stretch find_stretch(const tw_progression *p, const level *l, int64_t at, int64_t base) {
  const int64_t most = l->n - at < REPEATS * PERIOD_MOST ? (l->n - at) / REPEATS : PERIOD_MOST;
  stretch s = {.at = at, .base = base};
  for (s.period = 1; s.period <= most; s.period++) {
    const tw_progression_shape *last = &p->shape[item_at(l, at + s.period - 1)];
    s.numbers += last->numbers;
    s.written += last->written;
    s.count = repeats(p, l, &s);
    if (s.count >= REPEATS && (s.count - 1) * s.written > TW_PROGRESSION_LOOP) return s;
  }
  return (stretch){.at = at, .base = base, .count = 1};
}

/* ------------------------------------------------------------------ shapes */

static int64_t step_of(const level *l, const stretch *s, int64_t q) {
  return l->base[s->base + s->numbers + q] - l->base[s->base + q];
}

static bool is_shape(const tw_progression *p, const tw_progression_shape *shape, const level *l, const stretch *s) {
  if (shape->count != s->count || shape->items != s->period || shape->numbers != s->numbers) return false;
  for (int64_t i = 0; i < s->period; i++)
    if (p->inner[shape->item + (size_t)i] != item_at(l, s->at + i)) return false;
  for (int64_t q = 0; q < s->numbers; q++)
    if (p->step[shape->step + (size_t)q] != step_of(l, s, q)) return false;
  return true;
}

/* Room for one more shape of this many items and numbers. */
static bool make_room(tw_progression *p, const stretch *s) {
  tw_progression_shape *shape = tw_grow(p->shape, &p->shape_capacity, p->n_shapes + 1, sizeof *shape);
  if (shape) p->shape = shape;
  int32_t *inner = tw_grow(p->inner, &p->inner_capacity, p->n_inner + (size_t)s->period, sizeof *inner);
  if (inner) p->inner = inner;
  int64_t *step = tw_grow(p->step, &p->step_capacity, p->n_steps + (size_t)s->numbers, sizeof *step);
  if (step) p->step = step;
  return shape && inner && step;
}

/* The number of the loop's shape, made where there is none like it. */
static tw_status shape_of(tw_progression *p, const level *l, const stretch *s, int32_t *out, tw_error *error) {
  for (size_t k = 1; k < p->n_shapes; k++)
    if (is_shape(p, &p->shape[k], l, s)) {
      *out = (int32_t)k;
      return TW_OK;
    }
  if (p->n_shapes > SHAPES_MOST || s->written > TW_PROGRESSION_MOST) return irregular(error);
  if (!make_room(p, s)) return out_of_memory(error);
  p->shape[p->n_shapes] = (tw_progression_shape){.count = s->count,
                                                 .written = s->written + TW_PROGRESSION_LOOP,
                                                 .items = (int32_t)s->period,
                                                 .numbers = (int32_t)s->numbers,
                                                 .item = p->n_inner,
                                                 .step = p->n_steps};
  for (int64_t i = 0; i < s->period; i++) p->inner[p->n_inner++] = item_at(l, s->at + i);
  for (int64_t q = 0; q < s->numbers; q++) p->step[p->n_steps++] = step_of(l, s, q);
  *out = (int32_t)p->n_shapes++;
  return TW_OK;
}

/* ------------------------------------------------------------------ levels */

typedef struct items {
  int32_t *item;
  int64_t *base;
  size_t n, n_bases, item_capacity, base_capacity;
} items;

static tw_status append(items *to, int32_t shape, const int64_t *base, size_t numbers, tw_error *error) {
  int32_t *item = tw_grow(to->item, &to->item_capacity, to->n + 1, sizeof *item);
  if (item) to->item = item;
  int64_t *bases = tw_grow(to->base, &to->base_capacity, to->n_bases + numbers, sizeof *bases);
  if (bases) to->base = bases;
  if (!item || !bases) return out_of_memory(error);
  item[to->n++] = shape;
  memcpy(bases + to->n_bases, base, numbers * sizeof *base);
  to->n_bases += numbers;
  return TW_OK;
}

/* The items of the level above. */
static tw_status raise_level(tw_progression *p, const level *l, items *above, tw_error *error) {
  tw_status status = TW_OK;
  for (int64_t at = 0, base = 0; at < l->n && status == TW_OK;) {
    const stretch s = find_stretch(p, l, at, base);
    int32_t shape = item_at(l, at);
    if (s.count > 1) status = shape_of(p, l, &s, &shape, error);
    if (status != TW_OK) break;
    const int64_t numbers = p->shape[shape].numbers;
    status = append(above, shape, l->base + base, (size_t)numbers, error);
    at += s.count > 1 ? s.period * s.count : 1;
    base += numbers * s.count;
  }
  return status;
}

int64_t tw_progression_length(const tw_progression *p) {
  int64_t written = 0;
  for (size_t i = 0; i < p->n; i++) written += p->shape[p->item[i]].written;
  return written;
}

tw_status tw_progression_find(int64_t n, const int64_t *value, tw_progression *out, tw_error *error) {
  *out = (tw_progression){0};
  out->shape = tw_grow(NULL, &out->shape_capacity, 1, sizeof *out->shape);
  if (!out->shape) return out_of_memory(error);
  out->shape[out->n_shapes++] = (tw_progression_shape){.count = 1, .written = 1, .items = 1, .numbers = 1};
  level l = {.n = n, .base = value};
  for (int k = 0; k < TW_PROGRESSION_DEPTH; k++) {
    items above = {0};
    const tw_status status = raise_level(out, &l, &above, error);
    const bool done = (int64_t)above.n == l.n;
    free(out->item);
    free(out->base);
    out->item = above.item;
    out->base = above.base;
    out->n = above.n;
    if (status != TW_OK) return status;
    l = (level){.n = (int64_t)above.n, .item = above.item, .base = above.base};
    if (done) break;
  }
  return tw_progression_length(out) > TW_PROGRESSION_MOST ? irregular(error) : TW_OK;
}
