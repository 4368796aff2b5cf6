/* The optimality condition of a nested problem, built once over params. */
#include "implicit/nested.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Everything here is an expression over the params: variables, theta, y. */
typedef struct builder {
  tw_nested *nested;
  const tw_class *cls;
  tw_graph *graph;
  tw_expr *param;       /* n_variables + n_theta + 1 */
  tw_expr *out;         /* the statement's outputs */
  tw_expr *gradient;    /* grad_x L per variable */
  tw_expr y, r, held;   /* r and held: see tw_nested.lagrangian */
  tw_expr lagrangian;
  tw_expr margin;
} builder;

static tw_expr variable(const builder *b, int i) { return b->param[i]; }
static tw_expr output(const builder *b, int i) { return i < 0 ? TW_NONE : b->out[i]; }
static tw_expr none_or(tw_expr a, tw_expr b) { return tw_is_none(a) ? b : a; }

static void lower_margin(builder *b, tw_expr candidates) {
  tw_expr least = tw_reduce_min(candidates, TW_ALL, false);
  b->margin = tw_is_none(b->margin) ? least : tw_minimum(b->margin, least);
}

/* ------------------------------------------------------------------ constraints: active rows and their bounds */

typedef struct rows {
  tw_expr residual; /* c - active bound, or y where inactive is a matter of the mask */
  tw_expr bound, mask;
} rows;

/* An upper bound is active where y > u - c, a lower one where -y > c - l; a row with equal bounds always. */
static rows constraint_rows(builder *b, int i) {
  const tw_nested *nested = b->nested;
  const tw_part *part = &nested->constraint[i];
  tw_expr c = tw_cast(b->out[nested->c_expr[i]], TW_F64);
  tw_expr y = tw_reshape(tw_slice(b->y, 0, part->offset, part->size, 1), part->shape);
  tw_expr lower = output(b, nested->c_lower[i]), upper = output(b, nested->c_upper[i]);
  rows r;
  if (!tw_is_none(lower) && nested->c_lower[i] == nested->c_upper[i]) {
    r.bound = tw_broadcast(tw_cast(lower, TW_F64), part->shape);
    r.mask = tw_fill(b->graph, TW_BOOL, part->shape, 1);
  } else {
    tw_expr inf = tw_fill_like(c, INFINITY);
    tw_expr u = tw_broadcast(tw_cast(none_or(upper, inf), TW_F64), part->shape);
    tw_expr l = tw_broadcast(tw_cast(none_or(lower, tw_neg(inf)), TW_F64), part->shape);
    tw_expr at_upper = tw_gt(y, tw_sub(u, c)), at_lower = tw_gt(tw_neg(y), tw_sub(c, l));
    r.bound = tw_is_none(upper) ? l : tw_is_none(lower) ? u : tw_where(at_upper, u, l);
    r.mask = tw_or(at_upper, at_lower);
    lower_margin(b, tw_maximum(tw_abs(y), tw_minimum(tw_sub(u, c), tw_sub(c, l))));
  }
  r.residual = tw_sub(c, r.bound);
  return r;
}

/* ------------------------------------------------------------------ variables: bounds, supports, sets */

typedef struct cols {
  tw_expr f, mask, fixed; /* in the variable's shape; mask NONE: all free */
  tw_expr projected;      /* x_fixed(theta) of Danskin's rule: NONE when nothing depends on theta through it */
} cols;

/* A variable is at a bound where the projected gradient step x - g would leave it. */
static cols bounded_variable(builder *b, int i, tw_expr lower, tw_expr upper) {
  tw_expr x = variable(b, i), g = b->gradient[i];
  tw_shape shape = tw_shape_of(x);
  tw_expr inf = tw_fill_like(x, INFINITY);
  tw_expr l = tw_broadcast(tw_cast(none_or(lower, tw_neg(inf)), TW_F64), shape);
  tw_expr u = tw_broadcast(tw_cast(none_or(upper, inf), TW_F64), shape);
  tw_expr step = tw_sub(x, g), at_lower = tw_lt(step, l), at_upper = tw_gt(step, u);
  cols c = {.f = g};
  c.mask = tw_not(tw_or(at_lower, at_upper));
  tw_expr zero = tw_zeros_like(x);
  c.fixed = tw_where(at_lower, tw_is_none(lower) ? zero : l, tw_where(at_upper, tw_is_none(upper) ? zero : u, zero));
  c.projected = c.fixed;
  lower_margin(b, tw_maximum(tw_abs(g), tw_minimum(tw_sub(x, l), tw_sub(u, x))));
  return c;
}

