/* Parting an expression into pieces: linear nodes are followed down, each carrying a factor and rows along;
 * what they meet below is a scalar by iteration (sparse_element.c). So sum(y * loop_stack(body)) becomes the
 * loop of y[k] body. */
#include "graph/ops/loop.h"
#include "graph/ops/ops.h"
#include "graph/transform/sparse.h"

#include <stdlib.h>

enum { PARTS = 64 /* pieces that one split may make */ };

typedef struct walker {
  tw_sparse *s;
  tw_pieces *out;
} walker;

static bool walk(walker *w, tw_term t);

static bool out_of_memory(walker *w) {
  tw_graph_fail(w->s->graph, TW_ERR_MEMORY, "out of memory looking for sparsity");
  return false;
}

/* ------------------------------------------------------------------ terms on other domains */

/* A factor of the old domain at iteration owner[k] of it: its iteration number and its reads are replaced. */
static tw_expr moved_factor(tw_sparse *s, tw_expr factor, int64_t n, const tw_table *owner) {
  if (tw_is_none(factor)) return factor;
  size_t reads = s->n_reads, m = 1;
  tw_expr *from = tw_sparse_alloc(s, reads + 1, sizeof *from),
          *to = tw_sparse_alloc(s, reads + 1, sizeof *to);
  if (!from || !to) return TW_NONE;
  from[0] = tw_sparse_k(s, n);
  to[0] = tw_table_expr(s, owner);
  for (size_t i = 0; i < reads; i++) {
    tw_read read = s->read[i];
    if (read.n != n || !tw_depends(factor, 1, &read.u)) continue;
    from[m] = read.u;
    to[m++] = tw_sparse_read_of(s, read.input, tw_table_compose(s, read.at, owner));
  }
  tw_substitute(1, &factor, (int)m, from, to, &factor);
  return factor;
}

/* The term seen from the domain whose iteration k is owner[k] of its own. Without an owner: no domain (n =
 * -1). */
static tw_term rebase(walker *w, tw_term t, const tw_table *owner) {
  if (!owner || tw_table_is_identity(owner, t.n)) {
    if (!owner) t.n = -1;
    return t;
  }
  tw_term out = {.n = owner->n, .node = t.node};
  out.row = tw_table_compose(w->s, t.row, owner);
  out.factor = moved_factor(w->s, t.factor, t.n, owner);
  out.frame = tw_frame_rebase(w->s, t.frame, owner);
  out.at = tw_table_compose(w->s, t.at, owner);
  return out;
}

