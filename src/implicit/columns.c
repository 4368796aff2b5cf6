/* What a variable contributes to the optimality condition: bounds, supports, sets. */
#include "implicit/condition.h"

#include "domain/kinds.h"

#include <float.h>
#include <math.h>
#include <string.h>

static tw_expr none_or(tw_expr a, tw_expr b) {
  return tw_is_none(a) ? b : a;
}

void tw_condition_margin(tw_condition *c, tw_expr candidates) {
  if (tw_is_none(candidates)) return;
  tw_expr least = tw_reduce_min(candidates, TW_ALL, false);
  c->margin = tw_is_none(c->margin) ? least : tw_minimum(c->margin, least);
}

/* ------------------------------------------------------------------ bounds */

typedef struct bounds { /* in the variable's shape; infinite where there is none */
  tw_expr lower, upper, at_lower, at_upper, slack;
} bounds;

/* A variable is at a bound where the projected gradient step x - g would leave it, and where both bounds are
 * one. */
static bounds bounds_of(tw_expr x, tw_expr g, tw_expr lower, tw_expr upper) {
  tw_shape shape = tw_shape_of(x);
  tw_expr inf = tw_fill_like(x, INFINITY), step = tw_sub(x, g);
  bounds b;
  b.lower = tw_broadcast(tw_cast(none_or(lower, tw_neg(inf)), TW_F64), shape);
  b.upper = tw_broadcast(tw_cast(none_or(upper, inf), TW_F64), shape);
  b.at_lower = tw_or(tw_lt(step, b.lower), tw_ge(b.lower, b.upper));
  b.at_upper = tw_gt(step, b.upper);
  b.slack = tw_minimum(tw_sub(x, b.lower), tw_sub(b.upper, x));
  return b;
}

/* Infinite bounds are never met; 0 stands for them so that they stay out of the arithmetic. */
static tw_expr at_bound(const bounds *b, tw_expr lower, tw_expr upper) {
  tw_expr zero = tw_zeros_like(b->slack), high = tw_is_none(upper) ? zero : b->upper;
  return tw_where(b->at_lower, tw_is_none(lower) ? zero : b->lower, tw_where(b->at_upper, high, zero));
}

static tw_piece bounded(tw_condition *c, int i, tw_expr lower, tw_expr upper) {
  tw_expr x = c->param[i], g = c->gradient[i];
  bounds b = bounds_of(x, g, lower, upper);
  tw_expr together = tw_ge(b.lower, b.upper), inf = tw_scalar(c->graph, INFINITY);
  tw_condition_margin(c, tw_where(together, inf, tw_maximum(tw_abs(g), b.slack)));
  return (tw_piece){.f = g,
                    .mask = tw_not(tw_or(b.at_lower, b.at_upper)),
                    .fixed = at_bound(&b, lower, upper),
                    .moved = TW_NONE};
}

/* ------------------------------------------------------------------ regularizers */

bool tw_condition_is_penalized(const tw_condition *c, int i) {
  for (int k = 0; k < c->cls->n_regularizers; k++)
    if (c->cls->regularizers[k].variable == i) return !c->cls->regularizers[k].kind->smooth;
  return false;
}

tw_penalty tw_condition_penalty(const tw_condition *c, int i) {
  tw_penalty p = {.value = TW_NONE, .weight = TW_NONE};
  tw_expr stack[64], objective = c->out[c->nested->objective], one = tw_ones_like(objective);
  int depth = 0;
  stack[depth++] = objective;
  while (depth > 0) {
    tw_expr e = stack[--depth];
    p.kind = tw_regularizer_of(e, &p.x, p.param);
    if (p.kind && !p.kind->smooth && tw_same(p.x, c->param[i])) {
      p.value = e;
      tw_vjp(1, &objective, &one, 1, &e, &p.weight);
      return p;
    }
    for (int k = 0; !p.kind && k < tw_arity_of(e) && depth < 64; k++)
      if (tw_shape_of(tw_input_of(e, k)).rank == 0) stack[depth++] = tw_input_of(e, k);
  }
  p.kind = NULL;
  return p;
}

