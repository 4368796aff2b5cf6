/* The augmented Lagrangian on Hock & Schittkowski's problems, a large equality-constrained one, and ones without solution. */
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

static void solves(const char *method, bool curvature) {
  for (int i = 0; i < NLPS; i++) {
    const tw_oracle oracle = nlp_oracle(&nlps[i], curvature);
    tw_result r = solve(&oracle, method);
    print_message("%-22s %s %s %-9s f %.10g (%.10g), %lld iterations, %lld values, %lld gradients, %lld hvp, %.1e %.1e %.1e\n",
                  method, curvature ? "hvp" : "   ", nlps[i].name, tw_outcome_name(r.outcome), r.f, nlps[i].optimum,
                  (long long)r.iterations, (long long)r.counts.value, (long long)r.counts.gradient, (long long)r.counts.hvp,
                  r.optimality.stationarity, r.optimality.feasibility, r.optimality.complementarity);
    if (r.outcome != TW_SOLVED) fail_msg("%s: %s", nlps[i].name, r.message);
    assert_near(r.f, nlps[i].optimum, 1e-8 * fmax(1, fabs(nlps[i].optimum)));
    check_kkt(&nlps[i], &r, 1e-6);
    tw_result_free(&r);
  }
}

static void solves_with_curvature(void **state) { solves(*state, true); }
static void solves_with_gradients(void **state) { solves(*state, false); }

/* hs071's multipliers, d f*/ /* d bound with the sign of L = f + y'c (Ipopt's tutorial). */
static void multipliers(void **state) {
  (void)state;
  const tw_oracle oracle = nlp_oracle(&nlps[10], true);
  tw_result r = solve(&oracle, "auglag");
  assert_near(r.f, 17.0140173, 1e-7);
  assert_near(r.dual[0], -0.552293660, 1e-8);
  assert_near(r.dual[1], 0.161468568, 1e-8);
  tw_result_free(&r);
}

/* n = 1000: the example of LANGUAGE.md. */
static void large_problem(void **state) {
  const char *method = *state;
  int64_t n = getenv("LVN") ? atoi(getenv("LVN")) : 1000;
  double *zeros = calloc((size_t)n, sizeof *zeros);
  assert_non_null(zeros);
  for (int curvature = 1; curvature >= 0; curvature--) {
    const tw_oracle oracle = lv_oracle(&n, zeros, curvature);
    tw_result r = solve(&oracle, method);
    print_message("%-18s n = %lld: f %.10g, %lld iterations, %lld gradients, %lld hvp, %lld constraints, %.1f s, %.1e %.1e, %s\n", method,
                  (long long)n, r.f, (long long)r.iterations, (long long)r.counts.gradient, (long long)r.counts.hvp, (long long)r.counts.constraints,
                  r.seconds, r.optimality.stationarity, r.optimality.feasibility, r.message);
    tw_result_free(&r);
  }
  free(zeros);
}

#define BY(test, method)                                                                                               \
  { #test " by " method, test, NULL, NULL, (void *)(uintptr_t)method }

int main(void) {
  const struct CMUnitTest tests[] = {BY(solves_with_curvature, "auglag"), BY(solves_with_gradients, "auglag"),
                                     BY(solves_with_curvature, "auglag:newton=0"), cmocka_unit_test(multipliers),
  BY(large_problem, "auglag"), BY(large_problem, "auglag:newton=0")};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
