/* The transport polytope {P >= 0, P 1 = a, P'1 = b}: the nearest point, and the mirror step in the Kullback-Leibler divergence, by Newton's
 * method on their duals in the potentials alpha, beta (quadratic: Lorenz, Manns & Meyer 2021; entropic: Sinkhorn 1967, Cuturi 2013).
 *
 *   nearest to X:   P = max(X + alpha + beta, 0),   weights W = [P > 0]
 *   entropic in L:  P = exp(L + alpha + beta),      weights W = P
 *
 * Both minimise a convex function of the potentials with gradient (P 1 - a, P'1 - b) and Hessian K(W) of transport.h, and
 *
 *   dP = W o (dX + dalpha + dbeta),   K(W) (dalpha, dbeta) = (da, db) - sums(W o dX). */
#include "domain/transport.h"

#include "domain/kinds.h"
#include "graph/emit/runtime/simplex.h"
#include "graph/ops/build.h"

#include <math.h>
#include <string.h>

enum { ROUNDS = 4, NEWTON_MOST = 200 };

/* One table under way. */
typedef struct table {
  int64_t m, n;
  bool entropic;
  const double *x;
  double *p;                          /* m n */
  double *a, *b;                      /* sums, of equal total */
  double *v, *trial, *g, *d;          /* potentials and others, m + n */
  double *w, *line, *kept, *matrix;   /* m n; the longer side, twice; (m + n)(m + n + 2) */
  int64_t *part;
} table;

static int64_t longer(int64_t m, int64_t n) {
  return m > n ? m : n;
}

static size_t scratch_numbers(int64_t m, int64_t n) {
  return (size_t)(m * n + 5 * (m + n) + 2 * longer(m, n) + (m + n) * (m + n + 2));
}

static table table_make(int64_t m, int64_t n, bool entropic, void *scratch) {
  double *at = scratch;
  table t = {.m = m, .n = n, .entropic = entropic, .a = at, .b = at + m};
  t.v = (at += m + n), t.trial = (at += m + n), t.g = (at += m + n), t.d = (at += m + n);
  t.w = (at += m + n), t.line = (at += m * n), t.kept = (at += longer(m, n)), t.matrix = (at += longer(m, n));
  t.part = (int64_t *)(void *)(at + (m + n) * (m + n + 2));
  return t;
}

/* ------------------------------------------------------------------ dual function and its coordinate minima */

/* P and the dual's gradient at the potentials. */
static void evaluate(table *t, const double *v) {
  const int64_t m = t->m, n = t->n;
  for (int64_t k = 0; k < m + n; k++) t->g[k] = -t->a[k];
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      const double s = t->x[i * n + j] + v[i] + v[m + j], p = t->entropic ? exp(s) : fmax(s, 0);
      t->p[i * n + j] = p;
      t->g[i] += p, t->g[m + j] += p;
    }
}

/* The potential with which t->line has this sum. */
static double potential(table *t, int64_t n, double sum) {
  double top = -INFINITY, total = 0;
  for (int64_t i = 0; i < n; i++) top = fmax(top, t->line[i]);
  if (!t->entropic) return -(top + rt_simplex_threshold(t->line, n, top, sum, t->kept));
  if (sum == 0) return -INFINITY;
  for (int64_t i = 0; i < n; i++) total += exp(t->line[i] - top);
  return log(sum) - top - log(total);
}

static void alternate(table *t) {
  const int64_t m = t->m, n = t->n;
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j++) t->line[j] = t->x[i * n + j] + t->v[m + j];
    t->v[i] = potential(t, n, t->a[i]);
  }
  for (int64_t j = 0; j < n; j++) {
    for (int64_t i = 0; i < m; i++) t->line[i] = t->x[i * n + j] + t->v[i];
    t->v[m + j] = potential(t, m, t->b[j]);
  }
}

/* ------------------------------------------------------------------ Newton's method */

static double largest(const double *v, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = isnan(v[i]) ? INFINITY : fmax(most, fabs(v[i]));
  return most;
}

/* -g, less what rounding leaves of it along (1 on rows, -1 on columns), which changes nothing. */
static void downhill(table *t) {
  const int64_t order = t->m + t->n;
  double off = 0;
  for (int64_t i = 0; i < order; i++) off += (i < t->m ? -t->g[i] : t->g[i]) / (double)order;
  for (int64_t i = 0; i < order; i++) t->d[i] = -t->g[i] - (i < t->m ? off : -off);
}

/* Newton's direction; or, where parts of W's graph have too much or too little in all, along the null space, in which the function is
 * linear until other entries join. */
