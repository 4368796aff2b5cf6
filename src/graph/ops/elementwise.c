/* What the element-wise ops share: shape rules, builders, the simplification of repeated operands, examples.
 */
#include "graph/ops/elementwise.h"

bool tw_infer_broadcast(const tw_args *args, tw_shape *shape) {
  *shape = tw_shape_of(args->in[0]);
  for (int i = 1; i < args->n; i++) {
    const tw_shape next = tw_shape_of(args->in[i]);
    if (!tw_shape_broadcast(shape, &next, shape))
      return tw_fail_shapes(args->graph, args->op->name, shape, &next, "do not broadcast");
  }
  return tw_shape_possible(args->graph, args->op->name, shape);
}

/* All operands of one dtype, and of a kind in `kinds` (a mask of 1 << tw_dtype_kind). */
static bool infer_same(const tw_args *args, unsigned kinds, const char *expected, tw_type *type) {
  const tw_dtype dtype = tw_dtype_of(args->in[0]);
  for (int i = 1; i < args->n; i++) {
    const tw_dtype other = tw_dtype_of(args->in[i]);
    if (other == dtype) continue;
    tw_graph_fail(args->graph, TW_ERR_DTYPE, "%s: operands are %s and %s, expected equal dtypes",
                  args->op->name, tw_dtype_get(dtype)->name, tw_dtype_get(other)->name);
    return false;
  }
  if (!(kinds & 1u << tw_dtype_get(dtype)->kind)) {
    tw_graph_fail(args->graph, TW_ERR_DTYPE, "%s: operand is %s, expected %s", args->op->name,
                  tw_dtype_get(dtype)->name, expected);
    return false;
  }
  type->dtype = dtype;
  return tw_infer_broadcast(args, &type->shape);
}

bool tw_infer_numeric(const tw_args *args, tw_type *type) {
  return infer_same(args, 1u << TW_KIND_FLOAT | 1u << TW_KIND_INTEGER, "numbers", type);
}

bool tw_infer_float(const tw_args *args, tw_type *type) {
  return infer_same(args, 1u << TW_KIND_FLOAT, "f64 or f32", type);
}

bool tw_infer_compare(const tw_args *args, tw_type *type) {
  bool fits = infer_same(args, ~0u, "any dtype", type);
  type->dtype = TW_BOOL;
  return fits;
}

bool tw_infer_logic(const tw_args *args, tw_type *type) {
  return infer_same(args, 1u << TW_KIND_BOOL, "bool", type);
}

/* What `e` repeats: a scalar for a fill, the smaller array for a broadcast; else e itself. */
static tw_expr unrepeated(tw_expr e) {
  if (tw_op_of(e) == &tw_op_broadcast) return tw_input_of(e, 0);
  if (tw_op_of(e) != &tw_op_fill || tw_shape_of(e).rank == 0) return e;
  return tw_fill(e.graph, tw_dtype_of(e), TW_SCALAR, ((const tw_fill_attr *)tw_attr_of(e))->value);
}

tw_expr tw_simplify_broadcast(const tw_args *args) {
  tw_expr in[TW_MAX_OPERANDS];
  tw_shape shape;
  bool changed = false;
  if (!tw_infer_broadcast(args, &shape)) return TW_NONE;
  for (int i = 0; i < args->n; i++) {
    in[i] = unrepeated(args->in[i]);
    changed |= !tw_same(in[i], args->in[i]);
  }
  if (!changed) return TW_NONE;
  return tw_broadcast(tw_node(args->graph, args->op, args->n, in, args->attr), shape);
}

static tw_dtype promoted(tw_promotion promotion, tw_dtype dtype) {
  const tw_dtype_kind kind = tw_dtype_get(dtype)->kind;
  if (promotion == TW_TO_BOOL) return TW_BOOL;
  if (promotion == TW_TO_FLOAT && kind != TW_KIND_FLOAT) return TW_F64;
  if (promotion == TW_TO_NUMBER && kind == TW_KIND_BOOL) return TW_I64;
  return dtype;
}

tw_expr tw_elementwise_build(const tw_op *op, tw_promotion promotion, int n, const tw_expr *x) {
  tw_expr in[TW_MAX_OPERANDS];
  if (!tw_operands(op->name, n, x)) return TW_NONE;
  tw_dtype dtype = tw_dtype_of(x[0]);
  for (int i = 1; i < n; i++) dtype = tw_dtype_promote(dtype, tw_dtype_of(x[i]));
  dtype = promoted(promotion, dtype);
  for (int i = 0; i < n; i++) in[i] = tw_cast(x[i], dtype);
  return tw_node(x[0].graph, op, n, in, NULL);
}

tw_expr tw_elementwise_example(const tw_op *op, tw_promotion promotion, tw_graph *graph, tw_dtype dtype,
                               int variant) {
  static const tw_shape one[] = {{2, {3, 4}}, {0, {0}}, {1, {5}}, {2, {0, 2}}, {3, {2, 3, 3}}};
  static const tw_shape two[][2] = {{{2, {3, 4}}, {2, {3, 4}}}, {{2, {3, 1}}, {1, {4}}},
                                    {{0, {0}}, {0, {0}}},       {{3, {2, 3, 4}}, {0, {0}}},
                                    {{0, {0}}, {1, {5}}},       {{2, {0, 3}}, {1, {3}}},
                                    {{1, {7}}, {1, {7}}},       {{3, {2, 1, 3}}, {2, {4, 1}}}};
  static const char *const name[] = {"a", "b"};
  const int variants = op->arity == 1 ? (int)(sizeof one / sizeof *one) : (int)(sizeof two / sizeof *two);
  tw_expr in[2];
  if (variant >= variants) return TW_NONE;
  for (int i = 0; i < op->arity; i++) {
    in[i] = tw_input(graph, name[i], dtype, op->arity == 1 ? one[variant] : two[variant][i]);
    if (promotion == TW_TO_BOOL) in[i] = tw_gt(in[i], tw_weak(in[i], 0));
  }
  return tw_elementwise_build(op, promotion, op->arity, in);
}
