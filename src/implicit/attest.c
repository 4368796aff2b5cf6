/* The op that hands on a value, and keeps a number for the evidence: how far it is from a solution, or how far its derivatives are from
 * those of one. */
#include "graph/emit/emit.h"
#include "implicit/modes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct attest_attr {
  const tw_nested *nested;
  int64_t is_value, is_rate;
} attest_attr;

typedef struct state {
  bool used;
  double number; /* the residual or the rate */
} state;

static const attest_attr *attr_of(tw_expr node) { return tw_attr_of(node); }

static tw_expr attest(const attest_attr *attr, tw_expr value, tw_expr number) {
  return tw_is_none(value) || tw_is_none(number) ? TW_NONE : tw_node(value.graph, &tw_op_attested, 2, (tw_expr[]){value, number}, attr);
}

static tw_expr attest_value(const tw_nested *nested, tw_expr z, tw_expr number, bool is_rate) {
  attest_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.nested = nested;
  attr.is_value = true;
  attr.is_rate = is_rate;
  return attest(&attr, z, number);
}

tw_expr tw_attest(const tw_nested *nested, tw_expr z, tw_expr residual) { return attest_value(nested, z, residual, false); }

tw_expr tw_attest_rate(const tw_nested *nested, tw_expr z, tw_expr rate) { return attest_value(nested, z, rate, true); }

/* Of a derivative of node's value. */
static tw_expr attest_derivative(tw_expr node, tw_expr value) {
  attest_attr attr = *attr_of(node);
  attr.is_value = false;
  return attest(&attr, value, tw_input_of(node, 1));
}

static bool attest_infer(const tw_args *args, tw_type *type) {
  if (tw_shape_of(args->in[1]).rank != 0) {
    tw_graph_fail(args->graph, TW_ERR_SHAPE, "attested: the residual or rate must be a scalar");
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

/* The number is for the evidence, which written C does not keep. */
static void attest_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = %s[i];", (long long)tw_size_of(node), out, in[0]);
}

static tw_expr attest_jvp(tw_expr node, const tw_expr *tangents) {
  return attest_derivative(node, tangents[0]);
}

static void attest_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  cotangents[0] = attest_derivative(node, cotangent);
}

static tw_expr attest_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  if (batched[1]) return tw_batch_by_loop(node, size, in, batched);
  return attest(attr_of(node), in[0], in[1]);
}

static tw_status attest_open(tw_expr node, void *prepared, void **out, tw_error *error) {
  (void)node, (void)prepared;
  *out = calloc(1, sizeof(state));
  return *out ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "attested: out of memory");
}

tw_argmin_evidence tw_attested_evidence_of(tw_expr node, const void *state_) {
  const state *s = state_;
  const tw_nested *nested = attr_of(node)->nested;
  return (tw_argmin_evidence){.used = s->used && !attr_of(node)->is_rate, .residual = s->number, .margin = INFINITY, .outcome = TW_SOLVED,
                              .method = nested->choice.named->name, .word = nested->word};
}

double tw_attested_rate(tw_expr node, const void *state_) {
  const state *s = state_;
  return s->used && attr_of(node)->is_rate && !attr_of(node)->is_value ? s->number : 0;
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
                              .close = free,
                              .emit = attest_emit};
