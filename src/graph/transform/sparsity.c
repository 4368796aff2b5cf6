/* Patterns of Jacobians and Hessians, exact by the structure of the graph. */
#include "graph/transform/sparsity.h"
#include "graph/transform/deps.h"

#include <stdlib.h>

static const int64_t ENTRIES_MOST = 100000000; /* of patterns that are found from sets */

static bool too_dense(tw_graph *graph, int64_t rows, int64_t cols) {
  tw_graph_fail(graph, TW_ERR_UNSUPPORTED, "sparse derivative: %lld x %lld, and not sparse enough",
                (long long)rows, (long long)cols);
  return false;
}

static bool full_pattern(tw_graph *graph, int64_t rows, int64_t cols, tw_pattern *out) {
  if (rows > 0 && cols > ENTRIES_MOST / rows) return too_dense(graph, rows, cols);
  if (!tw_pattern_new(graph, rows, cols, rows * cols, out)) return false;
  for (int64_t j = 0; j < cols; j++) {
    for (int64_t i = 0; i < rows; i++) out->rowidx[j * rows + i] = i;
    out->colptr[j + 1] = (j + 1) * rows;
  }
  out->nnz = rows * cols;
  return true;
}

/* Columns from the sets of rows. */
static bool pattern_of_sets(tw_deps *d, int64_t rows, const int32_t *set, tw_pattern *out) {
  const tw_sets *sets = &d->sets;
  int64_t nnz = 0, cols = d->s->cols;
  for (int64_t i = 0; i < rows; i++) nnz += tw_sets_size(sets, set[i]);
  if (nnz > ENTRIES_MOST) return too_dense(d->s->graph, rows, cols);
  if (!tw_pattern_new(d->s->graph, rows, cols, nnz, out)) return false;
  for (int pass = 0; pass < 2; pass++) {
    for (int64_t i = 0; i < rows; i++) {
      int32_t one;
      const int32_t *item = tw_sets_items(sets, set[i], &one);
      for (int64_t c = 0; c < tw_sets_size(sets, set[i]); c++) {
        if (pass == 0)
          out->colptr[item[c] + 1]++;
        else
          out->rowidx[out->colptr[item[c]]++] = i;
      }
    }
    for (int64_t j = 0; pass == 0 && j < cols; j++) out->colptr[j + 1] += out->colptr[j];
  }
  for (int64_t j = cols; j > 0; j--) out->colptr[j] = out->colptr[j - 1];
  out->colptr[0] = 0;
  out->nnz = nnz;
  return true;
}

/* The sets of all outputs' elements, one output after the other; NULL as tw_deps_of. */
static int32_t *all_sets(tw_deps *d, int n, const tw_expr *e, int64_t rows) {
  int32_t *all = tw_deps_alloc(d, rows);
  int64_t at = 0;
  for (int i = 0; all && i < n; i++) {
    int64_t size = tw_size_of(e[i]);
    const int32_t *set = tw_deps_of(d, tw_origin_of(d->s->top, e[i], tw_table_identity(d->s, size)));
    if (!set) return NULL;
    for (int64_t k = 0; k < size; k++) all[at++] = set[k];
  }
  return all;
}

bool tw_structure_of(int n, const tw_expr *e, int m, const tw_expr *x, tw_pattern *out) {
  tw_sparse s;
  tw_deps d = {.s = NULL};
  int64_t rows = 0;
  *out = (tw_pattern){0};
  for (int i = 0; i < n; i++) rows += tw_size_of(e[i]);
  bool ok = tw_sparse_open(&s, n, e, m, x);
  ok = ok && tw_deps_open(&d, &s, rows);
  if (ok) {
    const int32_t *set = all_sets(&d, n, e, rows);
    if (!set && d.deep && tw_deps_from_leaves(&d, n, e)) set = all_sets(&d, n, e, rows);
    ok = s.graph->status == TW_OK &&
         (set ? pattern_of_sets(&d, rows, set, out) : full_pattern(s.graph, rows, s.cols, out));
  }
  tw_deps_close(&d);
  tw_sparse_close(&s);
  return ok;
}

/* ------------------------------------------------------------------ second derivatives */

static bool has(const tw_pattern *p, int64_t row, int64_t col) {
  int64_t at = tw_pattern_find(p, row, col);
  return at < p->colptr[col + 1] && p->rowidx[at] == row;
}

/* The lower triangle of what is there on both sides of the diagonal: a Hessian is symmetric. In place. */
static void keep_lower(tw_pattern *p, tw_pattern *out) {
  out->nnz = 0;
  for (int64_t j = 0; j < p->cols; j++) {
    for (int64_t i = p->colptr[j]; i < p->colptr[j + 1]; i++)
      if (p->rowidx[i] >= j && has(p, j, p->rowidx[i])) out->rowidx[out->nnz++] = p->rowidx[i];
    out->colptr[j + 1] = out->nnz;
  }
}

bool tw_gradients_of(tw_expr scalar, int m, const tw_expr *x, tw_expr *g) {
  tw_expr one = tw_ones_like(scalar);
  if (tw_vjp(1, &scalar, &one, m, x, g) != TW_OK) return false;
  for (int j = 0; j < m; j++)
    if (tw_is_none(g[j])) g[j] = tw_zeros_like(x[j]);
  return scalar.graph->status == TW_OK;
}

bool tw_structure_of_hessian(tw_expr scalar, int m, const tw_expr *x, tw_pattern *out) {
  tw_pattern whole = {0};
  tw_graph *graph = scalar.graph;
  *out = (tw_pattern){0};
  tw_expr *g = calloc((size_t)m + 1, sizeof *g);
  if (!g) tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory looking for sparsity");
  bool ok = g && tw_gradients_of(scalar, m, x, g) && tw_structure_of(m, g, m, x, &whole) &&
            tw_pattern_new(graph, whole.rows, whole.cols, whole.nnz, out);
  if (ok) keep_lower(&whole, out);
  free(g);
  tw_pattern_free(&whole);
  return ok;
}
