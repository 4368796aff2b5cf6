/* The epigraph of the l1 norm, {(z, t): sum |z_i| <= t}, t the last entry of a row.
 *
 * With multiplier lambda >= 0 the nearest point of (z, t) outside is sign(z) max(|z| - lambda, 0), t + lambda, where sum
 * max(|z_i| - lambda, 0) = t + lambda. So (|p|, -s) is the projection of (|z|, -t) on the capped simplex of sum 0 whose last entry
 * has no bound and whose others are not negative. */
#include "domain/kinds.h"
#include "domain/simplex.h"

#include <math.h>

static bool epigraph_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n, (void)params;
  return tw_check_rank(graph, "l1_epigraph", shape, 1);
}

static tw_expr epigraph_project(tw_expr x, const tw_expr *params) {
  (void)params;
  if (tw_is_none(x)) return x;
  const tw_shape shape = tw_shape_of(x);
  const int64_t n = shape.dim[shape.rank - 1];
  const tw_expr zero = tw_scalar(x.graph, 0), one = tw_scalar(x.graph, 1);
  const tw_expr last = tw_eq(tw_iota(x.graph, TW_I64, n), tw_integer(x.graph, n - 1));
  const tw_expr sign = tw_where(tw_or(last, tw_lt(x, zero)), tw_neg(one), one), folded = tw_mul(sign, x);
  const tw_expr lower = tw_where(last, tw_scalar(x.graph, -INFINITY), zero);
  const tw_expr inside = tw_le(tw_row_sum(tw_where(last, tw_neg(x), tw_abs(x))), zero);
  return tw_where(inside, x, tw_mul(sign, tw_project_capped_simplex(folded, lower, tw_scalar(x.graph, INFINITY), zero)));
}

const tw_domain_kind tw_domain_l1_epigraph = {.name = "l1_epigraph",
                                              .summary = "sum |x_i| <= t, each row, whose last entry is t",
                                              .params = "",
                                              .convex = true,
                                              .polyhedral = true,
                                              .check = epigraph_check,
                                              .project = epigraph_project};
