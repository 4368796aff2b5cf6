/* The Euclidean norm over axes. Sums of squares that leave the safe range are taken again of elements divided
 * by the largest, so nothing overflows or vanishes. The derivative x / |x| is 0 where |x| = 0, and so are
 * higher ones. */
#include "graph/ops/reduce.h"

#include <math.h>

#define SAFE_LOW 0x1p-900
#define SAFE_HIGH 0x1p1000

#define RUNTIME_FILE "graph/emit/runtime/norm.h"
#define rt_scaled_norm_T TW_OF_TYPE(rt_scaled_norm)
#include "graph/emit/instantiate.h"

static tw_status norm_kernel(const tw_call *call) {
  const tw_extents e = tw_reduce_extents(call->node);
  const int64_t size = tw_size_of(call->node);
  const tw_status status = tw_reduce_run(call, TW_FOLD_SQUARES, TW_FOLD_SUM);
  if (status) return status;
  for (int64_t k = 0; k < size; k++) {
    const int64_t start = k / e.inner * e.middle * e.inner + k % e.inner;
    if (tw_dtype_of(call->node) == TW_F64) {
      double *out = (double *)call->out + k;
      const bool safe = *out > SAFE_LOW && *out < SAFE_HIGH;
      *out = safe ? sqrt(*out) : rt_scaled_norm_f64((const double *)call->in[0] + start, e.middle, e.inner);
    } else {
      float *out = (float *)call->out + k;
      const bool safe = *out > 0x1p-100f && *out < 0x1p120f;
      *out = safe ? sqrtf(*out)
                  : (float)rt_scaled_norm_f32((const float *)call->in[0] + start, e.middle, e.inner);
    }
  }
  return TW_OK;
}

static bool norm_infer(const tw_args *args, tw_type *type) {
  if (!tw_reduce_infer(args, type)) return false;
  if (tw_dtype_get(type->dtype)->kind == TW_KIND_FLOAT) return true;
  tw_graph_fail(args->graph, TW_ERR_DTYPE, "norm: operand is %s, expected f64 or f32",
                tw_dtype_get(type->dtype)->name);
  return false;
}

static tw_expr norm_simplify(const tw_args *args) {
  const tw_expr trivial = tw_reduce_trivial(args);
  return tw_is_none(trivial) ? trivial : tw_abs(trivial);
}

/* 1 / |x|, and 0 where |x| = 0. */
static tw_expr inverse(tw_expr node) {
  const tw_expr zero = tw_weak(node, 0), vanishes = tw_eq(node, zero);
  return tw_where(vanishes, zero, tw_reciprocal(tw_where(vanishes, tw_weak(node, 1), node)));
}

static tw_expr norm_jvp(tw_expr node, const tw_expr *tangents) {
  const tw_expr unit = tw_mul(tw_input_of(node, 0), tw_reduce_restore(node, inverse(node)));
  return tw_reduce_node(&tw_op_sum, tw_mul(unit, tangents[0]), tw_reduce_axes(node));
}

static void norm_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const tw_expr weight = tw_mul(cotangent, inverse(node));
  cotangents[0] = tw_mul(tw_input_of(node, 0), tw_reduce_restore(node, weight));
}

static void norm_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_reduce_emit(e, node, "norm", in, out);
}

static tw_expr norm_example(tw_graph *graph, tw_dtype dtype, int variant) {
  return tw_reduce_example(&tw_op_norm, true, graph, dtype, variant);
}

const tw_op tw_op_norm = {.name = "norm",
                          .summary = "Euclidean norm over axes; derivative 0 at 0",
                          .kind = TW_OP_KIND_REDUCTION,
                          .arity = 1,
                          .attr_bytes = sizeof(tw_axes_attr),
                          .infer = norm_infer,
                          .simplify = norm_simplify,
                          .kernel = norm_kernel,
                          .scratch = tw_reduce_scratch,
                          .jvp = norm_jvp,
                          .vjp = norm_vjp,
                          .batch = tw_reduce_batch,
                          .flops = tw_reduce_flops,
                          .emit = norm_emit,
                          .example = norm_example,
                          .low = -2,
                          .high = 2};

/* The norm of norms over groups of axes is the norm over all of them. */
tw_expr tw_norm(tw_expr x, unsigned axes, bool keep) {
  if (!tw_operands("norm", 1, &x) || !tw_mask_check("norm", x, &axes)) return TW_NONE;
  if (tw_dtype_get(tw_dtype_of(x))->kind != TW_KIND_FLOAT) x = tw_cast(x, TW_F64);
  return axes ? tw_reduce_build(&tw_op_norm, x, axes, keep) : tw_abs(x);
}
