/* Loops with a carried state, and their reverse sweeps: what making, differentiating and running them share.
 *
 * scan          states x_0 = init,  x_{k+1} = next(k, x_k, p),  k = 0 .. n-1
 * scan_reverse  the states again, then adjoints a_n given,  a_k = back(k, x_k, a_{k+1}, p),  k = n-1 .. 0
 *
 * Both are loops (loop.h) whose body has more params: k, the states, then (scan_reverse) the adjoints, then
 * the captured values p. Operands are in the same order, without k: x_0, a_n, p. The body's first outputs are
 * the next states (of a scan) or adjoints (of a scan_reverse), the others are values of results, as in any
 * loop. The flat result holds first the last states or adjoints (targets without results) and then the
 * targets of the results.
 *
 * Both are closed under forward differentiation: tangents are more states and more adjoints. The reverse mode
 * of a scan is a scan_reverse, whose kernel keeps at most `checkpoints` states and evaluates again what it
 * needs between them (revolve.h). The reverse mode of a scan_reverse is that of two scans that give the same:
 * one that stacks all states, and one down the steps that carries the adjoints. */
#ifndef TALWEG_GRAPH_OPS_SCAN_H
#define TALWEG_GRAPH_OPS_SCAN_H

#include "graph/ops/loop.h"

typedef struct tw_scan_attr {
  tw_loop_attr loop;      /* first: a scan is read as a loop */
  const tw_body *forward; /* scan_reverse: the next states, over the params of the body */
  int64_t n_states, n_adjoints, checkpoints;
  int64_t until; /* 1 + the state whose entries are all nonzero once the states do not change any more; 0: none */
} tw_scan_attr;

static inline const tw_scan_attr *tw_scan_attr_of(tw_expr node) {
  return (const tw_scan_attr *)tw_attr_of(node);
}
static inline int tw_scan_carries(const tw_scan_attr *attr) {
  return (int)(attr->n_states + attr->n_adjoints);
}
/* Of the targets, how many are last states or adjoints. */
static inline int tw_scan_finals(const tw_scan_attr *attr) {
  return (int)(attr->forward ? attr->n_adjoints : attr->n_states);
}
/* Outputs of both bodies. */
static inline int tw_scan_outputs(const tw_scan_attr *attr) {
  return attr->loop.body->n_outputs + (attr->forward ? attr->forward->n_outputs : 0);
}
/* Output i of the body, and after those of the forward body. */
static inline tw_expr tw_scan_output(const tw_scan_attr *attr, int i) {
  int n = attr->loop.body->n_outputs;
  return i < n ? attr->loop.body->outputs[i] : attr->forward->outputs[i - n];
}
/* Param k of the type of e. */
static inline tw_expr tw_param_like(tw_expr e, int k) {
  return tw_param(e.graph, k, tw_dtype_of(e), tw_shape_of(e));
}
/* What carry c (states, then adjoints) becomes in a step. */
static inline tw_expr tw_scan_next(const tw_scan_attr *attr, int c) {
  if (!attr->forward) return attr->loop.body->outputs[c];
  return c < attr->n_states ? attr->forward->outputs[c] : attr->loop.body->outputs[c - attr->n_states];
}

/* What a scan or scan_reverse is beside a loop. */
typedef struct tw_scan_form {
  int n_states, n_adjoints;
  int64_t checkpoints, until;
} tw_scan_form;

/* The scan (no adjoints) or scan_reverse over what the builder collected: targets and outputs for the last
 * states or adjoints, targets and results, and then for a scan_reverse the next states as outputs. Params are
 * tw_param 0 (k), 1 .. for the operands. Releases the builder. */
tw_expr tw_scan_end(tw_loop_builder *b, const tw_scan_form *form, int n_operands, const tw_expr *operands);

/* tw_scan over what was checked; .. that stops when `until` holds, in scan_until.c. */
tw_expr tw_scan_make(tw_expr k, int64_t n, const tw_scan_form *form, const tw_expr *carry, const tw_expr *init, const tw_expr *next,
                     int n_out, const tw_expr *out);
tw_expr tw_scan_make_until(tw_expr k, int64_t n, const tw_scan_form *form, const tw_expr *carry, const tw_expr *init,
                           const tw_expr *next, tw_expr until);

/* How many states a scan_reverse keeps: `checkpoints` when given; all when they fit in TW_SCAN_STORE bytes;
 * else as many as fit there, but no fewer than sqrt(2 n), which are enough to evaluate no step more than
 * twice. */
enum { TW_SCAN_STORE = 1 << 28 };
int64_t tw_scan_slots(const tw_scan_attr *attr);

/* Rules, in scan_rules.c; the reverse modes in scan_reverse.c. */
tw_expr tw_scan_jvp(tw_expr node, const tw_expr *tangents);
tw_expr tw_scan_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched);
void tw_scan_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents);
void tw_scan_reverse_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents);

/* Writing as C, in scan_emit.c. */
void tw_scan_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out);

/* Evaluation, in scan_run.c. */
size_t tw_scan_scratch(tw_expr node);
tw_status tw_scan_kernel(const tw_call *call);
tw_status tw_scan_reverse_kernel(const tw_call *call);
tw_status tw_scan_prepare(tw_expr node, unsigned mode, void **prepared, tw_error *error);
const tw_fn *tw_scan_function(const void *prepared, int i);
void tw_scan_release(void *prepared);
tw_status tw_scan_open(tw_expr node, void *prepared, void **state, tw_error *error);
void tw_scan_close(void *state);
void tw_scan_visit(void *state, tw_state_visitor *visitor, void *context);
void tw_scan_memory(void *state, tw_memory_visitor *visitor, void *context);

#endif
