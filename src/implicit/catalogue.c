/* The catalogue of optimality mappings (Blondel et al., 2022, table 1), as expressions for custom roots. */
#include <talweg/implicit.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct parts {
  const tw_condition_parts *p;
  tw_graph *graph;
  tw_expr x, eta;
  tw_condition_kind kind;
} parts;

static tw_expr refuse(const parts *c, const char *what) {
  return tw_graph_fail(c->graph, TW_ERR_ARGUMENT, "condition %s: %s", tw_condition_name(c->kind), what);
}

const char *tw_condition_name(tw_condition_kind kind) {
  static const char *const names[TW_CONDITIONS] = {"stationary",     "kkt",    "proximal_gradient", "projected_gradient", "mirror_descent",
                                                   "newton",         "block_proximal", "conic",     "least_squares",      "box_qp"};
  return (unsigned)kind < TW_CONDITIONS ? names[kind] : "unknown";
}

/* A tangent or cotangent of a function, zeros in `shape` where there is none. */
static tw_expr pull(tw_expr f, tw_expr cotangent, tw_expr x) {
  tw_expr g = TW_NONE;
  tw_vjp(1, &f, &cotangent, 1, &x, &g);
  return tw_is_none(g) ? tw_zeros_like(x) : g;
}

static tw_expr gradient(const parts *c) { return pull(c->p->f, tw_ones_like(c->p->f), c->x); }

/* x - eta grad f */
static tw_expr descended(const parts *c) { return tw_sub(c->x, tw_mul(c->eta, gradient(c))); }

/* ------------------------------------------------------------------ one by one */

/* z = [x; nu; lambda], F = [grad f + (dH)'nu + (dG)'lambda; H; lambda G] */
static tw_expr kkt(const parts *c, tw_expr *z) {
  const tw_expr h = c->p->equality, g = c->p->inequality;
  const int64_t n = tw_size_of(c->x), n_h = tw_is_none(h) ? 0 : tw_size_of(h), n_g = tw_is_none(g) ? 0 : tw_size_of(g);
  *z = tw_input(c->graph, "z", TW_F64, TW_SHAPE(n + n_h + n_g));
  tw_expr f[3] = {tw_ravel(gradient(c)), TW_NONE, TW_NONE}, x = tw_reshape(tw_slice(*z, 0, 0, n, 1), tw_shape_of(c->x)), all;
  int count = 1;
  if (n_h) {
    tw_expr nu = tw_reshape(tw_slice(*z, 0, n, n_h, 1), tw_shape_of(h));
    f[0] = tw_add(f[0], tw_ravel(pull(h, nu, c->x)));
    f[count++] = tw_ravel(h);
  }
  if (n_g) {
    tw_expr lambda = tw_reshape(tw_slice(*z, 0, n + n_h, n_g, 1), tw_shape_of(g));
    f[0] = tw_add(f[0], tw_ravel(pull(g, lambda, c->x)));
    f[count++] = tw_ravel(tw_mul(lambda, g));
  }
  all = count == 1 ? f[0] : tw_concat(count, f, 0);
  if (tw_graph_status(c->graph) != TW_OK) return TW_NONE;
  tw_substitute(1, &all, 1, &c->x, &x, &all);
  return all;
}

/* Parameters that are not given have their defaults. */
static tw_expr prox(const parts *c, tw_expr x, tw_expr eta) {
  int n = 0;
  while (n < TW_REGULARIZER_PARAMS && !tw_is_none(c->p->param[n])) n++;
  return tw_prox(c->p->regularizer, x, eta, n, c->p->param, (tw_domain){0});
}

static tw_expr proximal(const parts *c) {
  if (!c->p->regularizer || tw_is_none(c->p->weight)) return refuse(c, "expected a regularizer and its weight");
  return tw_sub(c->x, prox(c, descended(c), tw_mul(c->eta, c->p->weight)));
}

