#include "test.h"

#include <talweg/array.h>

/* Parses an exact heap copy without terminator, so that a sanitizer sees any overrun. */
static tw_status parse(const char *text, const char *columns, tw_array *out, tw_error *error) {
  size_t length = strlen(text);
  char *copy = malloc(length + (length == 0));
  assert_non_null(copy);
  memcpy(copy, text, length);
  tw_status status = tw_csv_parse(copy, length, "t.csv", columns, out, error);
  free(copy);
  return status;
}

static void accepted_texts(void **state) {
  (void)state;
  static const struct {
    const char *text, *columns, *shape;
    double first, last;
  } cases[] = {
      {"a,b\n1,2\n3,4\n", NULL, "[2, 2]", 1, 4},
      {"a,b\n1,2\n3,4", NULL, "[2, 2]", 1, 4},
      {"a,b\r\n1,2\r\n3,4\r\n", NULL, "[2, 2]", 1, 4},
      {"\xEF\xBB\xBF"
       "a,b\n1,2\n",
       "a", "[1]", 1, 1},
      {"a,b\n1,2\n\n\r\n\n", NULL, "[1, 2]", 1, 2},
      {"a\n1\n", NULL, "[1, 1]", 1, 1},
      {"a,b\n", NULL, "[0, 2]", 0, 0},
      {"a,b\n", "b", "[0]", 0, 0},
      {"a,b,c\n1,2,3\n4,5,6\n", "b", "[2]", 2, 5},
      {"a,b,c\n1,2,3\n4,5,6\n", "b..c", "[2, 2]", 2, 6},
      {"a,b,c\n1,2,3\n4,5,6\n", "a..a", "[2, 1]", 1, 4},
      {"a,b,c\n1,2,3\n4,5,6\n", "c,a", "[2, 2]", 3, 4},
      {"a,b,c\n1,2,3\n4,5,6\n", " c , a..b, c ", "[2, 4]", 3, 6},
      {"a,b,c\n1,x,\n4,\"text, with \"\"quotes\"\"\nand a line\",6\n", "a", "[2]", 1, 4},
      {"\"a \"\"q\"\"\",\"b,c\"\n\"1\",\" 2 \"\n", "a \"q\"", "[1]", 1, 1},
      {"a, b ,\tc\n 1 ,\t-2.5e1, +3\n", "a..c", "[1, 3]", 1, 3},
      {"x..y,z\n1,2\n", "x..y", "[1]", 1, 1},
      {"a,b\n1e308,-.5\n", NULL, "[1, 2]", 1e308, -0.5},
      {"a,a,b\n1,2,3\n", "b", "[1]", 3, 3},
  };
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    tw_error error = {0};
    tw_array a;
    char shape[TW_SHAPE_TEXT];
    assert_ok(parse(cases[k].text, cases[k].columns, &a, &error));
    assert_string_equal(tw_shape_text(&a.shape, shape), cases[k].shape);
    int64_t count = tw_shape_size(&a.shape);
    if (count > 0) {
      assert_same_bits(((double *)a.data)[0], cases[k].first);
      assert_same_bits(((double *)a.data)[count - 1], cases[k].last);
    }
    tw_array_free(&a);
  }
}

