/* Spectral functions of symmetric and general matrices. */
#include "domain/spectral.h"
#include "graph/ops/build.h"
#include "domain/kinds.h"

tw_expr tw_pair_column(tw_expr w) {
  return tw_is_none(w) ? w : tw_expand(w, -1);
}

tw_expr tw_pair_row(tw_expr w) {
  return tw_is_none(w) ? w : tw_expand(w, tw_shape_of(w).rank - 1);
}

static tw_expr product(tw_expr a, tw_expr b, tw_expr c) {
  return tw_matmul(tw_matmul(a, b), c);
}

/* ------------------------------------------------------------------ symmetric: in = value, A, eigh, slope */

/* V (slope o V'HV) V' (Daleckii & Krein, 1965); the map is its own adjoint. */
static tw_expr eigh_derivative(tw_expr node, tw_expr h) {
  tw_expr v = tw_eigh_vectors(tw_input_of(node, 2)), vt = tw_matrix_transpose(v);
  return product(v, tw_mul(tw_input_of(node, 3), product(vt, h, v)), vt);
}

static tw_expr eigh_jvp(tw_expr node, const tw_expr *tangents) {
  return tw_is_none(tangents[1]) ? TW_NONE : eigh_derivative(node, tangents[1]);
}

static void eigh_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  cotangents[1] = eigh_derivative(node, cotangent);
}

static const tw_op eigh_function = {.name = "eigh_function",
                                    .summary = "a function of a symmetric matrix",
                                    .flags = TW_OP_ALIAS,
                                    .arity = 4,
                                    .infer = tw_infer_alias,
                                    .alias = tw_alias_start,
                                    .jvp = eigh_jvp,
                                    .vjp = eigh_vjp,
                                    .batch = tw_batch_leading};

tw_expr tw_eigh_function(tw_expr a, tw_expr eigh, tw_expr f, tw_expr slope) {
  tw_expr v = tw_eigh_vectors(eigh);
  tw_expr value = tw_matmul(tw_mul(v, tw_pair_row(f)), tw_matrix_transpose(v));
  tw_expr in[4] = {tw_stop_gradient(value), a, eigh, slope};
  return tw_is_none(value) ? value : tw_node(a.graph, &eigh_function, 4, in, NULL);
}

/* ------------------------------------------------------------------ general: in = value, X, svd, even, odd, ratio [, t, f_t] */

enum { SVD_X = 1, SVD_SVD, SVD_EVEN, SVD_ODD, SVD_RATIO, SVD_T, SVD_F_T };

/* With K = U'HV, its symmetric part weighs `even`, its skew part `odd`; what H moves out of the spans of U and V is scaled by
 * `ratio` (Edelman, 2005, in differential form). The map is its own adjoint. */
static tw_expr svd_derivative(tw_expr node, tw_expr h) {
  tw_shape shape = tw_shape_of(h);
  int64_t m = shape.dim[shape.rank - 2], n = shape.dim[shape.rank - 1];
  tw_expr svd = tw_input_of(node, SVD_SVD), u = tw_svd_u(svd, m), v = tw_svd_v(svd, m);
  tw_expr ut = tw_matrix_transpose(u), vt = tw_matrix_transpose(v), k = product(ut, h, v), kt = tw_matrix_transpose(k);
  tw_expr inner = tw_scale(tw_add(tw_mul(tw_input_of(node, SVD_EVEN), tw_add(k, kt)),
                                  tw_mul(tw_input_of(node, SVD_ODD), tw_sub(k, kt))),
                           0.5);
  tw_expr out = product(u, inner, vt), ratio = tw_input_of(node, SVD_RATIO);
  if (m > n) /* (I - UU') H V diag(ratio) V' */
    out = tw_add(out, tw_matmul(tw_sub(tw_matmul(h, v), tw_matmul(u, k)), tw_mul(tw_pair_column(ratio), vt)));
  if (n > m) /* U diag(ratio) U' H (I - VV') */
    out = tw_add(out, tw_matmul(u, tw_mul(tw_pair_column(ratio), tw_sub(tw_matmul(ut, h), tw_matmul(k, vt)))));
  return out;
}

static tw_expr svd_jvp(tw_expr node, const tw_expr *tangents) {
  tw_expr out = tw_is_none(tangents[SVD_X]) ? TW_NONE : svd_derivative(node, tangents[SVD_X]);
  if (tw_arity_of(node) <= SVD_T || tw_is_none(tangents[SVD_T])) return out;
  tw_shape shape = tw_shape_of(node);
  tw_expr svd = tw_input_of(node, SVD_SVD), dt = tangents[SVD_T], f_t = tw_input_of(node, SVD_F_T);
  tw_expr u = tw_svd_u(svd, shape.dim[shape.rank - 2]), v = tw_svd_v(svd, shape.dim[shape.rank - 2]);
  tw_expr change = tw_mul(f_t, tw_row_column(dt));
  tw_expr part = tw_matmul(tw_mul(u, tw_pair_row(change)), tw_matrix_transpose(v));
  return tw_is_none(out) ? part : tw_add(out, part);
}

static void svd_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  cotangents[SVD_X] = svd_derivative(node, cotangent);
  if (tw_arity_of(node) <= SVD_T) return;
  tw_shape shape = tw_shape_of(node);
  tw_expr svd = tw_input_of(node, SVD_SVD), f_t = tw_input_of(node, SVD_F_T), t = tw_input_of(node, SVD_T);
  tw_expr u = tw_svd_u(svd, shape.dim[shape.rank - 2]), v = tw_svd_v(svd, shape.dim[shape.rank - 2]);
  /* <C, U diag(f_t) V'> = sum_i f_t_i (U'CV)_ii, with the diagonal formed column by column. */
  unsigned rows = 1u << (shape.rank - 2);
  tw_expr diagonal = tw_sum(tw_mul(u, tw_matmul(cotangent, v)), rows, false);
  cotangents[SVD_T] = tw_unbroadcast(tw_squeeze(tw_row_sum(tw_mul(f_t, diagonal)), -1), tw_shape_of(t));
}

static const tw_op svd_function = {.name = "svd_function",
                                   .summary = "an odd function of the singular values of a matrix",
                                   .flags = TW_OP_ALIAS,
                                   .arity = -1,
                                   .infer = tw_infer_alias,
                                   .alias = tw_alias_start,
                                   .jvp = svd_jvp,
                                   .vjp = svd_vjp,
                                   .batch = tw_batch_leading};

tw_expr tw_svd_function(tw_expr x, tw_expr svd, const tw_svd_parts *parts) {
  if (tw_is_none(x) || tw_is_none(svd)) return TW_NONE;
  tw_shape shape = tw_shape_of(x);
  tw_expr u = tw_svd_u(svd, shape.dim[shape.rank - 2]), v = tw_svd_v(svd, shape.dim[shape.rank - 2]);
  tw_expr value = tw_matmul(tw_mul(u, tw_pair_row(parts->f)), tw_matrix_transpose(v));
  tw_expr in[] = {tw_stop_gradient(value), x, svd, parts->even, parts->odd, parts->ratio, parts->t, parts->f_t};
  return tw_is_none(value) ? value : tw_node(x.graph, &svd_function, tw_is_none(parts->t) ? SVD_T : SVD_F_T + 1, in, NULL);
}
