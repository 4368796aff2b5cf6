/* Columns: fixed, empty, dominated, of one entry. Those with curvature, or held, are only fixed when their bounds are equal. Where
 * columns are integer, what multipliers tell holds of the others alone. */
#include "method/program/presolve_work.h"

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
    if (!column_left(w, j) || !is_plain(w, j) || is_integer(w, j) || w->column_count[j] != 1) continue;
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
  const bool strict = !is_integer(w, j);
  const bool down = least >= 0 || (strict && strict_least > noise), up = most <= 0 || (strict && strict_most < -noise);
  *gone = true;
  if (down && w->l[j] > -INFINITY) return presolve_fix(w, j, w->l[j]);
  if (up && w->u[j] < INFINITY) return presolve_fix(w, j, w->u[j]);
  *gone = false;
  if ((least > 0 && w->l[j] == -INFINITY) || (most < 0 && w->u[j] == INFINITY)) *w->found = TW_UNBOUNDED;
  if (w->column_count[j] > 0 || *w->found != TW_RUNNING) return TW_OK;
  *gone = true;
  return presolve_fix(w, j, 0); /* no rows, no cost, no bounds */
}

/* ------------------------------------------------------------------ columns of one entry */

/* Costs of the others in row i shift by -c_j / a times the row. */
static void shift_costs(presolve_work *w, int64_t j, int64_t i, double a) {
  const tw_csc *at = &w->s->at;
  double *cost = w->s->cost;
  for (int64_t k = at->start[i]; k < at->start[i + 1] && cost[j] != 0; k++) {
    const int64_t other = at->row[k];
    if (other == j || !column_left(w, other)) continue;
    const double shift = cost[j] / a * at->value[k], grown = fabs(w->cost_size[j] / a * at->value[k]);
    cost[other] -= shift;
    w->cost_size[other] += grown;
    if (fabs(cost[other]) <= PRESOLVE_ROUNDING * w->cost_size[other]) cost[other] = 0;
  }
}

/* In an equality, x_j = (b - rest) / a: its bounds become limits of the rest (`implied`: they follow from the row, and need not), its
 * cost c a shift of the others' costs. In an inequality this holds for c = 0. */
static tw_status absorb(presolve_work *w, int64_t j, int64_t i, double a, bool implied) {
  const presolve_step step = {.kind = PRESOLVE_ABSORB, .i = i, .j = j, .a = a, .cost = w->s->cost[j], .lower = w->rl[i], .upper = w->ru[i],
                              .column_lower = w->l[j], .column_upper = w->u[j]};
  shift_costs(w, j, i, a);
  const double l = implied ? -INFINITY : w->l[j], u = implied ? INFINITY : w->u[j];
  w->rl[i] -= a * (a > 0 ? u : l);
  w->ru[i] -= a * (a > 0 ? l : u);
  w->dual_lower[i] = w->rl[i] == -INFINITY ? 0 : -INFINITY; /* the row's multiplier is another one */
  w->dual_upper[i] = w->ru[i] == INFINITY ? 0 : INFINITY;
  presolve_leave_rows(w, j);
  w->s->column_step[j] = w->s->steps;
  return presolve_record(w, step);
}

/* Row i, with the bounds of its other columns, leaves x_j within its own. */
static bool is_implied_free(const presolve_work *w, int64_t j, int64_t i, double a) {
  const tw_activity rest = presolve_activity(w, i, w->l, w->u, j);
  const double below = rest.most_infinite > 0 ? -INFINITY : w->rl[i] - rest.most;
  const double above = rest.least_infinite > 0 ? INFINITY : w->ru[i] - rest.least;
  const double slack = 1e-12 * (1 + rest.size) / fabs(a);
  return (w->l[j] == -INFINITY || (a > 0 ? below : above) / a >= w->l[j] + slack) &&
         (w->u[j] == INFINITY || (a > 0 ? above : below) / a <= w->u[j] - slack);
}

/* A free column of one entry tells its row's multiplier, and so the limit that the row lies on. */
static bool free_column_tells(presolve_work *w, int64_t j, int64_t i, double a, bool *implied) {
  const double c = w->s->cost[j];
  const bool free = w->l[j] == -INFINITY && w->u[j] == INFINITY;
  *implied = !free;
  if (c == 0 || !(free || is_implied_free(w, j, i, a))) return false;
  const double y = -c / a, limit = y > 0 ? w->ru[i] : w->rl[i];
  if (isinf(limit) && free) *w->found = TW_UNBOUNDED;
  if (isinf(limit)) return false;
  w->rl[i] = w->ru[i] = limit;
  return true;
}

static tw_status alone_in_row(presolve_work *w, int64_t j) {
  const tw_csc *a = &w->qp->a;
  for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
    const int64_t i = a->row[k];
    const double v = a->value[k];
    if (v == 0 || !row_left(w, i)) continue;
    if (w->row_count[i] < 2 || fabs(v) < PRESOLVE_PIVOT * presolve_largest_in_row(w, i)) return TW_OK;
    if (w->rl[i] == w->ru[i]) return absorb(w, j, i, v, false);
    bool implied;
    if (free_column_tells(w, j, i, v, &implied)) return absorb(w, j, i, v, implied);
    return w->s->cost[j] == 0 && *w->found == TW_RUNNING ? absorb(w, j, i, v, false) : TW_OK;
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ */

tw_status presolve_columns(presolve_work *w) {
  bound_duals(w);
  for (int64_t j = 0; j < w->qp->n && *w->found == TW_RUNNING; j++) {
    bool gone = false;
    if (!column_left(w, j)) continue;
    if (w->tl[j] == w->tu[j]) {
      TW_TRY(presolve_fix(w, j, w->tl[j]));
      continue;
    }
    if (!is_plain(w, j)) continue;
    TW_TRY(dominated(w, j, &gone));
    if (!gone && w->column_count[j] == 1 && *w->found == TW_RUNNING && !is_integer(w, j)) TW_TRY(alone_in_row(w, j));
  }
  return TW_OK;
}
