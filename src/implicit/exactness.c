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

/* Both systems have one matrix: one factorization. */
tw_expr tw_nested_derivative_error(const tw_nested *nested, tw_expr z, const tw_expr *theta) {
  int n_args = nested->n_variables + nested->n_theta + 1;
  tw_expr known = tw_cos(tw_iota(nested->graph, TW_F64, nested->n + nested->m)),
          at[3] = {TW_NONE, TW_NONE, TW_NONE};
  tw_expr *args = tw_alloc((size_t)n_args, sizeof *args);
  if (!args)
    return tw_graph_fail(nested->graph, TW_ERR_MEMORY, "out of memory for the evidence of %s", nested->word);
  tw_nested_args(nested, z, theta, args);
  tw_status status = tw_body_inline(nested->condition, args, at);
  free(args);
  if (status != TW_OK) return TW_NONE;
  tw_expr b[2] = {at[0], tw_nested_linear(nested, z, theta, known)};
  tw_expr solved = tw_nested_solve(nested, z, theta, tw_stack(2, b, 0));
  tw_expr step = row(solved, 0, z), found = row(solved, 1, z),
          direction = ratio(step, tw_broadcast(norm(step), tw_shape_of(step)));
  tw_expr here = tw_nested_linear(nested, z, theta, direction),
          there = tw_nested_linear(nested, tw_sub(z, step), theta, direction);
  tw_expr bend = ratio(norm(tw_sub(there, here)), norm(here)),
          miss = ratio(norm(tw_sub(found, known)), norm(known));
  return tw_maximum(bend, miss);
}
