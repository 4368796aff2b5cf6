/* det and logdet by LU factors, and cofactor, the derivative of det. */
#include "graph/ops/lu.h"

static bool scalar_infer(const tw_args *args, tw_type *type) {
  int64_t n;
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  if (!tw_infer_lu(args, &n)) return false;
  for (int drop = 0; drop < 2; drop++) type->shape = tw_shape_remove(type->shape, type->shape.rank - 1);
  return true;
}

static tw_status scalar_kernel(const tw_call *call, bool logarithm) {
  const tw_shape shape = tw_shape_of(tw_input_of(call->node, 0));
  const int64_t n = shape.dim[shape.rank - 1], count = tw_size_of(call->node);
  for (int64_t entry = 0; entry < count; entry++) {
    const int64_t at = entry * n * (n + 1);
    if (tw_dtype_of(call->node) == TW_F64) {
      const double *f = (const double *)call->in[1] + at;
      ((double *)call->out)[entry] = logarithm ? rt_logdet_f64(n, f) : rt_det_f64(n, f);
    } else {
      const float *f = (const float *)call->in[1] + at;
      ((float *)call->out)[entry] = (float)(logarithm ? rt_logdet_f32(n, f) : rt_det_f32(n, f));
    }
  }
  return TW_OK;
}

static void scalar_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_shape shape = tw_shape_of(tw_input_of(node, 0));
  const long long n = (long long)shape.dim[shape.rank - 1];
  const char *type = tw_c_short(tw_dtype_of(node));
  char f[TW_EMIT_ENTRY];
  tw_emit_entry(e, in[1], n * (n + 1), f);
  tw_emit_entries(e, tw_size_of(node));
  if (tw_op_of(node) == &tw_op_logdet) tw_emit_fail_if(e, "rt_zero_%s(%lld, %s, %lld)", type, n, f, n + 2);
  tw_emit_line(e, "%s[i] = (%s)rt_%s_%s(%lld, %s);", out, tw_c_type(tw_dtype_of(node)), tw_op_of(node)->name,
               type, n, f);
  tw_emit_close(e);
}

static tw_status det_kernel(const tw_call *call) {
  return scalar_kernel(call, false);
}

static tw_status logdet_kernel(const tw_call *call) {
  tw_status status = tw_lu_check(call, 1);
  return status == TW_OK ? scalar_kernel(call, true) : status;
}

/* The sum of a o b over each matrix, and a scalar times each matrix. */
static tw_expr matrix_dot(tw_expr a, tw_expr b) {
  return tw_sum(tw_mul(a, b), 3u << (tw_shape_of(a).rank >= 2 ? tw_shape_of(a).rank - 2 : 0), false);
}
static tw_expr times(tw_expr scalar, tw_expr matrix) {
  return tw_mul(tw_expand(tw_expand(scalar, -1), -1), matrix);
}

/* ------------------------------------------------------------------ det: d det = <C, dA>, C the cofactors */

static tw_expr cofactor(tw_expr a) {
  return tw_node(a.graph, &tw_op_cofactor, 1, &a, NULL);
}

static tw_expr det_jvp(tw_expr node, const tw_expr *tangents) {
  return tw_is_none(tangents[0]) ? TW_NONE : matrix_dot(cofactor(tw_input_of(node, 0)), tangents[0]);
}

static void det_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  cotangents[0] = times(cotangent, cofactor(tw_input_of(node, 0)));
}

/* logdet: d log|det A| = <A^-T, dA> */
static tw_expr logdet_jvp(tw_expr node, const tw_expr *tangents) {
  if (tw_is_none(tangents[0])) return TW_NONE;
  return matrix_dot(tw_matrix_transpose(tw_inverse(tw_input_of(node, 0))), tangents[0]);
}

static void logdet_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  cotangents[0] = times(cotangent, tw_matrix_transpose(tw_inverse(tw_input_of(node, 0))));
}

static double scalar_flops(tw_expr node) {
  tw_shape shape = tw_shape_of(tw_input_of(node, 0));
  return (double)tw_size_of(node) * (double)shape.dim[shape.rank - 1];
}

static tw_expr with_lu(const tw_op *op, tw_expr a) {
  if (!tw_linalg_operands(op->name, 1, &a)) return TW_NONE;
  return tw_node(a.graph, op, 2, (tw_expr[]){a, tw_lu(a)}, NULL);
}

tw_expr tw_det(tw_expr a) {
  return with_lu(&tw_op_det, a);
}
tw_expr tw_logdet(tw_expr a) {
  return with_lu(&tw_op_logdet, a);
}

static const tw_shape example_shapes[] = {{2, {3, 3}}, {3, {2, 2, 2}}, {2, {1, 1}}, {2, {0, 0}}};
enum { EXAMPLES = sizeof example_shapes / sizeof *example_shapes };

static tw_expr det_example(tw_graph *graph, tw_dtype dtype, int variant) {
  if (variant >= EXAMPLES) return TW_NONE;
  return tw_det(tw_example_regular(graph, dtype, example_shapes[variant]));
}

static tw_expr logdet_example(tw_graph *graph, tw_dtype dtype, int variant) {
  if (variant >= EXAMPLES) return TW_NONE;
  return tw_logdet(tw_example_regular(graph, dtype, example_shapes[variant]));
}

const tw_op tw_op_det = {
    .name = "det",
    .summary = "determinant",
    .kind = TW_OP_KIND_FACTORIZATION,
    .arity = 2,
    .infer = scalar_infer,
    .kernel = det_kernel,
    .jvp = det_jvp,
    .vjp = det_vjp,
    .batch = tw_stack_batch,
    .flops = scalar_flops,
    .emit = scalar_emit,
    .example = det_example,
    .low = -1,
    .high = 1,
};

const tw_op tw_op_logdet = {
    .name = "logdet",
    .summary = "logarithm of the determinant's magnitude",
    .kind = TW_OP_KIND_FACTORIZATION,
    .arity = 2,
    .infer = scalar_infer,
    .kernel = logdet_kernel,
    .jvp = logdet_jvp,
    .vjp = logdet_vjp,
    .batch = tw_stack_batch,
    .flops = scalar_flops,
    .emit = scalar_emit,
    .example = logdet_example,
    .low = -1,
    .high = 1,
};
