/* FIRE (Bitzek, Koskinen, Gähler, Moseler & Gumbsch, 2006): molecular dynamics with unit masses whose velocity is turned
 * towards the force F = -grad f, and is lost whenever it points uphill:
 *
 *   F'v > 0:   v <- (1 - a) v + a |v| F / |F|;  after more than n_min such steps in a row  dt <- min(1.1 dt, dt_max), a <- 0.99 a
 *   F'v <= 0:  v <- 0,  dt <- dt / 2,  a <- a_start
 *   v <- v + dt F,   x <- x + dt v
 *
 * A step on which f is not defined is taken back and counts as one uphill. */
#include "method/work.h"

enum { DT, MIX, DOWNHILL, STATE };

static const double GROW = 1.1, SHRINK = 0.5, MIX_SHRINK = 0.99;

static const tw_option options[] = {
    TW_OPTION_TOL(1e-9),
    TW_OPTION_MAX_ITER(100000),
    {"dt", TW_OPTION_REAL, 0.1, 1e-300, 1e300, NULL, "first time step"},
    {"dt_max", TW_OPTION_REAL, 0.4, 1e-300, 1e300, NULL, "largest time step; about 1 / sqrt(largest curvature) is a good one"},
    {"mixing", TW_OPTION_REAL, 0.1, 0, 1, NULL, "a_start: how far the velocity is turned towards the force"},
    {"patience", TW_OPTION_INTEGER, 5, 0, 1e9, NULL, "n_min: downhill steps in a row before the time step grows"},
    TW_OPTION_END};

typedef struct fire {
  tw_run *run;
  int64_t n;
  double *g, *v, *next, *state;
} fire;

static tw_status open(fire *s, tw_run *run) {
  const int64_t n = run->n;
  *s = (fire){.run = run, .n = n};
  const tw_slot slots[] = {{"fire.gradient", n, &s->g},
                           {"fire.velocity", n, &s->v},
                           {"fire.next", n, &s->next},
                           {"fire.state", STATE, &s->state},
                           {NULL, 0, NULL}};
  return tw_fetch(run, slots);
}

static void slow_down(fire *s) {
  vec_zero(s->n, s->v);
  s->state[DT] *= SHRINK;
  s->state[MIX] = tw_run_real(s->run, "mixing");
  s->state[DOWNHILL] = 0;
}

static tw_status init(tw_run *run) {
  fire s;
  TW_TRY(open(&s, run));
  TW_TRY(tw_run_gradient(run, run->x, &run->f, s.g));
  run->optimality.stationarity = run->scale = run->gradient_norm;
  if (s.state[DT] == 0) { /* a restart keeps what is known of the time step */
    s.state[DT] = fmin(tw_run_real(run, "dt"), tw_run_real(run, "dt_max"));
    s.state[MIX] = tw_run_real(run, "mixing");
  }
  return TW_OK;
}

/* v towards F, or to rest when it points uphill. */
static void turn(fire *s) {
  const double power = -vec_dot(s->n, s->g, s->v), force = vec_norm(s->n, s->g), speed = vec_norm(s->n, s->v);
  if (!(power > 0)) {
    if (speed > 0) slow_down(s);
    return;
  }
  const double a = s->state[MIX];
  for (int64_t i = 0; i < s->n; i++) s->v[i] = (1 - a) * s->v[i] - a * speed / force * s->g[i];
  s->state[DOWNHILL] += 1;
  if (s->state[DOWNHILL] > (double)tw_run_integer(s->run, "patience")) {
    s->state[DT] = fmin(GROW * s->state[DT], tw_run_real(s->run, "dt_max"));
    s->state[MIX] = MIX_SHRINK * a;
  }
}

static tw_status step(tw_run *run) {
  fire s;
  TW_TRY(open(&s, run));
  double *g = tw_run_vector(run, "fire.next_gradient", s.n), f;
  if (!g) return TW_ERR_MEMORY;
  turn(&s);
  const double dt = s.state[DT];
  for (int64_t i = 0; i < s.n; i++) {
    s.v[i] -= dt * s.g[i];
    s.next[i] = run->x[i] + dt * s.v[i];
  }
  TW_TRY(tw_run_gradient(run, s.next, &f, g));
  if (!isfinite(f)) {
    slow_down(&s);
    if (s.state[DT] > DBL_MIN) return TW_OK;
    return tw_run_end(run, TW_FAILED, "the objective is not finite however small the time step");
  }
  vec_copy(s.n, s.next, run->x);
  vec_copy(s.n, g, s.g);
  run->f = f;
  run->optimality.stationarity = run->gradient_norm;
  return TW_OK;
}

const tw_method tw_method_fire = {
    .name = "fire",
    .summary = "fast inertial relaxation: damped molecular dynamics, for energies of many particles",
    .reference = "Bitzek, Koskinen, Gähler, Moseler & Gumbsch 2006",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT,
    .options = options,
    .init = init,
    .step = step,
    .restart = init,
};
