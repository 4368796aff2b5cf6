/* Goldfarb & Idnani, A numerically stable dual method for solving strictly convex quadratic programs (1983); see dual_qp.h.
 *
 * Constraint p is n_p'x >= b_p: a row, or a unit vector, at its lower limit, or with both sides negated at its upper one. The
 * iterate minimises the objective on its active set, with multipliers u >= 0; the most violated constraint joins:
 *   d = J'n_p = (d1, d2),  z = J2 d2 (primal direction),  r = R^-1 d1 (dual one: u moves by -r, u_p by 1)
 * as far as it is met, or as a multiplier in between becomes zero, whose constraint then leaves. */
#include "method/program/dual_qp.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double VIOLATED = 1e-12;  /* relative to the size of the terms, when a constraint must join */
static const double DEPENDENT = 1e-11; /* |d2| / |d|: a normal in the span of the active ones */
static const double CONSISTENT = 1e-8; /* what a dependent equation may miss */
enum { REFINEMENTS = 2 };

typedef struct dual {
  const tw_dense_qp *qp;
  tw_dense_qp_answer *out;
  tw_dual_factor f;
  int64_t *index;  /* active constraints: a row, or m + a variable */
  double *u, *d, *r, *w, *residual;
  double *size;    /* m: |a_i| */
  bool *skipped;   /* m + n: a dependent equation that holds */
  double *block;
} dual;

static double *row_of(const dual *s, int64_t p) { return (double *)(uintptr_t)(p < s->qp->m ? s->qp->a + p * s->qp->n : NULL); }

static double limit(const dual *s, int64_t p, int sign) {
  const tw_dense_qp *qp = s->qp;
  if (p < qp->m) return sign < 0 ? qp->al[p] : qp->au[p];
  const double *bound = sign < 0 ? qp->l : qp->u;
  return bound ? bound[p - qp->m] : sign < 0 ? -INFINITY : INFINITY;
}

static bool is_equation(const dual *s, int64_t p) { return limit(s, p, -1) == limit(s, p, 1); }

static double dot(int64_t n, const double *a, const double *b) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

static double size_of(const dual *s, int64_t p) { return p < s->qp->m ? s->size[p] : 1; }

static double value_of(const dual *s, int64_t p) {
  const double *row = row_of(s, p);
  return row ? dot(s->qp->n, row, s->out->x) : s->out->x[p - s->qp->m];
}

/* How far p is beyond its nearest limit, in the units of |n_p| = 1 and less what rounding explains; *sign tells which. */
static double violation(const dual *s, int64_t p, double scale, int *sign) {
  const double size = size_of(s, p);
  if (!(size > 0)) return *sign = 1, 0;
  const double value = value_of(s, p), low = limit(s, p, -1) - value, high = value - limit(s, p, 1);
  *sign = high > low ? 1 : -1;
  const double beyond = fmax(low, high) / size, bound = limit(s, p, *sign);
  return beyond > VIOLATED * (scale + fabs(bound) / size) ? beyond : 0;
}

/* The most violated constraint, equations first, then those of the guess; -1: none. */
static int64_t choose(const dual *s, const signed char *guess, int *sign) {
  const int64_t m = s->qp->m, all = m + s->qp->n;
  double scale = 1, worst = 0;
  for (int64_t k = 0; k < s->qp->n; k++) scale = fmax(scale, fabs(s->out->x[k]));
  int64_t best = -1;
  int rank = 0;
  for (int64_t p = 0; p < all; p++) {
    int side = 0;
    if (s->out->active[p] || s->skipped[p]) continue;
    const bool equation = is_equation(s, p);
    const double v = violation(s, p, scale, &side);
    if (v == 0 && !equation) continue;
    const int preference = equation ? 2 : guess[p] == side;
    if (preference < rank || (preference == rank && best >= 0 && !(v > worst))) continue;
    best = p, *sign = side, worst = v, rank = preference;
  }
  return best;
}

/* ------------------------------------------------------------------ one constraint */

/* y and z from the multipliers of the active set, and u_p of one that is on its way. */
static void take_multipliers(dual *s, int64_t p, int sign, double u_p) {
  const int64_t m = s->qp->m;
  memset(s->out->y, 0, (size_t)m * sizeof(double));
  memset(s->out->z, 0, (size_t)s->qp->n * sizeof(double));
  for (int64_t k = 0; k <= s->f.active; k++) {
    const bool last = k == s->f.active;
    if (last && p < 0) return;
    const int64_t i = last ? p : s->index[k];
    const double y = last ? sign * u_p : s->out->active[i] * s->u[k];
    if (i < m)
      s->out->y[i] += y;
    else
      s->out->z[i - m] += y;
  }
}

