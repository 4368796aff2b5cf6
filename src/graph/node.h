/* What a graph is inside: nodes in an arena, found again by content. */
#ifndef TALWEG_GRAPH_NODE_H
#define TALWEG_GRAPH_NODE_H

#include <talweg/graph.h>

#include <pthread.h>

typedef struct tw_node_data {
  const tw_op *op;
  tw_type type;
  int64_t size; /* elements */
  uint64_t hash;
  const void *attr;
  const char *scope; /* NULL: none; no part of what the node is */
  int n;
  int32_t *in;
} tw_node_data;

/* Open addressing; 0 marks a free slot, i + 1 an entry i. */
typedef struct tw_index {
  int32_t *slot;
  size_t capacity, count;
} tw_index;

typedef struct tw_blob { /* interned bytes */
  const void *data;
  size_t bytes;
  uint64_t hash;
} tw_blob;

/* Nodes live in chunks of doubling size that never move, so kernels may read nodes while another thread appends. */
enum { TW_FIRST_CHUNK_BITS = 8, TW_CHUNKS = 32 - TW_FIRST_CHUNK_BITS };

struct tw_graph {
  tw_arena *arena;
  tw_node_data **chunk[TW_CHUNKS]; /* chunk c holds 2^(c + TW_FIRST_CHUNK_BITS) nodes */
  int32_t count;
  tw_index nodes, blobs;
  tw_blob *blob;
  int32_t blob_count, blob_capacity;
  pthread_mutex_t lock;
  uint64_t serial; /* of the next fresh input */
  const char *scope; /* of nodes made now; interned */
  tw_status status;
  char message[TW_MESSAGE_MAX];
};

/* Which chunk holds node `id`, and where in it. */
static inline int tw_chunk_of(int32_t id, uint32_t *at) {
  uint32_t i = (uint32_t)id + (1u << TW_FIRST_CHUNK_BITS);
  int top = 31 - __builtin_clz(i);
  *at = i - (1u << top);
  return top - TW_FIRST_CHUNK_BITS;
}
static inline const tw_node_data *tw_node_at(const tw_graph *graph, int32_t id) {
  uint32_t at;
  int c = tw_chunk_of(id, &at);
  return graph->chunk[c][at];
}
static inline const tw_node_data *tw_data(tw_expr e) { return tw_node_at(e.graph, e.id); }
static inline tw_expr tw_at(tw_graph *graph, int32_t id) { return (tw_expr){graph, id}; }
static inline bool tw_is_float(tw_dtype dtype) { return dtype == TW_F64 || dtype == TW_F32; }

/* Rules that make nodes from `node` make them in its scope; gives the scope to return to. In scope.c. */
const char *tw_scope_enter(tw_expr node);
void tw_scope_leave(tw_graph *graph, const char *outer);

/* What an op hands on to the functions inside it. */
static inline tw_exec tw_exec_inside(const tw_exec *exec) {
  tw_exec inside = *exec;
  inside.depth++;
  return inside;
}

/* The ops of the core (leaves and loops); the rest are in ops/ops.def. */
extern const tw_op tw_op_input, tw_op_param, tw_op_constant, tw_op_loop;

typedef struct tw_input_attr {
  tw_type type;
  uint64_t serial;
  const char *name;
} tw_input_attr;

typedef struct tw_constant_attr {
  tw_type type;
  const void *data;
  size_t bytes;
} tw_constant_attr;

typedef struct tw_param_attr {
  tw_type type;
  int64_t k;
} tw_param_attr;

/* The unique arena copy of these bytes. NULL when out of memory (sticky). */
const void *tw_graph_intern(tw_graph *graph, const void *data, size_t bytes);

/* An expression with no inputs that is cheap to repeat inside a body: fills, iotas, small constants. */
bool tw_is_cheap_leaf(tw_expr e);

/* A node that is part of no index, for one kernel call; tw_graph_return takes it back. */
tw_expr tw_graph_lend(tw_graph *graph, tw_node_data *node);
void tw_graph_return(tw_graph *graph);

/* The value of `op` on small constant inputs as a constant, or TW_NONE when it is not of that kind. */
tw_expr tw_fold(const tw_args *args, const tw_type *type);

/* ------------------------------------------------------------------ walking */

/* Nodes reachable from the roots, inputs before users. malloc'd; *count of them. False when out of memory (sticky). */
bool tw_walk(tw_graph *graph, int n, const tw_expr *roots, int32_t **order, int32_t *count);
/* As above, but does not go below the nodes in `stop` (which are included). */
bool tw_walk_to(tw_graph *graph, int n, const tw_expr *roots, int m, const tw_expr *stop, int32_t **order, int32_t *count);
/* depends[id] for ids in order: reaches one of the m inputs. malloc'd, graph->count bytes. */
bool *tw_walk_depends(tw_graph *graph, const int32_t *order, int32_t count, int m, const tw_expr *inputs);

#endif
