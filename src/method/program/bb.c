/* Branch and bound for convex mixed-integer problems (Land & Doig 1960, Dakin 1965): the best open node first, diving for feasible
 * points, reliability branching. One iteration is one node. */
#include "method/program/bb.h"
#include "method/program/presolved.h"

static const tw_option options[] = {
    {"tol", TW_OPTION_REAL, 1e-8, 0, 1, NULL, "relative gap (f - bound) / max(1, |f|) at which the search ends"},
    {"max_iter", TW_OPTION_INTEGER, 1e9, 0, 1e15, NULL, "limit on nodes"},
    {"gap", TW_OPTION_REAL, 1e-9, 0, 1e300, NULL, "absolute gap at which the search ends"},
    {"integrality", TW_OPTION_REAL, 1e-6, 1e-12, 0.1, NULL, "distance from an integer at which a value counts as one"},
    {"convex", TW_OPTION_CHOICE, 0, 0, 1, "proven|assume",
     "assume: search although the relaxation is not proven convex; bounds are then no proof"},
    {"open", TW_OPTION_INTEGER, 20000, 1, 1e9, NULL, "open nodes above which the deepest goes first, so that they grow no more"},
    {"strong", TW_OPTION_INTEGER, 8, 0, 1e9, NULL, "candidates of strong branching per node"},
    {"reliability", TW_OPTION_INTEGER, 4, 0, 1e9, NULL, "branchings by which a pseudo-cost is trusted"},
    {"cuts", TW_OPTION_FLAG, 1, 0, 1, NULL, "mixed-integer rounding and lifted covers at the root of linear problems"},
    {"heuristics", TW_OPTION_FLAG, 1, 0, 1, NULL, "round relaxations, pump at the root"},
    TW_OPTION_PRESOLVE(0),
    TW_OPTION_END};

/* ------------------------------------------------------------------ results */

static bool is_proven(const tw_run *run) {
  return (run->oracle->offers & TW_CONVEX) != 0;
}

static void report(tw_run *run, const tw_bb *bb, double violation) {
  double *lower = &bb->head[TW_BB_LOWER];
  const double now = bb->head[TW_BB_BLIND] > 0 ? -INFINITY : fmin(tw_bb_raise(bb, tw_bb_lowest(bb)), bb->head[TW_BB_LOST]);
  *lower = fmax(*lower, now);
  if (bb->head[TW_BB_FOUND] > 0) *lower = fmin(*lower, run->f);
  const bool measured = bb->head[TW_BB_FOUND] > 0 && *lower > -INFINITY;
  run->optimality = (tw_optimality){measured ? fmax(0, run->f - *lower) : INFINITY, violation, NAN};
  run->bound = is_proven(run) ? *lower : NAN;
  run->size = fabs(run->f);
}

/* The search is over: nothing is open. */
static tw_status end_empty(tw_run *run, const tw_bb *bb) {
  const long long nodes = (long long)run->iteration + 1;
  const bool doubt = bb->head[TW_BB_DOUBT] > 0 && bb->head[TW_BB_LOST] < tw_bb_cutoff(bb);
  if (doubt)
    return tw_run_end(run, TW_FAILED, "relaxations of %lld nodes failed: no proof after %lld nodes", (long long)bb->head[TW_BB_DOUBT],
                      nodes);
  if (bb->head[TW_BB_FOUND] > 0 && !is_proven(run))
    return tw_run_end(run, TW_SOLVED, "the best of %lld nodes; their relaxations are not proven convex, so it is not proven optimal",
                      nodes);
  if (bb->head[TW_BB_FOUND] > 0)
    return tw_run_end(run, TW_SOLVED, "optimal after %lld nodes and %lld relaxations", nodes, (long long)bb->head[TW_BB_SOLVES]);
  if (is_proven(run)) run->bound = INFINITY;
  return tw_run_end(run, TW_INFEASIBLE, "no integers are feasible, after %lld nodes", nodes);
}

