/* The unconstrained methods on standard functions. */
#include "functions.h"

static void solves_standard_functions(void **state) {
  const char *method = *state;
  /* Steepest descent needs some 1e7 iterations at condition 1e6. */
  const int count = strncmp(method, "gd", 2) == 0 ? FUNCTIONS - 1 : FUNCTIONS;
  for (int i = 0; i < count; i++) {
    const tw_oracle oracle = function_oracle(&functions[i]);
    tw_result r = solve(&oracle, method);
    print_message("%-12s %-28s %-10s f %.3g, %lld iterations, %lld gradients, %lld hvp, stationarity %.2g\n",
                  method, functions[i].name, tw_outcome_name(r.outcome), r.f, (long long)r.iterations,
                  (long long)r.counts.gradient, (long long)r.counts.hvp, r.optimality.stationarity);
    if (r.outcome != TW_SOLVED)
      fail_msg("%s on %s: %s: %s", method, functions[i].name, tw_outcome_name(r.outcome), r.message);
    assert_near(r.f, functions[i].optimum, functions[i].f_error);
    if (!isnan(functions[i].minimizer))
      for (int64_t k = 0; k < r.n; k++) assert_near(r.x[k], functions[i].minimizer, functions[i].x_error);
    tw_result_free(&r);
  }
}

#define ON(method)                                                                                           \
  { "standard functions by " method, solves_standard_functions, NULL, NULL, (void *)(uintptr_t)method }

int main(void) {
  const struct CMUnitTest tests[] = {ON("gd"),
                                     ON("gd:linesearch=wolfe"),
                                     ON("gd:linesearch=hager-zhang"),
                                     ON("ncg"),
                                     ON("ncg:beta=pr+"),
                                     ON("ncg:beta=fr"),
                                     ON("ncg:beta=hs"),
                                     ON("bfgs"),
                                     ON("bfgs:linesearch=hager-zhang"),
                                     ON("lbfgs"),
                                     ON("lbfgs:memory=3"),
                                     ON("lbfgs:linesearch=armijo"),
                                     ON("newton_cg"),
                                     ON("newton_cg:dense=0"),
                                     ON("lbfgsb"),
                                     ON("tron"),
                                     ON("tron:dense=0")};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
