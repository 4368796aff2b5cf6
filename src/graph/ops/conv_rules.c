/* Derivatives and batching of convolution. */
#include "graph/ops/conv.h"
#include "graph/ops/index.h"

/* The operands of a node by role; the result's is none. */
static const tw_conv_role *operands_of(tw_expr node, tw_expr role[TW_CONV_ROLES]) {
  const tw_conv_role *roles = tw_conv_roles(tw_op_of(node));
  role[roles[0]] = tw_input_of(node, 0);
  role[roles[1]] = tw_input_of(node, 1);
  role[roles[2]] = TW_NONE;
  return roles;
}

tw_expr tw_conv_jvp(tw_expr node, const tw_expr *tangents) {
  tw_expr role[TW_CONV_ROLES], sum = TW_NONE;
  const tw_conv_role *roles = operands_of(node, role);
  for (int i = 0; i < 2; i++) {
    if (tw_is_none(tangents[i])) continue;
    const tw_expr kept = role[roles[i]];
    role[roles[i]] = tangents[i];
    sum = tw_sum_or(sum, tw_conv_make(roles[2], role, tw_attr_of(node)));
    role[roles[i]] = kept;
  }
  return sum;
}

void tw_conv_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  tw_expr role[TW_CONV_ROLES];
  const tw_conv_role *roles = operands_of(node, role);
  role[roles[2]] = cotangent;
  for (int i = 0; i < 2; i++) cotangents[i] = tw_conv_make(roles[i], role, tw_attr_of(node));
}

/* ------------------------------------------------------------------ batching */

/* The batch axis moved before `axis` and merged with it; and back. */
static tw_expr merge(tw_expr e, int axis) {
  e = tw_move_axis(e, 0, axis);
  tw_shape shape = tw_shape_of(e);
  shape.dim[axis + 1] *= shape.dim[axis];
  return tw_reshape(e, tw_shape_remove(shape, axis));
}
static tw_expr part(tw_expr e, int axis, int64_t size) {
  tw_shape shape = tw_shape_of(e);
  shape.dim[axis] /= size;
  return tw_move_axis(tw_reshape(e, tw_shape_insert(shape, axis, size)), axis, 0);
}

/* The axis that two roles share: x and y the images, x and w the input channels, w and y the output channels.
 */
static int shared_axis(tw_conv_role role, tw_conv_role other) {
  if (role == TW_CONV_W) return other == TW_CONV_X;
  if (role == TW_CONV_X) return other == TW_CONV_W;
  return other == TW_CONV_W;
}

/* One batched operand: its batch becomes part of the axis it shares with the result. Where that is an axis of
 * channels in groups, or both are batched, each entry of the batch becomes groups of its own. */
tw_expr tw_conv_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  tw_expr role[TW_CONV_ROLES];
  tw_conv_attr attr = *(const tw_conv_attr *)tw_attr_of(node);
  const tw_conv_role *roles = operands_of(node, role), out = roles[2];
  if (size == 0) return tw_batch_by_loop(node, size, in, batched);
  const tw_conv_role moved = roles[batched[0] ? 0 : 1], kept = roles[batched[0] ? 1 : 0];
  if (!(batched[0] && batched[1]) && (kept == TW_CONV_W || attr.groups == 1)) {
    role[moved] = merge(in[batched[0] ? 0 : 1], shared_axis(moved, out));
    return part(tw_conv_make(out, role, &attr), shared_axis(out, moved), size);
  }
  for (int i = 0; i < 2; i++)
    role[roles[i]] = merge(tw_batched(in[i], batched[i], size), roles[i] != TW_CONV_W);
  attr.groups *= size;
  return part(tw_conv_make(out, role, &attr), out != TW_CONV_W, size);
}
