/* Gradient descent (Cauchy, 1847): d = -g, with a line search. The first trial of an iteration is the
 * Barzilai-Borwein (1988) step s's / s'y when the last step found positive curvature, else twice the last
 * step. */
#include "method/gradient/descent.h"

#include "method/vector.h"

#include <math.h>

static double first_trial(const tw_descent *s) {
  if (s->last[TW_LAST_STEP] == 0) return tw_descent_first_trial(s);
  const double step = s->last[TW_LAST_SLOPE]; /* Barzilai-Borwein, left by the last iteration */
  return step > 0 && isfinite(step) ? step : 2 * s->last[TW_LAST_STEP];
}

static tw_status step(tw_run *run) {
  tw_descent s;
  TW_TRY(tw_descent_get(run, TW_DESCENT_SLOTS, &s));
  const size_t n = (size_t)run->n;
  tw_combine(run->exec->threads, run->n, 0, s.g, -1, s.g, s.d);
  const double gg = tw_vec_dot_on(run->exec->threads, s.g, s.g, n);
  double slope = -gg;
  TW_TRY(tw_descent_search(&s, slope, first_trial(&s)));
  if (s.end == TW_LINE_STUCK) TW_TRY(tw_descent_steepest(&s, &slope));
  /* s = -a g, y = g+ - g: s's / s'y = a g'g / (g'g - g'g+), and g'g+ = -phi'(a). */
  s.last[TW_LAST_SLOPE] = s.accepted.alpha * gg / (gg + s.accepted.slope);
  tw_descent_accept(&s);
  return TW_OK;
}

static const tw_option options[] = {TW_DESCENT_OPTIONS(1e-9, 100000, TW_LINE_ARMIJO, 1e-4, 0.9),
                                    TW_OPTION_END};

const tw_method tw_method_gd = {.name = "gd",
                                .summary = "gradient descent with a line search",
                                .reference = "Cauchy, 1847; first trial: Barzilai & Borwein, 1988",
                                .goals = TW_FOR_MINIMIZE,
                                .needs = TW_VALUE | TW_GRADIENT,
                                .options = options,
                                .init = tw_descent_init,
                                .step = step,
                                .restart = tw_descent_init,
                                .traits = TW_MONOTONE | TW_ATOMIC};
