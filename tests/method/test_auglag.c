/* The augmented Lagrangian and the interior-point method on Hock & Schittkowski's problems, a large equality-constrained one, and ones
 * without solution. */
#include "composite.h"
#include "constrained.h"

/* The optimality conditions at the result, recomputed here. */
static void check_kkt(const nlp *p, const tw_result *r, double tolerance) {
  double g[NLP_MAX], c[NLP_MAX], f;
  nlp_lagrangian_gradient(p, r->x, r->dual, &f, g);
  nlp_constraints((void *)(uintptr_t)p, r->x, c, NULL);
  for (int64_t j = 0; j < p->n; j++) {
    double to = r->x[j] - g[j];
    if (p->bounded) to = fmin(fmax(to, p->lower[j]), p->upper[j]);
    assert_near(to, r->x[j], tolerance);
  }
  for (int64_t i = 0; i < p->m; i++) {
    assert_true(c[i] >= p->c_lower[i] - 1e-8 && c[i] <= p->c_upper[i] + 1e-8);
    if (r->dual[i] > 0) assert_near(r->dual[i] * (p->c_upper[i] - c[i]), 0, tolerance);
    if (r->dual[i] < 0) assert_near(r->dual[i] * (p->c_lower[i] - c[i]), 0, tolerance);
  }
}

/* Ipopt is a method where it is installed. */
static void skip_without(const char *method) {
  if (strncmp(method, "ipopt", 5) == 0 && !tw_method_find("ipopt")) skip();
}

static void solves(const char *method, bool curvature) {
  skip_without(method);
  for (int i = 0; i < NLPS; i++) {
    const tw_oracle oracle = nlp_oracle(&nlps[i], curvature);
    tw_result r = solve(&oracle, method);
    print_message("%-22s %s %s %-9s f %.10g (%.10g), %lld iterations, %lld values, %lld gradients, %lld hvp, "
                  "%.1e %.1e %.1e\n",
                  method, curvature ? "hvp" : "   ", nlps[i].name, tw_outcome_name(r.outcome), r.f,
                  nlps[i].optimum, (long long)r.iterations, (long long)r.counts.value,
                  (long long)r.counts.gradient, (long long)r.counts.hvp, r.optimality.stationarity,
                  r.optimality.feasibility, r.optimality.complementarity);
    if (r.outcome != TW_SOLVED) fail_msg("%s: %s", nlps[i].name, r.message);
    assert_near(r.f, nlps[i].optimum, 1e-8 * fmax(1, fabs(nlps[i].optimum)));
    check_kkt(&nlps[i], &r, 1e-6);
    tw_result_free(&r);
  }
}

static void solves_with_curvature(void **state) {
  solves(*state, true);
}
static void solves_with_gradients(void **state) {
  solves(*state, false);
}

/* hs071's multipliers, d f*/ /* d bound with the sign of L = f + y'c (Ipopt's tutorial). */
static void multipliers(void **state) {
  skip_without(*state);
  const tw_oracle oracle = nlp_oracle(&nlps[10], true);
  tw_result r = solve(&oracle, *state);
  assert_near(r.f, 17.0140173, 1e-7);
  assert_near(r.dual[0], -0.552293660, 1e-8);
  assert_near(r.dual[1], 0.161468568, 1e-8);
  tw_result_free(&r);
}

/* n = 1000: the example of LANGUAGE.md. */
static void large_problem(void **state) {
  const char *method = *state;
  int64_t n = 1000;
  double *zeros = calloc((size_t)n, sizeof *zeros);
  assert_non_null(zeros);
  for (int curvature = 1; curvature >= 0; curvature--) {
    const tw_oracle oracle = lv_oracle(&n, zeros, curvature);
    tw_result r = solve(&oracle, method);
    print_message("%-18s n = %lld: f %.12g, %lld iterations, %lld gradients, %lld hvp, %.1e %.1e\n", method,
                  (long long)n, r.f, (long long)r.iterations, (long long)r.counts.gradient,
                  (long long)r.counts.hvp, r.optimality.stationarity, r.optimality.feasibility);
    assert_int_equal(r.outcome, TW_SOLVED);
    assert_near(r.f, 6.2324586324, 1e-8);
    assert_true(r.optimality.stationarity <= 1e-9 && r.optimality.feasibility <= 1e-9);
    tw_result_free(&r);
  }
  free(zeros);
}

/* ------------------------------------------------------------------ problems with nothing to find, or odd
 * ones */

static void circle_below_zero(const z_t *x, z_t *f, z_t *c) {
  *f = x[0];
  c[0] = x[0] * x[0] + x[1] * x[1];
}

