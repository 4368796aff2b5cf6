/* Public functions of linear/ without what they need: a status and a message, or a neutral answer. */
#include "test.h"

#include <talweg/linear.h>

#include "null_arguments.h"

static void refused(void **state) {
  (void)state;
  tw_error error;
  REFUSED(tw_csc_from_triplets(NULL, 0, 0, 0, NULL, NULL, NULL, &error));
  REFUSED(tw_csc_transpose(NULL, NULL, &error));
  REFUSED(tw_cg(NULL, NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_minres(NULL, NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_gmres(NULL, NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_bicgstab(NULL, NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_lsqr(NULL, NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_normal_cg(NULL, NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_sor(NULL, NULL, NULL, 0, NULL, NULL, &error));
  REFUSED(tw_refine(NULL, NULL, NULL, NULL, NULL, NULL, &error));
  REFUSED(tw_precond_jacobi(NULL, 0, NULL, &error));
  REFUSED(tw_precond_ilu0(NULL, NULL, &error));
  REFUSED(tw_precond_ic0(NULL, NULL, &error));
  REFUSED(tw_factor_dense(NULL, (tw_factor_kind){0}, 0, 0, NULL, &error));
  REFUSED(tw_factor_csc(NULL, (tw_factor_kind){0}, NULL, &error));
  REFUSED(tw_factor_csc_ordered(NULL, (tw_factor_kind){0}, NULL, NULL, &error));
  REFUSED(tw_factor_update(NULL, NULL, &error));
  REFUSED(tw_factor_solve(NULL, false, 0, NULL, NULL, &error));
}

static void neutral(void **state) {
  (void)state;
  tw_csc_free(NULL);
  tw_csc_apply(NULL, NULL, NULL);
  tw_csc_apply_transpose(NULL, NULL, NULL);
  (void)tw_linop_csc(NULL, 0);
  (void)tw_linop_dense(NULL, 0);
  (void)tw_linop_lowrank(NULL);
  (void)tw_linear_reason_text((tw_linear_reason){0});
  (void)tw_precond_linop(NULL);
  tw_precond_free(NULL);
  (void)tw_factor_order(NULL, NULL);
  tw_factor_refinement(NULL, 0);
  (void)tw_factor_linop(NULL);
  (void)tw_factor_condition(NULL);
  tw_factor_inertia(NULL, NULL, NULL, NULL);
  (void)tw_factor_replaced(NULL);
  tw_factor_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(refused), cmocka_unit_test(neutral)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
