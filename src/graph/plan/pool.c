/* Offsets for buffers with known lifetimes: the smallest gap between live blocks that fits, else the end. */
#include "graph/plan/plan.h"

#include <stdlib.h>
#include <string.h>

size_t tw_pool_take(tw_pool *pool, size_t bytes) {
  bytes = bytes ? (bytes + TW_ALIGN - 1) / TW_ALIGN * TW_ALIGN : TW_ALIGN;
  if (pool->count == pool->capacity) {
    int capacity = pool->capacity ? 2 * pool->capacity : 32;
    tw_block *grown = realloc(pool->live, (size_t)capacity * sizeof *grown);
    if (!grown) {
      pool->failed = true;
      return 0;
    }
    pool->live = grown;
    pool->capacity = capacity;
  }
  int best = pool->count;
  size_t best_gap = SIZE_MAX, end = 0, offset = 0;
  for (int i = 0; i < pool->count; i++) {
    size_t gap = pool->live[i].offset - end;
    if (gap >= bytes && gap < best_gap) {
      best = i;
      best_gap = gap;
      offset = end;
    }
    end = pool->live[i].offset + pool->live[i].bytes;
  }
  if (best == pool->count) offset = end;
  memmove(&pool->live[best + 1], &pool->live[best], (size_t)(pool->count - best) * sizeof *pool->live);
  pool->live[best] = (tw_block){offset, bytes};
  pool->count++;
  if (offset + bytes > pool->peak) pool->peak = offset + bytes;
  pool->live_bytes += bytes;
  if (pool->live_bytes > pool->live_peak) pool->live_peak = pool->live_bytes;
  return offset;
}

void tw_pool_give(tw_pool *pool, size_t offset) {
  for (int i = 0; i < pool->count; i++) {
    if (pool->live[i].offset != offset) continue;
    pool->live_bytes -= pool->live[i].bytes;
    memmove(&pool->live[i], &pool->live[i + 1], (size_t)(pool->count - i - 1) * sizeof *pool->live);
    pool->count--;
    return;
  }
}

void tw_pool_free(tw_pool *pool) { free(pool->live); }
