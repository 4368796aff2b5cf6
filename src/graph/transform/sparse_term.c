/* Parting an expression into pieces: linear nodes are followed down, weights and rows carried along;
 * what they meet below is a scalar by iteration (sparse_element.c). So sum(y * loop_stack(body)) becomes the
 * loop of y[k] body. */
#include "graph/ops/loop.h"
#include "graph/ops/ops.h"
#include "graph/transform/sparse.h"

#include <stdlib.h>

enum {
  PARTS = 64, /* pieces that one split may make */
  STEPS = 200 /* linear nodes below one another that are followed, sums not counted */
};

typedef struct walker {
  tw_sparse *s;
  tw_pieces *out;
  uint32_t pieces; /* tried so far */
  tw_term *later;  /* terms to walk: long sums do not nest */
  size_t n_later, later_capacity;
} walker;

static bool walk(walker *w, tw_term t);

static bool out_of_memory(walker *w) {
  tw_graph_fail(w->s->graph, TW_ERR_MEMORY, "out of memory looking for sparsity");
  return false;
}

/* ------------------------------------------------------------------ terms on other domains */

/* Weights at iterations owner[k] of their domain. */
static const tw_weight *moved_weights(tw_sparse *s, const tw_weight *weight, const tw_table *owner) {
  const tw_weight *first = NULL, **link = &first;
  for (; weight; weight = weight->next) {
    tw_weight *moved = tw_sparse_alloc(s, 1, sizeof *moved);
    if (!moved) return NULL;
    *moved = *weight;
    moved->frame = tw_frame_rebase(s, weight->frame, owner);
    moved->at = tw_table_compose(s, weight->at, owner);
    moved->next = NULL;
    *link = moved;
    link = &moved->next;
  }
  return first;
}

/* The term seen from the domain whose iteration k is owner[k] of its own. Without an owner: no domain (n =
 * -1). */
static tw_term rebase(walker *w, tw_term t, const tw_table *owner) {
  if (!owner || tw_table_is_identity(owner, t.n)) {
    if (!owner) t.n = -1;
    return t;
  }
  tw_term out = {.n = owner->n, .negative = t.negative, .node = t.node, .steps = t.steps};
  out.row = tw_table_compose(w->s, t.row, owner);
  out.weight = moved_weights(w->s, t.weight, owner);
  out.frame = tw_frame_rebase(w->s, t.frame, owner);
  out.at = tw_table_compose(w->s, t.at, owner);
  return out;
}

static bool walk_at(walker *w, tw_term t, const tw_frame *frame, tw_expr node, const tw_table *at) {
  t.frame = frame;
  t.node = node;
  t.at = at;
  t.steps++;
  return walk(w, t);
}

/* The term's domain in parts of equal label. */
static bool walk_parts(walker *w, tw_term t, const tw_table *labels, bool (*each)(walker *, tw_term)) {
  const tw_table **part;
  int64_t *label;
  int count;
  if (!tw_table_partition(w->s, labels, &count, &part, &label)) return false;
  for (int i = 0; i < count; i++)
    if (!each(w, rebase(w, t, part[i]))) return false;
  return true;
}

/* ------------------------------------------------------------------ the ends */

static bool keep_rest(walker *w, tw_term t) {
  if (w->s->graph->status != TW_OK) return false;
  tw_term *grown = tw_grow(w->out->rest, &w->out->rest_capacity, w->out->n_rest + 1, sizeof *grown);
  if (!grown) return out_of_memory(w);
  w->out->rest = grown;
  w->out->rest[w->out->n_rest++] = t;
  return true;
}

static bool keep_piece(walker *w, tw_piece piece) {
  tw_pieces *out = w->out;
  tw_piece *grown = tw_grow(out->piece, &out->piece_capacity, out->n_pieces + 1, sizeof *grown);
  if (!grown) return out_of_memory(w);
  out->piece = grown;
  out->piece[out->n_pieces++] = piece;
  return true;
}

/* A scalar over reads of its own; how many there are. */
static tw_expr scalar_of(walker *w, const tw_term *t, size_t *first, size_t *reads) {
  tw_sparse *s = w->s;
  *first = s->piece_reads = s->n_reads;
  s->piece = ++w->pieces;
  s->visits = 0;
  s->split = NULL;
  tw_expr value = tw_element(s, t->frame, t->node, t->at);
  s->piece = 0;
  *reads = s->n_reads - *first;
  return value;
}

