/* Sensitivities of mathematical programs of every class: against central differences of whole solves, at less than the cost of
 * one more; where a solution is not regular the derivative says what it is. */
#include "test.h"

#include <talweg/model.h>

static tw_error error;

typedef struct program {
  const char *name, *parameters, *text; /* parameters: those to differentiate in, at blanks */
} program;

static const program programs[] = {
    {"LP, at a vertex", "b c A",
     "param b[3] = {0: 4, 1: 12, 2: 18}\nparam c[2] = {0: 3, 1: 5}\n"
     "param A[3,2] = {(0,0): 1, (0,1): 0, (1,0): 0, (1,1): 2, (2,0): 3, (2,1): 2}\n"
     "var x[2] >= 0\nmaximize c @ x\nsubject to r: A @ x <= b\n"},
    {"LP, transport", "cap need freight dist",
     "set P = 0..1\nset M = 0..2\nparam cap[P] = {0: 350, 1: 600}\nparam need[M] = {0: 325, 1: 300, 2: 275}\nparam freight = 90\n"
     "param dist[P, M] = {(0,0): 2.4, (0,1): 1.7, (0,2): 1.8, (1,0): 2.5, (1,1): 1.85, (1,2): 1.4}\nvar ship[P, M] >= 0\n"
     "minimize sum(freight * dist[i,j] / 1000 * ship[i,j] for i in P, j in M)\n"
     "subject to supply[i in P]: sum(ship[i,j] for j in M) <= cap[i]\n"
     "subject to demand[j in M]: sum(ship[i,j] for i in P) >= need[j]\n"},
    {"QP, equations, ranges, bounds that move", "q low high total lb",
     "param q[4] = {0: -8, 1: 3, 2: 1, 3: -2}\nparam low = -1\nparam high = 0.5\nparam total = 2\nparam lb = -0.25\n"
     "param H[4,4] = {(0,0): 4, (0,1): 1, (0,2): 0, (0,3): 0, (1,0): 1, (1,1): 3, (1,2): 1, (1,3): 0,"
     " (2,0): 0, (2,1): 1, (2,2): 2, (2,3): 0.5, (3,0): 0, (3,1): 0, (3,2): 0.5, (3,3): 5}\n"
     "var x[4] >= lb <= 6\nminimize 0.5 * x @ H @ x + q @ x\nsubject to sum(x) == total\n"
     "subject to low <= x[0] - 2*x[3]\nsubject to x[0] - 2*x[3] <= high\nsubject to loose: x[0] + x[1] >= -100\n"},
    {"QP, portfolio, maximised", "mu gamma budget",
     "param mu[4] = {0: 0.05, 1: 0.09, 2: 0.11, 3: 0.02}\nparam gamma = 5\nparam budget = 1\n"
     "param S[4,4] = {(0,0): 0.04, (0,1): 0.006, (0,2): 0.01, (0,3): 0, (1,0): 0.006, (1,1): 0.09, (1,2): 0.02, (1,3): 0.001,"
     " (2,0): 0.01, (2,1): 0.02, (2,2): 0.12, (2,3): 0.003, (3,0): 0, (3,1): 0.001, (3,2): 0.003, (3,3): 0.3}\n"
     "var w[4] >= 0\nmaximize mu @ w - gamma / 2 * (w @ S @ w)\nsubject to sum(w) == budget\n"},
    {"convex NLP, a ball and a half-space", "a r s",
     "param a[3] = {0: 1, 1: -0.5, 2: 0.3}\nparam r = 2\nparam s = 0.4\nvar x[3]\n"
     "minimize sum(exp(a * x)) - 3 * x[0] + x[2]\nsubject to ball: sum(x^2) <= r\nsubject to half: x[0] + x[1] + x[2] >= s\n"},
    {"convex NLP, entropy", "c t",
     "set I = 0..5\nparam c[I] = {0: 1, 1: 2, 2: 0.5, 3: -1, 4: 0, 5: 3}\nparam t = 0.2\nvar p[I] >= 0 <= 1 init 0.1\n"
     "minimize sum(p[i] * log(p[i]) + t * c[i] * p[i] for i in I)\nsubject to sum(p) == 1\n"
     "subject to sum(c[i] * p[i] for i in I) <= 0.5 + t\n"},
    {"non-convex NLP, HS071", "volume size w",
     "param volume = 25\nparam size = 40\nparam w = 1\nvar x[4] >= 1 <= 5 init {0: 1, 1: 5, 2: 5, 3: 1}\n"
     "minimize w * x[0]*x[3]*(x[0]+x[1]+x[2]) + x[2]\nsubject to x[0]*x[1]*x[2]*x[3] >= volume\nsubject to sum(x^2) == size\n"},
    {"non-convex NLP, maximised, a range", "t a",
     "param t = 72\nparam a[3] = {0: 1, 1: 2, 2: 2}\nvar x[3] >= 0 <= 42 init 10\nmaximize x[0] * x[1] * x[2]\n"
     "subject to 0 <= a @ x\nsubject to a @ x <= t\n"},
    {"least squares, bounds", "y ub",
     "param y[5] = {0: 1, 1: 2.5, 2: 2, 3: 4, 4: 7}\nparam ub = 1\nset I = 0..4\nvar b[3] >= 0 <= ub\n"
     "minimize sum((b[0] + b[1] * i + b[2] * sin(i) - y[i])^2 for i in I)\n"},
    {"sparse NLP, Luksan and Vlcek", "t s",
     "param N = 400\nparam t = 100\nparam s = 3\nset I = 1..N-1\nset J = 0..N-3\n"
     "var x[N] init [(-1.2 if i - 2*floor(i/2) == 0 else 1.0) for i in 0..N-1]\n"
     "minimize sum(t*(x[i-1]^2 - x[i])^2 + (x[i-1] - 1)^2 for i in I)\n"
     "subject to c[k in J]: 3*x[k+1]^3 + 2*x[k+2] - 5 + sin(x[k+1]-x[k+2])*sin(x[k+1]+x[k+2])"
     " + 4*x[k+1] - x[k]*exp(x[k]-x[k+1]) - s == 0\n"},
    {"sparse QP, an obstacle", "load floor",
     "param load = 1\nparam floor = 0.1\nset I = 0..299\nvar u[300] <= floor\n"
     "minimize sum((u[i+1] - u[i])^2 for i in 0..298) * 150 + 150 * u[0]^2 + 150 * u[299]^2"
     " - load * sum(u[i] / 300 * (1 + 0.3 * sin(i)) for i in I)\n"},
    {"NLP without constraints", "a b",
     "param a = 1\nparam b = 100\nvar x init -1.2\nvar y init 1\nminimize (a - x)^2 + b * (y - x^2)^2 + 0.1 * exp(x * a)\n"},
};

