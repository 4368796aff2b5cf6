/* TRON, Newton's method for bounds in a trust region (Lin & More, 1999). An iteration minimises the model
 * q(s) = g's + s'Hs / 2 in two phases: a Cauchy step along the projected gradient, which finds the bounds
 * that hold, then Newton steps in the face of the variables left free, each with a search along its
 * projection into the box. */
#include "method/gradient/box.h"
#include "method/gradient/trust.h"

#include "method/vector.h"

#include <math.h>
#include <string.h>

static const double MU0 = 0.01; /* sufficient decrease of the model */
static const double MU1 = 1;    /* the Cauchy step stays within MU1 times the radius */
enum { CAUCHY_TRIALS = 20, FACES = 20, SEARCH_TRIALS = 30 };

/* One iteration's working set. */
typedef struct face {
  tw_trust t;
  tw_box box;
  double *hs;      /* H s, all variables */
  double *w;       /* step within the face */
  double *reduced; /* g + H s, the model's gradient */
  bool *is_free;
  double radius, model, cauchy;
  bool boundary;
} face;

static double measure(const tw_run *run, const double *x, const double *g) {
  const tw_box box = tw_box_of(run);
  return tw_box_stationarity(&box, x, g);
}

static tw_status get(tw_run *run, face *k) {
  *k = (face){.box = tw_box_of(run)};
  TW_TRY(tw_trust_get(run, &k->t));
  k->hs = tw_run_vector(run, "product", run->n);
  k->w = tw_run_vector(run, "face step", run->n);
  k->reduced = tw_run_vector(run, "model gradient", run->n);
  double *flags = tw_run_vector(run, "free", (run->n + 7) / 8); /* bools in the memory of doubles */
  if (k->hs == NULL || k->w == NULL || k->reduced == NULL || flags == NULL) return TW_ERR_MEMORY;
  k->is_free = (bool *)(void *)flags;
  k->radius = k->t.scalar[TW_TRUST_RADIUS];
  k->cauchy = k->t.scalar[TW_TRUST_CAUCHY];
  return TW_OK;
}

static tw_status init(tw_run *run) {
  tw_trust t;
  TW_TRY(tw_trust_begin(run, &t));
  const tw_box box = tw_box_of(run);
  run->scale = tw_box_scale(&box, run->x, t.g);
  run->optimality.stationarity = tw_box_stationarity(&box, run->x, t.g);
  t.scalar[TW_TRUST_CAUCHY] = 1;
  return TW_OK;
}

/* ------------------------------------------------------------------ Cauchy step */

/* v = P(x - a g) - x, and whether it is good: inside the region with sufficient decrease of the model, better
 * than the one before. A good one becomes s. */
static tw_status cauchy_trial(face *k, double a, bool *good) {
  const tw_trust *t = &k->t;
  const size_t n = (size_t)k->box.n, bytes = n * sizeof(double);
  double *v = k->w, *hv = t->work;
  tw_box_move(&k->box, t->run->x, -a, t->g, v);
  tw_add_scaled(1, k->box.n, v, -1, t->run->x, v);
  *good = false;
  if (tw_vec_norm2(v, n) > MU1 * k->radius) return TW_OK;
  TW_TRY(tw_trust_product(&k->t, v, hv));
  const double slope = tw_vec_dot(t->g, v, n), model = slope + 0.5 * tw_vec_dot(v, hv, n);
  *good = model <= MU0 * slope && model < k->model;
  if (!*good) return TW_OK;
  k->cauchy = a;
  k->model = model;
  memcpy(t->s, v, bytes);
  memcpy(k->hs, hv, bytes);
  return TW_OK;
}

/* The largest of a, 10 a, 100 a .. that is good when a is, else the first of a / 10, a / 100 ..; s = 0 when
 * none is. */
static tw_status cauchy(face *k) {
  const size_t bytes = (size_t)k->box.n * sizeof(double);
  memset(k->t.s, 0, bytes);
  memset(k->hs, 0, bytes);
  k->model = 0;
  double a = k->cauchy;
  bool good = false;
  TW_TRY(cauchy_trial(k, a, &good));
  const bool grow = good;
  for (int trial = 0; trial < CAUCHY_TRIALS && good == grow; trial++) {
    a *= grow ? 10 : 0.1;
    TW_TRY(cauchy_trial(k, a, &good));
  }
  k->cauchy = fmin(fmax(k->cauchy, 1e-12), 1e12);
  return TW_OK;
}

/* ------------------------------------------------------------------ Newton steps in faces */

/* x_i + s_i, at a bound when it is one but for rounding. */
static double reached(const face *k, int64_t i) {
  const double x = k->t.run->x[i], at = x + k->t.s[i];
  if (k->box.lower == NULL) return at;
  const double tiny = 1e-15 * fmax(1, fabs(x));
  if (at <= k->box.lower[i] + tiny) return k->box.lower[i];
  return at >= k->box.upper[i] - tiny ? k->box.upper[i] : at;
}

