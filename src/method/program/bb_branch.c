/* The choice of a variable: pseudo-costs, initialised by strong branching (reliability branching: Achterberg, Koch & Martin 2005).
 *
 * Pseudo-cost: the mean rise of the relaxation per unit by which a bound moved the variable's value, down and up. The score of a
 * variable is the product of the rises expected of its two branches. */
#include "method/program/bb.h"

static const double LEAST = 1e-6;
enum { LOOK_AHEAD = 4 }; /* strong branching ends when so many in a row are no better */

static double distance(double x) {
  return fabs(x - nearbyint(x));
}

/* Positions in I of the fractional ones, into bb->order. */
int64_t tw_bb_fractional(tw_bb *bb, const double *x) {
  const double tolerance = tw_run_real(bb->run, "integrality");
  int64_t count = 0;
  for (int64_t k = 0; k < bb->ni; k++)
    if (distance(x[bb->index[k]]) > tolerance) bb->order[count++] = k;
  return count;
}

void tw_bb_learn(tw_bb *bb, int64_t var, bool up, double per_unit) {
  double *p = bb->pseudo + TW_BB_PSEUDO * var + (up ? TW_BB_UP_SUM : TW_BB_DOWN_SUM);
  if (!isfinite(per_unit)) return;
  p[0] += fmax(0, per_unit);
  p[1]++;
}

/* Mean of a variable's pseudo-costs, of all where it has none. */
static double pseudo_cost(const tw_bb *bb, int64_t var, bool up) {
  const double *p = bb->pseudo + TW_BB_PSEUDO * var + (up ? TW_BB_UP_SUM : TW_BB_DOWN_SUM);
  if (p[1] > 0) return p[0] / p[1];
  double sum = 0, count = 0;
  for (int64_t k = 0; k < bb->ni; k++) {
    const double *q = bb->pseudo + TW_BB_PSEUDO * k + (up ? TW_BB_UP_SUM : TW_BB_DOWN_SUM);
    if (q[1] > 0) sum += q[0] / q[1], count++;
  }
  return count > 0 ? sum / count : 1;
}

static double product(double down, double up) {
  return fmax(down, LEAST) * fmax(up, LEAST);
}

static bool reliable(const tw_bb *bb, int64_t var) {
  const double *p = bb->pseudo + TW_BB_PSEUDO * var, least = (double)tw_run_integer(bb->run, "reliability");
  return fmin(p[TW_BB_DOWN_COUNT], p[TW_BB_UP_COUNT]) >= least;
}

static void score_all(tw_bb *bb, int64_t count) {
  for (int64_t c = 0; c < count; c++) {
    const int64_t k = bb->order[c];
    const double x = bb->at[bb->index[k]], f = x - floor(x);
    bb->score[k] = product(f * pseudo_cost(bb, k, false), (1 - f) * pseudo_cost(bb, k, true));
  }
  for (int64_t c = 1; c < count; c++) { /* by insertion: scores fall */
    const int64_t k = bb->order[c];
    int64_t to = c;
    for (; to > 0 && bb->score[bb->order[to - 1]] < bb->score[k]; to--) bb->order[to] = bb->order[to - 1];
    bb->order[to] = k;
  }
}

/* One branch of variable k by its relaxation: the rise of f; inf where it is empty or worthless. */
static tw_status try_branch(tw_bb *bb, const tw_bb_answer *at, double *node, int64_t k, bool up, double *rise) {
  const double x = bb->at[bb->index[k]], low = node[TW_BB_NODE + k], high = node[TW_BB_NODE + bb->ni + k];
  tw_bb_answer answer = {TW_BB_FAILED, 0};
  *(up ? &node[TW_BB_NODE + k] : &node[TW_BB_NODE + bb->ni + k]) = up ? ceil(x) : floor(x);
  tw_bb_set_bounds(bb, node);
  node[TW_BB_NODE + k] = low, node[TW_BB_NODE + bb->ni + k] = high;
  TW_TRY(tw_bb_relax(bb, &answer));
  *rise = 0;
  if (answer.verdict == TW_BB_FAILED) return TW_OK;
  if (answer.verdict == TW_BB_INFEASIBLE) *rise = INFINITY;
  if (answer.verdict == TW_BB_SOLVED) {
    const double raised = tw_bb_raise(bb, answer.f);
    *rise = raised >= tw_bb_cutoff(bb) ? INFINITY : fmax(0, answer.f - at->f);
    if (*rise == INFINITY) bb->lost = fmin(bb->lost, raised);
    if (answer.f > at->f) bb->gain[2 * k + up] = (answer.f - at->f) / (up ? ceil(x) - x : x - floor(x));
  }
  return TW_OK;
}

/* Both branches of k; a branch that is empty leaves its bound to the node. */
static tw_status look(tw_bb *bb, const tw_bb_answer *at, double *node, int64_t k, double *score, bool *changed, bool *empty) {
  const double x = bb->at[bb->index[k]];
  double down, up;
  TW_TRY(try_branch(bb, at, node, k, false, &down));
  TW_TRY(try_branch(bb, at, node, k, true, &up));
  *empty = down == INFINITY && up == INFINITY;
  *changed = !*empty && (down == INFINITY || up == INFINITY);
  if (*changed && down == INFINITY) node[TW_BB_NODE + k] = ceil(x);
  if (*changed && up == INFINITY) node[TW_BB_NODE + bb->ni + k] = floor(x);
  *score = product(down, up);
  return TW_OK;
}

tw_status tw_bb_branch(tw_bb *bb, const tw_bb_answer *answer, double *node, int64_t *chosen, bool *changed, bool *empty) {
  const int64_t count = tw_bb_fractional(bb, bb->at), most = tw_run_integer(bb->run, "strong");
  *changed = *empty = false;
  *chosen = -1;
  if (count == 0) return TW_OK;
  score_all(bb, count);
  double best = -1;
  for (int64_t c = 0, looked = 0, behind = 0; c < count; c++) {
    const int64_t k = bb->order[c];
    double score = bb->score[k];
    if (!reliable(bb, k) && looked < most && behind < LOOK_AHEAD) {
      looked++;
      TW_TRY(look(bb, answer, node, k, &score, changed, empty));
      if (*changed || *empty) return TW_OK;
    }
    behind = score > best ? 0 : behind + 1;
    if (score > best) best = score, *chosen = k;
  }
  return TW_OK;
}
