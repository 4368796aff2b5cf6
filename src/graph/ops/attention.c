/* attention as an op: its type, its rules, its C. The kernel keeps no matrix of scores (attention_kernel.c); derivatives are
 * expressions that do. */
#include "graph/ops/attention.h"

#include <math.h>

tw_attention_shape tw_attention_shape_of(tw_expr node) {
  const tw_attention_attr *attr = tw_attr_of(node);
  const tw_shape q = tw_shape_of(tw_input_of(node, 0)), k = tw_shape_of(tw_input_of(node, 1)), o = tw_shape_of(node);
  tw_attention_shape s = {.dtype = tw_dtype_of(node), .stack = tw_stack_count(&o, 2), .scale = attr->scale};
  s.nq = q.dim[q.rank - 2];
  s.d = q.dim[q.rank - 1];
  s.nk = k.dim[k.rank - 2];
  s.e = o.dim[o.rank - 1];
  s.ahead = attr->causal ? s.nk - s.nq + 1 : s.nk;
  return s;
}

static bool attention_infer(const tw_args *args, tw_type *type) {
  const tw_attention_attr *attr = args->attr;
  const tw_shape q = tw_shape_of(args->in[0]), k = tw_shape_of(args->in[1]), v = tw_shape_of(args->in[2]);
  type->dtype = tw_dtype_of(args->in[0]);
  if (!tw_is_real(type->dtype) || tw_dtype_of(args->in[1]) != type->dtype || tw_dtype_of(args->in[2]) != type->dtype) {
    tw_graph_fail(args->graph, TW_ERR_DTYPE, "attention: queries, keys and values are of one dtype, f64 or f32");
    return false;
  }
  if (!isfinite(attr->scale)) {
    tw_graph_fail(args->graph, TW_ERR_ARGUMENT, "attention: the scale is not finite");
    return false;
  }
  if (q.rank < 2 || k.rank != q.rank || q.dim[q.rank - 1] != k.dim[k.rank - 1])
    return tw_fail_shapes(args->graph, "attention", &q, &k, "of queries and keys: expected [.., nq, d] and [.., nk, d]");
  if (v.rank != k.rank || v.dim[v.rank - 2] != k.dim[k.rank - 2])
    return tw_fail_shapes(args->graph, "attention", &k, &v, "of keys and values: expected [.., nk, d] and [.., nk, e]");
  for (int i = 0; i < q.rank - 2; i++)
    if (q.dim[i] != k.dim[i] || q.dim[i] != v.dim[i])
      return tw_fail_shapes(args->graph, "attention", &q, q.dim[i] != k.dim[i] ? &k : &v, "have other leading axes");
  if (attr->causal && k.dim[k.rank - 2] < q.dim[q.rank - 2])
    return tw_fail_shapes(args->graph, "attention", &q, &k, "cannot be causal: more queries than keys");
  type->shape = q;
  type->shape.dim[q.rank - 1] = v.dim[v.rank - 1];
  return tw_infer_int(args, q.dim[q.rank - 2]) && tw_infer_int(args, q.dim[q.rank - 1]) &&
         tw_infer_int(args, k.dim[k.rank - 2]) && tw_infer_int(args, v.dim[v.rank - 1]);
}

/* ------------------------------------------------------------------ rules */

/* P = softmax(scale Q K'), where query i sees keys j <= i + nk - nq when it is causal. */
static tw_expr weights(tw_expr q, tw_expr k, const tw_attention_attr *attr) {
  tw_expr s = tw_scale(tw_product_of(q, false, k, true), attr->scale);
  const tw_shape shape = tw_shape_of(s);
  if (tw_is_none(s)) return TW_NONE;
  const int64_t nq = shape.dim[shape.rank - 2], nk = shape.dim[shape.rank - 1];
  if (attr->causal && nq > 1) {
    const tw_expr row = tw_expand(tw_add(tw_iota(q.graph, TW_I64, nq), tw_integer(q.graph, nk - nq)), -1);
    s = tw_where(tw_le(tw_iota(q.graph, TW_I64, nk), row), s, tw_weak(s, -INFINITY));
  }
  return tw_softmax(s, -1);
}

static tw_expr weights_of(tw_expr node) {
  return weights(tw_input_of(node, 0), tw_input_of(node, 1), tw_attr_of(node));
}