static tw_expr projected(const parts *c) {
  if (!c->p->domain.kind) return refuse(c, "expected a domain");
  return tw_sub(c->x, tw_project(c->p->domain, descended(c)));
}

static tw_expr mirrored(const parts *c) {
  const tw_domain *set = &c->p->domain;
  if (!set->kind || !set->kind->mirror_step) return refuse(c, "expected a domain with a natural divergence");
  return tw_sub(c->x, set->kind->mirror_step(c->x, gradient(c), c->eta, set->param));
}

/* eta v with (dG) v = G */
static tw_expr newton(const parts *c) {
  const tw_expr g = c->p->residual;
  if (tw_is_none(g) || tw_size_of(g) != tw_size_of(c->x)) return refuse(c, "expected as many equations as unknowns");
  const int64_t n = tw_size_of(g);
  tw_expr v = tw_input(c->graph, "v", TW_F64, TW_SHAPE(n)), dx = tw_reshape(v, tw_shape_of(c->x)), dg = TW_NONE, *captured;
  int count;
  if (tw_jvp(1, &g, 1, &c->x, &dx, &dg) != TW_OK) return TW_NONE;
  dg = tw_is_none(dg) ? tw_zeros_like(v) : tw_ravel(dg);
  const tw_body *body = tw_body_close(c->graph, 1, &v, 1, &dg, &count, &captured);
  if (!body) return TW_NONE;
  tw_expr step = tw_implicit_solve(c->graph, body, count, captured, tw_ravel(g), TW_NONE, false);
  return tw_mul(c->eta, tw_reshape(step, tw_shape_of(c->x)));
}

/* eta and weight for every row of x */
static tw_expr per_row(tw_expr e, int64_t rows) {
  return tw_broadcast(tw_shape_of(e).rank == 0 ? e : tw_reshape(e, TW_SHAPE(rows)), TW_SHAPE(rows));
}

static tw_expr block_proximal(const parts *c) {
  const tw_regularizer_kind *kind = c->p->regularizer;
  const tw_shape shape = tw_shape_of(c->x);
  if (shape.rank < 1 || (!kind && !c->p->domain.kind)) return refuse(c, "expected an array of blocks, and a regularizer or domain");
  const int64_t rows = shape.dim[0];
  tw_shape inner = {.rank = shape.rank - 1}, column = {.rank = shape.rank};
  for (int i = 0; i < shape.rank; i++) column.dim[i] = i == 0 ? rows : 1;
  for (int i = 1; i < shape.rank; i++) inner.dim[i - 1] = shape.dim[i];
  tw_expr eta = per_row(c->eta, rows), u = tw_sub(c->x, tw_mul(tw_reshape(eta, column), gradient(c)));
  tw_expr from[2] = {tw_input(c->graph, "row", TW_F64, inner), tw_input(c->graph, "eta", TW_F64, TW_SCALAR)}, to[2] = {u, eta}, t;
  if (kind) {
    if (tw_is_none(c->p->weight)) return refuse(c, "expected the weight of its regularizer");
    to[1] = tw_mul(eta, per_row(c->p->weight, rows));
    t = prox(c, from[0], from[1]);
  } else {
    t = tw_project(c->p->domain, from[0]);
  }
  if (tw_graph_status(c->graph) != TW_OK || tw_batch(1, &t, 2, from, to, rows, &t) != TW_OK) return TW_NONE;
  return tw_sub(c->x, t);
}

static tw_expr least_squares(const parts *c) {
  if (tw_is_none(c->p->residual)) return refuse(c, "expected residuals");
  return pull(c->p->residual, c->p->residual, c->x);
}

static tw_expr box_qp(const parts *c) {
  const tw_condition_parts *p = c->p;
  if (tw_is_none(p->q) || tw_is_none(p->c)) return refuse(c, "expected Q and c");
  tw_expr u = tw_sub(c->x, tw_add(tw_matmul(p->q, c->x), p->c));
  if (!tw_is_none(p->lower)) u = tw_maximum(u, p->lower);
  if (!tw_is_none(p->upper)) u = tw_minimum(u, p->upper);
  return tw_sub(c->x, u);
}

