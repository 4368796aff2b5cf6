/* Away from stationary points that are no minima: a direction of negative curvature along the active limits; see sqp.h. */
#include "method/program/sqp.h"

enum { POWER_STEPS = 300, LENGTHS = 5 };
static const double DEPENDENT = 1e-9, NEGATIVE = 1e-8;

/* Q, whose rows span the active normals. */
static rt_active active_normals(tw_sqp *s) {
  const int64_t n = s->n, m = s->m;
  rt_active q = rt_active_make(n, DEPENDENT, s->work);
  for (int64_t i = 0; i < m + n && q.q < n; i++) {
    if (s->active[i] == 0) continue;
    for (int64_t k = 0; k < n; k++) q.direction[k] = i < m ? s->a[i * n + k] : i - m == k;
    const double left = rt_active_split(&q);
    if (left > 0) rt_active_add(&q, left, i, true, 0);
  }
  return q;
}

/* u <- P u, P = I - Q'Q, of length 1; false where nothing is left. */
static bool project(rt_active *q, double *u) {
  const double all = vec_dot(q->n, u, u);
  vec_copy(q->n, u, q->direction);
  rt_active_split(q);
  const double left = vec_dot(q->n, q->direction, q->direction);
  if (!(left > 1e-24 * all)) return false;
  vec_copy(q->n, q->direction, u);
  vec_scale(q->n, 1 / sqrt(left), u);
  return true;
}

/* The most negative curvature along P by the power method on P (sigma I - H) P; its direction to v. */
static double most_negative(tw_sqp *s, rt_active *q, double sigma, double *v) {
  const int64_t n = s->n;
  double *u = s->d2, *hu = s->zu, curvature = 0;
  for (int64_t i = 0; i < n; i++) u[i] = 1 + 0.5 * cos((double)i);
  for (int step = 0; step < POWER_STEPS && project(q, u); step++) {
    vec_copy(n, u, v);
    vec_zero(n, hu);
    tw_nlp_add_h(&s->nlp, s->h, 1, u, hu);
    curvature = vec_dot(n, u, hu);
    for (int64_t i = 0; i < n; i++) u[i] = sigma * u[i] - hu[i];
  }
  return curvature;
}

/* At a stationary point: the trial point has a lower merit, along negative curvature; *moved is false when there is none. */
tw_status sqp_escape(tw_sqp *s, double *f, bool *moved) {
  const int64_t n = s->n;
  double *v = s->zl, size = vec_norm_inf(s->nlp.h.nnz, s->h);
  *moved = false;
  if (!s->shifted || s->nlp.bfgs || !(size > 0)) return TW_OK;
  rt_active normals = active_normals(s);
  if (normals.q == n || most_negative(s, &normals, (double)n * size, v) > -NEGATIVE * size) return TW_OK;
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
