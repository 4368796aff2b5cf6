/* The default method for constrained problems is the same from the problem and from its oracle, and ipm only where its matrices can be
 * held. */
#include "test.h"

#include "method/driver.h"

static void check(int64_t n, bool dense, const char *expected) {
  tw_error error;
  tw_graph *g = tw_graph_new();
  tw_problem *p = tw_problem_new(g);
  tw_class cls;
  tw_oracle oracle;
  const tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(n)), squares = tw_sum(tw_square(x), TW_ALL, false);
  const tw_expr f = dense ? tw_logsumexp(x, TW_ALL, false) : tw_sum(tw_exp(x), TW_ALL, false);
  tw_problem_minimize(p, NULL, f);
  tw_problem_subject(p, "ball", squares, TW_NONE, tw_scalar(g, 1));
  assert_ok(tw_classify(p, &cls, &error));
  assert_ok(tw_oracle_from_problem(&oracle, p, &cls, &error));
  assert_string_equal(tw_method_choose(p, &cls, NULL, 0), expected);
  assert_string_equal(tw_method_choose_for_oracle(&oracle), expected);
  tw_oracle_release(&oracle);
  tw_problem_free(p);
  tw_graph_free(g);
}

static void large_dense_problems_are_not_for_ipm(void **state) {
  (void)state;
  check(100, true, "ipm");
  check(100, false, "ipm");
  check(12000, true, "auglag");
  check(8000, false, "ipm");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(large_dense_problems_are_not_for_ipm)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
