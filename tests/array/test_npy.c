#include "test.h"

#include <talweg/array.h>

/* An npy file in memory: `header` is the dictionary, `data` the bytes after it. */
static tw_text file_of(int version, const char *header, const void *data, size_t bytes) {
  tw_text text = {0};
  size_t length = strlen(header);
  const char lead[] = {(char)version, 0, (char)(length & 255), (char)(length >> 8), 0, 0};
  tw_text_append(&text, "\x93NUMPY", 6);
  tw_text_append(&text, lead, version == 1 ? 4 : 6);
  tw_text_append(&text, header, length);
  tw_text_append(&text, data, bytes);
  return text;
}

static tw_status parse(int version, const char *header, const void *data, size_t bytes, tw_array *out,
                       tw_error *error) {
  tw_text text = file_of(version, header, data, bytes);
  tw_status status = tw_npy_parse(text.data, text.length, "t.npy", out, error);
  tw_text_free(&text);
  return status;
}

#define HEADER(descr, order, shape)                                                                          \
  "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }\n"

static void every_element_type(void **state) {
  (void)state;
  static const struct {
    const char *header;
    unsigned char data[16];
    size_t bytes;
    tw_dtype dtype;
    double first, second;
  } cases[] = {
      {HEADER("<f8", "False", "(2,)"),
       {0, 0, 0, 0, 0, 0, 0xF8, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0x80},
       16,
       TW_F64,
       1.5,
       -0.0},
      {HEADER(">f8", "False", "(2,)"), {0x3F, 0xF8, 0, 0, 0, 0, 0, 0, 0x80}, 16, TW_F64, 1.5, -0.0},
      {HEADER("<f4", "False", "(2,)"), {0, 0, 0xC0, 0x3F, 0, 0, 0x80, 0xFF}, 8, TW_F32, 1.5, -INFINITY},
      {HEADER(">f4", "False", "(2,)"), {0x3F, 0xC0, 0, 0, 0xFF, 0x80, 0, 0}, 8, TW_F32, 1.5, -INFINITY},
      {HEADER("<f2", "False", "(2,)"), {0, 0x3E, 1, 0x80}, 4, TW_F32, 1.5, -0x1p-24},
      {HEADER(">f2", "False", "(2,)"), {0x7B, 0xFF, 0xFC, 0}, 4, TW_F32, 65504, -INFINITY},
      {HEADER("<i8", "False", "(2,)"),
       {1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255},
       16,
       TW_I64,
       1,
       -1},
      {HEADER(">i4", "False", "(2,)"), {0, 0, 1, 2, 255, 255, 255, 254}, 8, TW_I32, 258, -2},
      {HEADER("<i2", "False", "(2,)"), {1, 2, 255, 127}, 4, TW_I32, 513, 32767},
      {HEADER("|i1", "False", "(2,)"), {127, 128}, 2, TW_I32, 127, -128},
      {HEADER("<u4", "False", "(2,)"), {255, 255, 255, 255, 1}, 8, TW_I64, 4294967295.0, 1},
      {HEADER(">u2", "False", "(2,)"), {255, 255, 0, 1}, 4, TW_I32, 65535, 1},
      {HEADER("|u1", "False", "(2,)"), {255, 1}, 2, TW_U8, 255, 1},
      {HEADER("|b1", "False", "(2,)"), {2, 0}, 2, TW_BOOL, 1, 0},
      {HEADER("=i4", "False", "(2,)"), {5, 0, 0, 0, 6, 0, 0, 0}, 8, TW_I32, 5, 6},
  };
  for (int version = 1; version <= 3; version++) {
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
      tw_error error = {0};
      tw_array a;
      assert_ok(parse(version, cases[k].header, cases[k].data, cases[k].bytes, &a, &error));
      assert_int_equal(a.dtype, cases[k].dtype);
      assert_int_equal(a.shape.rank, 1);
      assert_same_bits(tw_array_get(&a, (const int64_t[]){0}), cases[k].first);
      assert_same_bits(tw_array_get(&a, (const int64_t[]){1}), cases[k].second);
      tw_array_free(&a);
    }
  }
}

