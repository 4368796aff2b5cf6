/* Proximal and projected methods: optimality by their own fixed point, objectives against coordinate descent.
 */
#include "composite.h"

/* |x - T(x)|_inf / eta at the solution, recomputed here. */
static double fixed_point_residual(composite *c, const double *x, double eta) {
  double *g = malloc((size_t)c->n * 3 * sizeof *g), *z = g + c->n, *t = z + c->n, worst = 0;
  assert_non_null(g);
  composite_f(c, x, g);
  for (int64_t i = 0; i < c->n; i++) z[i] = x[i] - eta * g[i];
  if (c->prox) {
    c->prox(z, c->n, eta * c->weight, t);
  } else {
    c->project(z, c->n, c->weight, t);
  }
  for (int64_t i = 0; i < c->n; i++) worst = fmax(worst, fabs(x[i] - t[i]) / eta);
  free(g);
  return worst;
}

/* Cyclic coordinate descent for 1/2 |A x - b|^2 + weight |x|_1, to the last bit or 100 000 sweeps. */
static double coordinate_descent(composite *c) {
  double *x = calloc((size_t)c->n, sizeof *x);
  assert_non_null(x);
  for (int64_t i = 0; i < c->rows; i++) c->r[i] = -c->b[i];
  for (int sweep = 0; sweep < 100000; sweep++) {
    double change = 0;
    for (int64_t j = 0; j < c->n; j++) {
      double square = 0, inner = 0;
      for (int64_t i = 0; i < c->rows; i++) {
        square += c->a[i * c->n + j] * c->a[i * c->n + j];
        inner += c->a[i * c->n + j] * c->r[i];
      }
      const double z = x[j] - inner / square,
                   step = copysign(fmax(fabs(z) - c->weight / square, 0), z) - x[j];
      x[j] += step;
      for (int64_t i = 0; i < c->rows; i++) c->r[i] += step * c->a[i * c->n + j];
      change = fmax(change, fabs(step));
    }
    if (change <= 1e-13) break;
  }
  const double objective = composite_f(c, x, NULL) + l1_penalty(x, c->n, c->weight);
  free(x);
  return objective;
}

static tw_result solve_and_check(composite *c, const char *method, bool curvature) {
  const tw_oracle oracle = composite_oracle(c, curvature);
  tw_result r = solve(&oracle, method);
  const double residual = fixed_point_residual(c, r.x, 1e-2);
  print_message(
      "%-44s n %4lld %-9s %-10s f %.12g, %lld iterations, %lld gradients, %lld hvp, residual %.1e\n", method,
      (long long)c->n, curvature ? "curvature" : "", tw_outcome_name(r.outcome), r.f, (long long)r.iterations,
      (long long)r.counts.gradient, (long long)r.counts.hvp, residual);
  if (r.outcome != TW_SOLVED) fail_msg("%s", r.message);
  double *g = malloc((size_t)c->n * sizeof *g), zero[512] = {0};
  assert_non_null(g);
  composite_f(c, zero, g);
  assert_true(residual <= 1e-8 * fmax(1, tw_vec_norm_inf(g, (size_t)c->n)));
  free(g);
  return r;
}

/* The diabetes data, columns centred and scaled to norm one, the response centred. */
static void diabetes(composite *c) {
  tw_array x, y;
  tw_error error;
  const char *path = TALWEG_SOURCE_DIR "/examples/data/diabetes.csv";
  if (tw_csv_read(path, "age..s6", &x, &error) != TW_OK) fail_msg("%s", error.message);
  if (tw_csv_read(path, "target", &y, &error) != TW_OK) fail_msg("%s", error.message);
  composite_random(c, x.shape.dim[0], x.shape.dim[1], 1);
  memcpy(c->a, x.data, (size_t)(c->rows * c->n) * sizeof(double));
  memcpy(c->b, y.data, (size_t)c->rows * sizeof(double));
  for (int64_t j = -1; j < c->n; j++) { /* column -1: the response */
    double *column = j < 0 ? c->b : c->a + j, mean = 0, square = 0;
    const int64_t stride = j < 0 ? 1 : c->n;
    for (int64_t i = 0; i < c->rows; i++) mean += column[i * stride] / (double)c->rows;
    for (int64_t i = 0; i < c->rows; i++) {
      column[i * stride] -= mean;
      square += column[i * stride] * column[i * stride];
    }
    for (int64_t i = 0; i < c->rows && j >= 0; i++) column[i * stride] /= sqrt(square);
  }
  tw_array_free(&x);
  tw_array_free(&y);
}