tw_expr tw_weighted(tw_sparse *s, const tw_term *t, tw_expr value) {
  for (const tw_weight *weight = t->weight; weight && !tw_is_none(value); weight = weight->next) {
    tw_expr by = tw_element_fixed(s, weight->frame, weight->node, weight->at);
    value = weight->divides ? tw_div(value, by) : tw_mul(by, value);
  }
  return t->negative ? tw_neg(value) : value;
}

static bool leaf(walker *w, tw_term t) {
  tw_sparse *s = w->s;
  size_t first, reads;
  if (w->out->curved && tw_sparse_input(s, t.frame, t.node) >= 0) return true;
  tw_expr value = scalar_of(w, &t, &first, &reads);
  const tw_table *labels = s->split;
  if (s->graph->status != TW_OK) return false;
  if (tw_is_none(value) || reads > (size_t)w->out->most_reads) {
    s->n_reads = first;
    int64_t low = 0, high = PARTS;
    if (tw_is_none(value) && labels && labels->n == t.n) tw_table_range(labels, &low, &high);
    return low < high && high - low < PARTS ? walk_parts(w, t, labels, walk) : keep_rest(w, t);
  }
  if (reads == 0) return true;
  value = tw_weighted(s, &t, value);
  return !tw_is_none(value) && keep_piece(w, (tw_piece){t.n, t.row, value, first, (int)reads});
}

/* ------------------------------------------------------------------ weights */

static bool weigh(walker *w, tw_term *t, bool divides, tw_expr node, const tw_table *at) {
  tw_weight *weight = tw_sparse_alloc(w->s, 1, sizeof *weight);
  if (!weight) return false;
  *weight = (tw_weight){t->weight, divides, t->frame, node, at};
  t->weight = weight;
  return true;
}

/* Drops the iterations at which a factor known by iteration is 0, then goes on. */
static bool walk_nonzero(walker *w, tw_term t) {
  tw_expr by = tw_element(w->s, t.weight->frame, t.weight->node, t.weight->at);
  const tw_table *some = tw_sparse_nonzeros(w->s, by, t.n);
  return walk(w, some ? rebase(w, t, some) : t);
}

static bool walk_product(walker *w, tw_term t, bool quotient) {
  tw_expr in[2] = {tw_input_of(t.node, 0), tw_input_of(t.node, 1)};
  int varying = tw_frame_depends(t.frame, in[0]) ? 0 : 1;
  if (tw_frame_depends(t.frame, in[1]) && (varying == 0 || quotient)) return leaf(w, t);
  if (!weigh(w, &t, quotient, in[1 - varying], tw_place_operand(w->s, t.node, 1 - varying, t.at)))
    return false;
  t.at = tw_place_operand(w->s, t.node, varying, t.at);
  t.node = in[varying];
  t.steps++;
  return quotient ? walk(w, t) : walk_nonzero(w, t);
}

static bool walk_later(walker *w, tw_term t) {
  tw_term *grown = tw_grow(w->later, &w->later_capacity, w->n_later + 1, sizeof *grown);
  if (!grown) return out_of_memory(w);
  w->later = grown;
  w->later[w->n_later++] = t;
  return true;
}

static bool walk_sum(walker *w, tw_term t, double sign) {
  tw_term a = t, b = t;
  a.node = tw_input_of(t.node, 0);
  a.at = tw_place_operand(w->s, t.node, 0, t.at);
  b.node = tw_input_of(t.node, 1);
  b.at = tw_place_operand(w->s, t.node, 1, t.at);
  b.negative ^= sign < 0;
  return walk_later(w, b) && walk_later(w, a);
}

static bool walk_negated(walker *w, tw_term t) {
  t.negative = !t.negative;
  return walk_at(w, t, t.frame, tw_input_of(t.node, 0), t.at);
}

/* ------------------------------------------------------------------ sums over axes, products of matrices */

static bool walk_reduction(walker *w, tw_term t) {
  tw_sparse *s = w->s;
  int64_t fan = tw_place_fan(t.node);
  const tw_table *owner = tw_place_repeat(s, t.n, fan), *q = tw_place_digit(s, t.n, fan);
  if (!owner) return keep_rest(w, t);
  tw_expr node = t.node;
  t = rebase(w, t, owner);
  return walk_at(w, t, t.frame, tw_input_of(node, 0), tw_place_reduced(s, node, t.at, q));
}

