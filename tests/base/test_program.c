/* Other programs: how they end, their time limit, being stopped, and that what they started goes with them. */
#include "test.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

static char shell[512];

static tw_status run(const char *script, double seconds, const volatile int *stop, tw_error *error) {
  *error = (tw_error){0};
  return tw_program_run((const char *const[]){shell, "-c", script, NULL}, seconds, stop, error);
}

static void ends(void **state) {
  (void)state;
  tw_error error;
  assert_int_equal(run("exit 0", 60, NULL, &error), TW_OK);
  assert_int_equal(run("exit 3", 60, NULL, &error), TW_ERR_IO);
  assert_non_null(strstr(error.message, "status 3"));
  assert_int_equal(run("kill -9 $$", 60, NULL, &error), TW_ERR_IO);
  const char *const nowhere[] = {"/no/such/program", NULL};
  assert_int_equal(tw_program_run(nowhere, 60, NULL, &error), TW_ERR_IO);
  char path[64];
  assert_int_equal(tw_program_find("no-such-program", path, sizeof path, &error), TW_ERR_NAME);
}

/* The process whose number is in the file is gone, or about to be. */
static void assert_gone(const char *path) {
  char *text;
  size_t length;
  tw_error error = {0};
  assert_int_equal(tw_file_read(path, 64, &text, &length, &error), TW_OK);
  const pid_t child = (pid_t)strtol(text, NULL, 10);
  free(text);
  assert_true(child > 1);
  const struct timespec nap = {0, 10000000};
  for (int k = 0; k < 1000 && kill(child, 0) == 0; k++) nanosleep(&nap, NULL);
  assert_int_not_equal(kill(child, 0), 0);
}

static void is_ended(void **state) {
  (void)state;
  tw_error error;
  char folder[256], path[300], script[400];
  assert_int_equal(tw_temporary_folder(folder, sizeof folder, &error), TW_OK);
  snprintf(path, sizeof path, "%s/child", folder);
  snprintf(script, sizeof script, "sleep 1000 & echo $! > %s; wait", path);
  assert_int_equal(run(script, 0.5, NULL, &error), TW_ERR_LIMIT);
  assert_gone(path);
  const volatile int stop = 1;
  assert_int_equal(run("sleep 1000", 1000, &stop, &error), TW_ERR_INTERRUPT);
  unlink(path);
  rmdir(folder);
}

static int setup(void **state) {
  (void)state;
  return tw_program_find("sh", shell, sizeof shell, NULL) == TW_OK ? 0 : -1;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(ends), cmocka_unit_test(is_ended)};
  return cmocka_run_group_tests(tests, setup, NULL);
}
