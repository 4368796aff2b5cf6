/* Values of sparse derivatives from products: one product for every color gives the matrix compressed, from
 * which the entries are looked up. Where that saves little, from the dense derivative. */
#include "graph/transform/coloring.h"
#include "graph/transform/rewrite.h"

#include <stdlib.h>

static const int64_t DENSE_MOST = 100000000;      /* elements of a dense derivative */
static const int64_t COMPRESSED_MOST = 200000000; /* of a compressed one */
enum { SUBSTITUTIONS = 16 /* steps in which values of an acyclic coloring may come back */ };

typedef struct compressor {
  tw_graph *graph;
  int m;
  const tw_expr *x;
  const tw_pattern *pattern;
  tw_expr *direction, *seed, *product; /* m each */
} compressor;

static bool out_of_memory(tw_graph *graph) {
  tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory compressing a derivative");
  return false;
}

static bool open_compressor(compressor *c, int m, const tw_expr *x, const tw_pattern *pattern) {
  *c = (compressor){.graph = x[0].graph, .m = m, .x = x, .pattern = pattern};
  size_t n = (size_t)m + 1;
  c->direction = calloc(3 * n, sizeof *c->direction);
  if (!c->direction) return out_of_memory(c->graph);
  c->seed = c->direction + n;
  c->product = c->direction + 2 * n;
  return true;
}

/* ------------------------------------------------------------------ seeds and look-ups */

static tw_expr integers(tw_graph *graph, int64_t n, int64_t *value) {
  tw_array view = tw_array_view(value, TW_I64, TW_SHAPE(n));
  return tw_constant(graph, &view);
}

static tw_shape leading(int64_t size, tw_shape shape) {
  tw_shape out = {.rank = shape.rank + 1};
  out.dim[0] = size;
  for (int i = 0; i < shape.rank && i + 1 < TW_MAX_RANK; i++) out.dim[i + 1] = shape.dim[i];
  return out;
}

/* [colors] + like.shape: 1 where the element has the color. */
static tw_expr seed(tw_expr like, int64_t colors, const int32_t *color) {
  int64_t n = tw_size_of(like), *value = malloc(((size_t)n + 1) * sizeof *value);
  if (!value) {
    out_of_memory(like.graph);
    return TW_NONE;
  }
  for (int64_t i = 0; i < n; i++) value[i] = color[i];
  tw_expr each = tw_reshape(tw_iota(like.graph, TW_I64, colors), TW_SHAPE(colors, 1));
  tw_expr has = tw_eq(each, tw_expand(integers(like.graph, n, value), 0));
  free(value);
  return tw_reshape(tw_cast(has, tw_dtype_of(like)), leading(colors, tw_shape_of(like)));
}

static bool seed_inputs(compressor *c, int64_t colors, const int32_t *color) {
  for (int j = 0; j < c->m; j++) {
    c->direction[j] = tw_input(c->graph, "direction", tw_dtype_of(c->x[j]), tw_shape_of(c->x[j]));
    c->seed[j] = seed(c->x[j], colors, color);
    color += tw_size_of(c->x[j]);
  }
  return c->graph->status == TW_OK;
}

/* c->product over all colors, [colors, size of all], flat. */
static tw_expr joined_products(compressor *c, int64_t colors) {
  for (int j = 0; j < c->m; j++)
    c->product[j] = tw_reshape(c->product[j], TW_SHAPE(colors, tw_size_of(c->x[j])));
  return tw_ravel(tw_concat(c->m, c->product, 1));
}

/* flat[major[p] * stride + minor[p]] for all entries. */
static tw_expr looked_up(compressor *c, tw_expr flat, const int32_t *major_color, const int64_t *major_of,
                         const int64_t *minor, int64_t stride) {
  int64_t nnz = c->pattern->nnz, *at = malloc(((size_t)nnz + 1) * sizeof *at);
  if (!at) {
    out_of_memory(c->graph);
    return TW_NONE;
  }
  for (int64_t p = 0; p < nnz; p++) at[p] = major_color[major_of ? major_of[p] : p] * stride + minor[p];
  tw_expr index = integers(c->graph, nnz, at);
  free(at);
  return tw_take(flat, 1, &index);
}

