/* Mathematical programs by a primal-dual interior point method with slacks (Wachter and Biegler, 2006, in the small), then Newton
 * steps on the optimality condition, which put what is active on its bound to the last bit.
 *
 *   min f(x)  r(x) = s,  l <= s <= u,  r = [c(x); the bounded variables],  L = f + lambda'r
 *
 * With vl, vu the multipliers of s's bounds, S = vl / (s - l) + vu / (u - s), b = mu / (u - s) - mu / (s - l), w = S / (1 + S):
 *
 *   [ H + d I    J'     ] [ dx      ]   [ -grad f              ]
 *   [ w J     -(1-w) I  ] [ lambda+ ] = [ w (s - r) - (1-w) b  ],   ds = J dx + r - s
 *
 * where w = 1 for equations, whose s stays, and w = b = 0 for rows without bounds. A step is taken where the l1 merit function of
 * the barrier falls along it; else d grows. */
#include "implicit/lower.h"

#include "graph/ops/lu.h"

#include <math.h>
#include <stdlib.h>

enum { ITERATIONS = 300, HALVINGS = 40, POLISHES = 8 };
#define FIRST_MU 0.1
#define LEAST_MU 1e-12
#define SOLVED 1e-10      /* of the KKT conditions, relative */
#define LOOSE 1e-6        /* below it a step may go uphill by what rounding makes of its slope */
#define SUFFICIENT 1e-4
#define PUSH 1e-2         /* of slacks from their bounds at the start, relative */
#define FIRST_SHIFT 1e-4
#define LEAST_SHIFT 1e-8
#define BIND 1e10         /* vl (s - l) stays within mu / BIND .. mu BIND */

/* Rows and limits; these depend on theta alone. */
typedef struct program {
  const tw_lowering *l;
  int64_t n, m, k; /* variables, constraint rows, all rows */
  tw_expr lower, upper;                /* [k], with infinities */
  tw_expr low, high;                   /* the same with 0 for these */
  tw_expr has_low, has_high, is_equal; /* [k] bool: inequalities with a lower, an upper limit; equations */
  tw_expr x_lower, x_upper;            /* [n], with infinities */
  bool *bounded;                       /* variables that are rows */
} program;

/* The iterates. */
enum { X, S, LAMBDA, VL, VU, MU, SHIFT, LAST, CARRIES };

/* Functions at x. */
typedef struct point {
  tw_expr f, g, r, j;
} point;

static tw_expr number(const program *p, double value) { return tw_scalar(p->l->graph, value); }
static tw_expr either(tw_expr mask, tw_expr a) { return tw_where(mask, a, tw_zeros_like(a)); }

/* ------------------------------------------------------------------ rows */

static tw_expr limit(const program *p, const tw_expr *out, int i, const tw_part *part, double otherwise) {
  tw_expr e = i < 0 ? number(p, otherwise) : tw_cast(out[i], TW_F64);
  return tw_broadcast(e, part->shape);
}

/* Limits do not depend on x: bounds of variables, those that are rows last. */
static bool open_rows(program *p) {
  const tw_nested *nested = p->l->nested;
  const int v = nested->n_variables, c = nested->n_constraints;
  tw_expr *out = calloc((size_t)nested->statement->n_outputs + 1, sizeof *out), *e = calloc((size_t)(4 * (v + c)) + 4, sizeof *e);
  p->bounded = calloc((size_t)v + 1, sizeof *p->bounded);
  tw_expr *low = e, *high = e ? e + v + c + 1 : NULL, *x_low = e ? high + v + c + 1 : NULL, *x_high = e ? x_low + v + 1 : NULL;
  bool done = out && e && p->bounded;
  if (!done) tw_graph_fail(p->l->graph, TW_ERR_MEMORY, "out of memory writing a nested problem as C");
  p->n = nested->n, p->m = p->k = nested->m;
  done = done && tw_lower_statement(p->l, tw_fill(p->l->graph, TW_F64, TW_SHAPE(p->n), 0), out);
  int count = c;
  for (int i = 0; done && i < c; i++) {
    low[i] = limit(p, out, nested->c_lower[i], &nested->constraint[i], -INFINITY);
    high[i] = limit(p, out, nested->c_upper[i], &nested->constraint[i], INFINITY);
  }
  for (int i = 0; done && i < v; i++) {
    x_low[i] = limit(p, out, nested->lower[i], &nested->variable[i], -INFINITY);
    x_high[i] = limit(p, out, nested->upper[i], &nested->variable[i], INFINITY);
    p->bounded[i] = nested->lower[i] >= 0 || nested->upper[i] >= 0;
    if (!p->bounded[i]) continue;
    low[count] = x_low[i];
    high[count++] = x_high[i];
    p->k += nested->variable[i].size;
  }
  if (done) {
    p->lower = tw_flatten(p->l->graph, count, low), p->upper = tw_flatten(p->l->graph, count, high);
    p->x_lower = tw_flatten(p->l->graph, v, x_low), p->x_upper = tw_flatten(p->l->graph, v, x_high);
    p->is_equal = tw_ge(p->lower, p->upper);
    p->has_low = tw_and(tw_not(p->is_equal), tw_is_finite(p->lower));
    p->has_high = tw_and(tw_not(p->is_equal), tw_is_finite(p->upper));
    p->low = either(tw_or(p->has_low, p->is_equal), p->lower);
    p->high = either(p->has_high, p->upper);
  }
  free(out), free(e);
  return done && tw_graph_status(p->l->graph) == TW_OK;
}