static tw_model *parse(const char *text) {
  tw_model *model = NULL;
  assert_ok(tw_model_parse(&model, text, strlen(text), "program", NULL, &error));
  return model;
}

static tw_result solve(const tw_problem *p) {
  tw_result r;
  assert_ok(tw_solve_problem(p, &(tw_solve_options){.tolerance = 1e-11}, &r, &error));
  if (r.outcome != TW_SOLVED && !(r.outcome == TW_FAILED && r.optimality.stationarity < 1e-9)) fail_msg("%s: %s", r.method, r.message);
  return r;
}

static const tw_parameter *parameter_of(const tw_problem *p, const char *name) {
  for (int i = 0; i < tw_problem_parameters(p); i++)
    if (strcmp(tw_problem_parameter_at(p, i)->name, name) == 0) return tw_problem_parameter_at(p, i);
  fail_msg("no parameter %s", name);
  return NULL;
}

static int64_t work_of(const tw_counts *c) { return c->value + c->gradient + c->hvp + c->jacobian + c->constraints; }

typedef struct totals {
  double worst, seconds, solve_seconds;
} totals;

/* One entry of a parameter by central differences: their distance from dx and df, relative to the largest entry. */
static double difference(tw_problem *p, const tw_parameter *theta, int64_t entry, double df, const double *dx, int64_t columns) {
  const int64_t n = tw_problem_size(p);
  double *at = theta->value.data, *copy = test_malloc((size_t)columns * sizeof *copy);
  memcpy(copy, at, (size_t)columns * sizeof *copy);
  const tw_array value = tw_array_f64(copy, theta->value.shape);
  const double start = copy[entry], h = 1e-5 * fmax(1, fabs(start));
  tw_result side[2];
  for (int k = 0; k < 2; k++) {
    copy[entry] = start + (k ? h : -h);
    assert_ok(tw_problem_set_parameter(p, theta->name, &value, &error));
    side[k] = solve(p);
  }
  copy[entry] = start;
  assert_ok(tw_problem_set_parameter(p, theta->name, &value, &error));
  const double sign = tw_problem_goal(p) == TW_GOAL_MAXIMIZE ? -1 : 1, slope = sign * (side[1].f - side[0].f) / (2 * h);
  double size = 1e-2, wrong = 0;
  for (int64_t k = 0; k < n; k++) {
    const double fd = (side[1].x[k] - side[0].x[k]) / (2 * h);
    size = fmax(size, fabs(fd));
    wrong = fmax(wrong, fabs(fd - dx[k * columns + entry]));
  }
  wrong = fmax(wrong / size, fabs(slope - df) / fmax(1e-2, fabs(slope)));
  for (int k = 0; k < 2; k++) tw_result_free(&side[k]);
  test_free(copy);
  return wrong;
}

