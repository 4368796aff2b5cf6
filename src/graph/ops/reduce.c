/* What reductions share: axes, shape rule, batching rule, examples. */
#include "graph/ops/reduce.h"
#include "graph/emit/emit.h"

tw_axes_attr tw_reduce_axes(tw_expr node) {
  return *(const tw_axes_attr *)tw_attr_of(node);
}

tw_extents tw_reduce_extents(tw_expr node) {
  const tw_axes_attr axes = tw_reduce_axes(node);
  const tw_shape shape = tw_shape_of(tw_input_of(node, 0));
  return tw_shape_split(&shape, (int)axes.first, (int)axes.count);
}

bool tw_mask_check(const char *op, tw_expr x, unsigned *axes) {
  const tw_shape shape = tw_shape_of(x);
  const unsigned all = (1u << shape.rank) - 1;
  char text[TW_SHAPE_TEXT];
  if (*axes == TW_ALL) *axes = all;
  if (!(*axes & ~all)) return true;
  tw_graph_fail(x.graph, TW_ERR_SHAPE, "%s: the axes 0x%x are not all in shape %s", op, *axes,
                tw_shape_text(&shape, text));
  return false;
}

tw_expr tw_reduce_node(const tw_op *op, tw_expr x, tw_axes_attr axes) {
  return tw_node(x.graph, op, 1, &x, &axes);
}

tw_expr tw_reduce_build(const tw_op *op, tw_expr x, unsigned axes, bool keep) {
  if (!tw_operands(op->name, 1, &x) || !tw_mask_check(op->name, x, &axes)) return TW_NONE;
  tw_shape kept = tw_shape_of(x);
  for (int k = kept.rank - 1; k >= 0; k--) {
    if (!(axes >> k & 1)) continue;
    tw_axes_attr group = {k, 1};
    for (; k > 0 && axes >> (k - 1) & 1; k--) group = (tw_axes_attr){k - 1, group.count + 1};
    for (int64_t j = group.first; j < group.first + group.count; j++) kept.dim[j] = 1;
    x = tw_reduce_node(op, x, group);
  }
  return keep && !tw_is_none(x) ? tw_reshape(x, kept) : x;
}

bool tw_reduce_infer(const tw_args *args, tw_type *type) {
  const tw_axes_attr *axes = args->attr;
  const tw_shape shape = tw_shape_of(args->in[0]);
  char text[TW_SHAPE_TEXT];
  if (axes->first < 0 || axes->count < 1 || axes->count > shape.rank - axes->first) {
    tw_graph_fail(args->graph, TW_ERR_SHAPE, "%s: %lld axes from %lld on are not in shape %s", args->op->name,
                  (long long)axes->count, (long long)axes->first, tw_shape_text(&shape, text));
    return false;
  }
  type->dtype = tw_dtype_of(args->in[0]);
  type->shape = shape;
  for (int64_t k = 0; k < axes->count; k++) type->shape = tw_shape_remove(type->shape, (int)axes->first);
  return true;
}

bool tw_reduce_infer_some(const tw_args *args, tw_type *type) {
  const tw_axes_attr *axes = args->attr;
  const tw_shape shape = tw_shape_of(args->in[0]);
  char text[TW_SHAPE_TEXT];
  if (!tw_reduce_infer(args, type)) return false;
  if (tw_shape_split(&shape, (int)axes->first, (int)axes->count).middle > 0) return true;
  tw_graph_fail(args->graph, TW_ERR_SHAPE, "%s: no elements along the reduced axes of shape %s",
                args->op->name, tw_shape_text(&shape, text));
  return false;
}

tw_expr tw_reduce_restore(tw_expr node, tw_expr reduced) {
  const tw_axes_attr axes = tw_reduce_axes(node);
  tw_shape shape = tw_shape_of(tw_input_of(node, 0));
  for (int64_t k = axes.first; k < axes.first + axes.count; k++) shape.dim[k] = 1;
  return tw_reshape(reduced, shape);
}

tw_expr tw_reduce_trivial(const tw_args *args) {
  const tw_axes_attr *axes = args->attr;
  const tw_shape shape = tw_shape_of(args->in[0]);
  tw_type type;
  if (tw_shape_split(&shape, (int)axes->first, (int)axes->count).middle != 1) return TW_NONE;
  return args->op->infer(args, &type) ? tw_cast(tw_reshape(args->in[0], type.shape), type.dtype) : TW_NONE;
}

void tw_reduce_emit(tw_emitter *e, tw_expr node, const char *name, const char *const *in, const char *out) {
  const tw_extents x = tw_reduce_extents(node);
  tw_emit_line(e, "rt_%s_%s(%lld, %lld, %lld, %s, %s);", name, tw_c_short(tw_dtype_of(tw_input_of(node, 0))),
               (long long)x.outer, (long long)x.middle, (long long)x.inner, in[0], out);
}

tw_expr tw_reduce_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  tw_axes_attr axes = tw_reduce_axes(node);
  (void)size, (void)batched;
  axes.first++;
  return tw_reduce_node(tw_op_of(node), in[0], axes);
}

double tw_reduce_flops(tw_expr node) {
  return tw_flops_of_size(tw_input_of(node, 0));
}

tw_expr tw_reduce_example(const tw_op *op, bool identity, tw_graph *graph, tw_dtype dtype, int variant) {
  static const struct {
    tw_shape shape;
    unsigned axes;
    bool keep;
  } example[] = {{{2, {3, 4}}, TW_ALL, false}, {{2, {3, 4}}, 2u, false},    {{2, {3, 4}}, 1u, true},
                 {{3, {2, 3, 4}}, 5u, false},  {{3, {2, 3, 4}}, 2u, true},  {{4, {2, 3, 2, 3}}, 10u, true},
                 {{1, {7}}, 1u, true},         {{3, {2, 1, 3}}, 6u, false}, {{2, {300, 3}}, 1u, false},
                 {{1, {300}}, TW_ALL, false},  {{2, {3, 0}}, 1u, false},    {{2, {0, 3}}, 1u, false}};
  const int variants = (int)(sizeof example / sizeof *example);
  if (variant >= (identity ? variants : variants - 1)) return TW_NONE; /* the last one reduces nothing */
  const tw_expr x = tw_input(graph, "x", dtype, example[variant].shape);
  return tw_reduce_build(op, x, example[variant].axes, example[variant].keep);
}
