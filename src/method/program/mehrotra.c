/* The interior-point iteration: residuals, predictor, corrector, centrality correctors, steps; see mehrotra.h. */
#include "method/program/mehrotra.h"

enum { CORRECTORS = 2, IDLE_MOST = 15, RECOVERY_MOST = 40, WARY = 2 };
static const double CENTERING = 0.3, ROUNDING = 1e-6; /* sigma of a wary step; errors below which rounding is what stops progress */

static bool below(const tw_mehrotra *s, int64_t k) {
  return s->l[k] > -INFINITY;
}

static bool above(const tw_mehrotra *s, int64_t k) {
  return s->u[k] < INFINITY;
}

/* ------------------------------------------------------------------ residuals */

static double largest(int64_t n, const double *r, double most) {
  for (int64_t k = 0; k < n; k++) most = fmax(most, fabs(r[k]));
  return most;
}

static void measure_dual(tw_mehrotra *s) {
  const int64_t n = s->n;
  vec_zero(n, s->px);
  tw_qp_add_p(s->qp, 1, s->v, s->px);
  for (int64_t j = 0; j < n; j++) s->rd[j] = s->px[j] + s->qp->q[j] + s->zu[j] - s->zl[j];
  tw_qp_add_at(s->qp, 1, s->y, s->rd);
  for (int64_t j = 0; j < n; j++)
    if (s->fixed[j]) s->rd[j] = 0;
  for (int64_t i = 0; i < s->m; i++)
    if (s->slack[i] >= 0) s->rd[s->slack[i]] = s->zu[s->slack[i]] - s->zl[s->slack[i]] - s->y[i];
}

static void measure_primal(tw_mehrotra *s) {
  vec_zero(s->m, s->rp);
  tw_qp_add_a(s->qp, 1, s->v, s->rp);
  for (int64_t i = 0; i < s->m; i++)
    s->rp[i] = s->no_row[i] ? 0 : s->rp[i] - (s->slack[i] >= 0 ? s->v[s->slack[i]] : s->qp->row_lower[i]);
  for (int64_t k = 0; k < s->nv; k++) {
    s->rl[k] = below(s, k) ? s->v[k] - s->l[k] - s->tl[k] : 0;
    s->ru[k] = above(s, k) ? s->u[k] - s->v[k] - s->tu[k] : 0;
  }
}

void tw_mehrotra_measure(tw_mehrotra *s) {
  double products = 0;
  measure_dual(s);
  measure_primal(s);
  for (int64_t k = 0; k < s->nv; k++) products += s->tl[k] * s->zl[k] + s->tu[k] * s->zu[k];
  s->f = tw_qp_objective(s->qp, s->v);
  s->mu = s->pairs > 0 ? products / (double)s->pairs : 0;
  s->primal = largest(s->m, s->rp, largest(s->nv, s->rl, largest(s->nv, s->ru, 0))) / s->limit_size;
  s->dual = largest(s->nv, s->rd, 0) / s->cost_size;
  s->gap = products / (1 + fabs(s->f - s->qp->constant));
  s->known = true;
}

/* ------------------------------------------------------------------ directions */

/* D of every v, and E = 1 / D_s. */
static tw_status factor(tw_mehrotra *s, tw_error *error) {
  for (int64_t k = 0; k < s->nv; k++)
    s->norm[k] = (below(s, k) ? s->zl[k] / s->tl[k] : 0) + (above(s, k) ? s->zu[k] / s->tu[k] : 0);
  vec_copy(s->n, s->norm, s->diagonal);
  for (int64_t i = 0; i < s->m; i++) s->e[i] = s->slack[i] >= 0 ? 1 / s->norm[s->slack[i]] : 0;
  return mehrotra_factor(s, s->fixed, s->no_row, error);
}

/* The Newton direction for  zl dtl + tl dzl = cl,  zu dtu + tu dzu = cu  and the residuals times `part`:
 *   g = (cu - zu ru) / tu - (cl - zl rl) / tl
 *   (P + D) dx + A'dy = -rd - g,   A dx - dy / D_s = -rp - (rd_s + g_s) / D_s,   ds = (dy - rd_s - g_s) / D_s */
