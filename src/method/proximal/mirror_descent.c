/* Mirror descent (Nemirovski & Yudin 1983; Beck & Teboulle 2003) over a set with a natural divergence D:
 *
 *   x+ = M(x, g, eta) = argmin_{z in C} eta g'z + D(z, x)          (entropy on the simplex: x+ ~ x exp(-eta
 * g))
 *
 * schedule armijo: eta shrinks until f(x+) <= f(x) + 1e-4 g'(x+ - x) and doubles after a first success (Li &
 * Cevher 2018); constant: eta; sqrt: eta / sqrt(k + 1), for which the best iterate counts. Stationarity is
 * the Euclidean |x - P(x - eta g)| / eta where the oracle projects, |x - M(x, g, eta)| / eta otherwise. */
#include "method/proximal/prox_map.h"

enum { ETA, BASE, STATE };
enum { ARMIJO, CONSTANT, SQRT };
enum { NATURAL, EUCLIDEAN };
enum { MAX_SHRINKS = 100 };

static const tw_option options[] = {
    TW_OPTION_TOL(1e-9),
    TW_OPTION_MAX_ITER(100000),
    {"schedule", TW_OPTION_CHOICE, ARMIJO, 0, 2, "armijo|constant|sqrt", "how the step length is chosen"},
    {"map", TW_OPTION_CHOICE, NATURAL, 0, 1, "natural|euclidean", "divergence: the set's own, or Euclidean (projected gradient)"},
    TW_PROX_OPTION_STEP,
    TW_PROX_OPTION_POLISH,
    TW_OPTION_END};

typedef struct mirror {
  tw_run *run;
  int64_t n;
  double *gradient, *z, *next, *state;
} mirror;

static tw_status open(mirror *s, tw_run *run) {
  const int64_t n = run->n;
  *s = (mirror){.run = run, .n = n};
  const tw_slot slots[] = {{"mirror.gradient", n, &s->gradient},
                           {"mirror.z", n, &s->z},
                           {"mirror.next", n, &s->next},
                           {"mirror.state", STATE, &s->state},
                           {NULL, 0, NULL}};
  return tw_fetch(run, slots);
}

/* next = M(x, g, eta) */
static tw_status advance(mirror *s, double eta) {
  tw_run *run = s->run;
  if (tw_run_choice(run, "map") == NATURAL || !(run->oracle->offers & TW_PROJECT))
    return tw_run_mirror_step(run, run->x, s->gradient, eta, s->next);
  return tw_prox_step(run, run->x, s->gradient, eta, s->z, s->next);
}

static tw_status measure(mirror *s) {
  tw_run *run = s->run;
  const double eta = s->state[ETA];
  if (run->oracle->offers & TW_PROJECT) {
    TW_TRY(tw_prox_step(run, run->x, s->gradient, eta, s->z, s->next));
  } else {
    TW_TRY(tw_run_mirror_step(run, run->x, s->gradient, eta, s->next));
  }
  vec_sub(s->n, run->x, s->next, s->z);
  run->optimality.stationarity = vec_norm_inf(s->n, s->z) / eta;
  return TW_OK;
}

/* Into the relative interior: a mirror step with no gradient, or the projection. */
static tw_status init(tw_run *run) {
  mirror s;
  TW_TRY(open(&s, run));
  vec_copy(s.n, run->x, s.z);
  if (run->oracle->offers & TW_PROJECT) TW_TRY(tw_run_project(run, s.z, run->x));
  TW_TRY(tw_run_gradient(run, run->x, &run->f, s.gradient));
  if (!isfinite(run->f)) {
    return tw_fail(run->error, TW_ERR_NUMERIC, "mirror_descent: the objective is not finite at the start");
  }
  const double given = tw_run_real(run, "step");
  s.state[BASE] = s.state[ETA] = given > 0 ? given : 1 / fmax(vec_norm_inf(s.n, s.gradient), DBL_MIN);
  TW_TRY(measure(&s));
  run->scale = run->optimality.stationarity;
  return TW_OK;
}

/* x+ into `next` with an accepted eta. */
static tw_status armijo(mirror *s, bool *found) {
  tw_run *run = s->run;
  double eta = s->state[ETA], f;
  *found = false;
  for (int shrinks = 0; shrinks < MAX_SHRINKS && !*found; shrinks++) {
    TW_TRY(advance(s, eta));
    TW_TRY(tw_run_value(run, s->next, &f));
    double slope = 0;
    for (int64_t i = 0; i < s->n; i++) slope += s->gradient[i] * (s->next[i] - run->x[i]);
    *found = f <= run->f + 1e-4 * slope + 4 * DBL_EPSILON * fabs(run->f);
    s->state[ETA] = shrinks == 0 && *found ? 2 * eta : eta;
    if (!*found) eta *= 0.5;
  }
  return TW_OK;
}

static tw_status step(tw_run *run) {
  mirror s;
  TW_TRY(open(&s, run));
  const int schedule = tw_run_choice(run, "schedule");
  bool moved = false, found = true;
  if (run->oracle->offers & TW_PROJECT) TW_TRY(tw_prox_newton_try(run, s.state[ETA], &moved));
  if (moved) return tw_run_gradient(run, run->x, &run->f, s.gradient);
  if (schedule == ARMIJO) {
    TW_TRY(armijo(&s, &found));
  } else {
    const double k = (double)run->iteration;
    s.state[ETA] = schedule == SQRT ? s.state[BASE] / sqrt(k + 1) : s.state[BASE];
    TW_TRY(advance(&s, s.state[ETA]));
  }
  if (!found) {
    return tw_run_end(run, TW_FAILED, "no step length gives a decrease; stationarity %.3g",
                      run->optimality.stationarity);
  }
  vec_copy(s.n, s.next, run->x);
  TW_TRY(tw_run_gradient(run, run->x, &run->f, s.gradient));
  TW_TRY(measure(&s));
  return tw_prox_watch(run, s.state[ETA]);
}

const tw_method tw_method_mirror_descent = {
    .name = "mirror_descent",
    .summary = "mirror steps in the set's own geometry (entropy on the simplex), Armijo or scheduled steps",
    .reference = "Nemirovski & Yudin 1983; Beck & Teboulle 2003; Li & Cevher 2018",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT | TW_MIRROR,
    .handles = TW_HANDLES_SETS | TW_HANDLES_BOUNDS,
    .options = options,
    .init = init,
    .step = step,
};
