/* The simplex {p >= 0, sum p = s}: p = max(x - tau, 0), tau such that sum p = s. */
#include "domain/kinds.h"
#include "domain/simplex.h"

#include <math.h>

/* ------------------------------------------------------------------ the threshold */

/* Restores the max-heap y[0..n) below position i. */
static void sift(double *y, int64_t n, int64_t i) {
  double value = y[i];
  for (int64_t child; (child = 2 * i + 1) < n; i = child) {
    if (child + 1 < n && y[child + 1] > y[child]) child++;
    if (y[child] <= value) break;
    y[i] = y[child];
  }
  y[i] = value;
}

/* Takes the values in descending order until the next is below (sum taken - s) / number taken. Those taken gather at the
 * end of y, so their sum can be formed pairwise. O(k + active log k). */
static double threshold_sorted(double *y, int64_t k, double s) {
  for (int64_t i = k / 2; i-- > 0;) sift(y, k, i);
  double sum = 0;
  int64_t taken = 0;
  while (taken < k && (taken == 0 || y[0] > (sum - s) / (double)taken)) {
    double top = y[0];
    sum += top;
    taken++;
    y[0] = y[k - taken];
    y[k - taken] = top;
    sift(y, k - taken, 0);
  }
  return (tw_vec_sum(y + (k - taken), (size_t)taken) - s) / (double)taken;
}

/* tau - top for the row x with maximum `top`. The coordinates are taken relative to the maximum: tau - top is in
 * [-s, 0), which loses no digits when x is large, and leaves out what is below -s at once. Then Michelot's (1986)
 * passes, each dropping what is below the mean of the rest, while they shrink the row geometrically; the few hard rows are
 * finished in sorted order. O(n log n) at worst, O(n) as a rule. `kept` has room for n. */
static double threshold(const double *x, int64_t n, double top, double s, double *kept) {
  int64_t k = 0, before;
  for (int64_t i = 0; i < n; i++)
    if (x[i] - top > -s) kept[k++] = x[i] - top;
  double tau = 0;
  while (k > 0) {
    before = k;
    tau = (tw_vec_sum(kept, (size_t)k) - s) / (double)k;
    k = 0;
    for (int64_t i = 0; i < before; i++)
      if (kept[i] > tau) kept[k++] = kept[i];
    if (k == before) return tau;
    if (k > before - before / 8) return threshold_sorted(kept, k, s);
  }
  return tau;
}

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
    double *p = (double *)call->out + row * n, s = scale[row], top = -INFINITY;
    if (s < 0)
      return tw_fail(call->error, TW_ERR_RANGE, "project_simplex: the entries of row %lld shall sum to %g, expected at least 0",
                     (long long)row, s);
    bool known = isfinite(s);
    for (int64_t i = 0; i < n; i++) {
      known &= !isnan(x[i]);
      top = x[i] > top ? x[i] : top;
    }
    double tau = known && isfinite(top) ? threshold(x, n, top, s, call->scratch) : (double)NAN;
    for (int64_t i = 0; i < n; i++) p[i] = isnan(tau) ? tau : fmax((x[i] - top) - tau, 0);
  }
  return TW_OK;
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
                                      .flops = simplex_flops};

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
 * softmax of logarithms. Coordinates at 0 stay there. */
static tw_expr simplex_mirror(tw_expr x, tw_expr gradient, tw_expr eta, const tw_expr *params) {
  if (tw_is_none(x)) return x;
  tw_expr zero = tw_scalar(x.graph, 0), positive = tw_gt(x, zero);
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
