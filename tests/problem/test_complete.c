/* Oracles from callbacks, completed by differences: what is offered then, how exact it is, that bounds are
 * kept, that errors and ownership pass through. */
#include "test.h"

#include <talweg/problem.h>

static tw_error error;

/* f = exp(x0 x1) + x1^2 x2 + cos x2, c = (x0 x1 x2, x0 + x1^2), r = (x0^2 - x1, sin x1 x2, x2 - 2, x0 x2) */
enum { N = 3, M = 2, K = 4 };

typedef struct user {
  double lower[N], upper[N], c_lower[M], c_upper[M];
  bool bounded;                    /* points outside the bounds are an error of the test */
  int calls, released, fail_after; /* 0: never */
} user;

static user fresh_user(void) {
  user u = {.c_lower = {-1, 0}, .c_upper = {1, 0}};
  for (int i = 0; i < N; i++) {
    u.lower[i] = -INFINITY;
    u.upper[i] = INFINITY;
  }
  return u;
}

static tw_status enter(void *context, const double *x, tw_error *e) {
  user *u = context;
  u->calls++;
  for (int i = 0; u->bounded && i < N; i++)
    if (!(x[i] >= u->lower[i] && x[i] <= u->upper[i]))
      fail_msg("asked outside the bounds: x[%d] = %.17g", i, x[i]);
  if (u->fail_after > 0 && u->calls >= u->fail_after)
    return tw_fail(e, TW_ERR_DATA, "call %d fails", u->calls);
  return TW_OK;
}

static tw_status value(void *context, const double *x, double *f, tw_error *e) {
  *f = exp(x[0] * x[1]) + x[1] * x[1] * x[2] + cos(x[2]);
  return enter(context, x, e);
}

static void true_gradient(const double *x, double *g) {
  const double w = exp(x[0] * x[1]);
  g[0] = x[1] * w;
  g[1] = x[0] * w + 2 * x[1] * x[2];
  g[2] = x[1] * x[1] - sin(x[2]);
}

static tw_status gradient(void *context, const double *x, double *f, double *g, tw_error *e) {
  true_gradient(x, g);
  return value(context, x, f, e);
}

static void true_hessian(const double *x, const double *y, double h[N][N]) {
  const double w = exp(x[0] * x[1]), y0 = y ? y[0] : 0, y1 = y ? y[1] : 0;
  const double all[N][N] = {
      {x[1] * x[1] * w, w * (1 + x[0] * x[1]) + y0 * x[2], y0 * x[1]},
      {w * (1 + x[0] * x[1]) + y0 * x[2], x[0] * x[0] * w + 2 * x[2] + 2 * y1, 2 * x[1] + y0 * x[0]},
      {y0 * x[1], 2 * x[1] + y0 * x[0], -cos(x[2])}};
  memcpy(h, all, sizeof all);
}

static void multiply(int64_t rows, const double *j, const double *v, double *out) {
  for (int64_t i = 0; i < rows; i++) out[i] = tw_vec_dot(j + i * N, v, N);
}

static void multiply_transposed(int64_t rows, const double *j, const double *u, double *out) {
  memset(out, 0, N * sizeof *out);
  for (int64_t i = 0; i < rows; i++)
    for (int k = 0; k < N; k++) out[k] += j[i * N + k] * u[i];
}

static tw_status hvp(void *context, const double *x, const double *y, const double *v, double *out,
                     tw_error *e) {
  double h[N][N];
  true_hessian(x, y, h);
  multiply(N, h[0], v, out);
  return enter(context, x, e);
}

static tw_status constraints(void *context, const double *x, double *c, tw_error *e) {
  c[0] = x[0] * x[1] * x[2];
  c[1] = x[0] + x[1] * x[1];
  return enter(context, x, e);
}

static void true_constraints_jacobian(const double *x, double *j) {
  const double all[M * N] = {x[1] * x[2], x[0] * x[2], x[0] * x[1], 1, 2 * x[1], 0};
  memcpy(j, all, sizeof all);
}

static void true_residual_jacobian(const double *x, double *j) {
  const double all[K * N] = {2 * x[0], -1, 0, 0, cos(x[1]) * x[2], sin(x[1]), 0, 0, 1, x[2], 0, x[0]};
  memcpy(j, all, sizeof all);
}