static void check_parameter(const char *name, tw_problem *p, const char *parameter, totals *all) {
  const tw_parameter *theta = parameter_of(p, parameter);
  const int64_t n = tw_problem_size(p), columns = tw_shape_size(&theta->value.shape);
  const double started = tw_now();
  tw_result r = solve(p);
  all->solve_seconds += tw_now() - started;
  double *df = test_malloc((size_t)columns * sizeof *df), *dx = test_malloc((size_t)(n * columns) * sizeof *dx);
  tw_evidence evidence;
  const double began = tw_now();
  assert_ok(tw_sensitivity(p, &r, parameter, df, dx, &evidence, &error));
  all->seconds += tw_now() - began;
  if (!evidence.reliable || evidence.kind != TW_DERIVATIVE_REGULAR) fail_msg("%s, %s: %s", name, parameter, evidence.message);
  /* One matrix; fewer evaluations than the solve, or of a method that holds the program in arrays, fewer factorizations. */
  assert_int_equal(evidence.factorizations, 1);
  const int64_t work = work_of(&r.counts);
  if (work > 0 ? evidence.evaluations >= work : evidence.factorizations >= r.iterations)
    fail_msg("%s: %lld evaluations, the solve took %lld and %lld iterations", name, (long long)evidence.evaluations, (long long)work,
             (long long)r.iterations);
  for (int64_t entry = 0; entry < columns; entry++) {
    const double wrong = difference(p, theta, entry, df[entry], dx, columns);
    if (!(wrong <= 1e-5)) fail_msg("%s: d / d %s[%lld] is wrong by %.2e", name, parameter, (long long)entry, wrong);
    all->worst = fmax(all->worst, wrong);
  }
  test_free(df), test_free(dx);
  tw_result_free(&r);
}

static void derivatives_agree_with_differences(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    tw_model *model = parse(programs[i].text);
    totals all = {0, 0, 0};
    char names[64];
    snprintf(names, sizeof names, "%s", programs[i].parameters);
    for (char *name = strtok(names, " "); name; name = strtok(NULL, " "))
      check_parameter(programs[i].name, tw_model_problem(model), name, &all);
    print_message("%-42s %.1e   sensitivities %.2e s, solves %.2e s\n", programs[i].name, all.worst, all.seconds, all.solve_seconds);
    tw_model_free(model);
  }
}

/* ------------------------------------------------------------------ solutions that are not regular */

typedef struct irregular {
  const char *text; /* of t, at 0 */
  tw_derivative_kind kind;
  const char *why;
  double df, dx[3]; /* NaN: none */
} irregular;

