/* Arrays for people. */
#include "test.h"

#include "front/table.h"

static void shown_entries(void **state) {
  (void)state;
  int64_t entry[64];
  for (int limit = 4; limit <= 40; limit++)
    for (int64_t count = 0; count <= 100; count++) {
      const int shown = tw_table_shown(count, limit, entry);
      assert_true(shown <= limit);
      if (count <= limit) assert_int_equal(shown, count);
      int gaps = 0;
      int64_t last = -1;
      for (int i = 0; i < shown; i++) {
        if (entry[i] == -1) {
          gaps++;
          continue;
        }
        assert_true(entry[i] > last && entry[i] < count);
        last = entry[i];
      }
      assert_int_equal(gaps, count > limit);
      if (count > 0) assert_int_equal(last, count - 1);
      if (count > 0) assert_int_equal(entry[0], 0);
    }
}

static char *print(const char *name, tw_array array) {
  tw_text text = {0};
  tw_table_array(&text, name, &array, NULL);
  assert_false(text.failed);
  return text.data;
}

static void check_print(tw_array array, const char *expected) {
  char *text = print("x", array);
  if (strcmp(text, expected) != 0) fail_msg("got:\n%sexpected:\n%s", text, expected);
  free(text);
}

static void small_arrays(void **state) {
  (void)state;
  double x[] = {1, -2.5, 0.333333333333, -0.0, 1e-12, 12345678};
  uint8_t truth[] = {1, 0};
  check_print(tw_array_f64(x + 1, TW_SCALAR), "  x = -2.5\n");
  check_print(tw_array_f64(x, TW_SHAPE(4)), "  x = [1, -2.5, 0.33333333, 0]\n");
  check_print(tw_array_f64(x, TW_SHAPE(2, 3)), "  x\n"
                                               "     0      1           2\n"
                                               "  0  1   -2.5  0.33333333\n"
                                               "  1  0  1e-12    12345678\n");
  check_print(tw_array_view(truth, TW_BOOL, TW_SHAPE(2)), "  x = [true, false]\n");
  check_print(tw_array_f64(x, TW_SHAPE(0)), "  x = empty, shape [0]\n");
}

static void lines_stay_short(void **state) {
  (void)state;
  enum { BIG = 5000 };
  static double x[BIG];
  tw_random_normal_fill(5, 0, BIG, x);
  const tw_shape shapes[] = {TW_SHAPE(BIG), TW_SHAPE(50, 100), TW_SHAPE(2, 50, 50), TW_SHAPE(BIG, 1),
                             TW_SHAPE(10, 10, 5, 10)};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    char *text = print("some_name", tw_array_f64(x, shapes[i]));
    int lines = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++)
      assert_true(end - line <= 140);
    assert_in_range(lines, 1, 120);
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(shown_entries), cmocka_unit_test(small_arrays),
                                     cmocka_unit_test(lines_stay_short)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
