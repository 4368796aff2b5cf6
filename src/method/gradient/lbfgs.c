/* L-BFGS: the inverse Hessian from the last `memory` pairs (Nocedal, 1980; Liu & Nocedal, 1989), started from
 * gamma I with gamma = s'y / y'y of the newest pair. The recursion is done on inner products (see history.h).
 */
#include "method/gradient/descent.h"
#include "method/gradient/history.h"

static int slots_of(const tw_run *run) {
  return tw_pairs_slots((int)tw_run_integer(run, "memory"));
}

static tw_status init(tw_run *run) {
  return tw_descent_begin(run, slots_of(run));
}

static tw_status step(tw_run *run) {
  tw_descent s;
  tw_history h;
  TW_TRY(tw_descent_get(run, slots_of(run), &s));
  TW_TRY(tw_history_get(run, &s.trail, &h));
  double slope = tw_history_direction(&h, s.d, s.x_trial);
  s.formed = 1;
  TW_TRY(tw_descent_search(&s, slope, tw_history_informed(&h) ? 1 : tw_descent_first_trial(&s)));
  if (s.end == TW_LINE_STUCK) {
    TW_TRY(tw_descent_steepest(&s, &slope));
    tw_history_clear(&h);
  }
  tw_descent_accept(&s);
  /* s'y = a (phi'(a) - phi'(0)): nothing is learnt from a pair without curvature. */
  tw_history_update(&h, s.accepted.slope - slope > -1e-12 * slope);
  return TW_OK;
}

static const tw_option options[] = {
    TW_DESCENT_OPTIONS(1e-9, 100000, TW_LINE_WOLFE, 1e-4, 0.8),
    {"memory", TW_OPTION_INTEGER, 10, 1, 1000, NULL, "pairs of steps and gradient changes to remember"},
    TW_OPTION_END};

const tw_method tw_method_lbfgs = {.name = "lbfgs",
                                   .summary = "limited-memory quasi-Newton",
                                   .reference = "Nocedal, 1980; Liu & Nocedal, 1989",
                                   .goals = TW_FOR_MINIMIZE,
                                   .needs = TW_VALUE | TW_GRADIENT,
                                   .options = options,
                                   .init = init,
                                   .step = step,
                                   .traits = TW_MONOTONE | TW_ATOMIC};
