/* Aligned, zeroed, overflow-checked allocation. */
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
