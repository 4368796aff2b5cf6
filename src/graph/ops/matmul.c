/* matmul: NumPy's @. Operands may be stored transposed (attr), so that A'b and AB' cost no copy. */
#include "graph/ops/matmul.h"

static bool matmul_infer(const tw_args *args, tw_type *type) {
  const tw_matmul_attr *attr = args->attr;
  tw_shape a = tw_shape_of(args->in[0]), b = tw_shape_of(args->in[1]);
  char text_a[TW_SHAPE_TEXT], text_b[TW_SHAPE_TEXT];
  tw_dtype dtype = tw_dtype_of(args->in[0]);
  if (a.rank == 0 || b.rank == 0)
    return tw_fail_shapes(args->graph, "matmul", &a, &b, "do not fit: a number is no matrix (use *)");
  if (dtype != tw_dtype_of(args->in[1]) || !(tw_is_real(dtype) || dtype == TW_I64 || dtype == TW_I32)) {
    tw_graph_fail(args->graph, TW_ERR_DTYPE, "matmul: %s @ %s: one dtype of f64, f32, i64, i32",
                  tw_dtype_get(dtype)->name, tw_dtype_get(tw_dtype_of(args->in[1]))->name);
    return false;
  }
  tw_matmul_extents e = tw_matmul_extents_of(&a, &b, attr);
  if (e.k_a != e.k_b) {
    tw_graph_fail(args->graph, TW_ERR_SHAPE, "matmul: %s%s @ %s%s do not fit: %lld and %lld",
                  tw_shape_text(&a, text_a), attr->ta && a.rank > 1 ? "'" : "", tw_shape_text(&b, text_b),
                  attr->tb && b.rank > 1 ? "'" : "", (long long)e.k_a, (long long)e.k_b);
    return false;
  }
  int core_a = a.rank < 2 ? a.rank : 2, core_b = b.rank < 2 ? b.rank : 2;
  if (!tw_infer_stack(args, &a, core_a, &b, core_b, &type->shape)) return false;
  if (!tw_infer_int(args, e.m) || !tw_infer_int(args, e.n) || !tw_infer_int(args, e.k_a)) return false;
  if (core_a == 2) type->shape.dim[type->shape.rank++] = e.m;
  if (core_b == 2) type->shape.dim[type->shape.rank++] = e.n;
  type->dtype = dtype;
  return true;
}

/* ------------------------------------------------------------------ simplification */

/* e = x' for some x whose last two axes were exchanged, all others left alone. */
static bool is_matrix_transpose(tw_expr e, tw_expr *x) {
  if (tw_op_of(e) != &tw_op_transpose) return false;
  const tw_perm_attr *attr = tw_attr_of(e);
  int rank = tw_shape_of(e).rank;
  if (rank < 2 || attr->axis[rank - 1] != rank - 2 || attr->axis[rank - 2] != rank - 1) return false;
  for (int axis = 0; axis < rank - 2; axis++)
    if (attr->axis[axis] != axis) return false;
  *x = tw_input_of(e, 0);
  return true;
}

static bool is_identity(tw_expr e) {
  tw_shape shape = tw_shape_of(e);
  return tw_op_of(e) == &tw_op_eye && shape.dim[0] == shape.dim[1];
}

static tw_expr transposed_if(tw_expr e, bool transpose) {
  return transpose && tw_shape_of(e).rank > 1 ? tw_matrix_transpose(e) : e;
}

static tw_expr matmul_simplify(const tw_args *args) {
  tw_matmul_attr attr = *(const tw_matmul_attr *)args->attr;
  tw_expr in[2] = {args->in[0], args->in[1]};
  tw_type type;
  bool changed = false;
  if (is_identity(in[0])) return transposed_if(in[1], attr.tb);
  if (is_identity(in[1])) return transposed_if(in[0], attr.ta);
  if ((tw_is_constant(in[0], 0) || tw_is_constant(in[1], 0)) && matmul_infer(args, &type))
    return tw_fill(args->graph, type.dtype, type.shape, 0);
  for (int i = 0; i < 2; i++) {
    int64_t *flag = i == 0 ? &attr.ta : &attr.tb;
    tw_expr x;
    if (tw_shape_of(in[i]).rank < 2 && *flag) {
      *flag = 0;
      changed = true;
    } else if (is_matrix_transpose(in[i], &x)) {
      in[i] = x;
      *flag = !*flag;
      changed = true;
    }
  }
  return changed ? tw_node(args->graph, &tw_op_matmul, 2, in, &attr) : TW_NONE;
}

/* ------------------------------------------------------------------ rules */

static tw_expr product(tw_expr a, bool ta, tw_expr b, bool tb) {
  tw_matmul_attr attr = {ta, tb};
  return tw_node(a.graph, &tw_op_matmul, 2, (tw_expr[]){a, b}, &attr);
}

