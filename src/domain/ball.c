/* Euclidean balls and spheres. */
#include "domain/kinds.h"

#include <math.h>

static bool ball_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  return tw_check_row_scalar(graph, "ball", shape, n, params, 1);
}

/* x min(1, r / |x|). */
static tw_expr ball_project(tw_expr x, const tw_expr *params) {
  tw_expr radius = tw_row_column(params[0]), one = tw_scalar(x.graph, 1), norm = tw_row_norm(x);
  tw_expr outside = tw_gt(norm, radius);
  return tw_mul(x, tw_where(outside, tw_div(radius, tw_where(outside, norm, one)), one));
}

const tw_domain_kind tw_domain_ball = {.name = "ball",
                                       .summary = "|x|_2 <= r, each row",
                                       .params = "r = 1",
                                       .max_params = 1,
                                       .convex = true,
                                       .check = ball_check,
                                       .project = ball_project};

static bool sphere_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  return tw_check_row_scalar(graph, "sphere", shape, n, params, 1);
}

/* r x / |x|; of the points of the sphere, which are all nearest to 0, the one with equal coordinates. */
static tw_expr sphere_project(tw_expr x, const tw_expr *params) {
  if (tw_is_none(x)) return x;
  tw_shape shape = tw_shape_of(x);
  tw_expr even = tw_fill_like(x, 1 / sqrt((double)shape.dim[shape.rank - 1]));
  tw_expr norm = tw_row_norm(x), zero = tw_eq(norm, tw_scalar(x.graph, 0));
  tw_expr direction = tw_where(zero, even, tw_div(x, tw_where(zero, tw_scalar(x.graph, 1), norm)));
  return tw_mul(tw_row_column(params[0]), direction);
}

const tw_domain_kind tw_domain_sphere = {.name = "sphere",
                                         .summary = "|x|_2 = r, each row",
                                         .params = "r = 1",
                                         .max_params = 1,
                                         .check = sphere_check,
                                         .project = sphere_project};
