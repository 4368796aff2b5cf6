/* take_along: look-up along one axis, element by element; and its adjoint scatter_along. */
#include "graph/ops/index.h"

#include <string.h>

typedef struct along_attr {
  int64_t axis;
  int64_t length; /* of the axis in the array, for scatter_along */
} along_attr;

/* ------------------------------------------------------------------ shape rules */

static bool index_fits(const tw_args *args, const tw_shape *shape, const tw_shape *index, int64_t axis,
                       int i) {
  bool fits = shape->rank == index->rank && axis >= 0 && axis < shape->rank;
  for (int k = 0; fits && k < shape->rank; k++) fits = k == axis || shape->dim[k] == index->dim[k];
  if (!fits)
    return tw_fail_shapes(args->graph, args->op->name, shape, index,
                          "of array and index differ beside the axis");
  if (tw_dtype_of(args->in[i]) == TW_I64) return true;
  tw_graph_fail(args->graph, TW_ERR_DTYPE, "%s: the index is %s, not i64", args->op->name,
                tw_dtype_get(tw_dtype_of(args->in[i]))->name);
  return false;
}

static bool along_infer(const tw_args *args, tw_type *type) {
  const along_attr *attr = args->attr;
  tw_shape shape = tw_shape_of(args->in[0]), index = tw_shape_of(args->in[1]);
  *type = (tw_type){tw_dtype_of(args->in[0]), index};
  return index_fits(args, &shape, &index, attr->axis, 1);
}

static bool scatter_infer(const tw_args *args, tw_type *type) {
  const along_attr *attr = args->attr;
  tw_shape shape = tw_shape_of(args->in[0]), index = tw_shape_of(args->in[1]);
  if (!index_fits(args, &shape, &index, attr->axis, 1)) return false;
  if (shape.dim[attr->axis] != index.dim[attr->axis])
    return tw_fail_shapes(args->graph, "scatter_along", &shape, &index, "of value and index differ");
  shape.dim[attr->axis] = attr->length;
  *type = (tw_type){tw_dtype_of(args->in[0]), shape};
  return tw_shape_possible(args->graph, "scatter_along", &shape);
}

/* ------------------------------------------------------------------ kernels
 * Both walk the index in C order: with (outer, count, inner) its extents before, along and after the axis,
 * index [o, i, j] joins that place to [o, index, j] of an array whose axis has `length` places. */

typedef struct along {
  tw_extents count;
  int64_t length, axis;
  const int64_t *index;
} along;

static along along_of(const tw_call *call, int64_t length) {
  int64_t axis = ((const along_attr *)tw_attr_of(call->node))->axis;
  tw_shape shape = tw_shape_of(tw_input_of(call->node, 1));
  return (along){tw_shape_split(&shape, (int)axis, 1), length, axis, call->in[1]};
}

/* Runs `body` for every place p of the index with `at` the place it names. */
#define FOR_EACH_PLACE(walk, body)                                                                           \
  for (int64_t o = 0, p = 0; o < (walk).count.outer; o++)                                                    \
    for (int64_t i = 0; i < (walk).count.middle; i++)                                                        \
      for (int64_t j = 0; j < (walk).count.inner; j++, p++) {                                                \
        int64_t k = (walk).index[p];                                                                         \
        if ((uint64_t)k >= (uint64_t)(walk).length)                                                          \
          return tw_index_fail(call, k, (int)(walk).axis, (walk).length);                                    \
        int64_t at = (o * (walk).length + k) * (walk).count.inner + j;                                       \
        body;                                                                                                \
      }

#define TAKE(type)                                                                                           \
  do {                                                                                                       \
    const type *x = call->in[0];                                                                             \
    type *out = call->out;                                                                                   \
    FOR_EACH_PLACE(walk, out[p] = x[at])                                                                     \
  } while (0)

static tw_status along_kernel(const tw_call *call) {
  const along_attr *attr = tw_attr_of(call->node);
  along walk = along_of(call, tw_shape_of(tw_input_of(call->node, 0)).dim[attr->axis]);
  switch (tw_dtype_get(tw_dtype_of(call->node))->size) {
  case 8:
    TAKE(uint64_t);
    break;
  case 4:
    TAKE(uint32_t);
    break;
  default:
    TAKE(uint8_t);
    break;
  }
  return TW_OK;
}

