/* Rows: infeasible, empty, redundant, forcing, of one entry. Their activity is bounded by the bounds of their columns. */
#include "method/program/presolve_work.h"

static const double FEASIBLE = 1e-9, FORCING = 1e-12; /* relative to the sizes of the terms */

typedef struct activity {
  double least, most, size;
} activity;

static activity bound_activity(const presolve_work *w, int64_t i) {
  const tw_csc *at = &w->s->at;
  activity a = {0, 0, 0};
  for (int64_t k = at->start[i]; k < at->start[i + 1]; k++) {
    const int64_t j = at->row[k];
    const double v = at->value[k];
    if (v == 0 || !column_left(w, j)) continue;
    const double low = v * (v > 0 ? w->l[j] : w->u[j]), high = v * (v > 0 ? w->u[j] : w->l[j]);
    a.least += low, a.most += high;
    if (isfinite(low)) a.size += fabs(low);
    if (isfinite(high)) a.size += fabs(high);
  }
  return a;
}

/* All columns of a forcing row go to the bounds that give its least (side 1) or largest activity. */
static tw_status force(presolve_work *w, int64_t i, int side) {
  const tw_csc *at = &w->s->at;
  TW_TRY(presolve_remove_row(w, (presolve_step){.kind = PRESOLVE_FORCING, .i = i, .side = side}));
  for (int64_t k = at->start[i]; k < at->start[i + 1]; k++) {
    const int64_t j = at->row[k];
    if (at->value[k] == 0 || !column_left(w, j)) continue;
    TW_TRY(presolve_fix(w, j, (at->value[k] > 0) == (side > 0) ? w->l[j] : w->u[j]));
  }
  return TW_OK;
}

/* rl <= a x_j <= ru as bounds. */
static tw_status tighten(presolve_work *w, int64_t i) {
  double a;
  const int64_t j = presolve_only_column(w, i, &a);
  const double low = (a > 0 ? w->rl[i] : w->ru[i]) / a, high = (a > 0 ? w->ru[i] : w->rl[i]) / a;
  presolve_step step = {.kind = PRESOLVE_SINGLETON, .i = i, .j = j, .a = a, .lower_moved = low > w->l[j], .upper_moved = high < w->u[j]};
  if (step.lower_moved) w->l[j] = low;
  if (step.upper_moved) w->u[j] = high;
  if (w->l[j] > w->u[j]) *(step.lower_moved ? &w->l[j] : &w->u[j]) = step.lower_moved ? w->u[j] : w->l[j]; /* by rounding errors */
  return presolve_remove_row(w, step);
}

static tw_status reduce_row(presolve_work *w, int64_t i) {
  double *rl = &w->rl[i], *ru = &w->ru[i];
  const activity a = bound_activity(w, i);
  const double size = 1 + a.size;
  if (a.least > *ru + FEASIBLE * (size + fabs(*ru)) || a.most < *rl - FEASIBLE * (size + fabs(*rl))) {
    w->s->found = TW_INFEASIBLE;
    w->s->contradiction = i;
    w->s->side = a.least > *ru ? 1 : -1;
    return TW_OK;
  }
  if (a.most <= *ru && *ru < INFINITY && *rl != *ru) *ru = INFINITY, w->changes++;
  if (a.least >= *rl && *rl > -INFINITY && *rl != *ru) *rl = -INFINITY, w->changes++;
  const bool idle = (*rl == -INFINITY && *ru == INFINITY) || w->row_count[i] == 0 || (a.least >= *rl && a.most <= *ru);
  if (idle) return presolve_remove_row(w, (presolve_step){.kind = PRESOLVE_DROP, .i = i});
  if (a.least >= *ru - FORCING * size) return force(w, i, 1);
  if (a.most <= *rl + FORCING * size) return force(w, i, -1);
  return w->row_count[i] == 1 ? tighten(w, i) : TW_OK;
}

tw_status presolve_rows(presolve_work *w) {
  for (int64_t i = 0; i < w->qp->m && w->s->found == TW_RUNNING; i++)
    if (row_left(w, i)) TW_TRY(reduce_row(w, i));
  return TW_OK;
}
