/* Columns: fixed, empty, dominated, of one entry. Those with curvature are only fixed when their bounds are equal. */
#include "method/program/presolve_work.h"

static const double PIVOT = 1e-3; /* of the largest entry of its row, what a column of one entry must have */
static const double COST_ROUNDING = 1e-14; /* of a cost that cancels, relative to the sizes of its terms */

/* ------------------------------------------------------------------ dominated columns */

/* y_i >= 0 without a lower limit, <= 0 without an upper one; a column of one entry whose reduced cost has one sign bounds it too:
 * cost + a y_i >= 0 where x_j has no upper bound, <= 0 where it has no lower one. */
static void bound_duals(presolve_work *w) {
  const tw_qp *qp = w->qp;
  for (int64_t i = 0; i < qp->m; i++) {
    w->dual_lower[i] = w->rl[i] == -INFINITY ? 0 : -INFINITY;
    w->dual_upper[i] = w->ru[i] == INFINITY ? 0 : INFINITY;
  }
  for (int64_t j = 0; j < qp->n; j++) {
    if (!column_left(w, j) || w->curved[j] || w->column_count[j] != 1) continue;
    for (int64_t k = qp->a.start[j]; k < qp->a.start[j + 1]; k++) {
      const int64_t i = qp->a.row[k];
      const double a = qp->a.value[k];
      if (a == 0 || !row_left(w, i)) continue;
      const double y = -w->s->cost[j] / a;
      const bool from_below = a > 0 ? w->u[j] == INFINITY : w->l[j] == -INFINITY;
      const bool from_above = a > 0 ? w->l[j] == -INFINITY : w->u[j] == INFINITY;
      if (from_below) w->dual_lower[i] = fmax(w->dual_lower[i], y);
      if (from_above) w->dual_upper[i] = fmin(w->dual_upper[i], y);
    }
  }
}

/* Bounds of cost + a_j'y; `sign`: from the signs of y alone. */
static void bound_cost(const presolve_work *w, int64_t j, bool sign, double *least, double *most) {
  const tw_csc *a = &w->qp->a;
  *least = *most = w->s->cost[j];
  for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
    const int64_t i = a->row[k];
    const double v = a->value[k];
    if (v == 0 || !row_left(w, i)) continue;
    const double yl = sign ? (w->rl[i] == -INFINITY ? 0 : -INFINITY) : w->dual_lower[i];
    const double yu = sign ? (w->ru[i] == INFINITY ? 0 : INFINITY) : w->dual_upper[i];
    const double low = v > 0 ? yl : yu, high = v > 0 ? yu : yl;
    *least += low == 0 ? 0 : v * low;
    *most += high == 0 ? 0 : v * high;
  }
}

/* Where cost + a_j'y has one sign, x_j lies on the bound that it falls towards. Weak signs count where they follow from the rows'
 * limits alone: then moving x_j there loosens every row. */
static tw_status dominated(presolve_work *w, int64_t j, bool *gone) {
  double least, most, strict_least, strict_most;
  bound_cost(w, j, true, &least, &most);
  bound_cost(w, j, false, &strict_least, &strict_most);
  const double noise = 1e-9 * (1 + fabs(w->s->cost[j]));
  const bool down = least >= 0 || strict_least > noise, up = most <= 0 || strict_most < -noise;
  *gone = true;
  if (down && w->l[j] > -INFINITY) return presolve_fix(w, j, w->l[j]);
  if (up && w->u[j] < INFINITY) return presolve_fix(w, j, w->u[j]);
  *gone = false;
  if ((least > 0 && w->l[j] == -INFINITY) || (most < 0 && w->u[j] == INFINITY)) w->s->found = TW_UNBOUNDED;
  if (w->column_count[j] > 0 || w->s->found != TW_RUNNING) return TW_OK;
  *gone = true;
  return presolve_fix(w, j, 0); /* no rows, no cost, no bounds */
}