#define SCATTER(type, sum_type)                                                                              \
  do {                                                                                                       \
    const type *value = call->in[0];                                                                         \
    type *out = call->out;                                                                                   \
    FOR_EACH_PLACE(walk, out[at] = (type)((sum_type)out[at] + (sum_type)value[p]))                           \
  } while (0)

static tw_status scatter_kernel(const tw_call *call) {
  const along_attr *attr = tw_attr_of(call->node);
  tw_dtype dtype = tw_dtype_of(call->node);
  along walk = along_of(call, attr->length);
  size_t bytes = (size_t)tw_size_of(call->node) * tw_dtype_get(dtype)->size;
  if (bytes) memset(call->out, 0, bytes);
  TW_ADD_BY_DTYPE(dtype, SCATTER)
  return TW_OK;
}

/* At place i of the index, [o, index, j] of an array whose axis has `length` places. */
static void emit_place(tw_emitter *e, tw_expr node, int64_t length, const char *array, const char *index,
                       tw_text *out) {
  const tw_shape shape = tw_shape_of(tw_input_of(node, 1));
  const tw_extents x = tw_shape_split(&shape, (int)((const along_attr *)tw_attr_of(node))->axis, 1);
  tw_emit_open(e, "for (int64_t i = 0; i < %lld; i++)", (long long)tw_size_of(tw_input_of(node, 1)));
  tw_emit_fail_if(e, "%s[i] < 0 || %s[i] >= %lld", index, index, (long long)length);
  tw_text_printf(out, "%s[(i / %lld * %lld + %s[i]) * %lld + i %% %lld]", array,
                 (long long)(x.middle * x.inner), (long long)length, index, (long long)x.inner,
                 (long long)x.inner);
  if (out->failed) e->text->failed = true;
}

static void along_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const int64_t axis = ((const along_attr *)tw_attr_of(node))->axis;
  tw_text from = {0};
  emit_place(e, node, tw_shape_of(tw_input_of(node, 0)).dim[axis], in[0], in[1], &from);
  tw_emit_line(e, "%s[i] = %s;", out, from.data ? from.data : "");
  tw_emit_close(e);
  tw_text_free(&from);
}

static void scatter_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_text to = {0}, from = {0};
  if (tw_size_of(node) > 0) tw_emit_zeros(e, node, out);
  if (tw_size_of(tw_input_of(node, 1)) == 0) return;
  emit_place(e, node, ((const along_attr *)tw_attr_of(node))->length, out, in[1], &to);
  tw_text_printf(&from, "%s[i]", in[0]);
  if (from.failed) e->text->failed = true;
  tw_emit_add_to(e, tw_dtype_of(node), to.data ? to.data : "", from.data ? from.data : "");
  tw_emit_close(e);
  tw_text_free(&to);
  tw_text_free(&from);
}

/* ------------------------------------------------------------------ rules: linear, adjoint to each other */

static tw_expr along_jvp(tw_expr node, const tw_expr *tangents) {
  tw_expr in[] = {tangents[0], tw_input_of(node, 1)};
  return tw_is_none(in[0]) ? TW_NONE : tw_node(node.graph, tw_op_of(node), 2, in, tw_attr_of(node));
}

static void along_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const along_attr *attr = tw_attr_of(node);
  int64_t length = tw_shape_of(tw_input_of(node, 0)).dim[attr->axis];
  cotangents[0] = tw_scatter_along(cotangent, tw_input_of(node, 1), (int)attr->axis, length);
}

static void scatter_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const along_attr *attr = tw_attr_of(node);
  cotangents[0] = tw_take_along(cotangent, tw_input_of(node, 1), (int)attr->axis);
}

static tw_expr along_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  along_attr attr = *(const along_attr *)tw_attr_of(node);
  attr.axis++;
  tw_expr both[] = {tw_batched(in[0], batched[0], size), tw_batched(in[1], batched[1], size)};
  return tw_node(node.graph, tw_op_of(node), 2, both, &attr);
}