static bool direction(table *t, double error) {
  const int64_t order = t->m + t->n;
  double most = 0;
  for (int64_t k = 0; k < t->m * t->n; k++) t->w[k] = t->entropic ? t->p[k] : t->p[k] > 0;
  downhill(t);
  memcpy(t->trial, t->d, (size_t)order * sizeof *t->d);
  tw_transport_parts(t->m, t->n, t->w, t->part);
  tw_transport_range(t->m, t->n, t->part, t->matrix, t->trial);
  for (int64_t i = 0; i < order; i++) most = fmax(most, fabs(t->d[i] - t->trial[i]));
  if (!(most > 1e-3 * error)) return tw_transport_solve(t->m, t->n, t->w, t->d, t->matrix, t->part);
  for (int64_t i = 0; i < order; i++) t->d[i] -= t->trial[i];
  return true;
}

static double slope_at(table *t, double step) {
  const int64_t order = t->m + t->n;
  double slope = 0;
  for (int64_t i = 0; i < order; i++) t->trial[i] = t->v[i] + step * t->d[i];
  evaluate(t, t->trial);
  for (int64_t i = 0; i < order; i++) slope += t->d[i] != 0 ? t->g[i] * t->d[i] : 0;
  return slope;
}

/* Along d to where the slope of the convex function has fallen by half: doubled steps, then halved intervals. */
static bool search(table *t) {
  enum { DOUBLINGS = 1000, HALVINGS = 60 };
  const double start = slope_at(t, 0), enough = -0.5 * start;
  double low = 0, high = 1, slope = slope_at(t, 1);
  if (!(start < 0)) return false;
  for (int k = 0; k < DOUBLINGS && slope < -enough; k++) low = high, high *= 2, slope = slope_at(t, high);
  for (int k = 0; k < HALVINGS && !(fabs(slope) <= enough); k++) {
    const double middle = low + 0.5 * (high - low);
    slope = slope_at(t, middle);
    *(slope < 0 ? &low : &high) = middle;
  }
  if (!(fabs(slope) <= enough)) return false;
  memcpy(t->v, t->trial, (size_t)(t->m + t->n) * sizeof *t->v);
  return true;
}

static bool finite(const table *t) {
  for (int64_t k = 0; k < t->m * t->n; k++)
    if (isnan(t->x[k]) || t->x[k] == INFINITY || (!t->entropic && isinf(t->x[k]))) return false;
  return true;
}

static tw_status minimise(table *t, tw_error *error) {
  const int64_t order = t->m + t->n;
  const double scale = 1 + largest(t->a, order) + (t->entropic ? 0 : largest(t->x, t->m * t->n)), fine = 4e-16 * scale;
  double least = INFINITY;
  memset(t->v, 0, (size_t)order * sizeof *t->v);
  for (int k = 0; k < ROUNDS; k++) alternate(t);
  for (int k = 0, idle = 0; k < NEWTON_MOST && idle < 3; k++) {
    evaluate(t, t->v);
    const double now = largest(t->g, order);
    if (now <= fine) return TW_OK;
    idle = now < 0.9 * least ? 0 : idle + (now <= 1e-9 * scale);
    least = fmin(least, now);
    if (!direction(t, now) || !search(t)) alternate(t);
  }
  evaluate(t, t->v);
  const double left = largest(t->g, order);
  return left <= 1e-8 * scale
             ? TW_OK
             : tw_fail(error, TW_ERR_NUMERIC, "transport: the sums are missed by %.3g (does the point forbid them?)", left);
}

