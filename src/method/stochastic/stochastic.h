/* stochastic: descent on minibatches of a finite sum (tw_oracle.sample), for rules that turn the gradient of a minibatch into a
 * step.
 *
 * An iteration of the driver is `epochs` passes over the rows in reshuffled order (without replacement), then one full gradient, by
 * which the run is stopped and its best iterate known. The order depends on seed and epoch alone, so runs resume exactly. With
 * batch = 0, or without such a sum, every step is on the whole objective. */
#ifndef TALWEG_METHOD_STOCHASTIC_H
#define TALWEG_METHOD_STOCHASTIC_H

#include "method/work.h"

enum { TW_STOCHASTIC_STEPS, TW_STOCHASTIC_RATE, TW_STOCHASTIC_STATE }; /* steps so far; what the rule remembers */

typedef struct tw_stochastic {
  tw_run *run;
  int64_t n, rows, batch; /* rows 0: steps on the whole objective */
  int64_t per_epoch;      /* steps */
  int64_t count, *row;    /* batch: of this step; padded with rows of weight 0 */
  double *weight;
  double *full;           /* n: the gradient at run->x after an iteration */
  double *g, *next, *velocity, *state;
} tw_stochastic;

/* One step from s->run->x, in place. */
typedef tw_status tw_stochastic_rule(tw_stochastic *s);
tw_status tw_stochastic_init(tw_run *run);
tw_status tw_stochastic_step(tw_run *run, tw_stochastic_rule *rule);
void tw_stochastic_finish(tw_run *run);

/* Of the minibatch of this step. g NULL: the value alone. */
tw_status tw_stochastic_ask(tw_stochastic *s, const double *x, double *f, double *g);
/* x <- x + momentum (x - x_before) - rate g, the first term remembered as s->velocity. */
void tw_stochastic_move(tw_stochastic *s, double rate);
/* The schedule's factor at this step: 1; (1 + cos(pi t / T)) / 2 with T = `horizon` epochs, 0 afterwards; 1 / sqrt(t + 1). */
double tw_stochastic_schedule(const tw_stochastic *s);

#define TW_STOCHASTIC_OPTIONS                                                                                          \
  TW_OPTION_TOL(1e-6), TW_OPTION_MAX_ITER(1000),                                                                       \
      {"batch", TW_OPTION_INTEGER, 32, 0, 1e9, NULL, "rows of a minibatch; 0: all of them at once"},                   \
      {"epochs", TW_OPTION_INTEGER, 1, 1, 1e9, NULL, "passes over the rows between full gradients: an iteration"}
#define TW_STOCHASTIC_MOMENTUM                                                                                         \
  { "momentum", TW_OPTION_REAL, 0, 0, 0.9999, NULL, "share of the step before that is added to a step (Polyak's heavy ball)" }
#define TW_STOCHASTIC_SCHEDULE                                                                                         \
  {"schedule", TW_OPTION_CHOICE, 0, 0, 2, "constant|cosine|sqrt", "of the step: constant, cosine to 0 at the horizon, 1 / sqrt(t + 1)"}, \
      {"horizon", TW_OPTION_INTEGER, 100, 1, 1e9, NULL, "epochs of the cosine schedule"}

/* What the descriptors of the family share. */
#define TW_STOCHASTIC_METHOD                                                                                 \
  .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES, .needs = TW_VALUE | TW_GRADIENT, .options = options,      \
  .init = tw_stochastic_init, .step = step, .finish = tw_stochastic_finish, .traits = TW_PATIENT

#endif
