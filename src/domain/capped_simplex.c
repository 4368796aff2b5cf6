/* The simplex cut by a box, {l <= p <= u, sum p = s}: p = clip(x - tau, l, u), tau such that sum p = s. */
#include "domain/kinds.h"
#include "domain/simplex.h"

#include <math.h>
#include <stdlib.h>

/* ------------------------------------------------------------------ the threshold */

typedef struct section {
  const double *x, *l, *u;
  int64_t n;
} section;

/* What sum clip(x - tau, l, u) is made of: `fixed` from the coordinates at a bound, `sum` and `free` of the others' x. */
typedef struct split {
  double fixed, sum;
  int64_t free;
} split;

static split split_at(const section *c, double tau) {
  split part = {0};
  for (int64_t i = 0; i < c->n; i++) {
    if (c->x[i] - c->l[i] <= tau) {
      part.fixed += c->l[i];
    } else if (c->x[i] - c->u[i] >= tau) {
      part.fixed += c->u[i];
    } else {
      part.sum += c->x[i];
      part.free++;
    }
  }
  return part;
}

static double total_at(const section *c, double tau) {
  split part = split_at(c, tau);
  return part.fixed + (part.sum - (double)part.free * tau);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The total is piecewise linear and never increases in tau; its kinks are where a coordinate meets a bound. A binary search
 * over the sorted kinks finds the piece that holds s, where tau is linear in s. O(n log n). `kink` has room for 2n. */
static double threshold(const section *c, double s, double *kink) {
  int64_t kinks = 0;
  for (int64_t i = 0; i < c->n; i++) {
    if (isfinite(c->l[i])) kink[kinks++] = c->x[i] - c->l[i];
    if (isfinite(c->u[i])) kink[kinks++] = c->x[i] - c->u[i];
  }
  qsort(kink, (size_t)kinks, sizeof *kink, ascending);
  int64_t low = 0, high = kinks; /* totals are > s before `low`, <= s from `high` on */
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (total_at(c, kink[middle]) > s)
      low = middle + 1;
    else
      high = middle;
  }
  double left = low > 0 ? kink[low - 1] : -INFINITY, right = low < kinks ? kink[low] : INFINITY;
  double inside = low == 0       ? (kinks ? nextafter(right, -INFINITY) : 0)
                  : low == kinks ? nextafter(left, INFINITY)
                                 : left + (right - left) / 2;
  split part = split_at(c, inside);
  if (part.free == 0) return isfinite(right) ? right : left;
  return fmin(fmax((part.sum + part.fixed - s) / (double)part.free, left), right);
}

static double clip(double x, double low, double high) {
  return fmin(fmax(x, low), high);
}

/* sum p = s up to the rounding of p. */
static bool sums_to(const double *p, int64_t n, double s) {
  double size = fabs(s);
  for (int64_t i = 0; i < n; i++) size += fabs(p[i]);
  return fabs(tw_vec_sum(p, (size_t)n) - s) <= 4e-15 * size;
}

/* p = clip(x - tau, l, u). Where x is large tau has not the digits of p: then the point is moved by tau,
 * which leaves small numbers where p is between its bounds, and projected again. `room` has room for 3n. */
static void project_row(section c, double s, double *room, double *p) {
  double *moved = room + 2 * c.n;
  for (int pass = 0; pass < 4; pass++) {
    double tau = threshold(&c, s, room);
    for (int64_t i = 0; i < c.n; i++) {
      moved[i] = c.x[i] - tau;
      p[i] = clip(moved[i], c.l[i], c.u[i]);
    }
    if (sums_to(p, c.n, s)) return;
    c.x = moved;
  }
}

/* ------------------------------------------------------------------ the op: x, l, u [.., n], s [..] */

static bool capped_infer(const tw_args *args, tw_type *type) {
  *type = (tw_type){TW_F64, tw_shape_of(args->in[0])};
  return true;
}

static size_t capped_scratch(tw_expr node) {
  tw_shape shape = tw_shape_of(node);
  return 3 * (size_t)shape.dim[shape.rank - 1] * sizeof(double);
}

/* Feasible up to the rounding of the sums; NaN in a bound is left to the caller. */
static bool check_row(const section *c, double s, double *least, double *most) {
  double low = 0, high = 0, slack = 0;
  for (int64_t i = 0; i < c->n; i++) {
    if (c->l[i] > c->u[i]) return false;
    low += c->l[i];
    high += c->u[i];
    slack += (isfinite(c->l[i]) ? fabs(c->l[i]) : 0) + (isfinite(c->u[i]) ? fabs(c->u[i]) : 0);
  }
  *least = low;
  *most = high;
  slack = 4e-16 * (slack + fabs(s));
  return !(s < low - slack || s > high + slack);
}

