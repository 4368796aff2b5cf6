/* The transport polytope {P >= 0, P 1 = a, P'1 = b}: the nearest point, and the mirror step in the Kullback-Leibler divergence, by
 * runtime/transport.h. With W = [P > 0] or W = P,
 *
 *   dP = W o (dX + dalpha + dbeta),   K(W) (dalpha, dbeta) = (da, db) - sums(W o dX). */
#include "domain/transport.h"

#include "domain/kinds.h"
#include "domain/transport_dense.h"
#include "graph/emit/emit.h"
#include "graph/emit/runtime/transport.h"
#include "graph/ops/build.h"

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
  return rt_transport_room(m, n);
}

static tw_status plan(const tw_call *call, bool entropic) {
  int64_t m, n;
  extents(call->node, &m, &n);
  for (int64_t k = 0; k * m * n < tw_size_of(call->node); k++) {
    const double *a = (const double *)call->in[1] + k * m, *b = (const double *)call->in[2] + k * n;
    double missed;
    const int64_t wrong = rt_transport(entropic, m, n, (const double *)call->in[0] + k * m * n, a, b, (double *)call->out + k * m * n,
                                       call->scratch, &missed);
    if (wrong < 0)
      return tw_fail(call->error, TW_ERR_NUMERIC, "transport: the sums are missed by %.3g (does the point forbid them?)", missed);
    if (wrong == 0) continue;
    const int64_t i = wrong <= m ? wrong - 1 : wrong - 1 - m;
    return tw_fail(call->error, TW_ERR_RANGE, "transport: the sum of %s %lld is %g, expected at least 0 and equal totals",
                   wrong <= m ? "row" : "column", (long long)i, wrong <= m ? a[i] : b[i]);
  }
  return TW_OK;
}

static tw_status nearest_kernel(const tw_call *call) {
  return plan(call, false);
}

static tw_status entropic_kernel(const tw_call *call) {
  return plan(call, true);
}

static void plan_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out, bool entropic) {
  int64_t m, n;
  extents(node, &m, &n);
  const long long rows = m, cols = n;
  const size_t room = tw_emit_work(e, plan_scratch(node));
  tw_emit_open(e, "for (int64_t i = 0; i < %lld; i++)", (long long)tw_size_of(node) / (rows * cols));
  tw_emit_line(e, "double missed;");
  tw_emit_fail_if(e,
                  "rt_transport(%s, %lld, %lld, %s + i * %lld, %s + i * %lld, %s + i * %lld, %s + i * %lld, work + %zu, "
                  "&missed) != 0",
                  entropic ? "true" : "false", rows, cols, in[0], rows * cols, in[1], rows, in[2], cols, out, rows * cols, room);
  tw_emit_close(e);
}

static void nearest_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  plan_emit(e, node, in, out, false);
}

static void entropic_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  plan_emit(e, node, in, out, true);
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

/* Of ten steps. */
static double plan_flops(tw_expr node) {
  int64_t m, n;
  extents(node, &m, &n);
  return (double)tw_size_of(node) / (double)(m * n > 0 ? m * n : 1) * 10 * tw_transport_flops(m, n);
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
                                        .flops = plan_flops,
                                        .emit = nearest_emit};

static const tw_op entropic_transport = {.name = "entropic_transport",
                                         .summary = "exp(x) scaled by rows and columns to given sums",
                                         .arity = 3,
                                         .infer = plan_infer,
                                         .kernel = entropic_kernel,
                                         .scratch = plan_scratch,
                                         .jvp = entropic_jvp,
                                         .vjp = entropic_vjp,
                                         .batch = tw_batch_leading,
                                         .flops = plan_flops,
                                         .emit = entropic_emit};

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
