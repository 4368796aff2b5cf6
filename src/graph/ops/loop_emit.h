/* The results of iterations as C: what loops and scans share. */
#ifndef TALWEG_GRAPH_OPS_LOOP_EMIT_H
#define TALWEG_GRAPH_OPS_LOOP_EMIT_H

#include "graph/emit/emit.h"
#include "graph/ops/loop.h"

typedef struct tw_loop_writer {
  const tw_loop_attr *attr;
  tw_emit_body body;
  int finals;      /* the first targets are no results */
  const char *out; /* the flat result: a pointer expression */
  const char *k;   /* the number of the iteration: a variable */
  int id;          /* sums are s<id>_<result>, r<id>_<result> */
} tw_loop_writer;

void tw_loop_write_start(tw_emitter *e, const tw_loop_writer *w); /* before all iterations: zeros to add to */
void tw_loop_write_outputs(tw_emitter *e,
                           tw_loop_writer *w); /* before the lines of one: where its outputs go */
void tw_loop_write_results(tw_emitter *e, const tw_loop_writer *w); /* after them: adds up and stacks */
void tw_loop_write_end(tw_emitter *e, const tw_loop_writer *w);     /* after all iterations */

/* Several loops of equal length, none of which touches what another one writes, in one `for`. */
void tw_loop_emit_together(tw_emitter *e, const tw_emit_call *call, int n);

#endif
