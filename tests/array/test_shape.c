#include "test.h"

#include <talweg/array.h>

static void assert_shape(tw_shape shape, const char *expected) {
  char text[TW_SHAPE_TEXT];
  assert_string_equal(tw_shape_text(&shape, text), expected);
}

static void makes_and_shows(void **state) {
  (void)state;
  assert_shape(TW_SHAPE(3, 4), "[3, 4]");
  assert_shape(TW_SHAPE(0), "[0]");
  assert_shape(TW_SCALAR, "[]");
  assert_shape(tw_shape_make(-1, NULL), "[]");
  int64_t widest[TW_MAX_RANK + 1];
  for (int k = 0; k <= TW_MAX_RANK; k++) widest[k] = INT64_MIN;
  tw_shape shape = tw_shape_make(TW_MAX_RANK + 1, widest);
  assert_int_equal(shape.rank, TW_MAX_RANK);
  char text[TW_SHAPE_TEXT];
  assert_int_equal(strlen(tw_shape_text(&shape, text)), 2 + 20 * TW_MAX_RANK + 2 * (TW_MAX_RANK - 1));
}

static int64_t size_of(tw_shape shape) {
  return tw_shape_size(&shape);
}

static void sizes(void **state) {
  (void)state;
  const int64_t big = INT64_C(1) << 32;
  assert_int_equal(size_of(TW_SCALAR), 1);
  assert_int_equal(size_of(TW_SHAPE(3, 4, 5)), 60);
  assert_int_equal(size_of(TW_SHAPE(3, 0, 5)), 0);
  assert_int_equal(size_of(TW_SHAPE(INT64_MAX)), INT64_MAX);
  assert_int_equal(size_of(TW_SHAPE(big, big)), -1);
  assert_int_equal(size_of(TW_SHAPE(big, big, 0)), 0); /* empty, however large the others */
  assert_int_equal(size_of(TW_SHAPE(0, big, big)), 0);
  assert_int_equal(size_of(TW_SHAPE(2, -1)), -1);
  assert_int_equal(size_of(TW_SHAPE(0, -1)), -1);
}

static void equality(void **state) {
  (void)state;
  const tw_shape shapes[] = {TW_SCALAR,      TW_SHAPE(1),    TW_SHAPE(2),
                             TW_SHAPE(1, 2), TW_SHAPE(2, 1), TW_SHAPE(0)};
  for (int a = 0; a < 6; a++)
    for (int b = 0; b < 6; b++) assert_int_equal(tw_shape_equal(&shapes[a], &shapes[b]), a == b);
}

/* The broadcast of random shapes follows NumPy's rule, extent by extent from the right. */
static void broadcasting(void **state) {
  (void)state;
  int fitting = 0;
  for (uint64_t i = 0; i < 20000; i++) {
    tw_shape a = {0}, b = {0}, out, swapped;
    a.rank = (int)tw_random_integer(1, i, 0, 5);
    b.rank = (int)tw_random_integer(2, i, 0, 5);
    for (int k = 0; k < a.rank; k++) a.dim[k] = tw_random_integer(3, 8 * i + (uint64_t)k, 0, 3);
    for (int k = 0; k < b.rank; k++) b.dim[k] = tw_random_integer(4, 8 * i + (uint64_t)k, 0, 3);
    int rank = a.rank > b.rank ? a.rank : b.rank;
    tw_shape expected = {.rank = rank};
    bool fits = true;
    for (int k = 1; k <= rank; k++) {
      int64_t da = k <= a.rank ? a.dim[a.rank - k] : 1, db = k <= b.rank ? b.dim[b.rank - k] : 1;
      fits = fits && (da == db || da == 1 || db == 1);
      expected.dim[rank - k] = da == 1 ? db : da;
    }
    assert_int_equal(tw_shape_broadcast(&a, &b, &out), fits);
    assert_int_equal(tw_shape_broadcast(&b, &a, &swapped), fits);
    if (!fits) continue;
    assert_memory_equal(&out, &expected, sizeof out);
    assert_memory_equal(&swapped, &expected, sizeof out);
    fitting++;
  }
  assert_in_range(fitting, 1000, 19000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(makes_and_shows),
      cmocka_unit_test(sizes),
      cmocka_unit_test(equality),
      cmocka_unit_test(broadcasting),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
