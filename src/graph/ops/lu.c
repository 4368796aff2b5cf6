/* lu: factors with partial pivoting, as an array. */
#include "graph/ops/lu.h"

tw_expr tw_lu(tw_expr a) {
  return tw_node(a.graph, &tw_op_lu, 1, &a, NULL);
}

static bool lu_infer(const tw_args *args, tw_type *type) {
  int64_t n;
  if (!tw_infer_square(args, 0, &n)) return false;
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  type->shape.dim[type->shape.rank - 1] = n + 1;
  return true;
}

bool tw_infer_lu(const tw_args *args, int64_t *n) {
  if (!tw_infer_square(args, 0, n)) return false;
  tw_shape a = tw_shape_of(args->in[0]), f = tw_shape_of(args->in[1]), want = a;
  want.dim[want.rank - 1] = *n + 1;
  return tw_shape_equal(&want, &f) ||
         tw_fail_shapes(args->graph, args->op->name, &a, &f, "of matrix and factors differ");
}

static void put(tw_dtype dtype, void *x, int64_t i, double value) {
  if (dtype == TW_F64)
    ((double *)x)[i] = value;
  else
    ((float *)x)[i] = (float)value; /* exact: orders are below 2^24 */
}

static tw_status lu_kernel(const tw_call *call) {
  tw_shape shape = tw_shape_of(call->node);
  tw_dtype dtype = tw_dtype_of(call->node);
  int64_t n = shape.dim[shape.rank - 2], count = tw_stack_count(&shape, 2);
  int32_t *pivot = call->scratch;
  char text[32];
  for (int64_t entry = 0; entry < count && n > 0; entry++) {
    const void *a = tw_dense_at(dtype, call->in[0], entry * n * n);
    void *f = tw_dense_put(dtype, call->out, entry * n * (n + 1));
    if (!tw_dense_finite(dtype, n * n, a))
      return tw_fail(call->error, TW_ERR_NUMERIC, "LU factorization: the matrix%s holds NaN or infinity",
                     tw_stack_entry(count, entry, text));
    tw_dense_copy(dtype, n, n, a, n, f, n + 1);
    tw_dense_lu(dtype, n, f, n + 1, pivot);
    for (int64_t i = 0; i < n; i++) put(dtype, f, i * (n + 1) + n, pivot[i]);
  }
  return TW_OK;
}

static void lu_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_emit_matrix_call(e, node, &(tw_matrix_call){.name = "lu"}, in, out);
}

static size_t lu_scratch(tw_expr node) {
  tw_shape shape = tw_shape_of(node);
  return (size_t)shape.dim[shape.rank - 2] * sizeof(int32_t);
}

static double lu_flops(tw_expr node) {
  tw_shape shape = tw_shape_of(node);
  return 2 * (double)tw_size_of(node) * (double)shape.dim[shape.rank - 2] / 3;
}

int64_t tw_lu_zero_pivot(tw_dtype dtype, int64_t n, const void *lu) {
  for (int64_t i = 0; i < n; i++)
    if (tw_dense_get(dtype, lu, i * (n + 2)) == 0) return i;
  return -1;
}

tw_status tw_lu_check(const tw_call *call, int factor) {
  tw_expr f = tw_input_of(call->node, factor);
  tw_shape shape = tw_shape_of(f);
  tw_dtype dtype = tw_dtype_of(f);
  int64_t n = shape.dim[shape.rank - 2], count = tw_stack_count(&shape, 2);
  char text[32];
  for (int64_t entry = 0; entry < count; entry++) {
    int64_t row = tw_lu_zero_pivot(dtype, n, tw_dense_at(dtype, call->in[factor], entry * n * (n + 1)));
    if (row >= 0)
      return tw_fail(call->error, TW_ERR_SINGULAR,
                     "%s: the matrix%s is singular (pivot %lld of %lld is zero)", tw_op_of(call->node)->name,
                     tw_stack_entry(count, entry, text), (long long)row + 1, (long long)n);
  }
  return TW_OK;
}

const tw_op tw_op_lu = {
    .name = "lu",
    .summary = "LU factors with partial pivoting, for the ops that share them",
    .kind = TW_OP_KIND_FACTORIZATION,
    .flags = TW_OP_CONSTANT_DERIVATIVE,
    .arity = 1,
    .infer = lu_infer,
    .kernel = lu_kernel,
    .scratch = lu_scratch,
    .batch = tw_stack_batch,
    .flops = lu_flops,
    .emit = lu_emit,
    .low = -1,
    .high = 1,
};
