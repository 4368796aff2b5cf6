/* Derivatives of pieces: bodies are differentiated symbolically in what they read, whatever the number of
 * iterations. */
#include "graph/transform/sparse.h"

#include <stdlib.h>

static bool is_zero(tw_expr e) {
  double c;
  return tw_is_none(e) || (tw_constant_value(e, &c) && c == 0);
}

static bool out_of_memory(tw_sparse *s) {
  tw_graph_fail(s->graph, TW_ERR_MEMORY, "out of memory differentiating a loop");
  return false;
}

static bool add(tw_sparse *s, tw_entries *out, tw_entry entry) {
  tw_entry *grown = tw_grow(out->entry, &out->capacity, out->count + 1, sizeof *grown);
  if (!grown) return out_of_memory(s);
  out->entry = grown;
  out->entry[out->count++] = entry;
  return true;
}

/* Derivatives of all pieces by all reads: a piece's reads are its own, so that one sweep over the sum of all
 * does. */
static bool gradient(tw_sparse *s, const tw_pieces *pieces, tw_expr *du) {
  size_t n = pieces->n_pieces, m = s->n_reads;
  tw_expr *value = calloc(2 * n + m + 1, sizeof *value), *one = value ? value + n : NULL,
          *u = value ? one + n : NULL;
  if (!value) return out_of_memory(s);
  for (size_t i = 0; i < n; i++) {
    value[i] = pieces->piece[i].value;
    one[i] = tw_ones_like(value[i]);
  }
  for (size_t j = 0; j < m; j++) u[j] = s->read[j].u;
  bool ok = n == 0 || tw_vjp((int)n, value, one, (int)m, u, du) == TW_OK;
  free(value);
  return ok;
}

bool tw_entries_first(tw_sparse *s, const tw_pieces *pieces, tw_entries *out) {
  tw_expr *du = tw_sparse_alloc(s, s->n_reads, sizeof *du);
  if (!du || !gradient(s, pieces, du)) return false;
  for (size_t i = 0; i < pieces->n_pieces; i++) {
    const tw_piece *piece = &pieces->piece[i];
    for (size_t j = piece->first; j < piece->first + (size_t)piece->reads; j++)
      if (!is_zero(du[j]) && !add(s, out, (tw_entry){piece->n, piece->row, s->read[j].col, du[j]}))
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

static bool add_second(tw_sparse *s, int64_t n, const tw_table *a, const tw_table *b, tw_expr value,
                       tw_entries *out) {
  tw_entry entry = {n, a, a, value};
  if (a != b) {
    entry.row = extreme(s, a, b, 1);
    entry.col = extreme(s, a, b, -1);
    entry.value = multiplicity(s, a, b, value);
  }
  return entry.row && entry.col && !tw_is_none(entry.value) && add(s, out, entry);
}

typedef struct second { /* of one column of every piece */
  tw_expr *g, *h;       /* what is differentiated, and its derivatives */
  size_t *of;           /* the read of each */
  tw_expr *u, *one;     /* read number j of every piece that has as many */
} second;

static bool open_second(second *w, size_t reads, size_t pieces) {
  *w = (second){.g = calloc(2 * reads + 1, sizeof *w->g), .of = calloc(reads + 1, sizeof *w->of)};
  w->u = calloc(2 * pieces + 1, sizeof *w->u);
  if (!w->g || !w->of || !w->u) return false;
  w->h = w->g + reads;
  w->one = w->u + pieces;
  return true;
}

static void close_second(second *w) {
  free(w->g);
  free(w->of);
  free(w->u);
}

/* Column j of the second derivatives of every piece: forward mode along read j of all of them, over the
 * gradients. */
static bool second_column(tw_sparse *s, const tw_pieces *pieces, const tw_expr *du, size_t j, second *w,
                          tw_entries *out) {
  size_t n = 0, m = 0;
  for (size_t i = 0; i < pieces->n_pieces; i++) {
    const tw_piece *piece = &pieces->piece[i];
    if (j >= (size_t)piece->reads) continue;
    w->u[m] = s->read[piece->first + j].u;
    w->one[m++] = tw_ones_like(s->read[piece->first + j].u);
    for (size_t r = piece->first + j; r < piece->first + (size_t)piece->reads; r++) {
      if (tw_is_none(du[r])) continue;
      w->of[n] = r;
      w->g[n++] = du[r];
    }
  }
  if (n == 0) return true;
  if (tw_jvp((int)n, w->g, (int)m, w->u, w->one, w->h) != TW_OK) return false;
  size_t at = 0;
  for (size_t i = 0; i < pieces->n_pieces; i++) {
    const tw_piece *piece = &pieces->piece[i];
    for (; at < n && w->of[at] < piece->first + (size_t)piece->reads; at++) {
      const tw_table *a = s->read[w->of[at]].col, *b = s->read[piece->first + j].col;
      if (!is_zero(w->h[at]) && !add_second(s, piece->n, a, b, w->h[at], out)) return false;
    }
  }
  return true;
}

bool tw_entries_second(tw_sparse *s, const tw_pieces *pieces, tw_entries *out) {
  size_t most = 0;
  second w;
  tw_expr *du = tw_sparse_alloc(s, s->n_reads, sizeof *du);
  for (size_t i = 0; i < pieces->n_pieces; i++)
    if ((size_t)pieces->piece[i].reads > most) most = (size_t)pieces->piece[i].reads;
  bool ok = open_second(&w, s->n_reads, pieces->n_pieces) || out_of_memory(s);
  ok = ok && du && gradient(s, pieces, du);
  for (size_t j = 0; j < most && ok; j++) ok = second_column(s, pieces, du, j, &w, out);
  close_second(&w);
  return ok;
}
