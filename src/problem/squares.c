/* Sums of squares: objectives of the form scale |r|^2 + constant, and their residual r. */
#include "graph/ops/loop.h"
#include "graph/ops/ops.h"
#include "problem/facts.h"

#include <math.h>
#include <stdlib.h>

/* One sum of squares: scale weight sum r^2, r an array; weight TW_NONE: 1. */
typedef struct piece {
  double scale;
  tw_expr weight, r;
} piece;

typedef struct search {
  const tw_facts *facts;
  piece *found;
  size_t count, capacity;
  tw_expr constant; /* what depends on no input, summed up */
} search;

/* Finds the pieces of scale weight sum(e), all elements of e summed. False: of another form, or out of memory. */
static bool collect(search *s, double scale, tw_expr weight, tw_expr e);

static tw_graph *graph_of(const search *s) {
  return s->facts->graph;
}

static bool add_constant(search *s, double scale, tw_expr weight, tw_expr e) {
  tw_expr value = tw_scale(tw_sum(tw_cast(e, TW_F64), TW_ALL, false), scale);
  if (!tw_is_none(weight)) value = tw_mul(weight, value);
  s->constant = tw_is_none(s->constant) ? value : tw_add(s->constant, value);
  return true;
}

static bool add_piece(search *s, double scale, tw_expr weight, tw_expr r) {
  tw_term sign = {scale, weight, TW_NONE};
  if (!(tw_term_sign(s->facts, &sign) & TW_SIGN_NONNEG)) return false;
  if (scale < 0 && !tw_is_none(weight)) { /* both are <= 0 */
    scale = -scale;
    weight = tw_neg(weight);
  }
  piece *grown = tw_grow(s->found, &s->capacity, s->count + 1, sizeof *grown);
  if (!grown) {
    tw_graph_fail(graph_of(s), TW_ERR_MEMORY, "out of memory classifying a problem");
    return false;
  }
  s->found = grown;
  grown[s->count++] = (piece){scale, weight, r};
  return true;
}

/* r when e is r^2 element by element, or the square of a norm. */
static tw_expr root_of(tw_expr e) {
  tw_expr a = tw_input_of(e, 0);
  if (tw_op_of(e) == &tw_op_matmul && tw_same(a, tw_input_of(e, 1)) && tw_shape_of(a).rank == 1) return a;
  return tw_op_of(e) == &tw_op_square ? tw_squared(e) : TW_NONE;
}

tw_expr tw_squared(tw_expr square) {
  tw_expr a = tw_input_of(square, 0);
  while (tw_op_of(a) == &tw_op_reshape || tw_op_of(a) == &tw_op_neg) a = tw_input_of(a, 0);
  return tw_op_of(a) == &tw_op_norm ? tw_input_of(a, 0) : tw_input_of(square, 0);
}

/* fixed * square(r) of any two shapes: the factor goes under the square when it has no negative element. */
static bool collect_product(search *s, double scale, tw_expr weight, tw_expr factor, tw_expr e, tw_expr whole) {
  double value;
  double repeats = (double)tw_size_of(whole) / (double)tw_size_of(e);
  if (tw_constant_value(factor, &value)) return collect(s, scale * value * repeats, weight, e);
  if (tw_size_of(factor) == 1) {
    factor = tw_reshape(factor, TW_SCALAR);
    return collect(s, scale * repeats, tw_is_none(weight) ? factor : tw_mul(weight, factor), e);
  }
  if (tw_op_of(e) != &tw_op_square || !(tw_sign_of(s->facts, factor) & TW_SIGN_NONNEG)) return false;
  return add_piece(s, scale, weight, tw_mul(tw_sqrt(factor), tw_input_of(e, 0)));
}

