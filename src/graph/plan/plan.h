/* A compiled function: its steps in order and the place of every value. */
#ifndef TALWEG_GRAPH_PLAN_H
#define TALWEG_GRAPH_PLAN_H

#include "graph/plan/pass.h"

#include <stdatomic.h>

typedef enum tw_space { TW_IN_WORK, TW_IN_INPUT, TW_IN_OUTPUT, TW_IN_CONSTANT } tw_space;

typedef struct tw_place {
  tw_space space;
  int32_t index;    /* which input or output */
  size_t offset;    /* bytes */
  const void *data; /* of a constant */
} tw_place;

/* One kernel call, or one pass over several nodes. */
typedef struct tw_step {
  tw_expr node;   /* of a pass: its first */
  tw_pass *pass;  /* NULL: the node's kernel */
  int level;      /* -1: depends on constants only */
  int32_t n, first_in;       /* operands: fn->operand[first_in ..] */
  int32_t n_out, first_out;  /* results: fn->result[first_out ..] */
  size_t scratch; /* offset of its scratch memory in the workspace */
  int32_t n_segment, segment; /* this and the next steps, so many in all, are a segment, and its number; 0: none starts here */
  void *prepared;
} tw_step;

typedef struct tw_copy { /* an output that lies elsewhere when the steps are done */
  tw_place from;
  int output;
  size_t bytes;
} tw_copy;

struct tw_fn {
  int n_inputs, n_outputs;
  tw_expr *input, *output; /* copied */
  unsigned mode;
  tw_step *step;
  int n_steps;
  int max_level;
  tw_place *operand, *result;
  int n_operands, n_results;
  tw_copy *copy;
  int n_copies;
  size_t work_bytes, live_bytes;
  double flops;
  tw_held *held; /* what is in the workspace when */
  size_t n_held, held_capacity;
  int32_t n_clusters; /* of compiled arithmetic, in all passes */
  int32_t n_segments; /* of steps that compiled code runs in one call */
  int32_t n_written;  /* instructions in them */
  double gain;        /* seconds that compiled code is estimated to save in a call */
  _Atomic(struct tw_native *) native; /* the compiled code, once there is any */
  atomic_int native_state;            /* 0: not tried, 1: tried */
};

/* ------------------------------------------------------------------ buffers */

typedef struct tw_buffer { /* in use from step first to step last */
  int32_t first, last;
  size_t bytes, offset; /* bytes a multiple of TW_ALIGN */
} tw_buffer;

enum { TW_ALIGN = 64 };
/* Offsets such that buffers in use at the same step do not overlap; *bytes: the end of the highest, *live: the largest sum of
 * sizes in use at one step, which no placement can be below. False when out of memory. O(n^2) for up to some thousand
 * buffers; for more, O(n (log n + gaps between buffers in use)). */
bool tw_buffers_place(tw_buffer *buffer, size_t n, int32_t steps, size_t *bytes, size_t *live);

typedef struct tw_sweep {
  bool backward; /* from the last step to the first */
  bool best;     /* into the smallest gap that is large enough, not into the lowest */
} tw_sweep;
/* One placement in the order of steps (sweep.c). False when out of memory. */
bool tw_buffers_sweep(tw_buffer *buffer, size_t n, tw_sweep sweep, size_t *bytes);

#endif
