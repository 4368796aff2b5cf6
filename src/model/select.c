/* Indexing: elements and arrays of positions on one axis. An axis declared over a set is indexed by its
 * elements, any other by positions from 0, from the end when negative. */
#include "model/select.h"

#include <stdlib.h>
#include <string.h>

static const char *base_text(const tw_indexing *x, char text[64]) {
  const tw_ast *base = x->node->child[0];
  int length = base->kind == TW_AST_NAME ? (int)strlen(base->text) : 0;
  snprintf(text, 64, "%.*s", length > 48 ? 48 : length, length ? base->text : "");
  return length ? text : "the array";
}

/* What the axis accepts: "0..9", "1..5 (the set I)", "labels of Plants". */
enum { AXIS_TEXT = 256 };
static const char *axis_text(const tw_indexing *x, char text[AXIS_TEXT]) {
  const tw_index_set *set = x->base.axis[x->axis];
  int64_t extent = x->shape.dim[x->axis];
  char first[64], last[64];
  if (tw_index_set_plain(set)) {
    snprintf(text, AXIS_TEXT, "0..%lld", (long long)extent - 1);
  } else if (set->kind == TW_SET_LABELS) {
    snprintf(text, AXIS_TEXT, "a label of %.64s", *set->name ? set->name : "its set");
  } else {
    if (set->count == 0) return "nothing, the set is empty";
    tw_index_set_text(set, 0, first);
    tw_index_set_text(set, set->count - 1, last);
    snprintf(text, AXIS_TEXT, "an element of %.40s%s%s..%s", set->name, *set->name ? " = " : "", first, last);
  }
  return text;
}

bool tw_select_fail_range(tw_indexing *x, const tw_ast *item, const char *what) {
  char base[64], axis[AXIS_TEXT];
  return tw_build_fail(x->b, tw_build_begin(item), TW_ERR_RANGE,
                       "index %s is outside axis %d of %s, expected %s", what, x->axis, base_text(x, base),
                       axis_text(x, axis));
}

/* Position of a known integer on the axis. */
bool tw_select_locate(tw_indexing *x, const tw_ast *item, int64_t element, int64_t *position) {
  const tw_index_set *set = x->base.axis[x->axis];
  int64_t extent = x->shape.dim[x->axis];
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)element);
  if (set && set->kind == TW_SET_MIXED)
    return tw_build_fail(
        x->b, tw_build_begin(item), TW_ERR_ARGUMENT,
        "axis %d joins different sets, so that %s is ambiguous; expected an index on the parts before "
        "they are joined",
        x->axis, text);
  bool by_position = tw_index_set_plain(set) || set->kind == TW_SET_LABELS;
  if (!by_position) {
    *position = tw_index_set_find(set, element);
    return *position >= 0 || tw_select_fail_range(x, item, text);
  }
  *position = element < 0 ? element + extent : element;
  return (*position >= 0 && *position < extent) || tw_select_fail_range(x, item, text);
}

/* ------------------------------------------------------------------ labels */

bool tw_select_label(tw_indexing *x, const tw_ast *item, const char *label) {
  const tw_index_set *set = x->base.axis[x->axis];
  int64_t position = tw_index_set_find_label(set, label);
  if (position < 0) {
    char hint[96], base[64];
    tw_nearest nearest = tw_nearest_start(label);
    for (int64_t k = 0; k < set->count; k++) tw_nearest_offer(&nearest, set->label[k]);
    return tw_build_fail(x->b, tw_build_begin(item), TW_ERR_NAME,
                         "`%.64s` is not in the set %.64s that indexes axis %d of %s%s", label, set->name,
                         x->axis, base_text(x, base), tw_nearest_text(&nearest, hint));
  }
  x->select[x->axis] = (tw_selector){.kind = TW_SELECT_ELEMENT, .start = position};
  return true;
}

/* An index that runs over the axis' own set stands for its position. */
static bool select_same_set(tw_indexing *x, const tw_symbol *index) {
  tw_selector *s = &x->select[x->axis];
  *s = (tw_selector){.kind = TW_SELECT_TAKE, .index = index->position};
  x->looped = true;
  return true;
}

