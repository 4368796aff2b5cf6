/* The broadcasting kernel. Axes are dropped (extent 1) and merged (where every operand steps evenly over
 * both) until few are left; operands are contiguous in their own shapes, so along the innermost axis each
 * steps by 1 or stays. Large results are cut in fixed tiles for threads; an element's value depends on its
 * operands alone. */
#include "graph/ops/elementwise.h"

#define TILE 16384 /* elements */

typedef struct broadcast_walk {
  int rank, operands;
  int64_t dim[TW_MAX_RANK]; /* innermost first */
  int64_t stride[TW_MAX_OPERANDS][TW_MAX_RANK];
  size_t in_bytes[TW_MAX_OPERANDS], out_bytes;
  const void *const *in;
  char *out;
  int64_t size;
  tw_loop *loop;
} broadcast_walk;

/* Strides in elements of an operand of `shape` seen as an array of `out`: 0 along repeated axes. */
static void broadcast_strides(const tw_shape *shape, const tw_shape *out, int64_t *stride) {
  int shift = out->rank - shape->rank;
  int64_t size = 1;
  for (int k = out->rank - 1; k >= 0; k--) {
    int64_t d = k >= shift ? shape->dim[k - shift] : 1;
    stride[k] = d == 1 ? 0 : size;
    size *= d;
  }
}

/* Appends an axis outside those so far (the walk is built innermost first). */
static void walk_add(broadcast_walk *walk, int64_t extent, const int64_t *stride) {
  if (extent == 1) return;
  int last = walk->rank - 1;
  bool merge = last >= 0;
  for (int i = 0; i < walk->operands && merge; i++)
    merge = stride[i] == walk->stride[i][last] * walk->dim[last];
  if (merge) {
    walk->dim[last] *= extent;
    return;
  }
  walk->dim[walk->rank] = extent;
  for (int i = 0; i < walk->operands; i++) walk->stride[i][walk->rank] = stride[i];
  walk->rank++;
}

/* Operands of the result's size or of one element need no axes at all. */
static bool walk_flat(broadcast_walk *walk, tw_expr node) {
  for (int i = 0; i < walk->operands; i++) {
    int64_t size = tw_size_of(tw_input_of(node, i));
    if (size != walk->size && size != 1) return false;
    walk->stride[i][0] = size == 1 && walk->size != 1 ? 0 : 1;
  }
  walk->rank = 1;
  walk->dim[0] = walk->size;
  return true;
}

/* Axes innermost first, at least one. */
static void walk_axes(broadcast_walk *walk, tw_expr node) {
  const tw_shape out = tw_shape_of(node);
  int64_t full[TW_MAX_OPERANDS][TW_MAX_RANK], stride[TW_MAX_OPERANDS];
  for (int i = 0; i < walk->operands; i++) {
    const tw_shape shape = tw_shape_of(tw_input_of(node, i));
    broadcast_strides(&shape, &out, full[i]);
  }
  for (int k = out.rank - 1; k >= 0; k--) {
    for (int i = 0; i < walk->operands; i++) stride[i] = full[i][k];
    walk_add(walk, out.dim[k], stride);
  }
}

/* Runs the loop over `rows` rows of `n` elements from flat position `at` on. */
static void walk_rows(const broadcast_walk *walk, int64_t at, int64_t rows, int64_t n) {
  const void *in[TW_MAX_OPERANDS];
  int64_t row[TW_MAX_OPERANDS], step[TW_MAX_OPERANDS];
  for (int i = 0; i < walk->operands; i++) {
    int64_t rest = at, offset = 0;
    for (int k = 0; k < walk->rank; k++) {
      offset += rest % walk->dim[k] * walk->stride[i][k];
      rest /= walk->dim[k];
    }
    in[i] = (const char *)walk->in[i] + (size_t)offset * walk->in_bytes[i];
    step[i] = walk->stride[i][0];
    row[i] = walk->rank > 1 ? walk->stride[i][1] : 0;
  }
  walk->loop(rows, n, in, row, step, walk->out + (size_t)at * walk->out_bytes);
}

/* Elements low .. high-1 of the result. */
static void walk_range(const broadcast_walk *walk, int64_t low, int64_t high) {
  const int64_t n = walk->dim[0], outer = walk->rank > 1 ? walk->dim[1] : 1;
  while (low < high) {
    const int64_t inner = low % n, left = high - low;
    int64_t rows = 1, length = n - inner < left ? n - inner : left;
    if (length == n) {
      rows = outer - low / n % outer;
      if (rows > left / n) rows = left / n;
    }
    walk_rows(walk, low, rows, length);
    low += rows * length;
  }
}

static void walk_tile(void *context, int64_t tile, int worker) {
  const broadcast_walk *walk = context;
  int64_t low = tile * TILE, high = low + TILE;
  (void)worker;
  walk_range(walk, low, high < walk->size ? high : walk->size);
}

tw_status tw_elementwise_run(const tw_call *call, tw_loop *loop) {
  broadcast_walk walk = {.operands = tw_arity_of(call->node), .size = tw_size_of(call->node), .loop = loop};
  if (walk.size == 0) return TW_OK;
  walk.in = call->in;
  walk.out = call->out;
  walk.out_bytes = tw_dtype_get(tw_dtype_of(call->node))->size;
  for (int i = 0; i < walk.operands; i++)
    walk.in_bytes[i] = tw_dtype_get(tw_dtype_of(tw_input_of(call->node, i)))->size;
  if (!walk_flat(&walk, call->node)) walk_axes(&walk, call->node);
  const int threads = tw_call_threads(call, walk.size);
  if (threads == 1)
    walk_range(&walk, 0, walk.size);
  else
    tw_parallel(threads, (walk.size + TILE - 1) / TILE, walk_tile, &walk);
  return TW_OK;
}

tw_status tw_elementwise_kernel(const tw_call *call) {
  return tw_elementwise_run(call, tw_op_of(call->node)->loop(call->node));
}