/* The column of every entry; malloc'd. */
static int64_t *columns_of(const tw_pattern *p) {
  int64_t *col = malloc(((size_t)p->nnz + 1) * sizeof *col);
  for (int64_t j = 0; col && j < p->cols; j++)
    for (int64_t i = p->colptr[j]; i < p->colptr[j + 1]; i++) col[i] = j;
  return col;
}

/* ------------------------------------------------------------------ Jacobians */

/* J S: column j of J is in column color[j]. */
static tw_expr by_columns(compressor *c, tw_expr e, const tw_coloring *coloring) {
  tw_expr de = TW_NONE, all;
  if (!seed_inputs(c, coloring->colors, coloring->color)) return TW_NONE;
  if (tw_jvp(1, &e, c->m, c->x, c->direction, &de) != TW_OK) return TW_NONE;
  if (tw_is_none(de)) de = tw_zeros_like(e);
  if (tw_batch(1, &de, c->m, c->direction, c->seed, coloring->colors, &all) != TW_OK) return TW_NONE;
  int64_t *col = columns_of(c->pattern);
  if (!col) out_of_memory(c->graph);
  tw_expr values =
      col ? looked_up(c, tw_ravel(all), coloring->color, col, c->pattern->rowidx, tw_size_of(e)) : TW_NONE;
  free(col);
  return values;
}

/* S'J: row i of J is in row color[i]. */
static tw_expr by_rows(compressor *c, tw_expr e, const tw_coloring *coloring) {
  tw_expr cotangent = tw_input(c->graph, "cotangent", tw_dtype_of(e), tw_shape_of(e));
  tw_expr weights = seed(e, coloring->colors, coloring->color);
  if (tw_vjp(1, &e, &cotangent, c->m, c->x, c->product) != TW_OK) return TW_NONE;
  for (int j = 0; j < c->m; j++)
    if (tw_is_none(c->product[j])) c->product[j] = tw_zeros_like(c->x[j]);
  if (tw_batch(c->m, c->product, 1, &cotangent, &weights, coloring->colors, c->product) != TW_OK)
    return TW_NONE;
  int64_t *col = columns_of(c->pattern);
  if (!col) out_of_memory(c->graph);
  tw_expr flat = joined_products(c, coloring->colors);
  tw_expr values =
      col ? looked_up(c, flat, coloring->color, c->pattern->rowidx, col, c->pattern->cols) : TW_NONE;
  free(col);
  return values;
}

/* Entries of the dense Jacobian of a vector. */
static tw_expr by_dense(compressor *c, tw_expr vector) {
  int64_t rows = tw_size_of(vector), nnz = c->pattern->nnz;
  for (int j = 0; j < c->m; j++)
    c->product[j] = tw_reshape(tw_jacobian(vector, c->x[j]), TW_SHAPE(rows, tw_size_of(c->x[j])));
  tw_expr all = tw_concat(c->m, c->product, 1);
  if (nnz == rows * c->pattern->cols) return tw_ravel(tw_transpose(all, NULL));
  int64_t *at = columns_of(c->pattern);
  if (!at) {
    out_of_memory(c->graph);
    return TW_NONE;
  }
  for (int64_t p = 0; p < nnz; p++) at[p] += c->pattern->rowidx[p] * c->pattern->cols;
  tw_expr index = integers(c->graph, nnz, at);
  free(at);
  return tw_take(tw_ravel(all), 1, &index);
}

/* Colors that are more than half of the vectors which the dense matrix takes are not worth it. `status`: of
 * coloring. */
