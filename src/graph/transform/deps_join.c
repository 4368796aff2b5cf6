/* Sets of elements that are made of many: reductions, products, running sums, scattered sums, loops. */
#include "graph/ops/cumulate.h"
#include "graph/ops/loop.h"
#include "graph/ops/ops.h"
#include "graph/transform/deps.h"
#include "graph/transform/reduction.h"

/* ------------------------------------------------------------------ joining */

/* out[owner[i]] joined with set[i], where owners ascend. */
static bool join_owned(tw_deps *d, int32_t *out, const tw_table *owner, const int32_t *set) {
  for (int64_t i = 0, end; i < owner->n; i = end) {
    int64_t k = tw_table_at(owner, i);
    for (end = i + 1; end < owner->n && tw_table_at(owner, end) == k;) end++;
    int32_t both[2] = {out[k], 0};
    if (!tw_deps_join_sets(d, &both[1], end - i, set + i) || !tw_deps_join_sets(d, &out[k], 2, both))
      return false;
  }
  return true;
}

/* Joins the sets of a place on a larger domain. */
static bool join_place(tw_deps *d, int32_t *out, const tw_table *owner, tw_origin p) {
  if (!owner || !p.frame || !p.at) return false;
  if (owner->n == 0 || !tw_frame_depends(p.frame, p.node)) return true;
  const int32_t *set = tw_deps_of(d, p);
  return set && join_owned(d, out, owner, set);
}

/* Every iteration joined with all elements of a node. */
static bool join_all(tw_deps *d, int32_t *out, int64_t n, const tw_frame *frame, tw_expr node) {
  tw_sparse *s = d->s;
  if (!tw_frame_depends(frame, node)) return true;
  int number = tw_param_number(node);
  if (frame->up && number > 0) return join_all(d, out, n, frame->up, tw_input_of(frame->loop, number - 1));
  int64_t size = tw_size_of(node);
  if (frame->up) {
    const tw_table *owner = tw_place_repeat(s, n, size);
    return join_place(d, out, owner,
                      tw_origin_of(tw_frame_rebase(s, frame, owner), node, tw_place_digit(s, n, size)));
  }
  int32_t all;
  const int32_t *set = tw_deps_of(d, tw_origin_of(frame, node, tw_table_identity(s, size)));
  if (!set || !tw_deps_join_sets(d, &all, size, set)) return false;
  for (int64_t k = 0; k < n; k++)
    if (!tw_deps_join_sets(d, &out[k], 2, (int32_t[]){out[k], all})) return false;
  return true;
}

static bool join_operands(tw_deps *d, int32_t *out, tw_origin p) {
  for (int i = 0; i < tw_arity_of(p.node); i++)
    if (!join_all(d, out, p.at->n, p.frame, tw_input_of(p.node, i))) return false;
  return true;
}

/* ------------------------------------------------------------------ elements of many elements */

/* Positions of several operands or zeros: part by part. */
static bool join_moved(tw_deps *d, int32_t *out, tw_origin p) {
  tw_sparse *s = d->s;
  int count;
  int64_t from, *label;
  const int64_t *begin = tw_place_begin(s, p.node);
  const tw_table *position, **part, *moved = tw_place_moved(s, p.node, p.at);
  const tw_table *labels = tw_place_labels(s, tw_arity_of(p.node), begin, moved, &from, &position);
  if (!labels || !tw_table_partition(s, labels, &count, &part, &label)) return false;
  for (int i = 0; i < count; i++) {
    if (label[i] < 0) continue;
    const tw_table *at = tw_table_scale(s, tw_table_compose(s, moved, part[i]), 1, -1 - begin[label[i]]);
    tw_origin in = tw_origin_of(tw_frame_rebase(s, p.frame, part[i]), tw_input_of(p.node, (int)label[i]), at);
    if (!join_place(d, out, part[i], in)) return false;
  }
  return true;
}

/* The elements of operand i that make one element of a reduction or a product of matrices lie at equal distance. */
typedef struct line {
  const tw_table *first; /* by iteration */
  int64_t step, fan;
} line;

static const tw_table *fan_place(tw_sparse *s, tw_expr node, int i, const tw_table *at, const tw_table *q) {
  return tw_op_of(node) == &tw_op_matmul ? tw_place_factor(s, node, i, at, q)
                                         : tw_place_reduced(s, node, at, q);
}

static bool find_line(tw_sparse *s, tw_origin p, int i, line *out) {
  const int64_t n = p.at->n;
  const tw_table *next = fan_place(s, p.node, i, p.at, tw_table_constant(s, n, 1));
  out->first = fan_place(s, p.node, i, p.at, tw_table_constant(s, n, 0));
  if (!next || !out->first) return false;
  out->step = tw_table_at(next, 0) - tw_table_at(out->first, 0);
  out->fan = tw_place_fan(p.node);
  return true;
}

