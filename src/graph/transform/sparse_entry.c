/* Derivatives of pieces: bodies are differentiated symbolically in what they read, whatever the number of
 * iterations. */
#include "graph/transform/sparse.h"

#include <stdlib.h>

typedef struct reads { /* of a piece, in the order in which they came up */
  int n;
  tw_expr *u, *du;
  const tw_table **col;
} reads;

static bool find_reads(tw_sparse *s, const tw_piece *piece, reads *r) {
  *r = (reads){.u = tw_sparse_alloc(s, s->n_reads, sizeof *r->u),
               .du = tw_sparse_alloc(s, s->n_reads, sizeof *r->du),
               .col = tw_sparse_alloc(s, s->n_reads, sizeof(tw_table *))};
  bool *seen = tw_sparse_alloc(s, (size_t)s->graph->count, sizeof *seen);
  int32_t *order, count;
  if (!r->u || !r->du || !r->col || !seen || !tw_walk(s->graph, 1, &piece->value, &order, &count))
    return false;
  for (int32_t i = 0; i < count; i++) seen[order[i]] = true;
  free(order);
  for (size_t i = 0; i < s->n_reads; i++) {
    if (!seen[s->read[i].u.id]) continue;
    r->u[r->n] = s->read[i].u;
    r->col[r->n++] = s->read[i].col;
  }
  return true;
}

static bool is_zero(tw_expr e) {
  double c;
  return tw_is_none(e) || (tw_constant_value(e, &c) && c == 0);
}

static bool add(tw_sparse *s, tw_entries *out, tw_entry entry) {
  tw_entry *grown = tw_grow(out->entry, &out->capacity, out->count + 1, sizeof *grown);
  if (grown) {
    out->entry = grown;
    out->entry[out->count++] = entry;
  } else {
    tw_graph_fail(s->graph, TW_ERR_MEMORY, "out of memory differentiating a loop");
  }
  return grown != NULL;
}

static bool gradient(tw_sparse *s, const tw_piece *piece, reads *r) {
  tw_expr one = tw_ones_like(piece->value);
  return find_reads(s, piece, r) && tw_vjp(1, &piece->value, &one, r->n, r->u, r->du) == TW_OK;
}

bool tw_entries_first(tw_sparse *s, const tw_pieces *pieces, tw_entries *out) {
  for (size_t i = 0; i < pieces->n_pieces; i++) {
    const tw_piece *piece = &pieces->piece[i];
    reads r;
    if (!gradient(s, piece, &r)) return false;
    for (int j = 0; j < r.n; j++)
      if (!is_zero(r.du[j]) && !add(s, out, (tw_entry){piece->n, piece->row, r.col[j], r.du[j]}))
        return false;
  }
  return true;
}

/* The larger (sign 1) or smaller (-1) of two tables. */
static const tw_table *extreme(tw_sparse *s, const tw_table *a, const tw_table *b, int sign) {
  int64_t *at = tw_table_buffer(s, a->n);
  for (int64_t k = 0; at && k < a->n; k++) {
    int64_t x = tw_table_at(a, k), y = tw_table_at(b, k);
    at[k] = (x > y) == (sign > 0) ? x : y;
  }
  return tw_table_own(s, a->n, at);
}

/* 2 where two reads meet in one element of x, else 1: the mixed derivative then counts in both orders. */
static tw_expr multiplicity(tw_sparse *s, const tw_table *a, const tw_table *b, tw_expr value) {
  int64_t *at = tw_table_buffer(s, a->n);
  bool meet = false;
  for (int64_t k = 0; at && k < a->n; k++) {
    at[k] = tw_table_at(a, k) == tw_table_at(b, k) ? 2 : 1;
    meet |= at[k] == 2;
  }
  const tw_table *times = tw_table_own(s, a->n, at);
  if (!times) return TW_NONE;
  return meet ? tw_mul(value, tw_cast(tw_table_expr(s, times), tw_dtype_of(value))) : value;
}

static bool add_second(tw_sparse *s, const tw_piece *piece, const reads *r, int i, int j, tw_expr value,
                       tw_entries *out) {
  const tw_table *a = r->col[i], *b = r->col[j];
  tw_entry entry = {piece->n, a, a, value};
  if (i != j) {
    entry.row = extreme(s, a, b, 1);
    entry.col = extreme(s, a, b, -1);
    entry.value = multiplicity(s, a, b, value);
  }
  return entry.row && entry.col && !tw_is_none(entry.value) && add(s, out, entry);
}

/* Column j of the second derivatives: forward mode along u_j over the gradient. */
static bool second_column(tw_sparse *s, const tw_piece *piece, const reads *r, int j, tw_entries *out) {
  tw_expr *g = tw_sparse_alloc(s, (size_t)r->n, sizeof *g), *h = tw_sparse_alloc(s, (size_t)r->n, sizeof *h);
  int *which = tw_sparse_alloc(s, (size_t)r->n, sizeof *which), n = 0;
  if (!g || !h || !which) return false;
  for (int i = j; i < r->n; i++) {
    if (tw_is_none(r->du[i])) continue;
    which[n] = i;
    g[n++] = r->du[i];
  }
  tw_expr one = tw_ones_like(r->u[j]);
  if (n > 0 && tw_jvp(n, g, 1, &r->u[j], &one, h) != TW_OK) return false;
  for (int i = 0; i < n; i++)
    if (!is_zero(h[i]) && !add_second(s, piece, r, which[i], j, h[i], out)) return false;
  return true;
}

bool tw_entries_second(tw_sparse *s, const tw_pieces *pieces, tw_entries *out) {
  for (size_t i = 0; i < pieces->n_pieces; i++) {
    reads r;
    if (!gradient(s, &pieces->piece[i], &r)) return false;
    for (int j = 0; j < r.n; j++)
      if (!second_column(s, &pieces->piece[i], &r, j, out)) return false;
  }
  return true;
}
