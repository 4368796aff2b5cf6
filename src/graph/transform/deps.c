/* What every element of an expression has a derivative in, by the structure of its graph. Nodes whose
 * elements come from one element of each operand are gone through with tables of positions alone, loop bodies
 * among them, so that a body is looked at once whatever its number of iterations; at all others sets are
 * joined. */
#include "graph/transform/deps.h"
#include "graph/ops/loop.h"
#include "graph/ops/ops.h"

#include <stdlib.h>

enum {
  VISITS = 2000, /* nodes gone through before sets are made */
  DEEP = 100,    /* unions within unions */
  STRIDE = 200   /* nodes from one set that is made from the leaves up to the next */
};

/* Places that one place comes from, iteration by iteration. */
typedef struct sources {
  tw_deps *d;
  tw_origin *end, *todo; /* found, and to be gone through */
  size_t count, capacity, n_todo, todo_capacity;
  tw_memo seen;
  int64_t visits;
  bool ok;
} sources;

/* ------------------------------------------------------------------ element from element */

static void push(sources *f, tw_origin **list, size_t *count, size_t *capacity, tw_origin p) {
  tw_origin *grown = tw_grow(*list, capacity, *count + 1, sizeof *grown);
  if (!grown) {
    f->ok = tw_deps_memory(f->d);
    return;
  }
  *list = grown;
  grown[(*count)++] = p;
}

static void go(sources *f, tw_origin p) {
  push(f, &f->todo, &f->n_todo, &f->todo_capacity, p);
}

static void go_elementwise(sources *f, tw_origin p) {
  for (int i = 0; i < tw_arity_of(p.node); i++) {
    tw_expr in = tw_input_of(p.node, i);
    if (tw_frame_depends(p.frame, in))
      go(f, tw_origin_of(p.frame, in, tw_place_operand(f->d->s, p.node, i, p.at)));
  }
}

/* False when positions come from more than one operand. */
static bool go_moved(sources *f, tw_origin p) {
  tw_sparse *s = f->d->s;
  int64_t from = -1;
  const tw_table *position = NULL, *moved = tw_place_moved(s, p.node, p.at);
  tw_place_labels(s, tw_arity_of(p.node), tw_place_begin(s, p.node), moved, &from, &position);
  if (position && from >= 0) go(f, tw_origin_of(p.frame, tw_input_of(p.node, (int)from), position));
  return position != NULL;
}

/* False for results that are no stacks, and for positions in several targets. */
static bool go_stacked(sources *f, tw_origin p) {
  tw_sparse *s = f->d->s;
  const tw_loop_attr *attr = tw_attr_of(p.node);
  const tw_table *targets = tw_place_target(s, p.node, p.at);
  int64_t low = 0, high = 1;
  if (targets) tw_table_range(targets, &low, &high);
  if (low != high) return false;
  for (int64_t i = 0; i < attr->n_results; i++)
    if (attr->result[i].target == low && attr->result[i].kind != TW_LOOP_STACK) return false;
  const tw_table *at = tw_table_scale(s, p.at, 1, -attr->target[low].offset);
  for (int64_t i = 0; i < attr->n_results; i++) {
    tw_expr value = attr->body->outputs[attr->result[i].first];
    int64_t size = tw_size_of(value);
    if (attr->result[i].target != low) continue;
    const tw_frame *frame = tw_frame_enter(s, p.frame, p.node, tw_table_divide(s, at, size));
    go(f, tw_origin_of(frame, value, tw_table_remainder(s, at, size)));
  }
  return true;
}

static bool go_through(sources *f, tw_origin p) {
  const tw_op *op = tw_op_of(p.node);
  if (op->flags & TW_OP_ELEMENTWISE) {
    go_elementwise(f, p);
    return true;
  }
  if (tw_is_move(p.node)) return go_moved(f, p);
  if (op == &tw_op_loop) return go_stacked(f, p);
  if (op != &tw_op_take && op != &tw_op_take_along) return false;
  const tw_table *at = tw_place_taken(f->d->s, p.frame, p.node, p.at);
  if (at) go(f, tw_origin_of(p.frame, tw_input_of(p.node, 0), at));
  return at != NULL;
}

