/* What the graph tells of matrices: which are positive semidefinite wherever the inputs lie in their sets, and of which an array holds the
 * eigenvalues. */
#include "graph/ops/matmul.h"
#include "graph/ops/ops.h"
#include "problem/facts.h"

#include <math.h>

enum { DEPTH_MOST = 64 };

/* n of a matrix [n, n], else -1. */
static int64_t order_of(tw_expr e) {
  const tw_shape shape = tw_shape_of(e);
  return shape.rank == 2 && shape.dim[0] == shape.dim[1] ? shape.dim[0] : -1;
}

/* a = b', as nodes or by their values. */
static bool transposed(const tw_facts *facts, tw_expr a, tw_expr b) {
  const tw_shape s = tw_shape_of(a), t = tw_shape_of(b);
  tw_array value;
  if (s.rank != 2 || t.rank != 2 || s.dim[0] != t.dim[1] || s.dim[1] != t.dim[0] || tw_size_of(a) == 0) return false;
  if (tw_same(tw_matrix_transpose(a), b)) return true;
  const tw_expr difference = tw_reduce_max(tw_abs(tw_sub(tw_matrix_transpose(a), b)), TW_ALL, false);
  if (tw_problem_evaluate(facts->problem, difference, &value, NULL) != TW_OK) return false;
  const bool same = *(const double *)value.data == 0;
  tw_array_free(&value);
  return same;
}

static bool set_is_psd(const tw_facts *facts, tw_expr e) {
  for (int i = 0; facts->signs && i < facts->m; i++)
    if (tw_same(facts->inputs[i], e)) return facts->signs[i] & TW_SET_PSD;
  return false;
}

/* A matrix without inputs by its value: symmetric, and no eigenvalue below 0 by more than rounding. */
static bool value_is_psd(const tw_facts *facts, tw_expr e) {
  enum { ORDER_MOST = 1000 };
  const int64_t n = order_of(e);
  if (n > ORDER_MOST) return false;
  const tw_expr least = tw_lambda_min(e), skew = tw_reduce_max(tw_abs(tw_sub(e, tw_matrix_transpose(e))), TW_ALL, false);
  const tw_expr size = tw_reduce_max(tw_abs(e), TW_ALL, false);
  tw_array value;
  if (tw_problem_evaluate(facts->problem, tw_stack(3, (tw_expr[]){least, skew, size}, 0), &value, NULL) != TW_OK) return false;
  const double *v = value.data, rounding = 1e-12 * (double)n * v[2];
  const bool psd = v[0] >= -rounding && v[1] <= rounding;
  tw_array_free(&value);
  return psd;
}

static bool psd_below(const tw_facts *facts, tw_expr e, int depth);

/* e = V diag(w) with w >= 0, as V times rows of w. */
static bool has_nonneg_scales(const tw_facts *facts, tw_expr e, tw_expr *v) {
  const int64_t n = tw_shape_of(e).dim[1];
  for (int i = 0; tw_op_of(e) == &tw_op_mul && i < 2; i++) {
    tw_expr w = tw_input_of(e, 1 - i);
    while (tw_op_of(w) == &tw_op_broadcast || tw_op_of(w) == &tw_op_reshape) w = tw_input_of(w, 0);
    const tw_shape shape = tw_shape_of(w);
    *v = tw_input_of(e, i);
    const bool row = tw_size_of(w) == n && shape.rank >= 1 && shape.dim[shape.rank - 1] == n;
    if (row && tw_same(e, tw_mul(*v, w)) && tw_fixed(facts, *v) && tw_sign_of(facts, w) & TW_SIGN_NONNEG) return true;
  }
  return false;
}

/* Operand i of a product of matrices, turned where the product reads it so. */
static tw_expr factor_of(tw_expr product, int i) {
  const tw_matmul_attr *attr = tw_attr_of(product);
  const tw_expr a = tw_input_of(product, i);
  return (i == 0 ? attr->ta : attr->tb) ? tw_matrix_transpose(a) : a;
}

/* V X V' for a psd X, in either order of multiplication, and V diag(w) V'; V depends on no input where these are affine. */
static bool congruent(const tw_facts *facts, tw_expr e, int depth) {
  if (tw_shape_of(tw_input_of(e, 0)).rank != 2 || tw_shape_of(tw_input_of(e, 1)).rank != 2) return false;
  const tw_expr a = factor_of(e, 0), b = factor_of(e, 1);
  tw_expr v;
  if (tw_op_of(a) == &tw_op_matmul && transposed(facts, factor_of(a, 0), b))
    return psd_below(facts, factor_of(a, 1), depth);
  if (tw_op_of(b) == &tw_op_matmul && transposed(facts, factor_of(b, 1), a))
    return psd_below(facts, factor_of(b, 0), depth);
  return has_nonneg_scales(facts, a, &v) && transposed(facts, v, b);
}

static bool psd_below(const tw_facts *facts, tw_expr e, int depth) {
  if (order_of(e) < 0 || depth == 0) return false;
  const tw_op *op = tw_op_of(e);
  const tw_expr a = tw_input_of(e, 0), b = tw_input_of(e, 1);
  if (tw_is_input(e)) return set_is_psd(facts, e);
  if (tw_fixed(facts, e)) return value_is_psd(facts, e);
  if (op == &tw_op_add) return psd_below(facts, a, depth - 1) && psd_below(facts, b, depth - 1);
  if (op == &tw_op_transpose) return psd_below(facts, a, depth - 1);
  if (op == &tw_op_diag_embed) return tw_fact_of(facts, a).sign & TW_SIGN_NONNEG;
  if (op == &tw_op_matmul) return congruent(facts, e, depth - 1);
  for (int i = 0; op == &tw_op_mul && i < 2; i++) { /* a number times a matrix */
    tw_expr c = tw_input_of(e, i);
    while (tw_op_of(c) == &tw_op_broadcast || tw_op_of(c) == &tw_op_reshape) c = tw_input_of(c, 0);
    if (tw_size_of(c) == 1 && tw_sign_of(facts, c) & TW_SIGN_NONNEG) return psd_below(facts, tw_input_of(e, 1 - i), depth - 1);
  }
  return false;
}

bool tw_is_psd(const tw_facts *facts, tw_expr e) {
  return psd_below(facts, e, DEPTH_MOST);
}

/* Nodes are hash-consed: the eigenvalues are the node that their builder gives. */
tw_expr tw_spectrum_of(tw_expr values) {
  tw_expr e = values;
  for (int level = 0; level < 3 && tw_arity_of(e) == 1 && tw_op_of(e) != &tw_op_eigh; level++) e = tw_input_of(e, 0);
  if (tw_op_of(e) != &tw_op_eigh || order_of(tw_input_of(e, 0)) < 0) return TW_NONE;
  return tw_same(tw_eigh_values(e), values) ? tw_input_of(e, 0) : TW_NONE;
}
