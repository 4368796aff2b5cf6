/* One stated problem solved in several threads at once, by one method or by several: the bits of a solve alone. Clones of one oracle
 * with parameters of their own. A solver that goes from thread to thread. */
#include "linear_models.h"
#include "luksan_vlcek.h"
#include "together.h"

static tw_error error;

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define LOCKS_STAY_HELD_IN_COPIES
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define LOCKS_STAY_HELD_IN_COPIES
#endif

/* A copy of a process that has several threads can wait for ever for the allocator of the address sanitizer: fork does not
 * release its locks there, as it does those of the C library. */
static bool runs_apart(const char *method) {
#ifdef LOCKS_STAY_HELD_IN_COPIES
  return strcmp(method, "cbc") == 0;
#else
  (void)method;
  return false;
#endif
}

/* In this build; methods of libraries that it lacks are not. */
static bool is_usable(const char *method) {
  return tw_method_find(method) && !runs_apart(method);
}

/* ------------------------------------------------------------------ problems */

/* min x'Dx/2 + q'x with A x <= b within -1 <= x <= 1: n variables, some of them integer; q is a parameter. */
static tw_problem *program(tw_graph *g, int64_t n, int64_t m, bool integers) {
  tw_problem *p = tw_problem_new(g);
  tw_array a, q;
  assert_ok(tw_array_new(&a, TW_F64, TW_SHAPE(m, n), &error));
  assert_ok(tw_array_new(&q, TW_F64, TW_SHAPE(n), &error));
  tw_random_normal_fill(41, 0, (size_t)(m * n), a.data);
  tw_random_normal_fill(42, 0, (size_t)n, q.data);
  const tw_expr cost = tw_problem_parameter(p, "q", &q), x = tw_problem_variable(p, "x", TW_SHAPE(n));
  const tw_expr curvature = tw_cast(tw_mod(tw_iota(g, TW_I64, n), tw_integer(g, 3)), TW_F64);
  tw_problem_bounds(p, x, tw_scalar(g, integers ? -3 : -1), tw_scalar(g, integers ? 3 : 1));
  tw_problem_subject(p, "rows", tw_matmul(tw_constant(g, &a), x), TW_NONE, tw_scalar(g, 1));
  if (integers) tw_problem_kind(p, x, TW_INTEGER);
  const tw_expr linear = tw_dot(cost, x);
  tw_problem_minimize(p, NULL, integers ? linear : tw_add(tw_scale(model_sum(tw_mul(curvature, tw_square(x))), 0.5), linear));
  tw_array_free(&a);
  tw_array_free(&q);
  return p;
}

static tw_problem *quadratic(tw_graph *g) { return program(g, 60, 25, false); }
static tw_problem *integer(tw_graph *g) { return program(g, 9, 5, true); }
static tw_problem *nonlinear(tw_graph *g) { return luksan_vlcek(g, 200, 1, true); }

/* The same in a ball. */
static tw_problem *conic(tw_graph *g) {
  tw_problem *p = quadratic(g);
  const tw_expr x = tw_problem_variable_at(p, 0)->expr;
  tw_problem_subject(p, "cone", tw_norm(x, TW_ALL, false), TW_NONE, tw_scalar(g, 2));
  return p;
}

/* A model of linear_models.h; its graph is in the problem. */
static tw_problem *classified(tw_graph *g) {
  model m;
  (void)g;
  model_logistic(&m, 120, 6, 0.1);
  return m.problem;
}
static tw_problem *simplices(tw_graph *g) {
  model m;
  (void)g;
  model_svm_dual(&m, 40, 5, 3, 1.5);
  return m.problem;
}

/* |X w - y|^2 / 2 + |w|_1 */
static tw_problem *composite(tw_graph *g) {
  model m;
  (void)g;
  model_open(&m, 50, 30, 21);
  const tw_expr y = random_parameter(&m, "y", 22, TW_SHAPE(50)), w = tw_problem_variable(m.problem, "w", TW_SHAPE(30));
  const tw_expr loss = tw_scale(model_sum(tw_square(tw_sub(tw_matmul(m.x, w), y))), 0.5);
  tw_problem_minimize(m.problem, NULL, tw_add(loss, tw_regularizer(m.graph, tw_regularizer_find("l1"), w, 0, NULL)));
  return m.problem;
}

typedef struct setting {
  const char *label;
  tw_problem *(*state)(tw_graph *g);
  int64_t max_iter;
  const char *methods[9];
} setting;

