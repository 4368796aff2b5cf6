/* Integer positions on the leading axes of an array: what take and scatter_add share; and the ops of this
 * family that have no public builder. */
#ifndef TALWEG_GRAPH_OPS_INDEX_H
#define TALWEG_GRAPH_OPS_INDEX_H

#include "graph/emit/emit.h"
#include "graph/ops/build.h"
#include "graph/ops/ops.h"

/* Position p of the index arrays names one slot of the array: the elements that share its leading n
 * coordinates. */
typedef struct tw_gather {
  int n;
  int64_t count; /* positions */
  int64_t tail;  /* elements of a slot */
  const int64_t *index[TW_MAX_RANK];
  int64_t extent[TW_MAX_RANK];
} tw_gather;

/* The n index arrays are operands first .. first+n-1 of the call; `shape` is that of the indexed array. */
tw_gather tw_gather_make(const tw_call *call, const tw_shape *shape, int n, int first);

/* The slot at position p; -1 when an index is outside its axis. */
static inline int64_t tw_gather_slot(const tw_gather *g, int64_t p) {
  int64_t slot = 0;
  for (int axis = 0; axis < g->n; axis++) {
    int64_t i = g->index[axis][p];
    if ((uint64_t)i >= (uint64_t)g->extent[axis]) return -1;
    slot = slot * g->extent[axis] + i;
  }
  return slot;
}

/* Reports the index at position p that is outside its axis. */
tw_status tw_gather_fail(const tw_call *call, const tw_gather *g, int64_t p);
tw_status tw_index_fail(const tw_call *call, int64_t index, int axis, int64_t extent);

/* Written code, at position i of the n index arrays: checks them, and puts the slot of an array of `shape`
 * into `slot`. */
void tw_emit_slot(tw_emitter *e, const tw_shape *shape, int n, const char *const *index, tw_text *slot);
/* to += from; integers wrap around. */
void tw_emit_add_to(tw_emitter *e, tw_dtype dtype, const char *to, const char *from);

/* Builders: index[i] cast to i64 and broadcast to one shape into out[i]. False when the graph has failed. */
bool tw_index_prepare(const char *op, int n, const tw_expr *index, tw_expr *out);

/* Shape rules: operands first .. first+n-1 are i64 arrays of one shape, written to `positions`, and n axes of
 * `shape` are there to be indexed. */
bool tw_infer_positions(const tw_args *args, const tw_shape *shape, int n, int first, tw_shape *positions);

/* `positions` and then the axes of `shape` from n on; false (and the graph fails) when that is too many. */
bool tw_slots_shape(const tw_args *args, const tw_shape *positions, const tw_shape *shape, int n,
                    tw_shape *out);

/* The index arrays of a batch: a leading axis on each of the n arrays in[0 .. n-1], and 0, 1, .. on that axis
 * in out[0] when `array_batched`. Returns how many were written to out (at least n + 1 places). */
int tw_batch_positions(tw_graph *graph, int64_t size, int n, const tw_expr *in, const bool *batched,
                       bool array_batched, tw_expr *out);

/* `e` as an operand with a leading axis of `size`: itself when it is batched, else repeated. */
tw_expr tw_batched(tw_expr e, bool batched, int64_t size);

/* zeros with an axis of `length` where value has index's extent: out[.., index[.., i, ..], ..] += value[..,
 * i, ..] in C order. The adjoint of tw_take_along. */
tw_expr tw_scatter_along(tw_expr value, tw_expr index, int axis, int64_t length);

/* An i64 constant for examples. */
tw_expr tw_example_index(tw_graph *graph, tw_shape shape, const int64_t *values);

/* ADD(type, sum): `sum` is what sums of that type are computed in; integers wrap around. */
#define TW_ADD_BY_DTYPE(dtype, ADD)                                                                          \
  switch (dtype) {                                                                                           \
  case TW_F64:                                                                                               \
    ADD(double, double);                                                                                     \
    break;                                                                                                   \
  case TW_F32:                                                                                               \
    ADD(float, float);                                                                                       \
    break;                                                                                                   \
  case TW_I64:                                                                                               \
    ADD(int64_t, uint64_t);                                                                                  \
    break;                                                                                                   \
  case TW_I32:                                                                                               \
    ADD(int32_t, uint32_t);                                                                                  \
    break;                                                                                                   \
  default:                                                                                                   \
    ADD(uint8_t, uint32_t);                                                                                  \
    break;                                                                                                   \
  }

#endif
