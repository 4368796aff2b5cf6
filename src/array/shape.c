/* Shapes: size, equality, broadcasting, text. */
#include <talweg/array.h>

tw_shape tw_shape_make(int rank, const int64_t *dim) {
  tw_shape shape = {0};
  shape.rank = rank < 0 || !dim ? 0 : rank > TW_MAX_RANK ? TW_MAX_RANK : rank;
  for (int k = 0; k < shape.rank; k++) shape.dim[k] = dim[k];
  return shape;
}

bool tw_shape_equal(const tw_shape *a, const tw_shape *b) {
  if (!a || !b) return a == b;
  if (a->rank != b->rank) return false;
  for (int k = 0; k < a->rank; k++)
    if (a->dim[k] != b->dim[k]) return false;
  return true;
}

int64_t tw_shape_size(const tw_shape *shape) {
  if (!shape) return -1;
  int64_t size = 1;
  bool empty = false, overflow = false;
  for (int k = 0; k < shape->rank; k++) {
    if (shape->dim[k] < 0) return -1;
    if (shape->dim[k] == 0)
      empty = true;
    else if (size > INT64_MAX / shape->dim[k])
      overflow = true;
    else
      size *= shape->dim[k];
  }
  return empty ? 0 : overflow ? -1 : size;
}

bool tw_shape_broadcast(const tw_shape *a, const tw_shape *b, tw_shape *out) {
  if (!a || !b || !out) return false;
  const tw_shape *longer = a->rank >= b->rank ? a : b, *shorter = longer == a ? b : a;
  tw_shape result = *longer;
  int shift = longer->rank - shorter->rank;
  for (int k = 0; k < shorter->rank; k++) {
    int64_t d = shorter->dim[k], *r = &result.dim[k + shift];
    if (*r == 1)
      *r = d;
    else if (d != 1 && d != *r)
      return false;
  }
  *out = result;
  return true;
}

const char *tw_shape_text(const tw_shape *shape, char text[TW_SHAPE_TEXT]) {
  if (!text) return "";
  if (!shape) {
    text[0] = '\0';
    return text;
  }
  size_t used = (size_t)snprintf(text, TW_SHAPE_TEXT, "[");
  for (int k = 0; k < shape->rank; k++)
    used += (size_t)snprintf(text + used, TW_SHAPE_TEXT - used, "%s%lld", k ? ", " : "",
                             (long long)shape->dim[k]);
  snprintf(text + used, TW_SHAPE_TEXT - used, "]");
  return text;
}
