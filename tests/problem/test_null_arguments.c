/* Public functions of problem/ without what they need: a status and a message, or a neutral answer. */
#include "test.h"

#include <talweg/problem.h>

#include "null_arguments.h"

static void refused(void **state) {
  (void)state;
  tw_error error;
  REFUSED(tw_problem_set_parameter(NULL, NULL, NULL, &error));
  REFUSED(tw_classify(NULL, NULL, &error));
  REFUSED(tw_conic_exists(NULL, NULL, &error));
  REFUSED(tw_oracle_from_problem(NULL, NULL, NULL, &error));
  REFUSED(tw_oracle_describe(NULL, 0, NULL, NULL, &error));
  REFUSED(tw_oracle_parameters(NULL, NULL, &error));
  REFUSED(tw_oracle_clone(NULL, NULL, &error));
  REFUSED(tw_oracle_quadratic(NULL, NULL, &error));
  REFUSED(tw_oracle_storage(NULL, (tw_matrix){0}, NULL, NULL, &error));
  REFUSED(tw_oracle_complete(NULL, &error));
  REFUSED(tw_oracle_from_conic(NULL, NULL, &error));
  REFUSED(tw_oracle_check(NULL, NULL, NULL, NULL, 0, &error));
  REFUSED(tw_problem_source(NULL, NULL, NULL, &error));
}

static void neutral(void **state) {
  (void)state;
  (void)tw_problem_new(NULL);
  tw_problem_free(NULL);
  (void)tw_problem_graph(NULL);
  (void)tw_problem_variable(NULL, NULL, (tw_shape){0});
  tw_problem_bounds(NULL, TW_NONE, TW_NONE, TW_NONE);
  tw_problem_domain(NULL, TW_NONE, (tw_domain){0});
  tw_problem_kind(NULL, TW_NONE, (tw_var_kind){0});
  tw_problem_kinds(NULL, TW_NONE, NULL);
  tw_problem_start(NULL, TW_NONE, TW_NONE);
  (void)tw_problem_parameter(NULL, NULL, NULL);
  tw_problem_minimize(NULL, NULL, TW_NONE);
  tw_problem_maximize(NULL, NULL, TW_NONE);
  tw_problem_subject(NULL, NULL, TW_NONE, TW_NONE, TW_NONE);
  tw_problem_root(NULL);
  tw_problem_fixpoint(NULL, TW_NONE, TW_NONE);
  tw_problem_report(NULL, NULL, TW_NONE);
  (void)tw_problem_goal(NULL);
  (void)tw_problem_objective_name(NULL);
  (void)tw_problem_objective(NULL);
  (void)tw_problem_variables(NULL);
  (void)tw_problem_variable_at(NULL, 0);
  (void)tw_problem_parameters(NULL);
  (void)tw_problem_parameter_at(NULL, 0);
  (void)tw_problem_constraints(NULL);
  (void)tw_problem_constraint_at(NULL, 0);
  (void)tw_problem_map(NULL, 0);
  (void)tw_problem_set(NULL, 0);
  (void)tw_problem_size(NULL);
  (void)tw_problem_rows(NULL);
  (void)tw_problem_reports(NULL);
  (void)tw_problem_report_name(NULL, 0);
  (void)tw_problem_report_expr(NULL, 0);
  (void)tw_degree_in(TW_NONE, 0, NULL);
  (void)tw_curvature_in(TW_NONE, 0, NULL);
  tw_conic_free(NULL);
  tw_oracle_release(NULL);
}

static void no_problem(void **state) {
  (void)state;
  assert_int_equal(tw_problem_variables(NULL), 0);
  assert_int_equal(tw_problem_size(NULL), 0);
  assert_int_equal(tw_problem_goal(NULL), TW_GOAL_NONE);
  assert_null(tw_problem_variable_at(NULL, 0));
  assert_true(tw_is_none(tw_problem_objective(NULL)));
  assert_string_equal(tw_problem_objective_name(NULL), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_problem),
                                     cmocka_unit_test(refused), cmocka_unit_test(neutral)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
