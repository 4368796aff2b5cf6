/* The optimality condition of a nested problem, built once over params.
 *
 * Entries that are held leave the condition by a double choice: with x~ = where(free, x, fixed)
 *   F = where(free, f(x~), x - fixed)
 * so that f depends on free entries alone, and no derivative of any order sees how f bends in the others. */
#include "implicit/condition.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ active rows and their bounds */

typedef struct rows {
  tw_piece piece; /* f = c - its active bound */
  tw_expr bound;
} rows;

/* An upper bound is active where y > u - c, a lower one where -y > c - l; a row with equal bounds always. */
static rows constraint_rows(tw_condition *c, int i) {
  const tw_nested *nested = c->nested;
  const tw_part *part = &nested->constraint[i];
  tw_expr value = tw_cast(c->out[nested->c_expr[i]], TW_F64), y = tw_part_of(c->y, part);
  tw_expr lower = tw_condition_output(c, nested->c_lower[i]),
          upper = tw_condition_output(c, nested->c_upper[i]);
  rows r = {.piece = {.mask = TW_NONE, .fixed = TW_NONE, .moved = TW_NONE}};
  if (!tw_is_none(lower) && nested->c_lower[i] == nested->c_upper[i]) {
    r.bound = tw_broadcast(tw_cast(lower, TW_F64), part->shape);
  } else {
    tw_expr inf = tw_fill_like(value, INFINITY);
    tw_expr u = tw_broadcast(tw_cast(tw_is_none(upper) ? inf : upper, TW_F64), part->shape);
    tw_expr l = tw_broadcast(tw_cast(tw_is_none(lower) ? tw_neg(inf) : lower, TW_F64), part->shape);
    tw_expr at_upper = tw_gt(y, tw_sub(u, value)), at_lower = tw_gt(tw_neg(y), tw_sub(value, l));
    r.bound = tw_is_none(upper) ? l : tw_is_none(lower) ? u : tw_where(at_upper, u, l);
    r.piece.mask = tw_or(at_upper, at_lower);
    tw_condition_margin(c, tw_maximum(tw_abs(y), tw_minimum(tw_sub(u, value), tw_sub(value, l))));
  }
  r.piece.f = tw_sub(value, r.bound);
  return r;
}

/* ------------------------------------------------------------------ putting the pieces together */

void tw_condition_lagrangian(tw_condition *c) {
  const tw_nested *nested = c->nested;
  tw_expr l = c->out[nested->objective];
  for (int i = 0; i < nested->n_constraints; i++) {
    tw_expr y = tw_part_of(c->y, &nested->constraint[i]);
    l = tw_add(l, tw_sum(tw_mul(y, tw_cast(c->out[nested->c_expr[i]], TW_F64)), TW_ALL, false));
  }
  c->lagrangian = l;
  tw_expr one = tw_ones_like(l);
  tw_vjp(1, &l, &one, nested->n_variables, c->param, c->gradient);
  for (int i = 0; i < nested->n_variables; i++)
    if (tw_is_none(c->gradient[i])) c->gradient[i] = tw_zeros_like(c->param[i]);
}

/* What a minimisation is made of: a piece for every variable and then every block of constraints. */
typedef struct pieces {
  int n;
  tw_piece *piece;
  tw_expr *from, *to; /* n: what f and the Lagrangian depend on, and what stands for it */
  tw_expr *f, *mask;  /* n + 1 + n_variables: more than the pieces are rewritten */
} pieces;

static bool open_pieces(pieces *p, const tw_nested *nested) {
  p->n = nested->n_variables + nested->n_constraints;
  size_t most = (size_t)(p->n + nested->n_variables) + 2;
  p->piece = calloc(most, sizeof *p->piece);
  p->from = calloc(most, sizeof *p->from);
  p->to = calloc(most, sizeof *p->to);
  p->f = calloc(most, sizeof *p->f);
  p->mask = calloc(most, sizeof *p->mask);
  return p->piece && p->from && p->to && p->f && p->mask;
}

