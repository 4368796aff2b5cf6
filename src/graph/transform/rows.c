/* Rows: e[k, ..] with the look-up moved from e down to what it is computed of, so that one row costs the work of one row.
 *
 * A first pass from e downwards marks the nodes of which a row is wanted, by a rule for each op that says how a row of the result
 * comes of rows of its operands or of whole operands; a second pass upwards builds the rows. Where no rule fits, the row is
 * looked up in the node itself, which is always right. */
#include "graph/ops/loop.h"
#include "graph/ops/matmul.h"
#include "graph/ops/ops.h"
#include "graph/ops/reduce.h"
#include "graph/transform/rewrite.h"
#include "graph/transform/rows.h"

#include <stdlib.h>
#include <string.h>

typedef enum row_rule {
  ROW_LOOK_UP,   /* of the node itself */
  ROW_BROADCAST, /* element-wise ops and broadcast: operands that have the leading axis by their rows */
  ROW_ALONG,    /* along an axis other than the leading one, which the attribute names first */
  ROW_BY_ROWS,   /* TW_OP_BY_ROWS */
  ROW_RESHAPE,
  ROW_TRANSPOSE,
  ROW_MATMUL,
  ROW_TAKE,      /* of the indices */
  ROW_STACK,     /* a loop's stack */
  ROW_FILL,
  ROW_IOTA
} row_rule;

static bool leads(tw_expr e, int64_t n) {
  const tw_shape shape = tw_shape_of(e);
  return shape.rank > 0 && shape.dim[0] == n;
}

static tw_shape without_first(tw_shape shape) {
  return tw_shape_remove(shape, 0);
}

static bool works_along(const tw_op *op) {
  static const tw_op *const ops[] = {&tw_op_sum,    &tw_op_prod,   &tw_op_reduce_max,   &tw_op_reduce_min, &tw_op_logsumexp,
                                     &tw_op_softmax, &tw_op_norm,  &tw_op_argmax,       &tw_op_argmin_index, &tw_op_argsort,
                                     &tw_op_cumsum, &tw_op_cumprod, &tw_op_recurrence,  &tw_op_take_along, &tw_op_concat,
                                     &tw_op_slice};
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
    if (op == ops[i]) return true;
  return false;
}

static int64_t axis_of(tw_expr node) {
  int64_t axis;
  memcpy(&axis, tw_attr_of(node), sizeof axis);
  return axis;
}

/* The loop whose first and only target, a stack over its index, has the elements of e. */
static bool is_stack(tw_expr e, int64_t n, tw_expr *loop) {
  while (tw_op_of(e) == &tw_op_reshape) e = tw_input_of(e, 0);
  if (tw_op_of(e) != &tw_op_loop) return false;
  const tw_loop_attr *attr = tw_attr_of(e);
  if (attr->n_targets != 1 || attr->n != n) return false;
  for (int64_t r = 0; r < attr->n_results; r++)
    if (attr->result[r].kind != TW_LOOP_STACK) return false;
  *loop = e;
  return true;
}

static bool all_lead(tw_expr node, int first, int64_t n) {
  for (int i = first; i < tw_arity_of(node); i++)
    if (!leads(tw_input_of(node, i), n)) return false;
  return tw_arity_of(node) > first;
}

/* The rule for a node of n rows. */
static row_rule rule_of(tw_expr node, int64_t n) {
  const tw_op *op = tw_op_of(node);
  const tw_shape shape = tw_shape_of(node);
  tw_expr a = tw_input_of(node, 0), loop;
  if (op == &tw_op_fill) return ROW_FILL;
  if (op == &tw_op_iota) return ROW_IOTA;
  if (is_stack(node, n, &loop)) return ROW_STACK;
  if (op == &tw_op_broadcast || (op && (op->flags & TW_OP_ELEMENTWISE))) return ROW_BROADCAST;
  if (op && (op->flags & TW_OP_BY_ROWS) && tw_shape_of(a).rank > 1 && all_lead(node, 0, n)) return ROW_BY_ROWS;
  if (works_along(op)) return axis_of(node) > 0 && all_lead(node, 0, n) ? ROW_ALONG : ROW_LOOK_UP;
  if (op == &tw_op_reshape) return leads(a, n) ? ROW_RESHAPE : ROW_LOOK_UP;
  if (op == &tw_op_transpose) return ((const tw_perm_attr *)tw_attr_of(node))->axis[0] == 0 ? ROW_TRANSPOSE : ROW_LOOK_UP;
  if (op == &tw_op_take) return all_lead(node, 1, n) ? ROW_TAKE : ROW_LOOK_UP;
  if (op == &tw_op_matmul && shape.rank <= 2 && tw_shape_of(a).rank <= 2 && tw_shape_of(tw_input_of(node, 1)).rank <= 2)
    return ROW_MATMUL;
  return ROW_LOOK_UP;
}

