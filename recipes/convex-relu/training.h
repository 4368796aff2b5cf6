/* What convex programs are compared with and checked by, through the library's graph: Adam on the non-convex objective, attacks by
 * projected gradient descent. */
#ifndef CONVEX_RELU_TRAINING_H
#define CONVEX_RELU_TRAINING_H

#include "net.h"

typedef struct adam_options {
  int64_t width, steps;
  double rate; /* cosine from `rate` to 0 */
  uint64_t seed;
} adam_options;

/* Full-batch Adam (Kingma & Ba, 2015) on L(f(X), y) + beta/2 (|U|^2 + |alpha|^2) from u ~ N(0, 1/d), alpha ~ N(0, 1/width). *objective: the
 * lowest met; f (may be NULL): the net there. */
tw_status adam_train(const design *data, loss_kind loss, double beta, const adam_options *options, double *objective, net *f,
                     tw_error *error);

typedef struct attack_options {
  int64_t steps, restarts; /* of 50, 4: the first from 0, the others from random points of the ball */
  double eps, p;
  uint64_t seed;
} attack_options;

/* The lowest margin y f(x + delta) met, |delta|_p <= eps on the features, for every row: steepest descent in the p-norm with steps of
 * 2.5 eps / steps, projected (Madry et al., 2018). */
tw_status attack(const net *f, int64_t n, const double *x, const double *y, int64_t features, const attack_options *options, double *margin,
                 tw_error *error);

#endif
