/* The Moore-Penrose inverse P = A+ through the singular value decomposition. */
#include "domain/kinds.h"
#include "domain/spectral.h"
#include "graph/ops/build.h"

#include <float.h>

/* in = value, A. At constant rank (Golub & Pereyra, 1973)
 *   dP = -P dA P + P P' dA' (I - A P) + (I - P A) dA' P' P. */
static tw_expr inverse_jvp(tw_expr p, const tw_expr *tangents) {
  if (tw_is_none(tangents[1])) return TW_NONE;
  tw_expr a = tw_input_of(p, 1), pt = tw_matrix_transpose(p), dt = tw_matrix_transpose(tangents[1]);
  tw_expr first = tw_matmul(tw_matmul(p, tangents[1]), p);
  tw_expr second = tw_matmul(p, tw_matmul(pt, dt));
  tw_expr third = tw_matmul(tw_matmul(dt, pt), p);
  second = tw_sub(second, tw_matmul(tw_matmul(second, a), p));
  third = tw_sub(third, tw_matmul(p, tw_matmul(a, third)));
  return tw_add(tw_sub(second, first), third);
}

/* The transpose of A's cotangent is -P C' P + P P' C (I - A P) + (I - P A) C P' P: the same three terms with C for dA'. */
static void inverse_vjp(tw_expr p, tw_expr cotangent, tw_expr *cotangents) {
  tw_expr tangents[2] = {TW_NONE, tw_matrix_transpose(cotangent)};
  cotangents[1] = tw_matrix_transpose(inverse_jvp(p, tangents));
}

static const tw_op pseudo_inverse = {.name = "pseudo_inverse",
                                     .summary = "the Moore-Penrose inverse of a matrix",
                                     .flags = TW_OP_ALIAS,
                                     .arity = 2,
                                     .infer = tw_infer_alias,
                                     .alias = tw_alias_start,
                                     .jvp = inverse_jvp,
                                     .vjp = inverse_vjp,
                                     .batch = tw_batch_leading};

tw_expr tw_pseudo_inverse(tw_expr a) {
  if (tw_is_none(a)) return a;
  tw_shape shape = tw_shape_of(a);
  int64_t m = shape.dim[shape.rank - 2], n = shape.dim[shape.rank - 1];
  tw_expr svd = tw_svd(a), s = tw_svd_s(svd, m);
  if (tw_is_none(s)) return s;
  unsigned last = 1u << (shape.rank - 2); /* s has one axis less than A */
  tw_expr cut = tw_scale(tw_reduce_max(s, last, true), (double)(m > n ? m : n) * DBL_EPSILON);
  tw_expr kept = tw_gt(s, cut), one = tw_scalar(a.graph, 1);
  tw_expr inverse = tw_where(kept, tw_reciprocal(tw_where(kept, s, one)), tw_scalar(a.graph, 0));
  tw_expr value = tw_matmul(tw_mul(tw_svd_v(svd, m), tw_pair_row(inverse)), tw_matrix_transpose(tw_svd_u(svd, m)));
  tw_expr in[2] = {tw_stop_gradient(value), a};
  return tw_is_none(value) ? value : tw_node(a.graph, &pseudo_inverse, 2, in, NULL);
}
