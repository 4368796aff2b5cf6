/* transpose: axis k of the result is axis perm[k] of the operand. */
#include "graph/ops/build.h"
#include "graph/ops/ops.h"

#include <string.h>

typedef tw_perm_attr perm_attr;

static bool transpose_infer(const tw_args *args, tw_type *type) {
  const perm_attr *perm = args->attr;
  const tw_shape from = tw_shape_of(args->in[0]);
  unsigned seen = 0;
  char text[TW_SHAPE_TEXT];
  *type = (tw_type){tw_dtype_of(args->in[0]), from};
  for (int k = 0; k < from.rank && perm->rank == from.rank; k++) {
    if (perm->axis[k] < 0 || perm->axis[k] >= from.rank) break;
    seen |= 1u << perm->axis[k];
    type->shape.dim[k] = from.dim[perm->axis[k]];
  }
  if (seen == (1u << from.rank) - 1) return true;
  tw_graph_fail(args->graph, TW_ERR_SHAPE, "transpose: not a permutation of the axes of shape %s",
                tw_shape_text(&from, text));
  return false;
}

static tw_expr transpose_by(tw_expr x, const perm_attr *perm) {
  return tw_node(x.graph, &tw_op_transpose, 1, &x, perm);
}

/* True when the axes of extent other than 1 keep their order, so that no element moves. */
static bool keeps_order(const tw_shape *from, const perm_attr *perm) {
  int64_t last = -1;
  for (int k = 0; k < from->rank; k++) {
    if (from->dim[perm->axis[k]] == 1) continue;
    if (perm->axis[k] < last) return false;
    last = perm->axis[k];
  }
  return true;
}

static tw_expr transpose_simplify(const tw_args *args) {
  const tw_expr x = args->in[0];
  const perm_attr *perm = args->attr;
  const tw_shape from = tw_shape_of(x);
  tw_type type;
  if (!transpose_infer(args, &type)) return TW_NONE;
  if (keeps_order(&from, perm)) return tw_reshape(x, type.shape);
  if (tw_op_of(x) == &tw_op_fill)
    return tw_fill(x.graph, type.dtype, type.shape, ((const tw_fill_attr *)tw_attr_of(x))->value);
  if (tw_op_of(x) == &tw_op_transpose) {
    const perm_attr *inner = tw_attr_of(x);
    perm_attr both = {perm->rank, {0}};
    for (int k = 0; k < from.rank; k++) both.axis[k] = inner->axis[perm->axis[k]];
    return transpose_by(tw_input_of(x, 0), &both);
  }
  return TW_NONE;
}

/* ------------------------------------------------------------------ kernel */

#define BLOCK 16   /* a block of 16 x 16 elements touches few cache lines of either array */
#define TASK 16384 /* elements of a task */

/* The result's axes, outermost first, those that stay together merged. `last` and `fast` are the axes along
 * which the result and the operand are contiguous; a strip is the plane of the two, or BLOCK elements of
 * `fast` in it. */
typedef struct permuted {
  int rank, fast;
  int64_t dim[TW_MAX_RANK], from[TW_MAX_RANK], to[TW_MAX_RANK]; /* extent, steps in operand and result */
  int64_t blocks, strips, batch;                                /* strips in a plane, in all, in a task */
  size_t element;
  const char *in;
  char *out;
} permuted;

static void permuted_axes(permuted *p, tw_expr node) {
  const tw_shape from = tw_shape_of(tw_input_of(node, 0));
  const perm_attr *perm = tw_attr_of(node);
  int64_t stride[TW_MAX_RANK], size = 1;
  for (int k = from.rank - 1; k >= 0; size *= from.dim[k--]) stride[k] = size;
  for (int k = 0; k < from.rank; k++) {
    const int64_t d = from.dim[perm->axis[k]], s = stride[perm->axis[k]];
    if (d == 1) continue;
    const bool merge = p->rank > 0 && p->from[p->rank - 1] == s * d;
    if (!merge) p->dim[p->rank++] = 1;
    p->dim[p->rank - 1] *= d;
    p->from[p->rank - 1] = s;
  }
  size = 1;
  for (int k = p->rank - 1; k >= 0; size *= p->dim[k--]) p->to[k] = size;
  for (int k = 0; k < p->rank; k++)
    if (p->from[k] == 1) p->fast = k;
}

/* Strips: of BLOCK positions along `fast`, or the whole of it when it is the last axis as well. */
static void permuted_cut(permuted *p) {
  const int last = p->rank - 1;
  const int64_t extent = p->dim[p->fast];
  int64_t elements = p->dim[last];
  p->blocks = p->fast == last ? 1 : (extent + BLOCK - 1) / BLOCK;
  p->strips = p->blocks;
  if (p->fast != last) elements *= extent < BLOCK ? extent : BLOCK;
  for (int k = 0; k < last; k++)
    if (k != p->fast) p->strips *= p->dim[k];
  p->batch = elements < TASK ? TASK / elements : 1;
}

#define STRIP(bits)                                                                                          \
  static void strip_##bits(const permuted *p, const void *from, void *to, int64_t rows) {                    \
    const int last = p->rank - 1;                                                                            \
    const int64_t n = p->dim[last], s = p->from[last], t = p->to[p->fast];                                   \
    const uint##bits##_t *x = from;                                                                          \
    uint##bits##_t *z = to;                                                                                  \
    for (int64_t j0 = 0; j0 < n; j0 += BLOCK) {                                                              \
      const int64_t j1 = n - j0 < BLOCK ? n : j0 + BLOCK;                                                    \
      for (int64_t i = 0; i < rows; i++)                                                                     \
        for (int64_t j = j0; j < j1; j++) z[i * t + j] = x[i + j * s];                                       \
    }                                                                                                        \
  }
