/* Sets that are boxes: the projection clips each coordinate. */
#include "domain/kinds.h"

/* Ties at a bound share the derivative; strictly inside it is 1 in x, strictly outside 1 in the bound. */
static tw_expr clip(tw_expr x, tw_expr lower, tw_expr upper) {
  return tw_minimum(tw_maximum(x, lower), upper);
}

/* ------------------------------------------------------------------ x >= 0 */

static tw_expr nonneg_project(tw_expr x, const tw_expr *params) {
  (void)params;
  return tw_relu(x);
}

static void nonneg_bounds(tw_graph *graph, tw_shape shape, const tw_expr *params, tw_expr *lower, tw_expr *upper) {
  (void)shape, (void)params;
  *lower = tw_scalar(graph, 0);
  *upper = TW_NONE;
}

static tw_expr nonneg_kl(tw_expr x, const tw_expr *params) {
  (void)params;
  return tw_exp(x);
}

/* Generalised Kullback-Leibler divergence sum x log(x/y) - x + y (Beck & Teboulle, 2003): a multiplicative update. */
static tw_expr nonneg_mirror(tw_expr x, tw_expr gradient, tw_expr eta, const tw_expr *params) {
  (void)params;
  return tw_mul(x, tw_exp(tw_neg(tw_mul(eta, gradient))));
}

const tw_domain_kind tw_domain_nonneg = {.name = "nonneg",
                                         .summary = "x >= 0",
                                         .params = "",
                                         .convex = true,
                                         .polyhedral = true,
                                         .project = nonneg_project,
                                         .bounds = nonneg_bounds,
                                         .kl_project = nonneg_kl,
                                         .mirror_step = nonneg_mirror};

/* ------------------------------------------------------------------ l <= x <= u */

static bool box_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n;
  return tw_check_fits(graph, "box", "the lower bound", params[0], shape) &&
         tw_check_fits(graph, "box", "the upper bound", params[1], shape) &&
         tw_check_ordered(graph, "box", params[0], params[1], shape);
}

static tw_expr box_project(tw_expr x, const tw_expr *params) {
  return clip(x, params[0], params[1]);
}

static void box_bounds(tw_graph *graph, tw_shape shape, const tw_expr *params, tw_expr *lower, tw_expr *upper) {
  (void)graph, (void)shape;
  *lower = params[0];
  *upper = params[1];
}

/* The divergence is a sum over coordinates, so that its least is at a bound where exp(x) is beyond. */
static tw_expr box_kl(tw_expr x, const tw_expr *params) {
  return clip(tw_exp(x), params[0], params[1]);
}

const tw_domain_kind tw_domain_box = {.name = "box",
                                      .summary = "l <= x <= u, element-wise; infinite bounds allowed",
                                      .params = "l, u",
                                      .min_params = 2,
                                      .max_params = 2,
                                      .convex = true,
                                      .polyhedral = true,
                                      .check = box_check,
                                      .project = box_project,
                                      .bounds = box_bounds,
                                      .kl_project = box_kl};

/* ------------------------------------------------------------------ 0 <= x <= s */

static bool hypercube_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  if (n == 0) params[0] = tw_scalar(graph, 1);
  return tw_check_fits(graph, "hypercube", "the side", params[0], shape) &&
         tw_check_at_least(graph, "hypercube", "the side", &params[0], 0);
}

static tw_expr hypercube_project(tw_expr x, const tw_expr *params) {
  return clip(x, tw_scalar(x.graph, 0), params[0]);
}

static tw_expr hypercube_kl(tw_expr x, const tw_expr *params) {
  return tw_minimum(tw_exp(x), params[0]);
}

static void hypercube_bounds(tw_graph *graph, tw_shape shape, const tw_expr *params, tw_expr *lower, tw_expr *upper) {
  (void)shape;
  *lower = tw_scalar(graph, 0);
  *upper = params[0];
}

const tw_domain_kind tw_domain_hypercube = {.name = "hypercube",
                                            .summary = "0 <= x <= s, element-wise",
                                            .params = "s = 1",
                                            .max_params = 1,
                                            .convex = true,
                                            .polyhedral = true,
                                            .check = hypercube_check,
                                            .project = hypercube_project,
                                            .bounds = hypercube_bounds,
                                            .kl_project = hypercube_kl};

/* ------------------------------------------------------------------ max |x| <= r */

static bool linf_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  return tw_check_row_scalar(graph, "linf_ball", shape, n, params, 1);
}

static void linf_bounds(tw_graph *graph, tw_shape shape, const tw_expr *params, tw_expr *lower, tw_expr *upper) {
  (void)graph, (void)shape;
  *upper = tw_row_column(params[0]);
  *lower = tw_neg(*upper);
}

static tw_expr linf_project(tw_expr x, const tw_expr *params) {
  tw_expr radius = tw_row_column(params[0]);
  return clip(x, tw_neg(radius), radius);
}

const tw_domain_kind tw_domain_linf_ball = {.name = "linf_ball",
                                            .summary = "max |x_i| <= r, each row",
                                            .params = "r = 1",
                                            .max_params = 1,
                                            .convex = true,
                                            .polyhedral = true,
                                            .check = linf_check,
                                            .project = linf_project,
                                            .bounds = linf_bounds};