/* scale P (t - sum_j P t): softmax's derivative applied to t, or its adjoint. */
static tw_expr scores_along(tw_expr node, tw_expr p, tw_expr t) {
  const unsigned last = 1u << (tw_shape_of(p).rank - 1);
  const tw_expr mean = tw_sum(tw_mul(p, t), last, true);
  return tw_scale(tw_mul(p, tw_sub(t, mean)), ((const tw_attention_attr *)tw_attr_of(node))->scale);
}

static tw_expr attention_jvp(tw_expr node, const tw_expr *t) {
  const tw_expr q = tw_input_of(node, 0), k = tw_input_of(node, 1), v = tw_input_of(node, 2), p = weights_of(node);
  const tw_expr left = tw_is_none(t[0]) ? TW_NONE : tw_product_of(t[0], false, k, true);
  const tw_expr right = tw_is_none(t[1]) ? TW_NONE : tw_product_of(q, false, t[1], true);
  const tw_expr s = tw_sum_or(left, right);
  const tw_expr of_scores = tw_is_none(s) ? TW_NONE : tw_product_of(scores_along(node, p, s), false, v, false);
  const tw_expr of_values = tw_is_none(t[2]) ? TW_NONE : tw_product_of(p, false, t[2], false);
  return tw_sum_or(of_scores, of_values);
}

/* With G the cotangent of O = P V: V gets P'G; the scores S get, by softmax's adjoint, what P gets, G V'; and from
 * S = scale Q K', Q gets dS K and K gets dS'Q. */
static void attention_vjp(tw_expr node, tw_expr g, tw_expr *cotangents) {
  const tw_expr q = tw_input_of(node, 0), k = tw_input_of(node, 1), v = tw_input_of(node, 2), p = weights_of(node);
  const bool values_alone = tw_is_unasked(cotangents[0]) && tw_is_unasked(cotangents[1]);
  if (!tw_is_unasked(cotangents[2])) cotangents[2] = tw_product_of(p, true, g, false);
  if (values_alone) return;
  const tw_expr s = scores_along(node, p, tw_product_of(g, false, v, true));
  if (!tw_is_unasked(cotangents[0])) cotangents[0] = tw_product_of(s, false, k, false);
  if (!tw_is_unasked(cotangents[1])) cotangents[1] = tw_product_of(s, true, q, false);
}

static tw_expr attention_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  tw_expr x[3];
  for (int i = 0; i < 3; i++)
    x[i] = batched[i] ? in[i] : tw_broadcast(in[i], tw_shape_insert(tw_shape_of(in[i]), 0, size));
  return tw_node(node.graph, &tw_op_attention, 3, x, tw_attr_of(node));
}

double tw_attention_pairs(const tw_attention_shape *s) {
  const double nq = (double)s->nq, nk = (double)s->nk;
  return s->ahead == s->nk ? nq * nk : nq * (nk - nq) + nq * (nq + 1) / 2;
}

/* 2 d for a score, 2 e for its share of the values, 5 for softmax. */
static double attention_flops(tw_expr node) {
  const tw_attention_shape s = tw_attention_shape_of(node);
  return (double)s.stack * tw_attention_pairs(&s) * (2.0 * (double)s.d + 2.0 * (double)s.e + 5);
}

/* Queries and results once, keys and values once for each tile of queries. */
static double attention_moved(tw_expr node, const void *prepared) {
  const tw_attention_shape s = tw_attention_shape_of(node);
  const int64_t rows = tw_attention_rows(&s), width = s.d + s.e;
  const double tiles = (double)((s.nq + rows - 1) / rows);
  (void)prepared;
  return (double)tw_dtype_get(s.dtype)->size * (double)s.stack * (double)width * ((double)s.nq + tiles * (double)s.nk);
}

/* ------------------------------------------------------------------ C */

static void attention_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_attention_shape s = tw_attention_shape_of(node);
  tw_text scale = {0};
  tw_emit_literal(&scale, TW_F64, &s.scale);
  tw_emit_line(e, "rt_attention_%s(%lld, %lld, %lld, %lld, %lld, %lld, %s, %s, %s, %s, %s);", tw_c_short(s.dtype),
               (long long)s.stack, (long long)s.nq, (long long)s.nk, (long long)s.d, (long long)s.e, (long long)s.ahead,
               scale.data ? scale.data : "0", in[0], in[1], in[2], out);
  if (scale.failed) e->status = tw_fail(e->error, TW_ERR_MEMORY, "out of memory writing C");
  tw_text_free(&scale);
}

