/* Arena: a list of chunks of doubling size; requests larger than a chunk get their own. */
#include <talweg/base.h>

#include <stdlib.h>
#include <string.h>

enum { FIRST_CHUNK = 4096, LARGEST_CHUNK = 1 << 20, CHUNK_HEADER = 64 };

typedef struct chunk {
  struct chunk *next;
  size_t used, capacity; /* bytes after the header */
} chunk;

_Static_assert(sizeof(chunk) <= CHUNK_HEADER, "the header keeps the payload 64-byte aligned");

struct tw_arena {
  chunk *head; /* the only chunk with room */
  size_t next_capacity, total;
};

tw_arena *tw_arena_new(void) {
  tw_arena *arena = calloc(1, sizeof *arena);
  if (arena) arena->next_capacity = FIRST_CHUNK;
  return arena;
}

void tw_arena_free(tw_arena *arena) {
  if (!arena) return;
  for (chunk *c = arena->head, *next; c; c = next) {
    next = c->next;
    free(c);
  }
  free(arena);
}

static unsigned char *payload(chunk *c) {
  return (unsigned char *)c + CHUNK_HEADER;
}

static chunk *chunk_new(tw_arena *arena, size_t capacity) {
  chunk *c = tw_alloc(1, CHUNK_HEADER + capacity);
  if (!c) return NULL;
  c->capacity = capacity;
  arena->total += CHUNK_HEADER + capacity;
  return c;
}

void *tw_arena_alloc(tw_arena *arena, size_t bytes, size_t align) {
  if (!arena || align == 0 || align > CHUNK_HEADER || (align & (align - 1)) != 0) return NULL;
  if (bytes > PTRDIFF_MAX / 2) return NULL;
  if (bytes == 0) bytes = 1; /* distinct requests get distinct addresses */
  chunk *head = arena->head;
  if (head) {
    size_t start = (head->used + align - 1) & ~(align - 1);
    if (start <= head->capacity && bytes <= head->capacity - start) {
      head->used = start + bytes;
      return payload(head) + start;
    }
  }
  if (bytes > arena->next_capacity / 4) { /* its own chunk, behind the one being filled */
    chunk *own = chunk_new(arena, bytes);
    if (!own) return NULL;
    own->used = bytes;
    chunk **place = head ? &head->next : &arena->head;
    own->next = *place;
    *place = own;
    return payload(own);
  }
  chunk *fresh = chunk_new(arena, arena->next_capacity);
  if (!fresh) return NULL;
  if (arena->next_capacity < LARGEST_CHUNK) arena->next_capacity *= 2;
  fresh->next = head;
  fresh->used = bytes;
  arena->head = fresh;
  return payload(fresh);
}

void *tw_arena_dup(tw_arena *arena, const void *data, size_t bytes, size_t align) {
  if (!data && bytes > 0) return NULL;
  void *copy = tw_arena_alloc(arena, bytes, align);
  if (copy && bytes) memcpy(copy, data, bytes);
  return copy;
}

char *tw_arena_strdup(tw_arena *arena, const char *text) {
  return text ? tw_arena_dup(arena, text, strlen(text) + 1, 1) : NULL;
}

size_t tw_arena_bytes(const tw_arena *arena) {
  return arena ? arena->total : 0;
}
