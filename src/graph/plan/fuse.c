/* Fusion: which nodes are computed together in one pass.
 *
 * Nodes of a pass have the same level and number of elements, and the same stage: 0 for what reads only leaves, and one more
 * than the largest stage of what must be complete before; along element-by-element reads inside a pass the stage stays. So
 * no path leads out of a pass and back in. Among nodes that might join, those do that read each other or an array in
 * common; small ones all do. */
#include "graph/memo.h"
#include "graph/ops/ops.h"
#include "graph/plan/planner.h"

#include <stdlib.h>

enum {
  SMALL = 4096,     /* elements up to which a pass is overhead rather than traffic: all of a stage join */
  CHEAP_FLOPS = 2,  /* per element, of nodes that are computed again */
  MEMBERS = 400     /* nodes of a pass */
};

static const tw_node_data *data_of(const tw_planner *p, int32_t id) { return tw_node_at(p->graph, id); }

int32_t tw_pointwise(const tw_planner *p, int32_t id) {
  while (p->fact[id].role == TW_ROLE_ALIAS && data_of(p, data_of(p, id)->in[0])->size == data_of(p, id)->size)
    id = data_of(p, id)->in[0];
  return id;
}

bool tw_repeated_constant(tw_graph *graph, int32_t id, double *bits) {
  const tw_node_data *node = tw_node_at(graph, id);
  double value;
  if (!tw_constant_value(tw_at(graph, id), &value)) return false;
  /* beyond 2^53 a double may stand for another integer */
  if (node->type.dtype == TW_I64 && !(value >= -0x1p53 && value <= 0x1p53)) return false;
  *bits = 0;
  switch (node->type.dtype) {
  case TW_F64: *bits = value; break;
  case TW_F32: *(float *)(void *)bits = (float)value; break;
  case TW_I64: *(int64_t *)(void *)bits = (int64_t)value; break;
  case TW_I32: *(int32_t *)(void *)bits = (int32_t)value; break;
  default: *(uint8_t *)(void *)bits = (uint8_t)value; break;
  }
  return true;
}

/* ------------------------------------------------------------------ roles */

static bool is_slide(const tw_planner *p, const tw_node_data *node) {
  tw_affine affine;
  for (int i = 1; i < node->n; i++)
    if (!tw_affine_of(p->graph, node->in[i], node->size, &affine)) return false;
  return true;
}

static tw_role role_of(const tw_planner *p, int32_t id) {
  const tw_node_data *node = data_of(p, id);
  const tw_op *op = node->op;
  if (p->fact[id].place.space == TW_IN_INPUT || op == &tw_op_constant) return TW_ROLE_LEAF;
  if (op->flags & TW_OP_ALIAS) return TW_ROLE_ALIAS;
  if (!p->fused || node->size == 0) return TW_ROLE_STEP;
  if ((op->flags & TW_OP_ELEMENTWISE) && op->loop && node->n <= TW_MAX_OPERANDS && op->loop(tw_at(p->graph, id))) return TW_ROLE_MAP;
  if (op == &tw_op_take && node->n - 1 == data_of(p, node->in[0])->type.shape.rank)
    return is_slide(p, node) ? TW_ROLE_VIRTUAL : TW_ROLE_GATHER;
  /* Large transposes go through the kernel that works in blocks. */
  if (op->view && (op != &tw_op_transpose || node->size <= SMALL)) return TW_ROLE_VIRTUAL;
  return op == &tw_op_iota ? TW_ROLE_VIRTUAL : TW_ROLE_STEP;
}

/* ------------------------------------------------------------------ needs */

/* What reading `id` element by element takes, for a result of n elements. */
static int expand(const tw_planner *p, int32_t id, int64_t n, tw_need *need) {
  double bits;
  if (tw_repeated_constant(p->graph, id, &bits)) return 0;
  id = tw_pointwise(p, id);
  const tw_node_data *node = data_of(p, id);
  if (node->size != n) {
    need[0] = (tw_need){id, false};
    return 1;
  }
  if (p->fact[id].role != TW_ROLE_VIRTUAL) {
    need[0] = (tw_need){id, true};
    return 1;
  }
  if (node->op == &tw_op_iota) return 0;
  need[0] = (tw_need){node->in[0], false};
  int count = 1;
  for (int i = 1; node->op == &tw_op_take && i < node->n; i++) {
    tw_affine affine;
    tw_affine_of(p->graph, node->in[i], n, &affine);
    for (int t = 0; t < affine.n; t++) need[count++] = (tw_need){affine.scalar[t], false};
  }
  return count;
}

