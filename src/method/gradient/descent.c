#include "method/gradient/descent.h"

#include "method/vector.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { MAX_TRIALS = 40 };

tw_status tw_descent_get(tw_run *run, tw_descent *s) {
  *s = (tw_descent){.run = run, .longest = INFINITY, .end = TW_LINE_STUCK};
  const struct {
    const char *name;
    double **vector;
    int64_t n;
  } wanted[] = {{"gradient", &s->g, run->n},
                {"direction", &s->d, run->n},
                {"trial", &s->x_trial, run->n},
                {"trial gradient", &s->g_trial, run->n},
                {"last step", &s->last, TW_DESCENT_SCALARS}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    *wanted[i].vector = tw_run_vector(run, wanted[i].name, wanted[i].n);
    if (*wanted[i].vector == NULL) return TW_ERR_MEMORY;
  }
  return TW_OK;
}

tw_status tw_descent_begin(tw_run *run) {
  tw_descent s;
  if (tw_run_real(run, "c1") >= tw_run_real(run, "c2"))
    return tw_fail(run->error, TW_ERR_ARGUMENT,
                   "option c1 of method %s is %g and must be below c2, which is %g", run->method->name,
                   tw_run_real(run, "c1"), tw_run_real(run, "c2"));
  TW_TRY(tw_descent_get(run, &s));
  TW_TRY(tw_run_gradient(run, run->x, &run->f, s.g));
  run->scale = run->optimality.stationarity = run->gradient_norm;
  s.last[TW_FIRST_VALUE] = run->f;
  return TW_OK;
}

/* phi(a) = f(x + a d). */
static tw_status phi(void *context, double alpha, double *value, double *slope) {
  tw_descent *s = context;
  tw_run *run = s->run;
  const int64_t n = run->n;
  if (s->box != NULL)
    tw_box_move(s->box, run->x, alpha, s->d, s->x_trial);
  else
    tw_add_scaled(run->exec->threads, n, run->x, alpha, s->d, s->x_trial);
  if (slope == NULL && run->oracle->value != NULL) return tw_run_value(run, s->x_trial, value);
  TW_TRY(tw_run_gradient(run, s->x_trial, value, s->g_trial));
  if (slope != NULL) *slope = isfinite(*value) ? tw_vec_dot(s->g_trial, s->d, (size_t)n) : 0;
  return TW_OK;
}

static tw_line line_of(tw_descent *s, double slope, double initial, double noise) {
  return (tw_line){.phi = phi,
                   .context = s,
                   .start = {0, s->run->f, slope},
                   .c1 = tw_run_real(s->run, "c1"),
                   .c2 = tw_run_real(s->run, "c2"),
                   .initial = initial,
                   .longest = s->longest,
                   .noise = noise,
                   .max_evaluations = MAX_TRIALS};
}

/* The noise of f is some hundred roundings of it. When no step is found with that, f may be the small
 * difference of larger numbers, such as it was made of at the start: a second search trusts slopes more than
 * values. */
tw_status tw_descent_search(tw_descent *s, double slope, double initial) {
  const tw_line_kind kind = (tw_line_kind)tw_run_choice(s->run, "linesearch");
  tw_line line = line_of(s, slope, initial, 1e3 * DBL_EPSILON * fabs(s->run->f));
  TW_TRY(tw_line_search(kind, &line, &s->accepted, &s->end));
  if (s->end != TW_LINE_STUCK) return TW_OK;
  const double noise = DBL_EPSILON * fmax(1e5 * fabs(s->run->f), 1e2 * fabs(s->last[TW_FIRST_VALUE]));
  line = line_of(s, slope, initial, noise);
  return tw_line_search(kind, &line, &s->accepted, &s->end);
}

double tw_descent_first_trial(const tw_descent *s) {
  const size_t n = (size_t)s->run->n;
  const double g = tw_vec_norm2(s->g, n), x = tw_vec_norm2(s->run->x, n);
  return fmin(1, (fmax(1, x) / 100) / g);
}

void tw_descent_note(tw_descent *s) {
  tw_run *run = s->run;
  s->last[TW_LAST_STEP] = s->accepted.alpha;
  s->last[TW_LAST_CHANGE] = s->accepted.value - run->f;
  run->f = s->accepted.value;
  run->optimality.stationarity = run->gradient_norm;
}

void tw_descent_accept(tw_descent *s) {
  const size_t bytes = (size_t)s->run->n * sizeof(double);
  memcpy(s->run->x, s->x_trial, bytes);
  memcpy(s->g, s->g_trial, bytes);
  tw_descent_note(s);
}

tw_status tw_descent_stuck(tw_descent *s) {
  return tw_run_end(
      s->run, TW_FAILED,
      "no lower point along the (projected) steepest descent from f = %.10g: stationarity %.2g is not within "
      "the "
      "tolerance %.2g; the objective is flat to rounding here, not smooth, or its gradient is wrong",
      s->run->f, s->run->optimality.stationarity / fmax(1, s->run->scale), tw_run_tolerance(s->run));
}

tw_status tw_descent_steepest(tw_descent *s, double *slope) {
  tw_run *run = s->run;
  s->d = tw_run_vector(run, "steepest", run->n);
  if (s->d == NULL) return TW_ERR_MEMORY;
  tw_combine(run->exec->threads, run->n, 0, s->g, -1, s->g, s->d);
  *slope = -tw_vec_dot(s->g, s->g, (size_t)run->n);
  TW_TRY(tw_descent_search(s, *slope, tw_descent_first_trial(s)));
  return s->end == TW_LINE_STUCK ? tw_descent_stuck(s) : TW_OK;
}