/* binary16 by its definition: (-1)^s 2^(e-15) (1 + m / 1024), and 2^-14 m / 1024 when e = 0. */
static void all_half_floats(void **state) {
  (void)state;
  tw_error error = {0};
  static uint16_t half[65536];
  for (int k = 0; k < 65536; k++) half[k] = (uint16_t)k;
  tw_array a;
  assert_ok(parse(1, HEADER("<f2", "False", "(65536,)"), half, sizeof half, &a, &error));
  const float *value = a.data;
  for (int k = 0; k < 65536; k++) {
    int e = k >> 10 & 31, m = k & 1023;
    double expected = e ? ldexp(1 + m / 1024.0, e - 15) : ldexp(m / 1024.0, -14);
    if (e == 31) expected = m ? (double)NAN : INFINITY;
    if (isnan(expected))
      assert_true(isnan(value[k]));
    else
      assert_same_bits((double)value[k], k & 0x8000 ? -expected : expected);
  }
  tw_array_free(&a);
}

static void fortran_order_is_turned(void **state) {
  (void)state;
  tw_error error = {0};
  double data[24];
  for (int64_t i = 0; i < 2; i++)
    for (int64_t j = 0; j < 3; j++)
      for (int64_t k = 0; k < 4; k++) data[i + 2 * j + 6 * k] = (double)(100 * i + 10 * j + k);
  tw_array a;
  assert_ok(parse(1, HEADER("<f8", "True", "(2, 3, 4)"), data, sizeof data, &a, &error));
  assert_true(tw_array_contiguous(&a));
  for (int64_t i = 0; i < 2; i++)
    for (int64_t j = 0; j < 3; j++)
      for (int64_t k = 0; k < 4; k++)
        assert_same_bits(tw_array_get(&a, (const int64_t[]){i, j, k}), (double)(100 * i + 10 * j + k));
  tw_array_free(&a);
}