/* r(x); *f: the objective. */
static tw_expr rows_at(const program *p, tw_expr x, tw_expr *f) {
  const tw_nested *nested = p->l->nested;
  const int v = nested->n_variables, c = nested->n_constraints;
  tw_expr *out = calloc((size_t)nested->statement->n_outputs + 1, sizeof *out), *r = calloc((size_t)(v + c) + 1, sizeof *r), all = TW_NONE;
  if (out && r && tw_lower_statement(p->l, x, out)) {
    int count = 0;
    for (int i = 0; i < c; i++) r[count++] = tw_cast(out[nested->c_expr[i]], TW_F64);
    for (int i = 0; i < v; i++)
      if (p->bounded[i]) r[count++] = tw_nested_variable(x, nested, i);
    *f = out[nested->objective];
    all = tw_flatten(p->l->graph, count, r);
  }
  free(out), free(r);
  return all;
}

static point point_at(const program *p, tw_expr x) {
  tw_expr at = tw_input(p->l->graph, "x", TW_F64, TW_SHAPE(p->n));
  point q = {.f = TW_NONE};
  q.r = rows_at(p, at, &q.f);
  q.g = tw_grad(q.f, at);
  q.j = tw_jacobian(q.r, at);
  tw_expr out[] = {q.f, q.g, q.r, q.j};
  tw_substitute(4, out, 1, &at, &x, out);
  return (point){out[0], out[1], out[2], out[3]};
}

static tw_expr hessian_at(const program *p, tw_expr x, tw_expr lambda) {
  tw_expr at = tw_input(p->l->graph, "x", TW_F64, TW_SHAPE(p->n)), f = TW_NONE, r = rows_at(p, at, &f);
  tw_expr h = tw_hessian(tw_add(f, tw_dot(lambda, r)), at);
  tw_substitute(1, &h, 1, &at, &x, &h);
  return h;
}

/* ------------------------------------------------------------------ steps */

/* Distances from the bounds, 1 where there is none. */
static tw_expr above(const program *p, tw_expr s) { return tw_where(p->has_low, tw_sub(s, p->low), tw_ones_like(s)); }
static tw_expr below(const program *p, tw_expr s) { return tw_where(p->has_high, tw_sub(p->high, s), tw_ones_like(s)); }

/* The KKT conditions of the barrier problem, relative to the size of gradients and rows. */
static tw_expr error_of(const program *p, const point *q, const tw_expr *at, tw_expr mu) {
  const tw_expr one = number(p, 1), gl = above(p, at[S]), gu = below(p, at[S]);
  tw_expr stationary = tw_add(q->g, tw_matmul(tw_matrix_transpose(q->j), at[LAMBDA]));
  tw_expr split = either(tw_not(p->is_equal), tw_sub(at[LAMBDA], tw_sub(at[VU], at[VL])));
  tw_expr unit = tw_maximum(one, tw_maximum(tw_lower_size(q->g), tw_lower_size(at[LAMBDA])));
  tw_expr dual = tw_div(tw_maximum(tw_lower_size(stationary), tw_lower_size(split)), unit);
  tw_expr primal = tw_div(tw_lower_size(tw_sub(q->r, at[S])), tw_maximum(one, tw_lower_size(q->r)));
  tw_expr low = either(p->has_low, tw_sub(tw_mul(at[VL], gl), mu)), high = either(p->has_high, tw_sub(tw_mul(at[VU], gu), mu));
  return tw_maximum(tw_maximum(dual, primal), tw_div(tw_maximum(tw_lower_size(low), tw_lower_size(high)), unit));
}