static const struct tw_reg_term *regularizer_of(const builder *b, int i) {
  for (int k = 0; k < b->cls->n_regularizers; k++)
    if (b->cls->regularizers[k].variable == i) return &b->cls->regularizers[k];
  return NULL;
}

static bool is_kind(const char *name, const char *const *names) {
  for (; *names; names++)
    if (strcmp(name, *names) == 0) return true;
  return false;
}

static const char *const separable[] = {"l1", "elastic_net", "group_l2", NULL};
static const char *const with_support[] = {"simplex", NULL};

/* Off the support the smooth gradient must stay inside the subdifferential: |g_smooth| < weight. Where x = 0, grad L
 * holds the smooth part alone (sign(0) = 0). */
static cols supported_variable(builder *b, int i, tw_expr weight, const char *kind) {
  tw_expr x = variable(b, i), g = b->gradient[i];
  cols c = {.f = g, .mask = tw_ne(x, tw_zeros_like(x)), .fixed = tw_zeros_like(x), .projected = TW_NONE};
  if (strcmp(kind, "group_l2") != 0 && !tw_is_none(weight))
    lower_margin(b, tw_where(c.mask, tw_abs(x), tw_sub(weight, tw_abs(g))));
  return c;
}

static cols projected_variable(builder *b, int i) {
  const tw_nested *nested = b->nested;
  tw_expr x = variable(b, i), param[TW_DOMAIN_PARAMS] = {TW_NONE, TW_NONE, TW_NONE};
  const tw_domain_kind *kind = nested->domain[i];
  for (int k = 0; k < kind->max_params; k++) param[k] = b->out[nested->domain_param[i] + k];
  tw_expr projection = kind->project(tw_sub(x, b->gradient[i]), param);
  cols c = {.f = tw_sub(x, projection), .mask = TW_NONE, .fixed = TW_NONE};
  /* Danskin: the projection of a point that is held, so that only the set moves. */
  const tw_part *part = &nested->variable[i];
  c.projected = kind->project(tw_reshape(tw_slice(b->held, 0, part->offset, part->size, 1), part->shape), param);
  if (is_kind(kind->name, with_support)) {
    c.mask = tw_gt(projection, tw_zeros_like(x));
    c.fixed = tw_zeros_like(x);
  }
  return c;
}

/* The weight of a regularizer over params: the class speaks of the problem's own expressions, so it is read off the
 * objective again: d objective / d (value of the regularizer). */
typedef struct weighted {
  tw_expr value, weight, x;
  tw_expr param[TW_REGULARIZER_PARAMS];
  const tw_regularizer_kind *kind;
} weighted;

static weighted find_weight(const builder *b, int variable_index) {
  weighted w = {.value = TW_NONE, .weight = TW_NONE};
  tw_expr stack[64];
  int depth = 0;
  if (b->nested->objective < 0) return w;
  stack[depth++] = b->out[b->nested->objective];
  while (depth > 0) {
    tw_expr e = stack[--depth];
    const tw_regularizer_kind *kind = tw_regularizer_of(e, &w.x, w.param);
    if (kind && tw_same(w.x, b->param[variable_index])) {
      w.kind = kind;
      w.value = e;
      tw_expr f = b->out[b->nested->objective], one = tw_ones_like(f);
      tw_vjp(1, &f, &one, 1, &e, &w.weight);
      return w;
    }
    for (int i = 0; !kind && i < tw_arity_of(e) && depth < 64; i++)
      if (tw_shape_of(tw_input_of(e, i)).rank == 0) stack[depth++] = tw_input_of(e, i);
  }
  return w;
}

