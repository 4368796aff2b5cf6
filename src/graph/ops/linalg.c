/* Stacks of matrices: shape rules, batching, and small expressions that derivative rules share. */
#include "graph/ops/linalg.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ stacks in kernels */

tw_matrices tw_matrices_make(const tw_shape *a, int a_core, const tw_shape *b, int b_core) {
  const tw_shape *shape[2] = {a, b};
  int lead[2] = {a->rank - a_core, b->rank - b_core};
  tw_matrices s = {.count = 1, .rank = lead[0] > lead[1] ? lead[0] : lead[1]};
  int64_t step[2] = {1, 1};
  for (int axis = s.rank - 1; axis >= 0; axis--) {
    s.dim[axis] = 1;
    for (int i = 0; i < 2; i++) {
      int own = axis - (s.rank - lead[i]);
      int64_t extent = own >= 0 ? shape[i]->dim[own] : 1;
      s.step[i][axis] = extent == 1 ? 0 : step[i];
      step[i] *= extent;
      if (extent != 1) s.dim[axis] = extent;
    }
    s.count *= s.dim[axis];
  }
  return s;
}

void tw_matrices_at(const tw_matrices *stack, int64_t entry, int64_t matrix[2]) {
  matrix[0] = matrix[1] = 0;
  for (int axis = stack->rank - 1; axis >= 0; axis--) {
    int64_t i = entry % stack->dim[axis];
    entry /= stack->dim[axis];
    matrix[0] += i * stack->step[0][axis];
    matrix[1] += i * stack->step[1][axis];
  }
}

int64_t tw_stack_count(const tw_shape *shape, int core) {
  int64_t count = 1;
  for (int axis = 0; axis < shape->rank - core; axis++) count *= shape->dim[axis];
  return count;
}

const char *tw_stack_entry(int64_t count, int64_t entry, char text[32]) {
  text[0] = '\0';
  if (count > 1) snprintf(text, 32, " of entry %lld", (long long)entry);
  return text;
}

/* ------------------------------------------------------------------ stacks in written code */

void tw_emit_entries(tw_emitter *e, int64_t count) {
  tw_emit_open(e, "for (int64_t i = 0; i < %lld; i++)", (long long)count);
}

void tw_emit_entry(tw_emitter *e, const char *a, int64_t size, char *out) {
  if (snprintf(out, TW_EMIT_ENTRY, "%s + i * %lld", a, (long long)size) >= TW_EMIT_ENTRY)
    e->text->failed = true;
}

void tw_emit_pair_entry(tw_emitter *e, const tw_matrices *stack, int which, const char *a, int64_t size,
                        char *out) {
  tw_view view = {0};
  tw_text at = {0};
  for (int axis = stack->rank - 1; axis >= 0; axis--)
    tw_view_add(&view, stack->dim[axis], stack->step[which][axis] * size);
  tw_emit_put_view_index(&view, &at);
  if (at.failed || snprintf(out, TW_EMIT_ENTRY, "%s + (%s)", a, at.data ? at.data : "0") >= TW_EMIT_ENTRY)
    e->text->failed = true;
  tw_text_free(&at);
}

void tw_emit_matrix_call(tw_emitter *e, tw_expr node, const tw_matrix_call *call, const char *const *in,
                         const char *out) {
  const tw_shape shape = tw_shape_of(tw_input_of(node, call->operand));
  const int64_t count = tw_stack_count(&shape, 2), rows = shape.dim[shape.rank - 2],
                cols = shape.dim[shape.rank - 1];
  char matrix[TW_EMIT_ENTRY], result[TW_EMIT_ENTRY], work[TW_EMIT_NAME + 2] = "", extents[64] = "";
  if (call->work) {
    memcpy(work, ", ", 2);
    tw_emit_scratch(e, tw_dtype_of(node), call->work, work + 2);
  }
  if (call->cols) snprintf(extents, sizeof extents, ", %lld", (long long)cols);
  tw_emit_entry(e, in[call->operand], rows * cols, matrix);
  tw_emit_entry(e, out, tw_size_of(node) / count, result);
  tw_emit_entries(e, count);
  tw_emit_fail_if(e, "rt_%s_%s(%lld%s, %s, %s%s)", call->name, tw_c_short(tw_dtype_of(node)), (long long)rows,
                  extents, matrix, result, work);
  tw_emit_close(e);
}

/* ------------------------------------------------------------------ shape rules */

/* LAPACK counts its work arrays of a few n^2 elements with 32 bits. */
enum { LARGEST_ORDER = 20000 };

bool tw_infer_int(const tw_args *args, int64_t extent) {
  if (extent <= INT32_MAX) return true;
  tw_graph_fail(args->graph, TW_ERR_SHAPE, "%s: extent %lld is more than 2^31 - 1", args->op->name,
                (long long)extent);
  return false;
}

bool tw_infer_square(const tw_args *args, int i, int64_t *n) {
  tw_shape shape = tw_shape_of(args->in[i]);
  char text[TW_SHAPE_TEXT];
  *n = shape.rank < 2 ? -1 : shape.dim[shape.rank - 1];
  if (*n < 0 || shape.dim[shape.rank - 2] != *n) {
    tw_graph_fail(args->graph, TW_ERR_SHAPE, "%s: shape %s is not that of a square matrix", args->op->name,
                  tw_shape_text(&shape, text));
    return false;
  }
  if (!tw_is_real(tw_dtype_of(args->in[i]))) {
    tw_graph_fail(args->graph, TW_ERR_DTYPE, "%s: the matrix is %s, not f64 or f32", args->op->name,
                  tw_dtype_get(tw_dtype_of(args->in[i]))->name);
    return false;
  }
  if (*n <= LARGEST_ORDER) return true;
  tw_graph_fail(args->graph, TW_ERR_SHAPE, "%s: order %lld is above %d, the largest", args->op->name,
                (long long)*n, LARGEST_ORDER);
  return false;
}

