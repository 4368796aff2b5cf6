#include "test.h"

static void alloc_is_zeroed_and_aligned(void **state) {
  (void)state;
  for (size_t count = 0; count < 300; count += 7) {
    unsigned char *data = tw_alloc(count, 3);
    assert_non_null(data);
    assert_int_equal((uintptr_t)data % 64, 0);
    for (size_t k = 0; k < 3 * count; k++) assert_int_equal(data[k], 0);
    free(data);
  }
}

/* From some size on memory comes in large pages, also when it was used before. */
static void large_allocs_are_zeroed(void **state) {
  (void)state;
  for (size_t bytes = (size_t)7 << 20; bytes < (size_t)40 << 20; bytes = bytes * 2 + 12345)
    for (int again = 0; again < 2; again++) {
      unsigned char *data = tw_alloc(bytes, 1);
      assert_non_null(data);
      assert_int_equal((uintptr_t)data % 64, 0);
      assert_true(data[0] == 0 && memcmp(data, data + 1, bytes - 1) == 0);
      memset(data, 1, bytes);
      free(data);
    }
}

static void alloc_refuses_overflow(void **state) {
  (void)state;
  assert_null(tw_alloc(SIZE_MAX / 2, 4));
  assert_null(tw_alloc(SIZE_MAX, 1));
  assert_null(tw_alloc((size_t)1 << 33, (size_t)1 << 33));
}

static void grow_keeps_what_is_there(void **state) {
  (void)state;
  size_t capacity = 0;
  int *items = NULL, moves = 0;
  for (int k = 0; k < 10000; k++) {
    int *moved = tw_grow(items, &capacity, (size_t)k + 1, sizeof *items);
    assert_non_null(moved);
    moves += moved != items;
    items = moved;
    items[k] = k;
  }
  for (int k = 0; k < 10000; k++) assert_int_equal(items[k], k);
  assert_true(capacity >= 10000 && capacity <= 16000);
  assert_in_range(moves, 1, 20);
  size_t before = capacity;
  assert_null(tw_grow(items, &capacity, SIZE_MAX / 2, sizeof *items));
  assert_int_equal(capacity, before);
  free(items);
}

/* Requests keep their content, alignment and distance from one another while thousands of others arrive. */
static void arena_requests_do_not_overlap(void **state) {
  (void)state;
  enum { REQUESTS = 4000 };
  static struct {
    unsigned char *data;
    size_t bytes;
  } request[REQUESTS];
  tw_arena *arena = tw_arena_new();
  size_t asked = 0;
  for (uint64_t i = 0; i < REQUESTS; i++) {
    size_t bytes = (size_t)tw_random_integer(1, i, 0, i % 100 == 0 ? 100000 : 200);
    size_t align = (size_t)1 << tw_random_integer(2, i, 0, 7);
    unsigned char *data = tw_arena_alloc(arena, bytes, align);
    assert_non_null(data);
    assert_int_equal((uintptr_t)data % align, 0);
    for (size_t k = 0; k < bytes; k++) assert_int_equal(data[k], 0);
    memset(data, (int)(i % 251) + 1, bytes);
    request[i].data = data;
    request[i].bytes = bytes;
    asked += bytes;
  }
  for (size_t i = 0; i < REQUESTS; i++)
    for (size_t k = 0; k < request[i].bytes; k++) assert_int_equal(request[i].data[k], i % 251 + 1);
  assert_true(tw_arena_bytes(arena) >= asked);
  assert_true(tw_arena_bytes(arena) <= 2 * asked + ((size_t)1 << 21));
  tw_arena_free(arena);
}

static void arena_copies(void **state) {
  (void)state;
  tw_arena *arena = tw_arena_new();
  char text[] = "talweg";
  char *copy = tw_arena_strdup(arena, text);
  const double numbers[] = {1, 2, 3};
  double *dup = tw_arena_dup(arena, numbers, sizeof numbers, _Alignof(double));
  text[0] = 'x';
  assert_string_equal(copy, "talweg");
  assert_memory_equal(dup, numbers, sizeof numbers);
  assert_null(tw_arena_strdup(arena, NULL));
  tw_arena_free(arena);
}

static void arena_refuses_nonsense(void **state) {
  (void)state;
  tw_arena *arena = tw_arena_new();
  assert_null(tw_arena_alloc(arena, 8, 3));
  assert_null(tw_arena_alloc(arena, 8, 0));
  assert_null(tw_arena_alloc(arena, 8, 128));
  assert_null(tw_arena_alloc(arena, SIZE_MAX - 8, 8));
  assert_null(tw_arena_alloc(NULL, 8, 8));
  tw_arena_free(arena);
  tw_arena_free(NULL);
  assert_int_equal(tw_arena_bytes(NULL), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alloc_is_zeroed_and_aligned),
      cmocka_unit_test(large_allocs_are_zeroed),
      cmocka_unit_test(alloc_refuses_overflow),
      cmocka_unit_test(grow_keeps_what_is_there),
      cmocka_unit_test(arena_requests_do_not_overlap),
      cmocka_unit_test(arena_copies),
      cmocka_unit_test(arena_refuses_nonsense),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
