/* Solves of nested problems in several threads: each on a graph of its own, and together on one graph with
 * separate oracles, whose functions are compiled while others run. Results have the bits of a solve alone.
 * Solves nest in callbacks. */
#include "problems.h"
#include "together.h"

/* Ridge path: the penalty exp(l) that does best on other rows, for w(l) = argmin |A w - b|^2 + exp(l) |w|^2.
 */
static tw_problem *ridge_path(tw_graph *g, uint64_t key) {
  enum { TRAIN = 30, TEST = 20, COLS = 6 };
  tw_problem *p = tw_problem_new(g), *inner = tw_problem_new(g);
  tw_expr l = tw_problem_variable(p, "l", TW_SCALAR), w = tw_problem_variable(inner, "w", TW_SHAPE(COLS));
  tw_expr truth = constant(g, key, TW_SHAPE(COLS)), a = constant(g, key + 1, TW_SHAPE(TRAIN, COLS));
  tw_expr b = tw_add(tw_matmul(a, truth), tw_scale(constant(g, key + 2, TW_SHAPE(TRAIN)), 3));
  tw_expr c = constant(g, key + 3, TW_SHAPE(TEST, COLS));
  tw_expr d = tw_add(tw_matmul(c, truth), tw_scale(constant(g, key + 4, TW_SHAPE(TEST)), 3));
  tw_expr r = tw_sub(tw_matmul(a, w), b), smooth = total(tw_sqrt(tw_add(tw_square(r), tw_scalar(g, 1))));
  tw_problem_minimize(inner, NULL, tw_add(smooth, tw_mul(tw_exp(l), total(tw_square(w)))));
  tw_expr held = tw_sub(tw_matmul(c, solution(inner, false)), d);
  tw_problem_minimize(p, NULL, tw_add(total(tw_square(held)), tw_scale(tw_square(l), 0.1)));
  return p;
}

typedef struct job {
  tw_problem *problem;    /* NULL: stated here, in a graph of its own */
  const tw_oracle *model; /* cloned when there is one */
  uint64_t key;
  const char *method;
  double x, f;
  tw_evidence evidence;
  tw_error error;
} job;

static tw_status solve_with(job *j, tw_oracle *oracle) {
  tw_result r = {0};
  const tw_solve_options options = {.method = j->method, .tolerance = 1e-8, .exec.threads = 1};
  tw_status status = tw_minimize(oracle, NULL, &options, &r, &j->error);
  if (status == TW_OK && r.outcome != TW_SOLVED) status = tw_fail(&j->error, TW_ERR_NUMERIC, "%s", r.message);
  if (status == TW_OK) {
    j->x = r.x[0];
    j->f = r.f;
    tw_oracle_evidence(oracle, &j->evidence);
  }
  tw_result_free(&r);
  return status;
}

static void run(job *j) {
  tw_graph *own = j->problem || j->model ? NULL : tw_graph_new();
  tw_problem *p = own ? ridge_path(own, j->key) : j->problem;
  tw_oracle oracle = {0};
  tw_class cls;
  tw_status status = TW_OK;
  if (j->model) {
    status = tw_oracle_clone(&oracle, j->model, &j->error);
  } else {
    status = tw_classify(p, &cls, &j->error);
    if (status == TW_OK) status = tw_oracle_from_problem(&oracle, p, &cls, &j->error);
  }
  if (status == TW_OK) status = solve_with(j, &oracle);
  j->error.status = status;
  tw_oracle_release(&oracle);
  if (own) {
    tw_problem_free(p);
    tw_graph_free(own);
  }
}

static void run_number(void *jobs, int number) { run((job *)jobs + number); }

static void run_all(job *jobs) {
  together_call(run_number, jobs);
  for (int i = 0; i < TOGETHER; i++)
    if (jobs[i].error.status != TW_OK) fail_msg("thread %d: %s", i, jobs[i].error.message);
}

/* The same job by itself, on a graph of its own. */
static void expect_alone(const job *j) {
  job alone = {.key = j->key, .method = j->method};
  run(&alone);
  if (alone.error.status != TW_OK) fail_msg("%s", alone.error.message);
  assert_same_bits(j->x, alone.x);
  assert_same_bits(j->f, alone.f);
  assert_true(j->evidence.reliable && j->evidence.solves > 0);
  assert_true(fabs(j->x) > 1e-3);
}

