/* Public functions of loss/ without what they need: a status and a message, or a neutral answer. */
#include "test.h"

#include <talweg/loss.h>

#include "null_arguments.h"

static void neutral(void **state) {
  (void)state;
  (void)tw_loss_huber(TW_NONE, TW_NONE);
  (void)tw_margin(TW_NONE, TW_NONE);
  (void)tw_loss_logistic(TW_NONE);
  (void)tw_loss_hinge(TW_NONE);
  (void)tw_loss_perceptron(TW_NONE);
  (void)tw_loss_sparsemax(TW_NONE);
  (void)tw_sparse_plus(TW_NONE);
  (void)tw_sparse_sigmoid(TW_NONE);
  (void)tw_loss_multiclass_logistic(TW_NONE, TW_NONE);
  (void)tw_loss_multiclass_hinge(TW_NONE, TW_NONE);
  (void)tw_loss_multiclass_perceptron(TW_NONE, TW_NONE);
  (void)tw_loss_multiclass_sparsemax(TW_NONE, TW_NONE);
  (void)tw_sparsemax(TW_NONE, 0);
  (void)tw_fenchel_young(TW_NONE, TW_NONE, TW_NONE);
  (void)tw_with_gradient(TW_NONE, TW_NONE, TW_NONE);
  (void)tw_least_squares(TW_NONE, TW_NONE, TW_NONE);
  (void)tw_ridge_regression(TW_NONE, TW_NONE, TW_NONE, TW_NONE);
  (void)tw_binary_logreg(TW_NONE, TW_NONE, TW_NONE, TW_NONE, TW_NONE);
  (void)tw_multiclass_logreg(TW_NONE, TW_NONE, TW_NONE, TW_NONE, TW_NONE);
  (void)tw_multiclass_svm_dual(TW_NONE, TW_NONE, TW_NONE, TW_NONE);
  (void)tw_multiclass_svm_weights(TW_NONE, TW_NONE, TW_NONE, TW_NONE);
  (void)tw_perturbed_argmax(TW_NONE, TW_NONE, TW_NONE, TW_NONE, NULL);
  (void)tw_perturbed_max(TW_NONE, TW_NONE, TW_NONE, TW_NONE, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(neutral)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
