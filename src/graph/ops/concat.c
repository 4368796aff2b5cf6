/* concat: arrays one after another along an axis; stack puts them along a new one. */
#include "graph/emit/emit.h"
#include "graph/ops/build.h"
#include "graph/ops/ops.h"

#include <stdlib.h>
#include <string.h>

typedef struct concat_attr {
  int64_t axis; /* first field: slices of a concatenation read it */
} concat_attr;

static bool concat_infer(const tw_args *args, tw_type *type) {
  const int64_t axis = ((const concat_attr *)args->attr)->axis;
  if (args->n < 1) {
    tw_graph_fail(args->graph, TW_ERR_ARGUMENT, "concat: no operands");
    return false;
  }
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  const tw_shape first = type->shape;
  int64_t total = 0; /* cannot overflow: a possible extent leaves room for another */
  for (int i = 0; i < args->n; i++) {
    const tw_shape shape = tw_shape_of(args->in[i]);
    tw_shape same = shape;
    if (axis < shape.rank && shape.rank == first.rank) same.dim[axis] = first.dim[axis];
    if (axis < 0 || axis >= first.rank || !tw_shape_equal(&same, &first))
      return tw_fail_shapes(args->graph, "concat", &first, &shape, "do not agree beside the axis");
    if (tw_dtype_of(args->in[i]) != type->dtype) {
      tw_graph_fail(args->graph, TW_ERR_DTYPE, "concat: operands are %s and %s, expected equal dtypes",
                    tw_dtype_get(type->dtype)->name, tw_dtype_get(tw_dtype_of(args->in[i]))->name);
      return false;
    }
    total += shape.dim[axis];
    type->shape.dim[axis] = total;
    if (!tw_shape_possible(args->graph, "concat", &type->shape)) return false;
  }
  return true;
}

/* One operand, or operands that repeat one value. */
static tw_expr concat_simplify(const tw_args *args) {
  double value = 0;
  tw_type type;
  if (args->n == 1) return args->in[0];
  if (!tw_constant_value(args->in[0], &value) || !concat_infer(args, &type)) return TW_NONE;
  for (int i = 1; i < args->n; i++)
    if (!tw_is_constant(args->in[i], value)) return TW_NONE;
  return tw_fill(args->graph, type.dtype, type.shape, value);
}

static tw_status concat_kernel(const tw_call *call) {
  const int64_t axis = ((const concat_attr *)tw_attr_of(call->node))->axis;
  const tw_shape to = tw_shape_of(call->node);
  const tw_extents e = tw_shape_split(&to, (int)axis, 1);
  const size_t run = (size_t)e.inner * tw_dtype_get(tw_dtype_of(call->node))->size;
  const size_t pitch = (size_t)e.middle * run;
  char *out = call->out;
  for (int i = 0; i < tw_arity_of(call->node); i++) {
    const size_t bytes = (size_t)tw_shape_of(tw_input_of(call->node, i)).dim[axis] * run;
    for (int64_t o = 0; o < e.outer && bytes > 0; o++)
      tw_copy_on(call->exec->threads, out + (size_t)o * pitch, (const char *)call->in[i] + (size_t)o * bytes, bytes);
    out += bytes;
  }
  return TW_OK;
}

static void concat_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const int64_t axis = ((const concat_attr *)tw_attr_of(node))->axis;
  const tw_shape to = tw_shape_of(node);
  const tw_extents x = tw_shape_split(&to, (int)axis, 1);
  int64_t start = 0;
  for (int k = 0; k < tw_arity_of(node); k++) {
    const int64_t run = tw_shape_of(tw_input_of(node, k)).dim[axis] * x.inner;
    if (run > 0)
      tw_emit_line(e,
                   "for (int64_t i = 0; i < %lld; i++) memcpy(%s + (i * %lld + %lld), %s + i * %lld, %lld * "
                   "sizeof *%s);",
                   (long long)x.outer, out, (long long)(x.middle * x.inner), (long long)start, in[k],
                   (long long)run, (long long)run, out);
    start += run;
  }
}

/* concat of n operands made by `part`; out of memory sticks to the graph. */
static tw_expr concat_of(tw_graph *graph, int n, int64_t axis, tw_expr (*part)(void *context, int i),
                         void *context) {
  const concat_attr attr = {axis};
  tw_expr *in = tw_alloc((size_t)n, sizeof *in);
  if (!in) return tw_graph_fail(graph, TW_ERR_MEMORY, "concat: out of memory for %d operands", n);
  for (int i = 0; i < n; i++) in[i] = part(context, i);
  const tw_expr e = tw_operands("concat", n, in) ? tw_node(graph, &tw_op_concat, n, in, &attr) : TW_NONE;
  free(in);
  return e;
}

/* ------------------------------------------------------------------ rules */

