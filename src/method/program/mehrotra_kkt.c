/* The linear systems of mehrotra:
 *
 *   [ P + D   A' ] [dx]   [a]
 *   [ A      -E  ] [dy] = [b]
 *
 * factored with D + delta theta and E + delta / theta, which makes LDL' exist for every order (Vanderbei 1995; the primal-dual
 * regularization of Altman & Gondzio 1999 and Friedlander & Orban 2012). theta, about the geometric mean of D, is what delta is measured
 * by: in x sqrt(theta) and y / sqrt(theta) the matrix is [P / theta + D / theta, A'; A, -E theta], whose numbers are about 1. Solutions are
 * refined towards the system without delta: by Richardson's iteration, whose steps are those of the proximal method of multipliers, and
 * where a few directions make that slow (dependent rows, replaced pivots) by GMRES (Arioli, Duff, Gratton & Pralet 2007). What LDL'
 * cannot do even so is done with pivoting, for some factorizations. */
#include "method/program/mehrotra.h"

static const double SHIFT_FIRST = 1e-8, SHIFT_LDL = 1.01e-6, SHIFT_POLISH = 1e-6, SHIFT_PIVOTED = 1e-16, SHIFT_MOST = 1e-5,
                    SHIFT_UP = 10; /* polish: large, since the set may be dependent, and the interior point is near */
static const double EXACT = 1e-14, ENOUGH = 1e-11, FAST = 0.03, SLOW = 0.7; /* residuals; their ratios from step to step */
static const double P_PART = 1e-6;
static const double INACCURATE = 1e-8; /* relative residual after which factorizations pivot */
enum { REFINE_MOST = 12, GMRES_MOST = 20, PIVOTED_FIRST = 2, PIVOTED_MOST = 64 };

/* ------------------------------------------------------------------ factorization */

/* theta; where no variable has a D, the one before. At most 1, which variables away from their bounds need, and no less than what
 * delta theta must be to count beside P. */
static void set_theta(tw_mehrotra *s) {
  const double least = fmin(P_PART * vec_norm_inf(s->qp->p.start[s->n], s->qp->p.value), 1);
  double sum = 0;
  int64_t count = 0;
  for (int64_t j = 0; j < s->n; j++)
    if (s->diagonal[j] > 0) sum += log(s->diagonal[j]), count++;
  if (count > 0) s->number[MEHROTRA_THETA] = fmin(fmax(exp(fmax(sum / (double)count, -30)), least), 1);
  if (s->number[MEHROTRA_THETA] == 0) s->number[MEHROTRA_THETA] = 1;
}

static tw_status factor_shifted(tw_mehrotra *s, double delta, const bool *no_variable, const bool *no_row, bool *right, tw_error *error) {
  const double theta = s->number[MEHROTRA_THETA];
  for (int64_t j = 0; j < s->n; j++) s->shifted[j] = s->diagonal[j] + delta * theta;
  for (int64_t i = 0; i < s->m; i++) s->e_shifted[i] = s->e[i] + delta / theta;
  int64_t negative;
  TW_TRY(tw_kkt_factor(&s->kkt, s->qp->p.value, s->qp->a.value, s->shifted, s->e_shifted, no_variable, no_row, &negative, error));
  *right = negative == s->m;
  return TW_OK;
}

/* For twice as many factorizations as the last time. */
static void start_pivoting(tw_mehrotra *s) {
  double *turns = &s->number[MEHROTRA_PIVOT_TURNS];
  *turns = fmin(fmax(2 * *turns, PIVOTED_FIRST), PIVOTED_MOST);
  s->number[MEHROTRA_PIVOTED] = *turns;
}

/* The least shift from *delta to `most` with which the matrix has the right inertia. */
static tw_status factor_by(tw_mehrotra *s, tw_factor_kind kind, double *delta, double most, const bool *no_variable, const bool *no_row,
                           bool *right, tw_error *error) {
  tw_kkt_set_kind(&s->kkt, kind);
  for (*right = false; *delta <= most; *delta *= SHIFT_UP) {
    TW_TRY(factor_shifted(s, *delta, no_variable, no_row, right, error));
    if (*right) break;
  }
  return TW_OK;
}

static tw_status factor_pivoted(tw_mehrotra *s, const bool *no_variable, const bool *no_row, tw_error *error) {
  bool right;
  double delta = SHIFT_PIVOTED;
  TW_TRY(factor_by(s, TW_FACTOR_INDEFINITE, &delta, SHIFT_MOST, no_variable, no_row, &right, error));
  return right ? TW_OK : tw_fail(error, TW_ERR_NUMERIC, "mehrotra: the optimality system has the wrong inertia: is the program convex?");
}