static bool choose_way(tw_graph *graph, const tw_pattern *p, tw_status status, int64_t colors,
                       tw_sparse_way *way) {
  int64_t vectors = p->rows < p->cols ? p->rows : p->cols, longest = p->rows < p->cols ? p->cols : p->rows;
  bool dense_fits = longest == 0 || vectors <= DENSE_MOST / longest;
  if (status == TW_ERR_MEMORY) return out_of_memory(graph);
  *way = p->nnz == 0 ? TW_BY_ELEMENTS : TW_BY_DENSE;
  if (p->nnz == 0 || (dense_fits && (status != TW_OK || colors > vectors / 2))) return true;
  *way = TW_BY_COLORING;
  if (status == TW_OK && colors <= COMPRESSED_MOST / longest) return true;
  tw_graph_fail(graph, TW_ERR_UNSUPPORTED,
                "sparse derivative: %lld x %lld takes too many products with vectors", (long long)p->rows,
                (long long)p->cols);
  return false;
}

static bool settle(tw_graph *graph, tw_sparse_derivative *out, tw_expr values, tw_sparse_way way,
                   int64_t colors, tw_sparse_coloring coloring) {
  out->values = values;
  out->way = way;
  out->colors = way == TW_BY_COLORING ? colors : 0;
  out->coloring = coloring;
  if (!tw_is_none(values)) return true;
  tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory compressing a derivative");
  return false;
}

/* The fewer of column and row colors; neither when coloring would take too long. */
static tw_status best_coloring(const tw_pattern *p, tw_coloring *coloring, bool *rows) {
  tw_pattern t;
  tw_coloring other = {0};
  *coloring = (tw_coloring){0};
  *rows = false;
  if (p->nnz == p->rows * p->cols) return TW_ERR_LIMIT; /* as many colors as vectors */
  tw_status status = tw_pattern_turn(p, &t), turned = TW_ERR_LIMIT;
  if (status != TW_OK) return status;
  status = tw_color_columns(p, coloring);
  if (status == TW_OK || status == TW_ERR_LIMIT) turned = tw_color_columns(&t, &other);
  tw_pattern_free(&t);
  *rows = turned == TW_OK && (status != TW_OK || other.colors < coloring->colors);
  if (*rows) {
    tw_coloring_free(coloring);
    *coloring = other;
    return TW_OK;
  }
  tw_coloring_free(&other);
  return turned == TW_ERR_MEMORY ? turned : status;
}

bool tw_compressed_jacobian(tw_expr e, int m, const tw_expr *x, tw_sparse_derivative *out) {
  compressor c;
  tw_coloring coloring;
  tw_sparse_way way;
  bool rows, ok = false;
  if (!tw_structure_of(1, &e, m, x, &out->pattern) || !open_compressor(&c, m, x, &out->pattern)) return false;
  tw_status status = best_coloring(&out->pattern, &coloring, &rows);
  if (choose_way(c.graph, &out->pattern, status, coloring.colors, &way)) {
    tw_expr values = way == TW_BY_ELEMENTS ? tw_fill(c.graph, tw_dtype_of(e), TW_SHAPE(0), 0)
                     : way == TW_BY_DENSE  ? by_dense(&c, tw_ravel(e))
                     : rows                ? by_rows(&c, e, &coloring)
                                           : by_columns(&c, e, &coloring);
    ok = settle(c.graph, out, values, way, coloring.colors, rows ? TW_COLORS_OF_ROWS : TW_COLORS_OF_COLUMNS);
  }
  tw_coloring_free(&coloring);
  free(c.direction);
  return ok;
}

/* ------------------------------------------------------------------ Hessians */

/* Values at one height are subtracted from those above, from the leaves up. */
static tw_expr substituted(compressor *c, tw_expr values, const tw_recovery *r) {
  int64_t *below = malloc(2 * ((size_t)r->nnz + 1) * sizeof *below),
          *above = below ? below + r->nnz + 1 : NULL;
  if (!below) out_of_memory(c->graph);
  for (int32_t height = 0; below && height < r->highest; height++) {
    int64_t n = 0;
    for (int64_t p = 0; p < r->nnz; p++) {
      if (r->height[p] != height || r->parent[p] < 0) continue;
      below[n] = p;
      above[n++] = r->parent[p];
    }
    tw_expr from = integers(c->graph, n, below), to = integers(c->graph, n, above);
    values = tw_sub(values, tw_scatter_add(c->graph, TW_SHAPE(r->nnz), 1, &to, tw_take(values, 1, &from)));
  }
  free(below);
  return below ? values : TW_NONE;
}

