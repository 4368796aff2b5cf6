/* A box cut by a hyperplane, {l <= p <= u, sum w p = c}: p = clip(x - tau w, l, u), tau such that sum w p = c (Pardalos & Kovoor, 1990;
 * Kiwiel, 2008). */
#include "domain/kinds.h"
#include "domain/simplex.h"
#include "graph/emit/emit.h"
#include "graph/emit/runtime/box_section.h"

/* ------------------------------------------------------------------ the op: x, l, u, w [.., n], c [..] */

enum { X, LOW, HIGH, WEIGHT, SUM };

typedef struct section_attr {
  const char *kind; /* of the set, for messages; static */
} section_attr;

static bool section_infer(const tw_args *args, tw_type *type) {
  *type = (tw_type){TW_F64, tw_shape_of(args->in[X])};
  return true;
}

static int64_t length_of(tw_expr node) {
  const tw_shape shape = tw_shape_of(node);
  return shape.dim[shape.rank - 1];
}

static size_t section_scratch(tw_expr node) {
  return 5 * (size_t)length_of(node) * sizeof(double);
}

static tw_status section_kernel(const tw_call *call) {
  const int64_t n = length_of(call->node), size = tw_size_of(call->node);
  const double *c = call->in[SUM];
  for (int64_t row = 0; row * n < size; row++) {
    const double *l = (const double *)call->in[LOW] + row * n, *u = (const double *)call->in[HIGH] + row * n;
    const double *w = (const double *)call->in[WEIGHT] + row * n;
    double range[2];
    if (rt_box_section(n, (const double *)call->in[X] + row * n, l, u, w, c[row], (double *)call->out + row * n, call->scratch) == 0)
      continue;
    rt_section_outside(n, l, u, w, c[row], range);
    return tw_fail(call->error, TW_ERR_INFEASIBLE, "%s: row %lld shall sum to %g, but its bounds cross or sum to no more than [%g, %g]",
                   ((const section_attr *)tw_attr_of(call->node))->kind, (long long)row, c[row], range[0], range[1]);
  }
  return TW_OK;
}

static void section_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const long long n = length_of(node);
  const size_t room = tw_emit_work(e, section_scratch(node));
  tw_emit_open(e, "for (int64_t i = 0; i < %lld; i++)", (long long)tw_size_of(node) / n);
  tw_emit_fail_if(e, "rt_box_section(%lld, %s + i * %lld, %s + i * %lld, %s + i * %lld, %s + i * %lld, %s[i], %s + i * %lld, "
                  "(double *)(void *)(work + %zu))",
                  n, in[X], n, in[LOW], n, in[HIGH], n, in[WEIGHT], n, in[SUM], out, n, room);
  tw_emit_close(e);
}

/* ------------------------------------------------------------------ derivatives
 * With the 0/1 masks m of the coordinates strictly between their bounds, m_l and m_u of those at the lower and the upper one, and
 * S = sum m w^2 (1 where that is 0),
 *
 *   v = m dx + m_l dl + m_u du,   dtau = (sum w v + sum (p - tau m w) dw - dc) / S,   dp = v - m (w dtau + tau dw),
 *
 * and tau = sum m w (x - p) / S is an expression too. */

typedef struct parts {
  tw_expr free, low, high, weight, square; /* weight: m w; square: S */
} parts;

static parts parts_of(tw_expr node) {
  const tw_expr zero = tw_scalar(node.graph, 0), one = tw_scalar(node.graph, 1);
  const tw_expr low = tw_le(node, tw_input_of(node, LOW)), high = tw_and(tw_ge(node, tw_input_of(node, HIGH)), tw_not(low));
  parts q = {.free = tw_cast(tw_not(tw_or(low, high)), TW_F64), .low = tw_cast(low, TW_F64), .high = tw_cast(high, TW_F64)};
  q.weight = tw_mul(q.free, tw_input_of(node, WEIGHT));
  const tw_expr square = tw_row_sum(tw_square(q.weight));
  q.square = tw_where(tw_gt(square, zero), square, one);
  return q;
}

static tw_expr tau_of(tw_expr node, const parts *q) {
  return tw_div(tw_row_sum(tw_mul(q->weight, tw_sub(tw_input_of(node, X), node))), q->square);
}

static tw_expr plus(tw_expr a, tw_expr b) {
  return tw_is_none(a) ? b : tw_is_none(b) ? a : tw_add(a, b);
}

static tw_expr section_jvp(tw_expr node, const tw_expr *tangents) {
  const parts q = parts_of(node);
  const tw_expr mask[3] = {q.free, q.low, q.high}, dw = tangents[WEIGHT];
  tw_expr v = TW_NONE, excess = TW_NONE, turned = TW_NONE;
  for (int i = 0; i < 3; i++)
    if (!tw_is_none(tangents[i])) v = plus(v, tw_mul(mask[i], tangents[i]));
  if (!tw_is_none(v)) excess = tw_row_sum(tw_mul(tw_input_of(node, WEIGHT), v));
  if (!tw_is_none(dw)) {
    const tw_expr tau = tau_of(node, &q);
    excess = plus(excess, tw_row_sum(tw_mul(tw_sub(node, tw_mul(tau, q.weight)), dw)));
    turned = tw_mul(q.free, tw_mul(tau, dw));
  }
  if (!tw_is_none(tangents[SUM])) excess = plus(excess, tw_neg(tw_expand(tangents[SUM], -1)));
  if (tw_is_none(excess)) return TW_NONE;
  tw_expr moved = plus(tw_mul(q.weight, tw_div(excess, q.square)), turned);
  return tw_is_none(v) ? tw_neg(moved) : tw_sub(v, moved);
}

