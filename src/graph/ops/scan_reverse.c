/* Reverse modes: of a scan, a reverse sweep; of a reverse sweep, that of two scans which do the same. */
#include "graph/ops/build.h"
#include "graph/ops/ops.h"
#include "graph/ops/scan.h"

#include <stdlib.h>

/* Part t of a flat vector laid out as a loop's targets. */
static tw_expr part_of(tw_expr flat, const tw_loop_target *target) {
  return tw_reshape(tw_slice(flat, 0, target->offset, target->size, 1), target->shape);
}

/* ------------------------------------------------------------------ reverse mode of a scan
 *
 * With cotangents c of the results and a_n of the last state, step k turns a = a_{k+1} into
 *   a_k = (d next / d x)' a + (d out / d x)' c_k,   and adds   (d next / d p)' a + (d out / d p)' c_k   to
 * that of p. Adjoints are held in f64 if any captured real is, so that the sums of its gradient are: exact
 * for f32. */

typedef struct reverse {
  tw_graph *graph;
  const tw_scan_attr *attr;
  const tw_loop_attr *loop;
  int n, m, c;          /* states, captured values, cotangents of results */
  tw_dtype dtype, wide; /* of states, of adjoints */
  tw_expr *args;        /* params of the scan's body among those of the new one */
  tw_expr *operand;     /* of the scan_reverse */
  tw_expr *value, *cot; /* what is differentiated, and its cotangents */
  tw_expr *d;           /* in states, then captured values */
  int *target;          /* of every captured value; -1: none */
} reverse;

static tw_dtype widest(tw_expr node) {
  for (int j = 0; j < tw_arity_of(node); j++)
    if (tw_dtype_of(tw_input_of(node, j)) == TW_F64) return TW_F64;
  return TW_F32;
}

static bool open_reverse(reverse *r, tw_expr node) {
  const tw_scan_attr *attr = tw_scan_attr_of(node);
  *r = (reverse){.graph = node.graph, .attr = attr, .loop = &attr->loop, .n = (int)attr->n_states};
  r->m = tw_arity_of(node) - r->n;
  r->c = (int)attr->loop.n_targets - r->n;
  r->dtype = tw_dtype_of(node);
  r->wide = widest(node);
  size_t size = (size_t)(2 * r->n + r->m + r->c + tw_scan_outputs(attr)) + 2;
  tw_expr *memory = calloc(5 * size, sizeof *memory);
  r->args = memory;
  r->target = calloc(size, sizeof *r->target);
  if (!memory || !r->target) {
    tw_graph_fail(node.graph, TW_ERR_MEMORY, "out of memory differentiating a scan");
    return false;
  }
  r->operand = memory + size;
  r->value = memory + 2 * size;
  r->cot = memory + 3 * size;
  r->d = memory + 4 * size;
  return true;
}

static void close_reverse(reverse *r) {
  free(r->args);
  free(r->target);
}

/* Operands x_0, a_n, p, c; and the body of the scan over the new params, in `out`. */
static tw_status set_operands(reverse *r, tw_expr node, tw_expr cotangent, tw_expr *out) {
  const tw_body *body = r->loop->body;
  r->args[0] = body->params[0];
  for (int i = 0; i < r->n; i++) {
    r->operand[i] = tw_input_of(node, i);
    r->operand[r->n + i] = tw_cast(part_of(cotangent, &r->loop->target[i]), r->wide);
    r->args[i + 1] = tw_param_like(r->operand[i], i + 1);
  }
  for (int j = 0; j < r->m; j++) {
    r->operand[2 * r->n + j] = tw_input_of(node, r->n + j);
    r->args[1 + r->n + j] = tw_param_like(r->operand[2 * r->n + j], 1 + 2 * r->n + j);
  }
  for (int t = 0; t < r->c; t++)
    r->operand[2 * r->n + r->m + t] = part_of(cotangent, &r->loop->target[r->n + t]);
  return tw_substitute(body->n_outputs, body->outputs, body->n_params, body->params, r->args, out);
}