/* Where a multiplier becomes zero along -r; equations stay. */
static double longest(const dual *s, int64_t *leaves) {
  double t = INFINITY;
  double largest = 0;
  for (int64_t k = 0; k < s->f.active; k++) largest = fmax(largest, fabs(s->r[k]));
  for (int64_t k = 0; k < s->f.active; k++) {
    if (is_equation(s, s->index[k]) || !(s->r[k] > 64 * DBL_EPSILON * largest) || !(s->u[k] / s->r[k] < t)) continue;
    t = fmax(0, s->u[k] / s->r[k]);
    *leaves = k;
  }
  return t;
}

static void drop(dual *s, int64_t k) {
  const int64_t rest = s->f.active - k - 1;
  s->out->active[s->index[k]] = 0;
  tw_dual_factor_drop(&s->f, k);
  memmove(s->index + k, s->index + k + 1, (size_t)rest * sizeof *s->index);
  memmove(s->u + k, s->u + k + 1, (size_t)rest * sizeof *s->u);
  s->out->iterations++;
}

static void add(dual *s, int64_t p, int sign, double u_p) {
  s->index[s->f.active] = p;
  s->u[s->f.active] = u_p;
  s->out->active[p] = (signed char)sign;
  tw_dual_factor_add(&s->f, s->d);
  s->out->iterations++;
}

/* d = J'n_p with n_p = -sign a_p, and r; |d2|^2, or 0 when n_p depends on the active normals. */
static double directions(dual *s, int64_t p, int sign) {
  const int64_t n = s->f.n, q = s->f.active;
  tw_dual_factor_image(&s->f, row_of(s, p), p - s->qp->m, s->d);
  for (int64_t i = 0; i < n; i++) s->d[i] *= -sign;
  memcpy(s->r, s->d, (size_t)q * sizeof *s->r);
  tw_dual_factor_solve(&s->f, s->r);
  const double all = dot(n, s->d, s->d), free = dot(n - q, s->d + q, s->d + q);
  return free > DEPENDENT * DEPENDENT * all ? free : 0;
}

typedef enum step { STEP_ADDED, STEP_SKIPPED, STEP_DROPPED, STEP_INFEASIBLE } step;

/* *u_p: the multiplier of p so far. */
static step advance(dual *s, int64_t p, int sign, double *u_p) {
  const int64_t n = s->f.n;
  const double free = directions(s, p, sign), gap = fmax(0, sign * (value_of(s, p) - limit(s, p, sign)));
  int64_t leaves = -1;
  double partial = longest(s, &leaves);
  const double full = free > 0 ? gap / free : INFINITY;
  if (!isfinite(full) && !isfinite(partial)) {
    double scale = fabs(limit(s, p, sign));
    for (int64_t k = 0; k < n; k++) scale = fmax(scale, fabs(s->out->x[k]) * size_of(s, p));
    if (gap <= CONSISTENT * fmax(1e-3 * size_of(s, p), scale)) return STEP_SKIPPED;
    for (int64_t k = 0; k < s->f.active; k++) s->u[k] = is_equation(s, s->index[k]) ? -s->r[k] : fmax(0, -s->r[k]);
    return STEP_INFEASIBLE;
  }
  const double t = fmin(full, partial);
  if (isfinite(full))
    for (int64_t i = s->f.active; i < n; i++) {
      const double *column = s->f.j + i * n;
      for (int64_t k = 0; k < n; k++) s->out->x[k] += t * s->d[i] * column[k];
    }
  for (int64_t k = 0; k < s->f.active; k++) s->u[k] -= t * s->r[k];
  *u_p += t;
  if (full <= partial) {
    add(s, p, sign, *u_p);
    return STEP_ADDED;
  }
  s->u[leaves] = 0;
  drop(s, leaves);
  return STEP_DROPPED;
}

/* ------------------------------------------------------------------ the end */

/* residual = -(H x + q + A'y + z). */
static void stationarity(const dual *s, double *residual) {
  const int64_t n = s->qp->n;
  for (int64_t i = 0; i < n; i++) residual[i] = -s->qp->q[i] - s->out->z[i];
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = 0; k <= i; k++) {
      const double h = s->qp->h[i * n + k];
      residual[i] -= h * s->out->x[k];
      if (k != i) residual[k] -= h * s->out->x[i];
    }
  for (int64_t p = 0; p < s->qp->m; p++)
    for (int64_t i = 0; s->out->y[p] != 0 && i < n; i++) residual[i] -= s->qp->a[p * n + i] * s->out->y[p];
}

/* H dx - N du = r1, N'dx = r2 with dx = J w:  w1 = R^-T r2,  w2 = J2'r1,  R du = w1 - J1'r1. */
static void refine(dual *s) {
  const int64_t n = s->qp->n, q = s->f.active;
  stationarity(s, s->residual);
  tw_dual_factor_image(&s->f, s->residual, 0, s->d);
  for (int64_t k = 0; k < q; k++) {
    const int64_t p = s->index[k];
    const int sign = s->out->active[p];
    s->w[k] = sign * (value_of(s, p) - limit(s, p, sign));
  }
  tw_dual_factor_solve_transposed(&s->f, s->w);
  for (int64_t k = 0; k < q; k++) s->r[k] = s->w[k] - s->d[k];
  tw_dual_factor_solve(&s->f, s->r);
  for (int64_t k = 0; k < q; k++) {
    const double u = s->u[k] + s->r[k];
    s->u[k] = is_equation(s, s->index[k]) ? u : fmax(0, u);
  }
  for (int64_t i = 0; i < n; i++) {
    const double w = i < q ? s->w[i] : s->d[i], *column = s->f.j + i * n;
    for (int64_t k = 0; k < n; k++) s->out->x[k] += w * column[k];
  }
  take_multipliers(s, -1, 0, 0);
}

