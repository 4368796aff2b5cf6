/* Public functions of implicit/ without what they need: a status and a message, or a neutral answer. */
#include "test.h"

#include <talweg/implicit.h>

#include "null_arguments.h"

static void refused(void **state) {
  (void)state;
  tw_error error;
  REFUSED(tw_root_jvp(NULL, NULL, NULL, NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_root_vjp(NULL, NULL, NULL, NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_sensitivity(NULL, NULL, NULL, NULL, NULL, NULL, &error));
}

static void neutral(void **state) {
  (void)state;
  (void)tw_nested_close(NULL, NULL, NULL);
  (void)tw_argmin(NULL);
  (void)tw_nested_variable(TW_NONE, NULL, 0);
  (void)tw_nested_variables(NULL);
  (void)tw_nested_variable_name(NULL, 0);
  (void)tw_optimal_value(NULL);
  (void)tw_op_is_nested(NULL);
  (void)tw_custom_root(NULL);
  (void)tw_custom_fixed_point(NULL);
  (void)tw_condition_name((tw_condition_kind){0});
  (void)tw_condition_of((tw_condition_kind){0}, NULL, NULL);
  (void)tw_implicit_solve(NULL, NULL, 0, NULL, TW_NONE, TW_NONE, false);
  tw_work_evidence(NULL, NULL);
  tw_oracle_evidence(NULL, NULL);
}

/* A result that was never filled, which is what a solve that failed leaves behind. */
static void sensitivity_without_a_result(void **state) {
  (void)state;
  tw_error error = {0};
  tw_graph *graph = tw_graph_new();
  tw_problem *p = tw_problem_new(graph);
  const double one = 1;
  const tw_array value = tw_array_f64((double *)(uintptr_t)&one, TW_SCALAR);
  const tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(2)), t = tw_problem_parameter(p, "t", &value);
  tw_problem_minimize(p, NULL, tw_sum(tw_square(tw_sub(x, t)), TW_ALL, false));
  double df = 0, dx[2] = {0};
  tw_result none = {0}, other = {.x = dx, .n = 5};
  REFUSED(tw_sensitivity(p, &none, "t", &df, dx, NULL, &error));
  REFUSED(tw_sensitivity(p, &other, "t", &df, dx, NULL, &error));
  tw_result result = {0};
  assert_ok(tw_solve_problem(p, NULL, &result, &error));
  REFUSED(tw_sensitivity(p, &result, NULL, &df, dx, NULL, &error));
  REFUSED(tw_sensitivity(NULL, &result, "t", &df, dx, NULL, &error));
  REFUSED(tw_sensitivity(p, NULL, "t", &df, dx, NULL, &error));
  REFUSED(tw_sensitivity(p, &result, "t", NULL, dx, NULL, &error));
  assert_ok(tw_sensitivity(p, &result, "t", &df, dx, NULL, &error));
  assert_close(dx[0], 1, 1e-9);
  tw_result_free(&result);
  tw_problem_free(p);
  tw_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(sensitivity_without_a_result),
                                     cmocka_unit_test(refused), cmocka_unit_test(neutral)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