static bool select_by_label_index(tw_indexing *x, const tw_ast *item, const tw_value *value) {
  const tw_index_set *set = x->base.axis[x->axis];
  char base[64], axis[AXIS_TEXT];
  if (set && tw_index_set_same(set, value->set) && value->index) return select_same_set(x, value->index);
  return tw_build_fail(x->b, tw_build_begin(item), TW_ERR_ARGUMENT,
                       "this runs over the set %.64s, but axis %d of %s is indexed by %s", value->set->name,
                       x->axis, base_text(x, base), axis_text(x, axis));
}

/* ------------------------------------------------------------------ integers */

/* Under a guard, positions that do not matter are made valid. */
static tw_expr guarded(const tw_builder *b, tw_expr index) {
  return tw_is_none(b->guard) ? index : tw_where(b->guard, index, tw_integer(b->graph, 0));
}

/* Fails when an affine index of a comprehension surely leaves the axis at some iteration. */
static bool check_bounds(tw_indexing *x, const tw_ast *item, const tw_affine *affine, int64_t first) {
  int64_t low, high, extent = x->shape.dim[x->axis];
  bool exact;
  if (!tw_is_none(x->b->guard) || !tw_affine_bounds(affine, &low, &high, &exact) || !exact || low > high)
    return true;
  if (low >= first && high < first + extent) return true;
  char text[64];
  snprintf(text, sizeof text, "that runs from %lld to %lld", (long long)low, (long long)high);
  return tw_select_fail_range(x, item, text);
}

/* sum factor * position + constant, the sets' first elements gathered in the constant. */
bool tw_select_affine(tw_indexing *x, const tw_ast *item, const tw_affine *affine, int64_t first,
                      tw_expr *position) {
  if (!check_bounds(x, item, affine, first)) return false;
  tw_graph *g = x->b->graph;
  tw_expr sum = TW_NONE;
  int64_t constant, product;
  bool fits = !__builtin_sub_overflow(affine->constant, first, &constant);
  for (int t = 0; t < affine->n; t++) {
    const tw_symbol *index = affine->term[t].index;
    int64_t factor = affine->term[t].factor;
    fits = fits && !__builtin_mul_overflow(factor, index->low, &product) &&
           !__builtin_add_overflow(constant, product, &constant);
    tw_expr term = factor == 1 ? index->position : tw_mul(index->position, tw_integer(g, factor));
    sum = t ? tw_add(sum, term) : term;
  }
  if (!fits) return tw_select_fail_range(x, item, "beyond 64 bits");
  tw_expr shift = tw_integer(g, constant);
  *position = affine->n == 0 ? shift : constant == 0 ? sum : tw_add(sum, shift);
  *position = guarded(x->b, *position);
  return tw_build_check(x->b, tw_build_begin(item));
}

/* Elements of a listed set to positions by a table: -1, which no evaluation accepts, between them. */
static bool listed_position(tw_indexing *x, const tw_ast *item, const tw_index_set *set, tw_expr element,
                            tw_expr *position) {
  if (set->count == 0) return tw_select_fail_range(x, item, "");
  int64_t low = set->integer[set->order[0]], high = set->integer[set->order[set->count - 1]];
  int64_t span;
  if (__builtin_sub_overflow(high, low, &span) || span >= x->b->max_elements)
    return tw_build_fail(
        x->b, tw_build_begin(item), TW_ERR_UNSUPPORTED,
        "a computed index into the set %.64s, whose elements lie far apart; expected the index itself",
        set->name);
  int64_t *table = tw_alloc((size_t)span + 1, sizeof *table);
  if (!table) return tw_build_memory(x->b, tw_build_begin(item));
  for (int64_t k = 0; k <= span; k++) table[k] = -1;
  for (int64_t k = 0; k < set->count; k++) table[set->integer[k] - low] = k;
  tw_array view = tw_array_view(table, TW_I64, TW_SHAPE(span + 1));
  tw_expr offset = tw_sub(element, tw_integer(x->b->graph, low));
  *position = tw_take(tw_constant(x->b->graph, &view), 1, &offset);
  free(table);
  return true;
}

/* Whether a computed value is whole by its making: an integer, or floor and its kin. */
static bool is_whole(tw_expr e) {
  if (tw_dtype_get(tw_dtype_of(e))->kind == TW_KIND_INTEGER) return true;
  const char *op = tw_op_of(e)->name;
  return strcmp(op, "floor") == 0 || strcmp(op, "ceil") == 0 || strcmp(op, "round") == 0;
}

