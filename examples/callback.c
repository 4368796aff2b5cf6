/* A problem from a C callback: the Rosenbrock function with its gradient, and without one (differences stand in). The
 * loop is owned by the caller the second time: it steps, looks, and stops when it likes. */
#include <talweg/talweg.h>

#include <math.h>
#include <stdio.h>

static tw_status value(void *context, const double *x, double *f, tw_error *error) {
  (void)context, (void)error;
  *f = 100 * pow(x[1] - x[0] * x[0], 2) + pow(1 - x[0], 2);
  return TW_OK;
}

static tw_status gradient(void *context, const double *x, double *f, double *g, tw_error *error) {
  double r = x[1] - x[0] * x[0];
  g[0] = -400 * x[0] * r - 2 * (1 - x[0]);
  g[1] = 200 * r;
  return value(context, x, f, error);
}

static int with_gradient(const double *x0, tw_error *error) {
  tw_oracle oracle = {.n = 2, .offers = TW_VALUE | TW_GRADIENT, .value = value, .gradient = gradient};
  tw_result result = {0};
  if (tw_minimize(&oracle, x0, &(tw_solve_options){.method = "lbfgs"}, &result, error) != TW_OK) return 1;
  printf("with gradient:    %s at (%.8f, %.8f) after %lld iterations\n", tw_outcome_name(result.outcome), result.x[0], result.x[1],
         (long long)result.iterations);
  int bad = result.outcome != TW_SOLVED || fabs(result.x[0] - 1) > 1e-6;
  tw_result_free(&result);
  return bad;
}

static int without_gradient(const double *x0, tw_error *error) {
  tw_oracle oracle = {.n = 2, .offers = TW_VALUE, .value = value};
  tw_solver *solver;
  if (tw_oracle_complete(&oracle, error) != TW_OK) return 1;
  tw_solve_options options = {.method = "bfgs", .tolerance = 1e-7};
  if (tw_solver_new(&solver, &oracle, x0, &options, error) != TW_OK) {
    tw_oracle_release(&oracle);
    return 1;
  }
  tw_progress at;
  while (tw_solver_step(solver) == TW_RUNNING) tw_solver_progress(solver, &at);
  tw_solver_progress(solver, &at);
  printf("without gradient: f = %.1e at (%.6f, %.6f) after %lld iterations\n", at.f, at.x[0], at.x[1], (long long)at.iteration);
  int bad = !(fabs(at.x[0] - 1) < 1e-4);
  tw_solver_free(solver);
  tw_oracle_release(&oracle);
  return bad;
}

int main(void) {
  const double x0[2] = {-1.2, 1};
  tw_error error = {0};
  int bad = with_gradient(x0, &error);
  bad |= without_gradient(x0, &error);
  if (bad) fprintf(stderr, "callback: %s\n", error.message);
  return bad;
}