/* ------------------------------------------------------------------ cones as expressions */

/* The projection of v = (t, u) on {|u| <= t}: v, 0, or (t + |u|)/2 (1, u/|u|) */
static tw_expr second_order(tw_expr v) {
  const int64_t k = tw_size_of(v);
  tw_graph *g = v.graph;
  if (k == 1) return tw_relu(v);
  tw_expr t = tw_reshape(tw_slice(v, 0, 0, 1, 1), TW_SCALAR), u = tw_slice(v, 0, 1, k - 1, 1), size = tw_norm(u, TW_ALL, false);
  tw_expr zero = tw_scalar(g, 0), inside = tw_le(size, t), polar = tw_le(size, tw_neg(t)), between = tw_gt(size, zero);
  tw_expr safe = tw_where(between, size, tw_scalar(g, 1)), half = tw_scale(tw_add(t, size), 0.5);
  tw_expr whole[2] = {tw_reshape(half, TW_SHAPE(1)), tw_mul(tw_div(half, safe), u)};
  return tw_where(inside, v, tw_where(polar, tw_zeros_like(v), tw_concat(2, whole, 0)));
}

/* Positions of the order^2 entries of a symmetric matrix among those below and on the diagonal, and back. */
static tw_expr positions(tw_graph *g, int64_t order, bool back) {
  const int64_t rows = order * (order + 1) / 2, count = back ? rows : order * order;
  tw_array a;
  if (tw_array_new(&a, TW_I64, TW_SHAPE(count), NULL) != TW_OK) return tw_graph_fail(g, TW_ERR_MEMORY, "out of memory for a psd cone");
  int64_t *at = a.data, p = 0;
  for (int64_t j = 0; j < order; j++)
    for (int64_t i = j; i < order; i++, p++) {
      if (back) at[p] = i * order + j;
      else at[i * order + j] = at[j * order + i] = p;
    }
  tw_expr e = tw_constant(g, &a);
  tw_array_free(&a);
  return e;
}

/* In the packed form of tw_cone: entries off the diagonal times sqrt 2. */
static tw_expr psd(tw_expr v, int64_t order) {
  tw_graph *g = v.graph;
  const tw_domain_kind *kind = tw_domain_find("psd");
  tw_expr full = positions(g, order, false), lower = positions(g, order, true);
  tw_expr diagonal = tw_eye(g, TW_F64, order, order), root = tw_scalar(g, sqrt(0.5));
  tw_expr scale = tw_add(diagonal, tw_mul(tw_sub(tw_scalar(g, 1), diagonal), root));
  tw_expr matrix = tw_mul(tw_reshape(tw_take(v, 1, &full), TW_SHAPE(order, order)), scale);
  tw_domain set = tw_domain_make(g, kind, TW_SHAPE(order, order), 0, NULL);
  if (tw_graph_status(g) != TW_OK) return TW_NONE;
  tw_expr flat = tw_ravel(tw_div(tw_project(set, matrix), scale));
  return tw_take(flat, 1, &lower);
}

/* On the dual of the cone: all of space for zero, the cone itself for the others. */
static tw_expr project_dual(const parts *c, const tw_cone *cone, tw_expr v) {
  switch (cone->kind) {
  case TW_CONE_ZERO: return v;
  case TW_CONE_NONNEG: return tw_relu(v);
  case TW_CONE_SECOND_ORDER: return second_order(v);
  case TW_CONE_PSD: return psd(v, tw_cone_order(cone));
  default: return refuse(c, "expected zero, nonneg, second-order and psd cones");
  }
}

