/* eigh: A = V diag(w) V' for the symmetric matrix whose lower triangle is read, packed [w | V].
 *
 * With M = V' dA V and F_ij = 1 / (w_j - w_i), 0 on the diagonal: dw = diag(M), dV = V (F o M) (Giles, 2008).
 * F counts as 0 for equal eigenvalues (within n eps max|w|), whose eigenvectors have no derivative.
 * Derivatives are therefore right for functions of the eigenvalues that are symmetric in equal ones and for
 * functions of the projector onto the eigenspace of a group of equal eigenvalues as a whole; V h(w) V' lacks
 * h'(w) M off the diagonal inside such a group. Each vector has the sign that makes its element of largest
 * magnitude positive. */
#include "graph/ops/linalg.h"

#include <float.h>

static bool eigh_infer(const tw_args *args, tw_type *type) {
  int64_t n;
  if (!tw_infer_square(args, 0, &n)) return false;
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  type->shape.dim[type->shape.rank - 1] = n + 1;
  return true;
}

/* Scratch: a copy of A that becomes V' by rows, w, LAPACK's work, its integers. */
typedef struct layout {
  int64_t w, work, elements, integers;
} layout;

static layout layout_of(int64_t n) {
  layout at = {.w = n * n, .work = n * n + n};
  int64_t work;
  tw_dense_eigh_work(n, &work, &at.integers);
  at.elements = at.work + work;
  at.elements += at.elements % 2;
  return at;
}

static tw_status eigh_entry(const tw_call *call, tw_dtype dtype, int64_t n, const void *a, void *out,
                            const char *entry) {
  layout at = layout_of(n);
  void *v = call->scratch, *w = tw_dense_put(dtype, v, at.w), *work = tw_dense_put(dtype, v, at.work);
  for (int64_t i = 0; i < n; i++)
    if (!tw_dense_finite(dtype, i + 1, tw_dense_at(dtype, a, i * n)))
      return tw_fail(call->error, TW_ERR_NUMERIC, "eigh: the matrix%s holds NaN or infinity", entry);
  tw_dense_copy(dtype, n, n, a, n, v, n);
  if (!tw_dense_eigh(dtype, n, v, w, work, tw_dense_put(dtype, v, at.elements)))
    return tw_fail(call->error, TW_ERR_NUMERIC, "eigh: no convergence for the matrix%s", entry);
  for (int64_t j = 0; j < n; j++) {
    void *row = tw_dense_put(dtype, v, j * n);
    if (tw_dense_leading_sign(dtype, n, row, 1) < 0) tw_dense_negate(dtype, n, row, 1);
  }
  tw_dense_copy(dtype, n, 1, w, 1, out, n + 1);
  tw_dense_transpose(dtype, n, n, v, n, tw_dense_put(dtype, out, 1), n + 1);
  return TW_OK;
}

static tw_status eigh_kernel(const tw_call *call) {
  tw_shape shape = tw_shape_of(call->node);
  tw_dtype dtype = tw_dtype_of(call->node);
  int64_t n = shape.dim[shape.rank - 2], count = tw_stack_count(&shape, 2);
  tw_status status = TW_OK;
  char text[32];
  for (int64_t entry = 0; entry < count && n > 0 && status == TW_OK; entry++)
    status =
        eigh_entry(call, dtype, n, tw_dense_at(dtype, call->in[0], entry * n * n),
                   tw_dense_put(dtype, call->out, entry * n * (n + 1)), tw_stack_entry(count, entry, text));
  return status;
}

static void eigh_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_shape shape = tw_shape_of(node);
  const int64_t n = shape.dim[shape.rank - 2];
  tw_emit_matrix_call(e, node, &(tw_matrix_call){.name = "eigh", .work = 2 * n * n}, in, out);
}

static size_t eigh_scratch(tw_expr node) {
  tw_shape shape = tw_shape_of(node);
  layout at = layout_of(shape.dim[shape.rank - 2]);
  return (size_t)at.elements * tw_dtype_get(tw_dtype_of(node))->size + (size_t)at.integers * sizeof(int32_t);
}

/* ------------------------------------------------------------------ rules */

/* F from w: [.., n, n]. */
static tw_expr gap_factors(tw_expr w) {
  tw_shape shape = tw_shape_of(w);
  double eps = tw_dtype_of(w) == TW_F64 ? DBL_EPSILON : FLT_EPSILON;
  tw_expr gap = tw_sub(tw_expand(w, -2), tw_expand(w, -1));
  tw_expr largest = tw_reduce_max(tw_abs(tw_stop_gradient(w)), 1u << (shape.rank - 1), true);
  tw_expr noise = tw_scale(tw_expand(largest, -1), eps * (double)shape.dim[shape.rank - 1]);
  return tw_reciprocal_where(tw_gt(tw_abs(gap), noise), gap);
}