static void section_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const parts q = parts_of(node);
  const tw_expr rate = tw_div(tw_row_sum(tw_mul(q.weight, cotangent)), q.square);
  const tw_expr rest = tw_sub(cotangent, tw_mul(rate, tw_input_of(node, WEIGHT)));
  const bool weights = !tw_is_unasked(cotangents[WEIGHT]);
  cotangents[X] = tw_mul(q.free, rest);
  cotangents[LOW] = tw_mul(q.low, rest);
  cotangents[HIGH] = tw_mul(q.high, rest);
  cotangents[SUM] = tw_squeeze(rate, -1);
  if (!weights) return;
  const tw_expr tau = tau_of(node, &q);
  cotangents[WEIGHT] = tw_neg(tw_add(tw_mul(rate, tw_sub(node, tw_mul(tau, q.weight))), tw_mul(q.free, tw_mul(tau, cotangent))));
}

static double section_flops(tw_expr node) {
  const double n = (double)tw_size_of(node);
  return 8 * n * (1 + log2(1 + n));
}

static const tw_op project_box_section = {.name = "project_box_section",
                                          .summary = "the nearest point of each row on {l <= p <= u, sum w p = c}",
                                          .flags = TW_OP_BY_ROWS,
                                          .arity = 5,
                                          .attr_bytes = sizeof(section_attr),
                                          .infer = section_infer,
                                          .kernel = section_kernel,
                                          .scratch = section_scratch,
                                          .jvp = section_jvp,
                                          .vjp = section_vjp,
                                          .batch = tw_batch_leading,
                                          .flops = section_flops,
                                          .emit = section_emit};

static tw_expr project_section(const char *kind, tw_expr x, tw_expr l, tw_expr u, tw_expr w, tw_expr c) {
  if (tw_is_none(x) || tw_is_none(l) || tw_is_none(u) || tw_is_none(w) || tw_is_none(c)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x);
  const section_attr attr = {kind};
  const tw_expr in[5] = {tw_cast(x, TW_F64), tw_broadcast(l, shape), tw_broadcast(u, shape), tw_broadcast(w, shape),
                         tw_broadcast(c, tw_row_shape(shape))};
  return tw_node(x.graph, &project_box_section, 5, in, &attr);
}

tw_expr tw_project_capped_simplex(tw_expr x, tw_expr lower, tw_expr upper, tw_expr s) {
  if (tw_is_none(x)) return x;
  return project_section("capped_simplex", x, lower, upper, tw_scalar(x.graph, 1), s);
}

/* ------------------------------------------------------------------ the sets */

static bool check_bounds(tw_graph *graph, const char *kind, tw_shape shape, const tw_expr *params) {
  return tw_check_rank(graph, kind, shape, 1) && tw_check_fits(graph, kind, "the lower bound", params[0], shape) &&
         tw_check_fits(graph, kind, "the upper bound", params[1], shape) && tw_check_ordered(graph, kind, params[0], params[1], shape);
}

static bool capped_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  if (n < 3) params[2] = tw_scalar(graph, 1);
  return check_bounds(graph, "capped_simplex", shape, params) &&
         tw_check_fits(graph, "capped_simplex", "the sum", params[2], tw_row_shape(shape));
}

static tw_expr capped_project(tw_expr x, const tw_expr *params) {
  return tw_project_capped_simplex(x, params[0], params[1], params[2]);
}

const tw_domain_kind tw_domain_capped_simplex = {.name = "capped_simplex",
                                                 .summary = "l <= x <= u, sum(x) = s, each row",
                                                 .params = "l, u, s = 1",
                                                 .min_params = 2,
                                                 .max_params = 3,
                                                 .convex = true,
                                                 .polyhedral = true,
                                                 .check = capped_check,
                                                 .project = capped_project};

static bool section_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n;
  return check_bounds(graph, "box_section", shape, params) && tw_check_fits(graph, "box_section", "w", params[2], shape) &&
         tw_check_fits(graph, "box_section", "c", params[3], tw_row_shape(shape));
}

static tw_expr section_project(tw_expr x, const tw_expr *params) {
  return project_section("box_section", x, params[0], params[1], params[2], params[3]);
}

const tw_domain_kind tw_domain_box_section = {.name = "box_section",
                                              .summary = "l <= x <= u, sum(w * x) = c, each row",
                                              .params = "l, u, w, c",
                                              .min_params = 4,
                                              .max_params = 4,
                                              .convex = true,
                                              .polyhedral = true,
                                              .check = section_check,
                                              .project = section_project};
