/* broadcast: elements repeated along axes of extent 1 and along new leading axes. */
#include "graph/ops/elementwise.h"

static bool broadcast_infer(const tw_args *args, tw_type *type) {
  const tw_shape from = tw_shape_of(args->in[0]), to = tw_attr_shape(args->attr);
  tw_shape joint;
  if (!tw_shape_possible(args->graph, "broadcast", &to)) return false;
  if (!tw_shape_broadcast(&from, &to, &joint) || !tw_shape_equal(&joint, &to))
    return tw_fail_shapes(args->graph, "broadcast", &from, &to,
                          "do not fit: the first must repeat to the second");
  *type = (tw_type){tw_dtype_of(args->in[0]), to};
  return true;
}

static tw_expr broadcast_to(tw_expr x, const tw_shape *shape) {
  const tw_shape_attr attr = tw_shape_attr_of(shape);
  return tw_node(x.graph, &tw_op_broadcast, 1, &x, &attr);
}

static tw_expr broadcast_simplify(const tw_args *args) {
  const tw_expr x = args->in[0];
  const tw_shape from = tw_shape_of(x), to = tw_attr_shape(args->attr);
  if (tw_shape_equal(&from, &to)) return x;
  if (tw_op_of(x) == &tw_op_fill)
    return tw_fill(x.graph, tw_dtype_of(x), to, ((const tw_fill_attr *)tw_attr_of(x))->value);
  if (tw_op_of(x) == &tw_op_broadcast) return broadcast_to(tw_input_of(x, 0), &to);
  if (tw_size_of(x) == tw_shape_size(&to) && tw_size_of(x) > 0) return tw_reshape(x, to);
  return TW_NONE;
}

static tw_status broadcast_kernel(const tw_call *call) {
  return tw_elementwise_run(call, tw_loop_get(TW_LOOP_copy, tw_dtype_of(call->node)));
}

static bool broadcast_view(tw_expr node, tw_view *view) {
  const tw_shape from = tw_shape_of(tw_input_of(node, 0)), to = tw_shape_of(node);
  *view = tw_broadcast_view(&from, &to);
  return true;
}

static tw_expr broadcast_jvp(tw_expr node, const tw_expr *tangents) {
  return tw_broadcast(tangents[0], tw_shape_of(node));
}

static void broadcast_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  cotangents[0] = tw_unbroadcast(cotangent, tw_shape_of(tw_input_of(node, 0)));
}

/* New axes of the result come between the batch axis and the operand's own: give the operand them as
 * extents 1. */
static tw_expr broadcast_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  const tw_shape to = tw_shape_of(node);
  tw_shape from = tw_shape_of(in[0]);
  (void)batched;
  while (from.rank < to.rank + 1) from = tw_shape_insert(from, 1, 1);
  return tw_broadcast(tw_reshape(in[0], from), tw_shape_insert(to, 0, size));
}

static tw_expr broadcast_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape from[] = {{2, {3, 1}}, {0, {0}}, {1, {4}}, {3, {2, 1, 3}}, {2, {1, 2}}};
  static const tw_shape to[] = {{2, {3, 4}}, {2, {2, 3}}, {3, {2, 3, 4}}, {4, {2, 2, 4, 3}}, {2, {0, 2}}};
  return variant < 5 ? tw_broadcast(tw_input(graph, "x", dtype, from[variant]), to[variant]) : TW_NONE;
}

const tw_op tw_op_broadcast = {.name = "broadcast",
                               .summary = "elements repeated to a larger shape",
                               .kind = TW_OP_KIND_MOVEMENT,
                               .arity = 1,
                               .attr_bytes = sizeof(tw_shape_attr),
                               .infer = broadcast_infer,
                               .simplify = broadcast_simplify,
                               .kernel = broadcast_kernel,
                               .view = broadcast_view,
                               .jvp = broadcast_jvp,
                               .vjp = broadcast_vjp,
                               .batch = broadcast_batch,
                               .flops = tw_flops_none,
                               .example = broadcast_example,
                               .low = -2,
                               .high = 2};

tw_expr tw_broadcast(tw_expr x, tw_shape shape) {
  if (!tw_operands("broadcast", 1, &x)) return TW_NONE;
  return broadcast_to(x, &shape);
}
