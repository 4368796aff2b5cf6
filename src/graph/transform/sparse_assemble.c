/* From entries by iteration to the values of a sparse matrix: one loop for every number of iterations, whose
 * results are scattered straight to the places of the values. */
#include "graph/ops/loop.h"
#include "graph/transform/sparse.h"

#include <stdlib.h>

enum { FEW = 2 /* iterations that are written out */ };

typedef struct single { /* a value that is a scalar of the graph */
  int64_t position;
  tw_expr value;
} single;

typedef struct assembly {
  tw_sparse *s;
  const tw_entries *entries;
  const tw_pattern *pattern;
  tw_dtype dtype;
  single *single;
  size_t n_singles, single_capacity;
  tw_expr sum; /* [nnz]; NONE: nothing yet */
} assembly;

static bool out_of_memory(assembly *a) {
  tw_graph_fail(a->s->graph, TW_ERR_MEMORY, "out of memory assembling a sparse derivative");
  return false;
}

static const tw_table *positions(tw_sparse *s, const tw_pattern *p, const tw_table *row,
                                 const tw_table *col) {
  int64_t *at = row && col ? tw_table_buffer(s, row->n) : NULL;
  for (int64_t k = 0; at && k < row->n; k++)
    at[k] = tw_pattern_find(p, tw_table_at(row, k), tw_table_at(col, k));
  return row ? tw_table_own(s, row->n, at) : NULL;
}

/* Outputs over the domain's k and x: reads become look-ups. */
static bool look_up_reads(tw_sparse *s, int64_t n, size_t count, tw_expr *outputs) {
  tw_expr *from = tw_sparse_alloc(s, s->n_reads, sizeof *from),
          *to = tw_sparse_alloc(s, s->n_reads, sizeof *to);
  int m = 0;
  if (!from || !to) return false;
  for (size_t i = 0; i < s->n_reads; i++) {
    const tw_read *read = &s->read[i];
    if (read->n != n) continue;
    tw_expr x = s->x[read->input], index = tw_table_expr(s, read->at);
    from[m] = read->u;
    to[m++] = tw_size_of(x) == 1 ? tw_reshape(x, TW_SCALAR) : tw_take(tw_ravel(x), 1, &index);
  }
  return s->graph->status == TW_OK &&
         (m == 0 || tw_substitute((int)count, outputs, m, from, to, outputs) == TW_OK);
}

/* ------------------------------------------------------------------ single values */

static bool add_single(assembly *a, int64_t position, tw_expr value) {
  single *grown = tw_grow(a->single, &a->single_capacity, a->n_singles + 1, sizeof *grown);
  if (!grown) return out_of_memory(a);
  a->single = grown;
  a->single[a->n_singles++] = (single){position, value};
  return !tw_is_none(value);
}

static int by_position(const void *x, const void *y) {
  const single *a = x, *b = y;
  if (a->position != b->position) return a->position < b->position ? -1 : 1;
  return (a->value.id > b->value.id) - (a->value.id < b->value.id);
}

static bool add_to_sum(assembly *a, tw_expr part) {
  a->sum = tw_is_none(a->sum) ? part : tw_add(a->sum, part);
  return !tw_is_none(a->sum);
}

/* Values of a few places as all values: as they are where they are all places, else put among zeros. */
static bool add_placed(assembly *a, const tw_table *place, tw_expr values) {
  tw_graph *graph = a->s->graph;
  if (!place || tw_is_none(values)) return false;
  if (tw_table_is_identity(place, a->pattern->nnz)) return add_to_sum(a, values);
  int64_t *at = tw_table_buffer(a->s, place->n);
  if (!at) return false;
  for (int64_t p = 0; p < place->n; p++) at[p] = tw_table_at(place, p);
  tw_array view = tw_array_view(at, TW_I64, TW_SHAPE(place->n));
  tw_expr index = tw_constant(graph, &view);
  free(at);
  return add_to_sum(a, tw_scatter_add(graph, TW_SHAPE(a->pattern->nnz), 1, &index, values));
}

