/* Unrolling an expression: its nodes one after the other, operands first, without recursion. */
#include "model/unroll.h"

#include "graph/node.h"
#include "graph/ops/loop.h"
#include "graph/ops/ops.h"
#include "problem/problem.h"

#include <stdlib.h>
#include <string.h>

enum { ELEMENTS_MOST = 1 << 27 }; /* of one array */

bool tw_unroll_fail(tw_unroll *u, tw_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (u->status == TW_OK) u->status = tw_fail_v(u->error, status, format, args);
  va_end(args);
  return false;
}

/* ------------------------------------------------------------------ what is known */

static tw_elements *new_elements(tw_unroll *u, tw_expr e, bool number) {
  const int64_t size = tw_size_of(e);
  tw_elements *own = size <= ELEMENTS_MOST ? calloc(1, sizeof *own) : NULL;
  tw_elements **all = own != NULL ? tw_grow(u->all, &u->all_capacity, u->n_all + 1, sizeof(tw_elements *)) : NULL;
  if (all != NULL) {
    u->all = all;
    u->all[u->n_all++] = own;
    own->size = size;
    own->number = number ? tw_alloc((size_t)size, sizeof *own->number) : NULL;
    own->node = number ? NULL : tw_alloc((size_t)size, sizeof *own->node);
    if (own->number != NULL || own->node != NULL) return own;
  } else {
    free(own);
  }
  tw_unroll_fail(u, TW_ERR_MEMORY, "out of memory for the %lld elements of an expression", (long long)size);
  return NULL;
}

static bool remember(tw_unroll *u, tw_expr e, tw_elements *own) {
  tw_elements **memo = u->memo;
  if ((size_t)e.id >= u->capacity) {
    const size_t before = u->capacity;
    memo = tw_grow(u->memo, &u->capacity, (size_t)e.id + 1, sizeof(tw_elements *));
    if (memo == NULL) return tw_unroll_fail(u, TW_ERR_MEMORY, "out of memory unrolling an expression");
    memset(memo + before, 0, (u->capacity - before) * sizeof *memo);
    u->memo = memo;
  }
  memo[e.id] = own;
  return true;
}

static tw_elements *known(const tw_unroll *u, tw_expr e) {
  return (size_t)e.id < u->capacity ? u->memo[e.id] : NULL;
}

/* What is written next to the arrays of an op: values at the present parameters. */
static bool evaluate(tw_unroll *u, tw_expr e, tw_elements *own) {
  tw_array value;
  tw_error error = {0};
  const tw_expr real = tw_dtype_of(e) == TW_F64 ? e : tw_cast(e, TW_F64);
  const tw_status status = tw_problem_evaluate(u->problem, real, &value, &error);
  if (status != TW_OK) return tw_unroll_fail(u, status, "%s", error.message);
  memcpy(own->number, value.data, (size_t)own->size * sizeof *own->number);
  tw_array_free(&value);
  return true;
}

int64_t *tw_unroll_positions(tw_unroll *u, tw_expr e) {
  tw_array value;
  tw_error error = {0};
  const tw_status status = tw_problem_evaluate(u->problem, e, &value, &error);
  if (status != TW_OK) {
    tw_unroll_fail(u, status, "%s", error.message);
    return NULL;
  }
  const size_t size = (size_t)tw_shape_size(&value.shape);
  int64_t *own = tw_alloc(size, sizeof *own);
  if (own == NULL) tw_unroll_fail(u, TW_ERR_MEMORY, "out of memory for positions");
  if (own != NULL) memcpy(own, value.data, size * sizeof *own);
  tw_array_free(&value);
  return own;
}

/* ------------------------------------------------------------------ variables */

static const tw_variable *variable_of(const tw_unroll *u, tw_expr e) {
  for (int i = 0; i < tw_problem_variables(u->problem); i++)
    if (tw_same(tw_problem_variable_at(u->problem, i)->expr, e)) return tw_problem_variable_at(u->problem, i);
  return NULL;
}

/* Which nodes depend on a variable: operands come before. */
static bool *find_dependent(tw_unroll *u, int32_t count) {
  bool *on = tw_alloc((size_t)count, sizeof *on);
  if (on == NULL) tw_unroll_fail(u, TW_ERR_MEMORY, "out of memory unrolling an expression");
  for (int32_t id = 0; on != NULL && id < count; id++) {
    const tw_expr e = {u->graph, id};
    on[id] = tw_arity_of(e) == 0 && tw_is_input(e) && variable_of(u, e) != NULL;
    for (int i = 0; i < tw_arity_of(e) && !on[id]; i++) on[id] = on[tw_input_of(e, i).id];
  }
  return on;
}

