/* The kernel of sums, products and extrema: pairwise within fixed tiles of the middle axis, then over the
 * tiles, so that rounding errors grow with the logarithm of the length (Higham 2002, section 4.2) and the
 * same bits come out whatever the number of threads. */
#include "graph/ops/reduce.h"

/* [outer, middle, inner] cut into pieces of `rows` by `columns` elements, `pieces` = outer x tiles x chunks
 * of them; a task takes `batch` pieces in turn. With several tiles, tile t of outer o leaves its result in
 * partial[o][t]. */
typedef struct reduction {
  tw_extents extent;
  int64_t rows, columns, tiles, chunks, pieces, batch;
  size_t in_bytes, out_bytes;
  const char *in;
  char *out;
  tw_fold_loop *fold;
} reduction;

static void reduction_cut(reduction *cut, tw_extents extent) {
  cut->extent = extent;
  cut->columns = extent.inner < TW_FOLD_COLUMNS_MOST ? extent.inner : TW_FOLD_COLUMNS_MOST;
  cut->rows = TW_FOLD_TILE / cut->columns;
  cut->tiles = extent.middle > cut->rows ? (extent.middle + cut->rows - 1) / cut->rows : 1;
  if (cut->tiles == 1) cut->rows = extent.middle;
  cut->chunks = (extent.inner + cut->columns - 1) / cut->columns;
  cut->pieces = extent.outer * cut->tiles * cut->chunks;
  const int64_t elements = cut->rows * cut->columns;
  cut->batch = elements > 0 && elements < TW_FOLD_TILE ? TW_FOLD_TILE / elements : 1;
}

static void reduction_piece(const reduction *cut, int64_t piece) {
  const tw_extents e = cut->extent;
  const int64_t column = piece % cut->chunks * cut->columns, slab = piece / cut->chunks; /* o * tiles + t */
  const int64_t row = slab % cut->tiles * cut->rows, outer = slab / cut->tiles;
  const int64_t rows = e.middle - row < cut->rows ? e.middle - row : cut->rows;
  const int64_t columns = e.inner - column < cut->columns ? e.inner - column : cut->columns;
  const int64_t from = (outer * e.middle + row) * e.inner + column, to = slab * e.inner + column;
  cut->fold(cut->in + (size_t)from * cut->in_bytes, rows, columns, e.inner,
            cut->out + (size_t)to * cut->out_bytes);
}

static void reduction_task(void *context, int64_t task, int worker) {
  const reduction *cut = context;
  const int64_t first = task * cut->batch, last = first + cut->batch;
  (void)worker;
  for (int64_t piece = first; piece < last && piece < cut->pieces; piece++) reduction_piece(cut, piece);
}

size_t tw_reduce_scratch(tw_expr node) {
  reduction cut;
  const tw_extents extent = tw_reduce_extents(node);
  if (extent.inner == 0) return 0;
  reduction_cut(&cut, extent);
  const size_t partials = (size_t)(extent.outer * cut.tiles * extent.inner);
  return cut.tiles == 1 ? 0 : partials * tw_dtype_get(tw_dtype_of(node))->size;
}

tw_status tw_reduce_run(const tw_call *call, tw_fold_id id, tw_fold_id combine) {
  const tw_dtype from = tw_dtype_of(tw_input_of(call->node, 0)), to = tw_dtype_of(call->node);
  const tw_extents extent = tw_reduce_extents(call->node);
  reduction cut = {.in = call->in[0], .fold = tw_fold_get(id, from)};
  if (extent.outer == 0 || extent.inner == 0) return TW_OK;
  reduction_cut(&cut, extent);
  cut.in_bytes = tw_dtype_get(from)->size;
  cut.out_bytes = tw_dtype_get(to)->size;
  cut.out = cut.tiles > 1 ? call->scratch : call->out;
  const int threads = tw_call_threads(call, extent.outer * extent.middle * extent.inner);
  tw_parallel(threads, (cut.pieces + cut.batch - 1) / cut.batch, reduction_task, &cut);
  for (int64_t o = 0; o < extent.outer && cut.tiles > 1; o++) {
    const size_t row = (size_t)extent.inner * cut.out_bytes;
    tw_fold_get(combine, to)(cut.out + (size_t)(o * cut.tiles) * row, cut.tiles, extent.inner, extent.inner,
                             (char *)call->out + (size_t)o * row);
  }
  return TW_OK;
}
