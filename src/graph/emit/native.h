/* Compiled arithmetic of a function: written, compiled, cached, loaded. */
#ifndef TALWEG_GRAPH_NATIVE_H
#define TALWEG_GRAPH_NATIVE_H

#include "graph/plan/plan.h"

/* Steps of a segment, given the operands and results of all steps of the function, its buffers and the library's loops that
 * segments call. Nonzero: an index was outside, and buffers are as they may be. */
typedef int tw_native_segment(const void *const *in, void *const *out, void *work, tw_loop *const *loop);

typedef struct tw_native {
  void *library;
  tw_native_map **map;         /* by cluster */
  tw_native_segment **segment; /* by segment */
  tw_loop **loop;              /* in the order in which segments call them */
} tw_native;

/* C with a function m0, m1, .. for every cluster of `fn`, and s0, s1, .. for every segment. */
tw_status tw_native_text(const tw_fn *fn, tw_text *out, tw_error *error);
/* The loops that segments call, in this order, when there is room for them; how many. */
int tw_native_loops(const tw_fn *fn, tw_loop **loop);
/* Compiles or finds the code of `fn`, once, and publishes it in fn->native; any thread may call. Failures are logged at
 * level debug and leave things as they are. */
void tw_native_make(const tw_fn *fn, const tw_exec *exec);
void tw_native_free(tw_native *native);

#endif