/* What a node of a pass takes. */
static int needs(const tw_planner *p, int32_t id, tw_need *need) {
  const tw_node_data *node = data_of(p, id);
  const tw_role role = p->fact[id].role;
  const int64_t n = role == TW_ROLE_FOLD ? data_of(p, node->in[0])->size : node->size;
  int count = 0;
  for (int i = 0; i < node->n; i++) {
    if (role == TW_ROLE_GATHER && i == 0)
      need[count++] = (tw_need){node->in[0], false};
    else
      count += expand(p, node->in[i], n, need + count);
  }
  return count;
}

/* Cheap nodes of other groups are computed again: what they take instead of themselves. */
static int again(const tw_planner *p, int32_t reader, int count, tw_need *need) {
  for (int k = 0; k < count; k++) {
    const int32_t id = need[k].id;
    const tw_fact *fact = &p->fact[id];
    if (!need[k].pointwise || fact->role != TW_ROLE_MAP || !fact->cheap || fact->level != p->fact[reader].level) continue;
    if (tw_group_of(p, id) == tw_group_of(p, reader)) continue;
    const tw_node_data *node = data_of(p, id);
    need[k] = need[--count];
    for (int i = 0; i < node->n; i++) count += expand(p, node->in[i], node->size, need + count);
    k--;
  }
  return count;
}

int tw_needs(const tw_planner *p, int32_t id, tw_need *need) {
  return again(p, id, needs(p, id, need), need);
}

/* ------------------------------------------------------------------ stages */

static bool is_member(const tw_planner *p, int32_t id) {
  const tw_role role = p->fact[id].role;
  return role == TW_ROLE_MAP || role == TW_ROLE_GATHER;
}

/* A leaf, or what a lower level has computed, is there from the start. */
static int32_t stage_after(const tw_planner *p, int32_t id, int level) {
  const tw_fact *base = &p->fact[p->fact[id].base];
  return base->role == TW_ROLE_LEAF || base->level < level ? 0 : base->stage + 1;
}

static int32_t stage_of(const tw_planner *p, int32_t id) {
  const tw_node_data *node = data_of(p, id);
  const tw_fact *fact = &p->fact[id];
  int32_t stage = 0;
  tw_need need[TW_NEEDS];
  const bool fused = is_member(p, id) || fact->role == TW_ROLE_FOLD;
  const int count = fused ? needs(p, id, need) : node->n;
  for (int i = 0; i < count; i++) {
    const int32_t in = fused ? need[i].id : node->in[i];
    const bool joins = fused && need[i].pointwise && is_member(p, in) && p->fact[in].level == fact->level;
    const int32_t least = joins ? p->fact[in].stage : stage_after(p, in, fact->level);
    if (least > stage) stage = least;
  }
  return stage;
}

/* ------------------------------------------------------------------ folds */

/* The length of rows that folding `node` needs together; 1: none, 0: it cannot be fused. */
static int64_t fold_row(const tw_planner *p, const tw_node_data *node) {
  const tw_op *op = node->op;
  if (op != &tw_op_sum && op != &tw_op_prod && op != &tw_op_reduce_max && op != &tw_op_reduce_min) return 0;
  const tw_axes_attr *axes = node->attr;
  const tw_extents e = tw_shape_split(&data_of(p, node->in[0])->type.shape, (int)axes->first, (int)axes->count);
  if (e.outer == 1 && e.inner == 1) return 1;
  const int64_t row = e.inner == 1 ? e.middle : e.outer == 1 ? e.inner : 0;
  return row > 0 && row <= TW_PASS_ROW ? row : 0;
}

/* Whether the fold can end the pass that computes its operand; makes the rule that later ones have to keep: `rules` holds
 * the length of the rows that the passes of one level, stage and number of elements reduce. */
