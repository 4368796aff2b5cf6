/* Fixed points: Picard and Anderson, on contractions, on maps that only Anderson settles, and where there is
 * none. */
#include "functions.h"

typedef struct map {
  const char *name;
  int64_t n;
  void (*apply)(const double *x, int64_t n, double *out);
  bool contracts;
} map;

static void cosine(const double *x, int64_t n, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = cos(x[i]);
}

/* tanh(W x / 2 + u), |W| <= 1: a small deep-equilibrium layer; W, u from fixed keys. */
static void equilibrium(const double *x, int64_t n, double *out) {
  for (int64_t i = 0; i < n; i++) {
    double sum = tw_random_normal(11, (uint64_t)i);
    for (int64_t j = 0; j < n; j++)
      sum += 0.4 * tw_random_normal(7, (uint64_t)(i * n + j)) / sqrt((double)n) * x[j];
    out[i] = tanh(sum);
  }
}

/* Jacobi's iteration for a 1-d Laplacian: spectral radius cos(pi / (n + 1)). */
static void jacobi(const double *x, int64_t n, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = 0.5 * ((i > 0 ? x[i - 1] : 0) + (i + 1 < n ? x[i + 1] : 0)) + 1e-2;
}

/* Multipliers -2 and 3 at the fixed point: Picard runs away. */
static void expansive(const double *x, int64_t n, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = (i % 2 ? 3 : -2) * (x[i] - 1) + 1 + 0.1 * sin(x[i] - 1);
}

static void nowhere(const double *x, int64_t n, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = x[i] + 1 + exp(x[i] > 50 ? 50 : x[i]);
}

static const map maps[] = {{"cosine", 3, cosine, true},
                           {"equilibrium", 40, equilibrium, true},
                           {"jacobi", 30, jacobi, true},
                           {"expansive", 4, expansive, false}};
enum { MAPS = sizeof maps / sizeof *maps };

static tw_status map_residual(void *context, const double *x, double *r, tw_error *error) {
  (void)error;
  const map *m = context;
  m->apply(x, m->n, r);
  for (int64_t i = 0; i < m->n; i++) r[i] -= x[i];
  return TW_OK;
}

static tw_oracle map_oracle(const map *m) {
  return (tw_oracle){
      .context = (void *)(uintptr_t)m, .n = m->n, .k = m->n, .offers = TW_RESIDUAL, .residual = map_residual};
}

static void finds_fixed_points(void **state) {
  const char *method = *state;
  for (int i = 0; i < MAPS; i++) {
    if (!maps[i].contracts && strncmp(method, "picard", 6) == 0) continue;
    const tw_oracle oracle = map_oracle(&maps[i]);
    tw_result r = solve(&oracle, method);
    double residual[64];
    map_residual((void *)(uintptr_t)&maps[i], r.x, residual, NULL);
    const double worst = tw_vec_norm_inf(residual, (size_t)maps[i].n);
    print_message("%-26s %-12s %-10s |T(x) - x| %.1e after %lld evaluations\n", method, maps[i].name,
                  tw_outcome_name(r.outcome), worst, (long long)r.counts.residual);
    if (r.outcome != TW_SOLVED) fail_msg("%s", r.message);
    assert_true(worst <= 1e-12);
    tw_result_free(&r);
  }
}

/* On a linear map Anderson with full memory is GMRES: n + 1 differences suffice (Walker & Ni 2011). */
static void full_memory_is_gmres(void **state) {
  (void)state;
  const map linear = {"jacobi", 12, jacobi, true};
  const tw_oracle oracle = map_oracle(&linear);
  tw_result r = solve(&oracle, "anderson:history=12,tol=1e-11");
  assert_int_equal(r.outcome, TW_SOLVED);
  assert_true(r.counts.residual <= 2 * 12 + 2);
  tw_result_free(&r);
}

static void divergence_is_reported(void **state) {
  const char *method = *state;
  const map none = {"x + 1 + e^x", 2, nowhere, false};
  const tw_oracle oracle = map_oracle(&none);
  tw_result r = solve(&oracle, method);
  print_message("%s: %s: %s\n", method, tw_outcome_name(r.outcome), r.message);
  assert_true(r.outcome == TW_FAILED || r.outcome == TW_STOPPED_ITERATIONS);
  for (int64_t i = 0; i < r.n; i++) assert_true(isfinite(r.x[i]));
  tw_result_free(&r);
}

#define BY(test, method)                                                                                     \
  { #test " by " method, test, NULL, NULL, (void *)(uintptr_t)method }

int main(void) {
  const struct CMUnitTest tests[] = {BY(finds_fixed_points, "picard"),
                                     BY(finds_fixed_points, "anderson"),
                                     BY(finds_fixed_points, "anderson:history=2"),
                                     BY(finds_fixed_points, "anderson:history=10,ridge=1e-14"),
                                     BY(divergence_is_reported, "picard:max_iter=2000"),
                                     BY(divergence_is_reported, "anderson:max_iter=2000"),
                                     cmocka_unit_test(full_memory_is_gmres)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
