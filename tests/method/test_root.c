/* Roots: every method ends at |r| = 0 on systems that it should solve, and says why where there is none. */
#include "systems.h"

static void solves_systems(void **state) {
  const char *method = *state;
  /* Secant updates cannot learn the scaling of the last two. */
  const int count = strncmp(method, "broyden", 7) == 0 ? REGULAR_SYSTEMS : SYSTEMS;
  for (int i = 0; i < count; i++) {
    const tw_oracle oracle = system_oracle(&systems[i]);
    tw_result r = solve(&oracle, method);
    print_message("%-32s %-20s %-10s |r| %.1e, %lld iterations, %lld residuals, %lld Jacobians\n", method,
                  systems[i].name, tw_outcome_name(r.outcome), system_norm(&systems[i], r.x),
                  (long long)r.iterations, (long long)r.counts.residual, (long long)r.counts.jacobian);
    if (r.outcome != TW_SOLVED) fail_msg("%s on %s: %s", method, systems[i].name, r.message);
    assert_true(system_norm(&systems[i], r.x) <= 1e-9);
    tw_result_free(&r);
  }
}

/* n = 20 000 without a matrix. */
static void solves_large_system(void **state) {
  const char *method = *state;
  tw_system large = systems[2];
  large.n = 20000;
  tw_oracle oracle = system_oracle(&large);
  oracle.offers &= ~(unsigned)TW_RESIDUAL_JACOBIAN;
  tw_result r = solve(&oracle, method);
  print_message("%-32s n = %lld: %lld iterations, %lld Jacobian products, %s\n", method, (long long)r.n,
                (long long)r.iterations, (long long)r.counts.jacobian, r.message);
  assert_int_equal(r.outcome, TW_SOLVED);
  assert_true(system_norm(&large, r.x) <= 1e-11);
  tw_result_free(&r);
}

/* Residuals alone are enough. */
static void broyden_without_derivatives(void **state) {
  (void)state;
  for (int i = 0; i < REGULAR_SYSTEMS; i++) {
    tw_oracle oracle = system_oracle(&systems[i]);
    oracle.offers = TW_RESIDUAL;
    tw_result r = solve(&oracle, "broyden");
    print_message("broyden without derivatives %-20s %lld residuals, %s\n", systems[i].name,
                  (long long)r.counts.residual, r.message);
    assert_int_equal(r.outcome, TW_SOLVED);
    assert_true(system_norm(&systems[i], r.x) <= 1e-10);
    tw_result_free(&r);
  }
}

static void stiff_r(const double *x, int64_t n, double *r) {
  boundary_value_r(x, n, r);
  for (int64_t i = 0; i < n; i++) r[i] = 1e12 * r[i];
}

static double stiff_j(const double *x, int64_t n, int64_t i, int64_t j) {
  return 1e12 * boundary_value_j(x, n, i, j);
}

/* |r| <= 1e-12 is below the rounding of an equation whose terms are 1e12: solved all the same. */
static void ends_at_rounding(void **state) {
  const char *method = *state;
  const tw_system stiff = {"stiff", 30, stiff_r, stiff_j, 1, {-0.1}, 1};
  const tw_oracle oracle = system_oracle(&stiff);
  const tw_solve_options options = {.method = method};
  tw_result first = solve(&oracle, method), again;
  assert_int_equal(tw_minimize(&oracle, first.x, &options, &again, NULL), TW_OK); /* a start at the root */
  print_message("%s: %s\n%s: %s\n", method, first.message, method, again.message);
  assert_int_equal(first.outcome, TW_SOLVED);
  assert_int_equal(again.outcome, TW_SOLVED);
  assert_true(again.iterations < 20);
  assert_true(system_norm(&stiff, again.x) <= 1e-2);
  tw_result_free(&first);
  tw_result_free(&again);
}

/* A Jacobian that is singular at the start does not stop Newton. */
static void leaves_singular_start(void **state) {
  (void)state;
  const tw_oracle oracle = system_oracle(&systems[5]);
  const double origin[4] = {1, 1, 1, 1}; /* rows 2 and 4 of J */
  tw_result result;
  tw_error error;
  const tw_solve_options options = {.method = "newton_root"};
  assert_int_equal(tw_minimize(&oracle, origin, &options, &result, &error), TW_OK);
  assert_int_equal(result.outcome, TW_SOLVED);
  tw_result_free(&result);
}

/* x^2 + 1 has no root: |r|^2 is stationary at 0. */
static void no_root_r(const double *x, int64_t n, double *r) {
  (void)n;
  r[0] = x[0] * x[0] + 1;
}

static double no_root_j(const double *x, int64_t n, int64_t i, int64_t j) {
  (void)n;
  (void)i;
  (void)j;
  return 2 * x[0];
}

static void says_when_there_is_no_root(void **state) {
  (void)state;
  const tw_system none = {"x^2 + 1", 1, no_root_r, no_root_j, 1, {3}, 1};
  const tw_oracle oracle = system_oracle(&none);
  tw_result r = solve(&oracle, "newton_root");
  print_message("x^2 + 1: x = %.3g after %lld iterations; %s\n", r.x[0], (long long)r.iterations, r.message);
  assert_int_equal(r.outcome, TW_FAILED);
  assert_non_null(strstr(r.message, "no root nearby"));
  tw_result_free(&r);
}

static void bounds_are_kept(void **state) {
  (void)state;
  tw_oracle oracle = system_oracle(&systems[1]); /* roots (5, 4) and others */
  const double lower[2] = {0, 0}, upper[2] = {20, 10};
  oracle.lower = lower;
  oracle.upper = upper;
  oracle.offers |= TW_BOUNDS;
  tw_result r = solve(&oracle, "newton_root");
  assert_int_equal(r.outcome, TW_SOLVED);
  for (int i = 0; i < 2; i++) assert_true(r.x[i] >= lower[i] && r.x[i] <= upper[i]);
  tw_result_free(&r);
}