/* x - prox(x - g_smooth) for a regularizer without a coordinate support. */
static cols proximal_variable(builder *b, int i, const weighted *w) {
  tw_expr x = variable(b, i), one = tw_scalar(b->graph, 1), g_reg = TW_NONE;
  tw_vjp(1, &w->value, &one, 1, &x, &g_reg);
  tw_expr g = tw_is_none(g_reg) ? b->gradient[i] : tw_sub(b->gradient[i], tw_mul(w->weight, g_reg));
  return (cols){.f = tw_sub(x, w->kind->prox(tw_sub(x, g), w->weight, w->param)),
                .mask = TW_NONE, .fixed = TW_NONE, .projected = TW_NONE};
}

static cols variable_columns(builder *b, int i) {
  tw_nested *nested = b->nested;
  const struct tw_reg_term *term = regularizer_of(b, i);
  tw_expr lower = output(b, nested->lower[i]), upper = output(b, nested->upper[i]);
  const tw_domain_kind *kind = nested->domain[i];
  if (kind && kind->bounds) {
    tw_expr param[TW_DOMAIN_PARAMS] = {TW_NONE, TW_NONE, TW_NONE};
    for (int k = 0; k < kind->max_params; k++) param[k] = b->out[nested->domain_param[i] + k];
    kind->bounds(b->graph, tw_shape_of(variable(b, i)), param, &lower, &upper);
    kind = NULL;
  }
  if (term && !term->kind->smooth) {
    weighted w = find_weight(b, i);
    if (is_kind(term->kind->name, separable)) return supported_variable(b, i, w.weight, term->kind->name);
    nested->symmetric = false;
    if (w.kind) return proximal_variable(b, i, &w);
  }
  if (kind) {
    nested->symmetric = false;
    return projected_variable(b, i);
  }
  if (!tw_is_none(lower) || !tw_is_none(upper)) return bounded_variable(b, i, lower, upper);
  return (cols){.f = b->gradient[i], .mask = TW_NONE, .fixed = TW_NONE, .projected = TW_NONE};
}

/* ------------------------------------------------------------------ putting the pieces together */

/* L = f + y'c and its gradient in every variable; the part of the objective a projected variable must not see is none. */
static void make_lagrangian(builder *b) {
  const tw_nested *nested = b->nested;
  tw_expr l = b->out[nested->objective];
  for (int i = 0; i < nested->n_constraints; i++) {
    const tw_part *part = &nested->constraint[i];
    tw_expr y = tw_reshape(tw_slice(b->y, 0, part->offset, part->size, 1), part->shape);
    l = tw_add(l, tw_sum(tw_mul(y, tw_cast(b->out[nested->c_expr[i]], TW_F64)), TW_ALL, false));
  }
  b->lagrangian = l;
  tw_expr one = tw_ones_like(l);
  tw_vjp(1, &l, &one, nested->n_variables, b->param, b->gradient);
  for (int i = 0; i < nested->n_variables; i++)
    if (tw_is_none(b->gradient[i])) b->gradient[i] = tw_zeros_like(b->param[i]);
}

static tw_expr mask_or_all(tw_expr mask, tw_expr like) {
  return tw_is_none(mask) ? tw_fill(like.graph, TW_BOOL, tw_shape_of(like), 1) : tw_broadcast(mask, tw_shape_of(like));
}

