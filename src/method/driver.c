/* The driver: one iteration of any method, and every reason to stop. */
#include "method/driver.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IDLE_LIMIT = 100 }; /* iterations in a row without progress before a run counts as stuck */

static const double FEASIBILITY_FLOOR = 1e-12; /* no tighter feasibility or complementarity is asked for */
static const double BOTTOM = -1e20;            /* relative to max(1, |f| at the start): counts as unbounded */
static const double DEFAULT_TOL = 1e-9;
static const int64_t DEFAULT_MAX_ITER = 10000;

const char *tw_outcome_name(tw_outcome outcome) {
  static const char *const names[] = {"running",          "solved",     "iteration limit",
                                      "evaluation limit", "time limit", "stopped by caller",
                                      "infeasible",       "unbounded",  "numerical failure"};
  return (unsigned)outcome < sizeof names / sizeof *names ? names[outcome] : "unknown outcome";
}

void tw_driver_end(tw_driver *d, tw_outcome outcome, const char *format, ...) {
  if (d->outcome != TW_RUNNING) return;
  va_list args;
  va_start(args, format);
  vsnprintf(d->message, sizeof d->message, format, args);
  va_end(args);
  d->outcome = outcome;
}

double tw_driver_seconds(const tw_driver *d) {
  return d->elapsed_before + (tw_now() - d->started);
}

/* ------------------------------------------------------------------ budgets */

static int64_t evaluations(const tw_counts *c) {
  return c->value + c->gradient + c->residual;
}

static bool interrupted(const tw_driver *d) {
  return d->exec.stop != NULL && *d->exec.stop != 0;
}

tw_status tw_driver_check_budget(tw_driver *d, tw_error *error) {
  if (d->outcome != TW_RUNNING) return tw_fail(error, TW_ERR_INTERRUPT, "the run has ended");
  if (interrupted(d)) {
    tw_driver_end(d, TW_STOPPED_CALLER, "interrupted");
    return tw_fail(error, TW_ERR_INTERRUPT, "interrupted");
  }
  if (tw_now() > d->deadline) {
    tw_driver_end(d, TW_STOPPED_TIME, "time limit reached");
    return tw_fail(error, TW_ERR_LIMIT, "time limit reached");
  }
  if (d->max_evaluations > 0 && evaluations(&d->counts) >= d->max_evaluations) {
    tw_driver_end(d, TW_STOPPED_EVALUATIONS, "limit of %lld evaluations reached",
                  (long long)d->max_evaluations);
    return tw_fail(error, TW_ERR_LIMIT, "evaluation limit reached");
  }
  return TW_OK;
}

/* A status that a step returned becomes the outcome, unless the run has one. */
static void end_by_status(tw_driver *d, tw_status status) {
  tw_outcome outcome = TW_FAILED;
  if (status == TW_ERR_INTERRUPT) outcome = TW_STOPPED_CALLER;
  if (status == TW_ERR_LIMIT) outcome = tw_now() > d->deadline ? TW_STOPPED_TIME : TW_STOPPED_EVALUATIONS;
  if (status == TW_ERR_UNBOUNDED) outcome = TW_UNBOUNDED;
  if (status == TW_ERR_INFEASIBLE) outcome = TW_INFEASIBLE;
  tw_driver_end(d, outcome, "%s", d->error.status == status ? d->error.message : tw_status_name(status));
}

/* ------------------------------------------------------------------ tolerance, best so far */

static tw_optimality relative_to(const tw_driver *d, double scale) {
  tw_optimality o = d->run.optimality;
  o.stationarity /= scale;
  o.complementarity /= scale;
  return o;
}

double tw_driver_scale(const tw_driver *d) {
  return d->to_rounding ? fmax(tw_run_scale(&d->run), d->run.scale) : tw_run_scale(&d->run);
}

tw_optimality tw_driver_relative(const tw_driver *d) {
  return relative_to(d, tw_driver_scale(d));
}

/* NaN counts as met: not applicable. */
static bool at_most(double value, double bound) {
  return isnan(value) || value <= bound;
}

static bool feasible(const tw_driver *d, const tw_optimality *o) {
  return at_most(o->feasibility, fmax(d->tol, FEASIBILITY_FLOOR));
}

bool tw_driver_meets(const tw_driver *d, double scale) {
  const tw_optimality o = relative_to(d, scale);
  return o.stationarity <= d->tol && feasible(d, &o) &&
         at_most(o.complementarity, fmax(d->tol, FEASIBILITY_FLOOR));
}

bool tw_driver_converged(const tw_driver *d) {
  return tw_driver_meets(d, tw_driver_scale(d));
}

