/* The dual active-set method: random programs meet the optimality conditions, infeasible ones come with a Farkas vector, and a
 * right guess of the active set leaves nothing to drop. */
#include "method/dense_qp.h"
#include "test.h"

static tw_error error;

enum { N_MOST = 60, M_MOST = 90 };

typedef struct random_qp {
  tw_dense_qp qp;
  double h[N_MOST * N_MOST], q[N_MOST], a[M_MOST * N_MOST], al[M_MOST], au[M_MOST], l[N_MOST], u[N_MOST];
} random_qp;

typedef struct answer {
  tw_dense_qp_answer a;
  double x[N_MOST], y[M_MOST], z[N_MOST];
  signed char active[M_MOST + N_MOST];
} answer;

static answer *new_answer(void) {
  answer *out = test_malloc(sizeof *out);
  memset(out, 0, sizeof *out);
  out->a = (tw_dense_qp_answer){.x = out->x, .y = out->y, .z = out->z, .active = out->active};
  return out;
}

/* H = G'G + eps I; limits around a point, so that it is feasible: equations, ranges, one-sided and free rows and variables. */
static random_qp *random_program(uint64_t key, int64_t n, int64_t m, double eps, bool feasible) {
  random_qp *r = test_malloc(sizeof *r);
  memset(r, 0, sizeof *r);
  double *g = test_malloc((size_t)(n * n) * sizeof *g), x[N_MOST];
  uint64_t k = 0;
  for (int64_t i = 0; i < n * n; i++) g[i] = tw_random_normal(key, k++);
  for (int64_t i = 0; i < n; i++) {
    x[i] = tw_random_normal(key, k++), r->q[i] = 10 * tw_random_normal(key, k++);
    for (int64_t j = 0; j < n; j++) {
      r->h[i * n + j] = i == j ? eps : 0;
      for (int64_t c = 0; c < n / 2; c++) r->h[i * n + j] += g[c * n + i] * g[c * n + j];
    }
    const int64_t kind = tw_random_integer(key, k++, 0, 4);
    r->l[i] = kind == 0 ? -INFINITY : x[i] - (kind == 3 ? 0 : tw_random_uniform(key, k++));
    r->u[i] = kind == 1 ? INFINITY : x[i] + tw_random_uniform(key, k++);
  }
  for (int64_t i = 0; i < m; i++) {
    double value = 0;
    for (int64_t j = 0; j < n; j++) {
      r->a[i * n + j] = tw_random_normal(key, k++);
      if (i % 7 == 3) r->a[i * n + j] = r->a[(i - 1) * n + j] + (i % 2 ? r->a[(i - 2) * n + j] : 0); /* dependent */
      value += r->a[i * n + j] * x[j];
    }
    const int64_t kind = tw_random_integer(key, k++, 0, 5);
    r->al[i] = kind == 0 ? -INFINITY : value - (kind == 4 ? 0 : tw_random_uniform(key, k++));
    r->au[i] = kind == 1 ? INFINITY : kind == 4 && i < n / 3 ? value : value + tw_random_uniform(key, k++);
  }
  if (!feasible) { /* the last row contradicts the sum of the first two */
    for (int64_t j = 0; j < n; j++) r->a[(m - 1) * n + j] = r->a[j] + r->a[n + j];
    r->au[0] = fmin(r->au[0], 3), r->au[1] = fmin(r->au[1], 4);
    r->al[m - 1] = r->au[0] + r->au[1] + 0.5, r->au[m - 1] = INFINITY;
    for (int i = 0; i < 2; i++) r->al[i] = fmin(r->al[i], r->au[i]);
  }
  r->qp = (tw_dense_qp){n, m, r->h, r->q, r->a, r->al, r->au, r->l, r->u};
  test_free(g);
  return r;
}

static double side(double multiplier, double lower, double upper) {
  return multiplier > 0 ? multiplier * upper : multiplier < 0 ? multiplier * lower : 0;
}

/* The largest failure of H x + q + A'y + z = 0, of the limits, and of multipliers that press on limits not met. */
static double worst_condition(const random_qp *r, const answer *s) {
  const int64_t n = r->qp.n, m = r->qp.m;
  double worst = 0;
  for (int64_t i = 0; i < n; i++) {
    double sum = r->q[i] + s->z[i];
    for (int64_t j = 0; j < n; j++) sum += r->h[i * n + j] * s->x[j];
    for (int64_t p = 0; p < m; p++) sum += r->a[p * n + i] * s->y[p];
    worst = fmax(worst, fabs(sum));
    worst = fmax(worst, fmax(r->l[i] - s->x[i], s->x[i] - r->u[i]));
    if (s->z[i] != 0) worst = fmax(worst, fabs(s->x[i] - (s->z[i] > 0 ? r->u[i] : r->l[i])));
  }
  for (int64_t p = 0; p < m; p++) {
    double value = 0;
    for (int64_t j = 0; j < n; j++) value += r->a[p * n + j] * s->x[j];
    worst = fmax(worst, fmax(r->al[p] - value, value - r->au[p]));
    if (s->y[p] != 0) worst = fmax(worst, fabs(value - (s->y[p] > 0 ? r->au[p] : r->al[p])));
  }
  return worst;
}

