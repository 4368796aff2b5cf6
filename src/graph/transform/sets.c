/* Sets of columns in a pool, each once. */
#include "graph/transform/deps.h"

#include <stdlib.h>
#include <string.h>

enum { FEW = 16 /* items of sets that are joined faster than looked up */ };

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

bool tw_sets_open(tw_sets *sets, int64_t rows, int64_t cols) {
  const int64_t dense = cols > 0 && rows > INT64_MAX / 1024 / cols ? INT64_MAX / 1024 : rows * cols;
  *sets = (tw_sets){.cols = cols, .slots = 256};
  sets->most = smaller((INT64_C(1) << 22) + 16 * dense, (INT64_C(1) << 24) + 16 * (rows + cols));
  sets->work_most = (INT64_C(1) << 26) + 256 * dense;
  sets->stamp = calloc((size_t)cols + 1, sizeof *sets->stamp);
  sets->slot = calloc((size_t)sets->slots, sizeof *sets->slot);
  sets->start = tw_grow(NULL, &sets->start_capacity, 1, sizeof *sets->start);
  sets->item = tw_grow(NULL, &sets->item_capacity, 1, sizeof *sets->item);
  if (sets->start) sets->start[0] = 0;
  return sets->stamp && sets->slot && sets->start && sets->item;
}

void tw_sets_close(tw_sets *sets) {
  free(sets->stamp);
  free(sets->slot);
  free(sets->start);
  free(sets->item);
  free(sets->mixed);
  tw_memo_free(&sets->pairs);
}

int64_t tw_sets_size(const tw_sets *sets, int32_t set) {
  if (set <= sets->cols) return set > 0;
  int64_t i = set - 1 - sets->cols;
  return sets->start[i + 1] - sets->start[i];
}

const int32_t *tw_sets_items(const tw_sets *sets, int32_t set, int32_t *one) {
  *one = set - 1;
  return set <= sets->cols ? one : sets->item + sets->start[set - 1 - sets->cols];
}

static int compare(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

static void sort(int32_t *x, int64_t n) {
  if (n > FEW) {
    qsort(x, (size_t)n, sizeof *x, compare);
    return;
  }
  for (int64_t i = 1; i < n; i++) {
    int32_t value = x[i];
    int64_t j = i;
    for (; j > 0 && x[j - 1] > value; j--) x[j] = x[j - 1];
    x[j] = value;
  }
}

/* All items of the n sets, sorted, into sets->mixed; how many, -1 out of memory or dense. */
static int64_t mix(tw_sets *sets, int64_t n, const int32_t *set) {
  int64_t count = 0;
  const int64_t stamp = ++sets->stamps;
  for (int64_t i = 0; i < n; i++) {
    int64_t size = tw_sets_size(sets, set[i]);
    int32_t one, *grown = tw_grow(sets->mixed, &sets->mixed_capacity, (size_t)(count + size), sizeof *grown);
    if (!grown) return -1;
    sets->mixed = grown;
    const int32_t *item = tw_sets_items(sets, set[i], &one);
    sets->work += size;
    for (int64_t j = 0; j < size; j++) {
      if (sets->stamp[item[j]] == stamp) continue;
      sets->stamp[item[j]] = stamp;
      sets->mixed[count++] = item[j];
    }
  }
  sets->dense = sets->work > sets->work_most;
  sort(sets->mixed, count);
  return sets->dense ? -1 : count;
}

/* ------------------------------------------------------------------ each set once */

static int64_t number_of(const tw_sets *sets, int64_t i) {
  return 1 + sets->cols + i;
}

static uint64_t hash_of(const int32_t *item, int64_t count) {
  return tw_hash(item, (size_t)count * sizeof *item, 0);
}

/* The slot of the set with these items, or the free one where it belongs; slots hold 1 + the set's place in
 * the pool. */
static int32_t *slot_of(const tw_sets *sets, int32_t *slot, int64_t slots, const int32_t *item,
                        int64_t count) {
  size_t mask = (size_t)slots - 1, at = (size_t)hash_of(item, count) & mask;
  for (; slot[at]; at = (at + 1) & mask) {
    const int64_t *start = &sets->start[slot[at] - 1];
    if (start[1] - start[0] == count &&
        memcmp(sets->item + start[0], item, (size_t)count * sizeof *item) == 0)
      break;
  }
  return &slot[at];
}

static bool reserve_slot(tw_sets *sets) {
  if ((sets->count + 1) * 3 < sets->slots * 2) return true;
  int64_t slots = 2 * sets->slots;
  int32_t *slot = calloc((size_t)slots, sizeof *slot);
  if (!slot) return false;
  for (int64_t i = 0; i < sets->count; i++)
    *slot_of(sets, slot, slots, sets->item + sets->start[i], sets->start[i + 1] - sets->start[i]) =
        (int32_t)(i + 1);
  free(sets->slot);
  sets->slot = slot;
  sets->slots = slots;
  return true;
}

/* The number of the set in sets->mixed; -1 out of memory or dense. */
static int64_t intern(tw_sets *sets, int64_t count) {
  int64_t begin = sets->start[sets->count];
  if (!reserve_slot(sets)) return -1;
  int32_t *slot = slot_of(sets, sets->slot, sets->slots, sets->mixed, count);
  if (*slot) return number_of(sets, *slot - 1);
  if (begin + count > sets->most || number_of(sets, sets->count) > INT32_MAX - 2) {
    sets->dense = true;
    return -1;
  }
  int32_t *item = tw_grow(sets->item, &sets->item_capacity, (size_t)(begin + count), sizeof *item);
  if (item) sets->item = item;
  int64_t *start = tw_grow(sets->start, &sets->start_capacity, (size_t)sets->count + 2, sizeof *start);
  if (start) sets->start = start;
  if (!item || !start) return -1;
  memcpy(sets->item + begin, sets->mixed, (size_t)count * sizeof *item);
  sets->start[++sets->count] = begin + count;
  *slot = (int32_t)sets->count;
  return number_of(sets, sets->count - 1);
}

static int64_t join_many(tw_sets *sets, int64_t n, const int32_t *set) {
  int64_t count = mix(sets, n, set);
  return count < 0 ? -1 : intern(sets, count);
}

/* Large sets meet again: the same two are joined once. */
static int64_t join_pair(tw_sets *sets, int32_t a, int32_t b) {
  const uint64_t low = (uint64_t)(a < b ? a : b), high = (uint64_t)(a < b ? b : a);
  int64_t known;
  if (tw_sets_size(sets, a) + tw_sets_size(sets, b) <= FEW) return join_many(sets, 2, (int32_t[]){a, b});
  if (tw_memo_get(&sets->pairs, low, high, 0, &known)) return known;
  known = join_many(sets, 2, (int32_t[]){a, b});
  return known < 0 || tw_memo_put(&sets->pairs, low, high, 0, known) ? known : -1;
}

int64_t tw_sets_join(tw_sets *sets, int64_t n, const int32_t *set) {
  int32_t two[2] = {0, 0};
  for (int64_t i = 0; i < n; i++) {
    if (set[i] == 0 || set[i] == two[0] || set[i] == two[1]) continue;
    if (tw_sets_size(sets, set[i]) == sets->cols) return set[i]; /* all there are */
    if (two[1] != 0) return join_many(sets, n, set);
    two[two[0] != 0] = set[i];
  }
  return two[1] == 0 ? two[0] : join_pair(sets, two[0], two[1]);
}