static tw_status capped_kernel(const tw_call *call) {
  tw_shape shape = tw_shape_of(call->node);
  int64_t n = shape.dim[shape.rank - 1], size = tw_size_of(call->node);
  for (int64_t row = 0; row * n < size; row++) {
    section c = {(const double *)call->in[0] + row * n, (const double *)call->in[1] + row * n,
                 (const double *)call->in[2] + row * n, n};
    double s = ((const double *)call->in[3])[row], least = 0, most = 0, *p = (double *)call->out + row * n;
    if (!check_row(&c, s, &least, &most))
      return tw_fail(call->error, TW_ERR_INFEASIBLE,
                     "capped_simplex: row %lld shall sum to %g, but its bounds cross or sum to no more than [%g, %g]",
                     (long long)row, s, least, most);
    bool known = isfinite(s);
    for (int64_t i = 0; i < n; i++) known &= isfinite(c.x[i]) && !isnan(c.l[i]) && !isnan(c.u[i]);
    if (known)
      project_row(c, s, call->scratch, p);
    else
      for (int64_t i = 0; i < n; i++) p[i] = NAN;
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ derivatives */

typedef struct masks { /* 0/1: strictly between the bounds, at the lower, at the upper one */
  tw_expr free, low, high;
} masks;

static masks masks_of(tw_expr node) {
  tw_expr low = tw_le(node, tw_input_of(node, 1));
  tw_expr high = tw_and(tw_ge(node, tw_input_of(node, 2)), tw_not(low));
  tw_expr between = tw_not(tw_or(low, high));
  return (masks){tw_cast(between, TW_F64), tw_cast(low, TW_F64), tw_cast(high, TW_F64)};
}

static tw_expr capped_jvp(tw_expr node, const tw_expr *tangents) {
  masks m = masks_of(node);
  tw_expr mask[3] = {m.free, m.low, m.high}, v = TW_NONE;
  for (int i = 0; i < 3; i++) {
    if (tw_is_none(tangents[i])) continue;
    tw_expr part = tw_mul(mask[i], tangents[i]);
    v = tw_is_none(v) ? part : tw_add(v, part);
  }
  if (tw_is_none(v) && tw_is_none(tangents[3])) return TW_NONE;
  return tw_simplex_shift(m.free, v, tangents[3]);
}

static void capped_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  masks m = masks_of(node);
  tw_expr mean = tw_simplex_mean(m.free, cotangent), rest = tw_sub(cotangent, mean);
  cotangents[0] = tw_mul(m.free, rest);
  cotangents[1] = tw_mul(m.low, rest);
  cotangents[2] = tw_mul(m.high, rest);
  cotangents[3] = tw_squeeze(mean, -1);
}

static double capped_flops(tw_expr node) {
  double n = (double)tw_size_of(node);
  return 8 * n * (1 + log2(1 + n));
}

static const tw_op project_capped_simplex = {.name = "project_capped_simplex",
                                             .summary = "the nearest point of each row on {l <= p <= u, sum p = s}",
                                             .flags = TW_OP_BY_ROWS,
                                             .arity = 4,
                                             .infer = capped_infer,
                                             .kernel = capped_kernel,
                                             .scratch = capped_scratch,
                                             .jvp = capped_jvp,
                                             .vjp = capped_vjp,
                                             .batch = tw_batch_leading,
                                             .flops = capped_flops};

tw_expr tw_project_capped_simplex(tw_expr x, tw_expr lower, tw_expr upper, tw_expr s) {
  if (tw_is_none(x) || tw_is_none(lower) || tw_is_none(upper) || tw_is_none(s)) return TW_NONE;
  tw_shape shape = tw_shape_of(x);
  tw_expr in[4] = {tw_cast(x, TW_F64), tw_broadcast(lower, shape), tw_broadcast(upper, shape),
                   tw_broadcast(s, tw_row_shape(shape))};
  return tw_node(x.graph, &project_capped_simplex, 4, in, NULL);
}

/* ------------------------------------------------------------------ the set */

static bool capped_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  if (n < 3) params[2] = tw_scalar(graph, 1);
  return tw_check_rank(graph, "capped_simplex", shape, 1) &&
         tw_check_fits(graph, "capped_simplex", "the lower bound", params[0], shape) &&
         tw_check_fits(graph, "capped_simplex", "the upper bound", params[1], shape) &&
         tw_check_fits(graph, "capped_simplex", "the sum", params[2], tw_row_shape(shape)) &&
         tw_check_ordered(graph, "capped_simplex", params[0], params[1], shape);
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
