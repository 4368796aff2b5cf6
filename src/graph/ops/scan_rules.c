/* Forward derivatives and batching of scans and of their reverse sweeps: each is the same op with more in it.
 */
#include "graph/ops/build.h"
#include "graph/ops/index.h"
#include "graph/ops/scan.h"

#include <stdlib.h>

/* Scratch of the rules: arrays with room for twice the operands, the params and all outputs. */
enum { ARRAYS = 6 };

typedef struct rule {
  tw_graph *graph;
  const tw_scan_attr *attr;
  const tw_body *body;
  int n_states, n_adjoints, n_carries, n_captured, n_finals, n_outputs;
  tw_expr *array[ARRAYS];
} rule;

static bool open_rule(rule *r, tw_expr node) {
  const tw_scan_attr *attr = tw_scan_attr_of(node);
  *r = (rule){.graph = node.graph, .attr = attr, .body = attr->loop.body};
  r->n_states = (int)attr->n_states;
  r->n_adjoints = (int)attr->n_adjoints;
  r->n_carries = tw_scan_carries(attr);
  r->n_captured = tw_arity_of(node) - r->n_carries;
  r->n_finals = tw_scan_finals(attr);
  r->n_outputs = tw_scan_outputs(attr);
  size_t size = (size_t)(2 * tw_arity_of(node) + r->n_outputs + (int)attr->loop.n_targets) + 2;
  tw_expr *memory = calloc(ARRAYS * size, sizeof *memory);
  for (int i = 0; i < ARRAYS && memory; i++) r->array[i] = memory + (size_t)i * size;
  if (!memory) tw_graph_fail(node.graph, TW_ERR_MEMORY, "out of memory differentiating a scan");
  return memory != NULL;
}

static void close_rule(rule *r) {
  free(r->array[0]);
}

static tw_expr or_zeros(tw_expr e, tw_expr like) {
  return tw_is_none(e) ? tw_zeros_like(like) : e;
}

/* ------------------------------------------------------------------ jvp */

/* The new operands: states, their tangents, adjoints, their tangents, captured values, their tangents (those
 * there are); the params that stand for them; and what to differentiate in. The number of operands. */
static int tangent_operands(const rule *r, tw_expr node, const tw_expr *tangents, tw_expr *operand,
                            tw_expr *args, tw_expr *dparam, int *active) {
  int n = r->n_carries, m = r->n_captured, count = 2 * n + m;
  args[0] = r->body->params[0];
  for (int c = 0; c < n; c++) {
    int at = c < r->n_states ? c : r->n_states + c,
        beside = at + (c < r->n_states ? r->n_states : r->n_adjoints);
    operand[at] = tw_input_of(node, c);
    operand[beside] = or_zeros(tangents[c], operand[at]);
    args[c + 1] = tw_param_like(operand[at], at + 1);
    dparam[c] = tw_param_like(operand[at], beside + 1);
  }
  *active = n;
  for (int j = 0; j < m; j++) {
    operand[2 * n + j] = tw_input_of(node, n + j);
    args[1 + n + j] = tw_param_like(operand[2 * n + j], 1 + 2 * n + j);
  }
  for (int j = 0; j < m; j++) {
    if (tw_is_none(tangents[n + j])) continue;
    operand[count] = tangents[n + j];
    dparam[(*active)++] = tw_param_like(tangents[n + j], ++count);
  }
  return count;
}

/* Carries and their tangents as outputs, tangents of results as results. */
static void add_tangents(tw_loop_builder *b, const rule *r, const tw_expr *out, const tw_expr *dout) {
  const tw_loop_attr *loop = &r->attr->loop;
  for (int t = 0; t < r->n_finals; t++) tw_loop_target_add(b, loop->target[t].shape);
  for (int t = 0; t < loop->n_targets; t++) tw_loop_target_add(b, loop->target[t].shape);
  for (int t = 0; t < r->n_finals; t++) tw_loop_output_add(b, out[t]);
  for (int t = 0; t < r->n_finals; t++) tw_loop_output_add(b, or_zeros(dout[t], out[t]));
  for (int i = 0; i < loop->n_results; i++) {
    const tw_loop_result *result = &loop->result[i];
    tw_loop_result_add(b, (tw_loop_kind)result->kind, r->n_finals + (int)result->target, dout[result->first],
                       (int)result->n_index, out + result->first + 1);
  }
  for (int o = r->body->n_outputs; o < r->n_outputs; o++) tw_loop_output_add(b, out[o]);
  for (int o = r->body->n_outputs; o < r->n_outputs; o++) tw_loop_output_add(b, or_zeros(dout[o], out[o]));
}