static tw_status test_end(tw_run *run, const tw_bb *bb) {
  if (bb->head[TW_BB_BLIND] > 0 && bb->head[TW_BB_FOUND] > 0)
    return tw_run_end(run, TW_UNBOUNDED, "feasible, and the relaxation has no finite minimum");
  if (bb->head[TW_BB_OPEN] == 0) return end_empty(run, bb);
  if (bb->head[TW_BB_FOUND] > 0 && bb->head[TW_BB_LOWER] >= tw_bb_cutoff(bb))
    return tw_run_end(run, TW_SOLVED, "gap %.2g after %lld nodes and %lld relaxations%s",
                      tw_gap(run->f, bb->head[TW_BB_LOWER], &run->optimality), (long long)run->iteration + 1,
                      (long long)bb->head[TW_BB_SOLVES], is_proven(run) ? "" : "; not proven, for they are not proven convex");
  return TW_OK;
}

/* ------------------------------------------------------------------ the start */

static tw_status refuse(tw_run *run) {
  if (is_proven(run) || tw_run_choice(run, "convex") == 1) return TW_OK;
  return tw_fail(run->error, TW_ERR_UNSUPPORTED,
                 "branch_and_bound: the relaxation is not proven convex, so that its local solutions bound nothing; convex=assume "
                 "searches all the same");
}

static tw_status push_root(tw_bb *bb) {
  int64_t slot;
  double *node = bb->node;
  node[TW_BB_BOUND] = -INFINITY, node[TW_BB_DEPTH] = node[TW_BB_UP] = node[TW_BB_MOVED] = 0, node[TW_BB_VAR] = -1;
  for (int64_t k = 0; k < bb->ni; k++) {
    node[TW_BB_NODE + k] = bb->root_lower[bb->index[k]];
    node[TW_BB_NODE + bb->ni + k] = bb->root_upper[bb->index[k]];
  }
  return tw_bb_push(bb, node, &slot);
}

static tw_status init(tw_run *run) {
  tw_bb *bb = NULL;
  double violation;
  TW_TRY(refuse(run));
  bool taken;
  TW_TRY(tw_presolved_init(run, &taken));
  if (taken) return TW_OK;
  const tw_status status = tw_bb_open(&bb, run);
  run->local = bb;
  TW_TRY(status);
  bb->head[TW_BB_DIVE] = -1, bb->head[TW_BB_LOST] = INFINITY, bb->head[TW_BB_LOWER] = -INFINITY;
  TW_TRY(push_root(bb));
  for (int64_t k = 0; k < bb->ni; k++) {
    double *x = &run->x[bb->index[k]];
    *x = fmin(fmax(nearbyint(*x), bb->root_lower[bb->index[k]]), bb->root_upper[bb->index[k]]) + 0.0;
  }
  TW_TRY(tw_bb_evaluate(bb, run->x, &run->f, &violation));
  bb->head[TW_BB_FOUND] = violation <= 1e-9 && isfinite(run->f);
  if (!isfinite(run->f)) run->f = 0;
  vec_copy(bb->n, run->x, bb->at);
  bb->head[TW_BB_VIOLATION] = fmin(violation, DBL_MAX);
  report(run, bb, bb->head[TW_BB_VIOLATION]);
  return TW_OK;
}

/* ------------------------------------------------------------------ one node */

static void learn(tw_bb *bb) {
  if (!isnan(bb->learned)) tw_bb_learn(bb, (int64_t)bb->node[TW_BB_VAR], bb->node[TW_BB_UP] > 0, bb->learned);
  for (int64_t k = 0; k < 2 * bb->ni; k++)
    if (!isnan(bb->gain[k])) tw_bb_learn(bb, k / 2, k % 2 == 1, bb->gain[k]);
}

