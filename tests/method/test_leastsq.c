/* Least squares beyond NIST's sets: zero residuals, rank deficiency, bounds, few rows, many variables. */
#include "systems.h"

/* r = A x - b, k x n, as a residual. */
typedef struct linear {
  int64_t k, n;
  double *a, *b;
} linear;

static void linear_random(linear *l, int64_t k, int64_t n, uint64_t key) {
  *l = (linear){k, n, malloc((size_t)(k * n) * sizeof(double)), malloc((size_t)k * sizeof(double))};
  assert_true(l->a && l->b);
  tw_random_normal_fill(key, 0, (size_t)(k * n), l->a);
  tw_random_normal_fill(key + 1, 0, (size_t)k, l->b);
}

static void linear_free(linear *l) {
  free(l->a);
  free(l->b);
}

static tw_status linear_jvp(void *context, const double *x, const double *v, double *jv, tw_error *error) {
  (void)x;
  (void)error;
  const linear *l = context;
  for (int64_t i = 0; i < l->k; i++) jv[i] = tw_vec_dot(l->a + i * l->n, v, (size_t)l->n);
  return TW_OK;
}

static tw_status linear_residual(void *context, const double *x, double *r, tw_error *error) {
  const linear *l = context;
  linear_jvp(context, x, x, r, error);
  for (int64_t i = 0; i < l->k; i++) r[i] -= l->b[i];
  return TW_OK;
}

static tw_status linear_vjp(void *context, const double *x, const double *u, double *jtu, tw_error *error) {
  (void)x;
  (void)error;
  const linear *l = context;
  memset(jtu, 0, (size_t)l->n * sizeof *jtu);
  for (int64_t i = 0; i < l->k; i++)
    for (int64_t j = 0; j < l->n; j++) jtu[j] += l->a[i * l->n + j] * u[i];
  return TW_OK;
}

static tw_oracle linear_oracle(linear *l) {
  return (tw_oracle){.context = l,
                     .n = l->n,
                     .k = l->k,
                     .offers = TW_RESIDUAL | TW_RESIDUAL_JVP,
                     .residual_scale = 0.5,
                     .residual_offset = 3,
                     .residual = linear_residual,
                     .residual_jvp = linear_jvp,
                     .residual_vjp = linear_vjp};
}

/* |A'(A x - b)|_inf over the components that are not held at a bound by it. */
static double gradient_norm(linear *l, const double *x, const double *lower, const double *upper) {
  double *r = malloc((size_t)(l->k + l->n) * sizeof *r), *g = r + l->k, worst = 0;
  assert_non_null(r);
  linear_residual(l, x, r, NULL);
  linear_vjp(l, x, r, g, NULL);
  for (int64_t j = 0; j < l->n; j++) {
    if (lower && upper && lower[j] == upper[j]) continue;
    if (lower && x[j] == lower[j] && g[j] > 0) continue;
    if (upper && x[j] == upper[j] && g[j] < 0) continue;
    worst = fmax(worst, fabs(g[j]));
  }
  free(r);
  return worst;
}

static void linear_shapes(void **state) {
  const char *method = *state;
  static const int64_t shapes[][2] = {{40, 15}, {15, 15}, {12, 30}, {1, 3}, {50, 1}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    linear l;
    linear_random(&l, shapes[i][0], shapes[i][1], 40 + i);
    if (i == 0) /* columns 3 and 7 say the same */
      for (int64_t r = 0; r < l.k; r++) l.a[r * l.n + 7] = -2 * l.a[r * l.n + 3];
    const tw_oracle oracle = linear_oracle(&l);
    tw_result r = solve(&oracle, method);
    double *residual = malloc((size_t)l.k * sizeof *residual);
    assert_non_null(residual);
    linear_residual(&l, r.x, residual, NULL);
    const double square = tw_vec_dot(residual, residual, (size_t)l.k);
    print_message("%-34s %lld x %lld: %lld iterations, |g| %.1e, %s\n", method, (long long)l.k,
                  (long long)l.n, (long long)r.iterations, gradient_norm(&l, r.x, NULL, NULL), r.message);
    assert_int_equal(r.outcome, TW_SOLVED);
    assert_true(gradient_norm(&l, r.x, NULL, NULL) <= 1e-8);
    assert_near(r.f, 0.5 * square + 3, 1e-12 * (1 + square));
    free(residual);
    tw_result_free(&r);
    linear_free(&l);
  }
}

static void zero_residuals(void **state) {
  const char *method = *state;
  const bool undamped = strncmp(method, "gauss_newton", 12) == 0;
  for (int i = 0; i < SYSTEMS; i++) {
    if (undamped && i == 1) continue; /* Freudenstein-Roth: a line search alone stops at a singular point */
    const tw_oracle oracle = system_oracle(&systems[i]);
    tw_result r = solve(&oracle, method);
    print_message("%-34s %-20s f %.2e, %lld iterations, %lld residuals, %s\n", method, systems[i].name, r.f,
                  (long long)r.iterations, (long long)r.counts.residual, r.message);
    assert_int_equal(r.outcome, TW_SOLVED);
    assert_true(r.f <= 1e-18 || (i == 1 && fabs(r.f - 48.98425368) < 1e-6)); /* its local minimum */
    tw_result_free(&r);
  }
}