static double scatter_flops(tw_expr node) {
  return tw_flops_of_size(tw_input_of(node, 0));
}

static const int64_t example_places[] = {2, 0, 1, 1, 2, 2};

static tw_expr along_example(tw_graph *graph, tw_dtype dtype, int variant) {
  tw_expr index = tw_example_index(graph, TW_SHAPE(2, 3), example_places);
  switch (variant) {
  case 0:
    return tw_take_along(tw_input(graph, "x", dtype, TW_SHAPE(4, 3)), index, 0);
  case 1:
    return tw_take_along(tw_input(graph, "x", dtype, TW_SHAPE(2, 5)), index, 1);
  case 2:
    return tw_sort(tw_input(graph, "x", dtype, TW_SHAPE(3, 5)), -1);
  case 3:
    return tw_sort(tw_input(graph, "x", dtype, TW_SHAPE(4, 2)), 0);
  default:
    return TW_NONE;
  }
}

static tw_expr scatter_example(tw_graph *graph, tw_dtype dtype, int variant) {
  tw_expr index = tw_example_index(graph, TW_SHAPE(2, 3), example_places);
  if (variant > 1) return TW_NONE;
  return tw_scatter_along(tw_input(graph, "value", dtype, TW_SHAPE(2, 3)), index, variant, 4);
}

const tw_op tw_op_take_along = {
    .name = "take_along",
    .summary = "element-wise look-up along one axis",
    .kind = TW_OP_KIND_LOOKUP,
    .arity = 2,
    .attr_bytes = sizeof(along_attr),
    .infer = along_infer,
    .kernel = along_kernel,
    .jvp = along_jvp,
    .vjp = along_vjp,
    .batch = along_batch,
    .flops = tw_flops_none,
    .bytes = tw_bytes_of_part,
    .emit = along_emit,
    .example = along_example,
    .low = -2,
    .high = 2,
};

const tw_op tw_op_scatter_along = {
    .name = "scatter_along",
    .summary = "elements added up at places along one axis of zeros",
    .kind = TW_OP_KIND_LOOKUP,
    .arity = 2,
    .attr_bytes = sizeof(along_attr),
    .infer = scatter_infer,
    .kernel = scatter_kernel,
    .jvp = along_jvp,
    .vjp = scatter_vjp,
    .batch = along_batch,
    .flops = scatter_flops,
    .emit = scatter_emit,
    .example = scatter_example,
    .low = -2,
    .high = 2,
};

/* ------------------------------------------------------------------ builders */

/* Repeats array and index over each other's axes, `axis` apart, where one has extent 1. */
static void broadcast_beside(tw_expr *x, tw_expr *index, int axis) {
  tw_shape a = tw_shape_of(*x), b = tw_shape_of(*index), joined;
  if (a.rank != b.rank) return;
  int64_t length = a.dim[axis], count = b.dim[axis];
  a.dim[axis] = b.dim[axis] = 1;
  if (!tw_shape_broadcast(&a, &b, &joined)) return;
  joined.dim[axis] = length;
  *x = tw_broadcast(*x, joined);
  joined.dim[axis] = count;
  *index = tw_broadcast(*index, joined);
}

tw_expr tw_take_along(tw_expr x, tw_expr index, int axis) {
  if (!tw_operands("take_along", 2, (tw_expr[]){x, index})) return TW_NONE;
  tw_shape shape = tw_shape_of(x);
  if (!tw_axis_check(x.graph, "take_along", &shape, &axis) ||
      !tw_index_prepare("take_along", 1, &index, &index))
    return TW_NONE;
  broadcast_beside(&x, &index, axis);
  along_attr attr = {.axis = axis};
  return tw_node(x.graph, &tw_op_take_along, 2, (tw_expr[]){x, index}, &attr);
}

tw_expr tw_scatter_along(tw_expr value, tw_expr index, int axis, int64_t length) {
  if (!tw_operands("scatter_along", 2, (tw_expr[]){value, index})) return TW_NONE;
  along_attr attr = {axis, length};
  return tw_node(value.graph, &tw_op_scatter_along, 2, (tw_expr[]){value, index}, &attr);
}
