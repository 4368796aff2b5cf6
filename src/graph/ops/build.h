/* Checks and small expressions that shape rules and builders share. */
#ifndef TALWEG_GRAPH_OPS_BUILD_H
#define TALWEG_GRAPH_OPS_BUILD_H

#include <talweg/graph.h>

/* True when a builder may go on: every operand is an expression of one graph that has not failed. An operand
 * that is none while its graph is well makes that graph fail in the name of `op`. */
bool tw_operands(const char *op, int n, const tw_expr *x);

/* Fails the graph with "op: shapes [3, 4] and [5] what"; returns false so that shape rules can return it. */
bool tw_fail_shapes(tw_graph *graph, const char *op, const tw_shape *a, const tw_shape *b, const char *what);

/* True when arrays of `shape` can exist: no negative extent, and their bytes can be counted. */
bool tw_shape_possible(tw_graph *graph, const char *op, const tw_shape *shape);

/* Maps axis -rank .. rank-1 to 0 .. rank-1; fails the graph otherwise. */
bool tw_axis_check(tw_graph *graph, const char *op, const tw_shape *shape, int *axis);

/* A rank 0 constant of x's dtype, so that arithmetic with x keeps it. */
tw_expr tw_weak(tw_expr x, double value);

/* True when e is a constant whose elements all equal `value`. */
bool tw_is_constant(tw_expr e, double value);

/* A shape with `extent` put before axis `axis`, or with that axis taken away. */
tw_shape tw_shape_insert(tw_shape shape, int axis, int64_t extent);
tw_shape tw_shape_remove(tw_shape shape, int axis);

/* Elements before, along and after `count` axes from `first` on. */
typedef struct tw_extents {
  int64_t outer, middle, inner;
} tw_extents;
tw_extents tw_shape_split(const tw_shape *shape, int first, int count);

/* An array of shape `from` seen as one of `to`, to which it broadcasts; axes that step evenly are merged. */
tw_view tw_broadcast_view(const tw_shape *from, const tw_shape *to);
/* The axis outside those so far (views are built innermost first); merged where it steps on evenly. */
void tw_view_add(tw_view *view, int64_t extent, int64_t stride);

/* One flop for each element of the result. */
double tw_flops_of_size(tw_expr node);
/* The result written, as many elements read for it, and operands 1 .. read: of ops that look at a part of operand 0. */
double tw_bytes_of_part(tw_expr node);
/* No arithmetic: copies. */
double tw_flops_none(tw_expr node);

/* For ops that are views of their operand from its start, and the copy such ops make where no view is
 * possible. */
int64_t tw_alias_start(tw_expr node);
tw_status tw_copy_kernel(const tw_call *call);

/* Threads an op may use for `work` element operations of about 1 ns: 1 where they end before other threads would be awake. */
#define TW_PARALLEL_WORK 65536
int tw_call_threads(const tw_call *call, int64_t work);

#endif
