/* Strict complementarity of projections and proximal operators: how far a point u is from where they have a
 * kink.
 *
 * x = P(u) is differentiable in u where no constraint that holds with equality does so by chance, that is
 * with a zero multiplier; the distance of u from the nearest such point is the margin. */
#include "implicit/condition.h"

#include "domain/kinds.h"

#include <math.h>

static tw_expr zero(tw_expr like) {
  return tw_scalar(like.graph, 0);
}
static unsigned last_axis(tw_expr x) {
  return 1u << (tw_shape_of(x).rank - 1);
}

/* p = max(u - tau, 0): the distances |u_i - tau|, where tau = max (u - p). */
static tw_expr simplex(tw_expr u, tw_expr p) {
  return tw_abs(tw_sub(u, tw_reduce_max(tw_sub(u, p), last_axis(u), true)));
}

/* p = clip(u - tau, l, h): the distances of u - tau from both bounds. tau = u - p of a free entry; where
 * there is none, the middle of what keeps all entries at their bounds. */
static tw_expr capped_simplex(tw_expr u, tw_expr p, const tw_expr *param) {
  tw_shape shape = tw_shape_of(u);
  tw_expr l = tw_broadcast(param[0], shape), h = tw_broadcast(param[1], shape),
          inf = tw_scalar(u.graph, INFINITY);
  tw_expr low = tw_le(p, l), high = tw_and(tw_ge(p, h), tw_not(low)), tau = tw_sub(u, p);
  tw_expr least = tw_reduce_max(tw_where(high, tw_neg(inf), tau), last_axis(u), true);
  tw_expr most = tw_reduce_min(tw_where(low, inf, tau), last_axis(u), true);
  tau = tw_scale(tw_add(least, most), 0.5);
  return tw_minimum(tw_abs(tw_sub(tw_sub(u, tau), l)), tw_abs(tw_sub(tw_sub(u, tau), h)));
}

static tw_expr l1_ball(tw_expr u, tw_expr p, tw_expr radius) {
  tw_expr size = tw_abs(u), rest = tw_sub(tw_row_sum(size), tw_row_column(radius)),
          outside = tw_gt(rest, zero(u));
  tw_expr inf = tw_scalar(u.graph, INFINITY);
  return tw_minimum(tw_abs(rest), tw_where(outside, simplex(size, tw_abs(p)), inf));
}

/* Kinks: the boundary, and outside |z_i| = lambda, by which t has grown. */
static tw_expr l1_epigraph(tw_expr u, tw_expr p) {
  const tw_shape shape = tw_shape_of(u);
  const int axis = shape.rank - 1;
  const int64_t n = shape.dim[axis] - 1;
  tw_expr z = tw_slice(u, axis, 0, n, 1), t = tw_slice(u, axis, n, 1, 1), size = tw_abs(z), rest = tw_sub(tw_row_sum(size), t);
  if (n == 0) return tw_abs(t);
  tw_expr kinks = tw_abs(tw_sub(size, tw_sub(tw_slice(p, axis, n, 1, 1), t))), inf = tw_scalar(u.graph, INFINITY);
  return tw_minimum(tw_abs(rest), tw_where(tw_gt(rest, zero(u)), kinks, inf));
}

static tw_expr halfspace(tw_expr u, const tw_expr *param) {
  tw_expr rest = tw_sub(tw_row_sum(tw_mul(param[0], u)), tw_row_column(param[1]));
  return tw_div(tw_abs(rest), tw_row_norm(param[0]));
}

static tw_expr psd(tw_expr u) {
  return tw_abs(tw_eigh_values(tw_eigh(tw_scale(tw_add(u, tw_matrix_transpose(u)), 0.5))));
}

static tw_expr singular_values(tw_expr u) {
  tw_shape shape = tw_shape_of(u);
  return tw_svd_s(tw_svd(u), shape.dim[shape.rank - 2]);
}

/* For sets from outside the library: P(u + d) + P(u - d) - 2 P(u) is of the order of |d| across a kink, of
 * |d|^2 elsewhere. 0 when there seems to be a kink within 1e-6 of u. */
static tw_expr by_differences(const tw_domain_kind *kind, tw_expr u, tw_expr p, const tw_expr *param) {
  enum { REACH_DIGITS = 6 };
  tw_expr turn = tw_cos(tw_reshape(tw_iota(u.graph, TW_F64, tw_size_of(u)), tw_shape_of(u)));
  tw_expr d = tw_scale(turn, pow(10, -REACH_DIGITS));
  tw_expr both = tw_add(kind->project(tw_add(u, d), param), kind->project(tw_sub(u, d), param));
  tw_expr bend = tw_reduce_max(tw_abs(tw_sub(both, tw_scale(p, 2))), TW_ALL, false);
  tw_expr kink = tw_gt(bend, tw_scalar(u.graph, 1e-3 * pow(10, -REACH_DIGITS)));
  return tw_where(kink, zero(u), tw_scalar(u.graph, INFINITY));
}

tw_expr tw_set_margin(const tw_domain_kind *kind, tw_expr u, tw_expr p, const tw_expr *param) {
  if (tw_is_none(u) || tw_is_none(p)) return TW_NONE;
  if (kind == &tw_domain_hyperplane || kind == &tw_domain_affine) return TW_NONE;
  if (kind == &tw_domain_simplex) return simplex(u, p);
  if (kind == &tw_domain_capped_simplex) return capped_simplex(u, p, param);
  if (kind == &tw_domain_l1_ball) return l1_ball(u, p, param[0]);
  if (kind == &tw_domain_l1_sphere) return simplex(tw_abs(u), tw_abs(p));
  if (kind == &tw_domain_l1_epigraph) return l1_epigraph(u, p);
  if (kind == &tw_domain_ball) return tw_abs(tw_sub(tw_row_norm(u), tw_row_column(param[0])));
  if (kind == &tw_domain_sphere) return tw_row_norm(u);
  if (kind == &tw_domain_halfspace) return halfspace(u, param);
  if (kind == &tw_domain_psd) return psd(u);
  if (kind == &tw_domain_stiefel) return singular_values(u);
  return by_differences(kind, u, p, param);
}

tw_expr tw_prox_margin(const tw_regularizer_kind *kind, tw_expr u, tw_expr weight, const tw_expr *param) {
  if (tw_is_none(u) || tw_is_none(weight)) return TW_NONE;
  if (kind == &tw_regularizer_group_l2) return tw_abs(tw_sub(tw_group_norms(u, param[0]), weight));
  if (kind == &tw_regularizer_nuclear) return tw_abs(tw_sub(singular_values(u), weight));
  if (kind != &tw_regularizer_linf) return TW_NONE;
  /* u - prox(u) is the projection on the l1 ball of radius `weight`. */
  tw_expr flat = tw_ravel(u);
  return l1_ball(flat, tw_domain_l1_ball.project(flat, &weight), weight);
}