typedef struct concat_case {
  tw_expr node;
  const tw_expr *in;
  const bool *batched;
  int64_t size;
  tw_dtype dtype;
  int axis;
} concat_case;

static tw_expr tangent_part(void *context, int i) {
  const concat_case *c = context;
  return tw_is_none(c->in[i]) ? tw_zeros_like(tw_input_of(c->node, i)) : c->in[i];
}

static tw_expr concat_jvp(tw_expr node, const tw_expr *tangents) {
  concat_case c = {.node = node, .in = tangents};
  return concat_of(node.graph, tw_arity_of(node), ((const concat_attr *)tw_attr_of(node))->axis, tangent_part,
                   &c);
}

static void concat_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const int axis = (int)((const concat_attr *)tw_attr_of(node))->axis;
  int64_t start = 0;
  for (int i = 0; i < tw_arity_of(node); i++) {
    const int64_t count = tw_shape_of(tw_input_of(node, i)).dim[axis];
    cotangents[i] = tw_slice(cotangent, axis, start, count, 1);
    start += count;
  }
}

static tw_expr batched_part(void *context, int i) {
  const concat_case *c = context;
  return c->batched[i] ? c->in[i]
                       : tw_broadcast(c->in[i], tw_shape_insert(tw_shape_of(c->in[i]), 0, c->size));
}

static tw_expr concat_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  concat_case c = {.node = node, .in = in, .batched = batched, .size = size};
  const int64_t axis = ((const concat_attr *)tw_attr_of(node))->axis + 1;
  return concat_of(node.graph, tw_arity_of(node), axis, batched_part, &c);
}

static tw_expr concat_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const tw_shape a[] = {{2, {2, 3}}, {2, {2, 3}}, {1, {4}}, {3, {2, 2, 2}}};
  static const tw_shape b[] = {{2, {1, 3}}, {2, {2, 4}}, {1, {0}}, {3, {2, 1, 2}}};
  static const int axis[] = {0, 1, 0, -2};
  if (variant == 4) {
    const tw_expr x = tw_input(graph, "x", dtype, TW_SHAPE(2, 3));
    return tw_stack(3, (tw_expr[]){x, tw_input(graph, "y", dtype, TW_SHAPE(2, 3)), x}, 1);
  }
  if (variant > 4) return TW_NONE;
  const tw_expr x = tw_input(graph, "x", dtype, a[variant]), y = tw_input(graph, "y", dtype, b[variant]);
  return tw_concat(3, (tw_expr[]){x, y, x}, axis[variant]);
}

const tw_op tw_op_concat = {.name = "concat",
                            .summary = "arrays one after another along an axis",
                            .kind = TW_OP_KIND_MOVEMENT,
                            .arity = -1,
                            .attr_bytes = sizeof(concat_attr),
                            .infer = concat_infer,
                            .simplify = concat_simplify,
                            .kernel = concat_kernel,
                            .jvp = concat_jvp,
                            .vjp = concat_vjp,
                            .batch = concat_batch,
                            .flops = tw_flops_none,
                            .emit = concat_emit,
                            .example = concat_example,
                            .low = -2,
                            .high = 2};

/* ------------------------------------------------------------------ builders */

static bool parts_usable(const char *op, int n, const tw_expr *x, tw_dtype *dtype) {
  if (n < 1 || !tw_operands(op, n, x)) return false;
  *dtype = tw_dtype_of(x[0]);
  for (int i = 1; i < n; i++) *dtype = tw_dtype_promote(*dtype, tw_dtype_of(x[i]));
  return true;
}

static tw_expr cast_part(void *context, int i) {
  const concat_case *c = context;
  return tw_cast(c->in[i], c->dtype);
}

tw_expr tw_concat(int n, const tw_expr *x, int axis) {
  if (!x) return TW_NONE;
  concat_case c = {.in = x};
  if (!parts_usable("concat", n, x, &c.dtype)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x[0]);
  if (!tw_axis_check(x[0].graph, "concat", &shape, &axis)) return TW_NONE;
  return concat_of(x[0].graph, n, axis, cast_part, &c);
}

static tw_expr stack_part(void *context, int i) {
  const concat_case *c = context;
  return tw_expand(tw_cast(c->in[i], c->dtype), c->axis);
}

tw_expr tw_stack(int n, const tw_expr *x, int axis) {
  if (!x) return TW_NONE;
  concat_case c = {.in = x};
  if (!parts_usable("stack", n, x, &c.dtype)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x[0]);
  for (int i = 1; i < n; i++) {
    const tw_shape other = tw_shape_of(x[i]);
    if (tw_shape_equal(&shape, &other)) continue;
    tw_fail_shapes(x[0].graph, "stack", &shape, &other, "differ");
    return TW_NONE;
  }
  c.axis = axis < 0 ? axis + shape.rank + 1 : axis;
  return concat_of(x[0].graph, n, c.axis, stack_part, &c);
}
