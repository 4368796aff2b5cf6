#include "method/gradient/descent.h"

#include "method/vector.h"

#include <float.h>
#include <math.h>

enum { MAX_TRIALS = 40 };

static void look(tw_descent *s) {
  s->g = tw_trail_g(&s->trail, 0);
  s->x_trial = tw_trail_x(&s->trail, -1);
  s->g_trial = tw_trail_g(&s->trail, -1);
  s->formed = NAN;
}

static tw_status views(tw_run *run, tw_descent *s) {
  s->run = run;
  s->longest = INFINITY;
  s->end = TW_LINE_STUCK;
  s->d = tw_run_vector(run, "direction", run->n);
  s->last = tw_run_vector(run, "last step", TW_DESCENT_SCALARS);
  look(s);
  return s->d != NULL && s->last != NULL ? TW_OK : TW_ERR_MEMORY;
}

tw_status tw_descent_get(tw_run *run, int slots, tw_descent *s) {
  *s = (tw_descent){0};
  TW_TRY(tw_trail_get(run, slots, &s->trail));
  return views(run, s);
}

tw_status tw_descent_begin(tw_run *run, int slots) {
  tw_descent s = {0};
  if (tw_run_real(run, "c1") >= tw_run_real(run, "c2"))
    return tw_fail(run->error, TW_ERR_ARGUMENT,
                   "option c1 of method %s is %g and must be below c2, which is %g", run->method->name,
                   tw_run_real(run, "c1"), tw_run_real(run, "c2"));
  TW_TRY(tw_trail_begin(run, slots, &s.trail));
  TW_TRY(views(run, &s));
  TW_TRY(tw_run_gradient(run, run->x, &run->f, s.g));
  run->scale = run->optimality.stationarity = run->gradient_norm;
  s.last[TW_FIRST_VALUE] = run->f;
  return TW_OK;
}

tw_status tw_descent_init(tw_run *run) {
  return tw_descent_begin(run, TW_DESCENT_SLOTS);
}

static void form_trial(tw_descent *s, double alpha) {
  if (s->formed == alpha) return;
  s->formed = alpha;
  if (s->box != NULL)
    tw_box_move(s->box, s->run->x, alpha, s->d, s->x_trial);
  else
    tw_add_scaled(s->run->exec->threads, s->run->n, s->run->x, alpha, s->d, s->x_trial);
}

/* phi(a) = f(x + a d). */
static tw_status phi(void *context, double alpha, double *value, double *slope) {
  tw_descent *s = context;
  tw_run *run = s->run;
  form_trial(s, alpha);
  if (slope == NULL && run->oracle->value != NULL) return tw_run_value(run, s->x_trial, value);
  double along = 0;
  TW_TRY(tw_run_gradient_along(run, s->x_trial, s->d, value, s->g_trial, &along));
  if (slope != NULL) *slope = isfinite(*value) ? along : 0;
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
  if (s->end == TW_LINE_STUCK) {
    const double noise = DBL_EPSILON * fmax(1e5 * fabs(s->run->f), 1e2 * fabs(s->last[TW_FIRST_VALUE]));
    line = line_of(s, slope, initial, noise);
    TW_TRY(tw_line_search(kind, &line, &s->accepted, &s->end));
  }
  s->formed = NAN; /* the next direction is another one */
  return TW_OK;
}

double tw_descent_first_trial(const tw_descent *s) {
  const size_t n = (size_t)s->run->n;
  const int threads = s->run->exec->threads;
  const double g = tw_vec_norm2_on(threads, s->g, n), x = tw_vec_norm2_on(threads, s->run->x, n);
  return fmin(1, (fmax(1, x) / 100) / g);
}

void tw_descent_accept(tw_descent *s) {
  tw_run *run = s->run;
  s->last[TW_LAST_STEP] = s->accepted.alpha;
  s->last[TW_LAST_CHANGE] = s->accepted.value - run->f;
  run->f = s->accepted.value;
  run->optimality.stationarity = run->gradient_norm;
  tw_trail_advance(&s->trail);
  look(s);
}

tw_status tw_descent_stuck(tw_descent *s) {
  return tw_run_end(
      s->run, TW_FAILED,
      "no lower point along the (projected) steepest descent from f = %.10g: stationarity %.2g is not within "
      "the "
      "tolerance %.2g; the objective is flat to rounding here, not smooth, or its gradient is wrong",
      s->run->f, s->run->optimality.stationarity / tw_run_scale(s->run), tw_run_tolerance(s->run));
}

tw_status tw_descent_steepest(tw_descent *s, double *slope) {
  tw_run *run = s->run;
  s->d = tw_run_vector(run, "steepest", run->n);
  if (s->d == NULL) return TW_ERR_MEMORY;
  tw_combine(run->exec->threads, run->n, 0, s->g, -1, s->g, s->d);
  *slope = -tw_vec_dot_on(run->exec->threads, s->g, s->g, (size_t)run->n);
  TW_TRY(tw_descent_search(s, *slope, tw_descent_first_trial(s)));
  return s->end == TW_LINE_STUCK ? tw_descent_stuck(s) : TW_OK;
}
