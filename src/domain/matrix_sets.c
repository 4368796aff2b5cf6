/* Sets of matrices: the last two axes. */
#include "domain/kinds.h"
#include "domain/spectral.h"

/* ------------------------------------------------------------------ positive semidefinite */

static bool psd_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n, (void)params;
  if (!tw_check_rank(graph, "psd", shape, 2)) return false;
  if (shape.dim[shape.rank - 1] == shape.dim[shape.rank - 2]) return true;
  char text[TW_SHAPE_TEXT];
  tw_graph_fail(graph, TW_ERR_SHAPE, "psd: shape %s, expected square matrices", tw_shape_text(&shape, text));
  return false;
}

/* V diag(w+) V' of the symmetric part (Higham, 1988). The slopes (w+_i - w+_j) / (w_i - w_j) are
 * (w+_i + w+_j) / (|w_i| + |w_j|), which needs no case for equal eigenvalues; at the kink w_i = w_j = 0 they are 0. */
static tw_expr psd_project(tw_expr x, const tw_expr *params) {
  (void)params;
  tw_expr a = tw_scale(tw_add(x, tw_matrix_transpose(x)), 0.5), eigh = tw_eigh(a), w = tw_eigh_values(eigh);
  tw_expr positive = tw_relu(w), size = tw_abs(w);
  tw_expr slope = tw_divide_or(tw_add(tw_pair_column(positive), tw_pair_row(positive)),
                               tw_add(tw_pair_column(size), tw_pair_row(size)), 0);
  return tw_eigh_function(a, eigh, positive, slope);
}

const tw_domain_kind tw_domain_psd = {.name = "psd",
                                      .summary = "symmetric positive semidefinite matrices",
                                      .params = "",
                                      .convex = true,
                                      .check = psd_check,
                                      .project = psd_project};

/* ------------------------------------------------------------------ orthonormal columns */

static bool stiefel_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n, (void)params;
  return tw_check_rank(graph, "stiefel", shape, 2);
}

/* The polar factor U V' (Fan & Hoffman, 1955): the spectral function f = 1, whose odd extension is the sign. Its derivative
 * does not exist where a singular value is 0; it is read as 0 there. */
static tw_expr stiefel_project(tw_expr x, const tw_expr *params) {
  (void)params;
  if (tw_is_none(x)) return x;
  tw_shape shape = tw_shape_of(x);
  tw_expr svd = tw_svd(x), s = tw_svd_s(svd, shape.dim[shape.rank - 2]);
  if (tw_is_none(s)) return s;
  tw_expr f = tw_ones_like(s), sum = tw_add(tw_pair_column(s), tw_pair_row(s));
  tw_svd_parts parts = {.f = f,
                        .even = tw_zeros_like(sum),
                        .odd = tw_divide_or(tw_fill_like(sum, 2), sum, 0),
                        .ratio = tw_divide_or(f, s, 0),
                        .t = TW_NONE,
                        .f_t = TW_NONE};
  return tw_svd_function(x, svd, &parts);
}

const tw_domain_kind tw_domain_stiefel = {.name = "stiefel",
                                          .summary = "matrices with orthonormal columns (rows when there are more columns)",
                                          .params = "",
                                          .check = stiefel_check,
                                          .project = stiefel_project};
