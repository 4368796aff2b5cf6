#include "method/gradient/trust.h"

#include "method/vector.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const double ACCEPT = 1e-4; /* of the promised decrease */

tw_status tw_trust_get(tw_run *run, tw_trust *t) {
  *t = (tw_trust){.run = run};
  const int64_t n = run->n;
  t->g = tw_run_vector(run, "gradient", n);
  t->s = tw_run_vector(run, "step", n);
  t->x_trial = tw_run_vector(run, "trial", n);
  t->g_trial = tw_run_vector(run, "trial gradient", n);
  t->scalar = tw_run_vector(run, "trust", TW_TRUST_SCALARS);
  t->work = tw_run_vector(run, "work", TW_TRUST_WORK * n);
  if (n <= tw_run_integer(run, "dense")) {
    t->h = tw_run_vector(run, "hessian", n * n);
    if (t->h == NULL) return TW_ERR_MEMORY;
  }
  const bool all = t->g && t->s && t->x_trial && t->g_trial && t->scalar && t->work;
  return all ? TW_OK : TW_ERR_MEMORY;
}

tw_status tw_trust_begin(tw_run *run, tw_trust *t) {
  TW_TRY(tw_trust_get(run, t));
  TW_TRY(tw_run_gradient(run, run->x, &run->f, t->g));
  t->scalar[TW_TRUST_RADIUS] = fmax(1, tw_vec_norm2(run->x, (size_t)run->n));
  t->scalar[TW_TRUST_FIRST_VALUE] = run->f;
  return TW_OK;
}

/* Column after column, then made symmetric. */
tw_status tw_trust_prepare(tw_trust *t) {
  if (t->h == NULL || t->scalar[TW_TRUST_DENSE_VALID] == 1) return TW_OK;
  tw_run *run = t->run;
  const int64_t n = run->n;
  if (run->oracle->offers & TW_HESSIAN) {
    TW_TRY(tw_run_hessian(run, run->x, NULL, t->h));
  } else {
    double *unit = t->work;
    memset(unit, 0, (size_t)n * sizeof *unit);
    for (int64_t j = 0; j < n; j++) {
      unit[j] = 1;
      TW_TRY(tw_run_hvp(run, run->x, NULL, unit, t->h + j * n));
      unit[j] = 0;
    }
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++)
      t->h[i * n + j] = t->h[j * n + i] = 0.5 * (t->h[i * n + j] + t->h[j * n + i]);
  if (!isfinite(tw_vec_norm_inf(t->h, (size_t)(n * n))))
    return tw_run_end(run, TW_FAILED, "the Hessian is not finite at iteration %lld",
                      (long long)run->iteration);
  return TW_OK;
}

tw_status tw_trust_product(tw_trust *t, const double *v, double *out) {
  const int64_t n = t->run->n;
  if (t->h != NULL)
    for (int64_t i = 0; i < n; i++) out[i] = tw_vec_dot(t->h + i * n, v, (size_t)n);
  else
    TW_TRY(tw_run_hvp(t->run, t->run->x, NULL, v, out));
  if (t->is_free != NULL)
    for (int64_t i = 0; i < n; i++)
      if (!t->is_free[i]) out[i] = 0;
  return TW_OK;
}

double tw_trust_forcing(const tw_trust *t) {
  const tw_run *run = t->run;
  const double relative =
      run->optimality.stationarity / fmax(DBL_MIN, fmax(fmin(run->scale, tw_run_scale(run)), run->optimality.stationarity));
  return tw_run_real(run, "cg_tol") * fmax(1e-8, sqrt(relative));
}

/* Nocedal & Wright (2006), algorithm 4.1. */
static double new_radius(double radius, const tw_trust_step *step, double actual) {
  const double promised = -step->model;
  if (!(actual >= 0.25 * promised)) return 0.25 * fmin(step->norm, radius);
  return actual > 0.75 * promised && step->boundary ? 2 * radius : radius;
}

void tw_trust_move(tw_trust *t, double f, double stationarity) {
  tw_run *run = t->run;
  const size_t bytes = (size_t)run->n * sizeof(double);
  memcpy(run->x, t->x_trial, bytes);
  memcpy(t->g, t->g_trial, bytes);
  run->f = f;
  run->optimality.stationarity = stationarity;
  t->scalar[TW_TRUST_DENSE_VALID] = 0;
}

static tw_status vanished(const tw_trust *t) {
  tw_run *run = t->run;
  return tw_run_end(run, TW_FAILED,
                    "the trust region shrank to nothing at f = %.10g: stationarity %.2g is not within the "
                    "tolerance %.2g; the "
                    "objective is not smooth here, or its derivatives are wrong",
                    run->f, run->optimality.stationarity / tw_run_scale(run), tw_run_tolerance(run));
}

/* The noise of f is some hundred roundings of it. f may also be the small difference of larger numbers, such as it was made of at the
 * start: then a decrease that is not what the model promises may be noise. */
tw_status tw_trust_judge(tw_trust *t, const tw_trust_step *step, tw_trust_measure *measure) {
  tw_run *run = t->run;
  if (!isfinite(step->norm) || !isfinite(step->model))
    return tw_run_end(run, TW_FAILED, "a Hessian product is not finite in iteration %lld",
                      (long long)run->iteration + 1);
  double f = 0;
  TW_TRY(tw_run_gradient(run, t->x_trial, &f, t->g_trial));
  const double stationarity = isfinite(f) ? measure(run, t->x_trial, t->g_trial) : INFINITY;
  const double own = 1e3 * DBL_EPSILON * fabs(run->f), inherited = 1e1 * DBL_EPSILON * fabs(t->scalar[TW_TRUST_FIRST_VALUE]);
  const double actual = run->f - f, promised = -step->model;
  double *radius = &t->scalar[TW_TRUST_RADIUS];
  bool accept = actual > 0 && actual > ACCEPT * promised;
  const bool blind = promised <= own && fabs(actual) <= own;
  const bool doubtful = promised <= inherited && fabs(actual) <= inherited && !(actual >= 0.25 * promised && actual <= 4 * promised);
  if (blind || doubtful) {
    accept = stationarity < run->optimality.stationarity;
    if (!accept) *radius = 0.25 * fmin(step->norm, *radius);
  } else
    *radius = new_radius(*radius, step, actual);
  t->scalar[TW_TRUST_DENSE_VALID] = 1;
  if (accept) tw_trust_move(t, f, stationarity);
  const double resolution = DBL_EPSILON * tw_vec_norm_inf(run->x, (size_t)run->n);
  return *radius <= fmax(resolution, 1e-300) ? vanished(t) : TW_OK;
}
