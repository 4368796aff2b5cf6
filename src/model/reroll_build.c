/* Trees of one shape as one expression over arrays: leaves become arrays of numbers and gathers of x, and the operands of
 * sums that have one shape become a second axis that is summed over. */
#include "model/reroll.h"

#include <stdlib.h>

tw_expr tw_reroll_integers(tw_graph *graph, int64_t count, const int64_t *value) {
  const tw_array array = tw_array_view((void *)value, TW_I64, TW_SHAPE(count)); /* only read */
  return tw_constant(graph, &array);
}

tw_expr tw_reroll_numbers(tw_graph *graph, int64_t count, const double *value) {
  bool equal = count > 0;
  for (int64_t i = 1; equal && i < count; i++) equal = value[i] == value[0];
  if (equal) return tw_scalar(graph, value[0]);
  const tw_array array = tw_array_view((void *)value, TW_F64, TW_SHAPE(count)); /* only read */
  return tw_constant(graph, &array);
}

tw_expr tw_reroll_read(tw_graph *graph, tw_expr x, int64_t count, const int64_t *position) {
  if (count == 0) return tw_slice(x, 0, 0, 0, 1);
  const int64_t step = count > 1 ? position[1] - position[0] : 1;
  bool even = true;
  for (int64_t i = 1; even && i < count; i++) even = position[i] - position[i - 1] == step;
  if (even && step == 0) return tw_slice(x, 0, position[0], 1, 1);
  if (even) return tw_slice(x, 0, position[0], count, step);
  const tw_expr index = tw_reroll_integers(graph, count, position);
  return tw_take(x, 1, &index);
}

/* ------------------------------------------------------------------ leaves */

static tw_expr build_numbers(tw_reroll *r, const int32_t *node, int64_t count) {
  double *value = tw_alloc((size_t)count, sizeof *value);
  if (value == NULL) r->failed = true;
  if (value == NULL) return TW_NONE;
  for (int64_t i = 0; i < count; i++) value[i] = r->flat->node[node[i]].is.number;
  const tw_expr e = tw_reroll_numbers(r->graph, count, value);
  free(value);
  return e;
}

static tw_expr build_reads(tw_reroll *r, const int32_t *node, int64_t count) {
  int64_t *position = tw_alloc((size_t)count, sizeof *position);
  if (position == NULL) r->failed = true;
  if (position == NULL) return TW_NONE;
  tw_expr from = r->x;
  for (int64_t i = 0; i < count; i++) position[i] = r->flat->node[node[i]].is.index;
  if (r->flat->node[node[0]].op == TW_S_COMMON) {
    from = r->group[r->shape[r->flat->common[position[0]]]];
    for (int64_t i = 0; i < count; i++) position[i] = r->place[position[i]];
  }
  const tw_expr e = tw_reroll_read(r->graph, from, count, position);
  free(position);
  return e;
}

/* ------------------------------------------------------------------ operators */

/* Operand k of every node. */
static tw_expr build_operand(tw_reroll *r, const int32_t *node, int64_t count, int32_t k) {
  int32_t *child = tw_alloc((size_t)count, sizeof *child);
  if (child == NULL) r->failed = true;
  if (child == NULL) return TW_NONE;
  for (int64_t i = 0; i < count; i++) child[i] = r->flat->operand[r->flat->node[node[i]].is.first + k];
  const tw_expr e = tw_reroll_build(r, child, count);
  free(child);
  return e;
}

/* Summands first .. first+terms-1 of every node, which have one shape: [count] after the reduction over them. */
static tw_expr build_terms(tw_reroll *r, const int32_t *node, int64_t count, int op, int32_t first, int32_t terms) {
  const int64_t all = count * terms;
  int32_t *child = tw_alloc((size_t)all, sizeof *child);
  if (child == NULL) r->failed = true;
  if (child == NULL) return TW_NONE;
  for (int64_t i = 0; i < count; i++)
    for (int32_t k = 0; k < terms; k++) child[i * terms + k] = r->summand[r->list[node[i]] + (size_t)(first + k)].node;
  tw_expr e = tw_reroll_build(r, child, all);
  free(child);
  if (op != TW_S_SUM && op != TW_S_MIN && op != TW_S_MAX) e = tw_scalar_apply(r->graph, op, 1, &e);
  if (op == TW_S_SUM || op == TW_S_MIN || op == TW_S_MAX) e = tw_scalar_real(e);
  if (terms == 1) return e;
  return tw_scalar_reduce(op, tw_reshape(tw_broadcast(e, TW_SHAPE(all)), TW_SHAPE(count, terms)), 1);
}

static tw_expr build_list(tw_reroll *r, const int32_t *node, int64_t count) {
  const int32_t head = node[0], own = r->count[head];
  const int op = tw_scalar_is_sum(r->flat->node[head].op) ? TW_S_SUM : r->flat->node[head].op;
  tw_expr total = TW_NONE;
  for (int32_t k = 0, next; k < own && !r->failed; k = next) {
    const tw_summand *s = r->summand + r->list[head];
    for (next = k; next < own && s[next].shape == s[k].shape && s[next].sign == s[k].sign; next++) {}
    const bool negative = s[k].sign < 0;
    const tw_expr e = build_terms(r, node, count, op, k, next - k);
    if (tw_is_none(total))
      total = negative ? tw_neg(e) : e;
    else
      total = negative ? tw_sub(total, e) : tw_scalar_join(op, total, e);
  }
  return total;
}

static tw_expr build_operator(tw_reroll *r, const int32_t *node, int64_t count) {
  const tw_tree *s = &r->flat->node[node[0]];
  tw_expr few[8], *operand = s->count <= 8 ? few : tw_alloc((size_t)s->count, sizeof *operand);
  if (operand == NULL) r->failed = true;
  if (operand == NULL) return TW_NONE;
  bool good = true;
  for (int32_t k = 0; k < s->count && good; k++) {
    operand[k] = build_operand(r, node, count, k);
    good = !tw_is_none(operand[k]);
  }
  const tw_expr e = good ? tw_scalar_apply(r->graph, s->op, s->count, operand) : TW_NONE;
  if (operand != few) free(operand);
  return e;
}

tw_expr tw_reroll_build(tw_reroll *r, const int32_t *node, int64_t count) {
  if (r->failed || tw_graph_status(r->graph) != TW_OK) return TW_NONE;
  switch (r->flat->node[node[0]].op) {
  case TW_S_NUMBER: return build_numbers(r, node, count);
  case TW_S_VARIABLE:
  case TW_S_COMMON: return build_reads(r, node, count);
  case TW_S_ADD:
  case TW_S_SUB:
  case TW_S_NEG:
  case TW_S_SUM:
  case TW_S_MIN:
  case TW_S_MAX:
  case TW_S_COUNT:
  case TW_S_ALL:
  case TW_S_ANY: return build_list(r, node, count);
  default: return build_operator(r, node, count);
  }
}
