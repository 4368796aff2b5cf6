/* The driver: limits, callbacks, interrupts, NaN, unboundedness, best so far, concurrency, nesting. */
#include "functions.h"

#include <pthread.h>

static tw_result run_with(const tw_oracle *oracle, const double *x0, const tw_solve_options *options) {
  tw_error error = {0};
  tw_result result;
  if (tw_minimize(oracle, x0, options, &result, &error) != TW_OK) fail_msg("%s", error.message);
  return result;
}

/* ------------------------------------------------------------------ limits */

static void limits_stop_the_run(void **state) {
  (void)state;
  const tw_oracle oracle = function_oracle(&functions[0]);
  tw_result r = run_with(&oracle, NULL, &(tw_solve_options){.method = "lbfgs", .max_iter = 5});
  assert_int_equal(r.outcome, TW_STOPPED_ITERATIONS);
  assert_int_equal(r.iterations, 5);
  assert_true(r.f < 24.2);
  tw_result_free(&r);
  for (int64_t budget = 1; budget < 40; budget++) {
    r = run_with(&oracle, NULL, &(tw_solve_options){.method = "lbfgs", .max_evaluations = budget});
    assert_int_equal(r.outcome, TW_STOPPED_EVALUATIONS);
    assert_int_equal(r.counts.value + r.counts.gradient + r.counts.residual, budget);
    double f = 0;
    assert_int_equal(oracle.value(oracle.context, r.x, &f, NULL), TW_OK);
    assert_true(f == r.f); /* the point and the value belong together */
    tw_result_free(&r);
  }
  r = run_with(&oracle, NULL, &(tw_solve_options){.method = "lbfgs", .time_limit = 1e-12});
  assert_int_equal(r.outcome, TW_STOPPED_TIME);
  tw_result_free(&r);
}

static void bad_limits_are_refused(void **state) {
  (void)state;
  const tw_oracle oracle = function_oracle(&functions[0]);
  const tw_solve_options bad[] = {{.max_iter = -1}, {.max_evaluations = -1}, {.time_limit = -1}, {.time_limit = NAN}, {.tolerance = -1}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    tw_error error = {0};
    tw_result r;
    assert_int_equal(tw_minimize(&oracle, NULL, &bad[i], &r, &error), TW_ERR_ARGUMENT);
    assert_non_null(strstr(error.message, "negative"));
  }
  tw_error error = {0};
  tw_result r;
  const double nan_start[2] = {1, NAN};
  assert_int_equal(tw_minimize(&oracle, nan_start, NULL, &r, &error), TW_ERR_ARGUMENT);
  assert_non_null(strstr(error.message, "position 1"));
}

/* ------------------------------------------------------------------ callback, interrupt */

typedef struct watch {
  int64_t calls, stop_at;
  double last_f;
  bool fell;
} watch;

static bool watching(void *context, const tw_progress *p) {
  watch *w = context;
  w->calls++;
  w->fell = w->fell && p->f <= w->last_f;
  w->last_f = p->f;
  assert_int_equal(p->iteration, w->calls);
  assert_int_equal(p->n, 2);
  assert_string_equal(p->method, "bfgs");
  double f = 0;
  assert_int_equal(function_value((void *)(uintptr_t)&functions[0], p->x, &f, NULL), TW_OK);
  assert_true(f == p->f);
  return w->calls < w->stop_at;
}

static void callback_sees_every_iteration_and_stops(void **state) {
  (void)state;
  const tw_oracle oracle = function_oracle(&functions[0]);
  watch w = {.stop_at = 4, .last_f = INFINITY, .fell = true};
  tw_result r = run_with(&oracle, NULL,
                         &(tw_solve_options){.method = "bfgs", .callback = watching, .callback_context = &w});
  assert_int_equal(r.outcome, TW_STOPPED_CALLER);
  assert_int_equal(r.iterations, 4);
  assert_true(w.fell && r.f == w.last_f);
  tw_result_free(&r);
}

typedef struct flagged {
  tw_oracle inner;
  int left; /* evaluations until the flag goes up */
  volatile int stop;
} flagged;

static tw_status flagged_gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  flagged *k = context;
  if (--k->left == 0) k->stop = 1;
  return k->inner.gradient(k->inner.context, x, f, g, error);
}

