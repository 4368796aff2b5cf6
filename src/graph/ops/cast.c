/* Conversions between dtypes, and stop_gradient. */
#include "graph/emit/runtime/scalar.h"
#include "graph/ops/elementwise.h"

#include <string.h>

typedef struct cast_attr {
  int64_t dtype;
} cast_attr;

#define TO_F64(a) (double)(a)
#define TO_F32(a) (float)(a)
#define TO_I64(a) (int64_t)(a)
#define TO_I32(a) (int32_t)(a)
#define TO_U8(a) (uint8_t)(a)
#define TO_BOOL(a) (uint8_t)((a) != 0)
#define REAL_TO_I64(a) whole_in((double)(a), -0x1p63, 0x1p63, INT64_MIN, INT64_MAX)
#define REAL_TO_I32(a) (int32_t) whole_in((double)(a), -0x1p31, 0x1p31 - 1, INT32_MIN, INT32_MAX)
#define REAL_TO_U8(a) (uint8_t) whole_in((double)(a), 0, 255, 0, 255)

#define CAST(name, T, U, convert)                                                                            \
  static void name(int64_t rows, int64_t n, const void *const *in, const int64_t *row, const int64_t *step,  \
                   void *out) {                                                                              \
    const T *x = in[0];                                                                                      \
    U *z = out;                                                                                              \
    (void)rows, (void)row, (void)step;                                                                       \
    for (int64_t i = 0; i < n; i++) z[i] = convert(x[i]);                                                    \
  }
