/* Diagonals and triangles of the matrices in the last two axes: diag, its adjoint diag_embed, tril, triu. */
#include "graph/emit/emit.h"
#include "graph/ops/build.h"
#include "graph/ops/ops.h"

#include <string.h>

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static bool expect_matrix(const tw_args *args, tw_type *type) {
  char text[TW_SHAPE_TEXT];
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  if (type->shape.rank >= 2) return true;
  tw_graph_fail(args->graph, TW_ERR_SHAPE, "%s: shape %s, expected a matrix", args->op->name,
                tw_shape_text(&type->shape, text));
  return false;
}

/* ------------------------------------------------------------------ diag, diag_embed */

typedef struct embed_attr {
  int64_t rows, cols;
} embed_attr;

/* Moves between diagonals [batch, k] and matrices [batch, rows, cols], element by element. */
static void copy_diagonals(int64_t batch, int64_t k, int64_t rows, int64_t cols, size_t element,
                           const char *in, char *out, bool embed) {
  for (int64_t b = 0; b < batch; b++)
    for (int64_t i = 0; i < k; i++) {
      const size_t matrix = (size_t)(b * rows * cols + i * (cols + 1)) * element;
      const size_t vector = (size_t)(b * k + i) * element;
      memcpy(out + (embed ? matrix : vector), in + (embed ? vector : matrix), element);
    }
}

static bool diag_infer(const tw_args *args, tw_type *type) {
  if (!expect_matrix(args, type)) return false;
  tw_shape *shape = &type->shape;
  const int64_t k = smaller(shape->dim[shape->rank - 2], shape->dim[shape->rank - 1]);
  *shape = tw_shape_remove(*shape, shape->rank - 1);
  shape->dim[shape->rank - 1] = k;
  return true;
}

static tw_expr diag_simplify(const tw_args *args) {
  const tw_expr x = args->in[0];
  tw_type type;
  if (tw_op_of(x) == &tw_op_diag_embed) return tw_input_of(x, 0);
  if (!diag_infer(args, &type)) return TW_NONE;
  if (tw_op_of(x) == &tw_op_eye) return tw_fill(x.graph, type.dtype, type.shape, 1);
  if (tw_op_of(x) != &tw_op_fill) return TW_NONE;
  return tw_fill(x.graph, type.dtype, type.shape, ((const tw_fill_attr *)tw_attr_of(x))->value);
}

static tw_status diag_kernel(const tw_call *call) {
  const tw_shape from = tw_shape_of(tw_input_of(call->node, 0));
  const int64_t rows = from.dim[from.rank - 2], cols = from.dim[from.rank - 1];
  const int64_t batch = tw_shape_split(&from, from.rank - 2, 2).outer;
  copy_diagonals(batch, smaller(rows, cols), rows, cols, tw_dtype_get(tw_dtype_of(call->node))->size,
                 call->in[0], call->out, false);
  return TW_OK;
}

static bool diag_as_view(tw_expr node, tw_view *view) {
  const tw_shape from = tw_shape_of(tw_input_of(node, 0)), to = tw_shape_of(node);
  const tw_extents e = tw_shape_split(&from, from.rank - 2, 2);
  *view = (tw_view){0};
  tw_view_add(view, to.dim[to.rank - 1], from.dim[from.rank - 1] + 1);
  tw_view_add(view, e.outer, e.middle);
  return true;
}

static tw_expr embed(tw_expr x, int64_t rows, int64_t cols) {
  const embed_attr attr = {rows, cols};
  return tw_is_none(x) ? x : tw_node(x.graph, &tw_op_diag_embed, 1, &x, &attr);
}

static tw_expr extract(tw_expr x) {
  return tw_is_none(x) ? x : tw_node(x.graph, &tw_op_diag, 1, &x, NULL);
}

static tw_expr diag_jvp(tw_expr node, const tw_expr *tangents) {
  (void)node;
  return extract(tangents[0]);
}

static void diag_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const tw_shape from = tw_shape_of(tw_input_of(node, 0));
  cotangents[0] = embed(cotangent, from.dim[from.rank - 2], from.dim[from.rank - 1]);
}

static tw_expr diag_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  (void)node, (void)size, (void)batched;
  return extract(in[0]);
}

static tw_expr diag_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape shape[] = {{2, {3, 3}}, {2, {3, 5}}, {3, {2, 4, 3}}, {2, {0, 2}}};
  return variant < 4 ? extract(tw_input(graph, "x", dtype, shape[variant])) : TW_NONE;
}