static void interrupt_returns_the_best_point(void **state) {
  (void)state;
  for (int when = 1; when < 40; when++) {
    flagged k = {.inner = function_oracle(&functions[0]), .left = when};
    tw_oracle oracle = k.inner;
    oracle.context = &k;
    oracle.gradient = flagged_gradient;
    oracle.offers = TW_VALUE | TW_GRADIENT;
    oracle.hvp = NULL;
    oracle.value = NULL;
    oracle.start = NULL;
    const double x0[2] = {-1.2, 1};
    tw_result r = run_with(&oracle, x0, &(tw_solve_options){.method = "lbfgs", .exec.stop = &k.stop});
    assert_int_equal(r.outcome, TW_STOPPED_CALLER);
    double f = 0;
    assert_int_equal(k.inner.value(k.inner.context, r.x, &f, NULL), TW_OK);
    assert_true(f == r.f && f <= 24.2000001);
    tw_result_free(&r);
  }
}

/* ------------------------------------------------------------------ NaN, unboundedness, stagnation */

/* x - log x: NaN left of 0, minimum 1 at 1. */
static double x_minus_log(const double *x, int64_t n, double *g) {
  (void)n;
  if (g != NULL) g[0] = 1 - 1 / x[0];
  return x[0] - log(x[0]);
}
static void x_minus_log_hvp(const double *x, int64_t n, const double *v, double *out) {
  (void)n;
  out[0] = v[0] / (x[0] * x[0]);
}
static double falling(const double *x, int64_t n, double *g) {
  (void)n;
  if (g != NULL) g[0] = -1;
  return -x[0];
}
static void flat_hvp(const double *x, int64_t n, const double *v, double *out) {
  (void)x;
  for (int64_t i = 0; i < n; i++) out[i] = 0 * v[i];
}
static double cubic(const double *x, int64_t n, double *g) {
  (void)n;
  if (g != NULL) g[0] = 3 * x[0] * x[0];
  return x[0] * x[0] * x[0];
}
static void cubic_hvp(const double *x, int64_t n, const double *v, double *out) {
  (void)n;
  out[0] = 6 * x[0] * v[0];
}

static const char *const descent_methods[] = {"gd", "ncg", "lbfgs", "bfgs", "newton_cg", "newton_cg:dense=0", "tron", "lbfgsb"};
enum { DESCENT_METHODS = sizeof descent_methods / sizeof *descent_methods };

static void nan_makes_methods_back_off(void **state) {
  (void)state;
  const function fn = {"x - log x", 1, x_minus_log, x_minus_log_hvp, {20}, 1, 1, 1, 0, 0};
  const tw_oracle oracle = function_oracle(&fn);
  for (int i = 0; i < DESCENT_METHODS; i++) {
    tw_result r = solve(&oracle, descent_methods[i]);
    if (r.outcome != TW_SOLVED) fail_msg("%s: %s", descent_methods[i], r.message);
    assert_near(r.x[0], 1, 1e-7);
    tw_result_free(&r);
    const double outside = -1;
    r = run_with(&oracle, &outside, &(tw_solve_options){.method = descent_methods[i]});
    assert_int_equal(r.outcome, TW_FAILED);
    assert_non_null(strstr(r.message, "starting point"));
    assert_true(r.x[0] == -1);
    tw_result_free(&r);
  }
}

static void unbounded_objectives_are_named(void **state) {
  (void)state;
  const function unbounded[] = {{"-x", 1, falling, flat_hvp, {0}, 1, 0, 0, 0, 0},
                                {"x^3", 1, cubic, cubic_hvp, {-1}, 1, 0, 0, 0, 0}};
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < DESCENT_METHODS; i++) {
      const tw_oracle oracle = function_oracle(&unbounded[k]);
      tw_result r = solve(&oracle, descent_methods[i]);
      if (r.outcome != TW_UNBOUNDED)
        fail_msg("%s on %s: %s: %s", descent_methods[i], unbounded[k].name, tw_outcome_name(r.outcome), r.message);
      assert_non_null(strstr(r.message, "no finite minimum"));
      tw_result_free(&r);
    }
}

static tw_status note(tw_run *run) {
  run->optimality.stationarity = 1;
  return tw_run_value(run, run->x, &run->f);
}
static tw_status nothing(tw_run *run) {
  (void)run;
  return TW_OK;
}
/* Walks away from a better point: f = x, x = 3, 2, 1, 2, 3, .. */
static tw_status wander(tw_run *run) {
  run->x[0] += run->iteration < 2 ? -1 : 1;
  return tw_run_value(run, run->x, &run->f);
}
static double identity(const double *x, int64_t n, double *g) {
  (void)n;
  if (g != NULL) g[0] = 1;
  return x[0];
}