static tw_status residual(void *context, const double *x, double *r, tw_error *e) {
  r[0] = x[0] * x[0] - x[1];
  r[1] = sin(x[1]) * x[2];
  r[2] = x[2] - 2;
  r[3] = x[0] * x[2];
  return enter(context, x, e);
}

#define PRODUCTS(part, rows)                                                                                 \
  static tw_status part##_jacobian(void *context, const double *x, double *j, tw_error *e) {                 \
    true_##part##_jacobian(x, j);                                                                            \
    return enter(context, x, e);                                                                             \
  }                                                                                                          \
  static tw_status part##_jvp(void *context, const double *x, const double *v, double *out, tw_error *e) {   \
    double j[(rows)*N];                                                                                      \
    true_##part##_jacobian(x, j);                                                                            \
    multiply(rows, j, v, out);                                                                               \
    return enter(context, x, e);                                                                             \
  }                                                                                                          \
  static tw_status part##_vjp(void *context, const double *x, const double *u, double *out, tw_error *e) {   \
    double j[(rows)*N];                                                                                      \
    true_##part##_jacobian(x, j);                                                                            \
    multiply_transposed(rows, j, u, out);                                                                    \
    return enter(context, x, e);                                                                             \
  }
PRODUCTS(constraints, M)
PRODUCTS(residual, K)

static tw_status project(void *context, const double *x, double *out, tw_error *e) {
  const double norm = fmax(1, tw_vec_norm2(x, N));
  for (int i = 0; i < N; i++) out[i] = x[i] / norm;
  return enter(context, x, e);
}

static void release(void *context) {
  ((user *)context)->released++;
}

static tw_oracle completed(tw_oracle o) {
  assert_ok(tw_oracle_complete(&o, &error));
  return o;
}

static void near(const double *a, const double *b, int64_t n, double tolerance) {
  double size = fmax(1, tw_vec_norm_inf(b, (size_t)n));
  for (int64_t i = 0; i < n; i++)
    if (!(fabs(a[i] - b[i]) <= tolerance * size))
      fail_msg("entry %d: %.12g, expected %.12g", (int)i, a[i], b[i]);
}

static void points(uint64_t i, double *x) {
  for (uint64_t k = 0; k < N; k++) x[k] = (i % 2 ? 1 : 0.3) * tw_random_normal(i, k);
}

/* ------------------------------------------------------------------ smooth functions */

static void check_smooth(const tw_oracle *o, double gradient_error, double hessian_error) {
  for (uint64_t i = 0; i < 10; i++) {
    double x[N], f, g[N], expected[N], h[N * N], truth[N][N], v[N], out[N];
    points(i, x);
    points(i + 50, v);
    assert_ok(o->value(o->context, x, &f, &error));
    assert_close(f, exp(x[0] * x[1]) + x[1] * x[1] * x[2] + cos(x[2]), 1e-15);
    assert_ok(o->gradient(o->context, x, &f, g, &error));
    true_gradient(x, expected);
    near(g, expected, N, gradient_error);
    if (!(o->offers & TW_CURVATURE)) continue;
    const double y[M] = {0.7, -1.3}, *weights = o->m ? y : NULL;
    true_hessian(x, weights, truth);
    assert_ok(o->hessian(o->context, x, weights, h, &error));
    near(h, truth[0], N * N, hessian_error);
    for (int a = 0; a < N; a++)
      for (int b = 0; b < a; b++) assert_true(h[a * N + b] == h[b * N + a]);
    assert_ok(o->hvp(o->context, x, weights, v, out, &error));
    multiply(N, truth[0], v, expected);
    near(out, expected, N, hessian_error);
  }
}

static void from_values(void **state) {
  (void)state;
  user u = fresh_user();
  tw_oracle o = completed((tw_oracle){.context = &u, .n = N, .value = value});
  assert_int_equal(o.offers, TW_VALUE | TW_GRADIENT); /* no differences of differences */
  assert_null(o.hvp);
  check_smooth(&o, 1e-9, 0);
  tw_oracle_release(&o);
}