/* The free variables at x + s; returns how many, and the norm of the model's gradient over them. */
static int64_t find_face(face *k, double *norm) {
  const tw_trust *t = &k->t;
  int64_t count = 0;
  for (int64_t i = 0; i < k->box.n; i++) {
    k->is_free[i] = tw_box_interior(&k->box, i, reached(k, i));
    k->reduced[i] = k->is_free[i] ? t->g[i] + k->hs[i] : 0;
    count += k->is_free[i];
  }
  *norm = tw_vec_norm2(k->reduced, (size_t)k->box.n);
  return count;
}

/* v = P(x + s + b w) - (x + s). */
static void projected_piece(const face *k, double b, double *v) {
  for (int64_t i = 0; i < k->box.n; i++) {
    const double at = reached(k, i);
    v[i] = k->is_free[i] ? tw_box_clamp(&k->box, i, at + b * k->w[i]) - at : 0;
  }
}

/* b = 1, 1/2, .. until the model falls enough along the projected path; at the latest where the first bound
 * is met, to which the model falls in a straight line. */
static tw_status search_path(face *k, double first_bound) {
  tw_trust *t = &k->t;
  const int64_t n = k->box.n;
  double *v = t->work, *hv = t->work + n;
  t->is_free = NULL;
  double b = 1;
  for (int trial = 0; trial < SEARCH_TRIALS; trial++, b *= 0.5) {
    const bool straight = b <= first_bound;
    if (straight) b = fmin(1, first_bound);
    projected_piece(k, b, v);
    TW_TRY(tw_trust_product(t, v, hv));
    const double slope = tw_vec_dot(k->reduced, v, (size_t)n);
    const double change = slope + 0.5 * tw_vec_dot(v, hv, (size_t)n);
    if (!(straight || change <= MU0 * slope)) continue;
    if (change > 0) return TW_OK;
    tw_add_scaled(1, n, t->s, 1, v, t->s);
    tw_add_scaled(1, n, k->hs, 1, hv, k->hs);
    k->model += change;
    return TW_OK;
  }
  return TW_OK;
}

static tw_status minimize_in_faces(face *k) {
  tw_trust *t = &k->t;
  const double rtol = tw_trust_forcing(t);
  double target = 0;
  for (int round = 0; round < FACES; round++) {
    double norm = 0;
    const int64_t count = find_face(k, &norm);
    if (round == 0) target = rtol * norm;
    if (count == 0 || norm == 0 || (round > 0 && norm <= target)) return TW_OK;
    tw_trust_step step;
    t->is_free = k->is_free;
    TW_TRY(tw_trust_solve(t, k->reduced, k->radius, rtol, k->w, &step));
    k->boundary |= step.boundary;
    for (int64_t i = 0; i < k->box.n; i++) t->x_trial[i] = reached(k, i);
    const double first_bound = tw_box_longest(&k->box, t->x_trial, k->w);
    if (first_bound >= 1) { /* the face's minimiser, or the edge of the region: the last step */
      tw_add_scaled(1, k->box.n, t->s, 1, k->w, t->s);
      k->model += step.model;
      return TW_OK;
    }
    TW_TRY(search_path(k, first_bound));
    if (step.boundary) return TW_OK;
  }
  return TW_OK;
}

static tw_status step(tw_run *run) {
  face k;
  TW_TRY(get(run, &k));
  TW_TRY(tw_trust_prepare(&k.t));
  TW_TRY(cauchy(&k));
  TW_TRY(minimize_in_faces(&k));
  const size_t n = (size_t)run->n;
  const tw_trust_step s = {.slope = tw_vec_dot(k.t.g, k.t.s, n),
                           .model = k.model,
                           .norm = tw_vec_norm2(k.t.s, n),
                           .boundary = k.boundary || tw_vec_norm2(k.t.s, n) >= 0.99 * k.radius};
  for (int64_t i = 0; i < run->n; i++) k.t.x_trial[i] = reached(&k, i);
  TW_TRY(tw_trust_judge(&k.t, &s, measure));
  k.t.scalar[TW_TRUST_CAUCHY] = k.cauchy;
  return TW_OK;
}

/* Over the variables inside the box, and those at a bound that presses with no more than the tolerance. */
static tw_status escape(tw_run *run, bool *moved) {
  face k;
  TW_TRY(get(run, &k));
  const double none = tw_run_tolerance(run) * tw_run_scale(run);
  for (int64_t i = 0; i < run->n; i++) k.is_free[i] = tw_box_interior(&k.box, i, run->x[i]) || fabs(k.t.g[i]) <= none;
  k.t.is_free = k.is_free;
  return tw_trust_escape(&k.t, &k.box, measure, moved);
}

static const tw_option options[] = {TW_OPTION_TOL(1e-9), TW_OPTION_MAX_ITER(2000), TW_OPTION_CG_TOL(0.1),
                                    TW_OPTION_DENSE(40), TW_OPTION_END};

const tw_method tw_method_tron = {.name = "tron",
                                  .summary = "Newton's method for bounds in a trust region",
                                  .reference = "Lin & More, 1999",
                                  .goals = TW_FOR_MINIMIZE,
                                  .needs = TW_VALUE | TW_GRADIENT | TW_CURVATURE,
                                  .matrices = TW_HOLDS_HESSIAN,
                                  .handles = TW_HANDLES_BOUNDS,
                                  .options = options,
                                  .init = init,
                                  .step = step,
                                  .escape = escape,
                                  .traits = TW_MONOTONE | TW_ATOMIC};