static void refused_texts_name_row_and_column(void **state) {
  (void)state;
  static const struct {
    const char *text, *columns;
    tw_status status;
    const char *message;
  } cases[] = {
      {"", NULL, TW_ERR_PARSE, "t.csv: empty: expected a row of names"},
      {"\n\r\n", NULL, TW_ERR_PARSE, "t.csv: empty"},
      {"age,bmi\n1,2\n3,abc\n", NULL, TW_ERR_PARSE,
       "t.csv: row 3, column \"bmi\": expected a number, found \"abc\""},
      {"age,bmi\n1,\n", NULL, TW_ERR_DATA, "t.csv: row 2, column \"bmi\": missing value"},
      {"age,bmi\n1,\" \"\n", NULL, TW_ERR_DATA, "missing value"},
      {"age,bmi\nNaN,1\n", NULL, TW_ERR_DATA,
       "row 2, column \"age\": expected a finite number, found \"NaN\""},
      {"age,bmi\n1,-inf\n", NULL, TW_ERR_DATA, "found \"-inf\""},
      {"age,bmi\n1,1e999\n", NULL, TW_ERR_DATA, "found \"1e999\""},
      {"age,bmi\n1,0x10\n", NULL, TW_ERR_PARSE, "found \"0x10\""},
      {"age,bmi\n1,1 2\n", NULL, TW_ERR_PARSE, "found \"1 2\""},
      {"age,bmi\n1,2;3\n", NULL, TW_ERR_PARSE, "found \"2;3\""},
      {"a,b\n1,\x01\x1b[31m\n", NULL, TW_ERR_PARSE, "found \"??[31m\""},
      {"a,b\n1,0123456789012345678901234567890123456789xyz\n", NULL, TW_ERR_PARSE, "0123456789...\""},
      {"a,b\n1\n", NULL, TW_ERR_PARSE, "t.csv: row 2: expected 2 cells, found 1"},
      {"a,b\n1,2,3,4\n", NULL, TW_ERR_PARSE, "row 2: expected 2 cells, found more than 2"},
      {"a,b\n1,2,\n", NULL, TW_ERR_PARSE, "found more than 2"},
      {"a,b\n1,2\n\n3,4\n", NULL, TW_ERR_DATA, "row 3, column \"a\": missing value"},
      {"a,b\nx,2\n3\n", "b", TW_ERR_PARSE, "row 3: expected 2 cells, found 1"},
      {"a\n\n1\n", NULL, TW_ERR_DATA, "row 2, column \"a\": missing value"},
      {"a,b\n1,\"2\n", NULL, TW_ERR_PARSE, "row 2, cell 2: a quote that is never closed"},
      {"a,b\n1,\"2\"x\n", NULL, TW_ERR_PARSE, "row 2, cell 2: expected a comma"},
      {"a,b\n1,2\"x\n", NULL, TW_ERR_PARSE, "row 2, cell 2: a quote inside"},
      {"\"a,b\n1,2\n", NULL, TW_ERR_PARSE, "row 1, cell 1: a quote that is never closed"},
      {"a,b\r1,2\r", "a", TW_ERR_PARSE, "row 1, cell 2: a carriage return without a line feed"},
      {"a,b\n1,2\n", "c", TW_ERR_NAME, "t.csv: no column \"c\""},
      {"a,b\n1,2\n", "", TW_ERR_NAME, "no column \"\""},
      {"a,b\n1,2\n", "a,", TW_ERR_NAME, "no column \"\""},
      {"a,b\n1,2\n", "a..z", TW_ERR_NAME, "no column \"z\""},
      {"a,b\n1,2\n", "..", TW_ERR_NAME, "no column \"\""},
      {"a,b\n1,2\n", "b..a", TW_ERR_NAME, "column \"b\" comes after \"a\""},
      {"a,a\n1,2\n", "a", TW_ERR_NAME, "more than one column is called \"a\""},
  };
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    tw_error error;
    tw_array a;
    assert_fails(parse(cases[k].text, cases[k].columns, &a, &error), cases[k].status, cases[k].message);
    assert_null(a.data);
  }
}

/* A random matrix written with shortest decimals, plain or quoted, comes back bit for bit. */
static void written_numbers_read_back(void **state) {
  (void)state;
  enum { ROWS = 200, COLUMNS = 7 };
  double x[ROWS * COLUMNS];
  tw_text text = {0};
  tw_random_normal_fill(1, 0, ROWS * COLUMNS, x);
  for (int c = 0; c < COLUMNS; c++) tw_text_printf(&text, "%sx%d", c ? "," : "", c);
  tw_text_puts(&text, "\r\n");
  for (int k = 0; k < ROWS * COLUMNS; k++) {
    const char *quote = tw_random_bits(2, (uint64_t)k) % 3 == 0 ? "\"" : "";
    x[k] = ldexp(x[k], (int)tw_random_integer(3, (uint64_t)k, -900, 900));
    tw_text_puts(&text, quote);
    tw_text_number(&text, x[k]);
    tw_text_puts(&text, quote);
    tw_text_puts(&text, k % COLUMNS < COLUMNS - 1 ? "," : "\n");
  }
  tw_error error = {0};
  tw_array a;
  assert_ok(parse(text.data, NULL, &a, &error));
  assert_int_equal(a.shape.dim[0], ROWS);
  assert_int_equal(a.shape.dim[1], COLUMNS);
  assert_memory_equal(a.data, x, sizeof x);
  tw_array_free(&a);
  tw_text_free(&text);
}

static void reads_the_diabetes_data(void **state) {
  (void)state;
  tw_error error = {0};
  tw_array x, y;
  const char *path = TALWEG_SOURCE_DIR "/examples/data/diabetes.csv";
  assert_ok(tw_csv_read(path, "age..s6", &x, &error));
  assert_ok(tw_csv_read(path, "target", &y, &error));
  assert_int_equal(x.shape.rank, 2);
  assert_int_equal(x.shape.dim[0], 442);
  assert_int_equal(x.shape.dim[1], 10);
  assert_int_equal(y.shape.rank, 1);
  assert_int_equal(y.shape.dim[0], 442);
  assert_close(tw_vec_sum(y.data, 442) / 442, 152.13348416289594, 1e-14); /* the published mean */
  tw_array_free(&x);
  tw_array_free(&y);
  assert_fails(tw_csv_read("/nowhere/a.csv", NULL, &x, &error), TW_ERR_IO, "/nowhere/a.csv: No such file");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepted_texts),
      cmocka_unit_test(refused_texts_name_row_and_column),
      cmocka_unit_test(written_numbers_read_back),
      cmocka_unit_test(reads_the_diabetes_data),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
