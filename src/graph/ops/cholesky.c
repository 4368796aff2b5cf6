/* cholesky: lower L with A = L L'. It reads the lower triangle: it is the factor of mirror(A), and its
 * derivatives are exactly those of that function of A's elements. So tangents count by their lower triangle,
 * mirrored; cotangents are folded onto the lower triangle (an element off the diagonal stands for two). For
 * symmetric directions that is the derivative with respect to the symmetric matrix. */
#include "graph/ops/linalg.h"

#include <string.h>

static bool cholesky_infer(const tw_args *args, tw_type *type) {
  int64_t n;
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  return tw_infer_square(args, 0, &n);
}

/* Copies the lower triangle, zeros above it, and factors in place. */
static tw_status cholesky_kernel(const tw_call *call) {
  tw_shape shape = tw_shape_of(call->node);
  tw_dtype dtype = tw_dtype_of(call->node);
  int64_t n = shape.dim[shape.rank - 1], count = tw_stack_count(&shape, 2);
  size_t item = tw_dtype_get(dtype)->size;
  char text[32];
  for (int64_t entry = 0; entry < count && n > 0; entry++) {
    const char *a = tw_dense_at(dtype, call->in[0], entry * n * n);
    char *l = tw_dense_put(dtype, call->out, entry * n * n);
    for (int64_t i = 0; i < n; i++) {
      size_t row = (size_t)(i * n) * item, kept = (size_t)(i + 1) * item;
      memcpy(l + row, a + row, kept);
      memset(l + row + kept, 0, (size_t)n * item - kept);
    }
    int64_t order = tw_dense_cholesky(dtype, n, l, n);
    if (order == 0) continue;
    bool finite = true;
    for (int64_t i = 0; i < n; i++) finite &= tw_dense_finite(dtype, i + 1, tw_dense_at(dtype, a, i * n));
    return finite ? tw_fail(call->error, TW_ERR_SINGULAR,
                            "cholesky: the matrix%s is not positive definite at pivot %lld",
                            tw_stack_entry(count, entry, text), (long long)order)
                  : tw_fail(call->error, TW_ERR_NUMERIC, "cholesky: the matrix%s holds NaN or infinity",
                            tw_stack_entry(count, entry, text));
  }
  return TW_OK;
}

static void cholesky_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_emit_matrix_call(e, node, &(tw_matrix_call){.name = "cholesky"}, in, out);
}

/* Phi: the lower triangle with half the diagonal. */
static tw_expr half_lower(tw_expr e) {
  return tw_scale(tw_add(tw_tril(e, 0), tw_tril(e, -1)), 0.5);
}

/* dL = L Phi(L^-1 dA L^-T) (Smith, 1995; Murray, 2016). */
static tw_expr cholesky_jvp(tw_expr node, const tw_expr *tangents) {
  if (tw_is_none(tangents[0])) return TW_NONE;
  tw_expr x = tw_triangular_solve(node, tw_mirror_lower(tangents[0]), false, false);
  tw_expr m = tw_triangular_solve(node, tw_matrix_transpose(x), false, false);
  return tw_matmul(node, half_lower(m));
}

/* The adjoint: A gets fold(L^-T Phi(L' dL) L^-1). */
static void cholesky_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  tw_expr p = half_lower(tw_product_of(node, true, cotangent, false));
  tw_expr y = tw_triangular_solve(node, p, false, true);
  tw_expr s =
      tw_triangular_solve(node, tw_matrix_transpose(y), false, true); /* transposed, all the same to fold */
  cotangents[0] = tw_fold_lower(s);
}

static double cholesky_flops(tw_expr node) {
  tw_shape shape = tw_shape_of(node);
  return (double)tw_size_of(node) * (double)shape.dim[shape.rank - 1] / 3;
}

static tw_expr cholesky_example(tw_graph *graph, tw_dtype dtype, int variant) {
  tw_shape shapes[] = {TW_SHAPE(3, 3), TW_SHAPE(2, 4, 4), TW_SHAPE(1, 1), TW_SHAPE(0, 0)};
  return variant < 4 ? tw_cholesky(tw_example_spd(graph, dtype, shapes[variant])) : TW_NONE;
}

const tw_op tw_op_cholesky = {
    .name = "cholesky",
    .summary = "lower triangular factor of a positive definite matrix",
    .kind = TW_OP_KIND_FACTORIZATION,
    .arity = 1,
    .infer = cholesky_infer,
    .kernel = cholesky_kernel,
    .jvp = cholesky_jvp,
    .vjp = cholesky_vjp,
    .batch = tw_stack_batch,
    .flops = cholesky_flops,
    .emit = cholesky_emit,
    .example = cholesky_example,
    .low = -1,
    .high = 1,
};

tw_expr tw_cholesky(tw_expr a) {
  if (!tw_linalg_operands("cholesky", 1, &a)) return TW_NONE;
  return tw_node(a.graph, &tw_op_cholesky, 1, &a, NULL);
}
