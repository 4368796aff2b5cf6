/* slice, slice_view and unslice: elements start, start + step, .. along one axis, and the adjoint of taking
 * them. slice_view is the slice whose elements lie together: step 1 and nothing outside the axis. */
#include "graph/emit/emit.h"
#include "graph/ops/build.h"
#include "graph/ops/ops.h"

#include <string.h>

typedef struct slice_attr {
  int64_t axis, start, count, step;
} slice_attr;

static bool is_view(const tw_shape *from, const slice_attr *s) {
  return s->step == 1 && tw_shape_split(from, (int)s->axis, 1).outer == 1;
}

static bool in_axis(int64_t extent, const slice_attr *s) {
  if (s->count < 0 || s->count > extent || s->step == 0) return false;
  if (s->count == 0) return s->start >= 0 && s->start <= extent;
  if (s->start < 0 || s->start >= extent) return false;
  /* The last element, without overflow: (count - 1) |step| steps must fit on one side of start. */
  const int64_t room = s->step > 0 ? extent - 1 - s->start : s->start;
  const int64_t size = s->step > 0 ? s->step : s->step == INT64_MIN ? INT64_MAX : -s->step;
  return s->count == 1 || (size <= room && s->count - 1 <= room / size);
}

static bool slice_infer(const tw_args *args, tw_type *type) {
  const slice_attr *s = args->attr;
  const tw_shape from = tw_shape_of(args->in[0]);
  char text[TW_SHAPE_TEXT];
  const bool axis_fits = s->axis >= 0 && s->axis < from.rank;
  if (!axis_fits || !in_axis(from.dim[s->axis], s)) {
    tw_graph_fail(args->graph, TW_ERR_RANGE,
                  "slice: %lld elements from %lld by %lld are not in axis %lld of shape %s",
                  (long long)s->count, (long long)s->start, (long long)s->step, (long long)s->axis,
                  tw_shape_text(&from, text));
    return false;
  }
  if (args->op == &tw_op_slice_view && !is_view(&from, s)) {
    tw_graph_fail(args->graph, TW_ERR_ARGUMENT, "slice_view: the elements of shape %s do not lie together",
                  tw_shape_text(&from, text));
    return false;
  }
  *type = (tw_type){tw_dtype_of(args->in[0]), from};
  type->shape.dim[s->axis] = s->count;
  return true;
}

static tw_expr slice_by(tw_expr x, slice_attr s) {
  const tw_shape from = tw_shape_of(x);
  if (s.count <= 1) s.step = 1;
  if (s.count == 0) s.start = 0;
  const bool view = s.axis >= 0 && s.axis < from.rank && is_view(&from, &s);
  return tw_node(x.graph, view ? &tw_op_slice_view : &tw_op_slice, 1, &x, &s);
}

/* A slice of a repeated array along an axis where it repeats is the array repeated less often. */
static tw_expr slice_of_broadcast(tw_expr x, const slice_attr *s, tw_shape to) {
  const tw_expr small = tw_input_of(x, 0);
  const tw_shape shape = tw_shape_of(small);
  const int64_t axis = s->axis - (tw_shape_of(x).rank - shape.rank);
  if (axis < 0 || shape.dim[axis] == 1) return tw_broadcast(small, to);
  return tw_broadcast(slice_by(small, (slice_attr){axis, s->start, s->count, s->step}), to);
}

/* A slice that lies within one part of a concatenation is a slice of that part. */
static tw_expr slice_of_concat(tw_expr x, const slice_attr *s) {
  const int64_t axis = *(const int64_t *)tw_attr_of(x);
  const int64_t last = s->start + (s->count - 1) * s->step;
  int64_t begin = 0;
  if (axis != s->axis || s->count == 0) return TW_NONE;
  for (int i = 0; i < tw_arity_of(x); i++) {
    const tw_expr part = tw_input_of(x, i);
    const int64_t end = begin + tw_shape_of(part).dim[axis];
    if (s->start >= begin && s->start < end && last >= begin && last < end)
      return slice_by(part, (slice_attr){axis, s->start - begin, s->count, s->step});
    begin = end;
  }
  return TW_NONE;
}

