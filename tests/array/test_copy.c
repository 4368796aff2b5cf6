#include "test.h"

#include <talweg/array.h>

/* Small non-negative integers survive every chain of two conversions, from permuted and sliced views. */
static void copies_hold_the_same_elements(void **state) {
  (void)state;
  tw_error error = {0};
  for (tw_dtype from = 0; from < TW_DTYPE_COUNT; from++) {
    for (tw_dtype to = 0; to < TW_DTYPE_COUNT; to++) {
      tw_array a, b;
      assert_ok(tw_array_new(&a, from, TW_SHAPE(3, 600, 2), &error));
      for (int64_t i = 0; i < 3; i++)
        for (int64_t j = 0; j < 600; j++)
          for (int64_t k = 0; k < 2; k++)
            tw_array_set(&a, (const int64_t[]){i, j, k}, (double)((7 * i + 5 * j + k) % 128));
      tw_array t = tw_array_transpose(&a, (const int[]){2, 0, 1}), view = tw_array_slice(&t, 2, 599, 590, -1);
      assert_ok(tw_array_copy(&b, &view, to, &error));
      assert_true(tw_array_contiguous(&b) && b.dtype == to && tw_shape_equal(&b.shape, &view.shape));
      for (int64_t k = 0; k < 2; k++) {
        for (int64_t i = 0; i < 3; i++) {
          for (int64_t j = 0; j < 590; j++) {
            const int64_t index[] = {k, i, j};
            double expected = tw_array_get(&view, index);
            assert_same_bits(tw_array_get(&b, index), to == TW_BOOL ? expected != 0 : expected);
          }
        }
      }
      tw_array_free(&a);
      tw_array_free(&b);
    }
  }
}

static void integers_never_pass_through_doubles(void **state) {
  (void)state;
  tw_error error = {0};
  int64_t data[3][2] = {{INT64_MAX, 1}, {INT64_MIN, 2}, {(INT64_C(1) << 53) + 1, 3}};
  tw_array a = tw_array_view(data, TW_I64, TW_SHAPE(3, 2)), t = tw_array_transpose(&a, (const int[]){1, 0}),
           b;
  assert_ok(tw_array_copy(&b, &t, TW_I64, &error));
  for (int k = 0; k < 3; k++) assert_true(((int64_t *)b.data)[k] == data[k][0]);
  tw_array_free(&b);
}

/* Copies the single f64 `value` to `to` and back. */
static tw_status through(double value, tw_dtype to, double *back, tw_error *error) {
  tw_array a = tw_array_f64(&value, TW_SHAPE(1)), b;
  tw_status status = tw_array_copy(&b, &a, to, error);
  if (status == TW_OK) *back = tw_array_get(&b, (const int64_t[]){0});
  tw_array_free(&b);
  return status;
}

static void what_does_not_fit_is_refused(void **state) {
  (void)state;
  static const struct {
    tw_dtype to;
    double low, high; /* the extreme values that fit (after truncation) */
    double too_low, too_high;
  } limits[] = {
      {TW_U8, -0.9, 255.9, -1, 256},
      {TW_I32, -2147483648.9, 2147483647.9, -2147483649.0, 2147483648.0},
      {TW_I64, -0x1p63, 0x1.fffffffffffffp62, -0x1.0000000000001p63, 0x1p63},
      {TW_F32, -0x1.fffffep127, 0x1.fffffep127, -1e39, 1e39},
  };
  for (size_t k = 0; k < sizeof limits / sizeof limits[0]; k++) {
    tw_error error = {0};
    double back;
    bool real = limits[k].to == TW_F32;
    assert_ok(through(limits[k].low, limits[k].to, &back, &error));
    assert_true(back == trunc(limits[k].low));
    assert_ok(through(limits[k].high, limits[k].to, &back, &error));
    assert_true(back == trunc(limits[k].high));
    assert_fails(through(limits[k].too_low, limits[k].to, &back, &error), TW_ERR_RANGE, "does not fit");
    assert_fails(through(limits[k].too_high, limits[k].to, &back, &error), TW_ERR_RANGE, "element 0");
    if (real) {
      assert_ok(through((double)NAN, limits[k].to, &back, &error));
      assert_true(isnan(back));
      assert_ok(through(INFINITY, limits[k].to, &back, &error));
    } else {
      assert_fails(through((double)NAN, limits[k].to, &back, &error), TW_ERR_RANGE, "nan");
      assert_fails(through(INFINITY, limits[k].to, &back, &error), TW_ERR_RANGE, "inf");
    }
  }
  tw_error error;
  int32_t data[6] = {0, 1, 2, 3, 4, 256};
  tw_array a = tw_array_view(data, TW_I32, TW_SHAPE(2, 3)), b;
  assert_fails(tw_array_copy(&b, &a, TW_U8, &error), TW_ERR_RANGE,
               "i32 array of shape [2, 3]: element 5 is 256");
  assert_null(b.data);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(copies_hold_the_same_elements),
      cmocka_unit_test(integers_never_pass_through_doubles),
      cmocka_unit_test(what_does_not_fit_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
