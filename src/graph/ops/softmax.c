/* logsumexp and softmax over adjacent axes, shifted by the maximum m so that nothing overflows:
 *   logsumexp(x) = m + log sum_j e^(x_j - m),  softmax(x)_i = e^(x_i - m) / sum_j e^(x_j - m);
 * log_softmax is built of logsumexp. */
#include "graph/ops/loops.h"
#include "graph/ops/reduce.h"

#include <math.h>
#include <string.h>

#define BLOCK TW_EXP_SUM_MOST /* elements exponentiated at once */
#define SHORT 64   /* rows up to which several are handled at once: as many as a block holds */

/* What the kernels need to handle one [middle, inner] slab. */
typedef struct slabs {
  tw_extents extent;
  tw_loop *exp, *log;
  tw_exp_sum *exp_sum;
  tw_fold_loop *max, *sum;
  const void *in;
  void *out, *shift; /* shift[outer][inner] = m */
  bool softmax;      /* rather than logsumexp */
} slabs;

static void apply(tw_loop *loop, int64_t n, void *x) {
  const int64_t row = 0, step = 1;
  const void *in = x;
  loop(1, n, &in, &row, &step, x);
}

/* An infinite m would make inf - inf; e^(x - 0) is then 0, infinite or NaN by itself. */
#define KERNELS(T, suffix)                                                                                   \
  /* sum[c] = sum_r e^(x[r * stride + c] - m[c]) for c < columns <= BLOCK, in halves down to one block. */   \
  static void exp_sum_##suffix(const slabs *s, const T *x, int64_t rows, int64_t columns, const T *m,        \
                               T *sum) {                                                                     \
    T block[BLOCK];                                                                                          \
    const int64_t stride = s->extent.inner;                                                                  \
    if (rows > 1 && rows * columns > BLOCK) {                                                                \
      exp_sum_##suffix(s, x, rows / 2, columns, m, sum);                                                     \
      exp_sum_##suffix(s, x + rows / 2 * stride, rows - rows / 2, columns, m, block);                        \
      for (int64_t c = 0; c < columns; c++) sum[c] += block[c];                                              \
      return;                                                                                                \
    }                                                                                                        \
    if (columns == 1 && stride == 1) {                                                                       \
      *sum = (T)s->exp_sum(rows, x, (double)*m, block);                                                      \
      return;                                                                                                \
    }                                                                                                        \
    for (int64_t r = 0; r < rows; r++)                                                                       \
      for (int64_t c = 0; c < columns; c++) block[r * columns + c] = x[r * stride + c] - m[c];               \
    apply(s->exp, rows *columns, block);                                                                     \
    s->sum(block, rows, columns, columns, sum);                                                              \
  }                                                                                                          \
  static void logsumexp_##suffix(void *context, int64_t outer, int worker) {                                 \
    const slabs *s = context;                                                                                \
    const int64_t rows = s->extent.middle, inner = s->extent.inner;                                          \
    const T *x = (const T *)s->in + outer * rows * inner;                                                    \
    T *out = (T *)s->out + outer * inner, *m = (T *)s->shift + outer * inner;                                \
    (void)worker;                                                                                            \
    s->max(x, rows, inner, inner, m);                                                                        \
    for (int64_t c = 0; c < inner; c++) m[c] = m[c] - m[c] == 0 ? m[c] : 0;                                  \
    for (int64_t c = 0; c < inner; c += BLOCK)                                                               \
      exp_sum_##suffix(s, x + c, rows, inner - c < BLOCK ? inner - c : BLOCK, m + c, out + c);               \
    apply(s->log, inner, out);                                                                               \
    for (int64_t c = 0; c < inner; c++) out[c] += m[c];                                                      \
  }                                                                                                          \
  /* shifted[i] = x[i] - m of its row, exponentiated, for `count` rows of n. */                              \
  static void exp_short_##suffix(const slabs *s, const T *x, int64_t count, int64_t n, T *m, T *shifted) {   \
    for (int64_t o = 0; o < count; o++) {                                                                    \
      s->max(x + o * n, n, 1, 1, m + o);                                                                     \
      if (!(m[o] - m[o] == 0)) m[o] = s->softmax ? m[o] : 0;                                                 \
      for (int64_t r = 0; r < n; r++) shifted[o * n + r] = x[o * n + r] - m[o];                              \
    }                                                                                                        \
    apply(s->exp, count *n, shifted);                                                                        \
  }                                                                                                          \
  static void short_##suffix(void *context, int64_t group, int worker) {                                     \
    const slabs *s = context;                                                                                \
    const int64_t n = s->extent.middle, many = BLOCK / n, first = group * many;                              \
    const int64_t count = s->extent.outer - first < many ? s->extent.outer - first : many;                   \
    const T *x = (const T *)s->in + first * n;                                                               \
    T m[BLOCK], sum[BLOCK], shifted[BLOCK];                                                                  \
    (void)worker;                                                                                            \
    exp_short_##suffix(s, x, count, n, m, shifted);                                                          \
    for (int64_t o = 0; o < count; o++) s->sum(shifted + o * n, n, 1, 1, sum + o);                           \
    T *out = (T *)s->out + (s->softmax ? first * n : first);                                                 \
    for (int64_t o = 0; s->softmax && o < count; o++)                                                        \
      for (int64_t r = 0; r < n; r++) out[o * n + r] = shifted[o * n + r] / sum[o];                          \
    if (s->softmax) return;                                                                                  \
    apply(s->log, count, sum);                                                                               \
    for (int64_t o = 0; o < count; o++) out[o] = sum[o] + m[o];                                              \
  }                                                                                                          \
  /* out = e^(x - m), and the sum, in halves down to one block. */                                         \
  static double exp_row_##suffix(const slabs *s, const T *x, int64_t n, double m, T *out) {                  \
    if (n <= BLOCK) return s->exp_sum(n, x, m, out);                                                         \
    const double sum = exp_row_##suffix(s, x, n / 2, m, out);                                                \
    return sum + exp_row_##suffix(s, x + n / 2, n - n / 2, m, out + n / 2);                                  \
  }                                                                                                          \
  static void softmax_##suffix(void *context, int64_t outer, int worker) {                                   \
    const slabs *s = context;                                                                                \
    const int64_t rows = s->extent.middle, inner = s->extent.inner;                                          \
    const T *x = (const T *)s->in + outer * rows * inner;                                                    \
    T *out = (T *)s->out + outer * rows * inner, *m = (T *)s->shift + outer * inner;                         \
    (void)worker;                                                                                            \
    s->max(x, rows, inner, inner, m);                                                                        \
    if (inner == 1) { /* one loop, not one for every row */                                                  \
      const T all = (T)exp_row_##suffix(s, x, rows, (double)*m, out);                                        \
      for (int64_t r = 0; r < rows; r++) out[r] /= all;                                                      \
      return;                                                                                                \
    }                                                                                                        \
    for (int64_t r = 0; r < rows; r++)                                                                       \
      for (int64_t c = 0; c < inner; c++) out[r * inner + c] = x[r * inner + c] - m[c];                      \
    apply(s->exp, rows *inner, out);                                                                         \
    s->sum(out, rows, inner, inner, m);                                                                      \
    for (int64_t r = 0; r < rows; r++)                                                                       \
      for (int64_t c = 0; c < inner; c++) out[r * inner + c] /= m[c];                                        \
  }