static const char *const methods[TOGETHER] = {"bfgs", "newton_cg", "lbfgs", "gd"};

static void each_on_its_own_graph(void **state) {
  (void)state;
  job jobs[TOGETHER] = {0};
  for (int i = 0; i < TOGETHER; i++) jobs[i] = (job){.key = 100 + 10 * (uint64_t)i, .method = methods[i]};
  run_all(jobs);
  for (int i = 0; i < TOGETHER; i++) expect_alone(&jobs[i]);
}

static void together_on_one_graph(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  job jobs[TOGETHER] = {0};
  for (int i = 0; i < TOGETHER; i++)
    jobs[i] = (job){.problem = ridge_path(g, 200 + 10 * (uint64_t)(i / 2)),
                    .key = 200 + 10 * (uint64_t)(i / 2),
                    .method = methods[i]};
  if (tw_graph_check(g, &error) != TW_OK) fail_msg("%s", error.message);
  run_all(jobs);
  for (int i = 0; i < TOGETHER; i++) {
    expect_alone(&jobs[i]);
    tw_problem_free(jobs[i].problem);
  }
  tw_graph_free(g);
}

static void clones_of_one_oracle(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_problem *p = ridge_path(g, 300);
  tw_oracle oracle;
  tw_class cls;
  assert_ok(tw_classify(p, &cls, &error));
  assert_ok(tw_oracle_from_problem(&oracle, p, &cls, &error));
  job jobs[TOGETHER] = {0};
  for (int i = 0; i < TOGETHER; i++) jobs[i] = (job){.model = &oracle, .key = 300, .method = methods[i]};
  run_all(jobs);
  for (int i = 0; i < TOGETHER; i++) expect_alone(&jobs[i]);
  tw_oracle_release(&oracle);
  tw_problem_free(p);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ threads inside a derivative */

/* S = sum_k w'v_k with v_k the solution of P v_k = sin(k p), whose first FREE entries alone are free: a loop in tiles, whose body
 * compiles a function of these entries when it is first run. */
enum { UNKNOWNS = 128, FREE = 8, TERMS = 3000 };

static double term(int64_t k, int64_t i) {
  const double p = (double)(i + 1);
  return sin((double)k * p) * (i < FREE ? 1 : p);
}

static tw_expr sum_of_solves(tw_graph *g) {
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), u = tw_param(g, 0, TW_F64, TW_SHAPE(UNKNOWNS));
  tw_expr q = tw_param(g, 1, TW_F64, TW_SHAPE(UNKNOWNS)), lu = tw_mul(q, u), one = tw_scalar(g, 1);
  tw_expr p = tw_add(tw_iota(g, TW_F64, UNKNOWNS), one), mask = tw_le(p, tw_scalar(g, FREE));
  const tw_body *body = tw_body_make(g, 2, (tw_expr[]){u, q}, 1, &lu);
  assert_non_null(body);
  tw_expr b = tw_sin(tw_mul(tw_cast(k, TW_F64), p));
  tw_expr v = tw_implicit_solve(g, body, 1, &p, b, mask, true);
  return tw_loop_sum(k, TERMS, tw_dot(p, v));
}

/* x = theta S: threads that share out the loop do not wait for the thread that differentiates. */
static void loops_compile_inside_derivatives(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(1)), theta = tw_input(g, "theta", TW_F64, TW_SHAPE(1));
  const tw_root root = {tw_sub(x, tw_mul(theta, sum_of_solves(g))), x, 1, &theta};
  const double zero = 0, one = 1;
  double expected = 0, dx = 0, bar = 0;
  for (int64_t k = 0; k < TERMS; k++)
    for (int64_t i = 0; i < UNKNOWNS; i++) expected += term(k, i);
  assert_ok(tw_root_jvp(&root, NULL, &zero, (const void *[]){&zero}, (const double *[]){&one}, &dx, NULL, &error));
  assert_ok(tw_root_vjp(&root, NULL, &zero, (const void *[]){&zero}, &one, (double *[]){&bar}, NULL, &error));
  assert_close(dx, expected, 1e-9);
  assert_close(bar, expected, 1e-9);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ callbacks */

