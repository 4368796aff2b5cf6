/* svd: the thin A = U diag(s) V', A m x n, k = min(m, n), packed by rows [U; s; V].
 *
 * With M = U' dA V, F_ij = 1 / (s_j^2 - s_i^2) off the diagonal and S = diag(s) (Giles, 2008; Townsend,
 * 2016): ds = diag(M) dU = U (F o (M S + S M')) + (I - U U') dA V S^-1 dV = V (F o (S M + M' S)) + (I - V V')
 * dA' U S^-1 F counts as 0 for equal and S^-1 as 0 for zero singular values (within max(m, n) eps s_1), where
 * vectors have no derivative: right for functions that do not tell such vectors apart. The signs make the
 * element of largest magnitude of each column of U positive. */
#include "graph/ops/linalg.h"

#include <float.h>

static bool svd_infer(const tw_args *args, tw_type *type) {
  tw_shape shape = tw_shape_of(args->in[0]);
  char text[TW_SHAPE_TEXT];
  *type = (tw_type){tw_dtype_of(args->in[0]), shape};
  if (shape.rank < 2) {
    tw_graph_fail(args->graph, TW_ERR_SHAPE, "svd: shape %s is not that of a matrix",
                  tw_shape_text(&shape, text));
    return false;
  }
  if (!tw_is_real(type->dtype)) {
    tw_graph_fail(args->graph, TW_ERR_DTYPE, "svd: the matrix is %s, not f64 or f32",
                  tw_dtype_get(type->dtype)->name);
    return false;
  }
  int64_t m = shape.dim[shape.rank - 2], n = shape.dim[shape.rank - 1], k = m < n ? m : n;
  if (m > 1 << 24 || n > 1 << 24 || tw_dense_svd_work(m, n) > INT32_MAX) {
    tw_graph_fail(args->graph, TW_ERR_SHAPE, "svd: shape %s is too large", tw_shape_text(&shape, text));
    return false;
  }
  type->shape.dim[shape.rank - 2] = m + n + 1;
  type->shape.dim[shape.rank - 1] = k;
  return true;
}

/* Scratch: a copy of A, V' by rows, LAPACK's work, its integers. */
typedef struct layout {
  int64_t m, n, k;
  int64_t vt, work, elements, integers;
} layout;

static layout layout_of(tw_expr node) {
  tw_shape shape = tw_shape_of(tw_input_of(node, 0));
  layout at = {.m = shape.dim[shape.rank - 2], .n = shape.dim[shape.rank - 1]};
  at.k = at.m < at.n ? at.m : at.n;
  at.vt = at.m * at.n;
  at.work = at.vt + at.k * at.n;
  at.elements = at.work + tw_dense_svd_work(at.m, at.n);
  at.elements += at.elements % 2;
  at.integers = 8 * at.k;
  return at;
}

static tw_status svd_entry(const tw_call *call, const layout *at, tw_dtype dtype, const void *a, void *out,
                           const char *entry) {
  int64_t m = at->m, n = at->n, k = at->k;
  void *copy = call->scratch, *vt = tw_dense_put(dtype, copy, at->vt),
       *work = tw_dense_put(dtype, copy, at->work);
  void *u = out, *s = tw_dense_put(dtype, out, m * k), *v = tw_dense_put(dtype, out, (m + 1) * k);
  if (!tw_dense_finite(dtype, m * n, a))
    return tw_fail(call->error, TW_ERR_NUMERIC, "svd: the matrix%s holds NaN or infinity", entry);
  tw_dense_copy(dtype, m, n, a, n, copy, n);
  if (!tw_dense_svd(dtype, m, n, copy, u, s, vt, work, tw_dense_put(dtype, copy, at->elements)))
    return tw_fail(call->error, TW_ERR_NUMERIC, "svd: no convergence for the matrix%s", entry);
  for (int64_t j = 0; j < k; j++) {
    void *column = tw_dense_put(dtype, u, j);
    if (tw_dense_leading_sign(dtype, m, column, k) > 0) continue;
    tw_dense_negate(dtype, m, column, k);
    tw_dense_negate(dtype, n, tw_dense_put(dtype, vt, j * n), 1);
  }
  tw_dense_transpose(dtype, k, n, vt, n, v, k);
  return TW_OK;
}

