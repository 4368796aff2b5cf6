/* Sparse Jacobians and Hessians: element by element what parts into pieces, the rest by compression. */
#include "graph/transform/sparse.h"

#include <stdlib.h>

enum {
  FIRST_READS = 64, /* numbers that a piece may read */
  SECOND_READS = 32
};

void tw_sparse_derivative_free(tw_sparse_derivative *derivative) {
  if (!derivative) return;
  tw_pattern_free(&derivative->pattern);
  *derivative = (tw_sparse_derivative){.values = TW_NONE};
}

const char *tw_sparse_way_name(const tw_sparse_derivative *derivative) {
  static const char *const coloring[] = {[TW_COLORS_OF_COLUMNS] = "distance-2 coloring of columns",
                                         [TW_COLORS_OF_ROWS] = "distance-2 coloring of rows",
                                         [TW_COLORS_OF_STARS] = "star coloring",
                                         [TW_COLORS_OF_TREES] = "acyclic coloring"};
  if (derivative->way == TW_BY_ELEMENTS) return "element by element";
  return derivative->way == TW_BY_DENSE ? "dense" : coloring[derivative->coloring];
}

/* ------------------------------------------------------------------ what did not part */

/* A term by iteration, [n]. */
static tw_expr stacked(tw_sparse *s, const tw_term *t) {
  tw_expr node = tw_frame_inline(s, t->frame, t->node);
  if (!t->weight && !t->negative && tw_table_is_identity(t->at, tw_size_of(node))) return tw_ravel(node);
  tw_expr index = tw_table_expr(s, t->at), k = tw_sparse_k(s, t->n);
  tw_expr value = tw_size_of(node) == 1 ? tw_reshape(node, TW_SCALAR) : tw_take(tw_ravel(node), 1, &index);
  value = tw_weighted(s, t, value);
  if (t->n > 1) return tw_loop_stack(k, t->n, value);
  tw_expr zero = tw_integer(s->graph, 0);
  tw_substitute(1, &value, 1, &k, &zero, &value);
  return tw_reshape(value, TW_SHAPE(1));
}

/* All rest terms one after the other, and the rows they belong to. */
static tw_expr rest_of(tw_sparse *s, const tw_pieces *pieces, int64_t **row) {
  tw_expr *part = tw_sparse_alloc(s, pieces->n_rest, sizeof *part);
  int64_t total = 0, at = 0;
  for (size_t i = 0; i < pieces->n_rest; i++) total += pieces->rest[i].n;
  *row = tw_sparse_alloc(s, (size_t)total, sizeof **row);
  if (!part || !*row) return TW_NONE;
  for (size_t i = 0; i < pieces->n_rest; i++) {
    const tw_term *t = &pieces->rest[i];
    for (int64_t k = 0; k < t->n; k++) (*row)[at++] = tw_table_at(t->row, k);
    part[i] = stacked(s, t);
    if (tw_is_none(part[i])) return TW_NONE;
  }
  return tw_concat((int)pieces->n_rest, part, 0);
}

/* The entries of a compressed derivative as a part of the whole. */
static bool part_of(tw_sparse *s, const tw_sparse_derivative *d, const int64_t *row, tw_part *part) {
  const tw_pattern *p = &d->pattern;
  int64_t *i = tw_table_buffer(s, p->nnz), *j = tw_table_buffer(s, p->nnz);
  for (int64_t c = 0; i && j && c < p->cols; c++)
    for (int64_t at = p->colptr[c]; at < p->colptr[c + 1]; at++) {
      i[at] = row ? row[p->rowidx[at]] : p->rowidx[at];
      j[at] = c;
    }
  *part = (tw_part){tw_table_own(s, p->nnz, i), tw_table_own(s, p->nnz, j), d->values};
  return part->row && part->col;
}

/* ------------------------------------------------------------------ both */

typedef struct job {
  tw_expr e;
  int m;
  const tw_expr *x;
  bool second, pattern_only;
  tw_sparse_derivative *out;
} job;

static bool compressed(const job *j, tw_expr e, tw_sparse_derivative *out) {
  if (j->pattern_only)
    return j->second ? tw_structure_of_hessian(e, j->m, j->x, &out->pattern)
                     : tw_structure_of(1, &e, j->m, j->x, &out->pattern);
  return j->second ? tw_compressed_hessian(e, j->m, j->x, out) : tw_compressed_jacobian(e, j->m, j->x, out);
}

