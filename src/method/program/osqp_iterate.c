/* The splitting itself, and how far its iterate is from a solution; see osqp.h. */
#include "method/program/osqp.h"

#include "method/program/qp_certify.h"

static const double LEAST_RHO = 1e-6, LARGEST_RHO = 1e6;

/* ------------------------------------------------------------------ one iteration
 *
 *   [ P + sigma I   A'        B'         ] [ x~    ]   [ sigma x - q       ]
 *   [ A             -1/rho_A             ] [ nu    ] = [ z_A - y_A / rho_A ]
 *   [ B                       -1/rho_B   ] [ nu_B  ]   [ z_B - y_B / rho_B ]
 *
 * with B = I for bounds: nu_B = rho_B (x~ - z_B) + y_B goes into the first row. Then z~ = z + (nu - y) / rho, and
 *
 *   x <- alpha x~ + (1 - alpha) x
 *   z <- clip(alpha z~ + (1 - alpha) z + y / rho)
 *   y <- y + rho (alpha z~ + (1 - alpha) z_old - z) */
tw_status osqp_iterate(tw_osqp *s) {
  const int64_t n = s->n, m = s->m;
  const double alpha = s->alpha, *rho = s->rho;
  double *b = s->right;
  for (int64_t j = 0; j < n; j++) {
    const int64_t i = m + j;
    b[j] = s->sigma * s->x[j] - s->q[j] + (rho[i] > 0 ? rho[i] * s->z[i] - s->y[i] : 0);
  }
  for (int64_t i = 0; i < m; i++) b[n + i] = s->z[i] - s->y[i] / rho[i];
  TW_TRY(tw_factor_solve(s->factor, false, 1, b, b, s->run->error));
  for (int64_t i = 0; i < m + n; i++) {
    const bool bound = i >= m;
    const double moved = bound ? b[i - m] : s->z[i] + (b[n + i] - s->y[i]) / rho[i], mixed = alpha * moved + (1 - alpha) * s->z[i];
    if (rho[i] == 0) {
      s->z[i] = mixed, s->step_y[i] = 0;
      continue;
    }
    const double z = fmin(fmax(mixed + s->y[i] / rho[i], s->lower[i]), s->upper[i]), change = rho[i] * (mixed - z);
    s->z[i] = z;
    s->y[i] += change, s->step_y[i] = change;
  }
  for (int64_t j = 0; j < n; j++) {
    s->step_x[j] = alpha * (b[j] - s->x[j]);
    s->x[j] += s->step_x[j];
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ what is left */

static double largest_difference(int64_t n, const double *a, const double *b) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(a[i] - b[i]));
  return most;
}

void osqp_judge(const tw_osqp *s, osqp_point *p, const double *twin) {
  const tw_qp *qp = &s->qp;
  const int64_t n = s->n, m = s->m;
  double *r = s->work;
  vec_zero(n, p->px), vec_zero(m, p->ax), vec_zero(n, p->aty);
  tw_qp_add_p(qp, 1, p->x, p->px);
  tw_qp_add_a(qp, 1, p->x, p->ax);
  tw_qp_add_at(qp, 1, p->y, p->aty);
  for (int64_t j = 0; j < n; j++) r[j] = p->px[j] + qp->q[j] + p->aty[j];
  p->optimality = tw_qp_judge(qp, p->x, p->ax, r, p->y, p->z);
  p->dual = p->optimality.stationarity;
  p->dual_scale = fmax(vec_norm_inf(n, p->px), vec_norm_inf(n, qp->q));
  for (int64_t j = 0; j < n; j++) p->dual_scale = fmax(p->dual_scale, fabs(p->aty[j] + p->z[j]));
  p->primal = fmax(largest_difference(m, p->ax, p->row), largest_difference(n, p->x, twin));
  p->primal_scale = fmax(fmax(vec_norm_inf(m, p->ax), vec_norm_inf(m, p->row)), vec_norm_inf(n, p->x));
  const double quadratic = vec_dot(n, p->x, p->px), linear = vec_dot(n, p->x, qp->q);
  p->f = qp->constant + linear + 0.5 * quadratic;
  p->value_scale = fmax(fabs(quadratic), fabs(linear));
}

void osqp_look(tw_osqp *s) {
  const tw_qp *qp = &s->qp;
  osqp_point *p = &s->at;
  const double c = s->number[OSQP_C];
  double *twin = s->work + s->n;
  for (int64_t j = 0; j < s->n; j++) {
    const int64_t i = s->m + j;
    const double x = s->d[j] * s->x[j];
    p->x[j] = fmin(fmax(x, qp->lower[j]), qp->upper[j]);
    p->z[j] = s->y[i] / (c * s->d[j]);
    twin[j] = s->rho[i] > 0 ? fmin(fmax(s->d[j] * s->z[i], qp->lower[j]), qp->upper[j]) : p->x[j];
  }
  for (int64_t i = 0; i < s->m; i++) {
    p->row[i] = fmin(fmax(s->z[i] / s->e[i], qp->row_lower[i]), qp->row_upper[i]);
    p->y[i] = s->e[i] * s->y[i] / c;
  }
  osqp_judge(s, p, twin);
}

