/* Builder: values known when the model is read: numbers, sets and shapes. */
#include "model/builder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double MAX_INTEGER = 9007199254740992.0; /* 2^53: integers beyond are not exact everywhere */

bool tw_build_size(tw_builder *b, tw_place place, const tw_shape *shape) {
  int64_t size = tw_shape_size(shape);
  char text[TW_SHAPE_TEXT];
  if (size >= 0 && size <= b->max_elements) return true;
  return tw_build_fail(b, place, TW_ERR_SHAPE, "an array of shape %s, expected at most %lld elements",
                       tw_shape_text(shape, text), (long long)b->max_elements);
}

/* Evaluates a compiled function without inputs, unless it takes more memory or time than a model may on
 * reading. */
static bool run(tw_builder *b, const tw_ast *node, tw_fn *fn, const tw_value *value, tw_array *out) {
  tw_error error = {TW_OK, ""};
  const double operations = 40.0 * (double)b->max_elements;
  if ((double)tw_fn_work_bytes(fn) > 64.0 * (double)b->max_elements || tw_fn_flops(fn) > operations)
    return tw_build_fail(
        b, tw_build_begin(node), TW_ERR_RANGE,
        "this takes about %.0g operations and %.0g bytes to compute when the model is read, expected "
        "less than %.0g; `let` leaves it to the solver",
        tw_fn_flops(fn), (double)tw_fn_work_bytes(fn), operations);
  if (tw_array_new(out, tw_dtype_of(value->expr), tw_value_shape(value), NULL) != TW_OK)
    return tw_build_memory(b, tw_build_begin(node));
  tw_work *work = NULL;
  void *outputs[1] = {out->data};
  tw_status status = tw_work_new(&work, fn, &error);
  if (status == TW_OK) tw_work_exec(work, &(tw_exec){.stop = b->stop});
  if (status == TW_OK) status = tw_fn_call(fn, work, NULL, outputs, 0, &error);
  tw_work_free(work);
  if (status == TW_OK) return true;
  tw_array_free(out);
  return tw_build_fail(b, tw_build_begin(node), status, "%s", error.message);
}

bool tw_build_evaluate(tw_builder *b, const tw_ast *node, const tw_value *value, tw_array *out) {
  tw_error error = {TW_OK, ""};
  *out = (tw_array){0};
  if (!tw_build_check(b, tw_build_begin(node))) return false;
  if (!tw_value_constant(value)) return tw_build_not_constant(b, node, "this");
  tw_shape shape = tw_value_shape(value);
  if (!tw_build_size(b, tw_build_begin(node), &shape)) return false;
  tw_fn *fn = NULL;
  tw_status status = tw_fn_new(&fn, 0, NULL, 1, &value->expr, NULL, &error);
  bool good = status == TW_OK ? run(b, node, fn, value, out)
                              : tw_build_fail(b, tw_build_begin(node), status, "%s", error.message);
  tw_fn_free(fn);
  return good;
}

bool tw_build_number(tw_builder *b, const tw_ast *node, const char *what, double *out) {
  tw_value value;
  tw_array array;
  char text[TW_SHAPE_TEXT];
  bool whole;
  if (tw_build_plain_number(node, out, &whole)) return !b->failed; /* without a node of the graph */
  if (!tw_build_array(b, node, &value)) return false;
  if (!tw_value_constant(&value)) return tw_build_not_constant(b, node, what);
  tw_shape shape = tw_value_shape(&value);
  if (shape.rank > 0)
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_SHAPE, "%s of shape %s, expected one number", what,
                         tw_shape_text(&shape, text));
  if (tw_constant_value(value.expr, out)) return true;
  if (!tw_build_evaluate(b, node, &value, &array)) return false;
  *out = tw_array_get(&array, NULL);
  tw_array_free(&array);
  return true;
}

bool tw_build_integer(tw_builder *b, const tw_ast *node, const char *what, int64_t *out) {
  double value;
  if (!tw_build_number(b, node, what, &value)) return false;
  if (!(fabs(value) <= MAX_INTEGER) || value != floor(value))
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_DTYPE, "%s is %g, expected an integer", what, value);
  *out = (int64_t)value;
  return true;
}

/* ------------------------------------------------------------------ sets */

static bool make_range(tw_builder *b, const tw_ast *node, const char *name, int64_t first, int64_t last,
                       const tw_index_set **set) {
  *set = tw_index_set_range(b->arena, name, first, last < first ? 0 : last - first + 1);
  return *set || tw_build_memory(b, tw_ast_place(node));
}