static tw_expr slice_simplify(const tw_args *args) {
  const slice_attr *s = args->attr;
  const tw_expr x = args->in[0];
  const tw_op *op = tw_op_of(x);
  tw_type type;
  if (!slice_infer(args, &type)) return TW_NONE;
  if (s->step == 1 && s->count == tw_shape_of(x).dim[s->axis]) return x;
  if (op == &tw_op_fill)
    return tw_fill(x.graph, type.dtype, type.shape, ((const tw_fill_attr *)tw_attr_of(x))->value);
  if (op == &tw_op_broadcast) return slice_of_broadcast(x, s, type.shape);
  if (op == &tw_op_concat) return slice_of_concat(x, s);
  if (op == &tw_op_slice || op == &tw_op_slice_view) {
    const slice_attr *inner = tw_attr_of(x);
    if (inner->axis == s->axis)
      return slice_by(tw_input_of(x, 0), (slice_attr){s->axis, inner->start + s->start * inner->step,
                                                      s->count, s->step * inner->step});
  }
  return TW_NONE;
}

static int64_t slice_offset(tw_expr node) {
  const slice_attr *s = tw_attr_of(node);
  const tw_shape shape = tw_shape_of(node);
  return s->start * tw_shape_split(&shape, (int)s->axis, 1).inner;
}

/* Copies `count` runs of `run` bytes, each `from` and `to` bytes after the one before. */
static void copy_runs(int64_t count, size_t run, const char *in, int64_t from, char *out, int64_t to) {
  if (run == 8)
    for (int64_t i = 0; i < count; i++) memcpy(out + i * to, in + i * from, 8);
  else if (run > 0)
    for (int64_t i = 0; i < count; i++) memcpy(out + i * to, in + i * from, run);
}

static tw_status slice_kernel(const tw_call *call) {
  const slice_attr *s = tw_attr_of(call->node);
  const tw_shape from = tw_shape_of(tw_input_of(call->node, 0));
  const tw_extents e = tw_shape_split(&from, (int)s->axis, 1);
  const int64_t run = e.inner * (int64_t)tw_dtype_get(tw_dtype_of(call->node))->size;
  const char *in = (const char *)call->in[0] + s->start * run;
  char *out = call->out;
  for (int64_t o = 0; o < e.outer && s->step == 1; o++)
    memcpy(out + o * s->count * run, in + o * e.middle * run, (size_t)(s->count * run));
  for (int64_t o = 0; o < e.outer && s->step != 1; o++)
    copy_runs(s->count, (size_t)run, in + o * e.middle * run, s->step * run, out + o * s->count * run, run);
  return TW_OK;
}

/* Where start, start + step, .. along an axis of an array of shape `whole` lie, `part` being the shape of
 * what they are. */
static tw_view view_of(const tw_shape *whole, const tw_shape *part, int64_t axis, int64_t start,
                       int64_t step) {
  tw_view view = {0};
  int64_t size = 1;
  for (int k = whole->rank - 1; k >= 0; size *= whole->dim[k--]) {
    tw_view_add(&view, part->dim[k], k == axis ? size * step : size);
    if (k == axis) view.offset = start * size;
  }
  return view;
}

static bool slice_as_view(tw_expr node, tw_view *view) {
  const slice_attr *s = tw_attr_of(node);
  const tw_shape from = tw_shape_of(tw_input_of(node, 0)), to = tw_shape_of(node);
  *view = view_of(&from, &to, s->axis, s->start, s->step);
  return true;
}

static tw_expr slice_jvp(tw_expr node, const tw_expr *tangents) {
  return slice_by(tangents[0], *(const slice_attr *)tw_attr_of(node));
}

static void slice_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const slice_attr *s = tw_attr_of(node);
  const int64_t length = tw_shape_of(tw_input_of(node, 0)).dim[s->axis];
  cotangents[0] = tw_unslice(cotangent, (int)s->axis, s->start, s->step, length);
}

static tw_expr slice_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  slice_attr s = *(const slice_attr *)tw_attr_of(node);
  (void)size, (void)batched;
  s.axis++;
  return slice_by(in[0], s);
}

