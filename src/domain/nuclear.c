/* The nuclear norm: the sum of singular values. */
#include "domain/kinds.h"
#include "domain/spectral.h"

static bool nuclear_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n, (void)params;
  return tw_check_rank(graph, "nuclear", shape, 2);
}

static int64_t rows_of(tw_expr x) {
  tw_shape shape = tw_shape_of(x);
  return shape.dim[shape.rank - 2];
}

static tw_expr nuclear_value(tw_expr x, const tw_expr *params) {
  (void)params;
  if (tw_is_none(x)) return x;
  return tw_sum(tw_svd_s(tw_svd(x), rows_of(x)), TW_ALL, false);
}

/* Singular value thresholding (Cai, Candes & Shen, 2010): f = max(s - eta, 0). The slopes between two values on one side of
 * eta are 1 or 0, also where they coincide; across eta the difference s_i - s_j is not 0. */
static tw_expr nuclear_prox(tw_expr x, tw_expr eta, const tw_expr *params) {
  (void)params;
  if (tw_is_none(x) || tw_is_none(eta)) return TW_NONE;
  tw_expr svd = tw_svd(x), s = tw_svd_s(svd, rows_of(x));
  if (tw_is_none(s)) return s;
  tw_expr f = tw_relu(tw_sub(s, eta)), above = tw_cast(tw_gt(s, eta), TW_F64);
  tw_expr left = tw_pair_column(above), right = tw_pair_row(above), together = tw_eq(left, right);
  tw_expr rise = tw_sub(tw_pair_column(f), tw_pair_row(f)), run = tw_sub(tw_pair_column(s), tw_pair_row(s));
  tw_svd_parts parts = {
      .f = f,
      .even = tw_where(together, tw_mul(left, right), tw_div(rise, tw_where(together, tw_scalar(x.graph, 1), run))),
      .odd = tw_divide_or(tw_add(tw_pair_column(f), tw_pair_row(f)), tw_add(tw_pair_column(s), tw_pair_row(s)), 0),
      .ratio = tw_divide_or(f, s, 0),
      .t = eta,
      .f_t = tw_neg(above)};
  return tw_svd_function(x, svd, &parts);
}

const tw_regularizer_kind tw_regularizer_nuclear = {.name = "nuclear",
                                                    .summary = "the sum of the singular values",
                                                    .params = "",
                                                    .check = nuclear_check,
                                                    .value = nuclear_value,
                                                    .prox = nuclear_prox};