static const char *source_text(tw_builder *b, const tw_ast *node) {
  size_t length = node->end - node->begin;
  if (length > 48) return "";
  char *text = tw_build_alloc(b, length + 1, 1);
  if (text) memcpy(text, node->source->text + node->begin, length);
  return text;
}

static bool fail_twice(tw_builder *b, const tw_ast *node, int64_t twice) {
  if (twice < 0) return tw_build_memory(b, tw_ast_place(node));
  return tw_build_fail(b, tw_build_begin(node->child[twice]), TW_ERR_ARGUMENT,
                       "this element is in the set already, expected it once");
}

static bool list_labels(tw_builder *b, const tw_ast *node, const tw_index_set **set) {
  const char **label = tw_build_alloc(b, (size_t)node->n, sizeof *label);
  int64_t twice;
  if (!label) return false;
  for (int k = 0; k < node->n; k++) {
    const tw_ast *item = node->child[k];
    if (item->kind != TW_AST_NAME && item->kind != TW_AST_STRING)
      return tw_build_fail(b, tw_build_begin(item), TW_ERR_ARGUMENT,
                           "a set of labels, expected a label here too");
    label[k] = item->text;
  }
  *set = tw_index_set_labels(b->arena, "", label, node->n, &twice);
  return *set || fail_twice(b, node, twice);
}

static bool list_integers(tw_builder *b, const tw_ast *node, const tw_index_set **set) {
  int64_t *value = tw_build_alloc(b, (size_t)node->n, sizeof *value), twice;
  if (!value) return false;
  for (int k = 0; k < node->n; k++)
    if (!tw_build_integer(b, node->child[k], "an element of a set", &value[k])) return false;
  *set = tw_index_set_integers(b->arena, source_text(b, node), value, node->n, &twice);
  return *set || fail_twice(b, node, twice);
}

/* The set a name stands for; NULL when it is no set. */
static const tw_symbol *find_set(const tw_builder *b, const tw_ast *node) {
  if (node->kind != TW_AST_NAME) return NULL;
  const tw_symbol *symbol = tw_scope_find(b->scope, node->text);
  return symbol && symbol->kind == TW_SYMBOL_SET ? symbol : NULL;
}

bool tw_build_set(tw_builder *b, const tw_ast *node, const tw_index_set **set) {
  int64_t first, last;
  const tw_symbol *named = find_set(b, node);
  if (named) {
    *set = named->set;
    return true;
  }
  if (node->kind == TW_AST_LIST) {
    if (node->n == 0) return make_range(b, node, "{}", 0, -1, set);
    bool labels = node->child[0]->kind == TW_AST_NAME || node->child[0]->kind == TW_AST_STRING;
    return labels ? list_labels(b, node, set) : list_integers(b, node, set);
  }
  if (node->kind != TW_AST_RANGE) {
    if (node->kind == TW_AST_NAME && !tw_scope_find(b->scope, node->text))
      return tw_build_unknown(b, tw_ast_place(node), node->text);
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT,
                         "this is no set, expected {a, b}, 1..n or the name of one");
  }
  if (!tw_build_integer(b, node->child[0], "the first element of a range", &first)) return false;
  if (!tw_build_integer(b, node->child[1], "the last element of a range", &last)) return false;
  return make_range(b, node, source_text(b, node), first, last, set);
}

bool tw_build_axis(tw_builder *b, const tw_ast *node, const tw_index_set **set, int64_t *extent) {
  *set = NULL;
  if (find_set(b, node) || node->kind == TW_AST_LIST || node->kind == TW_AST_RANGE) {
    if (!tw_build_set(b, node, set)) return false;
    *extent = (*set)->count;
    return true;
  }
  if (node->kind == TW_AST_TABLE) return tw_build_set(b, node, set); /* says what is expected */
  if (!tw_build_integer(b, node, "an extent", extent)) return false;
  if (*extent >= 0) return true;
  return tw_build_fail(b, tw_build_begin(node), TW_ERR_SHAPE, "an extent of %lld, expected 0 or more",
                       (long long)*extent);
}

bool tw_build_shape(tw_builder *b, const tw_statement *s, tw_shape *shape, const tw_index_set **axis) {
  *shape = TW_SCALAR;
  if (s->n_index > TW_MAX_RANK)
    return tw_build_fail(b, tw_statement_place(s), TW_ERR_SHAPE, "%d axes, expected at most %d", s->n_index,
                         TW_MAX_RANK);
  for (int k = 0; k < s->n_index; k++) {
    if (!tw_build_axis(b, s->index[k], &axis[k], &shape->dim[k])) return false;
    shape->rank = k + 1;
  }
  return tw_build_size(b, tw_statement_place(s), shape);
}
