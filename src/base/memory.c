/* Overflow-checked allocation: aligned and zeroed, or growing. */
#define _DEFAULT_SOURCE 1 /* madvise */
#include <talweg/base.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, HUGE_PAGE = 1 << 21, HUGE_FROM = 4 * HUGE_PAGE };

/* Pages of 2 MB instead of 4 kB where the system has them: vectors of a million entries are then mapped by a
 * few faults instead of thousands. */
static void *aligned(size_t bytes) {
  if (bytes < HUGE_FROM) return aligned_alloc(ALIGNMENT, bytes);
  void *data = aligned_alloc(HUGE_PAGE, (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
#ifdef MADV_HUGEPAGE
  if (data != NULL) madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return data;
}

void *tw_alloc(size_t count, size_t size) {
  if (size != 0 && count > (PTRDIFF_MAX - HUGE_PAGE) / size) return NULL;
  size_t bytes = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  if (bytes == 0) bytes = ALIGNMENT;
  void *data = aligned(bytes);
  if (data) memset(data, 0, bytes);
  return data;
}

void *tw_grow(void *items, size_t *capacity, size_t count, size_t size) {
  if (!capacity) return NULL;
  if (items && count <= *capacity) return items;
  size_t larger = *capacity < 16 ? 16 : *capacity + *capacity / 2;
  if (larger < count) larger = count;
  void *moved = size != 0 && larger <= PTRDIFF_MAX / size ? realloc(items, larger * size) : NULL;
  if (moved) *capacity = larger;
  return moved;
}
