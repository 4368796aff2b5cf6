/* When rounding is what keeps a run from its tolerance.
 *
 * Two points whose entries differ by an ulp are the same to every method, yet gradients (residuals) g at them differ: by the ulp times the
 * Hessian and by the rounding of what g is made of. A stationarity within a factor of that difference cannot be told from zero; one that is
 * far above it is the method's failure, however small it is beside the one at the start. */
#include "method/driver.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { STILL_MINIMIZE = 20, STILL_EQUATIONS = 100 }; /* iterations that gain no more than rounding before a run can go no further */
static const double ULPS = 2, FACTOR = 1e3;

/* x_i (1 + 2 eps) or x_i (1 - 2 eps) by turns, within the bounds. */
static void move_by_ulps(const tw_run *run, double *x) {
  const tw_oracle *o = run->oracle;
  const bool bounded = (o->offers & TW_BOUNDS) != 0;
  for (int64_t i = 0; i < run->n; i++) {
    x[i] = run->x[i] * (1 + (i % 2 ? -ULPS : ULPS) * DBL_EPSILON);
    if (bounded) x[i] = fmin(fmax(x[i], o->lower[i]), o->upper[i]);
  }
}

static tw_status evaluate(tw_run *run, bool equations, const double *x, double *g) {
  double f = 0;
  return equations ? tw_run_residual(run, x, g) : tw_run_gradient(run, x, &f, g);
}

/* |g(x) - g(x moved by ulps)|_inf; NaN where it is not known. */
static double difference(tw_run *run, bool equations) {
  const size_t n = (size_t)run->n, size = equations ? (size_t)run->oracle->k : n;
  double *at = tw_alloc(n + 2 * size, sizeof *at), *here = at + n, *there = here + size, most = NAN;
  if (at == NULL) return NAN;
  move_by_ulps(run, at);
  if (evaluate(run, equations, at, there) == TW_OK && evaluate(run, equations, run->x, here) == TW_OK) {
    most = 0;
    for (size_t i = 0; i < size; i++) most = fmax(most, fabs(there[i] - here[i]));
  }
  free(at);
  return most;
}

static bool at_rounding(tw_driver *d, bool equations) {
  tw_run *run = &d->run;
  if (!(run->oracle->offers & (equations ? TW_RESIDUAL : TW_GRADIENT))) return false;
  const double norm = run->gradient_norm;
  const bool explained = run->optimality.stationarity <= FACTOR * difference(run, equations);
  run->gradient_norm = norm;
  return explained;
}

/* Counts iterations in a row that together gained no more than rounding: of a minimisation, f stays within 10 eps |f| (a monotone method's
 * may not fall by more) and the stationarity above half of what it was; of equations, the residual falls by no thousandth. */
void tw_driver_watch_rounding(tw_driver *d) {
  const double f = d->run.f, now = d->run.optimality.stationarity, slack = 10 * DBL_EPSILON * fabs(d->level_f);
  const bool fell = f < d->level_f - slack, rose = f > d->level_f + slack && !(d->run.method->traits & TW_MONOTONE);
  const bool gained = tw_driver_minimizes(d) ? fell || rose || now < 0.5 * d->level_stationarity : now < 0.999 * d->level_stationarity;
  d->still = gained ? 0 : d->still + 1;
  if (!gained) return;
  d->level_f = f;
  d->level_stationarity = now;
}

bool tw_driver_is_still(const tw_driver *d) {
  return d->still > 0 && d->still % (tw_driver_minimizes(d) ? STILL_MINIMIZE : STILL_EQUATIONS) == 0;
}

/* Where the run can go no further. */
void tw_driver_solve_to_rounding(tw_driver *d) {
  const double scale = fmax(tw_run_scale(&d->run), d->run.scale), stationarity = d->run.optimality.stationarity;
  const tw_outcome outcome = d->outcome;
  if (!tw_driver_meets(d, scale)) return;
  d->outcome = TW_RUNNING; /* for the evaluations */
  const bool explained = at_rounding(d, !tw_driver_minimizes(d));
  if (d->outcome != TW_RUNNING) return;
  d->outcome = outcome;
  if (!explained) return;
  d->to_rounding = true;
  d->outcome = TW_RUNNING;
  tw_driver_end(d, TW_SOLVED, "solved to rounding: no step gains more; stationarity %.2g <= %.2g * %.2g, its size at the start",
                stationarity, d->tol, scale);
}
