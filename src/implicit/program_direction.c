/* Derivatives of a program's solution where it is not regular, along one direction of theta, on one side.
 *
 * With active gradients a_i that depend on each other the multipliers are a polyhedron Lambda; those that count are the solution of
 *   max over lambda in Lambda of d L(lambda),  whose dual is  min grad f'd  subject to  a_i'd <= d(limit_i) - d c_i  (= for equations)
 * (Gauvin & Dubeau 1982). With them the solution moves by the d of
 *   min 1/2 d'H d + q'd,  q = d(grad_x L),  with equality where lambda_i is not zero
 * (Jittorntrum 1984; Ralph & Dempe 1995), the smallest d of all that solve it. Variables with one limit for both sides move with it. */
#include "implicit/program.h"
#include "base/try.h"
#include "method/dense_qp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double ZERO_MULTIPLIER = 1e-7;  /* relative to grad f */
static const double SHIFT = 1e-6, FLAT = 1e-10; /* of H relative to its size: of proximal steps; curvature that counts as none */
static const double SETTLED = 1e-10, DEPENDENT = 1e-8;
enum { PROXIMAL_MOST = 40, PENALTIES = 4 };

typedef struct local { /* the problem in the variables that are free to move or at a bound: n of them, m active rows */
  tw_program *s;
  int64_t n, m;
  int64_t *variable, *row;
  double *a, *r, *bound;      /* m x n; m: d(limit) - d c; n: d(limit) of active bounds */
  double *lambda, *mu;        /* m, n */
  double *g;                  /* n: -(A'lambda + mu) */
  double *h, *q;              /* n x n, n */
  double *al, *au, *l, *u;    /* limits of a quadratic program: m + n + 1, n */
  double *d, *last, *y, *z;   /* its answer: n, n, m + n + 1, n */
  double *work, *shifted, *rows; /* tw_dense_rank_work(n), n x n, (m + 2 n + 1) x n */
  double *linear;             /* n: q of a quadratic program */
  signed char *active;
  double *block;
} local;

/* ------------------------------------------------------------------ opening */

static tw_status allocate(local *c, tw_error *error) {
  const size_t n = (size_t)c->n, m = (size_t)c->m, rows = m + n + 1;
  const struct {
    double **at;
    size_t size;
  } parts[] = {{&c->a, m * n}, {&c->r, m}, {&c->bound, n}, {&c->lambda, m}, {&c->mu, n}, {&c->g, n}, {&c->h, n * n},
               {&c->q, n}, {&c->al, rows}, {&c->au, rows}, {&c->l, n}, {&c->u, n}, {&c->d, n}, {&c->last, n}, {&c->y, rows},
               {&c->z, n}, {&c->work, tw_dense_rank_work(c->n)}, {&c->shifted, n * n}, {&c->rows, (rows + n) * n}, {&c->linear, n}};
  size_t total = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) total += parts[i].size;
  c->block = tw_alloc(total, sizeof *c->block);
  c->active = tw_alloc(rows + n, sizeof *c->active);
  if (!c->block || !c->active) return tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  total = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    *parts[i].at = c->block + total;
    total += parts[i].size;
  }
  return TW_OK;
}

/* H and q at the program's multipliers; what variables that only follow their limits add to q. */
static void take_curvature(local *c, const int64_t *place, const double *moved) {
  const tw_program *s = c->s;
  double *pull = s->scratch;
  memset(pull, 0, (size_t)s->n * sizeof *pull);
  csc_add_symmetric(&s->hessian, 1, moved, pull);
  memset(c->h, 0, (size_t)(c->n * c->n) * sizeof *c->h);
  for (int64_t k = 0; k < s->n; k++) {
    if (place[k] < 0) continue;
    c->q[place[k]] = s->d_stationarity[k] + pull[k];
    for (int64_t p = s->hessian.start[k]; p < s->hessian.start[k + 1]; p++) {
      const int64_t i = place[s->hessian.row[p]];
      if (i >= 0) c->h[i * c->n + place[k]] = c->h[place[k] * c->n + i] = s->h[p];
    }
  }
}