static void lasso_agrees_with_coordinate_descent(void **state) {
  const char *method = *state;
  for (int instance = 0; instance < 3; instance++) {
    composite c = {.weight = instance == 0 ? 10 : 5, .penalty = l1_penalty, .prox = l1_prox};
    if (instance == 0) {
      diabetes(&c);
    } else { /* wide and tall */
      composite_random(&c, instance == 1 ? 60 : 200, instance == 1 ? 150 : 50, 21);
    }
    const double reference = coordinate_descent(&c);
    for (int curvature = 0; curvature < 2; curvature++) {
      tw_result r = solve_and_check(&c, method, curvature);
      assert_near(r.f, reference, 1e-8);
      tw_result_free(&r);
    }
    composite_free(&c);
  }
}

/* With curvature the last digits cost a few Newton steps instead of hundreds of gradients. */
static void polishing_pays(void **state) {
  (void)state;
  composite c = {.weight = 5, .penalty = l1_penalty, .prox = l1_prox};
  composite_random(&c, 60, 150, 21);
  tw_result with = solve_and_check(&c, "proximal_gradient:tol=1e-12", true);
  tw_result without = solve_and_check(&c, "proximal_gradient:tol=1e-12,polish=0", true);
  assert_true(2 * with.counts.gradient < without.counts.gradient);
  assert_true(without.counts.hvp == 0);
  tw_result_free(&with);
  tw_result_free(&without);
  composite_free(&c);
}

/* From the solution itself, of a problem whose gradients are sums of terms of size 1e9: nothing is left to
 * gain, and the run says so instead of chasing digits that are not there. */
static void ends_at_rounding(void **state) {
  const char *method = *state;
  composite c = {.weight = 5e10, .penalty = l1_penalty, .prox = l1_prox};
  composite_random(&c, 60, 40, 21);
  for (int64_t i = 0; i < c.rows * c.n; i++) c.a[i] *= 1e5;
  for (int64_t i = 0; i < c.rows; i++) c.b[i] *= 1e5;
  if (strncmp(method, "projected", 9) == 0) {
    c.prox = NULL;
    c.weight = 0.1;
    c.project = box_project;
  }
  const tw_oracle oracle = composite_oracle(&c, false);
  tw_result first = solve(&oracle, method), again;
  const tw_solve_options options = {.method = method};
  assert_int_equal(tw_minimize(&oracle, first.x, &options, &again, NULL), TW_OK);
  print_message("%s: %s; then %lld iterations, %s\n", method, first.message, (long long)again.iterations,
                again.message);
  assert_int_equal(first.outcome, TW_SOLVED);
  assert_int_equal(again.outcome, TW_SOLVED);
  assert_true(again.iterations < 2000);
  tw_result_free(&first);
  tw_result_free(&again);
  composite_free(&c);
}

static void group_lasso(void **state) {
  const char *method = *state;
  composite c = {.weight = 8, .penalty = group_penalty, .prox = group_prox};
  composite_random(&c, 80, 100, 5);
  tw_result first = solve_and_check(&c, method, true), second = solve_and_check(&c, method, false);
  assert_near(first.f, second.f, 1e-9 * fmax(1, first.f));
  int64_t zeros = 0;
  for (int64_t i = 0; i < c.n; i++) zeros += first.x[i] == 0;
  assert_true(zeros > 0 && zeros < c.n);
  tw_result_free(&first);
  tw_result_free(&second);
  composite_free(&c);
}

