/* The kernel of sums, products and extrema: pairwise within fixed tiles of the middle axis, then over the
 * tiles, so that rounding errors grow with the logarithm of the length (Higham 2002, section 4.2) and the
 * same bits come out whatever the number of threads. */
#include "graph/ops/reduce.h"

#include <math.h>

#define TILE 16384   /* elements of a tile */
#define COLUMNS 1024 /* columns folded at once, at most */
#define LEAF 32      /* rows folded in a plain loop */
#define PAIRED 128   /* elements of a row summed in a plain loop: rounding is that of pairs of such */
#define LANES 8      /* independent accumulators along a contiguous row */

/* T: element, A: accumulator, U: result. Each row of at most TILE elements is split in halves down to PLAIN. */
#define FOLD(name, PLAIN, T, A, U, IDENTITY, MAP, JOIN)                                                      \
  static A name##_row(const T *x, int64_t n) {                                                               \
    if (n > PLAIN) {                                                                                          \
      const int64_t half = n / 2 / LANES * LANES;                                                            \
      const A a = name##_row(x, half), b = name##_row(x + half, n - half);                                   \
      return (A)JOIN(a, b);                                                                                  \
    }                                                                                                        \
    A lane[LANES], all = (A)(IDENTITY);                                                                      \
    int64_t i = 0;                                                                                           \
    for (int k = 0; k < LANES; k++) lane[k] = (A)(IDENTITY);                                                 \
    for (; i + LANES <= n; i += LANES)                                                                       \
      for (int k = 0; k < LANES; k++) {                                                                      \
        const A e = (A)x[i + k];                                                                             \
        lane[k] = (A)JOIN(lane[k], (A)MAP(e));                                                               \
      }                                                                                                      \
    for (; i < n; i++) {                                                                                     \
      const A e = (A)x[i];                                                                                   \
      all = (A)JOIN(all, (A)MAP(e));                                                                         \
    }                                                                                                        \
    for (int width = LANES / 2; width > 0; width /= 2)                                                       \
      for (int k = 0; k < width; k++) lane[k] = (A)JOIN(lane[k], lane[k + width]);                           \
    return (A)JOIN(lane[0], all);                                                                            \
  }                                                                                                          \
  static void name##_columns(const T *x, int64_t rows, int64_t columns, int64_t stride, A *acc) {            \
    if (rows > LEAF) {                                                                                       \
      A half[COLUMNS];                                                                                       \
      name##_columns(x, rows / 2, columns, stride, acc);                                                     \
      name##_columns(x + rows / 2 * stride, rows - rows / 2, columns, stride, half);                         \
      for (int64_t c = 0; c < columns; c++) acc[c] = (A)JOIN(acc[c], half[c]);                               \
      return;                                                                                                \
    }                                                                                                        \
    for (int64_t c = 0; c < columns; c++) acc[c] = (A)(IDENTITY);                                            \
    int64_t r = 0;                                                                                           \
    for (; r + 2 <= rows; r += 2, x += 2 * stride)                                                           \
      for (int64_t c = 0; c < columns; c++) {                                                                \
        const A e = (A)x[c], f = (A)x[stride + c];                                                           \
        const A pair = (A)JOIN((A)MAP(e), (A)MAP(f));                                                        \
        acc[c] = (A)JOIN(acc[c], pair);                                                                      \
      }                                                                                                      \
    if (r < rows)                                                                                            \
      for (int64_t c = 0; c < columns; c++) {                                                                \
        const A e = (A)x[c];                                                                                 \
        acc[c] = (A)JOIN(acc[c], (A)MAP(e));                                                                 \
      }                                                                                                      \
  }                                                                                                          \
  static void name(const void *x, int64_t rows, int64_t columns, int64_t stride, void *out) {                \
    A acc[COLUMNS];                                                                                          \
    if (columns == 1 && stride == 1) {                                                                       \
      *(U *)out = (U)name##_row(x, rows);                                                                    \
      return;                                                                                                \
    }                                                                                                        \
    for (int64_t c = 0; c < columns; c += COLUMNS) {                                                         \
      const int64_t width = columns - c < COLUMNS ? columns - c : COLUMNS;                                   \
      name##_columns((const T *)x + c, rows, width, stride, acc);                                            \
      for (int64_t k = 0; k < width; k++) ((U *)out)[c + k] = (U)acc[k];                                     \
    }                                                                                                        \
  }

