/* What the line searches share. */
#include "method/linesearch/linesearch.h"

#include <math.h>

tw_status tw_line_evaluate(tw_line *line, double alpha, tw_line_point *out) {
  out->alpha = alpha;
  line->evaluations++;
  const tw_status status = line->phi(line->context, alpha, &out->value, &out->slope);
  if (isnan(out->value) || isnan(out->slope)) out->value = INFINITY;
  return status;
}

bool tw_line_decreases(const tw_line *line, const tw_line_point *p) {
  const tw_line_point *s = &line->start;
  if (p->value < s->value && p->value <= s->value + line->c1 * p->alpha * s->slope) return true;
  return p->value <= s->value + line->noise && p->slope <= (2 * line->c1 - 1) * s->slope;
}

/* Nocedal & Wright (3.59). */
double tw_line_cubic(const tw_line_point *a, const tw_line_point *b) {
  const double width = b->alpha - a->alpha;
  const double d1 = a->slope + b->slope - 3 * (a->value - b->value) / (a->alpha - b->alpha);
  const double root = d1 * d1 - a->slope * b->slope;
  if (!(root >= 0)) return NAN;
  const double d2 = copysign(sqrt(root), width);
  return b->alpha - width * (b->slope + d2 - d1) / (b->slope - a->slope + 2 * d2);
}

tw_status tw_line_settle(tw_line *line, const tw_line_point *best, double last_alpha, tw_line_point *out,
                         tw_line_end *end) {
  *end = TW_LINE_STUCK;
  *out = *best;
  const bool lower = best->value < line->start.value;
  const bool flatter = tw_line_decreases(line, best) && fabs(best->slope) < fabs(line->start.slope);
  if (!(best->alpha > 0) || !(lower || flatter)) return TW_OK;
  *end = TW_LINE_DECREASED;
  return best->alpha == last_alpha ? TW_OK : tw_line_evaluate(line, best->alpha, out);
}

tw_status tw_line_search(tw_line_kind kind, tw_line *line, tw_line_point *out, tw_line_end *end) {
  line->evaluations = 0;
  *out = line->start;
  *end = TW_LINE_STUCK;
  if (!(line->start.slope < 0) || !(line->initial > 0) || !isfinite(line->start.value)) return TW_OK;
  if (line->initial > line->longest) line->initial = line->longest;
  switch (kind) {
  case TW_LINE_ARMIJO:
    return tw_line_armijo(line, out, end);
  case TW_LINE_WOLFE:
    return tw_line_wolfe(line, out, end);
  case TW_LINE_HAGER_ZHANG:
    break;
  }
  return tw_line_hager_zhang(line, out, end);
}