bool tw_driver_minimizes(const tw_driver *d) {
  return (d->run.method->goals & (TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES)) != 0;
}

/* Feasible before infeasible; then the lower objective, or violation; for roots and fixed points the lower
 * residual. */
static bool better(const tw_driver *d, const tw_optimality *now) {
  const tw_optimality *best = &d->best.optimality;
  if (!tw_driver_minimizes(d)) return !(now->stationarity >= best->stationarity);
  const bool now_feasible = feasible(d, now), best_feasible = feasible(d, best);
  if (now_feasible != best_feasible) return now_feasible;
  return now_feasible ? d->run.f < d->best.f : now->feasibility < best->feasibility;
}

static void keep_best(tw_driver *d) {
  const tw_optimality now = tw_driver_relative(d);
  if (d->best.found && d->best.x != NULL && !better(d, &now)) return;
  d->best.found = true;
  d->best.f = d->run.f;
  d->best.optimality = now;
  d->best.scale = tw_driver_scale(d);
  if (d->best.x == NULL) return;
  memcpy(d->best.x, d->run.x, (size_t)d->run.n * sizeof(double));
  if (d->best.dual != NULL) memcpy(d->best.dual, d->run.dual, (size_t)d->m * sizeof(double));
}

/* ------------------------------------------------------------------ one iteration */

/* Counts iterations in a row without progress. A monotone method must reach an objective or a stationarity
 * lower than ever before, lest it wanders at the level of rounding; for others a change of any bit will do.
 */
static void watch_progress(tw_driver *d) {
  const tw_optimality *o = &d->run.optimality;
  if (d->run.method->traits & TW_MONOTONE) {
    const bool lower = d->run.f < d->last_f || o->stationarity < d->last_stationarity;
    d->idle = lower ? 0 : d->idle + 1;
    d->last_f = fmin(d->run.f, d->last_f);
    d->last_stationarity = fmin(o->stationarity, d->last_stationarity);
    return;
  }
  const bool same = memcmp(&d->run.f, &d->last_f, sizeof(double)) == 0 &&
                    memcmp(&o->stationarity, &d->last_stationarity, sizeof(double)) == 0 &&
                    memcmp(&o->feasibility, &d->last_feasibility, sizeof(double)) == 0;
  d->idle = same ? d->idle + 1 : 0;
  d->last_f = d->run.f;
  d->last_stationarity = o->stationarity;
  d->last_feasibility = o->feasibility;
}

static void end_solved(tw_driver *d) {
  const double scale = tw_driver_scale(d), stationarity = d->run.optimality.stationarity;
  if (scale > 1) tw_driver_end(d, TW_SOLVED, "stationarity %.2g <= %.2g * %.3g", stationarity, d->tol, scale);
  else tw_driver_end(d, TW_SOLVED, "stationarity %.2g <= %.2g", stationarity, d->tol);
}

/* After init and after every complete step, in this order. */
void tw_driver_test_end(tw_driver *d) {
  const tw_optimality o = tw_driver_relative(d);
  if (!isfinite(tw_driver_minimizes(d) ? d->run.f : o.stationarity))
    tw_driver_end(d, TW_FAILED, "the %s is not finite at %s",
                  tw_driver_minimizes(d) ? "objective or its gradient" : "residual",
                  d->run.iteration == 0 ? "the starting point" : "an iterate");
  if (tw_driver_converged(d))
    end_solved(d);
  if (d->outcome == TW_RUNNING && tw_driver_is_still(d)) tw_driver_solve_to_rounding(d);
  if (tw_driver_minimizes(d) && feasible(d, &o) && d->run.f < BOTTOM * fmax(1, fabs(d->f_start)))
    tw_driver_end(d, TW_UNBOUNDED, "the objective fell to %.3g: it seems to have no finite minimum",
                  d->run.f);
  if (d->idle >= IDLE_LIMIT && !(d->run.method->traits & TW_PATIENT))
    tw_driver_end(d, TW_FAILED, "no progress in %d iterations: stationarity %.2g, tolerance %.2g", IDLE_LIMIT,
                  o.stationarity, d->tol);
}

/* Packs the state before a step that could be abandoned half-way, when somebody may want to save it. What nested problems
 * remember moves with every evaluation, also within steps that are atomic otherwise. */
static void take_snapshot(tw_driver *d) {
  if (!d->keep_snapshots || ((d->run.method->traits & TW_ATOMIC) && !tw_driver_remembers(d))) return;
  tw_text_clear(&d->snapshot);
  tw_packer p = {.text = &d->snapshot};
  tw_driver_pack(d, &p);
  if (p.failed) tw_text_free(&d->snapshot);
}

