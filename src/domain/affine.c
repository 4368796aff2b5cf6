/* Affine sets and halfspaces. */
#include "domain/kinds.h"
#include "domain/spectral.h"

/* ------------------------------------------------------------------ a'x = b and a'x <= b */

/* A constant with a row of zeros. */
static bool has_zero_row(tw_expr normal) {
  double uniform;
  int64_t known;
  const double *data = tw_known_elements(normal, &uniform, &known);
  tw_shape shape = tw_shape_of(normal);
  int64_t n = shape.rank > 0 && known > 1 ? shape.dim[shape.rank - 1] : 1;
  for (int64_t first = 0; first < known; first += n)
    if (tw_vec_norm_inf(data + first, (size_t)n) == 0) return true;
  return false;
}

static bool normal_check(tw_graph *graph, const char *kind, tw_shape shape, tw_expr *params) {
  if (!tw_check_rank(graph, kind, shape, 1) || !tw_check_fits(graph, kind, "the normal", params[0], shape) ||
      !tw_check_fits(graph, kind, "the offset", params[1], tw_row_shape(shape)))
    return false;
  if (has_zero_row(params[0])) {
    tw_graph_fail(graph, TW_ERR_ARGUMENT, "%s: the normal is 0, expected a vector with a direction", kind);
    return false;
  }
  params[0] = tw_broadcast(params[0], shape);
  return true;
}

/* x - a excess / |a|^2, where excess is a'x - b or its positive part. */
static tw_expr move_along(tw_expr x, tw_expr normal, tw_expr excess) {
  return tw_sub(x, tw_mul(normal, tw_div(excess, tw_row_sum(tw_square(normal)))));
}

static tw_expr excess_of(tw_expr x, const tw_expr *params) {
  return tw_sub(tw_row_sum(tw_mul(params[0], x)), tw_row_column(params[1]));
}

static bool hyperplane_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n;
  return normal_check(graph, "hyperplane", shape, params);
}

static tw_expr hyperplane_project(tw_expr x, const tw_expr *params) {
  return move_along(x, params[0], excess_of(x, params));
}

const tw_domain_kind tw_domain_hyperplane = {.name = "hyperplane",
                                             .summary = "sum(a * x) = b, each row",
                                             .params = "a, b",
                                             .min_params = 2,
                                             .max_params = 2,
                                             .convex = true,
                                             .polyhedral = true,
                                             .check = hyperplane_check,
                                             .project = hyperplane_project};

static bool halfspace_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n;
  return normal_check(graph, "halfspace", shape, params);
}

static tw_expr halfspace_project(tw_expr x, const tw_expr *params) {
  return move_along(x, params[0], tw_relu(excess_of(x, params)));
}

const tw_domain_kind tw_domain_halfspace = {.name = "halfspace",
                                            .summary = "sum(a * x) <= b, each row",
                                            .params = "a, b",
                                            .min_params = 2,
                                            .max_params = 2,
                                            .convex = true,
                                            .polyhedral = true,
                                            .check = halfspace_check,
                                            .project = halfspace_project};

/* ------------------------------------------------------------------ A x = b */

static bool affine_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n;
  if (!tw_check_rank(graph, "affine", shape, 1)) return false;
  tw_shape matrix = tw_shape_of(params[0]), rows = shape;
  if (matrix.rank != 2 || matrix.dim[1] != shape.dim[shape.rank - 1] || matrix.dim[0] == 0) {
    char text[TW_SHAPE_TEXT];
    tw_graph_fail(graph, TW_ERR_SHAPE, "affine: A has shape %s, expected [m, %lld] with m at least 1",
                  tw_shape_text(&matrix, text), (long long)shape.dim[shape.rank - 1]);
    return false;
  }
  rows.dim[rows.rank - 1] = matrix.dim[0];
  return tw_check_fits(graph, "affine", "b", params[1], rows);
}

/* x - A+ (A x - b), for rows: x - (x A' - b) (A+)'. The pseudo-inverse depends on A alone, so it is formed once for all x.
 * Dependent rows of A are harmless; when they contradict each other the set is {x: |A x - b| least}. */
static tw_expr affine_project(tw_expr x, const tw_expr *params) {
  tw_expr residual = tw_sub(tw_matmul(x, tw_matrix_transpose(params[0])), params[1]);
  return tw_sub(x, tw_matmul(residual, tw_matrix_transpose(tw_pseudo_inverse(params[0]))));
}

const tw_domain_kind tw_domain_affine = {.name = "affine",
                                         .summary = "A @ x = b, each row",
                                         .params = "A, b",
                                         .min_params = 2,
                                         .max_params = 2,
                                         .convex = true,
                                         .polyhedral = true,
                                         .check = affine_check,
                                         .project = affine_project};
