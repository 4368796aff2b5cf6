/* A part of the program in a copy of the process: what it writes comes back, what it breaks does not. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

typedef struct exchange {
  double *shared;
  double own;
  char lines[256];
  bool patient;
} exchange;

static void take_line(void *context, const char *line) {
  exchange *e = context;
  strncat(e->lines, line, sizeof e->lines - strlen(e->lines) - 2);
  strcat(e->lines, "|");
}

static bool go_on(void *context) {
  return ((exchange *)context)->patient;
}

static void compute(void *context) {
  exchange *e = context;
  *e->shared = 42;
  e->own = 7;
  printf("one\n\ntwo");
  fprintf(stderr, "\nthree\n");
}

static void crash(void *context) {
  (void)context;
  signal(SIGABRT, SIG_DFL);
  raise(SIGABRT);
}

static void wait_long(void *context) {
  *((exchange *)context)->shared = 1;
  const struct timespec nap = {60, 0};
  nanosleep(&nap, NULL);
  *((exchange *)context)->shared = 2;
}

static tw_error error;

static exchange make(void) {
  exchange e = {.shared = tw_shared_alloc(sizeof(double)), .patient = true};
  assert_non_null(e.shared);
  return e;
}

static void results_and_lines_come_back(void **state) {
  (void)state;
  exchange e = make();
  bool stopped = true;
  const tw_apart a = {.task = compute, .line = take_line, .go_on = go_on, .context = &e};
  assert_ok(tw_run_apart(&a, &stopped, &error));
  assert_false(stopped);
  assert_true(*e.shared == 42);
  assert_true(e.own == 0);
  assert_non_null(strstr(e.lines, "one|"));
  assert_non_null(strstr(e.lines, "three|"));
  tw_shared_free(e.shared, sizeof(double));
}

static void a_crash_is_an_error(void **state) {
  (void)state;
  exchange e = make();
  bool stopped;
  const tw_apart a = {.task = crash, .context = &e};
  assert_fails(tw_run_apart(&a, &stopped, &error), TW_ERR_NUMERIC, "signal 6");
  tw_shared_free(e.shared, sizeof(double));
}

static void it_is_stopped(void **state) {
  (void)state;
  exchange e = make();
  e.patient = false;
  bool stopped = false;
  const tw_apart a = {.task = wait_long, .go_on = go_on, .context = &e, .grace = 0};
  assert_ok(tw_run_apart(&a, &stopped, &error));
  assert_true(stopped);
  assert_true(*e.shared < 2);
  tw_shared_free(e.shared, sizeof(double));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(results_and_lines_come_back), cmocka_unit_test(a_crash_is_an_error),
                                     cmocka_unit_test(it_is_stopped)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