tw_status mehrotra_factor(tw_mehrotra *s, const bool *no_variable, const bool *no_row, tw_error *error) {
  double *delta = &s->number[MEHROTRA_SHIFT];
  bool right;
  set_theta(s);
  if (s->number[MEHROTRA_PIVOTED] == 0) {
    *delta = s->polishing ? SHIFT_POLISH : fmax(*delta / SHIFT_UP, SHIFT_FIRST);
    TW_TRY(factor_by(s, TW_FACTOR_QUASIDEFINITE, delta, SHIFT_LDL, no_variable, no_row, &right, error));
    if (right) return TW_OK;
    start_pivoting(s);
  }
  s->number[MEHROTRA_PIVOTED]--;
  return factor_pivoted(s, no_variable, no_row, error);
}

/* ------------------------------------------------------------------ the system itself */

typedef struct tw_kkt_system { /* K without the shift, and what is masked out of it */
  tw_mehrotra *s;
  const bool *no_variable, *no_row;
  double *part; /* n + m: scratch of operators */
} tw_kkt_system;

/* r -= K x; entries that are masked out: 0. */
static void subtract_product(const tw_kkt_system *k, const double *x, double *r) {
  const tw_mehrotra *s = k->s;
  const int64_t n = s->n, m = s->m;
  const double *dx = x, *dy = x + n;
  double *ra = r, *rb = r + n;
  tw_qp_add_p(s->qp, -1, dx, ra);
  tw_qp_add_at(s->qp, -1, dy, ra);
  tw_qp_add_a(s->qp, -1, dx, rb);
  for (int64_t j = 0; j < n; j++) ra[j] = k->no_variable && k->no_variable[j] ? 0 : ra[j] - s->diagonal[j] * dx[j];
  for (int64_t i = 0; i < m; i++) rb[i] = k->no_row && k->no_row[i] ? 0 : rb[i] + s->e[i] * dy[i];
}

static void residual(const tw_kkt_system *k) {
  tw_mehrotra *s = k->s;
  vec_copy(s->n + s->m, s->rhs, s->res);
  subtract_product(k, s->sol, s->res);
}

/* Largest entry in the scaled unknowns, each relative to its diagonal: about its share of the error of the solution. */
static double weighted(const tw_mehrotra *s, const double *r) {
  const double theta = s->number[MEHROTRA_THETA], root = sqrt(theta);
  double most = 0;
  for (int64_t j = 0; j < s->n; j++) most = fmax(most, fabs(r[j]) / root / (1 + s->diagonal[j] / theta));
  for (int64_t i = 0; i < s->m; i++) most = fmax(most, fabs(r[s->n + i]) * root / (1 + s->e[i] * theta));
  return most;
}

/* ------------------------------------------------------------------ GMRES */

/* S of the scaled system S K S: 1 / sqrt(theta + D), 1 / sqrt(1 / theta + E). */
static void scale(const tw_mehrotra *s, bool inverse, const double *x, double *out) {
  const double theta = s->number[MEHROTRA_THETA];
  for (int64_t j = 0; j < s->n; j++) {
    const double root = sqrt(theta + s->diagonal[j]);
    out[j] = inverse ? x[j] * root : x[j] / root;
  }
  for (int64_t i = 0; i < s->m; i++) {
    const double root = sqrt(1 / theta + s->e[i]);
    out[s->n + i] = inverse ? x[s->n + i] * root : x[s->n + i] / root;
  }
}

static tw_status apply_scaled(void *context, const double *x, double *y) {
  const tw_kkt_system *k = context;
  const int64_t order = k->s->n + k->s->m;
  scale(k->s, false, x, k->part);
  vec_zero(order, y);
  subtract_product(k, k->part, y);
  scale(k->s, false, y, y);
  for (int64_t i = 0; i < order; i++) y[i] = -y[i];
  return TW_OK;
}

static tw_status apply_factors(void *context, const double *x, double *y) {
  const tw_kkt_system *k = context;
  scale(k->s, true, x, y);
  const tw_status status = tw_kkt_solve(&k->s->kkt, y, NULL);
  scale(k->s, true, y, y);
  return status;
}

