/* The splitting itself, and how far its iterate is from a solution; see osqp.h. */
#include "method/program/osqp.h"

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
 * The steps of the iteration converge to a direction that proves infeasibility (Banjac, Goulart, Stellato & Boyd 2019). It is
 * believed where it excludes points (or where the objective falls faster than the limits are left) by this factor. */
static const double CERTAIN = 1e6;
static const double ROUNDING = 1e-10; /* of the terms of a sum: what it must exceed */

static double largest_limit(const tw_osqp *s) {
  const tw_qp *qp = &s->qp;
  double most = 1;
  for (int64_t j = 0; j < s->n; j++) {
    if (isfinite(qp->lower[j])) most = fmax(most, fabs(qp->lower[j]));
    if (isfinite(qp->upper[j])) most = fmax(most, fabs(qp->upper[j]));
  }
  for (int64_t i = 0; i < s->m; i++) {
    if (isfinite(qp->row_lower[i])) most = fmax(most, fabs(qp->row_lower[i]));
    if (isfinite(qp->row_upper[i])) most = fmax(most, fabs(qp->row_upper[i]));
  }
  return most;
}

/* v, or 0 where it would press on a limit that is not there. */
static double pressing(double v, double l, double u) {
  return (v > 0 && u == INFINITY) || (v < 0 && l == -INFINITY) ? 0 : v;
}

/* Multipliers y of the rows and z = -A'y of the bounds: Farkas. What a missing bound leaves of A'y + z is small when the points that
 * are not excluded lie CERTAIN times further out than any limit. */
const double *osqp_infeasible(tw_osqp *s) {
  const tw_qp *qp = &s->qp;
  const int64_t n = s->n, m = s->m;
  double *y = s->right + n, *z = s->right, *r = s->work, sum = 0, terms = 0, left = 0;
  for (int64_t i = 0; i < m; i++) {
    y[i] = pressing(s->e[i] * s->step_y[i], qp->row_lower[i], qp->row_upper[i]);
    const double term = y[i] != 0 ? y[i] * (y[i] > 0 ? qp->row_upper[i] : qp->row_lower[i]) : 0;
    sum += term, terms += fabs(term);
  }
  vec_zero(n, r);
  tw_qp_add_at(qp, 1, y, r);
  for (int64_t j = 0; j < n; j++) {
    z[j] = pressing(-r[j], qp->lower[j], qp->upper[j]);
    const double term = z[j] != 0 ? z[j] * (z[j] > 0 ? qp->upper[j] : qp->lower[j]) : 0;
    sum += term, terms += fabs(term);
    left += fabs(r[j] + z[j]);
  }
  const double least = fmax(CERTAIN * largest_limit(s) * left, ROUNDING * terms);
  return -sum > least && tw_qp_proves_infeasible(qp, y, z, s->work) > 0 ? y : NULL;
}

/* A direction of descent that no limit stops, at a point that is feasible. */
const double *osqp_unbounded(tw_osqp *s) {
  const tw_qp *qp = &s->qp;
  const int64_t n = s->n;
  double *d = s->right, largest = 0;
  if (!(s->at.optimality.feasibility <= largest_limit(s) / CERTAIN)) return NULL;
  for (int64_t j = 0; j < n; j++) {
    d[j] = s->d[j] * s->step_x[j];
    if ((d[j] > 0 && qp->upper[j] < INFINITY) || (d[j] < 0 && qp->lower[j] > -INFINITY)) d[j] = 0;
    largest = fmax(largest, fabs(d[j]));
  }
  const double slope = vec_dot(n, qp->q, d);
  if (!(slope < 0)) return NULL;
  return tw_qp_proves_unbounded(qp, d, s->work) * largest >= -slope * (1 - 1 / CERTAIN) ? d : NULL;
}