static tw_status svd_kernel(const tw_call *call) {
  tw_shape shape = tw_shape_of(call->node);
  tw_dtype dtype = tw_dtype_of(call->node);
  layout at = layout_of(call->node);
  int64_t count = tw_stack_count(&shape, 2), packed = (at.m + at.n + 1) * at.k;
  tw_status status = TW_OK;
  char text[32];
  for (int64_t entry = 0; entry < count && at.k > 0 && status == TW_OK; entry++)
    status = svd_entry(call, &at, dtype, tw_dense_at(dtype, call->in[0], entry * at.m * at.n),
                       tw_dense_put(dtype, call->out, entry * packed), tw_stack_entry(count, entry, text));
  return status;
}

static void svd_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const layout at = layout_of(node);
  tw_emit_matrix_call(
      e, node, &(tw_matrix_call){.name = "svd", .cols = true, .work = (at.m + at.n + 1) * at.k}, in, out);
}

static size_t svd_scratch(tw_expr node) {
  layout at = layout_of(node);
  return (size_t)at.elements * tw_dtype_get(tw_dtype_of(node))->size + (size_t)at.integers * sizeof(int32_t);
}

/* ------------------------------------------------------------------ rules */

/* The parts of a decomposition, and F and 1/s. */
typedef struct parts {
  tw_expr u, s, v, f, reciprocal;
  int64_t m, n, k;
} parts;

static parts parts_of(tw_expr node) {
  tw_shape shape = tw_shape_of(tw_input_of(node, 0));
  parts p = {.m = shape.dim[shape.rank - 2], .n = shape.dim[shape.rank - 1]};
  p.k = p.m < p.n ? p.m : p.n;
  if (p.k == 0) return p;
  p.u = tw_svd_u(node, p.m);
  p.s = tw_svd_s(node, p.m);
  p.v = tw_svd_v(node, p.m);
  double eps = tw_dtype_of(node) == TW_F64 ? DBL_EPSILON : FLT_EPSILON;
  int rank = tw_shape_of(p.s).rank;
  tw_expr largest = tw_stop_gradient(tw_slice(p.s, rank - 1, 0, 1, 1));
  tw_expr noise = tw_scale(largest, eps * (double)(p.m > p.n ? p.m : p.n)), noise_ij = tw_expand(noise, -1);
  tw_expr gap = tw_sub(tw_expand(p.s, -2), tw_expand(p.s, -1)),
          sum = tw_add(tw_expand(p.s, -2), tw_expand(p.s, -1));
  tw_expr apart = tw_and(tw_gt(tw_abs(gap), noise_ij), tw_gt(sum, noise_ij));
  p.f = tw_reciprocal_where(apart, tw_mul(gap, sum));
  p.reciprocal = tw_reciprocal_where(tw_gt(p.s, noise), p.s);
  return p;
}

/* x - q q'x */
static tw_expr outside(tw_expr q, tw_expr x) {
  return tw_sub(x, tw_matmul(q, tw_product_of(q, true, x, false)));
}

static tw_expr svd_jvp(tw_expr node, const tw_expr *tangents) {
  tw_expr da = tangents[0];
  if (tw_is_none(da)) return TW_NONE;
  parts p = parts_of(node);
  if (p.k == 0) return TW_NONE;
  tw_expr da_v = tw_matmul(da, p.v), m = tw_product_of(p.u, true, da_v, false);
  tw_expr ms = tw_scale_columns(m, p.s),
          sm = tw_matrix_transpose(tw_scale_columns(tw_matrix_transpose(m), p.s));
  tw_expr du = tw_matmul(p.u, tw_mul(p.f, tw_add(ms, tw_matrix_transpose(ms))));
  tw_expr dv = tw_matmul(p.v, tw_mul(p.f, tw_add(sm, tw_matrix_transpose(sm))));
  if (p.m > p.k) du = tw_add(du, tw_scale_columns(outside(p.u, da_v), p.reciprocal));
  if (p.n > p.k)
    dv = tw_add(dv, tw_scale_columns(outside(p.v, tw_product_of(da, true, p.u, false)), p.reciprocal));
  return tw_concat(3, (tw_expr[]){du, tw_expand(tw_diag(m), -2), dv}, -2);
}

/* The adjoint, with X = F o (U' dU) and Y = F o (V' dV): A gets
 *     U (diag(ds) + (X + X') S + S (Y + Y')) V' + (I - U U') dU S^-1 V' + U S^-1 dV' (I - V V'). */
