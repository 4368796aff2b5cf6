/* prod. Its derivative is exact at zeros: the product is a tree of pairwise products, and tangents and
 * cotangents go up and down that tree, level by level, in O(n) operations that are themselves differentiable.
 */
#include "graph/ops/reduce.h"

#define LEVELS 64

static bool prod_infer(const tw_args *args, tw_type *type) {
  if (!tw_reduce_infer(args, type)) return false;
  if (tw_dtype_get(type->dtype)->kind != TW_KIND_FLOAT) type->dtype = TW_I64;
  return true;
}

static tw_status prod_kernel(const tw_call *call) {
  return tw_reduce_run(call, TW_FOLD_PROD, TW_FOLD_PROD);
}

/* x [outer, n, inner] with n made even by `filler`, as pairs [outer, n/2, 2, inner]. */
static tw_expr pairs_of(tw_expr x, double filler) {
  const tw_shape shape = tw_shape_of(x);
  if (shape.dim[1] % 2) {
    const tw_expr more = tw_fill(x.graph, tw_dtype_of(x), TW_SHAPE(shape.dim[0], 1, shape.dim[2]), filler);
    x = tw_concat(2, (tw_expr[]){x, more}, 1);
  }
  return tw_reshape(x, TW_SHAPE(shape.dim[0], (shape.dim[1] + 1) / 2, 2, shape.dim[2]));
}

/* The first (side 0) or second of each pair: [outer, n/2, inner]. */
static tw_expr side_of(tw_expr pairs, int side) {
  return tw_squeeze(tw_slice(pairs, 2, side, 1, 1), 2);
}

static tw_expr as_middle(tw_expr node, tw_expr x) {
  const tw_extents e = tw_reduce_extents(node);
  return tw_reshape(x, TW_SHAPE(e.outer, e.middle, e.inner));
}

/* (p, t) -> (p0 p1, t0 p1 + p0 t1) on every pair. */
static tw_expr prod_jvp(tw_expr node, const tw_expr *tangents) {
  const tw_extents e = tw_reduce_extents(node);
  if (e.middle == 0) return TW_NONE;
  tw_expr p = as_middle(node, tw_input_of(node, 0)), t = as_middle(node, tangents[0]);
  for (int64_t n = e.middle; n > 1; n = (n + 1) / 2) {
    const tw_expr pp = pairs_of(p, 1), tt = pairs_of(t, 0);
    const tw_expr left = tw_mul(side_of(tt, 0), side_of(pp, 1)),
                  right = tw_mul(side_of(pp, 0), side_of(tt, 1));
    t = tw_add(left, right);
    p = tw_mul(side_of(pp, 0), side_of(pp, 1));
  }
  return tw_reshape(t, tw_shape_of(node));
}

/* Going down, each of a pair gets the cotangent of their product times the other. */
static void prod_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const tw_extents e = tw_reduce_extents(node);
  const tw_shape shape = tw_shape_of(tw_input_of(node, 0));
  tw_expr level[LEVELS], p = as_middle(node, tw_input_of(node, 0));
  int depth = 0;
  if (e.middle == 0) return;
  for (int64_t n = e.middle; n > 1; n = (n + 1) / 2) {
    level[depth++] = p;
    const tw_expr pairs = pairs_of(p, 1);
    p = tw_mul(side_of(pairs, 0), side_of(pairs, 1));
  }
  tw_expr c = tw_reshape(cotangent, TW_SHAPE(e.outer, 1, e.inner));
  while (depth-- > 0) {
    const int64_t n = tw_shape_of(level[depth]).dim[1], pairs = (n + 1) / 2;
    if (n < 2) return; /* the graph has failed */
    const tw_expr others = tw_slice(pairs_of(level[depth], 1), 2, 1, 2, -1);
    c = tw_reshape(tw_mul(tw_expand(c, 2), others), TW_SHAPE(e.outer, 2 * pairs, e.inner));
    c = tw_slice(c, 1, 0, n, 1);
  }
  cotangents[0] = tw_reshape(c, shape);
}

static void prod_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_reduce_emit(e, node, tw_dtype_get(tw_dtype_of(node))->kind == TW_KIND_FLOAT ? "prod" : "whole_prod", in,
                 out);
}

static tw_expr prod_example(tw_graph *graph, tw_dtype dtype, int variant) {
  /* Products of hundreds of factors leave the range of f32. */
  static const tw_shape shape[] = {{2, {3, 4}}, {2, {3, 5}}, {3, {2, 3, 2}}, {1, {1}}, {1, {7}}, {2, {3, 0}}};
  static const unsigned axes[] = {TW_ALL, 2u, 5u, 1u, 1u, 2u};
  if (variant >= 6) return TW_NONE;
  return tw_prod(tw_input(graph, "x", dtype, shape[variant]), axes[variant], variant % 2);
}

const tw_op tw_op_prod = {.name = "prod",
                          .summary = "product over axes",
                          .kind = TW_OP_KIND_REDUCTION,
                          .arity = 1,
                          .attr_bytes = sizeof(tw_axes_attr),
                          .infer = prod_infer,
                          .simplify = tw_reduce_trivial,
                          .kernel = prod_kernel,
                          .scratch = tw_reduce_scratch,
                          .jvp = prod_jvp,
                          .vjp = prod_vjp,
                          .batch = tw_reduce_batch,
                          .flops = tw_reduce_flops,
                          .emit = prod_emit,
                          .example = prod_example,
                          .low = -1.6,
                          .high = 1.6};

tw_expr tw_prod(tw_expr x, unsigned axes, bool keep) {
  const tw_expr product = tw_reduce_build(&tw_op_prod, x, axes, keep);
  if (tw_is_none(product)) return product;
  return tw_dtype_get(tw_dtype_of(product))->kind == TW_KIND_FLOAT ? product : tw_cast(product, TW_I64);
}
