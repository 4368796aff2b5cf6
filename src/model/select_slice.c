/* Indexing: slices on one axis. */
#include "model/select.h"

/* ------------------------------------------------------------------ slices */

static bool slice_bound(tw_indexing *x, const tw_ast *bound, int64_t *position) {
  const tw_index_set *set = x->base.axis[x->axis];
  int64_t extent = x->shape.dim[x->axis];
  if (tw_select_is_label(x, bound)) {
    if (!tw_select_label(x, bound, bound->text)) return false;
    *position = x->select[x->axis].start;
    return true;
  }
  if (!tw_build_integer(x->b, bound, "the bound of a slice", position)) return false;
  if (set && set->kind == TW_SET_RANGE && set->first != 0)
    *position -= set->first; /* a slice is by element too */
  else if (*position < 0)
    *position += extent;
  return true;
}

/* first:end in a comprehension, its bounds moving together: a window of constant length. */
static bool select_window(tw_indexing *x, const tw_ast *item, bool *done) {
  tw_value low, high;
  const tw_index_set *set = x->base.axis[x->axis];
  int64_t length, first = set ? set->first : 0;
  *done = false;
  if (x->b->n_loops == 0 || !item->child[0] || !item->child[1] || item->child[2]) return true;
  if (set && set->kind != TW_SET_RANGE) return true;
  if (!tw_build_array(x->b, item->child[0], &low) || !tw_build_array(x->b, item->child[1], &high))
    return false;
  if (!low.looped || low.varies || !low.affine) return true;
  if (!tw_affine_is_constant(tw_affine_add(x->b->arena, high.affine, low.affine, -1), &length)) return true;
  if (length <= 0 || length > x->shape.dim[x->axis]) return true;
  const tw_affine *last = tw_affine_add(x->b->arena, high.affine, &(tw_affine){.constant = 1}, -1);
  tw_expr from, to;
  if (!tw_select_affine(x, item, low.affine, first, &from) || !tw_select_try(x, item, &low, from))
    return false;
  high.affine = last;
  if (last && !(tw_select_affine(x, item, last, first, &to) && tw_select_try(x, item, &high, to)))
    return false;
  tw_expr index = tw_add(from, tw_iota(x->b->graph, TW_I64, length));
  x->select[x->axis] = (tw_selector){.kind = TW_SELECT_TAKE, .index = index};
  x->looped = *done = true;
  return tw_build_check(x->b, tw_build_begin(item));
}

/* first:end:step with NumPy's rules: bounds beyond the axis are cut, end is excluded. */
bool tw_select_slice(tw_indexing *x, const tw_ast *item) {
  int64_t extent = x->shape.dim[x->axis], step = 1;
  const tw_index_set *set = x->base.axis[x->axis];
  bool bounds = item->child[0] || item->child[1];
  bool window;
  if (!select_window(x, item, &window) || window) return !x->b->failed;
  if (item->child[2] && !tw_build_integer(x->b, item->child[2], "the step of a slice", &step)) return false;
  if (step == 0)
    return tw_build_fail(x->b, tw_build_begin(item->child[2]), TW_ERR_RANGE, "a slice of step 0");
  if (bounds && set && (set->kind == TW_SET_MIXED || set->kind == TW_SET_INTEGERS))
    return tw_build_fail(x->b, tw_build_begin(item), TW_ERR_UNSUPPORTED,
                         "a slice with bounds on an axis whose set is no range, expected `:`");
  int64_t low = step > 0 ? 0 : -1, high = step > 0 ? extent : extent - 1; /* where bounds are cut */
  int64_t start = step > 0 ? low : high, end = step > 0 ? high : low;
  for (int k = 0; k < 2; k++) {
    int64_t *bound = k == 0 ? &start : &end;
    if (!item->child[k]) continue;
    if (!slice_bound(x, item->child[k], bound)) return false;
    if (*bound < low) *bound = low;
    if (*bound > high) *bound = high;
  }
  int64_t span = step > 0 ? end - start : start - end;
  uint64_t stride = step > 0 ? (uint64_t)step : -(uint64_t)step;
  int64_t count = span > 0 ? (int64_t)(((uint64_t)span - 1) / stride) + 1 : 0;
  if (count <= 1) step = 1; /* of no consequence, and INT64_MIN would be */
  if (count == 0) start = 0;
  bool whole = !bounds && step == 1 && count == extent;
  x->select[x->axis] = (tw_selector){TW_SELECT_SLICE, start, count, step, whole, TW_NONE};
  return true;
}
