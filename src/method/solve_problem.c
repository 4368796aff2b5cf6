/* Classify, choose, compile and run. */
#include "method/driver.h"

tw_status tw_solve_problem(const tw_problem *p, const tw_solve_options *options, tw_result *result,
                           tw_error *error) {
  if (result == NULL) return tw_fail(error, TW_ERR_ARGUMENT, "result is NULL");
  *result = (tw_result){0};
  if (p == NULL) return tw_fail(error, TW_ERR_ARGUMENT, "problem is NULL");
  tw_class cls;
  tw_solve_options chosen = options != NULL ? *options : (tw_solve_options){0};
  tw_status status = chosen.method != NULL ? tw_spec_check(chosen.method, tw_problem_goal(p), error) : TW_OK;
  if (status == TW_OK) status = tw_classify(p, &cls, error);
  if (status != TW_OK) return status;
  if (chosen.method == NULL) {
    char why[TW_MESSAGE_MAX / 2];
    chosen.method = tw_method_choose(p, &cls, why, sizeof why);
    if (chosen.method == NULL) return tw_fail(error, TW_ERR_UNSUPPORTED, "%s", why);
  }
  tw_oracle oracle = {0};
  status = tw_oracle_from_problem(&oracle, p, &cls, error);
  if (status != TW_OK) return status;
  status = tw_minimize(&oracle, NULL, &chosen, result, error);
  tw_oracle_release(&oracle);
  return status;
}
