/* The limited memory of L-BFGS against matrices and loops written down from the definition. */
#include "test.h"

#include "functions.h"

#include "method/gradient/history.h"

enum { MEMORY_MAX = 7, STEPS = 20 };

/* A "method" that moves to random points, where the gradient is that of a convex quadratic. */
typedef struct walk {
  int64_t n;
  int memory;
  int skip_every;         /* every so many steps the pair is declared to be of no use; 0: never */
  double *x, *g;          /* STEPS + 1 points and gradients of the walk so far */
  bool useful[STEPS + 1]; /* pair that ends in the point */
  double *d, *x_trial;    /* by tw_history_direction */
  double slope;
  void (*check)(const struct walk *w, int points);
} walk;

static walk *current;

/* g = A x, A = diag(1 .. 100) + u u' / n. */
static void gradient_of(const double *x, double *g, int64_t n) {
  double ux = 0;
  for (int64_t i = 0; i < n; i++) ux += (double)(i * 7 % 3 - 1) * x[i];
  for (int64_t i = 0; i < n; i++)
    g[i] = (1 + 99 * (double)i / (double)n) * x[i] + (double)(i * 7 % 3 - 1) * ux / (double)n;
}

static void put_point(walk *w, int point, double *x, double *g) {
  double *keep = w->x + point * w->n;
  tw_random_normal_fill(17 + (uint64_t)point, 0, (size_t)w->n, keep);
  gradient_of(keep, w->g + point * w->n, w->n);
  memcpy(x, keep, (size_t)w->n * sizeof *x);
  memcpy(g, w->g + point * w->n, (size_t)w->n * sizeof *g);
}

static tw_status walk_init(tw_run *run) {
  tw_trail trail;
  const tw_status status = tw_trail_begin(run, tw_pairs_slots(current->memory), &trail);
  if (status == TW_OK) put_point(current, 0, tw_trail_x(&trail, 0), tw_trail_g(&trail, 0));
  run->f = 1;
  run->optimality.stationarity = 1;
  return status;
}

static tw_status walk_step(tw_run *run) {
  walk *w = current;
  tw_trail trail;
  tw_history h;
  tw_status status = tw_trail_get(run, tw_pairs_slots(w->memory), &trail);
  if (status == TW_OK) status = tw_history_get(run, &trail, &h);
  if (status != TW_OK) return status;
  const int points = (int)run->iteration + 1;
  w->slope = tw_history_direction(&h, w->d, tw_trail_x(&trail, -1));
  memcpy(w->x_trial, tw_trail_x(&trail, -1), (size_t)w->n * sizeof(double));
  w->check(w, points);
  put_point(w, points, tw_trail_x(&trail, -1), tw_trail_g(&trail, -1));
  tw_trail_advance(&trail);
  assert_memory_equal(run->x, w->x + points * w->n, (size_t)w->n * sizeof(double));
  w->useful[points] = w->skip_every == 0 || points % w->skip_every != 0;
  tw_history_update(&h, w->useful[points]);
  run->f = 1.0 / (points + 1);
  return TW_OK;
}