/* ------------------------------------------------------------------ one node */

static bool unroll_variable(tw_unroll *u, tw_expr e, const tw_variable *v) {
  tw_elements *own = new_elements(u, e, false);
  for (int64_t k = 0; own != NULL && k < own->size; k++) own->node[k] = tw_flat_variable(u->flat, v->offset + k);
  return own != NULL && remember(u, e, own);
}

static bool unroll_operator(tw_unroll *u, tw_expr e) {
  const int n = tw_arity_of(e);
  const tw_elements *few[16], **in = n <= 16 ? few : tw_alloc((size_t)n, sizeof *in);
  tw_elements *own = in != NULL ? new_elements(u, e, false) : NULL;
  if (in == NULL) tw_unroll_fail(u, TW_ERR_MEMORY, "out of memory unrolling an expression");
  for (int i = 0; own != NULL && i < n; i++) in[i] = known(u, tw_input_of(e, i));
  const bool good = own != NULL && tw_unroll_node(u, e, in, own);
  if (in != few) free(in);
  if (u->flat->failed) tw_unroll_fail(u, TW_ERR_MEMORY, "out of memory unrolling an expression");
  return good && u->status == TW_OK && remember(u, e, own);
}

typedef struct visit {
  tw_expr e, instead; /* what e is rewritten to; NONE: nothing */
} visit;

typedef struct trail {
  visit *item;
  size_t count, capacity;
} trail;

static bool push(tw_unroll *u, trail *t, tw_expr e) {
  visit *grown = tw_grow(t->item, &t->capacity, t->count + 1, sizeof *grown);
  if (grown == NULL) return tw_unroll_fail(u, TW_ERR_MEMORY, "out of memory unrolling an expression");
  t->item = grown;
  t->item[t->count++] = (visit){e, TW_NONE};
  return true;
}

/* The node on top, when what it needs is there; else that goes on top of it. */
static bool step(tw_unroll *u, trail *t, bool **on, int32_t *n_on) {
  visit *top = &t->item[t->count - 1];
  const tw_expr e = top->e;
  const tw_variable *v = tw_is_input(e) ? variable_of(u, e) : NULL;
  if (known(u, e) != NULL) {
    t->count--;
    return true;
  }
  if (!tw_is_none(top->instead)) { /* it is there */
    t->count--;
    return remember(u, e, known(u, top->instead));
  }
  if (e.id >= *n_on) { /* nodes that rewriting made */
    free(*on);
    *n_on = tw_graph_nodes(u->graph);
    *on = find_dependent(u, *n_on);
    if (*on == NULL) return false;
  }
  if (v != NULL) return unroll_variable(u, e, v);
  if (!(*on)[e.id]) {
    tw_elements *own = new_elements(u, e, true);
    return own != NULL && evaluate(u, e, own) && remember(u, e, own);
  }
  const tw_expr instead = tw_unroll_rewrite(u, e);
  if (u->status == TW_OK && tw_graph_status(u->graph) != TW_OK)
    tw_unroll_fail(u, tw_graph_status(u->graph), "%s", tw_graph_message(u->graph));
  if (u->status != TW_OK) return false;
  if (!tw_is_none(instead) && !tw_same(instead, e)) {
    top->instead = instead;
    return push(u, t, instead);
  }
  bool ready = true;
  for (int i = 0; i < tw_arity_of(e); i++) {
    if (known(u, tw_input_of(e, i)) != NULL) continue;
    ready = false;
    if (!push(u, t, tw_input_of(e, i))) return false;
  }
  return !ready || unroll_operator(u, e);
}

const tw_elements *tw_unroll_elements(tw_unroll *u, tw_expr e) {
  trail t = {0};
  bool *on = NULL, good = u->status == TW_OK && push(u, &t, e);
  int32_t n_on = 0;
  while (good && t.count > 0) good = step(u, &t, &on, &n_on);
  free(on);
  free(t.item);
  return good ? known(u, e) : NULL;
}

void tw_unroll_close(tw_unroll *u) {
  for (size_t i = 0; i < u->n_all; i++) {
    free(u->all[i]->number);
    free(u->all[i]->node);
    free(u->all[i]);
  }
  free(u->all);
  free(u->memo);
}

/* ------------------------------------------------------------------ rewriting */

