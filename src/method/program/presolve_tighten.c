/* Bounds of variables that rows imply (Brearley, Mitra & Williams 1975; Savelsbergh 1994): of rl <= a_j x_j + rest <= ru, the bounds of
 * the rest leave x_j <= (ru - least of the rest) / a_j, and so on. Those of integers are rounded and stay; the others serve to find
 * rows that are redundant or forcing (presolve_work.h), because an interior point has no use for bounds that press together with rows. */
#include "method/program/presolve_work.h"

enum { COUNTED = 3 }; /* passes in which a new bound counts as a change */
static const double WORTH = 1e-3, LARGEST = 1e8, INTEGRAL = 1e-6;
static const double LOST = 1e6; /* sizes of terms over what is left of them */

static void set_bound(presolve_work *w, int64_t j, bool upper, double bound) {
  double *t = upper ? &w->tu[j] : &w->tl[j];
  *t = bound;
  if (w->tl[j] > w->tu[j]) *t = upper ? w->tl[j] : w->tu[j]; /* by rounding: the row's activity was looked at */
}

static void take_integer(presolve_work *w, int64_t j, bool upper, double bound) {
  const double slack = INTEGRAL * fmax(1, fabs(bound));
  bound = upper ? floor(bound + slack) + 0.0 : ceil(bound - slack) + 0.0;
  if (upper ? bound >= w->tu[j] : bound <= w->tl[j]) return;
  if (upper ? bound < w->tl[j] : bound > w->tu[j]) *w->found = TW_INFEASIBLE;
  *(upper ? &w->tu[j] : &w->tl[j]) = *(upper ? &w->u[j] : &w->l[j]) = bound;
  w->changes++;
}

/* limit: 1 the row's upper one, -1 its lower one. */
static tw_status imply(presolve_work *w, int64_t i, int64_t j, double a, int limit, bool upper, double bound) {
  const double old = upper ? w->tu[j] : w->tl[j], range = w->tu[j] - w->tl[j];
  if (fabs(bound) > LARGEST) return TW_OK;
  if (is_integer(w, j)) {
    take_integer(w, j, upper, bound);
    return TW_OK;
  }
  const double gain = upper ? old - bound : bound - old, least = WORTH * (isfinite(range) ? fmax(range, 1e-6) : fmax(1, fabs(bound)));
  if (!(gain > least)) return TW_OK;
  const int64_t counted = w->changes + (w->pass < COUNTED);
  const presolve_step step = {.kind = PRESOLVE_TIGHTEN, .i = i, .j = j, .a = a, .value = bound, .cost = old, .side = upper ? 1 : -1,
                              .upper_moved = limit > 0, .next = w->tightened[i]};
  w->tightened[i] = w->s->steps;
  TW_TRY(presolve_record(w, step));
  set_bound(w, j, upper, bound);
  w->s->step[w->s->steps - 1].value = upper ? w->tu[j] : w->tl[j];
  w->changes = counted;
  return TW_OK;
}

/* From limit - (end of the others) = a x_j: nothing where another term is unbounded, or digits are lost. */
static tw_status imply_by(presolve_work *w, int64_t i, int64_t j, double a, int limit, double end, int64_t infinite, double own,
                          double size) {
  const double value = limit > 0 ? w->ru[i] : w->rl[i];
  if (!isfinite(value) || infinite > (isinf(own) ? 1 : 0)) return TW_OK;
  const double bound = (value - (end - (isinf(own) ? 0 : own))) / a;
  if (size + fabs(value) > LOST * fabs(a) * (1 + fabs(bound))) return TW_OK;
  return imply(w, i, j, a, limit, (a > 0) == (limit > 0), bound + 0.0);
}

tw_status presolve_tighten(presolve_work *w, int64_t i) {
  const tw_csc *at = &w->s->at;
  presolve_activity sum = presolve_bound_activity(w, i, w->tl, w->tu, -1);
  const double pivot = PRESOLVE_PIVOT * presolve_largest_in_row(w, i);
  if (sum.least_infinite > 1 && sum.most_infinite > 1) return TW_OK;
  for (int64_t k = at->start[i]; k < at->start[i + 1] && *w->found == TW_RUNNING; k++) {
    const int64_t j = at->row[k], before = w->s->steps;
    const double a = at->value[k];
    if (a == 0 || fabs(a) < pivot || !column_left(w, j)) continue;
    TW_TRY(imply_by(w, i, j, a, 1, sum.least, sum.least_infinite, a * (a > 0 ? w->tl[j] : w->tu[j]), sum.size));
    TW_TRY(imply_by(w, i, j, a, -1, sum.most, sum.most_infinite, a * (a > 0 ? w->tu[j] : w->tl[j]), sum.size));
    if (w->s->steps > before || is_integer(w, j)) sum = presolve_bound_activity(w, i, w->tl, w->tu, -1);
  }
  return TW_OK;
}

void presolve_promote(presolve_work *w, int64_t i, int side) {
  int64_t *at = &w->tightened[i];
  while (*at >= 0) {
    const int64_t t = *at;
    presolve_step *e = &w->s->step[t];
    if (side != 0 && e->upper_moved != (side > 0)) {
      at = &e->next;
      continue;
    }
    if (column_left(w, e->j) && t >= w->joined[e->j]) {
      if (e->side > 0) w->u[e->j] = fmin(w->u[e->j], e->value);
      if (e->side < 0) w->l[e->j] = fmax(w->l[e->j], e->value);
    }
    *at = e->next;
  }
}