/* s->sol += K^-1 s->res; what is left: *now. Masked entries are 0 in right sides, and so in all that comes of them. */
static tw_status krylov(tw_kkt_system *k, double size, double *now, tw_error *error) {
  tw_mehrotra *s = k->s;
  const int64_t order = s->n + s->m;
  double *b = tw_alloc((size_t)order * 3, sizeof *b), *x = b ? b + order : NULL;
  if (!b) return tw_fail(error, TW_ERR_MEMORY, "mehrotra: out of memory");
  k->part = b + 2 * order;
  const tw_linop a = {.rows = order, .cols = order, .apply = apply_scaled, .context = k};
  const tw_linop m = {.rows = order, .cols = order, .apply = apply_factors, .context = k};
  const double target = 0.1 * INACCURATE * size / *now;
  const tw_linear_options options = {.rtol = fmin(target, 0.5), .max_iter = GMRES_MOST, .restart = GMRES_MOST, .preconditioner = &m};
  tw_linear_result result;
  scale(s, false, s->res, b);
  const tw_status status = tw_gmres(&a, b, x, &options, &result, NULL);
  if (status == TW_OK) {
    scale(s, false, x, x);
    vec_axpy(order, 1, x, s->sol);
    residual(k);
    *now = weighted(s, s->res);
  }
  free(b);
  return status == TW_ERR_MEMORY ? tw_fail(error, status, "mehrotra: out of memory") : TW_OK;
}

/* ------------------------------------------------------------------ solving */

typedef struct progress {
  double size, best;
} progress;

static void keep_best(tw_mehrotra *s, progress *p, double now) {
  if (!(now < p->best)) return;
  p->best = now;
  vec_copy(s->n + s->m, s->sol, s->best);
}

/* s->best = K^-1 s->rhs as far as the factors at hand can. */
static tw_status refine(tw_kkt_system *k, progress *p, tw_error *error) {
  tw_mehrotra *s = k->s;
  const int64_t order = s->n + s->m;
  const double enough = s->polishing ? 0 : ENOUGH * p->size;
  double before = INFINITY, now = INFINITY;
  p->best = INFINITY;
  vec_zero(order, s->sol);
  vec_copy(order, s->rhs, s->res);
  for (int step = 0; step < REFINE_MOST; step++) {
    TW_TRY(tw_kkt_solve(&s->kkt, s->res, error));
    vec_axpy(order, 1, s->res, s->sol);
    residual(k);
    now = weighted(s, s->res);
    if (!isfinite(now)) break;
    keep_best(s, p, now);
    if (now <= EXACT * p->size || now > SLOW * before || (now <= enough && now > FAST * before)) break;
    before = now;
  }
  if (s->polishing || s->kkt.dense || !isfinite(p->best) || p->best <= INACCURATE * p->size) return TW_OK;
  vec_copy(order, s->best, s->sol);
  residual(k);
  now = p->best;
  TW_TRY(krylov(k, p->size, &now, error));
  if (isfinite(now)) keep_best(s, p, now);
  return TW_OK;
}

/* Larger shifts, which make fewer pivots small, then pivoting. Dense factors pivot anyway: what slows them is the shift, which is less
 * from the next factorization on. */
static tw_status try_harder(tw_kkt_system *k, progress *p, tw_error *error) {
  tw_mehrotra *s = k->s;
  double *delta = &s->number[MEHROTRA_SHIFT];
  bool right;
  if (s->kkt.dense && s->number[MEHROTRA_PIVOTED] == 0) start_pivoting(s);
  while (p->best > INACCURATE * p->size && s->kkt.kind == TW_FACTOR_QUASIDEFINITE && !s->kkt.dense) {
    *delta *= SHIFT_UP;
    TW_TRY(factor_by(s, TW_FACTOR_QUASIDEFINITE, delta, SHIFT_LDL, k->no_variable, k->no_row, &right, error));
    if (!right) {
      start_pivoting(s);
      TW_TRY(factor_pivoted(s, k->no_variable, k->no_row, error));
    }
    TW_TRY(refine(k, p, error));
  }
  return TW_OK;
}

tw_status mehrotra_solve(tw_mehrotra *s, const bool *no_variable, const bool *no_row, double *left, tw_error *error) {
  const int64_t order = s->n + s->m;
  tw_kkt_system k = {.s = s, .no_variable = no_variable, .no_row = no_row};
  progress p = {.size = weighted(s, s->rhs)};
  *left = 0;
  vec_zero(order, s->sol);
  if (p.size == 0) return TW_OK;
  if (!isfinite(p.size)) return tw_fail(error, TW_ERR_NUMERIC, "mehrotra: the right side of the optimality system is not finite");
  TW_TRY(refine(&k, &p, error));
  if (p.best > INACCURATE * p.size && !s->polishing) TW_TRY(try_harder(&k, &p, error));
  vec_copy(order, s->best, s->sol);
  *left = p.best / p.size;
  return isfinite(p.best) ? TW_OK : tw_fail(error, TW_ERR_NUMERIC, "mehrotra: the optimality system cannot be solved");
}