static void take(walk *w, int threads) {
  static const tw_option options[] = {{"tol", TW_OPTION_REAL, 1e-9, 0, 1, NULL, "tolerance"},
                                      {"max_iter", TW_OPTION_INTEGER, STEPS, 0, 1e15, NULL, "limit"},
                                      {NULL, TW_OPTION_REAL, 0, 0, 0, NULL, NULL}};
  const tw_method method = {.name = "walk",
                            .goals = TW_FOR_MINIMIZE,
                            .options = options,
                            .init = walk_init,
                            .step = walk_step,
                            .traits = TW_MONOTONE};
  const tw_oracle oracle = {.n = w->n, .offers = TW_VALUE | TW_GRADIENT};
  const size_t bytes = (size_t)w->n * sizeof(double);
  w->x = malloc((STEPS + 1) * bytes);
  w->g = malloc((STEPS + 1) * bytes);
  w->d = malloc(bytes);
  w->x_trial = malloc(bytes);
  double *x0 = calloc((size_t)w->n, sizeof *x0);
  assert_true(w->x && w->g && w->d && w->x_trial && x0);
  current = w;
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

static void drop(walk *w) {
  free(w->x);
  free(w->g);
  free(w->d);
  free(w->x_trial);
}

/* ------------------------------------------------------------------ references */

/* The pairs in the memory when there are `points` points: those between the last memory + 1 points. */
static int oldest_pair(const walk *w, int points) {
  return points - 1 > w->memory ? points - w->memory : 1;
}

static void pair(const walk *w, int point, double *s, double *y) {
  for (int64_t i = 0; i < w->n; i++) {
    s[i] = w->x[point * w->n + i] - w->x[(point - 1) * w->n + i];
    y[i] = w->g[point * w->n + i] - w->g[(point - 1) * w->n + i];
  }
}

static double dot(const double *a, const double *b, int64_t n) {
  long double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (long double)a[i] * (long double)b[i];
  return (double)sum;
}

static int newest_useful(const walk *w, int points) {
  for (int p = points - 1; p >= oldest_pair(w, points); p--)
    if (w->useful[p]) return p;
  return 0;
}

static void check_rest(const walk *w, int points, const double *expected, double tolerance) {
  const double *x = w->x + (points - 1) * w->n, *g = w->g + (points - 1) * w->n;
  double largest = 0;
  for (int64_t i = 0; i < w->n; i++) largest = fmax(largest, fabs(expected[i]));
  for (int64_t i = 0; i < w->n; i++) {
    assert_near(w->d[i], expected[i], tolerance * largest);
    assert_true(w->x_trial[i] == x[i] + w->d[i]);
  }
  assert_near(w->slope, dot(g, w->d, w->n), 1e-13 * sqrt(dot(g, g, w->n) * dot(w->d, w->d, w->n)));
  assert_true(w->slope < 0);
}

enum { DENSE_N = 9 };

/* H+ = (I - rho s y') H (I - rho y s') + rho s s' */
static void bfgs_update(double h[DENSE_N][DENSE_N], const double *s, const double *y, int n) {
  const double rho = 1 / dot(s, y, n);
  double hy[DENSE_N], yhy = 0;
  for (int i = 0; i < n; i++) {
    hy[i] = dot(h[i], y, n);
    yhy += y[i] * hy[i];
  }
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      h[i][j] += rho * ((1 + rho * yhy) * s[i] * s[j] - hy[i] * s[j] - s[i] * hy[j]);
}

static void check_dense(const walk *w, int points) {
  const int n = (int)w->n, newest = newest_useful(w, points);
  double s[DENSE_N], y[DENSE_N], h[DENSE_N][DENSE_N] = {{0}}, expected[DENSE_N], gamma = 1;
  if (newest > 0) {
    pair(w, newest, s, y);
    gamma = dot(s, y, n) / dot(y, y, n);
  }
  for (int i = 0; i < n; i++) h[i][i] = gamma;
  for (int p = oldest_pair(w, points); p < points; p++) {
    if (!w->useful[p]) continue;
    pair(w, p, s, y);
    bfgs_update(h, s, y, n);
  }
  for (int i = 0; i < n; i++) expected[i] = -dot(h[i], w->g + (points - 1) * w->n, n);
  check_rest(w, points, expected, 1e-9);
}

/* Nocedal's two loops over vectors. */
static void check_loops(const walk *w, int points) {
  const int64_t n = w->n;
  double *s = malloc((size_t)n * sizeof *s), *y = malloc((size_t)n * sizeof *y),
         *q = malloc((size_t)n * sizeof *q), a[STEPS + 1], gamma = 1;
  assert_true(s && y && q);
  memcpy(q, w->g + (points - 1) * n, (size_t)n * sizeof *q);
  for (int p = points - 1; p >= oldest_pair(w, points); p--) {
    pair(w, p, s, y);
    a[p] = dot(s, q, n) / dot(s, y, n);
    for (int64_t i = 0; i < n; i++) q[i] -= a[p] * y[i];
    if (p == points - 1) gamma = dot(s, y, n) / dot(y, y, n);
  }
  for (int64_t i = 0; i < n; i++) q[i] *= gamma;
  for (int p = oldest_pair(w, points); p < points; p++) {
    pair(w, p, s, y);
    const double b = dot(y, q, n) / dot(s, y, n);
    for (int64_t i = 0; i < n; i++) q[i] += (a[p] - b) * s[i];
  }
  for (int64_t i = 0; i < n; i++) q[i] = -q[i];
  check_rest(w, points, q, 1e-11);
  free(s);
  free(y);
  free(q);
}

static void check_nothing(const walk *w, int points) {
  (void)w;
  (void)points;
}

/* ------------------------------------------------------------------ tests */

static void direction_is_that_of_the_bfgs_matrix(void **state) {
  (void)state;
  for (int n = 2; n <= DENSE_N; n++)
    for (int memory = 1; memory <= MEMORY_MAX; memory++)
      for (int skip = 0; skip <= 3; skip++) {
        walk w = {.n = n, .memory = memory, .skip_every = skip, .check = check_dense};
        take(&w, 1);
        drop(&w);
      }
}

/* Lengths around the tiles and the sums' chains. */
static void direction_is_that_of_the_two_loops(void **state) {
  (void)state;
  static const int64_t lengths[] = {511, 512, 513, 4095, 4096, 4097, 12301};
  for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
    for (int memory = 4; memory <= 5; memory++) {
      walk w = {.n = lengths[k], .memory = memory, .check = check_loops};
      take(&w, 1);
      drop(&w);
    }
}

static void same_bits_whatever_the_threads(void **state) {
  (void)state;
  const int64_t n = 100003;
  walk serial = {.n = n, .memory = 5, .check = check_nothing};
  take(&serial, 1);
  for (int threads = 2; threads <= 5; threads++) {
    walk w = {.n = n, .memory = 5, .check = check_nothing};
    take(&w, threads);
    assert_memory_equal(w.d, serial.d, (size_t)n * sizeof(double));
    assert_memory_equal(w.x_trial, serial.x_trial, (size_t)n * sizeof(double));
    assert_same_bits(w.slope, serial.slope);
    drop(&w);
  }
  drop(&serial);
}

static tw_status spoil(tw_run *run) {
  tw_trail trail;
  tw_history h;
  if (tw_trail_get(run, 4, &trail) != TW_OK || tw_history_get(run, &trail, &h) != TW_OK) return TW_ERR_MEMORY;
  *h.count = 3;
  assert_int_equal(tw_history_get(run, &trail, &h), TW_ERR_DATA);
  *h.count = NAN;
  assert_int_equal(tw_history_get(run, &trail, &h), TW_ERR_DATA);
  static const double bad[] = {-1, 4, 1e300, NAN};
  for (int i = 0; i < 4; i++) {
    *trail.newest = bad[i];
    assert_int_equal(tw_trail_get(run, 4, &trail), TW_ERR_DATA);
  }
  return tw_run_end(run, TW_SOLVED, "checked");
}

/* What a forged checkpoint could bring. */
static void nonsense_state_is_refused(void **state) {
  (void)state;
  const tw_method method = {.name = "spoil", .goals = TW_FOR_MINIMIZE, .init = spoil, .step = spoil};
  const tw_oracle oracle = {.n = 3, .offers = TW_VALUE | TW_GRADIENT};
  const double x0[3] = {0};
  tw_error error = {0};
  tw_solver *solver;
  assert_ok(tw_solver_new_with(&solver, &method, &oracle, x0, NULL, &error));
  assert_int_equal(tw_solver_step(solver), TW_SOLVED);
  tw_solver_free(solver);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(direction_is_that_of_the_bfgs_matrix),
      cmocka_unit_test(direction_is_that_of_the_two_loops),
      cmocka_unit_test(same_bits_whatever_the_threads),
      cmocka_unit_test(nonsense_state_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
