/* Public functions of method/ without what they need: a status and a message, or a neutral answer. */
#include "test.h"

#include <talweg/method.h>

#include "null_arguments.h"

static void refused(void **state) {
  (void)state;
  tw_error error;
  REFUSED(tw_reduced_costs(NULL, NULL, NULL, &error));
  REFUSED(tw_minimize(NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_solve_problem(NULL, NULL, NULL, &error));
  REFUSED(tw_solver_new(NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_solver_result(NULL, NULL, &error));
  REFUSED(tw_solver_save(NULL, NULL, &error));
  REFUSED(tw_solver_load(NULL, NULL, &error));
  REFUSED(tw_solver_restart(NULL, &error));
  REFUSED(tw_solver_again(NULL, NULL, NULL, &error));
  REFUSED(tw_solver_new_with(NULL, NULL, NULL, NULL, NULL, &error));
}

static void neutral(void **state) {
  (void)state;
  (void)tw_outcome_name((tw_outcome){0});
  tw_result_free(NULL);
  (void)tw_has_reduced_costs(NULL);
  (void)tw_solver_step(NULL);
  tw_solver_progress(NULL, NULL);
  tw_solver_free(NULL);
  (void)tw_method_find(NULL);
  (void)tw_method_choose(NULL, NULL, NULL, 0);
}

/* A solver that could not be made. */
static void no_solver(void **state) {
  (void)state;
  tw_error error = {0};
  tw_progress progress;
  tw_result result;
  assert_int_equal(tw_solver_step(NULL), TW_FAILED);
  tw_solver_progress(NULL, &progress);
  assert_string_equal(progress.method, "");
  assert_null(progress.x);
  assert_int_equal(progress.n, 0);
  REFUSED(tw_solver_result(NULL, &result, &error));
  REFUSED(tw_solver_save(NULL, "/tmp/never", &error));
  REFUSED(tw_solver_load(NULL, "/tmp/never", &error));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_solver),
                                     cmocka_unit_test(refused), cmocka_unit_test(neutral)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
