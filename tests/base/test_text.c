#include "test.h"

static void appends(void **state) {
  (void)state;
  tw_text text = {0};
  char expected[4096] = "";
  for (int i = 0; i < 300; i++) {
    tw_text_printf(&text, "%d,", i);
    sprintf(expected + strlen(expected), "%d,", i);
    assert_string_equal(text.data, expected);
  }
  tw_text_append(&text, "a\0b", 3);
  assert_int_equal(text.length, strlen(expected) + 3);
  assert_memory_equal(text.data + text.length - 3, "a\0b", 4);
  tw_text_clear(&text);
  assert_string_equal(text.data, "");
  tw_text_puts(&text, "again");
  assert_string_equal(text.data, "again");
  tw_text_free(&text);
  assert_null(text.data);
  tw_text_free(&text);
}

static void too_long_sets_failed(void **state) {
  (void)state;
  tw_text text = {0};
  tw_text_puts(&text, "kept");
  tw_text_append(&text, "", SIZE_MAX - 2);
  assert_true(text.failed);
  tw_text_puts(&text, " dropped");
  assert_string_equal(text.data, "kept");
  tw_text_free(&text);
}

static void json_strings(void **state) {
  (void)state;
  static const struct {
    const char *in, *out;
  } cases[] = {
      {"", "\"\""},
      {"plain", "\"plain\""},
      {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
      {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
      {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
      {"bfnrt", "\"bfnrt\""},
      {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""},
      {"a\xFFz", "\"a\xEF\xBF\xBDz\""},                             /* never a byte of UTF-8 */
      {"\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                 /* overlong */
      {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}, /* a surrogate */
      {"\xE2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},                 /* cut short */
      {"\xF5\x80\x80\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
  };
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    tw_text text = {0};
    tw_text_json_string(&text, cases[k].in);
    assert_string_equal(text.data, cases[k].out);
    tw_text_free(&text);
  }
}

static void json_numbers(void **state) {
  (void)state;
  tw_text text = {0};
  const double values[] = {1.5, INFINITY, -INFINITY, (double)NAN, -0.0};
  for (size_t k = 0; k < 5; k++) {
    tw_text_json_number(&text, values[k]);
    tw_text_puts(&text, " ");
  }
  assert_string_equal(text.data, "1.5 null null null -0 ");
  tw_text_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(appends),
      cmocka_unit_test(too_long_sets_failed),
      cmocka_unit_test(json_strings),
      cmocka_unit_test(json_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