/* The step's derivative with respect to states and captured values. */
static tw_status differentiate_step(reverse *r, const tw_expr *out) {
  int count = r->n;
  for (int i = 0; i < r->n; i++) {
    tw_expr a = tw_param_like(r->operand[r->n + i], 1 + r->n + i);
    r->value[i] = out[i];
    r->cot[i] = tw_cast(a, r->dtype);
  }
  for (int i = 0; i < r->loop->n_results; i++) {
    const tw_loop_result *result = &r->loop->result[i];
    int at = r->n + r->m + (int)result->target; /* of the cotangent among the operands */
    r->value[count] = out[result->first];
    r->cot[count++] = tw_loop_value_cotangent(result, out, r->args[0], tw_param_like(r->operand[at], at + 1));
  }
  return tw_vjp(count, r->value, r->cot, r->n + r->m, r->args + 1, r->d);
}

static tw_expr make_reverse(reverse *r, const tw_expr *out) {
  tw_loop_builder b;
  tw_loop_begin(&b, r->graph, r->loop->n, r->wide);
  for (int i = 0; i < r->n; i++) {
    tw_loop_target_add(&b, r->loop->target[i].shape);
    tw_loop_output_add(&b, tw_cast(tw_is_none(r->d[i]) ? tw_zeros_like(r->args[i + 1]) : r->d[i], r->wide));
  }
  for (int j = 0; j < r->m; j++) {
    tw_expr d = r->d[r->n + j];
    r->target[j] = tw_is_none(d) ? -1 : tw_loop_target_add(&b, tw_shape_of(d));
    tw_loop_accumulate(&b, r->target[j], d);
  }
  for (int i = 0; i < r->n; i++) tw_loop_output_add(&b, out[i]);
  return tw_scan_end(&b, &(tw_scan_form){r->n, r->n, r->attr->checkpoints, 0}, 2 * r->n + r->m + r->c, r->operand);
}

void tw_scan_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  reverse r;
  tw_expr *out = calloc((size_t)tw_scan_attr_of(node)->loop.body->n_outputs, sizeof *out), sweep;
  if (!out) tw_graph_fail(node.graph, TW_ERR_MEMORY, "out of memory differentiating a scan");
  if (open_reverse(&r, node) && out && set_operands(&r, node, cotangent, out) == TW_OK &&
      differentiate_step(&r, out) == TW_OK && !tw_is_none(sweep = make_reverse(&r, out))) {
    for (int i = 0; i < r.n; i++) cotangents[i] = tw_cast(tw_loop_part(sweep, i), r.dtype);
    for (int j = 0; j < r.m; j++)
      if (r.target[j] >= 0)
        cotangents[r.n + j] = tw_cast(tw_loop_part(sweep, r.target[j]), tw_dtype_of(r.d[r.n + j]));
  }
  close_reverse(&r);
  free(out);
}

/* ------------------------------------------------------------------ reverse mode of a reverse sweep */

/* All states of the forward sweep as a scan over (x_0, p): target n_states + i is [n, state i]. */
static tw_expr stacked_states(const tw_scan_attr *attr, tw_graph *graph, int n_captured, const tw_expr *in,
                              tw_expr *args, tw_expr *operand, tw_expr *out) {
  const tw_body *body = attr->forward;
  int n = (int)attr->n_states, carries = tw_scan_carries(attr);
  tw_loop_builder b;
  for (int i = 0; i < body->n_params; i++) args[i] = body->params[i]; /* the adjoints have no part in this */
  for (int i = 0; i < n; i++) operand[i] = in[i];
  for (int j = 0; j < n_captured; j++) {
    operand[n + j] = in[carries + j];
    args[1 + carries + j] = tw_param_like(in[carries + j], 1 + n + j);
  }
  if (tw_substitute(n, body->outputs, body->n_params, body->params, args, out) != TW_OK) return TW_NONE;
  tw_loop_begin(&b, graph, attr->loop.n, tw_dtype_of(in[0]));
  for (int i = 0; i < n; i++) {
    tw_loop_target_add(&b, tw_shape_of(in[i]));
    tw_loop_output_add(&b, out[i]);
  }
  for (int i = 0; i < n; i++) {
    tw_shape shape = tw_shape_of(in[i]);
    if (shape.rank == TW_MAX_RANK)
      tw_graph_fail(graph, TW_ERR_SHAPE, "scan: a state of rank %d cannot be stacked for a second derivative",
                    shape.rank);
    else
      tw_loop_result_add(&b, TW_LOOP_STACK, tw_loop_target_add(&b, tw_shape_insert(shape, 0, attr->loop.n)),
                         body->params[i + 1], 0, NULL);
  }
  return tw_scan_end(&b, &(tw_scan_form){n, 0, attr->checkpoints, 0}, n + n_captured, operand);
}