static void two_lines(const z_t *x, z_t *f, z_t *c) {
  *f = x[0] * x[0] + x[1] * x[1];
  c[0] = x[0] + x[1];
  c[1] = x[0] + x[1];
}

static void beyond_bound(const z_t *x, z_t *f, z_t *c) {
  *f = x[1] * x[1];
  c[0] = x[0];
}

static void line_down(const z_t *x, z_t *f, z_t *c) {
  *f = x[0];
  c[0] = x[1];
}

static void saddle(const z_t *x, z_t *f, z_t *c) {
  *f = -x[0] * x[0] + x[1];
  c[0] = x[0] - x[1];
}

/* min x - log: the objective is undefined at x <= 0. */
static void logarithm(const z_t *x, z_t *f, z_t *c) {
  *f = creal(x[0]) > 0 ? x[1] - 3 * clog(x[0]) : NAN;
  c[0] = x[0] * x[1];
}

static const struct {
  nlp problem;
  tw_outcome outcome;
} odd[] = {
    {{"x^2 + y^2 <= -1", 2, 1, circle_below_zero, {1, 2}, {0}, {0}, {-INF}, {-1}, false, 0}, TW_INFEASIBLE},
    {{"x + y = 1 and = 2", 2, 2, two_lines, {3, 0}, {0}, {0}, {1, 2}, {1, 2}, false, 0}, TW_INFEASIBLE},
    {{"x >= 2 in [0, 1]", 2, 1, beyond_bound, {0, 1}, {0, 0}, {1, 1}, {2}, {INF}, true, 0}, TW_INFEASIBLE},
    {{"bounds crossed", 2, 1, line_down, {0, 0}, {0}, {0}, {2}, {1}, false, 0}, TW_INFEASIBLE},
    {{"x free, y = 0", 2, 1, line_down, {5, 5}, {0}, {0}, {0}, {0}, false, 0}, TW_UNBOUNDED},
    {{"-x^2 + y, x = y", 2, 1, saddle, {1, 0}, {0}, {0}, {0}, {0}, false, 0}, TW_UNBOUNDED},
    {{"the same row twice", 2, 2, two_lines, {3, 0}, {0}, {0}, {1, 1}, {1, 1}, false, 0.5}, TW_SOLVED},
    {{"-3 log x + y, x y >= 2",
      2,
      1,
      logarithm,
      {1, 1},
      {0, 0},
      {10, 10},
      {2},
      {INF},
      true,
      -6.7077552789821368},
     TW_SOLVED},
};

static void ends_for_the_right_reason(void **state) {
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    for (int curvature = 0; curvature < 2; curvature++) {
      const tw_oracle oracle = nlp_oracle(&odd[i].problem, curvature);
      tw_result r = solve(&oracle, *state);
      print_message("%-24s %s %s: f %.10g, %lld iterations; %s\n", odd[i].problem.name,
                    curvature ? "hvp" : "   ", tw_outcome_name(r.outcome), r.f, (long long)r.iterations,
                    r.message);
      assert_int_equal(r.outcome, odd[i].outcome);
      if (r.outcome == TW_SOLVED) assert_near(r.f, odd[i].problem.optimum, 1e-8);
      for (int64_t j = 0; j < r.n; j++) assert_true(isfinite(r.x[j]));
      tw_result_free(&r);
    }
  }
}

#undef INF

/* ------------------------------------------------------------------ constraints beside a set or a
 * regularizer */

typedef struct linear_rows {
  composite c;
  int64_t m;
  double *e, *d; /* E x = d, m x n row-major */
} linear_rows;

/* The composite's context comes first, so its functions serve here too. */
static tw_status rows_value(void *context, const double *x, double *c, tw_error *error) {
  (void)error;
  const linear_rows *l = context;
  for (int64_t i = 0; i < l->m; i++) c[i] = tw_vec_dot(l->e + i * l->c.n, x, (size_t)l->c.n);
  return TW_OK;
}

static tw_status rows_jvp(void *context, const double *x, const double *v, double *jv, tw_error *error) {
  (void)x;
  return rows_value(context, v, jv, error);
}

static tw_status rows_vjp(void *context, const double *x, const double *y, double *jty, tw_error *error) {
  (void)x;
  (void)error;
  const linear_rows *l = context;
  memset(jty, 0, (size_t)l->c.n * sizeof *jty);
  for (int64_t i = 0; i < l->m; i++)
    for (int64_t j = 0; j < l->c.n; j++) jty[j] += y[i] * l->e[i * l->c.n + j];
  return TW_OK;
}

static void rows_random(linear_rows *l, int64_t rows, int64_t n, int64_t m, uint64_t key) {
  composite_random(&l->c, rows, n, key);
  l->m = m;
  l->e = malloc((size_t)(m * n) * sizeof(double));
  l->d = malloc((size_t)m * sizeof(double));
  assert_true(l->e && l->d);
  tw_random_normal_fill(key + 7, 0, (size_t)(m * n), l->e);
}

