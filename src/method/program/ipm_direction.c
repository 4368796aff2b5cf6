/* The Newton direction of the barrier problem (Waechter & Biegler 2006, section 3.1):
 *
 *   [ W + S + dw I   A'  ] [ dv ]     [ grad phi + A'y ]     S = z_l / (v - l) + z_u / (u - v)
 *   [ A             -dc I] [ dy ] = - [ d              ]
 *
 * Slacks, and p and q of the elastic phase, are eliminated: they have only a diagonal. dw makes the matrix one of n positive and m
 * negative eigenvalues, dc helps where the rows depend on each other. Solutions are refined on the system with slacks. */
#include "method/program/ipm.h"

static const double DW_FIRST = 1e-4, DW_LEAST = 1e-20, DW_MOST = 1e20, DW_DOWN = 1.0 / 3, DW_UP = 8, DW_UP_FIRST = 100;
static const double RESIDUAL_GOOD = 1e-12, RESIDUAL_BAD = 1e-5;
enum { REFINEMENTS = 10 };

typedef struct shift {
  double w, c;
} shift;

/* S, and 1 / S_p + 1 / S_q. */
static void diagonals(tw_ipm *ipm, const ipm_phase *ph, shift delta) {
  for (int64_t k = 0; k < ipm->nv; k++) {
    double s = delta.w;
    if (isfinite(ipm->lower[k])) s += ph->zl[k] / ipm_gap_l(ipm, ph->at.v, k);
    if (isfinite(ipm->upper[k])) s += ph->zu[k] / ipm_gap_u(ipm, ph->at.v, k);
    if (ph->elastic && k < ipm->n) s += ph->number[IPM_ZETA] * ph->weight[k];
    ipm->diagonal[k] = s;
  }
  for (int64_t i = 0; i < ipm->m; i++) {
    ipm->e[i] = delta.c;
    if (ph->elastic && !ipm->no_row[i]) ipm->e[i] += ph->at.p[i] / ph->zp[i] + ph->at.q[i] / ph->zq[i];
  }
}

static tw_status factor(tw_ipm *ipm, const double *h, const double *j, int64_t *negative) {
  double *e = ipm->rows;
  for (int64_t i = 0; i < ipm->m; i++) e[i] = ipm->e[i] + (ipm->slack[i] >= 0 ? 1 / ipm->diagonal[ipm->slack[i]] : 0);
  return tw_kkt_factor(&ipm->kkt, h, j, ipm->diagonal, e, ipm->fixed, ipm->no_row, negative, ipm->run->error);
}

/* (v, y) = K^-1 (rv, rd) by the factorization at hand. */
static tw_status solve_once(tw_ipm *ipm, const double *rv, const double *rd, double *v, double *y) {
  double *xy = ipm->xy;
  for (int64_t k = 0; k < ipm->n; k++) xy[k] = ipm->fixed[k] ? 0 : rv[k];
  for (int64_t i = 0; i < ipm->m; i++) {
    const int64_t k = ipm->slack[i];
    xy[ipm->n + i] = k == -2 ? 0 : k == -1 ? rd[i] : rd[i] + rv[k] / ipm->diagonal[k];
  }
  TW_TRY(tw_kkt_solve(&ipm->kkt, xy, ipm->run->error));
  vec_copy(ipm->n, xy, v);
  vec_copy(ipm->m, xy + ipm->n, y);
  for (int64_t k = ipm->n; k < ipm->nv; k++) v[k] = (rv[k] + y[ipm->slack_row[k - ipm->n]]) / ipm->diagonal[k];
  return TW_OK;
}

/* residual = (rv, rd) - K (v, y); its largest entry against those of the solution and the right-hand side. */
static double residual(tw_ipm *ipm, const double *h, const double *j, const double *rv, const double *rd, const double *v,
                       const double *y) {
  double *r = ipm->residual, *s = ipm->row_residual;
  for (int64_t k = 0; k < ipm->nv; k++) r[k] = rv[k] - ipm->diagonal[k] * v[k];
  for (int64_t i = 0; i < ipm->m; i++) s[i] = rd[i] + ipm->e[i] * y[i];
  if (h) tw_nlp_add_h(&ipm->nlp, h, -1, v, r);
  tw_nlp_add_jt(&ipm->nlp, j, -1, y, r);
  tw_nlp_add_j(&ipm->nlp, j, -1, v, s);
  for (int64_t k = ipm->n; k < ipm->nv; k++) {
    const int64_t i = ipm->slack_row[k - ipm->n];
    r[k] += y[i];
    s[i] += v[k];
  }
  for (int64_t k = 0; k < ipm->n; k++) r[k] = ipm->fixed[k] ? 0 : r[k];
  for (int64_t i = 0; i < ipm->m; i++) s[i] = ipm->no_row[i] ? 0 : s[i];
  const double size = fmax(vec_norm_inf(ipm->nv, rv), vec_norm_inf(ipm->m, rd));
  const double solution = fmax(vec_norm_inf(ipm->nv, v), vec_norm_inf(ipm->m, y));
  const double norm = fmax(vec_norm_inf(ipm->nv, r), vec_norm_inf(ipm->m, s));
  return norm == 0 ? 0 : norm / (size + fmin(solution, 1e6 * size));
}

