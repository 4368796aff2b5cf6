/* Derivative modes: solutions as functions of what a nested problem captured, by their optimality condition, by one iteration, or by
 * all iterations. */
#include "implicit/modes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the modes share while they are built. */
typedef struct builder {
  const tw_nested *nested;
  tw_graph *graph;
  int v;        /* variables */
  tw_expr *args; /* v + n_theta + 2: of the map; args[v + n_theta] is the multipliers, of which there are none */
  tw_expr *out;  /* 2 v */
} builder;

static bool open_builder(builder *b, const tw_nested *nested) {
  *b = (builder){.nested = nested, .graph = nested->graph, .v = nested->n_variables};
  b->args = calloc((size_t)(b->v + nested->n_theta) + 3, sizeof *b->args);
  b->out = calloc(2 * (size_t)b->v + (size_t)nested->statement->n_outputs + 1, sizeof *b->out);
  if (!b->args || !b->out) {
    tw_graph_fail(b->graph, TW_ERR_MEMORY, "out of memory building %s", nested->word);
    return false;
  }
  for (int j = 0; j < nested->n_theta; j++) b->args[b->v + j] = nested->theta[j];
  b->args[b->v + nested->n_theta] = tw_fill(b->graph, TW_F64, TW_SHAPE(0), 0);
  return true;
}

static void close_builder(builder *b) { free(b->args), free(b->out); }

/* b->out at x with step eta */
static bool apply(builder *b, const tw_expr *x, tw_expr eta) {
  memcpy(b->args, x, (size_t)b->v * sizeof *x);
  b->args[b->v + b->nested->n_theta + 1] = eta;
  return tw_graph_status(b->graph) == TW_OK && tw_body_inline(b->nested->iteration, b->args, b->out) == TW_OK;
}

/* ------------------------------------------------------------------ step length, rate */

static tw_expr flat_norm(tw_expr flat) { return tw_norm(flat, TW_ALL, false); }

/* u = J v, J the derivative at x, with step eta, of the map (first = 0) or of the gradients behind it (first = v). */
static tw_expr product_along(builder *b, int first, const tw_expr *x, tw_expr eta, tw_expr v) {
  const tw_nested *nested = b->nested;
  tw_expr *point = calloc(4 * (size_t)b->v + 1, sizeof *point), *tangent = point + b->v, *product = tangent + b->v, u = TW_NONE;
  if (!point) return tw_graph_fail(b->graph, TW_ERR_MEMORY, "out of memory building %s", nested->word);
  for (int i = 0; i < b->v; i++) {
    point[i] = tw_input(b->graph, "x", TW_F64, nested->variable[i].shape);
    tangent[i] = tw_nested_variable(v, nested, i);
  }
  if (apply(b, point, eta) && tw_jvp(b->v, b->out + first, b->v, point, tangent, product) == TW_OK) {
    for (int i = 0; i < b->v; i++)
      if (tw_is_none(product[i])) product[i] = tw_zeros_like(tangent[i]);
    tw_substitute(b->v, product, b->v, point, x, product);
    u = tw_flatten(b->graph, b->v, product);
  }
  free(point);
  return u;
}

/* |J v| / |v| after power iteration from a fixed vector:  u = J v,  v+ = u / |u| */
static tw_expr growth(builder *b, int first, const tw_expr *x, tw_expr eta, int iterations) {
  const int64_t n = b->nested->n;
  tw_expr k = tw_input(b->graph, "k", TW_I64, TW_SCALAR), v = tw_input(b->graph, "v", TW_F64, TW_SHAPE(n));
  tw_expr zero = tw_scalar(b->graph, 0), one = tw_scalar(b->graph, 1), u = product_along(b, first, x, eta, v);
  if (tw_is_none(u)) return TW_NONE;
  tw_expr size = flat_norm(u), some = tw_gt(size, zero), next = tw_div(u, tw_where(some, size, one));
  tw_expr start = tw_cos(tw_iota(b->graph, TW_F64, n)), unit = tw_div(start, flat_norm(start));
  tw_expr scan = tw_scan(k, iterations, 1, &v, &unit, &next, 0, NULL, NULL), last = tw_scan_final(scan, 0), l = TW_NONE;
  return tw_substitute(1, &size, 1, &v, &last, &l) == TW_OK ? l : TW_NONE;
}

/* 1 / |hess f(x)|;  1 where it is 0 */
static tw_expr inverse_curvature(builder *b, const tw_expr *x) {
  tw_expr zero = tw_scalar(b->graph, 0), one = tw_scalar(b->graph, 1), l = growth(b, b->v, x, one, 30);
  if (tw_is_none(l)) return TW_NONE;
  tw_expr curved = tw_gt(l, zero);
  return tw_stop_gradient(tw_where(curved, tw_div(one, tw_where(curved, l, one)), one));
}

static tw_expr step_length(builder *b, const tw_expr *x) {
  const double step = b->nested->choice.step;
  return step > 0 || b->nested->objective < 0 ? tw_scalar(b->graph, step > 0 ? step : 1) : inverse_curvature(b, x);
}

/* ------------------------------------------------------------------ one step */

/* T(x, theta) with x held at the solution, and the rate at which T contracts there */
static tw_expr one_step(builder *b) {
  const tw_nested *nested = b->nested;
  tw_expr z = tw_stop_gradient(tw_argmin_node(nested)), at = TW_NONE;
  tw_expr *x = calloc((size_t)b->v + 1, sizeof *x);
  if (!x) return tw_graph_fail(b->graph, TW_ERR_MEMORY, "out of memory building %s", nested->word);
  for (int i = 0; i < b->v; i++) x[i] = tw_nested_variable(z, nested, i);
  const tw_expr eta = step_length(b, x), rate = growth(b, 0, x, eta, 30);
  if (apply(b, x, eta)) at = tw_attest_rate(nested, tw_flatten(b->graph, b->v, b->out), tw_stop_gradient(rate));
  free(x);
  return at;
}

