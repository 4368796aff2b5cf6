/* Leaves made of a rule rather than of data: fill, iota, eye. */
#include "graph/emit/emit.h"
#include "graph/ops/build.h"
#include "graph/ops/loops.h"
#include "graph/ops/ops.h"

#include <math.h>
#include <string.h>

/* `value` as an element of `dtype`. */
static void store(tw_dtype dtype, double value, void *element) {
  switch (dtype) {
  case TW_F64:
    *(double *)element = value;
    break;
  case TW_F32:
    *(float *)element = (float)value;
    break;
  case TW_I64:
    *(int64_t *)element = (int64_t)value;
    break;
  case TW_I32:
    *(int32_t *)element = (int32_t)value;
    break;
  default:
    *(uint8_t *)element = (uint8_t)value;
    break;
  }
}

/* Integers must hold the value exactly. */
static bool representable(tw_dtype dtype, double value) {
  static const double low[TW_DTYPE_COUNT] = {[TW_I64] = -0x1p63, [TW_I32] = -0x1p31};
  static const double high[TW_DTYPE_COUNT] = {
      [TW_I64] = 0x1p63, [TW_I32] = 0x1p31, [TW_U8] = 256, [TW_BOOL] = 2};
  if (tw_dtype_get(dtype)->kind == TW_KIND_FLOAT) return true;
  return value == floor(value) && value >= low[dtype] && value < high[dtype];
}

static bool known_dtype(tw_graph *graph, const char *op, int64_t dtype) {
  if (dtype >= 0 && dtype < TW_DTYPE_COUNT) return true;
  tw_graph_fail(graph, TW_ERR_DTYPE, "%s: no dtype has number %lld", op, (long long)dtype);
  return false;
}

/* A node without operands, unless the graph has failed. */
static tw_expr leaf(tw_graph *graph, const tw_op *op, const void *attr) {
  if (!graph || tw_graph_status(graph)) return TW_NONE;
  return tw_node(graph, op, 0, NULL, attr);
}

/* ------------------------------------------------------------------ fill */

static bool fill_infer(const tw_args *args, tw_type *type) {
  const tw_fill_attr *attr = args->attr;
  if (!known_dtype(args->graph, "fill", attr->dtype)) return false;
  *type = (tw_type){(tw_dtype)attr->dtype, tw_attr_shape(&attr->shape)};
  if (!representable(type->dtype, attr->value)) {
    tw_graph_fail(args->graph, TW_ERR_RANGE, "fill: %g is no value of %s", attr->value,
                  tw_dtype_get(type->dtype)->name);
    return false;
  }
  return tw_shape_possible(args->graph, "fill", &type->shape);
}

static tw_status fill_kernel(const tw_call *call) {
  const tw_fill_attr *attr = tw_attr_of(call->node);
  const tw_dtype dtype = (tw_dtype)attr->dtype;
  int64_t element = 0, row = 0, step = 0;
  const void *in = &element;
  store(dtype, attr->value, &element);
  tw_loop_get(TW_LOOP_copy, dtype)(1, tw_size_of(call->node), &in, &row, &step, call->out);
  return TW_OK;
}

static void fill_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_text value = {0};
  int64_t element = 0;
  (void)in;
  store(tw_dtype_of(node), ((const tw_fill_attr *)tw_attr_of(node))->value, &element);
  tw_emit_literal(&value, tw_dtype_of(node), &element);
  if (value.failed) e->text->failed = true;
  tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = %s;", (long long)tw_size_of(node), out,
               value.data ? value.data : "0");
  tw_text_free(&value);
}

static tw_expr fill_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape shape[] = {{0, {0}}, {2, {3, 4}}, {2, {2, 0}}};
  return variant < 3 ? tw_fill(graph, dtype, shape[variant], -1.5) : TW_NONE;
}

const tw_op tw_op_fill = {.name = "fill",
                          .summary = "an array of equal elements",
                          .kind = TW_OP_KIND_MOVEMENT,
                          .flags = TW_OP_CONSTANT_DERIVATIVE,
                          .attr_bytes = sizeof(tw_fill_attr),
                          .infer = fill_infer,
                          .kernel = fill_kernel,
                          .flops = tw_flops_none,
                          .emit = fill_emit,
                          .example = fill_example};

tw_expr tw_fill(tw_graph *graph, tw_dtype dtype, tw_shape shape, double value) {
  const tw_fill_attr attr = {(int64_t)dtype, tw_shape_attr_of(&shape), value};
  return leaf(graph, &tw_op_fill, &attr);
}

tw_expr tw_fill_like(tw_expr e, double value) {
  if (!tw_operands("fill_like", 1, &e)) return TW_NONE;
  return tw_fill(e.graph, tw_dtype_of(e), tw_shape_of(e), value);
}