static bool join_singles(assembly *a) {
  if (a->n_singles == 0) return true;
  qsort(a->single, a->n_singles, sizeof *a->single, by_position);
  tw_expr *value = tw_sparse_alloc(a->s, a->n_singles, sizeof *value);
  int64_t *at = tw_table_buffer(a->s, (int64_t)a->n_singles);
  int n = 0;
  for (size_t i = 0; value && at && i < a->n_singles; i++) {
    tw_expr one = tw_cast(a->single[i].value, a->dtype);
    bool again = n > 0 && at[n - 1] == a->single[i].position;
    if (again) {
      value[n - 1] = tw_add(value[n - 1], one);
    } else {
      value[n] = one;
      at[n++] = a->single[i].position;
    }
  }
  const tw_table *place = value ? tw_table_own(a->s, n, at) : NULL;
  if (!value) free(at);
  return place && add_placed(a, place, tw_stack(n, value, 0));
}

/* ------------------------------------------------------------------ one number of iterations */

typedef struct group { /* the entries of n iterations */
  int64_t n;
  size_t count;
  tw_expr *value;
  const tw_table **place;
} group;

static bool write_out(assembly *a, group *g) {
  tw_expr k = tw_sparse_k(a->s, g->n);
  for (int64_t c = 0; c < g->n; c++) {
    tw_expr at = tw_integer(a->s->graph, c), *value = tw_sparse_alloc(a->s, g->count, sizeof *value);
    if (!value || tw_substitute((int)g->count, g->value, 1, &k, &at, value) != TW_OK) return false;
    for (size_t i = 0; i < g->count; i++)
      if (!add_single(a, tw_table_at(g->place[i], c), value[i])) return false;
  }
  return true;
}

static bool is_fixed(const tw_table *place) {
  return !place->at && place->step == 0;
}

/* Body outputs of the loop: value and place of what is scattered, the value of what is summed up in one
 * place. */
static size_t body_outputs(assembly *a, const group *g, tw_expr *output) {
  size_t n = 0;
  for (size_t i = 0; i < g->count; i++) {
    output[n++] = tw_cast(g->value[i], a->dtype);
    if (!is_fixed(g->place[i])) output[n++] = tw_table_expr(a->s, g->place[i]);
  }
  return n;
}

static bool add_results(assembly *a, const group *g, tw_expr loop, int scattered) {
  if (tw_is_none(loop)) return false;
  if (scattered && !add_to_sum(a, tw_loop_part(loop, 0))) return false;
  int target = scattered;
  for (size_t i = 0; i < g->count; i++)
    if (is_fixed(g->place[i]) && !add_single(a, tw_table_at(g->place[i], 0), tw_loop_part(loop, target++)))
      return false;
  return true;
}

static bool run_over(assembly *a, group *g) {
  tw_sparse *s = a->s;
  tw_expr k = tw_sparse_k(s, g->n), *output = tw_sparse_alloc(s, 2 * g->count, sizeof *output), *captured;
  if (!output) return false;
  size_t n = body_outputs(a, g, output);
  int n_captured, scattered = 0;
  const tw_body *body = tw_body_close(s->graph, 1, &k, (int)n, output, &n_captured, &captured);
  if (!body) return false;
  for (size_t i = 0; i < g->count; i++) scattered += !is_fixed(g->place[i]);
  bool straight = g->count == 1 && scattered && tw_table_is_identity(g->place[0], a->pattern->nnz);
  tw_loop_builder b;
  tw_loop_begin(&b, s->graph, g->n, a->dtype);
  if (scattered) tw_loop_target_add(&b, TW_SHAPE(a->pattern->nnz));
  size_t at = 0;
  for (size_t i = 0; i < g->count; i++) {
    bool fixed = is_fixed(g->place[i]);
    tw_expr value = body->outputs[at], *place = &body->outputs[at + 1];
    if (fixed)
      tw_loop_result_add(&b, TW_LOOP_SUM, tw_loop_target_add(&b, TW_SCALAR), value, 0, NULL);
    else
      tw_loop_result_add(&b, straight ? TW_LOOP_STACK : TW_LOOP_SCATTER, 0, value, straight ? 0 : 1, place);
    at += fixed ? 1 : 2;
  }
  return add_results(a, g, tw_loop_end(&b, n_captured, captured), scattered > 0);
}

