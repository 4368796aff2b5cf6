/* The product of two stacks of matrices, cut into pieces that threads share out. */
#ifndef TALWEG_GRAPH_OPS_MATMUL_H
#define TALWEG_GRAPH_OPS_MATMUL_H

#include "graph/ops/linalg.h"

typedef struct tw_matmul_attr {
  int64_t ta, tb; /* the operand is stored transposed */
} tw_matmul_attr;

/* The extents of op(a) op(b), m x k times k x n; a vector on the left is one row, on the right one column. */
typedef struct tw_matmul_extents {
  int64_t m, n, k_a, k_b;
} tw_matmul_extents;
tw_matmul_extents tw_matmul_extents_of(const tw_shape *a, const tw_shape *b, const tw_matmul_attr *attr);

/* The product of one entry, and the stack of them. */
tw_product tw_matmul_product(tw_expr node, tw_matrices *stack);

tw_status tw_matmul_kernel(const tw_call *call);
size_t tw_matmul_scratch(tw_expr node);

#endif