static tw_expr slice_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape shape[] = {{2, {3, 5}}, {2, {3, 5}}, {3, {2, 6, 2}}, {1, {7}}, {2, {3, 4}}};
  static const slice_attr s[] = {{1, 1, 3, 1}, {1, 4, 3, -2}, {1, 0, 3, 2}, {0, 6, 7, -1}, {1, 2, 0, 1}};
  if (variant >= 5) return TW_NONE;
  return slice_by(tw_input(graph, "x", dtype, shape[variant]), s[variant]);
}

static tw_expr slice_view_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape shape[] = {{2, {3, 5}}, {1, {7}}, {3, {1, 6, 2}}, {2, {3, 4}}};
  static const slice_attr s[] = {{0, 1, 2, 1}, {0, 3, 1, 1}, {1, 2, 3, 1}, {0, 1, 0, 1}};
  if (variant >= 4) return TW_NONE;
  return slice_by(tw_input(graph, "x", dtype, shape[variant]), s[variant]);
}

const tw_op tw_op_slice = {.name = "slice",
                           .summary = "elements start, start + step, .. along an axis",
                           .kind = TW_OP_KIND_MOVEMENT,
                           .arity = 1,
                           .attr_bytes = sizeof(slice_attr),
                           .infer = slice_infer,
                           .simplify = slice_simplify,
                           .kernel = slice_kernel,
                           .view = slice_as_view,
                           .jvp = slice_jvp,
                           .vjp = slice_vjp,
                           .batch = slice_batch,
                           .flops = tw_flops_none,
                           .bytes = tw_bytes_of_part,
                           .example = slice_example,
                           .low = -2,
                           .high = 2};

const tw_op tw_op_slice_view = {.name = "slice_view",
                                .summary = "adjacent elements, where they are",
                                .kind = TW_OP_KIND_MOVEMENT,
                                .flags = TW_OP_ALIAS,
                                .arity = 1,
                                .attr_bytes = sizeof(slice_attr),
                                .infer = slice_infer,
                                .simplify = slice_simplify,
                                .kernel = tw_copy_kernel,
                                .alias = slice_offset,
                                .jvp = slice_jvp,
                                .vjp = slice_vjp,
                                .batch = slice_batch,
                                .flops = tw_flops_none,
                                .bytes = tw_bytes_of_part,
                                .example = slice_view_example,
                                .low = -2,
                                .high = 2};

tw_expr tw_slice(tw_expr x, int axis, int64_t start, int64_t count, int64_t step) {
  if (!tw_operands("slice", 1, &x)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x);
  if (!tw_axis_check(x.graph, "slice", &shape, &axis)) return TW_NONE;
  if (step == 0) return tw_graph_fail(x.graph, TW_ERR_RANGE, "slice: step is 0");
  return slice_by(x, (slice_attr){axis, start, count, step});
}

/* ------------------------------------------------------------------ unslice */

typedef struct unslice_attr {
  int64_t axis, start, step, length;
} unslice_attr;

static tw_expr unslice_by(tw_expr x, unslice_attr u) {
  if (u.axis >= 0 && tw_shape_of(x).dim[u.axis] <= 1) u.step = 1;
  return tw_node(x.graph, &tw_op_unslice, 1, &x, &u);
}

static bool unslice_infer(const tw_args *args, tw_type *type) {
  const unslice_attr *u = args->attr;
  const tw_shape from = tw_shape_of(args->in[0]);
  char text[TW_SHAPE_TEXT];
  const bool axis_fits = u->axis >= 0 && u->axis < from.rank && u->length >= 0;
  const slice_attr s = {u->axis, u->start, axis_fits ? from.dim[u->axis] : 0, u->step};
  if (!axis_fits || !in_axis(u->length, &s)) {
    tw_graph_fail(
        args->graph, TW_ERR_RANGE,
        "unslice: axis %lld of shape %s, placed from %lld by %lld, is not in an axis of length %lld",
        (long long)u->axis, tw_shape_text(&from, text), (long long)u->start, (long long)u->step,
        (long long)u->length);
    return false;
  }
  *type = (tw_type){tw_dtype_of(args->in[0]), from};
  type->shape.dim[u->axis] = u->length;
  return tw_shape_possible(args->graph, "unslice", &type->shape);
}