static void close_pieces(pieces *p) {
  free(p->piece), free(p->from), free(p->to), free(p->f), free(p->mask);
}

static tw_expr unknown(const tw_condition *c, int i) {
  int v = c->nested->n_variables;
  return i < v ? c->param[i] : tw_part_of(c->y, &c->nested->constraint[i - v]);
}

/* Completes a piece with a mask: fixed in full, the mask in the shape of what it masks. */
static void complete(const tw_condition *c, int i, tw_piece *piece) {
  tw_expr x = unknown(c, i);
  if (tw_is_none(piece->mask) || tw_is_none(x)) return;
  piece->mask = tw_broadcast(piece->mask, tw_shape_of(x));
  if (tw_is_none(piece->fixed)) piece->fixed = tw_zeros_like(x);
}

static tw_expr choose(const tw_piece *piece, tw_expr free, tw_expr held) {
  return tw_is_none(piece->mask) ? free : tw_where(piece->mask, free, held);
}

/* f, the Lagrangian and the gradient as functions of the free entries alone. */
static void hold(tw_condition *c, pieces *p) {
  int v = c->nested->n_variables, m = 0;
  for (int i = 0; i < v; i++) {
    p->from[m] = c->param[i];
    p->to[m++] = choose(&p->piece[i], c->param[i], p->piece[i].fixed);
  }
  for (int i = v; i < p->n; i++) p->f[i - v] = choose(&p->piece[i], unknown(c, i), p->piece[i].fixed);
  if (p->n > v) {
    p->from[m] = c->y;
    p->to[m++] = tw_flatten(c->graph, p->n - v, p->f);
  }
  for (int i = 0; i < p->n; i++) p->f[i] = p->piece[i].f;
  p->f[p->n] = c->lagrangian;
  for (int i = 0; i < v; i++) p->f[p->n + 1 + i] = c->gradient[i];
  tw_substitute(p->n + 1 + v, p->f, m, p->from, p->to, p->f);
  c->lagrangian = p->f[p->n];
  for (int i = 0; i < v; i++) c->gradient[i] = p->f[p->n + 1 + i];
}

/* Builds the pieces. *danskin gathers what its rule has beside the Lagrangian. */
static void collect(tw_condition *c, pieces *p, tw_expr *danskin) {
  tw_nested *nested = c->nested;
  int v = nested->n_variables;
  *danskin = tw_scalar(c->graph, 0);
  for (int i = 0; i < p->n && tw_graph_status(c->graph) == TW_OK; i++) {
    tw_piece *piece = &p->piece[i];
    if (i < v) {
      *piece = tw_condition_variable(c, i);
      complete(c, i, piece);
      if (!tw_is_none(piece->moved))
        *danskin = tw_add(
            *danskin, tw_sum(tw_mul(tw_part_of(c->r, &nested->variable[i]), piece->moved), TW_ALL, false));
    } else {
      rows r = constraint_rows(c, i - v);
      *piece = r.piece;
      complete(c, i, piece);
      tw_expr y = unknown(c, i), held = choose(piece, tw_mul(y, r.bound), tw_zeros_like(y));
      *danskin = tw_sub(*danskin, tw_sum(held, TW_ALL, false));
    }
    nested->masked |= !tw_is_none(piece->mask);
  }
}

