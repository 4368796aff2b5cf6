/* The rule for proofs: no units of rows, columns, limits or costs change it, and what has a solution is never said to have none. */
#include "linear/csc.h"
#include "method/certificates.h"
#include "method/program/certificate.h"
#include "method/program/hsde.h"
#include "method/program/qp_certify.h"

#include <talweg/method.h>

static tw_error error;

/* ------------------------------------------------------------------ programs  min q'x  s.t.  A x <= b,  x free */

typedef enum kind { SOLVABLE, CONTRADICTORY, OPEN, KINDS } kind;

typedef struct program {
  int64_t n, m;
  double *a, *b, *q; /* m x n by columns */
  double *y, *d;     /* the proofs that were planted */
} program;

static double draw(uint64_t seed, uint64_t k) { return 2 * tw_random_uniform(seed, k) - 1; }
static double power(uint64_t seed, uint64_t k, double most) { return ldexp(1, (int)lround(most * draw(seed, k))); }

/* Solvable: q = -A'y with y > 0 on some rows, b = A x0 + s. Contradictory: the last row is minus the sum of three others and b'y < 0. Open:
 * every row goes down along d, and q'd < 0. */
static program make(uint64_t seed, kind what) {
  const int64_t n = 3 + (int64_t)(seed % 4), m = 3 * n;
  program p = {n, m, calloc((size_t)(m * n), sizeof(double)), calloc((size_t)m, sizeof(double)), calloc((size_t)n, sizeof(double)),
               calloc((size_t)m, sizeof(double)), calloc((size_t)n, sizeof(double))};
  for (int64_t k = 0; k < m * n; k++) p.a[k] = tw_random_uniform(seed, (uint64_t)(1000 + k)) < 0.3 ? 0 : draw(seed, (uint64_t)k);
  for (int64_t j = 0; j < n; j++) p.d[j] = draw(seed, (uint64_t)(5000 + j)) > 0 ? 1 : -1;
  for (int64_t i = 0; i < m; i++) {
    double at = 0, along = 0;
    for (int64_t j = 0; j < n; j++) along += p.a[j * m + i] * p.d[j];
    for (int64_t j = 0; j < n && what == OPEN && along > 0; j++) p.a[j * m + i] = -p.a[j * m + i];
    for (int64_t j = 0; j < n; j++) at += p.a[j * m + i] * draw(seed, (uint64_t)(6000 + j));
    p.b[i] = at + fabs(draw(seed, (uint64_t)(7000 + i)));
    p.y[i] = i <= n ? 1 : 0;
  }
  for (int64_t j = 0; j < n; j++)
    for (int64_t i = 0; i < m; i++) p.q[j] -= p.a[j * m + i] * p.y[i];
  if (what == CONTRADICTORY) {
    for (int64_t j = 0; j < n; j++) p.a[j * m + m - 1] = -p.a[j * m] - p.a[j * m + 1] - p.a[j * m + 2];
    for (int64_t i = 0; i < m; i++) p.y[i] = i < 3 || i == m - 1;
    p.b[m - 1] = -p.b[0] - p.b[1] - p.b[2] - 0.5;
  }
  for (int64_t j = 0; j < n && what == OPEN; j++) p.q[j] = -p.d[j] * (0.5 + tw_random_uniform(seed, (uint64_t)(8000 + j)));
  return p;
}

/* Rows by 2^e of `rows`, columns, b and costs likewise: the same program. The proofs follow. */
static void change_units(program *p, uint64_t seed, double rows, double columns, double b, double q) {
  const double unit_b = power(seed, 1, b), unit_q = power(seed, 2, q);
  for (int64_t j = 0; j < p->n; j++) {
    const double e = power(seed, (uint64_t)(100 + j), columns);
    for (int64_t i = 0; i < p->m; i++) p->a[j * p->m + i] *= e;
    p->q[j] *= e * unit_q, p->d[j] /= e;
  }
  for (int64_t i = 0; i < p->m; i++) {
    const double d = power(seed, (uint64_t)(200 + i), rows);
    for (int64_t j = 0; j < p->n; j++) p->a[j * p->m + i] *= d;
    p->b[i] *= d * unit_b, p->y[i] /= d;
  }
}