const tw_op tw_op_diag = {.name = "diag",
                          .summary = "main diagonal of the last two axes",
                          .kind = TW_OP_KIND_MOVEMENT,
                          .arity = 1,
                          .infer = diag_infer,
                          .simplify = diag_simplify,
                          .kernel = diag_kernel,
                          .view = diag_as_view,
                          .jvp = diag_jvp,
                          .vjp = diag_vjp,
                          .batch = diag_batch,
                          .flops = tw_flops_none,
                          .example = diag_example,
                          .low = -2,
                          .high = 2};

static bool diag_embed_infer(const tw_args *args, tw_type *type) {
  const embed_attr *attr = args->attr;
  const tw_shape from = tw_shape_of(args->in[0]);
  char text[TW_SHAPE_TEXT];
  if (from.rank < 1 || from.rank == TW_MAX_RANK ||
      from.dim[from.rank - 1] != smaller(attr->rows, attr->cols)) {
    tw_graph_fail(args->graph, TW_ERR_SHAPE, "diag: shape %s is no diagonal of a [%lld, %lld] matrix",
                  tw_shape_text(&from, text), (long long)attr->rows, (long long)attr->cols);
    return false;
  }
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_insert(from, from.rank, attr->cols)};
  type->shape.dim[from.rank - 1] = attr->rows;
  return tw_shape_possible(args->graph, "diag", &type->shape);
}

static tw_status diag_embed_kernel(const tw_call *call) {
  const embed_attr *attr = tw_attr_of(call->node);
  const tw_shape from = tw_shape_of(tw_input_of(call->node, 0));
  const size_t element = tw_dtype_get(tw_dtype_of(call->node))->size;
  memset(call->out, 0, (size_t)tw_size_of(call->node) * element);
  copy_diagonals(tw_shape_split(&from, from.rank - 1, 1).outer, from.dim[from.rank - 1], attr->rows,
                 attr->cols, element, call->in[0], call->out, true);
  return TW_OK;
}

/* Element i of the diagonals, k long, goes to its matrix. */
static void diag_embed_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const embed_attr *attr = tw_attr_of(node);
  const long long k = (long long)smaller(attr->rows, attr->cols);
  tw_emit_zeros(e, node, out);
  if (k > 0)
    tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i / %lld * %lld + i %% %lld * %lld] = %s[i];",
                 (long long)tw_size_of(tw_input_of(node, 0)), out, k, (long long)(attr->rows * attr->cols), k,
                 (long long)attr->cols + 1, in[0]);
}

static tw_expr embed_like(tw_expr node, tw_expr x) {
  const embed_attr *attr = tw_attr_of(node);
  return embed(x, attr->rows, attr->cols);
}

static tw_expr diag_embed_jvp(tw_expr node, const tw_expr *tangents) {
  return embed_like(node, tangents[0]);
}

static void diag_embed_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  (void)node;
  cotangents[0] = extract(cotangent);
}

static tw_expr diag_embed_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  (void)size, (void)batched;
  return embed_like(node, in[0]);
}

static tw_expr diag_embed_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape shape[] = {{1, {3}}, {1, {3}}, {2, {2, 3}}, {1, {0}}};
  static const embed_attr attr[] = {{3, 3}, {3, 5}, {4, 3}, {0, 0}};
  if (variant >= 4) return TW_NONE;
  return embed(tw_input(graph, "x", dtype, shape[variant]), attr[variant].rows, attr[variant].cols);
}

const tw_op tw_op_diag_embed = {.name = "diag_embed",
                                .summary = "a diagonal in a matrix of zeros",
                                .kind = TW_OP_KIND_MOVEMENT,
                                .arity = 1,
                                .attr_bytes = sizeof(embed_attr),
                                .infer = diag_embed_infer,
                                .kernel = diag_embed_kernel,
                                .emit = diag_embed_emit,
                                .jvp = diag_embed_jvp,
                                .vjp = diag_embed_vjp,
                                .batch = diag_embed_batch,
                                .flops = tw_flops_none,
                                .example = diag_embed_example,
                                .low = -2,
                                .high = 2};

tw_expr tw_diag(tw_expr x) {
  if (!tw_operands("diag", 1, &x)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x);
  return shape.rank == 1 ? embed(x, shape.dim[0], shape.dim[0]) : extract(x);
}

/* ------------------------------------------------------------------ tril, triu */

typedef struct band_attr {
  int64_t k;
} band_attr;

static tw_expr band(const tw_op *op, tw_expr x, int64_t k) {
  const band_attr attr = {k};
  if (!tw_operands(op->name, 1, &x)) return TW_NONE;
  return tw_node(x.graph, op, 1, &x, &attr);
}

