/* Every method of the registry, on a small problem of every class that it takes: a run that ends at an iteration limit, and another
 * that goes on from its checkpoint with everything made anew, give the bits of a run that was never interrupted. */
#include "model.h"

#include <talweg/method.h>

static const struct {
  const char *name, *text;
} problems[] = {
    {"smooth", "var x[6] init -1.2\nminimize sum(100*(x[1:6] - x[0:5]^2)^2) + sum((1 - x)^2)"},
    {"box", "var x[6] in box(-0.5, 0.6) init 0.1\nminimize sum(100*(x[1:6] - x[0:5]^2)^2) + sum((1 - x)^2)"},
    {"box QP", "param A = normal(5, 14, 6)\nparam b = normal(6, 14)\nvar x[6] >= -0.1 <= 0.2\nminimize sum((A @ x - b)^2)"},
    {"equality QP", "param A = normal(1, 20, 8)\nvar x[8]\nminimize sum((A @ x - 1)^2)\nsubject to sum(x) == 1\n"
                    "subject to x[0] - x[3] == 0.3"},
    {"QP", "param A = normal(1, 60, 30)\nparam b = normal(2, 60) + 3\nvar x[30] >= 0\nminimize 0.5*sum((A @ x - b)^2) + 0.3*sum(x)\n"
           "subject to sum(x) <= 2\nsubject to x[0] + x[1] == 0.3"},
    {"presolved QP", "param A = normal(1, 20, 8)\nparam b = normal(2, 20)\nvar x[8]\nminimize sum((A @ x - b)^2)\n"
                     "subject to sum(x) <= 2\nsubject to x[0] + x[1] == 0.3"},
    {"LP", "param c = uniform(3, 4, 5)\nvar x[4, 5] >= 0\nminimize sum(c * x)\nsubject to sum(x, 0) >= 3 + uniform(4, 5)\n"
           "subject to sum(x, 1) <= 6"},
    {"cones", "param A = normal(7, 8, 6)\nvar x[6]\nvar t\nminimize t + 0.1*sum(abs(x)) + sum(exp(0.1*x))\n"
              "subject to norm(A @ x - 1) <= t\nsubject to sum(x) == 0.4"},
    {"semidefinite", "param C = normal(8, 5, 5)\nvar X[5, 5] in psd\nmaximize sum((C + C') * X)\nsubject to diag(X) == 1"},
    {"least squares", "param t = uniform(9, 12)\nparam y = 2*exp(-3*t) + 0.5 + 0.05*normal(10, 12)\nvar p[3] init 1\n"
                      "minimize sum((p[0]*exp(-p[1]*t) + p[2] - y)^2)"},
    {"root", "param W = 0.6*normal(11, 5, 5)\nvar z[5]\nsubject to tanh(W @ z + 0.4) - z == 0"},
    {"one equation", "var z init 0.5\nsubject to cos(z) - z == 0"},
    {"l1", "param A = normal(12, 25, 10)\nparam b = normal(13, 25)\nvar x[10]\nminimize 0.5*sum((A @ x - b)^2) + 2*l1(x)"},
    {"simplex", "param A = normal(14, 15, 7)\nvar x[7] in simplex\nminimize sum((A @ x - 1)^2)"},
    {"blocks", "param A = normal(15, 12, 4)\nvar u[4] in ball(1)\nvar v[3] in simplex\n"
               "minimize sum((A @ u - 1)^2) + sum((v - 0.2)^2) + 0.1*sum(u[0:3]*v)"},
    {"rows", "var x[4] >= 1 <= 5 init 2\nminimize x[0]*x[3]*(x[0] + x[1] + x[2]) + x[2]\nsubject to prod(x) >= 25\n"
             "subject to sum(x^2) == 40"},
    {"MILP", "param w = [12, 7, 11, 8, 9, 6, 7, 13]\nvar k[8] integer in 0..2\nvar s >= 0\n"
             "maximize sum([24, 13, 23, 15, 16, 11, 13, 25] * k) - 3*s\nsubject to sum(w * k) <= 43.5 + s\nsubject to sum(k) <= 5"},
    {"MINLP", "var k[3] integer in 0..4\nvar x[2] >= 0 <= 3\nminimize sum((k - 1.4)^2) + sum((x - 0.3)^4) + exp(x[0] - k[0])\n"
              "subject to sum(k) + x[0] >= 4.5"},
    {"samples", "param X = normal(16, 40, 4)\nparam y = X @ [1, -1, 2, 0.5] + 0.3*normal(17, 40)\nvar w[4]\n"
                "minimize mean(log(1 + exp(-(X @ w) * y))) + 0.01*sum(w^2)"},
    {"nested", "param X = normal(18, 12, 3)\nparam y = normal(19, 12)\nvar a init -1\n"
               "let w = argmin { var w[3]\n minimize sum((X @ w - y)^2) + exp(a)*sum(w^2) + 0.1*sum(w^4) }\n"
               "minimize sum((w - 0.1)^2) + 0.01*a^2"},
};
enum { PROBLEMS = sizeof problems / sizeof *problems, MOST_METHODS = 64, ITERATIONS = 300 };

typedef struct session {
  tw_model *model;
  tw_class cls;
  tw_oracle oracle;
} session;