/* H S, forward over reverse. */
static tw_expr by_symmetric(compressor *c, const tw_expr *g, const tw_coloring *coloring,
                            const tw_recovery *r) {
  if (!seed_inputs(c, coloring->colors, coloring->color)) return TW_NONE;
  if (tw_jvp(c->m, g, c->m, c->x, c->direction, c->product) != TW_OK) return TW_NONE;
  for (int j = 0; j < c->m; j++)
    if (tw_is_none(c->product[j])) c->product[j] = tw_zeros_like(c->x[j]);
  if (tw_batch(c->m, c->product, c->m, c->direction, c->seed, coloring->colors, c->product) != TW_OK)
    return TW_NONE;
  tw_expr flat = joined_products(c, coloring->colors);
  return substituted(c, looked_up(c, flat, r->color, NULL, r->row, c->pattern->cols), r);
}

/* Stars, or trees where they need fewer colors and few substitutions. */
static tw_status best_symmetric(const tw_pattern *p, tw_coloring *coloring, tw_recovery *recovery, bool *substituting) {
  tw_coloring trees;
  tw_recovery other;
  *recovery = (tw_recovery){0};
  *substituting = false;
  if (p->nnz == p->cols * (p->cols + 1) / 2) return TW_ERR_LIMIT; /* as many colors as columns */
  tw_status status = tw_color_symmetric(p, TW_COLOR_STAR, coloring);
  if (status != TW_OK) return status;
  status = tw_recovery_new(p, coloring, recovery);
  if (status != TW_OK || tw_color_symmetric(p, TW_COLOR_ACYCLIC, &trees) != TW_OK) return status;
  if (trees.colors >= coloring->colors || tw_recovery_new(p, &trees, &other) != TW_OK) {
    tw_coloring_free(&trees);
    return TW_OK;
  }
  bool shallow = other.highest <= SUBSTITUTIONS;
  tw_coloring_free(shallow ? coloring : &trees);
  tw_recovery_free(shallow ? recovery : &other);
  if (shallow) {
    *coloring = trees;
    *recovery = other;
    *substituting = true;
  }
  return TW_OK;
}

/* Entries of the dense Hessian. */
static tw_expr by_dense_symmetric(compressor *c, tw_expr *g) {
  for (int j = 0; j < c->m; j++) g[j] = tw_ravel(g[j]);
  return by_dense(c, tw_concat(c->m, g, 0));
}

bool tw_compressed_hessian(tw_expr scalar, int m, const tw_expr *x, tw_sparse_derivative *out) {
  compressor c;
  tw_coloring coloring = {0};
  tw_recovery recovery = {0};
  tw_sparse_way way;
  bool trees = false;
  if (!tw_structure_of_hessian(scalar, m, x, &out->pattern) || !open_compressor(&c, m, x, &out->pattern))
    return false;
  tw_expr *g = calloc((size_t)m + 1, sizeof *g);
  tw_status status = g ? best_symmetric(&out->pattern, &coloring, &recovery, &trees) : TW_ERR_MEMORY;
  bool ok =
      choose_way(c.graph, &out->pattern, status, coloring.colors, &way) && tw_gradients_of(scalar, m, x, g);
  if (ok) {
    tw_expr values = way == TW_BY_ELEMENTS ? tw_fill(c.graph, tw_dtype_of(scalar), TW_SHAPE(0), 0)
                     : way == TW_BY_DENSE  ? by_dense_symmetric(&c, g)
                                           : by_symmetric(&c, g, &coloring, &recovery);
    ok = settle(c.graph, out, values, way, coloring.colors, trees ? TW_COLORS_OF_TREES : TW_COLORS_OF_STARS);
  }
  tw_coloring_free(&coloring);
  tw_recovery_free(&recovery);
  free(g);
  free(c.direction);
  return ok;
}
