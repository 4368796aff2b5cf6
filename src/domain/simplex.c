/* The simplex {p >= 0, sum p = s}: p = max(x - tau, 0), tau such that sum p = s. */
#include "domain/kinds.h"
#include "domain/simplex.h"
#include "graph/emit/emit.h"
#include "graph/emit/runtime/simplex.h"

#include <math.h>

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

/* dp = m (dx - (sum m dx - ds) / sum m), m = [p > 0]: a mask and a mean over it, which is 0 where m is. */
static tw_expr support(tw_expr p) {
  return tw_cast(tw_gt(p, tw_scalar(p.graph, 0)), TW_F64);
}

static tw_expr over_support(tw_expr mask, tw_expr sum) {
  return tw_div(sum, tw_maximum(tw_row_sum(mask), tw_scalar(mask.graph, 1)));
}

static tw_expr simplex_jvp(tw_expr node, const tw_expr *tangents) {
  if (tw_is_none(tangents[0]) && tw_is_none(tangents[1])) return TW_NONE;
  const tw_expr mask = support(node);
  const tw_expr grown = tw_is_none(tangents[1]) ? TW_NONE : tw_mul(mask, over_support(mask, tw_expand(tangents[1], -1)));
  if (tw_is_none(tangents[0])) return grown;
  const tw_expr moved = tw_mul(mask, tw_sub(tangents[0], over_support(mask, tw_row_sum(tw_mul(mask, tangents[0])))));
  return tw_is_none(grown) ? moved : tw_add(moved, grown);
}

static void simplex_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const tw_expr mask = support(node), mean = over_support(mask, tw_row_sum(tw_mul(mask, cotangent)));
  cotangents[0] = tw_mul(mask, tw_sub(cotangent, mean));
  cotangents[1] = tw_squeeze(mean, -1);
}

static double simplex_flops(tw_expr node) {
  return 8 * (double)tw_size_of(node);
}

static const tw_op project_simplex = {.name = "project_simplex",
                                      .summary = "the nearest point of each row on {p >= 0, sum p = s}",
                                      .flags = TW_OP_BY_ROWS,
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

/* The nearest point of exp(x) in the Kullback-Leibler divergence is s softmax(x). */
static tw_expr simplex_kl(tw_expr x, const tw_expr *params) {
  if (tw_is_none(x)) return x;
  return tw_mul(tw_row_column(params[0]), tw_softmax(x, tw_shape_of(x).rank - 1));
}

/* Entropic mirror descent (Nemirovski & Yudin, 1983; Beck & Teboulle, 2003): x exp(-eta g), normalised to sum s. */
static tw_expr simplex_mirror(tw_expr x, tw_expr gradient, tw_expr eta, const tw_expr *params) {
  return simplex_kl(tw_log_step(x, gradient, eta), params);
}

const tw_domain_kind tw_domain_simplex = {.name = "simplex",
                                          .summary = "x >= 0, sum(x) = s, each row",
                                          .params = "s = 1",
                                          .max_params = 1,
                                          .convex = true,
                                          .polyhedral = true,
                                          .check = simplex_check,
                                          .project = simplex_project,
                                          .kl_project = simplex_kl,
                                          .mirror_step = simplex_mirror};

/* ------------------------------------------------------------------ at most k entries */

static bool sparse_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  double uniform;
  int64_t known;
  if (!tw_check_rank(graph, "sparse_simplex", shape, 1) ||
      !tw_check_fits(graph, "sparse_simplex", "k", params[0], tw_row_shape(shape)))
    return false;
  const double *k = tw_known_elements(params[0], &uniform, &known);
  for (int64_t i = 0; i < known; i++)
    if (k[i] != floor(k[i])) {
      tw_graph_fail(graph, TW_ERR_RANGE, "sparse_simplex: k is %g, expected a whole number", k[i]);
      return false;
    }
  return tw_check_at_least(graph, "sparse_simplex", "k", &params[0], 1) &&
         tw_check_row_scalar(graph, "sparse_simplex", shape, n - 1, &params[1], 1);
}

/* The k largest entries, the first of equals, projected on the simplex; 0 for the others (Kyrillidis, Becker, Cevher & Koch, 2013).
 * What is not finite stays in, and makes the row NaN. */
static tw_expr sparse_project(tw_expr x, const tw_expr *params) {
  if (tw_is_none(x)) return x;
  const int axis = tw_shape_of(x).rank - 1;
  const tw_expr rank = tw_argsort(tw_argsort(tw_neg(x), axis), axis), most = tw_round(tw_row_column(params[0]));
  const tw_expr kept = tw_or(tw_lt(tw_cast(rank, TW_F64), most), tw_not(tw_is_finite(x)));
  return tw_project_simplex(tw_where(kept, x, tw_scalar(x.graph, -INFINITY)), params[1]);
}

const tw_domain_kind tw_domain_sparse_simplex = {.name = "sparse_simplex",
                                                 .summary = "x >= 0, sum(x) = s, at most k entries not 0, each row",
                                                 .params = "k, s = 1",
                                                 .min_params = 1,
                                                 .max_params = 2,
                                                 .check = sparse_check,
                                                 .project = sparse_project};