static void take_rows(local *c, const int64_t *place, const double *moved) {
  const tw_program *s = c->s;
  double *pull = s->scratch;
  int64_t *at = c->row, count = 0;
  memset(pull, 0, (size_t)s->m * sizeof *pull);
  csc_add(&s->jacobian, 1, moved, pull);
  for (int64_t i = 0; i < s->m; i++) {
    if (s->side[s->n + i] == TW_SIDE_NONE) continue;
    c->r[count] = tw_program_limit(s, s->n + i) - s->d_rows[i] - pull[i];
    c->lambda[count] = s->y[i];
    at[count++] = i;
  }
  for (int64_t i = 0, next = 0; i < s->m; i++) at[s->m + i] = next < count && at[next] == i ? next++ : -1; /* row -> place */
  for (int64_t k = 0; k < s->n; k++)
    for (int64_t p = s->jacobian.start[k]; place[k] >= 0 && p < s->jacobian.start[k + 1]; p++) {
      const int64_t i = at[s->m + s->jacobian.row[p]];
      if (i >= 0) c->a[i * c->n + place[k]] = s->j[p];
    }
}

/* g from the multipliers, so that they meet the optimality condition exactly. */
static void take_bounds(local *c) {
  const tw_program *s = c->s;
  for (int64_t k = 0; k < c->n; k++) {
    const int64_t i = c->variable[k];
    c->bound[k] = s->side[i] == TW_SIDE_NONE ? 0 : tw_program_limit(s, i);
    c->mu[k] = s->side[i] == TW_SIDE_NONE ? 0 : s->multiplier[i];
    c->g[k] = -c->mu[k];
    for (int64_t p = 0; p < c->m; p++) c->g[k] -= c->a[p * c->n + k] * c->lambda[p];
  }
}

/* ------------------------------------------------------------------ quadratic programs on the active limits */

static void set_limit(double r, int side, bool equation, double *lower, double *upper) {
  *lower = equation || side == TW_SIDE_LOWER || side == TW_SIDE_BOTH ? r : -INFINITY;
  *upper = equation || side == TW_SIDE_UPPER || side == TW_SIDE_BOTH ? r : INFINITY;
  if (side == TW_SIDE_NONE) *lower = -INFINITY, *upper = INFINITY;
}

/* `strong`: with equality where the multiplier is not zero. */
static void set_limits(local *c, bool strong, double size) {
  const tw_program *s = c->s;
  for (int64_t p = 0; p < c->m; p++)
    set_limit(c->r[p], s->side[s->n + c->row[p]], strong && fabs(c->lambda[p]) > size, &c->al[p], &c->au[p]);
  for (int64_t k = 0; k < c->n; k++)
    set_limit(c->bound[k], s->side[c->variable[k]], strong && fabs(c->mu[k]) > size, &c->l[k], &c->u[k]);
}

/* min 1/2 d'H d + q'd; *found is false when no d meets the limits. */
static tw_status solve(local *c, const double *h, const double *q, int64_t m, const double *a, bool *found, tw_error *error) {
  const tw_dense_qp qp = {c->n, m, h, q, a, c->al, c->au, c->l, c->u};
  tw_dense_qp_answer out = {.x = c->d, .y = c->y, .z = c->z, .active = c->active};
  const tw_status status = tw_dense_qp_solve(&qp, &out, error);
  *found = status == TW_OK && out.feasible;
  return status == TW_ERR_SINGULAR || status == TW_ERR_LIMIT ? TW_OK : status;
}

/* Proximal steps with H + eps I, which end at a solution when there is one (Rockafellar 1976; for linear programs after finitely
 * many). */
static tw_status proximal(local *c, const double *h, const double *q, double eps, bool *found, tw_error *error) {
  const int64_t n = c->n;
  double *linear = c->linear;
  memset(c->last, 0, (size_t)n * sizeof(double));
  memset(c->active, 0, (size_t)(c->m + n));
  for (int64_t i = 0; i < n * n; i++) c->shifted[i] = h ? h[i] : 0;
  for (int64_t k = 0; k < n; k++) c->shifted[k * n + k] += eps;
  for (int step = 0; step < PROXIMAL_MOST; step++) {
    double moved = 0, size = 1;
    for (int64_t k = 0; k < n; k++) linear[k] = q[k] - eps * c->last[k];
    TW_TRY(solve(c, c->shifted, linear, c->m, c->a, found, error));
    if (!*found) return TW_OK;
    for (int64_t k = 0; k < n; k++) {
      moved = fmax(moved, fabs(c->d[k] - c->last[k]));
      size = fmax(size, fabs(c->d[k]));
    }
    memcpy(c->last, c->d, (size_t)n * sizeof(double));
    if (moved <= SETTLED * size) return TW_OK;
  }
  *found = false;
  return TW_OK;
}