/* The largest step up to 1 that leaves `share` of every distance d > 0 that shrinks by -change. */
static tw_expr longest(const program *p, tw_expr mask, tw_expr d, tw_expr change) {
  tw_expr shrinks = tw_and(mask, tw_lt(change, tw_zeros_like(change))), one = tw_ones_like(d);
  tw_expr ratio = tw_where(shrinks, tw_div(d, tw_neg(tw_where(shrinks, change, tw_neg(one)))), tw_fill_like(d, INFINITY));
  return tw_minimum(number(p, 1), tw_scale(tw_reduce_min(ratio, TW_ALL, false), 0.995));
}

static tw_expr merit(const program *p, tw_expr x, tw_expr s, tw_expr mu, tw_expr nu) {
  tw_expr f = TW_NONE, r = rows_at(p, x, &f);
  tw_expr logs = tw_add(tw_sum(tw_log(above(p, s)), TW_ALL, false), tw_sum(tw_log(below(p, s)), TW_ALL, false));
  return tw_add(tw_sub(f, tw_mul(mu, logs)), tw_mul(nu, tw_sum(tw_abs(tw_sub(r, s)), TW_ALL, false)));
}

/* The share of (dx, ds) by which the merit falls; 0 where none does. */
static tw_expr search(const program *p, const tw_expr *at, tw_expr dx, tw_expr ds, tw_expr mu, tw_expr nu, tw_expr slope, tw_expr first) {
  tw_graph *g = p->l->graph;
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), a = tw_input(g, "a", TW_F64, TW_SCALAR), now = merit(p, at[X], at[S], mu, nu);
  tw_expr then = merit(p, tw_add(at[X], tw_mul(a, dx)), tw_add(at[S], tw_mul(a, ds)), mu, nu), next = tw_scale(a, 0.5);
  tw_expr enough = tw_add(now, tw_add(tw_scale(tw_mul(a, slope), SUFFICIENT), tw_scale(tw_abs(now), 1e-13)));
  const tw_scan_options options = {.until = tw_le(then, enough)};
  tw_expr scan = tw_scan(k, HALVINGS, 1, &a, &first, &next, 0, NULL, &options);
  return tw_mul(tw_scan_final(scan, 0), tw_scan_final(scan, 1));
}

/* vl or vu after its step, kept near mu / d. */
static tw_expr multiplier(tw_expr mask, tw_expr v, tw_expr dv, tw_expr a, tw_expr d, tw_expr mu) {
  tw_expr centre = tw_div(mu, d), low = tw_scale(centre, 1 / BIND), high = tw_scale(centre, BIND);
  return either(mask, tw_minimum(tw_maximum(tw_add(v, tw_mul(a, dv)), low), high));
}

