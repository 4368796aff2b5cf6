/* L-BFGS: the inverse Hessian from the last `memory` pairs (Nocedal, 1980; Liu & Nocedal, 1989), started from
 * gamma I with gamma = s'y / y'y of the newest pair. The recursion is done on inner products (see history.h).
 */
#include "method/gradient/descent.h"
#include "method/gradient/history.h"

static tw_status step(tw_run *run) {
  tw_descent s;
  tw_history h;
  TW_TRY(tw_descent_get(run, &s));
  TW_TRY(tw_history_get(run, (int)tw_run_integer(run, "memory"), &h));
  const bool informed = tw_history_count(&h) > 0;
  double slope = tw_history_direction(&h, s.g, s.d);
  TW_TRY(tw_descent_search(&s, slope, informed ? 1 : tw_descent_first_trial(&s)));
  if (s.end == TW_LINE_STUCK) {
    TW_TRY(tw_descent_steepest(&s, &slope));
    tw_history_clear(&h);
  }
  /* s'y = a (phi'(a) - phi'(0)): a pair without curvature is not remembered. */
  const bool curved = s.accepted.slope - slope > -1e-12 * slope;
  tw_history_advance(&h, curved, run->x, s.g, s.x_trial, s.g_trial);
  tw_descent_note(&s);
  return TW_OK;
}

static const tw_option options[] = {
    TW_DESCENT_OPTIONS(1e-9, 100000, TW_LINE_WOLFE, 1e-4, 0.9),
    {"memory", TW_OPTION_INTEGER, 10, 1, 1000, NULL, "pairs of steps and gradient changes to remember"},
    TW_OPTION_END};

const tw_method tw_method_lbfgs = {.name = "lbfgs",
                                   .summary = "limited-memory quasi-Newton",
                                   .reference = "Nocedal, 1980; Liu & Nocedal, 1989",
                                   .goals = TW_FOR_MINIMIZE,
                                   .needs = TW_VALUE | TW_GRADIENT,
                                   .options = options,
                                   .init = tw_descent_begin,
                                   .step = step,
                                   .traits = TW_MONOTONE | TW_ATOMIC};
