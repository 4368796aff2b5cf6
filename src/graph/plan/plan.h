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
  int32_t n_clusters; /* of compiled arithmetic, in all passes */
  double gain;        /* seconds that compiled code is estimated to save in a call */
  _Atomic(struct tw_native *) native; /* the compiled code, once there is any */
  atomic_int native_state;            /* 0: not tried, 1: tried */
};

/* ------------------------------------------------------------------ buffers: best-fit with coalescing */

typedef struct tw_block {
  size_t offset, bytes;
} tw_block;

typedef struct tw_pool {
  tw_block *live; /* by offset */
  int count, capacity;
  size_t peak;       /* end of the highest block ever */
  size_t live_bytes, live_peak;
  bool failed;       /* out of memory */
} tw_pool;

enum { TW_ALIGN = 64 };
size_t tw_pool_take(tw_pool *pool, size_t bytes); /* offset */
void tw_pool_give(tw_pool *pool, size_t offset);
void tw_pool_free(tw_pool *pool);

#endif