bool tw_infer_stack(const tw_args *args, const tw_shape *a, int a_core, const tw_shape *b, int b_core,
                    tw_shape *out) {
  tw_shape lead_a = *a, lead_b = *b;
  lead_a.rank -= a_core;
  lead_b.rank -= b_core;
  return tw_shape_broadcast(&lead_a, &lead_b, out) ||
         tw_fail_shapes(args->graph, args->op->name, a, b, "have batch axes that do not broadcast");
}

bool tw_infer_solve(const tw_args *args, int rhs, tw_type *type) {
  int64_t n;
  if (!tw_infer_square(args, 0, &n)) return false;
  tw_shape a = tw_shape_of(args->in[0]), b = tw_shape_of(args->in[rhs]), lead;
  if (tw_dtype_of(args->in[rhs]) != tw_dtype_of(args->in[0]))
    return tw_fail_shapes(args->graph, args->op->name, &a, &b, "of operands with different dtypes");
  if (b.rank < 2 || b.dim[b.rank - 2] != n)
    return tw_fail_shapes(args->graph, args->op->name, &a, &b, "of matrix and right-hand side do not fit");
  if (!tw_infer_int(args, b.dim[b.rank - 1]) || !tw_infer_stack(args, &a, 2, &b, 2, &lead)) return false;
  *type = (tw_type){tw_dtype_of(args->in[0]), lead};
  type->shape.dim[type->shape.rank++] = n;
  type->shape.dim[type->shape.rank++] = b.dim[b.rank - 1];
  return true;
}

/* ------------------------------------------------------------------ builders and rules */

bool tw_linalg_operands(const char *op, int n, tw_expr *x) {
  if (!tw_operands(op, n, x)) return false;
  tw_dtype common = tw_dtype_of(x[0]);
  for (int i = 1; i < n; i++) common = tw_dtype_promote(common, tw_dtype_of(x[i]));
  if (!tw_is_real(common)) common = TW_F64;
  for (int i = 0; i < n; i++) x[i] = tw_cast(x[i], common);
  return tw_graph_status(x[0].graph) == TW_OK;
}

tw_expr tw_stack_align(tw_expr e, bool batched, int rank) {
  tw_shape shape = tw_shape_of(e), out = {.rank = rank + 1};
  int missing = rank + 1 - shape.rank;
  if (!batched || missing <= 0 || out.rank > TW_MAX_RANK) return e;
  out.dim[0] = shape.dim[0];
  for (int axis = 1; axis < out.rank; axis++) out.dim[axis] = axis <= missing ? 1 : shape.dim[axis - missing];
  return tw_reshape(e, out);
}

tw_expr tw_stack_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  enum { MOST = 3 };
  tw_expr aligned[MOST];
  int n = tw_arity_of(node), rank = 0;
  (void)size;
  for (int i = 0; i < n; i++) {
    int own = tw_shape_of(tw_input_of(node, i)).rank;
    if (own > rank) rank = own;
  }
  for (int i = 0; i < n; i++) aligned[i] = tw_stack_align(in[i], batched[i], rank);
  return tw_node(node.graph, tw_op_of(node), n, aligned, tw_attr_of(node));
}

tw_expr tw_mirror_lower(tw_expr e) {
  return tw_add(tw_tril(e, 0), tw_matrix_transpose(tw_tril(e, -1)));
}
tw_expr tw_fold_lower(tw_expr e) {
  return tw_add(tw_tril(e, 0), tw_tril(tw_matrix_transpose(e), -1));
}
tw_expr tw_sum_or(tw_expr a, tw_expr b) {
  return tw_is_none(a) ? b : tw_is_none(b) ? a : tw_add(a, b);
}

tw_expr tw_product_of(tw_expr a, bool ta, tw_expr b, bool tb) {
  return tw_matmul(ta ? tw_matrix_transpose(a) : a, tb ? tw_matrix_transpose(b) : b);
}

tw_expr tw_scale_columns(tw_expr e, tw_expr v) {
  return tw_mul(e, tw_expand(v, -2));
}

tw_expr tw_diagonal_of(tw_expr v) {
  tw_shape shape = tw_shape_of(v);
  if (tw_is_none(v)) return v;
  int64_t n = shape.dim[shape.rank - 1];
  return tw_scale_columns(tw_eye(v.graph, tw_dtype_of(v), n, n), v);
}

tw_expr tw_reciprocal_where(tw_expr condition, tw_expr e) {
  return tw_where(condition, tw_reciprocal(tw_where(condition, e, tw_weak(e, 1))), tw_weak(e, 0));
}

/* ------------------------------------------------------------------ examples */

tw_expr tw_example_spd(tw_graph *graph, tw_dtype dtype, tw_shape shape) {
  tw_expr x = tw_input(graph, "x", dtype, shape);
  int64_t n = shape.dim[shape.rank - 1];
  return tw_add(tw_product_of(x, false, x, true), tw_scale(tw_eye(graph, dtype, n, n), (double)n));
}

tw_expr tw_example_regular(tw_graph *graph, tw_dtype dtype, tw_shape shape) {
  tw_expr x = tw_input(graph, "x", dtype, shape);
  int64_t n = shape.dim[shape.rank - 1];
  return tw_sub(x, tw_scale(tw_eye(graph, dtype, n, n), 2.0 * (double)n));
}
