/* Graphs: sticky errors and hash-consed nodes. */
#include "graph/node.h"

#include <stdlib.h>
#include <string.h>

tw_graph *tw_graph_new(void) {
  tw_graph *graph = calloc(1, sizeof *graph);
  if (!graph) return NULL;
  graph->arena = tw_arena_new();
  pthread_mutexattr_t recursive;
  bool ok = graph->arena && pthread_mutexattr_init(&recursive) == 0;
  if (ok) {
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    ok = pthread_mutex_init(&graph->lock, &recursive) == 0;
    pthread_mutexattr_destroy(&recursive);
  }
  if (ok) return graph;
  tw_arena_free(graph->arena);
  free(graph);
  return NULL;
}

void tw_graph_free(tw_graph *graph) {
  if (!graph) return;
  pthread_mutex_destroy(&graph->lock);
  tw_arena_free(graph->arena);
  for (int c = 0; c < TW_CHUNKS; c++) free(graph->chunk[c]);
  free(graph->nodes.slot);
  free(graph->blobs.slot);
  free(graph->blob);
  free(graph);
}

void tw_graph_lock(tw_graph *graph) {
  if (graph) pthread_mutex_lock(&graph->lock);
}
void tw_graph_unlock(tw_graph *graph) {
  if (graph) pthread_mutex_unlock(&graph->lock);
}

tw_status tw_graph_status(const tw_graph *graph) {
  if (!graph) return TW_ERR_ARGUMENT;
  return graph->status;
}
const char *tw_graph_message(const tw_graph *graph) { return graph ? graph->message : "the graph is NULL"; }
int32_t tw_graph_nodes(const tw_graph *graph) { return graph ? graph->count : 0; }
tw_arena *tw_graph_arena(tw_graph *graph) { return graph ? graph->arena : NULL; }

size_t tw_graph_bytes(const tw_graph *graph) {
  if (!graph) return 0;
  size_t nodes = 0;
  for (int c = 0; c < TW_CHUNKS; c++)
    if (graph->chunk[c]) nodes += (size_t)1 << (c + TW_FIRST_CHUNK_BITS);
  return sizeof *graph + tw_arena_bytes(graph->arena) + nodes * sizeof(tw_node_data *) +
         (graph->nodes.capacity + graph->blobs.capacity) * sizeof(int32_t) +
         (size_t)graph->blob_capacity * sizeof *graph->blob;
}

tw_expr tw_graph_fail(tw_graph *graph, tw_status status, const char *format, ...) {
  if (graph && graph->status == TW_OK) {
    va_list args;
    va_start(args, format);
    graph->status = status;
    vsnprintf(graph->message, sizeof graph->message, format, args);
    va_end(args);
  }
  return TW_NONE;
}

void tw_graph_clear(tw_graph *graph) {
  if (!graph) return;
  graph->status = TW_OK;
  graph->message[0] = '\0';
}

tw_status tw_graph_check(const tw_graph *graph, tw_error *error) {
  if (!graph) return tw_fail(error, TW_ERR_ARGUMENT, "the graph is NULL");
  if (graph->status == TW_OK) return TW_OK;
  return tw_fail(error, graph->status, "%s", graph->message);
}

/* ------------------------------------------------------------------ the two indices */

typedef bool same_entry(const tw_graph *graph, int32_t i, const void *wanted);
typedef uint64_t entry_hash(const tw_graph *graph, int32_t i);

/* The slot of the entry that is `same`, or the free slot where it belongs. */
static size_t find_slot(const tw_graph *graph, const tw_index *index, uint64_t hash, same_entry *same,
                        const void *wanted) {
  size_t mask = index->capacity - 1, at = (size_t)hash & mask;
  while (index->slot[at] && !same(graph, index->slot[at] - 1, wanted)) at = (at + 1) & mask;
  return at;
}

static bool no_entry(const tw_graph *graph, int32_t i, const void *wanted) {
  (void)graph, (void)i, (void)wanted;
  return false;
}

static bool reserve_slot(tw_graph *graph, tw_index *index, entry_hash *hash_of) {
  if (index->capacity && (index->count + 1) * 3 < index->capacity * 2) return true;
  tw_index bigger = {.capacity = index->capacity ? index->capacity * 2 : 256, .count = index->count};
  bigger.slot = calloc(bigger.capacity, sizeof *bigger.slot);
  if (!bigger.slot) {
    tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory growing the graph");
    return false;
  }
  for (size_t i = 0; i < index->capacity; i++)
    if (index->slot[i])
      bigger.slot[find_slot(graph, &bigger, hash_of(graph, index->slot[i] - 1), no_entry, NULL)] = index->slot[i];
  free(index->slot);
  *index = bigger;
  return true;
}

/* ------------------------------------------------------------------ interned bytes */

static uint64_t blob_hash(const tw_graph *graph, int32_t i) { return graph->blob[i].hash; }

