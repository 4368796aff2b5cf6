/* Losses of residuals and of margins. */
#include <talweg/loss.h>

#include "graph/ops/build.h"

/* With a = |r| and m = min(a, delta): m^2 / 2 + delta (a - m). */
tw_expr tw_loss_huber(tw_expr r, tw_expr delta) {
  const tw_expr a = tw_abs(r), m = tw_minimum(a, delta);
  return tw_add(tw_scale(tw_square(m), 0.5), tw_mul(delta, tw_sub(a, m)));
}

tw_expr tw_margin(tw_expr label, tw_expr score) {
  if (tw_is_none(label) || tw_is_none(score)) return TW_NONE;
  const tw_expr y = tw_cast(label, tw_dtype_of(score));
  return tw_mul(tw_sub(tw_scale(y, 2), tw_weak(score, 1)), score);
}

tw_expr tw_loss_logistic(tw_expr m) {
  return tw_softplus(tw_neg(m));
}

tw_expr tw_loss_hinge(tw_expr m) {
  return tw_is_none(m) ? m : tw_relu(tw_sub(tw_weak(m, 1), m));
}

tw_expr tw_loss_perceptron(tw_expr m) {
  return tw_relu(tw_neg(m));
}

tw_expr tw_loss_sparsemax(tw_expr m) {
  return tw_sparse_plus(tw_neg(m));
}

tw_expr tw_sparse_plus(tw_expr x) {
  if (tw_is_none(x)) return x;
  const tw_expr one = tw_weak(x, 1), curve = tw_scale(tw_square(tw_add(x, one)), 0.25);
  return tw_where(tw_le(x, tw_weak(x, -1)), tw_weak(x, 0), tw_where(tw_ge(x, one), x, curve));
}

tw_expr tw_sparse_sigmoid(tw_expr x) {
  if (tw_is_none(x)) return x;
  return tw_scale(tw_minimum(tw_relu(tw_add(x, tw_weak(x, 1))), tw_weak(x, 2)), 0.5);
}