/* ------------------------------------------------------------------ columns of one entry */

static double largest_in_row(const presolve_work *w, int64_t i) {
  const tw_csc *at = &w->s->at;
  double most = 0;
  for (int64_t k = at->start[i]; k < at->start[i + 1]; k++)
    if (column_left(w, at->row[k])) most = fmax(most, fabs(at->value[k]));
  return most;
}

/* In an equality, x_j = (b - rest) / a: its bounds become limits of the rest, its cost c a shift of the others' costs by -c / a times
 * the row. In an inequality this holds for c = 0. */
static tw_status absorb(presolve_work *w, int64_t j, int64_t i, double a) {
  const tw_csc *at = &w->s->at;
  double *cost = w->s->cost;
  const presolve_step step = {.kind = PRESOLVE_ABSORB, .i = i, .j = j, .a = a, .cost = cost[j], .lower = w->rl[i], .upper = w->ru[i],
                              .column_lower = w->l[j], .column_upper = w->u[j]};
  for (int64_t k = at->start[i]; k < at->start[i + 1] && cost[j] != 0; k++) {
    const int64_t other = at->row[k];
    if (other == j || !column_left(w, other)) continue;
    const double shift = cost[j] / a * at->value[k], grown = fabs(w->cost_size[j] / a * at->value[k]);
    cost[other] -= shift;
    w->cost_size[other] += grown;
    if (fabs(cost[other]) <= COST_ROUNDING * w->cost_size[other]) cost[other] = 0;
  }
  const double low = a * (a > 0 ? w->l[j] : w->u[j]), high = a * (a > 0 ? w->u[j] : w->l[j]);
  w->rl[i] -= high;
  w->ru[i] -= low;
  w->dual_lower[i] = w->rl[i] == -INFINITY ? 0 : -INFINITY; /* the row's multiplier is another one */
  w->dual_upper[i] = w->ru[i] == INFINITY ? 0 : INFINITY;
  w->row_count[i]--;
  w->s->column_step[j] = w->s->steps;
  return presolve_record(w, step);
}

/* A free column of one entry tells its row's multiplier, and so the limit that the row lies on. */
static bool free_column_tells(presolve_work *w, int64_t j, int64_t i, double a) {
  const double c = w->s->cost[j];
  if (w->l[j] > -INFINITY || w->u[j] < INFINITY || c == 0) return false;
  const double y = -c / a, limit = y > 0 ? w->ru[i] : w->rl[i];
  if (isinf(limit)) w->s->found = TW_UNBOUNDED;
  if (isinf(limit)) return false;
  w->rl[i] = w->ru[i] = limit;
  return true;
}

static tw_status alone_in_row(presolve_work *w, int64_t j) {
  const tw_csc *a = &w->qp->a;
  for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
    const int64_t i = a->row[k];
    if (a->value[k] == 0 || !row_left(w, i)) continue;
    if (w->row_count[i] < 2 || fabs(a->value[k]) < PIVOT * largest_in_row(w, i)) return TW_OK;
    const bool equality = w->rl[i] == w->ru[i] || free_column_tells(w, j, i, a->value[k]);
    return equality || (w->s->cost[j] == 0 && w->s->found == TW_RUNNING) ? absorb(w, j, i, a->value[k]) : TW_OK;
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ */

tw_status presolve_columns(presolve_work *w) {
  bound_duals(w);
  for (int64_t j = 0; j < w->qp->n && w->s->found == TW_RUNNING; j++) {
    bool gone = false;
    if (!column_left(w, j)) continue;
    if (w->l[j] == w->u[j]) {
      TW_TRY(presolve_fix(w, j, w->l[j]));
      continue;
    }
    if (w->curved[j]) continue;
    TW_TRY(dominated(w, j, &gone));
    if (!gone && w->column_count[j] == 1 && w->s->found == TW_RUNNING) TW_TRY(alone_in_row(w, j));
  }
  return TW_OK;
}