/* F and mask of a minimisation, flat; and what Danskin's rule differentiates. */
static tw_status minimization(tw_condition *c, tw_expr out[2], tw_expr *danskin) {
  pieces p;
  tw_status status = open_pieces(&p, c->nested) ? TW_OK : TW_ERR_MEMORY;
  if (status == TW_OK) {
    tw_condition_lagrangian(c);
    collect(c, &p, danskin);
  }
  if (status == TW_OK && tw_graph_status(c->graph) == TW_OK) {
    hold(c, &p);
    *danskin = tw_add(c->lagrangian, *danskin);
    for (int i = 0; i < p.n; i++) {
      const tw_piece *piece = &p.piece[i];
      bool masked = !tw_is_none(piece->mask);
      p.f[i] = choose(piece, p.f[i], masked ? tw_sub(unknown(c, i), piece->fixed) : TW_NONE);
      p.mask[i] = masked ? piece->mask : tw_fill(c->graph, TW_BOOL, tw_shape_of(unknown(c, i)), 1);
    }
    out[0] = tw_flatten(c->graph, p.n, p.f);
    out[1] = tw_flatten(c->graph, p.n, p.mask);
  }
  close_pieces(&p);
  return status;
}

/* Root: the constraint rows; fixpoint: x - map. */
static void equations(tw_condition *c, tw_expr out[2]) {
  const tw_nested *nested = c->nested;
  bool root = nested->goal == TW_GOAL_ROOT;
  int n = root ? nested->n_constraints : nested->n_variables;
  tw_expr *f = calloc((size_t)n + 1, sizeof *f);
  for (int i = 0; f && i < n; i++) {
    if (root) {
      tw_expr at = tw_condition_output(c, nested->c_lower[i]), row = c->out[nested->c_expr[i]];
      f[i] = tw_is_none(at) ? row : tw_broadcast(tw_sub(row, at), tw_shape_of(row));
    } else {
      f[i] = tw_sub(c->param[i], tw_broadcast(c->out[nested->map[i]], tw_shape_of(c->param[i])));
    }
  }
  if (f)
    out[0] = tw_flatten(c->graph, n, f);
  else
    tw_graph_fail(c->graph, TW_ERR_MEMORY, "out of memory building an optimality condition");
  free(f);
  out[1] = tw_fill(c->graph, TW_BOOL, TW_SHAPE(nested->n), 1);
}

/* (v, params..) -> (dF/dz) v */
static const tw_body *linearize(tw_condition *c, tw_expr f) {
  const tw_nested *nested = c->nested;
  int v = nested->n_variables, n_params = v + nested->n_theta + 1;
  tw_expr *wrt = calloc((size_t)v + 1, sizeof *wrt), *tangent = calloc((size_t)v + 1, sizeof *tangent);
  tw_expr *from = calloc((size_t)n_params, sizeof *from), *to = calloc((size_t)n_params + 1, sizeof *to);
  const tw_body *body = NULL;
  if (wrt && tangent && from && to) {
    tw_expr direction = tw_input(c->graph, "v", TW_F64, TW_SHAPE(nested->n + nested->m)), lv = TW_NONE;
    for (int i = 0; i < v; i++) {
      wrt[i] = c->param[i];
      tangent[i] = tw_nested_variable(direction, nested, i);
    }
    wrt[v] = c->y;
    tangent[v] = tw_slice(direction, 0, nested->n, nested->m, 1);
    tw_jvp(1, &f, nested->m ? v + 1 : v, wrt, tangent, &lv);
    if (tw_is_none(lv)) lv = tw_zeros_like(direction);
    /* Params move up by one to make room for v. */
    for (int j = 0; j < n_params; j++) {
      from[j] = c->param[j];
      to[j + 1] = tw_param(c->graph, j + 1, tw_dtype_of(from[j]), tw_shape_of(from[j]));
    }
    to[0] = tw_param(c->graph, 0, TW_F64, tw_shape_of(direction));
    tw_expr shifted = TW_NONE;
    tw_substitute(1, &lv, n_params, from, to + 1, &shifted);
    tw_substitute(1, &shifted, 1, &direction, to, &shifted);
    body = tw_body_make(c->graph, n_params + 1, to, 1, &shifted);
  } else {
    tw_graph_fail(c->graph, TW_ERR_MEMORY, "out of memory building an optimality condition");
  }
  free(wrt), free(tangent), free(from), free(to);
  return body;
}