static void drop(program *p) { free(p->a), free(p->b), free(p->q), free(p->y), free(p->d); }

static tw_csc matrix_of(const program *p) {
  tw_csc a;
  int64_t count = 0, *row = calloc((size_t)(p->m * p->n), sizeof *row), *col = calloc((size_t)(p->m * p->n), sizeof *col);
  double *value = calloc((size_t)(p->m * p->n), sizeof *value);
  for (int64_t k = 0; k < p->m * p->n; k++)
    if (p->a[k] != 0) row[count] = k % p->m, col[count] = k / p->m, value[count++] = p->a[k];
  assert_ok(tw_csc_from_triplets(&a, p->m, p->n, count, row, col, value, &error));
  free(row), free(col), free(value);
  return a;
}

static tw_qp qp_of(const program *p) {
  tw_qp qp;
  assert_ok(tw_qp_new(&qp, p->n, p->m, 0, 0, &error));
  tw_csc_free(&qp.a);
  qp.a = matrix_of(p);
  memcpy(qp.q, p->q, (size_t)p->n * sizeof(double));
  memcpy(qp.row_upper, p->b, (size_t)p->m * sizeof(double));
  return qp;
}

/* ------------------------------------------------------------------ the rule */

static void units_change_no_proof(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 40; seed++)
    for (int what = CONTRADICTORY; what < KINDS; what++) {
      double margin[2];
      for (int k = 0; k < 2; k++) {
        program p = make(seed, (kind)what);
        if (k) change_units(&p, seed, 30, 30, 30, 30);
        tw_qp qp = qp_of(&p);
        double *z = calloc((size_t)p.n, sizeof *z);
        margin[k] = what == OPEN ? tw_qp_proves_unbounded(&qp, p.d) : tw_qp_proves_infeasible(&qp, p.y, z);
        free(z);
        tw_qp_free(&qp);
        drop(&p);
      }
      if (!(margin[0] > 0) || margin[0] != margin[1])
        fail_msg("program %d of kind %d: margins %g and %g", (int)seed, what, margin[0], margin[1]);
    }
}

/* A small sum is no sum that cancels. */
static void small_is_not_zero(void **state) {
  (void)state;
  for (double unit = 1; unit > 1e-30; unit /= 1e3) {
    program p = make(3, SOLVABLE);
    for (int64_t k = 0; k < p.m * p.n; k++) p.a[k] *= unit;
    tw_qp qp = qp_of(&p);
    double *z = calloc((size_t)p.n, sizeof *z), *y = calloc((size_t)p.m, sizeof *y), margin;
    double *work = calloc((size_t)(2 * p.n + p.m), sizeof *work);
    for (int64_t i = 0; i < p.m; i++) {
      for (int64_t k = 0; k < p.m; k++) y[k] = k == i;
      assert_true(tw_qp_proves_infeasible(&qp, y, z) <= 0);
      assert_false(tw_qp_farkas(&qp, y, z, work, &margin));
    }
    free(z), free(y), free(work);
    tw_qp_free(&qp);
    drop(&p);
  }
}

