/* tw_solver_again: a solver that is used for one problem after the other gives the bits of solvers that are made for each. */
#include "test.h"

#include <talweg/method.h>

enum { N = 90, M = 25, ROUNDS = 4 };

/* min w'P w / 2 + q'w with A w <= b, -1 <= w <= 1; q and b are parameters, and by `scale` P too. */
static tw_problem *program(tw_graph *g) {
  static double a[M * N], d[N], q[N], b[M];
  tw_random_normal_fill(1, 0, M * N, a);
  for (int i = 0; i < M * N; i++) a[i] = fabs(a[i]) > 1 ? a[i] : 0;
  for (int i = 0; i < N; i++) d[i] = i % 3 == 0 ? 0 : 1 + i % 5, q[i] = 0;
  for (int i = 0; i < M; i++) b[i] = 1;
  const double one = 1;
  const tw_array rows = tw_array_view(a, TW_F64, TW_SHAPE(M, N)), diagonal = tw_array_view(d, TW_F64, TW_SHAPE(N));
  const tw_array cost = tw_array_view(q, TW_F64, TW_SHAPE(N)), limit = tw_array_view(b, TW_F64, TW_SHAPE(M));
  const tw_array scale = tw_array_view((void *)(uintptr_t)&one, TW_F64, TW_SCALAR);
  tw_problem *p = tw_problem_new(g);
  const tw_expr w = tw_problem_variable(p, "w", TW_SHAPE(N)), c = tw_problem_parameter(p, "q", &cost);
  const tw_expr s = tw_problem_parameter(p, "scale", &scale), most = tw_problem_parameter(p, "b", &limit);
  tw_problem_bounds(p, w, tw_scalar(g, -1), tw_scalar(g, 1));
  tw_problem_subject(p, "rows", tw_sub(tw_matmul(tw_constant(g, &rows), w), most), TW_NONE, tw_scalar(g, 0));
  const tw_expr squares = tw_sum(tw_mul(tw_constant(g, &diagonal), tw_square(w)), TW_ALL, false);
  tw_problem_minimize(p, NULL, tw_add(tw_scale(tw_mul(s, squares), 0.5), tw_dot(c, w)));
  return p;
}

/* In the second round the limits contradict each other where `contradict` says so. */
static void state_round(tw_oracle *o, int round, bool contradict) {
  tw_error error;
  double q[N], b[M], scale = round == 2 ? 3 : 1;
  tw_random_normal_fill(10 + (uint64_t)round, 0, N, q);
  for (int i = 0; i < M; i++) b[i] = round == 1 && contradict ? -1e4 : 1 + round;
  const void *value[3];
  const double *by_name[3] = {q, &scale, b};
  for (int i = 0; i < 3; i++) value[i] = by_name[i];
  assert_ok(tw_oracle_parameters(o, value, &error));
}

static void same_result(const tw_result *a, const tw_result *b) {
  assert_int_equal(a->outcome, b->outcome);
  assert_int_equal(a->iterations, b->iterations);
  assert_same_bits(a->f, b->f);
  assert_memory_equal(a->x, b->x, N * sizeof *a->x);
  assert_memory_equal(a->dual, b->dual, M * sizeof *a->dual);
  assert_int_equal(a->certified, b->certified);
}

static void check(const char *method, bool contradict) {
  tw_error error;
  tw_graph *g = tw_graph_new();
  tw_problem *p = program(g);
  tw_class cls;
  tw_oracle oracle;
  tw_solver *kept = NULL;
  double x0[N] = {0}, dual[M] = {0};
  assert_ok(tw_classify(p, &cls, &error));
  assert_ok(tw_oracle_from_problem(&oracle, p, &cls, &error));
  for (int round = 0; round < ROUNDS; round++) {
    const tw_solve_options options = {.method = method, .dual = dual};
    tw_result again, anew;
    state_round(&oracle, round, contradict);
    if (kept)
      assert_ok(tw_solver_again(kept, x0, &options, &error));
    else
      assert_ok(tw_solver_new(&kept, &oracle, x0, &options, &error));
    while (tw_solver_step(kept) == TW_RUNNING) continue;
    assert_ok(tw_solver_result(kept, &again, &error));
    assert_ok(tw_minimize(&oracle, x0, &options, &anew, &error));
    same_result(&again, &anew);
    if (again.outcome == TW_SOLVED) {
      memcpy(x0, again.x, sizeof x0);
      memcpy(dual, again.dual, sizeof dual);
    }
    tw_result_free(&again), tw_result_free(&anew);
  }
  tw_solver_free(kept);
  tw_oracle_release(&oracle);
  tw_problem_free(p);
  tw_graph_free(g);
}

static void kept_solvers_give_the_bits_of_new_ones(void **state) {
  (void)state;
  static const char *const methods[] = {"mehrotra", "osqp", "ipm", "hsde", "auglag", "sqp"};
  for (size_t k = 0; k < sizeof methods / sizeof *methods; k++) check(methods[k], k < 2);
}

static void arguments_are_checked(void **state) {
  (void)state;
  tw_error error;
  assert_fails(tw_solver_again(NULL, NULL, NULL, &error), TW_ERR_ARGUMENT, "solver");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(kept_solvers_give_the_bits_of_new_ones), cmocka_unit_test(arguments_are_checked)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
