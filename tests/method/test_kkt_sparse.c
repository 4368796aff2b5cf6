/* The augmented Lagrangian's last steps by sparse factorization: the same solution as by products, with fewer
 * of them. */
#include "test.h"

#include <talweg/method.h>

static tw_error error;

static tw_expr at(tw_expr x, tw_expr k, int64_t c) {
  tw_expr i = tw_add(k, tw_integer(k.graph, c));
  return tw_take(x, 1, &i);
}

/* Luksan & Vlcek's first problem, the example of LANGUAGE.md; with bounds some variables are held. */
static tw_problem *luksan_vlcek(tw_graph *g, int64_t n, bool bounds) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(n)), k = tw_input(g, "k", TW_I64, TW_SCALAR);
  tw_expr a = at(x, k, 0), b = at(x, k, 1), c = at(x, k, 2), one = tw_scalar(g, 1);
  tw_expr f = tw_add(tw_scale(tw_square(tw_sub(tw_square(a), b)), 100), tw_square(tw_sub(a, one)));
  tw_expr e = tw_add(tw_scale(tw_mul(tw_square(b), b), 3), tw_scale(c, 2));
  e = tw_add(e, tw_mul(tw_sin(tw_sub(b, c)), tw_sin(tw_add(b, c))));
  e = tw_sub(tw_add(e, tw_scale(b, 4)), tw_mul(a, tw_exp(tw_sub(a, b))));
  tw_problem_minimize(p, "f", tw_loop_sum(k, n - 1, f));
  tw_problem_subject(p, "c", tw_loop_stack(k, n - 2, e), tw_scalar(g, 8), tw_scalar(g, 8));
  tw_expr even = tw_eq(tw_mod(tw_iota(g, TW_I64, n), tw_integer(g, 2)), tw_integer(g, 0));
  tw_problem_start(p, x, tw_where(even, tw_scalar(g, -1.2), one));
  if (bounds) tw_problem_bounds(p, x, tw_scalar(g, -0.5), tw_scalar(g, 3));
  return p;
}

static void same_solution_with_fewer_products(void **state) {
  (void)state;
  for (int bounds = 0; bounds < 2; bounds++) {
    tw_graph *g = tw_graph_new();
    tw_problem *p = luksan_vlcek(g, 400, bounds);
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
