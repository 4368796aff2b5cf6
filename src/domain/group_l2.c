/* Group lasso (Yuan & Lin, 2006): the sum of the Euclidean norms of groups of coordinates. */
#include "domain/kinds.h"

#include <math.h>

/* Labels 0, 1, .. for the leading axes of x; without them every row (last axis) is a group. */
static bool group_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  if (!tw_check_rank(graph, "group_l2", shape, 1)) return false;
  if (n == 0) {
    tw_shape rows = tw_row_shape(shape);
    params[0] = tw_reshape(tw_iota(graph, TW_I64, tw_shape_size(&rows)), rows);
    return tw_graph_status(graph) == TW_OK;
  }
  tw_shape labels = tw_shape_of(params[0]);
  bool leading = labels.rank >= 1 && labels.rank <= shape.rank;
  for (int d = 0; leading && d < labels.rank; d++) leading = labels.dim[d] == shape.dim[d];
  if (!leading) {
    char a[TW_SHAPE_TEXT], b[TW_SHAPE_TEXT];
    tw_graph_fail(graph, TW_ERR_SHAPE, "group_l2: groups has shape %s, expected one label for each leading index of %s",
                  tw_shape_text(&labels, a), tw_shape_text(&shape, b));
    return false;
  }
  double uniform;
  int64_t known;
  const double *label = tw_known_elements(params[0], &uniform, &known);
  for (int64_t i = 0; i < known; i++)
    if (!(label[i] >= 0 && label[i] < (double)tw_size_of(params[0]) && label[i] == floor(label[i]))) {
      tw_graph_fail(graph, TW_ERR_RANGE, "group_l2: label %g at position %lld, expected an integer in 0..%lld", label[i],
                    (long long)i, (long long)tw_size_of(params[0]) - 1);
      return false;
    }
  params[0] = tw_cast(params[0], TW_I64);
  return true;
}

tw_expr tw_group_norms(tw_expr x, tw_expr groups) {
  if (tw_is_none(x)) return TW_NONE;
  tw_shape labels = tw_shape_of(groups);
  unsigned tail = 0;
  for (int d = labels.rank; d < tw_shape_of(x).rank; d++) tail |= 1u << d;
  tw_expr square = tail ? tw_sum(tw_square(x), tail, false) : tw_square(x);
  int64_t slots = tw_size_of(groups);
  tw_expr sum = tw_scatter_add(x.graph, TW_SHAPE(slots), 1, &groups, square);
  tw_expr zero = tw_scalar(x.graph, 0), some = tw_gt(sum, zero);
  return tw_where(some, tw_sqrt(tw_where(some, sum, tw_scalar(x.graph, 1))), zero);
}

tw_expr tw_group_entries(tw_expr x, tw_expr groups, tw_expr per_group) {
  tw_expr entries = tw_take(per_group, 1, &groups);
  for (int d = tw_shape_of(groups).rank; d < tw_shape_of(x).rank; d++) entries = tw_expand(entries, -1);
  return entries;
}

static tw_expr group_value(tw_expr x, const tw_expr *params) {
  return tw_sum(tw_group_norms(x, params[0]), TW_ALL, false);
}

/* x_g max(1 - eta / |x_g|, 0), and 0 at 0. */
static tw_expr group_prox(tw_expr x, tw_expr eta, const tw_expr *params) {
  if (tw_is_none(x)) return x;
  tw_expr norm = tw_group_norms(x, params[0]), one = tw_scalar(x.graph, 1), active = tw_gt(norm, eta);
  tw_expr shrink = tw_where(active, tw_sub(one, tw_div(eta, tw_where(active, norm, one))), tw_scalar(x.graph, 0));
  return tw_mul(x, tw_group_entries(x, params[0], shrink));
}

const tw_regularizer_kind tw_regularizer_group_l2 = {.name = "group_l2",
                                                     .summary = "sum over groups g of |x_g|_2; by default each row is a group",
                                                     .params = "groups = rows",
                                                     .max_params = 1,
                                                     .check = group_check,
                                                     .value = group_value,
                                                     .prox = group_prox};