static const setting settings[] = {
    {"quadratic", quadratic, 0, {"mehrotra", "osqp", "ipm", "auglag", "hsde", "sqp"}},
    {"integer", integer, 0, {"branch_and_bound", "cbc"}},
    {"nonlinear", nonlinear, 60, {"ipm", "auglag", "ipopt"}},
    {"conic", conic, 0, {"hsde", "ipm"}},
    {"classified", classified, 12, {"lbfgs", "bfgs", "newton_cg", "accelerated_gradient", "adam", "sgd", "armijo_sgd", "polyak_sgd"}},
    {"simplices", simplices, 40, {"block_cd", "projected_gradient", "mirror_descent"}},
    {"composite", composite, 40, {"proximal_gradient", "block_cd", "anderson_accelerated"}},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

/* ------------------------------------------------------------------ solves and their answers */

typedef struct solve_job {
  const tw_problem *problem;
  const tw_oracle *model; /* cloned when there is one */
  const double *parameter;
  const char *method;
  int64_t max_iter;
  tw_result result;
  tw_status status;
  tw_error error;
} solve_job;

static void solve_one(solve_job *j) {
  const tw_solve_options options = {.method = j->method, .max_iter = j->max_iter, .seed = 3, .exec.threads = 2};
  if (!j->model) {
    j->status = tw_solve_problem(j->problem, &options, &j->result, &j->error);
    return;
  }
  tw_oracle oracle;
  j->status = tw_oracle_clone(&oracle, j->model, &j->error);
  if (j->status != TW_OK) return;
  if (j->parameter) j->status = tw_oracle_parameters(&oracle, (const void *[]){j->parameter}, &j->error);
  if (j->status == TW_OK) j->status = tw_minimize(&oracle, NULL, &options, &j->result, &j->error);
  tw_oracle_release(&oracle);
}

static void solve_number(void *context, int number) {
  solve_one((solve_job *)context + number);
}

static void expect_same(const char *label, const tw_result *a, const tw_result *b) {
  if (a->outcome != b->outcome || a->iterations != b->iterations)
    fail_msg("%s by %s: %s after %lld iterations, alone %s after %lld (%s)", label, b->method, tw_outcome_name(a->outcome),
             (long long)a->iterations, tw_outcome_name(b->outcome), (long long)b->iterations, a->message);
  if (memcmp(&a->f, &b->f, sizeof a->f) != 0) fail_msg("%s by %s: %.17g, alone %.17g", label, b->method, a->f, b->f);
  assert_memory_equal(a->x, b->x, (size_t)b->n * sizeof *b->x);
  if (b->m) assert_memory_equal(a->dual, b->dual, (size_t)b->m * sizeof *b->dual);
}

/* Every job at once gives what it gives alone; both results are released. */
static void agree(const char *label, solve_job job[TOGETHER]) {
  solve_job alone[TOGETHER];
  memcpy(alone, job, sizeof alone);
  together_call(solve_number, job);
  for (int t = 0; t < TOGETHER; t++) {
    solve_one(&alone[t]);
    if (alone[t].status != TW_OK) fail_msg("%s by %s: %s", label, job[t].method, alone[t].error.message);
    if (job[t].status != TW_OK) fail_msg("%s by %s in thread %d: %s", label, job[t].method, t, job[t].error.message);
    expect_same(label, &job[t].result, &alone[t].result);
    tw_result_free(&job[t].result);
    tw_result_free(&alone[t].result);
  }
}

static tw_problem *open_problem(const setting *s, tw_graph **g) {
  *g = tw_graph_new();
  tw_problem *p = s->state(*g);
  if (tw_problem_graph(p) != *g) { /* it came with one */
    tw_graph_free(*g);
    *g = tw_problem_graph(p);
  }
  if (tw_graph_check(*g, &error) != TW_OK) fail_msg("%s: %s", s->label, error.message);
  return p;
}

static void close_problem(tw_problem *p, tw_graph *g) {
  tw_problem_free(p);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ one problem, many solves */

static void by_one_method(void **state) {
  (void)state;
  for (int k = 0; k < SETTINGS; k++)
    for (const char *const *method = settings[k].methods; *method; method++) {
      if (!is_usable(*method)) continue;
      tw_graph *g;
      tw_problem *p = open_problem(&settings[k], &g);
      solve_job job[TOGETHER];
      for (int t = 0; t < TOGETHER; t++) job[t] = (solve_job){.problem = p, .method = *method, .max_iter = settings[k].max_iter};
      agree(settings[k].label, job);
      close_problem(p, g);
    }
}

static void by_several_methods(void **state) {
  (void)state;
  for (int k = 0; k < SETTINGS; k++) {
    tw_graph *g;
    tw_problem *p = open_problem(&settings[k], &g);
    solve_job job[TOGETHER];
    int count = 0;
    for (const char *const *method = settings[k].methods; *method; method++) count += is_usable(*method);
    for (int t = 0; t < TOGETHER; t++) {
      const char *const *method = settings[k].methods;
      for (int skip = t % count; skip > 0 || !is_usable(*method); method++) skip -= is_usable(*method);
      job[t] = (solve_job){.problem = p, .method = *method, .max_iter = settings[k].max_iter};
    }
    agree(settings[k].label, job);
    close_problem(p, g);
  }
}

static void standard_problems(void **state) {
  (void)state;
  for (const tw_test_problem *t = tw_test_problems(); t->name; t++) {
    tw_graph *g = tw_graph_new();
    tw_problem *p = tw_problem_new(g);
    solve_job job[TOGETHER];
    assert_int_equal(t->build(p, 0), TW_OK);
    for (int k = 0; k < TOGETHER; k++) job[k] = (solve_job){.problem = p};
    agree(t->name, job);
    close_problem(p, g);
  }
}

/* What clones share is compiled when the first of them asks. */
static void clones_with_other_parameters(void **state) {
  (void)state;
  static const char *const methods[] = {"mehrotra", "osqp", "hsde", "ipm"};
  for (size_t k = 0; k < sizeof methods / sizeof *methods; k++) {
    enum { N = 60 };
    tw_graph *g = tw_graph_new();
    tw_problem *p = quadratic(g);
    tw_class cls;
    tw_oracle oracle;
    double q[TOGETHER][N];
    solve_job job[TOGETHER];
    assert_ok(tw_classify(p, &cls, &error));
    assert_ok(tw_oracle_from_problem(&oracle, p, &cls, &error));
    for (int t = 0; t < TOGETHER; t++) {
      tw_random_normal_fill(50 + (uint64_t)t, 0, N, q[t]);
      job[t] = (solve_job){.model = &oracle, .parameter = q[t], .method = methods[k]};
    }
    agree("clones", job);
    tw_oracle_release(&oracle);
    close_problem(p, g);
  }
}

/* ------------------------------------------------------------------ one solver, from thread to thread */

typedef struct turn {
  tw_solver *solver;
  tw_outcome outcome;
} turn;

static void *take_step(void *context) {
  turn *t = context;
  t->outcome = tw_solver_step(t->solver);
  return NULL;
}

static tw_result step_by_step(const tw_problem *p, const char *method, int64_t max_iter, bool threads) {
  tw_class cls;
  tw_oracle oracle;
  tw_result result;
  turn t;
  const tw_solve_options options = {.method = method, .max_iter = max_iter, .seed = 3, .exec.threads = 1};
  assert_ok(tw_classify(p, &cls, &error));
  assert_ok(tw_oracle_from_problem(&oracle, p, &cls, &error));
  if (tw_solver_new(&t.solver, &oracle, NULL, &options, &error) != TW_OK) fail_msg("%s: %s", method, error.message);
  do {
    pthread_t thread;
    if (!threads) {
      take_step(&t);
    } else {
      assert_int_equal(pthread_create(&thread, NULL, take_step, &t), 0);
      assert_int_equal(pthread_join(thread, NULL), 0);
    }
  } while (t.outcome == TW_RUNNING);
  assert_ok(tw_solver_result(t.solver, &result, &error));
  tw_solver_free(t.solver);
  tw_oracle_release(&oracle);
  return result;
}

static void steps_in_other_threads(void **state) {
  (void)state;
  for (int k = 0; k < SETTINGS; k++)
    for (const char *const *method = settings[k].methods; *method; method++) {
      if (!is_usable(*method)) continue;
      tw_graph *g;
      tw_problem *p = open_problem(&settings[k], &g);
      tw_result one = step_by_step(p, *method, settings[k].max_iter, false);
      tw_result many = step_by_step(p, *method, settings[k].max_iter, true);
      expect_same(settings[k].label, &many, &one);
      tw_result_free(&one);
      tw_result_free(&many);
      close_problem(p, g);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(by_one_method), cmocka_unit_test(by_several_methods),
                                     cmocka_unit_test(standard_problems), cmocka_unit_test(clones_with_other_parameters),
                                     cmocka_unit_test(steps_in_other_threads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
