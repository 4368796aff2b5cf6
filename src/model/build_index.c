/* Builder: x[..]. Slices and single positions known when the model is read are slices of the graph; computed
 * positions and arrays of them, together, are one take. Axes of the result come in NumPy's order: those of
 * the index arrays stand where the first of them stood when they are neighbours, else first. */
#include "model/select.h"

/* An element next to an array of positions counts as one, as in NumPy. */
static void promote_elements(tw_indexing *x) {
  bool arrays = false;
  for (int k = 0; k < x->shape.rank; k++)
    arrays |= x->select[k].kind == TW_SELECT_TAKE && tw_shape_of(x->select[k].index).rank > 0;
  for (int k = 0; arrays && k < x->shape.rank; k++) {
    tw_selector *s = &x->select[k];
    if (s->kind != TW_SELECT_ELEMENT) continue;
    s->kind = TW_SELECT_TAKE;
    s->index = tw_integer(x->b->graph, s->start);
  }
}

/* Slices, and elements as slices of one that then lose their axis. Leaves axis[0..n-1] to be kept or taken.
 */
static tw_expr apply_slices(const tw_indexing *x, int axis[TW_MAX_RANK], int *n) {
  tw_expr e = x->base.expr;
  tw_shape shape = {0};
  *n = 0;
  for (int k = 0; k < x->shape.rank; k++) {
    const tw_selector *s = &x->select[k];
    if (s->kind == TW_SELECT_ELEMENT) {
      e = tw_slice(e, k, s->start, 1, 1);
      continue;
    }
    bool slice = s->kind == TW_SELECT_SLICE;
    if (slice && !s->whole) e = tw_slice(e, k, s->start, s->count, s->step);
    shape.dim[shape.rank++] = slice ? s->count : x->shape.dim[k];
    axis[(*n)++] = k;
  }
  return *n < x->shape.rank ? tw_reshape(e, shape) : e;
}

/* Takes along the axes that have positions and puts the new axes where they belong. */
static tw_expr apply_takes(const tw_indexing *x, tw_expr e, const int *axis, int n, tw_value *result) {
  tw_expr index[TW_MAX_RANK];
  int perm[TW_MAX_RANK], kept[TW_MAX_RANK], taken = 0, others = 0, before = 0;
  bool neighbours = true;
  for (int k = 0; k < n; k++) {
    if (x->select[axis[k]].kind != TW_SELECT_TAKE) {
      kept[others++] = k;
      continue;
    }
    if (taken == 0) before = others;
    neighbours &= others == before;
    index[taken] = x->select[axis[k]].index;
    perm[taken++] = k;
  }
  for (int k = 0; k < others; k++) perm[taken + k] = kept[k];
  bool ordered = true;
  for (int k = 0; k < n; k++) ordered &= perm[k] == k;
  if (taken) e = tw_take(ordered ? e : tw_transpose(e, perm), taken, index);
  if (tw_is_none(e)) return e;
  int rank = tw_shape_of(e).rank, fresh = rank - others;
  int lead = taken && neighbours ? before : 0; /* kept axes that come before the fresh ones */
  int order[TW_MAX_RANK];
  for (int k = 0; k < rank; k++) order[k] = k < lead ? fresh + k : k < lead + fresh ? k - lead : k;
  if (fresh > 0 && lead > 0) e = tw_transpose(e, order);
  for (int k = 0; k < others; k++) {
    const tw_selector *s = &x->select[axis[kept[k]]];
    if (s->whole) result->axis[k < lead ? k : k + fresh] = x->base.axis[axis[kept[k]]];
  }
  return e;
}

static bool select_all(tw_indexing *x) {
  int items = x->node->n - 1;
  char shape[TW_SHAPE_TEXT];
  if (items > x->shape.rank)
    return tw_build_fail(
        x->b, tw_ast_place(x->node), TW_ERR_SHAPE, "%d indices into an array of shape %s, expected %s%d",
        items, tw_shape_text(&x->shape, shape), x->shape.rank > 0 ? "at most " : "none: ", x->shape.rank);
  for (x->axis = 0; x->axis < x->shape.rank; x->axis++) {
    if (x->axis < items && !tw_select_item(x, x->node->child[1 + x->axis])) return false;
    if (x->axis >= items)
      x->select[x->axis] = (tw_selector){TW_SELECT_SLICE, 0, x->shape.dim[x->axis], 1, true, TW_NONE};
  }
  return true;
}

bool tw_build_index(tw_builder *b, const tw_ast *node, tw_value *out) {
  tw_indexing x = {.b = b, .node = node};
  if (!tw_build_array(b, node->child[0], &x.base)) return false;
  x.shape = tw_value_shape(&x.base);
  if (!select_all(&x)) return false;
  promote_elements(&x);
  int axis[TW_MAX_RANK], n;
  tw_expr e = apply_slices(&x, axis, &n);
  if (!tw_build_check(b, tw_ast_place(node))) return false;
  tw_value result = {
      .kind = TW_VALUE_ARRAY, .varies = x.base.varies || x.varies, .looped = x.base.looped || x.looped};
  result.expr = apply_takes(&x, e, axis, n, &result);
  *out = result;
  return tw_build_check(b, tw_ast_place(node));
}
