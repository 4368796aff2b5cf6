/* Programs in arrays: taken from expressions they are the expressions; optimality and certificates say what is defined. */
#include "method/program/qp.h"
#include "test.h"

#include <talweg/problem.h>

static tw_error error;
static tw_graph *graph;

static tw_expr constant(int64_t rows, int64_t cols, const double *v) {
  const tw_array value = tw_array_f64((double *)(uintptr_t)v, cols > 0 ? TW_SHAPE(rows, cols) : TW_SHAPE(rows));
  return tw_constant(graph, &value);
}

/* min 1/2 x'Qx + q'x + 7  with  lower <= M x + b <= upper,  x >= 0. */
typedef struct stated {
  tw_problem *problem;
  tw_class cls;
  tw_oracle oracle;
  tw_qp qp;
} stated;

enum { N = 3, M = 2 };
static const double q_matrix[] = {4, 1, 0, 1, 2, 0, 0, 0, 0}, m_matrix[] = {1, 0, 2, 0, -3, 1}, linear[] = {1, -2, 0.5},
                    shift[] = {0.5, -1}, row_lower[] = {1, -2}, row_upper[] = {5, 4};

static stated state_program(bool integer) {
  stated s = {.problem = NULL};
  graph = tw_graph_new();
  s.problem = tw_problem_new(graph);
  const tw_expr x = tw_problem_variable(s.problem, "x", TW_SHAPE(N));
  tw_problem_bounds(s.problem, x, tw_scalar(graph, 0), TW_NONE);
  const tw_expr quadratic = tw_scale(tw_dot(x, tw_matmul(constant(N, N, q_matrix), x)), 0.5);
  tw_problem_minimize(s.problem, "f", tw_add(tw_add(quadratic, tw_dot(constant(N, 0, linear), x)), tw_scalar(graph, 7)));
  tw_problem_subject(s.problem, "c", tw_add(tw_matmul(constant(M, N, m_matrix), x), constant(M, 0, shift)), constant(M, 0, row_lower),
                     constant(M, 0, row_upper));
  if (integer) tw_problem_kinds(s.problem, x, (const tw_var_kind[]){TW_CONTINUOUS, TW_INTEGER, TW_BINARY});
  if (tw_classify(s.problem, &s.cls, &error) != TW_OK || tw_oracle_from_problem(&s.oracle, s.problem, &s.cls, &error) != TW_OK ||
      tw_qp_open(&s.qp, &s.oracle, &error) != TW_OK)
    fail_msg("%s", error.message);
  return s;
}

static void close_program(stated *s) {
  tw_qp_free(&s->qp);
  tw_oracle_release(&s->oracle);
  tw_problem_free(s->problem);
  tw_graph_free(graph);
}

static void arrays_are_the_expressions(void **state) {
  (void)state;
  stated s = state_program(false);
  assert_int_equal(s.qp.n, N);
  assert_int_equal(s.qp.m, M);
  assert_true(s.oracle.offers & TW_CONVEX);
  assert_int_equal(s.qp.p.start[N], 3); /* zeros are left out */
  assert_int_equal(s.qp.a.start[N], 4);
  assert_null(s.qp.kinds);
  const double x[N] = {0.3, 1.7, 2.2};
  double f, g[N], mine[N], c[M], rows[M] = {0};
  assert_int_equal(s.oracle.gradient(s.oracle.context, x, &f, g, &error), TW_OK);
  assert_close(tw_qp_objective(&s.qp, x), f, 1e-14);
  vec_copy(N, s.qp.q, mine);
  tw_qp_add_p(&s.qp, 1, x, mine);
  for (int i = 0; i < N; i++) assert_close(mine[i], g[i], 1e-14);
  assert_int_equal(s.oracle.constraints(s.oracle.context, x, c, &error), TW_OK);
  tw_qp_add_a(&s.qp, 1, x, rows);
  for (int i = 0; i < M; i++) {
    assert_close(rows[i] + shift[i], c[i], 1e-14);
    assert_close(s.qp.row_lower[i] + shift[i], row_lower[i], 1e-14);
    assert_close(s.qp.row_upper[i] + shift[i], row_upper[i], 1e-14);
    assert_true(s.qp.lower[i] == 0 && s.qp.upper[i] == INFINITY);
  }
  close_program(&s);
}