static bool same_blob(const tw_graph *graph, int32_t i, const void *wanted) {
  const tw_blob *a = &graph->blob[i], *b = wanted;
  return a->hash == b->hash && a->bytes == b->bytes && memcmp(a->data, b->data, b->bytes) == 0;
}

const void *tw_graph_intern(tw_graph *graph, const void *data, size_t bytes) {
  tw_blob wanted = {data, bytes, tw_hash(data, bytes, 0)};
  if (!reserve_slot(graph, &graph->blobs, blob_hash)) return NULL;
  size_t at = find_slot(graph, &graph->blobs, wanted.hash, same_blob, &wanted);
  if (graph->blobs.slot[at]) return graph->blob[graph->blobs.slot[at] - 1].data;
  if (graph->blob_count == graph->blob_capacity) {
    int32_t capacity = graph->blob_capacity ? 2 * graph->blob_capacity : 64;
    tw_blob *grown = realloc(graph->blob, (size_t)capacity * sizeof *grown);
    if (!grown) goto memory;
    graph->blob = grown;
    graph->blob_capacity = capacity;
  }
  wanted.data = tw_arena_dup(graph->arena, data, bytes, 16);
  if (!wanted.data) goto memory;
  graph->blob[graph->blob_count++] = wanted;
  graph->blobs.slot[at] = graph->blob_count;
  graph->blobs.count++;
  return wanted.data;
memory:
  tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory growing the graph");
  return NULL;
}

/* ------------------------------------------------------------------ nodes */

static bool same_attr(const tw_op *op, const void *a, const void *b) {
  if (op == &tw_op_constant) {
    const tw_constant_attr *x = a, *y = b;
    return x->bytes == y->bytes && memcmp(x->data, y->data, x->bytes) == 0;
  }
  return op->attr_bytes == 0 || memcmp(a, b, op->attr_bytes) == 0;
}

static uint64_t hash_attr(const tw_op *op, const void *attr, uint64_t seed) {
  if (op == &tw_op_constant) {
    const tw_constant_attr *constant = attr;
    return tw_hash(constant->data, constant->bytes, seed);
  }
  return op->attr_bytes ? tw_hash(attr, op->attr_bytes, seed) : seed;
}

static bool same_node(const tw_graph *graph, int32_t i, const void *wanted) {
  const tw_node_data *a = tw_node_at(graph, i), *b = wanted;
  return a->hash == b->hash && a->op == b->op && a->n == b->n && a->type.dtype == b->type.dtype &&
         tw_shape_equal(&a->type.shape, &b->type.shape) &&
         (b->n == 0 || memcmp(a->in, b->in, (size_t)b->n * sizeof *b->in) == 0) && same_attr(b->op, a->attr, b->attr);
}

static uint64_t node_hash(const tw_graph *graph, int32_t i) { return tw_node_at(graph, i)->hash; }

/* The slot of the next node, NULL when out of memory. */
static tw_node_data **next_slot(tw_graph *graph) {
  uint32_t at;
  int c = graph->count < INT32_MAX - (1 << TW_FIRST_CHUNK_BITS) ? tw_chunk_of(graph->count, &at) : TW_CHUNKS;
  if (c < TW_CHUNKS && !graph->chunk[c])
    graph->chunk[c] = calloc((size_t)1 << (c + TW_FIRST_CHUNK_BITS), sizeof(tw_node_data *));
  if (c < TW_CHUNKS && graph->chunk[c]) return &graph->chunk[c][at];
  tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory growing the graph");
  return NULL;
}

tw_expr tw_graph_lend(tw_graph *graph, tw_node_data *node) {
  tw_node_data **slot = next_slot(graph);
  if (!slot) return TW_NONE;
  *slot = node;
  return tw_at(graph, graph->count++);
}

void tw_graph_return(tw_graph *graph) { graph->count--; }

/* Copies what `wanted` points to into the arena and appends it. */
static tw_expr append(tw_graph *graph, const tw_node_data *wanted) {
  tw_node_data **slot = next_slot(graph);
  if (!slot) return TW_NONE;
  tw_node_data *node = tw_arena_dup(graph->arena, wanted, sizeof *node, sizeof(void *));
  if (!node) return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory growing the graph");
  node->scope = graph->scope;
  if (node->n) node->in = tw_arena_dup(graph->arena, wanted->in, (size_t)wanted->n * sizeof *wanted->in, sizeof(int32_t));
  if (node->op->attr_bytes) node->attr = tw_arena_dup(graph->arena, wanted->attr, node->op->attr_bytes, 16);
  if (node->op == &tw_op_constant && node->attr) {
    tw_constant_attr *constant = (tw_constant_attr *)(uintptr_t)node->attr;
    constant->data = tw_arena_dup(graph->arena, constant->data, constant->bytes, 64);
    if (!constant->data) node->attr = NULL;
  }
  if ((node->n && !node->in) || (node->op->attr_bytes && !node->attr))
    return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory growing the graph");
  *slot = node;
  return tw_at(graph, graph->count++);
}