static void iteration(const program *p, const tw_expr *at, tw_expr *next) {
  const point q = point_at(p, at[X]);
  const tw_expr zero = number(p, 0), gl = above(p, at[S]), gu = below(p, at[S]), one = tw_ones_like(gl);
  const tw_expr solved = tw_le(error_of(p, &q, at, zero), number(p, SOLVED)), inexact = error_of(p, &q, at, at[MU]);
  tw_expr less = tw_maximum(number(p, LEAST_MU), tw_minimum(tw_scale(at[MU], 0.2), tw_mul(at[MU], tw_sqrt(at[MU]))));
  const tw_expr mu = tw_where(tw_le(inexact, tw_scale(at[MU], 10)), less, at[MU]);
  /* the linear system */
  tw_expr sigma = tw_add(either(p->has_low, tw_div(at[VL], gl)), either(p->has_high, tw_div(at[VU], gu)));
  tw_expr rest = tw_where(p->is_equal, tw_zeros_like(gl), tw_div(one, tw_add(one, sigma)));
  tw_expr w = tw_where(p->is_equal, one, tw_mul(sigma, rest));
  tw_expr b = tw_sub(either(p->has_high, tw_div(mu, gu)), either(p->has_low, tw_div(mu, gl)));
  tw_expr h = hessian_at(p, at[X], at[LAMBDA]), size = tw_maximum(number(p, 1), tw_lower_size(h));
  h = tw_add(h, tw_mul(tw_mul(at[SHIFT], size), tw_eye(p->l->graph, TW_F64, p->n, p->n)));
  tw_expr top[2] = {h, tw_matrix_transpose(q.j)}, bottom[2] = {tw_mul(tw_expand(w, 1), q.j), tw_diag(tw_neg(rest))};
  tw_expr both[2] = {tw_concat(2, top, 1), tw_concat(2, bottom, 1)}, right[2] = {tw_neg(q.g), TW_NONE};
  right[1] = tw_sub(tw_mul(w, tw_sub(at[S], q.r)), tw_mul(rest, b));
  tw_expr d = tw_linear_solve_or_nan(tw_concat(2, both, 0), tw_concat(2, right, 0));
  /* the step */
  tw_expr dx = tw_slice(d, 0, 0, p->n, 1), lambda = tw_slice(d, 0, p->n, p->k, 1);
  tw_expr ds = either(tw_not(p->is_equal), tw_sub(tw_add(tw_matmul(q.j, dx), q.r), at[S]));
  tw_expr dvl = either(p->has_low, tw_sub(tw_div(tw_sub(mu, tw_mul(at[VL], ds)), gl), at[VL]));
  tw_expr dvu = either(p->has_high, tw_sub(tw_div(tw_add(mu, tw_mul(at[VU], ds)), gu), at[VU]));
  tw_expr primal = tw_minimum(longest(p, p->has_low, gl, ds), longest(p, p->has_high, gu, tw_neg(ds)));
  tw_expr dual = tw_minimum(longest(p, p->has_low, at[VL], dvl), longest(p, p->has_high, at[VU], dvu));
  tw_expr nu = tw_scale(tw_maximum(tw_lower_size(lambda), number(p, 1)), 2), violation = tw_sum(tw_abs(tw_sub(q.r, at[S])), TW_ALL, false);
  tw_expr slope = tw_sub(tw_add(tw_dot(q.g, dx), tw_dot(b, ds)), tw_mul(nu, violation));
  tw_expr fine = tw_or(tw_lt(slope, zero), tw_le(inexact, number(p, LOOSE)));
  tw_expr a = search(p, at, dx, ds, mu, nu, tw_minimum(slope, zero), primal), helped = tw_and(fine, tw_gt(a, zero));
  helped = tw_and(helped, tw_is_finite(tw_sum(d, TW_ALL, false)));
  tw_expr s = tw_add(at[S], tw_mul(a, ds));
  next[X] = tw_add(at[X], tw_mul(a, dx)), next[S] = s;
  next[LAMBDA] = tw_add(at[LAMBDA], tw_mul(a, tw_sub(lambda, at[LAMBDA])));
  next[VL] = multiplier(p->has_low, at[VL], dvl, dual, above(p, s), mu);
  next[VU] = multiplier(p->has_high, at[VU], dvu, dual, below(p, s), mu);
  for (int i = X; i <= VU; i++) next[i] = tw_where(tw_and(helped, tw_not(solved)), next[i], at[i]);
  tw_expr smaller = tw_scale(at[SHIFT], 0.1), larger = tw_maximum(tw_scale(at[SHIFT], 10), number(p, FIRST_SHIFT));
  next[MU] = mu;
  next[SHIFT] = tw_where(helped, tw_where(tw_lt(smaller, number(p, LEAST_SHIFT)), zero, smaller), larger);
  next[LAST] = tw_cast(solved, TW_F64);
}

/* Slacks start inside their bounds, by a share of the bounds' size or of the room between them. */
static void start_at(const program *p, tw_expr *init) {
  tw_expr x = tw_lower_start(p->l), f, one = tw_ones_like(p->low), both = tw_and(p->has_low, p->has_high);
  tw_expr room = tw_where(both, tw_scale(tw_sub(p->high, p->low), 0.25), tw_fill_like(one, INFINITY));
  tw_expr inside_low = tw_minimum(tw_scale(tw_maximum(one, tw_abs(p->low)), PUSH), room);
  tw_expr inside_high = tw_minimum(tw_scale(tw_maximum(one, tw_abs(p->high)), PUSH), room);
  tw_expr least = tw_where(p->has_low, tw_add(p->low, inside_low), tw_fill_like(one, -INFINITY));
  tw_expr most = tw_where(p->has_high, tw_sub(p->high, inside_high), tw_fill_like(one, INFINITY));
  /* variables first: functions may not be defined outside their bounds */
  int64_t at = p->m;
  const tw_nested *nested = p->l->nested;
  tw_expr *part = calloc((size_t)nested->n_variables + 1, sizeof *part);
  for (int i = 0; part && i < nested->n_variables; i++) {
    const int64_t size = nested->variable[i].size;
    part[i] = tw_ravel(tw_nested_variable(x, nested, i));
    if (!p->bounded[i]) continue;
    part[i] = tw_minimum(tw_maximum(part[i], tw_slice(least, 0, at, size, 1)), tw_slice(most, 0, at, size, 1));
    at += size;
  }
  if (part) x = tw_flatten(p->l->graph, nested->n_variables, part);
  else tw_graph_fail(p->l->graph, TW_ERR_MEMORY, "out of memory writing a nested problem as C");
  free(part);
  tw_expr s = tw_minimum(tw_maximum(rows_at(p, x, &f), least), most), mu = number(p, FIRST_MU);
  init[X] = x, init[S] = tw_where(p->is_equal, p->low, s), init[MU] = mu;
  init[VL] = either(p->has_low, tw_div(mu, above(p, s))), init[VU] = either(p->has_high, tw_div(mu, below(p, s)));
  init[LAMBDA] = tw_sub(init[VU], init[VL]), init[SHIFT] = init[LAST] = number(p, 0);
}