/* The lines of operand i, from the sets of its elements: each line once, or, where factors that are 0 drop
 * terms, each pair of lines. O(n + size) unions without such factors, O(n fan) look-ups with them. */
static bool join_lines(tw_deps *d, int32_t *out, tw_origin p, int i, const int32_t *set) {
  tw_sparse *s = d->s;
  line in, other = {0};
  const bool product = tw_op_of(p.node) == &tw_op_matmul;
  const bool fixed = product && !tw_frame_depends(p.frame, tw_input_of(p.node, 1 - i));
  const bool *mask = fixed ? tw_sparse_nonzero_elements(s, tw_input_of(p.node, 1 - i)) : NULL;
  if (!find_line(s, p, i, &in) || (mask && !find_line(s, p, 1 - i, &other))) return false;
  int32_t *made = tw_deps_alloc(d, tw_size_of(tw_input_of(p.node, i))); /* 1 + set, by first element */
  int32_t *term = tw_sparse_alloc(s, (size_t)in.fan, sizeof *term);
  if (!made || !term) return false;
  for (int64_t k = 0; k < p.at->n; k++) {
    const int64_t first = tw_table_at(in.first, k), by = mask ? tw_table_at(other.first, k) : 0;
    int32_t both[2] = {out[k], made[first] - 1};
    if (mask || !made[first]) {
      int64_t n = 0;
      for (int64_t q = 0; q < in.fan; q++)
        if (!mask || mask[by + q * other.step]) term[n++] = set[first + q * in.step];
      if (!tw_deps_join_sets(d, &both[1], n, term)) return false;
      made[first] = 1 + both[1];
    }
    if (!tw_deps_join_sets(d, &out[k], 2, both)) return false;
  }
  return true;
}

/* Reductions and products of matrices: operand i at the fan elements that make one. Terms whose other factor
 * is known to be 0 do not count. Where elements of the operand are met more than once, their sets are made
 * first; else the fan elements are a place on a larger domain. */
static bool join_fan(tw_deps *d, int32_t *out, tw_origin p, int i) {
  tw_sparse *s = d->s;
  tw_expr operand = tw_input_of(p.node, i);
  int64_t n = p.at->n, fan = tw_place_fan(p.node), size = tw_size_of(operand);
  if (n == 0 || fan == 0 || !p.frame || !tw_frame_depends(p.frame, operand)) return true;
  if (!p.frame->up && n > size / fan) {
    const int32_t *set = tw_deps_of(d, tw_origin_of(p.frame, operand, tw_table_identity(s, size)));
    return set && join_lines(d, out, p, i, set);
  }
  const tw_table *owner = tw_place_repeat(s, n, fan), *q = tw_place_digit(s, n, fan);
  if (!owner) return join_all(d, out, n, p.frame, operand);
  const tw_table *at = tw_table_compose(s, p.at, owner), *in = fan_place(s, p.node, i, at, q);
  const tw_frame *frame = tw_frame_rebase(s, p.frame, owner);
  if (tw_op_of(p.node) == &tw_op_matmul) {
    tw_expr other = tw_input_of(p.node, 1 - i);
    bool fixed = frame && !tw_frame_depends(frame, other);
    tw_expr by = fixed ? tw_element(s, frame, other, tw_place_factor(s, p.node, 1 - i, at, q)) : TW_NONE;
    const tw_table *some = tw_is_none(by) ? NULL : tw_sparse_nonzeros(s, by, owner->n);
    if (some) {
      owner = tw_table_compose(s, owner, some);
      in = tw_table_compose(s, in, some);
      frame = tw_frame_rebase(s, frame, some);
    }
  }
  return join_place(d, out, owner, tw_origin_of(frame, operand, in));
}

/* Running sums, products and recurrences outside of loops: all that came before. */
static bool join_running(tw_deps *d, int32_t *out, tw_origin p) {
  tw_lanes lanes = tw_lanes_of(p.node);
  int64_t size = tw_size_of(p.node);
  for (int i = 0; i < tw_arity_of(p.node); i++) {
    tw_expr in = tw_input_of(p.node, i);
    if (!tw_frame_depends(p.frame, in)) continue;
    const int32_t *set = tw_deps_of(d, tw_origin_of(p.frame, in, tw_table_identity(d->s, size)));
    int32_t *run = tw_deps_alloc(d, size);
    if (!set || !run) return false;
    for (int64_t o = 0; o < lanes.extents.outer; o++)
      for (int64_t c = 0; c < lanes.extents.middle; c++)
        for (int64_t j = 0; j < lanes.extents.inner; j++) {
          int64_t at = o * lanes.extents.middle * lanes.extents.inner + lanes.first + c * lanes.step + j;
          if (!tw_deps_join_sets(d, &run[at], 2, (int32_t[]){set[at], c > 0 ? run[at - lanes.step] : 0}))
            return false;
        }
    for (int64_t k = 0; k < p.at->n; k++)
      if (!tw_deps_join_sets(d, &out[k], 2, (int32_t[]){out[k], run[tw_table_at(p.at, k)]})) return false;
  }
  return true;
}

