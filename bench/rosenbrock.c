/* L-BFGS on the extended Rosenbrock function, n = 10^6: sum over pairs of 100 (b - a^2)^2 + (1 - a)^2 as one loop. */
#include "bench.h"

typedef struct descent {
  tw_oracle oracle;
  tw_solve_options options;
  double *x0, norm;
  int64_t n, iterations;
} descent;

static int minimize(void *d_) {
  descent *d = d_;
  tw_result result = {0};
  if (tw_minimize(&d->oracle, d->x0, &d->options, &result, &bench_error) != TW_OK) return 1;
  d->iterations = result.iterations;
  d->norm = result.optimality.stationarity;
  tw_result_free(&result);
  return 0;
}

int bench_rosenbrock(void) {
  tw_graph *g = tw_graph_new();
  tw_problem *p = tw_problem_new(g);
  tw_class cls;
  descent d = {.n = 1000000};
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(d.n)), k = tw_input(g, "k", TW_I64, TW_SCALAR);
  tw_expr i = tw_mul(k, tw_integer(g, 2)), j = tw_add(i, tw_integer(g, 1)), a = tw_take(x, 1, &i), b = tw_take(x, 1, &j);
  tw_problem_minimize(p, NULL, tw_loop_sum(k, d.n / 2, tw_add(tw_scale(tw_square(tw_sub(b, tw_square(a))), 100),
                                                              tw_square(tw_sub(tw_scalar(g, 1), a)))));
  d.x0 = malloc((size_t)d.n * sizeof *d.x0);
  if (!d.x0 || tw_classify(p, &cls, &bench_error) != TW_OK || tw_oracle_from_problem(&d.oracle, p, &cls, &bench_error) != TW_OK)
    return bench_fail("rosenbrock");
  for (int64_t e = 0; e < d.n; e++) d.x0[e] = e % 2 ? 1 : -1.2;
  int bad = 0;
  for (int threads = 1; threads <= 2; threads++) {
    /* |g|_inf <= 1e-6, as the peer: stationarity is relative to the gradient at the start */
    d.options = (tw_solve_options){.method = "lbfgs:memory=10", .exec = {.threads = threads}, .tolerance = 1e-6 / 232.8};
    bad |= bench_time("rosenbrock", "talweg", threads, 4, minimize, &d);
  }
  bench_number("rosenbrock", "iterations", (double)d.iterations);
  bench_number("rosenbrock", "relative gradient", d.norm);
  tw_oracle_release(&d.oracle);
  free(d.x0);
  return bad;
}
