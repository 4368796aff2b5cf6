/* Anderson acceleration of another method's iterates: T is one iteration of the inner method, r_k = T(x_k) - x_k, and every
 * `frequency` iterations the extrapolation of mixing.h takes the place of T(x_k), moved into the variables' set, when the
 * objective is lower there (Zhang, O'Donoghue & Boyd 2020 safeguard by residuals). The inner method goes on from the new point
 * with the step length it has. Acceleration pays when T does not change from one iteration to the next, which is why the step
 * of the gradient methods inside only shrinks. */
#include "method/fixpoint/mixing.h"

#include <stdio.h>

enum { REJECTED, STATE };
enum { PATIENCE = 3 /* rejections in a row that clear the history */ };
enum { AUTO };
#define INNER "auto|gd|accelerated_gradient|proximal_gradient|projected_gradient|mirror_descent|block_cd|ncg|lbfgs|bfgs|lbfgsb|fire"
static const char *const inner_names[] = {"",       "gd",       "accelerated_gradient", "proximal_gradient", "projected_gradient",
                                          "mirror_descent", "block_cd", "ncg", "lbfgs", "bfgs", "lbfgsb", "fire"};

static const tw_option options[] = {
    TW_OPTION_TOL(1e-9),
    TW_OPTION_MAX_ITER(100000),
    {"inner", TW_OPTION_CHOICE, AUTO, 0, 11, INNER, "method to accelerate; auto: a gradient method without momentum that fits"},
    {"history", TW_OPTION_INTEGER, 5, 1, 200, NULL, "m: differences kept"},
    {"ridge", TW_OPTION_REAL, 1e-10, 0, 1, NULL, "Tikhonov term of the least-squares problem, relative to |dR|_F^2"},
    {"mixing", TW_OPTION_REAL, 1, 1e-6, 1, NULL, "beta: how far to go along the combined residual"},
    {"frequency", TW_OPTION_INTEGER, 1, 1, 1e9, NULL, "iterations of the inner method between extrapolations"},
    TW_OPTION_END};

typedef struct accelerated {
  tw_run *run;
  int64_t n;
  tw_oracle inner; /* the run's oracle, asked through the run, which counts */
  tw_mixing mixing;
  double *r, *trial, *projected, *state;
  tw_status failure;
} accelerated;

/* ------------------------------------------------------------------ the oracle of the inner method */

static tw_status keep(accelerated *a, tw_status status, tw_error *error) {
  if (status == TW_OK) return TW_OK;
  a->failure = status;
  return tw_fail(error, status, "%s", a->run->error->status == status ? a->run->error->message : "");
}

static tw_status value(void *context, const double *x, double *f, tw_error *error) {
  accelerated *a = context;
  return keep(a, tw_run_value(a->run, x, f), error);
}

static tw_status gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  accelerated *a = context;
  return keep(a, tw_run_gradient(a->run, x, f, g), error);
}

static tw_status project(void *context, const double *x, double *out, tw_error *error) {
  accelerated *a = context;
  return keep(a, tw_run_project(a->run, x, out), error);
}

static tw_status prox(void *context, const double *x, double eta, double *out, tw_error *error) {
  accelerated *a = context;
  return keep(a, tw_run_prox(a->run, x, eta, out), error);
}

static tw_status regularizer(void *context, const double *x, double *g, tw_error *error) {
  accelerated *a = context;
  return keep(a, tw_run_regularizer(a->run, x, g), error);
}

static tw_status mirror_step(void *context, const double *x, const double *g, double eta, double *out, tw_error *error) {
  accelerated *a = context;
  return keep(a, tw_run_mirror_step(a->run, x, g, eta, out), error);
}

static tw_status blocks(void *context, const tw_blocks **out, tw_error *error) {
  const tw_oracle *o = ((accelerated *)context)->run->oracle;
  return o->blocks(o->context, out, error);
}

static void make_inner(accelerated *a) {
  const tw_oracle *o = a->run->oracle;
  const unsigned passed_on = TW_BOUNDS | TW_PROJECT | TW_PROX | TW_MIRROR;
  a->inner = (tw_oracle){.context = a,
                         .n = a->n,
                         .offers = TW_VALUE | TW_GRADIENT | (o->offers & passed_on),
                         .lower = o->lower,
                         .upper = o->upper,
                         .value = value,
                         .gradient = gradient,
                         .project = o->project ? project : NULL,
                         .prox = o->prox ? prox : NULL,
                         .regularizer = o->regularizer ? regularizer : NULL,
                         .mirror_step = o->mirror_step ? mirror_step : NULL,
                         .blocks = o->blocks ? blocks : NULL};
}

static tw_status open(accelerated **out, tw_run *run) {
  if (!run->local && !(run->local = tw_alloc(1, sizeof(accelerated))))
    return tw_fail(run->error, TW_ERR_MEMORY, "out of memory");
  accelerated *a = *out = run->local;
  const int64_t n = run->n;
  *a = (accelerated){.run = run, .n = n, .failure = TW_OK};
  make_inner(a);
  const tw_slot slots[] = {{"accelerated.r", n, &a->r},
                           {"accelerated.trial", n, &a->trial},
                           {"accelerated.projected", n, &a->projected},
                           {"accelerated.state", STATE, &a->state},
                           {NULL, 0, NULL}};
  TW_TRY(tw_fetch(run, slots));
  return tw_mixing_open(&a->mixing, run, tw_run_integer(run, "history"));
}

