/* The Talweg side of the benchmarks: one JSON line per case, in the form of peers.py. Usage: talweg_bench DIABETES.csv */
#include <talweg/talweg.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tw_error error;

static int fail(const char *what) {
  fprintf(stderr, "bench: %s: %s\n", what, error.message);
  return 1;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* sum((Xs w - yc)^2) + exp(l) sum(w^2) and its gradient in w, at l = 0. */
static tw_oracle *ridge(tw_graph *g, const char *path, tw_oracle *oracle) {
  tw_array x = {0}, y = {0};
  tw_class cls;
  if (tw_csv_read(path, "age..s6", &x, &error) != TW_OK || tw_csv_read(path, "target", &y, &error) != TW_OK) return NULL;
  tw_expr xs = tw_constant(g, &x), ys = tw_constant(g, &y);
  xs = tw_sub(xs, tw_mean(xs, 1, true));
  xs = tw_div(xs, tw_norm(xs, 1, true));
  ys = tw_sub(ys, tw_mean(ys, TW_ALL, false));
  tw_problem *p = tw_problem_new(g); /* lives as long as the program */
  tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(x.shape.dim[1]));
  tw_expr penalty = tw_mul(tw_exp(tw_scalar(g, 0)), tw_sum(tw_square(w), TW_ALL, false));
  tw_problem_minimize(p, NULL, tw_add(tw_sum(tw_square(tw_sub(tw_matmul(xs, w), ys)), TW_ALL, false), penalty));
  tw_array_free(&x);
  tw_array_free(&y);
  if (tw_classify(p, &cls, &error) != TW_OK || tw_oracle_from_problem(oracle, p, &cls, &error) != TW_OK) return NULL;
  return oracle;
}

static int bench_ridge(const char *path, int threads) {
  enum { ROUNDS = 50, CALLS = 2000 };
  tw_graph *g = tw_graph_new();
  tw_oracle oracle;
  if (!g || !ridge(g, path, &oracle)) return fail("ridge");
  oracle.exec(oracle.context, &(tw_exec){.threads = threads});
  double w[10], grad[10], f, seconds[ROUNDS];
  tw_random_normal_fill(1, 0, 10, w);
  for (int r = 0; r < ROUNDS; r++) {
    double start = tw_now();
    for (int k = 0; k < CALLS; k++)
      if (oracle.gradient(oracle.context, w, &f, grad, &error) != TW_OK) return fail("ridge");
    seconds[r] = (tw_now() - start) / CALLS;
  }
  qsort(seconds, ROUNDS, sizeof *seconds, by_value);
  printf("{\"case\":\"ridge\",\"who\":\"talweg\",\"threads\":%d,\"median\":%.4g,\"least\":%.4g}\n", threads, seconds[ROUNDS / 2], seconds[0]);
  tw_oracle_release(&oracle);
  return 0;
}

/* sum over pairs of 100 (b - a^2)^2 + (1 - a)^2, as one loop over an index set. */
static int bench_rosenbrock(int64_t n, int threads) {
  tw_graph *g = tw_graph_new();
  tw_problem *p = tw_problem_new(g);
  tw_expr x = tw_problem_variable(p, "x", TW_SHAPE(n)), k = tw_input(g, "k", TW_I64, TW_SCALAR);
  tw_expr i = tw_mul(k, tw_integer(g, 2)), j = tw_add(i, tw_integer(g, 1)), a = tw_take(x, 1, &i), b = tw_take(x, 1, &j);
  tw_problem_minimize(p, NULL, tw_loop_sum(k, n / 2, tw_add(tw_scale(tw_square(tw_sub(b, tw_square(a))), 100),
                                                            tw_square(tw_sub(tw_scalar(g, 1), a)))));
  double *x0 = malloc((size_t)n * sizeof *x0), seconds[5], norm = 0;
  long long iterations = 0;
  if (!x0) return 1;
  for (int64_t e = 0; e < n; e++) x0[e] = e % 2 ? 1 : -1.2;
  tw_class cls;
  tw_oracle oracle;
  if (tw_classify(p, &cls, &error) != TW_OK || tw_oracle_from_problem(&oracle, p, &cls, &error) != TW_OK) return fail("rosenbrock");
  double *grad = malloc((size_t)n * sizeof *grad), f;
  for (int r = 0; r < 5; r++) {
    tw_result result = {0};
    tw_solve_options options = {.method = "lbfgs:memory=10", .exec = {.threads = threads}, .tolerance = 1e-6 / 232.8};
    double start = tw_now();
    if (tw_minimize(&oracle, x0, &options, &result, &error) != TW_OK) return fail("rosenbrock");
    seconds[r] = tw_now() - start;
    iterations = (long long)result.iterations;
    if (grad && oracle.gradient(oracle.context, result.x, &f, grad, &error) == TW_OK) norm = tw_vec_norm_inf(grad, (size_t)n);
    tw_result_free(&result);
  }
  qsort(seconds, 5, sizeof *seconds, by_value);
  printf("{\"case\":\"rosenbrock\",\"who\":\"talweg\",\"threads\":%d,\"median\":%.4g,\"least\":%.4g,\"iterations\":%lld,\"gradient\":%.2g}\n",
         threads, seconds[2], seconds[0], iterations, norm);
  free(x0);
  free(grad);
  tw_oracle_release(&oracle);
  return 0;
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "examples/data/diabetes.csv";
  int bad = 0;
  for (int threads = 1; threads <= 2; threads++) bad |= bench_ridge(path, threads);
  for (int threads = 1; threads <= 2; threads++) bad |= bench_rosenbrock(1000000, threads);
  return bad;
}
