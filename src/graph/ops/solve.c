/* What the solvers of A X = B share: right-hand sides are copied to the result and solved there, tile by tile
 * of their columns, entry by entry of the stack. */
#include "graph/ops/linalg.h"

enum { COLUMNS = 64, WORK = 1 << 16 };

typedef struct solve_task {
  const tw_call *call;
  tw_matrices stack;
  tw_solve_tile *solve;
  tw_dtype dtype;
  const void *matrices, *rhs;
  int64_t n, k, matrix_size, tiles; /* tiles of columns in an entry */
} solve_task;

static void solve_tile(void *context, int64_t tile, int worker) {
  (void)worker;
  const solve_task *t = context;
  int64_t entry = tile / t->tiles, first = tile % t->tiles * COLUMNS, cols = t->k - first, at[2];
  if (cols > COLUMNS) cols = COLUMNS;
  tw_matrices_at(&t->stack, entry, at);
  const void *matrix = tw_dense_at(t->dtype, t->matrices, at[0] * t->matrix_size);
  const void *b = tw_dense_at(t->dtype, t->rhs, at[1] * t->n * t->k + first);
  void *x = tw_dense_put(t->dtype, t->call->out, entry * t->n * t->k + first);
  tw_dense_copy(t->dtype, t->n, cols, b, t->k, x, t->k);
  t->solve(t->call, t->dtype, t->n, matrix, x, cols, t->k);
}

void tw_solve_run(const tw_call *call, int factor, int64_t matrix_size, int rhs, tw_solve_tile *solve) {
  tw_shape a = tw_shape_of(tw_input_of(call->node, factor)), b = tw_shape_of(tw_input_of(call->node, rhs));
  solve_task t = {.call = call,
                  .stack = tw_matrices_make(&a, 2, &b, 2),
                  .solve = solve,
                  .dtype = tw_dtype_of(call->node),
                  .matrices = call->in[factor],
                  .rhs = call->in[rhs],
                  .n = b.dim[b.rank - 2],
                  .k = b.dim[b.rank - 1],
                  .matrix_size = matrix_size};
  t.tiles = (t.k + COLUMNS - 1) / COLUMNS;
  if (t.n == 0 || t.k == 0) return;
  bool worth = (double)t.n * (double)t.n * (double)t.k * (double)t.stack.count >= WORK;
  tw_parallel(worth && call->exec ? call->exec->threads : 1, t.stack.count * t.tiles, solve_tile, &t);
}

void tw_emit_solve(tw_emitter *e, tw_expr node, int factor, int64_t matrix_size, int rhs,
                   const char *const *in, const char *out, tw_emit_solve_entry *call) {
  const tw_shape a = tw_shape_of(tw_input_of(node, factor)), b = tw_shape_of(tw_input_of(node, rhs));
  const tw_matrices stack = tw_matrices_make(&a, 2, &b, 2);
  const int64_t n = b.dim[b.rank - 2], k = b.dim[b.rank - 1];
  char matrix[TW_EMIT_ENTRY], column[TW_EMIT_ENTRY], x[TW_EMIT_ENTRY];
  tw_emit_pair_entry(e, &stack, 0, in[factor], matrix_size, matrix);
  tw_emit_pair_entry(e, &stack, 1, in[rhs], n * k, column);
  tw_emit_entry(e, out, n * k, x);
  tw_emit_entries(e, stack.count);
  call(e, node, n, k, matrix, column, x);
  tw_emit_close(e);
}

/* Two triangular solves: n^2 multiplications and additions each. */
double tw_solve_flops(tw_expr node) {
  tw_shape shape = tw_shape_of(node);
  int64_t n = shape.dim[shape.rank == 1 ? 0 : shape.rank - 2];
  return 4.0 * (double)tw_size_of(node) * (double)n;
}

tw_expr tw_solve_columns(tw_expr b, bool vector) {
  return vector ? tw_expand(b, -1) : b;
}
