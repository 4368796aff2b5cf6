/* The restoration phase (Waechter & Biegler 2006, section 3.3): the same method on the rows made elastic, until the filter of the
 * outer phase accepts a point. Where it converges instead, the rows are locally infeasible. */
#include "method/program/ipm.h"

static const double KAPPA_RESTO = 0.9, RESET_Z = 1000;

/* The minimiser of rho (p + q) - mu ln p - mu ln q subject to p - q = d (their (33)). */
void ipm_best_elastic(double rho, double mu, double d, double *p, double *q) {
  const double a = (mu - rho * d) / (2 * rho);
  *q = a >= 0 ? a + sqrt(a * a + mu * d / (2 * rho)) : mu * d / (2 * rho) / (sqrt(a * a + mu * d / (2 * rho)) - a);
  if (!(*q > 0)) *q = DBL_EPSILON;
  *p = d + *q;
  if (!(*p > 0)) *p = *q = fmax(*q, DBL_EPSILON) + fmax(0, -d);
}

static void set_elastic(tw_ipm *ipm, ipm_phase *ph) {
  const double mu = ph->number[IPM_MU];
  for (int64_t i = 0; i < ipm->m; i++) {
    const int64_t k = ipm->slack[i];
    const double d = k == -2 ? 0 : ph->at.c[i] - (k >= 0 ? ph->at.v[k] : ipm->target[i]);
    ipm_best_elastic(ipm_rho, mu, d, &ph->at.p[i], &ph->at.q[i]);
    ph->zp[i] = mu / ph->at.p[i];
    ph->zq[i] = mu / ph->at.q[i];
  }
}

static void set_filter(tw_ipm *ipm, ipm_phase *ph) {
  const double theta = ipm_theta(ipm, &ph->at);
  ph->number[IPM_FILTERS] = 0;
  ph->number[IPM_THETA_MAX] = 1e4 * fmax(1, theta);
  ph->number[IPM_THETA_MIN] = 1e-4 * fmax(1, theta);
}

tw_status ipm_restore_begin(tw_ipm *ipm) {
  ipm_phase *from = &ipm->outer, *to = &ipm->inner;
  const double theta = ipm_theta(ipm, &from->at);
  ipm_filter_add(from, theta, ipm_phi(ipm, from, &from->at));
  ipm_rows(ipm, &from->at, ipm->rows);
  const double mu = fmax(from->number[IPM_MU], vec_norm_inf(ipm->m, ipm->rows));
  ipm->number[IPM_RESTORE_AT] = theta;
  memset(to->number, 0, IPM_PHASE_NUMBERS * sizeof(double));
  to->number[IPM_MU] = mu;
  to->number[IPM_ZETA] = sqrt(mu);
  ipm_copy_point(ipm, &from->at, &to->at);
  to->number[IPM_F] = to->at.f;
  for (int64_t k = 0; k < ipm->n; k++) {
    to->anchor[k] = from->at.v[k];
    const double d = fmin(1, 1 / fabs(from->at.v[k]));
    to->weight[k] = d * d;
  }
  for (int64_t k = 0; k < ipm->nv; k++) {
    to->zl[k] = isfinite(ipm->lower[k]) ? fmin(ipm_rho, from->zl[k]) : 0;
    to->zu[k] = isfinite(ipm->upper[k]) ? fmin(ipm_rho, from->zu[k]) : 0;
  }
  vec_copy(ipm->n, from->g, to->g);
  vec_copy(ipm->nlp.j.nnz, from->j, to->j);
  vec_zero(ipm->m, to->y);
  set_elastic(ipm, to);
  set_filter(ipm, to);
  tw_nlp_bfgs_reset(&ipm->nlp);
  ipm_enter(ipm, to);
  return TW_OK;
}

