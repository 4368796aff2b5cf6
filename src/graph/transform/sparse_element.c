/* Elements of arrays as scalars of the iteration number and of reads of x. */
#include "graph/ops/cumulate.h"
#include "graph/ops/loop.h"
#include "graph/ops/ops.h"
#include "graph/transform/reduction.h"
#include "graph/transform/rewrite.h"
#include "graph/transform/sparse.h"

enum {
  UNROLL = 16, /* elements that reductions, products and inner loops may join */
  SMALL = 64,  /* elements of the operands of an op that is applied, in a body, to scalars put together */
  VISITS = 50000,
  DEPTH = 150 /* nodes below one another: stacks of threads may be small */
};

/* Element at[k] of an array that is known outside of loops. */
static tw_expr gather(tw_sparse *s, tw_expr array, const tw_table *at) {
  double c;
  if (tw_is_none(array)) return array;
  if (tw_constant_value(array, &c)) return tw_fill(s->graph, tw_dtype_of(array), TW_SCALAR, c);
  if (tw_op_of(array) == &tw_op_iota) return tw_cast(tw_table_expr(s, at), tw_dtype_of(array));
  if (tw_size_of(array) == 1) return tw_reshape(array, TW_SCALAR);
  tw_expr index = tw_table_expr(s, at);
  return tw_take(tw_ravel(array), 1, &index);
}

/* ------------------------------------------------------------------ element-wise nodes and moves */

int tw_element_branch(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at) {
  int64_t low, high;
  double c;
  tw_expr condition = tw_element(s, frame, tw_input_of(node, 0), tw_place_operand(s, node, 0, at));
  if (tw_is_none(condition)) return -1;
  if (tw_constant_value(condition, &c)) return c != 0 ? 1 : 2;
  const tw_table *holds = tw_sparse_numbers(s, condition, at->n);
  if (!holds) return 0;
  tw_table_range(holds, &low, &high);
  if (low == high) return low != 0 ? 1 : 2;
  s->split = holds;
  return -1;
}

static tw_expr elementwise(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at) {
  int n = tw_arity_of(node), branch = 0;
  tw_expr few[TW_FEW];
  if (n > TW_FEW) return TW_NONE;
  if (tw_op_of(node) == &tw_op_where && tw_frame_depends(frame, node))
    branch = tw_element_branch(s, frame, node, at);
  if (branch < 0) return TW_NONE;
  if (branch > 0)
    return tw_element(s, frame, tw_input_of(node, branch), tw_place_operand(s, node, branch, at));
  for (int i = 0; i < n; i++) {
    few[i] = tw_element(s, frame, tw_input_of(node, i), tw_place_operand(s, node, i, at));
    if (tw_is_none(few[i])) return TW_NONE;
  }
  return tw_node(s->graph, tw_op_of(node), n, few, tw_attr_of(node));
}

static tw_expr moved(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at) {
  int64_t from;
  const tw_table *position;
  const tw_table *labels = tw_place_labels(s, tw_arity_of(node), tw_place_begin(s, node),
                                           tw_place_moved(s, node, at), &from, &position);
  if (!position) {
    s->split = labels;
    return TW_NONE;
  }
  if (from < 0) return tw_fill(s->graph, tw_dtype_of(node), TW_SCALAR, 0);
  return tw_element(s, frame, tw_input_of(node, (int)from), position);
}

/* ------------------------------------------------------------------ look-ups */

/* From an array without derivative: the index may be anything. */
static tw_expr looked_up(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at) {
  tw_expr index[TW_MAX_RANK], array = tw_frame_inline(s, frame, tw_input_of(node, 0));
  tw_shape shape = tw_shape_of(array);
  int n = tw_arity_of(node) - 1;
  int64_t tail = tw_place_tail(&shape, n);
  const tw_table *p = tw_table_divide(s, at, tail);
  for (int i = 0; i < n && p; i++) {
    index[i] = tw_element(s, frame, tw_input_of(node, i + 1), p);
    if (tw_is_none(index[i])) return TW_NONE;
  }
  if (!p || tw_is_none(array)) return TW_NONE;
  tw_expr slot = tw_take(array, n, index);
  return gather(s, slot, tw_table_remainder(s, at, tail));
}

