/* Making loops. */
#include "graph/ops/loop.h"
#include "graph/ops/ops.h"

extern const tw_op tw_op_scatter_add;

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ collecting results */

void tw_loop_begin(tw_loop_builder *b, tw_graph *graph, int64_t n, tw_dtype dtype) {
  *b = (tw_loop_builder){.graph = graph, .n = n, .dtype = dtype};
}

static bool grow(tw_loop_builder *b) {
  int most = b->n_outputs > b->n_results ? b->n_outputs : b->n_results;
  if (b->n_targets > most) most = b->n_targets;
  if (most + TW_MAX_RANK + 1 < b->capacity) return true;
  int capacity = 2 * b->capacity + 4 * TW_MAX_RANK;
  tw_expr *output = realloc(b->output, (size_t)capacity * sizeof *output);
  if (output) b->output = output;
  tw_loop_result *result = realloc(b->result, (size_t)capacity * sizeof *result);
  if (result) b->result = result;
  tw_loop_target *target = realloc(b->target, (size_t)capacity * sizeof *target);
  if (target) b->target = target;
  if (!output || !result || !target) {
    tw_graph_fail(b->graph, TW_ERR_MEMORY, "out of memory making a loop");
    return false;
  }
  b->capacity = capacity;
  return true;
}

int tw_loop_target_add(tw_loop_builder *b, tw_shape shape) {
  if (!grow(b)) return 0;
  tw_loop_target *target = &b->target[b->n_targets];
  memset(target, 0, sizeof *target);
  target->shape.rank = shape.rank;
  for (int i = 0; i < shape.rank; i++) target->shape.dim[i] = shape.dim[i];
  target->size = tw_shape_size(&shape);
  target->offset = b->n_targets ? target[-1].offset + target[-1].size : 0;
  return b->n_targets++;
}

void tw_loop_result_add(tw_loop_builder *b, tw_loop_kind kind, int target, tw_expr value, int n_index,
                        const tw_expr *index) {
  if (tw_is_none(value) || !grow(b)) return;
  b->result[b->n_results++] =
      (tw_loop_result){.kind = kind, .first = b->n_outputs, .n_index = n_index, .target = target};
  b->output[b->n_outputs++] = value;
  for (int i = 0; i < n_index; i++) b->output[b->n_outputs++] = index[i];
}

void tw_loop_output_add(tw_loop_builder *b, tw_expr output) {
  if (grow(b)) b->output[b->n_outputs++] = output;
}

void tw_loop_accumulate(tw_loop_builder *b, int target, tw_expr value) {
  if (tw_is_none(value)) return;
  const tw_op *op = tw_op_of(value);
  if (op == &tw_op_add) {
    tw_shape whole = tw_shape_of(value);
    for (int i = 0; i < 2; i++) tw_loop_accumulate(b, target, tw_broadcast(tw_input_of(value, i), whole));
  } else if (op == &tw_op_scatter_add) {
    /* operands: the indices, then the value */
    tw_expr index[TW_MAX_RANK];
    int n = tw_arity_of(value) - 1;
    for (int i = 0; i < n; i++) index[i] = tw_input_of(value, i);
    tw_loop_result_add(b, TW_LOOP_SCATTER, target, tw_cast(tw_input_of(value, n), b->dtype), n, index);
  } else {
    tw_loop_result_add(b, TW_LOOP_SUM, target, tw_cast(value, b->dtype), 0, NULL);
  }
}

/* A derivative captures all that its loop captured, and often needs less. */
int tw_loop_drop_unused(tw_loop_builder *b, int first, int n_captured, const tw_expr *captured, tw_expr *from,
                        tw_expr *params, tw_expr *used) {
  tw_graph *graph = b->graph;
  int n = 0;
  int32_t *order, count;
  if (!tw_walk(graph, b->n_outputs, b->output, &order, &count)) return 0;
  bool *seen = calloc((size_t)graph->count + 1 + (size_t)n_captured, sizeof *seen);
  for (int32_t i = 0; i < count && seen; i++) seen[order[i]] = true;
  int32_t limit = graph->count;
  for (int j = 0; j < n_captured && seen; j++) {
    tw_expr param = tw_param(graph, first + j, tw_dtype_of(captured[j]), tw_shape_of(captured[j]));
    if (tw_is_none(param) || param.id >= limit || !seen[param.id]) continue;
    from[n] = param;
    params[n] = tw_param(graph, first + n, tw_dtype_of(captured[j]), tw_shape_of(captured[j]));
    used[n++] = captured[j];
  }
  if (!seen) tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory making a loop");
  free(seen);
  free(order);
  if (n < n_captured) tw_substitute(b->n_outputs, b->output, n, from, params, b->output);
  return n;
}

