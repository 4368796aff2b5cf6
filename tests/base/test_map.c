#include "test.h"

static void holds_what_was_set(void **state) {
  (void)state;
  enum { KEYS = 5000 };
  static int value[KEYS];
  tw_map *map = tw_map_new();
  char key[32];
  for (int i = 0; i < KEYS; i++) {
    sprintf(key, "x%d", i);
    assert_true(tw_map_set(map, key, &value[i]));
    assert_int_equal(tw_map_count(map), i + 1);
  }
  for (int i = 0; i < KEYS; i++) {
    sprintf(key, "x%d", i);
    assert_ptr_equal(tw_map_get(map, key), &value[i]);
    sprintf(key, "y%d", i);
    assert_null(tw_map_get(map, key));
  }
  assert_true(tw_map_set(map, "x7", &value[8])); /* replaces */
  assert_ptr_equal(tw_map_get(map, "x7"), &value[8]);
  assert_int_equal(tw_map_count(map), KEYS);
  assert_true(tw_map_set(map, "", &value[0]));
  assert_ptr_equal(tw_map_get(map, ""), &value[0]);
  tw_map_free(map);
  tw_map_free(NULL);
}

/* Flipping any one input bit flips about half of the output bits (avalanche), for every length. */
static void hash_avalanches(void **state) {
  (void)state;
  for (size_t bytes = 1; bytes <= 24; bytes++) {
    unsigned char data[24];
    int flipped = 0;
    for (size_t k = 0; k < bytes; k++) data[k] = (unsigned char)tw_random_bits(1, k);
    uint64_t base = tw_hash(data, bytes, 0);
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
      data[bit / 8] ^= (unsigned char)(1 << bit % 8);
      uint64_t change = base ^ tw_hash(data, bytes, 0);
      data[bit / 8] ^= (unsigned char)(1 << bit % 8);
      int count = __builtin_popcountll(change);
      assert_in_range(count, 8, 56);
      flipped += count;
    }
    assert_close(flipped / (8.0 * (double)bytes), 32.0, 0.12);
  }
}

static void hash_depends_on_length_and_seed(void **state) {
  (void)state;
  const unsigned char zeros[32] = {0};
  for (size_t a = 0; a <= 32; a++)
    for (size_t b = 0; b < a; b++) assert_true(tw_hash(zeros, a, 0) != tw_hash(zeros, b, 0));
  assert_true(tw_hash("abc", 3, 0) != tw_hash("abc", 3, 1));
  assert_true(tw_hash("abc", 3, 5) == tw_hash("abc", 3, 5));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(holds_what_was_set),
      cmocka_unit_test(hash_avalanches),
      cmocka_unit_test(hash_depends_on_length_and_seed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
