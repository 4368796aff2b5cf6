/* Bounds and coefficients from the rows of a linear system (propagate.h; Savelsbergh 1994), and from reduced costs. */
#include "method/program/bb.h"
#include "method/program/propagate.h"

enum { ROUNDS = 8 };
static const double FEASIBLE = 1e-7, WORTH = 1e-3; /* relative share of a range that a new bound must save */

typedef struct taking {
  const tw_bb *bb;
  double *l, *u;
  bool changed;
} taking;

/* False when nothing is left. */
static bool take(void *context, const tw_implied *b) {
  taking *t = context;
  const bool integer = t->bb->place[b->j] >= 0;
  double *l = &t->l[b->j], *u = &t->u[b->j];
  const double range = *u - *l, scale = fmax(1, fabs(b->bound)), bound = integer ? tw_whole_bound(b->bound, b->upper) : b->bound;
  const double least = integer ? 0.5 : isfinite(range) ? WORTH * fmax(range, 1e-3) : 0;
  if (!isfinite(bound)) return true;
  if (b->upper && bound < *u - least) *u = bound, t->changed = true;
  if (!b->upper && bound > *l + least) *l = bound, t->changed = true;
  if (*l <= *u) return true;
  if (*l > *u + FEASIBLE * scale) return false;
  *l = *u = 0.5 * (*l + *u);
  return true;
}

static bool propagate_row(taking *t, int64_t i) {
  const tw_bounded_rows rows = {&t->bb->rows, t->l, t->u, NULL};
  const double rl = t->bb->qp.row_lower[i], ru = t->bb->qp.row_upper[i];
  const tw_activity a = tw_row_activity(&rows, i, -1);
  if (a.least_infinite == 0 && a.least > ru + FEASIBLE * fmax(1, fabs(ru))) return false;
  if (a.most_infinite == 0 && a.most < rl - FEASIBLE * fmax(1, fabs(rl))) return false;
  return tw_propagate_row(&rows, i, a, rl, ru, 1e-9, take, t);
}

bool tw_bb_propagate(tw_bb *bb, double *l, double *u) {
  taking t = {bb, l, u, bb->is_qp};
  for (int round = 0; round < ROUNDS && t.changed; round++) {
    t.changed = false;
    for (int64_t i = 0; i < bb->qp.m; i++)
      if (!propagate_row(&t, i)) return false;
  }
  return true;
}

/* ------------------------------------------------------------------ coefficients */

static void set_entry(tw_bb *bb, int64_t i, int64_t j, int64_t at, double value) {
  bb->rows.value[at] = value;
  for (int64_t p = bb->qp.a.start[j]; p < bb->qp.a.start[j + 1]; p++)
    if (bb->qp.a.row[p] == i) bb->qp.a.value[p] = value;
}

/* A row a x <= b with a binary x_j: where the row says nothing at one value of x_j, a_j is moved until it nearly does, which
 * leaves the integer points and cuts others. With the largest value M of the row:
 *   a_j > 0, M - a_j < b < M:  a_j <- M - b,  b <- M - a_j  (old a_j);     a_j < 0, M + a_j < b < M:  a_j <- b - M */
static void tighten_row(tw_bb *bb, int64_t i, double sign, double *limit) {
  const tw_bounded_rows rows = {&bb->rows, bb->tight_lower, bb->tight_upper, NULL};
  for (int64_t p = bb->rows.start[i]; p < bb->rows.start[i + 1]; p++) {
    const int64_t j = bb->rows.row[p];
    if (bb->place[j] < 0 || bb->tight_lower[j] != 0 || bb->tight_upper[j] != 1) continue;
    const tw_activity a = tw_row_activity(&rows, i, -1);
    const double largest = sign > 0 ? a.most : -a.least, v = sign * bb->rows.value[p], b = sign * *limit;
    if ((sign > 0 ? a.most_infinite : a.least_infinite) > 0) return;
    const double margin = 1e-6 * fmax(1, fabs(b));
    if (largest <= b + margin) return;
    if (v > 0 && largest - v < b - margin) {
      set_entry(bb, i, j, p, sign * (largest - b));
      *limit = sign * (largest - v);
    } else if (v < 0 && largest + v < b - margin) {
      set_entry(bb, i, j, p, sign * (b - largest));
    }
  }
}

void tw_bb_tighten_rows(tw_bb *bb) {
  vec_copy(bb->n, bb->root_lower, bb->tight_lower);
  vec_copy(bb->n, bb->root_upper, bb->tight_upper);
  if (!tw_bb_propagate(bb, bb->tight_lower, bb->tight_upper)) return;
  for (int64_t k = 0; k < bb->ni; k++) {
    const int64_t j = bb->index[k];
    bb->root_lower[j] = bb->tight_lower[j], bb->root_upper[j] = bb->tight_upper[j];
  }
  for (int64_t i = 0; i < bb->m; i++) {
    const bool above = isfinite(bb->qp.row_lower[i]), below = isfinite(bb->qp.row_upper[i]);
    if (above == below) continue;
    tighten_row(bb, i, below ? 1 : -1, below ? &bb->qp.row_upper[i] : &bb->qp.row_lower[i]);
  }
}

/* ------------------------------------------------------------------ costs */

/* L(x) >= f* + r'(x - x*) on the node, r = P x* + q + A'y: a variable at its bound may leave it by (cutoff - f*) / |r_j| at most,
 * whatever else it does, in a solution that is worth having. */
void tw_bb_fix_by_cost(tw_bb *bb, const tw_bb_answer *answer, double *node) {
  const double slack = tw_bb_cutoff(bb) - answer->f;
  double *r = bb->work;
  if (!bb->is_qp || !(slack < INFINITY) || bb->head[TW_BB_BLIND] > 0) return;
  vec_copy(bb->n, bb->qp.q, r);
  tw_qp_add_p(&bb->qp, 1, bb->at, r);
  tw_qp_add_at(&bb->qp, 1, bb->multiplier, r);
  const double safe = fmax(0, slack) + 1e-6 * fmax(1, fabs(answer->f));
  for (int64_t k = 0; k < bb->ni; k++) {
    double *l = &node[TW_BB_NODE + k], *u = &node[TW_BB_NODE + bb->ni + k];
    const double x = bb->at[bb->index[k]], c = r[bb->index[k]], steps = floor(safe / fabs(c) + 1e-6);
    const bool up = c > 0 && x - *l < 1e-6, down = c < 0 && *u - x < 1e-6;
    if (fabs(c) < 1e-7 || !(*u - *l > steps) || !(up || down)) continue;
    *(up ? u : l) = up ? *l + steps : *u - steps;
    bb->lost = fmin(bb->lost, answer->f + fabs(c) * (steps + 1));
  }
}

/* Costs of integers alone that are multiples of 10^-k, k <= 3: so is f; otherwise 0. Greatest common divisor of them. */
double tw_bb_grid(const tw_bb *bb) {
  const tw_qp *qp = &bb->qp;
  if (!tw_qp_is_linear(qp)) return 0;
  for (double scale = 1; scale <= 1000; scale *= 10) {
    double divisor = 0;
    bool fits = true;
    for (int64_t j = 0; j < qp->n && fits; j++) {
      double a = fabs(qp->q[j]) * scale, b = divisor;
      if (a == 0) continue;
      fits = bb->place[j] >= 0 && fabs(a - nearbyint(a)) < 1e-9 && a < 1e9;
      for (a = nearbyint(a); b > 0;) {
        const double rest = fmod(a, b);
        a = b, b = rest;
      }
      divisor = a;
    }
    if (fits) return divisor / scale;
  }
  return 0;
}
