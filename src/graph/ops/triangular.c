/* triangular_solve: op(T) X = B, T the lower or upper triangle of a matrix, the other one never read. */
#include "graph/ops/linalg.h"

typedef struct triangular_attr {
  int64_t upper, transpose;
} triangular_attr;

static bool triangular_infer(const tw_args *args, tw_type *type) {
  return tw_infer_solve(args, 1, type);
}

static void triangular_tile(const tw_call *call, tw_dtype dtype, int64_t n, const void *matrix, void *x,
                            int64_t cols, int64_t ldx) {
  const triangular_attr *attr = tw_attr_of(call->node);
  tw_dense_trsm(dtype, attr->upper, attr->transpose, false, n, cols, matrix, n, x, ldx);
}

static tw_status triangular_kernel(const tw_call *call) {
  tw_expr l = tw_input_of(call->node, 0);
  tw_shape shape = tw_shape_of(l);
  int64_t n = shape.dim[shape.rank - 1], count = tw_stack_count(&shape, 2);
  char text[32];
  for (int64_t entry = 0; entry < count; entry++)
    for (int64_t i = 0; i < n; i++)
      if (tw_dense_get(tw_dtype_of(l), call->in[0], (entry * n + i) * n + i) == 0)
        return tw_fail(call->error, TW_ERR_SINGULAR, "triangular_solve: the diagonal%s is zero in row %lld",
                       tw_stack_entry(count, entry, text), (long long)i);
  tw_solve_run(call, 0, n * n, 1, triangular_tile);
  return TW_OK;
}

static void triangular_entry(tw_emitter *e, tw_expr node, int64_t n, int64_t k, const char *matrix,
                             const char *b, const char *x) {
  const triangular_attr *attr = tw_attr_of(node);
  const char *type = tw_c_short(tw_dtype_of(node));
  tw_emit_fail_if(e, "rt_zero_%s(%lld, %s, %lld)", type, (long long)n, matrix, (long long)n + 1);
  tw_emit_line(e, "rt_triangular_%s(%d, %d, 0, %lld, %lld, %s, %lld, %s, %s);", type, attr->upper != 0,
               attr->transpose != 0, (long long)n, (long long)k, matrix, (long long)n, b, x);
}

static void triangular_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_shape shape = tw_shape_of(tw_input_of(node, 0));
  const int64_t n = shape.dim[shape.rank - 1];
  tw_emit_solve(e, node, 0, n * n, 1, in, out, triangular_entry);
}

static tw_expr solve(tw_expr node, tw_expr b, bool transpose) {
  triangular_attr attr = *(const triangular_attr *)tw_attr_of(node);
  attr.transpose = transpose;
  return tw_node(node.graph, &tw_op_triangular_solve, 2, (tw_expr[]){tw_input_of(node, 0), b}, &attr);
}

static tw_expr triangle(tw_expr node, tw_expr e) {
  return ((const triangular_attr *)tw_attr_of(node))->upper ? tw_triu(e, 0) : tw_tril(e, 0);
}

/* op(T) dX = dB - op(dT) X */
static tw_expr triangular_jvp(tw_expr node, const tw_expr *tangents) {
  bool transpose = ((const triangular_attr *)tw_attr_of(node))->transpose;
  tw_expr rhs = tangents[1];
  if (!tw_is_none(tangents[0]))
    rhs = tw_sum_or(rhs, tw_neg(tw_product_of(triangle(node, tangents[0]), transpose, node, false)));
  return tw_is_none(rhs) ? rhs : solve(node, tw_broadcast(rhs, tw_shape_of(node)), transpose);
}

/* op(T)' S = G; B gets S, op(T) gets -S X'. */
static void triangular_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  bool transpose = ((const triangular_attr *)tw_attr_of(node))->transpose;
  tw_expr s = solve(node, cotangent, !transpose);
  tw_expr outer = transpose ? tw_product_of(node, false, s, true) : tw_product_of(s, false, node, true);
  cotangents[0] = tw_unbroadcast(tw_neg(triangle(node, outer)), tw_shape_of(tw_input_of(node, 0)));
  cotangents[1] = tw_unbroadcast(s, tw_shape_of(tw_input_of(node, 1)));
}

static double triangular_flops(tw_expr node) {
  return tw_solve_flops(node) / 2;
}

static tw_expr triangular_example(tw_graph *graph, tw_dtype dtype, int variant) {
  if (variant >= 6) return TW_NONE;
  bool upper = variant % 2 != 0, transpose = variant / 2 % 2 != 0;
  tw_shape shapes[][2] = {{TW_SHAPE(3, 3), TW_SHAPE(3, 2)}, {TW_SHAPE(2, 3, 3), TW_SHAPE(2, 3)}};
  tw_shape shape = shapes[variant / 4][0];
  tw_expr l = tw_add(tw_input(graph, "l", dtype, shape), tw_scale(tw_eye(graph, dtype, 3, 3), 4));
  if (variant == 1) return tw_triangular_solve(l, tw_input(graph, "b", dtype, TW_SHAPE(3)), upper, transpose);
  return tw_triangular_solve(l, tw_input(graph, "b", dtype, shapes[variant / 4][1]), upper, transpose);
}

const tw_op tw_op_triangular_solve = {
    .name = "triangular_solve",
    .summary = "solution of a triangular system",
    .kind = TW_OP_KIND_FACTORIZATION,
    .arity = 2,
    .attr_bytes = sizeof(triangular_attr),
    .infer = triangular_infer,
    .kernel = triangular_kernel,
    .jvp = triangular_jvp,
    .vjp = triangular_vjp,
    .batch = tw_stack_batch,
    .flops = triangular_flops,
    .emit = triangular_emit,
    .example = triangular_example,
    .low = -1,
    .high = 1,
};

tw_expr tw_triangular_solve(tw_expr l, tw_expr b, bool upper, bool transpose) {
  tw_expr in[] = {l, b};
  if (!tw_linalg_operands("triangular_solve", 2, in)) return TW_NONE;
  int rank = tw_shape_of(b).rank;
  bool vector = rank == 1 || rank == tw_shape_of(l).rank - 1;
  in[1] = tw_solve_columns(in[1], vector);
  triangular_attr attr = {upper, transpose};
  tw_expr x = tw_node(l.graph, &tw_op_triangular_solve, 2, in, &attr);
  return vector ? tw_squeeze(x, -1) : x;
}