static void bounds(void **state) {
  const char *method = *state;
  for (uint64_t key = 0; key < 5; key++) {
    linear l;
    linear_random(&l, 30, 20, 60 + 2 * key);
    double lower[20], upper[20];
    for (int j = 0; j < 20; j++) {
      lower[j] = j == 0 ? 0.05 : 0;
      upper[j] = j == 0 ? 0.05 : j % 3 == 0 ? 0.1 : INFINITY;
    }
    tw_oracle oracle = linear_oracle(&l);
    oracle.offers |= TW_BOUNDS;
    oracle.lower = lower;
    oracle.upper = upper;
    tw_result r = solve(&oracle, method);
    int held = 0;
    for (int j = 0; j < 20; j++) {
      assert_true(r.x[j] >= lower[j] && r.x[j] <= upper[j]);
      held += r.x[j] == lower[j] || r.x[j] == upper[j];
    }
    print_message("%-34s bounds: %d of 20 held, %lld iterations, |g| %.1e, %s\n", method, held,
                  (long long)r.iterations, gradient_norm(&l, r.x, lower, upper), r.message);
    assert_int_equal(r.outcome, TW_SOLVED);
    assert_true(held > 3 && held < 20);
    assert_true(gradient_norm(&l, r.x, lower, upper) <= 1e-8);
    tw_result_free(&r);
    linear_free(&l);
  }
}

/* n = 5000 by LSQR alone. */
static void large(void **state) {
  const char *method = *state;
  tw_system system = systems[2];
  system.n = 5000;
  tw_oracle oracle = system_oracle(&system);
  oracle.offers &= ~(unsigned)TW_RESIDUAL_JACOBIAN;
  tw_result r = solve(&oracle, method);
  print_message("%-34s n = %lld: f %.1e, %lld iterations, %lld products\n", method, (long long)r.n, r.f,
                (long long)r.iterations, (long long)r.counts.jacobian);
  assert_int_equal(r.outcome, TW_SOLVED);
  assert_true(r.f <= 1e-20);
  tw_result_free(&r);
}

static void plateau_r(const double *x, int64_t n, double *r) {
  (void)n;
  r[0] = 1 + exp(x[0]);
}

static double plateau_j(const double *x, int64_t n, int64_t i, int64_t j) {
  (void)n;
  (void)i;
  (void)j;
  return exp(x[0]);
}

/* 1 + e^x is least towards minus infinity: the run ends where the residual no longer answers, and says so. */
static void plateaus(void **state) {
  const tw_system plateau = {"plateau", 1, plateau_r, plateau_j, 1, {3}, 1};
  const tw_oracle oracle = system_oracle(&plateau);
  tw_result r = solve(&oracle, *state);
  print_message("1 + e^x: x = %.3g, %s\n", r.x[0], r.message);
  assert_int_equal(r.outcome, TW_SOLVED);
  assert_true(r.x[0] < -20 && r.x[0] > -1000 && r.optimality.stationarity <= 1e-10);
  assert_non_null(strstr(r.message, "plateau"));
  tw_result_free(&r);
}

static void undefined_r(const double *x, int64_t n, double *r) {
  (void)n;
  r[0] = log(x[0]);
}

static double undefined_j(const double *x, int64_t n, int64_t i, int64_t j) {
  (void)n;
  (void)i;
  (void)j;
  return 1 / x[0];
}

/* log x = 0: from x = 20 a Gauss-Newton step leaves the domain and is cut back; from -1 there is no residual.
 */
static void leaves_the_domain(void **state) {
  const char *method = *state;
  tw_system logarithm = {"log", 1, undefined_r, undefined_j, 1, {20}, 1};
  const tw_oracle oracle = system_oracle(&logarithm);
  tw_result r = solve(&oracle, method);
  assert_int_equal(r.outcome, TW_SOLVED);
  assert_near(r.x[0], 1, 1e-9);
  tw_result_free(&r);
  logarithm.start[0] = -1;
  r = solve(&oracle, method);
  assert_int_equal(r.outcome, TW_FAILED);
  assert_non_null(strstr(r.message, "not finite at the start"));
  tw_result_free(&r);
}

#define BY(test, method)                                                                                     \
  { #test " by " method, test, NULL, NULL, (void *)(uintptr_t)method }
#define ALL(test)                                                                                            \
  BY(test, "lm"), BY(test, "lm:geodesic=0"), BY(test, "lm:jacobian=matrix-free"), BY(test, "gauss_newton"),  \
      BY(test, "gauss_newton:jacobian=matrix-free")

int main(void) {
  const struct CMUnitTest tests[] = {ALL(linear_shapes),       ALL(zero_residuals), ALL(bounds),
                                     ALL(leaves_the_domain),   BY(plateaus, "lm"),  BY(large, "lm"),
                                     BY(large, "gauss_newton")};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