/* A stationary point is left for a lower one where the method knows one; when that fails it is the solution. */
static void escape(tw_driver *d) {
  bool moved = false;
  if (d->run.method->escape == NULL || d->outcome != TW_RUNNING || !tw_driver_converged(d)) return;
  if (d->run.method->escape(&d->run, &moved) != TW_OK) d->outcome = TW_RUNNING;
}

static void finish_iteration(tw_driver *d) {
  d->run.iteration++;
  escape(d);
  watch_progress(d);
  tw_driver_watch_rounding(d);
  keep_best(d);
  tw_driver_test_end(d);
  d->boundary = tw_driver_tally(d);
  if (d->run.iteration >= d->max_iter)
    tw_driver_end(d, TW_STOPPED_ITERATIONS, "limit of %lld iterations reached", (long long)d->max_iter);
}

bool tw_outcome_is_stop(tw_outcome outcome) {
  return outcome == TW_STOPPED_ITERATIONS || outcome == TW_STOPPED_EVALUATIONS ||
         outcome == TW_STOPPED_TIME || outcome == TW_STOPPED_CALLER;
}

/* Some inner run was stopped by the clock or the flag that it shares with this one. */
static bool child_stopped(const tw_driver *d) {
  for (int i = 0; i < d->children; i++) {
    const tw_outcome outcome = d->child[i].driver->outcome;
    if (outcome == TW_STOPPED_CALLER || outcome == TW_STOPPED_TIME) return true;
  }
  return false;
}

tw_outcome tw_driver_step(tw_driver *d) {
  if (d->outcome != TW_RUNNING) return d->outcome;
  if (d->run.iteration >= d->max_iter)
    tw_driver_end(d, TW_STOPPED_ITERATIONS, "limit of %lld iterations reached", (long long)d->max_iter);
  if (d->outcome != TW_RUNNING || tw_driver_check_budget(d, NULL) != TW_OK) return d->outcome;
  take_snapshot(d);
  tw_status status = d->run.method->step(&d->run);
  if (status == TW_OK && child_stopped(d)) status = tw_driver_check_budget(d, &d->error);
  /* a step that fails leaves x as it was */
  if (d->outcome == TW_FAILED && tw_driver_minimizes(d)) tw_driver_solve_to_rounding(d);
  if (d->outcome == TW_SOLVED || (status == TW_OK && !tw_outcome_is_stop(d->outcome))) {
    finish_iteration(d);
    return d->outcome;
  }
  if (status != TW_OK) end_by_status(d, status);
  d->torn = true;
  return d->outcome;
}

tw_tally tw_driver_tally(const tw_driver *d) {
  return (tw_tally){.counts = d->counts,
                    .iteration = d->run.iteration,
                    .f = d->run.f,
                    .bound = d->run.bound,
                    .scale = d->run.scale,
                    .size = d->run.size,
                    .f_start = d->f_start,
                    .optimality = d->run.optimality,
                    .last_f = d->last_f,
                    .last_stationarity = d->last_stationarity,
                    .last_feasibility = d->last_feasibility,
                    .idle = d->idle,
                    .level_f = d->level_f,
                    .level_stationarity = d->level_stationarity,
                    .still = d->still};
}

void tw_driver_set_tally(tw_driver *d, const tw_tally *t) {
  d->counts = t->counts;
  d->run.iteration = t->iteration;
  d->run.f = t->f;
  d->run.bound = t->bound;
  d->run.scale = t->scale;
  d->run.size = t->size;
  d->f_start = t->f_start;
  d->run.optimality = t->optimality;
  d->last_f = t->last_f;
  d->last_stationarity = t->last_stationarity;
  d->last_feasibility = t->last_feasibility;
  d->idle = t->idle;
  d->level_f = t->level_f;
  d->level_stationarity = t->level_stationarity;
  d->still = t->still;
  d->boundary = *t;
}

/* ------------------------------------------------------------------ beginning and end of life */

static bool fatal(tw_status status) {
  return status == TW_ERR_ARGUMENT || status == TW_ERR_NAME || status == TW_ERR_SHAPE ||
         status == TW_ERR_DTYPE || status == TW_ERR_MEMORY || status == TW_ERR_UNSUPPORTED;
}