/* F, mask and fixed of a minimisation, flat; and the Lagrangian with its held multipliers r for Danskin's rule. */
static tw_status minimization(builder *b, tw_expr out[4], tw_expr *danskin) {
  tw_nested *nested = b->nested;
  int v = nested->n_variables, c = nested->n_constraints, n = v + c;
  tw_expr *f = calloc((size_t)n, sizeof *f), *mask = calloc((size_t)n, sizeof *mask), *fixed = calloc((size_t)n, sizeof *fixed);
  if (!f || !mask || !fixed) {
    free(f), free(mask), free(fixed);
    return TW_ERR_MEMORY;
  }
  make_lagrangian(b);
  *danskin = b->lagrangian;
  for (int i = 0; i < v && tw_graph_status(b->graph) == TW_OK; i++) {
    cols col = variable_columns(b, i);
    const tw_part *part = &nested->variable[i];
    f[i] = col.f;
    mask[i] = mask_or_all(col.mask, variable(b, i));
    fixed[i] = tw_is_none(col.fixed) ? tw_zeros_like(variable(b, i)) : col.fixed;
    nested->masked |= !tw_is_none(col.mask);
    if (tw_is_none(col.projected)) continue;
    tw_expr r = tw_reshape(tw_slice(b->r, 0, part->offset, part->size, 1), part->shape);
    *danskin = tw_add(*danskin, tw_sum(tw_mul(r, col.projected), TW_ALL, false));
  }
  for (int i = 0; i < c && tw_graph_status(b->graph) == TW_OK; i++) {
    rows row = constraint_rows(b, i);
    const tw_part *part = &nested->constraint[i];
    f[v + i] = row.residual;
    mask[v + i] = row.mask;
    fixed[v + i] = tw_zeros_like(row.residual);
    nested->masked |= nested->c_lower[i] != nested->c_upper[i];
    tw_expr y = tw_reshape(tw_slice(b->y, 0, part->offset, part->size, 1), part->shape);
    *danskin = tw_sub(*danskin, tw_sum(tw_where(row.mask, tw_mul(y, row.bound), tw_zeros_like(y)), TW_ALL, false));
  }
  if (tw_graph_status(b->graph) == TW_OK) {
    out[0] = tw_flatten(b->graph, n, f);
    out[1] = tw_flatten(b->graph, n, mask);
    out[2] = tw_flatten(b->graph, n, fixed);
  }
  free(f), free(mask), free(fixed);
  return TW_OK;
}

static void no_memory(builder *b) {
  tw_graph_fail(b->graph, TW_ERR_MEMORY, "out of memory building an optimality condition");
}

/* Root: the constraint rows; fixpoint: x - map. */
static void equations(builder *b, tw_expr out[4]) {
  const tw_nested *nested = b->nested;
  bool root = nested->goal == TW_GOAL_ROOT;
  int n = root ? nested->n_constraints : nested->n_variables;
  tw_expr *f = calloc((size_t)n + 1, sizeof *f);
  for (int i = 0; f && i < n; i++) {
    if (root) {
      tw_expr at = output(b, nested->c_lower[i]), c = b->out[nested->c_expr[i]];
      f[i] = tw_is_none(at) ? c : tw_broadcast(tw_sub(c, at), tw_shape_of(c));
    } else {
      f[i] = tw_sub(variable(b, i), tw_broadcast(b->out[nested->map[i]], tw_shape_of(variable(b, i))));
    }
  }
  if (f)
    out[0] = tw_flatten(b->graph, n, f);
  else
    no_memory(b);
  free(f);
  out[1] = tw_fill(b->graph, TW_BOOL, TW_SHAPE(nested->n), 1);
  out[2] = tw_fill(b->graph, TW_F64, TW_SHAPE(nested->n), 0);
}

