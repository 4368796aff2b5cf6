/* What sparsity asks of reductions over adjacent axes. */
#ifndef TALWEG_GRAPH_REDUCTION_H
#define TALWEG_GRAPH_REDUCTION_H

#include "graph/ops/build.h"

/* sum .. norm, softmax. */
bool tw_is_reduction(tw_expr node);
/* Elements of the operand before, along and after the reduced axes. */
tw_extents tw_reduction_extents(tw_expr node);
/* The same reduction of a whole vector. */
tw_expr tw_reduction_of(tw_expr node, tw_expr vector);

#endif
