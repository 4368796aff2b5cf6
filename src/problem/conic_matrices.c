/* Functions of matrices over the cone of positive semidefinite ones: nuclear norms, log det, extreme eigenvalues. */
#include "graph/ops/ops.h"
#include "problem/conic.h"

#include <math.h>
#include <stdlib.h>

/* Positions in a row-major k x k matrix of the entries of its scaled vector, and their scales; in this order the rows of a psd
 * cone. Released by the caller. */
static bool matrix_order(tw_conic_build *b, int64_t k, int64_t **position, double **scale) {
  const int64_t rows = k * (k + 1) / 2;
  *position = tw_alloc((size_t)rows, sizeof **position);
  *scale = tw_alloc((size_t)rows, sizeof **scale);
  if (!*position || !*scale) {
    tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
    return false;
  }
  for (int64_t j = 0, e = 0; j < k; j++)
    for (int64_t i = j; i < k; i++, e++) (*position)[e] = i * k + j, (*scale)[e] = i == j ? 1 : sqrt(2);
  return true;
}

/* Symmetric matrices [.., k, k] in the cone: the lower triangles. */
void tw_conic_add_psd(tw_conic_build *b, tw_expr x, int64_t k) {
  enum { ORDER_MOST = 2000 };
  const int64_t rows = k * (k + 1) / 2, count = tw_size_of(x) / (k * k);
  int64_t *position = NULL;
  double *scale = NULL;
  if (k > ORDER_MOST) tw_conic_refuse(b, TW_ERR_UNSUPPORTED, "a matrix of order %lld is too large for a cone", (long long)k);
  if (b->status == TW_OK && matrix_order(b, k, &position, &scale)) {
    const tw_expr flat = tw_transpose(tw_reshape(x, TW_SHAPE(count, k * k)), NULL); /* [k k, count] */
    const tw_expr index = tw_conic_indices(b, rows, position), entries = tw_take(flat, 1, &index);
    const tw_expr scaled = tw_mul(entries, tw_expand(tw_conic_numbers(b, rows, scale), -1));
    tw_conic_add(b, TW_CONE_PSD, rows, 0, tw_transpose(scaled, NULL));
  }
  free(position);
  free(scale);
}

/* The scaled vector of [U, X; X', V]: where each entry is found in the unknown entries of U and V followed by those of X, and
 * the weights that make (tr U + tr V) / 2 of the unknowns. */
static void block_order(int64_t p, int64_t q, int64_t unknowns, int64_t *position, double *half_trace) {
  const int64_t k = p + q;
  for (int64_t j = 0, e = 0, own = 0; j < k; j++)
    for (int64_t i = j; i < k; i++, e++) {
      const bool inside = i >= p && j < p;
      position[e] = inside ? unknowns + j * q + (i - p) : own;
      if (!inside) half_trace[own++] = i == j ? 0.5 : 0;
    }
}

/* |X|_* <= (tr U + tr V) / 2 with [U, X; X', V] psd (Fazel, Hindi & Boyd, 2001). */
tw_expr tw_conic_nuclear(tw_conic_build *b, tw_expr x) {
  enum { ORDER_MOST = 2000 };
  if (tw_is_none(x)) return x;
  const tw_shape shape = tw_shape_of(x);
  const int64_t p = shape.dim[shape.rank - 2], q = shape.dim[shape.rank - 1], count = tw_size_of(x) / (p * q);
  if (p + q > ORDER_MOST) return tw_conic_refuse(b, TW_ERR_UNSUPPORTED, "a nuclear norm of %lld x %lld is too large for a cone",
      (long long)p, (long long)q), TW_NONE;
  const int64_t unknowns = p * (p + 1) / 2 + q * (q + 1) / 2, rows = unknowns + p * q;
  int64_t *position = tw_alloc((size_t)rows, sizeof *position);
  double *half_trace = tw_alloc((size_t)unknowns, sizeof *half_trace);
  tw_expr bound = TW_NONE;
  if (!position || !half_trace) {
    tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
  } else {
    block_order(p, q, unknowns, position, half_trace);
    const tw_expr w = tw_conic_unknown(b, TW_SHAPE(count, unknowns));
    const tw_expr both[2] = {w, tw_scale(tw_reshape(x, TW_SHAPE(count, p * q)), sqrt(2))};
    const tw_expr index = tw_conic_indices(b, rows, position), flat = tw_transpose(tw_concat(2, both, 1), NULL);
    tw_conic_add(b, TW_CONE_PSD, rows, 0, tw_transpose(tw_take(flat, 1, &index), NULL));
    bound = tw_sum(tw_mul(w, tw_conic_numbers(b, unknowns, half_trace)), TW_ALL, false);
  }
  free(position);
  free(half_trace);
  return bound;
}

/* ------------------------------------------------------------------ log det */

/* The lower triangular matrix of order n with the entries w row by row. */
static tw_expr lower_triangle(tw_conic_build *b, int64_t n, tw_expr w) {
  int64_t *place = tw_alloc((size_t)(n * n), sizeof *place);
  if (!place) return tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory"), TW_NONE;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) place[i * n + j] = j <= i ? i * (i + 1) / 2 + j : n * (n + 1) / 2;
  const tw_expr with_zero[2] = {w, tw_fill(b->graph, TW_F64, TW_SHAPE(1), 0)}, index = tw_conic_indices(b, n * n, place);
  const tw_expr z = tw_reshape(tw_take(tw_concat(2, with_zero, 0), 1, &index), TW_SHAPE(n, n));
  free(place);
  return z;
}

/* t <= log det X where t = sum_i u_i, u_i <= log z_ii, and [X, Z; Z', diag(Z)] is positive semidefinite for a lower triangular Z: then
 * X >= Z diag(Z)^-1 Z', whose determinant is the product of the z_ii, and X = L L' gives equality (Ben-Tal & Nemirovski 2001, 4.2). */
tw_expr tw_conic_log_det(tw_conic_build *b, tw_expr x) {
  if (tw_is_none(x)) return x;
  const int64_t n = tw_shape_of(x).dim[0];
  const tw_expr z = lower_triangle(b, n, tw_conic_unknown(b, TW_SHAPE(n * (n + 1) / 2))), u = tw_conic_unknown(b, TW_SHAPE(n));
  if (tw_is_none(z)) return z;
  const tw_expr d = tw_diag(z), top[2] = {x, z}, bottom[2] = {tw_matrix_transpose(z), tw_diag(d)};
  const tw_expr both[2] = {tw_concat(2, top, 1), tw_concat(2, bottom, 1)};
  tw_conic_add_psd(b, tw_concat(2, both, 0), 2 * n);
  tw_conic_add_each(b, TW_CONE_EXP, 0, 3, (tw_expr[]){u, tw_scalar(b->graph, 1), d});
  return tw_sum(u, TW_ALL, false);
}

/* ------------------------------------------------------------------ eigenvalues */

/* t I - A or A - t I is positive semidefinite. */
tw_expr tw_conic_extreme_eigenvalue(tw_conic_build *b, tw_expr a, bool largest) {
  if (tw_is_none(a)) return a;
  const int64_t n = tw_shape_of(a).dim[0];
  const tw_expr t = tw_conic_unknown(b, TW_SCALAR), gap = tw_sub(tw_mul(t, tw_eye(b->graph, TW_F64, n, n)), a);
  tw_conic_add_psd(b, largest ? gap : tw_neg(gap), n);
  return t;
}
