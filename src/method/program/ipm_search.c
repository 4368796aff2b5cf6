/* The filter line search (Waechter & Biegler 2006, sections 2.3 and 2.4): a step is good when it lessens the violation theta or the
 * barrier function phi and no pair in the filter dominates it; second-order corrections where the first trial goes wrong. */
#include "method/program/ipm.h"

static const double GAMMA_THETA = 1e-5, GAMMA_PHI = 1e-8, DELTA = 1, S_THETA = 1.1, S_PHI = 2.3, ETA = 1e-8;
static const double ALPHA_LEAST = 0.05, KAPPA_SOC = 0.99, KAPPA_SIGMA = 1e10;
enum { CORRECTIONS = 4 };

static double limit(double alpha, double tau, double at, double step) {
  return step < 0 && -tau * at > alpha * step ? -tau * at / step : alpha;
}

/* The largest alpha <= 1 with v + alpha dv at least (1 - tau) of its distance away from the bounds. */
double ipm_to_boundary(const tw_ipm *ipm, const ipm_phase *ph, const ipm_direction *d, double tau) {
  double alpha = 1;
  for (int64_t k = 0; k < ipm->nv; k++) {
    if (isfinite(ipm->lower[k])) alpha = limit(alpha, tau, ipm_gap_l(ipm, ph->at.v, k), d->v[k]);
    if (isfinite(ipm->upper[k])) alpha = limit(alpha, tau, ipm_gap_u(ipm, ph->at.v, k), -d->v[k]);
  }
  for (int64_t i = 0; ph->elastic && i < ipm->m; i++) {
    alpha = limit(alpha, tau, ph->at.p[i], d->p[i]);
    alpha = limit(alpha, tau, ph->at.q[i], d->q[i]);
  }
  return alpha;
}

static double dual_to_boundary(const tw_ipm *ipm, const ipm_phase *ph, const ipm_direction *d, double tau) {
  double alpha = 1;
  for (int64_t k = 0; k < ipm->nv; k++) {
    alpha = limit(alpha, tau, ph->zl[k], d->zl[k]);
    alpha = limit(alpha, tau, ph->zu[k], d->zu[k]);
  }
  for (int64_t i = 0; ph->elastic && i < ipm->m; i++) {
    alpha = limit(alpha, tau, ph->zp[i], d->zp[i]);
    alpha = limit(alpha, tau, ph->zq[i], d->zq[i]);
  }
  return alpha;
}

/* ------------------------------------------------------------------ filter */

static bool at_most(double a, double b, double size) {
  return a - b <= 10 * DBL_EPSILON * fabs(size);
}

bool ipm_filter_accepts(const ipm_phase *ph, double theta, double phi) {
  for (int64_t k = 0; k < (int64_t)ph->number[IPM_FILTERS]; k++)
    if (!at_most(theta, ph->filter[2 * k], ph->filter[2 * k]) && !at_most(phi, ph->filter[2 * k + 1], ph->filter[2 * k + 1]))
      return false;
  return true;
}

/* Pairs that the new one dominates go; when the filter is full, the oldest. */
void ipm_filter_add(ipm_phase *ph, double theta, double phi) {
  const double t = (1 - GAMMA_THETA) * theta, f = phi - GAMMA_PHI * theta;
  int64_t kept = 0, count = (int64_t)ph->number[IPM_FILTERS];
  for (int64_t k = 0; k < count; k++) {
    if (ph->filter[2 * k] >= t && ph->filter[2 * k + 1] >= f) continue;
    memmove(ph->filter + 2 * kept++, ph->filter + 2 * k, 2 * sizeof(double));
  }
  if (kept == IPM_FILTER_MOST) memmove(ph->filter, ph->filter + 2, (size_t)(2 * --kept) * sizeof(double));
  ph->filter[2 * kept] = t;
  ph->filter[2 * kept + 1] = f;
  ph->number[IPM_FILTERS] = (double)(kept + 1);
}

/* ------------------------------------------------------------------ the search */

typedef struct search {
  double theta, phi, slope, alpha, tau;
  bool by_filter; /* the last rejection was the filter's */
} search;

static void trial_point(tw_ipm *ipm, const ipm_direction *d, double alpha, ipm_point *to) {
  const ipm_phase *ph = ipm->now;
  vec_add(ipm->nv, ph->at.v, alpha, d->v, to->v);
  for (int64_t i = 0; ph->elastic && i < ipm->m; i++) {
    to->p[i] = ph->at.p[i] + alpha * d->p[i];
    to->q[i] = ph->at.q[i] + alpha * d->q[i];
  }
}

static bool is_switching(const search *s, double alpha) {
  return s->slope < 0 && alpha * pow(-s->slope, S_PHI) > DELTA * pow(s->theta, S_THETA);
}

static bool is_armijo(const search *s, double alpha, double phi) {
  return at_most(phi - s->phi, ETA * alpha * s->slope, s->phi);
}

