/* Builder: {key: value, ..} as the value of a declared array. */
#include "model/builder.h"

#include <stdlib.h>
#include <string.h>

typedef struct table {
  tw_builder *b;
  const tw_ast *node;
  const char *name; /* of what it fills, for messages */
  const tw_shape *shape;
  const tw_index_set *const *axis;
  double *data;
  unsigned char *given;
} table;

/* One part of a key on one axis. */
static bool find_element(const table *t, const tw_ast *key, int axis, int64_t *position) {
  const tw_index_set *set = t->axis[axis];
  bool labels = set && set->kind == TW_SET_LABELS;
  bool word = key->kind == TW_AST_NAME || key->kind == TW_AST_STRING;
  if (labels && word) {
    *position = tw_index_set_find_label(set, key->text);
    if (*position >= 0) return true;
    char hint[96];
    tw_nearest nearest = tw_nearest_start(key->text);
    for (int64_t k = 0; k < set->count; k++) tw_nearest_offer(&nearest, set->label[k]);
    return tw_build_fail(t->b, tw_ast_place(key), TW_ERR_NAME,
                         "`%.64s` is not in the set %.64s that indexes %.64s%s", key->text, set->name,
                         t->name, tw_nearest_text(&nearest, hint));
  }
  if (labels)
    return tw_build_fail(t->b, tw_build_begin(key), TW_ERR_ARGUMENT,
                         "a number as key, expected a label of %.64s", set->name);
  int64_t element, extent = t->shape->dim[axis];
  if (!tw_build_integer(t->b, key, "a key", &element)) return false;
  *position = set ? tw_index_set_find(set, element) : element >= 0 && element < extent ? element : -1;
  if (*position >= 0) return true;
  char plain[32];
  snprintf(plain, sizeof plain, "0..%lld", (long long)extent - 1);
  return tw_build_fail(t->b, tw_build_begin(key), TW_ERR_RANGE,
                       "key %lld is outside %.64s, expected an element of %s", (long long)element, t->name,
                       set && *set->name ? set->name : plain);
}

/* Flat position of a key. */
static bool find_key(const table *t, const tw_ast *key, int64_t *position) {
  int parts = key->kind == TW_AST_TUPLE ? key->n : 1;
  if (parts != t->shape->rank)
    return tw_build_fail(t->b, tw_build_begin(key), TW_ERR_SHAPE, "a key of %d part%s, expected %d for %.64s",
                         parts, parts == 1 ? "" : "s", t->shape->rank, t->name);
  *position = 0;
  for (int axis = 0; axis < parts; axis++) {
    int64_t at = 0;
    if (!find_element(t, parts == 1 ? key : key->child[axis], axis, &at)) return false;
    *position = *position * t->shape->dim[axis] + at;
  }
  return true;
}

/* (a, b) of a flat position. */
static void key_text(const table *t, int64_t position, tw_text *out) {
  int64_t at[TW_MAX_RANK];
  for (int axis = t->shape->rank - 1; axis >= 0; axis--) {
    at[axis] = position % t->shape->dim[axis];
    position /= t->shape->dim[axis];
  }
  if (t->shape->rank > 1) tw_text_puts(out, "(");
  for (int axis = 0; axis < t->shape->rank; axis++) {
    char text[64];
    static const tw_index_set plain = {.kind = TW_SET_RANGE, .name = ""};
    tw_text_puts(out, axis ? ", " : "");
    tw_text_puts(out, tw_index_set_text(t->axis[axis] ? t->axis[axis] : &plain, at[axis], text));
  }
  if (t->shape->rank > 1) tw_text_puts(out, ")");
}

static bool fail_missing(const table *t, int64_t size) {
  enum { SHOWN = 3 };
  tw_text text = {0};
  int64_t missing = 0;
  for (int64_t k = 0; k < size; k++) {
    if (t->given[k]) continue;
    if (missing < SHOWN) {
      tw_text_puts(&text, missing ? ", " : "");
      key_text(t, k, &text);
    }
    missing++;
  }
  if (missing > SHOWN) tw_text_printf(&text, " and %lld more", (long long)missing - SHOWN);
  bool failed = tw_build_fail(t->b, tw_ast_place(t->node), TW_ERR_DATA,
                              "no value of %.64s for %.400s, expected one for every key", t->name,
                              text.data ? text.data : "some keys");
  tw_text_free(&text);
  return failed;
}

static bool fill(const table *t, int64_t size, bool *whole) {
  *whole = true;
  int64_t given = 0;
  for (int k = 0; k < t->node->n; k += 2) {
    const tw_ast *key = t->node->child[k], *value = t->node->child[k + 1];
    int64_t position = 0;
    double number;
    bool integer = false;
    if (!find_key(t, key, &position)) return false;
    if (t->given[position])
      return tw_build_fail(t->b, tw_build_begin(key), TW_ERR_DATA,
                           "this key of %.64s has a value already, expected one", t->name);
    if (!tw_build_number(t->b, value, "a value of a table", &t->data[position])) return false;
    *whole &= tw_build_plain_number(value, &number, &integer) && integer;
    t->given[position] = 1;
    given++;
  }
  return given == size || fail_missing(t, size);
}

bool tw_build_table(tw_builder *b, const tw_ast *node, const char *name, const tw_shape *shape,
                    const tw_index_set *const *axis, tw_array *out) {
  *out = (tw_array){0};
  if (shape->rank == 0)
    return tw_build_fail(b, tw_ast_place(node), TW_ERR_SHAPE,
                         "a table needs the sets of its keys, expected them after the name: %.64s[..]", name);
  int64_t size = tw_shape_size(shape);
  tw_array values;
  if (tw_array_new(&values, TW_F64, *shape, NULL) != TW_OK) return tw_build_memory(b, tw_ast_place(node));
  unsigned char *given = tw_alloc((size_t)size, 1);
  table t = {b, node, name, shape, axis, values.data, given};
  bool whole = false;
  bool good = given ? fill(&t, size, &whole) : tw_build_memory(b, tw_ast_place(node));
  free(given);
  if (good && whole) {
    if (tw_array_copy(out, &values, TW_I64, NULL) != TW_OK) good = tw_build_memory(b, tw_ast_place(node));
    tw_array_free(&values);
  } else if (good) {
    *out = values;
  } else {
    tw_array_free(&values);
  }
  return good;
}
