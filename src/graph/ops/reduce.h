/* What reductions share. An op reduces `count` adjacent axes from `first` on, which it sees as the middle of
 * [outer, middle, inner]; other sets of axes are reduced group by group, the last group first. */
#ifndef TALWEG_GRAPH_OPS_REDUCE_H
#define TALWEG_GRAPH_OPS_REDUCE_H

#include "graph/ops/build.h"
#include "graph/ops/ops.h"

typedef struct tw_axes_attr {
  int64_t first, count;
} tw_axes_attr;

/* op over the axes in the mask, in groups; then the lost axes put back with extent 1 when `keep`. */
tw_expr tw_reduce_build(const tw_op *op, tw_expr x, unsigned axes, bool keep);
/* op over adjacent axes. */
tw_expr tw_reduce_node(const tw_op *op, tw_expr x, tw_axes_attr axes);
/* True when the mask (TW_ALL allowed) names axes of x alone; fails the graph otherwise. */
bool tw_mask_check(const char *op, tw_expr x, unsigned *axes);

/* The shape without the reduced axes and the operand's dtype; refuses masks out of range. */
bool tw_reduce_infer(const tw_args *args, tw_type *type);
/* Besides, at least one element to reduce. */
bool tw_reduce_infer_some(const tw_args *args, tw_type *type);
tw_axes_attr tw_reduce_axes(tw_expr node);
tw_extents tw_reduce_extents(tw_expr node);

/* Gives `reduced` (of node's shape) its lost axes back with extent 1, so that it broadcasts against the
 * operand. */
tw_expr tw_reduce_restore(tw_expr node, tw_expr reduced);
/* Over axes of extent 1 only: the operand reshaped, else TW_NONE. */
tw_expr tw_reduce_trivial(const tw_args *args);

/* Writes a call of rt_NAME_TYPE(outer, middle, inner, in, out) for the operand's type. */
void tw_reduce_emit(tw_emitter *e, tw_expr node, const char *name, const char *const *in, const char *out);

tw_expr tw_reduce_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched);
double tw_reduce_flops(tw_expr node); /* one for each element of the operand */
/* `identity`: the op has a value when nothing is reduced. */
tw_expr tw_reduce_example(const tw_op *op, bool identity, tw_graph *graph, tw_dtype dtype, int variant);

/* acc[c] = fold over r < rows of x[r * stride + c], for c < columns; the identity when rows = 0. Pairwise. */
typedef void tw_fold_loop(const void *x, int64_t rows, int64_t columns, int64_t stride, void *acc);
typedef enum tw_fold_id {
  TW_FOLD_SUM,
  TW_FOLD_SQUARES,
  TW_FOLD_PROD,
  TW_FOLD_MAX,
  TW_FOLD_MIN,
  TW_FOLD_COUNT
} tw_fold_id;
/* From elements of `dtype`; the result is i64 for sums and products of integers, else of the same dtype. */
tw_fold_loop *tw_fold_get(tw_fold_id id, tw_dtype dtype);
enum {
  TW_FOLD_TILE = 16384,       /* elements of a tile */
  TW_FOLD_COLUMNS_MOST = 1024 /* columns folded at once, at most */
};
typedef tw_fold_loop *tw_fold_table[TW_FOLD_COUNT][TW_DTYPE_COUNT];
extern const tw_fold_table tw_folds_avx2; /* where the build has them */

/* Folds the middle axis of node's operand in fixed tiles by `id`, and the tiles' results by `combine`. */
tw_status tw_reduce_run(const tw_call *call, tw_fold_id id, tw_fold_id combine);
size_t tw_reduce_scratch(tw_expr node);

#endif
