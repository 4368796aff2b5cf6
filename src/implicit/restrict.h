/* Linear functions of sparse vectors, at the cost of their support. */
#ifndef TALWEG_IMPLICIT_RESTRICT_H
#define TALWEG_IMPLICIT_RESTRICT_H

#include <talweg/graph.h>

/* With e [n] linear in the input v [n], v = scatter(u, index) and u, index [k]: the entries e[index] as an expression of u and of what
 * e depends on beside v, whose evaluation does with k in place of n wherever u is involved. Rows of index may recur where u is 0.
 * TW_NONE where the graph does not part so; that is no error. */
tw_expr tw_restrict(tw_expr e, tw_expr v, tw_expr u, tw_expr index);

#endif
