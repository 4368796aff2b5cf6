#include "method/proximal/prox_map.h"

tw_status tw_prox_apply(tw_run *run, const double *z, double eta, double *out) {
  if (run->method->needs & TW_PROX) return tw_run_prox(run, z, eta, out);
  if (run->oracle->offers & TW_PROJECT) return tw_run_project(run, z, out);
  vec_copy(run->n, z, out);
  return TW_OK;
}

tw_status tw_prox_step(tw_run *run, const double *x, const double *gradient, double eta, double *z,
                       double *out) {
  vec_add(run->n, x, -eta, gradient, z);
  return tw_prox_apply(run, z, eta, out);
}

tw_status tw_prox_penalty(tw_run *run, const double *x, double *g) {
  *g = 0;
  return (run->method->needs & TW_PROX) ? tw_run_regularizer(run, x, g) : TW_OK;
}

tw_status tw_prox_objective(tw_run *run, const double *x, double *smooth, double *phi) {
  double g;
  TW_TRY(tw_run_value(run, x, smooth));
  TW_TRY(tw_prox_penalty(run, x, &g));
  *phi = *smooth + g;
  return TW_OK;
}

/* |x - t|_inf / eta */
static double residual(int64_t n, const double *x, const double *t, double eta) {
  double largest = 0;
  for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(x[i] - t[i]));
  return largest / eta;
}

/* 1 / L from the gradient at a nearby point: eta = |h g| / |grad f(x - h g) - g|. */
static tw_status first_step(tw_run *run, const double *gradient, double *z, double *other, double *eta) {
  const int64_t n = run->n;
  const double size = vec_norm(n, gradient);
  *eta = 1;
  if (size == 0) return TW_OK;
  const double h = 1e-6 * fmax(1, vec_norm(n, run->x)) / size;
  double f;
  vec_add(n, run->x, -h, gradient, z);
  TW_TRY(tw_run_gradient(run, z, &f, other));
  vec_sub(n, gradient, other, other);
  const double change = vec_norm(n, other);
  /* a linear f has no curvature: then as far as the point itself is from the origin */
  *eta = isfinite(f) && change > 1e-14 * size ? h * size / change : fmax(1, vec_norm(n, run->x)) / size;
  return TW_OK;
}

tw_status tw_prox_start(tw_run *run, double *gradient, double *z, double *t, double *eta) {
  double smooth, g;
  vec_copy(run->n, run->x, z);
  TW_TRY(tw_prox_apply(run, z, DBL_MIN, run->x)); /* a vanishing eta leaves the set alone at work */
  TW_TRY(tw_run_gradient(run, run->x, &smooth, gradient));
  TW_TRY(tw_prox_penalty(run, run->x, &g));
  run->f = smooth + g;
  if (!isfinite(run->f)) {
    return tw_fail(run->error, TW_ERR_NUMERIC, "%s: the objective or its gradient is not finite at the start",
                   run->method->name);
  }
  if (*eta <= 0) TW_TRY(first_step(run, gradient, z, t, eta));
  TW_TRY(tw_prox_step(run, run->x, gradient, *eta, z, t));
  run->optimality.stationarity = run->scale = residual(run->n, run->x, t, *eta);
  return TW_OK;
}

/* Rounding of x moves |x - t| / eta by eps |x| / eta, which grows without end as eta falls, as it does at a kink: what it may explain is
 * limited. */
tw_status tw_prox_watch(tw_run *run, double eta) {
  enum { BEST, IDLE, STATE };
  enum { IDLE_MAX = 50 };
  static const double ROUGH = 1e-6;
  double *state = tw_run_vector(run, "prox.watch", STATE);
  if (!state) return TW_ERR_MEMORY;
  const double now = run->optimality.stationarity;
  const bool falls = state[BEST] == 0 || now < 0.9 * state[BEST];
  state[IDLE] = falls ? 0 : state[IDLE] + 1;
  if (falls) state[BEST] = now;
  if (state[IDLE] < IDLE_MAX) return TW_OK;
  const double rounding = DBL_EPSILON * (vec_norm_inf(run->n, run->x) / eta + run->gradient_norm);
  if (now > 1e3 * rounding) return TW_OK;
  if (now <= fmax(ROUGH * fmax(tw_run_scale(run), run->gradient_norm), tw_run_tolerance(run) * run->scale))
    return tw_run_end(run, TW_SOLVED, "the stationarity is down to rounding: %.1e", now);
  return tw_run_end(
      run, TW_FAILED,
      "steps of length %.1e times the gradient are lost in the rounding of x, at a stationarity of %.1e: the objective is not "
      "smooth here, or its gradient is wrong",
      eta, now);
}