static bool walk_matmul(walker *w, tw_term t) {
  tw_sparse *s = w->s;
  int varying = tw_frame_depends(t.frame, tw_input_of(t.node, 0)) ? 0 : 1;
  if (varying == 0 && tw_frame_depends(t.frame, tw_input_of(t.node, 1))) return leaf(w, t);
  int64_t fan = tw_place_fan(t.node);
  const tw_table *owner = tw_place_repeat(s, t.n, fan), *q = tw_place_digit(s, t.n, fan);
  if (!owner) return keep_rest(w, t);
  tw_term big = rebase(w, t, owner);
  const tw_table *at[2] = {tw_place_factor(s, t.node, 0, big.at, q),
                           tw_place_factor(s, t.node, 1, big.at, q)};
  if (!weigh(w, &big, false, tw_input_of(t.node, 1 - varying), at[1 - varying])) return false;
  big.node = tw_input_of(t.node, varying);
  big.at = at[varying];
  big.steps++;
  return walk_nonzero(w, big);
}

/* ------------------------------------------------------------------ moves, look-ups, conditions */

static bool walk_move(walker *w, tw_term t) {
  tw_sparse *s = w->s;
  int64_t from, *label;
  int count;
  const int64_t *begin = tw_place_begin(s, t.node);
  const tw_table *position, **part, *moved = tw_place_moved(s, t.node, t.at);
  const tw_table *labels = tw_place_labels(s, tw_arity_of(t.node), begin, moved, &from, &position);
  if (!labels) return false;
  if (position) return from < 0 || walk_at(w, t, t.frame, tw_input_of(t.node, (int)from), position);
  if (!tw_table_partition(s, labels, &count, &part, &label)) return false;
  for (int i = 0; i < count; i++) {
    if (label[i] < 0) continue;
    const tw_table *at = tw_table_scale(s, tw_table_compose(s, moved, part[i]), 1, -1 - begin[label[i]]);
    tw_term in = rebase(w, t, part[i]);
    if (!walk_at(w, in, in.frame, tw_input_of(t.node, (int)label[i]), at)) return false;
  }
  return true;
}

static bool walk_take(walker *w, tw_term t) {
  const tw_table *at = tw_place_taken(w->s, t.frame, t.node, t.at);
  return at ? walk_at(w, t, t.frame, tw_input_of(t.node, 0), at) : keep_rest(w, t);
}

static bool walk_where(walker *w, tw_term t) {
  tw_sparse *s = w->s;
  s->split = NULL;
  int branch = tw_element_branch(s, t.frame, t.node, t.at);
  if (branch == 0 || (branch < 0 && !s->split)) return leaf(w, t);
  if (branch < 0) return walk_parts(w, t, s->split, walk_where);
  return walk_at(w, t, t.frame, tw_input_of(t.node, branch), tw_place_operand(s, t.node, branch, t.at));
}

static bool walk_scatter(walker *w, tw_term t) {
  tw_scatter scatter;
  const tw_table *owner, *which, *tail;
  int value = tw_op_of(t.node) == &tw_op_scatter_along ? 0 : tw_arity_of(t.node) - 1;
  bool known = !t.frame->up && tw_scatter_of_node(w->s, t.node, &scatter);
  if (!known || !tw_place_scattered(w->s, &scatter, t.at, &owner, &which, &tail)) return keep_rest(w, t);
  t = rebase(w, t, owner);
  return walk_at(w, t, t.frame, tw_input_of(t.node, value), tw_table_sum(w->s, which, scatter.tail, tail));
}

/* ------------------------------------------------------------------ loops */

static bool walk_stacked(walker *w, tw_term t, tw_expr value) {
  int64_t size = tw_size_of(value);
  const tw_frame *frame = tw_frame_enter(w->s, t.frame, t.node, tw_table_divide(w->s, t.at, size));
  return walk_at(w, t, frame, value, tw_table_remainder(w->s, t.at, size));
}

static bool walk_summed(walker *w, tw_term t, tw_expr value) {
  int64_t n = ((const tw_loop_attr *)tw_attr_of(t.node))->n;
  const tw_table *owner = tw_place_repeat(w->s, t.n, n), *k = tw_place_digit(w->s, t.n, n);
  if (!owner) return keep_rest(w, t);
  t = rebase(w, t, owner);
  return walk_at(w, t, tw_frame_enter(w->s, t.frame, t.node, k), value, t.at);
}