static void open_session(session *s, const char *text) {
  tw_error error = {0};
  *s = (session){.model = model_of(text)};
  assert_ok(tw_classify(tw_model_problem(s->model), &s->cls, &error));
  assert_ok(tw_oracle_from_problem(&s->oracle, tw_model_problem(s->model), &s->cls, &error));
}

static void close_session(session *s) {
  tw_oracle_release(&s->oracle);
  tw_model_free(s->model);
}

/* With a model and an oracle of its own, a stop saved to `path` (NULL: not); false: the method does not take the problem. */
static bool run_anew(const char *text, const tw_solve_options *options, const char *path, tw_result *result) {
  session s;
  tw_error error = {0};
  tw_solver *solver = NULL;
  open_session(&s, text);
  const tw_status status = tw_solver_new(&solver, &s.oracle, NULL, options, &error);
  if (status == TW_OK) {
    while (tw_solver_step(solver) == TW_RUNNING) {}
    assert_ok(tw_solver_result(solver, result, &error));
    if (path && !options->checkpoint && result->outcome == TW_STOPPED_ITERATIONS) assert_ok(tw_solver_save(solver, path, &error));
  } else if (options->resume) {
    fail_msg("%s: %s", options->method, error.message);
  } else if (status != TW_ERR_UNSUPPORTED && status != TW_ERR_ARGUMENT && status != TW_ERR_SHAPE) {
    fail_msg("%s: %s in\n%s", options->method, error.message, text);
  }
  tw_solver_free(solver);
  close_session(&s);
  return status == TW_OK;
}

static bool same_numbers(const double *a, const double *b, int64_t n) {
  return n == 0 || memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

static const char *difference(const tw_result *a, const tw_result *b) {
  if (a->outcome != b->outcome) return "the outcome";
  if (a->iterations != b->iterations) return "the number of iterations";
  if (!same_numbers(a->x, b->x, a->n)) return "x";
  if (!same_numbers(&a->f, &b->f, 1)) return "f";
  if (!same_numbers(&a->bound, &b->bound, 1)) return "the bound";
  if (!same_numbers(a->dual, b->dual, a->m)) return "the multipliers";
  if (a->certified != b->certified) return "whether it is certified";
  /* Branch and bound reads the rows of a problem that is no program again. */
  if (strcmp(a->method, "branch_and_bound") == 0) return NULL;
  return memcmp(&a->counts, &b->counts, sizeof a->counts) != 0 ? "the counts" : NULL;
}

/* One step is all that these take: what they are stopped in is gone on with from the checkpoint before it. */
static bool is_one_step(const char *method) {
  return strcmp(method, "ipopt") == 0 || strcmp(method, "cbc") == 0 || strcmp(method, "equality_qp") == 0;
}

/* Number of interruptions before the end; differences are counted. */
static int interrupt(int problem, const tw_method *method, const char *path, int *wrong) {
  static const int64_t stops[] = {1, 4, 17};
  tw_result whole = {0}, part = {0}, rest = {0};
  const tw_solve_options all = {.method = method->name, .max_iter = ITERATIONS, .seed = 7};
  int tried = 0;
  if (!run_anew(problems[problem].text, &all, NULL, &whole)) return 0;
  for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
    tw_solve_options first = all, second = all;
    first.max_iter = stops[i], second.resume = path;
    first.checkpoint = is_one_step(method->name) ? path : NULL;
    const bool saved = run_anew(problems[problem].text, &first, path, &part) && part.outcome == TW_STOPPED_ITERATIONS;
    tw_result_free(&part);
    if (!saved) break;
    assert_true(run_anew(problems[problem].text, &second, NULL, &rest));
    const char *what = difference(&whole, &rest);
    if (what) {
      print_message("%s, %s, interrupted after %lld: %s\n  whole  %s after %lld: f = %.17g (%s)\n  resumed %s after %lld: f = %.17g (%s)\n",
                    problems[problem].name, method->name, (long long)stops[i], what, tw_outcome_name(whole.outcome),
                    (long long)whole.iterations, whole.f, whole.message, tw_outcome_name(rest.outcome), (long long)rest.iterations, rest.f,
                    rest.message);
      ++*wrong;
    }
    tw_result_free(&rest);
    tried++;
  }
  tw_result_free(&whole);
  return tried;
}

static void resumed_equals_uninterrupted(void **state) {
  (void)state;
  char folder[64], path[96];
  int tried[MOST_METHODS] = {0}, wrong = 0;
  test_folder_make(folder);
  snprintf(path, sizeof path, "%s/run", folder);
  for (int p = 0; p < PROBLEMS; p++)
    for (int i = 0; tw_methods()[i]; i++) {
      assert_true(i < MOST_METHODS);
      tried[i] += interrupt(p, tw_methods()[i], path, &wrong);
    }
  test_folder_remove(folder);
  for (int i = 0; tw_methods()[i]; i++)
    if (tried[i] == 0 && !is_one_step(tw_methods()[i]->name)) {
      print_message("%s was never interrupted\n", tw_methods()[i]->name);
      wrong++;
    }
  assert_int_equal(wrong, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(resumed_equals_uninterrupted)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
