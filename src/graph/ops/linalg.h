/* Stacks of matrices: the last two axes are a matrix, the axes before them broadcast. */
#ifndef TALWEG_GRAPH_OPS_LINALG_H
#define TALWEG_GRAPH_OPS_LINALG_H

#include "graph/emit/emit.h"
#include "graph/ops/build.h"
#include "graph/ops/dense.h"
#include "graph/ops/ops.h"

static inline bool tw_is_real(tw_dtype dtype) {
  return dtype == TW_F64 || dtype == TW_F32;
}

/* ------------------------------------------------------------------ stacks in kernels */

/* Which matrix of each of two operands belongs to entry b of the stack of results. */
typedef struct tw_matrices {
  int64_t count; /* entries of the result */
  int rank;
  int64_t dim[TW_MAX_RANK], step[2][TW_MAX_RANK];
} tw_matrices;
/* `core` axes at the end of each shape are the matrix (or vector). The shapes have been found to broadcast.
 */
tw_matrices tw_matrices_make(const tw_shape *a, int a_core, const tw_shape *b, int b_core);
void tw_matrices_at(const tw_matrices *stack, int64_t entry, int64_t matrix[2]);
/* Entries of a stack of one operand. */
int64_t tw_stack_count(const tw_shape *shape, int core);
/* " of entry 3" when there are several, else "". */
const char *tw_stack_entry(int64_t count, int64_t entry, char text[32]);

/* ------------------------------------------------------------------ stacks in written code */

/* Loops over the entries `i` of a stack; closed by tw_emit_close. */
void tw_emit_entries(tw_emitter *e, int64_t count);
/* "a + i * size": entry i of a stack of matrices of `size` elements; or what matrix `which` of a pair of
 * stacks belongs to entry i of the result. Into out[TW_EMIT_ENTRY]. */
enum { TW_EMIT_ENTRY = 1024 };
void tw_emit_entry(tw_emitter *e, const char *a, int64_t size, char *out);
void tw_emit_pair_entry(tw_emitter *e, const tw_matrices *stack, int which, const char *a, int64_t size,
                        char *out);
/* rt_NAME_TYPE(rows, matrix, result, work) for every entry of operand `operand`; ends the function where it
 * gives 1. With `cols` it is called with the columns, too; with work = 0 without work, else with so many
 * elements. */
typedef struct tw_matrix_call {
  const char *name;
  int operand;
  bool cols;
  int64_t work;
} tw_matrix_call;
void tw_emit_matrix_call(tw_emitter *e, tw_expr node, const tw_matrix_call *call, const char *const *in,
                         const char *out);

/* ------------------------------------------------------------------ shape rules */

/* Operand i is a stack of square matrices of f64 or f32 that LAPACK can count; n is their order. */
bool tw_infer_square(const tw_args *args, int i, int64_t *n);
/* Extents and leading dimensions are ints to BLAS. */
bool tw_infer_int(const tw_args *args, int64_t extent);
/* The axes before the last `core` of both shapes, broadcast together, into out. */
bool tw_infer_stack(const tw_args *args, const tw_shape *a, int a_core, const tw_shape *b, int b_core,
                    tw_shape *out);
/* A X = B: operand 0 square stack, operand `rhs` a stack of n x k matrices. */
bool tw_infer_solve(const tw_args *args, int rhs, tw_type *type);

/* ------------------------------------------------------------------ builders and rules */

/* Operands of one floating dtype: integers become f64. False when the graph has failed. */
bool tw_linalg_operands(const char *op, int n, tw_expr *x);
/* An operand with a leading batch axis and then axes of extent 1, so that beside an operand whose unbatched
 * rank is `rank` its own axes line up; unbatched operands broadcast as they are. */
tw_expr tw_stack_align(tw_expr e, bool batched, int rank);
/* The op applied to operands aligned in this way; good for ops of stacks. */
tw_expr tw_stack_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched);

/* The matrix whose lower triangle is that of e, mirrored; and its adjoint. Ops that read the lower triangle
 * of a symmetric matrix are functions of mirror(e): their tangents mirror, their cotangents fold. */
tw_expr tw_mirror_lower(tw_expr e);
tw_expr tw_fold_lower(tw_expr e);

/* a + b where TW_NONE is zero. */
tw_expr tw_sum_or(tw_expr a, tw_expr b);
/* op(a) op(b) with transposes. */
tw_expr tw_product_of(tw_expr a, bool ta, tw_expr b, bool tb);
/* The last axis of v as columns: e * v[.., None, :]. */
tw_expr tw_scale_columns(tw_expr e, tw_expr v);

/* The matrices with the last axis of v on their diagonals. */
tw_expr tw_diagonal_of(tw_expr v);
/* 1 / e where `condition` holds, elsewhere 0 with derivative 0. */
tw_expr tw_reciprocal_where(tw_expr condition, tw_expr e);

/* ------------------------------------------------------------------ solvers */

/* Runs the solve of one right-hand-side tile: x holds B's columns, `cols` of them, ldx apart; it becomes X.
 */
typedef void tw_solve_tile(const tw_call *call, tw_dtype dtype, int64_t n, const void *matrix, void *x,
                           int64_t cols, int64_t ldx);
/* Copies B (operand `rhs`) to the result and solves tile by tile; the matrices are operand `factor`,
 * `matrix_size` elements apart. */
void tw_solve_run(const tw_call *call, int factor, int64_t matrix_size, int rhs, tw_solve_tile *solve);
double tw_solve_flops(tw_expr node);
/* Writes a solve: call(e, node, n, k, matrix, b, x) writes that of one entry. */
typedef void tw_emit_solve_entry(tw_emitter *e, tw_expr node, int64_t n, int64_t k, const char *matrix,
                                 const char *b, const char *x);
void tw_emit_solve(tw_emitter *e, tw_expr node, int factor, int64_t matrix_size, int rhs,
                   const char *const *in, const char *out, tw_emit_solve_entry *call);

/* Builders' right-hand sides are vectors or matrices: a vector becomes a column, `*vector` remembers to take
 * it back. */
tw_expr tw_solve_columns(tw_expr b, bool vector);

/* Well-conditioned examples from fresh inputs: x x' + n I, and the same made unsymmetric. */
tw_expr tw_example_spd(tw_graph *graph, tw_dtype dtype, tw_shape shape);
tw_expr tw_example_regular(tw_graph *graph, tw_dtype dtype, tw_shape shape);

#endif
