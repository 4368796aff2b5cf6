/* Compiled arithmetic of a function: written, compiled, cached, loaded. */
#ifndef TALWEG_GRAPH_NATIVE_H
#define TALWEG_GRAPH_NATIVE_H

#include "graph/plan/plan.h"

typedef struct tw_native {
  void *library;
  tw_native_map *map[]; /* by cluster */
} tw_native;

/* C with a function m0, m1, .. for every cluster of `fn`. */
tw_status tw_native_text(const tw_fn *fn, tw_text *out, tw_error *error);
/* Compiles or finds the code of `fn`, once, and publishes it in fn->native; any thread may call. Failures are logged at
 * level debug and leave things as they are. */
void tw_native_make(const tw_fn *fn, const tw_exec *exec);
void tw_native_free(tw_native *native);

#endif