static tw_status direction(tw_mehrotra *s, double part, mehrotra_direction *d, tw_error *error) {
  const int64_t n = s->n, m = s->m;
  double left;
  for (int64_t k = 0; k < s->nv; k++) {
    s->g[k] = part * s->rd[k];
    if (below(s, k)) s->g[k] -= (s->cl[k] - s->zl[k] * part * s->rl[k]) / s->tl[k];
    if (above(s, k)) s->g[k] += (s->cu[k] - s->zu[k] * part * s->ru[k]) / s->tu[k];
  }
  for (int64_t j = 0; j < n; j++) s->rhs[j] = s->fixed[j] ? 0 : -s->g[j];
  for (int64_t i = 0; i < m; i++)
    s->rhs[n + i] = s->no_row[i] ? 0 : -part * s->rp[i] - (s->slack[i] >= 0 ? s->e[i] * s->g[s->slack[i]] : 0);
  TW_TRY(mehrotra_solve(s, s->fixed, s->no_row, &left, error));
  vec_copy(n, s->sol, d->v);
  vec_copy(m, s->sol + n, d->y);
  for (int64_t i = 0; i < m; i++)
    if (s->slack[i] >= 0) d->v[s->slack[i]] = s->e[i] * (d->y[i] - s->g[s->slack[i]]);
  for (int64_t k = 0; k < s->nv; k++) {
    d->tl[k] = below(s, k) ? d->v[k] + part * s->rl[k] : 0;
    d->tu[k] = above(s, k) ? -d->v[k] + part * s->ru[k] : 0;
    d->zl[k] = below(s, k) ? (s->cl[k] - s->zl[k] * d->tl[k]) / s->tl[k] : 0;
    d->zu[k] = above(s, k) ? (s->cu[k] - s->zu[k] * d->tu[k]) / s->tu[k] : 0;
  }
  return TW_OK;
}

/* The largest step in [0, 1e10] that keeps a + alpha d >= 0. */
static double to_boundary(int64_t n, const double *a, const double *d, double most) {
  for (int64_t k = 0; k < n; k++)
    if (d[k] < 0 && a[k] < -d[k] * most) most = a[k] / -d[k];
  return most;
}

/* Primal and dual steps to the boundary; one for both where they share P. */
static void steps_to(const tw_mehrotra *s, const mehrotra_direction *d, double most, double *primal, double *dual) {
  *primal = to_boundary(s->nv, s->tl, d->tl, to_boundary(s->nv, s->tu, d->tu, most));
  *dual = to_boundary(s->nv, s->zl, d->zl, to_boundary(s->nv, s->zu, d->zu, most));
  if (!tw_qp_is_linear(s->qp)) *primal = *dual = fmin(*primal, *dual);
}

/* mu after a step. */
static double mu_after(const tw_mehrotra *s, const mehrotra_direction *d, double primal, double dual) {
  double sum = 0;
  for (int64_t k = 0; k < s->nv; k++)
    sum += (s->tl[k] + primal * d->tl[k]) * (s->zl[k] + dual * d->zl[k]) + (s->tu[k] + primal * d->tu[k]) * (s->zu[k] + dual * d->zu[k]);
  return s->pairs > 0 ? sum / (double)s->pairs : 0;
}

/* Mehrotra (1992): sigma = (mu_affine / mu)^3 and the second-order term of the affine direction. That term may lead in circles
 * (Cartis 2009): after iterations without progress, while errors are large, the step is a plain one, well centred. */
static tw_status predict_and_correct(tw_mehrotra *s, double *target, tw_error *error) {
  double primal, dual;
  for (int64_t k = 0; k < s->nv; k++) s->cl[k] = -s->tl[k] * s->zl[k], s->cu[k] = -s->tu[k] * s->zu[k];
  TW_TRY(direction(s, 1, &s->predictor, error));
  const mehrotra_direction *a = &s->predictor;
  steps_to(s, a, 1, &primal, &dual);
  const double ratio = s->mu > 0 ? mu_after(s, a, primal, dual) / s->mu : 0;
  const bool wary = s->number[MEHROTRA_IDLE] >= WARY && tw_mehrotra_error(s) > ROUNDING;
  const double second = wary ? 0 : 1;
  *target = fmax(ratio * ratio * ratio, wary ? CENTERING : 0) * s->mu;
  for (int64_t k = 0; k < s->nv; k++) {
    s->cl[k] += below(s, k) ? *target - second * a->tl[k] * a->zl[k] : 0;
    s->cu[k] += above(s, k) ? *target - second * a->tu[k] * a->zu[k] : 0;
  }
  return direction(s, 1, &s->d, error);
}

/* What lifts the product p into [target / 10, 10 target], cut to -10 target (Gondzio 1996, (10)-(12)). */
static double towards(double p, double target) {
  return p < 0.1 * target ? 0.1 * target - p : p > 10 * target ? fmax(10 * target - p, -10 * target) : 0;
}