static double largest(int64_t n, const double *v) { return tw_vec_norm_inf(v, (size_t)n); }

/* The multipliers that count on this side. */
static tw_status choose_multipliers(local *c, bool *found, tw_error *error) {
  const double moves = fmax(1, fmax(largest(c->m, c->r), largest(c->n, c->bound)));
  set_limits(c, false, 0);
  TW_TRY(proximal(c, NULL, c->g, 1e-3 * fmax(largest(c->n, c->g), 1e-6) / moves, found, error));
  if (!*found) return TW_OK;
  memcpy(c->lambda, c->y, (size_t)c->m * sizeof(double));
  memcpy(c->mu, c->z, (size_t)c->n * sizeof(double));
  return TW_OK;
}

/* H + rho sum a a', q - rho sum a r over the equations: the same on all d that meet them. */
static void penalise(local *c, double rho) {
  const int64_t n = c->n;
  for (int64_t p = 0; p < c->m; p++) {
    const double *a = c->a + p * n;
    double size = 0;
    for (int64_t k = 0; k < n; k++) size += a[k] * a[k];
    if (c->al[p] != c->au[p] || !(size > 0)) continue;
    for (int64_t k = 0; k < n; k++) {
      c->q[k] -= rho / size * a[k] * c->r[p];
      for (int64_t i = 0; a[k] != 0 && i < n; i++) c->h[k * n + i] += rho / size * a[k] * a[i];
    }
  }
  for (int64_t k = 0; k < n; k++) {
    if (c->l[k] != c->u[k]) continue;
    c->h[k * n + k] += rho;
    c->q[k] -= rho * c->bound[k];
  }
}

/* Whether H, the equations and the limits that press leave no direction. */
static bool is_unique(local *c) {
  const int64_t n = c->n, m = c->m;
  double *row = c->rows;
  for (int64_t i = 0; i < m; i++)
    if (c->y[i] != 0) memcpy(row, c->a + i * n, (size_t)n * sizeof *row), row += n;
  for (int64_t k = 0; k < n; k++) {
    if (c->z[k] == 0) continue;
    memset(row, 0, (size_t)n * sizeof *row);
    row[k] = 1;
    row += n;
  }
  memcpy(row, c->h, (size_t)(n * n) * sizeof *row);
  return n == 0 || tw_dense_rank(n, (row - c->rows) / n + n, c->rows, DEPENDENT, c->work) == n;
}

/* The smallest of all d with the same H d, q'd and limits. */
static tw_status least_norm(local *c, bool *found, tw_error *error) {
  const int64_t n = c->n, m = c->m;
  double size = 0;
  memcpy(c->rows, c->a, (size_t)(m * n) * sizeof(double));
  memcpy(c->rows + m * n, c->h, (size_t)(n * n) * sizeof(double));
  memcpy(c->rows + (m + n) * n, c->q, (size_t)n * sizeof(double));
  for (int64_t p = m; p <= m + n; p++) size = fmax(size, largest(n, c->rows + p * n));
  for (int64_t p = m; p <= m + n; p++) {
    double value = 0;
    for (int64_t k = 0; k < n; k++) value += c->rows[p * n + k] * c->last[k];
    const bool counts = largest(n, c->rows + p * n) > FLAT * size;
    c->al[p] = counts ? value : -INFINITY;
    c->au[p] = counts ? value : INFINITY;
  }
  memset(c->shifted, 0, (size_t)(n * n) * sizeof(double));
  memset(c->linear, 0, (size_t)n * sizeof(double));
  memset(c->active, 0, (size_t)(m + 2 * n + 1));
  for (int64_t k = 0; k < n; k++) c->shifted[k * n + k] = 1;
  TW_TRY(solve(c, c->shifted, c->linear, m + n + 1, c->rows, found, error));
  if (!*found) memcpy(c->d, c->last, (size_t)n * sizeof(double)); /* rounding: any solution will do */
  *found = true;
  return TW_OK;
}

/* The motion of the solution with the multipliers at hand. The penalty grows until H is definite, or all but definite: then the
 * solution is not isolated. */