static tw_status begin_by(tw_driver *d, tw_status (*init)(tw_run *run), tw_error *error) {
  if (d->outcome != TW_RUNNING) return TW_OK;
  const tw_status status = init(&d->run);
  if (status != TW_OK && d->outcome == TW_RUNNING && fatal(status))
    return tw_fail(error, status, "%s",
                   d->error.status == status ? d->error.message : tw_status_name(status));
  if (status != TW_OK) {
    end_by_status(d, status);
    d->torn = d->outcome != TW_SOLVED;
  }
  if (status == TW_OK) escape(d);
  d->f_start = d->last_f = d->level_f = d->run.f;
  d->last_stationarity = d->level_stationarity = d->run.optimality.stationarity;
  keep_best(d);
  if (!d->torn) tw_driver_test_end(d);
  d->boundary = tw_driver_tally(d);
  return TW_OK;
}

tw_status tw_driver_begin(tw_driver *d, tw_error *error) {
  return begin_by(d, d->run.method->init, error);
}

static tw_status set_start(tw_driver *d, const double *x0, tw_error *error) {
  const tw_oracle *o = d->run.oracle;
  const size_t n = (size_t)d->run.n;
  if (x0 != NULL && x0 != d->run.x) memcpy(d->run.x, x0, n * sizeof(double));
  if (x0 == NULL && o->start != NULL) {
    const tw_status status = o->start(o->context, d->run.x, error);
    if (status != TW_OK) return status;
  }
  for (size_t i = 0; i < n; i++)
    if (!isfinite(d->run.x[i]))
      return tw_fail(error, TW_ERR_ARGUMENT,
                     "the starting point has %g at position %zu; expected finite numbers", d->run.x[i], i);
  if (!(o->offers & TW_BOUNDS)) return TW_OK;
  for (size_t i = 0; i < n; i++) {
    if (!(o->lower[i] <= o->upper[i]))
      tw_driver_end(d, TW_INFEASIBLE, "variable %zu has lower bound %g above its upper bound %g", i,
                    o->lower[i], o->upper[i]);
    else
      d->run.x[i] = fmin(fmax(d->run.x[i], o->lower[i]), o->upper[i]);
  }
  return TW_OK;
}

static void start_clock(tw_driver *d) {
  d->started = tw_now();
  d->elapsed_before = 0;
  d->deadline = d->time_limit > 0 ? d->started + d->time_limit : INFINITY;
  if (d->parent != NULL && d->parent->deadline < d->deadline) d->deadline = d->parent->deadline;
  if (d->outer_deadline > 0) d->deadline = fmin(d->deadline, d->outer_deadline);
  d->exec.deadline = isfinite(d->deadline) ? d->deadline : 0;
}

/* Nested problems are solved two digits better than this one asks for. */
static void take_exec(tw_driver *d, const tw_exec *exec) {
  if (exec != NULL) d->exec = *exec;
  d->outer_deadline = d->exec.deadline;
  if (d->exec.inner_tolerance <= 0) d->exec.inner_tolerance = fmin(fmax(0.01 * d->tol, 1e-13), 1e-6);
}

static void set_limits(tw_driver *d, const tw_driver_setup *setup) {
  const tw_method *method = setup->method;
  const int tol = tw_options_index(method, "tol"), max_iter = tw_options_index(method, "max_iter");
  d->tol = setup->tolerance > 0 ? setup->tolerance : tol >= 0 ? d->option[tol] : DEFAULT_TOL;
  d->max_iter = setup->max_iter > 0 ? setup->max_iter
                : max_iter >= 0     ? (int64_t)d->option[max_iter]
                                    : DEFAULT_MAX_ITER;
  d->max_evaluations = setup->max_evaluations;
  d->time_limit = setup->time_limit;
  take_exec(d, setup->exec);
  start_clock(d);
}

static bool allocate(tw_driver *d, const tw_driver_setup *setup) {
  const tw_oracle *o = setup->oracle;
  const bool keep_copy = (setup->method->traits & TW_MONOTONE) == 0;
  const size_t n = (size_t)o->n, m = (size_t)o->m, options = (size_t)tw_options_count(setup->method);
  d->option = tw_alloc(options, sizeof *d->option);
  d->given = tw_alloc(options, sizeof *d->given);
  d->run.x = d->x = tw_alloc(n, sizeof(double));
  if (keep_copy) d->best.x = tw_alloc(n, sizeof(double));
  if (m > 0) d->run.dual = tw_alloc(m, sizeof(double));
  if (m > 0 && keep_copy) d->best.dual = tw_alloc(m, sizeof(double));
  return d->option != NULL && d->given != NULL && d->run.x != NULL && (!keep_copy || d->best.x != NULL) &&
         (m == 0 || d->run.dual != NULL) && (m == 0 || !keep_copy || d->best.dual != NULL);
}