STRIP(64)
STRIP(32)
STRIP(8)

static void permuted_strip(const permuted *p, int64_t strip) {
  const int last = p->rank - 1;
  int64_t rest = strip / p->blocks, from = 0, to = 0;
  for (int k = last - 1; k >= 0; k--) {
    if (k == p->fast) continue;
    from += rest % p->dim[k] * p->from[k];
    to += rest % p->dim[k] * p->to[k];
    rest /= p->dim[k];
  }
  const int64_t first = strip % p->blocks * BLOCK, left = p->dim[p->fast] - first;
  from += first;
  to += first * p->to[p->fast];
  const void *x = p->in + (size_t)from * p->element;
  void *z = p->out + (size_t)to * p->element;
  if (p->fast == last)
    memcpy(z, x, (size_t)p->dim[last] * p->element);
  else
    (p->element == 8 ? strip_64 : p->element == 4 ? strip_32 : strip_8)(p, x, z, left < BLOCK ? left : BLOCK);
}

static void permuted_task(void *context, int64_t task, int worker) {
  const permuted *p = context;
  const int64_t first = task * p->batch, last = first + p->batch;
  (void)worker;
  for (int64_t strip = first; strip < last && strip < p->strips; strip++) permuted_strip(p, strip);
}

static tw_status transpose_kernel(const tw_call *call) {
  permuted p = {.in = call->in[0], .out = call->out, .element = tw_dtype_get(tw_dtype_of(call->node))->size};
  if (tw_size_of(call->node) == 0) return TW_OK;
  permuted_axes(&p, call->node);
  if (p.rank == 0) {
    memcpy(p.out, p.in, p.element);
    return TW_OK;
  }
  permuted_cut(&p);
  tw_parallel(tw_call_threads(call, tw_size_of(call->node)), (p.strips + p.batch - 1) / p.batch,
              permuted_task, &p);
  return TW_OK;
}

/* ------------------------------------------------------------------ rules */

static bool transpose_view(tw_expr node, tw_view *view) {
  const tw_shape from = tw_shape_of(tw_input_of(node, 0));
  const perm_attr *perm = tw_attr_of(node);
  int64_t stride[TW_MAX_RANK], size = 1;
  for (int k = from.rank - 1; k >= 0; size *= from.dim[k--]) stride[k] = size;
  *view = (tw_view){0};
  for (int k = from.rank - 1; k >= 0; k--) tw_view_add(view, from.dim[perm->axis[k]], stride[perm->axis[k]]);
  return true;
}

static tw_expr transpose_jvp(tw_expr node, const tw_expr *tangents) {
  return transpose_by(tangents[0], tw_attr_of(node));
}

static void transpose_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const perm_attr *perm = tw_attr_of(node);
  perm_attr inverse = {perm->rank, {0}};
  for (int64_t k = 0; k < perm->rank; k++) inverse.axis[perm->axis[k]] = k;
  cotangents[0] = transpose_by(cotangent, &inverse);
}

static tw_expr transpose_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  const perm_attr *perm = tw_attr_of(node);
  perm_attr shifted = {perm->rank + 1, {0}};
  (void)size, (void)batched;
  for (int64_t k = 0; k < perm->rank; k++) shifted.axis[k + 1] = perm->axis[k] + 1;
  return transpose_by(in[0], &shifted);
}

static tw_expr transpose_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape shape[] = {{2, {3, 4}},       {3, {2, 3, 4}}, {3, {2, 3, 4}}, {3, {1, 3, 2}},
                                   {4, {2, 3, 2, 2}}, {2, {0, 3}},    {2, {20, 35}},  {3, {2, 3, 4}}};
  static const int perm[][4] = {{1, 0},       {2, 1, 0}, {1, 2, 0}, {1, 0, 2},
                                {0, 2, 3, 1}, {1, 0},    {1, 0},    {1, 0, 2}};
  return variant < 8 ? tw_transpose(tw_input(graph, "x", dtype, shape[variant]), perm[variant]) : TW_NONE;
}

const tw_op tw_op_transpose = {.name = "transpose",
                               .summary = "axes permuted",
                               .kind = TW_OP_KIND_MOVEMENT,
                               .arity = 1,
                               .attr_bytes = sizeof(perm_attr),
                               .infer = transpose_infer,
                               .simplify = transpose_simplify,
                               .kernel = transpose_kernel,
                               .view = transpose_view,
                               .jvp = transpose_jvp,
                               .vjp = transpose_vjp,
                               .batch = transpose_batch,
                               .flops = tw_flops_none,
                               .example = transpose_example,
                               .low = -2,
                               .high = 2};

tw_expr tw_transpose(tw_expr x, const int *perm) {
  if (!tw_operands("transpose", 1, &x)) return TW_NONE;
  perm_attr attr = {tw_shape_of(x).rank, {0}};
  for (int k = 0; k < attr.rank; k++) attr.axis[k] = perm ? perm[k] : attr.rank - 1 - k;
  return transpose_by(x, &attr);
}

tw_expr tw_move_axis(tw_expr x, int from, int to) {
  int perm[TW_MAX_RANK];
  if (!tw_operands("move_axis", 1, &x)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x);
  if (!tw_axis_check(x.graph, "move_axis", &shape, &from) ||
      !tw_axis_check(x.graph, "move_axis", &shape, &to))
    return TW_NONE;
  for (int k = 0, next = 0; k < shape.rank; k++) {
    if (next == from) next++;
    perm[k] = k == to ? from : next++;
  }
  return tw_transpose(x, perm);
}
