/* The barrier problem of a phase: rows, objective, gradients, the error of its optimality conditions. */
#include "method/program/ipm.h"

const double ipm_rho = 1000;
static const double KAPPA_D = 1e-5; /* weight of the linear term that keeps variables with one bound from drifting away */
static const double S_MAX = 100;

void ipm_rows(const tw_ipm *ipm, const ipm_point *at, double *d) {
  for (int64_t i = 0; i < ipm->m; i++) {
    const int64_t k = ipm->slack[i];
    d[i] = k == -2 ? 0 : at->c[i] - (k >= 0 ? at->v[k] : ipm->target[i]);
    if (at->p && k != -2) d[i] += at->q[i] - at->p[i];
  }
}

double ipm_theta(const tw_ipm *ipm, const ipm_point *at) {
  ipm_rows(ipm, at, ipm->rows);
  double sum = 0;
  for (int64_t i = 0; i < ipm->m; i++) sum += fabs(ipm->rows[i]);
  return sum;
}

static double objective(const tw_ipm *ipm, const ipm_phase *ph, const ipm_point *at) {
  if (!ph->elastic) return at->f;
  double sum = 0;
  for (int64_t k = 0; k < ipm->n; k++) {
    const double step = at->v[k] - ph->anchor[k];
    sum += 0.5 * ph->number[IPM_ZETA] * ph->weight[k] * step * step;
  }
  for (int64_t i = 0; i < ipm->m; i++) sum += ipm->no_row[i] ? 0 : ipm_rho * (at->p[i] + at->q[i]);
  return isfinite(at->f) ? sum : INFINITY;
}

double ipm_phi(const tw_ipm *ipm, const ipm_phase *ph, const ipm_point *at) {
  double logs = 0, linear = 0;
  for (int64_t k = 0; k < ipm->nv; k++) {
    const bool l = isfinite(ipm->lower[k]), u = isfinite(ipm->upper[k]);
    if (l) logs += log(ipm_gap_l(ipm, at->v, k));
    if (u) logs += log(ipm_gap_u(ipm, at->v, k));
    if (l && !u) linear += ipm_gap_l(ipm, at->v, k);
    if (u && !l) linear += ipm_gap_u(ipm, at->v, k);
  }
  for (int64_t i = 0; ph->elastic && i < ipm->m; i++)
    if (!ipm->no_row[i]) {
      logs += log(at->p[i]) + log(at->q[i]);
      linear += at->p[i] + at->q[i];
    }
  return objective(ipm, ph, at) + ph->number[IPM_MU] * (KAPPA_D * linear - logs);
}

void ipm_objective_gradient(const tw_ipm *ipm, const ipm_phase *ph, double *out) {
  vec_zero(ipm->nv, out);
  if (!ph->elastic) vec_copy(ipm->n, ph->g, out);
  for (int64_t k = 0; ph->elastic && k < ipm->n; k++)
    out[k] = ph->number[IPM_ZETA] * ph->weight[k] * (ph->at.v[k] - ph->anchor[k]);
}

void ipm_barrier_gradient(const tw_ipm *ipm, const ipm_phase *ph, double *out) {
  const double mu = ph->number[IPM_MU];
  ipm_objective_gradient(ipm, ph, out);
  for (int64_t k = 0; k < ipm->nv; k++) {
    const bool l = isfinite(ipm->lower[k]), u = isfinite(ipm->upper[k]);
    if (l) out[k] -= mu / ipm_gap_l(ipm, ph->at.v, k);
    if (u) out[k] += mu / ipm_gap_u(ipm, ph->at.v, k);
    if (l && !u) out[k] += mu * KAPPA_D;
    if (u && !l) out[k] -= mu * KAPPA_D;
  }
}

/* max (1, mean of the multipliers' sizes / 100) */
static double scale_of(double sum, int64_t count) {
  return fmax(S_MAX, sum / (double)(count > 0 ? count : 1)) / S_MAX;
}

typedef struct sums {
  double dual, complementarity, z, y;
  int64_t bounds;
} sums;

static void add_bound(sums *s, double gap, double z, double mu) {
  s->complementarity = fmax(s->complementarity, fabs(gap * z - mu));
  s->z += z;
  s->bounds++;
}

static void add_elastic(const tw_ipm *ipm, const ipm_phase *ph, double mu, sums *s) {
  for (int64_t i = 0; i < ipm->m; i++) {
    if (ipm->no_row[i]) continue;
    s->dual = fmax(s->dual, fmax(fabs(ipm_rho - ph->y[i] - ph->zp[i]), fabs(ipm_rho + ph->y[i] - ph->zq[i])));
    add_bound(s, ph->at.p[i], ph->zp[i], mu);
    add_bound(s, ph->at.q[i], ph->zq[i], mu);
  }
}

double ipm_error(tw_ipm *ipm, const ipm_phase *ph, double mu) {
  double *r = ipm->residual;
  sums s = {0};
  ipm_objective_gradient(ipm, ph, r);
  tw_nlp_add_jt(&ipm->nlp, ph->j, 1, ph->y, r);
  for (int64_t k = ipm->n; k < ipm->nv; k++) r[k] -= ph->y[ipm->slack_row[k - ipm->n]];
  for (int64_t k = 0; k < ipm->nv; k++) {
    if (k >= ipm->n || !ipm->fixed[k]) s.dual = fmax(s.dual, fabs(r[k] - ph->zl[k] + ph->zu[k]));
    if (isfinite(ipm->lower[k])) add_bound(&s, ipm_gap_l(ipm, ph->at.v, k), ph->zl[k], mu);
    if (isfinite(ipm->upper[k])) add_bound(&s, ipm_gap_u(ipm, ph->at.v, k), ph->zu[k], mu);
  }
  if (ph->elastic) add_elastic(ipm, ph, mu, &s);
  for (int64_t i = 0; i < ipm->m; i++) s.y += fabs(ph->y[i]);
  ipm_rows(ipm, &ph->at, ipm->rows);
  const double sd = scale_of(s.y + s.z, ipm->m + s.bounds), sc = scale_of(s.z, s.bounds);
  return fmax(s.dual / sd, fmax(vec_norm_inf(ipm->m, ipm->rows), s.complementarity / sc));
}

tw_status ipm_evaluate(tw_ipm *ipm, ipm_point *at) {
  return tw_nlp_value(&ipm->nlp, at->v, &at->f, at->c);
}

tw_status ipm_derive(tw_ipm *ipm, ipm_phase *ph, bool *finite) {
  ph->number[IPM_F] = ph->at.f;
  return tw_nlp_first(&ipm->nlp, ph->at.v, ph->g, ph->j, finite);
}

void ipm_copy_point(const tw_ipm *ipm, const ipm_point *from, ipm_point *to) {
  vec_copy(ipm->nv, from->v, to->v);
  vec_copy(ipm->m, from->c, to->c);
  if (from->p && to->p) {
    vec_copy(ipm->m, from->p, to->p);
    vec_copy(ipm->m, from->q, to->q);
  }
  to->f = from->f;
}
