/* Minibatches of finite sums: unbiased, found in models as they are written; the methods on them: rates, optima, resuming. */
#include "linear_models.h"

#include <unistd.h>

static tw_error error;

/* The batches of one partition of all rows, weighed by their sizes, give the whole objective and its gradient. */
static void batches_add_up(const model *m, int64_t expected) {
  tw_oracle oracle = model_oracle(m);
  const size_t n = (size_t)oracle.n;
  int64_t rows;
  assert_ok(oracle.samples(oracle.context, &rows, &error));
  assert_int_equal(rows, expected);
  double *x = calloc(4 * n, sizeof *x), *g = x + n, *part = g + n, *sum = part + n, f, f_part, f_value, f_sum = 0;
  int64_t *order = malloc((size_t)rows * sizeof *order), batch[7];
  assert_true(x && order);
  tw_random_normal_fill(3, 0, n, x);
  tw_random_permutation(4, (size_t)rows, order);
  assert_ok(oracle.gradient(oracle.context, x, &f, g, &error));
  for (int64_t first = 0; first < rows; first += 7) {
    const int64_t count = rows - first < 7 ? rows - first : 7;
    double weight[7];
    for (int64_t i = 0; i < 7; i++) {
      batch[i] = i < count ? order[first + i] : 0;
      weight[i] = i < count ? (double)rows / (double)count : 0;
    }
    assert_ok(oracle.sample(oracle.context, x, 7, batch, weight, &f_part, part, &error));
    assert_ok(oracle.sample(oracle.context, x, 7, batch, weight, &f_value, NULL, &error));
    assert_near(f_value, f_part, 1e-13 * fmax(1, fabs(f_part)));
    const double share = (double)count / (double)rows;
    f_sum += share * f_part;
    for (size_t i = 0; i < n; i++) sum[i] += share * part[i];
  }
  assert_near(f_sum, f, 1e-12 * fmax(1, fabs(f)));
  for (size_t i = 0; i < n; i++) assert_near(sum[i], g[i], 1e-12 * fmax(1, fabs(g[i])));
  batch[0] = rows;
  assert_fails(oracle.sample(oracle.context, x, 1, batch, (double[]){1}, &f, NULL, &error), TW_ERR_ARGUMENT, "row");
  free(x);
  free(order);
  tw_oracle_release(&oracle);
}

static void sums_are_found_and_unbiased(void **state) {
  (void)state;
  model m;
  model_logistic(&m, 53, 5, 0.1);
  batches_add_up(&m, 53);
  model_close(&m);
  model_interpolation(&m, 40, 50); /* more columns than rows, and a norm of w would be no data */
  batches_add_up(&m, 40);
  model_close(&m);
  model_open(&m, 30, 4, 1); /* a small network with labels as indices, its weights penalised */
  tw_expr u = tw_problem_variable(m.problem, "u", TW_SHAPE(4, 6)), v = tw_problem_variable(m.problem, "v", TW_SHAPE(6, 3));
  tw_expr hidden = tw_tanh(tw_matmul(m.x, u)), scores = tw_matmul(hidden, v), label = tw_argmax(tw_slice(m.x, 1, 0, 3, 1), 1);
  tw_expr own = tw_squeeze(tw_take_along(tw_log_softmax(scores, 1), tw_expand(label, -1), 1), 1);
  tw_problem_minimize(m.problem, NULL, tw_sub(tw_scale(model_sum(tw_square(u)), 0.1), tw_mean(own, TW_ALL, false)));
  batches_add_up(&m, 30);
  model_close(&m);
  model_open(&m, 25, 4, 1); /* a loop over rows, as comprehensions of models are */
  tw_expr w = tw_problem_variable(m.problem, "w", TW_SHAPE(4)), k = tw_input(m.graph, "k", TW_I64, TW_SCALAR);
  tw_expr body = tw_square(tw_sub(tw_dot(tw_take(m.x, 1, &k), w), tw_cast(k, TW_F64)));
  tw_problem_minimize(m.problem, NULL, tw_add(tw_loop_sum(k, 25, body), model_sum(tw_square(w))));
  batches_add_up(&m, 25);
  model_close(&m);
}

static void no_sum_is_said_to_be_none(void **state) {
  (void)state;
  model m = {.graph = tw_graph_new()};
  m.problem = tw_problem_new(m.graph);
  m.w = tw_problem_variable(m.problem, "w", TW_SHAPE(9));
  tw_problem_minimize(m.problem, NULL, model_sum(tw_square(tw_sub(m.w, tw_scalar(m.graph, 1)))));
  tw_oracle oracle = model_oracle(&m);
  int64_t rows;
  assert_ok(oracle.samples(oracle.context, &rows, &error));
  assert_int_equal(rows, 0);
  tw_result r = solve(&oracle, "armijo_sgd"); /* steps on the whole objective */
  assert_int_equal(r.outcome, TW_SOLVED);
  assert_near(r.x[3], 1, 1e-5);
  tw_result_free(&r);
  tw_oracle_release(&oracle);
  model_close(&m);
}

