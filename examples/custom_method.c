/* A method defined outside the library: the gradient method with Barzilai & Borwein's (1988) steps. The file holds its
 * mathematics; budgets, tolerance tests, checkpoints and the result come with the driver. */
#include <talweg/talweg.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* g = gradient at x, and the last step s with its change of gradient y, as state that checkpoints keep. */
static tw_status begin(tw_run *run) {
  double *g = tw_run_vector(run, "gradient", run->n), *step = tw_run_vector(run, "step", 1);
  if (!g || !step) return TW_ERR_MEMORY;
  tw_status status = tw_run_gradient(run, run->x, &run->f, g);
  if (status != TW_OK) return status;
  run->scale = run->optimality.stationarity = tw_vec_norm_inf(g, (size_t)run->n);
  step[0] = 1 / fmax(1, tw_vec_norm2(g, (size_t)run->n));
  return TW_OK;
}

/* x+ = x - a g with a = s's / s'y of the step before. */
static tw_status step(tw_run *run) {
  size_t n = (size_t)run->n;
  double *g = tw_run_vector(run, "gradient", run->n), *a = tw_run_vector(run, "step", 1);
  double *next = tw_run_vector(run, "next gradient", run->n);
  if (!g || !a || !next) return TW_ERR_MEMORY;
  for (size_t i = 0; i < n; i++) run->x[i] -= a[0] * g[i];
  tw_status status = tw_run_gradient(run, run->x, &run->f, next);
  if (status != TW_OK) return status;
  double gg = tw_vec_dot(g, g, n), gy = gg - tw_vec_dot(g, next, n); /* s = -a g, y = next - g */
  if (gy > 0) a[0] = a[0] * gg / gy;
  memcpy(g, next, n * sizeof *g);
  run->optimality.stationarity = tw_vec_norm_inf(g, n);
  return TW_OK;
}

static const tw_option options[] = {
    {"tol", TW_OPTION_REAL, 1e-9, 0, 1, NULL, "largest gradient entry, relative to the first"},
    {"max_iter", TW_OPTION_INTEGER, 10000, 1, 1e9, NULL, "iterations"},
    {0},
};

static const tw_method barzilai_borwein = {.name = "barzilai_borwein",
                                           .summary = "gradient steps of two-point length",
                                           .reference = "Barzilai & Borwein, 1988",
                                           .goals = TW_FOR_MINIMIZE,
                                           .needs = TW_VALUE | TW_GRADIENT,
                                           .options = options,
                                           .init = begin,
                                           .step = step};

/* sum_i i x_i^2 / 2 - x_i, whose minimum is x_i = 1 / i */
static tw_status quadratic(void *context, const double *x, double *f, double *g, tw_error *error) {
  (void)context, (void)error;
  *f = 0;
  for (int i = 0; i < 50; i++) {
    g[i] = (i + 1) * x[i] - 1;
    *f += 0.5 * (i + 1) * x[i] * x[i] - x[i];
  }
  return TW_OK;
}

static tw_status quadratic_value(void *context, const double *x, double *f, tw_error *error) {
  double g[50];
  return quadratic(context, x, f, g, error);
}

int main(void) {
  tw_error error = {0};
  tw_oracle oracle = {.n = 50, .offers = TW_VALUE | TW_GRADIENT, .value = quadratic_value, .gradient = quadratic};
  tw_solver *solver;
  tw_result result = {0};
  double x0[50] = {0};
  if (tw_solver_new_with(&solver, &barzilai_borwein, &oracle, x0, NULL, &error) != TW_OK) {
    fprintf(stderr, "custom_method: %s\n", error.message);
    return 1;
  }
  while (tw_solver_step(solver) == TW_RUNNING) continue;
  int bad = tw_solver_result(solver, &result, &error) != TW_OK || result.outcome != TW_SOLVED;
  printf("%s by %s in %lld iterations, x[49] = %.10f\n", tw_outcome_name(result.outcome), result.method,
         (long long)result.iterations, result.x ? result.x[49] : NAN);
  bad |= !(result.x && fabs(result.x[49] - 0.02) < 1e-8);
  tw_result_free(&result);
  tw_solver_free(solver);
  return bad;
}