static void svd_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  parts p = parts_of(node);
  if (p.k == 0) return;
  tw_expr du = tw_svd_u(cotangent, p.m), ds = tw_svd_s(cotangent, p.m), dv = tw_svd_v(cotangent, p.m);
  tw_expr x = tw_mul(p.f, tw_product_of(p.u, true, du, false)),
          y = tw_mul(p.f, tw_product_of(p.v, true, dv, false));
  tw_expr xs = tw_scale_columns(tw_add(x, tw_matrix_transpose(x)), p.s);
  tw_expr ys = tw_scale_columns(tw_add(y, tw_matrix_transpose(y)), p.s); /* its transpose is S (Y + Y') */
  tw_expr inner = tw_add(tw_diagonal_of(ds), tw_add(xs, tw_matrix_transpose(ys)));
  tw_expr left = tw_matmul(p.u, inner); /* times V' */
  if (p.m > p.k) left = tw_add(left, tw_scale_columns(outside(p.u, du), p.reciprocal));
  tw_expr a = tw_product_of(left, false, p.v, true);
  if (p.n > p.k)
    a = tw_add(a, tw_product_of(p.u, false, tw_scale_columns(outside(p.v, dv), p.reciprocal), true));
  cotangents[0] = a;
}

static double svd_flops(tw_expr node) {
  tw_shape shape = tw_shape_of(tw_input_of(node, 0));
  double k = (double)(shape.dim[shape.rank - 2] < shape.dim[shape.rank - 1] ? shape.dim[shape.rank - 2]
                                                                            : shape.dim[shape.rank - 1]);
  return 14 * (double)tw_size_of(tw_input_of(node, 0)) * k;
}

/* Singular values near 2 k, 4 k, ..: distinct and not zero. */
static tw_expr svd_example(tw_graph *graph, tw_dtype dtype, int variant) {
  tw_shape shapes[] = {TW_SHAPE(3, 3), TW_SHAPE(4, 2), TW_SHAPE(2, 4), TW_SHAPE(2, 3, 2), TW_SHAPE(3, 0)};
  if (variant >= 5) return TW_NONE;
  tw_shape shape = shapes[variant];
  int64_t m = shape.dim[shape.rank - 2], n = shape.dim[shape.rank - 1];
  tw_expr rows = tw_add(tw_iota(graph, dtype, m), tw_fill(graph, dtype, TW_SCALAR, 1));
  tw_expr spread =
      tw_mul(tw_eye(graph, dtype, m, n), tw_scale(tw_expand(rows, -1), 2.0 * (double)(m < n ? m : n)));
  return tw_svd(tw_add(tw_input(graph, "a", dtype, shape), spread));
}

const tw_op tw_op_svd = {
    .name = "svd",
    .summary = "thin singular value decomposition",
    .kind = TW_OP_KIND_FACTORIZATION,
    .arity = 1,
    .infer = svd_infer,
    .kernel = svd_kernel,
    .scratch = svd_scratch,
    .jvp = svd_jvp,
    .vjp = svd_vjp,
    .batch = tw_stack_batch,
    .flops = svd_flops,
    .emit = svd_emit,
    .example = svd_example,
    .low = -1,
    .high = 1,
};

tw_expr tw_svd(tw_expr a) {
  if (!tw_linalg_operands("svd", 1, &a)) return TW_NONE;
  return tw_node(a.graph, &tw_op_svd, 1, &a, NULL);
}

/* Rows first .. of a packed result for A with m rows; the last ones when count is negative. */
static tw_expr packed_rows(const char *op, tw_expr svd, int64_t m, int64_t first, int64_t count) {
  if (!tw_operands(op, 1, &svd)) return TW_NONE;
  tw_shape shape = tw_shape_of(svd);
  int64_t rows = shape.rank < 2 ? -1 : shape.dim[shape.rank - 2], n = rows - m - 1;
  char text[TW_SHAPE_TEXT];
  if (m < 0 || n < 0 || shape.dim[shape.rank - 1] != (m < n ? m : n))
    return tw_graph_fail(svd.graph, TW_ERR_SHAPE,
                         "%s: shape %s is not that of the svd of a matrix with %lld rows", op,
                         tw_shape_text(&shape, text), (long long)m);
  return tw_slice(svd, -2, first, count < 0 ? n : count, 1);
}

tw_expr tw_svd_u(tw_expr svd, int64_t m) {
  return packed_rows("svd_u", svd, m, 0, m);
}
tw_expr tw_svd_s(tw_expr svd, int64_t m) {
  tw_expr s = packed_rows("svd_s", svd, m, m, 1);
  return tw_is_none(s) ? s : tw_squeeze(s, -2);
}
tw_expr tw_svd_v(tw_expr svd, int64_t m) {
  return packed_rows("svd_v", svd, m, m + 1, -1);
}