tw_expr tw_zeros_like(tw_expr e) {
  return tw_fill_like(e, 0);
}

tw_expr tw_ones_like(tw_expr e) {
  return tw_fill_like(e, 1);
}

/* ------------------------------------------------------------------ iota */

typedef struct iota_attr {
  int64_t dtype, n;
} iota_attr;

static bool iota_infer(const tw_args *args, tw_type *type) {
  const iota_attr *attr = args->attr;
  if (!known_dtype(args->graph, "iota", attr->dtype)) return false;
  *type = (tw_type){(tw_dtype)attr->dtype, TW_SHAPE(attr->n)};
  if (attr->n > 0 && !representable(type->dtype, (double)(attr->n - 1))) {
    tw_graph_fail(args->graph, TW_ERR_RANGE, "iota: 0 .. %lld do not fit %s", (long long)(attr->n - 1),
                  tw_dtype_get(type->dtype)->name);
    return false;
  }
  return tw_shape_possible(args->graph, "iota", &type->shape);
}

static tw_status iota_kernel(const tw_call *call) {
  const iota_attr *attr = tw_attr_of(call->node);
  const size_t size = tw_dtype_get((tw_dtype)attr->dtype)->size;
  char *out = call->out;
  for (int64_t i = 0; i < attr->n; i++, out += size) store((tw_dtype)attr->dtype, (double)i, out);
  return TW_OK;
}

static void iota_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  (void)in;
  tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = (%s)i;", (long long)tw_size_of(node), out,
               tw_c_type(tw_dtype_of(node)));
}

static tw_expr iota_example(tw_graph *graph, tw_dtype dtype, int variant) {
  return variant < 2 ? tw_iota(graph, dtype, variant ? 0 : 5) : TW_NONE;
}

const tw_op tw_op_iota = {.name = "iota",
                          .summary = "0, 1, .., n-1",
                          .kind = TW_OP_KIND_MOVEMENT,
                          .flags = TW_OP_CONSTANT_DERIVATIVE,
                          .attr_bytes = sizeof(iota_attr),
                          .infer = iota_infer,
                          .kernel = iota_kernel,
                          .flops = tw_flops_none,
                          .emit = iota_emit,
                          .example = iota_example};

tw_expr tw_iota(tw_graph *graph, tw_dtype dtype, int64_t n) {
  const iota_attr attr = {(int64_t)dtype, n};
  return leaf(graph, &tw_op_iota, &attr);
}

/* ------------------------------------------------------------------ eye */

typedef struct eye_attr {
  int64_t dtype, rows, cols;
} eye_attr;

static bool eye_infer(const tw_args *args, tw_type *type) {
  const eye_attr *attr = args->attr;
  if (!known_dtype(args->graph, "eye", attr->dtype)) return false;
  *type = (tw_type){(tw_dtype)attr->dtype, TW_SHAPE(attr->rows, attr->cols)};
  return tw_shape_possible(args->graph, "eye", &type->shape);
}

static tw_status eye_kernel(const tw_call *call) {
  const eye_attr *attr = tw_attr_of(call->node);
  const size_t size = tw_dtype_get((tw_dtype)attr->dtype)->size;
  const int64_t n = attr->rows < attr->cols ? attr->rows : attr->cols;
  char *out = call->out;
  memset(out, 0, (size_t)tw_size_of(call->node) * size);
  for (int64_t i = 0; i < n; i++)
    store((tw_dtype)attr->dtype, 1, out + (size_t)(i * (attr->cols + 1)) * size);
  return TW_OK;
}

static void eye_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const eye_attr *attr = tw_attr_of(node);
  const int64_t n = attr->rows < attr->cols ? attr->rows : attr->cols;
  (void)in;
  tw_emit_zeros(e, node, out);
  tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i * %lld] = 1;", (long long)n, out,
               (long long)attr->cols + 1);
}

static tw_expr eye_example(tw_graph *graph, tw_dtype dtype, int variant) {
  return variant < 3 ? tw_eye(graph, dtype, 3, 4 - variant) : TW_NONE;
}

const tw_op tw_op_eye = {.name = "eye",
                         .summary = "ones on the main diagonal, zeros elsewhere",
                         .kind = TW_OP_KIND_MOVEMENT,
                         .flags = TW_OP_CONSTANT_DERIVATIVE,
                         .attr_bytes = sizeof(eye_attr),
                         .infer = eye_infer,
                         .kernel = eye_kernel,
                         .flops = tw_flops_none,
                         .emit = eye_emit,
                         .example = eye_example};

tw_expr tw_eye(tw_graph *graph, tw_dtype dtype, int64_t rows, int64_t cols) {
  const eye_attr attr = {(int64_t)dtype, rows, cols};
  return leaf(graph, &tw_op_eye, &attr);
}