/* Multipliers and rays off by 1e-5, and noise where none belongs, become proofs. */
static void splitting_proofs_become_exact(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    for (int what = CONTRADICTORY; what < KINDS; what++) {
      program p = make(seed, (kind)what);
      change_units(&p, seed, 20, 20, 20, 20);
      tw_qp qp = qp_of(&p);
      double *z = calloc((size_t)p.n, sizeof *z), *work = calloc((size_t)(2 * p.n + p.m), sizeof *work);
      bool proven;
      for (int64_t i = 0; i < p.m; i++) p.y[i] *= 1 + 1e-5 * draw(seed, (uint64_t)(9000 + i));
      for (int64_t j = 0; j < p.n; j++) p.d[j] *= 1 + 1e-5 * draw(seed, (uint64_t)(9500 + j));
      if (what == OPEN)
        assert_ok(tw_qp_refine_ray(&qp, 1e-5, p.d, work, &proven, &error));
      else
        assert_ok(tw_qp_refine_farkas(&qp, 1e-5, p.y, z, work, &proven, &error));
      if (!proven) fail_msg("program %d of kind %d", (int)seed, what);
      assert_true((what == OPEN ? tw_qp_proves_unbounded(&qp, p.d) : tw_qp_proves_infeasible(&qp, p.y, z)) > 0);
      free(z), free(work);
      tw_qp_free(&qp);
      drop(&p);
    }
  }
}

/* ------------------------------------------------------------------ methods */

static tw_outcome verdict(const program *p, const char *method) {
  tw_oracle oracle;
  tw_result r;
  tw_qp qp = {0};
  tw_cone cone = {TW_CONE_NONNEG, p->m, 0};
  tw_conic conic = {.n = p->n, .m = p->m, .cones = 1, .cone = &cone, .c = p->q, .b = p->b};
  const bool cones = strncmp(method, "hsde", 4) == 0;
  if (cones) {
    conic.a = matrix_of(p);
    assert_ok(tw_csc_from_triplets(&conic.p, p->n, p->n, 0, NULL, NULL, NULL, &error));
    assert_ok(tw_oracle_from_conic(&oracle, &conic, &error));
  } else {
    qp = qp_of(p);
    assert_ok(tw_qp_oracle(&oracle, &qp, true, &error));
  }
  assert_ok(tw_minimize(&oracle, NULL, &(tw_solve_options){.method = method}, &r, &error));
  const tw_outcome outcome = r.outcome;
  if (!cones && r.certified) expect_proof(&oracle, &r);
  tw_result_free(&r);
  tw_oracle_release(&oracle);
  tw_qp_free(&qp);
  tw_csc_free(&conic.a), tw_csc_free(&conic.p);
  return outcome;
}

/* Whatever the units, nobody says what is not so; and most of it is found. */
static void verdicts_are_true(void **state) {
  (void)state;
  static const struct method {
    const char *name;
    int least; /* of 60 */
  } methods[] = {{"mehrotra", 58},        {"osqp", 40}, {"hsde:max_iter=3000", 48},
                 {"ipm:max_iter=300", 36}, {"sqp", 48}, {"auglag:max_iter=300", 32}};
  static const tw_outcome expected[KINDS] = {TW_SOLVED, TW_INFEASIBLE, TW_UNBOUNDED};
  for (size_t k = 0; k < sizeof methods / sizeof *methods; k++) {
    int right = 0, wrong = 0;
    for (uint64_t seed = 1; seed <= 20; seed++)
      for (int what = 0; what < KINDS; what++) {
        program p = make(seed, (kind)what);
        const double most = 30.0 * (double)(seed % 4) / 3;
        change_units(&p, seed, seed % 3 == 0 ? most : 0, seed % 3 == 1 ? most : 0, seed % 3 == 2 ? most : 0, seed % 5 == 0 ? most : 0);
        const tw_outcome found = verdict(&p, methods[k].name);
        right += found == expected[what];
        const bool denies = found == TW_INFEASIBLE || found == TW_UNBOUNDED;
        if (denies && found != expected[what]) {
          wrong++;
          print_message("%s, program %d: %s, not %s\n", methods[k].name, (int)seed, tw_outcome_name(found),
                        tw_outcome_name(expected[what]));
        }
        drop(&p);
      }
    print_message("%-20s %d of 60 found\n", methods[k].name, right);
    assert_int_equal(wrong, 0);
    assert_true(right >= methods[k].least);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(units_change_no_proof), cmocka_unit_test(small_is_not_zero),
                                     cmocka_unit_test(splitting_proofs_become_exact), cmocka_unit_test(verdicts_are_true)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