static tw_expr find_or_append(tw_graph *graph, tw_node_data *wanted) {
  if (wanted->op->flags & TW_OP_IMPURE) return append(graph, wanted);
  uint64_t hash = tw_hash(&wanted->op, sizeof wanted->op, (uint64_t)wanted->type.dtype);
  hash = tw_hash(wanted->in, (size_t)wanted->n * sizeof *wanted->in, hash);
  wanted->hash = hash_attr(wanted->op, wanted->attr, hash);
  if (!reserve_slot(graph, &graph->nodes, node_hash)) return TW_NONE;
  size_t at = find_slot(graph, &graph->nodes, wanted->hash, same_node, wanted);
  if (graph->nodes.slot[at]) return tw_at(graph, graph->nodes.slot[at] - 1);
  tw_expr e = append(graph, wanted);
  if (tw_is_none(e)) return e;
  graph->nodes.slot[at] = e.id + 1;
  graph->nodes.count++;
  return e;
}

static bool inputs_fit(tw_graph *graph, const tw_op *op, int n, const tw_expr *in) {
  if (op->arity >= 0 && n != op->arity) {
    tw_graph_fail(graph, TW_ERR_ARGUMENT, "%s: takes %d operands, got %d", op->name, op->arity, n);
    return false;
  }
  for (int i = 0; i < n; i++)
    if (tw_is_none(in[i]) || in[i].graph != graph || in[i].id >= graph->count) {
      tw_graph_fail(graph, TW_ERR_ARGUMENT, "%s: operand %d %s", op->name, i,
                    tw_is_none(in[i]) ? "is not an expression" : "belongs to another graph");
      return false;
    }
  return true;
}

enum { FEW_INPUTS = 16 };

tw_expr tw_node(tw_graph *graph, const tw_op *op, int n, const tw_expr *in, const void *attr) {
  if (!graph || graph->status != TW_OK) return TW_NONE;
  if (!op || (n > 0 && !in)) return tw_graph_fail(graph, TW_ERR_ARGUMENT, "a node without an op or without operands");
  if (!inputs_fit(graph, op, n, in)) return TW_NONE;
  tw_args args = {graph, op, n, in, attr};
  tw_type type = {0};
  if (!op->infer(&args, &type))
    return tw_graph_fail(graph, TW_ERR_SHAPE, "%s: operands do not fit", op->name);
  int64_t size = tw_shape_size(&type.shape);
  char text[TW_SHAPE_TEXT];
  if (size < 0 || size > INT64_MAX / 16)
    return tw_graph_fail(graph, TW_ERR_SHAPE, "%s: shape %s is too large", op->name, tw_shape_text(&type.shape, text));
  if (op->simplify) {
    tw_expr simpler = op->simplify(&args);
    if (!tw_is_none(simpler) || graph->status != TW_OK) return simpler;
  }
  tw_expr folded = tw_fold(&args, &type);
  if (!tw_is_none(folded) || graph->status != TW_OK) return folded;

  int32_t few[FEW_INPUTS], *ids = few;
  if (n > FEW_INPUTS && !(ids = malloc((size_t)n * sizeof *ids)))
    return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory growing the graph");
  for (int i = 0; i < n; i++) ids[i] = in[i].id;
  if ((op->flags & TW_OP_COMMUTATIVE) && n == 2 && ids[0] > ids[1]) {
    int32_t swap = ids[0];
    ids[0] = ids[1];
    ids[1] = swap;
  }
  tw_node_data wanted = {.op = op, .type = type, .size = size, .attr = attr, .n = n, .in = ids};
  tw_expr e = find_or_append(graph, &wanted);
  if (ids != few) free(ids);
  return e;
}

/* ------------------------------------------------------------------ reading nodes */

tw_dtype tw_dtype_of(tw_expr e) { return tw_is_none(e) ? TW_F64 : tw_data(e)->type.dtype; }
tw_shape tw_shape_of(tw_expr e) { return tw_is_none(e) ? TW_SCALAR : tw_data(e)->type.shape; }
int64_t tw_size_of(tw_expr e) { return tw_is_none(e) ? 1 : tw_data(e)->size; }
const tw_op *tw_op_of(tw_expr e) { return tw_is_none(e) ? NULL : tw_data(e)->op; }
int tw_arity_of(tw_expr e) { return tw_is_none(e) ? 0 : tw_data(e)->n; }
tw_expr tw_input_of(tw_expr e, int i) {
  return tw_is_none(e) || i < 0 || i >= tw_data(e)->n ? TW_NONE : tw_at(e.graph, tw_data(e)->in[i]);
}
const void *tw_attr_of(tw_expr e) { return tw_is_none(e) ? NULL : tw_data(e)->attr; }
