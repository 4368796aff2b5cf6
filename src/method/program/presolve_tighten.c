/* Bounds of variables that rows imply (propagate.h). Those of integers are rounded and stay; the others serve to find rows that are
 * redundant or forcing (presolve_work.h), because an interior point has no use for bounds that press together with rows. */
#include "method/program/presolve_work.h"

enum { COUNTED = 3 }; /* passes in which a new bound counts as a change */
static const double WORTH = 1e-3, LARGEST = 1e8;

static void set_bound(presolve_work *w, int64_t j, bool upper, double bound) {
  double *t = upper ? &w->tu[j] : &w->tl[j];
  *t = bound;
  if (w->tl[j] > w->tu[j]) *t = upper ? w->tl[j] : w->tu[j]; /* by rounding: the row's activity was looked at */
}

static void take_integer(presolve_work *w, int64_t j, bool upper, double bound) {
  bound = tw_whole_bound(bound, upper);
  if (upper ? bound >= w->tu[j] : bound <= w->tl[j]) return;
  if (upper ? bound < w->tl[j] : bound > w->tu[j]) *w->found = TW_INFEASIBLE;
  *(upper ? &w->tu[j] : &w->tl[j]) = *(upper ? &w->u[j] : &w->l[j]) = bound;
  w->changes++;
}

static tw_status take_continuous(presolve_work *w, const tw_implied *b) {
  const int64_t i = b->i, j = b->j;
  const double old = b->upper ? w->tu[j] : w->tl[j], range = w->tu[j] - w->tl[j], gain = b->upper ? old - b->bound : b->bound - old;
  if (!(gain > WORTH * (isfinite(range) ? fmax(range, 1e-6) : fmax(1, fabs(b->bound))))) return TW_OK;
  const int64_t counted = w->changes + (w->pass < COUNTED);
  const presolve_step step = {.kind = PRESOLVE_TIGHTEN, .i = i, .j = j, .a = b->a, .value = b->bound, .cost = old,
                              .side = b->upper ? 1 : -1, .upper_moved = b->limit > 0, .next = w->tightened[i]};
  w->tightened[i] = w->s->steps;
  TW_TRY(presolve_record(w, step));
  set_bound(w, j, b->upper, b->bound);
  w->s->step[w->s->steps - 1].value = b->upper ? w->tu[j] : w->tl[j];
  w->changes = counted;
  return TW_OK;
}

typedef struct taking {
  presolve_work *w;
  tw_status status;
} taking;

static bool take(void *context, const tw_implied *b) {
  taking *t = context;
  if (fabs(b->bound) > LARGEST) return true;
  if (is_integer(t->w, b->j))
    take_integer(t->w, b->j, b->upper, b->bound);
  else
    t->status = take_continuous(t->w, b);
  return t->status == TW_OK && *t->w->found == TW_RUNNING;
}

tw_status presolve_tighten(presolve_work *w, int64_t i, tw_activity activity) {
  const tw_bounded_rows rows = {&w->s->at, w->tl, w->tu, w->s->column_step};
  taking t = {w, TW_OK};
  tw_propagate_row(&rows, i, activity, w->rl[i], w->ru[i], PRESOLVE_PIVOT * presolve_largest_in_row(w, i), take, &t);
  return t.status;
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