/* By the present point and the filter. */
static bool acceptable(const tw_ipm *ipm, search *s, double alpha, const ipm_point *to) {
  const ipm_phase *ph = ipm->now;
  s->by_filter = false;
  if (!isfinite(to->f)) return false;
  const double theta = ipm_theta(ipm, to), phi = ipm_phi(ipm, ph, to);
  if (!isfinite(phi) || theta > ph->number[IPM_THETA_MAX]) return false;
  const bool better = is_switching(s, alpha) && s->theta <= ph->number[IPM_THETA_MIN]
                          ? is_armijo(s, alpha, phi)
                          : at_most(theta, (1 - GAMMA_THETA) * s->theta, s->theta) ||
                                at_most(phi - s->phi, -GAMMA_PHI * s->theta, s->phi);
  s->by_filter = better && !ipm_filter_accepts(ph, theta, phi);
  return better && !s->by_filter;
}

/* The shortest step worth a trial. */
static double least_alpha(const search *s, const ipm_phase *ph) {
  double least = GAMMA_THETA;
  if (s->slope < 0) {
    least = fmin(least, GAMMA_PHI * s->theta / -s->slope);
    if (s->theta <= ph->number[IPM_THETA_MIN]) least = fmin(least, DELTA * pow(s->theta, S_THETA) / pow(-s->slope, S_PHI));
  }
  return ALPHA_LEAST * least;
}

/* Steps with the rows d(v + dv) + alpha d(v) instead of d(v), while they lessen the violation. On success the trial point and
 * alpha are those of the correction, and ipm->d is it. */
static tw_status correct(tw_ipm *ipm, search *s, double *alpha, bool *accepted) {
  ipm_phase *ph = ipm->now;
  double first = *alpha, before = s->theta, theta = ipm_theta(ipm, &ipm->trial);
  *accepted = false;
  double *sum = tw_alloc((size_t)(2 * ipm->m), sizeof *sum);
  if (!sum) return tw_fail(ipm->run->error, TW_ERR_MEMORY, "out of memory");
  ipm_rows(ipm, &ph->at, sum);
  tw_status status = TW_OK;
  for (int k = 0; k < CORRECTIONS && theta <= KAPPA_SOC * before && status == TW_OK && !*accepted; k++) {
    before = k == 0 ? theta : fmin(before, theta);
    ipm_rows(ipm, &ipm->trial, sum + ipm->m);
    for (int64_t i = 0; i < ipm->m; i++) sum[i] = first * sum[i] + sum[ipm->m + i];
    status = ipm_corrected(ipm, sum, &ipm->soc);
    if (status != TW_OK) break;
    first = ipm_to_boundary(ipm, ph, &ipm->soc, s->tau);
    trial_point(ipm, &ipm->soc, first, &ipm->trial);
    status = ipm_evaluate(ipm, &ipm->trial);
    if (status != TW_OK || !isfinite(ipm->trial.f)) break;
    *accepted = acceptable(ipm, s, *alpha, &ipm->trial);
    theta = ipm_theta(ipm, &ipm->trial);
  }
  free(sum);
  if (*accepted) {
    const ipm_direction d = ipm->d;
    ipm->d = ipm->soc, ipm->soc = d;
    ipm->d.slope = d.slope;
    *alpha = first;
  }
  return status == TW_ERR_NUMERIC || status == TW_ERR_SINGULAR ? TW_OK : status;
}

static double bounded_z(double z, double mu, double gap) {
  return fmax(fmin(z, KAPPA_SIGMA * mu / gap), mu / (KAPPA_SIGMA * gap));
}

/* Multipliers follow, and are kept near mu / gap. */
static void update_duals(tw_ipm *ipm, double alpha, double alpha_z) {
  ipm_phase *ph = ipm->now;
  const ipm_direction *d = &ipm->d;
  const double mu = ph->number[IPM_MU];
  for (int64_t i = 0; i < ipm->m; i++) ph->y[i] = ipm->no_row[i] ? 0 : ph->y[i] + alpha * d->y[i];
  for (int64_t k = 0; k < ipm->nv; k++) {
    if (isfinite(ipm->lower[k])) ph->zl[k] = bounded_z(ph->zl[k] + alpha_z * d->zl[k], mu, ipm_gap_l(ipm, ph->at.v, k));
    if (isfinite(ipm->upper[k])) ph->zu[k] = bounded_z(ph->zu[k] + alpha_z * d->zu[k], mu, ipm_gap_u(ipm, ph->at.v, k));
  }
  for (int64_t i = 0; ph->elastic && i < ipm->m; i++) {
    ph->zp[i] = bounded_z(ph->zp[i] + alpha_z * d->zp[i], mu, ph->at.p[i]);
    ph->zq[i] = bounded_z(ph->zq[i] + alpha_z * d->zq[i], mu, ph->at.q[i]);
  }
}

