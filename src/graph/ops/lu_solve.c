/* linear_solve and inverse by LU factors. Operands A, lu(A) and, for the solution, B. */
#include "graph/ops/lu.h"

#include <math.h>

typedef struct solve_attr {
  int64_t transpose; /* solve A' X = B */
} solve_attr;

static bool solve_infer(const tw_args *args, tw_type *type) {
  int64_t n;
  return tw_infer_lu(args, &n) && tw_infer_solve(args, 2, type);
}

/* rt_exchange of the dtype. */
static void exchange_rows(tw_dtype dtype, int64_t n, const void *lu, bool backwards, void *matrix,
                          int64_t cols, int64_t ldx) {
  if (dtype == TW_F64)
    rt_exchange_f64(n, lu, backwards, cols, ldx, matrix);
  else
    rt_exchange_f32(n, lu, backwards, cols, ldx, matrix);
}

/* A = L U P': X = P U^-1 L^-1 B, or with A' = P U'L': X = L^-T U^-T P'B. */
static void solve_tile(const tw_call *call, tw_dtype dtype, int64_t n, const void *lu, void *x, int64_t cols,
                       int64_t ldx) {
  bool transpose = ((const solve_attr *)tw_attr_of(call->node))->transpose;
  if (transpose) {
    exchange_rows(dtype, n, lu, false, x, cols, ldx);
    tw_dense_trsm(dtype, true, true, true, n, cols, lu, n + 1, x, ldx);
    tw_dense_trsm(dtype, false, true, false, n, cols, lu, n + 1, x, ldx);
  } else {
    tw_dense_trsm(dtype, false, false, false, n, cols, lu, n + 1, x, ldx);
    tw_dense_trsm(dtype, true, false, true, n, cols, lu, n + 1, x, ldx);
    exchange_rows(dtype, n, lu, true, x, cols, ldx);
  }
}

static tw_status solve_kernel(const tw_call *call) {
  tw_shape shape = tw_shape_of(tw_input_of(call->node, 1));
  int64_t n = shape.dim[shape.rank - 2];
  tw_status status = tw_lu_check(call, 1);
  if (status == TW_OK) tw_solve_run(call, 1, n * (n + 1), 2, solve_tile);
  return status;
}

static void solve_entry(tw_emitter *e, tw_expr node, int64_t n, int64_t k, const char *lu, const char *b,
                        const char *x) {
  tw_emit_fail_if(e, "rt_lu_solve_%s(%d, %lld, %lld, %s, %s, %s)", tw_c_short(tw_dtype_of(node)),
                  ((const solve_attr *)tw_attr_of(node))->transpose != 0, (long long)n, (long long)k, lu, b,
                  x);
}

static void solve_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_shape shape = tw_shape_of(tw_input_of(node, 1));
  const int64_t n = shape.dim[shape.rank - 2];
  tw_emit_solve(e, node, 1, n * (n + 1), 2, in, out, solve_entry);
}

static tw_expr solve(tw_expr node, tw_expr b, bool transpose) {
  solve_attr attr = {transpose};
  tw_expr in[] = {tw_input_of(node, 0), tw_input_of(node, 1), b};
  return tw_node(node.graph, &tw_op_linear_solve, 3, in, &attr);
}

/* op(A) dX = dB - op(dA) X */
static tw_expr solve_jvp(tw_expr node, const tw_expr *tangents) {
  bool transpose = ((const solve_attr *)tw_attr_of(node))->transpose;
  tw_expr rhs = tangents[2];
  if (!tw_is_none(tangents[0]))
    rhs = tw_sum_or(rhs, tw_neg(tw_product_of(tangents[0], transpose, node, false)));
  return tw_is_none(rhs) ? rhs : solve(node, tw_broadcast(rhs, tw_shape_of(node)), transpose);
}

/* op(A)' S = G; B gets S, op(A) gets -S X'. */
static void solve_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  bool transpose = ((const solve_attr *)tw_attr_of(node))->transpose;
  tw_expr s = solve(node, cotangent, !transpose);
  tw_expr outer = transpose ? tw_product_of(node, false, s, true) : tw_product_of(s, false, node, true);
  cotangents[0] = tw_unbroadcast(tw_neg(outer), tw_shape_of(tw_input_of(node, 0)));
  cotangents[2] = tw_unbroadcast(s, tw_shape_of(tw_input_of(node, 2)));
}

static tw_expr solve_example(tw_graph *graph, tw_dtype dtype, int variant) {
  tw_shape a[] = {TW_SHAPE(3, 3), TW_SHAPE(4, 4), TW_SHAPE(2, 3, 3), TW_SHAPE(3, 3), TW_SHAPE(3, 3)};
  tw_shape b[] = {TW_SHAPE(3, 2), TW_SHAPE(4), TW_SHAPE(3, 2), TW_SHAPE(2, 3, 1), TW_SHAPE(3, 2)};
  if (variant >= 5) return TW_NONE;
  tw_expr x =
      tw_linear_solve(tw_example_regular(graph, dtype, a[variant]), tw_input(graph, "b", dtype, b[variant]));
  return variant == 4 ? solve(x, tw_input_of(x, 2), true) : x;
}

const tw_op tw_op_linear_solve = {
    .name = "linear_solve",
    .summary = "solution of a linear system by LU factors",
    .kind = TW_OP_KIND_FACTORIZATION,
    .arity = 3,
    .attr_bytes = sizeof(solve_attr),
    .infer = solve_infer,
    .kernel = solve_kernel,
    .jvp = solve_jvp,
    .vjp = solve_vjp,
    .batch = tw_stack_batch,
    .flops = tw_solve_flops,
    .emit = solve_emit,
    .example = solve_example,
    .low = -1,
    .high = 1,
};

