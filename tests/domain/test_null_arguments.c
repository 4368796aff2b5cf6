/* Public functions of domain/ without what they need: a status and a message, or a neutral answer. */
#include "test.h"

#include <talweg/domain.h>

#include "null_arguments.h"

static void refused(void **state) {
  (void)state;
  tw_error error;
  REFUSED(tw_cone_map_new(NULL, 0, NULL, false, &error));
  REFUSED(tw_cone_map_at(NULL, NULL, false, NULL, &error));
}

static void neutral(void **state) {
  (void)state;
  (void)tw_domain_find(NULL);
  (void)tw_domain_make(NULL, NULL, (tw_shape){0}, 0, NULL);
  (void)tw_project((tw_domain){0}, TW_NONE);
  (void)tw_kl_project((tw_domain){0}, TW_NONE);
  (void)tw_project_intersection(0, NULL, TW_NONE, 0);
  (void)tw_domain_within(NULL, (tw_domain){0}, (tw_shape){0}, TW_NONE, TW_NONE);
  (void)tw_isotonic(TW_NONE, false);
  (void)tw_isotonic_kl(TW_NONE, TW_NONE, false);
  (void)tw_soft_rank(TW_NONE, TW_NONE);
  (void)tw_soft_sort(TW_NONE, TW_NONE);
  (void)tw_regularizer_find(NULL);
  (void)tw_regularizer(NULL, NULL, TW_NONE, 0, NULL);
  (void)tw_regularizer_of(TW_NONE, NULL, NULL);
  (void)tw_prox(NULL, TW_NONE, TW_NONE, 0, NULL, (tw_domain){0});
  (void)tw_cone_name((tw_cone_kind){0});
  (void)tw_cone_order(NULL);
  tw_cone_map_free(NULL);
  (void)tw_cone_map_rows(NULL);
  tw_cone_map_apply(NULL, NULL, NULL);
  (void)tw_cone_map_margin(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(refused), cmocka_unit_test(neutral)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