static tw_expr unslice_simplify(const tw_args *args) {
  const unslice_attr *u = args->attr;
  const tw_expr x = args->in[0];
  tw_type type;
  if (!unslice_infer(args, &type)) return TW_NONE;
  if (u->step == 1 && tw_shape_of(x).dim[u->axis] == u->length) return x;
  if (tw_is_constant(x, 0) || tw_size_of(x) == 0) return tw_fill(x.graph, type.dtype, type.shape, 0);
  return TW_NONE;
}

static tw_status unslice_kernel(const tw_call *call) {
  const unslice_attr *u = tw_attr_of(call->node);
  const tw_shape from = tw_shape_of(tw_input_of(call->node, 0));
  const tw_extents e = tw_shape_split(&from, (int)u->axis, 1);
  const size_t element = tw_dtype_get(tw_dtype_of(call->node))->size;
  const int64_t run = e.inner * (int64_t)element;
  memset(call->out, 0, (size_t)tw_size_of(call->node) * element);
  for (int64_t o = 0; o < e.outer; o++)
    copy_runs(e.middle, (size_t)run, (const char *)call->in[0] + o * e.middle * run, run,
              (char *)call->out + (o * u->length + u->start) * run, u->step * run);
  return TW_OK;
}

static void unslice_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const unslice_attr *u = tw_attr_of(node);
  const tw_shape from = tw_shape_of(tw_input_of(node, 0)), to = tw_shape_of(node);
  const tw_view view = view_of(&to, &from, u->axis, u->start, u->step);
  tw_text at = {0};
  tw_emit_put_view_index(&view, &at);
  if (at.failed) e->text->failed = true;
  tw_emit_zeros(e, node, out);
  tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[%s] = %s[i];",
               (long long)tw_size_of(tw_input_of(node, 0)), out, at.data ? at.data : "0", in[0]);
  tw_text_free(&at);
}

static tw_expr unslice_jvp(tw_expr node, const tw_expr *tangents) {
  return unslice_by(tangents[0], *(const unslice_attr *)tw_attr_of(node));
}

static void unslice_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const unslice_attr *u = tw_attr_of(node);
  const int64_t count = tw_shape_of(tw_input_of(node, 0)).dim[u->axis];
  cotangents[0] = slice_by(cotangent, (slice_attr){u->axis, u->start, count, u->step});
}

static tw_expr unslice_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  unslice_attr u = *(const unslice_attr *)tw_attr_of(node);
  (void)size, (void)batched;
  u.axis++;
  return unslice_by(in[0], u);
}

static tw_expr unslice_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape shape[] = {{2, {2, 3}}, {2, {2, 3}}, {1, {4}}, {3, {2, 3, 2}}, {2, {2, 0}}};
  static const unslice_attr u[] = {{0, 1, 1, 4}, {1, 4, -2, 6}, {0, 1, 3, 12}, {1, 0, 2, 5}, {1, 0, 1, 3}};
  return variant < 5 ? unslice_by(tw_input(graph, "x", dtype, shape[variant]), u[variant]) : TW_NONE;
}

const tw_op tw_op_unslice = {.name = "unslice",
                             .summary = "elements placed at start, start + step, .. of an axis of zeros",
                             .kind = TW_OP_KIND_MOVEMENT,
                             .arity = 1,
                             .attr_bytes = sizeof(unslice_attr),
                             .infer = unslice_infer,
                             .simplify = unslice_simplify,
                             .kernel = unslice_kernel,
                             .emit = unslice_emit,
                             .jvp = unslice_jvp,
                             .vjp = unslice_vjp,
                             .batch = unslice_batch,
                             .flops = tw_flops_none,
                             .example = unslice_example,
                             .low = -2,
                             .high = 2};

tw_expr tw_unslice(tw_expr x, int axis, int64_t start, int64_t step, int64_t length) {
  if (!tw_operands("unslice", 1, &x)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x);
  if (!tw_axis_check(x.graph, "unslice", &shape, &axis)) return TW_NONE;
  if (step == 0) return tw_graph_fail(x.graph, TW_ERR_RANGE, "unslice: step is 0");
  return unslice_by(x, (unslice_attr){axis, start, step, length});
}
