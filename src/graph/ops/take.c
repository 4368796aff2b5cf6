/* take: look-up at integer positions of the leading axes. Linear in the array, with scatter_add as its
 * adjoint. */
#include "graph/ops/index.h"

#include <stdatomic.h>
#include <string.h>

static bool take_infer(const tw_args *args, tw_type *type) {
  if (args->n < 2) {
    tw_graph_fail(args->graph, TW_ERR_ARGUMENT,
                  "take: an array and at least one index array, got %d operands", args->n);
    return false;
  }
  tw_shape shape = tw_shape_of(args->in[0]), positions;
  type->dtype = tw_dtype_of(args->in[0]);
  return tw_infer_positions(args, &shape, args->n - 1, 1, &positions) &&
         tw_slots_shape(args, &positions, &shape, args->n - 1, &type->shape);
}

/* x[2, 3, ..] with constant indices is a slice, which needs no check when it is evaluated. */
static tw_expr take_simplify(const tw_args *args) {
  tw_expr x = args->in[0];
  tw_shape shape = tw_shape_of(x);
  double at[TW_MAX_RANK];
  for (int axis = 0; axis + 1 < args->n; axis++)
    if (tw_shape_of(args->in[axis + 1]).rank > 0 || !tw_constant_value(args->in[axis + 1], &at[axis]) ||
        at[axis] < 0 || at[axis] >= (double)shape.dim[axis])
      return TW_NONE;
  for (int axis = 0; axis + 1 < args->n; axis++) x = tw_squeeze(tw_slice(x, 0, (int64_t)at[axis], 1, 1), 0);
  return x;
}

/* ------------------------------------------------------------------ kernel */

enum { TILE = 16384 };

typedef struct take_task {
  tw_gather gather;
  size_t item; /* bytes of an element */
  int64_t per_tile;
  const char *x;
  char *out;
  _Atomic int64_t bad; /* the first position outside the array */
} take_task;

#define TAKE_ITEMS(type)                                                                                     \
  for (; p < end; p++) {                                                                                     \
    int64_t i = g->index[0][p];                                                                              \
    if ((uint64_t)i >= (uint64_t)g->extent[0]) break;                                                        \
    ((type *)(void *)t->out)[p] = ((const type *)(const void *)t->x)[i];                                     \
  }

/* Copies positions p .. end-1; returns the one that is outside, or end. */
static int64_t take_range(const take_task *t, int64_t p, int64_t end) {
  const tw_gather *g = &t->gather;
  size_t bytes = (size_t)g->tail * t->item;
  if (g->n == 1 && bytes == 8) {
    TAKE_ITEMS(uint64_t)
  } else if (g->n == 1 && bytes == 4) {
    TAKE_ITEMS(uint32_t)
  } else {
    for (; p < end; p++) {
      int64_t slot = tw_gather_slot(g, p);
      if (slot < 0) break;
      if (bytes) memcpy(t->out + (size_t)p * bytes, t->x + (size_t)slot * bytes, bytes);
    }
  }
  return p;
}

static void take_tile(void *context, int64_t tile, int worker) {
  (void)worker;
  take_task *t = context;
  int64_t first = tile * t->per_tile, end = first + t->per_tile;
  if (end > t->gather.count) end = t->gather.count;
  int64_t p = take_range(t, first, end), bad = atomic_load(&t->bad);
  while (p < end && p < bad && !atomic_compare_exchange_weak(&t->bad, &bad, p)) {}
}

static tw_status take_kernel(const tw_call *call) {
  tw_shape shape = tw_shape_of(tw_input_of(call->node, 0));
  take_task t = {.gather = tw_gather_make(call, &shape, tw_arity_of(call->node) - 1, 1),
                 .item = tw_dtype_get(tw_dtype_of(call->node))->size,
                 .x = call->in[0],
                 .out = call->out,
                 .bad = INT64_MAX};
  int64_t work = t.gather.tail > 0 ? t.gather.tail : 1;
  t.per_tile = work < TILE ? TILE / work : 1;
  tw_parallel(tw_call_threads(call, tw_size_of(call->node)), (t.gather.count + t.per_tile - 1) / t.per_tile,
              take_tile, &t);
  int64_t bad = atomic_load(&t.bad);
  return bad == INT64_MAX ? TW_OK : tw_gather_fail(call, &t.gather, bad);
}