static bool joins_pass(tw_planner *p, int32_t id, tw_memo *rules) {
  const tw_node_data *node = data_of(p, id);
  const tw_fact *fact = &p->fact[id];
  if (!p->fused || node->n != 1 || node->size == 0 || data_of(p, node->in[0])->size == 0) return false;
  const int64_t row = fold_row(p, node);
  const int32_t in = tw_pointwise(p, node->in[0]);
  if (row == 0 || !is_member(p, in) || p->fact[in].level != fact->level || data_of(p, in)->size != data_of(p, node->in[0])->size)
    return false;
  if (row == 1) return true;
  const uint64_t level = (uint64_t)fact->level, stage = (uint64_t)p->fact[in].stage, n = (uint64_t)data_of(p, in)->size;
  int64_t known;
  if (tw_memo_get(rules, level, stage, n, &known)) return known == row;
  return tw_memo_put(rules, level, stage, n, row); /* out of memory: a step of its own is right too */
}

/* ------------------------------------------------------------------ cheap nodes */

static bool is_cheap(const tw_planner *p, int32_t id) {
  const tw_node_data *node = data_of(p, id);
  int arrays = 0;
  if (node->size < SMALL || !node->op->flops || node->op->flops(tw_at(p->graph, id)) > CHEAP_FLOPS * (double)node->size) return false;
  for (int i = 0; i < node->n; i++) {
    tw_need need[TW_NEEDS];
    const int count = expand(p, node->in[i], node->size, need);
    for (int k = 0; k < count; k++) {
      if (p->fact[p->fact[need[k].id].base].role != TW_ROLE_LEAF) return false;
      arrays += data_of(p, need[k].id)->size > 1;
    }
  }
  return arrays <= 2;
}

/* ------------------------------------------------------------------ groups */

int32_t tw_group_of(const tw_planner *p, int32_t id) {
  int32_t group = p->fact[id].group;
  while (group >= 0 && p->fact[group].group != group) {
    p->fact[group].group = p->fact[p->fact[group].group].group; /* halve the path */
    group = p->fact[group].group;
  }
  return group;
}

static void join(tw_planner *p, int32_t a, int32_t b) {
  a = tw_group_of(p, a);
  b = tw_group_of(p, b);
  if (a == b) return;
  if (b < a) {
    const int32_t swap = a;
    a = b;
    b = swap;
  }
  p->fact[b].group = a;
  if (p->fact[b].row > p->fact[a].row) p->fact[a].row = p->fact[b].row;
}

typedef struct candidate {
  int level;
  int32_t stage;
  int64_t n;
  int32_t shared, id; /* an array read; -1: none */
} candidate;

static int by_pass(const void *a_, const void *b_) {
  const candidate *a = a_, *b = b_;
  if (a->level != b->level) return a->level < b->level ? -1 : 1;
  if (a->stage != b->stage) return a->stage < b->stage ? -1 : 1;
  if (a->n != b->n) return a->n < b->n ? -1 : 1;
  if (a->shared != b->shared) return a->shared < b->shared ? -1 : 1;
  return (a->id > b->id) - (a->id < b->id);
}

static int64_t pass_length(const tw_planner *p, int32_t id) {
  const tw_node_data *node = data_of(p, id);
  return p->fact[id].role == TW_ROLE_FOLD ? data_of(p, node->in[0])->size : node->size;
}

/* Joins along reads, and lists who reads which array. */
static bool join_readers(tw_planner *p, candidate **list, size_t *count) {
  size_t capacity = 0;
  *list = NULL;
  *count = 0;
  for (int32_t k = 0; k < p->count; k++) {
    const int32_t id = p->order[k];
    tw_fact *fact = &p->fact[id];
    if (!is_member(p, id) && fact->role != TW_ROLE_FOLD) continue;
    tw_need need[TW_NEEDS];
    const int n = needs(p, id, need);
    const int64_t length = pass_length(p, id);
    candidate *grown = tw_grow(*list, &capacity, *count + (size_t)n + 1, sizeof *grown);
    if (!grown) return false;
    *list = grown;
    grown[(*count)++] = (candidate){fact->level, fact->stage, length, -1, id};
    for (int i = 0; i < n; i++) {
      const tw_fact *in = &p->fact[need[i].id];
      if (!need[i].pointwise) continue;
      if (is_member(p, need[i].id) && in->level == fact->level && in->stage == fact->stage)
        join(p, id, need[i].id);
      else
        grown[(*count)++] = (candidate){fact->level, fact->stage, length, in->base, id};
    }
  }
  return true;
}

