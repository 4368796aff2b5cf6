/* Copies of arrays that are larger than the caches. Streaming stores send whole lines to memory and, unlike others, do not read
 * them first: a copy moves two arrays instead of three. */
#include <talweg/base.h>

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { TILE = 1 << 20, AHEAD = 1024, DEFAULT_CACHE = 8 << 20 };

size_t tw_cache_bytes(void) {
  static _Atomic long known; /* asking the processor takes microseconds on a virtual machine */
  long bytes = atomic_load_explicit(&known, memory_order_relaxed);
  if (bytes > 0) return (size_t)bytes;
#ifdef _SC_LEVEL3_CACHE_SIZE
  bytes = sysconf(_SC_LEVEL3_CACHE_SIZE);
  if (bytes <= 0) bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
  if (bytes <= 0) bytes = DEFAULT_CACHE;
  atomic_store_explicit(&known, bytes, memory_order_relaxed);
  return (size_t)bytes;
}

#ifdef __SSE2__
static void stream(void *to, const void *from, size_t bytes) {
  enum { WORD = sizeof(__m128i), LINE = 64 };
  char *z = to;
  const char *x = from;
  size_t head = (size_t)(-(uintptr_t)z % WORD);
  if (head > bytes) head = bytes;
  memcpy(z, x, head);
  z += head, x += head, bytes -= head;
  for (; bytes >= LINE; z += LINE, x += LINE, bytes -= LINE) {
    _mm_prefetch((const char *)((uintptr_t)x + AHEAD), _MM_HINT_NTA); /* past the array, too: no error */
    for (int k = 0; k < LINE; k += WORD)
      _mm_stream_si128((__m128i *)(void *)(z + k), _mm_loadu_si128((const __m128i *)(const void *)(x + k)));
  }
  memcpy(z, x, bytes);
  _mm_sfence();
}
#else
static void stream(void *to, const void *from, size_t bytes) {
  memcpy(to, from, bytes);
}
#endif

typedef struct copying {
  char *to;
  const char *from;
  size_t bytes;
} copying;

static void copy_tile(void *context, int64_t tile, int worker) {
  const copying *c = context;
  const size_t at = (size_t)tile * TILE, left = c->bytes - at;
  (void)worker;
  stream(c->to + at, c->from + at, left < TILE ? left : TILE);
}

void tw_copy_on(int threads, void *to, const void *from, size_t bytes) {
  copying c = {.to = to, .from = from, .bytes = bytes};
  if (bytes < tw_cache_bytes())
    memcpy(to, from, bytes);
  else
    tw_parallel(threads, (int64_t)((bytes + TILE - 1) / TILE), copy_tile, &c);
}