tw_expr tw_condition_smooth_gradient(const tw_condition *c, int i, const tw_penalty *p) {
  tw_expr zero = tw_zeros_like(p->value), smooth = TW_NONE, one = tw_ones_like(c->lagrangian), g = TW_NONE;
  if (tw_substitute(1, &c->lagrangian, 1, &p->value, &zero, &smooth) == TW_OK)
    tw_vjp(1, &smooth, &one, 1, &c->param[i], &g);
  return none_or(g, tw_zeros_like(c->param[i]));
}

/* |x| summed, within bounds. At x = 0 neither direction that the bounds leave open may descend: g + w > 0
 * upwards, w - g > 0 downwards, g of the smooth part. Elsewhere all is smooth but for the bounds. */
static tw_piece sparse(tw_condition *c, int i, const tw_penalty *p, tw_expr lower, tw_expr upper) {
  tw_expr x = c->param[i], g = c->gradient[i], smooth = tw_condition_smooth_gradient(c, i, p), zero = tw_zeros_like(x);
  tw_expr inf = tw_scalar(c->graph, INFINITY), at_zero = tw_eq(x, zero);
  bounds b = bounds_of(x, g, lower, upper);
  tw_expr up = tw_where(tw_gt(b.upper, zero), tw_add(p->weight, smooth), inf);
  tw_expr down = tw_where(tw_lt(b.lower, zero), tw_sub(p->weight, smooth), inf);
  tw_expr elsewhere = tw_minimum(tw_abs(x), tw_maximum(tw_abs(g), b.slack));
  tw_condition_margin(c, tw_where(at_zero, tw_minimum(up, down), elsewhere));
  tw_piece piece = {.f = g, .mask = tw_not(at_zero), .fixed = TW_NONE, .moved = TW_NONE};
  if (tw_is_none(lower) && tw_is_none(upper)) return piece;
  piece.mask = tw_not(tw_or(at_zero, tw_or(b.at_lower, b.at_upper)));
  piece.fixed = tw_where(at_zero, zero, at_bound(&b, lower, upper));
  return piece;
}

/* Groups that vanish are held at 0. */
static tw_piece grouped(tw_condition *c, int i, const tw_penalty *p) {
  tw_expr x = c->param[i], norm = tw_group_norms(x, p->param[0]), some = tw_gt(norm, tw_scalar(c->graph, 0));
  tw_condition_margin(c, tw_prox_margin(p->kind, tw_sub(x, tw_condition_smooth_gradient(c, i, p)), p->weight, p->param));
  return (tw_piece){.f = c->gradient[i],
                    .mask = tw_group_entries(x, p->param[0], some),
                    .fixed = TW_NONE,
                    .moved = TW_NONE};
}

/* x - prox(x - grad of the smooth part), for a regularizer without a support in coordinates. */
static tw_piece proximal(tw_condition *c, int i, const tw_penalty *p) {
  tw_expr x = c->param[i], u = tw_sub(x, tw_condition_smooth_gradient(c, i, p));
  c->nested->symmetric = false;
  tw_condition_margin(c, tw_prox_margin(p->kind, u, p->weight, p->param));
  return (tw_piece){.f = tw_sub(x, p->kind->prox(u, p->weight, p->param)),
                    .mask = TW_NONE,
                    .fixed = TW_NONE,
                    .moved = TW_NONE};
}

/* ------------------------------------------------------------------ sets */

/* How far points may move along normals of a set that is not convex, at x, and still be projected back on x: the radius of a sphere; the
 * singular values of x for orthonormal columns; for l1 spheres what keeps all signs. Sets from outside the library: a guess. */
