/* Convex nonlinear problems with integers against enumeration. */
#include "test.h"

#include <talweg/method.h>

enum { N = 3, LEAST = -2, MOST = 2 };

typedef struct data {
  double c[N], d[N], a[N], radius, low;
} data;

static tw_error error;

static double draw(uint64_t key, uint64_t index, double low, double high) {
  return low + (high - low) * tw_random_uniform(key, index);
}

static data random_data(uint64_t key) {
  data p = {.radius = draw(key, 90, 2, 7), .low = draw(key, 91, -1, 1)};
  for (uint64_t i = 0; i < N; i++) p.c[i] = draw(key, i, -1, 1), p.d[i] = draw(key, 10 + i, -2, 2), p.a[i] = draw(key, 20 + i, -2, 2);
  return p;
}

/* sum exp(c_i x_i) - d_i x_i  with  |x|^2 <= radius,  a'x >= low;  t free: + (t - x_0)^2 + t / 2, at its least x_0/2 - 1/16. */
static double objective(const data *p, const double *x) {
  double f = 0.5 * x[0] - 0.0625;
  for (int i = 0; i < N; i++) f += exp(p->c[i] * x[i]) - p->d[i] * x[i];
  return f;
}

static bool feasible(const data *p, const double *x) {
  double square = 0, row = 0;
  for (int i = 0; i < N; i++) square += x[i] * x[i], row += p->a[i] * x[i];
  return square <= p->radius && row >= p->low;
}

static double enumerate(const data *p) {
  double best = INFINITY, x[N];
  for (x[0] = LEAST; x[0] <= MOST; x[0]++)
    for (x[1] = LEAST; x[1] <= MOST; x[1]++)
      for (x[2] = LEAST; x[2] <= MOST; x[2]++)
        if (feasible(p, x)) best = fmin(best, objective(p, x));
  return best;
}

static tw_expr vector(tw_graph *g, const double *v) {
  const tw_array value = tw_array_f64((double *)(uintptr_t)v, TW_SHAPE(N));
  return tw_constant(g, &value);
}

static tw_result solve(const data *p, const char *method) {
  tw_graph *g = tw_graph_new();
  tw_problem *problem = tw_problem_new(g);
  const tw_expr x = tw_problem_variable(problem, "x", TW_SHAPE(N)), t = tw_problem_variable(problem, "t", TW_SCALAR);
  tw_problem_kind(problem, x, TW_INTEGER);
  tw_problem_bounds(problem, x, tw_scalar(g, LEAST), tw_scalar(g, MOST));
  const tw_expr first = tw_dot(x, vector(g, (const double[N]){1, 0, 0}));
  const tw_expr f = tw_sub(tw_sum(tw_exp(tw_mul(vector(g, p->c), x)), 1, false), tw_dot(vector(g, p->d), x));
  tw_problem_minimize(problem, "f", tw_add(f, tw_add(tw_square(tw_sub(t, first)), tw_scale(t, 0.5))));
  tw_problem_subject(problem, "ball", tw_sum(tw_square(x), 1, false), TW_NONE, tw_scalar(g, p->radius));
  tw_problem_subject(problem, "row", tw_dot(vector(g, p->a), x), tw_scalar(g, p->low), TW_NONE);
  tw_result r;
  const tw_solve_options options = {.method = method};
  if (tw_solve_problem(problem, &options, &r, &error) != TW_OK) fail_msg("%s", error.message);
  tw_problem_free(problem);
  tw_graph_free(g);
  return r;
}

static void optima_are_those_of_enumeration(void **state) {
  (void)state;
  static const char *const methods[] = {NULL, "branch_and_bound:strong=0,heuristics=0"};
  int infeasible = 0;
  for (uint64_t key = 1; key <= 6; key++)
    for (int k = 0; k < 2; k++) {
      data p = random_data(key);
      if (key == 6) p.low = 50;
      const double optimum = enumerate(&p);
      tw_result r = solve(&p, methods[k]);
      assert_string_equal(r.method, "branch_and_bound");
      if (optimum == INFINITY) {
        assert_int_equal(r.outcome, TW_INFEASIBLE);
        infeasible++;
      } else {
        if (r.outcome != TW_SOLVED || fabs(r.f - optimum) > 1e-6)
          fail_msg("%llu: %.10g, expected %.10g (%s)", (unsigned long long)key, r.f, optimum, r.message);
        assert_true(r.bound <= r.f && r.bound >= r.f - 1e-6);
        for (int i = 0; i < N; i++) assert_true(r.x[i] == nearbyint(r.x[i]));
        assert_true(feasible(&p, r.x));
      }
      tw_result_free(&r);
    }
  assert_true(infeasible >= 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(optima_are_those_of_enumeration)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