/* The Lagrangian of Danskin's rule and what it holds. */
static tw_status make_danskin(tw_condition *c, int n_params, tw_expr danskin) {
  tw_nested *nested = c->nested;
  tw_expr flat[2] = {tw_flatten(c->graph, nested->n_variables, c->gradient), TW_NONE};
  for (int i = 0; i < nested->n_variables; i++)
    if (!tw_is_none(c->step[i])) c->gradient[i] = tw_mul(c->step[i], c->gradient[i]);
  flat[1] = tw_sub(tw_flatten(c->graph, nested->n_variables, c->param), tw_flatten(c->graph, nested->n_variables, c->gradient));
  nested->held = tw_body_make(c->graph, n_params, c->param, 2, flat);
  tw_expr *all = calloc((size_t)n_params + 2, sizeof *all);
  if (!all) return TW_ERR_MEMORY;
  memcpy(all, c->param, (size_t)n_params * sizeof *all);
  all[n_params] = c->r;
  all[n_params + 1] = c->held;
  nested->lagrangian = tw_body_make(c->graph, n_params + 2, all, 1, &danskin);
  free(all);
  return tw_graph_status(c->graph);
}

static tw_status make_bodies(tw_condition *c) {
  tw_nested *nested = c->nested;
  int n_params = nested->n_variables + nested->n_theta + 1;
  tw_expr out[3] = {TW_NONE, TW_NONE, TW_NONE}, danskin = TW_NONE;
  c->r = tw_param(c->graph, n_params, TW_F64, TW_SHAPE(nested->n));
  c->held = tw_param(c->graph, n_params + 1, TW_F64, TW_SHAPE(nested->n));
  if (nested->goal == TW_GOAL_ROOT || nested->goal == TW_GOAL_FIXPOINT) {
    equations(c, out);
  } else {
    nested->symmetric = nested->program = true;
    if (minimization(c, out, &danskin) != TW_OK) return TW_ERR_MEMORY;
  }
  out[2] = tw_is_none(c->margin) ? tw_scalar(c->graph, INFINITY) : c->margin;
  nested->condition = tw_body_make(c->graph, n_params, c->param, 3, out);
  if (tw_graph_status(c->graph) != TW_OK || !nested->condition) return tw_graph_status(c->graph);
  nested->linear = linearize(c, out[0]);
  return tw_is_none(danskin) ? tw_graph_status(c->graph) : make_danskin(c, n_params, danskin);
}

tw_status tw_nested_condition(tw_nested *nested, const tw_class *cls, tw_error *error) {
  tw_graph *graph = nested->graph;
  const tw_body *statement = nested->statement;
  int n = statement->n_params;
  tw_condition c = {.nested = nested, .cls = cls, .graph = graph, .margin = TW_NONE};
  c.param = calloc((size_t)n + 1, sizeof *c.param);
  c.gradient = calloc((size_t)nested->n_variables + 1, sizeof *c.gradient);
  c.step = calloc((size_t)nested->n_variables + 1, sizeof *c.step);
  c.out = statement->outputs;
  tw_status status = TW_ERR_MEMORY, mapped = TW_OK;
  if (c.param && c.gradient && c.step) {
    memcpy(c.param, statement->params, (size_t)n * sizeof *c.param);
    c.y = c.param[n] = tw_param(graph, n, TW_F64, TW_SHAPE(nested->m));
    status = make_bodies(&c);
    if (status == TW_OK && nested->choice.mode != TW_MODE_IMPLICIT) mapped = tw_condition_map(&c, error);
  }
  free(c.param);
  free(c.gradient);
  free(c.step);
  if (tw_graph_status(graph) != TW_OK) return tw_graph_check(graph, error);
  if (mapped != TW_OK) return mapped;
  return status == TW_OK ? TW_OK : tw_fail(error, status, "out of memory building an optimality condition");
}
