/* Minima and roots by Newton's method, with the identity added to its matrix where a step does not help (Levenberg, 1944;
 * Marquardt, 1963; for equations by Gauss and Newton's matrix A'A).
 *
 *   minima     (H + s |H| I) d = -grad f,            f(x + d) <= f + 1e-4 grad f'd
 *   equations  A d = -F;  (A'A + s |A|^2 I) d = -A'F  |F(x + d)|^2 <= |F|^2 + 2e-4 F'A d
 *
 * One iteration factorizes once and takes the step or makes s larger. Where the merit drowns in rounding F decides. */
#include "implicit/lower.h"

#include "graph/ops/lu.h"

#include <math.h>

enum { ITERATIONS = 200 };
#define SUFFICIENT 1e-4     /* share of the decrease that the slope promises */
#define FIRST_SHIFT 1e-3    /* after a step without that failed */
#define LEAST_SHIFT 1e-7    /* below it there is none */
#define MOST_SHIFT 1e20
#define ROUNDING 1e-11      /* relative changes of the merit that say nothing */
#define SHORT 0x1p-48       /* a step that moves x no further */
#define NEAR 1e-9           /* of a condition, relative to its start: it need not get better */

/* What a trial is judged by, at x. */
typedef struct point {
  tw_expr x, f, merit; /* F, and what is made small */
} point;

static tw_expr number(const tw_lowering *l, double value) { return tw_scalar(l->graph, value); }

static point point_at(const tw_lowering *l, tw_expr x) {
  point p = {.x = x, .f = tw_lower_condition(l, x)};
  p.merit = l->nested->objective >= 0 ? tw_lower_objective(l, x) : tw_dot(p.f, p.f);
  return p;
}

/* d and the slope of the merit along it. NaN where the matrix is singular. */
static tw_expr step(const tw_lowering *l, const point *p, tw_expr shift, tw_expr *slope) {
  const bool equations = l->nested->objective < 0;
  const int64_t n = l->nested->n;
  tw_expr a = tw_lower_matrix(l, p->x), size = tw_lower_size(a), eye = tw_eye(l->graph, TW_F64, n, n), m = a, b = p->f;
  if (equations) {
    tw_expr t = tw_matrix_transpose(a), plain = tw_eq(shift, number(l, 0));
    tw_expr damped = tw_add(tw_matmul(t, a), tw_mul(tw_mul(shift, tw_square(size)), eye));
    m = tw_where(plain, a, damped);
    b = tw_where(plain, p->f, tw_matmul(t, p->f));
  } else {
    m = tw_add(a, tw_mul(tw_mul(shift, size), eye));
  }
  tw_expr d = tw_neg(tw_linear_solve_or_nan(m, b));
  *slope = equations ? tw_scale(tw_dot(p->f, tw_matmul(a, d)), 2) : tw_dot(p->f, d);
  return d;
}

/* Whether `to` is better than `from`. */
static tw_expr improves(const tw_lowering *l, const point *from, const point *to, tw_expr slope) {
  tw_expr falls = tw_lt(slope, number(l, 0)), change = tw_sub(to->merit, from->merit);
  tw_expr enough = tw_le(change, tw_scale(slope, SUFFICIENT));
  tw_expr scale = tw_scale(tw_add(tw_abs(from->merit), tw_abs(to->merit)), ROUNDING);
  tw_expr level = tw_and(tw_le(tw_abs(change), scale), tw_lt(tw_lower_size(to->f), tw_lower_size(from->f)));
  return tw_and(falls, tw_or(enough, level));
}

/* Whether this was the last iteration: a step that moved x no further, or one that did not help where F is small or s large. */
static tw_expr is_last(const tw_lowering *l, const point *from, const point *to, tw_expr d, tw_expr helped, tw_expr shift, tw_expr near) {
  tw_expr now = tw_lower_size(from->f), then = tw_lower_size(to->f);
  tw_expr moved = tw_le(tw_lower_size(d), tw_scale(tw_lower_size(to->x), SHORT));
  tw_expr is_near = tw_le(now, near), no_nearer = tw_not(tw_lt(then, tw_scale(now, 0.5)));
  tw_expr stuck = tw_and(tw_not(helped), tw_or(is_near, tw_gt(shift, number(l, MOST_SHIFT))));
  return tw_or(tw_or(tw_eq(now, number(l, 0)), stuck), tw_and(helped, tw_or(moved, tw_and(is_near, no_nearer))));
}

static tw_expr next_shift(const tw_lowering *l, tw_expr shift, tw_expr helped) {
  tw_expr less = tw_scale(shift, 0.1), more = tw_maximum(tw_scale(shift, 10), number(l, FIRST_SHIFT));
  less = tw_where(tw_lt(less, number(l, LEAST_SHIFT)), number(l, 0), less);
  return tw_where(helped, less, more);
}

tw_lowered tw_lower_newton(const tw_lowering *l) {
  tw_graph *g = l->graph;
  const tw_expr start = tw_lower_start(l), one = number(l, 1);
  /* 1, or |F| at the start where that is larger and finite */
  tw_expr first = tw_lower_size(tw_lower_condition(l, start)), unit = tw_where(tw_is_finite(first), tw_maximum(first, one), one);
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), x = tw_input(g, "x", TW_F64, TW_SHAPE(l->nested->n));
  tw_expr shift = tw_input(g, "shift", TW_F64, TW_SCALAR), last = tw_input(g, "last", TW_F64, TW_SCALAR), slope;
  const point from = point_at(l, x);
  const tw_expr d = step(l, &from, shift, &slope);
  const point to = point_at(l, tw_add(x, d));
  tw_expr helped = improves(l, &from, &to, slope);
  tw_expr over = is_last(l, &from, &to, d, helped, shift, tw_scale(unit, NEAR));
  const tw_expr carry[] = {x, shift, last}, init[] = {start, number(l, 0), number(l, 0)};
  const tw_expr next[] = {tw_where(helped, to.x, x), next_shift(l, shift, helped), tw_cast(over, TW_F64)};
  const tw_scan_options options = {.until = tw_gt(last, number(l, 0))};
  tw_expr z = tw_scan_final(tw_scan(k, ITERATIONS, 3, carry, init, next, 0, NULL, &options), 0);
  return (tw_lowered){z, tw_div(tw_lower_size(tw_lower_condition(l, z)), unit)};
}