/* A branch of `where` that is never taken does not count. */
static bool go_branch(sources *f, tw_origin p) {
  int branch = tw_op_of(p.node) == &tw_op_where ? tw_element_branch(f->d->s, p.frame, p.node, p.at) : 0;
  if (branch <= 0) return false;
  go(f, tw_origin_of(p.frame, tw_input_of(p.node, branch), tw_place_operand(f->d->s, p.node, branch, p.at)));
  return true;
}

static void visit(sources *f, tw_origin p) {
  tw_sparse *s = f->d->s;
  int64_t known;
  f->ok = f->ok && p.frame && p.at && s->graph->status == TW_OK;
  if (!f->ok || !tw_frame_depends(p.frame, p.node)) return;
  int number = tw_param_number(p.node);
  if (p.frame->up && number > 0) {
    go(f, tw_origin_of(p.frame->up, tw_input_of(p.frame->loop, number - 1), p.at));
    return;
  }
  if (tw_memo_get(&f->seen, (uintptr_t)p.frame, (uint64_t)p.node.id, (uintptr_t)p.at, &known)) return;
  if (!tw_memo_put(&f->seen, (uintptr_t)p.frame, (uint64_t)p.node.id, (uintptr_t)p.at, 1))
    f->ok = tw_deps_memory(f->d);
  const bool made = !p.frame->up && f->d->whole[p.node.id];
  p.later = !p.frame->up && ++f->visits > VISITS;
  bool through = !made && !p.later && tw_sparse_input(s, p.frame, p.node) < 0;
  if (through && (go_branch(f, p) || go_through(f, p))) return;
  push(f, &f->end, &f->count, &f->capacity, p);
}

static void find_sources(sources *f, tw_origin p) {
  go(f, p);
  while (f->ok && f->n_todo > 0) visit(f, f->todo[--f->n_todo]);
}

/* ------------------------------------------------------------------ sets by iteration */

bool tw_deps_memory(tw_deps *d) {
  tw_graph_fail(d->s->graph, TW_ERR_MEMORY, "out of memory looking for sparsity");
  return false;
}

int32_t *tw_deps_alloc(tw_deps *d, int64_t n) {
  tw_sparse *s = d->s;
  void **owned = tw_grow(s->owned, &s->owned_capacity, s->n_owned + 1, sizeof *owned);
  if (owned) s->owned = owned;
  int32_t *sets = owned ? calloc((size_t)n + 1, sizeof *sets) : NULL;
  if (!sets) tw_deps_memory(d);
  if (sets) s->owned[s->n_owned++] = sets;
  return sets;
}

static bool is_whole(tw_origin p) {
  return !p.frame->up && tw_table_is_identity(p.at, tw_size_of(p.node));
}

/* The sets of an end that is no input. Asked for at more places than there are, the node is looked at once. */
static const int32_t *sets_of_end(tw_deps *d, tw_origin p) {
  int32_t *made = tw_deps_alloc(d, p.at->n);
  if (!made) return NULL;
  const bool outside = !p.frame->up, often = outside && p.at->n >= tw_size_of(p.node) && !is_whole(p);
  const int32_t *whole = outside ? d->whole[p.node.id] : NULL;
  if (often && !whole) {
    whole = tw_deps_of(d, tw_origin_of(p.frame, p.node, tw_table_identity(d->s, tw_size_of(p.node))));
    if (!whole) return NULL;
  }
  for (int64_t k = 0; whole && k < p.at->n; k++) made[k] = whole[tw_table_at(p.at, k)];
  return whole || tw_deps_join(d, made, p) ? made : NULL;
}

