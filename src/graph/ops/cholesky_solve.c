/* cholesky_solve: A X = B with A = L L'. Operands A, L and B: the factor is a node of its own that the
 * solution and all its derivatives share; A is there for the derivative rules alone, which are those of the
 * solution of A X = B. */
#include "graph/ops/linalg.h"

static bool cholesky_solve_infer(const tw_args *args, tw_type *type) {
  tw_shape a = tw_shape_of(args->in[0]), l = tw_shape_of(args->in[1]);
  if (!tw_shape_equal(&a, &l))
    return tw_fail_shapes(args->graph, "cholesky_solve", &a, &l, "of matrix and factor differ");
  return tw_infer_solve(args, 2, type);
}

static void cholesky_solve_tile(const tw_call *call, tw_dtype dtype, int64_t n, const void *l, void *x,
                                int64_t cols, int64_t ldx) {
  (void)call;
  tw_dense_trsm(dtype, false, false, false, n, cols, l, n, x, ldx);
  tw_dense_trsm(dtype, false, true, false, n, cols, l, n, x, ldx);
}

static tw_status cholesky_solve_kernel(const tw_call *call) {
  tw_shape shape = tw_shape_of(tw_input_of(call->node, 1));
  int64_t n = shape.dim[shape.rank - 1];
  tw_solve_run(call, 1, n * n, 2, cholesky_solve_tile);
  return TW_OK;
}

static void cholesky_solve_entry(tw_emitter *e, tw_expr node, int64_t n, int64_t k, const char *l,
                                 const char *b, const char *x) {
  tw_emit_line(e, "rt_cholesky_solve_%s(%lld, %lld, %s, %s, %s);", tw_c_short(tw_dtype_of(node)),
               (long long)n, (long long)k, l, b, x);
}

static void cholesky_solve_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_shape shape = tw_shape_of(tw_input_of(node, 1));
  const int64_t n = shape.dim[shape.rank - 1];
  tw_emit_solve(e, node, 1, n * n, 2, in, out, cholesky_solve_entry);
}

static tw_expr solve(tw_expr node, tw_expr b) {
  tw_expr in[] = {tw_input_of(node, 0), tw_input_of(node, 1), b};
  return tw_node(node.graph, &tw_op_cholesky_solve, 3, in, NULL);
}

/* A dX = dB - dA X, dA mirrored from its lower triangle. */
static tw_expr cholesky_solve_jvp(tw_expr node, const tw_expr *tangents) {
  tw_expr rhs = tangents[2];
  if (!tw_is_none(tangents[0])) rhs = tw_sum_or(rhs, tw_neg(tw_matmul(tw_mirror_lower(tangents[0]), node)));
  return tw_is_none(rhs) ? rhs : solve(node, tw_broadcast(rhs, tw_shape_of(node)));
}

/* A S = G; B gets S, A gets fold(-S X'). */
static void cholesky_solve_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  tw_expr s = solve(node, cotangent);
  tw_expr outer = tw_neg(tw_product_of(s, false, node, true));
  cotangents[0] = tw_unbroadcast(tw_fold_lower(outer), tw_shape_of(tw_input_of(node, 0)));
  cotangents[2] = tw_unbroadcast(s, tw_shape_of(tw_input_of(node, 2)));
}

static tw_expr cholesky_solve_example(tw_graph *graph, tw_dtype dtype, int variant) {
  tw_shape a[] = {TW_SHAPE(3, 3), TW_SHAPE(3, 3), TW_SHAPE(2, 3, 3), TW_SHAPE(3, 3)};
  tw_shape b[] = {TW_SHAPE(3, 2), TW_SHAPE(3), TW_SHAPE(3, 2), TW_SHAPE(2, 3, 1)};
  if (variant >= 4) return TW_NONE;
  return tw_cholesky_solve(tw_example_spd(graph, dtype, a[variant]), tw_input(graph, "b", dtype, b[variant]));
}

const tw_op tw_op_cholesky_solve = {
    .name = "cholesky_solve",
    .summary = "solution of a positive definite system",
    .kind = TW_OP_KIND_FACTORIZATION,
    .arity = 3,
    .infer = cholesky_solve_infer,
    .kernel = cholesky_solve_kernel,
    .jvp = cholesky_solve_jvp,
    .vjp = cholesky_solve_vjp,
    .batch = tw_stack_batch,
    .flops = tw_solve_flops,
    .emit = cholesky_solve_emit,
    .example = cholesky_solve_example,
    .low = -1,
    .high = 1,
};

tw_expr tw_cholesky_solve(tw_expr a, tw_expr b) {
  tw_expr in[] = {a, b};
  if (!tw_linalg_operands("cholesky_solve", 2, in)) return TW_NONE;
  bool vector = tw_shape_of(b).rank == 1;
  tw_expr all[] = {in[0], tw_cholesky(in[0]), tw_solve_columns(in[1], vector)};
  tw_expr x = tw_node(a.graph, &tw_op_cholesky_solve, 3, all, NULL);
  return vector ? tw_squeeze(x, -1) : x;
}