static tw_expr conic(const parts *c, tw_expr *z) {
  const tw_condition_parts *p = c->p;
  if (tw_is_none(p->e) || tw_is_none(p->c) || tw_is_none(p->d) || p->n_cones < 1) return refuse(c, "expected E, c, d and cones");
  const int64_t n = tw_size_of(c->x), m = tw_size_of(p->d);
  int64_t at = 0;
  tw_expr *y = calloc((size_t)p->n_cones, sizeof *y);
  if (!y) return tw_graph_fail(c->graph, TW_ERR_MEMORY, "out of memory for a conic condition");
  *z = tw_input(c->graph, "z", TW_F64, TW_SHAPE(n + m));
  tw_expr x = tw_slice(*z, 0, 0, n, 1), v = tw_slice(*z, 0, n, m, 1);
  for (int i = 0; i < p->n_cones && tw_graph_status(c->graph) == TW_OK; at += p->cone[i++].rows) {
    const int64_t rows = p->cone[i].rows;
    const bool psd_order = p->cone[i].kind != TW_CONE_PSD || tw_cone_order(&p->cone[i]) > 0;
    if (rows < 1 || at + rows > m || !psd_order) y[i] = refuse(c, "the cones' rows are not those of E");
    else y[i] = project_dual(c, &p->cone[i], tw_slice(v, 0, at, rows, 1));
  }
  if (at != m && tw_graph_status(c->graph) == TW_OK) refuse(c, "the cones' rows are not those of E");
  tw_expr f = TW_NONE;
  if (tw_graph_status(c->graph) == TW_OK) {
    tw_expr dual = p->n_cones == 1 ? y[0] : tw_concat(p->n_cones, y, 0);
    tw_expr both[2] = {tw_add(tw_matmul(tw_matrix_transpose(p->e), dual), p->c),
                       tw_add(tw_sub(tw_sub(p->d, tw_matmul(p->e, x)), dual), v)};
    f = tw_concat(2, both, 0);
  }
  free(y);
  return f;
}

/* ------------------------------------------------------------------ all of them */

static bool needs_f(tw_condition_kind kind) {
  return kind != TW_CONDITION_NEWTON && kind != TW_CONDITION_CONIC && kind != TW_CONDITION_LEAST_SQUARES && kind != TW_CONDITION_BOX_QP;
}

tw_expr tw_condition_of(tw_condition_kind kind, const tw_condition_parts *p, tw_expr *z) {
  if (!p || !z) return TW_NONE;
  *z = TW_NONE;
  if (tw_is_none(p->x)) return TW_NONE;
  parts c = {.p = p, .graph = p->x.graph, .x = p->x, .kind = kind, .eta = tw_is_none(p->eta) ? tw_scalar(p->x.graph, 1) : p->eta};
  if (tw_graph_status(c.graph) != TW_OK) return TW_NONE;
  if (!tw_is_input(p->x) || tw_dtype_of(p->x) != TW_F64) return refuse(&c, "the unknown must be an f64 input");
  if (needs_f(kind) && (tw_is_none(p->f) || tw_shape_of(p->f).rank != 0)) return refuse(&c, "expected a scalar objective f");
  *z = p->x;
  switch (kind) {
  case TW_CONDITION_STATIONARY: return gradient(&c);
  case TW_CONDITION_KKT: return kkt(&c, z);
  case TW_CONDITION_PROXIMAL_GRADIENT: return proximal(&c);
  case TW_CONDITION_PROJECTED_GRADIENT: return projected(&c);
  case TW_CONDITION_MIRROR_DESCENT: return mirrored(&c);
  case TW_CONDITION_NEWTON: return newton(&c);
  case TW_CONDITION_BLOCK_PROXIMAL: return block_proximal(&c);
  case TW_CONDITION_CONIC: return conic(&c, z);
  case TW_CONDITION_LEAST_SQUARES: return least_squares(&c);
  case TW_CONDITION_BOX_QP: return box_qp(&c);
  default: return refuse(&c, "no such kind");
  }
}
