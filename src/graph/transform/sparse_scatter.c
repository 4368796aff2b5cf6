/* Scattered sums: which contributions meet in an element. */
#include "graph/ops/loop.h"
#include "graph/ops/ops.h"
#include "graph/transform/sparse.h"

#include <stdlib.h>

bool tw_scatter_of_node(tw_sparse *s, tw_expr node, tw_scatter *out) {
  *out = (tw_scatter){.tail = 1};
  if (tw_op_of(node) == &tw_op_scatter_along) {
    const int64_t *attr = tw_attr_of(node); /* axis, length */
    tw_expr index = tw_input_of(node, 1);
    out->slot =
        tw_place_along(s, s->top, index, (int)attr[0], attr[1], tw_table_identity(s, tw_size_of(index)));
    return out->slot != NULL;
  }
  tw_expr index[TW_MAX_RANK];
  int n = tw_arity_of(node) - 1;
  for (int i = 0; i < n; i++) index[i] = tw_input_of(node, i);
  tw_shape shape = tw_shape_of(node);
  out->tail = tw_place_tail(&shape, n);
  out->slot = tw_place_slots(s, s->top, n, index, &shape, tw_table_identity(s, tw_size_of(index[0])));
  return out->slot != NULL;
}

bool tw_scatter_of_result(tw_sparse *s, tw_expr loop, int result, tw_scatter *out) {
  const tw_loop_attr *attr = tw_attr_of(loop);
  const tw_loop_result *r = &attr->result[result];
  const tw_expr *index = attr->body->outputs + r->first + 1;
  tw_shape shape = attr->target[r->target].shape;
  int64_t points = tw_size_of(index[0]);
  *out = (tw_scatter){.tail = tw_place_tail(&shape, (int)r->n_index)};
  const tw_table *k = tw_place_repeat(s, attr->n, points), *point = tw_place_digit(s, attr->n, points);
  const tw_frame *frame = tw_frame_enter(s, s->top, loop, k);
  if (frame) out->slot = tw_place_slots(s, frame, (int)r->n_index, index, &shape, point);
  return out->slot != NULL;
}

/* ------------------------------------------------------------------ meeting */

/* Contributions by slot: those of slot i are list[start[i]] .. list[start[i + 1] - 1], in their order. */
typedef struct buckets {
  int64_t *start, *list, count;
} buckets;

static bool fill(tw_sparse *s, const tw_table *slot, int64_t count, buckets *b) {
  b->count = count;
  b->start = tw_table_buffer(s, count + 1);
  b->list = tw_table_buffer(s, slot->n);
  if (!b->start || !b->list) return false;
  for (int64_t i = 0; i <= count; i++) b->start[i] = 0;
  for (int64_t c = 0; c < slot->n; c++) b->start[tw_table_at(slot, c) + 1]++;
  for (int64_t i = 0; i < count; i++) b->start[i + 1] += b->start[i];
  for (int64_t c = 0; c < slot->n; c++) b->list[b->start[tw_table_at(slot, c)]++] = c;
  for (int64_t i = count; i > 0; i--) b->start[i] = b->start[i - 1];
  b->start[0] = 0;
  return true;
}

static int64_t met(const buckets *b, int64_t slot) {
  return b->start[slot + 1] - b->start[slot];
}

bool tw_place_scattered(tw_sparse *s, const tw_scatter *scatter, const tw_table *at, const tw_table **owner,
                        const tw_table **which, const tw_table **tail) {
  const tw_table *slot = tw_table_divide(s, at, scatter->tail);
  int64_t low, high, last, n = 0, p = 0;
  if (!slot) return false;
  tw_table_range(slot, &low, &last);
  tw_table_range(scatter->slot, &low, &high);
  buckets b = {0};
  bool ok = fill(s, scatter->slot, (last > high ? last : high) + 1, &b);
  for (int64_t k = 0; ok && k < at->n; k++) n += met(&b, tw_table_at(slot, k));
  int64_t *own = NULL, *list = NULL;
  ok = ok && n <= TW_DOMAIN_MOST && (own = tw_table_buffer(s, n)) && (list = tw_table_buffer(s, n));
  for (int64_t k = 0; ok && k < at->n; k++)
    for (int64_t i = 0, c = tw_table_at(slot, k); i < met(&b, c); i++, p++) {
      own[p] = k;
      list[p] = b.list[b.start[c] + i];
    }
  free(b.start);
  free(b.list);
  if (!ok) {
    free(own);
    free(list);
    return false;
  }
  *owner = tw_table_own(s, n, own);
  *which = tw_table_own(s, n, list);
  *tail = tw_table_compose(s, tw_table_remainder(s, at, scatter->tail), *owner);
  return *owner && *which && *tail;
}