#define SAME(e) (e)
#define SQUARE(e) ((e) * (e))
#define ADD(a, b) ((a) + (b))
#define MULTIPLY(a, b) ((a) * (b))
/* NaN wins; without a branch, so that lanes become vectors */
#define LARGER(a, b) ((((a) > (b)) | ((a) != (a))) ? (a) : (b))
#define SMALLER(a, b) ((((a) < (b)) | ((a) != (a))) ? (a) : (b))
#define LARGER_WHOLE(a, b) ((a) > (b) ? (a) : (b))
#define SMALLER_WHOLE(a, b) ((a) < (b) ? (a) : (b))

/* f32 accumulates in double; integers wrap in 64 bits. */
#define ARITHMETIC_FOLDS(name, IDENTITY, JOIN)                                                               \
  FOLD(name##_f64, PAIRED, double, double, double, IDENTITY, SAME, JOIN)                                             \
  FOLD(name##_f32, PAIRED, float, double, float, IDENTITY, SAME, JOIN)                                               \
  FOLD(name##_i64, PAIRED, int64_t, uint64_t, int64_t, IDENTITY, SAME, JOIN)                                         \
  FOLD(name##_i32, PAIRED, int32_t, uint64_t, int64_t, IDENTITY, SAME, JOIN)                                         \
  FOLD(name##_u8, PAIRED, uint8_t, uint64_t, int64_t, IDENTITY, SAME, JOIN)
ARITHMETIC_FOLDS(sum, 0, ADD)
ARITHMETIC_FOLDS(prod, 1, MULTIPLY)
FOLD(squares_f64, PAIRED, double, double, double, 0, SQUARE, ADD)
FOLD(squares_f32, PAIRED, float, double, float, 0, SQUARE, ADD)
FOLD(max_f64, TILE, double, double, double, -INFINITY, SAME, LARGER)
FOLD(max_f32, TILE, float, float, float, -INFINITY, SAME, LARGER)
FOLD(max_i64, TILE, int64_t, int64_t, int64_t, INT64_MIN, SAME, LARGER_WHOLE)
FOLD(max_i32, TILE, int32_t, int32_t, int32_t, INT32_MIN, SAME, LARGER_WHOLE)
FOLD(max_u8, TILE, uint8_t, uint8_t, uint8_t, 0, SAME, LARGER_WHOLE)
FOLD(min_f64, TILE, double, double, double, INFINITY, SAME, SMALLER)
FOLD(min_f32, TILE, float, float, float, INFINITY, SAME, SMALLER)
FOLD(min_i64, TILE, int64_t, int64_t, int64_t, INT64_MAX, SAME, SMALLER_WHOLE)
FOLD(min_i32, TILE, int32_t, int32_t, int32_t, INT32_MAX, SAME, SMALLER_WHOLE)
FOLD(min_u8, TILE, uint8_t, uint8_t, uint8_t, UINT8_MAX, SAME, SMALLER_WHOLE)

tw_fold_loop *tw_fold_get(tw_fold_id id, tw_dtype dtype) {
#define ROW(name)                                                                                            \
  { name##_f64, name##_f32, name##_i64, name##_i32, name##_u8, name##_u8 }
  static tw_fold_loop *const fold[TW_FOLD_COUNT][TW_DTYPE_COUNT] = {[TW_FOLD_SUM] = ROW(sum),
                                                               [TW_FOLD_SQUARES] = {squares_f64, squares_f32},
                                                               [TW_FOLD_PROD] = ROW(prod),
                                                               [TW_FOLD_MAX] = ROW(max),
                                                               [TW_FOLD_MIN] = ROW(min)};
  return fold[id][dtype];
}

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
  cut->columns = extent.inner < COLUMNS ? extent.inner : COLUMNS;
  cut->rows = TILE / cut->columns;
  cut->tiles = extent.middle > cut->rows ? (extent.middle + cut->rows - 1) / cut->rows : 1;
  if (cut->tiles == 1) cut->rows = extent.middle;
  cut->chunks = (extent.inner + cut->columns - 1) / cut->columns;
  cut->pieces = extent.outer * cut->tiles * cut->chunks;
  const int64_t elements = cut->rows * cut->columns;
  cut->batch = elements > 0 && elements < TILE ? TILE / elements : 1;
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