static void unusual_but_valid_headers(void **state) {
  (void)state;
  static const struct {
    const char *header;
    const char *shape;
  } cases[] = {
      {"{'descr':'<f8','fortran_order':False,'shape':()}", "[]"},
      {"{\"shape\": (1L,), \"descr\": \"<f8\", \"fortran_order\": True}", "[1]"},
      {"  { 'shape' : ( 1 , 1 , ) , 'fortran_order' : True , 'descr' : '<f8' , }   \n", "[1, 1]"},
      {HEADER("<f8", "False", "(1, 1, 1, 1, 1, 1, 1, 1)"), "[1, 1, 1, 1, 1, 1, 1, 1]"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    tw_error error = {0};
    tw_array a;
    char text[TW_SHAPE_TEXT];
    const double value = 0.25;
    assert_ok(parse(1, cases[k].header, &value, sizeof value, &a, &error));
    assert_string_equal(tw_shape_text(&a.shape, text), cases[k].shape);
    assert_same_bits(*(double *)a.data, 0.25);
    tw_array_free(&a);
  }
}

static void malformed_files_say_why(void **state) {
  (void)state;
  static const struct {
    const char *header;
    tw_status status;
    const char *message;
  } cases[] = {
      {HEADER("<f8", "False", "(2,)"), TW_ERR_PARSE,
       "t.npy: shape [2] of 'f8' needs 16 bytes of data, found 8"},
      {HEADER("<f8", "False", "(0,)"), TW_ERR_PARSE, "needs 0 bytes of data, found 8"},
      {HEADER("<f8", "False", "(4611686018427387904,)"), TW_ERR_SHAPE, "too large"},
      {HEADER("<f8", "False", "(1152921504606846976,)"), TW_ERR_PARSE, "needs 9223372036854775808 bytes"},
      {HEADER("<f8", "False", "(4294967296, 4294967296)"), TW_ERR_SHAPE, "too large"},
      {HEADER("<f8", "False", "(99999999999999999999,)"), TW_ERR_SHAPE, "exceeds"},
      {HEADER("<f8", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), TW_ERR_SHAPE, "more than 8 axes"},
      {HEADER("<f8", "False", "(-1,)"), TW_ERR_PARSE, "non-negative extent"},
      {HEADER("<f8", "False", "(1)"), TW_ERR_PARSE, "',' or ')'"},
      {HEADER("<f8", "False", "(1, 1"), TW_ERR_PARSE, "non-negative extent"},
      {HEADER("<f8", "False", "(1, 1 1)"), TW_ERR_PARSE, "',' or ')'"},
      {HEADER("<f8", "False", "(,)"), TW_ERR_PARSE, "non-negative extent"},
      {HEADER("<f8", "False", "1"), TW_ERR_PARSE, "a tuple"},
      {HEADER("<f8", "Maybe", "(1,)"), TW_ERR_PARSE, "True or False"},
      {HEADER("<c16", "False", "(1,)"), TW_ERR_UNSUPPORTED, "dtype 'c16'"},
      {HEADER("<u8", "False", "(1,)"), TW_ERR_UNSUPPORTED, "dtype 'u8'"},
      {HEADER("|O", "False", "(1,)"), TW_ERR_UNSUPPORTED, "dtype 'O'"},
      {HEADER("<U8", "False", "(1,)"), TW_ERR_UNSUPPORTED, "dtype 'U8'"},
      {HEADER("|f8", "False", "(1,)"), TW_ERR_PARSE, "byte order"},
      {HEADER("", "False", "(1,)"), TW_ERR_PARSE, "a dtype"},
      {HEADER("<longer than any", "False", "(1,)"), TW_ERR_PARSE, "a dtype"},
      {"{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (1,)}", TW_ERR_UNSUPPORTED, "structured"},
      {"{'descr': '<f8', 'descr': '<f8', 'shape': (1,)}", TW_ERR_PARSE, "once each"},
      {"{'descr': '<f8', 'shape': (1,)}", TW_ERR_PARSE, "once each"},
      {"{'colour': 1}", TW_ERR_PARSE, "once each"},
      {HEADER("<f8", "False", "(1,)") "x", TW_ERR_PARSE, "nothing after"},
      {"", TW_ERR_PARSE, "'{'"},
      {"{", TW_ERR_PARSE, "key"},
      {"{'descr", TW_ERR_PARSE, "key"},
      {"{'descr': '<f8' 'shape': (1,)}", TW_ERR_PARSE, "',' or '}'"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    tw_error error;
    tw_array a;
    const double value = 1;
    assert_fails(parse(1, cases[k].header, &value, sizeof value, &a, &error), cases[k].status,
                 cases[k].message);
    assert_null(a.data);
  }
}

/* Every prefix of a good file and the file with a byte more are refused. */
static void truncated_and_padded_files_are_refused(void **state) {
  (void)state;
  const double data[] = {1, 2};
  for (int version = 1; version <= 4; version++) {
    tw_text text = file_of(version, HEADER("<f8", "False", "(2,)"), data, sizeof data);
    size_t whole = text.length;
    tw_text_append(&text, "x", 1);
    for (size_t length = 0; length <= whole + 1; length++) {
      tw_error error = {0};
      tw_array a;
      char *copy = malloc(length + (length == 0)); /* exact: a sanitizer sees any read past the end */
      assert_non_null(copy);
      memcpy(copy, text.data, length);
      tw_status status = tw_npy_parse(copy, length, "t.npy", &a, &error);
      free(copy);
      assert_int_equal(status == TW_OK, length == whole && version <= 3);
      if (status != TW_OK) assert_non_null(strstr(error.message, "t.npy: "));
      tw_array_free(&a);
    }
    tw_text_free(&text);
  }
}

static void written_files_read_back(void **state) {
  (void)state;
  char folder[64], path[128];
  test_folder_make(folder);
  test_path(folder, "a.npy", path);
  const tw_shape shapes[] = {TW_SCALAR,         TW_SHAPE(5),    TW_SHAPE(3, 4),
                             TW_SHAPE(2, 3, 4), TW_SHAPE(0, 3), TW_SHAPE(1, 2, 1, 2, 1, 2, 1, 2)};
  for (tw_dtype d = 0; d < TW_DTYPE_COUNT; d++) {
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
      tw_error error = {0};
      tw_array a, b;
      assert_ok(tw_array_new(&a, d, shapes[s], &error));
      size_t bytes = (size_t)tw_shape_size(&a.shape) * tw_dtype_get(d)->size;
      for (size_t k = 0; k < bytes; k++)
        ((unsigned char *)a.data)[k] = (unsigned char)(tw_random_bits(d, k) & (d == TW_BOOL ? 1 : 0x3F));
      assert_ok(tw_npy_write(path, &a, &error));
      assert_ok(tw_npy_read(path, &b, &error));
      assert_true(b.dtype == d && tw_shape_equal(&a.shape, &b.shape));
      assert_memory_equal(a.data, b.data, bytes);
      tw_array_free(&b);
      if (a.shape.rank == 2) { /* a strided view is written as it is seen */
        tw_array t = tw_array_transpose(&a, (const int[]){1, 0});
        assert_ok(tw_npy_write(path, &t, &error));
        assert_ok(tw_npy_read(path, &b, &error));
        assert_true(tw_shape_equal(&t.shape, &b.shape));
        for (int64_t i = 0; i < t.shape.dim[0]; i++)
          for (int64_t j = 0; j < t.shape.dim[1]; j++)
            assert_same_bits(tw_array_get(&b, (const int64_t[]){i, j}),
                             tw_array_get(&t, (const int64_t[]){i, j}));
        tw_array_free(&b);
      }
      tw_array_free(&a);
    }
  }
  assert_int_equal(test_folder_remove(folder), 1);
}

/* The elements start at a multiple of 64 bytes, as the format asks, so that they can be mapped. */
static void data_are_aligned_in_the_file(void **state) {
  (void)state;
  char folder[64], path[128], *data;
  size_t length;
  tw_error error = {0};
  test_folder_make(folder);
  test_path(folder, "a.npy", path);
  double values[] = {1, 2, 3};
  tw_array a = tw_array_f64(values, TW_SHAPE(3));
  assert_ok(tw_npy_write(path, &a, &error));
  assert_ok(tw_file_read(path, 1000, &data, &length, &error));
  assert_int_equal((length - sizeof values) % 64, 0);
  assert_int_equal(data[length - sizeof values - 1], '\n');
  assert_memory_equal(data + length - sizeof values, values, sizeof values);
  free(data);
  test_folder_remove(folder);
}

static void file_errors_name_the_path(void **state) {
  (void)state;
  tw_error error;
  tw_array a;
  double value = 1;
  tw_array scalar = tw_array_f64(&value, TW_SCALAR);
  assert_fails(tw_npy_read("/nowhere/a.npy", &a, &error), TW_ERR_IO, "/nowhere/a.npy: No such file");
  assert_fails(tw_npy_write("/nowhere/a.npy", &scalar, &error), TW_ERR_IO, "/nowhere/a.npy: No such file");
  assert_fails(tw_npy_write("/dev/full", &scalar, &error), TW_ERR_IO, "No space left");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_element_type),        cmocka_unit_test(all_half_floats),
      cmocka_unit_test(fortran_order_is_turned),   cmocka_unit_test(unusual_but_valid_headers),
      cmocka_unit_test(malformed_files_say_why),   cmocka_unit_test(truncated_and_padded_files_are_refused),
      cmocka_unit_test(written_files_read_back),   cmocka_unit_test(data_are_aligned_in_the_file),
      cmocka_unit_test(file_errors_name_the_path),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