static void finish(tw_run *run) {
  free(run->local);
}

/* ------------------------------------------------------------------ iterations */

/* The inner run decides nothing about the end: this one does. */
static tw_status inner_run(accelerated *a, tw_run **inner) {
  const tw_oracle *o = a->run->oracle;
  const int choice = tw_run_choice(a->run, "inner");
  const char *name = choice != AUTO            ? inner_names[choice]
                     : o->offers & TW_PROX     ? "proximal_gradient"
                     : o->offers & TW_PROJECT  ? "projected_gradient"
                                               : "accelerated_gradient";
  const bool momentum = strstr(name, "_gradient") != NULL;
  char spec[128];
  snprintf(spec, sizeof spec, "%s:tol=0,max_iter=1e15%s", name, momentum ? ",accelerate=0,growth=1" : "");
  return tw_run_child(a->run, "inner", &a->inner, spec, a->run->x, inner);
}

static void follow(accelerated *a, const tw_run *inner) {
  vec_copy(a->n, inner->x, a->run->x);
  a->run->f = inner->f;
  a->run->optimality = inner->optimality;
}

static tw_status inner_ended(accelerated *a, const tw_run *inner, tw_outcome outcome) {
  if (a->failure != TW_OK) return a->failure;
  const double relative = inner->optimality.stationarity / tw_run_scale(a->run);
  const bool solved = outcome == TW_SOLVED || relative <= tw_run_tolerance(a->run);
  return tw_run_end(a->run, solved ? TW_SOLVED : outcome, "%s", tw_run_message(inner));
}

static tw_status init(tw_run *run) {
  accelerated *a;
  tw_run *inner;
  TW_TRY(open(&a, run));
  TW_TRY(inner_run(a, &inner));
  follow(a, inner);
  run->scale = inner->scale;
  run->size = inner->size;
  return a->failure;
}

/* The objective at the extrapolated point, moved into the set; inf when it is not defined there. */
static tw_status evaluate(accelerated *a, double **point, double *f) {
  tw_run *run = a->run;
  double g = 0;
  *point = a->trial;
  *f = INFINITY;
  if (vec_find_nonfinite(a->n, a->trial) >= 0) return TW_OK;
  if (run->oracle->offers & TW_PROJECT) {
    TW_TRY(tw_run_project(run, a->trial, a->projected));
    *point = a->projected;
  }
  TW_TRY(tw_run_value(run, *point, f));
  if (run->oracle->regularizer) TW_TRY(tw_run_regularizer(run, *point, &g));
  *f += g;
  return TW_OK;
}

/* x <- the extrapolation from `from` and r, when it is better than the inner iterate. */
static tw_status extrapolate(accelerated *a, tw_run *inner, const double *from) {
  double *point, f;
  TW_TRY(tw_mixing_extrapolate(&a->mixing, from, a->r, tw_run_real(a->run, "mixing"), tw_run_real(a->run, "ridge"), a->trial));
  TW_TRY(evaluate(a, &point, &f));
  if (!(f < inner->f)) {
    a->state[REJECTED] += 1;
    if (a->state[REJECTED] >= PATIENCE) {
      tw_mixing_clear(&a->mixing);
      a->state[REJECTED] = 0;
    }
    return TW_OK;
  }
  a->state[REJECTED] = 0;
  return tw_run_child_move(inner, point);
}

static tw_status step(tw_run *run) {
  accelerated *a;
  tw_run *inner;
  TW_TRY(open(&a, run));
  TW_TRY(inner_run(a, &inner));
  double *from = tw_run_vector(run, "accelerated.from", a->n);
  if (!from) return TW_ERR_MEMORY;
  vec_copy(a->n, run->x, from);
  const tw_outcome outcome = tw_run_child_step(inner);
  if (a->failure != TW_OK) return a->failure;
  follow(a, inner);
  if (outcome != TW_RUNNING) return inner_ended(a, inner, outcome);
  vec_sub(a->n, inner->x, from, a->r);
  if (run->iteration > 0) tw_mixing_record(&a->mixing, from, a->r);
  vec_copy(a->n, from, a->mixing.last_x);
  vec_copy(a->n, a->r, a->mixing.last_r);
  const bool due = (run->iteration + 1) % tw_run_integer(run, "frequency") == 0;
  const bool solved = inner->optimality.stationarity <= tw_run_tolerance(run) * tw_run_scale(run);
  if (!due || solved || !tw_mixing_informed(&a->mixing)) return TW_OK;
  TW_TRY(extrapolate(a, inner, from));
  if (a->failure != TW_OK) return a->failure;
  follow(a, inner);
  return TW_OK;
}

const tw_method tw_method_anderson_accelerated = {
    .name = "anderson_accelerated",
    .summary = "Anderson acceleration of another method's iterates, with a safeguard",
    .reference = "Anderson 1965; Walker & Ni 2011; Zhang, O'Donoghue & Boyd 2020",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT,
    .handles = TW_HANDLES_BOUNDS | TW_HANDLES_SETS | TW_HANDLES_REGULARIZERS,
    .options = options,
    .init = init,
    .step = step,
    .finish = finish,
};
