/* Objectives of learning: means of losses of linear models, ridge penalties, the dual of the multiclass SVM. */
#include <talweg/loss.h>

#include "graph/ops/build.h"

static tw_expr mean(tw_expr x) {
  return tw_mean(x, TW_ALL, false);
}

static tw_expr with_ridge(tw_expr loss, tw_expr w, tw_expr l2) {
  return tw_is_none(l2) ? loss : tw_add(loss, tw_mul(l2, tw_scale(tw_sum(tw_square(w), TW_ALL, false), 0.5)));
}

static tw_expr predictions(tw_expr X, tw_expr w, tw_expr b) {
  const tw_expr scores = tw_matmul(X, w);
  return tw_is_none(b) ? scores : tw_add(scores, b);
}

tw_expr tw_least_squares(tw_expr X, tw_expr W, tw_expr y) {
  return tw_ridge_regression(X, W, y, TW_NONE);
}

/* The mean over rows alone: of k targets the squares are summed. */
tw_expr tw_ridge_regression(tw_expr X, tw_expr W, tw_expr y, tw_expr l2) {
  const tw_expr residual = tw_sub(tw_matmul(X, W), y);
  if (tw_is_none(residual)) return residual;
  const tw_shape shape = tw_shape_of(residual);
  const double rows = shape.rank > 0 ? (double)shape.dim[0] : 1;
  return with_ridge(tw_scale(tw_sum(tw_square(residual), TW_ALL, false), 0.5 / rows), W, l2);
}

tw_expr tw_binary_logreg(tw_expr X, tw_expr w, tw_expr b, tw_expr y, tw_expr l2) {
  return with_ridge(mean(tw_loss_logistic(tw_margin(y, predictions(X, w, b)))), w, l2);
}

tw_expr tw_multiclass_logreg(tw_expr X, tw_expr W, tw_expr b, tw_expr y, tw_expr l2) {
  return with_ridge(mean(tw_loss_multiclass_logistic(predictions(X, W, b), y)), W, l2);
}

tw_expr tw_multiclass_svm_weights(tw_expr X, tw_expr beta, tw_expr Y, tw_expr l2) {
  return tw_div(tw_matmul(tw_matrix_transpose(X), tw_sub(Y, beta)), l2);
}

/* With W the weights: l2 / 2 |W|^2 + <beta, Y>. */
tw_expr tw_multiclass_svm_dual(tw_expr X, tw_expr beta, tw_expr Y, tw_expr l2) {
  return with_ridge(tw_dot(beta, Y), tw_multiclass_svm_weights(X, beta, Y, l2), l2);
}