static tw_result run_custom(const tw_method *method, const function *fn, int64_t max_iter) {
  const tw_oracle oracle = function_oracle(fn);
  tw_error error = {0};
  tw_solver *solver = NULL;
  tw_result r;
  assert_int_equal(tw_solver_new_with(&solver, method, &oracle, NULL, &(tw_solve_options){.max_iter = max_iter}, &error), TW_OK);
  while (tw_solver_step(solver) == TW_RUNNING) {}
  assert_int_equal(tw_solver_result(solver, &r, &error), TW_OK);
  tw_solver_free(solver);
  return r;
}

static void best_point_is_kept_and_standstill_noticed(void **state) {
  (void)state;
  const function fn = {"x", 1, identity, flat_hvp, {3}, 1, 0, 0, 0, 0};
  const tw_method wandering = {.name = "wander", .goals = TW_FOR_MINIMIZE, .needs = TW_VALUE, .init = note, .step = wander};
  tw_result r = run_custom(&wandering, &fn, 10);
  assert_int_equal(r.outcome, TW_STOPPED_ITERATIONS);
  assert_true(r.f == 1 && r.x[0] == 1);
  tw_result_free(&r);
  const tw_method still = {.name = "still", .goals = TW_FOR_MINIMIZE, .needs = TW_VALUE, .init = note, .step = nothing};
  r = run_custom(&still, &fn, 1000);
  assert_int_equal(r.outcome, TW_FAILED);
  assert_non_null(strstr(r.message, "no progress"));
  tw_result_free(&r);
}

/* Goes round between three points with about the same objective, as rounding can make a descent do. */
static tw_status circle(tw_run *run) {
  static const double point[3] = {1, 2, 1.5};
  run->x[0] = point[run->iteration % 3];
  run->optimality.stationarity = run->x[0];
  run->f = 1 + 1e-16 * run->x[0];
  return TW_OK;
}

static void wandering_at_the_level_of_rounding_ends(void **state) {
  (void)state;
  const function fn = {"x", 1, identity, flat_hvp, {3}, 1, 0, 0, 0, 0};
  const tw_method circling = {.name = "circle",
                              .goals = TW_FOR_MINIMIZE,
                              .needs = TW_VALUE,
                              .init = note,
                              .step = circle,
                              .traits = TW_MONOTONE};
  tw_result r = run_custom(&circling, &fn, 1000);
  assert_int_equal(r.outcome, TW_FAILED);
  assert_non_null(strstr(r.message, "no progress"));
  assert_in_range(r.iterations, 100, 110);
  tw_result_free(&r);
  tw_method free_to_wander = circling;
  free_to_wander.traits = 0;
  r = run_custom(&free_to_wander, &fn, 1000);
  assert_int_equal(r.outcome, TW_STOPPED_ITERATIONS);
  tw_result_free(&r);
}

static tw_status slope_is_checked(tw_run *run) {
  const double d[2] = {3, -5};
  double f, g[2], slope = 0;
  const tw_status status = tw_run_gradient_along(run, run->x, d, &f, g, &slope);
  if (status != TW_OK) return status;
  assert_true(slope == 3 * g[0] - 5 * g[1] && run->gradient_norm == fmax(fabs(g[0]), fabs(g[1])));
  double again[2];
  tw_run_gradient(run, run->x, &run->f, again);
  assert_true(run->f == f && again[0] == g[0] && again[1] == g[1]);
  return tw_run_end(run, TW_SOLVED, "checked");
}

static void gradients_come_with_slopes(void **state) {
  (void)state;
  const tw_method method = {
      .name = "slope", .goals = TW_FOR_MINIMIZE, .needs = TW_GRADIENT, .init = slope_is_checked, .step = nothing};
  tw_result r = run_custom(&method, &functions[0], 1);
  assert_int_equal(r.outcome, TW_SOLVED);
  assert_int_equal(r.counts.gradient, 2);
  tw_result_free(&r);
}

/* ------------------------------------------------------------------ the caller's loop */

static void own_loop_equals_one_call(void **state) {
  (void)state;
  const tw_oracle oracle = function_oracle(&functions[3]);
  for (int i = 0; i < DESCENT_METHODS; i++) {
    const tw_solve_options options = {.method = descent_methods[i]};
    tw_result whole = run_with(&oracle, NULL, &options), own;
    tw_error error = {0};
    tw_solver *solver = NULL;
    assert_int_equal(tw_solver_new(&solver, &oracle, NULL, &options, &error), TW_OK);
    int64_t steps = 0;
    tw_progress p;
    do {
      tw_solver_progress(solver, &p);
      assert_int_equal(p.iteration, steps);
      steps++;
    } while (tw_solver_step(solver) == TW_RUNNING);
    assert_int_equal(tw_solver_step(solver), TW_SOLVED); /* further steps change nothing */
    assert_int_equal(tw_solver_result(solver, &own, &error), TW_OK);
    assert_memory_equal(own.x, whole.x, (size_t)own.n * sizeof(double));
    assert_int_equal(own.iterations, whole.iterations);
    tw_solver_free(solver);
    tw_result_free(&own);
    tw_result_free(&whole);
  }
}

