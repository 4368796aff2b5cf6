/* What the element-wise ops share: builders, shape rules, the broadcasting kernel. */
#ifndef TALWEG_GRAPH_OPS_ELEMENTWISE_H
#define TALWEG_GRAPH_OPS_ELEMENTWISE_H

#include "graph/ops/build.h"
#include "graph/ops/loops.h"
#include "graph/ops/ops.h"

/* Runs `loop` over the result of call->node, whose operands broadcast to it. */
tw_status tw_elementwise_run(const tw_call *call, tw_loop *loop);
/* The kernel of ops that have a loop. */
tw_status tw_elementwise_kernel(const tw_call *call);
/* The formula of loops.def for operands of the last operand's dtype. */
const char *tw_loop_formula(tw_loop_id id, tw_dtype dtype);

/* Shape rules: operands of one dtype that broadcast; the result has it, or is bool. */
bool tw_infer_numeric(const tw_args *args, tw_type *type); /* any dtype but bool */
bool tw_infer_float(const tw_args *args, tw_type *type);   /* f64 or f32 */
bool tw_infer_compare(const tw_args *args, tw_type *type); /* any dtype, bool result */
bool tw_infer_logic(const tw_args *args, tw_type *type);   /* bool */
/* The shape that all operands broadcast to; fails the graph in the op's name. */
bool tw_infer_broadcast(const tw_args *args, tw_shape *shape);

/* op(broadcast(x), ..) = broadcast(op(x, ..)) where that shrinks the work: repeated operands, fills among
 * them, are used as they were before they were repeated. TW_NONE when there is nothing to gain. */
tw_expr tw_simplify_broadcast(const tw_args *args);

/* Builders: operands promoted together and then to numbers (bool to i64), floats (integers to f64), or bool.
 */
typedef enum tw_promotion { TW_TO_COMMON, TW_TO_NUMBER, TW_TO_FLOAT, TW_TO_BOOL } tw_promotion;
tw_expr tw_elementwise_build(const tw_op *op, tw_promotion promotion, int n, const tw_expr *x);

/* Examples by variant: shapes that agree, broadcast, are empty, have rank 0. */
tw_expr tw_elementwise_example(const tw_op *op, tw_promotion promotion, tw_graph *graph, tw_dtype dtype,
                               int variant);

#endif
