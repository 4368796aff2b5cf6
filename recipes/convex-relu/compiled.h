/* Functions of the library's graph, compiled for one thread. */
#ifndef CONVEX_RELU_COMPILED_H
#define CONVEX_RELU_COMPILED_H

#include <talweg/domain.h>

typedef struct compiled { /* zero-initialise; owns all three */
  tw_graph *graph;
  tw_fn *fn;
  tw_work *work;
} compiled;

tw_status compiled_graph(compiled *c, tw_error *error);
/* Of expressions in c->graph. */
tw_status compiled_finish(compiled *c, int n_in, const tw_expr *in, int n_out, const tw_expr *out, tw_error *error);
tw_status compiled_call(const compiled *c, const void *const *in, void *const *out, tw_error *error);
void compiled_close(compiled *c);

tw_expr constant_of(tw_graph *graph, const double *value, tw_shape shape); /* copied */

#endif
