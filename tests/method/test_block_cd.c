/* Block coordinate descent: the blocks of linear models, their optima by other methods, the dual of a multiclass SVM, resuming. */
#include "linear_models.h"

#include <unistd.h>

static tw_error error;

static tw_result run(const tw_oracle *oracle, const char *method, int threads) {
  tw_result r;
  const tw_solve_options options = {.method = method, .exec.threads = threads};
  assert_ok(tw_minimize(oracle, NULL, &options, &r, &error));
  print_message("%-44s f %.14g, %lld iterations, %lld gradients, %s\n", method, r.f,
                (long long)r.iterations, (long long)r.counts.gradient, r.message);
  assert_int_equal(r.outcome, TW_SOLVED);
  return r;
}

static void same_optimum(const tw_oracle *oracle, const char *reference, double tolerance) {
  static const char *const methods[] = {"block_cd", "block_cd:order=shuffled", "anderson_accelerated:inner=block_cd"};
  tw_result best = run(oracle, reference, 1);
  for (int i = 0; i < 3; i++) {
    tw_result r = run(oracle, methods[i], 1);
    assert_near(r.f, best.f, 1e-9 * fmax(1, fabs(best.f)));
    for (int64_t j = 0; j < r.n; j++) assert_near(r.x[j], best.x[j], tolerance);
    tw_result_free(&r);
  }
  tw_result_free(&best);
}

static const tw_blocks *blocks_of(const tw_oracle *oracle) {
  const tw_blocks *b;
  assert_ok(oracle->blocks(oracle->context, &b, &error));
  return b;
}

/* Over all blocks: f and its gradient as the oracle says them, and z after moves as of the point itself. */
static void blocks_add_up(const tw_oracle *oracle, uint64_t key) {
  const tw_blocks *b = blocks_of(oracle);
  const size_t n = (size_t)oracle->n;
  double *x = malloc(4 * n * sizeof *x), *y = x + n, *g = y + n, *part = g + n;
  double *z = calloc(3 * (size_t)b->n_z + 1, sizeof *z), *moved = z + b->n_z, *gz = moved + b->n_z, f, whole, own, sum = 0;
  assert_true(x && z);
  tw_random_normal_fill(key, 0, 2 * n, x);
  assert_ok(oracle->gradient(oracle->context, x, &whole, g, &error));
  assert_ok(b->product(b->context, x, z, &error));
  assert_ok(b->outer(b->context, z, &f, gz, &error));
  for (int64_t i = 0, at = 0; i < b->count; at += b->size[i++]) {
    assert_int_equal(b->start[i], at); /* in order, each number once */
    assert_ok(b->block(b->context, i, x + at, gz, &own, part, &error));
    sum += own;
    for (int64_t j = 0; j < b->size[i]; j++) assert_near(part[j], g[at + j], 1e-11 * fmax(1, fabs(g[at + j])));
  }
  assert_near(f + sum, whole, 1e-12 * fmax(1, fabs(whole)));
  for (int64_t i = 0; i < b->count; i++) assert_ok(b->move(b->context, i, x + b->start[i], y + b->start[i], z, &error));
  assert_ok(b->product(b->context, y, moved, &error));
  for (int64_t j = 0; j < b->n_z; j++) assert_near(z[j], moved[j], 1e-11 * fmax(1, fabs(moved[j])));
  free(x);
  free(z);
}

static void lasso(void **state) {
  (void)state;
  model m;
  model_open(&m, 60, 90, 1);
  m.y = random_parameter(&m, "y", 2, TW_SHAPE(60));
  m.w = tw_problem_variable(m.problem, "w", TW_SHAPE(90));
  tw_expr r = tw_sub(tw_matmul(m.x, m.w), m.y), l1 = tw_regularizer(m.graph, tw_regularizer_find("l1"), m.w, 0, NULL);
  tw_problem_minimize(m.problem, NULL, tw_add(tw_scale(model_sum(tw_square(r)), 0.5), tw_scale(l1, 12)));
  tw_oracle oracle = model_oracle(&m);
  assert_int_equal(blocks_of(&oracle)->count, 90);
  assert_int_equal(blocks_of(&oracle)->n_z, 60);
  blocks_add_up(&oracle, 5);
  same_optimum(&oracle, "proximal_gradient", 1e-7);
  tw_oracle_release(&oracle);
  model_close(&m);
}

