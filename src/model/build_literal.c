/* Builder: [1, 2, 3] and [[1, 2], [3, 4]]. Arrays of numbers are one constant; others are stacked. */
#include "model/builder.h"

#include <stdlib.h>

bool tw_build_plain_number(const tw_ast *node, double *value, bool *whole) {
  bool negative = node->kind == TW_AST_UNARY && node->link[0].op == TW_TOKEN_MINUS;
  if (negative) node = node->child[0];
  if (node->kind != TW_AST_INTEGER && node->kind != TW_AST_NUMBER) return false;
  *whole = node->kind == TW_AST_INTEGER;
  *value = *whole ? (double)node->integer : node->number;
  if (*whole && (node->integer > (INT64_C(1) << 53))) return false;
  if (negative) *value = -*value;
  return true;
}

/* The shape of nested brackets, from their first elements; false when they nest too deep. */
static bool shape_of(const tw_ast *node, tw_shape *shape) {
  *shape = TW_SCALAR;
  for (; node->kind == TW_AST_ARRAY; node = node->child[0]) {
    if (shape->rank == TW_MAX_RANK) return false;
    shape->dim[shape->rank++] = node->n;
  }
  return true;
}

/* Writes the numbers of nested brackets; false where the shape or the elements are of another kind. */
static bool fill(const tw_ast *node, const tw_shape *shape, int axis, double **next, bool *whole) {
  if (axis == shape->rank) {
    bool integer;
    if (!tw_build_plain_number(node, *next, &integer)) return false;
    ++*next;
    *whole &= integer;
    return true;
  }
  if (node->kind != TW_AST_ARRAY || node->n != shape->dim[axis]) return false;
  for (int k = 0; k < node->n; k++)
    if (!fill(node->child[k], shape, axis + 1, next, whole)) return false;
  return true;
}

/* Number of leaves, to know that the first elements do not promise more than there is. */
static int64_t leaves(const tw_ast *node) {
  if (node->kind != TW_AST_ARRAY) return 1;
  int64_t n = 0;
  for (int k = 0; k < node->n; k++) n += leaves(node->child[k]);
  return n;
}

static bool build_constant(tw_builder *b, const tw_ast *node, const tw_shape *shape, tw_value *out,
                           bool *done) {
  *done = false;
  int64_t size = tw_shape_size(shape);
  if (size < 0 || size != leaves(node)) return true;
  double *data = tw_alloc((size_t)size, sizeof *data), *next = data;
  if (!data) return tw_build_memory(b, tw_ast_place(node));
  bool whole = true;
  if (fill(node, shape, 0, &next, &whole)) {
    tw_array view = tw_array_f64(data, *shape), integers = {0};
    if (!whole)
      *out = tw_value_of(tw_constant(b->graph, &view));
    else if (tw_array_copy(&integers, &view, TW_I64, NULL) == TW_OK)
      *out = tw_value_of(tw_constant(b->graph, &integers));
    else
      tw_build_memory(b, tw_ast_place(node));
    tw_array_free(&integers);
    *done = true;
  }
  free(data);
  return tw_build_check(b, tw_ast_place(node));
}

static bool build_stack(tw_builder *b, const tw_ast *node, tw_value *out) {
  tw_expr *items = tw_build_alloc(b, (size_t)node->n, sizeof *items);
  if (!items) return false;
  tw_value result = {.kind = TW_VALUE_ARRAY};
  tw_shape first = TW_SCALAR;
  for (int k = 0; k < node->n; k++) {
    tw_value item;
    if (!tw_build_array(b, node->child[k], &item)) return false;
    tw_shape shape = tw_value_shape(&item);
    if (k == 0) first = shape;
    char expected[TW_SHAPE_TEXT], got[TW_SHAPE_TEXT];
    if (!tw_shape_equal(&shape, &first))
      return tw_build_fail(b, tw_build_begin(node->child[k]), TW_ERR_SHAPE,
                           "an element of shape %s, expected %s as the first element has",
                           tw_shape_text(&shape, got), tw_shape_text(&first, expected));
    items[k] = item.expr;
    tw_value_taint(&result, &item);
  }
  result.expr = tw_stack(node->n, items, 0);
  *out = result;
  return tw_build_check(b, tw_ast_place(node));
}

bool tw_build_literal(tw_builder *b, const tw_ast *node, tw_value *out) {
  tw_shape shape;
  bool done;
  if (!shape_of(node, &shape))
    return tw_build_fail(b, tw_ast_place(node), TW_ERR_SHAPE, "an array of more than %d axes", TW_MAX_RANK);
  if (!build_constant(b, node, &shape, out, &done)) return false;
  return done || build_stack(b, node, out);
}
