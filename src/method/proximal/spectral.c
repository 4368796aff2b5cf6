/* Spectral projected gradient (Birgin, Martínez & Raydan 2000, SPG2): d = P(x - alpha g) - x with the
 * Barzilai-Borwein length alpha = s's / s'y, and a line search along d that asks only for less than the
 * largest of the last M values: f(x + lambda d) <= max_{j < M} f_{k-j} + 1e-4 lambda g'd. */
#include "method/proximal/prox_map.h"

enum { ALPHA, STATE };
enum { MEMORY = 10, MAX_TRIALS = 60 };

static const double SHORTEST = 1e-30, LONGEST = 1e30;

typedef struct spectral {
  tw_run *run;
  int64_t n;
  double *gradient, *z, *projected, *trial, *trial_gradient, *values, *state;
} spectral;

static tw_status open(spectral *s, tw_run *run) {
  const int64_t n = run->n;
  *s = (spectral){.run = run, .n = n};
  const tw_slot slots[] = {{"spectral.gradient", n, &s->gradient},
                           {"spectral.z", n, &s->z},
                           {"spectral.projected", n, &s->projected},
                           {"spectral.trial", n, &s->trial},
                           {"spectral.trial_gradient", n, &s->trial_gradient},
                           {"spectral.values", MEMORY, &s->values},
                           {"spectral.state", STATE, &s->state},
                           {NULL, 0, NULL}};
  return tw_fetch(run, slots);
}

tw_status tw_spectral_init(tw_run *run) {
  spectral s;
  TW_TRY(open(&s, run));
  double alpha = tw_run_real(run, "step");
  TW_TRY(tw_prox_start(run, s.gradient, s.z, s.projected, &alpha));
  s.state[ALPHA] = alpha;
  for (int j = 0; j < MEMORY; j++) s.values[j] = run->f;
  return TW_OK;
}

/* Along d from x to an accepted trial point. Not `found`: d has become too short to see a decrease. */
static tw_status search(spectral *s, double slope, double *f, bool *found) {
  tw_run *run = s->run;
  double reference = s->values[0], lambda = 1;
  for (int j = 1; j < MEMORY; j++) reference = fmax(reference, s->values[j]);
  reference += 4 * DBL_EPSILON * fabs(reference);
  *found = false;
  for (int tries = 0; tries < MAX_TRIALS; tries++) {
    vec_add(s->n, run->x, lambda, s->projected, s->trial);
    TW_TRY(tw_run_value(run, s->trial, f));
    *found = *f <= reference + 1e-4 * lambda * slope;
    if (*found) return TW_OK;
    const double u = isfinite(*f) ? -0.5 * lambda * slope / (*f - run->f - lambda * slope) : 0.1;
    lambda *= u >= 0.1 && u <= 0.9 ? u : 0.5;
  }
  return TW_OK;
}

/* |T(x) - x|_inf / alpha; projected becomes d. */
static tw_status direction(spectral *s) {
  const double alpha = s->state[ALPHA];
  TW_TRY(tw_prox_step(s->run, s->run->x, s->gradient, alpha, s->z, s->projected));
  vec_sub(s->n, s->projected, s->run->x, s->projected);
  s->run->optimality.stationarity = vec_norm_inf(s->n, s->projected) / alpha;
  return TW_OK;
}

static tw_status after_newton(spectral *s) {
  double f;
  TW_TRY(tw_run_gradient(s->run, s->run->x, &f, s->gradient));
  for (int j = 0; j < MEMORY; j++) s->values[j] = s->run->f;
  return TW_OK;
}

tw_status tw_spectral_step(tw_run *run) {
  spectral s;
  TW_TRY(open(&s, run));
  bool moved, found;
  TW_TRY(tw_prox_newton_try(run, s.state[ALPHA], &moved));
  if (moved) return after_newton(&s);
  TW_TRY(direction(&s));
  const double slope = vec_dot(s.n, s.gradient, s.projected);
  double f;
  TW_TRY(search(&s, slope, &f, &found));
  if (!found) {
    return tw_run_end(run, TW_FAILED, "no decrease along the projected gradient; stationarity %.3g",
                      run->optimality.stationarity);
  }
  TW_TRY(tw_run_gradient(run, s.trial, &f, s.trial_gradient));
  double ss = 0, sy = 0;
  for (int64_t i = 0; i < s.n; i++) {
    const double step = s.trial[i] - run->x[i];
    ss += step * step;
    sy += step * (s.trial_gradient[i] - s.gradient[i]);
  }
  s.state[ALPHA] = sy > 0 ? fmin(LONGEST, fmax(SHORTEST, ss / sy)) : fmin(LONGEST, 2 * s.state[ALPHA]);
  vec_copy(s.n, s.trial, run->x);
  vec_copy(s.n, s.trial_gradient, s.gradient);
  run->f = f;
  s.values[(run->iteration + 1) % MEMORY] = f;
  TW_TRY(direction(&s));
  return tw_prox_watch(run, s.state[ALPHA]);
}
