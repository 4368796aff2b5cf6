/* Stochastic gradient descent with Polyak's step on the minibatch's objective f_S (Loizou, Vaswani, Laradji & Lacoste-Julien 2021):
 *
 *   sps_max:  rate = min((f_S(x) - f*) / (|g|^2 + delta), max_step)
 *   sps+:     rate = max(0, f_S(x) - f*) / (|g|^2 + delta)                           (Garrigos, Gower & Schaipp 2023)
 *
 * f* bounds the objectives of minibatches from below: 0 for losses that can be 0. */
#include "method/stochastic/stochastic.h"

enum { SPS_MAX, SPS_PLUS };

static const tw_option options[] = {
    TW_STOCHASTIC_OPTIONS,
    {"variant", TW_OPTION_CHOICE, SPS_MAX, 0, 1, "sps_max|sps+", "Polyak's step cut at max_step, or its positive part"},
    {"max_step", TW_OPTION_REAL, 1, 0, 1e300, NULL, "largest step of sps_max"},
    {"delta", TW_OPTION_REAL, 0, 0, 1e300, NULL, "added to |g|^2"},
    {"optimum", TW_OPTION_REAL, 0, -1e300, 1e300, NULL, "f*: lower bound of the objective on any minibatch"},
    TW_STOCHASTIC_MOMENTUM,
    TW_OPTION_END};

static tw_status rule(tw_stochastic *s) {
  tw_run *run = s->run;
  double f;
  TW_TRY(tw_stochastic_ask(s, run->x, &f, s->g));
  const double gg = vec_dot(s->n, s->g, s->g) + tw_run_real(run, "delta");
  if (!(gg > 0) || !isfinite(f)) return TW_OK;
  double rate = fmax(0, f - tw_run_real(run, "optimum")) / gg;
  if (tw_run_choice(run, "variant") == SPS_MAX) rate = fmin(rate, tw_run_real(run, "max_step"));
  tw_stochastic_move(s, rate);
  return TW_OK;
}

static tw_status step(tw_run *run) {
  return tw_stochastic_step(run, rule);
}

const tw_method tw_method_polyak_sgd = {
    .name = "polyak_sgd",
    .summary = "stochastic gradient descent with Polyak's step, for losses whose least value is known",
    .reference = "Loizou, Vaswani, Laradji & Lacoste-Julien 2021; Garrigos, Gower & Schaipp 2023",
    TW_STOCHASTIC_METHOD,
};