/* B learns from the gradients of the Lagrangian with the new multipliers at both points. */
static void learn(tw_ipm *ipm, const double *g, const double *j, const double *v) {
  const ipm_phase *ph = ipm->now;
  double *change = ipm->residual, *step = ipm->dual_rhs;
  vec_sub(ipm->n, ph->at.v, v, step);
  vec_sub(ipm->n, ph->g, g, change);
  if (ph->elastic) vec_zero(ipm->n, change); /* its objective is not B's business */
  tw_nlp_add_jt(&ipm->nlp, ph->j, 1, ph->y, change);
  tw_nlp_add_jt(&ipm->nlp, j, -1, ph->y, change);
  tw_nlp_bfgs_update(&ipm->nlp, step, change);
}

/* The trial point becomes the phase's, unless derivatives are not finite there. */
static tw_status take(tw_ipm *ipm, double alpha, double alpha_z, bool *taken) {
  ipm_phase *ph = ipm->now;
  const int64_t kept = ipm->n + ipm->nlp.j.nnz + ipm->nv;
  double *old = tw_alloc((size_t)kept, sizeof *old);
  if (!old) return tw_fail(ipm->run->error, TW_ERR_MEMORY, "out of memory");
  vec_copy(ipm->n, ph->g, old);
  vec_copy(ipm->nlp.j.nnz, ph->j, old + ipm->n);
  vec_copy(ipm->nv, ph->at.v, old + ipm->n + ipm->nlp.j.nnz);
  ipm_copy_point(ipm, &ph->at, &ipm->corrected);
  ipm_copy_point(ipm, &ipm->trial, &ph->at);
  tw_status status = ipm_derive(ipm, ph, taken);
  if (status == TW_OK && *taken) {
    update_duals(ipm, alpha, alpha_z);
    if (ipm->nlp.bfgs) learn(ipm, old, old + ipm->n, old + ipm->n + ipm->nlp.j.nnz);
  } else if (status == TW_OK) {
    ipm_copy_point(ipm, &ipm->corrected, &ph->at);
    ph->number[IPM_F] = ph->at.f;
    vec_copy(ipm->n, old, ph->g);
    vec_copy(ipm->nlp.j.nnz, old + ipm->n, ph->j);
  }
  free(old);
  return status;
}

/* |dv_k| / (1 + |v_k|) is nothing but rounding: the step is taken as it is. */
static bool is_tiny(const tw_ipm *ipm) {
  const ipm_phase *ph = ipm->now;
  for (int64_t k = 0; k < ipm->nv; k++)
    if (fabs(ipm->d.v[k]) > 10 * DBL_EPSILON * (1 + fabs(ph->at.v[k]))) return false;
  return true;
}

/* A filter that has rejected what was good otherwise five times in a row is emptied, once made sharper. */
static void judge_filter(ipm_phase *ph, bool by_filter) {
  ph->number[IPM_REJECTS] = by_filter ? ph->number[IPM_REJECTS] + 1 : 0;
  if (ph->number[IPM_REJECTS] < 5) return;
  ph->number[IPM_FILTERS] = 0;
  ph->number[IPM_REJECTS] = 0;
}

tw_status ipm_search(tw_ipm *ipm, bool *moved) {
  ipm_phase *ph = ipm->now;
  search s = {.theta = ipm_theta(ipm, &ph->at), .phi = ipm_phi(ipm, ph, &ph->at), .slope = ipm->d.slope};
  s.tau = fmax(0.99, 1 - ph->number[IPM_MU]);
  double alpha = ipm_to_boundary(ipm, ph, &ipm->d, s.tau);
  const double least = least_alpha(&s, ph), alpha_z = dual_to_boundary(ipm, ph, &ipm->d, s.tau);
  const bool tiny = is_tiny(ipm) && s.theta <= 1e-4;
  ph->number[IPM_TINY] = tiny ? ph->number[IPM_TINY] + 1 : 0;
  bool rejected_by_filter = false;
  *moved = false;
  for (bool first = true; !*moved && (first || alpha >= least); first = false, alpha *= *moved ? 1 : 0.5) {
    trial_point(ipm, &ipm->d, alpha, &ipm->trial);
    TW_TRY(ipm_evaluate(ipm, &ipm->trial));
    bool accepted = isfinite(ipm->trial.f) && (tiny || acceptable(ipm, &s, alpha, &ipm->trial));
    rejected_by_filter = rejected_by_filter || s.by_filter;
    double used = alpha;
    if (!accepted && first && ipm->m > 0 && isfinite(ipm->trial.f) && ipm_theta(ipm, &ipm->trial) >= s.theta)
      TW_TRY(correct(ipm, &s, &used, &accepted));
    if (!accepted) continue;
    const bool f_type = is_switching(&s, alpha) && is_armijo(&s, alpha, ipm_phi(ipm, ph, &ipm->trial));
    TW_TRY(take(ipm, used, alpha_z, moved));
    if (*moved && !f_type && !tiny) ipm_filter_add(ph, s.theta, s.phi);
  }
  judge_filter(ph, rejected_by_filter);
  return TW_OK;
}