static bool walk_scattered(walker *w, tw_term t, tw_expr value, int result) {
  tw_scatter scatter;
  const tw_table *owner, *which, *tail;
  bool known = !t.frame->up && tw_scatter_of_result(w->s, t.node, result, &scatter);
  if (!known || !tw_place_scattered(w->s, &scatter, t.at, &owner, &which, &tail)) return false;
  int64_t points = scatter.tail > 0 ? tw_size_of(value) / scatter.tail : 1;
  t = rebase(w, t, owner);
  const tw_table *at = tw_table_sum(w->s, tw_table_remainder(w->s, which, points), scatter.tail, tail);
  return walk_at(w, t, tw_frame_enter(w->s, t.frame, t.node, tw_table_divide(w->s, which, points)), value,
                 at);
}

static bool walk_loop(walker *w, tw_term t) {
  const tw_loop_attr *attr = tw_attr_of(t.node);
  const tw_table *targets = tw_place_target(w->s, t.node, t.at);
  int64_t low, high;
  if (!targets) return false;
  tw_table_range(targets, &low, &high);
  if (low != high) return walk_parts(w, t, targets, walk_loop);
  tw_term in = t;
  in.at = tw_table_scale(w->s, t.at, 1, -attr->target[low].offset);
  for (int i = 0; i < attr->n_results;
       i++) { /* what is scattered in ways not known leaves the whole target */
    const tw_loop_result *r = &attr->result[i];
    tw_scatter scatter;
    if (r->target == low && r->kind == TW_LOOP_SCATTER &&
        (t.frame->up || !tw_scatter_of_result(w->s, t.node, i, &scatter)))
      return keep_rest(w, t);
  }
  bool ok = true;
  for (int i = 0; i < attr->n_results && ok; i++) {
    tw_expr value = attr->body->outputs[attr->result[i].first];
    if (attr->result[i].target != low) continue;
    if (attr->result[i].kind == TW_LOOP_SUM) ok = walk_summed(w, in, value);
    if (attr->result[i].kind == TW_LOOP_STACK) ok = walk_stacked(w, in, value);
    if (attr->result[i].kind == TW_LOOP_SCATTER) ok = walk_scattered(w, in, value, i);
  }
  return ok;
}

/* ------------------------------------------------------------------ all of them */

static bool walk(walker *w, tw_term t) {
  if (w->s->graph->status != TW_OK || t.n < 0 || !t.row || !t.frame || !t.at) return false;
  if (t.n == 0 || !tw_frame_depends(t.frame, t.node)) return true;
  int number = tw_param_number(t.node);
  if (t.frame->up && number > 0)
    return walk_at(w, t, t.frame->up, tw_input_of(t.frame->loop, number - 1), t.at);
  if (tw_sparse_input(w->s, t.frame, t.node) >= 0) return leaf(w, t);
  if (t.steps > STEPS) return keep_rest(w, t);
  const tw_op *op = tw_op_of(t.node);
  if (op == &tw_op_add || op == &tw_op_sub) return walk_sum(w, t, op == &tw_op_add ? 1 : -1);
  if (op == &tw_op_neg) return walk_negated(w, t);
  if (op == &tw_op_mul || op == &tw_op_div) return walk_product(w, t, op == &tw_op_div);
  if (op == &tw_op_where) return walk_where(w, t);
  if (op == &tw_op_sum) return walk_reduction(w, t);
  if (op == &tw_op_matmul) return walk_matmul(w, t);
  if (op == &tw_op_take || op == &tw_op_take_along) return walk_take(w, t);
  if (op == &tw_op_scatter_add || op == &tw_op_scatter_along) return walk_scatter(w, t);
  if (op == &tw_op_loop) return walk_loop(w, t);
  return tw_is_move(t.node) ? walk_move(w, t) : leaf(w, t);
}

bool tw_pieces_make(tw_sparse *s, tw_expr e, tw_pieces *out) {
  walker w = {.s = s, .out = out};
  s->most_reads = out->most_reads;
  int64_t n = tw_size_of(e);
  const tw_table *at = tw_table_identity(s, n), *row = out->curved ? tw_table_constant(s, n, 0) : at;
  tw_term whole = {.n = n, .row = row, .frame = s->top, .node = e, .at = at};
  bool ok = walk(&w, whole);
  while (ok && w.n_later > 0) ok = walk(&w, w.later[--w.n_later]);
  free(w.later);
  if (ok || s->graph->status != TW_OK) return ok;
  out->n_pieces = out->n_rest = 0; /* somewhere on the way there was too much */
  return keep_rest(&w, whole);
}

void tw_pieces_free(tw_pieces *pieces) {
  free(pieces->piece);
  free(pieces->rest);
}