static tw_status move(local *c, double gradient, bool *found, bool *singular, tw_error *error) {
  const double curvature = largest(c->n * c->n, c->h), base = curvature > 0 ? curvature : 1;
  double rho = 10 * base;
  set_limits(c, true, ZERO_MULTIPLIER * gradient);
  for (int k = 0; k < PENALTIES; k++, rho *= 100) {
    penalise(c, rho);
    if (tw_dense_is_definite(c->n, c->h, -FLAT * base, c->work)) {
      memset(c->active, 0, (size_t)(c->m + c->n));
      return solve(c, c->h, c->q, c->m, c->a, found, error);
    }
    if (!tw_dense_is_definite(c->n, c->h, SHIFT * base, c->work)) continue;
    TW_TRY(proximal(c, c->h, c->q, SHIFT * base, found, error));
    if (!*found || is_unique(c)) return TW_OK;
    *singular = true;
    return least_norm(c, found, error);
  }
  *found = false; /* no minimum of second order */
  return TW_OK;
}

/* ------------------------------------------------------------------ the whole */

static tw_status open_local(local *c, int64_t *place, double *moved, tw_error *error) {
  tw_program *s = c->s;
  for (int64_t k = 0; k < s->n; k++) {
    const bool follows = s->side[k] == TW_SIDE_BOTH;
    place[k] = follows ? -1 : c->n;
    moved[k] = follows ? tw_program_limit(s, k) : 0;
    if (!follows) c->variable[c->n++] = k;
  }
  for (int64_t i = 0; i < s->m; i++) c->m += s->side[s->n + i] != TW_SIDE_NONE;
  TW_TRY(allocate(c, error));
  take_rows(c, place, moved);
  take_bounds(c);
  return TW_OK;
}

/* H and q at the multipliers chosen; the program keeps its own. */
static tw_status curvature_at(local *c, const int64_t *place, const double *moved, int64_t column, bool changed, tw_error *error) {
  tw_program *s = c->s;
  if (!changed) {
    take_curvature(c, place, moved);
    return TW_OK;
  }
  double *y = tw_alloc((size_t)(s->m + csc_count(&s->hessian)), sizeof *y), *h = y ? y + s->m : NULL;
  if (!y) return tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  bool finite = true;
  memcpy(y, s->y, (size_t)s->m * sizeof *y);
  memcpy(h, s->h, (size_t)csc_count(&s->hessian) * sizeof *h);
  memset(s->y, 0, (size_t)s->m * sizeof *y);
  for (int64_t p = 0; p < c->m; p++) s->y[c->row[p]] = c->lambda[p];
  tw_status status = tw_program_along(s, column, error);
  if (status == TW_OK && s->cls->constraints > TW_LINEAR) status = tw_derivatives_second(s->derivatives, s->x, s->y, s->h, &finite, error);
  if (status == TW_OK && !finite) status = tw_fail(error, TW_ERR_NUMERIC, "sensitivity: second derivatives are not finite");
  if (status == TW_OK) take_curvature(c, place, moved);
  memcpy(s->y, y, (size_t)s->m * sizeof *y);
  memcpy(s->h, h, (size_t)csc_count(&s->hessian) * sizeof *h);
  free(y);
  return status;
}

tw_status tw_program_direction(tw_program *s, const tw_irregular *what, int64_t column, double *dx, double *df, bool *found,
                               bool *singular, tw_error *error) {
  const size_t n = (size_t)s->n, m = (size_t)s->m;
  int64_t *index = tw_alloc(2 * n + 2 * m, sizeof *index);
  double *moved = tw_alloc(n, sizeof *moved), gradient = fmax(1, largest(s->n, s->g));
  local c = {.s = s, .variable = index, .row = index ? index + 2 * n : NULL};
  tw_status status = index && moved ? open_local(&c, index + n, moved, error) : tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  *found = true;
  if (status == TW_OK && what->dependent) status = choose_multipliers(&c, found, error);
  if (status == TW_OK && *found) status = curvature_at(&c, index + n, moved, column, what->dependent, error);
  if (status == TW_OK && *found) status = move(&c, gradient, found, singular, error);
  if (status == TW_OK && *found) {
    memcpy(dx, moved, n * sizeof *dx);
    for (int64_t k = 0; k < c.n; k++) dx[c.variable[k]] = c.d[k];
    *df = s->d_f;
    for (int64_t k = 0; k < s->n; k++) *df += s->g[k] * dx[k];
  }
  free(index), free(moved), free(c.block), free(c.active);
  return status;
}
