/* prox_map: minimise phi(x) = f(x) + g(x), f smooth, g known by its proximal operator; for methods over sets
 * g is the indicator and its prox the projection. What the proximal methods share.
 *
 *   T(x) = prox_{eta g}(x - eta grad f(x)),   F(x) = x - T(x)
 *
 * All report the stationarity |F(x)|_inf / eta. */
#ifndef TALWEG_METHOD_PROX_MAP_H
#define TALWEG_METHOD_PROX_MAP_H

#include "method/work.h"

/* prox_{eta g}(z); for methods that need no prox the projection of z where the oracle projects, else z. */
tw_status tw_prox_apply(tw_run *run, const double *z, double eta, double *out);
/* out = T(x) from the gradient at x; z (scratch, n) receives x - eta gradient. */
tw_status tw_prox_step(tw_run *run, const double *x, const double *gradient, double eta, double *z,
                       double *out);
/* g(x); 0 for indicators. */
tw_status tw_prox_penalty(tw_run *run, const double *x, double *g);
/* phi(x), with f(x) in *smooth. */
tw_status tw_prox_objective(tw_run *run, const double *x, double *smooth, double *phi);

/* For init: moves run->x into the set, evaluates there; gradient (n), run->f, and a first eta = 1 /
 * (curvature along the gradient), or `eta` itself when positive. Then sets optimality and scale from F. z, t:
 * scratch of n. */
tw_status tw_prox_start(tw_run *run, double *gradient, double *z, double *t, double *eta);

/* The end of every step of length eta: ends the run as solved when the stationarity has stopped falling and
 * is no more than what rounding of x and of the gradient makes of it. */
tw_status tw_prox_watch(tw_run *run, double eta);

/* A semismooth Newton step on F(x) = 0 (Qi & Sun 1993) for the last digits: the generalized Jacobian of F is
 * I - P (I - eta H) with H = hess f(x) and P the derivative of the prox at x - eta grad f(x), which is
 * symmetric with eigenvalues in [0, 1]: the identity on the support or the free variables, zero elsewhere,
 * for polyhedral g.
 *
 * When it is time and the oracle offers curvature: tries a step at run->x and takes it when |F| falls at
 * least to half. On `moved`, run->x, f and optimality are up to date. */
tw_status tw_prox_newton_try(tw_run *run, double eta, bool *moved);

/* The engine behind accelerated and spectral descent. */
tw_status tw_fista_init(tw_run *run); /* as `restart` keeps the step */
tw_status tw_fista_step(tw_run *run);
tw_status tw_spectral_init(tw_run *run);
tw_status tw_spectral_step(tw_run *run);

#define TW_PROX_OPTION_POLISH                                                                                \
  {                                                                                                          \
    "polish", TW_OPTION_FLAG, 1, 0, 1, NULL,                                                                 \
        "semismooth Newton steps for the last digits, when curvature is offered"                             \
  }
#define TW_PROX_OPTION_STEP                                                                                  \
  { "step", TW_OPTION_REAL, 0, 0, 1e300, NULL, "first step length eta; 0: 1 / curvature along the gradient" }
#define TW_PROX_OPTION_GROWTH                                                                                \
  { "growth", TW_OPTION_REAL, 1.1, 1, 10, NULL, "factor by which the step grows before every iteration; 1: it only shrinks" }
#define TW_PROX_OPTION_MOMENTUM                                                                              \
  { "accelerate", TW_OPTION_FLAG, 1, 0, 1, NULL, "extrapolate with FISTA's momentum" }
#define TW_PROX_OPTION_RESTART                                                                               \
  {                                                                                                          \
    "restart", TW_OPTION_CHOICE, 1, 0, 2, "none|gradient|function",                                          \
        "what drops the momentum: never, momentum against the gradient mapping, or a rising objective"       \
  }

#endif
