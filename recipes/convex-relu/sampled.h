/* Sampled convex programs (Bai, Gautam & Sojoudi, 2022): N random neurons u_i, uniform on the sphere, and
 *
 *   minimise over w  L(H w, y) + beta |w|_1,   H_ki = (x_k'u_i)_+
 *
 * by the library's proximal gradient (FISTA with restarts). It is the dual program with its constraint |theta'(X u)_+| <= beta for all
 * |u| <= 1 kept at N points. Of a sequence of draws the first N are taken, so that programs are nested. */
#ifndef CONVEX_RELU_SAMPLED_H
#define CONVEX_RELU_SAMPLED_H

#include "net.h"

typedef struct sampled_options {
  int64_t neurons, max_iter, fresh; /* fresh: further draws for the certificate */
  double tol;
  uint64_t seed;
} sampled_options;

typedef struct sampled_result {
  double objective, bound; /* of the sampled program, and its dual bound */
  double violated;         /* share of fresh u with |theta'(X u)_+| > beta: how often one more neuron could lower the objective */
  double worst;            /* largest |theta'(X u)_+| / beta of fresh u */
  int64_t iterations, active;
  const char *outcome;
} sampled_result;

/* Squared and logistic losses; f is the net. */
tw_status sampled_solve(const design *data, loss_kind loss, double beta, const sampled_options *options, sampled_result *result, net *f,
                        tw_error *error);

#endif
