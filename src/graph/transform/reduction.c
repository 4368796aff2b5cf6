/* Reductions as sparsity sees them. */
#include "graph/transform/reduction.h"
#include "graph/ops/reduce.h"

bool tw_is_reduction(tw_expr node) {
  static const tw_op *const reductions[] = {
      &tw_op_sum,       &tw_op_prod, &tw_op_reduce_max, &tw_op_reduce_min,
      &tw_op_logsumexp, &tw_op_norm, &tw_op_softmax,    NULL};
  for (const tw_op *const *op = reductions; *op; op++)
    if (tw_op_of(node) == *op) return true;
  return false;
}

tw_extents tw_reduction_extents(tw_expr node) {
  return tw_reduce_extents(node);
}

tw_expr tw_reduction_of(tw_expr node, tw_expr vector) {
  return tw_reduce_node(tw_op_of(node), vector, (tw_axes_attr){0, 1});
}