#define CASTS_OF_REAL(from, T)                                                                               \
  CAST(from##_to_f64, T, double, TO_F64)                                                                     \
  CAST(from##_to_f32, T, float, TO_F32)                                                                      \
  CAST(from##_to_i64, T, int64_t, REAL_TO_I64)                                                               \
  CAST(from##_to_i32, T, int32_t, REAL_TO_I32)                                                               \
  CAST(from##_to_u8, T, uint8_t, REAL_TO_U8)                                                                 \
  CAST(from##_to_bool, T, uint8_t, TO_BOOL)
#define CASTS_OF_WHOLE(from, T)                                                                              \
  CAST(from##_to_f64, T, double, TO_F64)                                                                     \
  CAST(from##_to_f32, T, float, TO_F32)                                                                      \
  CAST(from##_to_i64, T, int64_t, TO_I64)                                                                    \
  CAST(from##_to_i32, T, int32_t, TO_I32)                                                                    \
  CAST(from##_to_u8, T, uint8_t, TO_U8)                                                                      \
  CAST(from##_to_bool, T, uint8_t, TO_BOOL)
CASTS_OF_REAL(f64, double)
CASTS_OF_REAL(f32, float)
CASTS_OF_WHOLE(i64, int64_t)
CASTS_OF_WHOLE(i32, int32_t)
CASTS_OF_WHOLE(u8, uint8_t)

#define ROW(from)                                                                                            \
  {                                                                                                          \
    [TW_F64] = from##_to_f64, [TW_F32] = from##_to_f32, [TW_I64] = from##_to_i64, [TW_I32] = from##_to_i32,  \
    [TW_U8] = from##_to_u8, [TW_BOOL] = from##_to_bool                                                       \
  }

static tw_loop *cast_loop(tw_expr node) {
  static tw_loop *const loop[TW_DTYPE_COUNT][TW_DTYPE_COUNT] = {
      [TW_F64] = ROW(f64), [TW_F32] = ROW(f32), [TW_I64] = ROW(i64),
      [TW_I32] = ROW(i32), [TW_U8] = ROW(u8),   [TW_BOOL] = ROW(u8)};
  return loop[tw_dtype_of(tw_input_of(node, 0))][tw_dtype_of(node)];
}

#define TEXT_OF(macro) TEXT_OF_EXPANDED(macro)
#define TEXT_OF_EXPANDED(text) #text

static const char *cast_formula(tw_expr node) {
  static const char *const of_real[TW_DTYPE_COUNT] = {
      [TW_F64] = TEXT_OF(TO_F64(a)),      [TW_F32] = TEXT_OF(TO_F32(a)),
      [TW_I64] = "whole_in((double)a, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX)",
      [TW_I32] = "(int32_t)whole_in((double)a, -0x1p31, 0x1p31 - 1, INT32_MIN, INT32_MAX)",
      [TW_U8] = TEXT_OF(REAL_TO_U8(a)),   [TW_BOOL] = TEXT_OF(TO_BOOL(a))};
  static const char *const of_whole[TW_DTYPE_COUNT] = {
      [TW_F64] = TEXT_OF(TO_F64(a)), [TW_F32] = TEXT_OF(TO_F32(a)), [TW_I64] = TEXT_OF(TO_I64(a)),
      [TW_I32] = TEXT_OF(TO_I32(a)), [TW_U8] = TEXT_OF(TO_U8(a)),   [TW_BOOL] = TEXT_OF(TO_BOOL(a))};
  const bool real = tw_dtype_get(tw_dtype_of(tw_input_of(node, 0)))->kind == TW_KIND_FLOAT;
  return (real ? of_real : of_whole)[tw_dtype_of(node)];
}

static bool cast_infer(const tw_args *args, tw_type *type) {
  const int64_t dtype = ((const cast_attr *)args->attr)->dtype;
  if (dtype < 0 || dtype >= TW_DTYPE_COUNT) {
    tw_graph_fail(args->graph, TW_ERR_DTYPE, "cast: no dtype has number %lld", (long long)dtype);
    return false;
  }
  *type = (tw_type){(tw_dtype)dtype, tw_shape_of(args->in[0])};
  return true;
}

static tw_expr cast_simplify(const tw_args *args) {
  if (tw_dtype_of(args->in[0]) == (tw_dtype)((const cast_attr *)args->attr)->dtype) return args->in[0];
  return tw_simplify_broadcast(args);
}

static bool is_real(tw_expr e) {
  return tw_dtype_get(tw_dtype_of(e))->kind == TW_KIND_FLOAT;
}

/* Linear between floats; a step function to and from the others. */
static tw_expr cast_jvp(tw_expr node, const tw_expr *tangents) {
  return is_real(node) && is_real(tw_input_of(node, 0)) ? tw_cast(tangents[0], tw_dtype_of(node)) : TW_NONE;
}

static void cast_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const tw_expr x = tw_input_of(node, 0);
  if (is_real(node) && is_real(x)) cotangents[0] = tw_cast(cotangent, tw_dtype_of(x));
}

static tw_expr cast_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape shape[] = {{2, {3, 4}}, {0, {0}}};
  const tw_dtype to[] = {dtype == TW_F64 ? TW_F32 : TW_F64, TW_I64, TW_I32, TW_U8, TW_BOOL};
  if (variant >= 6) return TW_NONE;
  return tw_cast(tw_input(graph, "x", dtype, shape[variant / 5]), to[variant % 5]);
}

const tw_op tw_op_cast = {.name = "cast",
                          .summary = "conversion to another dtype",
                          .flags = TW_OP_ELEMENTWISE,
                          .arity = 1,
                          .attr_bytes = sizeof(cast_attr),
                          .infer = cast_infer,
                          .simplify = cast_simplify,
                          .kernel = tw_elementwise_kernel,
                          .loop = cast_loop,
                          .formula = cast_formula,
                          .jvp = cast_jvp,
                          .vjp = cast_vjp,
                          .flops = tw_flops_none,
                          .example = cast_example,
                          .low = 0.2,
                          .high = 2.8};

tw_expr tw_cast(tw_expr x, tw_dtype dtype) {
  const cast_attr attr = {(int64_t)dtype};
  if (!tw_operands("cast", 1, &x)) return TW_NONE;
  if (tw_dtype_of(x) == dtype) return x;
  return tw_node(x.graph, &tw_op_cast, 1, &x, &attr);
}

/* ------------------------------------------------------------------ stop_gradient */

static bool stop_gradient_infer(const tw_args *args, tw_type *type) {
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  return true;
}

static tw_expr stop_gradient_simplify(const tw_args *args) {
  const tw_expr x = args->in[0];
  const bool constant = tw_constant_data(x) || tw_op_of(x) == &tw_op_fill || tw_op_of(x) == args->op;
  return constant ? x : TW_NONE;
}

static tw_expr stop_gradient_example(tw_graph *graph, tw_dtype dtype, int variant) {
  return variant == 0 ? tw_stop_gradient(tw_input(graph, "x", dtype, TW_SHAPE(3, 2))) : TW_NONE;
}

const tw_op tw_op_stop_gradient = {.name = "stop_gradient",
                                   .summary = "x, with derivative zero",
                                   .flags = TW_OP_ELEMENTWISE | TW_OP_ALIAS | TW_OP_CONSTANT_DERIVATIVE,
                                   .arity = 1,
                                   .infer = stop_gradient_infer,
                                   .simplify = stop_gradient_simplify,
                                   .kernel = tw_copy_kernel,
                                   .alias = tw_alias_start,
                                   .flops = tw_flops_none,
                                   .example = stop_gradient_example,
                                   .low = -2,
                                   .high = 2};

tw_expr tw_stop_gradient(tw_expr x) {
  if (!tw_operands("stop_gradient", 1, &x)) return TW_NONE;
  return tw_node(x.graph, &tw_op_stop_gradient, 1, &x, NULL);
}
