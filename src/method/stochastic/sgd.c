/* Stochastic gradient descent (Robbins & Monro 1951): x <- x + momentum (x - x_before) - rate g. */
#include "method/stochastic/stochastic.h"

static const tw_option options[] = {TW_STOCHASTIC_OPTIONS,
                                    {"rate", TW_OPTION_REAL, 1e-2, 0, 1e300, NULL, "step length before the schedule"},
                                    TW_STOCHASTIC_SCHEDULE,
                                    TW_STOCHASTIC_MOMENTUM,
                                    TW_OPTION_END};

static tw_status rule(tw_stochastic *s) {
  double f;
  TW_TRY(tw_stochastic_ask(s, s->run->x, &f, s->g));
  tw_stochastic_move(s, tw_run_real(s->run, "rate") * tw_stochastic_schedule(s));
  return TW_OK;
}

static tw_status step(tw_run *run) {
  return tw_stochastic_step(run, rule);
}

const tw_method tw_method_sgd = {
    .name = "sgd",
    .summary = "stochastic gradient descent with momentum and a schedule",
    .reference = "Robbins & Monro 1951; Polyak 1964",
    TW_STOCHASTIC_METHOD,
};
