/* Regularizers that are sums over coordinates, and the largest coordinate. */
#include "domain/kinds.h"

static tw_expr total(tw_expr x) {
  return tw_sum(x, TW_ALL, false);
}

/* ------------------------------------------------------------------ sum w |x| */

static bool l1_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  if (n == 0) params[0] = tw_scalar(graph, 1);
  return tw_check_fits(graph, "l1", "weights", params[0], shape) && tw_check_at_least(graph, "l1", "weights", &params[0], 0);
}

static tw_expr l1_value(tw_expr x, const tw_expr *params) {
  return total(tw_mul(params[0], tw_abs(x)));
}

static tw_expr l1_prox(tw_expr x, tw_expr eta, const tw_expr *params) {
  return tw_soft_threshold(x, tw_mul(eta, params[0]));
}

const tw_regularizer_kind tw_regularizer_l1 = {.name = "l1",
                                               .summary = "sum w_i |x_i|",
                                               .params = "weights = 1",
                                               .max_params = 1,
                                               .separable = true,
                                               .check = l1_check,
                                               .value = l1_value,
                                               .prox = l1_prox};

/* ------------------------------------------------------------------ sum x^2 */

static tw_expr l2sq_value(tw_expr x, const tw_expr *params) {
  (void)params;
  return total(tw_square(x));
}

static tw_expr l2sq_prox(tw_expr x, tw_expr eta, const tw_expr *params) {
  (void)params;
  return tw_div(x, tw_add(tw_scalar(x.graph, 1), tw_scale(eta, 2)));
}

const tw_regularizer_kind tw_regularizer_l2sq = {.name = "l2sq",
                                                 .summary = "sum x_i^2",
                                                 .params = "",
                                                 .smooth = true,
                                                 .separable = true,
                                                 .value = l2sq_value,
                                                 .prox = l2sq_prox};

/* ------------------------------------------------------------------ sum |x| + r/2 x^2 */

static bool elastic_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n;
  return tw_check_fits(graph, "elastic_net", "r", params[0], shape) &&
         tw_check_at_least(graph, "elastic_net", "r", &params[0], 0);
}

static tw_expr elastic_value(tw_expr x, const tw_expr *params) {
  return tw_add(total(tw_abs(x)), tw_scale(total(tw_mul(params[0], tw_square(x))), 0.5));
}

static tw_expr elastic_prox(tw_expr x, tw_expr eta, const tw_expr *params) {
  return tw_div(tw_soft_threshold(x, eta), tw_add(tw_scalar(x.graph, 1), tw_mul(eta, params[0])));
}

const tw_regularizer_kind tw_regularizer_elastic_net = {.name = "elastic_net",
                                                        .summary = "sum |x_i| + r/2 x_i^2 (Zou & Hastie, 2005)",
                                                        .params = "r",
                                                        .min_params = 1,
                                                        .max_params = 1,
                                                        .separable = true,
                                                        .check = elastic_check,
                                                        .value = elastic_value,
                                                        .prox = elastic_prox};

/* ------------------------------------------------------------------ max |x| */

static bool linf_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n, (void)params;
  return tw_check_rank(graph, "linf", shape, 1);
}

static tw_expr linf_value(tw_expr x, const tw_expr *params) {
  (void)params;
  return tw_reduce_max(tw_abs(x), TW_ALL, false);
}

/* Moreau's identity: the dual norm is l1, so prox = x - projection on the l1 ball of radius eta. */
static tw_expr linf_prox(tw_expr x, tw_expr eta, const tw_expr *params) {
  (void)params;
  tw_expr flat = tw_ravel(x);
  return tw_reshape(tw_sub(flat, tw_domain_l1_ball.project(flat, &eta)), tw_shape_of(x));
}

const tw_regularizer_kind tw_regularizer_linf = {
    .name = "linf", .summary = "max |x_i|", .params = "", .check = linf_check, .value = linf_value, .prox = linf_prox};
