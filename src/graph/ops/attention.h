/* Attention (Vaswani et al., 2017) over stacks: o_i = sum_j p_ij v_j, p_i. = softmax_j(scale q_i . k_j). */
#ifndef TALWEG_GRAPH_OPS_ATTENTION_H
#define TALWEG_GRAPH_OPS_ATTENTION_H

#include "graph/ops/linalg.h"

typedef struct tw_attention_attr {
  double scale;
  int64_t causal;
} tw_attention_attr;

/* Extents of one entry of the stack: q is nq x d, k is nk x d, v is nk x e. Query i sees keys j < i + ahead. */
typedef struct tw_attention_shape {
  tw_dtype dtype;
  int64_t stack, nq, nk, d, e, ahead;
  double scale;
} tw_attention_shape;
tw_attention_shape tw_attention_shape_of(tw_expr node);
/* Pairs of a query and a key that it sees, in one entry. */
double tw_attention_pairs(const tw_attention_shape *s);

tw_status tw_attention_kernel(const tw_call *call);
size_t tw_attention_scratch(tw_expr node);
/* Queries of a tile: keys and values are read once for each. */
int64_t tw_attention_rows(const tw_attention_shape *s);

#endif