static void refuses_rectangular(void **state) {
  const char *method = *state;
  tw_oracle oracle = system_oracle(&systems[0]);
  oracle.k = 1;
  tw_result result;
  tw_error error;
  const tw_solve_options options = {.method = method};
  assert_int_equal(tw_minimize(&oracle, NULL, &options, &result, &error), TW_ERR_SHAPE);
  assert_non_null(strstr(error.message, "1 equations in 2 unknowns"));
}

/* ------------------------------------------------------------------ one unknown */

static double one_cos(double x) {
  return cos(x) - x;
}
static double one_cubic(double x) {
  return x * x * x - 2 * x - 5;
}
static double one_flat(double x) {
  return pow(x - 1.0 / 3, 9);
}
static double one_steep(double x) {
  return x < 0.3 ? -1e-12 : exp(20 * x);
}
static double one_pole(double x) {
  return 1 / (x - 0.7);
}
static double one_far(double x) {
  return x - 12345.678;
}

typedef struct one {
  double (*f)(double);
  double lower, upper, root;
  int evaluations;
} one;

static tw_status one_residual(void *context, const double *x, double *r, tw_error *error) {
  (void)error;
  one *o = context;
  o->evaluations++;
  *r = o->f(*x);
  return TW_OK;
}

static tw_oracle one_oracle(one *o) {
  return (tw_oracle){.context = o,
                     .n = 1,
                     .k = 1,
                     .offers = TW_RESIDUAL | TW_BOUNDS,
                     .lower = &o->lower,
                     .upper = &o->upper,
                     .residual = one_residual};
}

static void brackets_a_root(void **state) {
  const char *method = *state;
  one cases[] = {{one_cos, 0, 2, 0.73908513321516064, 0},
                 {one_cubic, 0, 3, 2.0945514815423265, 0},
                 {one_flat, 0, 1, 1.0 / 3, 0},
                 {one_steep, 0, 1, 0.3, 0},
                 {one_cos, -INFINITY, INFINITY, 0.73908513321516064, 0},
                 {one_far, 0, INFINITY, 12345.678, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const tw_oracle oracle = one_oracle(&cases[i]);
    tw_result r = solve(&oracle, method);
    print_message("%-26s case %zu: x = %.17g after %d evaluations; %s\n", method, i, r.x[0],
                  cases[i].evaluations, r.message);
    assert_int_equal(r.outcome, TW_SOLVED);
    /* the ninth power is below the tolerance over a wide interval */
    assert_near(r.x[0], cases[i].root, cases[i].f == one_flat ? 0.03 : 1e-14 * fmax(1, cases[i].root));
    assert_true(cases[i].evaluations <= 80);
    tw_result_free(&r);
  }
}

static void interpolation_pays(void **state) {
  (void)state;
  one halve = {one_cubic, 0, 3, 0, 0}, itp = halve;
  const tw_oracle a = one_oracle(&halve), b = one_oracle(&itp);
  tw_result ra = solve(&a, "bisection:variant=halve"), rb = solve(&b, "bisection:variant=itp");
  assert_true(2 * itp.evaluations < halve.evaluations);
  tw_result_free(&ra);
  tw_result_free(&rb);
}

static void a_pole_is_not_a_root(void **state) {
  (void)state;
  one pole = {one_pole, 0, 1, 0, 0};
  const tw_oracle oracle = one_oracle(&pole);
  tw_result r = solve(&oracle, "bisection");
  assert_int_equal(r.outcome, TW_FAILED);
  tw_result_free(&r);
}

static void needs_a_sign_change(void **state) {
  (void)state;
  one same = {one_cos, 1, 2, 0, 0};
  const tw_oracle oracle = one_oracle(&same);
  tw_result result;
  tw_error error;
  const tw_solve_options options = {.method = "bisection"};
  assert_int_equal(tw_minimize(&oracle, NULL, &options, &result, &error), TW_ERR_ARGUMENT);
  assert_non_null(strstr(error.message, "signs differ"));
}

#define BY(test, method)                                                                                     \
  { #test " by " method, test, NULL, NULL, (void *)(uintptr_t)method }

int main(void) {
  const struct CMUnitTest tests[] = {BY(solves_systems, "newton_root"),
                                     BY(solves_systems, "newton_root:jacobian=matrix-free"),
                                     BY(solves_systems, "broyden"),
                                     BY(solves_systems, "broyden:memory=3"),
                                     BY(solves_large_system, "newton_root"),
                                     BY(solves_large_system, "broyden"),
                                     BY(refuses_rectangular, "newton_root"),
                                     BY(refuses_rectangular, "broyden"),
                                     BY(brackets_a_root, "bisection"),
                                     BY(brackets_a_root, "bisection:variant=halve"),
                                     BY(ends_at_rounding, "newton_root"),
                                     BY(ends_at_rounding, "newton_root:jacobian=matrix-free"),
                                     BY(ends_at_rounding, "broyden"),
                                     cmocka_unit_test(leaves_singular_start),
                                     cmocka_unit_test(broyden_without_derivatives),
                                     cmocka_unit_test(says_when_there_is_no_root),
                                     cmocka_unit_test(bounds_are_kept),
                                     cmocka_unit_test(interpolation_pays),
                                     cmocka_unit_test(a_pole_is_not_a_root),
                                     cmocka_unit_test(needs_a_sign_change)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
