/* Presolve and postsolve: an optimum of the reduced program is one of the program, whatever was taken away; and what is left is scaled. */
#include "method/program/qp_certify.h"
#include "method/program/qp_session.h"
#include "method/program/qp_solve.h"
#include "certificates.h"
#include "random_qp.h"

static tw_error error;

/* Solves by one stage, with or without reductions; the largest error of the optimality conditions of the whole program. */
static double solve(const tw_qp *qp, bool reduce, double *f, int64_t *left) {
  qp_stage g;
  assert_ok(qp_stage_open(&g, QP_ITSELF, qp, reduce, &error));
  assert_int_equal(g.pre.found, TW_RUNNING);
  *left = g.pre.reduced.n + g.pre.reduced.m;
  double *state = calloc((size_t)tw_mehrotra_state(&g.ipm), sizeof *state);
  tw_mehrotra_attach(&g.ipm, state);
  if (g.ipm.n == 0) {
    qp_stage_accept(&g, 1e-9);
  } else {
    assert_ok(tw_mehrotra_start(&g.ipm, &error));
    for (int step = 0; step < 60 && !g.exact; step++) {
      assert_ok(tw_mehrotra_step(&g.ipm, &error));
      qp_stage_report(&g);
      if (tw_mehrotra_error(&g.ipm) <= 1e-7) assert_ok(qp_stage_polish(&g, 1e-9, &error));
    }
  }
  *f = tw_qp_objective(qp, g.x);
  const tw_optimality e = tw_qp_optimality(qp, g.x, g.y, g.exact ? g.z : NULL, g.work);
  free(state);
  qp_stage_close(&g);
  return fmax(e.stationarity, fmax(e.feasibility, e.complementarity));
}

static void restored_solutions_are_solutions(void **state) {
  (void)state;
  double worst = 0;
  int64_t with = 0, without = 0;
  for (uint64_t seed = 1; seed <= 300; seed++) {
    random_qp r = random_program(seed, 2 + (int64_t)(seed % 41), (int64_t)(seed % 37), seed % 3 == 0);
    double f, plain;
    int64_t left, all;
    const double e = solve(&r.qp, true, &f, &left), other = solve(&r.qp, false, &plain, &all);
    if (!(e <= 1e-9) || !(other <= 1e-8)) fail_msg("seed %d: error %g with presolve, %g without", (int)seed, e, other);
    assert_close(f, tw_qp_objective(&r.qp, r.x), 1e-8); /* curvature may be tiny, and x far away */
    assert_close(f, plain, 2e-8); /* plain stops at 1e-8 itself */
    worst = fmax(worst, e), with += left, without += all;
    random_free(&r);
  }
  print_message("largest error %.2g, %lld of %lld rows and columns left\n", worst, (long long)with, (long long)without);
  assert_true(4 * with < 3 * without);
}

/* ------------------------------------------------------------------ every step */

static const char *const kind_name[PRESOLVE_KINDS] = {"fix",    "drop",    "singleton", "forcing",  "duplicate",
                                                      "absorb", "tighten", "twin",      "aggregate"};

static void count_steps(const tw_presolve *s, int64_t *count) {
  for (int l = 0; l < s->layers; l++)
    for (int64_t t = 0; t < s->layer[l].steps; t++) count[s->layer[l].step[t].kind]++;
}

/* Costs, or limits of rows, that make other vertices the solution: nothing is planted then. */
static void disturb(random_qp *r, bool rows) {
  for (int64_t j = 0; j < r->qp.n && !rows; j++)
    if (uniform() < 0.3 && isfinite(r->qp.lower[j]) && isfinite(r->qp.upper[j])) r->qp.q[j] += signed_uniform();
  for (int64_t i = 0; i < r->qp.m && rows; i++) {
    const double shift = uniform() < 0.3 ? signed_uniform() * 2 : 0;
    r->qp.row_lower[i] += shift, r->qp.row_upper[i] += shift;
  }
}