KERNELS(double, f64)
KERNELS(float, f32)

static tw_status run_slabs(const tw_call *call, bool softmax) {
  const tw_dtype dtype = tw_dtype_of(call->node);
  slabs s = {
      .extent = tw_reduce_extents(call->node), .in = call->in[0], .out = call->out, .shift = call->scratch, .softmax = softmax};
  if (s.extent.middle == 0 || s.extent.inner == 0) return TW_OK;
  s.exp = tw_loop_get(TW_LOOP_exp, dtype);
  s.exp_sum = tw_exp_sum_get(dtype);
  s.log = tw_loop_get(TW_LOOP_log, dtype);
  s.max = tw_fold_get(TW_FOLD_MAX, dtype);
  s.sum = tw_fold_get(TW_FOLD_SUM, dtype);
  const int threads = tw_call_threads(call, 8 * s.extent.outer * s.extent.middle * s.extent.inner);
  const bool wide = dtype == TW_F64;
  if (s.extent.inner == 1 && s.extent.middle <= SHORT) {
    const int64_t many = BLOCK / s.extent.middle;
    tw_parallel(threads, (s.extent.outer + many - 1) / many, wide ? short_f64 : short_f32, &s);
  } else {
    tw_parallel(threads, s.extent.outer, softmax ? wide ? softmax_f64 : softmax_f32 : wide ? logsumexp_f64 : logsumexp_f32, &s);
  }
  return TW_OK;
}

