/* Values: flags, axes and affine forms. */
#include "model/value.h"

#include "model/scope.h"

tw_value tw_value_of(tw_expr expr) {
  return (tw_value){.kind = TW_VALUE_ARRAY, .expr = expr};
}

int tw_value_rank(const tw_value *value) {
  return tw_shape_of(value->expr).rank;
}

tw_shape tw_value_shape(const tw_value *value) {
  return tw_shape_of(value->expr);
}

bool tw_value_constant(const tw_value *value) {
  return !value->varies && !value->looped;
}

void tw_value_taint(tw_value *result, const tw_value *operand) {
  result->varies |= operand->varies;
  result->looped |= operand->looped;
}

void tw_value_broadcast_axes(tw_value *result, const tw_value *a, const tw_value *b) {
  tw_shape sa = tw_value_shape(a), sb = tw_value_shape(b);
  int rank = tw_value_rank(result);
  const tw_index_set *axis[TW_MAX_RANK] = {NULL}; /* result may be a or b */
  for (int k = 0; k < rank; k++) {                /* from the last axis */
    int i = sa.rank - 1 - k, j = sb.rank - 1 - k;
    bool has_a = i >= 0, has_b = j >= 0;
    if (has_a && has_b && sa.dim[i] != sb.dim[j]) { /* one of them is stretched and has no say */
      has_a = sa.dim[i] != 1;
      has_b = !has_a;
    }
    const tw_index_set *left = has_a ? a->axis[i] : NULL, *right = has_b ? b->axis[j] : NULL;
    axis[rank - 1 - k] = has_a && has_b ? tw_index_set_join(left, right) : has_a ? left : right;
  }
  tw_shape shape = tw_value_shape(result);
  for (int k = 0; k < TW_MAX_RANK; k++) {
    bool stretched = axis[k] && axis[k]->kind != TW_SET_MIXED && axis[k]->count != shape.dim[k];
    result->axis[k] = stretched ? NULL : axis[k]; /* by a third operand, as the condition of a choice */
  }
}

/* ------------------------------------------------------------------ affine forms */

static const tw_affine *keep(tw_arena *arena, const tw_affine *form) {
  return tw_arena_dup(arena, form, sizeof *form, _Alignof(tw_affine));
}

const tw_affine *tw_affine_constant(tw_arena *arena, int64_t value) {
  return keep(arena, &(tw_affine){.constant = value});
}

const tw_affine *tw_affine_index(tw_arena *arena, const tw_symbol *index) {
  return keep(arena, &(tw_affine){.n = 1, .term = {{index, 1}}});
}

/* form += factor * index, dropping a term that cancels. */
static bool add_term(tw_affine *form, const tw_symbol *index, int64_t factor) {
  int t = 0;
  while (t < form->n && form->term[t].index != index) t++;
  if (t == TW_AFFINE_TERMS) return false;
  if (t == form->n) {
    form->term[form->n].index = index;
    form->term[form->n++].factor = 0;
  }
  if (__builtin_add_overflow(form->term[t].factor, factor, &form->term[t].factor)) return false;
  if (form->term[t].factor == 0) form->term[t] = form->term[--form->n];
  return true;
}

const tw_affine *tw_affine_add(tw_arena *arena, const tw_affine *a, const tw_affine *b, int64_t factor) {
  if (!a || !b) return NULL;
  tw_affine sum = *a;
  int64_t product;
  if (__builtin_mul_overflow(b->constant, factor, &product)) return NULL;
  if (__builtin_add_overflow(sum.constant, product, &sum.constant)) return NULL;
  for (int t = 0; t < b->n; t++) {
    if (__builtin_mul_overflow(b->term[t].factor, factor, &product)) return NULL;
    if (!add_term(&sum, b->term[t].index, product)) return NULL;
  }
  return keep(arena, &sum);
}

const tw_affine *tw_affine_multiply(tw_arena *arena, const tw_affine *a, const tw_affine *b) {
  int64_t factor;
  if (!a || !b) return NULL;
  if (tw_affine_is_constant(a, &factor)) return tw_affine_add(arena, &(tw_affine){0}, b, factor);
  if (tw_affine_is_constant(b, &factor)) return tw_affine_add(arena, &(tw_affine){0}, a, factor);
  return NULL;
}

bool tw_affine_is_constant(const tw_affine *a, int64_t *value) {
  if (!a || a->n > 0) return false;
  *value = a->constant;
  return true;
}

bool tw_affine_bounds(const tw_affine *a, int64_t *low, int64_t *high, bool *exact) {
  if (!a) return false;
  *low = *high = a->constant;
  *exact = true;
  for (int t = 0; t < a->n; t++) {
    const tw_symbol *index = a->term[t].index;
    int64_t factor = a->term[t].factor, at_low, at_high;
    if (__builtin_mul_overflow(factor, factor > 0 ? index->low : index->high, &at_low) ||
        __builtin_mul_overflow(factor, factor > 0 ? index->high : index->low, &at_high) ||
        __builtin_add_overflow(*low, at_low, low) || __builtin_add_overflow(*high, at_high, high))
      return false;
    *exact &= index->exact;
  }
  return true;
}