/* ------------------------------------------------------------------ unrolled */

/* What was stated, or 0 moved into the bounds; projected on sets, as methods do. */
static bool starts(builder *b, tw_expr *start) {
  const tw_nested *nested = b->nested;
  tw_expr *stated = b->out + 2 * b->v;
  for (int i = 0; i < b->v; i++) b->args[i] = tw_fill(b->graph, TW_F64, nested->variable[i].shape, 0);
  if (tw_body_inline(nested->statement, b->args, stated) != TW_OK) return false;
  for (int i = 0; i < b->v; i++) {
    tw_expr x = b->args[i];
    if (nested->start[i] >= 0) x = tw_broadcast(tw_cast(stated[nested->start[i]], TW_F64), nested->variable[i].shape);
    if (nested->lower[i] >= 0) x = tw_maximum(x, tw_cast(stated[nested->lower[i]], TW_F64));
    if (nested->upper[i] >= 0) x = tw_minimum(x, tw_cast(stated[nested->upper[i]], TW_F64));
    if (nested->domain[i]) x = nested->domain[i]->project(x, stated + nested->domain_param[i]);
    start[i] = x;
  }
  return tw_graph_status(b->graph) == TW_OK;
}

/* x_{k+1} = T(y_k),  t_{k+1} = (1 + sqrt(1 + 4 t_k^2)) / 2,  y_{k+1} = x_{k+1} + (t_k - 1) / t_{k+1} (x_{k+1} - x_k)
 * (Nesterov, 1983; Beck & Teboulle, 2009). carry: x.., y.., t. */
static void accelerate(builder *b, const tw_expr *carry, tw_expr *next) {
  const int v = b->v;
  tw_expr t = carry[2 * v], one = tw_scalar(b->graph, 1);
  tw_expr grown = tw_scale(tw_add(one, tw_sqrt(tw_add(one, tw_scale(tw_square(t), 4)))), 0.5);
  for (int i = 0; i < v; i++) {
    next[i] = b->out[i];
    next[v + i] = tw_add(next[i], tw_mul(tw_div(tw_sub(t, one), grown), tw_sub(next[i], carry[i])));
  }
  next[2 * v] = grown;
}

/* The last of all iterations; x0 -> x. */
static bool iterate(builder *b, const tw_expr *start, tw_expr eta, tw_expr *last) {
  const tw_nested_choice *choice = &b->nested->choice;
  const int v = b->v, n = choice->accelerate ? 2 * v + 1 : v;
  tw_expr *carry = calloc(3 * (size_t)n, sizeof *carry), *init = carry + n, *next = init + n;
  tw_expr k = tw_input(b->graph, "k", TW_I64, TW_SCALAR);
  if (!carry) {
    tw_graph_fail(b->graph, TW_ERR_MEMORY, "out of memory building %s", b->nested->word);
    return false;
  }
  for (int i = 0; i < n; i++) init[i] = i < 2 * v ? start[i % v] : tw_scalar(b->graph, 1);
  for (int i = 0; i < n; i++) carry[i] = tw_input(b->graph, "iterate", TW_F64, tw_shape_of(init[i]));
  bool ok = apply(b, choice->accelerate ? carry + v : carry, eta);
  if (ok && choice->accelerate) accelerate(b, carry, next);
  else if (ok) memcpy(next, b->out, (size_t)v * sizeof *next);
  const tw_scan_options options = {.checkpoints = choice->checkpoints};
  tw_expr scan = ok ? tw_scan(k, choice->iterations, n, carry, init, next, 0, NULL, &options) : TW_NONE;
  for (int i = 0; i < v; i++) last[i] = tw_is_none(scan) ? TW_NONE : tw_scan_final(scan, i);
  free(carry);
  return tw_graph_status(b->graph) == TW_OK;
}

/* |x - T(x)|_inf / eta */
static tw_expr residual_at(builder *b, const tw_expr *x, tw_expr eta) {
  if (!apply(b, x, eta)) return TW_NONE;
  tw_expr gap = tw_sub(tw_flatten(b->graph, b->v, x), tw_flatten(b->graph, b->v, b->out));
  return tw_div(tw_reduce_max(tw_abs(gap), TW_ALL, false), tw_scale(eta, b->nested->choice.mixing));
}

static tw_expr unrolled(builder *b) {
  tw_expr *start = calloc(2 * (size_t)b->v + 1, sizeof *start), *last = start + b->v, z = TW_NONE;
  if (!start) return tw_graph_fail(b->graph, TW_ERR_MEMORY, "out of memory building %s", b->nested->word);
  if (starts(b, start)) {
    const tw_expr eta = step_length(b, start);
    if (!tw_is_none(eta) && iterate(b, start, eta, last)) {
      tw_expr first = residual_at(b, start, eta), left = residual_at(b, last, eta), one = tw_scalar(b->graph, 1);
      z = tw_attest(b->nested, tw_flatten(b->graph, b->v, last), tw_div(left, tw_maximum(first, one)));
    }
  }
  free(start);
  return z;
}

tw_expr tw_argmin(const tw_nested *nested) {
  if (!nested) return TW_NONE;
  if (nested->choice.mode == TW_MODE_IMPLICIT) return tw_argmin_node(nested);
  builder b;
  tw_expr z = TW_NONE;
  if (open_builder(&b, nested)) z = nested->choice.mode == TW_MODE_ONE_STEP ? one_step(&b) : unrolled(&b);
  close_builder(&b);
  return z;
}