static tw_expr eigh_jvp(tw_expr node, const tw_expr *tangents) {
  tw_shape shape = tw_shape_of(node);
  if (tw_is_none(tangents[0]) || shape.dim[shape.rank - 2] == 0) return TW_NONE;
  tw_expr w = tw_eigh_values(node), v = tw_eigh_vectors(node);
  tw_expr m = tw_matmul(tw_product_of(v, true, tw_mirror_lower(tangents[0]), false), v);
  tw_expr parts[] = {tw_expand(tw_diag(m), -1), tw_matmul(v, tw_mul(gap_factors(w), m))};
  return tw_concat(2, parts, shape.rank - 1);
}

/* A gets fold(V (diag(dw) + F o (V' dV)) V'). */
static void eigh_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  tw_shape shape = tw_shape_of(node);
  if (shape.dim[shape.rank - 2] == 0) return;
  tw_expr w = tw_eigh_values(node), v = tw_eigh_vectors(node);
  tw_expr turned = tw_mul(gap_factors(w), tw_product_of(v, true, tw_eigh_vectors(cotangent), false));
  tw_expr inner = tw_add(tw_diagonal_of(tw_eigh_values(cotangent)), turned);
  cotangents[0] = tw_fold_lower(tw_product_of(tw_matmul(v, inner), false, v, true));
}

static double eigh_flops(tw_expr node) {
  tw_shape shape = tw_shape_of(node);
  return 9 * (double)tw_size_of(node) * (double)shape.dim[shape.rank - 2];
}

/* Eigenvalues near n, 2 n, ..: distinct, and vectors whose leading elements lead clearly. */
static tw_expr eigh_example(tw_graph *graph, tw_dtype dtype, int variant) {
  tw_shape shapes[] = {TW_SHAPE(3, 3), TW_SHAPE(2, 2, 2), TW_SHAPE(1, 1), TW_SHAPE(0, 0)};
  if (variant >= 4) return TW_NONE;
  tw_shape shape = shapes[variant];
  int64_t n = shape.dim[shape.rank - 1];
  tw_expr spread = tw_diag(tw_scale(tw_iota(graph, dtype, n), 2.0 * (double)n));
  return tw_eigh(tw_add(tw_input(graph, "a", dtype, shape), spread));
}

const tw_op tw_op_eigh = {
    .name = "eigh",
    .summary = "eigenvalues and eigenvectors of a symmetric matrix",
    .kind = TW_OP_KIND_FACTORIZATION,
    .arity = 1,
    .infer = eigh_infer,
    .kernel = eigh_kernel,
    .scratch = eigh_scratch,
    .jvp = eigh_jvp,
    .vjp = eigh_vjp,
    .batch = tw_stack_batch,
    .flops = eigh_flops,
    .emit = eigh_emit,
    .example = eigh_example,
    .low = -1,
    .high = 1,
};

tw_expr tw_eigh(tw_expr a) {
  if (!tw_linalg_operands("eigh", 1, &a)) return TW_NONE;
  return tw_node(a.graph, &tw_op_eigh, 1, &a, NULL);
}

static bool is_packed(const char *op, tw_expr eigh) {
  if (!tw_operands(op, 1, &eigh)) return false;
  tw_shape shape = tw_shape_of(eigh);
  char text[TW_SHAPE_TEXT];
  if (shape.rank >= 2 && shape.dim[shape.rank - 1] == shape.dim[shape.rank - 2] + 1) return true;
  tw_graph_fail(eigh.graph, TW_ERR_SHAPE, "%s: shape %s is not that of a result of eigh, [.., n, n+1]", op,
                tw_shape_text(&shape, text));
  return false;
}

tw_expr tw_eigh_values(tw_expr eigh) {
  return is_packed("eigh_values", eigh) ? tw_squeeze(tw_slice(eigh, -1, 0, 1, 1), -1) : TW_NONE;
}

tw_expr tw_eigh_vectors(tw_expr eigh) {
  if (!is_packed("eigh_vectors", eigh)) return TW_NONE;
  tw_shape shape = tw_shape_of(eigh);
  return tw_slice(eigh, -1, 1, shape.dim[shape.rank - 2], 1);
}

static tw_expr extreme_value(const tw_op *op, tw_expr a) {
  const tw_expr values = tw_eigh_values(tw_eigh(a));
  const unsigned last = 1u << (tw_is_none(values) ? 0 : tw_shape_of(values).rank - 1);
  return op == &tw_op_reduce_max ? tw_reduce_max(values, last, false) : tw_reduce_min(values, last, false);
}

tw_expr tw_lambda_max(tw_expr a) {
  return extreme_value(&tw_op_reduce_max, a);
}

tw_expr tw_lambda_min(tw_expr a) {
  return extreme_value(&tw_op_reduce_min, a);
}
