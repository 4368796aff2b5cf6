/* cofactor: C with C A' = det(A) I, the derivative of det. With A = U diag(s) V',
 *     C = det(U V') U diag(p) V',  p_i = prod_{l /= i} s_l,
 * which needs no inverse: it is exact at singular matrices. So are first derivatives of det, at any matrix.
 * Its own derivative goes through A^-1 (second derivatives of det at a singular matrix are reported as
 * TW_ERR_SINGULAR). */
#include "graph/ops/linalg.h"

static bool cofactor_infer(const tw_args *args, tw_type *type) {
  int64_t n;
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  return tw_infer_square(args, 0, &n);
}

/* Where the parts of an entry lie in scratch, in elements. */
typedef struct layout {
  int64_t a, u, s, work, elements;
  int64_t integers;
} layout;

static layout layout_of(int64_t n) {
  layout at = {.u = n * n, .s = 2 * n * n, .work = 2 * n * n + n};
  at.elements = at.work + tw_dense_svd_work(n, n);
  at.elements += at.elements % 2; /* the integers behind stay aligned */
  at.integers = 8 * n;
  return at;
}

/* The sign of the determinant of an n x n orthogonal matrix, which is destroyed. */
static int orthogonal_sign(tw_dtype dtype, int64_t n, void *q, int32_t *pivot) {
  int sign = 1;
  tw_dense_lu(dtype, n, q, n, pivot);
  for (int64_t i = 0; i < n; i++) {
    if (pivot[i] != i + 1) sign = -sign;
    if (tw_dense_get(dtype, q, i * (n + 1)) < 0) sign = -sign;
  }
  return sign;
}

#define RUNTIME_FILE "graph/emit/runtime/scale_columns.h"
#define rt_scale_columns_T TW_OF_TYPE(rt_scale_columns)
#include "graph/emit/instantiate.h"

/* One entry, its V' kept in `c` until the last step. */
static bool cofactor_entry(tw_dtype dtype, int64_t n, const void *a, void *scratch, void *c) {
  layout at = layout_of(n);
  void *copy = tw_dense_put(dtype, scratch, at.a), *u = tw_dense_put(dtype, scratch, at.u);
  void *s = tw_dense_put(dtype, scratch, at.s), *work = tw_dense_put(dtype, scratch, at.work);
  int32_t *integers = tw_dense_put(dtype, scratch, at.elements);
  tw_dense_copy(dtype, n, n, a, n, copy, n);
  if (!tw_dense_finite(dtype, n * n, a) || !tw_dense_svd(dtype, n, n, copy, u, s, c, work, integers))
    return false;
  tw_product multiply = {.dtype = dtype, .m = n, .n = n, .k = n, .lda = n, .ldb = n, .ldc = n};
  tw_dense_product(&multiply, u, c, copy);
  int sign = orthogonal_sign(dtype, n, copy, integers);
  if (dtype == TW_F64)
    rt_scale_columns_f64(n, u, s, sign);
  else
    rt_scale_columns_f32(n, u, s, sign);
  tw_dense_product(&multiply, u, c, copy);
  tw_dense_copy(dtype, n, n, copy, n, c, n);
  return true;
}

static tw_status cofactor_kernel(const tw_call *call) {
  tw_shape shape = tw_shape_of(call->node);
  tw_dtype dtype = tw_dtype_of(call->node);
  int64_t n = shape.dim[shape.rank - 1], count = tw_stack_count(&shape, 2);
  char text[32];
  for (int64_t entry = 0; entry < count && n > 0; entry++)
    if (!cofactor_entry(dtype, n, tw_dense_at(dtype, call->in[0], entry * n * n), call->scratch,
                        tw_dense_put(dtype, call->out, entry * n * n)))
      return tw_fail(call->error, TW_ERR_NUMERIC, "cofactor: the matrix%s holds NaN or infinity",
                     tw_stack_entry(count, entry, text));
  return TW_OK;
}

static void cofactor_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_shape shape = tw_shape_of(node);
  const int64_t n = shape.dim[shape.rank - 1];
  tw_emit_matrix_call(e, node, &(tw_matrix_call){.name = "cofactor", .work = 4 * n * n + 2 * n}, in, out);
}

static size_t cofactor_scratch(tw_expr node) {
  tw_shape shape = tw_shape_of(node);
  layout at = layout_of(shape.dim[shape.rank - 1]);
  return (size_t)at.elements * tw_dtype_get(tw_dtype_of(node))->size + (size_t)at.integers * sizeof(int32_t);
}

/* With X = A^-1 and C = det(A) X': dC = tr(X dA) C - X' dA' C. */
static tw_expr cofactor_jvp(tw_expr node, const tw_expr *tangents) {
  if (tw_is_none(tangents[0])) return TW_NONE;
  tw_expr x = tw_inverse(tw_input_of(node, 0)), da = tangents[0];
  tw_expr trace = tw_expand(tw_expand(tw_trace(tw_matmul(x, da)), -1), -1);
  return tw_sub(tw_mul(trace, node), tw_product_of(tw_matmul(da, x), true, node, false));
}

/* A gets <G, C> X' - C G' X'. */
static void cofactor_vjp(tw_expr node, tw_expr g, tw_expr *cotangents) {
  tw_expr xt = tw_matrix_transpose(tw_inverse(tw_input_of(node, 0)));
  tw_expr inner = tw_expand(tw_expand(tw_trace(tw_product_of(g, true, node, false)), -1), -1);
  cotangents[0] = tw_sub(tw_mul(inner, xt), tw_matmul(tw_product_of(node, false, g, true), xt));
}

static double cofactor_flops(tw_expr node) {
  tw_shape shape = tw_shape_of(node);
  return 24 * (double)tw_size_of(node) * (double)shape.dim[shape.rank - 1];
}

static tw_expr cofactor_example(tw_graph *graph, tw_dtype dtype, int variant) {
  tw_shape shapes[] = {TW_SHAPE(3, 3), TW_SHAPE(2, 2, 2), TW_SHAPE(0, 0)};
  if (variant >= 3) return TW_NONE;
  tw_expr a = tw_example_regular(graph, dtype, shapes[variant]);
  return tw_node(graph, &tw_op_cofactor, 1, &a, NULL);
}

const tw_op tw_op_cofactor = {
    .name = "cofactor",
    .summary = "cofactors, the derivative of the determinant",
    .kind = TW_OP_KIND_FACTORIZATION,
    .arity = 1,
    .infer = cofactor_infer,
    .kernel = cofactor_kernel,
    .scratch = cofactor_scratch,
    .jvp = cofactor_jvp,
    .vjp = cofactor_vjp,
    .batch = tw_stack_batch,
    .flops = cofactor_flops,
    .emit = cofactor_emit,
    .example = cofactor_example,
    .low = -1,
    .high = 1,
};
