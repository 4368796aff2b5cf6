/* L-BFGS-B (Byrd, Lu, Nocedal & Zhu, 1995): the limited-memory model B is minimised along the projected
 * gradient, then over the variables left free; a line search follows the direction to that point. */
#include "method/gradient/lbfgsb.h"

#include "method/gradient/descent.h"

#include <math.h>

static int slots_of(const tw_run *run) {
  return tw_pairs_slots((int)tw_run_integer(run, "memory"));
}

static tw_status get(tw_run *run, const tw_descent *s, tw_lbfgsb *l) {
  const int64_t n = run->n;
  *l = (tw_lbfgsb){.n = n, .box = tw_box_of(run), .x = run->x, .g = s->g, .d = s->d, .x_trial = s->x_trial};
  TW_TRY(tw_compact_get(run, &s->trail, &l->b));
  l->cauchy = tw_run_vector(run, "cauchy", n);
  l->t = tw_run_vector(run, "breakpoints", n);
  double *heap = tw_run_vector(run, "heap", n), *flags = tw_run_vector(run, "free", (n + 7) / 8);
  if (l->cauchy == NULL || l->t == NULL || heap == NULL || flags == NULL) return TW_ERR_MEMORY;
  l->heap = (int64_t *)(void *)heap;
  l->is_free = (bool *)(void *)flags;
  return TW_OK;
}

static tw_status init(tw_run *run) {
  TW_TRY(tw_descent_begin(run, slots_of(run)));
  tw_descent s;
  TW_TRY(tw_descent_get(run, slots_of(run), &s));
  const tw_box box = tw_box_of(run);
  run->scale = tw_box_scale(&box, run->x, s.g);
  run->optimality.stationarity = tw_box_stationarity(&box, run->x, s.g);
  return TW_OK;
}

/* The direction of the model, and a search along it. end: STUCK when either fails. */
static tw_status search(tw_descent *s, tw_lbfgsb *l) {
  s->end = TW_LINE_STUCK;
  if (!tw_compact_factor(&l->b, NULL)) return TW_OK;
  tw_lbfgsb_cauchy(l);
  double slope;
  if (!tw_lbfgsb_subspace(l, &slope)) return TW_OK;
  s->box = &l->box;
  s->formed = 1;
  s->longest = fmax(1, tw_box_longest(&l->box, l->x, l->d));
  const bool informed = l->b.pairs.count > 0;
  const double norm = informed ? 1 : tw_vec_norm2_on(l->box.threads, s->d, (size_t)l->n);
  return tw_descent_search(s, slope, fmin(1, 1 / norm));
}

static tw_status step(tw_run *run) {
  tw_descent s;
  tw_lbfgsb l;
  TW_TRY(tw_descent_get(run, slots_of(run), &s));
  TW_TRY(get(run, &s, &l));
  TW_TRY(search(&s, &l));
  if (s.end == TW_LINE_STUCK && l.b.pairs.count > 0) {
    tw_compact_forget(&l.b);
    TW_TRY(search(&s, &l));
  }
  if (s.end == TW_LINE_STUCK) return tw_descent_stuck(&s);
  tw_descent_accept(&s);
  tw_compact_update(&l.b);
  run->optimality.stationarity = tw_box_stationarity(&l.box, run->x, s.g);
  return TW_OK;
}

static const tw_option options[] = {TW_DESCENT_OPTIONS(1e-9, 100000, TW_LINE_WOLFE, 1e-3, 0.9),
                                    {"memory", TW_OPTION_INTEGER, 10, 1, TW_COMPACT_PAIRS, NULL,
                                     "pairs of steps and gradient changes to remember"},
                                    TW_OPTION_END};

const tw_method tw_method_lbfgsb = {.name = "lbfgsb",
                                    .summary = "limited-memory quasi-Newton for bounds",
                                    .reference = "Byrd, Lu, Nocedal & Zhu, 1995; Morales & Nocedal, 2011",
                                    .goals = TW_FOR_MINIMIZE,
                                    .needs = TW_VALUE | TW_GRADIENT,
                                    .handles = TW_HANDLES_BOUNDS,
                                    .options = options,
                                    .init = init,
                                    .step = step,
                                    .traits = TW_MONOTONE | TW_ATOMIC};
