/* Index sets. */
#include "model/index_set.h"

#include <stdlib.h>
#include <string.h>

const tw_index_set tw_mixed_set = {.kind = TW_SET_MIXED, .name = ""};

static tw_index_set *new_set(tw_arena *arena, tw_index_set_kind kind, const char *name, int64_t count) {
  tw_index_set *set = tw_arena_alloc(arena, sizeof *set, _Alignof(tw_index_set));
  if (!set) return NULL;
  set->kind = kind;
  set->name = name ? name : "";
  set->count = count;
  return set;
}

const tw_index_set *tw_index_set_range(tw_arena *arena, const char *name, int64_t first, int64_t count) {
  tw_index_set *set = new_set(arena, TW_SET_RANGE, name, count);
  if (set) set->first = first;
  return set;
}

/* An element and where it stands: sorted by element, then position, to find it and to find repetitions. */
typedef struct entry {
  int64_t integer;
  const char *label;
  int64_t position;
} entry;

static int compare(const void *x, const void *y) {
  const entry *a = x, *b = y;
  int order = a->label ? strcmp(a->label, b->label) : (a->integer > b->integer) - (a->integer < b->integer);
  return order ? order : (a->position > b->position) - (a->position < b->position);
}

static bool same_element(const entry *a, const entry *b) {
  return a->label ? strcmp(a->label, b->label) == 0 : a->integer == b->integer;
}

/* Sorts the elements; false when out of memory or, with *twice set, when one is repeated. */
static bool sort(tw_arena *arena, tw_index_set *set, int64_t *twice) {
  size_t n = (size_t)set->count;
  entry *entries = tw_alloc(n, sizeof *entries);
  int64_t *order = tw_arena_alloc(arena, (n + 1) * sizeof *order, _Alignof(int64_t));
  if (!entries || !order) {
    free(entries);
    return false;
  }
  for (size_t k = 0; k < n; k++) {
    entries[k].position = (int64_t)k;
    if (set->label)
      entries[k].label = set->label[k];
    else
      entries[k].integer = set->integer[k];
  }
  qsort(entries, n, sizeof *entries, compare);
  for (size_t k = 0; k < n; k++) {
    order[k] = entries[k].position;
    bool repeated = k > 0 && same_element(&entries[k - 1], &entries[k]);
    if (repeated && (*twice < 0 || order[k] < *twice)) *twice = order[k];
  }
  free(entries);
  set->order = order;
  return *twice < 0;
}

const tw_index_set *tw_index_set_integers(tw_arena *arena, const char *name, const int64_t *value,
                                          int64_t count, int64_t *twice) {
  *twice = -1;
  tw_index_set *set = new_set(arena, TW_SET_INTEGERS, name, count);
  if (!set) return NULL;
  set->integer = tw_arena_dup(arena, value, (size_t)count * sizeof *value, _Alignof(int64_t));
  return set->integer && sort(arena, set, twice) ? set : NULL;
}

const tw_index_set *tw_index_set_labels(tw_arena *arena, const char *name, const char *const *label,
                                        int64_t count, int64_t *twice) {
  *twice = -1;
  tw_index_set *set = new_set(arena, TW_SET_LABELS, name, count);
  const char **copy = tw_arena_alloc(arena, ((size_t)count + 1) * sizeof *copy, _Alignof(char *));
  if (!set || !copy) return NULL;
  for (int64_t k = 0; k < count; k++) {
    copy[k] = tw_arena_strdup(arena, label[k]);
    if (!copy[k]) return NULL;
  }
  set->label = copy;
  return sort(arena, set, twice) ? set : NULL;
}

/* Binary search in set->order; `compare_at` orders the wanted element against the one at a position. */
static int64_t search(const tw_index_set *set, const char *label, int64_t integer) {
  int64_t low = 0, high = set->count - 1;
  while (low <= high) {
    int64_t middle = low + (high - low) / 2, position = set->order[middle];
    int order = label ? strcmp(label, set->label[position])
                      : (integer > set->integer[position]) - (integer < set->integer[position]);
    if (order == 0) return position;
    if (order < 0)
      high = middle - 1;
    else
      low = middle + 1;
  }
  return -1;
}

int64_t tw_index_set_find(const tw_index_set *set, int64_t element) {
  if (set->kind == TW_SET_INTEGERS) return search(set, NULL, element);
  if (set->kind != TW_SET_RANGE || element < set->first) return -1;
  uint64_t offset = (uint64_t)element - (uint64_t)set->first;
  return offset < (uint64_t)set->count ? (int64_t)offset : -1;
}

int64_t tw_index_set_find_label(const tw_index_set *set, const char *label) {
  return set->kind == TW_SET_LABELS ? search(set, label, 0) : -1;
}

const char *tw_index_set_text(const tw_index_set *set, int64_t position, char text[64]) {
  int64_t element = set->kind == TW_SET_INTEGERS ? set->integer[position] : set->first + position;
  if (set->kind == TW_SET_LABELS)
    snprintf(text, 64, "%.48s", set->label[position]);
  else
    snprintf(text, 64, "%lld", (long long)element);
  return text;
}

bool tw_index_set_plain(const tw_index_set *set) {
  return !set || (set->kind == TW_SET_RANGE && set->first == 0);
}

bool tw_index_set_same(const tw_index_set *a, const tw_index_set *b) {
  if (a == b) return true;
  if (!a || !b) return tw_index_set_plain(a) && tw_index_set_plain(b);
  if (a->kind != b->kind || a->count != b->count) return false;
  switch (a->kind) {
  case TW_SET_RANGE:
    return a->first == b->first;
  case TW_SET_INTEGERS:
    return memcmp(a->integer, b->integer, (size_t)a->count * sizeof *a->integer) == 0;
  case TW_SET_LABELS:
    for (int64_t k = 0; k < a->count; k++)
      if (strcmp(a->label[k], b->label[k]) != 0) return false;
    return true;
  default:
    return false;
  }
}

const tw_index_set *tw_index_set_join(const tw_index_set *a, const tw_index_set *b) {
  if (tw_index_set_same(a, b)) return a ? a : b;
  /* Labels cannot be taken for positions: they outlive an operand without them. */
  if (tw_index_set_plain(a) && b->kind == TW_SET_LABELS) return b;
  if (tw_index_set_plain(b) && a->kind == TW_SET_LABELS) return a;
  return &tw_mixed_set;
}
