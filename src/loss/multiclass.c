/* Losses of the scores of several classes. */
#include <talweg/loss.h>

#include "domain/kinds.h"

/* Scores less that of the label, s_j - s_y, and labels as a column. */
typedef struct compared {
  tw_expr rest, label;
  int axis;
} compared;

static bool compare(const char *name, tw_expr scores, tw_expr labels, compared *out) {
  if (tw_is_none(scores) || tw_is_none(labels) || !tw_check_rank(scores.graph, name, tw_shape_of(scores), 1)) return false;
  const tw_shape rows = tw_row_shape(tw_shape_of(scores));
  if (!tw_check_fits(scores.graph, name, "labels", labels, rows)) return false;
  out->axis = rows.rank;
  out->label = tw_expand(tw_broadcast(tw_cast(labels, TW_I64), rows), -1);
  out->rest = tw_sub(scores, tw_take_along(scores, out->label, out->axis));
  return !tw_is_none(out->rest);
}

/* Relative to the label's score nothing is lost to cancellation. */
tw_expr tw_loss_multiclass_logistic(tw_expr scores, tw_expr labels) {
  compared c;
  return compare("multiclass_logistic", scores, labels, &c) ? tw_logsumexp(c.rest, 1u << c.axis, false) : TW_NONE;
}

tw_expr tw_loss_multiclass_hinge(tw_expr scores, tw_expr labels) {
  compared c;
  if (!compare("multiclass_hinge", scores, labels, &c)) return TW_NONE;
  const int64_t k = tw_shape_of(scores).dim[c.axis];
  const tw_expr others = tw_cast(tw_ne(tw_iota(scores.graph, TW_I64, k), c.label), tw_dtype_of(c.rest));
  return tw_reduce_max(tw_add(c.rest, others), 1u << c.axis, false);
}

tw_expr tw_loss_multiclass_perceptron(tw_expr scores, tw_expr labels) {
  compared c;
  return compare("multiclass_perceptron", scores, labels, &c) ? tw_reduce_max(c.rest, 1u << c.axis, false) : TW_NONE;
}

/* p, a projection, does not change when all scores move, so it may be that of the rest; p (s - s_y) is 0 where p is. */
tw_expr tw_loss_multiclass_sparsemax(tw_expr scores, tw_expr labels) {
  compared c;
  if (!compare("multiclass_sparsemax", scores, labels, &c)) return TW_NONE;
  const tw_expr p = tw_sparsemax(c.rest, c.axis), half = tw_scale(tw_ones_like(p), 0.5 / (double)tw_shape_of(p).dim[c.axis]);
  return tw_sum(tw_add(tw_sub(tw_mul(p, c.rest), tw_scale(tw_square(p), 0.5)), half), 1u << c.axis, false);
}

tw_expr tw_sparsemax(tw_expr x, int axis) {
  if (tw_is_none(x) || !tw_check_rank(x.graph, "sparsemax", tw_shape_of(x), 1)) return TW_NONE;
  const int last = tw_shape_of(x).rank - 1, at = axis < 0 ? axis + last + 1 : axis;
  if (at < 0 || at > last)
    return tw_graph_fail(x.graph, TW_ERR_SHAPE, "sparsemax: axis %d of an array of %d axes", axis, last + 1);
  const tw_expr rows = tw_move_axis(x, at, last), one = tw_scalar(x.graph, 1);
  if (tw_is_none(rows)) return rows;
  return tw_move_axis(tw_project(tw_domain_make(x.graph, &tw_domain_simplex, tw_shape_of(rows), 1, &one), rows), last, at);
}