static bool join_scattered(tw_deps *d, int32_t *out, tw_origin p) {
  tw_scatter scatter;
  const tw_table *owner, *which, *tail;
  int value = tw_op_of(p.node) == &tw_op_scatter_along ? 0 : tw_arity_of(p.node) - 1;
  bool known = !p.frame->up && tw_scatter_of_node(d->s, p.node, &scatter);
  if (!known || !tw_place_scattered(d->s, &scatter, p.at, &owner, &which, &tail))
    return join_operands(d, out, p);
  const tw_table *at = tw_table_sum(d->s, which, scatter.tail, tail);
  return join_place(d, out, owner,
                    tw_origin_of(tw_frame_rebase(d->s, p.frame, owner), tw_input_of(p.node, value), at));
}

/* ------------------------------------------------------------------ loops */

static bool join_result(tw_deps *d, int32_t *out, tw_origin p, int i) {
  tw_sparse *s = d->s;
  const tw_loop_attr *attr = tw_attr_of(p.node);
  const tw_loop_result *r = &attr->result[i];
  tw_expr value = attr->body->outputs[r->first];
  const tw_table *owner = NULL, *k, *at;
  if (r->kind == TW_LOOP_SCATTER) {
    tw_scatter scatter;
    const tw_table *which, *tail;
    bool known = !p.frame->up && tw_scatter_of_result(s, p.node, i, &scatter);
    if (!known || !tw_place_scattered(s, &scatter, p.at, &owner, &which, &tail))
      return join_operands(d, out, p);
    int64_t points = scatter.tail > 0 ? tw_size_of(value) / scatter.tail : 1;
    k = tw_table_divide(s, which, points);
    at = tw_table_sum(s, tw_table_remainder(s, which, points), scatter.tail, tail);
  } else if (r->kind == TW_LOOP_SUM) {
    owner = tw_place_repeat(s, p.at->n, attr->n);
    k = tw_place_digit(s, p.at->n, attr->n);
    at = tw_table_compose(s, p.at, owner);
    if (!owner) return join_operands(d, out, p);
  } else {
    int64_t size = tw_size_of(value);
    owner = tw_table_identity(s, p.at->n);
    k = tw_table_divide(s, p.at, size);
    at = tw_table_remainder(s, p.at, size);
  }
  return join_place(
      d, out, owner,
      tw_origin_of(tw_frame_enter(s, tw_frame_rebase(s, p.frame, owner), p.node, k), value, at));
}

static bool join_loop(tw_deps *d, int32_t *out, tw_origin p) {
  tw_sparse *s = d->s;
  const tw_loop_attr *attr = tw_attr_of(p.node);
  const tw_table *targets = tw_place_target(s, p.node, p.at), **part;
  int64_t *label;
  int count;
  if (!targets || !tw_table_partition(s, targets, &count, &part, &label)) return false;
  for (int t = 0; t < count; t++) {
    const tw_table *at =
        tw_table_scale(s, tw_table_compose(s, p.at, part[t]), 1, -attr->target[label[t]].offset);
    tw_origin in = tw_origin_of(tw_frame_rebase(s, p.frame, part[t]), p.node, at);
    int32_t *sub = tw_deps_alloc(d, part[t]->n);
    if (!sub || !in.frame || !at) return false;
    for (int i = 0; i < attr->n_results; i++)
      if (attr->result[i].target == label[t] && !join_result(d, sub, in, i)) return false;
    if (!join_owned(d, out, part[t], sub)) return false;
  }
  return true;
}

/* ------------------------------------------------------------------ all of them */

bool tw_deps_join(tw_deps *d, int32_t *out, tw_origin p) {
  tw_sparse *s = d->s;
  if (p.later) {
    p.later = false;
    return join_place(d, out, tw_table_identity(s, p.at->n), p);
  }
  const tw_op *op = tw_op_of(p.node);
  if (tw_is_move(p.node)) return join_moved(d, out, p);
  if (tw_is_reduction(p.node)) return join_fan(d, out, p, 0);
  if (op == &tw_op_matmul) return join_fan(d, out, p, 0) && join_fan(d, out, p, 1);
  if (op == &tw_op_loop) return join_loop(d, out, p);
  if (op == &tw_op_scatter_add || op == &tw_op_scatter_along) return join_scattered(d, out, p);
  if ((op == &tw_op_cumsum || op == &tw_op_cumprod || op == &tw_op_recurrence) && !p.frame->up)
    return join_running(d, out, p);
  return join_operands(d, out, p);
}
