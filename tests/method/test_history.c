/* The limited memory of L-BFGS against matrices and loops written down from the definition. */
#include "walk.h"

#include "functions.h"
#include "method/gradient/history.h"

enum { MEMORY_MAX = 7 };

typedef struct record {
  int skip_every;              /* every so many steps the pair is declared to be of no use; 0: never */
  bool useful[WALK_STEPS + 1]; /* pair that ends in the point */
  double *d, *x_trial, slope;  /* by tw_history_direction */
  void (*check)(const walk *w, int points);
} record;

static const record *record_of(const walk *w) {
  return w->context;
}

static tw_status look(walk *w, tw_run *run, const tw_trail *trail, int points) {
  record *r = w->context;
  tw_history h;
  const tw_status status = tw_history_get(run, trail, &h);
  if (status != TW_OK) return status;
  r->slope = tw_history_direction(&h, r->d, tw_trail_x(trail, -1));
  memcpy(r->x_trial, tw_trail_x(trail, -1), (size_t)w->n * sizeof(double));
  if (r->check) r->check(w, points);
  return TW_OK;
}

static tw_status learn(walk *w, tw_run *run, const tw_trail *trail, int points) {
  record *r = w->context;
  tw_history h;
  const tw_status status = tw_history_get(run, trail, &h);
  if (status != TW_OK) return status;
  r->useful[points] = r->skip_every == 0 || points % r->skip_every != 0;
  tw_history_update(&h, r->useful[points]);
  return TW_OK;
}

/* The record keeps the last direction. */
static void take(int64_t n, int memory, int threads, record *r) {
  walk w = {.n = n, .memory = memory, .look = look, .learn = learn, .context = r};
  r->d = malloc((size_t)n * sizeof(double));
  r->x_trial = malloc((size_t)n * sizeof(double));
  assert_true(r->d && r->x_trial);
  walk_take(&w, threads);
  walk_drop(&w);
}

static void drop(record *r) {
  free(r->d);
  free(r->x_trial);
}

/* ------------------------------------------------------------------ references */

static int newest_useful(const walk *w, int points) {
  for (int p = points - 1; p >= walk_oldest(w, points); p--)
    if (record_of(w)->useful[p]) return p;
  return 0;
}

static void check_rest(const walk *w, int points, const double *expected, double tolerance) {
  const double *x = w->x + (points - 1) * w->n, *g = w->g + (points - 1) * w->n;
  double largest = 0;
  for (int64_t i = 0; i < w->n; i++) largest = fmax(largest, fabs(expected[i]));
  for (int64_t i = 0; i < w->n; i++) {
    assert_near(record_of(w)->d[i], expected[i], tolerance * largest);
    assert_true(record_of(w)->x_trial[i] == x[i] + record_of(w)->d[i]);
  }
  assert_near(record_of(w)->slope, walk_dot(g, record_of(w)->d, w->n),
              1e-13 * sqrt(walk_dot(g, g, w->n) * walk_dot(record_of(w)->d, record_of(w)->d, w->n)));
  assert_true(record_of(w)->slope < 0);
}

enum { DENSE_N = 9 };

/* H+ = (I - rho s y') H (I - rho y s') + rho s s' */
static void bfgs_update(double h[DENSE_N][DENSE_N], const double *s, const double *y, int n) {
  const double rho = 1 / walk_dot(s, y, n);
  double hy[DENSE_N], yhy = 0;
  for (int i = 0; i < n; i++) {
    hy[i] = walk_dot(h[i], y, n);
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
    walk_pair(w, newest, s, y);
    gamma = walk_dot(s, y, n) / walk_dot(y, y, n);
  }
  for (int i = 0; i < n; i++) h[i][i] = gamma;
  for (int p = walk_oldest(w, points); p < points; p++) {
    if (!record_of(w)->useful[p]) continue;
    walk_pair(w, p, s, y);
    bfgs_update(h, s, y, n);
  }
  for (int i = 0; i < n; i++) expected[i] = -walk_dot(h[i], w->g + (points - 1) * w->n, n);
  check_rest(w, points, expected, 1e-9);
}

/* Nocedal's two loops over vectors. */
static void check_loops(const walk *w, int points) {
  const int64_t n = w->n;
  double *s = malloc((size_t)n * sizeof *s), *y = malloc((size_t)n * sizeof *y),
         *q = malloc((size_t)n * sizeof *q), a[WALK_STEPS + 1], gamma = 1;
  assert_true(s && y && q);
  memcpy(q, w->g + (points - 1) * n, (size_t)n * sizeof *q);
  for (int p = points - 1; p >= walk_oldest(w, points); p--) {
    walk_pair(w, p, s, y);
    a[p] = walk_dot(s, q, n) / walk_dot(s, y, n);
    for (int64_t i = 0; i < n; i++) q[i] -= a[p] * y[i];
    if (p == points - 1) gamma = walk_dot(s, y, n) / walk_dot(y, y, n);
  }
  for (int64_t i = 0; i < n; i++) q[i] *= gamma;
  for (int p = walk_oldest(w, points); p < points; p++) {
    walk_pair(w, p, s, y);
    const double b = walk_dot(y, q, n) / walk_dot(s, y, n);
    for (int64_t i = 0; i < n; i++) q[i] += (a[p] - b) * s[i];
  }
  for (int64_t i = 0; i < n; i++) q[i] = -q[i];
  check_rest(w, points, q, 1e-11);
  free(s);
  free(y);
  free(q);
}

/* ------------------------------------------------------------------ tests */

static void direction_is_that_of_the_bfgs_matrix(void **state) {
  (void)state;
  for (int n = 2; n <= DENSE_N; n++)
    for (int memory = 1; memory <= MEMORY_MAX; memory++)
      for (int skip = 0; skip <= 3; skip++) {
        record r = {.skip_every = skip, .check = check_dense};
        take(n, memory, 1, &r);
        drop(&r);
      }
}

/* Lengths around the tiles and the sums' chains. */
static void direction_is_that_of_the_two_loops(void **state) {
  (void)state;
  static const int64_t lengths[] = {511, 512, 513, 4095, 4096, 4097, 12301};
  for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
    for (int memory = 4; memory <= 5; memory++) {
      record r = {.check = check_loops};
      take(lengths[k], memory, 1, &r);
      drop(&r);
    }
}

static void same_bits_whatever_the_threads(void **state) {
  (void)state;
  const int64_t n = 100003;
  record serial = {0};
  take(n, 5, 1, &serial);
  for (int threads = 2; threads <= 5; threads++) {
    record r = {0};
    take(n, 5, threads, &r);
    assert_memory_equal(r.d, serial.d, (size_t)n * sizeof(double));
    assert_memory_equal(r.x_trial, serial.x_trial, (size_t)n * sizeof(double));
    assert_same_bits(r.slope, serial.slope);
    drop(&r);
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
