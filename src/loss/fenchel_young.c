/* Fenchel-Young losses, and values with a gradient that is given. */
#include <talweg/loss.h>

#include "domain/kinds.h"
#include "graph/ops/build.h"

/* ------------------------------------------------------------------ the op: value V, x [V.., T..], gradient [V.., T..]; out is the value
 */

/* Sum over the axes from `rank` on. */
static tw_expr sum_beyond(tw_expr x, int rank) {
  unsigned axes = 0;
  if (tw_is_none(x)) return x;
  for (int d = rank; d < tw_shape_of(x).rank; d++) axes |= 1u << d;
  return axes ? tw_sum(x, axes, false) : x;
}

static bool attached_infer(const tw_args *args, tw_type *type) {
  const tw_shape v = tw_shape_of(args->in[0]), x = tw_shape_of(args->in[1]), g = tw_shape_of(args->in[2]);
  bool fits = tw_shape_equal(&x, &g) && v.rank <= x.rank;
  for (int d = 0; fits && d < v.rank; d++) fits = v.dim[d] == x.dim[d];
  if (!fits)
    return tw_fail_shapes(args->graph, "with_gradient", &x, &g, "of x and gradient differ, or do not start with that of the value");
  *type = (tw_type){tw_dtype_of(args->in[0]), v};
  return true;
}

static tw_expr attached_jvp(tw_expr node, const tw_expr *tangents) {
  if (tw_is_none(tangents[1])) return tangents[0];
  const tw_expr own = sum_beyond(tw_mul(tw_input_of(node, 2), tangents[1]), tw_shape_of(node).rank);
  return tw_is_none(tangents[0]) ? own : tw_add(tangents[0], own);
}

static void attached_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  tw_expr column = cotangent;
  for (int d = tw_shape_of(node).rank; d < tw_shape_of(tw_input_of(node, 2)).rank; d++) column = tw_expand(column, -1);
  cotangents[0] = cotangent;
  cotangents[1] = tw_mul(column, tw_input_of(node, 2));
}

static const tw_op attached_gradient = {.name = "with_gradient",
                                        .summary = "a value, with a gradient added to its derivative",
                                        .flags = TW_OP_ALIAS,
                                        .arity = 3,
                                        .infer = attached_infer,
                                        .alias = tw_alias_start,
                                        .jvp = attached_jvp,
                                        .vjp = attached_vjp,
                                        .batch = tw_batch_leading};

/* The value at x held fixed has no derivative there, and gets the one that is given. */
tw_expr tw_with_gradient(tw_expr value, tw_expr x, tw_expr gradient) {
  if (tw_is_none(value) || tw_is_none(x) || tw_is_none(gradient)) return TW_NONE;
  const tw_expr held = tw_stop_gradient(x);
  tw_expr in[3] = {TW_NONE, x, tw_cast(gradient, tw_dtype_of(value))};
  if (tw_substitute(1, &value, 1, &x, &held, &in[0]) != TW_OK) return TW_NONE;
  return tw_node(value.graph, &attached_gradient, 3, in, NULL);
}

tw_expr tw_fenchel_young(tw_expr max, tw_expr scores, tw_expr y) {
  if (tw_is_none(max) || tw_is_none(scores) || tw_is_none(y) ||
      !tw_check_fits(scores.graph, "fenchel_young", "y", y, tw_shape_of(scores)))
    return TW_NONE;
  return tw_sub(max, sum_beyond(tw_mul(tw_cast(y, tw_dtype_of(scores)), scores), tw_shape_of(max).rank));
}
