/* The public face of the driver: the loop in one call, or owned by the caller. */
#include "base/given.h"
#include "method/driver.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct tw_solver {
  tw_driver *driver;
  bool (*callback)(void *context, const tw_progress *progress);
  void *callback_context;
  char *checkpoint;       /* path or NULL */
  double every, saved_at; /* seconds */
  tw_logger log;
};

static const double CHECKPOINT_SECONDS = 10;

static void save_checkpoint(tw_solver *s) {
  tw_error error = {0};
  if (tw_driver_save(s->driver, s->checkpoint, &error) != TW_OK)
    tw_log_write(&s->log, TW_LOG_WARNING, "checkpoint not written: %s", error.message);
  s->saved_at = tw_now();
}

/* Writes once at the start, so that a path that cannot be written is an error and not a surprise. */
static tw_status open_checkpoint(tw_solver *s, const tw_solve_options *options, tw_error *error) {
  if (options->checkpoint == NULL) return TW_OK;
  const size_t bytes = strlen(options->checkpoint) + 1;
  s->checkpoint = tw_alloc(bytes, 1);
  if (s->checkpoint == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for the checkpoint's path");
  memcpy(s->checkpoint, options->checkpoint, bytes);
  s->every = options->checkpoint_seconds == 0 ? CHECKPOINT_SECONDS : options->checkpoint_seconds;
  s->saved_at = tw_now();
  s->driver->keep_snapshots = true;
  return s->driver->torn ? TW_OK : tw_driver_save(s->driver, s->checkpoint, error);
}

static tw_status start(tw_solver *s, const tw_solve_options *options, tw_error *error) {
  tw_status status = TW_OK;
  if (options->resume != NULL) {
    status = tw_driver_load(s->driver, options->resume, error);
    if (status != TW_OK) tw_error_prefix(error, "resume");
  } else {
    status = tw_driver_begin(s->driver, error);
  }
  if (status != TW_OK) return status;
  status = open_checkpoint(s, options, error);
  if (status != TW_OK) tw_error_prefix(error, "checkpoint");
  return status;
}

tw_status tw_solver_new_with(tw_solver **solver, const tw_method *method, const tw_oracle *oracle,
                             const double *x0, const tw_solve_options *options, tw_error *error) {
  if (solver == NULL) return tw_fail(error, TW_ERR_ARGUMENT, "solver is NULL");
  *solver = NULL;
  if (method == NULL || oracle == NULL) return tw_fail(error, TW_ERR_ARGUMENT, "method or oracle is NULL");
  static const tw_solve_options defaults;
  if (options == NULL) options = &defaults;
  if (options->max_iter < 0 || options->max_evaluations < 0 || !(options->time_limit >= 0) ||
      !(options->tolerance >= 0))
    return tw_fail(error, TW_ERR_ARGUMENT,
                   "max_iter, max_evaluations, time_limit and tolerance must not be negative");
  tw_solver *s = tw_alloc(1, sizeof *s);
  if (s == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for a solver");
  s->callback = options->callback;
  s->callback_context = options->callback_context;
  if (options->exec.log != NULL) s->log = *options->exec.log;
  const tw_driver_setup setup = {.method = method,
                                 .spec = options->method,
                                 .oracle = oracle,
                                 .x0 = x0,
                                 .dual = options->dual,
                                 .exec = &options->exec,
                                 .max_iter = options->max_iter,
                                 .max_evaluations = options->max_evaluations,
                                 .tolerance = options->tolerance,
                                 .time_limit = options->time_limit,
                                 .seed = options->seed};
  tw_status status = tw_driver_new(&s->driver, &setup, error);
  if (status == TW_OK) status = start(s, options, error);
  if (status != TW_OK)
    tw_solver_free(s);
  else
    *solver = s;
  return status;
}

tw_status tw_solver_new(tw_solver **solver, const tw_oracle *oracle, const double *x0,
                        const tw_solve_options *options, tw_error *error) {
  if (solver != NULL) *solver = NULL;
  if (oracle == NULL) return tw_fail(error, TW_ERR_ARGUMENT, "oracle is NULL");
  const char *spec =
      options != NULL && options->method != NULL ? options->method : tw_method_choose_for_oracle(oracle);
  const tw_method *method = NULL;
  const tw_status status = tw_spec_method(spec, &method, error);
  return status == TW_OK ? tw_solver_new_with(solver, method, oracle, x0, options, error) : status;
}

tw_status tw_solver_restart(tw_solver *solver, tw_error *error) {
  return solver == NULL ? tw_fail(error, TW_ERR_ARGUMENT, "solver is NULL") : tw_driver_restart(solver->driver, error);
}

tw_status tw_solver_again(tw_solver *solver, const double *x0, const tw_solve_options *options, tw_error *error) {
  if (solver == NULL || options == NULL) return tw_fail(error, TW_ERR_ARGUMENT, "solver or options is NULL");
  return tw_driver_again(solver->driver, x0, options->dual, &options->exec, error);
}

void tw_solver_free(tw_solver *solver) {
  if (solver == NULL) return;
  tw_driver_free(solver->driver);
  free(solver->checkpoint);
  free(solver);
}

tw_outcome tw_solver_step(tw_solver *s) {
  if (!s) return TW_FAILED;
  tw_driver *d = s->driver;
  if (d->outcome != TW_RUNNING) return d->outcome;
  const int64_t before = d->run.iteration;
  tw_driver_step(d);
  if (s->callback != NULL && d->run.iteration > before) {
    tw_progress progress;
    tw_solver_progress(s, &progress);
    if (!s->callback(s->callback_context, &progress))
      tw_driver_end(d, TW_STOPPED_CALLER, "stopped by the callback");
  }
  if (s->checkpoint != NULL &&
      (d->outcome != TW_RUNNING || s->every < 0 || tw_now() - s->saved_at >= s->every))
    save_checkpoint(s);
  return d->outcome;
}

void tw_solver_progress(const tw_solver *s, tw_progress *progress) {
  if (!progress) return;
  *progress = (tw_progress){.method = "", .f = NAN, .bound = NAN, .optimality = {NAN, NAN, NAN}};
  if (!s) return;
  const tw_driver *d = s->driver;
  *progress = (tw_progress){.method = d->run.method->name,
                            .iteration = d->run.iteration,
                            .n = d->run.n,
                            .x = d->run.x,
                            .f = d->run.f,
                            .bound = d->run.bound,
                            .optimality = tw_driver_relative(d),
                            .scale = tw_driver_scale(d),
                            .counts = d->counts,
                            .seconds = tw_driver_seconds(d)};
}

/* The current iterate when it is the answer or nothing else was kept, the best one otherwise. */
tw_status tw_solver_result(const tw_solver *s, tw_result *result, tw_error *error) {
  TW_GIVEN(s);
  TW_GIVEN(result);
  const tw_driver *d = s->driver;
  const size_t n = (size_t)d->run.n, m = (size_t)d->m;
  const bool current = d->outcome == TW_SOLVED || d->run.certified || d->best.x == NULL || !d->best.found;
  const double *x = current ? d->run.x : d->best.x, *dual = current ? d->run.dual : d->best.dual;
  *result = (tw_result){.outcome = d->outcome,
                        .method = d->run.method->name,
                        .n = d->run.n,
                        .m = d->m,
                        .f = current ? d->run.f : d->best.f,
                        .bound = d->run.bound,
                        .certified = d->run.certified,
                        .optimality = current ? tw_driver_relative(d) : d->best.optimality,
                        .scale = current ? tw_driver_scale(d) : d->best.scale,
                        .counts = d->counts,
                        .iterations = d->run.iteration,
                        .seconds = tw_driver_seconds(d)};
  result->x = tw_alloc(n, sizeof(double));
  if (m > 0) result->dual = tw_alloc(m, sizeof(double));
  if (result->x == NULL || (m > 0 && result->dual == NULL)) {
    tw_result_free(result);
    return tw_fail(error, TW_ERR_MEMORY, "out of memory for a result of %zu numbers", n + m);
  }
  memcpy(result->x, x, n * sizeof(double));
  if (m > 0) memcpy(result->dual, dual, m * sizeof(double));
  memcpy(result->message, d->message, sizeof result->message);
  return TW_OK;
}

void tw_result_free(tw_result *result) {
  if (result == NULL) return;
  free(result->x);
  free(result->dual);
  *result = (tw_result){0};
}

tw_status tw_solver_save(const tw_solver *s, const char *path, tw_error *error) {
  TW_GIVEN(s);
  TW_GIVEN(path);
  return tw_driver_save(s->driver, path, error);
}

tw_status tw_solver_load(tw_solver *s, const char *path, tw_error *error) {
  TW_GIVEN(s);
  TW_GIVEN(path);
  return tw_driver_load(s->driver, path, error);
}

tw_status tw_minimize(const tw_oracle *oracle, const double *x0, const tw_solve_options *options,
                      tw_result *result, tw_error *error) {
  if (result == NULL) return tw_fail(error, TW_ERR_ARGUMENT, "result is NULL");
  *result = (tw_result){0};
  tw_solver *solver = NULL;
  tw_status status = tw_solver_new(&solver, oracle, x0, options, error);
  if (status != TW_OK) return status;
  while (tw_solver_step(solver) == TW_RUNNING) {}
  status = tw_solver_result(solver, result, error);
  tw_solver_free(solver);
  return status;
}