/* Refined while that lessens the residual; *ratio is what is left. */
static tw_status solve(tw_ipm *ipm, const double *h, const double *j, const double *rv, const double *rd, double *v, double *y,
                       double *ratio) {
  double *dv = ipm->best, *dy = ipm->best + ipm->nv;
  TW_TRY(solve_once(ipm, rv, rd, v, y));
  *ratio = residual(ipm, h, j, rv, rd, v, y);
  for (int step = 0; step < REFINEMENTS && *ratio > RESIDUAL_GOOD; step++) {
    TW_TRY(solve_once(ipm, ipm->residual, ipm->row_residual, dv, dy));
    vec_axpy(ipm->nv, 1, dv, v);
    vec_axpy(ipm->m, 1, dy, y);
    const double after = residual(ipm, h, j, rv, rd, v, y);
    if (!(after < *ratio)) {
      vec_axpy(ipm->nv, -1, dv, v);
      vec_axpy(ipm->m, -1, dy, y);
      break;
    }
    const bool slow = after > 0.5 * *ratio;
    *ratio = after;
    if (slow && step > 2) break;
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ inertia */

typedef enum trial_result { RIGHT, WRONG, SINGULAR } trial_result;

static tw_status try_shift(tw_ipm *ipm, shift delta, trial_result *result, double *ratio) {
  int64_t negative;
  diagonals(ipm, ipm->now, delta);
  TW_TRY(factor(ipm, ipm->h, ipm->now->j, &negative));
  *result = negative < 0 || negative < ipm->m ? SINGULAR : negative > ipm->m ? WRONG : RIGHT;
  if (*result != RIGHT) return TW_OK;
  tw_error *error = ipm->run->error;
  const tw_error before = *error;
  const tw_status status =
      solve(ipm, ipm->h, ipm->now->j, ipm->dual_rhs, ipm->row_rhs, ipm->d.v, ipm->d.y, ratio);
  if (status == TW_ERR_MEMORY) return status;
  if (status != TW_OK || !(*ratio <= RESIDUAL_BAD)) *result = SINGULAR;
  *error = before;
  return TW_OK;
}

static double next_shift(const ipm_phase *ph, double w) {
  const double last = ph->number[IPM_DELTA_W];
  if (w == 0) return last == 0 ? DW_FIRST : fmax(DW_LEAST, DW_DOWN * last);
  return (last == 0 ? DW_UP_FIRST : DW_UP) * w;
}

/* Algorithm IC: no shift, dc when singular, then dw ever larger. */
static tw_status solve_with_inertia(tw_ipm *ipm, bool *found) {
  ipm_phase *ph = ipm->now;
  const double dc = 1e-8 * pow(ph->number[IPM_MU], 0.25);
  shift delta = {0, 0};
  trial_result result;
  double ratio = 0;
  TW_TRY(try_shift(ipm, delta, &result, &ratio));
  if (result == SINGULAR && ipm->m > 0) {
    delta.c = dc;
    TW_TRY(try_shift(ipm, delta, &result, &ratio));
  }
  while (result != RIGHT) {
    delta.w = next_shift(ph, delta.w);
    if (delta.w > DW_MOST) break;
    TW_TRY(try_shift(ipm, delta, &result, &ratio));
    if (result == SINGULAR && delta.c == 0) {
      delta.c = dc;
      TW_TRY(try_shift(ipm, delta, &result, &ratio));
    }
  }
  *found = result == RIGHT;
  if (*found && delta.w > 0) ph->number[IPM_DELTA_W] = delta.w;
  return TW_OK;
}

/* ------------------------------------------------------------------ right-hand sides, what was eliminated */

/* -(d + r_p / S_p - r_q / S_q), r_p = rho - mu / p - y, r_q = rho - mu / q + y. */
static void row_side(const tw_ipm *ipm, const double *d, double *out) {
  const ipm_phase *ph = ipm->now;
  const double mu = ph->number[IPM_MU];
  for (int64_t i = 0; i < ipm->m; i++) {
    out[i] = -d[i];
    if (!ph->elastic || ipm->no_row[i]) continue;
    const double rp = ipm_rho - mu / ph->at.p[i] - ph->y[i], rq = ipm_rho - mu / ph->at.q[i] + ph->y[i];
    out[i] += -rp * ph->at.p[i] / ph->zp[i] + rq * ph->at.q[i] / ph->zq[i];
  }
}

/* dz = mu / gap - z -+ z dv / gap */
static void complete(const tw_ipm *ipm, ipm_direction *d) {
  const ipm_phase *ph = ipm->now;
  const double mu = ph->number[IPM_MU];
  for (int64_t k = 0; k < ipm->nv; k++) {
    const double gl = ipm_gap_l(ipm, ph->at.v, k), gu = ipm_gap_u(ipm, ph->at.v, k);
    d->zl[k] = isfinite(ipm->lower[k]) ? (mu - ph->zl[k] * d->v[k]) / gl - ph->zl[k] : 0;
    d->zu[k] = isfinite(ipm->upper[k]) ? (mu + ph->zu[k] * d->v[k]) / gu - ph->zu[k] : 0;
  }
  for (int64_t i = 0; ph->elastic && i < ipm->m; i++) {
    d->p[i] = d->q[i] = d->zp[i] = d->zq[i] = 0;
    if (ipm->no_row[i]) continue;
    const double p = ph->at.p[i], q = ph->at.q[i], zp = ph->zp[i], zq = ph->zq[i];
    d->p[i] = (d->y[i] - (ipm_rho - mu / p - ph->y[i])) * p / zp;
    d->q[i] = (-d->y[i] - (ipm_rho - mu / q + ph->y[i])) * q / zq;
    d->zp[i] = (mu - zp * d->p[i]) / p - zp;
    d->zq[i] = (mu - zq * d->q[i]) / q - zq;
  }
}

static double slope_of(tw_ipm *ipm, const ipm_direction *d) {
  const ipm_phase *ph = ipm->now;
  double *gradient = ipm->residual;
  ipm_barrier_gradient(ipm, ph, gradient);
  double slope = vec_dot(ipm->nv, gradient, d->v);
  const double mu = ph->number[IPM_MU];
  for (int64_t i = 0; ph->elastic && i < ipm->m; i++)
    if (!ipm->no_row[i])
      slope += (ipm_rho - mu / ph->at.p[i] + mu * 1e-5) * d->p[i] + (ipm_rho - mu / ph->at.q[i] + mu * 1e-5) * d->q[i];
  return slope;
}

tw_status ipm_newton(tw_ipm *ipm, bool *found) {
  const ipm_phase *ph = ipm->now;
  double *rv = ipm->dual_rhs, *d = ipm->rows;
  bool finite;
  *found = false;
  TW_TRY(tw_nlp_second(&ipm->nlp, ph->at.v, ph->elastic ? 0 : 1, ph->y, ipm->h, &finite));
  if (!finite) return TW_OK;
  ipm_barrier_gradient(ipm, ph, rv);
  tw_nlp_add_jt(&ipm->nlp, ph->j, 1, ph->y, rv);
  for (int64_t k = ipm->n; k < ipm->nv; k++) rv[k] -= ph->y[ipm->slack_row[k - ipm->n]];
  for (int64_t k = 0; k < ipm->nv; k++) rv[k] = k < ipm->n && ipm->fixed[k] ? 0 : -rv[k];
  ipm_rows(ipm, &ph->at, d);
  row_side(ipm, d, ipm->row_rhs);
  TW_TRY(solve_with_inertia(ipm, found));
  if (!*found) return TW_OK;
  complete(ipm, &ipm->d);
  ipm->d.slope = slope_of(ipm, &ipm->d);
  return TW_OK;
}

tw_status ipm_corrected(tw_ipm *ipm, const double *d, ipm_direction *out) {
  double ratio;
  row_side(ipm, d, ipm->row_rhs);
  TW_TRY(solve(ipm, ipm->h, ipm->now->j, ipm->dual_rhs, ipm->row_rhs, out->v, out->y, &ratio));
  complete(ipm, out);
  return TW_OK;
}

/* [ I A'; A 0 ] (w, y) = -(grad f - z_l + z_u, 0) */
tw_status ipm_least_squares_y(tw_ipm *ipm, ipm_phase *ph) {
  const double LARGEST = 1000;
  double *rv = ipm->dual_rhs, ratio = 0;
  int64_t negative;
  ipm_objective_gradient(ipm, ph, rv);
  for (int64_t k = 0; k < ipm->nv; k++) {
    rv[k] = -(rv[k] - ph->zl[k] + ph->zu[k]);
    ipm->diagonal[k] = 1;
  }
  vec_zero(ipm->m, ipm->row_rhs);
  vec_zero(ipm->m, ipm->e);
  vec_zero(ipm->m, ph->y);
  TW_TRY(factor(ipm, NULL, ph->j, &negative));
  if (negative != ipm->m) return TW_OK;
  const tw_status status = solve(ipm, NULL, ph->j, rv, ipm->row_rhs, ipm->d.v, ipm->d.y, &ratio);
  if (status == TW_ERR_MEMORY) return status;
  if (status == TW_OK && vec_norm_inf(ipm->m, ipm->d.y) <= LARGEST) vec_copy(ipm->m, ipm->d.y, ph->y);
  return TW_OK;
}