static void optimality_conditions_hold(void **state) {
  (void)state;
  int64_t most = 0;
  double worst = 0;
  for (uint64_t key = 0; key < 200; key++) {
    const int64_t n = tw_random_integer(key, 1000000, 1, N_MOST + 1), m = tw_random_integer(key, 1000001, 0, M_MOST + 1);
    random_qp *r = random_program(key, n, m, key % 3 ? 1 : 1e-3, true);
    answer *s = new_answer();
    assert_ok(tw_dense_qp_solve(&r->qp, &s->a, &error));
    if (!s->a.feasible) fail_msg("program %llu is taken for infeasible", (unsigned long long)key);
    const double found = worst_condition(r, s);
    if (!(found <= 1e-10)) fail_msg("program %llu (%lld x %lld): %.2e", (unsigned long long)key, (long long)n, (long long)m, found);
    worst = fmax(worst, found);
    most = s->a.iterations > most ? s->a.iterations : most;
    /* From its own active set nothing is dropped, and the answer is the same. */
    answer *again = new_answer();
    int64_t active = 0;
    for (int64_t i = 0; i < m + n; i++) active += s->active[i] != 0;
    memcpy(again->active, s->active, sizeof s->active);
    assert_ok(tw_dense_qp_solve(&r->qp, &again->a, &error));
    assert_true(again->a.iterations <= s->a.iterations || again->a.iterations <= 2 * active);
    for (int64_t i = 0; i < n; i++) assert_close(again->x[i], s->x[i], 1e-8);
    test_free(r), test_free(s), test_free(again);
  }
  print_message("conditions hold to %.1e; at most %lld iterations\n", worst, (long long)most);
}

static void infeasible_programs_have_a_farkas_vector(void **state) {
  (void)state;
  for (uint64_t key = 0; key < 100; key++) {
    const int64_t n = tw_random_integer(key, 1000000, 2, 40), m = tw_random_integer(key, 1000001, 3, 50);
    random_qp *r = random_program(key, n, m, 1, false);
    answer *s = new_answer();
    assert_ok(tw_dense_qp_solve(&r->qp, &s->a, &error));
    assert_false(s->a.feasible);
    double support = 0, residual = 0, size = 0;
    for (int64_t p = 0; p < m; p++) support += side(s->y[p], r->al[p], r->au[p]), size = fmax(size, fabs(s->y[p]));
    for (int64_t i = 0; i < n; i++) {
      double sum = s->z[i];
      for (int64_t p = 0; p < m; p++) sum += r->a[p * n + i] * s->y[p];
      residual = fmax(residual, fabs(sum));
      support += side(s->z[i], r->l[i], r->u[i]);
    }
    assert_true(isfinite(support) && size > 0);
    if (!(residual <= 1e-10 * size && support < 0))
      fail_msg("program %llu: residual %.2e, support %g", (unsigned long long)key, residual, support);
    test_free(r), test_free(s);
  }
}

static void small_cases(void **state) {
  (void)state;
  double h[] = {2, 0, 0, 2}, q[] = {-2, -5}, a[] = {1, 1, 1, 1, 0, 0}, al[] = {1, 1, -1}, au[] = {1, 1, 1};
  double l[] = {0, 0}, u[] = {INFINITY, 0.5};
  answer *s = new_answer();
  /* (x - 1)^2 + (y - 2.5)^2 on x + y = 1, stated twice, beside a row of zeros; y <= 1/2. */
  tw_dense_qp qp = {2, 3, h, q, a, al, au, l, u};
  assert_ok(tw_dense_qp_solve(&qp, &s->a, &error));
  assert_true(s->a.feasible);
  assert_close(s->x[0], 0.5, 1e-14);
  assert_close(s->x[1], 0.5, 0);
  assert_close(s->y[0] + s->y[1], 1, 1e-14);
  assert_close(s->z[1], 3, 1e-14);
  al[1] = au[1] = 2; /* it contradicts itself */
  assert_ok(tw_dense_qp_solve(&qp, &s->a, &error));
  assert_false(s->a.feasible);
  assert_true(fabs(s->y[0] + s->y[1]) < 1e-14 && s->y[0] * 1 + s->y[1] * 2 < 0);
  al[1] = au[1] = 1, al[2] = 0.5;
  assert_ok(tw_dense_qp_solve(&qp, &s->a, &error));
  assert_true(!s->a.feasible && s->y[2] < 0);
  h[3] = -1;
  assert_fails(tw_dense_qp_solve(&qp, &s->a, &error), TW_ERR_SINGULAR, "not positive definite");
  qp = (tw_dense_qp){0};
  assert_ok(tw_dense_qp_solve(&qp, &s->a, &error));
  assert_true(s->a.feasible);
  test_free(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(optimality_conditions_hold),
                                     cmocka_unit_test(infeasible_programs_have_a_farkas_vector), cmocka_unit_test(small_cases)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