tw_expr tw_linear_solve(tw_expr a, tw_expr b) {
  tw_expr in[] = {a, b};
  if (!tw_linalg_operands("linear_solve", 2, in)) return TW_NONE;
  bool vector = tw_shape_of(b).rank == 1;
  solve_attr attr = {0};
  tw_expr all[] = {in[0], tw_lu(in[0]), tw_solve_columns(in[1], vector)};
  tw_expr x = tw_node(a.graph, &tw_op_linear_solve, 3, all, &attr);
  return vector ? tw_squeeze(x, -1) : x;
}

/* The factors of a singular matrix give way to those of the identity. */
tw_expr tw_linear_solve_or_nan(tw_expr a, tw_expr b) {
  const int64_t n = tw_shape_of(a).dim[0];
  const tw_dtype dtype = tw_dtype_of(a);
  tw_expr lu = tw_lu(a), pivot = tw_diag(tw_slice(lu, 1, 0, n, 1)), zero = tw_zeros_like(pivot);
  tw_expr singular = tw_gt(tw_sum(tw_cast(tw_eq(pivot, zero), TW_F64), TW_ALL, false), tw_scalar(a.graph, 0));
  tw_expr exchange = tw_cast(tw_add(tw_iota(a.graph, TW_I64, n), tw_integer(a.graph, 1)), dtype);
  tw_expr identity = tw_concat(2, (tw_expr[]){tw_eye(a.graph, dtype, n, n), tw_expand(exchange, 1)}, 1);
  solve_attr attr = {0};
  tw_expr in[] = {a, tw_where(singular, identity, lu), tw_expand(b, 1)};
  tw_expr x = tw_squeeze(tw_node(a.graph, &tw_op_linear_solve, 3, in, &attr), -1);
  return tw_where(singular, tw_fill_like(x, NAN), x);
}

/* ------------------------------------------------------------------ inverse */

static bool inverse_infer(const tw_args *args, tw_type *type) {
  int64_t n;
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  return tw_infer_lu(args, &n);
}

static tw_status inverse_kernel(const tw_call *call) {
  tw_shape shape = tw_shape_of(call->node);
  tw_dtype dtype = tw_dtype_of(call->node);
  int64_t n = shape.dim[shape.rank - 1], count = tw_stack_count(&shape, 2);
  void *work = call->scratch;
  int32_t *pivot = tw_dense_put(dtype, work, n * TW_LU_WORK);
  tw_status status = tw_lu_check(call, 1);
  for (int64_t entry = 0; entry < count && n > 0 && status == TW_OK; entry++) {
    const void *f = tw_dense_at(dtype, call->in[1], entry * n * (n + 1));
    void *x = tw_dense_put(dtype, call->out, entry * n * n);
    tw_dense_copy(dtype, n, n, f, n + 1, x, n);
    for (int64_t i = 0; i < n; i++) pivot[i] = (int32_t)tw_dense_get(dtype, f, i * (n + 1) + n);
    tw_dense_lu_inverse(dtype, n, x, pivot, work);
  }
  return status;
}

static void inverse_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_emit_matrix_call(e, node, &(tw_matrix_call){.name = "inverse", .operand = 1}, in, out);
}

static size_t inverse_scratch(tw_expr node) {
  tw_shape shape = tw_shape_of(node);
  size_t n = (size_t)shape.dim[shape.rank - 1];
  return n * TW_LU_WORK * tw_dtype_get(tw_dtype_of(node))->size + n * sizeof(int32_t);
}

/* X = A^-1: dX = -X dA X */
static tw_expr inverse_jvp(tw_expr node, const tw_expr *tangents) {
  if (tw_is_none(tangents[0])) return TW_NONE;
  return tw_neg(tw_matmul(tw_matmul(node, tangents[0]), node));
}

static void inverse_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  cotangents[0] = tw_neg(tw_product_of(tw_product_of(node, true, cotangent, false), false, node, true));
}

static double inverse_flops(tw_expr node) {
  tw_shape shape = tw_shape_of(node);
  return 4 * (double)tw_size_of(node) * (double)shape.dim[shape.rank - 1] / 3;
}

static tw_expr inverse_example(tw_graph *graph, tw_dtype dtype, int variant) {
  tw_shape shapes[] = {TW_SHAPE(3, 3), TW_SHAPE(2, 4, 4), TW_SHAPE(0, 0)};
  return variant < 3 ? tw_inverse(tw_example_regular(graph, dtype, shapes[variant])) : TW_NONE;
}

const tw_op tw_op_inverse = {
    .name = "inverse",
    .summary = "inverse of a matrix",
    .kind = TW_OP_KIND_FACTORIZATION,
    .arity = 2,
    .infer = inverse_infer,
    .kernel = inverse_kernel,
    .scratch = inverse_scratch,
    .jvp = inverse_jvp,
    .vjp = inverse_vjp,
    .batch = tw_stack_batch,
    .flops = inverse_flops,
    .emit = inverse_emit,
    .example = inverse_example,
    .low = -1,
    .high = 1,
};

tw_expr tw_inverse(tw_expr a) {
  if (!tw_linalg_operands("inverse", 1, &a)) return TW_NONE;
  return tw_node(a.graph, &tw_op_inverse, 2, (tw_expr[]){a, tw_lu(a)}, NULL);
}