static int64_t clamp(int64_t x, int64_t high) {
  return x < 0 ? 0 : x > high ? high : x;
}

/* Row i keeps columns [first, last): up to i + k for tril, from i + k on for triu. */
static tw_status band_kernel(const tw_call *call) {
  const bool upper = tw_op_of(call->node) == &tw_op_triu;
  const int64_t k = ((const band_attr *)tw_attr_of(call->node))->k;
  const tw_shape shape = tw_shape_of(call->node);
  const int64_t rows = shape.dim[shape.rank - 2], cols = shape.dim[shape.rank - 1];
  const size_t element = tw_dtype_get(tw_dtype_of(call->node))->size;
  const int64_t all = tw_shape_split(&shape, shape.rank - 1, 1).outer;
  for (int64_t row = 0; row < all && cols > 0; row++) {
    const int64_t i = row % rows, first = upper ? clamp(i + k, cols) : 0,
                  last = upper ? cols : clamp(i + k + 1, cols);
    const char *in = (const char *)call->in[0] + (size_t)(row * cols) * element;
    char *out = (char *)call->out + (size_t)(row * cols) * element;
    memset(out, 0, (size_t)first * element);
    memcpy(out + (size_t)first * element, in + (size_t)first * element, (size_t)(last - first) * element);
    memset(out + (size_t)last * element, 0, (size_t)(cols - last) * element);
  }
  return TW_OK;
}

static void band_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_shape shape = tw_shape_of(node);
  const long long rows = (long long)shape.dim[shape.rank - 2], cols = (long long)shape.dim[shape.rank - 1];
  tw_emit_line(e,
               "for (int64_t i = 0; i < %lld; i++) %s[i] = i %% %lld %s i / %lld %% %lld + %lld ? %s[i] : 0;",
               (long long)tw_size_of(node), out, cols, tw_op_of(node) == &tw_op_triu ? ">=" : "<=", cols,
               rows, (long long)((const band_attr *)tw_attr_of(node))->k, in[0]);
}

static tw_expr band_like(tw_expr node, tw_expr x) {
  return band(tw_op_of(node), x, ((const band_attr *)tw_attr_of(node))->k);
}

static tw_expr band_simplify(const tw_args *args) {
  const tw_expr x = args->in[0];
  const bool same = tw_op_of(x) == args->op && memcmp(tw_attr_of(x), args->attr, sizeof(band_attr)) == 0;
  return same || tw_is_constant(x, 0) ? x : TW_NONE;
}

static tw_expr band_jvp(tw_expr node, const tw_expr *tangents) {
  return band_like(node, tangents[0]);
}

static void band_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  cotangents[0] = band_like(node, cotangent);
}

static tw_expr band_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  (void)size, (void)batched;
  return band_like(node, in[0]);
}

static tw_expr band_example(const tw_op *op, tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape shape[] = {{2, {3, 3}}, {2, {3, 5}}, {3, {2, 4, 3}}, {2, {3, 3}}, {2, {0, 3}}};
  static const int k[] = {0, 1, -1, 7, 0};
  return variant < 5 ? band(op, tw_input(graph, "x", dtype, shape[variant]), k[variant]) : TW_NONE;
}

#define BAND(NAME, SUMMARY)                                                                                  \
  static tw_expr NAME##_example(tw_graph *graph, tw_dtype dtype, int variant) {                              \
    return band_example(&tw_op_##NAME, graph, dtype, variant);                                               \
  }                                                                                                          \
  const tw_op tw_op_##NAME = {.name = #NAME,                                                                 \
                              .summary = SUMMARY,                                                            \
                              .kind = TW_OP_KIND_MOVEMENT,                                                   \
                              .arity = 1,                                                                    \
                              .attr_bytes = sizeof(band_attr),                                               \
                              .infer = expect_matrix,                                                        \
                              .simplify = band_simplify,                                                     \
                              .kernel = band_kernel,                                                         \
                              .emit = band_emit,                                                             \
                              .jvp = band_jvp,                                                               \
                              .vjp = band_vjp,                                                               \
                              .batch = band_batch,                                                           \
                              .flops = tw_flops_none,                                                        \
                              .example = NAME##_example,                                                     \
                              .low = -2,                                                                     \
                              .high = 2};                                                                    \
  tw_expr tw_##NAME(tw_expr x, int k) {                                                                      \
    return band(&tw_op_##NAME, x, k);                                                                        \
  }

BAND(tril, "the lower triangle, j <= i + k, of the last two axes")
BAND(triu, "the upper triangle, j >= i + k, of the last two axes")