static tw_expr attention_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const struct {
    int64_t stack, nq, nk, d, e;
    bool causal;
    double scale;
  } of[] = {
      {0, 3, 4, 2, 3, false, 0}, {0, 3, 3, 2, 2, true, 0.5}, {2, 2, 4, 3, 2, true, 0}, {2, 1, 3, 2, 2, false, -1},
      {0, 1, 1, 1, 1, true, 0},  {2, 0, 3, 2, 2, false, 0},  {0, 2, 0, 2, 3, false, 0}, {1, 2, 3, 2, 0, false, 0},
  };
  if (variant >= (int)(sizeof of / sizeof *of)) return TW_NONE;
  const int64_t b = of[variant].stack, nq = of[variant].nq, nk = of[variant].nk, d = of[variant].d, e = of[variant].e;
  const tw_expr q = tw_input(graph, "q", dtype, b ? TW_SHAPE(b, nq, d) : TW_SHAPE(nq, d));
  const tw_expr k = tw_input(graph, "k", dtype, b ? TW_SHAPE(b, nk, d) : TW_SHAPE(nk, d));
  const tw_expr v = tw_input(graph, "v", dtype, b ? TW_SHAPE(b, nk, e) : TW_SHAPE(nk, e));
  return tw_attention(q, k, v, &(tw_attention_options){.causal = of[variant].causal, .scale = of[variant].scale});
}

const tw_op tw_op_attention = {
    .name = "attention",
    .summary = "softmax(scale Q K') V, without a matrix of scores",
    .kind = TW_OP_KIND_ATTENTION,
    .arity = 3,
    .attr_bytes = sizeof(tw_attention_attr),
    .infer = attention_infer,
    .kernel = tw_attention_kernel,
    .scratch = tw_attention_scratch,
    .jvp = attention_jvp,
    .vjp = attention_vjp,
    .batch = attention_batch,
    .flops = attention_flops,
    .moved = attention_moved,
    .emit = attention_emit,
    .example = attention_example,
    .low = -2,
    .high = 2,
};

/* ------------------------------------------------------------------ builders */

/* Operands of one floating dtype, their leading axes broadcast together; the scale by default. */
static bool prepare(tw_expr x[3], const tw_attention_options *options, tw_attention_attr *attr) {
  if (!tw_linalg_operands("attention", 3, x)) return false;
  tw_shape shape[3], stack = TW_SCALAR;
  for (int i = 0; i < 3; i++) {
    shape[i] = tw_shape_of(x[i]);
    if (shape[i].rank < 2) return tw_fail_shapes(x[0].graph, "attention", &shape[0], &shape[i], "expected [.., n, d]");
    tw_shape leading = shape[i];
    leading.rank -= 2;
    leading.dim[leading.rank] = leading.dim[leading.rank + 1] = 0;
    if (!tw_shape_broadcast(&stack, &leading, &stack))
      return tw_fail_shapes(x[0].graph, "attention", &shape[0], &shape[i], "have other leading axes");
  }
  for (int i = 0; i < 3; i++) {
    tw_shape whole = stack;
    whole.dim[whole.rank++] = shape[i].dim[shape[i].rank - 2];
    whole.dim[whole.rank++] = shape[i].dim[shape[i].rank - 1];
    x[i] = tw_broadcast(x[i], whole);
  }
  const double d = (double)shape[0].dim[shape[0].rank - 1];
  *attr = (tw_attention_attr){.scale = options ? options->scale : 0, .causal = options && options->causal};
  if (attr->scale == 0) attr->scale = d > 0 ? 1 / sqrt(d) : 1;
  return tw_graph_status(x[0].graph) == TW_OK;
}

tw_expr tw_attention(tw_expr q, tw_expr k, tw_expr v, const tw_attention_options *options) {
  tw_expr x[3] = {q, k, v};
  tw_attention_attr attr;
  return prepare(x, options, &attr) ? tw_node(x[0].graph, &tw_op_attention, 3, x, &attr) : TW_NONE;
}

tw_expr tw_attention_unfused(tw_expr q, tw_expr k, tw_expr v, const tw_attention_options *options) {
  tw_expr x[3] = {q, k, v};
  tw_attention_attr attr;
  tw_type type;
  if (!prepare(x, options, &attr)) return TW_NONE;
  const tw_args args = {x[0].graph, &tw_op_attention, 3, x, &attr};
  return attention_infer(&args, &type) ? tw_product_of(weights(x[0], x[1], &attr), false, x[2], false) : TW_NONE;
}
