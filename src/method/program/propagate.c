/* Activities of rows and the bounds that they imply; see propagate.h. */
#include "method/program/propagate.h"

enum { FRESH = 32 };            /* activities of one row: bounds only shrink, so that an older one is true too */
static const double LOST = 1e6; /* sizes of terms over what is left of them */

static void add_end(double v, double *sum, double *size, int64_t *infinite) {
  if (isfinite(v))
    *sum += v, *size += fabs(v);
  else
    ++*infinite;
}

static bool counts(const tw_bounded_rows *r, int64_t j) { return !r->columns || r->columns[j] == INT64_MAX; }

tw_activity tw_row_activity(const tw_bounded_rows *r, int64_t i, int64_t but) {
  tw_activity a = {0, 0, 0, 0, 0};
  for (int64_t k = r->at->start[i]; k < r->at->start[i + 1]; k++) {
    const int64_t j = r->at->row[k];
    const double v = r->at->value[k];
    if (v == 0 || j == but || !counts(r, j)) continue;
    add_end(v * (v > 0 ? r->l[j] : r->u[j]), &a.least, &a.size, &a.least_infinite);
    add_end(v * (v > 0 ? r->u[j] : r->l[j]), &a.most, &a.size, &a.most_infinite);
  }
  return a;
}

/* From value - (end of the others) = a x_j, end with a x_j's own one: nothing where another term is unbounded, or digits are lost. */
static bool implies(tw_implied *b, double value, double end, int64_t infinite, double own, double size) {
  if (!isfinite(value) || infinite > (isinf(own) ? 1 : 0)) return false;
  b->bound = (value - (end - (isinf(own) ? 0 : own))) / b->a + 0.0;
  b->upper = (b->a > 0) == (b->limit > 0);
  return size + fabs(value) <= LOST * fabs(b->a) * (1 + fabs(b->bound));
}

bool tw_propagate_row(const tw_bounded_rows *r, int64_t i, tw_activity activity, double rl, double ru, double pivot, tw_take_implied *take,
                      void *context) {
  int64_t fresh = 1;
  if (activity.least_infinite > 1 && activity.most_infinite > 1) return true;
  for (int64_t k = r->at->start[i]; k < r->at->start[i + 1]; k++) {
    const int64_t j = r->at->row[k];
    const double a = r->at->value[k], l = r->l[j], u = r->u[j];
    if (a == 0 || fabs(a) < pivot || !counts(r, j)) continue;
    tw_implied b = {.i = i, .j = j, .a = a, .limit = 1};
    if (implies(&b, ru, activity.least, activity.least_infinite, a * (a > 0 ? l : u), activity.size) && !take(context, &b)) return false;
    b.limit = -1;
    if (implies(&b, rl, activity.most, activity.most_infinite, a * (a > 0 ? u : l), activity.size) && !take(context, &b)) return false;
    if ((r->l[j] != l || r->u[j] != u) && fresh++ < FRESH) activity = tw_row_activity(r, i, -1);
  }
  return true;
}