static tw_result run_for(const tw_oracle *oracle, const char *method, int64_t epochs, int threads) {
  tw_result r;
  const tw_solve_options options = {.method = method, .max_iter = epochs, .exec.threads = threads, .seed = 7};
  assert_ok(tw_minimize(oracle, NULL, &options, &r, &error));
  print_message("%-52s f %.6e after %lld epochs, %s\n", method, r.f, (long long)r.iterations, tw_outcome_name(r.outcome));
  return r;
}

/* Where one w fits every row, line searches and Polyak's step converge linearly on minibatches: twice the epochs, about the square
 * of the reduction. */
static void interpolation_is_linear(void **state) {
  (void)state;
  static const char *const methods[] = {"armijo_sgd:batch=20,tol=0", "armijo_sgd:batch=20,reset=goldstein,tol=0",
                                        "polyak_sgd:batch=20,tol=0", "polyak_sgd:batch=20,variant=sps+,tol=0",
                                        "armijo_sgd:batch=20,reset=conservative,momentum=0.3,tol=0"};
  model m;
  model_interpolation(&m, 200, 10);
  tw_oracle oracle = model_oracle(&m);
  double start, zero[10] = {0};
  assert_ok(oracle.value(oracle.context, zero, &start, &error));
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    tw_result ten = run_for(&oracle, methods[i], 4, 1), twenty = run_for(&oracle, methods[i], 8, 1);
    assert_true(ten.f < 1e-2 * start);
    assert_true(log(twenty.f / start) < 1.6 * log(ten.f / start));
    tw_result_free(&ten);
    tw_result_free(&twenty);
  }
  tw_oracle_release(&oracle);
  model_close(&m);
}

/* Not an interpolation: with steps that fall to 0 the optimum that lbfgs finds. */
static void logistic_regression(void **state) {
  (void)state;
  static const char *const methods[] = {"adam:rate=0.05,schedule=cosine,horizon=60", "sgd:rate=0.5,schedule=cosine,horizon=60,momentum=0.5",
                                        "adam:rate=0.1,schedule=sqrt", "sgd:rate=2,schedule=sqrt", "armijo_sgd:batch=0",
                                        "adam:batch=0,rate=0.1,schedule=cosine"};
  static const double within[] = {1e-4, 1e-4, 1e-3, 1e-3, 1e-6, 1e-4};
  model m;
  model_logistic(&m, 300, 6, 0.05);
  tw_oracle oracle = model_oracle(&m);
  tw_result best = solve(&oracle, "lbfgs");
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    tw_result r = run_for(&oracle, methods[i], strstr(methods[i], "batch=0") ? 100 : 60, 1);
    assert_true(r.f >= best.f - 1e-12);
    assert_near(r.f, best.f, within[i]);
    tw_result_free(&r);
  }
  tw_result_free(&best);
  tw_oracle_release(&oracle);
  model_close(&m);
}

static void resumed_and_threaded_runs_are_the_same(void **state) {
  (void)state;
  static const char *const methods[] = {"armijo_sgd:batch=16", "polyak_sgd:batch=16,momentum=0.2", "adam:batch=16,epochs=2",
                                        "sgd:batch=16", "adam:batch=0"};
  model m;
  model_logistic(&m, 90, 5, 0.01);
  tw_oracle oracle = model_oracle(&m), other = model_oracle(&m);
  char path[] = "/tmp/talweg-stochastic-XXXXXX";
  const int file = mkstemp(path);
  assert_true(file >= 0);
  close(file);
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    const tw_solve_options options = {.method = methods[i], .max_iter = 9, .seed = 7};
    tw_solver *first, *second;
    tw_result whole = run_for(&oracle, methods[i], 9, 1), threaded = run_for(&oracle, methods[i], 9, 2), r;
    assert_memory_equal(whole.x, threaded.x, (size_t)whole.n * sizeof(double));
    assert_ok(tw_solver_new(&first, &oracle, NULL, &options, &error));
    for (int k = 0; k < 4; k++) tw_solver_step(first);
    assert_ok(tw_solver_save(first, path, &error));
    assert_ok(tw_solver_new(&second, &other, NULL, &options, &error));
    assert_ok(tw_solver_load(second, path, &error));
    while (tw_solver_step(second) == TW_RUNNING) {}
    assert_ok(tw_solver_result(second, &r, &error));
    assert_memory_equal(whole.x, r.x, (size_t)r.n * sizeof(double));
    assert_int_equal(whole.counts.gradient, r.counts.gradient);
    tw_result_free(&whole);
    tw_result_free(&threaded);
    tw_result_free(&r);
    tw_solver_free(first);
    tw_solver_free(second);
  }
  unlink(path);
  tw_oracle_release(&oracle);
  tw_oracle_release(&other);
  model_close(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(sums_are_found_and_unbiased), cmocka_unit_test(no_sum_is_said_to_be_none),
                                     cmocka_unit_test(interpolation_is_linear), cmocka_unit_test(logistic_regression),
                                     cmocka_unit_test(resumed_and_threaded_runs_are_the_same)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