/* (v, params..) -> (dF/dz) v */
static const tw_body *linearize(builder *b, tw_expr f) {
  const tw_nested *nested = b->nested;
  int v = nested->n_variables, n_params = v + nested->n_theta + 1;
  tw_expr *wrt = calloc((size_t)v + 1, sizeof *wrt), *tangent = calloc((size_t)v + 1, sizeof *tangent);
  tw_expr *from = calloc((size_t)n_params, sizeof *from), *to = calloc((size_t)n_params + 1, sizeof *to);
  const tw_body *body = NULL;
  if (wrt && tangent && from && to) {
    tw_expr direction = tw_input(b->graph, "v", TW_F64, TW_SHAPE(nested->n + nested->m)), lv = TW_NONE;
    for (int i = 0; i < v; i++) {
      wrt[i] = b->param[i];
      tangent[i] = tw_nested_variable(direction, nested, i);
    }
    wrt[v] = b->y;
    tangent[v] = tw_slice(direction, 0, nested->n, nested->m, 1);
    tw_jvp(1, &f, nested->m ? v + 1 : v, wrt, tangent, &lv);
    if (tw_is_none(lv)) lv = tw_zeros_like(direction);
    /* Params move up by one to make room for v. */
    for (int j = 0; j < n_params; j++) {
      from[j] = b->param[j];
      to[j + 1] = tw_param(b->graph, j + 1, tw_dtype_of(from[j]), tw_shape_of(from[j]));
    }
    to[0] = tw_param(b->graph, 0, TW_F64, tw_shape_of(direction));
    tw_expr shifted = TW_NONE;
    tw_substitute(1, &lv, n_params, from, to + 1, &shifted);
    tw_substitute(1, &shifted, 1, &direction, to, &shifted);
    body = tw_body_make(b->graph, n_params + 1, to, 1, &shifted);
  } else {
    no_memory(b);
  }
  free(wrt), free(tangent), free(from), free(to);
  return body;
}

static tw_status make_bodies(builder *b) {
  tw_nested *nested = b->nested;
  int n_params = nested->n_variables + nested->n_theta + 1;
  tw_expr out[4] = {TW_NONE, TW_NONE, TW_NONE, TW_NONE}, danskin = TW_NONE;
  b->r = tw_param(b->graph, n_params, TW_F64, TW_SHAPE(nested->n));
  b->held = tw_param(b->graph, n_params + 1, TW_F64, TW_SHAPE(nested->n));
  if (nested->goal == TW_GOAL_ROOT || nested->goal == TW_GOAL_FIXPOINT) {
    equations(b, out);
  } else {
    nested->symmetric = true;
    if (minimization(b, out, &danskin) != TW_OK) return TW_ERR_MEMORY;
  }
  out[3] = tw_is_none(b->margin) ? tw_scalar(b->graph, INFINITY) : b->margin;
  nested->condition = tw_body_make(b->graph, n_params, b->param, 4, out);
  if (tw_graph_status(b->graph) != TW_OK || !nested->condition) return tw_graph_status(b->graph);
  nested->linear = linearize(b, out[0]);
  if (!tw_is_none(danskin)) {
    tw_expr flat[2] = {tw_flatten(b->graph, nested->n_variables, b->gradient), TW_NONE};
    flat[1] = tw_sub(tw_flatten(b->graph, nested->n_variables, b->param), flat[0]);
    nested->held = tw_body_make(b->graph, n_params, b->param, 2, flat);
    tw_expr *all = calloc((size_t)n_params + 2, sizeof *all);
    if (!all) return TW_ERR_MEMORY;
    memcpy(all, b->param, (size_t)n_params * sizeof *all);
    all[n_params] = b->r;
    all[n_params + 1] = b->held;
    nested->lagrangian = tw_body_make(b->graph, n_params + 2, all, 1, &danskin);
    free(all);
  }
  return tw_graph_status(b->graph);
}

tw_status tw_nested_condition(tw_nested *nested, const tw_class *cls, tw_error *error) {
  tw_graph *graph = nested->graph;
  const tw_body *statement = nested->statement;
  int n = statement->n_params;
  builder b = {.nested = nested, .cls = cls, .graph = graph, .margin = TW_NONE};
  b.param = calloc((size_t)n + 1, sizeof *b.param);
  b.gradient = calloc((size_t)nested->n_variables + 1, sizeof *b.gradient);
  b.out = statement->outputs;
  tw_status status = TW_ERR_MEMORY;
  if (b.param && b.gradient) {
    memcpy(b.param, statement->params, (size_t)n * sizeof *b.param);
    b.y = b.param[n] = tw_param(graph, n, TW_F64, TW_SHAPE(nested->m));
    status = make_bodies(&b);
  }
  free(b.param);
  free(b.gradient);
  if (tw_graph_status(graph) != TW_OK) return tw_graph_check(graph, error);
  return status == TW_OK ? TW_OK : tw_fail(error, status, "out of memory building an optimality condition");
}