static void convex_sets(void **state) {
  const char *method = *state;
  void (*sets[])(const double *, int64_t, double, double *) = {simplex_project, box_project, ball_project};
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
    composite c = {.weight = i == 1 ? 0.05 : 1, .project = sets[i]};
    composite_random(&c, 70, 60, 9);
    tw_result first = solve_and_check(&c, method, true), second = solve_and_check(&c, method, false);
    assert_near(first.f, second.f, 1e-9 * fmax(1, first.f));
    double *again = malloc((size_t)c.n * sizeof *again); /* feasible: the projection moves nothing */
    assert_non_null(again);
    c.project(first.x, c.n, c.weight, again);
    for (int64_t j = 0; j < c.n; j++) assert_near(again[j], first.x[j], 1e-14);
    free(again);
    tw_result_free(&first);
    tw_result_free(&second);
    composite_free(&c);
  }
}

/* min over the sphere is a non-convex problem: a stationary point on the sphere is asked for. */
static void sphere(void **state) {
  const char *method = *state;
  composite c = {.weight = 1, .project = sphere_project};
  composite_random(&c, 30, 12, 3);
  tw_result r = solve_and_check(&c, method, true);
  assert_near(tw_vec_norm2(r.x, (size_t)c.n), 1, 1e-12);
  tw_result_free(&r);
  composite_free(&c);
}

static tw_status uniform_start(void *context, double *x, tw_error *error) {
  (void)error;
  const composite *c = context;
  for (int64_t i = 0; i < c->n; i++) x[i] = c->weight / (double)c->n;
  return TW_OK;
}

/* Mirror descent agrees with projected gradient on the simplex, with and without a projection to lean on. */
static void mirror_on_the_simplex(void **state) {
  const char *method = *state;
  composite c = {.weight = 1, .project = simplex_project};
  composite_random(&c, 70, 40, 13);
  tw_result reference = solve_and_check(&c, "projected_gradient:tol=1e-12", true);
  for (int variant = 0; variant < 2; variant++) {
    tw_oracle oracle = composite_oracle(&c, variant == 0);
    oracle.offers |= TW_MIRROR;
    oracle.mirror_step = composite_mirror;
    oracle.start = uniform_start;
    if (variant == 1) oracle.offers &= ~(unsigned)TW_PROJECT;
    tw_result r = solve(&oracle, method);
    print_message("%-44s f %.14g against %.14g, %lld iterations, stationarity %.1e, %s\n", method, r.f,
                  reference.f, (long long)r.iterations, r.optimality.stationarity,
                  tw_outcome_name(r.outcome));
    assert_near(r.f, reference.f, strstr(method, "sqrt") ? 1e-2 : 1e-8);
    tw_result_free(&r);
  }
  tw_result_free(&reference);
  composite_free(&c);
}

#define BY(test, method)                                                                                     \
  { #test " by " method, test, NULL, NULL, (void *)(uintptr_t)method }

int main(void) {
  const struct CMUnitTest tests[] = {
      BY(lasso_agrees_with_coordinate_descent, "proximal_gradient"),
      BY(lasso_agrees_with_coordinate_descent, "proximal_gradient:restart=function"),
      BY(lasso_agrees_with_coordinate_descent, "proximal_gradient:accelerate=0"),
      BY(ends_at_rounding, "proximal_gradient"),
      BY(ends_at_rounding, "projected_gradient"),
      BY(ends_at_rounding, "projected_gradient:variant=spectral"),
      BY(group_lasso, "proximal_gradient"),
      BY(convex_sets, "projected_gradient"),
      BY(convex_sets, "projected_gradient:variant=spectral"),
      BY(sphere, "projected_gradient"),
      BY(sphere, "projected_gradient:accelerate=0"),
      BY(mirror_on_the_simplex, "mirror_descent"),
      BY(mirror_on_the_simplex, "mirror_descent:schedule=sqrt,max_iter=5000"),
      cmocka_unit_test(polishing_pays)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