static tw_expr taken(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at) {
  if (!tw_frame_depends(frame, tw_input_of(node, 0)) && tw_op_of(node) == &tw_op_take)
    return looked_up(s, frame, node, at);
  return tw_element(s, frame, tw_input_of(node, 0), tw_place_taken(s, frame, node, at));
}

/* ------------------------------------------------------------------ few elements made one */

static tw_expr reduced(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at) {
  int fan = (int)tw_place_fan(node);
  tw_expr part[UNROLL];
  for (int q = 0; q < fan; q++) {
    const tw_table *p = tw_place_reduced(s, node, at, tw_table_constant(s, at->n, q));
    part[q] = tw_element(s, frame, tw_input_of(node, 0), p);
    if (tw_is_none(part[q])) return TW_NONE;
  }
  if (tw_op_of(node) == &tw_op_sum) {
    tw_expr sum = part[0];
    for (int q = 1; q < fan; q++) sum = tw_add(sum, part[q]);
    return sum;
  }
  tw_expr joined = tw_reduction_of(node, tw_stack(fan, part, 0));
  if (tw_op_of(node) != &tw_op_softmax) return joined;
  tw_extents e = tw_reduction_extents(node);
  return gather(s, joined, tw_table_remainder(s, tw_table_divide(s, at, e.inner), e.middle));
}

/* Running sums and products: all that came before. Iterations at different places of their lanes are
 * different cases. */
static tw_expr running(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at) {
  tw_lanes lanes = tw_lanes_of(node);
  int64_t low, high, length = lanes.extents.middle, inner = lanes.extents.inner;
  const tw_table *place = tw_table_remainder(s, tw_table_divide(s, at, inner), length);
  if (!place || length > UNROLL) return TW_NONE;
  tw_table_range(place, &low, &high);
  if (low != high) {
    s->split = place;
    return TW_NONE;
  }
  tw_expr all = TW_NONE;
  int64_t step = lanes.step > 0 ? 1 : -1, first = step > 0 ? 0 : length - 1;
  for (int64_t c = first; c != low + step; c += step) {
    tw_expr one = tw_element(s, frame, tw_input_of(node, 0), tw_table_scale(s, at, 1, (c - low) * inner));
    if (tw_is_none(one)) return TW_NONE;
    bool sum = tw_op_of(node) == &tw_op_cumsum;
    all = tw_is_none(all) ? one : sum ? tw_add(all, one) : tw_mul(all, one);
  }
  return all;
}

/* An op applied to small operands, put together from their elements. */
static tw_expr applied(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at) {
  const tw_op *op = tw_op_of(node);
  tw_expr few[TW_FEW], element[SMALL];
  int64_t total = 0;
  int n = tw_arity_of(node);
  for (int i = 0; i < n; i++)
    if (tw_frame_depends(frame, tw_input_of(node, i))) total += tw_size_of(tw_input_of(node, i));
  if (n > TW_FEW || total > (frame->up ? SMALL : UNROLL) || op->open || op->prepare ||
      (op->flags & TW_OP_IMPURE))
    return TW_NONE;
  for (int i = 0; i < n; i++) {
    tw_expr in = tw_input_of(node, i);
    int size = (int)tw_size_of(in);
    bool varies = tw_frame_depends(frame, in);
    for (int q = 0; varies && q < size; q++) {
      element[q] = tw_element(s, frame, in, tw_table_constant(s, at->n, q));
      if (tw_is_none(element[q])) return TW_NONE;
    }
    few[i] = varies ? tw_reshape(tw_stack(size, element, 0), tw_shape_of(in)) : tw_frame_inline(s, frame, in);
    if (tw_is_none(few[i])) return TW_NONE;
  }
  return gather(s, tw_node(s->graph, op, n, few, tw_attr_of(node)), at);
}

/* ------------------------------------------------------------------ loops */

