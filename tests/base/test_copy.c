/* Copies below and above the size of the caches, at any alignment, on several threads: all bytes, and no others. */
#include "test.h"

static void copies_all_and_nothing_else(void **state) {
  (void)state;
  enum { EDGE = 64 };
  const size_t cache = tw_cache_bytes(), lengths[] = {0, 1, 100, cache - 1, cache, cache + 1, cache + 65, cache + 3000001};
  const size_t most = cache + 3000001 + 2 * EDGE;
  unsigned char *from = tw_alloc(most, 1), *to = tw_alloc(most, 1);
  assert_true(cache >= 1 << 16);
  assert_non_null(from);
  assert_non_null(to);
  for (size_t i = 0; i < most; i++) from[i] = (unsigned char)(i * 2654435761u >> 13 | 1);
  for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
    for (int threads = 1; threads <= 2; threads++) {
      const size_t n = lengths[k], source = (7 * k) % EDGE, target = (13 * k + 5) % EDGE;
      memset(to, 0, most);
      tw_copy_on(threads, to + target, from + source, n);
      assert_memory_equal(to + target, from + source, n);
      for (size_t i = 0; i < target; i++) assert_int_equal(to[i], 0);
      for (size_t i = target + n; i < most; i++)
        if (to[i] != 0) fail_msg("%zu bytes: byte %zu was written", n, i - target);
    }
  free(from);
  free(to);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(copies_all_and_nothing_else)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
