/* Away from stationary points that are no minima: a direction of negative curvature along the active limits; see sqp.h. */
#include "method/program/sqp.h"

enum { POWER_STEPS = 300, LENGTHS = 5 };
static const double DEPENDENT = 1e-9, NEGATIVE = 1e-8;

/* An orthonormal basis Z of what the active normals leave: rows `active` .. n-1 of the factor's J. */
static void null_space(tw_sqp *s, tw_dual_factor *f) {
  const int64_t n = s->n, m = s->m;
  double *d = s->d2;
  *f = (tw_dual_factor){.n = n, .j = s->work, .r = s->b};
  vec_zero(n * n, f->j);
  for (int64_t k = 0; k < n; k++) f->j[k * n + k] = 1;
  for (int64_t i = 0; i < m + n && f->active < n; i++) {
    if (s->active[i] == 0) continue;
    tw_dual_factor_image(f, i < m ? s->a + i * n : NULL, i - m, d);
    const double all = vec_dot(n, d, d), rest = vec_dot(n - f->active, d + f->active, d + f->active);
    if (rest > DEPENDENT * DEPENDENT * all) tw_dual_factor_add(f, d);
  }
}

/* v = Z u, w = Z'H Z u. */
static void reduced_product(tw_sqp *s, const tw_dual_factor *f, const double *u, double *v, double *w) {
  const int64_t n = s->n, free = n - f->active;
  double *hv = s->zu;
  vec_zero(n, v);
  vec_zero(n, hv);
  for (int64_t i = 0; i < free; i++)
    for (int64_t k = 0; k < n; k++) v[k] += u[i] * f->j[(f->active + i) * n + k];
  tw_nlp_add_h(&s->nlp, s->h, 1, v, hv);
  for (int64_t i = 0; i < free; i++) w[i] = vec_dot(n, f->j + (f->active + i) * n, hv);
}

/* The most negative curvature by the power method on sigma I - Z'H Z; its direction to v. */
static double most_negative(tw_sqp *s, const tw_dual_factor *f, double sigma, double *v) {
  const int64_t free = s->n - f->active;
  double *u = s->d2, *w = s->z2, curvature = 0;
  for (int64_t i = 0; i < free; i++) u[i] = 1 + 0.5 * cos((double)i);
  for (int step = 0; step < POWER_STEPS; step++) {
    vec_scale(free, 1 / sqrt(vec_dot(free, u, u)), u);
    reduced_product(s, f, u, v, w);
    curvature = vec_dot(free, u, w);
    for (int64_t i = 0; i < free; i++) u[i] = sigma * u[i] - w[i];
  }
  return curvature;
}

/* At a stationary point: the trial point has a lower merit, along negative curvature; *moved is false when there is none. */
tw_status sqp_escape(tw_sqp *s, double *f, bool *moved) {
  const int64_t n = s->n;
  tw_dual_factor factor;
  double *v = s->zl, size = vec_norm_inf(s->nlp.h.nnz, s->h);
  *moved = false;
  if (!s->shifted || s->nlp.bfgs || !(size > 0)) return TW_OK;
  null_space(s, &factor);
  if (factor.active == n || most_negative(s, &factor, (double)n * size, v) > -NEGATIVE * size) return TW_OK;
  const double now = sqp_merit(s, s->number[SQP_F], s->c), sign = vec_dot(n, s->g, v) > 0 ? -1 : 1;
  double length = fmax(1, vec_norm_inf(n, s->x));
  for (int k = 0; k < 2 * LENGTHS; k++) {
    vec_add(n, s->x, (k % 2 ? -sign : sign) * length, v, s->trial);
    vec_clip(n, s->l, s->u, s->trial);
    TW_TRY(tw_nlp_value(&s->nlp, s->trial, f, s->trial_c));
    *moved = sqp_merit(s, *f, s->trial_c) < now - 1e-8 * fmax(1, fabs(now)) * (length * length < 1 ? length * length : 1);
    if (*moved) return TW_OK;
    if (k % 2) length /= 10;
  }
  return TW_OK;
}