/* Sums of equal total, nearest to those given. */
static tw_status take_sums(table *t, const double *a, const double *b, tw_error *error) {
  double excess = 0;
  for (int64_t i = 0; i < t->m; i++) excess += a[i];
  for (int64_t j = 0; j < t->n; j++) excess -= b[j];
  excess /= (double)(t->m + t->n);
  for (int64_t k = 0; k < t->m + t->n; k++) {
    const double given = k < t->m ? a[k] : b[k - t->m], moved = k < t->m ? given - excess : given + excess;
    if (!(given >= 0) || moved < -fabs(excess) * 1e-6 - 1e-12)
      return tw_fail(error, TW_ERR_RANGE, "transport: the sum of %s %lld is %g, expected at least 0 and equal totals",
                     k < t->m ? "row" : "column", (long long)(k < t->m ? k : k - t->m), given);
    t->a[k] = fmax(moved, 0);
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ the ops: x [.., m, n], a [.., m], b [.., n] */

static bool plan_infer(const tw_args *args, tw_type *type) {
  *type = (tw_type){TW_F64, tw_shape_of(args->in[0])};
  return true;
}

static void extents(tw_expr e, int64_t *m, int64_t *n) {
  const tw_shape shape = tw_shape_of(e);
  *m = shape.dim[shape.rank - 2], *n = shape.dim[shape.rank - 1];
}

static size_t plan_scratch(tw_expr node) {
  int64_t m, n;
  extents(node, &m, &n);
  return scratch_numbers(m, n) * sizeof(double) + (size_t)(m + n) * sizeof(int64_t);
}

static tw_status plan(const tw_call *call, bool entropic) {
  int64_t m, n;
  extents(call->node, &m, &n);
  table t = table_make(m, n, entropic, call->scratch);
  for (int64_t k = 0; k * m * n < tw_size_of(call->node); k++) {
    t.x = (const double *)call->in[0] + k * m * n;
    t.p = (double *)call->out + k * m * n;
    tw_status status = take_sums(&t, (const double *)call->in[1] + k * m, (const double *)call->in[2] + k * n, call->error);
    if (status == TW_OK && finite(&t)) status = minimise(&t, call->error);
    if (status != TW_OK) return status;
    for (int64_t i = 0; i < m * n && !finite(&t); i++) t.p[i] = NAN;
  }
  return TW_OK;
}

static tw_status nearest_kernel(const tw_call *call) {
  return plan(call, false);
}

static tw_status entropic_kernel(const tw_call *call) {
  return plan(call, true);
}

static tw_expr support(tw_expr p) {
  return tw_cast(tw_gt(p, tw_scalar(p.graph, 0)), TW_F64);
}

static tw_expr plan_jvp(tw_expr p, tw_expr w, const tw_expr *tangents) {
  int64_t m, n;
  extents(p, &m, &n);
  const tw_expr dx = tangents[0], a = tw_input_of(p, 1), b = tw_input_of(p, 2);
  tw_expr right = TW_NONE, moved = tw_is_none(dx) ? dx : tw_mul(w, dx);
  if (!tw_is_none(tangents[1]) || !tw_is_none(tangents[2])) {
    const tw_expr zero = tw_scalar(p.graph, 0);
    const tw_expr parts[2] = {tw_is_none(tangents[1]) ? tw_broadcast(zero, tw_shape_of(a)) : tangents[1],
                              tw_is_none(tangents[2]) ? tw_broadcast(zero, tw_shape_of(b)) : tangents[2]};
    right = tw_concat(2, parts, tw_shape_of(a).rank - 1);
  }
  if (!tw_is_none(moved)) right = tw_is_none(right) ? tw_neg(tw_transport_sums(moved)) : tw_sub(right, tw_transport_sums(moved));
  if (tw_is_none(right)) return right;
  const tw_expr pairs = tw_mul(w, tw_transport_pairs(tw_transport_potentials(w, right), m));
  return tw_is_none(moved) ? pairs : tw_add(moved, pairs);
}

static void plan_vjp(tw_expr p, tw_expr w, tw_expr cotangent, tw_expr *cotangents) {
  int64_t m, n;
  extents(p, &m, &n);
  const tw_expr weighed = tw_mul(w, cotangent), u = tw_transport_potentials(w, tw_transport_sums(weighed));
  if (tw_is_none(u)) return;
  const int last = tw_shape_of(u).rank - 1;
  cotangents[0] = tw_sub(weighed, tw_mul(w, tw_transport_pairs(u, m)));
  cotangents[1] = tw_slice(u, last, 0, m, 1);
  cotangents[2] = tw_slice(u, last, m, n, 1);
}

static tw_expr nearest_jvp(tw_expr p, const tw_expr *tangents) {
  return plan_jvp(p, support(p), tangents);
}

static void nearest_vjp(tw_expr p, tw_expr cotangent, tw_expr *cotangents) {
  plan_vjp(p, support(p), cotangent, cotangents);
}

static tw_expr entropic_jvp(tw_expr p, const tw_expr *tangents) {
  return plan_jvp(p, p, tangents);
}

static void entropic_vjp(tw_expr p, tw_expr cotangent, tw_expr *cotangents) {
  plan_vjp(p, p, cotangent, cotangents);
}

static double plan_flops(tw_expr node) {
  int64_t m, n;
  extents(node, &m, &n);
  const double order = (double)(m + n);
  return (double)tw_size_of(node) / (double)(m * n > 0 ? m * n : 1) * 10 * order * order * order / 3;
}

static const tw_op project_transport = {.name = "project_transport",
                                        .summary = "the nearest table with given sums of rows and columns and no entry below 0",
                                        .arity = 3,
                                        .infer = plan_infer,
                                        .kernel = nearest_kernel,
                                        .scratch = plan_scratch,
                                        .jvp = nearest_jvp,
                                        .vjp = nearest_vjp,
                                        .batch = tw_batch_leading,
                                        .flops = plan_flops};

static const tw_op entropic_transport = {.name = "entropic_transport",
                                         .summary = "exp(x) scaled by rows and columns to given sums",
                                         .arity = 3,
                                         .infer = plan_infer,
                                         .kernel = entropic_kernel,
                                         .scratch = plan_scratch,
                                         .jvp = entropic_jvp,
                                         .vjp = entropic_vjp,
                                         .batch = tw_batch_leading,
                                         .flops = plan_flops};

static tw_expr plan_of(const tw_op *op, tw_expr x, tw_expr a, tw_expr b) {
  if (tw_is_none(x) || tw_is_none(a) || tw_is_none(b)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x);
  const tw_expr in[3] = {tw_cast(x, TW_F64), tw_broadcast(tw_cast(a, TW_F64), tw_shape_remove(shape, shape.rank - 1)),
                         tw_broadcast(tw_cast(b, TW_F64), tw_shape_remove(shape, shape.rank - 2))};
  return tw_node(x.graph, op, 3, in, NULL);
}

/* ------------------------------------------------------------------ the sets */

static bool check_tables(tw_graph *graph, const char *kind, tw_shape shape) {
  if (!tw_check_rank(graph, kind, shape, 2)) return false;
  if (shape.dim[shape.rank - 2] > 0) return true;
  char text[TW_SHAPE_TEXT];
  tw_graph_fail(graph, TW_ERR_SHAPE, "%s: shape %s, expected tables that are not empty", kind, tw_shape_text(&shape, text));
  return false;
}

static bool transport_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n;
  return check_tables(graph, "transport", shape) &&
         tw_check_fits(graph, "transport", "a", params[0], tw_shape_remove(shape, shape.rank - 1)) &&
         tw_check_fits(graph, "transport", "b", params[1], tw_shape_remove(shape, shape.rank - 2)) &&
         tw_check_at_least(graph, "transport", "a", &params[0], 0) && tw_check_at_least(graph, "transport", "b", &params[1], 0);
}

static tw_expr transport_project(tw_expr x, const tw_expr *params) {
  return plan_of(&project_transport, x, params[0], params[1]);
}

static tw_expr transport_kl(tw_expr x, const tw_expr *params) {
  return plan_of(&entropic_transport, x, params[0], params[1]);
}

/* argmin eta <g, P> + sum P log(P / x): the logarithm of x less eta g, scaled. */
static tw_expr transport_mirror(tw_expr x, tw_expr gradient, tw_expr eta, const tw_expr *params) {
  return transport_kl(tw_log_step(x, gradient, eta), params);
}

const tw_domain_kind tw_domain_transport = {.name = "transport",
                                            .summary = "x >= 0, x @ 1 = a, 1 @ x = b, the last two axes",
                                            .params = "a, b",
                                            .min_params = 2,
                                            .max_params = 2,
                                            .convex = true,
                                            .polyhedral = true,
                                            .check = transport_check,
                                            .project = transport_project,
                                            .kl_project = transport_kl,
                                            .mirror_step = transport_mirror};

static bool birkhoff_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n, (void)params;
  if (!check_tables(graph, "birkhoff", shape)) return false;
  if (shape.dim[shape.rank - 1] == shape.dim[shape.rank - 2]) return true;
  char text[TW_SHAPE_TEXT];
  tw_graph_fail(graph, TW_ERR_SHAPE, "birkhoff: shape %s, expected square matrices", tw_shape_text(&shape, text));
  return false;
}

static tw_expr birkhoff_project(tw_expr x, const tw_expr *params) {
  (void)params;
  if (tw_is_none(x)) return x;
  const tw_expr one = tw_scalar(x.graph, 1);
  return plan_of(&project_transport, x, one, one);
}

static tw_expr birkhoff_kl(tw_expr x, const tw_expr *params) {
  (void)params;
  if (tw_is_none(x)) return x;
  const tw_expr one = tw_scalar(x.graph, 1);
  return plan_of(&entropic_transport, x, one, one);
}

static tw_expr birkhoff_mirror(tw_expr x, tw_expr gradient, tw_expr eta, const tw_expr *params) {
  return birkhoff_kl(tw_log_step(x, gradient, eta), params);
}

const tw_domain_kind tw_domain_birkhoff = {.name = "birkhoff",
                                           .summary = "x >= 0, all rows and columns sum to 1, square matrices",
                                           .params = "",
                                           .convex = true,
                                           .polyhedral = true,
                                           .check = birkhoff_check,
                                           .project = birkhoff_project,
                                           .kl_project = birkhoff_kl,
                                           .mirror_step = birkhoff_mirror};