static const irregular cases[] = {
    /* Three constraints meet at a vertex of the plane: as t grows the third leaves; as it shrinks the vertex would move. */
    {"param t = 0\nvar x[2] >= 0\nmaximize x[0] + 2*x[1]\nsubject to a: x[0] <= 1\nsubject to b: x[1] <= 1\n"
     "subject to x[0] + x[1] <= 2 + t\n",
     TW_DERIVATIVE_ONE_SIDED, "depend on each other", 0, {0, 0}},
    {"param t = 0\nvar x[2] >= 0\nmaximize x[0] + 2*x[1]\nsubject to a: x[0] <= 1\nsubject to b: x[1] <= 1\n"
     "subject to x[0] + x[1] <= 2 - t\n",
     TW_DERIVATIVE_ONE_SIDED, "depend on each other", -1, {-1, 0}},
    /* A vertex of three active rows in the plane, with variables far from bounds, and t that turns one of the rows. */
    {"param t = 0\nvar x[2]\nminimize -x[0] - x[1]\nsubject to a: x[0] <= 1\nsubject to b: x[1] <= 1\n"
     "subject to (1 + t) * x[0] + x[1] <= 2\n",
     TW_DERIVATIVE_ONE_SIDED, "depend on each other", 1, {-1, 0}},
    /* An equation stated twice: only together can they move. */
    {"param t = 0\nvar x[2]\nminimize x[0]^2 + x[1]^2\nsubject to x[0] + x[1] == 2 + t\nsubject to 2*x[0] + 2*x[1] == 4 + 2*t\n",
     TW_DERIVATIVE_ONE_SIDED, "depend on each other", 2, {0.5, 0.5}},
    {"param t = 0\nvar x[2]\nminimize x[0]^2 + x[1]^2\nsubject to x[0] + x[1] == 2 + t\nsubject to 2*x[0] + 2*x[1] == 4\n",
     TW_DERIVATIVE_NONE, "jumps or ends", NAN, {NAN, NAN}},
    /* A face of optima. */
    {"param t = 0\nvar x[2] >= 0\nmaximize x[0] + x[1]\nsubject to x[0] + x[1] <= 2 + t\n"
     "subject to x[0] <= 1.5\n", TW_DERIVATIVE_LEAST_NORM,
     "not isolated", 1, {0.5, 0.5}},
    /* Costs that decide between its ends. */
    {"param t = 0\nvar x[2] >= 0\nmaximize (1 + t) * x[0] + x[1]\nsubject to x[0] + x[1] <= 2\n", TW_DERIVATIVE_NONE, "not isolated", NAN,
     {NAN, NAN}},
    /* A Hessian of rank 1. */
    {"param t = 0\nvar x[3]\nminimize (x[0] + 2*x[1] + 2*x[2] - t)^2\n", TW_DERIVATIVE_LEAST_NORM, "not isolated", 0,
     {1. / 9, 2. / 9, 2. / 9}},
    {"param t = 0\nvar x[3] >= -1 <= 1\nminimize (x[0] + x[1] - t)^2 + x[2]^2 - 2 * t * x[2]\nsubject to x[0] - x[2] <= 10\n",
     TW_DERIVATIVE_LEAST_NORM, "not isolated", 0, {0.5, 0.5, 1}},
    /* A bound that only touches: it lets go on one side. */
    {"param t = 0\nvar x[2] >= 0\nminimize (x[0] - t)^2 + (x[1] - 1)^2 + x[0]*x[1] - x[0]\n", TW_DERIVATIVE_ONE_SIDED, "degenerate", 0,
     {4. / 3, -2. / 3}},
    {"param t = 0\nvar x[2] >= 0\n"
     "minimize (x[0] + t)^2 + (x[1] - 1)^2 + x[0]*x[1] - x[0]\n", TW_DERIVATIVE_ONE_SIDED, "degenerate", 0, {0, 0}},
    /* Two limits that are one part, or cross. */
    {"param t = 0\nvar x[2] >= 1.5 <= [1.5 + t, 9]\nminimize x[0]^2 + x[1]^2\n"
     "subject to x[0] + x[1] <= 20\n", TW_DERIVATIVE_ONE_SIDED, "part", 0, {0, 0}},
    {"param t = 0\nvar x[2] >= 1.5 <= [1.5 + t, 9]\nmaximize 3*x[0] - x[1]^2\n", TW_DERIVATIVE_ONE_SIDED, "part", 3, {1, 0}},
    {"param t = 0\nvar x[2] >= 1.5 <= [1.5 - t, 9]\nmaximize 3*x[0] - x[1]^2\n", TW_DERIVATIVE_NONE, "part", NAN, {NAN, NAN}},
    /* The same of a row and by an interior point that stays off it. */
    {"param t = 0\nvar x[3] init 0.5\nminimize exp(x[0]) - x[0] + x[1]^2 + (x[2]-1)^2 - t*x[0]\nsubject to x[0] >= 0\n"
     "subject to x[0]^2 + x[1]^2 + x[2]^2 <= 5\n", TW_DERIVATIVE_ONE_SIDED, "degenerate", 0, {1, 0, 0}},
    /* A row that only touches, beside an equation. */
    {"param t = 0\nvar x[2] init 1\nminimize x[0]^2 + x[1]^2\nsubject to x[0] + x[1] == 2 + t\nsubject to x[0] - x[1] >= 0.5*t\n",
     TW_DERIVATIVE_ONE_SIDED, "degenerate", 2, {0.75, 0.25}},
};

