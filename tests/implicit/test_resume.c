/* A run over nested problems that is saved and gone on with, in a graph of its own, gives the bits of one
 * that is not: the warm starts of inner solves are in the checkpoint, at every level of nesting. */
#include "problems.h"

/* min |s(theta) - goal|^2 + |theta|^2 / 10 for a family of nested problems. */
static tw_problem *fit(tw_graph *g, tw_expr (*solve)(tw_graph *, tw_expr), tw_expr theta, tw_problem *p) {
  tw_expr s = solve(g, theta), goal = constant(g, 60, tw_shape_of(s));
  tw_problem_start(p, theta, tw_scalar(g, 0.3));
  tw_problem_minimize(p, NULL,
                      tw_add(total(tw_square(tw_sub(s, goal))), tw_scale(total(tw_square(theta)), 0.1)));
  return p;
}

static tw_problem *of_family(tw_graph *g, tw_expr (*solve)(tw_graph *, tw_expr)) {
  tw_problem *p = tw_problem_new(g);
  return fit(g, solve, tw_problem_variable(p, "theta", TW_SHAPE(D)), p);
}

static tw_problem *over_logistic(tw_graph *g) {
  return of_family(g, logistic);
}
static tw_problem *over_lasso(tw_graph *g) {
  return of_family(g, lasso);
}
static tw_problem *over_qp(tw_graph *g) {
  return of_family(g, inequality_qp);
}
static tw_problem *over_equilibrium(tw_graph *g) {
  return of_family(g, equilibrium);
}
static tw_problem *over_two_levels(tw_graph *g) {
  return of_family(g, two_levels);
}
static tw_problem *over_each_other(tw_graph *g) {
  return of_family(g, in_each_other);
}

/* A nested problem inside a loop, for every entry of theta. */
static tw_problem *over_loop(tw_graph *g) {
  tw_problem *p = tw_problem_new(g), *lower = tw_problem_new(g);
  tw_expr theta = tw_problem_variable(p, "theta", TW_SHAPE(D)),
          x = tw_problem_variable(lower, "x", TW_SCALAR);
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), at = tw_take(theta, 1, &k);
  tw_problem_minimize(lower, NULL, tw_add(tw_exp(tw_sub(x, at)), tw_square(tw_add(x, at))));
  tw_expr s = solution(lower, false);
  tw_problem_start(p, theta, tw_scalar(g, 1));
  tw_problem_minimize(
      p, NULL, tw_add(tw_loop_sum(k, D, tw_square(tw_sub(s, tw_scalar(g, 2)))), total(tw_square(theta))));
  return p;
}

/* The nested problem in a constraint. */
static tw_problem *under_constraint(tw_graph *g) {
  tw_problem *p = tw_problem_new(g);
  tw_expr theta = tw_problem_variable(p, "theta", TW_SHAPE(D)), s = logistic(g, theta);
  tw_problem_start(p, theta, tw_scalar(g, 0.3));
  tw_problem_minimize(p, NULL, total(tw_square(theta)));
  tw_problem_subject(p, "c", total(tw_square(s)), tw_scalar(g, 0.5), TW_NONE);
  return p;
}

/* A problem in a graph of its own with a solver. */
typedef struct session {
  tw_graph *graph;
  tw_problem *problem;
  tw_oracle oracle;
  tw_solver *solver;
} session;

static void open_session(session *s, tw_problem *(*state)(tw_graph *), const tw_solve_options *options) {
  *s = (session){.graph = tw_graph_new()};
  s->problem = state(s->graph);
  tw_class cls;
  if (tw_graph_check(s->graph, &error) != TW_OK) fail_msg("%s", error.message);
  assert_ok(tw_classify(s->problem, &cls, &error));
  assert_ok(tw_oracle_from_problem(&s->oracle, s->problem, &cls, &error));
  assert_ok(tw_solver_new(&s->solver, &s->oracle, NULL, options, &error));
}

static void close_session(session *s) {
  tw_solver_free(s->solver);
  tw_oracle_release(&s->oracle);
  tw_problem_free(s->problem);
  tw_graph_free(s->graph);
}

static tw_result run_on(const session *s) {
  tw_result r;
  while (tw_solver_step(s->solver) == TW_RUNNING) {}
  assert_ok(tw_solver_result(s->solver, &r, &error));
  return r;
}

static void expect_same(const char *what, const tw_result *a, const tw_result *b) {
  if (a->outcome != TW_SOLVED) fail_msg("%s: %s", what, a->message);
  if (a->outcome != b->outcome || a->iterations != b->iterations || a->counts.gradient != b->counts.gradient)
    fail_msg("%s: %s after %d iterations, uninterrupted %s after %d", what, tw_outcome_name(b->outcome),
             (int)b->iterations, tw_outcome_name(a->outcome), (int)a->iterations);
  for (int64_t i = 0; i < a->n; i++)
    if (memcmp(&a->x[i], &b->x[i], sizeof(double)) != 0)
      fail_msg("%s: x[%d] is %.17g, uninterrupted %.17g", what, (int)i, b->x[i], a->x[i]);
  assert_same_bits(b->f, a->f);
}

typedef struct kind {
  const char *name;
  tw_problem *(*state)(tw_graph *);
  const char *method;
} kind;

