/* Feasible points: the rounded relaxation with the rest optimal, and at the root a feasibility pump (Fischetti, Glover & Lodi
 * 2005) over linear rows: points x of the relaxation and integer points r in turn, each the nearest to the other,
 *
 *   x <- argmin sum_{r_j = l_j} x_j - l_j + sum_{r_j = u_j} u_j - x_j,   r <- round(x);
 *
 * where r comes back the entries with the largest |x_j - r_j| are moved to the other side. */
#include "method/program/bb.h"

enum { PUMP_ROUNDS = 20, FLIPS = 10, EVERY = 10 };

static void round_point(const tw_bb *bb, const double *x, double *r) {
  vec_copy(bb->n, x, r);
  for (int64_t k = 0; k < bb->ni; k++) r[bb->index[k]] = nearbyint(x[bb->index[k]]);
}

static void set_distance(const tw_bb *bb, const double *r, double *q) {
  vec_zero(bb->n, q);
  for (int64_t k = 0; k < bb->ni; k++) {
    const int64_t j = bb->index[k];
    if (r[j] <= bb->qp.lower[j])
      q[j] = 1;
    else if (r[j] >= bb->qp.upper[j])
      q[j] = -1;
  }
}

static bool same_integers(const tw_bb *bb, const double *a, const double *b) {
  for (int64_t k = 0; k < bb->ni; k++)
    if (a[bb->index[k]] != b[bb->index[k]]) return false;
  return true;
}

/* Moves the FLIPS entries of r that are furthest from x. */
static void flip(tw_bb *bb, const double *x, double *r) {
  for (int64_t k = 0; k < bb->ni; k++) bb->score[k] = fabs(x[bb->index[k]] - r[bb->index[k]]);
  for (int count = 0; count < FLIPS; count++) {
    int64_t worst = -1;
    for (int64_t k = 0; k < bb->ni; k++)
      if (bb->score[k] > 1e-9 && (worst < 0 || bb->score[k] > bb->score[worst])) worst = k;
    if (worst < 0) return;
    const int64_t j = bb->index[worst];
    r[j] += x[j] > r[j] ? 1 : -1;
    bb->score[worst] = 0;
  }
}

static tw_status pump(tw_bb *bb, const double *node) {
  double *r = bb->point, *q = bb->pump.q, *next = bb->work + bb->n;
  round_point(bb, bb->at, r);
  for (int round = 0; round < PUMP_ROUNDS && !bb->improved; round++) {
    tw_bb_answer answer = {TW_BB_FAILED, 0};
    tw_bb_set_bounds(bb, node);
    set_distance(bb, r, q);
    TW_TRY(tw_bb_relax_pump(bb, q, &answer));
    if (answer.verdict != TW_BB_SOLVED) return TW_OK;
    round_point(bb, bb->x, next);
    const bool back = same_integers(bb, next, r);
    double away = 0;
    for (int64_t k = 0; k < bb->ni; k++) away = fmax(away, fabs(bb->x[bb->index[k]] - next[bb->index[k]]));
    vec_copy(bb->n, next, r);
    if (away < 1e-6)
      TW_TRY(tw_bb_complete(bb, r));
    else if (back)
      flip(bb, bb->x, r);
    if (away < 1e-6 && !bb->improved) return TW_OK;
  }
  return TW_OK;
}

tw_status tw_bb_search(tw_bb *bb, const double *node) {
  const bool found = bb->head[TW_BB_FOUND] > 0, root = node[TW_BB_VAR] < 0;
  if (!tw_run_flag(bb->run, "heuristics")) return TW_OK;
  if (!root && (int64_t)bb->head[TW_BB_SEQ] % EVERY != 0) return TW_OK;
  round_point(bb, bb->at, bb->point);
  TW_TRY(tw_bb_complete(bb, bb->point));
  return root && !found && !bb->improved && bb->is_qp ? pump(bb, node) : TW_OK;
}