static size_t shift_scratch(tw_expr node) {
  const tw_extents e = tw_reduce_extents(node);
  return (size_t)(e.outer * e.inner) * tw_dtype_get(tw_dtype_of(node))->size;
}

/* Of each element the maximum, the difference, the exponential, the sum and the quotient. */
static double softmax_flops(tw_expr node) {
  return 5 * tw_reduce_flops(node);
}

static bool infer_float(const tw_args *args, tw_type *type) {
  if (!tw_reduce_infer_some(args, type)) return false;
  if (tw_dtype_get(type->dtype)->kind == TW_KIND_FLOAT) return true;
  tw_graph_fail(args->graph, TW_ERR_DTYPE, "%s: operand is %s, expected f64 or f32", args->op->name,
                tw_dtype_get(type->dtype)->name);
  return false;
}

static tw_expr to_float(tw_expr x) {
  return tw_dtype_get(tw_dtype_of(x))->kind == TW_KIND_FLOAT ? x : tw_cast(x, TW_F64);
}

/* ------------------------------------------------------------------ logsumexp */

static tw_status logsumexp_kernel(const tw_call *call) {
  return run_slabs(call, false);
}

static tw_expr softmax_like(tw_expr node) {
  return tw_reduce_node(&tw_op_softmax, tw_input_of(node, 0), tw_reduce_axes(node));
}

static tw_expr logsumexp_jvp(tw_expr node, const tw_expr *tangents) {
  return tw_reduce_node(&tw_op_sum, tw_mul(softmax_like(node), tangents[0]), tw_reduce_axes(node));
}

static void logsumexp_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  cotangents[0] = tw_mul(softmax_like(node), tw_reduce_restore(node, cotangent));
}

static void logsumexp_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_reduce_emit(e, node, "logsumexp", in, out);
}

static tw_expr logsumexp_example(tw_graph *graph, tw_dtype dtype, int variant) {
  return tw_reduce_example(&tw_op_logsumexp, false, graph, dtype, variant);
}

const tw_op tw_op_logsumexp = {.name = "logsumexp",
                               .summary = "log sum e^x, without overflow",
                               .kind = TW_OP_KIND_REDUCTION,
                               .arity = 1,
                               .attr_bytes = sizeof(tw_axes_attr),
                               .infer = infer_float,
                               .simplify = tw_reduce_trivial,
                               .kernel = logsumexp_kernel,
                               .scratch = shift_scratch,
                               .jvp = logsumexp_jvp,
                               .vjp = logsumexp_vjp,
                               .batch = tw_reduce_batch,
                               .flops = softmax_flops,
                               .emit = logsumexp_emit,
                               .example = logsumexp_example,
                               .low = -2,
                               .high = 2};

