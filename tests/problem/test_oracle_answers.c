/* Oracles of particular problems: starts, bounds, mirror steps, points outside the domain, failures, threads.
 */
#include "oracles.h"

static void starts_and_bounds(void **state) {
  (void)state;
  double x[MOST];
  nlp();
  tw_oracle o = oracle_of_problem();
  assert_ok(o.start(o.context, x, &error));
  static const double start[] = {0, 0, 0, 0, 1, 2, 3, 0},
                      lower[] = {-2, -2, -2, -2, -9, -INFINITY, -9, -INFINITY};
  static const double upper[] = {INFINITY, INFINITY, INFINITY, INFINITY, 9, 9, 9, INFINITY};
  static const double c_lower[] = {0.7, 0.7, 0.7, 0.7, -INFINITY, -1, -1, -1, -1},
                      c_upper[] = {0.7, 0.7, 0.7, 0.7, 2, 1, 1, 1, 1};
  for (int i = 0; i < 8; i++)
    assert_true(x[i] == start[i] && o.lower[i] == lower[i] && o.upper[i] == upper[i]);
  for (int i = 0; i < 9; i++) assert_true(o.c_lower[i] == c_lower[i] && o.c_upper[i] == c_upper[i]);
  tw_oracle_release(&o);
  reopen_model();
  sets(); /* without a start: the point nearest to 0 */
  o = oracle_of_problem();
  assert_ok(o.start(o.context, x, &error));
  for (int i = 0; i < 7; i++) assert_close(x[i], i < 3 ? 2.0 / 3 : 0, 1e-15);
  assert_false(offers(&o, TW_MIRROR)); /* psd has no mirror map */
  tw_oracle_release(&o);
}

static void mirror_steps(void **state) {
  (void)state;
  simplexes();
  tw_oracle o = oracle_of_problem();
  assert_true(offers(&o, TW_MIRROR));
  double x[6], g[6] = {1, 0, -1, 1, -1, 2}, out[6];
  assert_ok(o.start(o.context, x, &error));
  assert_ok(o.mirror_step(o.context, x, g, 0.5, out, &error));
  const double sum = exp(-0.5) + 1 + exp(0.5);
  const double expected[6] = {exp(-0.5) / sum, 1 / sum, exp(0.5) / sum, exp(-0.5), 2 * exp(0.5), -1};
  assert_true(gap(out, expected, 6) <= 1e-15);
  tw_oracle_release(&o);
}

/* Outside the objective's domain: no error, a value that says so. */
static void outside_the_domain(void **state) {
  (void)state;
  const tw_expr x = variable("x", 2);
  tw_problem_minimize(problem, NULL, total(tw_log(x)));
  tw_oracle o = oracle_of_problem();
  double f, g[2];
  assert_ok(o.value(o.context, (double[]){-1, 1}, &f, &error));
  assert_true(isnan(f));
  assert_ok(o.value(o.context, (double[]){0, 1}, &f, &error));
  assert_true(isinf(f) && f < 0);
  assert_ok(o.gradient(o.context, (double[]){2, 4}, &f, g, &error)); /* and back */
  assert_true(gap(g, (double[]){0.5, 0.25}, 2) == 0);
  tw_oracle_release(&o);
}

/* An evaluation that fails gives its message, and the next one works. */
static void failed_evaluations(void **state) {
  (void)state;
  const tw_expr x = variable("x", 3), index = tw_cast(tw_floor(total(x)), TW_I64);
  tw_problem_minimize(problem, NULL, tw_take(x, 1, &index));
  tw_oracle o = oracle_of_problem();
  double f = 0;
  error = (tw_error){0};
  assert_true(o.value(o.context, (double[]){5, 5, 5}, &f, &error) != TW_OK);
  assert_true(error.status != TW_OK && error.message[0]);
  assert_ok(o.value(o.context, (double[]){0.5, 1, -0.5}, &f, &error));
  assert_true(f == 1);
  tw_oracle_release(&o);
}

typedef struct crowd {
  tw_oracle *oracle;
  double f[64];
  tw_status status[64];
} crowd;

static void ask_in_crowd(void *context, int64_t tile, int worker) {
  crowd *c = context;
  double x[MOST], g[MOST];
  random_vector((uint64_t)tile, c->oracle[worker].n, x);
  c->status[tile] = c->oracle[worker].gradient(c->oracle[worker].context, x, &c->f[tile], g, NULL);
  for (int64_t i = 0; i < c->oracle[worker].n; i++) c->f[tile] += g[i];
}

/* Clones compile while others run, each on its thread. */
static void clones_on_threads(void **state) {
  (void)state;
  enum { THREADS = 4 };
  nlp();
  tw_oracle o[THREADS];
  crowd together = {.oracle = o}, alone = {.oracle = o};
  o[0] = oracle_of_problem();
  for (int i = 1; i < THREADS; i++) assert_ok(tw_oracle_clone(&o[i], &o[0], &error));
  tw_parallel(THREADS, 64, ask_in_crowd, &together);
  tw_parallel(1, 64, ask_in_crowd, &alone);
  for (int i = 0; i < 64; i++) {
    assert_int_equal(together.status[i], TW_OK);
    assert_same_bits(together.f[i], alone.f[i]);
  }
  for (int i = 0; i < THREADS; i++) tw_oracle_release(&o[i]);
}

static tw_status constant_value(void *context, const double *x, double *f, tw_error *e) {
  (void)context, (void)x, (void)e;
  *f = 1;
  return TW_OK;
}

static void wrong_arguments(void **state) {
  (void)state;
  tw_oracle o, callbacks = {.n = 1, .offers = TW_VALUE, .value = constant_value};
  nlp();
  assert_ok(tw_classify(problem, &cls, &error));
  assert_fails(tw_oracle_from_problem(NULL, problem, &cls, &error), TW_ERR_ARGUMENT, "NULL");
  assert_fails(tw_oracle_from_problem(&o, NULL, &cls, &error), TW_ERR_ARGUMENT, "NULL");
  assert_fails(tw_oracle_from_problem(&o, problem, NULL, &error), TW_ERR_ARGUMENT, "NULL");
  assert_fails(tw_oracle_clone(&o, &callbacks, &error), TW_ERR_UNSUPPORTED, "cannot be cloned");
  assert_fails(tw_oracle_clone(&o, NULL, &error), TW_ERR_UNSUPPORTED, "cannot be cloned");
  assert_fails(tw_oracle_parameters(&callbacks, NULL, &error), TW_ERR_ARGUMENT, "callbacks");
  assert_fails(tw_oracle_parameters(NULL, NULL, &error), TW_ERR_ARGUMENT, "callbacks");
  tw_oracle_release(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(starts_and_bounds),  TEST(mirror_steps),      TEST(outside_the_domain),
      TEST(failed_evaluations), TEST(clones_on_threads), TEST(wrong_arguments),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