/* The value of a scan_reverse by scans alone: step j = 0 .. n-1 goes back over step k = n-1-j, whose state it
 * finds in the stack. Operands a_n, p, the stacks. */
static tw_expr by_scans(const tw_scan_attr *attr, tw_graph *graph, int n_captured, const tw_expr *in,
                        tw_expr *args, tw_expr *operand, tw_expr *out) {
  const tw_loop_attr *loop = &attr->loop;
  const tw_body *body = loop->body;
  int n = (int)attr->n_states, a = (int)attr->n_adjoints;
  tw_expr states = stacked_states(attr, graph, n_captured, in, args, operand, out);
  if (tw_is_none(states)) return TW_NONE;
  tw_expr k = tw_sub(tw_integer(graph, loop->n - 1), body->params[0]);
  args[0] = k;
  for (int i = 0; i < a + n_captured; i++) {
    operand[i] = in[n + i];
    args[1 + n + i] = tw_param_like(operand[i], i + 1);
  }
  for (int i = 0; i < n; i++) {
    int at = a + n_captured + i;
    operand[at] = tw_loop_part(states, n + i);
    args[i + 1] = tw_take(tw_param_like(operand[at], at + 1), 1, &k);
  }
  if (tw_substitute(body->n_outputs, body->outputs, body->n_params, body->params, args, out) != TW_OK)
    return TW_NONE;
  tw_loop_builder b;
  tw_loop_begin(&b, graph, loop->n, (tw_dtype)loop->dtype);
  for (int t = 0; t < loop->n_targets; t++) tw_loop_target_add(&b, loop->target[t].shape);
  for (int i = 0; i < a; i++) tw_loop_output_add(&b, out[i]);
  for (int i = 0; i < loop->n_results; i++) {
    const tw_loop_result *result = &loop->result[i];
    tw_loop_result_add(&b, (tw_loop_kind)result->kind, (int)result->target, out[result->first],
                       (int)result->n_index, out + result->first + 1);
  }
  return tw_scan_end(&b, &(tw_scan_form){a, 0, attr->checkpoints, 0}, a + n_captured + n, operand);
}

/* Over params in the place of the operands, which may be equal or depend on each other. */
void tw_scan_reverse_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const tw_scan_attr *attr = tw_scan_attr_of(node);
  int n = tw_arity_of(node), n_captured = n - tw_scan_carries(attr);
  size_t size = (size_t)(n + attr->loop.body->n_params + tw_scan_outputs(attr)) + 2;
  tw_expr *memory = calloc(6 * size, sizeof *memory);
  if (!memory) {
    tw_graph_fail(node.graph, TW_ERR_MEMORY, "out of memory differentiating a scan");
    return;
  }
  tw_expr *from = memory, *to = memory + size, *d = memory + 2 * size;
  for (int i = 0; i <= n; i++) {
    to[i] = i < n ? tw_input_of(node, i) : cotangent;
    from[i] = tw_param_like(to[i], i);
  }
  tw_expr same =
      by_scans(attr, node.graph, n_captured, from, memory + 3 * size, memory + 4 * size, memory + 5 * size);
  if (!tw_is_none(same) && tw_vjp(1, &same, &from[n], n, from, d) == TW_OK) {
    tw_expr *result = memory + 3 * size;
    for (int i = 0; i < n; i++) result[i] = tw_is_none(d[i]) ? from[i] : d[i];
    tw_substitute(n, result, n + 1, from, to, result);
    for (int i = 0; i < n; i++)
      if (!tw_is_none(d[i])) cotangents[i] = result[i];
  }
  free(memory);
}
