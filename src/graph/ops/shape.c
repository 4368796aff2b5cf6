/* reshape and what is built of it: the elements stay where they are, so the result is a view. */
#include "graph/ops/build.h"
#include "graph/ops/ops.h"

static bool reshape_infer(const tw_args *args, tw_type *type) {
  const tw_shape from = tw_shape_of(args->in[0]);
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_attr_shape(args->attr)};
  if (!tw_shape_possible(args->graph, "reshape", &type->shape)) return false;
  if (tw_shape_size(&type->shape) == tw_shape_size(&from)) return true;
  return tw_fail_shapes(args->graph, "reshape", &from, &type->shape, "do not have as many elements");
}

static tw_expr reshape_to(tw_expr x, const tw_shape *shape) {
  const tw_shape_attr attr = tw_shape_attr_of(shape);
  return tw_node(x.graph, &tw_op_reshape, 1, &x, &attr);
}

/* True when the shapes differ only by axes of extent 1. */
static bool same_but_units(const tw_shape *a, const tw_shape *b) {
  int i = 0, j = 0;
  for (;;) {
    while (i < a->rank && a->dim[i] == 1) i++;
    while (j < b->rank && b->dim[j] == 1) j++;
    if (i == a->rank || j == b->rank) return i == a->rank && j == b->rank;
    if (a->dim[i++] != b->dim[j++]) return false;
  }
}

static tw_expr reshape_simplify(const tw_args *args) {
  const tw_expr x = args->in[0];
  const tw_shape from = tw_shape_of(x), to = tw_attr_shape(args->attr);
  if (tw_shape_equal(&from, &to)) return x;
  if (tw_op_of(x) == &tw_op_reshape) return reshape_to(tw_input_of(x, 0), &to);
  if (tw_op_of(x) == &tw_op_fill)
    return tw_fill(x.graph, tw_dtype_of(x), to, ((const tw_fill_attr *)tw_attr_of(x))->value);
  if (tw_op_of(x) == &tw_op_broadcast) {
    /* A scalar repeated is repeated in any shape; one that fills whole axes keeps doing so around unit axes.
     */
    const tw_expr small = tw_input_of(x, 0);
    const tw_shape shape = tw_shape_of(small);
    if (tw_size_of(small) == 1) return tw_broadcast(reshape_to(small, &TW_SCALAR), to);
    if (same_but_units(&from, &to) && same_but_units(&shape, &to)) return reshape_to(small, &to);
  }
  return TW_NONE;
}

static tw_expr reshape_jvp(tw_expr node, const tw_expr *tangents) {
  const tw_shape shape = tw_shape_of(node);
  return reshape_to(tangents[0], &shape);
}

static void reshape_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const tw_shape shape = tw_shape_of(tw_input_of(node, 0));
  cotangents[0] = tw_reshape(cotangent, shape);
}

static tw_expr reshape_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  (void)batched;
  return tw_reshape(in[0], tw_shape_insert(tw_shape_of(node), 0, size));
}

static tw_expr reshape_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape from[] = {{2, {3, 4}}, {0, {0}}, {1, {6}}, {3, {2, 1, 3}}, {2, {0, 3}}};
  static const tw_shape to[] = {{3, {2, 2, 3}}, {2, {1, 1}}, {2, {2, -1}}, {1, {6}}, {2, {5, 0}}};
  return variant < 5 ? tw_reshape(tw_input(graph, "x", dtype, from[variant]), to[variant]) : TW_NONE;
}

const tw_op tw_op_reshape = {.name = "reshape",
                             .summary = "the same elements in another shape",
                             .kind = TW_OP_KIND_MOVEMENT,
                             .flags = TW_OP_ALIAS,
                             .arity = 1,
                             .attr_bytes = sizeof(tw_shape_attr),
                             .infer = reshape_infer,
                             .simplify = reshape_simplify,
                             .kernel = tw_copy_kernel,
                             .alias = tw_alias_start,
                             .jvp = reshape_jvp,
                             .vjp = reshape_vjp,
                             .batch = reshape_batch,
                             .flops = tw_flops_none,
                             .example = reshape_example,
                             .low = -2,
                             .high = 2};

/* Replaces the one extent -1 by what the number of elements leaves for it. */
static bool fill_extent(tw_expr x, tw_shape *shape) {
  const tw_shape from = tw_shape_of(x);
  int unknown = -1;
  for (int k = 0; k < shape->rank; k++) {
    if (shape->dim[k] != -1) continue;
    if (unknown >= 0) return tw_fail_shapes(x.graph, "reshape", &from, shape, "leave two extents open");
    unknown = k;
  }
  if (unknown < 0) return true;
  shape->dim[unknown] = 1;
  const int64_t rest = tw_shape_size(shape);
  if (rest > 0 && tw_size_of(x) % rest == 0) {
    shape->dim[unknown] = tw_size_of(x) / rest;
    return true;
  }
  shape->dim[unknown] = -1;
  return tw_fail_shapes(x.graph, "reshape", &from, shape,
                        "do not have as many elements for any extent at -1");
}

tw_expr tw_reshape(tw_expr x, tw_shape shape) {
  if (!tw_operands("reshape", 1, &x) || !fill_extent(x, &shape)) return TW_NONE;
  return reshape_to(x, &shape);
}

tw_expr tw_ravel(tw_expr x) {
  if (!tw_operands("ravel", 1, &x)) return TW_NONE;
  return tw_reshape(x, TW_SHAPE(tw_size_of(x)));
}

tw_expr tw_expand(tw_expr x, int axis) {
  if (!tw_operands("expand", 1, &x)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x);
  char text[TW_SHAPE_TEXT];
  if (axis < 0) axis += shape.rank + 1;
  if (shape.rank == TW_MAX_RANK || axis < 0 || axis > shape.rank)
    return tw_graph_fail(x.graph, TW_ERR_SHAPE, "expand: no new axis fits at %d of shape %s", axis,
                         tw_shape_text(&shape, text));
  return tw_reshape(x, tw_shape_insert(shape, axis, 1));
}

tw_expr tw_squeeze(tw_expr x, int axis) {
  if (!tw_operands("squeeze", 1, &x)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x);
  char text[TW_SHAPE_TEXT];
  if (!tw_axis_check(x.graph, "squeeze", &shape, &axis)) return TW_NONE;
  if (shape.dim[axis] != 1)
    return tw_graph_fail(x.graph, TW_ERR_SHAPE, "squeeze: axis %d of shape %s is not of extent 1", axis,
                         tw_shape_text(&shape, text));
  return tw_reshape(x, tw_shape_remove(shape, axis));
}