/* The targets of a loop one after the other: the body for all iterations at once, then sums, stacks and scattered sums. */
static tw_expr open_loop(tw_unroll *u, tw_expr e) {
  const tw_loop_attr *attr = tw_attr_of(e);
  const tw_body *body = attr->body;
  const size_t params = (size_t)body->n_params, outputs = (size_t)body->n_outputs, targets = (size_t)attr->n_targets;
  tw_expr *args = tw_alloc(params + 1, sizeof *args), *out = tw_alloc(outputs + 1, sizeof *out);
  tw_expr *part = tw_alloc(targets + 1, sizeof *part), whole = TW_NONE;
  const tw_expr k = tw_input(u->graph, "k", TW_I64, TW_SCALAR), numbers = tw_iota(u->graph, TW_I64, attr->n);
  if (args == NULL || out == NULL || part == NULL) {
    tw_unroll_fail(u, TW_ERR_MEMORY, "out of memory opening a loop");
    goto done;
  }
  args[0] = k;
  for (size_t i = 1; i < params; i++) args[i] = tw_input_of(e, (int)i - 1);
  if (tw_body_inline(body, args, out) != TW_OK || tw_batch((int)outputs, out, 1, &k, &numbers, attr->n, out) != TW_OK) goto done;
  for (size_t t = 0; t < targets; t++) part[t] = TW_NONE;
  for (int64_t r = 0; r < attr->n_results; r++) {
    const tw_loop_result *result = &attr->result[r];
    tw_expr value = out[result->first];
    if (result->kind == TW_LOOP_SUM) value = tw_sum(value, 1, false);
    if (result->kind == TW_LOOP_SCATTER)
      value = tw_scatter_add(u->graph, attr->target[result->target].shape, (int)result->n_index, out + result->first + 1, value);
    part[result->target] = tw_is_none(part[result->target]) ? value : tw_add(part[result->target], value);
  }
  for (size_t t = 0; t < targets; t++)
    part[t] = tw_is_none(part[t]) ? tw_fill(u->graph, (tw_dtype)attr->dtype, TW_SHAPE(attr->target[t].size), 0) : tw_ravel(part[t]);
  whole = targets == 1 ? part[0] : tw_concat((int)targets, part, 0);
done:
  free(args);
  free(out);
  free(part);
  return whole;
}

/* As a mask of axes. */
static unsigned mask_of(tw_expr e) {
  const int64_t *axes = tw_attr_of(e); /* first, count */
  return ((1u << axes[1]) - 1) << axes[0];
}

tw_expr tw_unroll_rewrite(tw_unroll *u, tw_expr e) {
  const tw_op *op = tw_op_of(e);
  if (op == &tw_op_loop) return open_loop(u, e);
  tw_expr x, params[TW_REGULARIZER_PARAMS];
  const tw_regularizer_kind *kind = tw_regularizer_of(e, &x, params);
  if (kind != NULL) return kind->value(x, params);
  if (tw_arity_of(e) == 0) return TW_NONE;
  x = tw_input_of(e, 0);
  const tw_expr one = tw_scalar(u->graph, 1);
  if (op == &tw_op_norm) return tw_sqrt(tw_sum(tw_square(x), mask_of(e), false));
  if (op == &tw_op_logsumexp) return tw_log(tw_sum(tw_exp(x), mask_of(e), false));
  if (op == &tw_op_softmax) return tw_div(tw_exp(x), tw_sum(tw_exp(x), mask_of(e), true));
  if (op == &tw_op_sigmoid) return tw_div(one, tw_add(one, tw_exp(tw_neg(x))));
  if (op == &tw_op_softplus) return tw_log(tw_add(one, tw_exp(x)));
  if (op == &tw_op_relu) return tw_maximum(x, tw_scalar(u->graph, 0));
  if (op == &tw_op_expm1) return tw_sub(tw_exp(x), one);
  if (op == &tw_op_log1p) return tw_log(tw_add(one, x));
  if (op == &tw_op_idiv) return tw_floor(tw_div(x, tw_input_of(e, 1)));
  if (op == &tw_op_mod) return tw_sub(x, tw_mul(tw_input_of(e, 1), tw_floor(tw_div(x, tw_input_of(e, 1)))));
  if (op == &tw_op_sign)
    return tw_where(tw_gt(x, tw_scalar(u->graph, 0)), one,
                    tw_where(tw_lt(x, tw_scalar(u->graph, 0)), tw_scalar(u->graph, -1), tw_scalar(u->graph, 0)));
  return TW_NONE;
}
