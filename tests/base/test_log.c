#include "test.h"

static char last[TW_MESSAGE_MAX];
static int count;

static void keep(void *context, tw_level level, const char *message) {
  assert_ptr_equal(context, last);
  assert_true(level <= TW_LOG_INFO);
  strcpy(last, message);
  count++;
}

static void messages_above_the_level_are_dropped(void **state) {
  (void)state;
  const tw_logger log = {keep, last, TW_LOG_INFO};
  for (int level = TW_LOG_ERROR; level <= TW_LOG_DEBUG; level++)
    tw_log_write(&log, (tw_level)level, "level %d", level);
  assert_int_equal(count, 3);
  assert_string_equal(last, "level 2");
  tw_log_write(&(tw_logger){0}, TW_LOG_ERROR, "dropped");
  tw_log_write(NULL, TW_LOG_ERROR, "dropped");
  assert_int_equal(count, 3);
}

static void clock_never_goes_back(void **state) {
  (void)state;
  double before = tw_now();
  for (int i = 0; i < 1000; i++) {
    double now = tw_now();
    assert_true(now >= before);
    before = now;
  }
}

static void cpu_features_imply_one_another(void **state) {
  (void)state;
  tw_cpu cpu = tw_cpu_features();
  if (cpu.avx512) assert_true(cpu.avx2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_above_the_level_are_dropped),
      cmocka_unit_test(clock_never_goes_back),
      cmocka_unit_test(cpu_features_imply_one_another),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