/* ------------------------------------------------------------------ concurrency and nesting */

typedef struct job {
  const function *fn;
  const char *method;
  tw_result result;
  tw_status status;
} job;

static void *work(void *context) {
  job *j = context;
  const tw_oracle oracle = function_oracle(j->fn);
  const tw_solve_options options = {.method = j->method, .exec.threads = 1};
  for (int k = 0; k < 3; k++) {
    tw_result_free(&j->result);
    j->status = tw_minimize(&oracle, NULL, &options, &j->result, NULL);
  }
  return NULL;
}

static void solves_run_side_by_side(void **state) {
  (void)state;
  for (int i = 0; i < DESCENT_METHODS; i++) {
    job jobs[2] = {{.fn = &functions[3], .method = descent_methods[i]},
                   {.fn = &functions[0], .method = descent_methods[DESCENT_METHODS - 1 - i]}};
    pthread_t thread[2];
    for (int k = 0; k < 2; k++) assert_int_equal(pthread_create(&thread[k], NULL, work, &jobs[k]), 0);
    for (int k = 0; k < 2; k++) pthread_join(thread[k], NULL);
    for (int k = 0; k < 2; k++) {
      const tw_oracle oracle = function_oracle(jobs[k].fn);
      tw_result alone = solve(&oracle, jobs[k].method);
      assert_int_equal(jobs[k].status, TW_OK);
      assert_memory_equal(alone.x, jobs[k].result.x, (size_t)alone.n * sizeof(double));
      tw_result_free(&alone);
      tw_result_free(&jobs[k].result);
    }
  }
}

/* F(t) = min_x Rosenbrock(x) + (x_0 - t)^2 / 2 by a solve inside; F'(t) = t - x_0*(t). */
typedef struct outer {
  double t;
} outer;
static tw_status inner_gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  (void)error;
  const outer *o = context;
  *f = rosenbrock_f(x, 2, g) + 0.5 * (x[0] - o->t) * (x[0] - o->t);
  g[0] += x[0] - o->t;
  return TW_OK;
}
static tw_status inner_value(void *context, const double *x, double *f, tw_error *error) {
  double g[2];
  return inner_gradient(context, x, f, g, error);
}
static tw_status outer_gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  (void)context;
  outer o = {x[0]};
  const tw_oracle inner = {.context = &o, .n = 2, .offers = TW_VALUE | TW_GRADIENT, .value = inner_value, .gradient = inner_gradient};
  tw_result r;
  const tw_status status = tw_minimize(&inner, NULL, &(tw_solve_options){.method = "lbfgs:tol=1e-12"}, &r, error);
  if (status != TW_OK) return status;
  *f = r.f;
  g[0] = x[0] - r.x[0];
  tw_result_free(&r);
  return TW_OK;
}
static tw_status outer_value(void *context, const double *x, double *f, tw_error *error) {
  double g;
  return outer_gradient(context, x, f, &g, error);
}

static void solves_nest(void **state) {
  (void)state;
  const tw_oracle oracle = {.n = 1, .offers = TW_VALUE | TW_GRADIENT, .value = outer_value, .gradient = outer_gradient};
  const double x0 = -2;
  tw_result r = run_with(&oracle, &x0, &(tw_solve_options){.method = "bfgs:tol=1e-8"});
  assert_int_equal(r.outcome, TW_SOLVED);
  assert_near(r.x[0], 1, 1e-6);
  tw_result_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(limits_stop_the_run),
      cmocka_unit_test(bad_limits_are_refused),
      cmocka_unit_test(callback_sees_every_iteration_and_stops),
      cmocka_unit_test(interrupt_returns_the_best_point),
      cmocka_unit_test(nan_makes_methods_back_off),
      cmocka_unit_test(unbounded_objectives_are_named),
      cmocka_unit_test(best_point_is_kept_and_standstill_noticed),
      cmocka_unit_test(wandering_at_the_level_of_rounding_ends),
      cmocka_unit_test(gradients_come_with_slopes),
      cmocka_unit_test(own_loop_equals_one_call),
      cmocka_unit_test(solves_run_side_by_side),
      cmocka_unit_test(solves_nest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
