/* The augmented Lagrangian's last steps by sparse factorization: the same solution as by products, with fewer
 * of them. */
#include "luksan_vlcek.h"
#include "test.h"

#include <talweg/method.h>

static tw_error error;

static void same_solution_with_fewer_products(void **state) {
  (void)state;
  for (int bounds = 0; bounds < 2; bounds++) {
    tw_graph *g = tw_graph_new();
    tw_problem *p = luksan_vlcek(g, 400, 0, bounds);
    tw_class cls;
    double f[2];
    int64_t products[2];
    assert_ok(tw_classify(p, &cls, &error));
    for (int sparse = 0; sparse < 2; sparse++) {
      tw_oracle oracle;
      tw_result r;
      assert_ok(tw_oracle_from_problem(&oracle, p, &cls, &error));
      if (!sparse) oracle.offers &= ~(unsigned)TW_SPARSE;
      const tw_solve_options options = {.method = "auglag"};
      assert_ok(tw_minimize(&oracle, NULL, &options, &r, &error));
      if (r.outcome != TW_SOLVED) fail_msg("%s", r.message);
      assert_true(r.optimality.stationarity <= 1e-8 * fmax(1, fabs(r.f)) && r.optimality.feasibility <= 1e-9);
      f[sparse] = r.f;
      products[sparse] = r.counts.hvp + r.counts.jacobian;
      tw_result_free(&r);
      tw_oracle_release(&oracle);
    }
    print_message("f %.12g, %lld products, %lld without sparse matrices\n", f[1], (long long)products[1],
                  (long long)products[0]);
    assert_close(f[1], f[0], 1e-9);
    if (products[1] >= products[0])
      fail_msg("%lld products, %lld without", (long long)products[1], (long long)products[0]);
    tw_problem_free(p);
    tw_graph_free(g);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(same_solution_with_fewer_products)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