static void take_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const int n = tw_arity_of(node) - 1;
  const tw_shape shape = tw_shape_of(tw_input_of(node, 0));
  const long long tail = (long long)tw_shape_split(&shape, n, 0).inner;
  tw_text slot = {0};
  tw_emit_open(e, "for (int64_t i = 0; i < %lld; i++)", (long long)tw_size_of(tw_input_of(node, 1)));
  tw_emit_slot(e, &shape, n, in + 1, &slot);
  if (tail == 1)
    tw_emit_line(e, "%s[i] = %s[%s];", out, in[0], slot.data ? slot.data : "");
  else
    tw_emit_line(e, "memcpy(%s + i * %lld, %s + %s * %lld, %lld * sizeof *%s);", out, tail, in[0],
                 slot.data ? slot.data : "", tail, tail, out);
  tw_emit_close(e);
  tw_text_free(&slot);
}

/* ------------------------------------------------------------------ rules */

static tw_expr take_jvp(tw_expr node, const tw_expr *tangents) {
  int n = tw_arity_of(node);
  tw_expr in[TW_MAX_RANK + 1];
  for (int i = 0; i < n; i++) in[i] = i == 0 ? tangents[0] : tw_input_of(node, i);
  return tw_is_none(tangents[0]) ? TW_NONE : tw_node(node.graph, &tw_op_take, n, in, NULL);
}

static void take_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  tw_expr index[TW_MAX_RANK];
  int n = tw_arity_of(node) - 1;
  for (int i = 0; i < n; i++) index[i] = tw_input_of(node, i + 1);
  cotangents[0] = tw_scatter_add(node.graph, tw_shape_of(tw_input_of(node, 0)), n, index, cotangent);
}

static tw_expr take_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  int n = tw_arity_of(node) - 1;
  tw_expr all[TW_MAX_RANK + 2] = {in[0]};
  int count = tw_batch_positions(node.graph, size, n, in + 1, batched + 1, batched[0], all + 1);
  return tw_node(node.graph, &tw_op_take, count + 1, all, NULL);
}

static tw_expr take_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const int64_t rows[] = {2, 0, 2, 3}, columns[] = {1, 2, 0, 1};
  tw_expr index[2] = {tw_example_index(graph, TW_SHAPE(4), rows),
                      tw_example_index(graph, TW_SHAPE(2, 2), columns)};
  switch (variant) {
  case 0:
    return tw_take(tw_input(graph, "x", dtype, TW_SHAPE(5)), 1, &index[0]);
  case 1:
    return tw_take(tw_input(graph, "x", dtype, TW_SHAPE(4, 3)), 1, &index[1]);
  case 2:
    index[0] = tw_reshape(index[0], TW_SHAPE(2, 2));
    return tw_take(tw_input(graph, "x", dtype, TW_SHAPE(4, 3, 2)), 2, index);
  case 3:
    index[0] = tw_slice(index[0], 0, 0, 0, 1);
    return tw_take(tw_input(graph, "x", dtype, TW_SHAPE(5, 2)), 1, &index[0]);
  default:
    return TW_NONE;
  }
}

const tw_op tw_op_take = {
    .name = "take",
    .summary = "elements at integer positions of the leading axes",
    .kind = TW_OP_KIND_LOOKUP,
    .arity = -1,
    .infer = take_infer,
    .simplify = take_simplify,
    .kernel = take_kernel,
    .jvp = take_jvp,
    .vjp = take_vjp,
    .batch = take_batch,
    .flops = tw_flops_none,
    .bytes = tw_bytes_of_part,
    .emit = take_emit,
    .example = take_example,
    .low = -2,
    .high = 2,
};

tw_expr tw_take(tw_expr x, int n, const tw_expr *index) {
  tw_expr all[TW_MAX_RANK + 1] = {x};
  if (!tw_operands("take", 1, &x)) return TW_NONE;
  if (n == 0) return x;
  if (!index) return tw_graph_fail(x.graph, TW_ERR_ARGUMENT, "take: the index arrays are NULL");
  if (n < 0 || n > TW_MAX_RANK)
    return tw_graph_fail(x.graph, TW_ERR_ARGUMENT, "take: 1 to %d index arrays, not %d", TW_MAX_RANK, n);
  for (int i = 0; i < n; i++) all[i + 1] = index[i];
  if (!tw_operands("take", n + 1, all) || !tw_index_prepare("take", n, index, all + 1)) return TW_NONE;
  return tw_node(x.graph, &tw_op_take, n + 1, all, NULL);
}