static void sweep(tw_bb *bb) {
  const double cutoff = tw_bb_cutoff(bb);
  for (int64_t k = (int64_t)bb->head[TW_BB_OPEN] - 1; k >= 0; k--) {
    const double bound = tw_bb_raise(bb, tw_bb_node(bb, k)[TW_BB_BOUND]);
    if (bound < cutoff) continue;
    bb->head[TW_BB_LOST] = fmin(bb->head[TW_BB_LOST], bound);
    tw_bb_remove(bb, k);
  }
}

static tw_status commit(tw_bb *bb, int64_t slot) {
  tw_run *run = bb->run;
  const bool dives = (int64_t)bb->head[TW_BB_DIVE] == slot;
  tw_bb_remove(bb, slot);
  for (int c = 0; c < bb->children; c++) {
    TW_TRY(tw_bb_push(bb, bb->child[c], &slot));
    if (c == 1) bb->head[TW_BB_DIVE] = (double)slot;
  }
  if (bb->children == 0 || !dives)
    bb->head[TW_BB_PLUNGE] = 0;
  else
    bb->head[TW_BB_PLUNGE]++;
  if (bb->children == 0) bb->head[TW_BB_DIVE] = -1;
  bb->head[TW_BB_SOLVES] += (double)bb->solves, bb->head[TW_BB_DOUBT] += (double)bb->doubts;
  bb->head[TW_BB_LOST] = fmin(bb->head[TW_BB_LOST], bb->lost);
  learn(bb);
  if (!bb->improved) return TW_OK;
  vec_copy(bb->n, bb->best, run->x);
  vec_copy(bb->m, bb->best_dual, run->dual);
  run->f = bb->best_f;
  bb->head[TW_BB_FOUND] = 1;
  bb->head[TW_BB_VIOLATION] = bb->best_violation;
  bb->improved = false;
  sweep(bb);
  return TW_OK;
}

/* The root's relaxation is unbounded: without the objective any feasible point says that the problem is. */
static tw_status go_blind(tw_run *run, tw_bb *bb) {
  if (!bb->is_qp || bb->head[TW_BB_FOUND] > 0) return tw_run_end(run, TW_UNBOUNDED, "the relaxation has no finite minimum");
  bb->head[TW_BB_BLIND] = 1;
  return TW_OK;
}

static tw_status step(tw_run *run) {
  if (tw_presolved_is(run)) return tw_presolved_step(run);
  tw_bb *bb = run->local;
  if (!bb) {
    const tw_status status = tw_bb_open(&bb, run);
    run->local = bb;
    TW_TRY(status);
  }
  bool unbounded = false;
  const int64_t slot = tw_bb_select(bb);
  if (slot < 0) return end_empty(run, bb);
  TW_TRY(tw_bb_process(bb, slot, &unbounded));
  if (unbounded && bb->head[TW_BB_BLIND] == 0) return go_blind(run, bb);
  TW_TRY(commit(bb, slot));
  report(run, bb, bb->head[TW_BB_VIOLATION]);
  return test_end(run, bb);
}

static void finish(tw_run *run) {
  if (tw_presolved_finish(run)) return;
  tw_bb_close(run->local);
  run->local = NULL;
}

const tw_method tw_method_branch_and_bound = {
    .name = "branch_and_bound",
    .summary = "branch and bound for convex mixed-integer problems over quadratic or nonlinear relaxations",
    .reference = "Land & Doig 1960; Dakin 1965; Achterberg, Koch & Martin 2005",
    .goals = TW_FOR_MINIMIZE | TW_FOR_LEAST_SQUARES,
    .needs = TW_VALUE | TW_GRADIENT,
    .matrices = TW_HOLDS_LAGRANGIAN | TW_HOLDS_CONSTRAINTS,
    .handles = TW_HANDLES_CONSTRAINTS | TW_HANDLES_BOUNDS | TW_HANDLES_INTEGERS,
    .options = options,
    .init = init,
    .step = step,
    .finish = finish,
    .traits = TW_MONOTONE | TW_ATOMIC | TW_PATIENT,
};
