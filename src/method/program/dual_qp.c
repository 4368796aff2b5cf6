/* Goldfarb & Idnani, A numerically stable dual method for solving strictly convex quadratic programs (1983); see dense_qp.h.
 *
 * Constraint p is n_p'x >= b_p: a row, or a unit vector, at its lower limit, or with both sides negated at its upper one. The iterate
 * minimises the objective on its active set, with multipliers u >= 0; the most violated constraint joins. With H = L L' and w = L'x
 * the objective is |w|^2 / 2 and the normal L^-1 n_p, for which graph/emit/runtime/active.h has the step. */
#include "method/dense_qp.h"
#include "graph/emit/runtime/active.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double VIOLATED = 1e-12;  /* relative to the size of the terms, when a constraint must join */
static const double DEPENDENT = 1e-11; /* a normal in the span of the active ones */
static const double CONSISTENT = 1e-8; /* what a dependent equation may miss */
enum { REFINEMENTS = 2 };

typedef struct dual {
  const tw_dense_qp *qp;
  tw_dense_qp_answer *out;
  rt_active f;     /* rows: of A, or m + a variable */
  double *l;       /* n x n: L */
  double *normal;  /* n: L^-1 n_p of the constraint that joins */
  double *d, *w;   /* n */
  double *size;    /* m: |a_i| */
  bool *skipped;   /* m + n: a dependent equation that holds */
  double *block;
} dual;

/* ------------------------------------------------------------------ H = L L' */

/* The Cholesky factor of H + shift I by rows into the lower triangle of l. */
static bool cholesky(int64_t n, const double *h, double shift, double *l) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j <= i; j++) {
      const double *a = l + i * n, *b = l + j * n;
      const double sum = h[i * n + j] + (i == j ? shift : 0) - rt_active_dot(j, a, b);
      if (i != j)
        l[i * n + j] = sum / l[j * n + j];
      else if (sum > 8 * DBL_EPSILON * fabs(h[i * n + i]) && isfinite(sum))
        l[i * n + i] = sqrt(sum);
      else
        return false;
    }
  return true;
}

bool tw_dense_is_definite(int64_t n, const double *h, double shift, double *work) {
  return cholesky(n, h, shift, work);
}

/* x = L^-1 x, of which the first `zeros` are 0. */
static void forward(const dual *s, int64_t zeros, double *x) {
  const int64_t n = s->qp->n;
  for (int64_t i = zeros; i < n; i++) {
    const double *l = s->l + i * n;
    x[i] = (x[i] - rt_active_dot(i - zeros, l + zeros, x + zeros)) / l[i];
  }
}

/* x = L^-T x */
static void backward(const dual *s, double *x) {
  const int64_t n = s->qp->n;
  for (int64_t i = n; i-- > 0;) {
    const double *l = s->l + i * n;
    x[i] /= l[i];
    for (int64_t k = 0; k < i; k++) x[k] -= l[k] * x[i];
  }
}

/* ------------------------------------------------------------------ constraints */

static const double *row_of(const dual *s, int64_t p) { return p < s->qp->m ? s->qp->a + p * s->qp->n : NULL; }

static double limit(const dual *s, int64_t p, int sign) {
  const tw_dense_qp *qp = s->qp;
  if (p < qp->m) return sign < 0 ? qp->al[p] : qp->au[p];
  const double *bound = sign < 0 ? qp->l : qp->u;
  return bound ? bound[p - qp->m] : sign < 0 ? -INFINITY : INFINITY;
}

static bool is_equation(const dual *s, int64_t p) { return limit(s, p, -1) == limit(s, p, 1); }

static double size_of(const dual *s, int64_t p) { return p < s->qp->m ? s->size[p] : 1; }

static double value_of(const dual *s, int64_t p) {
  const double *row = row_of(s, p);
  return row ? rt_active_dot(s->qp->n, row, s->out->x) : s->out->x[p - s->qp->m];
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
  for (int64_t k = 0; k <= s->f.q; k++) {
    const bool last = k == s->f.q;
    if (last && p < 0) return;
    const int64_t i = last ? p : s->f.row[k];
    const double y = last ? sign * u_p : s->out->active[i] * s->f.y[k];
    if (i < m)
      s->out->y[i] += y;
    else
      s->out->z[i - m] += y;
  }
}

/* L^-1 n_p with n_p = -sign a_p. */
static void take_normal(dual *s, int64_t p, int sign) {
  const int64_t n = s->qp->n, k = p - s->qp->m;
  const double *row = row_of(s, p);
  for (int64_t i = 0; i < n; i++) s->normal[i] = row ? -sign * row[i] : i == k ? -sign : 0;
  forward(s, row ? 0 : k, s->normal);
}

typedef enum step { STEP_ADDED, STEP_SKIPPED, STEP_DROPPED, STEP_INFEASIBLE } step;

/* n_p = N r, r = coefficient, and no step meets p with the active set N. */
static step contradiction(dual *s, int64_t p, int sign, double gap) {
  double scale = fabs(limit(s, p, sign));
  for (int64_t k = 0; k < s->f.n; k++) scale = fmax(scale, fabs(s->out->x[k]) * size_of(s, p));
  if (gap <= CONSISTENT * fmax(1e-3 * size_of(s, p), scale)) return STEP_SKIPPED;
  for (int64_t k = 0; k < s->f.q; k++) s->f.y[k] = s->f.equation[k] ? -s->f.coefficient[k] : fmax(0, -s->f.coefficient[k]);
  return STEP_INFEASIBLE;
}