/* Is a row of operand i wanted for a row of the node? */
static bool wants(tw_expr node, row_rule rule, int i) {
  tw_expr in = tw_input_of(node, i);
  const tw_shape shape = tw_shape_of(node);
  switch (rule) {
  case ROW_BROADCAST: return tw_shape_of(in).rank == shape.rank && leads(in, shape.dim[0]);
  case ROW_ALONG:
  case ROW_BY_ROWS:
  case ROW_RESHAPE:
  case ROW_TRANSPOSE: return true;
  case ROW_TAKE: return i > 0;
  case ROW_MATMUL: {
    const tw_matmul_attr *attr = tw_attr_of(node);
    if (tw_shape_of(tw_input_of(node, 0)).rank == 2) return i == 0 && !attr->ta;
    return i == 1 && attr->tb;
  }
  case ROW_LOOK_UP:
  case ROW_STACK:
  case ROW_FILL:
  case ROW_IOTA: break;
  }
  return false;
}

/* ------------------------------------------------------------------ building */

typedef struct rows {
  tw_rewrite rw; /* image: the row of a node */
  tw_expr k;
} rows;

/* Element-wise: operands of extent 1 along the leading axis lose it. */
static tw_expr broadcast_row(tw_expr node, tw_expr *in) {
  const int rank = tw_shape_of(node).rank;
  for (int i = 0; i < tw_arity_of(node); i++) {
    tw_expr whole = tw_input_of(node, i);
    if (!wants(node, ROW_BROADCAST, i) && tw_shape_of(whole).rank == rank) in[i] = tw_reshape(in[i], without_first(tw_shape_of(whole)));
  }
  if (tw_op_of(node) == &tw_op_broadcast) return tw_broadcast(in[0], without_first(tw_shape_of(node)));
  return tw_node(node.graph, tw_op_of(node), tw_arity_of(node), in, tw_attr_of(node));
}

static tw_expr along_row(tw_expr node, const tw_expr *in) {
  int64_t attr[8];
  const size_t bytes = tw_op_of(node)->attr_bytes;
  if (bytes > sizeof attr) return TW_NONE;
  memcpy(attr, tw_attr_of(node), bytes);
  attr[0]--;
  return tw_node(node.graph, tw_op_of(node), tw_arity_of(node), in, attr);
}

static tw_expr transpose_row(tw_expr node, tw_expr row) {
  const tw_perm_attr *attr = tw_attr_of(node);
  int perm[TW_MAX_RANK];
  for (int i = 0; i + 1 < attr->rank; i++) perm[i] = (int)attr->axis[i + 1] - 1;
  return attr->rank > 1 ? tw_transpose(row, perm) : row;
}

/* Row k of op(A) op(B): row k of op(A) times op(B); for a vector a, element k of a op(B): a times column k of op(B). */
static tw_expr matmul_row(tw_expr node, const tw_expr *in, tw_expr k) {
  const tw_matmul_attr *attr = tw_attr_of(node);
  tw_expr a = in[0], b = in[1];
  if (tw_shape_of(tw_input_of(node, 0)).rank == 2) {
    if (attr->ta) a = tw_take(tw_matrix_transpose(a), 1, &k);
    return tw_matmul(a, attr->tb && tw_shape_of(b).rank == 2 ? tw_matrix_transpose(b) : b);
  }
  if (!attr->tb) b = tw_take(tw_matrix_transpose(b), 1, &k);
  return tw_matmul(a, b);
}

static tw_expr take_row(tw_expr node, const tw_expr *in) {
  return tw_take(in[0], tw_arity_of(node) - 1, in + 1);
}

tw_expr tw_rows_below(tw_expr e, tw_expr k) {
  int32_t *order, count;
  if (tw_is_none(e) || !tw_walk(e.graph, 1, &e, &order, &count)) return TW_NONE;
  tw_expr *from = malloc(2 * ((size_t)count + 1) * sizeof *from), *to = from + count + 1;
  int n = 0;
  if (!from) tw_graph_fail(e.graph, TW_ERR_MEMORY, "out of memory transforming the graph");
  for (int32_t i = 0; from && i < count; i++) {
    tw_expr node = tw_at(e.graph, order[i]);
    if (tw_op_of(node) != &tw_op_take || tw_arity_of(node) != 2 || !tw_same(tw_input_of(node, 1), k)) continue;
    if (tw_arity_of(tw_input_of(node, 0)) == 0) continue;
    from[n] = node;
    to[n] = tw_row(tw_input_of(node, 0), k);
    n += !tw_is_none(to[n]) && !tw_same(to[n], node);
  }
  if (n > 0) tw_substitute(1, &e, n, from, to, &e);
  free(order);
  free(from);
  return e;
}