static void rows_free(linear_rows *l) {
  composite_free(&l->c);
  free(l->e);
  free(l->d);
}

static tw_oracle rows_oracle(linear_rows *l) {
  tw_oracle o = composite_oracle(&l->c, true);
  o.m = l->m;
  o.offers |= TW_CONSTRAINTS;
  o.c_lower = o.c_upper = l->d;
  o.constraints = rows_value;
  o.constraints_jvp = rows_jvp;
  o.constraints_vjp = rows_vjp;
  return o;
}

/* min |A x - b|^2 / 2 on the simplex with E x = E x_0: the fixed point of a projected step on the Lagrangian.
 */
static void constraints_on_a_simplex(void **state) {
  (void)state;
  linear_rows l = {.c = {.weight = 1, .project = simplex_project}};
  rows_random(&l, 25, 20, 3, 17);
  double even[20], g[20], jty[20], to[20], c[3];
  for (int j = 0; j < 20; j++) even[j] = 1.0 / 20;
  rows_value(&l, even, l.d, NULL);
  const tw_oracle oracle = rows_oracle(&l);
  tw_result r = solve(&oracle, "auglag");
  print_message("simplex: %s, %lld iterations, %lld gradients\n", r.message, (long long)r.iterations,
                (long long)r.counts.gradient);
  assert_int_equal(r.outcome, TW_SOLVED);
  composite_f(&l.c, r.x, g);
  rows_vjp(&l, r.x, r.dual, jty, NULL);
  for (int j = 0; j < 20; j++) g[j] = r.x[j] - g[j] - jty[j];
  simplex_project(g, 20, 1, to);
  rows_value(&l, r.x, c, NULL);
  for (int j = 0; j < 20; j++) assert_near(to[j], r.x[j], 1e-7);
  for (int i = 0; i < 3; i++) assert_near(c[i], l.d[i], 1e-9);
  tw_result_free(&r);
  rows_free(&l);
}

/* Basis pursuit: min |x|_1 with E x = E x_0 recovers a sparse x_0 (Candès & Tao 2005). */
static void basis_pursuit(void **state) {
  (void)state;
  linear_rows l = {.c = {.weight = 1, .penalty = l1_penalty, .prox = l1_prox}};
  rows_random(&l, 1, 60, 30, 23);
  memset(l.c.a, 0, 60 * sizeof(double)); /* f = 0 */
  l.c.b[0] = 0;
  double sparse[60] = {0};
  sparse[3] = 1.5;
  sparse[20] = -2;
  sparse[41] = 0.7;
  rows_value(&l, sparse, l.d, NULL);
  const tw_oracle oracle = rows_oracle(&l);
  tw_result r = solve(&oracle, "auglag");
  print_message("basis pursuit: %s, %lld iterations, %lld gradients, f %.12g\n", r.message,
                (long long)r.iterations, (long long)r.counts.gradient, r.f);
  assert_int_equal(r.outcome, TW_SOLVED);
  for (int j = 0; j < 60; j++) assert_near(r.x[j], sparse[j], 1e-7);
  tw_result_free(&r);
  rows_free(&l);
}

#define BY(test, method)                                                                                     \
  { #test " by " method, test, NULL, NULL, (void *)(uintptr_t)method }

int main(void) {
  const struct CMUnitTest tests[] = {BY(solves_with_curvature, "auglag"),
                                     BY(solves_with_gradients, "auglag"),
                                     BY(solves_with_curvature, "auglag:newton=0"),
                                     BY(solves_with_curvature, "ipm"),
                                     BY(solves_with_curvature, "ipm:polish=0"),
                                     BY(solves_with_gradients, "ipm"),
                                     BY(solves_with_curvature, "sqp"),
                                     BY(solves_with_gradients, "sqp"),
                                     BY(multipliers, "sqp"),
                                     BY(ends_for_the_right_reason, "sqp"),
                                     BY(solves_with_curvature, "ipopt:relax=0,tol=1e-10"),
                                     BY(solves_with_curvature, "ipopt:relax=0,tol=1e-10,mu=adaptive"),
                                     BY(multipliers, "ipopt:relax=0,tol=1e-10"),
                                     BY(multipliers, "auglag"),
                                     BY(multipliers, "ipm"),
                                     BY(large_problem, "auglag"),
                                     BY(large_problem, "auglag:newton=0"),
                                     BY(ends_for_the_right_reason, "auglag"),
                                     BY(ends_for_the_right_reason, "ipm"),
                                     cmocka_unit_test(constraints_on_a_simplex),
                                     cmocka_unit_test(basis_pursuit)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
