#include "test.h"

#include <talweg/array.h>

static void new_arrays_are_zero_and_contiguous(void **state) {
  (void)state;
  tw_error error = {0};
  for (tw_dtype d = 0; d < TW_DTYPE_COUNT; d++) {
    tw_array a;
    assert_ok(tw_array_new(&a, d, TW_SHAPE(2, 3, 4), &error));
    assert_true(tw_array_contiguous(&a));
    assert_int_equal(a.stride[0], 12);
    assert_int_equal(a.stride[1], 4);
    assert_int_equal(a.stride[2], 1);
    for (size_t k = 0; k < 24 * tw_dtype_get(d)->size; k++) assert_int_equal(((char *)a.data)[k], 0);
    tw_array_free(&a);
    assert_null(a.data);
    tw_array_free(&a);
  }
  tw_array scalar, empty;
  assert_ok(tw_array_new(&scalar, TW_F64, TW_SCALAR, &error));
  assert_ok(tw_array_new(&empty, TW_F64, TW_SHAPE(0, 5), &error));
  assert_true(tw_array_contiguous(&scalar) && tw_array_contiguous(&empty));
  tw_array_set(&scalar, NULL, 2.5);
  assert_same_bits(tw_array_get(&scalar, NULL), 2.5);
  assert_int_equal(tw_array_find_nonfinite(&empty), -1);
  tw_array_free(&scalar);
  tw_array_free(&empty);
  tw_array_free(NULL);
}

static void bad_requests_name_the_shape(void **state) {
  (void)state;
  tw_error error;
  tw_array a;
  const int64_t big = INT64_C(1) << 32;
  assert_fails(tw_array_new(&a, TW_F64, TW_SHAPE(2, -3), &error), TW_ERR_SHAPE, "[2, -3]");
  assert_fails(tw_array_new(&a, TW_F64, TW_SHAPE(big, big), &error), TW_ERR_SHAPE,
               "[4294967296, 4294967296]");
  assert_fails(tw_array_new(&a, TW_F64, TW_SHAPE(INT64_MAX), &error), TW_ERR_MEMORY, "f64 array of shape");
  assert_fails(tw_array_new(&a, TW_DTYPE_COUNT, TW_SCALAR, &error), TW_ERR_DTYPE, "dtype");
  assert_fails(tw_array_new(&a, TW_F64, (tw_shape){.rank = 9}, &error), TW_ERR_SHAPE, "rank 9");
  assert_null(a.data);
}

static void set_then_get(void **state) {
  (void)state;
  static const struct {
    tw_dtype dtype;
    double in, out;
  } cases[] = {
      {TW_F64, 0.1, 0.1},
      {TW_F32, 0.1, (double)0.1f},
      {TW_I64, -2.9, -2},
      {TW_I64, 1e300, 0x1p63},
      {TW_I64, -INFINITY, -0x1p63},
      {TW_I32, 3e9, INT32_MAX},
      {TW_I32, -3e9, INT32_MIN},
      {TW_I32, (double)NAN, 0},
      {TW_U8, 255.9, 255},
      {TW_U8, -1, 0},
      {TW_U8, 300, 255},
      {TW_BOOL, 0.5, 1},
      {TW_BOOL, 0, 0},
  };
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    tw_error error = {0};
    tw_array a;
    const int64_t index[] = {1, 2};
    assert_ok(tw_array_new(&a, cases[k].dtype, TW_SHAPE(2, 3), &error));
    tw_array_set(&a, index, cases[k].in);
    assert_same_bits(tw_array_get(&a, index), cases[k].out);
    assert_same_bits(tw_array_get(&a, (const int64_t[]){0, 2}), 0.0);
    tw_array_free(&a);
  }
}

static void transposes(void **state) {
  (void)state;
  double data[24];
  for (int k = 0; k < 24; k++) data[k] = k;
  tw_array a = tw_array_f64(data, TW_SHAPE(2, 3, 4));
  const int perm[] = {2, 0, 1}, inverse[] = {1, 2, 0};
  tw_array t = tw_array_transpose(&a, perm), back = tw_array_transpose(&t, inverse);
  assert_false(tw_array_contiguous(&t));
  for (int64_t i = 0; i < 2; i++)
    for (int64_t j = 0; j < 3; j++)
      for (int64_t k = 0; k < 4; k++)
        assert_same_bits(tw_array_get(&t, (const int64_t[]){k, i, j}),
                         tw_array_get(&a, (const int64_t[]){i, j, k}));
  assert_memory_equal(&back, &a, sizeof a);
}

static void slices(void **state) {
  (void)state;
  double data[12];
  for (int k = 0; k < 12; k++) data[k] = k;
  tw_array a = tw_array_f64(data, TW_SHAPE(3, 4));
  tw_array column = tw_array_slice(&a, 1, 2, 1, 1), backward = tw_array_slice(&a, 1, 3, 2, -2);
  tw_array rows = tw_array_slice(&a, 0, 1, 2, 1), none = tw_array_slice(&a, 0, 3, 0, 1);
  assert_same_bits(tw_array_get(&column, (const int64_t[]){2, 0}), 10.0);
  assert_same_bits(tw_array_get(&backward, (const int64_t[]){1, 0}), 7.0);
  assert_same_bits(tw_array_get(&backward, (const int64_t[]){1, 1}), 5.0);
  assert_true(tw_array_contiguous(&rows) && tw_array_contiguous(&none));
  assert_false(tw_array_contiguous(&column) || tw_array_contiguous(&backward));
  assert_int_equal(tw_shape_size(&none.shape), 0);
  tw_array_set(&rows, (const int64_t[]){0, 0}, -1); /* a view shares its memory */
  assert_same_bits(data[4], -1.0);
}

/* The position is the one in C order of the array as it is seen, whatever its strides. */
static void finds_the_first_nonfinite(void **state) {
  (void)state;
  double data[6] = {0, 1, 2, 3, INFINITY, (double)NAN};
  tw_array a = tw_array_f64(data, TW_SHAPE(2, 3));
  tw_array t = tw_array_transpose(&a, (const int[]){1, 0});
  assert_int_equal(tw_array_find_nonfinite(&a), 4);
  assert_int_equal(tw_array_find_nonfinite(&t), 3);
  float single[3] = {1, 2, -INFINITY};
  tw_array f = tw_array_view(single, TW_F32, TW_SHAPE(3));
  assert_int_equal(tw_array_find_nonfinite(&f), 2);
  single[2] = 0;
  assert_int_equal(tw_array_find_nonfinite(&f), -1);
  int64_t integers[2] = {INT64_MAX, -1};
  tw_array i = tw_array_view(integers, TW_I64, TW_SHAPE(2));
  assert_int_equal(tw_array_find_nonfinite(&i), -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(new_arrays_are_zero_and_contiguous),
      cmocka_unit_test(bad_requests_name_the_shape),
      cmocka_unit_test(set_then_get),
      cmocka_unit_test(transposes),
      cmocka_unit_test(slices),
      cmocka_unit_test(finds_the_first_nonfinite),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
