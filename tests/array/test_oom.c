/* Every allocation of the readers and writers fails once: the result is TW_ERR_MEMORY, nothing leaks
 * (under the address sanitizer), no file is left behind. */
#include "failing_malloc.h"
#include "test.h"

#include <talweg/array.h>

/* Runs call() with its 1st, 2nd, ... allocation failing until none fails. `may_succeed`: some
 * allocation is only needed for what is nice to have. */
static void fail_each_allocation(tw_status (*call)(tw_error *error), bool may_succeed) {
  for (long k = 0;; k++) {
    tw_error error = {0};
    failing_arm(k);
    tw_status status = call(&error);
    if (!failing_disarm()) {
      assert_ok(status);
      assert_true(k > 0);
      return;
    }
    if (may_succeed && status == TW_OK) continue;
    assert_int_equal(status, TW_ERR_MEMORY);
    assert_int_equal(error.status, TW_ERR_MEMORY);
    assert_true(error.message[0] != '\0');
  }
}

static char folder[64], path[128];
static double values[2000];

static tw_status parse_csv(tw_error *error) {
  tw_text text = {0};
  long armed = failing_countdown;
  failing_countdown = -1;
  tw_text_puts(&text, "a,b,c\n");
  for (int row = 0; row < 100; row++) tw_text_puts(&text, "1,2,3\n");
  failing_countdown = armed;
  tw_array a;
  tw_status status = tw_csv_parse(text.data, text.length, "t.csv", "c,a..b", &a, error);
  tw_array_free(&a);
  tw_text_free(&text);
  return status;
}

static tw_status write_npy(tw_error *error) {
  tw_array a = tw_array_f64(values, TW_SHAPE(40, 50)), t = tw_array_transpose(&a, (const int[]){1, 0});
  return tw_npy_write(path, &t, error);
}

static tw_status read_npy(tw_error *error) {
  tw_array a;
  tw_status status = tw_npy_read(path, &a, error);
  tw_array_free(&a);
  return status;
}

static tw_status parse_fortran(tw_error *error) {
  static const char header[] = "\x93NUMPY\1\0\x3f\0"
                               "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2), }    \n"
                               "abcd";
  tw_array a;
  tw_status status = tw_npy_parse(header, sizeof header - 1, "t.npy", &a, error);
  tw_array_free(&a);
  return status;
}

static void readers_and_writers_survive(void **state) {
  (void)state;
  test_folder_make(folder);
  test_path(folder, "a.npy", path);
  fail_each_allocation(parse_csv, false);
  fail_each_allocation(write_npy, true); /* syncing the directory is given up */
  fail_each_allocation(read_npy, false);
  fail_each_allocation(parse_fortran, false);
  assert_int_equal(test_folder_remove(folder), 1);
}

static void containers_survive(void **state) {
  (void)state;
  for (long k = 0; k < 40; k++) {
    failing_arm(k);
    tw_map *map = tw_map_new();
    size_t count = 0;
    for (int i = 0; map && i < 100; i++) {
      char key[16];
      sprintf(key, "%d", i);
      if (tw_map_set(map, key, key)) count++;
    }
    tw_text text = {0};
    for (int i = 0; i < 100; i++) tw_text_puts(&text, "0123456789");
    tw_arena *arena = tw_arena_new();
    int refused = 0;
    for (int i = 0; arena && i < 100; i++) refused += tw_arena_alloc(arena, 1000, 8) == NULL;
    bool happened = failing_disarm();
    if (map) assert_int_equal(tw_map_count(map), count);
    assert_true(text.failed || text.length == 1000);
    assert_int_equal(!map + (map && count < 100) + text.failed + !arena + (refused > 0), happened);
    tw_map_free(map);
    tw_text_free(&text);
    tw_arena_free(arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(readers_and_writers_survive),
      cmocka_unit_test(containers_survive),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