/* Variables at a bound are exactly there. */
static void snap(dual *s) {
  for (int64_t k = 0; k < s->f.active; k++) {
    const int64_t p = s->index[k];
    if (p >= s->qp->m) s->out->x[p - s->qp->m] = limit(s, p, s->out->active[p]);
  }
}

/* ------------------------------------------------------------------ the whole */

static tw_status open_dual(dual *s, const tw_dense_qp *qp, tw_dense_qp_answer *out, tw_error *error) {
  const size_t n = (size_t)qp->n, m = (size_t)qp->m;
  *s = (dual){.qp = qp, .out = out, .f = {.n = qp->n}};
  s->block = tw_alloc(2 * n * n + 5 * n + m + 1, sizeof *s->block);
  s->index = tw_alloc(n + 1, sizeof *s->index);
  s->skipped = tw_alloc(m + n, sizeof *s->skipped);
  if (!s->block || !s->index || !s->skipped) return tw_fail(error, TW_ERR_MEMORY, "out of memory");
  double **const parts[] = {&s->u, &s->d, &s->r, &s->w, &s->residual};
  s->f.j = s->block, s->f.r = s->block + n * n, s->size = s->block + 2 * n * n;
  for (size_t i = 0; i < 5; i++) *parts[i] = s->size + m + i * n;
  for (size_t i = 0; i < m; i++) s->size[i] = sqrt(dot(qp->n, qp->a + i * n, qp->a + i * n));
  if (!tw_dual_factor_start(&s->f, qp->h))
    return tw_fail(error, TW_ERR_SINGULAR, "the quadratic program's Hessian is not positive definite");
  return TW_OK;
}

/* x = -J J'q, the minimum without constraints. */
static void start(dual *s) {
  const int64_t n = s->qp->n;
  tw_dual_factor_image(&s->f, s->qp->q, 0, s->d);
  memset(s->out->x, 0, (size_t)n * sizeof(double));
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = 0; k < n; k++) s->out->x[k] -= s->d[i] * s->f.j[i * n + k];
}

/* A row of zeros whose limits exclude 0 is infeasible by itself. */
static int64_t impossible_row(const dual *s) {
  for (int64_t p = 0; p < s->qp->m; p++)
    if (s->size[p] == 0 && (s->qp->al[p] > 0 || s->qp->au[p] < 0)) return p;
  return -1;
}

static tw_status iterate(dual *s, const signed char *guess, tw_error *error) {
  const int64_t most = 100 * (s->qp->n + s->qp->m) + 1000;
  tw_dense_qp_answer *out = s->out;
  const int64_t empty = impossible_row(s);
  out->feasible = empty < 0;
  if (empty >= 0) {
    take_multipliers(s, empty, s->qp->al[empty] > 0 ? -1 : 1, 1);
    return TW_OK;
  }
  int sign = 0;
  for (int64_t p; (p = choose(s, guess, &sign)) >= 0;) {
    double u_p = 0;
    step made = STEP_DROPPED;
    while (made == STEP_DROPPED && out->iterations <= most) made = advance(s, p, sign, &u_p);
    if (made == STEP_DROPPED) return tw_fail(error, TW_ERR_LIMIT, "the dual active-set method cycles");
    s->skipped[p] = made == STEP_SKIPPED;
    if (made == STEP_INFEASIBLE) {
      out->feasible = false;
      take_multipliers(s, p, sign, 1);
      return TW_OK;
    }
  }
  take_multipliers(s, -1, 0, 0);
  for (int i = 0; i < REFINEMENTS; i++) refine(s);
  snap(s);
  return TW_OK;
}

tw_status tw_dense_qp_solve(const tw_dense_qp *qp, tw_dense_qp_answer *answer, tw_error *error) {
  dual s;
  const size_t all = (size_t)(qp->n + qp->m);
  answer->iterations = 0;
  signed char *guess = tw_alloc(all + 1, sizeof *guess);
  tw_status status = open_dual(&s, qp, answer, error);
  if (status == TW_OK && !guess) status = tw_fail(error, TW_ERR_MEMORY, "out of memory");
  if (status == TW_OK) {
    memcpy(guess, answer->active, all);
    memset(answer->active, 0, all);
    start(&s);
    status = iterate(&s, guess, error);
  }
  free(guess);
  free(s.block);
  free(s.index);
  free(s.skipped);
  return status;
}