/* Section 3.4: absolute and relative; and complementarity, relative to the terms of the objective. */
bool osqp_meets(const osqp_point *p, double tol) {
  return p->primal <= tol * (1 + p->primal_scale) && p->dual <= tol * (1 + p->dual_scale) &&
         p->optimality.complementarity <= tol * (1 + p->value_scale);
}

/* Section 5.2, with the residuals that the end is judged by in place of the scaled ones. */
double osqp_next_rho(const tw_osqp *s) {
  const osqp_point *p = &s->at;
  const double ratio = (p->primal / fmax(p->primal_scale, 1e-10)) / fmax(p->dual / fmax(p->dual_scale, 1e-10), 1e-15);
  return fmin(fmax(s->number[OSQP_RHO] * sqrt(ratio), LEAST_RHO), LARGEST_RHO);
}

/* ------------------------------------------------------------------ certificates
 *
 * The steps of the iteration converge to a direction that proves that there is no solution (Banjac, Goulart, Stellato & Boyd 2019). Where
 * its sums begin to cancel, to NEAR of their terms, it is made exact and judged (certificate.h); again when they cancel NEARER by. */
static const double NEAR = 1e-2, NEARER = 0.3, PATIENCE = 1.05;
static const double FEASIBLE = 1e-6; /* relative to the largest limit */

/* Whether it is time to try; *last: what was left at the last time, which is forgotten slowly. */
static bool is_due(double noise, double *last) {
  *last *= PATIENCE;
  if (!(noise <= NEAR && noise <= NEARER * *last)) return false;
  *last = fmax(noise, DBL_MIN);
  return true;
}

tw_status osqp_infeasible(tw_osqp *s, const double **proof) {
  double *y = s->right + s->n;
  bool proven;
  *proof = NULL;
  for (int64_t i = 0; i < s->m; i++) {
    const double v = s->e[i] * s->step_y[i];
    y[i] = (v > 0 && s->qp.row_upper[i] == INFINITY) || (v < 0 && s->qp.row_lower[i] == -INFINITY) ? 0 : v;
  }
  const double noise = tw_qp_farkas_noise(&s->qp, y, s->e, s->d);
  if (!is_due(noise, &s->number[OSQP_LEFT_Y])) return TW_OK;
  TW_TRY(tw_qp_refine_farkas(&s->qp, noise, y, s->right, s->work, &proven, s->run->error));
  if (proven) *proof = y;
  return TW_OK;
}

/* Rows are violated by little beside the limits there are, all in the units of the splitting. */
static bool is_feasible(const tw_osqp *s) {
  const tw_qp *qp = &s->qp;
  double violation = 0, limits = 0;
  for (int64_t i = 0; i < s->m + s->n; i++) {
    if (isfinite(s->lower[i])) limits = fmax(limits, fabs(s->lower[i]));
    if (isfinite(s->upper[i])) limits = fmax(limits, fabs(s->upper[i]));
  }
  for (int64_t i = 0; i < s->m; i++)
    violation = fmax(violation, s->e[i] * fmax(s->at.ax[i] - qp->row_upper[i], qp->row_lower[i] - s->at.ax[i]));
  return violation <= FEASIBLE * (limits > 0 ? limits : 1);
}

/* A direction of descent that no limit stops, at a point that is feasible. */
tw_status osqp_unbounded(tw_osqp *s, const double **proof) {
  const tw_qp *qp = &s->qp;
  double *d = s->right;
  bool proven;
  *proof = NULL;
  for (int64_t j = 0; j < s->n; j++) {
    d[j] = s->d[j] * s->step_x[j];
    if ((d[j] > 0 && qp->upper[j] < INFINITY) || (d[j] < 0 && qp->lower[j] > -INFINITY)) d[j] = 0;
  }
  if (!(vec_dot(s->n, qp->q, d) < 0) || !is_feasible(s)) return TW_OK;
  const double noise = tw_qp_ray_noise(qp, d, s->e, s->d);
  if (!is_due(noise, &s->number[OSQP_LEFT_D])) return TW_OK;
  TW_TRY(tw_qp_refine_ray(qp, noise, d, s->work, &proven, s->run->error));
  if (proven) *proof = d;
  return TW_OK;
}