/* *u_p: the multiplier of p so far. */
static step advance(dual *s, int64_t p, int sign, double *u_p) {
  const int64_t n = s->f.n;
  memcpy(s->f.direction, s->normal, (size_t)n * sizeof(double));
  const double left = rt_active_split(&s->f), gap = fmax(0, sign * (value_of(s, p) - limit(s, p, sign)));
  int64_t leaves;
  const double t = rt_active_step(&s->f, left, gap, &leaves);
  if (!(t < INFINITY)) return contradiction(s, p, sign, gap);
  if (left > 0) {
    memcpy(s->d, s->f.direction, (size_t)n * sizeof(double));
    backward(s, s->d);
    for (int64_t k = 0; k < n; k++) s->out->x[k] += t * s->d[k];
  }
  *u_p += t;
  s->out->iterations++;
  if (leaves < 0) {
    s->out->active[p] = (signed char)sign;
    rt_active_add(&s->f, left, p, is_equation(s, p), *u_p);
    return STEP_ADDED;
  }
  s->out->active[s->f.row[leaves]] = 0;
  rt_active_drop(&s->f, leaves);
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

/* H dx - N du = r1, N'dx = r2:  with L^-1 r1 = Q'c + e, Q e = 0, and w = R^-T r2,  dx = L^-T (Q'w + e),  R du = w - c. */
static void refine(dual *s) {
  const int64_t n = s->qp->n, q = s->f.q;
  double *e = s->f.direction;
  stationarity(s, e);
  forward(s, 0, e);
  rt_active_split(&s->f);
  for (int64_t k = 0; k < q; k++) {
    const int64_t p = s->f.row[k];
    const int sign = s->out->active[p];
    s->w[k] = sign * (value_of(s, p) - limit(s, p, sign));
  }
  rt_active_solve_transposed(&s->f, s->w);
  for (int64_t k = 0; k < q; k++) {
    s->d[k] = s->w[k] - s->f.along[k];
    for (int64_t i = 0; i < n; i++) e[i] += s->w[k] * s->f.basis[k * n + i];
  }
  rt_active_solve(&s->f, s->d);
  for (int64_t k = 0; k < q; k++) {
    const double u = s->f.y[k] + s->d[k];
    s->f.y[k] = s->f.equation[k] ? u : fmax(0, u);
  }
  backward(s, e);
  for (int64_t k = 0; k < n; k++) s->out->x[k] += e[k];
  take_multipliers(s, -1, 0, 0);
}

/* Variables at a bound are exactly there. */
static void snap(dual *s) {
  for (int64_t k = 0; k < s->f.q; k++) {
    const int64_t p = s->f.row[k];
    if (p >= s->qp->m) s->out->x[p - s->qp->m] = limit(s, p, s->out->active[p]);
  }
}

/* ------------------------------------------------------------------ the whole */

static tw_status open_dual(dual *s, const tw_dense_qp *qp, tw_dense_qp_answer *out, tw_error *error) {
  const size_t n = (size_t)qp->n, m = (size_t)qp->m;
  *s = (dual){.qp = qp, .out = out};
  s->block = tw_alloc(n * n + 3 * n + m + rt_active_room(qp->n), sizeof *s->block);
  s->skipped = tw_alloc(m + n, sizeof *s->skipped);
  if (!s->block || !s->skipped) return tw_fail(error, TW_ERR_MEMORY, "out of memory");
  s->l = s->block, s->normal = s->l + n * n, s->d = s->normal + n, s->w = s->d + n, s->size = s->w + n;
  s->f = rt_active_make(qp->n, DEPENDENT, s->size + m);
  for (size_t i = 0; i < m; i++) s->size[i] = sqrt(rt_active_dot(qp->n, qp->a + i * n, qp->a + i * n));
  if (!cholesky(qp->n, qp->h, 0, s->l))
    return tw_fail(error, TW_ERR_SINGULAR, "the quadratic program's Hessian is not positive definite");
  return TW_OK;
}

/* x = -L^-T L^-1 q, the minimum without constraints. */
static void start(dual *s) {
  for (int64_t k = 0; k < s->qp->n; k++) s->out->x[k] = -s->qp->q[k];
  forward(s, 0, s->out->x);
  backward(s, s->out->x);
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
    take_normal(s, p, sign);
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
  free(s.skipped);
  return status;
}

size_t tw_dense_rank_work(int64_t n) {
  return rt_active_room(n);
}

int64_t tw_dense_rank(int64_t n, int64_t m, const double *a, double tolerance, double *work) {
  rt_active f = rt_active_make(n, tolerance, work);
  for (int64_t i = 0; i < m && f.q < n; i++) {
    memcpy(f.direction, a + i * n, (size_t)n * sizeof *a);
    const double left = rt_active_split(&f);
    if (left > 0) rt_active_add(&f, left, i, true, 0);
  }
  return f.q;
}
