/* Minima over sets and bounds and of objectives with regularizers: accelerated proximal gradients (Beck and Teboulle, 2009), with the
 * momentum dropped where it points uphill (O'Donoghue and Candes, 2015), find what is held: bounds, supports, faces. Every so often one
 * Newton step on the optimality condition, which holds all that, is tried; near the solution it is all there is to do.
 *
 *   T(y, eta) = prox_{eta g}(y - eta grad f(y)),  eta halved until  eta (grad f(T) - grad f(y))'(T - y) <= |T - y|^2
 *
 * The measure of a solution is |x - T(x, 1)|; over sets that are not convex, the condition's own |F|. */
#include "implicit/condition.h"
#include "implicit/lower.h"

#include "graph/ops/lu.h"

#include <stdlib.h>

enum { ROUNDS = 200, ITERATIONS = 200 };
#define GROWTH 1.1
#define SHORT 0x1p-50     /* a step that moves x no further */
#define SOLVED 1e-14      /* of the measure relative to its start: as good as it gets */
#define NEAR 1e-10        /* it need not get better */

typedef struct composite {
  const tw_lowering *l;
  const tw_body *map;
  bool convex; /* all sets */
} composite;

static tw_expr number(const composite *c, double value) { return tw_scalar(c->l->graph, value); }

/* T(x, eta), and the gradient of the smooth part at x. */
static tw_expr map_at(const composite *c, tw_expr x, tw_expr eta, tw_expr *gradient) {
  const tw_nested *nested = c->l->nested;
  const int v = nested->n_variables, n = v + nested->n_theta + 1;
  tw_expr *args = calloc((size_t)n + 1, sizeof *args), *out = calloc(2 * (size_t)v + 1, sizeof *out), to = TW_NONE;
  *gradient = TW_NONE;
  if (args && out) {
    tw_nested_args(nested, x, c->l->theta, args);
    args[n] = eta;
    if (tw_body_inline(c->map, args, out) == TW_OK) {
      to = tw_flatten(c->l->graph, v, out);
      *gradient = tw_flatten(c->l->graph, v, out + v);
    }
  } else {
    tw_graph_fail(c->l->graph, TW_ERR_MEMORY, "out of memory writing a nested problem as C");
  }
  free(args), free(out);
  return to;
}

static tw_expr measure(const composite *c, tw_expr x) {
  tw_expr gradient;
  return tw_lower_size(c->convex ? tw_sub(x, map_at(c, x, number(c, 1), &gradient)) : tw_lower_condition(c->l, x));
}

/* Where accelerated steps lead from `start`; eta is `first` at first and *eta_out at last. */
static tw_expr descend(const composite *c, tw_expr start, tw_expr first, tw_expr *eta_out) {
  tw_graph *g = c->l->graph;
  const tw_shape flat = TW_SHAPE(c->l->nested->n);
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), x = tw_input(g, "x", TW_F64, flat), y = tw_input(g, "y", TW_F64, flat);
  tw_expr t = tw_input(g, "t", TW_F64, TW_SCALAR), eta = tw_input(g, "eta", TW_F64, TW_SCALAR);
  tw_expr last = tw_input(g, "last", TW_F64, TW_SCALAR);
  tw_expr one = number(c, 1), gy, gp, p = map_at(c, y, eta, &gy), step = tw_sub(p, y);
  map_at(c, p, eta, &gp);
  tw_expr curved = tw_mul(eta, tw_dot(tw_sub(gp, gy), step)), helped = tw_le(curved, tw_dot(step, step));
  tw_expr uphill = tw_gt(tw_dot(tw_sub(y, p), tw_sub(p, x)), number(c, 0));
  tw_expr longer = tw_scale(tw_add(one, tw_sqrt(tw_add(one, tw_scale(tw_square(t), 4)))), 0.5);
  tw_expr momentum = tw_where(uphill, number(c, 0), tw_div(tw_sub(t, one), longer));
  tw_expr ahead = tw_add(p, tw_mul(momentum, tw_sub(p, x)));
  tw_expr over = tw_and(helped, tw_le(tw_lower_size(step), tw_scale(tw_lower_size(p), SHORT)));
  const tw_expr carry[] = {x, y, t, eta, last}, init[] = {start, start, one, first, number(c, 0)};
  const tw_expr next[] = {tw_where(helped, p, x), tw_where(helped, ahead, x), tw_where(tw_and(helped, tw_not(uphill)), longer, one),
                          tw_where(helped, tw_scale(eta, GROWTH), tw_scale(eta, 0.5)), tw_cast(over, TW_F64)};
  const tw_scan_options options = {.until = tw_gt(last, number(c, 0))};
  tw_expr scan = tw_scan(k, ITERATIONS, 5, carry, init, next, 0, NULL, &options);
  *eta_out = tw_scan_final(scan, 3);
  return tw_scan_final(scan, 0);
}

/* A round: steps, then Newton's where it is much nearer. */
tw_lowered tw_lower_composite(const tw_lowering *l) {
  tw_graph *g = l->graph;
  const tw_nested *nested = l->nested;
  composite c = {l, tw_nested_proximal_map(nested, l->cls), true};
  if (!c.map) return (tw_lowered){TW_NONE, TW_NONE};
  for (int i = 0; i < nested->n_variables; i++) c.convex = c.convex && (!nested->domain[i] || nested->domain[i]->convex);
  tw_expr first, zero = number(&c, 0), one = number(&c, 1), start = map_at(&c, tw_lower_start(l), zero, &first);
  tw_expr at_start = measure(&c, start), unit = tw_where(tw_is_finite(at_start), tw_maximum(at_start, one), one);
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), x = tw_input(g, "x", TW_F64, TW_SHAPE(nested->n));
  tw_expr eta = tw_input(g, "eta", TW_F64, TW_SCALAR), far = tw_input(g, "far", TW_F64, TW_SCALAR);
  tw_expr last = tw_input(g, "last", TW_F64, TW_SCALAR), eta_next;
  tw_expr down = descend(&c, x, eta, &eta_next), d = tw_linear_solve_or_nan(tw_lower_matrix(l, down), tw_lower_condition(l, down));
  tw_expr newton = tw_sub(down, d), by_steps = measure(&c, down), by_newton = measure(&c, newton);
  tw_expr take = tw_lt(by_newton, tw_scale(by_steps, 0.5)), now = tw_where(take, by_newton, by_steps);
  tw_expr no_nearer = tw_and(tw_le(now, tw_scale(unit, NEAR)), tw_not(tw_lt(now, tw_scale(far, 0.5))));
  tw_expr over = tw_or(tw_le(now, tw_scale(unit, SOLVED)), no_nearer);
  const tw_expr carry[] = {x, eta, far, last}, init[] = {start, one, at_start, zero};
  const tw_expr next[] = {tw_where(take, newton, down), eta_next, now, tw_cast(over, TW_F64)};
  const tw_scan_options options = {.until = tw_gt(last, zero)};
  tw_expr scan = tw_scan(k, ROUNDS, 4, carry, init, next, 0, NULL, &options);
  return (tw_lowered){tw_scan_final(scan, 0), tw_div(tw_scan_final(scan, 2), unit)};
}
