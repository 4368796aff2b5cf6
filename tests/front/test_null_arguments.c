/* Public functions of front/ without what they need: a status and a message, or a neutral answer. */
#include "test.h"

#include <talweg/front.h>

#include "null_arguments.h"

static void refused(void **state) {
  (void)state;
  tw_error error;
  REFUSED(tw_history_write(NULL, NULL, NULL, &error));
  REFUSED(tw_solution_new(NULL, NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_solution_price(NULL, NULL, &error));
  REFUSED(tw_solution_differentiate(NULL, NULL, &error));
  REFUSED(tw_plot_check(NULL, &error));
  REFUSED(tw_plot_write(NULL, NULL, &error));
}

static void neutral(void **state) {
  (void)state;
  (void)tw_command_on(0, NULL, NULL);
  (void)tw_command(0, NULL, NULL, NULL);
  tw_history_add(NULL, NULL, false);
  tw_history_free(NULL);
  (void)tw_coordinate_name(NULL, 0, NULL);
  tw_solution_free(NULL);
  tw_evidence_merge(NULL, NULL);
  (void)tw_solution_evidence(NULL);
  tw_json_array(NULL, NULL);
  tw_solution_json(NULL, NULL, NULL);
  tw_solution_text(NULL, NULL, NULL, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(refused), cmocka_unit_test(neutral)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