static void kinds_are_kept(void **state) {
  (void)state;
  stated s = state_program(true);
  assert_non_null(s.qp.kinds);
  assert_true(s.qp.kinds[0] == TW_CONTINUOUS && s.qp.kinds[1] == TW_INTEGER && s.qp.kinds[2] == TW_BINARY);
  assert_true(s.qp.upper[2] == 1);
  assert_string_equal(s.cls.name, "MINLP");
  tw_qp copy;
  assert_int_equal(tw_qp_copy(&copy, &s.qp, &error), TW_OK);
  assert_true(copy.kinds[1] == TW_INTEGER && copy.upper[2] == 1 && copy.a.start[N] == s.qp.a.start[N]);
  tw_qp_free(&copy);
  close_program(&s);
}

/* min x + 2 y  with  x + y = 1,  0 <= x, y <= 1: (1, 0), y = -1, z = (0, -1). */
static void open_line(tw_qp *qp) {
  if (tw_qp_new(qp, 2, 1, 0, 2, &error) != TW_OK) fail_msg("%s", error.message);
  for (int j = 0; j < 2; j++) {
    qp->a.start[j + 1] = j + 1, qp->a.row[j] = 0, qp->a.value[j] = 1;
    qp->lower[j] = 0, qp->upper[j] = 1, qp->q[j] = j + 1;
  }
  qp->row_lower[0] = qp->row_upper[0] = 1;
}

static void optimality_is_that_of_the_program(void **state) {
  (void)state;
  tw_qp qp;
  double work[8];
  open_line(&qp);
  const double x[] = {1, 0}, y[] = {-1}, z[] = {0, -1}, other[] = {0.5, 0.5};
  tw_optimality e = tw_qp_optimality(&qp, x, y, z, work);
  assert_true(e.stationarity == 0 && e.feasibility == 0 && e.complementarity == 0);
  e = tw_qp_optimality(&qp, x, y, NULL, work);
  assert_true(e.stationarity == 0 && e.feasibility == 0 && e.complementarity == 0);
  e = tw_qp_optimality(&qp, other, y, z, work);
  assert_true(e.complementarity == 0.5 && e.feasibility == 0);
  qp.row_lower[0] = -INFINITY;
  e = tw_qp_optimality(&qp, x, y, z, work);
  assert_true(e.stationarity == 1); /* a multiplier of a lower limit that is not there */
  tw_qp_free(&qp);
}

static void certificates_prove_or_do_not(void **state) {
  (void)state;
  tw_qp qp;
  open_line(&qp);
  const double y[] = {-2}, z[] = {2, 2}, d[] = {-1, 0}, along[] = {1, -1};
  assert_true(tw_qp_proves_infeasible(&qp, y, z) <= 0);
  qp.row_lower[0] = qp.row_upper[0] = 3; /* x + y = 3 is out of reach: 2 (3 - 1 - 1) of 2 (3 + 1 + 1) */
  assert_close(tw_qp_proves_infeasible(&qp, y, z), 0.2, 1e-15);
  qp.upper[1] = INFINITY;
  assert_true(tw_qp_proves_infeasible(&qp, y, z) == -INFINITY);
  qp.lower[0] = -INFINITY;
  assert_true(tw_qp_proves_unbounded(&qp, d) <= 0); /* leaves the row */
  const double back[] = {-1, 1};
  assert_true(tw_qp_proves_unbounded(&qp, back) <= 0); /* goes up */
  qp.q[0] = 3;
  assert_close(tw_qp_proves_unbounded(&qp, back), 0.2, 1e-15); /* -3 + 2 of 3 + 2 */
  assert_true(tw_qp_proves_unbounded(&qp, along) <= 0);
  tw_qp_free(&qp);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(arrays_are_the_expressions),
      cmocka_unit_test(kinds_are_kept),
      cmocka_unit_test(optimality_is_that_of_the_program),
      cmocka_unit_test(certificates_prove_or_do_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
