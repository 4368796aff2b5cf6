/* l1 balls and spheres, through the simplex of the absolute values (Duchi, Shalev-Shwartz, Singer & Chandra, 2008). */
#include "domain/kinds.h"
#include "domain/simplex.h"

/* sign(x) simplex(|x|, r), with sign 1 at 0: the sign is a choice of orthant, so |x| is sign(x) x with the derivative
 * of that branch. */
static tw_expr onto_sphere(tw_expr x, tw_expr radius) {
  tw_expr one = tw_scalar(x.graph, 1), zero = tw_scalar(x.graph, 0);
  tw_expr sign = tw_where(tw_lt(x, zero), tw_neg(one), one);
  return tw_mul(sign, tw_project_simplex(tw_mul(sign, x), radius));
}

static bool sphere_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  return tw_check_row_scalar(graph, "l1_sphere", shape, n, params, 1);
}

static tw_expr sphere_project(tw_expr x, const tw_expr *params) {
  return onto_sphere(x, params[0]);
}

const tw_domain_kind tw_domain_l1_sphere = {.name = "l1_sphere",
                                            .summary = "sum |x_i| = r, each row",
                                            .params = "r = 1",
                                            .max_params = 1,
                                            .check = sphere_check,
                                            .project = sphere_project};

static bool ball_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  return tw_check_row_scalar(graph, "l1_ball", shape, n, params, 1);
}

static tw_expr ball_project(tw_expr x, const tw_expr *params) {
  tw_expr inside = tw_le(tw_row_sum(tw_abs(x)), tw_row_column(params[0]));
  return tw_where(inside, x, onto_sphere(x, params[0]));
}

const tw_domain_kind tw_domain_l1_ball = {.name = "l1_ball",
                                          .summary = "sum |x_i| <= r, each row",
                                          .params = "r = 1",
                                          .max_params = 1,
                                          .convex = true,
                                          .polyhedral = true,
                                          .check = ball_check,
                                          .project = ball_project};
