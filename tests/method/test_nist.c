/* NIST StRD nonlinear regression: every set from both starting points to the certified parameters. */
#include "nist.h"

/* Exact derivatives: the model's gradient agrees with central differences at the first start. */
static void jacobians_are_exact(void **state) {
  (void)state;
  nist_set *set = malloc(sizeof *set);
  assert_non_null(set);
  for (int index = 0; index < NIST_SETS; index++) {
    nist_read(set, index);
    double g[NIST_MAX_PARAMETERS], unused[NIST_MAX_PARAMETERS], b[NIST_MAX_PARAMETERS];
    for (int i = 0; i < set->rows; i += 7) {
      set->model(set->certified, set->x[i], g);
      for (int j = 0; j < set->n; j++) {
        memcpy(b, set->certified, sizeof b);
        const double h = 1e-6 * fabs(b[j]);
        b[j] += h;
        const double up = set->model(b, set->x[i], unused);
        b[j] -= 2 * h;
        const double slope = (up - set->model(b, set->x[i], unused)) / (2 * h), size = fabs(up) / fabs(b[j]);
        if (fabs(slope - g[j]) > 1e-7 * (fabs(g[j]) + size))
          fail_msg("%s: dy/db%d at row %d", set->name, j + 1, i);
      }
    }
  }
  free(set);
}

/* The files are whole: certified values give the certified residual sum of squares. */
static void certified_values_agree(void **state) {
  (void)state;
  nist_set *set = malloc(sizeof *set);
  assert_non_null(set);
  for (int index = 0; index < NIST_SETS; index++) {
    nist_read(set, index);
    double r[NIST_MAX_ROWS], rss = 0;
    nist_residual(set, set->certified, r, NULL);
    for (int i = 0; i < set->rows; i++) rss += r[i] * r[i];
    /* Lanczos1's 1e-25 is beyond what eleven digits of the parameters can give */
    if (fabs(rss - set->rss) > 1e-9 * set->rss + 1e-18)
      fail_msg("%s: %.10e, certified %.10e", set->name, rss, set->rss);
  }
  free(set);
}

static void reaches_certified_values(void **state) {
  const char *method = *state;
  nist_set *set = malloc(sizeof *set);
  assert_non_null(set);
  for (int index = 0; index < NIST_SETS; index++) {
    nist_read(set, index);
    const tw_oracle oracle = nist_oracle(set);
    for (int start = 0; start < 2; start++) {
      const tw_solve_options options = {.method = method};
      tw_result result;
      tw_error error;
      assert_int_equal(tw_minimize(&oracle, set->start[start], &options, &result, &error), TW_OK);
      const double digits = nist_digits(set, result.x);
      print_message("%-12s %-9s start %d: %-18s %4.1f digits, f %.10e (%.10e), %4lld iterations, %lld "
                    "residuals, %.1e\n",
                    method, set->name, start + 1, tw_outcome_name(result.outcome), digits, result.f, set->rss,
                    (long long)result.iterations, (long long)result.counts.residual,
                    result.optimality.stationarity);
      if (digits < 6 || result.outcome != TW_SOLVED) {
        fail_msg("%s", result.message);
      }
      tw_result_free(&result);
    }
  }
  free(set);
}

#define BY(method)                                                                                           \
  { "certified values by " method, reaches_certified_values, NULL, NULL, (void *)(uintptr_t)method }

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(jacobians_are_exact),
                                     cmocka_unit_test(certified_values_agree), BY("lm"), BY("lm:geodesic=0"),
                                     BY("lm:jacobian=matrix-free")};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