/* The multipliers of the bounds take the step that the whole restoration was, those of the rows are fitted. */
static tw_status leave(tw_ipm *ipm) {
  ipm_phase *from = &ipm->inner, *to = &ipm->outer;
  const double mu = to->number[IPM_MU];
  double largest = 0;
  for (int64_t k = 0; k < ipm->nv; k++) {
    const double step = from->at.v[k] - to->at.v[k];
    const double gl = ipm_gap_l(ipm, to->at.v, k), gu = ipm_gap_u(ipm, to->at.v, k);
    if (isfinite(ipm->lower[k])) ipm->d.zl[k] = (mu - to->zl[k] * step) / gl - to->zl[k];
    if (isfinite(ipm->upper[k])) ipm->d.zu[k] = (mu + to->zu[k] * step) / gu - to->zu[k];
  }
  double alpha = 1;
  const double tau = fmax(0.99, 1 - mu);
  for (int64_t k = 0; k < ipm->nv; k++) {
    if (isfinite(ipm->lower[k]) && ipm->d.zl[k] < 0) alpha = fmin(alpha, -tau * to->zl[k] / ipm->d.zl[k]);
    if (isfinite(ipm->upper[k]) && ipm->d.zu[k] < 0) alpha = fmin(alpha, -tau * to->zu[k] / ipm->d.zu[k]);
  }
  for (int64_t k = 0; k < ipm->nv; k++) {
    if (isfinite(ipm->lower[k])) largest = fmax(largest, to->zl[k] += alpha * ipm->d.zl[k]);
    if (isfinite(ipm->upper[k])) largest = fmax(largest, to->zu[k] += alpha * ipm->d.zu[k]);
  }
  for (int64_t k = 0; k < ipm->nv && largest > RESET_Z; k++) {
    to->zl[k] = isfinite(ipm->lower[k]);
    to->zu[k] = isfinite(ipm->upper[k]);
  }
  vec_copy(ipm->nv, from->at.v, to->at.v);
  vec_copy(ipm->m, from->at.c, to->at.c);
  to->at.f = to->number[IPM_F] = from->at.f;
  vec_copy(ipm->n, from->g, to->g);
  vec_copy(ipm->nlp.j.nnz, from->j, to->j);
  ipm_enter(ipm, to);
  tw_nlp_bfgs_reset(&ipm->nlp);
  to->number[IPM_TINY] = 0;
  return ipm_least_squares_y(ipm, to);
}

/* At a point of the elastic phase whose rows are at ipm->rows. */
static tw_status infeasible(tw_ipm *ipm) {
  const ipm_phase *ph = &ipm->inner;
  for (int64_t k = 0; k < ipm->n; k++) ipm->residual[k] = ph->zu[k] - ph->zl[k];
  double left;
  TW_TRY(tw_nlp_violation_left(&ipm->nlp, ph->j, ipm->rows, ph->y, ipm->residual, ipm->start, &left));
  if (left > TW_NLP_BALANCED) return ipm_raise_rows(ipm);
  int64_t row = 0;
  double sum = 0;
  for (int64_t i = 0; i < ipm->m; i++) {
    const double violation = fabs(ipm->rows[i]) / ipm->nlp.row[i];
    sum += violation;
    if (violation > fabs(ipm->rows[row]) / ipm->nlp.row[row]) row = i;
  }
  return ipm_start_again(ipm, TW_INFEASIBLE, "no point nearby violates the constraints less: %.3g in all, most in row %lld (%.3g)", sum,
                         (long long)row, fabs(ipm->rows[row]) / ipm->nlp.row[row]);
}

tw_status ipm_restore_test(tw_ipm *ipm) {
  ipm_phase *inner = &ipm->inner, *outer = &ipm->outer;
  const ipm_point plain = {.v = inner->at.v, .c = inner->at.c, .f = inner->at.f};
  const double theta = ipm_theta(ipm, &plain), phi = ipm_phi(ipm, outer, &plain);
  ipm_rows(ipm, &plain, ipm->rows);
  const double violation = vec_norm_inf(ipm->m, ipm->rows);
  if (isfinite(phi) && theta <= KAPPA_RESTO * ipm->number[IPM_RESTORE_AT] && ipm_filter_accepts(outer, theta, phi))
    return leave(ipm);
  if (ipm_error(ipm, inner, 0) > fmax(ipm->tol, 1e-9)) return TW_OK;
  ipm_rows(ipm, &plain, ipm->rows);
  if (violation > 1e-7) return infeasible(ipm);
  outer->number[IPM_FILTERS] = 0; /* feasible, and yet not accepted: the filter is of no more use */
  return leave(ipm);
}

tw_status ipm_restore_stuck(tw_ipm *ipm) {
  ipm_phase *ph = &ipm->inner;
  const ipm_point plain = {.v = ph->at.v, .c = ph->at.c, .f = ph->at.f};
  ipm_rows(ipm, &plain, ipm->rows);
  const double violation = vec_norm_inf(ipm->m, ipm->rows);
  if (violation <= 1e-7) {
    ipm->outer.number[IPM_FILTERS] = 0;
    return leave(ipm);
  }
  const bool final = ipm_error(ipm, ph, 0) <= 1e-5;
  ipm_rows(ipm, &plain, ipm->rows);
  if (final) return infeasible(ipm);
  const double before = ipm_phi(ipm, ph, &ph->at);
  set_elastic(ipm, ph);
  ph->number[IPM_FILTERS] = 0;
  if (ipm_phi(ipm, ph, &ph->at) < before - 1e-8 * fabs(before)) return TW_OK;
  return ipm_start_again(ipm, TW_FAILED, "the restoration of feasibility found no step at a violation of %.3g (scaled)", violation);
}