/* All ends joined at every iteration. Elements of inputs are sets by themselves. */
static bool join_ends(tw_deps *d, const sources *f, int32_t *out, int64_t n) {
  tw_sparse *s = d->s;
  const int32_t **set = tw_sparse_alloc(s, f->count, sizeof *set);
  int32_t *one = tw_sparse_alloc(s, f->count, sizeof *one);
  bool ok = set && one;
  for (size_t i = 0; i < f->count && ok; i++) {
    const bool input = tw_sparse_input(s, f->end[i].frame, f->end[i].node) >= 0;
    set[i] = input ? NULL : sets_of_end(d, f->end[i]);
    ok = input || set[i];
  }
  for (int64_t k = 0; k < n && ok; k++) {
    for (size_t i = 0; i < f->count; i++) {
      const tw_origin *end = &f->end[i];
      int input = set[i] ? 0 : tw_sparse_input(s, end->frame, end->node);
      one[i] = set[i] ? set[i][k] : (int32_t)(1 + s->offset[input] + tw_table_at(end->at, k));
    }
    ok = tw_deps_join_sets(d, &out[k], (int64_t)f->count, one);
  }
  return ok;
}

bool tw_deps_join_sets(tw_deps *d, int32_t *to, int64_t n, const int32_t *set) {
  int64_t joined = tw_sets_join(&d->sets, n, set);
  if (joined >= 0) *to = (int32_t)joined;
  if (joined < 0 && !d->sets.dense) tw_deps_memory(d);
  return joined >= 0;
}

/* Without looking whether they are known. */
static int32_t *make_sets(tw_deps *d, tw_origin p) {
  sources f = {.d = d, .ok = true};
  int32_t *out = tw_deps_alloc(d, p.at->n);
  d->depth++;
  if (out) find_sources(&f, p);
  bool ok = out && f.ok && join_ends(d, &f, out, p.at->n);
  d->depth--;
  free(f.end);
  free(f.todo);
  tw_memo_free(&f.seen);
  return ok ? out : NULL;
}

const int32_t *tw_deps_of(tw_deps *d, tw_origin p) {
  int64_t known;
  if (!p.frame || !p.at || d->s->graph->status != TW_OK || d->sets.dense || d->deep) return NULL;
  const uint64_t frame = (uintptr_t)p.frame, node = (uint64_t)p.node.id, at = (uintptr_t)p.at;
  if (tw_memo_get(&d->known, frame, node, at, &known)) return (const int32_t *)(intptr_t)known;
  d->deep = d->depth >= DEEP;
  int32_t *out = d->deep ? NULL : make_sets(d, p);
  if (!out) return NULL;
  if (is_whole(p)) d->whole[p.node.id] = out;
  if (tw_memo_put(&d->known, frame, node, at, (int64_t)(intptr_t)out)) return out;
  tw_deps_memory(d);
  return NULL;
}

bool tw_deps_from_leaves(tw_deps *d, int n, const tw_expr *roots) {
  tw_sparse *s = d->s;
  int32_t *order, count;
  int64_t total = 0; /* elements of the sets that are made */
  if (!tw_walk_to(s->graph, n, roots, s->m, s->x, &order, &count)) return false;
  d->deep = false;
  bool ok = true;
  for (int32_t i = 0; i < count && ok; i++) {
    tw_expr node = tw_at(s->graph, order[i]);
    const bool through = tw_op_of(node)->flags & TW_OP_ELEMENTWISE && i % STRIDE != 0;
    if (through || !tw_frame_depends(s->top, node) || tw_sparse_input(s, s->top, node) >= 0) continue;
    total += tw_size_of(node);
    ok = total <= d->sets.most &&
         tw_deps_of(d, tw_origin_of(s->top, node, tw_table_identity(s, tw_size_of(node))));
  }
  free(order);
  return ok;
}

/* ------------------------------------------------------------------ opening and closing */

bool tw_deps_open(tw_deps *d, tw_sparse *s, int64_t rows) {
  *d = (tw_deps){.s = s};
  d->whole = tw_sparse_alloc(s, (size_t)s->limit, sizeof *d->whole);
  return tw_sets_open(&d->sets, rows, s->cols) && d->whole ? true : tw_deps_memory(d);
}

void tw_deps_close(tw_deps *d) {
  tw_memo_free(&d->known);
  tw_sets_close(&d->sets);
}
