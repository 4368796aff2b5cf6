/* Stochastic gradient descent with a line search on each minibatch's objective f_S (Vaswani et al. 2019): the rate shrinks until
 *
 *   f_S(x - rate g) <= f_S(x) - (1 - aggressiveness) rate |g|^2,
 *
 * and starts, for the next minibatch, from
 *   increase      1.5 times what was accepted, at most max_step
 *   goldstein     that where f_S(x - rate g) < f_S(x) - aggressiveness rate |g|^2 says that it was too short, else as it is
 *   conservative  what was accepted */
#include "method/stochastic/stochastic.h"

enum { INCREASE, GOLDSTEIN, CONSERVATIVE };

static const tw_option options[] = {
    TW_STOCHASTIC_OPTIONS,
    {"aggressiveness", TW_OPTION_REAL, 0.9, 0, 1, NULL, "1 minus the share of the slope's promise that is asked for"},
    {"decrease", TW_OPTION_REAL, 0.8, 0.01, 0.99, NULL, "factor of a step that is too long"},
    {"increase", TW_OPTION_REAL, 1.5, 1, 100, NULL, "factor of the first trial on the next minibatch"},
    {"reset", TW_OPTION_CHOICE, INCREASE, 0, 2, "increase|goldstein|conservative", "the first trial on the next minibatch"},
    {"max_step", TW_OPTION_REAL, 1, 1e-300, 1e300, NULL, "largest step, and the first one"},
    {"max_search", TW_OPTION_INTEGER, 30, 1, 1000, NULL, "trials of a search; after them the last one is taken if f_S does not rise"},
    TW_STOCHASTIC_MOMENTUM,
    TW_OPTION_END};

static tw_status rule(tw_stochastic *s) {
  tw_run *run = s->run;
  double f, f_next = INFINITY, *rate = &s->state[TW_STOCHASTIC_RATE];
  TW_TRY(tw_stochastic_ask(s, run->x, &f, s->g));
  const double gg = vec_dot(s->n, s->g, s->g), bold = tw_run_real(run, "aggressiveness"), most = tw_run_real(run, "max_step");
  if (*rate == 0) *rate = most;
  if (!(gg > 0) || !isfinite(f)) return TW_OK;
  const double noise = 8 * DBL_EPSILON * fabs(f);
  bool found = false;
  for (int64_t trial = 0; trial < tw_run_integer(run, "max_search"); trial++) {
    vec_add(s->n, run->x, -*rate, s->g, s->next);
    TW_TRY(tw_stochastic_ask(s, s->next, &f_next, NULL));
    found = f_next <= f - (1 - bold) * *rate * gg + noise;
    if (found) break;
    *rate *= tw_run_real(run, "decrease");
  }
  if (!found && !(f_next <= f)) return TW_OK;
  const double accepted = *rate;
  const int reset = tw_run_choice(run, "reset");
  const bool longer = reset == INCREASE || (reset == GOLDSTEIN && f_next < f - bold * accepted * gg);
  if (longer) *rate = fmin(most, tw_run_real(run, "increase") * accepted);
  tw_stochastic_move(s, accepted);
  return TW_OK;
}

static tw_status step(tw_run *run) {
  return tw_stochastic_step(run, rule);
}

const tw_method tw_method_armijo_sgd = {
    .name = "armijo_sgd",
    .summary = "stochastic gradient descent with a line search on every minibatch",
    .reference = "Vaswani, Mishkin, Laradji, Schmidt, Gidel & Lacoste-Julien 2019",
    TW_STOCHASTIC_METHOD,
};