/* The values that iteration k gives to the stack. */
static tw_expr stack_row(tw_expr node, tw_expr k) {
  tw_expr loop = node, sum = TW_NONE;
  is_stack(node, tw_shape_of(node).dim[0], &loop);
  const tw_loop_attr *attr = tw_attr_of(loop);
  tw_expr *args = calloc((size_t)attr->body->n_params, sizeof *args), *value = calloc((size_t)attr->body->n_outputs + 1, sizeof *value);
  bool fine = args && value;
  if (!fine) tw_graph_fail(node.graph, TW_ERR_MEMORY, "out of memory transforming the graph");
  for (int i = 0; fine && i < attr->body->n_params; i++) args[i] = i == 0 ? k : tw_input_of(loop, i - 1);
  fine = fine && tw_body_inline(attr->body, args, value) == TW_OK;
  for (int64_t r = 0; fine && r < attr->n_results; r++) {
    tw_expr part = value[attr->result[r].first];
    sum = tw_is_none(sum) ? part : tw_add(sum, part);
  }
  free(args);
  free(value);
  return fine ? tw_reshape(tw_cast(tw_rows_below(sum, k), tw_dtype_of(node)), without_first(tw_shape_of(node))) : TW_NONE;
}

static tw_expr build(const rows *t, tw_expr node, row_rule rule, tw_expr *in) {
  const tw_shape shape = without_first(tw_shape_of(node));
  switch (rule) {
  case ROW_BROADCAST: return broadcast_row(node, in);
  case ROW_ALONG: return along_row(node, in);
  case ROW_BY_ROWS: return tw_node(node.graph, tw_op_of(node), tw_arity_of(node), in, tw_attr_of(node));
  case ROW_RESHAPE: return tw_reshape(in[0], shape);
  case ROW_TRANSPOSE: return transpose_row(node, in[0]);
  case ROW_MATMUL: return matmul_row(node, in, t->k);
  case ROW_TAKE: return take_row(node, in);
  case ROW_STACK: return stack_row(node, t->k);
  case ROW_FILL: return tw_fill(node.graph, tw_dtype_of(node), shape, ((const tw_fill_attr *)tw_attr_of(node))->value);
  case ROW_IOTA: return tw_cast(t->k, tw_dtype_of(node));
  case ROW_LOOK_UP: break;
  }
  return tw_take(node, 1, &t->k);
}

static tw_expr row_of(const rows *t, tw_expr node) {
  const row_rule rule = rule_of(node, tw_shape_of(node).dim[0]);
  tw_expr few[TW_FEW], *in = tw_inputs(node, few);
  if (!in) return TW_NONE;
  for (int i = 0; i < tw_arity_of(node); i++)
    if (wants(node, rule, i)) in[i] = tw_image(&t->rw, in[i]);
  const char *outer = tw_scope_enter(node);
  tw_expr row = build(t, node, rule, in);
  tw_scope_leave(node.graph, outer);
  if (in != few) free(in);
  return row;
}

/* wanted[id]: a row of the node is wanted. */
static void mark(const rows *t, tw_expr e, bool *wanted) {
  wanted[e.id] = true;
  for (int32_t i = t->rw.count; i-- > 0;) {
    tw_expr node = tw_at(t->rw.graph, t->rw.order[i]);
    if (!wanted[node.id]) continue;
    const row_rule rule = rule_of(node, tw_shape_of(node).dim[0]);
    for (int j = 0; j < tw_arity_of(node); j++)
      if (wants(node, rule, j)) wanted[tw_input_of(node, j).id] = true;
  }
}

tw_expr tw_row(tw_expr e, tw_expr k) {
  if (tw_is_none(e) || tw_is_none(k)) return TW_NONE;
  if (tw_shape_of(e).rank == 0) return tw_graph_fail(e.graph, TW_ERR_SHAPE, "row: a number has no rows");
  rows t = {.k = k};
  if (!tw_rewrite_open(&t.rw, 1, &e, 0, NULL)) return TW_NONE;
  bool *wanted = calloc((size_t)t.rw.limit + 1, sizeof *wanted);
  if (!wanted) tw_graph_fail(e.graph, TW_ERR_MEMORY, "out of memory transforming the graph");
  if (wanted) mark(&t, e, wanted);
  for (int32_t i = 0; wanted && i < t.rw.count && t.rw.graph->status == TW_OK; i++) {
    const int32_t id = t.rw.order[i];
    if (wanted[id]) tw_set_image(&t.rw, id, row_of(&t, tw_at(t.rw.graph, id)));
  }
  tw_expr row = tw_image(&t.rw, e);
  free(wanted);
  tw_rewrite_close(&t.rw);
  return row;
}

tw_expr tw_rows(tw_expr e, tw_expr index) {
  if (tw_is_none(e) || tw_is_none(index)) return TW_NONE;
  if (tw_shape_of(index).rank != 1)
    return tw_graph_fail(e.graph, TW_ERR_SHAPE, "rows: the positions have rank %d, expected 1", tw_shape_of(index).rank);
  tw_expr k = tw_input(e.graph, "row", tw_dtype_of(index), TW_SCALAR), row = tw_row(e, k), out = TW_NONE;
  if (!tw_is_none(row)) tw_batch(1, &row, 1, &k, &index, tw_size_of(index), &out);
  return out;
}