static void irregular_solutions_are_told(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tw_model *model = parse(cases[i].text);
    tw_problem *p = tw_model_problem(model);
    const int64_t n = tw_problem_size(p);
    tw_result r = solve(p);
    double df, dx[3];
    tw_evidence evidence;
    assert_ok(tw_sensitivity(p, &r, "t", &df, dx, &evidence, &error));
    /* An interior point's distance from a weak limit is an error of the solution. */
    const double gap = evidence.complementarity_gap, tolerance = 1e-6 + (gap < 1e-4 ? 3 * gap : 0);
    print_message("%2zu %s %s (%g; %g %g) %s\n", i, r.method, (const char *[]){"regular", "one-sided", "least norm", "none"}[evidence.kind],
                  df, dx[0], dx[1], evidence.message);
    if (evidence.kind != cases[i].kind) fail_msg("case %zu: kind %d, expected %d (%s)", i, evidence.kind, cases[i].kind, evidence.message);
    assert_false(evidence.reliable);
    if (!strstr(evidence.message, cases[i].why)) fail_msg("case %zu: %s", i, evidence.message);
    assert_true(isnan(df) == isnan(cases[i].df));
    if (!isnan(df)) assert_close(df, cases[i].df, tolerance);
    for (int64_t k = 0; k < n; k++) {
      assert_true(isnan(dx[k]) == isnan(cases[i].dx[k]));
      if (!isnan(dx[k])) assert_close(dx[k], cases[i].dx[k], tolerance);
    }
    tw_result_free(&r);
    tw_model_free(model);
  }
}

/* Beyond the reach of dense matrices: the smallest motion by products alone. */
static void large_singular_solutions(void **state) {
  (void)state;
  tw_model *model = parse("param t = 0\nvar x[2000] >= -5\nminimize sum((x[2*i] + x[2*i+1] - t * (1 + i / 1000))^2 for i in 0..999)\n"
                          "subject to sum(x) <= 1e4\n");
  tw_problem *p = tw_model_problem(model);
  tw_result r = solve(p);
  double df, *dx = test_malloc(2000 * sizeof *dx);
  tw_evidence evidence;
  assert_ok(tw_sensitivity(p, &r, "t", &df, dx, &evidence, &error));
  assert_int_equal(evidence.kind, TW_DERIVATIVE_LEAST_NORM);
  assert_false(evidence.reliable);
  for (int i = 0; i < 2000; i++) assert_close(dx[i], 0.5 * (1 + i / 2 / 1000.), 1e-6);
  assert_close(df, 0, 1e-6);
  test_free(dx);
  tw_result_free(&r);
  tw_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(derivatives_agree_with_differences), cmocka_unit_test(irregular_solutions_are_told),
                                     cmocka_unit_test(large_singular_solutions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