static tw_expr reach_of(const tw_domain_kind *kind, tw_expr x) {
  const double GUESS = 1e-2;
  tw_expr size = tw_abs(x), zero = tw_scalar(x.graph, 0), inf = tw_scalar(x.graph, INFINITY);
  if (kind == &tw_domain_sphere) return tw_reduce_min(tw_row_norm(x), TW_ALL, false);
  if (kind == &tw_domain_stiefel) return tw_scalar(x.graph, 1);
  if (kind == &tw_domain_l1_sphere) return tw_reduce_min(tw_where(tw_gt(size, zero), size, inf), TW_ALL, false);
  return tw_scale(tw_reduce_max(size, TW_ALL, false), GUESS);
}

/* eta = min(1, reach / (2 |g|)): of x = P(x - eta g), which holds at solutions for every eta > 0 when the set is convex, for small ones
 * when it is not: there g is a normal at x, and x - g may be nearer to another point of the set. Not differentiated. */
static tw_expr local_step(const tw_domain_kind *kind, tw_expr x, tw_expr g) {
  tw_expr rows = kind == &tw_domain_stiefel ? tw_norm(g, TW_ALL, false) : tw_reduce_max(tw_row_norm(g), TW_ALL, false);
  tw_expr one = tw_scalar(x.graph, 1), least = tw_scalar(x.graph, DBL_MIN);
  tw_expr eta = tw_minimum(one, tw_div(reach_of(kind, x), tw_scale(tw_maximum(rows, least), 2)));
  return tw_stop_gradient(eta);
}

static tw_piece projected(tw_condition *c, int i, const tw_domain_kind *kind, const tw_expr *param) {
  tw_expr x = c->param[i], g = c->gradient[i];
  if (!kind->convex && tw_size_of(x) > 0) {
    c->step[i] = local_step(kind, x, g);
    g = tw_mul(c->step[i], g);
  }
  tw_expr u = tw_sub(x, g), p = kind->project(u, param);
  c->nested->symmetric = c->nested->program = false;
  tw_condition_margin(c, tw_set_margin(kind, u, p, param));
  /* Danskin: the projection of a point that is held, so that only the set moves. */
  tw_piece piece = {.f = tw_sub(x, p),
                    .mask = TW_NONE,
                    .fixed = TW_NONE,
                    .moved = kind->project(tw_part_of(c->held, &c->nested->variable[i]), param)};
  if (kind == &tw_domain_simplex) piece.mask = tw_gt(p, tw_zeros_like(x));
  return piece;
}

tw_piece tw_condition_variable(tw_condition *c, int i) {
  const tw_nested *nested = c->nested;
  tw_expr lower = tw_condition_output(c, nested->lower[i]), upper = tw_condition_output(c, nested->upper[i]);
  tw_expr param[TW_DOMAIN_PARAMS] = {TW_NONE, TW_NONE, TW_NONE};
  const tw_domain_kind *kind = nested->domain[i];
  for (int k = 0; kind && k < kind->max_params; k++) param[k] = c->out[nested->domain_param[i] + k];
  if (kind && kind->bounds) {
    kind->bounds(c->graph, tw_shape_of(c->param[i]), param, &lower, &upper);
    kind = NULL;
  }
  if (tw_condition_is_penalized(c, i)) {
    c->nested->program = false;
    tw_penalty p = tw_condition_penalty(c, i);
    if (p.kind == &tw_regularizer_l1) p.weight = tw_mul(p.weight, p.param[0]); /* by coordinate */
    if (p.kind == &tw_regularizer_l1 || p.kind == &tw_regularizer_elastic_net)
      return sparse(c, i, &p, lower, upper);
    if (p.kind == &tw_regularizer_group_l2) return grouped(c, i, &p);
    if (p.kind) return proximal(c, i, &p);
  }
  if (kind) return projected(c, i, kind, param);
  if (!tw_is_none(lower) || !tw_is_none(upper)) return bounded(c, i, lower, upper);
  return (tw_piece){.f = c->gradient[i], .mask = TW_NONE, .fixed = TW_NONE, .moved = TW_NONE};
}