/* The objective of the reduced program at a solution, in the units of the program. */
static double reduced_objective(const tw_presolve *s, const tw_qp_answer *a) {
  double *x = calloc((size_t)(s->reduced.n + s->reduced.m) + 1, sizeof *x);
  tw_presolve_push(s, a->x, a->y, x, x + s->reduced.n);
  const double f = tw_qp_objective(&s->reduced, x) / s->cost_scale;
  free(x);
  return f;
}

/* Programs made of what presolve looks for: the answers are those without it, and prove themselves. */
static void every_step_comes_back(void **state) {
  (void)state;
  enum { PROGRAMS = 3000 };
  int64_t count[PRESOLVE_KINDS] = {0}, layers = 0, loose = 0;
  double worst = 0;
  for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
    random_qp r = random_structured(seed, 3 + (int64_t)(seed % 29), (int64_t)(seed % 31), seed % 3 == 0);
    if (seed % 2 == 0) disturb(&r, false);
    tw_presolve pre;
    assert_ok(tw_presolve_open(&pre, &r.qp, true, &error));
    count_steps(&pre, count);
    layers += pre.layers;
    if (pre.found != TW_RUNNING) fail_msg("program %d: %s", (int)seed, tw_outcome_name(pre.found));
    tw_qp_answer a;
    double *work = calloc((size_t)(2 * r.qp.n + r.qp.m), sizeof *work);
    assert_ok(tw_qp_solve(&r.qp, 1e-9, NULL, &a, &error));
    if (a.outcome != TW_SOLVED) fail_msg("program %d: %s", (int)seed, tw_outcome_name(a.outcome));
    const tw_optimality e = tw_qp_optimality(&r.qp, a.x, a.y, a.z, work);
    const double most = fmax(e.stationarity, fmax(e.feasibility, e.complementarity));
    if (!(most <= 1e-6)) fail_msg("program %d: errors %g %g %g", (int)seed, e.stationarity, e.feasibility, e.complementarity);
    loose += most > 1e-9;
    if (most <= 1e-9) worst = fmax(worst, most);
    if (seed % 2 == 1) assert_close(a.f, tw_qp_objective(&r.qp, r.x), 1e-7);
    assert_close(a.f, reduced_objective(&pre, &a), 1e-7);
    tw_presolve_close(&pre);
    free(work);
    tw_qp_answer_free(&a);
    random_free(&r);
  }
  for (int k = 0; k < PRESOLVE_KINDS; k++) {
    print_message("%s %lld, ", kind_name[k], (long long)count[k]);
    if (count[k] < 300) fail_msg("%s only %lld times", kind_name[k], (long long)count[k]);
  }
  print_message("%lld layers; largest error %.2g but for %lld programs\n", (long long)layers, worst, (long long)loose);
  assert_true(loose <= PROGRAMS / 100);
}

/* Programs found among 100000 on which shifts, limits on idle steps, or what presolve says of rounding errors once failed. */
static void hard_ones_are_solved(void **state) {
  (void)state;
  static const uint64_t seeds[] = {759, 4905, 12621, 13476, 15112, 55677, 56193};
  for (size_t k = 0; k < sizeof seeds / sizeof *seeds; k++) {
    const uint64_t seed = seeds[k];
    random_qp r = random_structured(seed, 3 + (int64_t)(seed % 29), (int64_t)(seed % 31), seed % 3 == 0);
    tw_qp_answer a;
    assert_ok(tw_qp_solve(&r.qp, 1e-9, NULL, &a, &error));
    if (a.outcome != TW_SOLVED) fail_msg("program %d: %s", (int)seed, tw_outcome_name(a.outcome));
    assert_close(a.f, tw_qp_objective(&r.qp, r.x), 1e-6);
    tw_qp_answer_free(&a);
    random_free(&r);
  }
}

typedef struct ending {
  tw_outcome outcome;
  double f, margin;
} ending;

