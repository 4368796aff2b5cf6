/* Rows: infeasible, empty, redundant, forcing, of one entry. Their activity is bounded by the bounds of their columns. */
#include "method/program/presolve_work.h"

static const double FEASIBLE = 1e-9, FORCING = 1e-12; /* relative to the sizes of the terms */

/* All columns of a forcing row go to the bounds that give its least (side 1) or largest activity. */
static tw_status force(presolve_work *w, int64_t i, int side) {
  const tw_csc *at = &w->s->at;
  TW_TRY(presolve_remove_row(w, (presolve_step){.kind = PRESOLVE_FORCING, .i = i, .side = side}));
  for (int64_t k = at->start[i]; k < at->start[i + 1]; k++) {
    const int64_t j = at->row[k];
    if (at->value[k] == 0 || !column_left(w, j)) continue;
    TW_TRY(presolve_fix(w, j, (at->value[k] > 0) == (side > 0) ? w->tl[j] : w->tu[j]));
  }
  return TW_OK;
}

/* Bounds of an integer column lie on integers; the row may say that there is none between. */
static tw_status bound_integer(presolve_work *w, int64_t i, int64_t j, double low, double high) {
  w->l[j] = w->tl[j] = fmax(tw_whole_bound(low, false), w->tl[j]), w->u[j] = w->tu[j] = fmin(tw_whole_bound(high, true), w->tu[j]);
  if (w->l[j] > w->u[j]) *w->found = TW_INFEASIBLE;
  return presolve_remove_row(w, (presolve_step){.kind = PRESOLVE_DROP, .i = i});
}

/* rl <= a x_j <= ru as bounds. */
static tw_status bound_only_column(presolve_work *w, int64_t i) {
  double a;
  const int64_t j = presolve_only_column(w, i, &a);
  const double low = (a > 0 ? w->rl[i] : w->ru[i]) / a, high = (a > 0 ? w->ru[i] : w->rl[i]) / a;
  if (is_integer(w, j)) return bound_integer(w, i, j, low, high);
  presolve_step step = {.kind = PRESOLVE_SINGLETON, .i = i, .j = j, .a = a, .lower_moved = low > w->tl[j], .upper_moved = high < w->tu[j]};
  if (step.lower_moved) w->tl[j] = low;
  if (step.upper_moved) w->tu[j] = high;
  if (w->tl[j] > w->tu[j]) *(step.lower_moved ? &w->tl[j] : &w->tu[j]) = step.lower_moved ? w->tu[j] : w->tl[j]; /* by rounding errors */
  if (step.lower_moved) w->l[j] = w->tl[j];
  if (step.upper_moved) w->u[j] = w->tu[j];
  return presolve_remove_row(w, step);
}

static bool is_contradiction(presolve_work *w, int64_t i, const tw_activity *a) {
  const double rl = w->rl[i], ru = w->ru[i], size = 1 + a->size;
  const bool above = a->least > ru + FEASIBLE * (size + fabs(ru)), below = a->most < rl - FEASIBLE * (size + fabs(rl));
  if (!above && !below) return false;
  *w->found = TW_INFEASIBLE;
  w->s->contradiction = i;
  w->s->side = above ? 1 : -1;
  return true;
}

static void drop_limit(presolve_work *w, int64_t i, int side) {
  *(side > 0 ? &w->ru[i] : &w->rl[i]) = side > 0 ? INFINITY : -INFINITY;
  presolve_promote(w, i, side);
  w->changes++;
}

static tw_status reduce_row(presolve_work *w, int64_t i) {
  const double *rl = &w->rl[i], *ru = &w->ru[i];
  const tw_activity finite = presolve_activity(w, i, w->tl, w->tu, -1);
  tw_activity a = finite;
  if (a.least_infinite > 0) a.least = -INFINITY;
  if (a.most_infinite > 0) a.most = INFINITY;
  const double size = 1 + a.size;
  if (is_contradiction(w, i, &a)) return TW_OK;
  if (a.most <= *ru && *ru < INFINITY && *rl != *ru) drop_limit(w, i, 1);
  if (a.least >= *rl && *rl > -INFINITY && *rl != *ru) drop_limit(w, i, -1);
  const bool idle = (*rl == -INFINITY && *ru == INFINITY) || w->row_count[i] == 0 || (a.least >= *rl && a.most <= *ru);
  if (idle) return presolve_remove_row(w, (presolve_step){.kind = PRESOLVE_DROP, .i = i});
  if (a.least >= *ru - FORCING * size) return force(w, i, 1);
  if (a.most <= *rl + FORCING * size) return force(w, i, -1);
  return w->row_count[i] == 1 ? bound_only_column(w, i) : presolve_tighten(w, i, finite);
}

tw_status presolve_rows(presolve_work *w) {
  for (int64_t i = 0; i < w->qp->m && *w->found == TW_RUNNING; i++)
    if (row_left(w, i)) TW_TRY(reduce_row(w, i));
  return TW_OK;
}