/* ------------------------------------------------------------------ the last digits */

static tw_expr clipped(tw_expr a, tw_expr low, tw_expr high) { return tw_minimum(tw_maximum(a, low), high); }

/* |x - P(x - grad L)| and |c - P(c + y)|, relative. */
static tw_expr measure(const program *p, tw_expr z) {
  tw_expr x = tw_slice(z, 0, 0, p->n, 1), y = tw_slice(z, 0, p->n, p->m, 1), one = number(p, 1);
  const point q = point_at(p, x);
  tw_expr c = tw_slice(q.r, 0, 0, p->m, 1), g = tw_add(q.g, tw_matmul(tw_matrix_transpose(tw_slice(q.j, 0, 0, p->m, 1)), y));
  tw_expr dual = tw_sub(x, clipped(tw_sub(x, g), p->x_lower, p->x_upper));
  tw_expr low = tw_slice(p->lower, 0, 0, p->m, 1), high = tw_slice(p->upper, 0, 0, p->m, 1);
  tw_expr primal = tw_sub(c, clipped(tw_add(c, y), low, high));
  tw_expr unit = tw_maximum(one, tw_maximum(tw_lower_size(q.g), tw_lower_size(y)));
  return tw_maximum(tw_div(tw_lower_size(dual), unit), tw_div(tw_lower_size(primal), tw_maximum(one, tw_lower_size(c))));
}

static tw_lowered polish(const program *p, tw_expr start) {
  tw_graph *g = p->l->graph;
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), z = tw_input(g, "z", TW_F64, TW_SHAPE(p->n + p->m));
  tw_expr far = tw_input(g, "far", TW_F64, TW_SCALAR), last = tw_input(g, "last", TW_F64, TW_SCALAR), zero = number(p, 0);
  tw_expr d = tw_linear_solve_or_nan(tw_lower_matrix(p->l, z), tw_lower_condition(p->l, z)), to = tw_sub(z, d), now = measure(p, to);
  tw_expr nearer = tw_lt(now, far), enough = tw_not(tw_lt(now, tw_scale(far, 0.5)));
  const tw_expr carry[] = {z, far, last}, init[] = {start, measure(p, start), zero};
  const tw_expr next[] = {tw_where(nearer, to, z), tw_where(nearer, now, far), tw_cast(enough, TW_F64)};
  const tw_scan_options options = {.until = tw_gt(last, zero)};
  tw_expr scan = tw_scan(k, POLISHES, 3, carry, init, next, 0, NULL, &options);
  return (tw_lowered){tw_scan_final(scan, 0), tw_scan_final(scan, 1)};
}

tw_lowered tw_lower_program(const tw_lowering *l) {
  program p = {.l = l};
  tw_lowered found = {TW_NONE, TW_NONE};
  tw_expr init[CARRIES], carry[CARRIES], next[CARRIES];
  if (open_rows(&p)) {
    start_at(&p, init);
    for (int i = 0; i < CARRIES; i++) carry[i] = tw_input(l->graph, "z", TW_F64, tw_shape_of(init[i]));
    iteration(&p, carry, next);
    const tw_scan_options options = {.until = tw_gt(carry[LAST], number(&p, 0))};
    tw_expr k = tw_input(l->graph, "k", TW_I64, TW_SCALAR), scan = tw_scan(k, ITERATIONS, CARRIES, carry, init, next, 0, NULL, &options);
    if (tw_graph_status(l->graph) == TW_OK) {
      tw_expr z[2] = {tw_scan_final(scan, X), tw_slice(tw_scan_final(scan, LAMBDA), 0, 0, p.m, 1)};
      found = polish(&p, tw_concat(2, z, 0));
    }
  }
  free(p.bounded);
  return found;
}
