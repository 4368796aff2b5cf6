/* Overflow-checked allocation: aligned and zeroed, or growing. */
#include <talweg/base.h>

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

void *tw_alloc(size_t count, size_t size) {
  if (size != 0 && count > (PTRDIFF_MAX - ALIGNMENT) / size) return NULL;
  size_t bytes = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  if (bytes == 0) bytes = ALIGNMENT;
  void *data = aligned_alloc(ALIGNMENT, bytes);
  if (data) memset(data, 0, bytes);
  return data;
}

void *tw_grow(void *items, size_t *capacity, size_t count, size_t size) {
  if (items && count <= *capacity) return items;
  size_t larger = *capacity < 16 ? 16 : *capacity + *capacity / 2;
  if (larger < count) larger = count;
  void *moved = size != 0 && larger <= PTRDIFF_MAX / size ? realloc(items, larger * size) : NULL;
  if (moved) *capacity = larger;
  return moved;
}