/* Gondzio's correctors: products at a longer step than the present one are moved near the path; kept where the step grows. */
static tw_status correct_centrality(tw_mehrotra *s, double target, tw_error *error) {
  for (int round = 0; round < CORRECTORS && target > 0; round++) {
    mehrotra_direction *d = &s->d, *t = &s->trial;
    double primal, dual, longer_primal, longer_dual;
    steps_to(s, d, 1, &primal, &dual);
    if (fmin(primal, dual) > 0.95) return TW_OK;
    const double ap = fmin(1, 1.08 * primal + 0.08), ad = fmin(1, 1.08 * dual + 0.08);
    for (int64_t k = 0; k < s->nv; k++) {
      if (below(s, k)) s->cl[k] += towards((s->tl[k] + ap * d->tl[k]) * (s->zl[k] + ad * d->zl[k]), target);
      if (above(s, k)) s->cu[k] += towards((s->tu[k] + ap * d->tu[k]) * (s->zu[k] + ad * d->zu[k]), target);
    }
    TW_TRY(direction(s, 1, t, error));
    steps_to(s, t, 1, &longer_primal, &longer_dual);
    if (longer_primal + longer_dual < primal + dual + 0.02 || longer_primal < 0.9 * primal || longer_dual < 0.9 * dual) return TW_OK;
    const mehrotra_direction swap = s->d;
    s->d = s->trial, s->trial = swap;
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ the step */

/* A part of the way to the boundary that grows to nearly 1 with the step itself. */
static double damped(double alpha) {
  return fmin(1, alpha * (1 - 0.02 * fmax(5e-3, 1 - fmin(1, alpha))));
}

static void move(tw_mehrotra *s) {
  const mehrotra_direction *d = &s->d;
  double primal, dual;
  steps_to(s, d, 2, &primal, &dual);
  primal = damped(primal), dual = damped(dual);
  for (int64_t k = 0; k < s->nv; k++) {
    s->v[k] += primal * d->v[k];
    s->tl[k] += primal * d->tl[k], s->tu[k] += primal * d->tu[k];
    s->zl[k] += dual * d->zl[k], s->zu[k] += dual * d->zu[k];
  }
  for (int64_t i = 0; i < s->m; i++) s->y[i] += dual * d->y[i];
}

/* Products far below mu block later steps: gaps and multipliers are kept above what they could have been. */
static void keep_inside(tw_mehrotra *s) {
  for (int64_t k = 0; k < s->nv; k++) {
    if (below(s, k)) s->tl[k] = fmax(s->tl[k], 1e-20), s->zl[k] = fmax(s->zl[k], 1e-20);
    if (above(s, k)) s->tu[k] = fmax(s->tu[k], 1e-20), s->zu[k] = fmax(s->zu[k], 1e-20);
  }
}

tw_status tw_mehrotra_step(tw_mehrotra *s, tw_error *error) {
  double target;
  if (!s->known) tw_mehrotra_measure(s);
  s->number[MEHROTRA_BEFORE] = tw_mehrotra_error(s);
  TW_TRY(factor(s, error));
  TW_TRY(predict_and_correct(s, &target, error));
  TW_TRY(correct_centrality(s, target, error));
  move(s);
  keep_inside(s);
  tw_mehrotra_measure(s);
  const double now = tw_mehrotra_error(s);
  if (!isfinite(now)) return tw_fail(error, TW_ERR_NUMERIC, "mehrotra: an iterate is not finite");
  s->number[MEHROTRA_STEPS]++;
  s->number[MEHROTRA_IDLE] = now < 0.9 * s->number[MEHROTRA_BEST] ? 0 : s->number[MEHROTRA_IDLE] + 1;
  s->number[MEHROTRA_BEST] = fmin(s->number[MEHROTRA_BEST], now);
  return TW_OK;
}

bool tw_mehrotra_stalled(const tw_mehrotra *s) {
  const bool falling = tw_mehrotra_error(s) < 0.9 * s->number[MEHROTRA_BEFORE];
  return s->number[MEHROTRA_IDLE] >= (falling ? RECOVERY_MOST : IDLE_MOST);
}

void tw_mehrotra_answer(const tw_mehrotra *s, double *x, double *y, double *z) {
  for (int64_t j = 0; j < s->n; j++) {
    x[j] = fmin(fmax(s->v[j], s->qp->lower[j]), s->qp->upper[j]);
    z[j] = s->zu[j] - s->zl[j];
  }
  for (int64_t i = 0; i < s->m; i++)
    y[i] = s->slack[i] >= 0 ? s->zu[s->slack[i]] - s->zl[s->slack[i]] : s->slack[i] == -1 ? s->y[i] : 0;
  for (int64_t j = 0; j < s->n; j++)
    if (s->fixed[j]) z[j] = -s->px[j] - s->qp->q[j];
  for (int64_t j = 0; j < s->n; j++)
    for (int64_t p = s->qp->a.start[j]; s->fixed[j] && p < s->qp->a.start[j + 1]; p++) z[j] -= s->qp->a.value[p] * y[s->qp->a.row[p]];
}
