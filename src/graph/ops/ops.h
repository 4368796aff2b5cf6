/* Descriptors of the built-in ops, and what the core must know of their attributes. */
#ifndef TALWEG_GRAPH_OPS_H
#define TALWEG_GRAPH_OPS_H

#include <talweg/graph.h>

#define X(name) extern const tw_op tw_op_##name;
#include "graph/ops/ops.def"
#undef X

/* Attributes are compared and hashed by their bytes, so they hold 64-bit fields only (no padding). */
typedef struct tw_shape_attr {
  int64_t rank;
  int64_t dim[TW_MAX_RANK];
} tw_shape_attr;

static inline tw_shape_attr tw_shape_attr_of(const tw_shape *shape) {
  tw_shape_attr attr = {.rank = shape->rank};
  for (int i = 0; i < shape->rank; i++) attr.dim[i] = shape->dim[i];
  return attr;
}

static inline tw_shape tw_attr_shape(const tw_shape_attr *attr) {
  return tw_shape_make((int)attr->rank, attr->dim);
}

/* tw_op_fill: an array of equal elements. */
typedef struct tw_fill_attr {
  int64_t dtype;
  tw_shape_attr shape;
  double value;
} tw_fill_attr;

/* tw_op_transpose: axis k of the result is axis axis[k] of the operand. */
typedef struct tw_perm_attr {
  int64_t rank;
  int64_t axis[TW_MAX_RANK];
} tw_perm_attr;

#endif
