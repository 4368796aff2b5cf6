/* hsde on presolved conic problems: linear rows and bounds with a planted solution, and a second-order cone over some of the columns. */
#include "random_qp.h"

#include <talweg/talweg.h>

static tw_error error;

typedef struct planted {
  tw_conic conic;
  double f;
} planted;

static void add_row(tw_conic *c, double b) {
  c->b[c->m++] = b;
}

/* Limits of a row of the program, or of a variable (j >= 0), as rows of the cones at hand: equations first, then the others. */
static void put_limits(tw_conic *c, entries *e, const tw_qp *qp, int64_t i, int64_t j, bool equations) {
  const double l = j < 0 ? qp->row_lower[i] : qp->lower[j], u = j < 0 ? qp->row_upper[i] : qp->upper[j];
  if ((l == u) != equations) return;
  for (int side = 1; side >= -1; side -= 2) {
    const double limit = side > 0 ? u : l;
    if (isinf(limit) || (equations && side < 0)) continue;
    for (int64_t k = 0; k < qp->n; k++)
      for (int64_t p = qp->a.start[k]; j < 0 && p < qp->a.start[k + 1]; p++)
        if (qp->a.row[p] == i) put(e, c->m, k, side * qp->a.value[p]);
    if (j >= 0) put(e, c->m, j, side);
    add_row(c, side * limit);
  }
}

static planted make(const random_qp *r) {
  static entries e;
  const tw_qp *qp = &r->qp;
  planted out = {.f = tw_qp_objective(qp, r->x)};
  tw_conic *c = &out.conic;
  *c = (tw_conic){.n = qp->n, .constant = qp->constant, .cones = 3};
  c->cone = calloc(3, sizeof *c->cone), c->c = calloc((size_t)qp->n, sizeof(double));
  c->b = calloc((size_t)(2 * qp->n + 2 * qp->m) + 3, sizeof(double));
  vec_copy(qp->n, qp->q, c->c);
  assert_ok(csc_copy(&c->p, &qp->p, &error));
  e.n = 0;
  for (int pass = 0; pass < 2; pass++) {
    const int64_t from = c->m;
    for (int64_t i = 0; i < qp->m; i++) put_limits(c, &e, qp, i, -1, pass == 0);
    for (int64_t j = 0; j < qp->n; j++) put_limits(c, &e, qp, 0, j, pass == 0);
    c->cone[pass] = (tw_cone){.kind = pass == 0 ? TW_CONE_ZERO : TW_CONE_NONNEG, .rows = c->m - from};
  }
  c->cone[2] = (tw_cone){.kind = TW_CONE_SECOND_ORDER, .rows = 3}; /* |(x_0, x_1) - what is planted| <= 1 */
  add_row(c, 1);
  for (int64_t j = 0; j < 2; j++) {
    put(&e, c->m, j, -1);
    add_row(c, -r->x[j]);
  }
  assert_ok(tw_csc_from_triplets(&c->a, c->m, c->n, e.n, e.row, e.col, e.value, &error));
  return out;
}

/* |P x + c + A'y|, with the oracle's multipliers -y. */
static double stationarity(const tw_conic *c, const tw_result *r) {
  double *g = calloc((size_t)c->n, sizeof *g), most = 0;
  tw_csc_apply_transpose(&c->a, r->dual, g);
  for (int64_t j = 0; j < c->n; j++) g[j] = c->c[j] - g[j];
  const tw_qp qp = {.n = c->n, .p = c->p};
  tw_qp_add_p(&qp, 1, r->x, g);
  for (int64_t j = 0; j < c->n; j++) most = fmax(most, fabs(g[j]));
  free(g);
  return most;
}

static void planted_solutions_come_back(void **state) {
  (void)state;
  int64_t solved[2] = {0, 0}, iterations[2] = {0, 0};
  static const char *const methods[] = {"hsde:presolve=true,tol=1e-7,max_iter=5000", "hsde:tol=1e-7,max_iter=5000"};
  for (uint64_t seed = 1; seed <= 120; seed++) {
    random_qp r = random_structured(seed, 4 + (int64_t)(seed % 11), 1 + (int64_t)(seed % 9), seed % 2 == 0);
    planted p = make(&r);
    for (int k = 0; k < 2; k++) {
      tw_oracle oracle;
      tw_result found;
      assert_ok(tw_oracle_from_conic(&oracle, &p.conic, &error));
      assert_ok(tw_minimize(&oracle, NULL, &(tw_solve_options){.method = methods[k]}, &found, &error));
      solved[k] += found.outcome == TW_SOLVED, iterations[k] += found.iterations;
      if (found.outcome == TW_SOLVED) {
        if (!(fabs(found.f - p.f) <= 1e-4 * (1 + fabs(p.f)))) fail_msg("problem %d: %g, planted %g", (int)seed, found.f, p.f);
        if (!(stationarity(&p.conic, &found) <= 1e-4)) fail_msg("problem %d: stationarity %g", (int)seed, stationarity(&p.conic, &found));
      }
      tw_result_free(&found);
      tw_oracle_release(&oracle);
    }
    tw_conic_free(&p.conic);
    random_free(&r);
  }
  print_message("solved %lld in %lld iterations, %lld in %lld without presolve\n", (long long)solved[0], (long long)iterations[0],
                (long long)solved[1], (long long)iterations[1]);
  assert_true(solved[0] >= 110 && solved[0] >= solved[1]);
}

/* Rows against each other and a cost that nothing stops, beside the cone: proofs of the problem as stated. */
static void certificates(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 20; seed++) {
    random_qp r = random_structured(seed, 6, 4, false);
    for (int64_t j = 2; j < 6; j++) r.qp.lower[j] = -INFINITY, r.qp.upper[j] = INFINITY;
    for (int64_t i = 0; i < 4; i++) r.qp.row_lower[i] = -INFINITY, r.qp.row_upper[i] = INFINITY;
    r.qp.q[2] = 1, r.qp.q[3] = 1;
    r.qp.lower[4] = r.qp.upper[4] = 1;
    planted p = make(&r);
    tw_oracle oracle;
    tw_result found;
    assert_ok(tw_oracle_from_conic(&oracle, &p.conic, &error));
    assert_ok(tw_minimize(&oracle, NULL, &(tw_solve_options){.method = "hsde:presolve=true"}, &found, &error));
    if (found.outcome != TW_UNBOUNDED) fail_msg("problem %d: %s", (int)seed, found.message);
    assert_true(found.certified && fabs(vec_dot(6, p.conic.c, found.x) + 1) <= 1e-6);
    tw_result_free(&found);
    p.conic.b[p.conic.m - 3] = -1; /* the cone is empty */
    vec_zero(6, p.conic.c);
    assert_ok(tw_minimize(&oracle, NULL, &(tw_solve_options){.method = "hsde:presolve=true"}, &found, &error));
    assert_int_equal(found.outcome, TW_INFEASIBLE);
    double b = 0, work[6];
    for (int64_t i = 0; i < p.conic.m; i++) b -= p.conic.b[i] * found.dual[i];
    tw_csc_apply_transpose(&p.conic.a, found.dual, work);
    assert_true(found.certified && b < 0 && vec_norm_inf(6, work) <= 1e-6 * -b);
    tw_result_free(&found);
    tw_oracle_release(&oracle);
    tw_conic_free(&p.conic);
    random_free(&r);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(planted_solutions_come_back), cmocka_unit_test(certificates)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
