/* What is written in another form before cones are looked for: loops over index sets that are not affine, as their bodies for
 * all indices at once; squares of norms as sums of squares, whose Hessian is in sight at 0 too. */
#include "graph/ops/loop.h"
#include "graph/ops/reduce.h"
#include "problem/conic.h"

#include <math.h>
#include <stdlib.h>

enum { ELEMENTS_MOST = 4000000, PASSES_MOST = 64 };

/* The largest array of a body, by elements. */
static double largest_of(const tw_body *body) {
  double most = 1;
  for (int i = 0; i < body->n_outputs; i++) most = fmax(most, (double)tw_size_of(body->outputs[i]));
  return most;
}

/* What one result adds to its target. */
static tw_expr result_of(tw_graph *graph, const tw_loop_attr *attr, const tw_loop_result *r, const tw_expr *batched) {
  const tw_expr value = batched[r->first];
  const tw_shape shape = attr->target[r->target].shape;
  if (r->kind == TW_LOOP_SUM) return tw_sum(value, 1, false);
  if (r->kind == TW_LOOP_STACK) return value;
  return tw_scatter_add(graph, shape, (int)r->n_index, &batched[r->first + 1], value);
}

/* The flat result of the loop from the batched outputs of its body. */
static tw_expr join_results(tw_graph *graph, const tw_loop_attr *attr, const tw_expr *batched) {
  tw_expr *target = calloc((size_t)attr->n_targets + 1, sizeof *target), joined = TW_NONE;
  if (!target) return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory for a conic form");
  for (int64_t t = 0; t < attr->n_targets; t++) target[t] = TW_NONE;
  for (int64_t i = 0; i < attr->n_results; i++) {
    const tw_loop_result *r = &attr->result[i];
    const tw_expr part = result_of(graph, attr, r, batched);
    target[r->target] = tw_is_none(target[r->target]) ? part : tw_add(target[r->target], part);
  }
  for (int64_t t = 0; t < attr->n_targets; t++)
    target[t] = tw_is_none(target[t]) ? tw_fill(graph, TW_F64, TW_SHAPE(attr->target[t].size), 0) : tw_ravel(target[t]);
  joined = attr->n_targets == 1 ? target[0] : tw_concat((int)attr->n_targets, target, 0);
  free(target);
  return joined;
}

static tw_expr open_loop(tw_conic_build *b, tw_expr loop) {
  const tw_loop_attr *attr = tw_attr_of(loop);
  const tw_body *body = attr->body;
  if ((double)attr->n * largest_of(body) > ELEMENTS_MOST) {
    tw_conic_refuse(b, TW_ERR_UNSUPPORTED, "a sum over %lld indices is too long to be written as cones", (long long)attr->n);
    return TW_NONE;
  }
  const tw_expr k = tw_input(b->graph, "k", TW_I64, TW_SCALAR), all = tw_iota(b->graph, TW_I64, attr->n);
  tw_expr *args = calloc((size_t)body->n_params + 1, sizeof *args), *out = calloc((size_t)body->n_outputs + 1, sizeof *out);
  tw_expr joined = TW_NONE;
  if (!args || !out)
    tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
  else {
    for (int i = 0; i < body->n_params; i++) args[i] = i == 0 ? k : tw_input_of(loop, i - 1);
    if (tw_body_inline(body, args, out) == TW_OK && tw_batch(body->n_outputs, out, 1, &k, &all, attr->n, out) == TW_OK)
      joined = join_results(b->graph, attr, out);
  }
  free(args);
  free(out);
  return joined;
}

static bool is_loop(const tw_conic_build *b, tw_expr e) {
  return tw_op_of(e) == &tw_op_loop && tw_fact_of(&b->facts, e).curvature != TW_CURV_AFFINE;
}

static bool is_square_of_norm(tw_expr e) {
  return tw_op_of(e) == &tw_op_square && tw_op_of(tw_input_of(e, 0)) == &tw_op_norm;
}

static tw_expr rewritten(tw_conic_build *b, tw_expr e) {
  if (is_loop(b, e)) return open_loop(b, e);
  const tw_expr norm = tw_input_of(e, 0);
  return tw_reduce_node(&tw_op_sum, tw_square(tw_input_of(norm, 0)), tw_reduce_axes(norm));
}

/* Some of what is to be rewritten; loops within loops are in bodies and come to light later. */
static size_t find(const tw_conic_build *b, tw_expr *found, size_t most) {
  size_t count = 0;
  for (int32_t id = 0; id < b->facts.limit && count < most; id++) {
    const tw_expr e = {b->graph, id};
    if (b->facts.wanted[id] && (is_loop(b, e) || is_square_of_norm(e))) found[count++] = e;
  }
  return count;
}

tw_status tw_conic_rewrite(tw_conic_build *b, size_t n, tw_expr *root) {
  enum { AT_ONCE = 256 };
  for (int pass = 0;; pass++) {
    tw_expr from[AT_ONCE], to[AT_ONCE];
    if (!tw_facts_open(&b->facts, (int)n, root)) return tw_graph_status(b->graph);
    const size_t count = find(b, from, AT_ONCE);
    for (size_t i = 0; i < count && b->status == TW_OK; i++) to[i] = rewritten(b, from[i]);
    tw_facts_close(&b->facts);
    if (count == 0 || b->status != TW_OK) return b->status;
    if (pass == PASSES_MOST) return tw_conic_refuse(b, TW_ERR_UNSUPPORTED, "loops within loops are too deep or too many");
    if (tw_graph_status(b->graph) != TW_OK || tw_substitute((int)n, root, (int)count, from, to, root) != TW_OK)
      return tw_graph_status(b->graph);
  }
}