/* With an l2 term, bounds that differ from entry to entry, and an intercept, which is a block of its own. */
static void bounded_logistic_with_intercept(void **state) {
  (void)state;
  model m;
  model_open(&m, 80, 6, 11);
  m.y = tw_sign(random_parameter(&m, "y", 13, TW_SHAPE(80)));
  m.w = tw_problem_variable(m.problem, "w", TW_SHAPE(6));
  tw_expr b = tw_problem_variable(m.problem, "b", TW_SCALAR), limit = tw_abs(random_parameter(&m, "limit", 14, TW_SHAPE(6)));
  tw_problem_bounds(m.problem, m.w, tw_neg(limit), tw_scale(limit, 0.02));
  tw_expr loss = tw_mean(tw_softplus(tw_neg(tw_mul(m.y, tw_add(tw_matmul(m.x, m.w), b)))), TW_ALL, false);
  tw_problem_minimize(m.problem, NULL, tw_add(loss, tw_scale(model_sum(tw_square(m.w)), 0.01)));
  tw_oracle oracle = model_oracle(&m);
  assert_int_equal(blocks_of(&oracle)->count, 7);
  assert_int_equal(blocks_of(&oracle)->n_z, 81);
  blocks_add_up(&oracle, 6);
  same_optimum(&oracle, "projected_gradient", 1e-6);
  tw_oracle_release(&oracle);
  model_close(&m);
}

/* Rows of a matrix: softmax regression with group norms of rows is not in the table of regularizers by rows, ridge is. */
static void multiclass_logistic(void **state) {
  (void)state;
  model m;
  model_open(&m, 70, 5, 31);
  m.y = model_one_hot(&m, 70, 5, 3);
  m.w = tw_problem_variable(m.problem, "W", TW_SHAPE(5, 3));
  tw_expr scores = tw_matmul(m.x, m.w), loss = tw_sub(model_sum(tw_logsumexp(scores, 2, false)), model_sum(tw_mul(scores, m.y)));
  tw_problem_minimize(m.problem, NULL, tw_add(tw_scale(loss, 1.0 / 70), tw_scale(model_sum(tw_square(m.w)), 0.05)));
  tw_oracle oracle = model_oracle(&m);
  assert_int_equal(blocks_of(&oracle)->count, 5);
  assert_int_equal(blocks_of(&oracle)->n_z, 210);
  blocks_add_up(&oracle, 7);
  same_optimum(&oracle, "lbfgs", 1e-6);
  tw_oracle_release(&oracle);
  model_close(&m);
}

/* Nothing to cut: one block for each variable, descent by turns. */
static void variables_by_turns(void **state) {
  (void)state;
  model m = {.graph = tw_graph_new()};
  m.problem = tw_problem_new(m.graph);
  tw_expr a = tw_problem_variable(m.problem, "a", TW_SHAPE(3)), b = tw_problem_variable(m.problem, "b", TW_SHAPE(2));
  tw_expr cross = tw_mul(model_sum(a), model_sum(b));
  tw_expr first = tw_scale(model_sum(tw_square(tw_cumsum(a, 0, false))), 2), second = model_sum(tw_exp(tw_square(b)));
  tw_expr f = tw_add(tw_add(first, second), tw_sub(cross, model_sum(tw_sin(a))));
  tw_problem_minimize(m.problem, NULL, f);
  tw_oracle oracle = model_oracle(&m);
  assert_int_equal(blocks_of(&oracle)->count, 2);
  blocks_add_up(&oracle, 8);
  same_optimum(&oracle, "lbfgs:tol=1e-11", 1e-6);
  tw_oracle_release(&oracle);
  model_close(&m);
}

