/* A transport program (linear, N plants to N markets), and how its optimum moves with every demand: time of the solve and of the
 * sensitivities, with what the latter took. */
#include "bench.h"

enum { N = 20 };

typedef struct transport {
  tw_problem *p;
  tw_result at;
  tw_evidence evidence;
  double df[N], *dx;
} transport;

static int solve(void *t_) {
  transport *t = t_;
  tw_result_free(&t->at);
  return tw_solve_problem(t->p, NULL, &t->at, &bench_error) != TW_OK;
}

static int differentiate(void *t_) {
  transport *t = t_;
  return tw_sensitivity(t->p, &t->at, "need", t->df, t->dx, &t->evidence, &bench_error) != TW_OK;
}

int bench_sensitivity(void) {
  tw_graph *g = tw_graph_new();
  transport t = {.p = tw_problem_new(g), .dx = malloc(sizeof(double) * N * N * N)};
  double cap[N], need[N], cost[N * N];
  if (!t.dx) return bench_fail("sensitivity");
  for (int i = 0; i < N; i++) cap[i] = 100 + 7 * (i % 5), need[i] = 60 + 3 * (i % 7);
  for (int i = 0; i < N * N; i++) cost[i] = 1 + tw_random_uniform(3, (uint64_t)i);
  const tw_array c = tw_array_view(cap, TW_F64, TW_SHAPE(N)), d = tw_array_view(need, TW_F64, TW_SHAPE(N));
  const tw_array price = tw_array_view(cost, TW_F64, TW_SHAPE(N, N));
  const tw_expr most = tw_problem_parameter(t.p, "cap", &c), least = tw_problem_parameter(t.p, "need", &d), zero = tw_scalar(g, 0);
  const tw_expr x = tw_problem_variable(t.p, "ship", TW_SHAPE(N, N));
  tw_problem_bounds(t.p, x, zero, TW_NONE);
  tw_problem_minimize(t.p, NULL, tw_dot(tw_constant(g, &price), x));
  tw_problem_subject(t.p, "supply", tw_sub(tw_sum(x, 2, false), most), TW_NONE, zero);
  tw_problem_subject(t.p, "demand", tw_sub(tw_sum(x, 1, false), least), zero, TW_NONE);
  int bad = solve(&t) || bench_time("sensitivity", "solve", 1, 1, solve, &t);
  bad = bad || bench_time("sensitivity", "derivatives", 1, 1, differentiate, &t);
  bench_number("sensitivity", "factorizations", t.evidence.factorizations);
  bench_number("sensitivity", "evaluations", (double)t.evidence.evaluations);
  tw_result_free(&t.at);
  tw_problem_free(t.p), tw_graph_free(g), free(t.dx);
  return bad ? bench_fail("sensitivity") : 0;
}
