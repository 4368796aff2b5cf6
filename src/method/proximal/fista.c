/* FISTA (Beck & Teboulle 2009) with backtracking both ways and adaptive restart, for phi = f + g:
 *
 *   y = x_k + (t_{k-1} - 1)/t_k (x_k - x_{k-1}),   x_{k+1} = prox_{eta g}(y - eta grad f(y))
 *   t_k = (1 + sqrt(1 + 4 t_{k-1}^2 eta_{k-1}/eta_k)) / 2          (Scheinberg, Goldfarb & Bai 2014)
 *
 * eta shrinks until f(x+) <= f(y) + grad f(y)'(x+ - y) + |x+ - y|^2 / (2 eta) and grows again by `growth`.
 * Where that difference of values drowns in rounding, (grad f(x+) - grad f(y))'(x+ - y) <= |x+ - y|^2 / eta,
 * its twin in gradients, is asked instead. Momentum restarts when (y - x+)'(x+ - x) > 0 or phi rises
 * (O'Donoghue & Candès 2015); a restart that would not help is a plain prox-gradient step, which always
 * descends, so non-convex f is safe too (Li & Lin 2015). */
#include "method/proximal/prox_map.h"

enum { ETA, LAST_ETA, T, REST, STATE };
enum { RESTART_NONE, RESTART_GRADIENT, RESTART_FUNCTION };
enum { MAX_SHRINKS = 100, PAUSE = 5 /* iterations without growth after eta had to shrink */ };

typedef struct fista {
  tw_run *run;
  int64_t n;
  double *last_x, *y, *gradient, *z, *next, *other, *state;
} fista;

static tw_status open(fista *s, tw_run *run) {
  const int64_t n = run->n;
  *s = (fista){.run = run, .n = n};
  const tw_slot slots[] = {{"fista.last_x", n, &s->last_x},     {"fista.y", n, &s->y},
                           {"fista.gradient", n, &s->gradient}, {"fista.z", n, &s->z},
                           {"fista.next", n, &s->next},         {"fista.other", n, &s->other},
                           {"fista.state", STATE, &s->state},   {NULL, 0, NULL}};
  return tw_fetch(run, slots);
}

tw_status tw_fista_init(tw_run *run) {
  fista s;
  TW_TRY(open(&s, run));
  double eta = s.state[ETA] > 0 ? s.state[ETA] : tw_run_real(run, "step");
  TW_TRY(tw_prox_start(run, s.gradient, s.z, s.next, &eta));
  vec_copy(s.n, run->x, s.last_x);
  s.state[ETA] = s.state[LAST_ETA] = eta;
  s.state[T] = 1;
  return TW_OK;
}

/* Is eta short enough for the step y -> next? Also says what f and phi are there. */
static tw_status bound_holds(const fista *s, double fy, double eta, double *phi, bool *holds) {
  const int64_t n = s->n;
  double f, inner = 0, square = 0;
  TW_TRY(tw_prox_objective(s->run, s->next, &f, phi));
  for (int64_t i = 0; i < n; i++) {
    const double d = s->next[i] - s->y[i];
    inner += s->gradient[i] * d;
    square += d * d;
  }
  if (square / eta > 1e-8 * fabs(fy) || !isfinite(f)) {
    *holds = f <= fy + inner + square / (2 * eta);
    return TW_OK;
  }
  TW_TRY(tw_run_gradient(s->run, s->next, &f, s->other));
  double twin = 0;
  for (int64_t i = 0; i < n; i++) twin += (s->other[i] - s->gradient[i]) * (s->next[i] - s->y[i]);
  *holds = isfinite(f) && twin <= square / eta;
  return TW_OK;
}

/* y and t for a step of length eta; y falls back to x where f is not defined. */
static tw_status look_ahead(const fista *s, double eta, double *t, double *fy) {
  const double *x = s->run->x, last = s->state[T];
  *t = 0.5 * (1 + sqrt(1 + 4 * last * last * s->state[LAST_ETA] / eta));
  const double momentum = tw_run_flag(s->run, "accelerate") ? (last - 1) / *t : 0;
  for (int64_t i = 0; i < s->n; i++) s->y[i] = x[i] + momentum * (x[i] - s->last_x[i]);
  TW_TRY(tw_run_gradient(s->run, s->y, fy, s->gradient));
  if (isfinite(*fy) || momentum == 0) return TW_OK;
  *t = 1;
  vec_copy(s->n, x, s->y);
  return tw_run_gradient(s->run, s->y, fy, s->gradient);
}

static bool must_restart(const fista *s, double phi) {
  const int rule = tw_run_choice(s->run, "restart");
  if (rule == RESTART_NONE) return false;
  double against = 0; /* (y - x+)'(x+ - x) */
  for (int64_t i = 0; i < s->n; i++) against += (s->y[i] - s->next[i]) * (s->next[i] - s->run->x[i]);
  const bool rises = phi > s->run->f + 1e-14 * fabs(s->run->f);
  return rises || (rule == RESTART_GRADIENT && against > 0);
}

/* |y - x+|_inf / eta, or at least |g|_inf where eta g is lost in the rounding of y: that y stays says nothing then. */
static double stationarity(const fista *s, double eta) {
  const double g = vec_norm_inf(s->n, s->gradient);
  double largest = 0;
  for (int64_t i = 0; i < s->n; i++) largest = fmax(largest, fabs(s->y[i] - s->next[i]));
  return eta * g <= DBL_EPSILON * vec_norm_inf(s->n, s->y) ? fmax(g, largest / eta) : largest / eta;
}

/* Takes the step, or with momentum that has raised phi drops the momentum alone. */
static void move(fista *s, double eta, double t, double phi) {
  const bool restart = must_restart(s, phi), overshot = restart && phi > s->run->f + 1e-9 * fabs(s->run->f);
  s->state[LAST_ETA] = s->state[ETA] = eta;
  const bool plain = s->state[T] == 1;
  s->state[T] = restart ? 1 : t;
  if (overshot && !plain) return;
  s->run->optimality.stationarity = stationarity(s, eta);
  vec_copy(s->n, s->run->x, s->last_x);
  vec_copy(s->n, s->next, s->run->x);
  s->run->f = phi;
}

tw_status tw_fista_step(tw_run *run) {
  fista s;
  TW_TRY(open(&s, run));
  bool moved;
  TW_TRY(tw_prox_newton_try(run, s.state[ETA], &moved));
  if (moved) {
    vec_copy(s.n, run->x, s.last_x);
    s.state[T] = 1;
    return TW_OK;
  }
  double eta = s.state[ETA] * (s.state[REST] > 0 ? 1 : tw_run_real(run, "growth")), t, fy, phi;
  s.state[REST] = fmax(0, s.state[REST] - 1);
  TW_TRY(look_ahead(&s, eta, &t, &fy));
  if (!isfinite(fy)) return tw_fail(run->error, TW_ERR_NUMERIC, "the objective is not finite at an iterate");
  for (int shrinks = 0; shrinks < MAX_SHRINKS; shrinks++, eta *= 0.5) {
    bool holds;
    TW_TRY(tw_prox_step(run, s.y, s.gradient, eta, s.z, s.next));
    TW_TRY(bound_holds(&s, fy, eta, &phi, &holds));
    if (holds) {
      move(&s, eta, t, phi);
      return tw_prox_watch(run, eta);
    }
    s.state[REST] = PAUSE;
  }
  return tw_run_end(run, TW_FAILED, "no step length gives a decrease; stationarity %.3g",
                    run->optimality.stationarity);
}