static void from_gradients(void **state) {
  (void)state;
  user u = fresh_user();
  tw_oracle o = completed((tw_oracle){.context = &u, .n = N, .gradient = gradient});
  assert_int_equal(o.offers, TW_VALUE | TW_GRADIENT | TW_CURVATURE | TW_HESSIAN);
  check_smooth(&o, 0, 1e-9);
  tw_oracle_release(&o);
}

static void from_products(void **state) {
  (void)state;
  user u = fresh_user();
  tw_oracle o =
      completed((tw_oracle){.context = &u, .n = N, .value = value, .gradient = gradient, .hvp = hvp});
  check_smooth(&o, 0, 1e-15);
  tw_oracle_release(&o);
}

/* ------------------------------------------------------------------ constraints and residuals */

typedef struct parts {
  tw_status (*value)(void *, const double *, double *, tw_error *);
  tw_status (*jvp)(void *, const double *, const double *, double *, tw_error *);
  tw_status (*vjp)(void *, const double *, const double *, double *, tw_error *);
  tw_status (*jacobian)(void *, const double *, double *, tw_error *);
} parts;

static void check_map(const tw_oracle *o, const parts *p, int64_t rows,
                      void (*truth)(const double *, double *), double tolerance) {
  for (uint64_t i = 0; i < 10; i++) {
    double x[N], j[K * N], all[K * N], v[N], u[K], a[K], b[K];
    points(i, x);
    points(i + 60, v);
    for (uint64_t k = 0; k < K; k++) u[k] = tw_random_normal(i + 70, k);
    truth(x, all);
    assert_ok(p->jacobian(o->context, x, j, &error));
    near(j, all, rows * N, tolerance);
    assert_ok(p->jvp(o->context, x, v, a, &error));
    multiply(rows, all, v, b);
    near(a, b, rows, tolerance);
    assert_ok(p->vjp(o->context, x, u, a, &error));
    multiply_transposed(rows, all, u, b);
    near(a, b, N, tolerance);
  }
}

/* Whatever subset of products and Jacobian is given, the others follow. */
static void any_derivatives_of_constraints(void **state) {
  (void)state;
  for (int given = 0; given < 8; given++) {
    user u = fresh_user();
    tw_oracle o = completed((tw_oracle){.context = &u,
                                        .n = N,
                                        .m = M,
                                        .gradient = gradient,
                                        .constraints = constraints,
                                        .c_lower = u.c_lower,
                                        .c_upper = u.c_upper,
                                        .constraints_jvp = given & 1 ? constraints_jvp : NULL,
                                        .constraints_vjp = given & 2 ? constraints_vjp : NULL,
                                        .constraints_jacobian = given & 4 ? constraints_jacobian : NULL});
    const parts p = {o.constraints, o.constraints_jvp, o.constraints_vjp, o.constraints_jacobian};
    assert_true(o.offers & TW_CONSTRAINTS);
    assert_true(o.c_lower == u.c_lower && o.c_upper == u.c_upper);
    check_map(&o, &p, M, true_constraints_jacobian, given ? 2e-9 : 1e-9);
    if (given & 6) check_smooth(&o, 0, 1e-8); /* with multipliers */
    assert_true(((o.offers & TW_CURVATURE) != 0) == ((given & 6) != 0));
    tw_oracle_release(&o);
  }
}

static void any_derivatives_of_residuals(void **state) {
  (void)state;
  for (int given = 0; given < 8; given++) {
    user u = fresh_user();
    tw_oracle o = completed((tw_oracle){.context = &u,
                                        .n = N,
                                        .k = K,
                                        .residual = residual,
                                        .residual_scale = 0.5,
                                        .residual_offset = 3,
                                        .residual_jvp = given & 1 ? residual_jvp : NULL,
                                        .residual_vjp = given & 2 ? residual_vjp : NULL,
                                        .residual_jacobian = given & 4 ? residual_jacobian : NULL});
    const parts p = {o.residual, o.residual_jvp, o.residual_vjp, o.residual_jacobian};
    assert_int_equal(o.offers, TW_VALUE | TW_GRADIENT | TW_RESIDUAL | TW_RESIDUAL_JVP | TW_RESIDUAL_JACOBIAN);
    check_map(&o, &p, K, true_residual_jacobian, 1e-9);
    double x[N], r[K], f, j[K * N], g[N], expected[N];
    points(3, x);
    assert_ok(o.residual(o.context, x, r, &error));
    assert_ok(o.gradient(o.context, x, &f, g, &error));
    assert_close(f, 0.5 * tw_vec_dot(r, r, K) + 3, 1e-15);
    true_residual_jacobian(x, j);
    multiply_transposed(K, j, r, expected);
    near(g, expected, N, 1e-9);
    assert_ok(o.value(o.context, x, &g[0], &error));
    assert_true(g[0] == f);
    tw_oracle_release(&o);
  }
}

