/* Luksan & Vlcek's problem 5.1 (1999), the example of LANGUAGE.md: n variables, n - 2 rows, one loop each. */
#ifndef TALWEG_TESTS_METHOD_LUKSAN_VLCEK_H
#define TALWEG_TESTS_METHOD_LUKSAN_VLCEK_H

#include <talweg/problem.h>

static inline tw_expr luksan_at(tw_expr x, tw_expr k, int64_t c) {
  tw_expr i = tw_add(k, tw_integer(k.graph, c));
  return tw_take(x, 1, &i);
}

/* Rows as inequalities within `slack` where it is positive; with bounds some variables are held. */
static inline tw_problem *luksan_vlcek(tw_graph *g, int64_t n, double slack, bool bounds) {
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(n)), k = tw_input(g, "k", TW_I64, TW_SCALAR);
  tw_expr a = luksan_at(x, k, 0), b = luksan_at(x, k, 1), c = luksan_at(x, k, 2), one = tw_scalar(g, 1);
  tw_expr f = tw_add(tw_scale(tw_square(tw_sub(tw_square(a), b)), 100), tw_square(tw_sub(a, one)));
  tw_expr e = tw_add(tw_scale(tw_mul(tw_square(b), b), 3), tw_scale(c, 2));
  e = tw_add(e, tw_mul(tw_sin(tw_sub(b, c)), tw_sin(tw_add(b, c))));
  e = tw_sub(tw_add(e, tw_scale(b, 4)), tw_mul(a, tw_exp(tw_sub(a, b))));
  tw_problem_minimize(p, "f", tw_loop_sum(k, n - 1, f));
  tw_problem_subject(p, "c", tw_loop_stack(k, n - 2, e), tw_scalar(g, 8 - slack), tw_scalar(g, 8 + slack));
  tw_expr even = tw_eq(tw_mod(tw_iota(g, TW_I64, n), tw_integer(g, 2)), tw_integer(g, 0));
  tw_problem_start(p, x, tw_where(even, tw_scalar(g, -1.2), one));
  if (bounds) tw_problem_bounds(p, x, tw_scalar(g, -0.5), tw_scalar(g, 3));
  return p;
}

#endif