/* The sum over a loop: its pieces are stacks over the index of the pieces of its body. */
static bool collect_loop(search *s, double scale, tw_expr weight, tw_expr loop) {
  const tw_loop_attr *attr = tw_attr_of(loop);
  tw_graph *graph = graph_of(s);
  tw_expr k = tw_input(graph, "k", TW_I64, TW_SCALAR), *value = calloc((size_t)attr->body->n_outputs, sizeof *value);
  tw_expr *args = calloc((size_t)attr->body->n_params, sizeof *args);
  bool fine = value && args;
  if (!fine) tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory classifying a problem");
  for (int i = 0; fine && i < attr->body->n_params; i++) args[i] = i == 0 ? k : tw_input_of(loop, i - 1);
  fine = fine && tw_body_inline(attr->body, args, value) == TW_OK;
  tw_facts facts = {.graph = graph, .problem = s->facts->problem, .m = s->facts->m, .inputs = s->facts->inputs};
  search inner = {.facts = &facts, .constant = TW_NONE};
  fine = fine && tw_facts_open(&facts, attr->body->n_outputs, value);
  for (int64_t r = 0; fine && r < attr->n_results; r++) fine = collect(&inner, 1, TW_NONE, value[attr->result[r].first]);
  for (size_t i = 0; fine && i < inner.count; i++) {
    piece *p = &inner.found[i];
    tw_expr under = p->r;
    if (!tw_is_none(p->weight)) under = tw_mul(tw_sqrt(p->weight), under);
    fine = add_piece(s, scale * p->scale, weight, tw_loop_stack(k, attr->n, under));
  }
  if (fine && !tw_is_none(inner.constant)) fine = add_constant(s, scale, weight, tw_loop_sum(k, attr->n, inner.constant));
  tw_facts_close(&facts);
  free(inner.found);
  free(value);
  free(args);
  return fine;
}

static bool collect_all(search *s, double scale, tw_expr weight, tw_expr e) {
  for (int i = 0; i < tw_arity_of(e); i++) {
    tw_expr part = tw_input_of(e, i);
    double repeats = tw_op_of(e) == &tw_op_concat ? 1 : (double)tw_size_of(e) / (double)tw_size_of(part);
    double sign = tw_op_of(e) == &tw_op_sub && i == 1 ? -1 : 1;
    if (!collect(s, sign * repeats * scale, weight, part)) return false;
  }
  return true;
}

static bool collect(search *s, double scale, tw_expr weight, tw_expr e) {
  const tw_op *op = tw_op_of(e);
  tw_expr a = tw_input_of(e, 0), b = tw_input_of(e, 1), r;
  if (tw_is_none(e) || tw_size_of(e) == 0) return !tw_is_none(e);
  if (tw_fixed(s->facts, e)) return add_constant(s, scale, weight, e);
  if (!tw_is_none(r = root_of(e))) return add_piece(s, scale, weight, r);
  if (tw_regularizer_of(e, NULL, NULL)) return collect(s, scale, weight, a);
  if (op == &tw_op_neg) return collect(s, -scale, weight, a);
  if (op == &tw_op_loop) return collect_loop(s, scale, weight, e);
  if (op == &tw_op_sum || op == &tw_op_reshape || op == &tw_op_transpose) return collect(s, scale, weight, a);
  if (op == &tw_op_add || op == &tw_op_sub || op == &tw_op_concat || op == &tw_op_broadcast)
    return collect_all(s, scale, weight, e);
  if (op == &tw_op_mul && tw_fixed(s->facts, a)) return collect_product(s, scale, weight, a, b, e);
  if (op == &tw_op_mul && tw_fixed(s->facts, b)) return collect_product(s, scale, weight, b, a, e);
  if (op == &tw_op_div && tw_fixed(s->facts, b)) return collect_product(s, scale, weight, tw_reciprocal(b), a, e);
  return false;
}

/* All pieces in one vector, with square roots of the weights where these differ from the first. */
static void join(search *s, tw_squares *out) {
  tw_expr *part = calloc(s->count, sizeof *part);
  if (!part) {
    tw_graph_fail(graph_of(s), TW_ERR_MEMORY, "out of memory classifying a problem");
    return;
  }
  out->scale = s->found[0].scale;
  if (out->scale == 0) out->scale = 1;
  for (size_t i = 0; i < s->count; i++) {
    const piece *p = &s->found[i];
    double factor = sqrt(p->scale / out->scale);
    part[i] = factor == 1 ? p->r : tw_scale(p->r, factor);
    if (!tw_is_none(p->weight)) part[i] = tw_mul(tw_sqrt(p->weight), part[i]);
    part[i] = tw_ravel(part[i]);
  }
  out->residual = s->count == 1 ? part[0] : tw_concat((int)s->count, part, 0);
  free(part);
}

bool tw_squares_find(const tw_facts *facts, tw_expr root, tw_squares *out) {
  search s = {.facts = facts, .constant = TW_NONE};
  *out = (tw_squares){TW_NONE, TW_NONE, 1};
  bool found = collect(&s, 1, TW_NONE, root) && s.count > 0 && s.count < INT32_MAX;
  if (found) join(&s, out);
  if (found) out->constant = tw_is_none(s.constant) ? tw_scalar(facts->graph, 0) : s.constant;
  free(s.found);
  return found && tw_graph_status(facts->graph) == TW_OK;
}
