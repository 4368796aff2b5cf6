/* loss: losses, objectives of learning, Fenchel-Young losses and perturbed optimizers, as expressions. Element by element or by
 * rows (the last axis holds the scores of the classes), f32 or f64 as their operands, differentiable to any order. */
#ifndef TALWEG_LOSS_H
#define TALWEG_LOSS_H

#include <talweg/domain.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ regression */

/* r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2) (Huber, 1964). delta broadcasts to r. */
tw_expr tw_loss_huber(tw_expr r, tw_expr delta);

/* ------------------------------------------------------------------ two classes
 * Losses of margins m = (2 y - 1) s of scores s with labels y of 0 or 1. */

tw_expr tw_margin(tw_expr label, tw_expr score);
tw_expr tw_loss_logistic(tw_expr m);   /* log(1 + e^-m), without overflow */
tw_expr tw_loss_hinge(tw_expr m);      /* max(1 - m, 0) */
tw_expr tw_loss_perceptron(tw_expr m); /* max(-m, 0) */
tw_expr tw_loss_sparsemax(tw_expr m);  /* sparse_plus(-m) (Blondel, Martins & Niculae, 2020) */
tw_expr tw_sparse_plus(tw_expr x);     /* 0 below -1, (x + 1)^2 / 4, x above 1 */
tw_expr tw_sparse_sigmoid(tw_expr x);  /* its derivative: 0, (x + 1) / 2, 1 */

/* ------------------------------------------------------------------ several classes
 * scores s [.., k], labels y [..] of 0 .. k-1: losses [..]. A label outside is an error (TW_ERR_RANGE) when evaluated. */

tw_expr tw_loss_multiclass_logistic(tw_expr scores, tw_expr labels);   /* log sum_j e^(s_j - s_y) */
tw_expr tw_loss_multiclass_hinge(tw_expr scores, tw_expr labels);      /* max_j (s_j + [j != y]) - s_y (Crammer & Singer, 2001) */
tw_expr tw_loss_multiclass_perceptron(tw_expr scores, tw_expr labels); /* max_j s_j - s_y */
/* <p, s - s_y> + (1 - |p|^2) / 2, p = sparsemax(s) (Martins & Astudillo, 2016). */
tw_expr tw_loss_multiclass_sparsemax(tw_expr scores, tw_expr labels);
/* The point of the simplex nearest to x along an axis. */
tw_expr tw_sparsemax(tw_expr x, int axis);

/* ------------------------------------------------------------------ Fenchel-Young losses
 * Of F(s) = max over y of <y, s> - Omega(y), whose gradient is the argmax: L(s; y) = F(s) - <y, s>, so that L + Omega(y) >= 0 with
 * equality where y is the argmax (Blondel, Martins & Niculae, 2020). */

/* `max` [..] is any expression of `scores`, whose gradient it gives; scores and y [.., shape of a point]. */
tw_expr tw_fenchel_young(tw_expr max, tw_expr scores, tw_expr y);
/* `value` [..] with `gradient` [.., shape] as its derivative in x [.., shape], whatever derivative it has itself: of a max, the argmax
 * (Danskin, 1967). x is any expression that `value` is built from; derivatives in all else are value's own. Higher derivatives are
 * those of `gradient`. */
tw_expr tw_with_gradient(tw_expr value, tw_expr x, tw_expr gradient);

/* ------------------------------------------------------------------ objectives
 * X [n, p]; means over the n rows. l2 and intercept b may be TW_NONE: none. */

/* |X W - y|^2 / (2 n), and with l2 / 2 |W|^2; W [p] or [p, k], y [n] or [n, k]. */
tw_expr tw_least_squares(tw_expr X, tw_expr W, tw_expr y);
tw_expr tw_ridge_regression(tw_expr X, tw_expr W, tw_expr y, tw_expr l2);
/* Mean logistic loss of X w + b with labels y [n] of 0 or 1, + l2 / 2 |w|^2; w [p], b scalar. */
tw_expr tw_binary_logreg(tw_expr X, tw_expr w, tw_expr b, tw_expr y, tw_expr l2);
/* The same with labels of 0 .. k-1; W [p, k], b [k]. */
tw_expr tw_multiclass_logreg(tw_expr X, tw_expr W, tw_expr b, tw_expr y, tw_expr l2);
/* The dual of the multiclass linear SVM, to be minimised over beta [n, k] with rows on the simplex; Y [n, k] one-hot:
 * |X'(Y - beta)|^2 / (2 l2) + <beta, Y>. The primal's weights are X'(Y - beta) / l2. */
tw_expr tw_multiclass_svm_dual(tw_expr X, tw_expr beta, tw_expr Y, tw_expr l2);
tw_expr tw_multiclass_svm_weights(tw_expr X, tw_expr beta, tw_expr Y, tw_expr l2);

/* ------------------------------------------------------------------ perturbed optimizers
 * E f(theta + sigma Z) for f that has no useful derivative, such as an argmax (Berthet, Blondel, Teboul, Cuturi, Vert & Bach, 2020), by the
 * mean of N draws, which are pure functions of the key. Its derivatives are unbiased estimates by the score function, to any order, in
 * theta and in sigma: the first in theta is (1 / (N sigma)) sum_n f_n grad nu(Z_n)', nu = -log density. */

typedef enum tw_noise { TW_NOISE_GUMBEL, TW_NOISE_NORMAL } tw_noise;
typedef struct tw_perturbation {
  int64_t samples; /* N; 0: 1000 */
  tw_expr sigma;   /* scalar > 0; zero-initialised or TW_NONE: 0.1 */
  tw_noise noise;
  bool control_variate; /* f_n less f(theta) in the derivatives: less variance where sigma is small */
} tw_perturbation;

/* f is an expression of the f64 input x, evaluated for all draws at once; theta has x's shape, key is an integer scalar. `p` may be
 * NULL: defaults. Fails on other shapes and dtypes, and on samples below 0. Derivatives of f in what else it is built from are kept. */
tw_expr tw_perturbed_argmax(tw_expr x, tw_expr f, tw_expr theta, tw_expr key, const tw_perturbation *p);
/* E max over y of <y, theta + sigma Z>: `argmax` is an expression of x of x's shape. The gradient is tw_perturbed_argmax. */
tw_expr tw_perturbed_max(tw_expr x, tw_expr argmax, tw_expr theta, tw_expr key, const tw_perturbation *p);

#ifdef __cplusplus
}
#endif
#endif
