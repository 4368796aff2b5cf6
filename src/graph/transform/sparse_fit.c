/* Tables as expressions of the iteration number. A map costs memory traffic at every evaluation, so what a
 * few integer operations can say is said by them. */
#include "graph/transform/sparse.h"

enum { SEGMENTS = 4, DEPTH = 4, RUN_LEAST = 4 };

typedef struct segment { /* base + step k from k = first on */
  int64_t first, base, step;
} segment;

static tw_expr affine(tw_graph *graph, tw_expr k, int64_t base, int64_t step) {
  return tw_add(tw_mul(k, tw_integer(graph, step)), tw_integer(graph, base));
}

/* Few affine pieces, 0 when more are needed. */
static int find_segments(const tw_table *t, segment out[SEGMENTS]) {
  int count = 0;
  for (int64_t k = 0; k < t->n; count++) {
    if (count == SEGMENTS) return 0;
    int64_t step = k + 1 < t->n ? t->at[k + 1] - t->at[k] : 0, end = k + 1;
    while (end < t->n && t->at[end] - t->at[end - 1] == step) end++;
    out[count] = (segment){k, t->at[k] - step * k, step};
    k = end;
  }
  return count;
}

static tw_expr in_segments(tw_graph *graph, tw_expr k, int count, const segment *piece) {
  tw_expr e = affine(graph, k, piece[count - 1].base, piece[count - 1].step);
  for (int i = count - 2; i >= 0; i--) {
    tw_expr before = tw_lt(k, tw_integer(graph, piece[i + 1].first));
    e = tw_where(before, affine(graph, k, piece[i].base, piece[i].step), e);
  }
  return e;
}

/* The length of the runs of equal step that the whole table consists of; 0: there are none. */
static int64_t run_length(const tw_table *t) {
  if (t->n < 4) return 0;
  int64_t step = t->at[1] - t->at[0], run = 1;
  while (run < t->n && t->at[run] - t->at[run - 1] == step) run++;
  if (run < RUN_LEAST || run > t->n / 2) return 0;
  for (int64_t k = 1; k < t->n; k++)
    if (k % run != 0 && t->at[k] - t->at[k - 1] != step) return 0;
  return run;
}

static tw_expr fit(tw_sparse *s, tw_expr k, const tw_table *t, int depth);

/* start[floor(k / run)] + step (k - run floor(k / run)) */
static tw_expr in_runs(tw_sparse *s, tw_expr k, const tw_table *t, int64_t run, int depth) {
  int64_t count = (t->n + run - 1) / run, step = t->at[1] - t->at[0], *start = tw_table_buffer(s, count);
  for (int64_t i = 0; start && i < count; i++) start[i] = t->at[i * run] - step * run * i;
  const tw_table *starts = tw_table_own(s, count, start);
  if (!starts) return TW_NONE;
  tw_expr row = tw_idiv(k, tw_integer(s->graph, run)), first = fit(s, row, starts, depth + 1);
  return tw_is_none(first) ? first : tw_add(affine(s->graph, k, 0, step), first);
}

static tw_expr in_map(tw_sparse *s, tw_expr k, const tw_table *t) {
  tw_array view = tw_array_view((void *)(uintptr_t)t->at, TW_I64, TW_SHAPE(t->n));
  return tw_take(tw_constant(s->graph, &view), 1, &k);
}

static tw_expr fit(tw_sparse *s, tw_expr k, const tw_table *t, int depth) {
  if (!t->at) return affine(s->graph, k, t->base, t->step);
  segment piece[SEGMENTS];
  int count = find_segments(t, piece);
  if (count > 0) return in_segments(s->graph, k, count, piece);
  int64_t run = depth < DEPTH ? run_length(t) : 0;
  if (run > 0) return in_runs(s, k, t, run, depth);
  return in_map(s, k, t);
}

tw_expr tw_table_expr(tw_sparse *s, const tw_table *t) {
  int64_t id;
  if (!t) return TW_NONE;
  if (tw_memo_get(&s->fits, (uintptr_t)t, 0, 0, &id)) return tw_at(s->graph, (int32_t)id);
  tw_expr e = fit(s, tw_sparse_k(s, t->n), t, 0);
  if (!tw_is_none(e) && !tw_memo_put(&s->fits, (uintptr_t)t, 0, 0, e.id))
    return tw_graph_fail(s->graph, TW_ERR_MEMORY, "out of memory looking for sparsity");
  return e;
}
