/* Maps from three words to one: open addressing with linear probing, at most 2/3 full. */
#include "graph/memo.h"

#include "talweg/base.h"

#include <stdlib.h>

static size_t find(const tw_memo *memo, const uint64_t key[3]) {
  size_t mask = memo->capacity - 1, at = (size_t)tw_hash(key, 3 * sizeof *key, 0) & mask;
  for (; memo->used[at]; at = (at + 1) & mask) {
    const uint64_t *have = &memo->key[3 * at];
    if (have[0] == key[0] && have[1] == key[1] && have[2] == key[2]) break;
  }
  return at;
}

bool tw_memo_get(const tw_memo *memo, uint64_t a, uint64_t b, uint64_t c, int64_t *value) {
  if (memo->count == 0) return false;
  size_t at = find(memo, (uint64_t[]){a, b, c});
  if (memo->used[at]) *value = memo->value[at];
  return memo->used[at];
}

static bool reserve(tw_memo *memo) {
  if ((memo->count + 1) * 3 < memo->capacity * 2) return true;
  tw_memo bigger = {.capacity = memo->capacity ? 2 * memo->capacity : 64, .count = memo->count};
  bigger.key = calloc(3 * bigger.capacity, sizeof *bigger.key);
  bigger.value = calloc(bigger.capacity, sizeof *bigger.value);
  bigger.used = calloc(bigger.capacity, sizeof *bigger.used);
  if (!bigger.key || !bigger.value || !bigger.used) {
    tw_memo_free(&bigger);
    return false;
  }
  for (size_t i = 0; i < memo->capacity; i++) {
    if (!memo->used[i]) continue;
    size_t at = find(&bigger, &memo->key[3 * i]);
    for (int j = 0; j < 3; j++) bigger.key[3 * at + (size_t)j] = memo->key[3 * i + (size_t)j];
    bigger.value[at] = memo->value[i];
    bigger.used[at] = true;
  }
  tw_memo_free(memo);
  *memo = bigger;
  return true;
}

bool tw_memo_put(tw_memo *memo, uint64_t a, uint64_t b, uint64_t c, int64_t value) {
  if (!reserve(memo)) return false;
  size_t at = find(memo, (uint64_t[]){a, b, c});
  memo->count += !memo->used[at];
  memo->used[at] = true;
  memo->key[3 * at] = a;
  memo->key[3 * at + 1] = b;
  memo->key[3 * at + 2] = c;
  memo->value[at] = value;
  return true;
}

void tw_memo_free(tw_memo *memo) {
  free(memo->key);
  free(memo->value);
  free(memo->used);
  *memo = (tw_memo){0};
}