static bool walk_at(walker *w, tw_term t, const tw_frame *frame, tw_expr node, const tw_table *at) {
  t.frame = frame;
  t.node = node;
  t.at = at;
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

static int reads_in(tw_sparse *s, tw_expr value) {
  int32_t *order, count;
  int reads = 0;
  if (!tw_walk(s->graph, 1, &value, &order, &count)) return 0;
  for (int32_t i = 0; i < count; i++)
    for (size_t j = 0; j < s->n_reads; j++) reads += s->read[j].u.id == order[i];
  free(order);
  return reads;
}

static bool keep_piece(walker *w, int64_t n, const tw_table *row, tw_expr value) {
  tw_pieces *out = w->out;
  for (size_t i = 0; i < out->n_pieces; i++) {
    tw_piece *piece = &out->piece[i];
    if (piece->n != n || piece->row != row) continue;
    piece->value = tw_add(piece->value, value);
    return !tw_is_none(piece->value);
  }
  tw_piece *grown = tw_grow(out->piece, &out->piece_capacity, out->n_pieces + 1, sizeof *grown);
  if (!grown) return out_of_memory(w);
  out->piece = grown;
  out->piece[out->n_pieces++] = (tw_piece){n, row, value};
  return true;
}

static bool leaf(walker *w, tw_term t) {
  tw_sparse *s = w->s;
  if (w->out->curved && tw_sparse_input(s, t.frame, t.node) >= 0) return true;
  s->split = NULL;
  tw_expr value = tw_element(s, t.frame, t.node, t.at);
  const tw_table *labels = s->split;
  if (s->graph->status != TW_OK) return false;
  if (tw_is_none(value)) {
    int64_t low = 0, high = PARTS;
    if (labels && labels->n == t.n) tw_table_range(labels, &low, &high);
    return low < high && high - low < PARTS ? walk_parts(w, t, labels, walk) : keep_rest(w, t);
  }
  int reads = reads_in(s, value);
  if (reads > w->out->most_reads) return keep_rest(w, t);
  if (!tw_is_none(t.factor)) value = tw_mul(t.factor, value);
  return reads == 0 || keep_piece(w, t.n, t.row, value);
}

/* ------------------------------------------------------------------ factors */

static tw_expr times(tw_expr factor, tw_expr by) {
  return tw_is_none(factor) ? by : tw_mul(factor, by);
}

static tw_expr weak_one(tw_expr like) {
  return tw_fill(like.graph, tw_dtype_of(like), TW_SCALAR, 1);
}

/* Drops the iterations at which a factor known by iteration is 0, then goes on. */
static bool walk_nonzero(walker *w, tw_term t, tw_expr by) {
  const tw_table *some = tw_sparse_nonzeros(w->s, by, t.n);
  return walk(w, some ? rebase(w, t, some) : t);
}

static bool walk_product(walker *w, tw_term t, bool quotient) {
  tw_sparse *s = w->s;
  tw_expr in[2] = {tw_input_of(t.node, 0), tw_input_of(t.node, 1)};
  int varying = tw_frame_depends(t.frame, in[0]) ? 0 : 1;
  if (tw_frame_depends(t.frame, in[1]) && (varying == 0 || quotient)) return leaf(w, t);
  int other = 1 - varying;
  tw_expr by = tw_element(s, t.frame, in[other], tw_place_operand(s, t.node, other, t.at));
  if (tw_is_none(by)) return leaf(w, t);
  t.factor = quotient ? tw_div(tw_is_none(t.factor) ? weak_one(by) : t.factor, by) : times(t.factor, by);
  t.at = tw_place_operand(s, t.node, varying, t.at);
  t.node = in[varying];
  return quotient ? walk(w, t) : walk_nonzero(w, t, by);
}

static bool walk_sum(walker *w, tw_term t, double sign) {
  tw_term b = t;
  b.node = tw_input_of(t.node, 1);
  b.at = tw_place_operand(w->s, t.node, 1, t.at);
  if (sign < 0) b.factor = times(t.factor, tw_fill(w->s->graph, tw_dtype_of(t.node), TW_SCALAR, -1));
  return walk_at(w, t, t.frame, tw_input_of(t.node, 0), tw_place_operand(w->s, t.node, 0, t.at)) &&
         walk(w, b);
}

static bool walk_negated(walker *w, tw_term t) {
  t.factor = tw_is_none(t.factor) ? tw_neg(weak_one(t.node)) : tw_neg(t.factor);
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
  tw_expr by = tw_element(s, big.frame, tw_input_of(t.node, 1 - varying), at[1 - varying]);
  if (tw_is_none(by)) return keep_rest(w, t);
  big.factor = times(big.factor, by);
  big.node = tw_input_of(t.node, varying);
  big.at = at[varying];
  return walk_nonzero(w, big, by);
}

/* ------------------------------------------------------------------ moves, look-ups, conditions */

static bool walk_move(walker *w, tw_term t) {
  tw_sparse *s = w->s;
  int n = tw_arity_of(t.node);
  int64_t *begin = tw_sparse_alloc(s, (size_t)n + 1, sizeof *begin), from;
  const tw_table *position;
  if (!begin) return false;
  const tw_table *labels =
      tw_place_labels(s, n, begin, tw_place_moved(s, t.node, t.at, begin), &from, &position);
  if (!labels) return false;
  if (!position) return walk_parts(w, t, labels, walk_move);
  return from < 0 || walk_at(w, t, t.frame, tw_input_of(t.node, (int)from), position);
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
  walker w = {s, out};
  int64_t n = tw_size_of(e);
  const tw_table *at = tw_table_identity(s, n), *row = out->curved ? tw_table_constant(s, n, 0) : at;
  tw_term whole = {.n = n, .row = row, .factor = TW_NONE, .frame = s->top, .node = e, .at = at};
  if (walk(&w, whole) || s->graph->status != TW_OK) return s->graph->status == TW_OK;
  out->n_pieces = out->n_rest = 0; /* somewhere on the way there was too much */
  return keep_rest(&w, whole);
}

void tw_pieces_free(tw_pieces *pieces) {
  free(pieces->piece);
  free(pieces->rest);
}