tw_expr tw_scan_jvp(tw_expr node, const tw_expr *tangents) {
  rule r;
  if (!open_rule(&r, node)) return TW_NONE;
  tw_expr *operand = r.array[0], *args = r.array[1], *dparam = r.array[2], *out = r.array[3],
          *dout = r.array[4], *wrt = r.array[5], result = TW_NONE;
  int active, count = tangent_operands(&r, node, tangents, operand, args, dparam, &active);
  for (int c = 0, m = 0; c < r.n_carries + r.n_captured; c++)
    if (c < r.n_carries || !tw_is_none(tangents[c])) wrt[m++] = args[c + 1];
  for (int o = 0; o < r.n_outputs; o++) out[o] = tw_scan_output(r.attr, o);
  if (tw_substitute(r.n_outputs, out, r.body->n_params, r.body->params, args, out) == TW_OK &&
      tw_jvp(r.n_outputs, out, active, wrt, dparam, dout) == TW_OK) {
    const tw_scan_form form = {2 * r.n_states, 2 * r.n_adjoints, r.attr->checkpoints, r.attr->until};
    tw_loop_builder b;
    tw_loop_begin(&b, r.graph, r.attr->loop.n, (tw_dtype)r.attr->loop.dtype);
    add_tangents(&b, &r, out, dout);
    tw_expr both = tw_scan_end(&b, &form, count, operand);
    int64_t size = r.attr->loop.size;
    if (!tw_is_none(both)) result = tw_slice(both, 0, tw_size_of(both) - size, size, 1);
  }
  close_rule(&r);
  return result;
}

/* ------------------------------------------------------------------ batch */

/* Marks the carries that get a batch axis: those that start with one, and those that come to depend on one.
 */
static void spread(const rule *r, bool *batched, tw_expr *params) {
  for (bool more = true; more;) {
    int m = 0;
    more = false;
    for (int c = 0; c < r->n_carries + r->n_captured; c++)
      if (batched[c]) params[m++] = r->body->params[c + 1];
    for (int c = 0; c < r->n_carries; c++) {
      if (batched[c] || !tw_depends(tw_scan_next(r->attr, c), m, params)) continue;
      batched[c] = more = true;
    }
  }
}

/* [size, elements] from the targets of the batched scan. */
static tw_expr pack(const rule *r, tw_expr scan, int64_t size, const bool *final, tw_expr *part) {
  int n = (int)r->attr->loop.n_targets;
  for (int t = 0; t < r->n_finals; t++) {
    int64_t elements = r->attr->loop.target[t].size;
    tw_expr e = tw_loop_part(scan, t);
    part[t] = tw_broadcast(tw_reshape(e, final[t] ? TW_SHAPE(size, elements) : TW_SHAPE(1, elements)),
                           TW_SHAPE(size, elements));
  }
  tw_loop_batched_parts(scan, &r->attr->loop, r->n_finals, size, part);
  return n == 1 ? part[0] : tw_concat(n, part, 1);
}

static tw_expr batch_with(const rule *r, int64_t size, const tw_expr *in, const bool *given, bool *batched) {
  tw_expr *operand = r->array[0], *from = r->array[1], *to = r->array[2], *out = r->array[3],
          *many = r->array[4];
  int n = r->n_carries, count = n + r->n_captured, m = 0;
  for (int c = 0; c < count; c++) batched[c] = given[c];
  spread(r, batched, from);
  for (int c = 0; c < count; c++) {
    operand[c] = batched[c] ? tw_batched(in[c], given[c], size) : in[c];
    if (!batched[c]) continue;
    from[m] = r->body->params[c + 1];
    to[m++] = tw_param_like(operand[c], c + 1);
  }
  for (int o = 0; o < r->n_outputs; o++) out[o] = tw_scan_output(r->attr, o);
  if (tw_batch(r->n_outputs, out, m, from, to, size, many) != TW_OK) return TW_NONE;
  const bool *final = batched + (r->attr->forward ? r->n_states : 0);
  tw_loop_builder b;
  tw_loop_begin(&b, r->graph, r->attr->loop.n, (tw_dtype)r->attr->loop.dtype);
  for (int t = 0; t < r->n_finals; t++) {
    tw_expr next = final[t] ? many[t] : out[t];
    tw_loop_target_add(&b, tw_shape_of(next));
    tw_loop_output_add(&b, next);
  }
  tw_loop_add_batched(&b, &r->attr->loop, r->n_finals, size, many);
  for (int o = r->body->n_outputs, c = 0; o < r->n_outputs; o++, c++)
    tw_loop_output_add(&b, batched[c] ? many[o] : out[o]);
  const tw_scan_form form = {r->n_states, r->n_adjoints, r->attr->checkpoints, r->attr->until};
  tw_expr scan = tw_scan_end(&b, &form, count, operand);
  return tw_is_none(scan) ? TW_NONE : pack(r, scan, size, final, r->array[5]);
}

tw_expr tw_scan_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  rule r;
  tw_expr result = TW_NONE;
  bool *marks = calloc((size_t)tw_arity_of(node) + 1, sizeof *marks);
  if (!marks) return tw_graph_fail(node.graph, TW_ERR_MEMORY, "out of memory batching a scan");
  if (open_rule(&r, node)) {
    result = batch_with(&r, size, in, batched, marks);
    close_rule(&r);
  }
  free(marks);
  return result;
}
