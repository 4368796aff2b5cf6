/* Integer programs of the literature by every method for them. */
#include "command.h"

/* Optima as CBC 2.10.8 and GLPK 5.0 report them. */
static void files_of_others(void **state) {
  (void)state;
  static const struct {
    const char *file, *method;
    double optimum;
  } cases[] = {{"small_mip", "cbc", 3.236842105263157},
               {"egout", "cbc", 568.1007},
               {"flugpl", "cbc", 1201500},
               {"lseu", "cbc", 1120},
               {"bell5", "cbc", 8966406.49152},
               {"small_mip", "branch_and_bound", 3.236842105263157},
               {"egout", "branch_and_bound", 568.1007},
               {"flugpl", "branch_and_bound", 1201500},
               {"lseu", "branch_and_bound", 1120}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    if (strcmp(cases[k].method, "cbc") == 0 && !has_method("cbc")) continue;
    char words[256];
    snprintf(words, sizeof words, "solve tests/data/mps/%s.mps --quiet --method %s", cases[k].file, cases[k].method);
    json_t *object = run_json(0, words);
    assert_close(find_number(object, "objective"), cases[k].optimum, 1e-7);
    assert_close(find_number(object, "bound"), cases[k].optimum, 1e-7);
    assert_true(find_number(object, "gap") <= 1e-7);
    assert_true(find_number(object, "optimality.feasibility") <= 1e-6);
    json_decref(object);
  }
}

static void infeasible_is_named(void **state) {
  (void)state;
  json_t *object = run_json(3, "solve tests/data/mps/infeasible-mip0.mps --quiet --method branch_and_bound");
  assert_string_equal(find_string(object, "status"), "infeasible");
  json_decref(object);
  if (!has_method("cbc")) skip();
  object = run_json(3, "solve tests/data/mps/infeasible-mip0.mps --quiet");
  assert_string_equal(find_string(object, "status"), "infeasible");
  assert_true(json_is_null(find_value(object, "gap")));
  json_decref(object);
  object = run_json(3, "solve tests/data/mps/klein1.mps --quiet --method cbc");
  assert_non_null(strstr(find_string(object, "message"), "Farkas"));
  json_decref(object);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(files_of_others), cmocka_unit_test(infeasible_is_named)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
