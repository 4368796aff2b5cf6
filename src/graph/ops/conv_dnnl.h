/* What oneDNN is given for one node: layouts and primitives, made once. */
#ifndef TALWEG_GRAPH_OPS_CONV_DNNL_H
#define TALWEG_GRAPH_OPS_CONV_DNNL_H

#include "graph/ops/conv.h"

#include <dnnl.h>

enum { ROLES = TW_CONV_ROLES, PRIMITIVES = ROLES + 1 };

/* Primitive ROLES is the convolution; those before it reorder a role's array, and are NULL where its layout
 * will do. */
typedef struct tw_conv_dnnl {
  tw_conv_shape s;
  int64_t images, tiles;                  /* of a tile; tiles */
  int64_t block_groups, block_c, block_k; /* of a block */
  int64_t blocks, chunks;                 /* chunks of tiles: role W */
  int64_t step[ROLES];                    /* elements from block to block of each array */
  dnnl_engine_t engine;
  dnnl_primitive_t primitive[PRIMITIVES];
  dnnl_memory_desc_t theirs[ROLES], own[ROLES], pad[PRIMITIVES];
} tw_conv_dnnl;

int64_t tw_conv_dnnl_tasks(const void *made);
/* Once per workspace, in conv_dnnl_run.c. */
void *tw_conv_dnnl_open(const void *made, int workers);
void tw_conv_dnnl_close(void *state);
tw_status tw_conv_dnnl_run(void *state, const tw_call *call, void *const role[ROLES]);

#endif
