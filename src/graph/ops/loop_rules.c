/* Derivatives and batching of loops: each is a loop again. */
#include "graph/ops/loop.h"
#include "graph/transform/guard.h"

#include <stdlib.h>

/* Scratch of the rules: arrays of expressions, released together. */
typedef struct rule {
  tw_graph *graph;
  const tw_loop_attr *attr;
  const tw_body *body;
  int n; /* captured */
  tw_expr *a, *b, *c; /* params, outputs and captured together, and `extra` more, each */
} rule;

static bool enough(tw_graph *graph, bool memory) {
  if (!memory) tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory differentiating a loop");
  return memory;
}

static bool open_rule(rule *r, tw_expr node, int extra) {
  *r = (rule){.graph = node.graph, .attr = tw_attr_of(node), .n = tw_arity_of(node)};
  r->body = r->attr->body;
  size_t size = (size_t)(r->body->n_params + r->body->n_outputs + r->n + extra + 1);
  r->a = calloc(size, sizeof *r->a);
  r->b = calloc(size, sizeof *r->b);
  r->c = calloc(size, sizeof *r->c);
  return enough(node.graph, r->a && r->b && r->c);
}

static void close_rule(rule *r) {
  free(r->a);
  free(r->b);
  free(r->c);
}

/* d loop = the loop over d body, with the tangents captured too. */
tw_expr tw_loop_jvp(tw_expr node, const tw_expr *tangents) {
  rule r;
  tw_expr packed = TW_NONE;
  if (!open_rule(&r, node, 2 * tw_arity_of(node))) goto done;
  tw_expr *captured = r.a, *wrt = r.b, *dout = r.c;
  int m = 0, more = r.n; /* captured so far */
  for (int j = 0; j < r.n; j++) captured[j] = tw_input_of(node, j);
  tw_expr *dparam = calloc((size_t)r.n + 1, sizeof *dparam);
  if (!enough(r.graph, dparam)) goto done;
  for (int j = 0; j < r.n; j++) {
    if (tw_is_none(tangents[j])) continue;
    wrt[m] = r.body->params[j + 1];
    captured[more] = tangents[j];
    dparam[m] = tw_param(r.graph, ++more, tw_dtype_of(tangents[j]), tw_shape_of(tangents[j]));
    captured[more] = tw_guard_param(tangents[j], more + 1, &dparam[m++]);
    more += !tw_is_none(captured[more]);
  }
  if (tw_jvp(r.body->n_outputs, r.body->outputs, m, wrt, dparam, dout) == TW_OK) {
    tw_loop_builder b;
    tw_loop_begin(&b, r.graph, r.attr->n, (tw_dtype)r.attr->dtype);
    for (int t = 0; t < r.attr->n_targets; t++) tw_loop_target_add(&b, r.attr->target[t].shape);
    for (int i = 0; i < r.attr->n_results; i++) {
      const tw_loop_result *result = &r.attr->result[i];
      tw_loop_result_add(&b, (tw_loop_kind)result->kind, (int)result->target, dout[result->first], (int)result->n_index,
                         r.body->outputs + result->first + 1);
    }
    bool zero = b.n_results == 0;
    packed = tw_loop_end(&b, more, captured);
    if (zero) packed = TW_NONE;
  }
  free(dparam);
done:
  close_rule(&r);
  return packed;
}

tw_expr tw_loop_value_cotangent(const tw_loop_result *result, const tw_expr *outputs, tw_expr k, tw_expr c) {
  if (result->kind == TW_LOOP_SUM) return c;
  if (result->kind == TW_LOOP_STACK) return tw_take(c, 1, &k);
  return tw_take(c, (int)result->n_index, outputs + result->first + 1);
}

/* One loop that accumulates the cotangents of all captured arrays of one dtype. */
static void vjp_loop(const rule *r, tw_dtype dtype, int n_captured, const tw_expr *captured, const tw_expr *dparam,
                     tw_expr *cotangents) {
  tw_loop_builder b;
  int *target = malloc(((size_t)r->n + 1) * sizeof *target);
  tw_loop_begin(&b, r->graph, r->attr->n, dtype);
  enough(r->graph, target);
  for (int j = 0; j < r->n && target; j++) {
    target[j] = -1;
    if (tw_is_none(dparam[j]) || tw_dtype_of(r->body->params[j + 1]) != dtype) continue;
    target[j] = tw_loop_target_add(&b, tw_shape_of(r->body->params[j + 1]));
    tw_loop_accumulate(&b, target[j], dparam[j]);
  }
  bool any = b.n_results > 0;
  tw_expr packed = tw_loop_end(&b, n_captured, captured);
  for (int j = 0; j < r->n && target && any; j++)
    if (target[j] >= 0) cotangents[j] = tw_loop_part(packed, target[j]);
  free(target);
}