static tw_expr matmul_jvp(tw_expr node, const tw_expr *tangents) {
  const tw_matmul_attr *attr = tw_attr_of(node);
  tw_expr a = tw_input_of(node, 0), b = tw_input_of(node, 1);
  tw_expr left = tw_is_none(tangents[0]) ? TW_NONE : product(tangents[0], attr->ta, b, attr->tb);
  tw_expr right = tw_is_none(tangents[1]) ? TW_NONE : product(a, attr->ta, tangents[1], attr->tb);
  return tw_sum_or(left, right);
}

/* With C = op(A) op(B) and G = the cotangent of C: op(A) gets G op(B)', op(B) gets op(A)'G; then what
 * broadcasting repeated is summed up. Vectors are taken for one row (left) or column (right); where the
 * products are those of a matrix and a vector they stay so. */
static void matmul_vjp(tw_expr node, tw_expr g, tw_expr *cotangents) {
  const tw_matmul_attr *attr = tw_attr_of(node);
  tw_expr a = tw_input_of(node, 0), b = tw_input_of(node, 1), da, db;
  tw_shape shape_a = tw_shape_of(a), shape_b = tw_shape_of(b);
  bool ta = attr->ta, tb = attr->tb;
  if (shape_a.rank == 1 && shape_b.rank == 1) {
    da = tw_mul(g, b);
    db = tw_mul(g, a);
  } else if (shape_b.rank == 1) { /* c = A b */
    tw_expr column = tw_expand(g, -1), row = tw_expand(b, 0);
    da = ta ? product(row, true, column, true) : product(column, false, row, false);
    db = shape_a.rank == 2 ? product(a, !ta, g, false) : tw_squeeze(product(a, !ta, column, false), -1);
  } else if (shape_a.rank == 1) { /* c = a B */
    tw_expr column = tw_expand(a, -1), row = tw_expand(g, -2);
    db = tb ? product(row, true, column, true) : product(column, false, row, false);
    da = shape_b.rank == 2 ? product(g, false, b, !tb) : tw_squeeze(product(row, false, b, !tb), -2);
  } else {
    da = ta ? product(b, tb, g, true) : product(g, false, b, !tb);
    db = tb ? product(g, true, a, ta) : product(a, !ta, g, false);
  }
  cotangents[0] = tw_unbroadcast(da, shape_a);
  cotangents[1] = tw_unbroadcast(db, shape_b);
}

/* A batch of vectors beside one matrix is a matrix of rows; everything else is a stack of products of
 * matrices, a vector on the left being one row and on the right one column. */
static tw_expr matmul_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched) {
  const tw_matmul_attr *attr = tw_attr_of(node);
  int rank_a = tw_shape_of(tw_input_of(node, 0)).rank, rank_b = tw_shape_of(tw_input_of(node, 1)).rank;
  (void)size;
  if (rank_a == 1 && rank_b <= 2 && !batched[1]) return product(in[0], false, in[1], attr->tb);
  if (rank_b == 1 && rank_a <= 2 && !batched[0])
    return product(in[1], false, in[0], rank_a == 2 && !attr->ta);
  int rank = rank_a > rank_b ? rank_a : rank_b;
  if (rank < 2) rank = 2;
  tw_expr a = rank_a == 1 ? tw_expand(in[0], -2) : in[0], b = rank_b == 1 ? tw_expand(in[1], -1) : in[1];
  tw_expr c =
      product(tw_stack_align(a, batched[0], rank), attr->ta, tw_stack_align(b, batched[1], rank), attr->tb);
  if (rank_a == 1) c = tw_squeeze(c, -2);
  return rank_b == 1 ? tw_squeeze(c, -1) : c;
}

static double matmul_flops(tw_expr node) {
  tw_shape a = tw_shape_of(tw_input_of(node, 0)), b = tw_shape_of(tw_input_of(node, 1));
  tw_matmul_extents e = tw_matmul_extents_of(&a, &b, tw_attr_of(node));
  return 2.0 * (double)tw_size_of(node) * (double)e.k_a;
}

/* A row of C is a sum of rows of B, or of inner products with rows of B', whichever lies in memory; a column
 * of C from A' likewise the other way round. */
static void emit_product(tw_emitter *e, tw_dtype dtype, const tw_product *p, const char *a, const char *b,
                         const char *c) {
  const char *type = tw_c_short(dtype);
  const long long m = p->m, n = p->n, k = p->k, ai = p->ta ? 1 : p->lda, al = p->ta ? p->lda : 1;
  if (!tw_is_real(dtype))
    tw_emit_line(e, "rt_whole_matmul_%s(%lld, %lld, %lld, %s, %lld, %lld, %s, %lld, %lld, %s);", type, m, n,
                 k, a, ai, al, b, (long long)(p->tb ? 1 : p->ldb), (long long)(p->tb ? p->ldb : 1), c);
  else if (n == 1 && p->ta)
    tw_emit_line(e, "rt_matmul_%s(1, %lld, %lld, %s, 0, 1, %s, %lld, %s);", type, m, k, b, a, al, c);
  else if (n == 1 || p->tb)
    tw_emit_line(e, "rt_matmul_rows_%s(%lld, %lld, %lld, %s, %lld, %lld, %s, %lld, %s);", type, m, n, k, a,
                 ai, al, b, (long long)p->ldb, c);
  else
    tw_emit_line(e, "rt_matmul_%s(%lld, %lld, %lld, %s, %lld, %lld, %s, %lld, %s);", type, m, n, k, a, ai, al,
                 b, (long long)p->ldb, c);
}