bool tw_loop_pack(const tw_loop_builder *b, int n_params, const tw_expr *params, int n_outputs, tw_loop_attr *attr) {
  attr->n = b->n;
  attr->dtype = (int64_t)b->dtype;
  attr->body = tw_body_make(b->graph, n_params, params, n_outputs, b->output);
  attr->n_results = b->n_results;
  attr->n_targets = b->n_targets;
  static const tw_loop_result none;
  attr->result = b->n_results ? tw_graph_intern(b->graph, b->result, (size_t)b->n_results * sizeof *b->result)
                              : tw_graph_intern(b->graph, &none, sizeof none);
  attr->target = tw_graph_intern(b->graph, b->target, (size_t)b->n_targets * sizeof *b->target);
  attr->size = 0;
  for (int t = 0; t < b->n_targets; t++) attr->size += b->target[t].size;
  return attr->body && attr->result && attr->target;
}

void tw_loop_release_builder(tw_loop_builder *b) {
  free(b->output);
  free(b->result);
  free(b->target);
}

tw_expr tw_loop_end(tw_loop_builder *b, int n_captured, const tw_expr *captured) {
  tw_graph *graph = b->graph;
  tw_expr loop = TW_NONE;
  size_t most = (size_t)n_captured + 1;
  tw_expr *params = calloc(most, sizeof *params), *from = calloc(most, sizeof *from), *used = calloc(most, sizeof *used);
  if (!params || !from || !used) tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory making a loop");
  if (graph->status == TW_OK && b->n_outputs > 0) {
    params[0] = tw_param(graph, 0, TW_I64, TW_SCALAR);
    int n = tw_loop_drop_unused(b, 1, n_captured, captured, from, params + 1, used);
    tw_loop_attr attr;
    memset(&attr, 0, sizeof attr);
    if (tw_loop_pack(b, n + 1, params, b->n_outputs, &attr)) loop = tw_node(graph, &tw_op_loop, n, used, &attr);
  }
  free(params);
  free(from);
  free(used);
  tw_loop_release_builder(b);
  return loop;
}

tw_expr tw_loop_part(tw_expr loop, int t) {
  if (tw_is_none(loop)) return TW_NONE;
  const tw_loop_attr *attr = tw_attr_of(loop);
  const tw_loop_target *target = &attr->target[t];
  return tw_reshape(tw_slice(loop, 0, target->offset, target->size, 1), target->shape);
}

/* ------------------------------------------------------------------ the public builders */

static tw_expr loop_one(tw_loop_kind kind, tw_expr k, int64_t n, tw_expr body) {
  if (tw_is_none(k) || tw_is_none(body)) return TW_NONE;
  tw_graph *graph = body.graph;
  if (!tw_is_input(k) || tw_dtype_of(k) != TW_I64 || tw_shape_of(k).rank != 0)
    return tw_graph_fail(graph, TW_ERR_ARGUMENT, "loop: the index must be an i64 scalar input");
  if (n < 0) return tw_graph_fail(graph, TW_ERR_RANGE, "loop: %lld iterations", (long long)n);
  if (kind == TW_LOOP_SUM && tw_dtype_of(body) != TW_F32 && tw_dtype_of(body) != TW_I64) body = tw_cast(body, TW_F64);
  tw_shape shape = tw_shape_of(body), target = shape;
  if (kind == TW_LOOP_STACK) {
    if (shape.rank == TW_MAX_RANK) return tw_graph_fail(graph, TW_ERR_SHAPE, "loop: the body has rank %d already", shape.rank);
    target.rank++;
    target.dim[0] = n;
    for (int i = 0; i < shape.rank; i++) target.dim[i + 1] = shape.dim[i];
  }
  if (n == 0 || tw_shape_size(&shape) == 0) return tw_fill(graph, tw_dtype_of(body), target, 0);
  if (!tw_depends(body, 1, &k))
    return kind == TW_LOOP_SUM ? tw_scale(body, (double)n) : tw_broadcast(body, target);
  int n_captured;
  tw_expr *captured;
  const tw_body *closed = tw_body_close(graph, 1, &k, 1, &body, &n_captured, &captured);
  if (!closed) return TW_NONE;
  tw_loop_builder b;
  tw_loop_begin(&b, graph, n, tw_dtype_of(body));
  tw_loop_result_add(&b, kind, tw_loop_target_add(&b, target), closed->outputs[0], 0, NULL);
  return tw_loop_part(tw_loop_end(&b, n_captured, captured), 0);
}