static void roots_have_no_value(void **state) {
  (void)state;
  user u = fresh_user();
  tw_oracle o = completed((tw_oracle){.context = &u, .n = N, .k = K, .residual = residual});
  assert_int_equal(o.offers, TW_RESIDUAL | TW_RESIDUAL_JVP | TW_RESIDUAL_JACOBIAN);
  assert_null(o.value);
  tw_oracle_release(&o);
}

/* A Jacobian is computed once for many products at a point, and again after a failure or at another point. */
static void jacobians_are_kept(void **state) {
  (void)state;
  user u = fresh_user();
  tw_oracle o = completed((tw_oracle){
      .context = &u, .n = N, .k = K, .residual = residual, .residual_jacobian = residual_jacobian});
  double x[N] = {1, 2, 3}, r[K] = {1, 0, 0, 0}, g[N], j[K * N];
  for (int i = 0; i < 5; i++) assert_ok(o.residual_vjp(o.context, x, r, g, &error));
  assert_int_equal(u.calls, 1);
  x[0] = 2;
  u.fail_after = 2;
  assert_fails(o.residual_vjp(o.context, x, r, g, &error), TW_ERR_DATA, "call 2 fails");
  u.fail_after = 0;
  assert_ok(o.residual_vjp(o.context, x, r, g, &error));
  true_residual_jacobian(x, j);
  near(g, j, N, 1e-15);
  tw_oracle_release(&o);
}

/* ------------------------------------------------------------------ bounds and sets */

static void differences_keep_the_bounds(void **state) {
  (void)state;
  user u = fresh_user();
  u.bounded = true;
  for (int corner = 0; corner < 27; corner++) {
    double x[N], f, g[N], expected[N], v[N] = {1, 0, 0}, out[M], j[M * N];
    const int side[N] = {corner % 3, corner / 3 % 3, corner / 9};
    for (int i = 0; i < N; i++) {
      x[i] = 0.5 + 0.1 * i;
      u.lower[i] = side[i] == 1 ? x[i] : -1;
      u.upper[i] = side[i] == 2 ? x[i] : 1.5;
    }
    tw_oracle o = completed((tw_oracle){.context = &u,
                                        .n = N,
                                        .m = M,
                                        .value = value,
                                        .constraints = constraints,
                                        .c_lower = u.c_lower,
                                        .c_upper = u.c_upper,
                                        .lower = u.lower,
                                        .upper = u.upper});
    assert_true(o.offers & TW_BOUNDS && o.lower == u.lower && o.upper == u.upper);
    assert_ok(o.gradient(o.context, x, &f, g, &error));
    true_gradient(x, expected);
    near(g, expected, N, 1e-8);
    assert_ok(o.constraints_jvp(o.context, x, v, out, &error));
    true_constraints_jacobian(x, j);
    multiply(M, j, v, expected);
    near(out, expected, M, 1e-8);
    tw_oracle_release(&o);
  }
}

/* In a box that is thinner than the usual step, and for a variable that is fixed. */
static void thin_boxes(void **state) {
  (void)state;
  user u = fresh_user();
  u.bounded = true;
  double x[N] = {0.5, 0.6, 0.7}, f, g[N], expected[N];
  u.lower[0] = 0.5;
  u.upper[0] = 0.5 + 1e-7;
  u.lower[1] = u.upper[1] = 0.6;
  tw_oracle o =
      completed((tw_oracle){.context = &u, .n = N, .value = value, .lower = u.lower, .upper = u.upper});
  assert_ok(o.gradient(o.context, x, &f, g, &error));
  true_gradient(x, expected);
  assert_close(g[0], expected[0], 1e-7);
  assert_true(g[1] == 0);
  assert_close(g[2], expected[2], 1e-9);
  tw_oracle_release(&o);
}

