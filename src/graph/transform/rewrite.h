/* The frame that jvp, vjp, batch and substitute share: the nodes between inputs and outputs in order, with one
 * expression per node. Ids at or above `limit` are nodes made by the rewriting itself. */
#ifndef TALWEG_GRAPH_REWRITE_H
#define TALWEG_GRAPH_REWRITE_H

#include "graph/node.h"

typedef struct tw_rewrite {
  tw_graph *graph;
  int32_t *order, count, limit;
  bool *depends;      /* [limit] on the inputs */
  int32_t *image;     /* [limit] id of what stands for a node; -1: nothing */
} tw_rewrite;

/* False with the graph's error set on failure (a failed graph included). */
bool tw_rewrite_open(tw_rewrite *rw, int n, const tw_expr *outputs, int m, const tw_expr *inputs);
void tw_rewrite_close(tw_rewrite *rw);
static inline tw_expr tw_image(const tw_rewrite *rw, tw_expr e) {
  return tw_is_none(e) || e.id >= rw->limit || rw->image[e.id] < 0 ? TW_NONE : tw_at(rw->graph, rw->image[e.id]);
}
static inline void tw_set_image(tw_rewrite *rw, int32_t id, tw_expr e) { rw->image[id] = tw_is_none(e) ? -1 : e.id; }

/* A node's inputs in a caller's array (NULL when too many for it and out of memory, sticky). Release with free when
 * it is not `few`. */
enum { TW_FEW = 16 };
tw_expr *tw_inputs(tw_expr node, tw_expr few[TW_FEW]);
/* An uninitialised array of `n` expressions, `few` when they fit. */
tw_expr *tw_exprs(tw_graph *graph, int n, tw_expr few[TW_FEW]);

#endif
