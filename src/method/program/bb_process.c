/* One node: tightened, relaxed, searched for feasible points, and split or dropped. Changes nothing that the next step reads; what
 * there is to change is left in the struct. */
#include "method/program/bb.h"

enum { ROUNDS = 20 }; /* of tightening by branches that are empty */

/* Dropped at this bound: the final bound is no better. */
static void drop(tw_bb *bb, double bound) {
  bb->lost = fmin(bb->lost, bound);
}

static bool worthless(tw_bb *bb, double bound) {
  const double raised = tw_bb_raise(bb, bound);
  if (raised < tw_bb_cutoff(bb)) return false;
  drop(bb, raised);
  return true;
}

/* Bounds of the node from the rows; false: empty. */
static bool propagate(tw_bb *bb) {
  vec_copy(bb->n, bb->root_lower, bb->tight_lower);
  vec_copy(bb->n, bb->root_upper, bb->tight_upper);
  for (int64_t k = 0; k < bb->ni; k++) {
    bb->tight_lower[bb->index[k]] = bb->node[TW_BB_NODE + k];
    bb->tight_upper[bb->index[k]] = bb->node[TW_BB_NODE + bb->ni + k];
    if (bb->node[TW_BB_NODE + k] > bb->node[TW_BB_NODE + bb->ni + k]) return false;
  }
  if (!tw_bb_propagate(bb, bb->tight_lower, bb->tight_upper)) return false;
  for (int64_t k = 0; k < bb->ni; k++) {
    bb->node[TW_BB_NODE + k] = bb->tight_lower[bb->index[k]];
    bb->node[TW_BB_NODE + bb->ni + k] = bb->tight_upper[bb->index[k]];
  }
  return true;
}

/* Children x_k <= down and x_k >= down + 1; the one that the value is nearer to comes second, to be gone on with. */
static void split(tw_bb *bb, int64_t k, double down, double value) {
  const bool up_last = value - down > 0.5;
  for (int c = 0; c < 2; c++) {
    double *child = bb->child[c];
    const bool up = (c == 1) == up_last;
    vec_copy(tw_bb_node_size(bb), bb->node, child);
    *(up ? &child[TW_BB_NODE + k] : &child[TW_BB_NODE + bb->ni + k]) = up ? down + 1 : down;
    child[TW_BB_DEPTH]++;
    child[TW_BB_VAR] = (double)k;
    child[TW_BB_UP] = up;
    child[TW_BB_MOVED] = up ? down + 1 - value : value - down;
  }
  bb->children = 2;
}

/* No entry is fractional, and yet the node is not done: the least integral of those that are free, in two. */
static void split_anyway(tw_bb *bb) {
  int64_t worst = -1;
  double distance = -1;
  for (int64_t k = 0; k < bb->ni; k++) {
    const double x = bb->at[bb->index[k]], away = fabs(x - nearbyint(x));
    if (bb->node[TW_BB_NODE + k] == bb->node[TW_BB_NODE + bb->ni + k] || !(away > distance)) continue;
    worst = k;
    distance = away;
  }
  if (worst < 0) {
    drop(bb, bb->node[TW_BB_BOUND]);
    return;
  }
  const double low = bb->node[TW_BB_NODE + worst], high = bb->node[TW_BB_NODE + bb->ni + worst];
  const double value = fmin(fmax(bb->at[bb->index[worst]], low), high), whole = nearbyint(value);
  split(bb, worst, whole >= high ? whole - 1 : whole, value);
}

/* The relaxation failed: halves of the widest range, at the bound known. */
static void split_blindly(tw_bb *bb) {
  bb->doubts++;
  for (int64_t k = 0; k < bb->ni; k++) {
    const double low = bb->node[TW_BB_NODE + k], high = bb->node[TW_BB_NODE + bb->ni + k];
    bb->at[bb->index[k]] = isfinite(low) && isfinite(high) ? floor(0.5 * (low + high))
                           : isfinite(low)                 ? low
                           : isfinite(high)                ? high
                                                           : 0;
  }
  split_anyway(bb);
}

static tw_status handle_integral(tw_bb *bb) {
  TW_TRY(tw_bb_complete(bb, bb->at));
  if (!worthless(bb, bb->node[TW_BB_BOUND])) split_anyway(bb);
  return TW_OK;
}

static void take_answer(tw_bb *bb, const tw_bb_answer *answer) {
  double *node = bb->node;
  if (isnan(bb->learned) && node[TW_BB_VAR] >= 0 && isfinite(node[TW_BB_BOUND]) && node[TW_BB_MOVED] > 0)
    bb->learned = fmax(0, answer->f - node[TW_BB_BOUND]) / node[TW_BB_MOVED];
  node[TW_BB_BOUND] = fmax(node[TW_BB_BOUND], answer->f);
  vec_copy(bb->n, bb->x, bb->at);
  vec_copy(tw_bb_rows(bb), bb->y, bb->multiplier);
}

/* *again: bounds changed, and the relaxation with them. */
static tw_status process_round(tw_bb *bb, int round, bool *again, bool *unbounded) {
  double *node = bb->node;
  tw_bb_answer answer = {TW_BB_FAILED, 0};
  *again = false;
  if (worthless(bb, node[TW_BB_BOUND]) || !propagate(bb)) return TW_OK;
  tw_bb_set_bounds(bb, node);
  TW_TRY(tw_bb_relax(bb, &answer));
  *unbounded = answer.verdict == TW_BB_UNBOUNDED;
  if (answer.verdict == TW_BB_FAILED) split_blindly(bb);
  if (answer.verdict != TW_BB_SOLVED) return TW_OK;
  if (bb->lp) tw_bb_lp_keep(bb->lp);
  take_answer(bb, &answer);
  if (worthless(bb, node[TW_BB_BOUND])) return TW_OK;
  if (tw_bb_fractional(bb, bb->at) == 0) return handle_integral(bb);
  if (round == 0) TW_TRY(tw_bb_search(bb, node));
  if (worthless(bb, node[TW_BB_BOUND])) return TW_OK;
  tw_bb_fix_by_cost(bb, &answer, node);
  int64_t chosen;
  bool changed, empty;
  TW_TRY(tw_bb_branch(bb, &answer, node, &chosen, &changed, &empty));
  *again = changed && round + 1 < ROUNDS;
  if (empty || *again) return TW_OK;
  if (changed)
    split_anyway(bb);
  else
    split(bb, chosen, floor(bb->at[bb->index[chosen]]), bb->at[bb->index[chosen]]);
  return TW_OK;
}

tw_status tw_bb_process(tw_bb *bb, int64_t slot, bool *unbounded) {
  vec_copy(tw_bb_node_size(bb), tw_bb_node(bb, slot), bb->node);
  bb->children = 0, bb->improved = false, bb->solves = bb->doubts = 0, bb->lost = INFINITY, bb->learned = NAN;
  for (int64_t k = 0; k < 2 * bb->ni; k++) bb->gain[k] = NAN;
  if (bb->lp) tw_bb_lp_restart(bb->lp);
  bool again = true;
  for (int round = 0; again; round++) TW_TRY(process_round(bb, round, &again, unbounded));
  return TW_OK;
}
