/* How far derivatives at a solution can be trusted, as an expression. */
#include "implicit/argmin.h"

#include <stdlib.h>

static tw_expr norm(tw_expr e) {
  return tw_norm(e, TW_ALL, false);
}

/* a / b, 0 where b is 0. */
static tw_expr ratio(tw_expr a, tw_expr b) {
  tw_expr some = tw_gt(b, tw_zeros_like(b));
  return tw_where(some, tw_div(a, tw_where(some, b, tw_ones_like(b))), tw_zeros_like(a));
}

static tw_expr row(tw_expr rows, int64_t i, tw_expr like) {
  return tw_reshape(tw_slice(rows, 0, i, 1, 1), tw_shape_of(like));
}

/* F at z */
static tw_expr condition_at(const tw_nested *nested, tw_expr z, const tw_expr *theta) {
  tw_expr *args = tw_alloc((size_t)(nested->n_variables + nested->n_theta) + 1, sizeof *args), at[3] = {TW_NONE, TW_NONE, TW_NONE};
  if (!args) return tw_graph_fail(nested->graph, TW_ERR_MEMORY, "out of memory for the evidence of %s", nested->word);
  tw_nested_args(nested, z, theta, args);
  const tw_status status = tw_body_inline(nested->condition, args, at);
  free(args);
  return status == TW_OK ? at[0] : TW_NONE;
}

static tw_expr largest(tw_expr e) {
  return tw_reduce_max(tw_abs(e), TW_ALL, false);
}

static tw_expr residual_of(const tw_nested *nested, tw_expr z, const tw_expr *theta, tw_expr f, tw_expr step, tw_expr known) {
  if (nested->goal == TW_GOAL_ROOT || nested->goal == TW_GOAL_FIXPOINT || nested->n == 0) return tw_scalar(nested->graph, 0);
  tw_expr x = tw_abs(tw_slice(z, 0, 0, nested->n, 1)), y = tw_abs(tw_slice(z, 0, nested->n, nested->m, 1));
  tw_expr size = tw_concat(2, (tw_expr[]){tw_maximum(x, tw_ones_like(x)), y}, 0);
  tw_expr scale = largest(tw_nested_linear(nested, z, theta, tw_mul(known, size)));
  tw_expr here = largest(f), there = largest(condition_at(nested, tw_sub(z, step), theta));
  tw_expr left = tw_where(tw_lt(there, here), there, here), zero = tw_zeros_like(left); /* there may be no F, and NaN */
  return tw_where(tw_gt(left, zero), tw_div(left, scale), tw_mul(left, zero));
}

/* Both systems have one matrix: one factorization. */
tw_exactness tw_nested_exactness(const tw_nested *nested, tw_expr z, const tw_expr *theta) {
  tw_expr known = tw_cos(tw_iota(nested->graph, TW_F64, nested->n + nested->m)), f = condition_at(nested, z, theta);
  if (tw_is_none(f)) return (tw_exactness){TW_NONE, TW_NONE};
  tw_expr b[2] = {f, tw_nested_linear(nested, z, theta, known)};
  tw_expr solved = tw_nested_solve(nested, z, theta, tw_stack(2, b, 0));
  tw_expr step = row(solved, 0, z), found = row(solved, 1, z),
          direction = ratio(step, tw_broadcast(norm(step), tw_shape_of(step)));
  tw_expr here = tw_nested_linear(nested, z, theta, direction),
          there = tw_nested_linear(nested, tw_sub(z, step), theta, direction);
  tw_expr bend = ratio(norm(tw_sub(there, here)), norm(here)),
          miss = ratio(norm(tw_sub(found, known)), norm(known));
  return (tw_exactness){tw_maximum(bend, miss), residual_of(nested, z, theta, f, step, known)};
}
