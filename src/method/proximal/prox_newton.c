/* Semismooth Newton on the prox-gradient residual; see prox_map.h.
 *
 * The Newton system (I - P + eta P H) d = -F is made symmetric by d = -F + P w:
 *   [P (I - P) + eta P H P] w = -P (F - eta H F)
 * whose matrix is positive semidefinite when H is, so CG applies. P v is a one-sided difference of the prox,
 * exact up to rounding where the prox is piecewise linear (l1, boxes, simplices, polyhedra), and within 1e-7
 * where it is curved (groups, balls, spectra); either way the iteration contracts by that factor. */
#include "method/proximal/prox_map.h"

enum { NEXT, GAP, STATE };
enum { FIRST_ATTEMPT = 10, CG_MAX = 500 };

typedef struct newton {
  tw_run *run;
  int64_t n;
  double eta;
  double *z, *p, *f; /* z = x - eta grad f(x), p = prox(z), F = x - p */
  double *u, *v, *t; /* scratch */
} newton;

/* out = P v; t is overwritten. */
static tw_status apply_p(const newton *s, const double *v, double *out) {
  const double size = vec_norm_inf(s->n, v), reach = fmax(vec_norm_inf(s->n, s->z), DBL_MIN);
  if (size == 0) {
    vec_zero(s->n, out);
    return TW_OK;
  }
  const double h = 1e-7 * reach / size;
  vec_add(s->n, s->z, h, v, s->t);
  TW_TRY(tw_prox_apply(s->run, s->t, s->eta, out));
  for (int64_t i = 0; i < s->n; i++) out[i] = (out[i] - s->p[i]) / h;
  return TW_OK;
}

/* out = P [(I - P) w + eta H P w] */
static tw_status apply_system(void *context, const double *w, double *out) {
  const newton *s = context;
  TW_TRY(apply_p(s, w, s->u));
  TW_TRY(tw_run_hvp(s->run, s->run->x, NULL, s->u, s->v));
  for (int64_t i = 0; i < s->n; i++) s->v[i] = w[i] - s->u[i] + s->eta * s->v[i];
  return apply_p(s, s->v, out);
}

/* d = the Newton step; F is known. */
static tw_status direction(newton *s, double *d, double *w, double *rhs) {
  const int64_t n = s->n;
  TW_TRY(tw_run_hvp(s->run, s->run->x, NULL, s->f, s->v));
  for (int64_t i = 0; i < n; i++) s->v[i] = s->eta * s->v[i] - s->f[i];
  TW_TRY(apply_p(s, s->v, rhs));
  const tw_linop a = {.rows = n,
                      .cols = n,
                      .flags = TW_LINOP_SYMMETRIC | TW_LINOP_DEFINITE,
                      .apply = apply_system,
                      .context = s};
  const tw_linear_options options = {.rtol = 1e-8, .max_iter = n < CG_MAX / 2 ? 2 * n : CG_MAX};
  tw_linear_result result;
  vec_zero(n, w);
  TW_TRY(tw_cg(&a, rhs, w, &options, &result, s->run->error));
  TW_TRY(apply_p(s, w, d));
  vec_axpy(n, -1, s->f, d);
  return TW_OK;
}

/* One attempt: run->x <- T(x + d) when |F(x + d)| <= |F(x)| / 2 and phi does not rise. */
static tw_status attempt(newton *s, double *gradient, double *trial, double *d, bool *moved) {
  tw_run *run = s->run;
  const int64_t n = s->n;
  double smooth, phi;
  TW_TRY(tw_run_gradient(run, run->x, &smooth, gradient));
  TW_TRY(tw_prox_step(run, run->x, gradient, s->eta, s->z, s->p));
  vec_sub(n, run->x, s->p, s->f);
  const double before = vec_norm(n, s->f);
  if (before == 0) { /* a fixed point to the last bit */
    run->optimality.stationarity = 0;
    *moved = true;
    return TW_OK;
  }
  TW_TRY(direction(s, d, trial, gradient));
  if (vec_find_nonfinite(n, d) >= 0) return TW_OK;
  vec_add(n, run->x, 1, d, trial);
  TW_TRY(tw_run_gradient(run, trial, &smooth, gradient));
  if (!isfinite(smooth)) return TW_OK;
  TW_TRY(tw_prox_step(run, trial, gradient, s->eta, s->z, s->p));
  vec_sub(n, trial, s->p, s->f);
  if (!(vec_norm(n, s->f) <= 0.5 * before)) return TW_OK;
  TW_TRY(tw_prox_objective(run, s->p, &smooth, &phi));
  if (!(phi <= run->f + 1e-10 * fmax(1, fabs(run->f)))) return TW_OK;
  vec_copy(n, s->p, run->x);
  run->f = phi;
  run->optimality.stationarity = vec_norm_inf(n, s->f) / s->eta;
  *moved = true;
  return TW_OK;
}

tw_status tw_prox_newton_try(tw_run *run, double eta, bool *moved) {
  const int64_t n = run->n;
  *moved = false;
  double *state, *gradient, *trial, *d;
  newton s = {.run = run, .n = n, .eta = eta};
  const tw_slot slots[] = {{"prox_newton.state", STATE, &state},
                           {"prox_newton.gradient", n, &gradient},
                           {"prox_newton.trial", n, &trial},
                           {"prox_newton.d", n, &d},
                           {"prox_newton.z", n, &s.z},
                           {"prox_newton.p", n, &s.p},
                           {"prox_newton.f", n, &s.f},
                           {"prox_newton.u", n, &s.u},
                           {"prox_newton.v", n, &s.v},
                           {"prox_newton.t", n, &s.t},
                           {NULL, 0, NULL}};
  if (!(run->oracle->offers & TW_CURVATURE) || !tw_run_flag(run, "polish")) return TW_OK;
  TW_TRY(tw_fetch(run, slots));
  if (state[GAP] == 0) state[GAP] = state[NEXT] = FIRST_ATTEMPT;
  if ((double)run->iteration < state[NEXT]) return TW_OK;
  TW_TRY(attempt(&s, gradient, trial, d, moved));
  if (*moved) {
    state[GAP] = FIRST_ATTEMPT;
  } else { /* the active set is not settled yet: try again later, ever less often */
    state[NEXT] = (double)run->iteration + state[GAP];
    state[GAP] *= 2;
  }
  return TW_OK;
}
