/* The simplex {p >= 0, sum p = s}: p = max(x - tau, 0), tau such that sum p = s. */
#include "domain/kinds.h"
#include "domain/simplex.h"
#include "graph/emit/emit.h"
#include "graph/emit/runtime/simplex.h"

#include <float.h>

/* ------------------------------------------------------------------ the op: x [.., n], s [..] */

static bool simplex_infer(const tw_args *args, tw_type *type) {
  *type = (tw_type){TW_F64, tw_shape_of(args->in[0])};
  return true;
}

static size_t simplex_scratch(tw_expr node) {
  tw_shape shape = tw_shape_of(node);
  return (size_t)shape.dim[shape.rank - 1] * sizeof(double);
}

static tw_status simplex_kernel(const tw_call *call) {
  tw_shape shape = tw_shape_of(call->node);
  int64_t n = shape.dim[shape.rank - 1], size = tw_size_of(call->node);
  const double *scale = call->in[1];
  for (int64_t row = 0; row * n < size; row++) {
    const double *x = (const double *)call->in[0] + row * n;
    if (rt_simplex(x, scale[row], (double *)call->out + row * n, n, call->scratch) != 0)
      return tw_fail(call->error, TW_ERR_RANGE, "project_simplex: the entries of row %lld shall sum to %g, expected at least 0",
                     (long long)row, scale[row]);
  }
  return TW_OK;
}

static void simplex_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_shape shape = tw_shape_of(node);
  const int64_t n = shape.dim[shape.rank - 1];
  const size_t kept = tw_emit_work(e, (size_t)n * sizeof(double));
  tw_emit_open(e, "for (int64_t i = 0; i < %lld; i++)", (long long)(tw_size_of(node) / n));
  tw_emit_fail_if(e, "rt_simplex(%s + i * %lld, %s[i], %s + i * %lld, %lld, (double *)(void *)(work + %zu))", in[0], (long long)n,
                  in[1], out, (long long)n, (long long)n, kept);
  tw_emit_close(e);
}

tw_expr tw_simplex_mean(tw_expr mask, tw_expr u) {
  if (tw_is_none(mask) || tw_is_none(u)) return TW_NONE;
  return tw_div(tw_row_sum(tw_mul(mask, u)), tw_maximum(tw_row_sum(mask), tw_scalar(mask.graph, 1)));
}

tw_expr tw_simplex_shift(tw_expr mask, tw_expr v, tw_expr ds) {
  if (tw_is_none(mask)) return TW_NONE;
  tw_expr excess = TW_NONE;
  if (!tw_is_none(v)) excess = tw_row_sum(v);
  if (!tw_is_none(ds)) {
    tw_expr change = tw_neg(tw_expand(ds, -1));
    excess = tw_is_none(excess) ? change : tw_add(excess, change);
  }
  tw_expr count = tw_maximum(tw_row_sum(mask), tw_scalar(mask.graph, 1));
  tw_expr moved = tw_mul(mask, tw_div(excess, count));
  return tw_is_none(v) ? tw_neg(moved) : tw_sub(v, moved);
}

static tw_expr support(tw_expr p) {
  return tw_cast(tw_gt(p, tw_scalar(p.graph, 0)), TW_F64);
}

/* dp = m (dx - (sum(m dx) - ds) / sum m), m = [p > 0]. */
static tw_expr simplex_jvp(tw_expr node, const tw_expr *tangents) {
  if (tw_is_none(tangents[0]) && tw_is_none(tangents[1])) return TW_NONE;
  tw_expr mask = support(node);
  return tw_simplex_shift(mask, tw_is_none(tangents[0]) ? TW_NONE : tw_mul(mask, tangents[0]), tangents[1]);
}

static void simplex_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  tw_expr mask = support(node), mean = tw_simplex_mean(mask, cotangent);
  cotangents[0] = tw_mul(mask, tw_sub(cotangent, mean));
  cotangents[1] = tw_squeeze(mean, -1);
}

static double simplex_flops(tw_expr node) {
  return 8 * (double)tw_size_of(node);
}

static const tw_op project_simplex = {.name = "project_simplex",
                                      .summary = "the nearest point of each row on {p >= 0, sum p = s}",
                                      .arity = 2,
                                      .infer = simplex_infer,
                                      .kernel = simplex_kernel,
                                      .scratch = simplex_scratch,
                                      .jvp = simplex_jvp,
                                      .vjp = simplex_vjp,
                                      .batch = tw_batch_leading,
                                      .flops = simplex_flops,
                                      .emit = simplex_emit};

tw_expr tw_project_simplex(tw_expr x, tw_expr s) {
  if (tw_is_none(x) || tw_is_none(s)) return TW_NONE;
  tw_expr in[2] = {tw_cast(x, TW_F64), tw_broadcast(tw_cast(s, TW_F64), tw_row_shape(tw_shape_of(x)))};
  return tw_node(x.graph, &project_simplex, 2, in, NULL);
}

/* ------------------------------------------------------------------ the set */

static bool simplex_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  return tw_check_row_scalar(graph, "simplex", shape, n, params, 1);
}

static tw_expr simplex_project(tw_expr x, const tw_expr *params) {
  return tw_project_simplex(x, params[0]);
}

/* Entropic mirror descent (Nemirovski & Yudin, 1983; Beck & Teboulle, 2003): x exp(-eta g), normalised to sum s, as a
 * softmax of logarithms. Coordinates at 0 stay there, and those so small that 1 / x overflows in derivatives are 0. */
static tw_expr simplex_mirror(tw_expr x, tw_expr gradient, tw_expr eta, const tw_expr *params) {
  if (tw_is_none(x)) return x;
  tw_expr positive = tw_ge(x, tw_scalar(x.graph, DBL_MIN));
  tw_expr log = tw_where(positive, tw_log(tw_where(positive, x, tw_scalar(x.graph, 1))), tw_scalar(x.graph, -INFINITY));
  tw_expr share = tw_softmax(tw_sub(log, tw_mul(eta, gradient)), tw_shape_of(x).rank - 1);
  return tw_mul(tw_row_column(params[0]), share);
}

const tw_domain_kind tw_domain_simplex = {.name = "simplex",
                                          .summary = "x >= 0, sum(x) = s, each row",
                                          .params = "s = 1",
                                          .max_params = 1,
                                          .convex = true,
                                          .polyhedral = true,
                                          .check = simplex_check,
                                          .project = simplex_project,
                                          .mirror_step = simplex_mirror};