void tw_loop_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  rule r;
  tw_expr *dparam = NULL, *value = NULL;
  int n_targets = (int)((const tw_loop_attr *)tw_attr_of(node))->n_targets;
  if (!open_rule(&r, node, 2 * n_targets)) goto done;
  tw_expr *captured = r.a, *cot = r.b;
  int more = r.n; /* captured so far */
  size_t most = (size_t)(r.n + r.attr->n_results + n_targets + 1);
  dparam = calloc(most, sizeof *dparam);
  value = calloc(most, sizeof *value);
  if (!enough(r.graph, dparam && value)) goto done;
  for (int j = 0; j < r.n; j++) captured[j] = tw_input_of(node, j);
  for (int t = 0; t < n_targets; t++) {
    const tw_loop_target *target = &r.attr->target[t];
    const tw_expr c = tw_reshape(tw_slice(cotangent, 0, target->offset, target->size, 1), target->shape);
    r.c[t] = c;
    if (tw_is_none(c) || tw_is_cheap_leaf(c)) continue; /* as the 1 that a gradient starts from */
    captured[more] = c;
    r.c[t] = tw_param(r.graph, ++more, (tw_dtype)r.attr->dtype, target->shape);
    captured[more] = tw_guard_param(c, more + 1, &r.c[t]);
    more += !tw_is_none(captured[more]);
  }
  int m = (int)r.attr->n_results;
  for (int i = 0; i < m; i++) {
    const tw_loop_result *result = &r.attr->result[i];
    value[i] = r.body->outputs[result->first];
    cot[i] = tw_loop_value_cotangent(result, r.body->outputs, r.body->params[0], r.c[result->target]);
  }
  if (r.graph->status == TW_OK && tw_vjp(m, value, cot, r.n, r.body->params + 1, dparam) == TW_OK) {
    for (int j = 0; j < r.n; j++)
      if (tw_is_unasked(cotangents[j])) dparam[j] = TW_NONE;
    vjp_loop(&r, TW_F64, more, captured, dparam, cotangents);
    vjp_loop(&r, TW_F32, more, captured, dparam, cotangents);
  }
done:
  free(dparam);
  free(value);
  close_rule(&r);
}

static tw_shape leading(int64_t size, tw_shape shape) {
  tw_shape out = {.rank = shape.rank + 1};
  out.dim[0] = size;
  for (int i = 0; i < shape.rank && i + 1 < TW_MAX_RANK; i++) out.dim[i + 1] = shape.dim[i];
  return out;
}

static bool is_stack(const tw_loop_attr *attr, int t) {
  for (int i = 0; i < attr->n_results; i++)
    if (attr->result[i].target == t && attr->result[i].kind == TW_LOOP_STACK) return true;
  return false;
}

/* Sums and stacks get a batch axis; scattered values get the batch number as first index. */
void tw_loop_add_batched(tw_loop_builder *b, const tw_loop_attr *attr, int first, int64_t size, const tw_expr *out) {
  for (int t = first; t < attr->n_targets; t++) {
    const tw_loop_target *target = &attr->target[t];
    if (target->shape.rank == TW_MAX_RANK) {
      tw_graph_fail(b->graph, TW_ERR_SHAPE, "batch: a result of a loop has rank %d already, the largest", TW_MAX_RANK);
      return;
    }
    tw_shape shape = leading(size, target->shape);
    if (is_stack(attr, t)) { /* [n, size, ..]: the batch axis is moved to the front afterwards */
      shape.dim[0] = target->shape.dim[0];
      shape.dim[1] = size;
    }
    tw_loop_target_add(b, shape);
  }
  for (int i = 0; i < attr->n_results; i++) {
    const tw_loop_result *result = &attr->result[i];
    tw_expr index[TW_MAX_RANK];
    int n = 0;
    if (result->kind == TW_LOOP_SCATTER) {
      tw_shape at = tw_shape_of(out[result->first + 1]), column = at;
      for (int d = 1; d < column.rank; d++) column.dim[d] = 1;
      index[n++] = tw_broadcast(tw_reshape(tw_iota(b->graph, TW_I64, size), column), at);
    }
    for (int d = 0; d < result->n_index && n < TW_MAX_RANK; d++) index[n++] = out[result->first + 1 + d];
    tw_loop_result_add(b, (tw_loop_kind)result->kind, (int)result->target, out[result->first], n, index);
  }
}

void tw_loop_batched_parts(tw_expr loop, const tw_loop_attr *attr, int first, int64_t size, tw_expr *part) {
  for (int t = first; t < attr->n_targets; t++) {
    tw_expr e = tw_loop_part(loop, t);
    if (is_stack(attr, t)) e = tw_move_axis(e, 1, 0);
    part[t] = tw_reshape(e, TW_SHAPE(size, attr->target[t].size));
  }
}

tw_expr tw_loop_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  rule r;
  tw_expr result = TW_NONE;
  tw_expr *to = NULL;
  if (!open_rule(&r, node, (int)((const tw_loop_attr *)tw_attr_of(node))->n_targets)) goto done;
  tw_expr *from = r.a, *out = r.b;
  to = calloc((size_t)r.n + 1, sizeof *to);
  if (!enough(r.graph, to)) goto done;
  int m = 0;
  for (int j = 0; j < r.n; j++) {
    if (!batched[j]) continue;
    from[m] = r.body->params[j + 1];
    to[m++] = tw_param(r.graph, j + 1, tw_dtype_of(in[j]), tw_shape_of(in[j]));
  }
  if (tw_batch(r.body->n_outputs, r.body->outputs, m, from, to, size, out) == TW_OK) {
    tw_loop_builder b;
    tw_loop_begin(&b, r.graph, r.attr->n, (tw_dtype)r.attr->dtype);
    tw_loop_add_batched(&b, r.attr, 0, size, out);
    tw_expr loop = tw_loop_end(&b, r.n, in);
    tw_loop_batched_parts(loop, r.attr, 0, size, r.c);
    if (!tw_is_none(loop)) result = r.attr->n_targets == 1 ? r.c[0] : tw_concat((int)r.attr->n_targets, r.c, 1);
  }
done:
  free(to);
  close_rule(&r);
  return result;
}
