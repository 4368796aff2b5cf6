#include "test.h"

static void names_are_distinct(void **state) {
  (void)state;
  for (int a = 0; a < TW_STATUS_COUNT; a++)
    for (int b = 0; b < a; b++)
      assert_string_not_equal(tw_status_name((tw_status)a), tw_status_name((tw_status)b));
  assert_string_equal(tw_status_name((tw_status)TW_STATUS_COUNT), "unknown status");
  assert_string_equal(tw_status_name((tw_status)-1), "unknown status");
}

static void fail_fills_the_record(void **state) {
  (void)state;
  tw_error error = {0};
  assert_int_equal(tw_fail(&error, TW_ERR_SHAPE, "%s has %d rows", "X", 3), TW_ERR_SHAPE);
  assert_int_equal(error.status, TW_ERR_SHAPE);
  assert_string_equal(error.message, "X has 3 rows");
  assert_int_equal(tw_fail(NULL, TW_ERR_IO, "nobody listens"), TW_ERR_IO);
}

static void arguments_may_alias_the_message(void **state) {
  (void)state;
  tw_error error = {TW_ERR_NAME, "inner"};
  tw_fail(&error, TW_ERR_DATA, "outer (%s)", error.message);
  assert_string_equal(error.message, "outer (inner)");
}

static void prefix_goes_in_front(void **state) {
  (void)state;
  tw_error error = {TW_ERR_NAME, "no column \"ag\""};
  assert_int_equal(tw_error_prefix(&error, "line %d", 7), TW_ERR_NAME);
  assert_string_equal(error.message, "line 7: no column \"ag\"");
  assert_int_equal(tw_error_prefix(NULL, "x"), TW_OK);
}

static void long_messages_are_cut_not_overrun(void **state) {
  (void)state;
  char word[2 * TW_MESSAGE_MAX];
  memset(word, 'w', sizeof word - 1);
  word[sizeof word - 1] = '\0';
  tw_error error = {0};
  tw_fail(&error, TW_ERR_DATA, "%s", word);
  assert_int_equal(strlen(error.message), TW_MESSAGE_MAX - 1);
  tw_error_prefix(&error, "context");
  assert_int_equal(strlen(error.message), TW_MESSAGE_MAX - 1);
  assert_memory_equal(error.message, "context: www", 12);
  tw_error_prefix(&error, "%s", word);
  assert_int_equal(strlen(error.message), TW_MESSAGE_MAX - 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names_are_distinct),
      cmocka_unit_test(fail_fills_the_record),
      cmocka_unit_test(arguments_may_alias_the_message),
      cmocka_unit_test(prefix_goes_in_front),
      cmocka_unit_test(long_messages_are_cut_not_overrun),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
