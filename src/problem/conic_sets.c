/* Sets of variables as cones, and norms of groups. */
#include "domain/kinds.h"
#include "graph/ops/ops.h"
#include "problem/conic.h"

#include <stdlib.h>

/* ------------------------------------------------------------------ groups */

static int64_t members(int64_t n, const int64_t *label, int64_t g, int64_t tail, int64_t *index) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = 0; k < tail && label[i] == g; k++) index[count++] = i * tail + k;
  return count;
}

/* sum_g |x_g|: one cone for every label that occurs. */
static tw_expr sum_of_groups(tw_conic_build *b, tw_expr x, int64_t n, const int64_t *label) {
  const int64_t tail = tw_size_of(x) / n;
  int64_t *index = tw_alloc((size_t)tw_size_of(x), sizeof *index);
  if (!index) return tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory"), TW_NONE;
  const tw_expr t = tw_conic_unknown(b, TW_SHAPE(n)), flat = tw_ravel(x);
  tw_expr sum = tw_scalar(b->graph, 0);
  for (int64_t g = 0; g < n && !tw_is_none(t); g++) {
    const int64_t count = members(n, label, g, tail, index);
    const tw_expr own = tw_slice(t, 0, g, 1, 1);
    if (count == 0) { /* nothing needs this one */
      tw_conic_add(b, TW_CONE_ZERO, 0, 0, own);
      continue;
    }
    const tw_expr take = tw_conic_indices(b, count, index), rows[2] = {own, tw_take(flat, 1, &take)};
    tw_conic_add(b, TW_CONE_SECOND_ORDER, 0, 0, tw_concat(2, rows, 0));
    sum = tw_add(sum, tw_reshape(own, TW_SCALAR));
  }
  free(index);
  return sum;
}

tw_expr tw_conic_group_norms(tw_conic_build *b, tw_expr x, tw_expr groups) {
  enum { GROUPS_MOST = 5000 };
  tw_array value;
  if (tw_is_none(x)) return x;
  if (tw_size_of(groups) > GROUPS_MOST)
    return tw_conic_refuse(b, TW_ERR_UNSUPPORTED, "group_l2 with more than %d labels", GROUPS_MOST), TW_NONE;
  if (tw_problem_evaluate(b->problem, tw_cast(groups, TW_I64), &value, NULL) != TW_OK)
    return tw_conic_refuse(b, TW_ERR_UNSUPPORTED, "the labels of group_l2 must be known"), TW_NONE;
  const tw_expr sum = sum_of_groups(b, x, tw_size_of(groups), value.data);
  tw_array_free(&value);
  return sum;
}

/* ------------------------------------------------------------------ sets */

/* Rows (the last axis) with a bound on their norm. */
static void add_ball(tw_conic_build *b, tw_expr x, tw_expr radius) {
  tw_shape column = tw_shape_of(x);
  const int64_t n = column.dim[column.rank - 1];
  column.dim[column.rank - 1] = 1;
  const tw_expr both[2] = {tw_broadcast(tw_row_column(radius), column), x};
  tw_conic_add(b, TW_CONE_SECOND_ORDER, n + 1, 0, tw_concat(2, both, column.rank - 1));
}

static void add_l1_ball(tw_conic_build *b, tw_expr x, tw_expr radius) {
  const tw_expr t = tw_conic_unknown(b, tw_shape_of(x));
  tw_conic_add(b, TW_CONE_NONNEG, 0, 0, tw_sub(t, x));
  tw_conic_add(b, TW_CONE_NONNEG, 0, 0, tw_add(t, x));
  tw_conic_add(b, TW_CONE_NONNEG, 0, 0, tw_sub(tw_row_column(radius), tw_row_sum(t)));
}

/* One unknown for each pair of entries: the upper triangle stands for the lower. */
static void pair_entries(int64_t offset, int64_t size, int64_t k, int64_t *twin) {
  for (int64_t start = offset; start < offset + size; start += k * k)
    for (int64_t i = 0; i < k; i++)
      for (int64_t j = 0; j < i; j++) twin[start + i * k + j] = start + j * k + i;
}

static void add_set(tw_conic_build *b, const tw_variable *v, const tw_domain *set, int64_t *twin) {
  const tw_expr x = v->expr, *param = set->param;
  const tw_domain_kind *kind = set->kind;
  tw_expr lower = TW_NONE, upper = TW_NONE;
  if (kind->bounds) {
    kind->bounds(b->graph, tw_shape_of(x), param, &lower, &upper);
    tw_conic_add_bounded(b, x, lower, upper, -1);
  } else if (kind == &tw_domain_simplex) {
    tw_conic_add(b, TW_CONE_NONNEG, 0, 0, x);
    tw_conic_add(b, TW_CONE_ZERO, 0, 0, tw_sub(tw_row_sum(x), tw_row_column(param[0])));
  } else if (kind == &tw_domain_capped_simplex) {
    tw_conic_add_bounded(b, x, param[0], param[1], -1);
    tw_conic_add(b, TW_CONE_ZERO, 0, 0, tw_sub(tw_row_sum(x), tw_row_column(param[2])));
  } else if (kind == &tw_domain_box_section) {
    tw_conic_add_bounded(b, x, param[0], param[1], -1);
    tw_conic_add(b, TW_CONE_ZERO, 0, 0, tw_sub(tw_row_sum(tw_mul(param[2], x)), tw_row_column(param[3])));
  } else if (kind == &tw_domain_order_simplex) {
    const int axis = tw_shape_of(x).rank - 1;
    const int64_t steps = tw_shape_of(x).dim[axis] - 1;
    tw_conic_add_bounded(b, x, tw_row_column(param[0]), tw_row_column(param[1]), -1);
    if (steps > 0) tw_conic_add(b, TW_CONE_NONNEG, 0, 0, tw_sub(tw_slice(x, axis, 1, steps, 1), tw_slice(x, axis, 0, steps, 1)));
  } else if (kind == &tw_domain_l1_ball) {
    add_l1_ball(b, x, param[0]);
  } else if (kind == &tw_domain_ball) {
    add_ball(b, x, param[0]);
  } else if (kind == &tw_domain_hyperplane || kind == &tw_domain_halfspace) {
    const tw_expr excess = tw_sub(tw_row_sum(tw_mul(param[0], x)), tw_row_column(param[1]));
    tw_conic_add(b, kind == &tw_domain_hyperplane ? TW_CONE_ZERO : TW_CONE_NONNEG, 0, 0, tw_neg(excess));
  } else if (kind == &tw_domain_affine) {
    const tw_expr product = tw_matmul(x, tw_matrix_transpose(param[0]));
    tw_conic_add(b, TW_CONE_ZERO, 0, 0, tw_sub(product, param[1]));
  } else if (kind == &tw_domain_psd) {
    const tw_shape shape = tw_shape_of(x);
    const int64_t k = shape.dim[shape.rank - 1];
    pair_entries(v->offset, v->size, k, twin);
    tw_conic_add_psd(b, x, k);
  } else {
    tw_conic_refuse(b, TW_ERR_UNSUPPORTED, "%s: no cone stands for the set %s", v->name, kind->name);
  }
}

tw_status tw_conic_add_sets(tw_conic_build *b, int64_t *twin) {
  const tw_problem *p = b->problem;
  for (int i = 0; i < p->variables.count && b->status == TW_OK; i++)
    if (b->set[i].kind) add_set(b, p->variables.item[i], &b->set[i], twin);
  return b->status != TW_OK ? b->status : tw_graph_status(b->graph);
}
