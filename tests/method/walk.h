/* A "method" that moves to random points, where the gradient is that of a convex quadratic: what limited
 * memories make of the points is compared with definitions. */
#ifndef TALWEG_TESTS_METHOD_WALK_H
#define TALWEG_TESTS_METHOD_WALK_H

#include "test.h"

#include <talweg/method.h>

#include "method/gradient/pairs.h"

enum { WALK_STEPS = 20 };

typedef struct walk {
  int64_t n;
  int memory;
  double *x, *g; /* WALK_STEPS + 1 points and gradients so far */
  /* before the step from point points-1, and after it */
  tw_status (*look)(struct walk *w, tw_run *run, const tw_trail *trail, int points);
  tw_status (*learn)(struct walk *w, tw_run *run, const tw_trail *trail, int points);
  void *context;
} walk;

/* g = A x, A = diag(1 .. 100) + u u' / n. */
static inline void walk_gradient(const double *x, double *g, int64_t n) {
  double ux = 0;
  for (int64_t i = 0; i < n; i++) ux += (double)(i * 7 % 3 - 1) * x[i];
  for (int64_t i = 0; i < n; i++)
    g[i] = (1 + 99 * (double)i / (double)n) * x[i] + (double)(i * 7 % 3 - 1) * ux / (double)n;
}

static inline void walk_put(walk *w, int point, double *x, double *g) {
  const size_t bytes = (size_t)w->n * sizeof *x;
  double *keep = w->x + point * w->n;
  tw_random_normal_fill(17 + (uint64_t)point, 0, (size_t)w->n, keep);
  walk_gradient(keep, w->g + point * w->n, w->n);
  memcpy(x, keep, bytes);
  memcpy(g, w->g + point * w->n, bytes);
}

/* The oracle's context is the walk. */
static inline tw_status walk_init(tw_run *run) {
  walk *w = run->oracle->context;
  tw_trail trail;
  const tw_status status = tw_trail_begin(run, tw_pairs_slots(w->memory), &trail);
  if (status == TW_OK) walk_put(w, 0, tw_trail_x(&trail, 0), tw_trail_g(&trail, 0));
  run->f = 1;
  run->optimality.stationarity = 1;
  return status;
}

static inline tw_status walk_step(tw_run *run) {
  walk *w = run->oracle->context;
  const int points = (int)run->iteration + 1;
  tw_trail trail;
  tw_status status = tw_trail_get(run, tw_pairs_slots(w->memory), &trail);
  if (status == TW_OK) status = w->look(w, run, &trail, points);
  if (status != TW_OK) return status;
  walk_put(w, points, tw_trail_x(&trail, -1), tw_trail_g(&trail, -1));
  tw_trail_advance(&trail);
  assert_memory_equal(run->x, w->x + points * w->n, (size_t)w->n * sizeof(double));
  run->f = 1.0 / (points + 1);
  return w->learn(w, run, &trail, points);
}

static inline void walk_take(walk *w, int threads) {
  static const tw_option options[] = {{"tol", TW_OPTION_REAL, 1e-9, 0, 1, NULL, "tolerance"},
                                      {"max_iter", TW_OPTION_INTEGER, WALK_STEPS, 0, 1e15, NULL, "limit"},
                                      {NULL, TW_OPTION_REAL, 0, 0, 0, NULL, NULL}};
  const tw_method method = {.name = "walk",
                            .goals = TW_FOR_MINIMIZE,
                            .options = options,
                            .init = walk_init,
                            .step = walk_step,
                            .traits = TW_MONOTONE};
  const tw_oracle oracle = {.context = w, .n = w->n, .offers = TW_VALUE | TW_GRADIENT};
  const size_t bytes = (size_t)w->n * sizeof(double);
  w->x = malloc((WALK_STEPS + 1) * bytes);
  w->g = malloc((WALK_STEPS + 1) * bytes);
  double *x0 = calloc((size_t)w->n, sizeof *x0);
  assert_true(w->x && w->g && x0);
  tw_error error = {0};
  tw_solver *solver;
  assert_ok(tw_solver_new_with(&solver, &method, &oracle, x0, &(tw_solve_options){.exec.threads = threads},
                               &error));
  while (tw_solver_step(solver) == TW_RUNNING) {}
  tw_result r;
  assert_ok(tw_solver_result(solver, &r, &error));
  if (r.outcome != TW_STOPPED_ITERATIONS) fail_msg("%s", r.message);
  tw_result_free(&r);
  tw_solver_free(solver);
  free(x0);
}

static inline void walk_drop(walk *w) {
  free(w->x);
  free(w->g);
}

/* The pairs in the memory when there are `points` points: oldest .. points - 1, by the point where they end.
 */
static inline int walk_oldest(const walk *w, int points) {
  return points - 1 > w->memory ? points - w->memory : 1;
}

static inline void walk_pair(const walk *w, int point, double *s, double *y) {
  for (int64_t i = 0; i < w->n; i++) {
    s[i] = w->x[point * w->n + i] - w->x[(point - 1) * w->n + i];
    y[i] = w->g[point * w->n + i] - w->g[(point - 1) * w->n + i];
  }
}

static inline double walk_dot(const double *a, const double *b, int64_t n) {
  long double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (long double)a[i] * (long double)b[i];
  return (double)sum;
}

#endif