tw_expr tw_logsumexp(tw_expr x, unsigned axes, bool keep) {
  if (!tw_operands("logsumexp", 1, &x)) return TW_NONE;
  return tw_reduce_build(&tw_op_logsumexp, to_float(x), axes, keep);
}

/* ------------------------------------------------------------------ softmax */

static bool softmax_infer(const tw_args *args, tw_type *type) {
  tw_type reduced;
  if (!tw_reduce_infer(args, &reduced)) return false;
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  if (tw_dtype_get(type->dtype)->kind == TW_KIND_FLOAT) return true;
  tw_graph_fail(args->graph, TW_ERR_DTYPE, "softmax: operand is %s, expected f64 or f32",
                tw_dtype_get(type->dtype)->name);
  return false;
}

static tw_status softmax_kernel(const tw_call *call) {
  return run_slabs(call, true);
}

/* s (t - sum_j s_j t_j): the Jacobian diag(s) - s s' is symmetric. */
static tw_expr softmax_times(tw_expr node, tw_expr t) {
  const tw_expr mean = tw_reduce_node(&tw_op_sum, tw_mul(node, t), tw_reduce_axes(node));
  return tw_mul(node, tw_sub(t, tw_reduce_restore(node, mean)));
}

static tw_expr softmax_jvp(tw_expr node, const tw_expr *tangents) {
  return softmax_times(node, tangents[0]);
}

static void softmax_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  cotangents[0] = softmax_times(node, cotangent);
}

static void softmax_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_reduce_emit(e, node, "softmax", in, out);
}

static tw_expr softmax_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape shape[] = {{2, {3, 4}}, {2, {3, 4}}, {3, {2, 3, 4}},
                                   {1, {5}},    {2, {3, 0}}, {2, {3, 1}}};
  static const int axis[] = {0, 1, 1, 0, 1, -1};
  if (variant >= 6) return TW_NONE;
  return tw_softmax(tw_input(graph, "x", dtype, shape[variant]), axis[variant]);
}

const tw_op tw_op_softmax = {.name = "softmax",
                             .summary = "e^x_i / sum_j e^x_j along an axis",
                             .kind = TW_OP_KIND_REDUCTION,
                             .arity = 1,
                             .attr_bytes = sizeof(tw_axes_attr),
                             .infer = softmax_infer,
                             .kernel = softmax_kernel,
                             .scratch = shift_scratch,
                             .jvp = softmax_jvp,
                             .vjp = softmax_vjp,
                             .batch = tw_reduce_batch,
                             .flops = softmax_flops,
                             .emit = softmax_emit,
                             .example = softmax_example,
                             .low = -2,
                             .high = 2};

/* x as floats, and `axis` from 0 on; false when they do not fit (the graph has failed). */
static bool along(const char *op, tw_expr *x, int *axis) {
  if (!tw_operands(op, 1, x)) return false;
  const tw_shape shape = tw_shape_of(*x);
  *x = to_float(*x);
  return tw_axis_check(x->graph, op, &shape, axis);
}

tw_expr tw_softmax(tw_expr x, int axis) {
  if (!along("softmax", &x, &axis)) return TW_NONE;
  return tw_reduce_node(&tw_op_softmax, x, (tw_axes_attr){axis, 1});
}

/* With y = x - max x, y - logsumexp(y) keeps small results exact, where x - logsumexp(x) would cancel. */
tw_expr tw_log_softmax(tw_expr x, int axis) {
  if (!along("log_softmax", &x, &axis)) return TW_NONE;
  const unsigned mask = 1u << axis;
  if (tw_shape_of(x).dim[axis] == 0) return x;
  const tw_expr max = tw_stop_gradient(tw_reduce_max(x, mask, true));
  const tw_expr y = tw_sub(x, tw_where(tw_is_finite(max), max, tw_weak(max, 0)));
  return tw_sub(y, tw_logsumexp(y, mask, true));
}
