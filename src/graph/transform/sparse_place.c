/* Where the elements of a node come from: tables of positions in its operands, op family by op family. */
#include "graph/ops/linalg.h"
#include "graph/ops/loop.h"
#include "graph/ops/matmul.h"
#include "graph/transform/reduction.h"
#include "graph/transform/sparse.h"

#include <string.h>

static bool is_one_of(tw_expr node, const tw_op *const *op) {
  for (; *op; op++)
    if (tw_op_of(node) == *op) return true;
  return false;
}

static const tw_table *evaluate(tw_sparse *s, tw_expr e) {
  tw_array values;
  tw_error error;
  int64_t n = tw_size_of(e), *at = NULL;
  if (s->graph->status != TW_OK) return NULL;
  tw_status status = tw_eval(e, &values, &error);
  if (status != TW_OK) tw_graph_fail(s->graph, status, "sparse derivative: %s", error.message);
  if (status == TW_OK && (at = tw_table_buffer(s, n)) && n > 0)
    memcpy(at, values.data, (size_t)n * sizeof *at);
  if (status == TW_OK) tw_array_free(&values);
  return tw_table_own(s, n, at);
}

/* first, first + 1, .. in the shape of `like`. */
static tw_expr numbered(tw_expr like, int64_t first) {
  tw_expr i = tw_iota(like.graph, TW_I64, tw_size_of(like));
  return tw_reshape(tw_add(i, tw_integer(like.graph, first)), tw_shape_of(like));
}

/* What moving an op's operands moves: the op itself says, run on numbered elements. Kept by node. */
static const tw_table *sources_of(tw_sparse *s, tw_expr node, int operand, tw_expr numbers) {
  int64_t known;
  const uint64_t id = (uint64_t)node.id, which = (uint64_t)(int64_t)operand;
  if (tw_memo_get(&s->sources, id, which, 0, &known)) return (const tw_table *)(intptr_t)known;
  const tw_table *table = evaluate(s, numbers);
  if (table && !tw_memo_put(&s->sources, id, which, 0, (int64_t)(intptr_t)table))
    tw_graph_fail(s->graph, TW_ERR_MEMORY, "out of memory looking for sparsity");
  return table;
}

const tw_table *tw_place_operand(tw_sparse *s, tw_expr node, int i, const tw_table *at) {
  tw_expr in = tw_input_of(node, i);
  tw_shape from = tw_shape_of(in), to = tw_shape_of(node);
  if (!at || tw_shape_equal(&from, &to)) return at;
  if (tw_size_of(in) == 1) return tw_table_constant(s, at->n, 0);
  return tw_table_compose(s, sources_of(s, node, i, tw_broadcast(numbered(in, 0), to)), at);
}

/* ------------------------------------------------------------------ moves */

bool tw_is_move(tw_expr node) {
  static const tw_op *const moves[] = {&tw_op_reshape, &tw_op_transpose,  &tw_op_broadcast,  &tw_op_slice,
                                       &tw_op_unslice, &tw_op_slice_view, &tw_op_concat,     &tw_op_diag,
                                       &tw_op_tril,    &tw_op_triu,       &tw_op_diag_embed, NULL};
  return is_one_of(node, moves);
}

const int64_t *tw_place_begin(tw_sparse *s, tw_expr node) {
  int64_t known;
  const uint64_t id = (uint64_t)node.id;
  if (tw_memo_get(&s->sources, id, 0, 1, &known)) return (const int64_t *)(intptr_t)known;
  int n = tw_arity_of(node);
  int64_t *begin = tw_sparse_alloc(s, (size_t)n + 1, sizeof *begin);
  if (!begin) return NULL;
  for (int i = 0; i < n; i++) begin[i + 1] = begin[i] + tw_size_of(tw_input_of(node, i));
  if (tw_memo_put(&s->sources, id, 0, 1, (int64_t)(intptr_t)begin)) return begin;
  tw_graph_fail(s->graph, TW_ERR_MEMORY, "out of memory looking for sparsity");
  return NULL;
}