/* Whether a position can be checked at all iterations of the innermost comprehension: it depends on nothing
 * else that changes, and that it stays inside is not known already. */
static bool is_doubtful(const tw_indexing *x, const tw_value *value, tw_expr position) {
  enum { MOST = 10000000 };
  const tw_builder *b = x->b;
  const tw_index_loop *loop = b->innermost;
  const tw_index_set *set = x->base.axis[x->axis];
  int64_t low, high;
  bool exact;
  if (!loop || loop->count == 0 || loop->count > MOST || value->varies || !tw_is_none(b->guard)) return false;
  bool listed = set && set->kind == TW_SET_INTEGERS;
  if (!listed && tw_affine_bounds(value->affine, &low, &high, &exact) && exact) return false;
  return tw_depends(position, 1, &loop->k) &&
         !(b->n_loops > 1 && tw_depends(position, b->n_loops - 1, b->loops));
}

bool tw_select_try(tw_indexing *x, const tw_ast *item, const tw_value *value, tw_expr position) {
  const tw_index_loop *loop = x->b->innermost;
  const tw_index_set *set = x->base.axis[x->axis];
  if (!is_doubtful(x, value, position)) return !x->b->failed;
  tw_array at;
  tw_value all = tw_value_of(tw_loop_stack(loop->k, loop->count, position));
  if (!tw_build_evaluate(x->b, item, &all, &at)) return false;
  int64_t k = 0, extent = x->shape.dim[x->axis];
  const int64_t *p = at.data;
  while (k < loop->count && p[k] >= 0 && p[k] < extent) k++;
  bool inside = k == loop->count;
  char text[64] = "that is no element";
  if (!inside && !(set && set->kind == TW_SET_INTEGERS))
    snprintf(text, sizeof text, "that becomes %lld",
             (long long)(p[k] + (set && set->kind == TW_SET_RANGE ? set->first : 0)));
  tw_array_free(&at);
  return inside || tw_select_fail_range(x, item, text);
}

/* A scalar or array that depends on an index of a comprehension, or varies. */
static bool select_computed(tw_indexing *x, const tw_ast *item, const tw_value *value) {
  const tw_index_set *set = x->base.axis[x->axis];
  tw_graph *g = x->b->graph;
  tw_selector *s = &x->select[x->axis];
  *s = (tw_selector){.kind = TW_SELECT_TAKE};
  if (set && set->kind == TW_SET_MIXED) return tw_select_locate(x, item, 0, &s->start);
  if (value->index && set && tw_index_set_same(set, value->index->set))
    return select_same_set(x, value->index);
  int64_t first = set && set->kind == TW_SET_RANGE ? set->first : 0;
  bool listed = set && set->kind == TW_SET_INTEGERS;
  if (!listed && value->affine)
    return tw_select_affine(x, item, value->affine, first, &s->index) &&
           tw_select_try(x, item, value, s->index);
  if (!is_whole(value->expr))
    return tw_build_fail(
        x->b, tw_build_begin(item), TW_ERR_DTYPE,
        "an index that is computed in floating point, expected an integer: use floor(..), // and %%");
  tw_expr element = tw_cast(value->expr, TW_I64);
  if (listed && !listed_position(x, item, set, element, &s->index)) return false;
  if (!listed) s->index = first ? tw_sub(element, tw_integer(g, first)) : element;
  s->index = guarded(x->b, s->index);
  bool scalar = !tw_is_none(s->index) && tw_shape_of(s->index).rank == 0;
  return tw_build_check(x->b, tw_build_begin(item)) && (!scalar || tw_select_try(x, item, value, s->index));
}

/* ------------------------------------------------------------------ arrays of positions */

