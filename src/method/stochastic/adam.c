/* Adam (Kingma & Ba 2015): with the moments m, v of minibatch gradients g,
 *
 *   m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2,   x <- x - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) */
#include "method/stochastic/stochastic.h"

static const tw_option options[] = {
    TW_STOCHASTIC_OPTIONS,
    {"rate", TW_OPTION_REAL, 1e-3, 0, 1e300, NULL, "step length before the schedule"},
    TW_STOCHASTIC_SCHEDULE,
    {"beta1", TW_OPTION_REAL, 0.9, 0, 0.999999, NULL, "memory of the mean of gradients"},
    {"beta2", TW_OPTION_REAL, 0.999, 0, 0.999999999, NULL, "memory of the mean of their squares"},
    {"eps", TW_OPTION_REAL, 1e-8, 0, 1, NULL, "added to the root of the mean square"},
    TW_OPTION_END};

static tw_status rule(tw_stochastic *s) {
  tw_run *run = s->run;
  double *m = tw_run_vector(run, "adam.m", s->n), *v = tw_run_vector(run, "adam.v", s->n), f;
  if (!m || !v) return TW_ERR_MEMORY;
  TW_TRY(tw_stochastic_ask(s, run->x, &f, s->g));
  const double b1 = tw_run_real(run, "beta1"), b2 = tw_run_real(run, "beta2"), eps = tw_run_real(run, "eps");
  const double t = s->state[TW_STOCHASTIC_STEPS] + 1, rate = tw_run_real(run, "rate") * tw_stochastic_schedule(s);
  const double scale = 1 / (1 - pow(b1, t)), scale2 = 1 / (1 - pow(b2, t));
  for (int64_t i = 0; i < s->n; i++) {
    m[i] = b1 * m[i] + (1 - b1) * s->g[i];
    v[i] = b2 * v[i] + (1 - b2) * s->g[i] * s->g[i];
    run->x[i] -= rate * scale * m[i] / (sqrt(scale2 * v[i]) + eps);
  }
  return TW_OK;
}

static tw_status step(tw_run *run) {
  return tw_stochastic_step(run, rule);
}

const tw_method tw_method_adam = {
    .name = "adam",
    .summary = "adaptive moments of minibatch gradients",
    .reference = "Kingma & Ba 2015",
    TW_STOCHASTIC_METHOD,
};