tw_expr tw_loop_sum(tw_expr k, int64_t n, tw_expr body) { return loop_one(TW_LOOP_SUM, k, n, body); }
tw_expr tw_loop_stack(tw_expr k, int64_t n, tw_expr body) { return loop_one(TW_LOOP_STACK, k, n, body); }

/* ------------------------------------------------------------------ the op */

static bool loop_infer(const tw_args *args, tw_type *type) {
  const tw_loop_attr *attr = args->attr;
  type->dtype = (tw_dtype)attr->dtype;
  type->shape = tw_shape_make(1, &attr->size);
  return true;
}

double tw_body_flops(const tw_body *body) {
  tw_graph *graph = body->params[0].graph;
  int32_t *order, count;
  double flops = 0;
  if (!tw_walk(graph, body->n_outputs, body->outputs, &order, &count)) return 0;
  for (int32_t i = 0; i < count; i++) {
    tw_expr e = tw_at(graph, order[i]);
    if (tw_op_of(e)->flops) flops += tw_op_of(e)->flops(e);
  }
  free(order);
  return flops;
}

static double loop_flops(tw_expr node) {
  const tw_loop_attr *attr = tw_attr_of(node);
  return (double)attr->n * tw_body_flops(attr->body);
}

/* sum_k x[k] y[k + 1] exp(-x[k]), and the stack of tanh(x[k]) z. */
static tw_expr loop_example(tw_graph *graph, tw_dtype dtype, int variant) {
  if (variant > 1) return TW_NONE;
  int64_t n = 7;
  tw_expr k = tw_input(graph, "k", TW_I64, TW_SCALAR), next = tw_add(k, tw_integer(graph, 1));
  tw_expr x = tw_input(graph, "x", dtype, TW_SHAPE(n)), y = tw_input(graph, "y", dtype, TW_SHAPE(n + 1));
  tw_expr xk = tw_take(x, 1, &k);
  if (variant == 0) return tw_loop_sum(k, n, tw_mul(tw_mul(xk, tw_take(y, 1, &next)), tw_exp(tw_neg(xk))));
  return tw_loop_stack(k, n, tw_mul(tw_tanh(xk), tw_slice(y, 0, 0, 3, 1)));
}

const tw_op tw_op_loop = {.name = "loop",
                          .summary = "a body run over an index set: sums, stacks and scattered sums",
                          .kind = TW_OP_KIND_LOOP,
                          .arity = -1,
                          .attr_bytes = sizeof(tw_loop_attr),
                          .infer = loop_infer,
                          .kernel = tw_loop_kernel,
                          .jvp = tw_loop_jvp,
                          .vjp = tw_loop_vjp,
                          .batch = tw_loop_batch,
                          .flops = loop_flops,
                          .emit = tw_loop_emit,
                          .prepare = tw_loop_prepare,
                          .function = tw_loop_function,
                          .release = tw_loop_release,
                          .open = tw_loop_open,
                          .close = tw_loop_close,
                          .visit = tw_loop_visit,
                          .memory = tw_loop_memory,
                          .example = loop_example,
                          .low = -1,
                          .high = 1};
