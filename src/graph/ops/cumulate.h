/* Running sums, products and linear recurrences along one axis. */
#ifndef TALWEG_GRAPH_OPS_CUMULATE_H
#define TALWEG_GRAPH_OPS_CUMULATE_H

#include "graph/ops/build.h"
#include "graph/ops/ops.h"

/* z_i = a_i z_{i-1} + b_i along `axis` from z_{-1} = 0; reversed, z_i = a_i z_{i+1} + b_i from z_n = 0. */
tw_expr tw_recurrence(tw_expr a, tw_expr b, int axis, bool reverse);

/* e_{i-1} along `axis`, reversed e_{i+1}; `edge` where there is none. */
tw_expr tw_neighbour(tw_expr e, int axis, bool reverse, double edge);

typedef struct tw_cumulate_attr {
  int64_t axis;
  int64_t reverse;
} tw_cumulate_attr;

/* Lanes along the axis: element i of lane (o, j) is at o * outer step + i * step + j, walked from `first` by
 * `step`. */
typedef struct tw_lanes {
  tw_extents extents;
  int64_t first, step;
} tw_lanes;
tw_lanes tw_lanes_of(tw_expr node);

/* The same op with the axis moved past a leading batch axis; operands that lack it are repeated. */
tw_expr tw_cumulate_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched);
/* All operands have one shape and dtype, the result's. */
bool tw_cumulate_infer(const tw_args *args, tw_type *type);

#endif