static void svm_dual_by_three_methods(void **state) {
  (void)state;
  model m;
  model_svm_dual(&m, 60, 8, 4, 3);
  tw_oracle oracle = model_oracle(&m);
  assert_int_equal(blocks_of(&oracle)->count, 60);
  assert_int_equal(blocks_of(&oracle)->longest, 4);
  static const char *const methods[] = {"projected_gradient", "mirror_descent:tol=1e-4", "mirror_descent:map=euclidean", "block_cd",
                                        "anderson_accelerated:inner=projected_gradient"};
  tw_result best = run(&oracle, methods[0], 1);
  for (int i = 1; i < 5; i++) {
    tw_result r = run(&oracle, methods[i], 1);
    assert_near(r.f, best.f, 1e-6);
    for (int64_t row = 0; row < 60; row++) {
      double sum = 0;
      for (int64_t j = 0; j < 4; j++) {
        assert_true(r.x[4 * row + j] >= 0);
        sum += r.x[4 * row + j];
      }
      assert_near(sum, 1, 1e-12);
    }
    tw_result_free(&r);
  }
  tw_result_free(&best);
  tw_oracle_release(&oracle);
  model_close(&m);
}

static void resumed_and_threaded_runs_are_the_same(void **state) {
  (void)state;
  model m;
  model_svm_dual(&m, 40, 6, 3, 1);
  tw_oracle oracle = model_oracle(&m), other = model_oracle(&m);
  char path[] = "/tmp/talweg-block-XXXXXX";
  const int file = mkstemp(path);
  assert_true(file >= 0);
  close(file);
  const tw_solve_options options = {.method = "block_cd:order=shuffled", .seed = 5};
  for (int stop = 1; stop <= 9; stop += 4) {
    tw_solver *whole, *first, *second;
    assert_ok(tw_solver_new(&whole, &oracle, NULL, &options, &error));
    while (tw_solver_step(whole) == TW_RUNNING) {}
    assert_ok(tw_solver_new(&first, &oracle, NULL, &options, &error));
    for (int i = 0; i < stop; i++) tw_solver_step(first);
    assert_ok(tw_solver_save(first, path, &error));
    assert_ok(tw_solver_new(&second, &other, NULL, &options, &error));
    assert_ok(tw_solver_load(second, path, &error));
    while (tw_solver_step(second) == TW_RUNNING) {}
    tw_result a, b;
    assert_ok(tw_solver_result(whole, &a, &error));
    assert_ok(tw_solver_result(second, &b, &error));
    assert_int_equal(a.iterations, b.iterations);
    assert_memory_equal(a.x, b.x, (size_t)a.n * sizeof(double));
    tw_result_free(&a);
    tw_result_free(&b);
    tw_solver_free(whole);
    tw_solver_free(first);
    tw_solver_free(second);
  }
  unlink(path);
  tw_result one = run(&oracle, "block_cd", 1), two = run(&oracle, "block_cd", 2);
  assert_memory_equal(one.x, two.x, (size_t)one.n * sizeof(double));
  tw_result_free(&one);
  tw_result_free(&two);
  tw_oracle_release(&oracle);
  tw_oracle_release(&other);
  model_close(&m);
}

static void needs_expressions(void **state) {
  (void)state;
  const tw_oracle oracle = function_oracle(&functions[0]);
  tw_result r;
  const tw_solve_options options = {.method = "block_cd"};
  assert_fails(tw_minimize(&oracle, NULL, &options, &r, &error), TW_ERR_UNSUPPORTED, "expressions");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(lasso),
                                     cmocka_unit_test(bounded_logistic_with_intercept),
                                     cmocka_unit_test(multiclass_logistic),
                                     cmocka_unit_test(variables_by_turns),
                                     cmocka_unit_test(svm_dual_by_three_methods),
                                     cmocka_unit_test(resumed_and_threaded_runs_are_the_same),
                                     cmocka_unit_test(needs_expressions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