static const kind kinds[] = {{"logistic, lbfgs", over_logistic, "lbfgs"},
                             {"logistic, bfgs", over_logistic, "bfgs"},
                             {"logistic, newton_cg", over_logistic, "newton_cg"},
                             {"logistic, newton_cg by products", over_logistic, "newton_cg:dense=0"},
                             {"lasso", over_lasso, "bfgs"},
                             {"QP", over_qp, "bfgs"},
                             {"QP, lm", over_qp, "lm"},
                             {"fixed point", over_equilibrium, "lm"},
                             {"two levels side by side", over_two_levels, "newton_cg"},
                             {"argmin in argmin", over_each_other, "bfgs"},
                             {"argmin in argmin, newton_cg", over_each_other, "newton_cg"},
                             {"in a loop", over_loop, "bfgs"},
                             {"in a constraint", under_constraint, "auglag"}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void resumed_equals_uninterrupted(void **state) {
  (void)state;
  char folder[64], path[128];
  test_folder_make(folder);
  test_path(folder, "run", path);
  for (int i = 0; i < KINDS; i++) {
    const tw_solve_options options = {.method = kinds[i].method, .tolerance = 1e-8, .exec.threads = 1};
    session whole;
    open_session(&whole, kinds[i].state, &options);
    tw_result expected = run_on(&whole);
    for (int stop = 0; stop < 12; stop = 2 * stop + 1) {
      session first, second;
      open_session(&first, kinds[i].state, &options);
      open_session(&second, kinds[i].state, &options);
      for (int k = 0; k < stop; k++) tw_solver_step(first.solver);
      assert_ok(tw_solver_save(first.solver, path, &error));
      assert_ok(tw_solver_load(second.solver, path, &error));
      tw_result got = run_on(&second);
      expect_same(kinds[i].name, &expected, &got);
      tw_result_free(&got);
      close_session(&first);
      close_session(&second);
    }
    tw_result_free(&expected);
    close_session(&whole);
  }
  test_folder_remove(folder);
}

/* Saving does not disturb the run that is saved. */
static void saved_runs_go_on_undisturbed(void **state) {
  (void)state;
  char folder[64], path[128];
  test_folder_make(folder);
  test_path(folder, "run", path);
  for (int i = 0; i < KINDS; i++) {
    const tw_solve_options plain = {.method = kinds[i].method, .tolerance = 1e-8, .exec.threads = 1};
    tw_solve_options saving = plain;
    saving.checkpoint = path;
    saving.checkpoint_seconds = -1;
    session a, b;
    open_session(&a, kinds[i].state, &plain);
    open_session(&b, kinds[i].state, &saving);
    tw_result expected = run_on(&a), got = run_on(&b);
    expect_same(kinds[i].name, &expected, &got);
    tw_result_free(&expected);
    tw_result_free(&got);
    close_session(&a);
    close_session(&b);
  }
  test_folder_remove(folder);
}

/* Stopped in the middle of an iteration by the budget: the state at the end of the last complete one is what
 * is saved. */
static void stopped_within_an_iteration(void **state) {
  (void)state;
  char folder[64], path[128];
  test_folder_make(folder);
  test_path(folder, "run", path);
  for (int i = 0; i < KINDS; i++) {
    tw_solve_options options = {.method = kinds[i].method, .tolerance = 1e-8, .exec.threads = 1};
    session whole;
    open_session(&whole, kinds[i].state, &options);
    tw_result expected = run_on(&whole);
    for (int64_t budget = 1; budget < 14; budget += 3) {
      tw_solve_options limited = options;
      limited.max_evaluations = budget;
      limited.checkpoint = path;
      session first;
      open_session(&first, kinds[i].state, &limited);
      tw_result cut = run_on(&first);
      const bool stopped = cut.outcome == TW_STOPPED_EVALUATIONS && cut.iterations > 0;
      tw_result_free(&cut);
      close_session(&first);
      if (!stopped) continue;
      session second;
      open_session(&second, kinds[i].state, &options);
      assert_ok(tw_solver_load(second.solver, path, &error));
      tw_result got = run_on(&second);
      expect_same(kinds[i].name, &expected, &got);
      tw_result_free(&got);
      close_session(&second);
    }
    tw_result_free(&expected);
    close_session(&whole);
  }
  test_folder_remove(folder);
}

static void checkpoints_of_other_nested_problems_are_refused(void **state) {
  (void)state;
  char folder[64], path[128];
  test_folder_make(folder);
  test_path(folder, "run", path);
  const tw_solve_options options = {.method = "bfgs", .tolerance = 1e-8};
  session first, second;
  open_session(&first, over_logistic, &options);
  open_session(&second, over_lasso, &options);
  for (int k = 0; k < 3; k++) tw_solver_step(first.solver);
  assert_ok(tw_solver_save(first.solver, path, &error));
  error = (tw_error){0};
  assert_true(tw_solver_load(second.solver, path, &error) != TW_OK);
  assert_non_null(strstr(error.message, "checkpoint is of another problem"));
  close_session(&first);
  close_session(&second);
  test_folder_remove(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(resumed_equals_uninterrupted),
      cmocka_unit_test(saved_runs_go_on_undisturbed),
      cmocka_unit_test(stopped_within_an_iteration),
      cmocka_unit_test(checkpoints_of_other_nested_problems_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