const tw_table *tw_place_moved(tw_sparse *s, tw_expr node, const tw_table *at) {
  const tw_op *op = tw_op_of(node);
  int n = tw_arity_of(node);
  int64_t known;
  if (op->flags & TW_OP_ALIAS) return tw_table_scale(s, at, 1, 1 + op->alias(node));
  if (tw_memo_get(&s->sources, (uint64_t)node.id, (uint64_t)-1, 0, &known))
    return tw_table_compose(s, (const tw_table *)(intptr_t)known, at);
  const int64_t *begin = tw_place_begin(s, node);
  tw_expr *in = tw_sparse_alloc(s, (size_t)n, sizeof *in);
  if (!begin || !in) return NULL;
  for (int i = 0; i < n; i++) in[i] = numbered(tw_input_of(node, i), 1 + begin[i]);
  return tw_table_compose(s, sources_of(s, node, -1, tw_node(s->graph, op, n, in, tw_attr_of(node))), at);
}

/* The interval begin[i] .. begin[i + 1] - 1 that holds p, by bisection. */
static int64_t interval(int n, const int64_t *begin, int64_t p) {
  int low = 0, high = n;
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if (begin[middle] <= p)
      low = middle;
    else
      high = middle;
  }
  return low;
}

const tw_table *tw_place_labels(tw_sparse *s, int arity, const int64_t *begin, const tw_table *moved,
                                int64_t *from, const tw_table **position) {
  int64_t low, high;
  *position = NULL;
  if (!moved || !begin) return NULL;
  tw_table_range(moved, &low, &high);
  *from = low == 0 ? -1 : interval(arity, begin, low - 1);
  if (low == 0 ? high == 0 : interval(arity, begin, high - 1) == *from) {
    *position = low == 0 ? moved : tw_table_scale(s, moved, 1, -1 - begin[*from]);
    return tw_table_constant(s, moved->n, *from);
  }
  int64_t *label = tw_table_buffer(s, moved->n);
  for (int64_t k = 0; label && k < moved->n; k++) {
    int64_t p = tw_table_at(moved, k);
    label[k] = p == 0 ? -1 : interval(arity, begin, p - 1);
  }
  return tw_table_own(s, moved->n, label);
}

const tw_table *tw_place_target(tw_sparse *s, tw_expr loop, const tw_table *at) {
  const tw_loop_attr *attr = tw_attr_of(loop);
  int n = (int)attr->n_targets;
  if (n == 1 || !at) return at ? tw_table_constant(s, at->n, 0) : NULL;
  int64_t *begin = tw_sparse_alloc(s, (size_t)n + 1, sizeof *begin), from;
  for (int t = 0; begin && t < n; t++) begin[t] = attr->target[t].offset;
  const tw_table *position;
  return begin ? tw_place_labels(s, n, begin, tw_table_scale(s, at, 1, 1), &from, &position) : NULL;
}

/* ------------------------------------------------------------------ look-ups */

/* Element p of an integer node at every iteration, when it is known and inside 0 .. extent - 1. */
static const tw_table *index_at(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *p,
                                int64_t extent) {
  int64_t low, high;
  const tw_table *t = p ? tw_sparse_numbers(s, tw_element(s, frame, node, p), p->n) : NULL;
  if (!t) return NULL;
  tw_table_range(t, &low, &high);
  return low >= 0 && high < extent ? t : NULL;
}

int64_t tw_place_tail(const tw_shape *shape, int n) {
  return tw_shape_split(shape, n, 0).inner;
}

const tw_table *tw_place_slots(tw_sparse *s, const tw_frame *frame, int n, const tw_expr *index,
                               const tw_shape *shape, const tw_table *p) {
  const tw_table *slot = p ? tw_table_constant(s, p->n, 0) : NULL;
  for (int axis = 0; axis < n && slot; axis++)
    slot = tw_table_sum(s, slot, shape->dim[axis], index_at(s, frame, index[axis], p, shape->dim[axis]));
  return slot;
}

/* With (outer, count, inner) the extents of the index before, along and after the axis, place [o, c, j] names
 * [o, index, j] of an axis of `length`. */
const tw_table *tw_place_along(tw_sparse *s, const tw_frame *frame, tw_expr index, int axis, int64_t length,
                               const tw_table *at) {
  tw_shape shape = tw_shape_of(index);
  tw_extents e = tw_shape_split(&shape, axis, 1);
  const tw_table *i = index_at(s, frame, index, at, length);
  const tw_table *outer = tw_table_divide(s, at, e.middle * e.inner),
                 *inner = tw_table_remainder(s, at, e.inner);
  return tw_table_sum(s, tw_table_sum(s, outer, length, i), e.inner, inner);
}