static void matmul_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_matrices stack;
  const tw_product p = tw_matmul_product(node, &stack);
  char a[TW_EMIT_ENTRY], b[TW_EMIT_ENTRY], c[TW_EMIT_ENTRY];
  tw_emit_pair_entry(e, &stack, 0, in[0], p.m * p.k, a);
  tw_emit_pair_entry(e, &stack, 1, in[1], p.k * p.n, b);
  tw_emit_entry(e, out, p.m * p.n, c);
  tw_emit_entries(e, stack.count);
  emit_product(e, p.dtype, &p, a, b, c);
  tw_emit_close(e);
}

static tw_expr matmul_example(tw_graph *graph, tw_dtype dtype, int variant) {
  static const struct {
    int rank_a, rank_b;
    int64_t a[4], b[4];
    bool ta, tb;
  } of[] = {
      {1, 1, {4}, {4}, false, false},
      {2, 1, {3, 4}, {4}, false, false},
      {2, 1, {4, 3}, {4}, true, false},
      {1, 2, {4}, {4, 3}, false, false},
      {1, 2, {4}, {3, 4}, false, true},
      {2, 2, {3, 4}, {4, 2}, false, false},
      {2, 2, {4, 3}, {2, 4}, true, true},
      {3, 2, {2, 3, 4}, {4, 2}, false, false},
      {3, 2, {2, 4, 3}, {4, 2}, true, false},
      {2, 3, {3, 4}, {2, 2, 4}, false, true},
      {4, 3, {3, 1, 2, 4}, {2, 4, 2}, false, false},
      {3, 1, {2, 3, 4}, {4}, false, false},
      {1, 3, {4}, {2, 4, 3}, false, false},
      {2, 2, {3, 0}, {0, 2}, false, false},
      {2, 2, {0, 3}, {3, 2}, false, false},
  };
  if (variant >= (int)(sizeof of / sizeof *of)) return TW_NONE;
  tw_expr a = tw_input(graph, "a", dtype, tw_shape_make(of[variant].rank_a, of[variant].a));
  tw_expr b = tw_input(graph, "b", dtype, tw_shape_make(of[variant].rank_b, of[variant].b));
  return tw_product_of(a, of[variant].ta, b, of[variant].tb);
}

const tw_op tw_op_matmul = {
    .name = "matmul",
    .summary = "matrix product of vectors, matrices and stacks of them",
    .kind = TW_OP_KIND_PRODUCT,
    .arity = 2,
    .attr_bytes = sizeof(tw_matmul_attr),
    .infer = matmul_infer,
    .simplify = matmul_simplify,
    .kernel = tw_matmul_kernel,
    .scratch = tw_matmul_scratch,
    .jvp = matmul_jvp,
    .vjp = matmul_vjp,
    .batch = matmul_batch,
    .flops = matmul_flops,
    .emit = matmul_emit,
    .example = matmul_example,
    .low = -2,
    .high = 2,
};

tw_expr tw_matmul(tw_expr a, tw_expr b) {
  if (!tw_operands("matmul", 2, (tw_expr[]){a, b})) return TW_NONE;
  tw_dtype dtype = tw_dtype_promote(tw_dtype_of(a), tw_dtype_of(b));
  if (dtype == TW_BOOL || dtype == TW_U8) dtype = TW_I64;
  return product(tw_cast(a, dtype), false, tw_cast(b, dtype), false);
}

tw_expr tw_dot(tw_expr a, tw_expr b) {
  if (!tw_operands("dot", 2, (tw_expr[]){a, b})) return TW_NONE;
  tw_shape shape_a = tw_shape_of(a), shape_b = tw_shape_of(b);
  if (!tw_shape_equal(&shape_a, &shape_b)) return tw_sum(tw_mul(a, b), TW_ALL, false);
  return shape_a.rank == 0 ? tw_mul(a, b) : tw_matmul(tw_ravel(a), tw_ravel(b));
}

tw_expr tw_matrix_transpose(tw_expr a) {
  if (!tw_operands("matrix_transpose", 1, &a)) return TW_NONE;
  tw_shape shape = tw_shape_of(a);
  char text[TW_SHAPE_TEXT];
  if (shape.rank < 2)
    return tw_graph_fail(a.graph, TW_ERR_SHAPE, "matrix_transpose: shape %s has no last two axes",
                         tw_shape_text(&shape, text));
  int perm[TW_MAX_RANK];
  for (int axis = 0; axis < shape.rank; axis++) perm[axis] = axis;
  perm[shape.rank - 1] = shape.rank - 2;
  perm[shape.rank - 2] = shape.rank - 1;
  return tw_transpose(a, perm);
}