static tw_status prepare(tw_driver *d, const tw_driver_setup *setup, tw_error *error) {
  if (!allocate(d, setup))
    return tw_fail(error, TW_ERR_MEMORY, "out of memory for a run over %lld variables",
                   (long long)setup->oracle->n);
  const tw_status status = tw_options_parse(setup->method, setup->spec, d->option, d->given, error);
  if (status != TW_OK) return status;
  d->parent = setup->parent;
  set_limits(d, setup);
  d->run.oracle = setup->oracle;
  d->run.method = setup->method;
  d->run.n = setup->oracle->n;
  d->m = setup->oracle->m;
  d->run.f = d->run.bound = NAN;
  d->run.optimality = (tw_optimality){NAN, NAN, NAN};
  d->run.seed = setup->seed;
  d->run.exec = &d->exec;
  d->run.error = &d->error;
  d->run.driver = d;
  if (setup->oracle->exec != NULL) setup->oracle->exec(setup->oracle->context, &d->exec);
  if (setup->dual != NULL && d->m > 0) memcpy(d->run.dual, setup->dual, (size_t)d->m * sizeof(double));
  return set_start(d, setup->x0, error);
}

/* A method without a way to go on begins with nothing of the runs before. */
static tw_status begin_again(tw_driver *d, const double *x0, bool anew, tw_error *error) {
  const tw_method *method = d->run.method;
  d->run.anew = anew || (method->traits & TW_FORGETS);
  if (method->restart == NULL) {
    if (method->finish != NULL) method->finish(&d->run);
    d->run.local = NULL;
  }
  if (method->restart == NULL || d->run.anew) tw_driver_drop_state(d);
  d->outcome = TW_RUNNING;
  d->message[0] = '\0';
  d->torn = d->to_rounding = false;
  d->best.found = false;
  d->error = (tw_error){0};
  d->run.certified = false;
  const tw_tally fresh = {.f = NAN, .bound = NAN, .optimality = {NAN, NAN, NAN}};
  tw_driver_set_tally(d, &fresh);
  start_clock(d);
  if (d->run.oracle->exec != NULL) d->run.oracle->exec(d->run.oracle->context, &d->exec);
  const tw_status status = set_start(d, x0, error);
  return status != TW_OK ? status : begin_by(d, method->restart != NULL ? method->restart : method->init, error);
}

tw_status tw_driver_restart(tw_driver *d, tw_error *error) {
  const bool lost = d->best.x != NULL && !(tw_vec_norm_inf(d->run.x, (size_t)d->run.n) <= DBL_MAX);
  if (d->run.x != d->x || lost) memcpy(d->x, lost ? d->best.x : d->run.x, (size_t)d->run.n * sizeof(double));
  d->run.x = d->x;
  if (d->run.method->restart == NULL && d->m > 0) memset(d->run.dual, 0, (size_t)d->m * sizeof(double));
  return begin_again(d, d->run.x, false, error);
}

tw_status tw_driver_again(tw_driver *d, const double *x0, const double *dual, const tw_exec *exec, tw_error *error) {
  take_exec(d, exec);
  d->run.x = d->x;
  if (d->m > 0 && dual != NULL) memcpy(d->run.dual, dual, (size_t)d->m * sizeof(double));
  if (d->m > 0 && dual == NULL) memset(d->run.dual, 0, (size_t)d->m * sizeof(double));
  return begin_again(d, x0, true, error);
}

tw_status tw_driver_make(tw_driver **out, const tw_driver_setup *setup, tw_error *error) {
  *out = NULL;
  tw_driver *d = tw_alloc(1, sizeof *d);
  if (d == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a run");
  const tw_status status = prepare(d, setup, error);
  if (status != TW_OK) {
    tw_driver_free(d);
    return status;
  }
  *out = d;
  return TW_OK;
}

tw_status tw_driver_new(tw_driver **out, const tw_driver_setup *setup, tw_error *error) {
  *out = NULL;
  const tw_status status = tw_method_match(setup->method, setup->oracle, error);
  return status != TW_OK ? status : tw_driver_make(out, setup, error);
}

void tw_driver_free(tw_driver *d) {
  if (d == NULL) return;
  if (d->run.driver != NULL && d->run.method->finish != NULL) d->run.method->finish(&d->run);
  tw_driver_drop_state(d);
  free(d->vector);
  free(d->child);
  free(d->option);
  free(d->given);
  free(d->x);
  free(d->run.dual);
  free(d->best.x);
  free(d->best.dual);
  tw_text_free(&d->snapshot);
  free(d);
}
