/* Oracles of programs in arrays: their derivatives are those of the values, and follow the arrays. */
#include "test.h"

#include <talweg/problem.h>

static tw_error error;

enum { N = 3, M = 2 };

static tw_csc matrix(int64_t rows, int64_t cols, int64_t n, const int64_t *row, const int64_t *col, const double *value) {
  tw_csc out;
  assert_int_equal(tw_csc_from_triplets(&out, rows, cols, n, row, col, value, &error), TW_OK);
  return out;
}

typedef struct arrays {
  tw_csc p, a;
  double q[N], row_lower[M], row_upper[M], lower[N], upper[N];
  tw_quadratic program;
  tw_oracle oracle;
} arrays;

static void state_arrays(arrays *s) {
  *s = (arrays){.q = {1, -2, 3}, .row_lower = {-1, -INFINITY}, .row_upper = {1, 2}, .lower = {0, -INFINITY, -5}, .upper = {4, 4, INFINITY}};
  s->p = matrix(N, N, 4, (const int64_t[]){0, 1, 1, 2}, (const int64_t[]){0, 0, 1, 2}, (const double[]){4, 1, 3, 2});
  s->a = matrix(M, N, 4, (const int64_t[]){0, 1, 0, 1}, (const int64_t[]){0, 1, 2, 2}, (const double[]){1, 2, -1, 0.5});
  s->program = (tw_quadratic){.p = &s->p, .q = s->q, .constant = 7, .a = &s->a, .row_lower = s->row_lower, .row_upper = s->row_upper,
                              .lower = s->lower, .upper = s->upper, .convex = true};
  assert_int_equal(tw_oracle_quadratic(&s->oracle, &s->program, &error), TW_OK);
}

static void free_arrays(arrays *s) {
  tw_oracle_release(&s->oracle);
  tw_csc_free(&s->p), tw_csc_free(&s->a);
}

static void answers(void **state) {
  (void)state;
  arrays s;
  state_arrays(&s);
  const double x[N] = {1, -1, 2};
  double f, g[N], c[M], worst;
  char where[128];
  assert_true((s.oracle.offers & (TW_QP | TW_CONVEX | TW_BOUNDS | TW_CONSTRAINTS)) == (TW_QP | TW_CONVEX | TW_BOUNDS | TW_CONSTRAINTS));
  assert_int_equal(s.oracle.gradient(s.oracle.context, x, &f, g, &error), TW_OK);
  assert_close(f, 7 + (4 - 2 + 3 + 8) / 2.0 + 1 + 2 + 6, 1e-15);
  assert_close(g[1], 1 - 3 - 2, 1e-15);
  assert_int_equal(s.oracle.constraints(s.oracle.context, x, c, &error), TW_OK);
  assert_true(c[0] == -1 && c[1] == -1);
  assert_int_equal(tw_oracle_check(&s.oracle, x, &worst, where, sizeof where, &error), TW_OK);
  assert_true(worst < 1e-6);
  free_arrays(&s);
}

static void arrays_may_change(void **state) {
  (void)state;
  arrays s;
  state_arrays(&s);
  const double x[N] = {1, 0, 0};
  double before, after;
  assert_int_equal(s.oracle.value(s.oracle.context, x, &before, &error), TW_OK);
  s.q[0] += 2;
  s.upper[0] = 3;
  assert_int_equal(s.oracle.value(s.oracle.context, x, &after, &error), TW_OK);
  assert_close(after - before, 2, 1e-15);
  assert_true(s.oracle.upper[0] == 3);
  free_arrays(&s);
}

static void without_matrix_bounds_or_rows(void **state) {
  (void)state;
  arrays s;
  state_arrays(&s);
  tw_csc none = matrix(0, N, 0, NULL, NULL, NULL);
  tw_oracle o;
  const tw_quadratic bare = {.a = &none, .q = s.q};
  assert_int_equal(tw_oracle_quadratic(&o, &bare, &error), TW_OK);
  assert_true(o.n == N && o.m == 0 && !(o.offers & (TW_BOUNDS | TW_CONSTRAINTS | TW_CONVEX)));
  double f;
  assert_int_equal(o.value(o.context, (const double[]){1, 1, 1}, &f, &error), TW_OK);
  assert_close(f, 2, 1e-15);
  const tw_pattern *pattern;
  assert_int_equal(o.sparse_pattern(o.context, TW_MATRIX_HESSIAN, &pattern, &error), TW_OK);
  assert_int_equal(pattern->nnz, 0);
  assert_int_equal(o.sparse_pattern(o.context, TW_MATRIX_RESIDUAL, &pattern, &error), TW_ERR_UNSUPPORTED);
  tw_oracle_release(&o);
  tw_csc_free(&none);
  free_arrays(&s);
}

static void refused(void **state) {
  (void)state;
  arrays s;
  state_arrays(&s);
  tw_oracle o;
  tw_quadratic bad = s.program;
  bad.a = NULL;
  assert_int_equal(tw_oracle_quadratic(&o, &bad, &error), TW_ERR_ARGUMENT);
  bad = s.program, bad.upper = NULL;
  assert_int_equal(tw_oracle_quadratic(&o, &bad, &error), TW_ERR_ARGUMENT);
  bad = s.program, bad.row_lower = NULL;
  assert_int_equal(tw_oracle_quadratic(&o, &bad, &error), TW_ERR_ARGUMENT);
  bad = s.program, bad.p = &s.a;
  assert_int_equal(tw_oracle_quadratic(&o, &bad, &error), TW_ERR_SHAPE);
  s.p.row[0] = 2, s.p.row[1] = 0; /* above the diagonal, and descending */
  assert_int_equal(tw_oracle_quadratic(&o, &s.program, &error), TW_ERR_RANGE);
  free_arrays(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(answers),
      cmocka_unit_test(arrays_may_change),
      cmocka_unit_test(without_matrix_bounds_or_rows),
      cmocka_unit_test(refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