static bool make_groups(tw_planner *p) {
  candidate *list;
  size_t count;
  for (int32_t k = 0; k < p->count; k++) {
    tw_fact *fact = &p->fact[p->order[k]];
    fact->group = is_member(p, p->order[k]) || fact->role == TW_ROLE_FOLD ? p->order[k] : -1;
    fact->row = fact->role == TW_ROLE_FOLD ? fold_row(p, data_of(p, p->order[k])) : 1;
  }
  const bool ok = join_readers(p, &list, &count);
  if (ok && count > 0) qsort(list, count, sizeof *list, by_pass);
  for (size_t k = 1; ok && k < count; k++) {
    const candidate *a = &list[k - 1], *b = &list[k];
    const bool same = a->level == b->level && a->stage == b->stage && a->n == b->n;
    if (same && (b->n <= SMALL || (a->shared == b->shared && b->shared >= 0))) join(p, a->id, b->id);
  }
  free(list);
  if (!ok) tw_fail(p->error, TW_ERR_MEMORY, "function: out of memory");
  return ok;
}

/* Groups that are too large are cut into runs of the topological order; a run's representative is its first node. */
static bool cut_groups(tw_planner *p) {
  int32_t *now = malloc(((size_t)p->graph->count + 1) * sizeof *now), *size = calloc((size_t)p->graph->count + 1, sizeof *size);
  int32_t *run = malloc(((size_t)p->count + 1) * sizeof *run);
  const bool ok = now && size && run;
  for (int32_t k = 0; ok && k < p->count; k++) {
    const int32_t id = p->order[k], group = tw_group_of(p, id);
    run[k] = -1;
    if (group < 0) continue;
    if (size[group] % MEMBERS == 0) now[group] = id;
    size[group]++;
    run[k] = now[group];
    p->fact[id].row = p->fact[group].row;
  }
  for (int32_t k = 0; ok && k < p->count; k++) p->fact[p->order[k]].group = run[k];
  free(now);
  free(size);
  free(run);
  if (!ok) tw_fail(p->error, TW_ERR_MEMORY, "function: out of memory");
  return ok;
}

/* ------------------------------------------------------------------ who needs whom */

static void read_whole(tw_planner *p, int32_t id) {
  tw_fact *base = &p->fact[p->fact[id].base];
  base->needed = true;
  base->outside = true;
}

static void mark_needs(tw_planner *p, int32_t id) {
  const tw_node_data *node = data_of(p, id);
  tw_need need[TW_NEEDS];
  if (p->fact[id].group < 0) {
    for (int i = 0; i < node->n; i++) read_whole(p, node->in[i]);
    return;
  }
  const int count = tw_needs(p, id, need);
  for (int i = 0; i < count; i++) {
    if (need[i].pointwise && tw_group_of(p, need[i].id) == tw_group_of(p, id))
      p->fact[need[i].id].needed = true;
    else
      read_whole(p, need[i].id);
  }
}

bool tw_fuse(tw_planner *p, int n_outputs, const tw_expr *outputs) {
  tw_memo rules = {0};
  for (int32_t k = 0; k < p->count; k++) {
    const int32_t id = p->order[k];
    tw_fact *fact = &p->fact[id];
    fact->role = role_of(p, id);
    fact->group = -1;
    if (fact->role == TW_ROLE_LEAF) continue;
    if (fact->role == TW_ROLE_STEP && joins_pass(p, id, &rules)) fact->role = TW_ROLE_FOLD;
    fact->stage = fact->role == TW_ROLE_ALIAS ? p->fact[fact->base].stage : stage_of(p, id);
    fact->cheap = fact->role == TW_ROLE_MAP && is_cheap(p, id);
  }
  tw_memo_free(&rules);
  if (!make_groups(p) || !cut_groups(p)) return false;
  for (int k = 0; k < n_outputs; k++) read_whole(p, outputs[k].id);
  for (int32_t k = p->count - 1; k >= 0; k--) {
    const tw_role role = p->fact[p->order[k]].role;
    if (p->fact[p->order[k]].needed && role != TW_ROLE_LEAF && role != TW_ROLE_ALIAS) mark_needs(p, p->order[k]);
  }
  return true;
}
