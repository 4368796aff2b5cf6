/* A run that is saved and gone on with elsewhere gives the same bits as one that is not, for the
 * least-squares, root, fixed-point, proximal and constrained families. */
#include <unistd.h>

#include "composite.h"
#include "constrained.h"
#include "nist.h"
#include "systems.h"

static tw_status contraction(void *context, const double *x, double *r, tw_error *error) {
  (void)context;
  (void)error;
  for (int i = 0; i < 6; i++) r[i] = 0.3 * sin(x[(i + 1) % 6]) + 0.5 * cos(x[i]) - x[i];
  return TW_OK;
}

typedef struct fixture {
  nist_set nist;
  composite lasso, simplex;
  double start[NIST_MAX_PARAMETERS];
} fixture;

/* The problem that `method` is for. */
static tw_oracle oracle_for(fixture *f, const char *method) {
  if (strncmp(method, "lm", 2) == 0 || strncmp(method, "gauss", 5) == 0) return nist_oracle(&f->nist);
  if (strncmp(method, "ipm:mu", 6) == 0) return nlp_oracle(&nlps[10], false);
  if (strncmp(method, "auglag", 6) == 0 || strncmp(method, "ipm", 3) == 0 ||
      strncmp(method, "sqp", 3) == 0)
    return nlp_oracle(&nlps[NLPS - 1], strstr(method, "tron") == NULL);
  if (strncmp(method, "newton_root", 11) == 0) return system_oracle(&systems[0]);
  if (strncmp(method, "broyden", 7) == 0) return system_oracle(&systems[2]);
  if (strncmp(method, "proximal", 8) == 0)
    return composite_oracle(&f->lasso, strstr(method, "polish") == NULL);
  if (strncmp(method, "projected", 9) == 0) return composite_oracle(&f->simplex, false);
  if (strncmp(method, "mirror", 6) == 0) {
    tw_oracle o = composite_oracle(&f->simplex, true);
    o.offers |= TW_MIRROR;
    o.mirror_step = composite_mirror;
    return o;
  }
  return (tw_oracle){.n = 6, .k = 6, .offers = TW_RESIDUAL, .residual = contraction};
}

static void run_on(tw_solver *solver) {
  while (tw_solver_step(solver) == TW_RUNNING) {}
}

static tw_solver *open_solver(const tw_oracle *oracle, const double *x0, const char *method) {
  tw_solver *solver;
  tw_error error;
  const tw_solve_options options = {.method = method};
  if (tw_solver_new(&solver, oracle, x0, &options, &error) != TW_OK)
    fail_msg("%s: %s", method, error.message);
  return solver;
}

static void same_bits(const tw_solver *a, const tw_solver *b, const char *method) {
  tw_result ra, rb;
  assert_int_equal(tw_solver_result(a, &ra, NULL), TW_OK);
  assert_int_equal(tw_solver_result(b, &rb, NULL), TW_OK);
  print_message("%-44s %lld iterations, %s\n", method, (long long)ra.iterations, tw_outcome_name(ra.outcome));
  assert_int_equal(ra.outcome, TW_SOLVED);
  assert_int_equal(ra.outcome, rb.outcome);
  assert_int_equal(ra.iterations, rb.iterations);
  assert_int_equal(ra.counts.gradient, rb.counts.gradient);
  assert_int_equal(ra.counts.residual, rb.counts.residual);
  assert_memory_equal(ra.x, rb.x, (size_t)ra.n * sizeof(double));
  assert_memory_equal(&ra.f, &rb.f, sizeof(double));
  if (ra.dual) assert_memory_equal(ra.dual, rb.dual, (size_t)ra.m * sizeof(double));
  tw_result_free(&ra);
  tw_result_free(&rb);
}

static void resumed_equals_uninterrupted(void **state) {
  static const char *const methods[] = {"lm",
                                        "lm:geodesic=0,jacobian=matrix-free",
                                        "gauss_newton",
                                        "newton_root",
                                        "newton_root:jacobian=matrix-free",
                                        "broyden:start=identity,memory=4",
                                        "picard",
                                        "anderson:history=3",
                                        "proximal_gradient",
                                        "proximal_gradient:polish=0",
                                        "projected_gradient",
                                        "projected_gradient:variant=spectral",
                                        "mirror_descent",
                                        "auglag",
                                        "auglag:inner=lbfgs",
                                        "ipm",
                                        "ipm:mu=0.2",
                                        "sqp",
                                        "sqp:restarts=0"};
  fixture *f = *state;
  char path[] = "/tmp/talweg-resume-XXXXXX";
  const int file = mkstemp(path);
  assert_true(file >= 0);
  close(file);
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    const tw_oracle oracle = oracle_for(f, methods[i]);
    const double *x0 = oracle.context == &f->nist      ? f->nist.start[0]
                       : oracle.context == &f->simplex ? f->start
                                                       : NULL;
    for (int stop = 1; stop <= 64; stop *= 4) {
      tw_solver *whole = open_solver(&oracle, x0, methods[i]), *first = open_solver(&oracle, x0, methods[i]),
                *second = open_solver(&oracle, x0, methods[i]);
      for (int k = 0; k < stop; k++) tw_solver_step(first);
      tw_error error = {TW_OK, ""};
      if (tw_solver_save(first, path, &error) != TW_OK || tw_solver_load(second, path, &error) != TW_OK)
        fail_msg("%s after %d: %s", methods[i], stop, error.message);
      run_on(whole);
      run_on(second);
      same_bits(whole, second, methods[i]);
      tw_solver_free(whole);
      tw_solver_free(first);
      tw_solver_free(second);
    }
  }
  unlink(path);
}

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  assert_non_null(f);
  nist_read(&f->nist, 7);
  f->lasso = (composite){.weight = 5, .penalty = l1_penalty, .prox = l1_prox};
  composite_random(&f->lasso, 60, 150, 21);
  f->simplex = (composite){.weight = 1, .project = simplex_project};
  composite_random(&f->simplex, 20, 9, 9);
  for (int i = 0; i < 9; i++) f->start[i] = 1.0 / 9;
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  composite_free(&f->lasso);
  composite_free(&f->simplex);
  free(f);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(resumed_equals_uninterrupted)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