static tw_expr looped(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at) {
  const tw_loop_attr *attr = tw_attr_of(node);
  int64_t low, high;
  const tw_table *targets = tw_place_target(s, node, at);
  if (!targets) return TW_NONE;
  tw_table_range(targets, &low, &high);
  if (low != high) {
    s->split = targets;
    return TW_NONE;
  }
  const tw_table *p = tw_table_scale(s, at, 1, -attr->target[low].offset);
  tw_expr sum = TW_NONE;
  for (int64_t i = 0; i < attr->n_results; i++) {
    const tw_loop_result *result = &attr->result[i];
    tw_expr value = attr->body->outputs[result->first];
    if (result->target != low) continue;
    bool stack = result->kind == TW_LOOP_STACK;
    if (result->kind == TW_LOOP_SCATTER || (!stack && attr->n > UNROLL)) return TW_NONE;
    int64_t size = stack ? tw_size_of(value) : 1;
    for (int64_t c = 0; c < (stack ? 1 : attr->n); c++) {
      const tw_table *k = stack ? tw_table_divide(s, p, size) : tw_table_constant(s, at->n, c);
      const tw_frame *inner = tw_frame_enter(s, frame, node, k);
      tw_expr one = inner ? tw_element(s, inner, value, stack ? tw_table_remainder(s, p, size) : p) : TW_NONE;
      if (tw_is_none(one)) return TW_NONE;
      sum = tw_is_none(sum) ? one : tw_add(sum, one);
    }
  }
  return sum;
}

/* ------------------------------------------------------------------ all of them */

static tw_expr of_param(tw_sparse *s, const tw_frame *frame, int number, const tw_table *at) {
  if (number == 0) return tw_table_expr(s, frame->k);
  return tw_element(s, frame->up, tw_input_of(frame->loop, number - 1), at);
}

static tw_expr by_op(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at) {
  const tw_op *op = tw_op_of(node);
  if (op->flags & TW_OP_ELEMENTWISE) return elementwise(s, frame, node, at);
  if (tw_is_move(node)) return moved(s, frame, node, at);
  if (op == &tw_op_take || op == &tw_op_take_along) return taken(s, frame, node, at);
  if (!tw_frame_depends(frame, node)) return gather(s, tw_frame_inline(s, frame, node), at);
  if (op == &tw_op_loop) return looped(s, frame, node, at);
  if (tw_is_reduction(node) && tw_place_fan(node) <= UNROLL && tw_place_fan(node) > 0)
    return reduced(s, frame, node, at);
  bool runs = (op == &tw_op_cumsum || op == &tw_op_cumprod) && tw_lanes_of(node).extents.middle <= UNROLL;
  if (runs) return running(s, frame, node, at);
  tw_expr e = op == &tw_op_matmul ? tw_element_of_product(s, frame, node, at, UNROLL) : TW_NONE;
  return tw_is_none(e) && !s->split ? applied(s, frame, node, at) : e;
}

tw_expr tw_element(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at) {
  int64_t known;
  if (!at || !frame || tw_is_none(node) || s->graph->status != TW_OK || s->visits > VISITS) return TW_NONE;
  if (s->depth >= DEPTH) return TW_NONE;
  int input = tw_sparse_input(s, frame, node), number = tw_param_number(node);
  if (input >= 0) return s->piece ? tw_sparse_read_of(s, input, at) : gather(s, node, at);
  if (frame->up && number >= 0) return of_param(s, frame, number, at); /* as many as loops are nested */
  if (!frame->up && !tw_frame_depends(frame, node)) return gather(s, node, at);
  const uint64_t key[3] = {(uintptr_t)frame, (uint64_t)s->piece << 32 | (uint64_t)node.id, (uintptr_t)at};
  if (tw_memo_get(&s->elements, key[0], key[1], key[2], &known)) return tw_at(s->graph, (int32_t)known);
  s->visits++;
  s->depth++;
  tw_expr e = by_op(s, frame, node, at);
  s->depth--;
  if (!tw_is_none(e) && !tw_memo_put(&s->elements, key[0], key[1], key[2], e.id))
    return tw_graph_fail(s->graph, TW_ERR_MEMORY, "out of memory looking for sparsity");
  return e;
}

tw_expr tw_element_fixed(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at) {
  tw_expr e = tw_element(s, frame, node, at);
  return tw_is_none(e) && s->graph->status == TW_OK ? gather(s, tw_frame_inline(s, frame, node), at) : e;
}