const tw_table *tw_place_taken(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at) {
  tw_shape shape = tw_shape_of(tw_input_of(node, 0));
  if (!at) return NULL;
  if (tw_op_of(node) == &tw_op_take_along) {
    int axis = (int)*(const int64_t *)tw_attr_of(node);
    return tw_place_along(s, frame, tw_input_of(node, 1), axis, shape.dim[axis], at);
  }
  tw_expr index[TW_MAX_RANK];
  int n = tw_arity_of(node) - 1;
  for (int i = 0; i < n; i++) index[i] = tw_input_of(node, i + 1);
  int64_t tail = tw_place_tail(&shape, n);
  const tw_table *slot = tw_place_slots(s, frame, n, index, &shape, tw_table_divide(s, at, tail));
  return tw_table_sum(s, slot, tail, tw_table_remainder(s, at, tail));
}

/* ------------------------------------------------------------------ reductions and products */

int64_t tw_place_fan(tw_expr node) {
  if (tw_op_of(node) != &tw_op_matmul) return tw_reduction_extents(node).middle;
  tw_shape a = tw_shape_of(tw_input_of(node, 0)), b = tw_shape_of(tw_input_of(node, 1));
  return tw_matmul_extents_of(&a, &b, tw_attr_of(node)).k_a;
}

const tw_table *tw_place_reduced(tw_sparse *s, tw_expr node, const tw_table *at, const tw_table *q) {
  tw_extents e = tw_reduction_extents(node);
  bool kept = tw_op_of(node) == &tw_op_softmax; /* the reduced axes are still there */
  const tw_table *outer = tw_table_divide(s, at, kept ? e.middle * e.inner : e.inner);
  return tw_table_sum(s, tw_table_sum(s, outer, e.middle, q), e.inner, tw_table_remainder(s, at, e.inner));
}

/* op(A) is m x k and op(B) k x n in stacks that broadcast; vectors are one row or one column. */
const tw_table *tw_place_factor(tw_sparse *s, tw_expr node, int operand, const tw_table *at,
                                const tw_table *q) {
  const tw_matmul_attr *attr = tw_attr_of(node);
  tw_shape shape[2] = {tw_shape_of(tw_input_of(node, 0)), tw_shape_of(tw_input_of(node, 1))};
  tw_matmul_extents e = tw_matmul_extents_of(&shape[0], &shape[1], attr);
  if (!at || !q) return NULL;
  if (shape[operand].rank == 1) return q;
  int core[2] = {shape[0].rank < 2 ? 1 : 2, shape[1].rank < 2 ? 1 : 2};
  tw_matrices stack = tw_matrices_make(&shape[0], core[0], &shape[1], core[1]);
  int64_t m = shape[0].rank < 2 ? 1 : e.m, n = shape[1].rank < 2 ? 1 : e.n, *out = tw_table_buffer(s, at->n);
  for (int64_t k = 0; out && k < at->n; k++) {
    int64_t p = tw_table_at(at, k), i = p / n % m, j = p % n, c = tw_table_at(q, k), matrix[2];
    tw_matrices_at(&stack, p / (m * n), matrix);
    if (operand == 0)
      out[k] = matrix[0] * m * e.k_a + (attr->ta ? c * m + i : i * e.k_a + c);
    else
      out[k] = matrix[1] * n * e.k_a + (attr->tb ? j * e.k_a + c : c * n + j);
  }
  return tw_table_own(s, at->n, out);
}

/* ------------------------------------------------------------------ larger domains */

static bool is_too_large(const tw_sparse *s, int64_t n, int64_t fan) {
  if (fan == 0) return false;
  return n > TW_DOMAIN_MOST / fan || (n > 1 && fan > 1 && n * fan > s->domain_most);
}

const tw_table *tw_place_repeat(tw_sparse *s, int64_t n, int64_t fan) {
  if (is_too_large(s, n, fan)) return NULL;
  if (n == 1) return tw_table_constant(s, fan, 0);
  return tw_table_divide(s, tw_table_identity(s, n * fan), fan > 0 ? fan : 1);
}

const tw_table *tw_place_digit(tw_sparse *s, int64_t n, int64_t fan) {
  if (is_too_large(s, n, fan)) return NULL;
  if (n == 1) return tw_table_identity(s, fan);
  return tw_table_remainder(s, tw_table_identity(s, n * fan), fan > 0 ? fan : 1);
}