/* Where a constant boolean vector holds. */
static bool select_mask(tw_indexing *x, const tw_ast *item, const tw_array *mask) {
  int64_t extent = x->shape.dim[x->axis], n = 0;
  if (mask->shape.rank != 1 || mask->shape.dim[0] != extent) {
    char got[TW_SHAPE_TEXT];
    return tw_build_fail(x->b, tw_build_begin(item), TW_ERR_SHAPE,
                         "a mask of shape %s on axis %d, expected [%lld]", tw_shape_text(&mask->shape, got),
                         x->axis, (long long)extent);
  }
  int64_t *where = tw_alloc((size_t)extent, sizeof *where);
  if (!where) return tw_build_memory(x->b, tw_build_begin(item));
  for (int64_t k = 0; k < extent; k++)
    if (tw_array_get(mask, &k) != 0) where[n++] = k;
  tw_array view = tw_array_view(where, TW_I64, TW_SHAPE(n));
  x->select[x->axis] = (tw_selector){.kind = TW_SELECT_TAKE, .index = tw_constant(x->b->graph, &view)};
  free(where);
  return tw_build_check(x->b, tw_build_begin(item));
}

static bool select_positions(tw_indexing *x, const tw_ast *item, const tw_array *given) {
  int64_t n = tw_shape_size(&given->shape);
  tw_array values;
  if (tw_array_copy(&values, given, TW_F64, NULL) != TW_OK)
    return tw_build_memory(x->b, tw_build_begin(item));
  int64_t *position = tw_alloc((size_t)n, sizeof *position);
  bool good = position || tw_build_memory(x->b, tw_build_begin(item));
  for (int64_t k = 0; good && k < n; k++) {
    double v = ((double *)values.data)[k];
    bool whole = v >= -9e15 && v <= 9e15 && v == (double)(int64_t)v;
    good = whole ? tw_select_locate(x, item, (int64_t)v, &position[k])
                 : tw_build_fail(x->b, tw_build_begin(item), TW_ERR_DTYPE, "index %g is no integer", v);
  }
  if (good) {
    tw_array view = tw_array_view(position, TW_I64, values.shape);
    x->select[x->axis] = (tw_selector){.kind = TW_SELECT_TAKE, .index = tw_constant(x->b->graph, &view)};
  }
  free(position);
  tw_array_free(&values);
  return good && tw_build_check(x->b, tw_build_begin(item));
}

/* A number or array that is known when the model is read. */
static bool select_known(tw_indexing *x, const tw_ast *item, const tw_value *value) {
  int64_t element;
  if (tw_value_rank(value) == 0) {
    if (!tw_build_integer(x->b, item, "an index", &element)) return false;
    tw_selector *s = &x->select[x->axis];
    s->kind = TW_SELECT_ELEMENT;
    return tw_select_locate(x, item, element, &s->start);
  }
  tw_array array;
  if (!tw_build_evaluate(x->b, item, value, &array)) return false;
  bool good = array.dtype == TW_BOOL ? select_mask(x, item, &array) : select_positions(x, item, &array);
  tw_array_free(&array);
  return good;
}

/* ------------------------------------------------------------------ one item */

bool tw_select_is_label(const tw_indexing *x, const tw_ast *item) {
  const tw_index_set *set = x->base.axis[x->axis];
  if (item->kind != TW_AST_NAME && item->kind != TW_AST_STRING) return false;
  if (!set || set->kind != TW_SET_LABELS) return false;
  const tw_symbol *symbol = item->kind == TW_AST_NAME ? tw_scope_find(x->b->scope, item->text) : NULL;
  if (!symbol) return true;
  return symbol->kind != TW_SYMBOL_INDEX && tw_index_set_find_label(set, item->text) >= 0;
}

bool tw_select_item(tw_indexing *x, const tw_ast *item) {
  char base[64], axis[AXIS_TEXT];
  if (item->kind == TW_AST_SLICE) return tw_select_slice(x, item);
  if (tw_select_is_label(x, item)) return tw_select_label(x, item, item->text);
  if (item->kind == TW_AST_STRING)
    return tw_build_fail(x->b, tw_build_begin(item), TW_ERR_ARGUMENT, "a label on axis %d of %s, expected %s",
                         x->axis, base_text(x, base), axis_text(x, axis));
  tw_value value;
  if (!tw_build(x->b, item, &value)) return false;
  x->varies |= value.varies;
  x->looped |= value.looped;
  if (value.kind == TW_VALUE_LABEL) return select_by_label_index(x, item, &value);
  if (value.kind != TW_VALUE_ARRAY) return tw_build_array(x->b, item, &value); /* says what it is */
  return tw_value_constant(&value) ? select_known(x, item, &value) : select_computed(x, item, &value);
}
