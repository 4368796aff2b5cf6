/* The op that hands on a value, and keeps for the evidence how far it is from a solution. */
#include "implicit/modes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct attest_attr {
  const tw_nested *nested;
  int64_t is_value;
} attest_attr;

typedef struct state {
  bool used;
  double residual;
} state;

static const attest_attr *attr_of(tw_expr node) { return tw_attr_of(node); }

static tw_expr attest(const tw_nested *nested, tw_expr value, tw_expr residual, bool is_value) {
  if (tw_is_none(value) || tw_is_none(residual)) return TW_NONE;
  attest_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.nested = nested;
  attr.is_value = is_value;
  return tw_node(value.graph, &tw_op_attested, 2, (tw_expr[]){value, residual}, &attr);
}

tw_expr tw_attest(const tw_nested *nested, tw_expr z, tw_expr residual) { return attest(nested, z, residual, true); }

static bool attest_infer(const tw_args *args, tw_type *type) {
  if (tw_shape_of(args->in[1]).rank != 0) {
    tw_graph_fail(args->graph, TW_ERR_SHAPE, "attested: the residual must be a scalar");
    return false;
  }
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  return true;
}

static tw_status attest_kernel(const tw_call *call) {
  state *s = call->state;
  memcpy(call->out, call->in[0], (size_t)tw_size_of(call->node) * tw_dtype_get(tw_dtype_of(call->node))->size);
  *s = (state){true, *(const double *)call->in[1]};
  return TW_OK;
}

static tw_expr attest_jvp(tw_expr node, const tw_expr *tangents) {
  return tw_is_none(tangents[0]) ? TW_NONE : attest(attr_of(node)->nested, tangents[0], tw_input_of(node, 1), false);
}

static void attest_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  cotangents[0] = attest(attr_of(node)->nested, cotangent, tw_input_of(node, 1), false);
}

static tw_expr attest_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  if (batched[1]) return tw_batch_by_loop(node, size, in, batched);
  return attest(attr_of(node)->nested, in[0], in[1], attr_of(node)->is_value != 0);
}

static tw_status attest_open(tw_expr node, void *prepared, void **out, tw_error *error) {
  (void)node, (void)prepared;
  *out = calloc(1, sizeof(state));
  return *out ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "attested: out of memory");
}

tw_argmin_evidence tw_attested_evidence_of(tw_expr node, const void *state_) {
  const state *s = state_;
  const tw_nested *nested = attr_of(node)->nested;
  return (tw_argmin_evidence){.used = s->used, .residual = s->residual, .margin = INFINITY, .outcome = TW_SOLVED,
                              .method = nested->choice.named->name, .word = nested->word};
}

bool tw_attested_is_value(tw_expr node) { return attr_of(node)->is_value != 0; }

const tw_op tw_op_attested = {.name = "attested",
                              .summary = "a value, with how far it is from a solution",
                              .kind = TW_OP_KIND_MOVEMENT,
                              .arity = 2,
                              .attr_bytes = sizeof(attest_attr),
                              .infer = attest_infer,
                              .kernel = attest_kernel,
                              .jvp = attest_jvp,
                              .vjp = attest_vjp,
                              .batch = attest_batch,
                              .open = attest_open,
                              .close = free};
