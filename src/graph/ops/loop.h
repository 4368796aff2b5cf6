/* The index-set loop: one node whatever the number of iterations.
 *
 * A loop runs its body for k = 0 .. n-1. The body's params are k (i64 scalar) and then the captured values,
 * which are the node's operands. Its results, packed one after the other in a flat vector of one dtype, are
 * each SUM      target  = sum_k value(k) STACK    target[k, ..] = value(k) SCATTER  target[index_0(k).., ..]
 * += value(k)   (see tw_scatter_add) The three kinds are closed under differentiation: the derivative of a
 * loop is a loop. */
#ifndef TALWEG_GRAPH_LOOP_H
#define TALWEG_GRAPH_LOOP_H

#include "graph/node.h"

typedef enum tw_loop_kind { TW_LOOP_SUM, TW_LOOP_STACK, TW_LOOP_SCATTER } tw_loop_kind;

typedef struct tw_loop_result {
  int64_t kind;
  int64_t first; /* body outputs: value, then the indices */
  int64_t n_index;
  int64_t target; /* results with the same target add up in one array */
} tw_loop_result;

typedef struct tw_loop_target {
  tw_shape shape;
  int64_t offset, size; /* elements of the flat result */
} tw_loop_target;

typedef struct tw_loop_attr { /* everything behind the pointers is interned */
  int64_t n;
  const tw_body *body;
  const tw_loop_result *result;
  const tw_loop_target *target;
  int64_t n_results, n_targets, size;
  int64_t dtype;
} tw_loop_attr;

/* Collects results before the node is made. */
typedef struct tw_loop_builder {
  tw_graph *graph;
  int64_t n;
  tw_dtype dtype;
  tw_expr *output; /* body outputs so far */
  tw_loop_result *result;
  tw_loop_target *target;
  int n_outputs, n_results, n_targets, capacity;
} tw_loop_builder;

void tw_loop_begin(tw_loop_builder *b, tw_graph *graph, int64_t n, tw_dtype dtype);
int tw_loop_target_add(tw_loop_builder *b, tw_shape shape);
void tw_loop_result_add(tw_loop_builder *b, tw_loop_kind kind, int target, tw_expr value, int n_index,
                        const tw_expr *index);
/* An output of the body that is no result: the carried state of a scan. */
void tw_loop_output_add(tw_loop_builder *b, tw_expr output);
/* The loop over a body whose params are tw_param 0 (k) and 1 .. n_captured; releases the builder. */
tw_expr tw_loop_end(tw_loop_builder *b, int n_captured, const tw_expr *captured);
/* Parts of tw_loop_end, for ops that are loops and more (scan.h).
 * Rewrites the outputs over those of the captured values they really use, which become params first, first+1, ..; the
 * number of these. They come back in used[], their params in params[]; from[] is scratch; n_captured elements each. */
int tw_loop_drop_unused(tw_loop_builder *b, int first, int n_captured, const tw_expr *captured, tw_expr *from,
                        tw_expr *params, tw_expr *used);
/* The attribute of a loop over these params whose body outputs are the first n_outputs collected. False on failure. */
bool tw_loop_pack(const tw_loop_builder *b, int n_params, const tw_expr *params, int n_outputs, tw_loop_attr *attr);
void tw_loop_release_builder(tw_loop_builder *b);

/* Target t of a packed loop (or of an op whose attribute begins with a tw_loop_attr) in its own shape. */
tw_expr tw_loop_part(tw_expr loop, int t);

/* Adds the value (d target, of a captured array's shape) to target t, splitting sums and turning scatter_add
 * terms into SCATTER results, so that an iteration never touches a whole array it only reads one entry of. */
void tw_loop_accumulate(tw_loop_builder *b, int target, tw_expr value);

/* What iteration k's value of a result receives of its target's cotangent c; outputs: the body's. */
tw_expr tw_loop_value_cotangent(const tw_loop_result *result, const tw_expr *outputs, tw_expr k, tw_expr c);
/* Targets from `first` on and results of a batched body, whose outputs `out` have a leading axis of `size`; and the parts
 * of a loop over it, [size, elements] each. */
void tw_loop_add_batched(tw_loop_builder *b, const tw_loop_attr *attr, int first, int64_t size, const tw_expr *out);
void tw_loop_batched_parts(tw_expr loop, const tw_loop_attr *attr, int first, int64_t size, tw_expr *part);

double tw_body_flops(const tw_body *body);

/* Rules, in loop_rules.c. */
tw_expr tw_loop_jvp(tw_expr node, const tw_expr *tangents);
void tw_loop_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents);
tw_expr tw_loop_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched);

/* Memory and sums of evaluations, in loop_combine.c.
 * The bytes of the body's outputs for `tile` iterations; offset (unless NULL) gets where each of them begins. */
size_t tw_loop_layout(const tw_body *body, int64_t tile, size_t *offset);
int64_t tw_loop_sums(const tw_loop_attr *attr); /* elements of all SUM results */
/* Where target t lies in the flat result. */
char *tw_loop_place(const tw_loop_attr *attr, int64_t target, void *out);
/* Iterations evaluated together: of their values the first `skip` are left out and `count` taken. slope[i] (NULL: none)
 * >= 0 says that output i is an index of which the first of all is there; the others step on by it. */
typedef struct tw_loop_rows {
  int64_t count, skip;
  const int64_t *slope;
} tw_loop_rows;
/* Adds what these iterations gave to the SUM and SCATTER targets in `out`: output i is at region + offset[i], that of a
 * SUM already added up over the rows. compensation [sums] is zero before the first and given to tw_loop_finish after the
 * last. */
tw_status tw_loop_combine(const tw_loop_attr *attr, void *out, double *compensation, const char *region,
                          const size_t *offset, const tw_loop_rows *rows, tw_error *error);
void tw_loop_finish(const tw_loop_attr *attr, void *out, const double *compensation);

/* Writing as C, in loop_emit.c. */
void tw_loop_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out);

/* Evaluation, in loop_run.c. */
tw_status tw_loop_kernel(const tw_call *call);
tw_status tw_loop_prepare(tw_expr node, unsigned mode, void **prepared, tw_error *error);
const tw_fn *tw_loop_function(const void *prepared, int i);
void tw_loop_release(void *prepared);
tw_status tw_loop_open(tw_expr node, void *prepared, void **state, tw_error *error);
void tw_loop_close(void *state);
void tw_loop_visit(void *state, tw_state_visitor *visitor, void *context);
void tw_loop_memory(void *state, tw_memory_visitor *visitor, void *context);

#endif
