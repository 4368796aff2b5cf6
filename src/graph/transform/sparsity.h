/* What sparse derivatives are made with beside the workshop (sparse.h): patterns of whole expressions, and
 * values by compression for those that do not part into pieces. */
#ifndef TALWEG_GRAPH_SPARSITY_H
#define TALWEG_GRAPH_SPARSITY_H

#include "graph/node.h"

/* The pattern of the Jacobian of outputs, one after the other; full where the structure says no more. False
 * with the graph's error set on failure, so for all below. */
bool tw_structure_of(int n, const tw_expr *e, int m, const tw_expr *x, tw_pattern *out);
/* The lower triangle of the Hessian's. */
bool tw_structure_of_hessian(tw_expr scalar, int m, const tw_expr *x, tw_pattern *out);
/* d scalar / d x, zeros made. */
bool tw_gradients_of(tw_expr scalar, int m, const tw_expr *x, tw_expr *g);

/* The values at the pattern's entries (for Hessians, lower triangle), by coloring or from the dense
 * derivative. */
bool tw_compressed_jacobian(tw_expr e, int m, const tw_expr *x, tw_sparse_derivative *out);
bool tw_compressed_hessian(tw_expr scalar, int m, const tw_expr *x, tw_sparse_derivative *out);

/* A pattern with room for `most` entries and colptr zeroed. */
bool tw_pattern_new(tw_graph *graph, int64_t rows, int64_t cols, int64_t most, tw_pattern *out);
/* The transpose. Releases nothing on failure, which is TW_ERR_MEMORY. */
tw_status tw_pattern_turn(const tw_pattern *p, tw_pattern *out);
/* Where entry (row, col) stands, if it is there; a column's end where that is empty. */
int64_t tw_pattern_find(const tw_pattern *p, int64_t row, int64_t col);

#endif