static void projections(void **state) {
  (void)state;
  user u = fresh_user();
  double x[N] = {3, -4, 0.5}, p[N];
  for (int i = 0; i < N; i++) u.lower[i] = -1, u.upper[i] = 1;
  tw_oracle o =
      completed((tw_oracle){.context = &u, .n = N, .value = value, .lower = u.lower, .upper = u.upper});
  assert_int_equal(o.offers, TW_VALUE | TW_GRADIENT | TW_PROJECT | TW_BOUNDS);
  assert_ok(o.project(o.context, x, p, &error));
  assert_true(p[0] == 1 && p[1] == -1 && p[2] == 0.5);
  tw_oracle_release(&o);
  /* another set within the bounds: they do not say all */
  o = completed((tw_oracle){
      .context = &u, .n = N, .value = value, .project = project, .lower = u.lower, .upper = u.upper});
  assert_int_equal(o.offers, TW_VALUE | TW_GRADIENT | TW_PROJECT);
  assert_ok(o.project(o.context, x, p, &error));
  assert_close(tw_vec_norm2(p, N), 1, 1e-15);
  tw_oracle_release(&o);
}

/* ------------------------------------------------------------------ errors and ownership */

static void errors_pass_through(void **state) {
  (void)state;
  for (int fail_after = 1; fail_after <= 7; fail_after++) {
    user u = fresh_user();
    double x[N] = {1, 2, 3}, f, g[N];
    tw_oracle o = completed((tw_oracle){.context = &u, .n = N, .value = value, .release = release});
    u.fail_after = fail_after;
    assert_fails(o.gradient(o.context, x, &f, g, &error), TW_ERR_DATA, "fails");
    u.fail_after = 0;
    assert_ok(o.gradient(o.context, x, &f, g, &error));
    tw_oracle_release(&o);
    assert_int_equal(u.released, 1);
  }
}

static void refused(tw_oracle o, tw_status status, const char *part) {
  const tw_oracle before = o;
  assert_fails(tw_oracle_complete(&o, &error), status, part);
  assert_true(memcmp(&o, &before, sizeof o) == 0); /* still the caller's */
}

static void wrong_oracles(void **state) {
  (void)state;
  user u = fresh_user();
  const tw_oracle good = {.context = &u, .n = N, .value = value};
  tw_oracle o = good;
  o.n = 0;
  refused(o, TW_ERR_ARGUMENT, "n is 0, expected at least 1");
  o = good;
  o.m = -1;
  refused(o, TW_ERR_ARGUMENT, "negative");
  o.m = M;
  refused(o, TW_ERR_ARGUMENT, "m is 2, expected constraints");
  o = good;
  o.k = K;
  refused(o, TW_ERR_ARGUMENT, "k is 4, expected residual");
  o = good;
  o.value = NULL;
  refused(o, TW_ERR_ARGUMENT, "expected value, gradient or residual");
  o = good;
  o.lower = u.lower;
  refused(o, TW_ERR_ARGUMENT, "one of lower and upper is NULL");
  o.upper = u.upper;
  u.lower[1] = 2;
  u.upper[1] = 1;
  refused(o, TW_ERR_INFEASIBLE, "variable 1 has bounds [2, 1]");
  u.lower[1] = NAN;
  refused(o, TW_ERR_INFEASIBLE, "variable 1");
  assert_fails(tw_oracle_complete(NULL, &error), TW_ERR_ARGUMENT, "NULL");
  assert_int_equal(u.released, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(from_values),
      cmocka_unit_test(from_gradients),
      cmocka_unit_test(from_products),
      cmocka_unit_test(any_derivatives_of_constraints),
      cmocka_unit_test(any_derivatives_of_residuals),
      cmocka_unit_test(roots_have_no_value),
      cmocka_unit_test(jacobians_are_kept),
      cmocka_unit_test(differences_keep_the_bounds),
      cmocka_unit_test(thin_boxes),
      cmocka_unit_test(projections),
      cmocka_unit_test(errors_pass_through),
      cmocka_unit_test(wrong_oracles),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