static ending run_to_end(const tw_qp *qp, const char *method) {
  tw_oracle oracle;
  tw_solver *solver;
  tw_result r;
  const tw_solve_options options = {.method = method};
  assert_ok(tw_qp_oracle(&oracle, qp, true, &error));
  assert_ok(tw_solver_new(&solver, &oracle, NULL, &options, &error));
  while (tw_solver_step(solver) == TW_RUNNING) {}
  assert_ok(tw_solver_result(solver, &r, &error));
  ending out = {r.outcome, r.f, INFINITY};
  if (r.outcome == TW_INFEASIBLE) out.margin = margin_of_multipliers(qp, r.dual);
  if (r.outcome == TW_UNBOUNDED) out.margin = margin_of_ray(qp, r.x);
  tw_result_free(&r);
  tw_solver_free(solver);
  tw_oracle_release(&oracle);
  return out;
}

/* Shifted limits make some of the programs infeasible, or their bounds cross within tolerances: both ways say the same, with proofs. */
static void outcomes_are_those_without(void **state) {
  (void)state;
  int64_t infeasible = 0, by_presolve = 0;
  for (uint64_t seed = 1; seed <= 600; seed++) {
    random_qp r = random_structured(seed, 3 + (int64_t)(seed % 23), 1 + (int64_t)(seed % 13), seed % 4 == 0);
    disturb(&r, true);
    if (seed % 3 == 0) disturb(&r, false);
    const ending with = run_to_end(&r.qp, "mehrotra"), without = run_to_end(&r.qp, "mehrotra:presolve=false");
    if (with.outcome != without.outcome)
      fail_msg("program %d: %s, without presolve %s", (int)seed, tw_outcome_name(with.outcome), tw_outcome_name(without.outcome));
    if (with.outcome == TW_SOLVED) assert_close(with.f, without.f, 1e-6);
    if (!(with.margin > 0)) fail_msg("program %d: %s, margin %g", (int)seed, tw_outcome_name(with.outcome), with.margin);
    tw_presolve pre;
    assert_ok(tw_presolve_open(&pre, &r.qp, true, &error));
    infeasible += with.outcome == TW_INFEASIBLE, by_presolve += pre.found == TW_INFEASIBLE;
    if (pre.found == TW_INFEASIBLE) assert_int_equal(without.outcome, TW_INFEASIBLE);
    tw_presolve_close(&pre);
    random_free(&r);
  }
  print_message("%lld infeasible, %lld of them seen by presolve\n", (long long)infeasible, (long long)by_presolve);
  assert_true(infeasible >= 50 && by_presolve >= 25);
}

/* ------------------------------------------------------------------ scaling */

static double spread(int64_t n, const double *most) {
  double low = INFINITY, high = 0;
  for (int64_t k = 0; k < n; k++)
    if (most[k] > 0) low = fmin(low, most[k]), high = fmax(high, most[k]);
  return high > 0 ? high / low : 1;
}

/* Largest entries of rows and columns lie within a factor of each other, whatever they were before, and no bit is lost. */
static void entries_are_near_one(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 40; seed++) {
    random_qp r = random_program(seed, 30, 20, seed % 2 == 0);
    for (int64_t j = 0; j < 30; j++)
      for (int64_t k = r.qp.a.start[j]; k < r.qp.a.start[j + 1]; k++)
        r.qp.a.value[k] *= pow(10, (double)((j * 7) % 9 - 4) + (double)((r.qp.a.row[k] * 5) % 7 - 3));
    tw_presolve s;
    assert_ok(tw_presolve_open(&s, &r.qp, false, &error));
    double *row = calloc(20, sizeof *row);
    const tw_csc *a = &s.reduced.a;
    for (int64_t j = 0; j < 30; j++)
      for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
        row[a->row[k]] = fmax(row[a->row[k]], fabs(a->value[k]));
        assert_true(a->value[k] / s.row_scale[a->row[k]] / s.column_scale[j] == r.qp.a.value[k]);
      }
    assert_true(spread(20, row) <= 100);
    free(row);
    tw_presolve_close(&s);
    random_free(&r);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(restored_solutions_are_solutions), cmocka_unit_test(every_step_comes_back),
                                     cmocka_unit_test(hard_ones_are_solved), cmocka_unit_test(outcomes_are_those_without),
                                     cmocka_unit_test(entries_are_near_one)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