/* Takes the entries of n iterations from the list; equal places are added up. */
static bool collect(assembly *a, int64_t n, group *g) {
  size_t most = 0;
  tw_memo known = {0}; /* places, to their numbers */
  bool ok = true;
  for (size_t i = 0; i < a->entries->count; i++) most += a->entries->entry[i].n == n;
  *g = (group){.n = n, .value = tw_sparse_alloc(a->s, most, sizeof *g->value)};
  g->place = tw_sparse_alloc(a->s, most, sizeof(tw_table *));
  if (!g->value || !g->place) return false;
  for (size_t i = 0; i < a->entries->count && ok; i++) {
    const tw_entry *entry = &a->entries->entry[i];
    if (entry->n != n) continue;
    const tw_table *place = positions(a->s, a->pattern, entry->row, entry->col);
    int64_t j = (int64_t)g->count;
    bool again = tw_memo_get(&known, (uintptr_t)place, 0, 0, &j);
    g->value[j] = again ? tw_add(g->value[j], entry->value) : entry->value;
    g->place[j] = place;
    g->count += !again;
    ok = place && (again || tw_memo_put(&known, (uintptr_t)place, 0, 0, j) || out_of_memory(a));
  }
  tw_memo_free(&known);
  return ok && look_up_reads(a->s, n, g->count, g->value);
}

static bool add_groups(assembly *a) {
  for (size_t i = 0; i < a->entries->count; i++) /* each has its domain */
    if (tw_is_none(tw_sparse_k(a->s, a->entries->entry[i].n))) return false;
  for (size_t i = 0, domains = a->s->n_domains; i < domains; i++) {
    int64_t n = a->s->domain[i].n;
    group g;
    if (!collect(a, n, &g)) return false;
    if (g.count > 0 && !(n <= FEW ? write_out(a, &g) : run_over(a, &g))) return false;
  }
  return true;
}

/* ------------------------------------------------------------------ all together */

static bool find_pattern(tw_sparse *s, int64_t rows, const tw_entries *entries, const tw_part *part,
                         tw_pattern *out) {
  size_t n = entries->count;
  const tw_table **row = tw_sparse_alloc(s, n + 1, sizeof *row),
                 **col = tw_sparse_alloc(s, n + 1, sizeof *col);
  if (!row || !col) return false;
  for (size_t i = 0; i < n; i++) {
    row[i] = entries->entry[i].row;
    col[i] = entries->entry[i].col;
  }
  if (part) {
    row[n] = part->row;
    col[n] = part->col;
  }
  return tw_pattern_of(s->graph, rows, s->cols, n + (part ? 1 : 0), row, col, out);
}

bool tw_assemble(tw_sparse *s, int64_t rows, const tw_entries *entries, const tw_part *part, tw_dtype dtype,
                 tw_pattern *pattern, tw_expr *values) {
  if (!find_pattern(s, rows, entries, part, pattern)) return false;
  if (!values) return true;
  assembly a = {.s = s, .entries = entries, .pattern = pattern, .dtype = dtype, .sum = TW_NONE};
  bool ok = add_groups(&a) && join_singles(&a);
  if (ok && part)
    ok = add_placed(&a, positions(s, pattern, part->row, part->col), tw_cast(part->values, dtype));
  if (ok && tw_is_none(a.sum)) a.sum = tw_fill(s->graph, dtype, TW_SHAPE(pattern->nnz), 0);
  free(a.single);
  *values = a.sum;
  return ok && !tw_is_none(a.sum);
}