typedef struct watcher {
  const tw_oracle *oracle; /* of the run that is watched */
  tw_oracle other;
  int64_t calls, stop_at;
  double last_f;
} watcher;

/* Sees the iterate, its value, optimality and counters; solves another problem in between; stops. */
static bool watch(void *context, const tw_progress *p) {
  watcher *w = context;
  double f = NAN;
  w->calls++;
  assert_int_equal(p->iteration, w->calls);
  assert_int_equal(p->n, 1);
  assert_true(p->optimality.stationarity >= 0 && p->seconds >= 0 && p->counts.gradient >= p->iteration);
  assert_true(w->calls == 1 || p->f <= w->last_f + 1e-9 * fabs(w->last_f));
  w->last_f = p->f;
  job j = {.method = "bfgs"};
  if (solve_with(&j, &w->other) != TW_OK) fail_msg("%s", j.error.message);
  assert_ok(w->oracle->value(w->oracle->context, p->x, &f, &error));
  assert_close(f, p->f, 1e-9);
  return w->calls != w->stop_at;
}

static void callbacks_see_solve_and_stop(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_problem *p = ridge_path(g, 400), *q = ridge_path(g, 500);
  tw_oracle oracle;
  tw_class cls;
  tw_result whole, cut;
  watcher w = {.oracle = &oracle, .last_f = INFINITY};
  assert_ok(tw_classify(p, &cls, &error));
  assert_ok(tw_oracle_from_problem(&oracle, p, &cls, &error));
  assert_ok(tw_classify(q, &cls, &error));
  assert_ok(tw_oracle_from_problem(&w.other, q, &cls, &error));
  tw_solve_options options = {.method = "bfgs", .tolerance = 1e-8, .callback = watch, .callback_context = &w};
  assert_ok(tw_minimize(&oracle, NULL, &options, &whole, &error));
  assert_int_equal(whole.outcome, TW_SOLVED);
  assert_int_equal(whole.iterations, w.calls);
  w = (watcher){.oracle = &oracle, .other = w.other, .last_f = INFINITY, .stop_at = 2};
  assert_ok(tw_minimize(&oracle, NULL, &options, &cut, &error));
  assert_int_equal(cut.outcome, TW_STOPPED_CALLER);
  assert_int_equal(cut.iterations, 2);
  tw_result_free(&whole);
  tw_result_free(&cut);
  tw_oracle_release(&oracle);
  tw_oracle_release(&w.other);
  tw_problem_free(p);
  tw_problem_free(q);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ stopping inside an inner solve */

/* A deadline that has passed and a flag that is up end the inner solve, and the run as what they are. */
static void limits_reach_into_inner_solves(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr theta = tw_input(g, "theta", TW_F64, TW_SHAPE(D)), s = ridge(g, theta);
  const double at[D] = {0.7, -0.4, 0.3};
  double out[4];
  compiled c = compile(theta, 1, &s);
  volatile int stop = 1;
  tw_work_exec(c.work, &(tw_exec){.stop = &stop});
  assert_fails(tw_fn_call(c.fn, c.work, (const void *[]){at}, (void *[]){out}, 0, &error), TW_ERR_INTERRUPT,
               "interrupted");
  tw_work_exec(c.work, &(tw_exec){.deadline = 1e-9});
  assert_fails(tw_fn_call(c.fn, c.work, (const void *[]){at}, (void *[]){out}, 0, &error), TW_ERR_LIMIT,
               "time limit");
  tw_work_exec(c.work, NULL);
  assert_ok(tw_fn_call(c.fn, c.work, (const void *[]){at}, (void *[]){out}, 0, &error));
  done(c);
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_on_its_own_graph),          cmocka_unit_test(together_on_one_graph),
      cmocka_unit_test(clones_of_one_oracle),           cmocka_unit_test(callbacks_see_solve_and_stop),
      cmocka_unit_test(limits_reach_into_inner_solves), cmocka_unit_test(loops_compile_inside_derivatives),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