/* Pieces and the rest, put together. */
static bool joined(const job *j, tw_sparse *s, const tw_pieces *pieces) {
  tw_entries entries = {0};
  tw_sparse_derivative rest = {.values = TW_NONE};
  tw_part part;
  int64_t *row = NULL;
  bool some = pieces->n_rest > 0;
  bool ok = j->second ? tw_entries_second(s, pieces, &entries) : tw_entries_first(s, pieces, &entries);
  if (ok && some) {
    tw_expr e = rest_of(s, pieces, &row);
    if (j->second) e = tw_sum(e, TW_ALL, false);
    ok = !tw_is_none(e) && compressed(j, e, &rest) && part_of(s, &rest, j->second ? NULL : row, &part);
  }
  if (ok) {
    int64_t rows = j->second ? s->cols : tw_size_of(j->e);
    ok = tw_assemble(s, rows, &entries, some ? &part : NULL, tw_dtype_of(j->e), &j->out->pattern,
                     j->pattern_only ? NULL : &j->out->values);
    j->out->way = rest.way;
    j->out->colors = rest.colors;
    j->out->coloring = rest.coloring;
  }
  tw_sparse_derivative_free(&rest);
  free(entries.entry);
  return ok;
}

static bool derive(const job *j) {
  tw_sparse s;
  tw_pieces pieces = {.curved = j->second, .most_reads = j->second ? SECOND_READS : FIRST_READS};
  bool ok = tw_sparse_open(&s, 1, &j->e, j->m, j->x) && tw_pieces_make(&s, j->e, &pieces);
  if (ok) {
    bool all = pieces.n_pieces == 0 && pieces.n_rest > 0;
    ok = all ? compressed(j, j->e, j->out) : joined(j, &s, &pieces);
  }
  tw_pieces_free(&pieces);
  tw_sparse_close(&s);
  return ok;
}

static tw_status run(const job *j) {
  *j->out = (tw_sparse_derivative){.values = TW_NONE};
  if (tw_is_none(j->e)) return TW_ERR_ARGUMENT;
  tw_graph *graph = j->e.graph;
  bool ok = derive(j);
  if (!ok && graph->status == TW_OK)
    tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory making a sparse derivative");
  if (!ok) tw_sparse_derivative_free(j->out);
  return graph->status;
}

tw_status tw_sparse_jacobian(tw_expr e, int m, const tw_expr *x, tw_sparse_derivative *out) {
  if (tw_is_none(e) || !x || !out) return TW_ERR_ARGUMENT;
  return run(&(job){e, m, x, false, false, out});
}

static bool is_scalar(tw_expr e, const char *what) {
  if (tw_is_none(e) || (tw_shape_of(e).rank == 0 && tw_is_float(tw_dtype_of(e)))) return true;
  char text[TW_SHAPE_TEXT];
  tw_shape shape = tw_shape_of(e);
  tw_graph_fail(e.graph, TW_ERR_SHAPE, "%s: needs a floating-point scalar, got %s %s", what,
                tw_dtype_get(tw_dtype_of(e))->name, tw_shape_text(&shape, text));
  return false;
}

tw_status tw_sparse_hessian(tw_expr scalar, int m, const tw_expr *x, tw_sparse_derivative *out) {
  if (tw_is_none(scalar) || !x || !out) return TW_ERR_ARGUMENT;
  *out = (tw_sparse_derivative){.values = TW_NONE};
  if (!is_scalar(scalar, "sparse_hessian")) return scalar.graph->status;
  return run(&(job){scalar, m, x, true, false, out});
}

/* The same without values. */
static tw_status pattern_of(tw_expr e, int m, const tw_expr *x, bool second, tw_pattern *out) {
  tw_sparse_derivative d;
  tw_status status = run(&(job){e, m, x, second, true, &d});
  *out = d.pattern;
  return status;
}

tw_status tw_jacobian_pattern(tw_expr e, int m, const tw_expr *x, tw_pattern *out) {
  if (tw_is_none(e) || !x || !out) return TW_ERR_ARGUMENT;
  return pattern_of(e, m, x, false, out);
}

tw_status tw_hessian_pattern(tw_expr scalar, int m, const tw_expr *x, tw_pattern *out) {
  if (tw_is_none(scalar) || !x || !out) return TW_ERR_ARGUMENT;
  *out = (tw_pattern){0};
  return is_scalar(scalar, "hessian_pattern") ? pattern_of(scalar, m, x, true, out) : scalar.graph->status;
}
