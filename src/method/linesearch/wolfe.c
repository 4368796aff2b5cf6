/* Strong Wolfe conditions by bracketing and zoom: Nocedal & Wright (2006), algorithms 3.5 and 3.6, with cubic
 * steps safeguarded to the middle of the bracket. Values that differ by less than the noise are told apart by
 * their slopes. */
#include "method/linesearch/linesearch.h"

#include <math.h>

static bool curvature(const tw_line *line, const tw_line_point *p) {
  return fabs(p->slope) <= -line->c2 * line->start.slope;
}

static bool above(const tw_line *line, const tw_line_point *p, const tw_line_point *q) {
  return p->value > q->value + line->noise;
}

/* Inside the bracket, at least a tenth of its width from either end; the middle when the cubic says nothing.
 */
static double inside(const tw_line_point *lo, const tw_line_point *hi) {
  const double low = fmin(lo->alpha, hi->alpha), width = fabs(hi->alpha - lo->alpha);
  const double cubic = isfinite(hi->value) ? tw_line_cubic(lo, hi) : NAN;
  if (!isfinite(cubic)) return low + 0.5 * width;
  return fmin(fmax(cubic, low + 0.1 * width), low + 0.9 * width);
}

/* lo decreases sufficiently and has the lower value; phi'(lo) (hi - lo) < 0. */
static tw_status zoom(tw_line *line, tw_line_point lo, tw_line_point hi, double last_alpha,
                      tw_line_point *out, tw_line_end *end) {
  while (line->evaluations < line->max_evaluations &&
         fabs(hi.alpha - lo.alpha) > 1e-15 * fmax(fabs(hi.alpha), fabs(lo.alpha))) {
    tw_line_point t;
    const tw_status status = tw_line_evaluate(line, inside(&lo, &hi), &t);
    if (status != TW_OK) return status;
    last_alpha = t.alpha;
    if (!tw_line_decreases(line, &t) || above(line, &t, &lo)) {
      hi = t;
      continue;
    }
    if (curvature(line, &t)) {
      *out = t;
      *end = TW_LINE_ACCEPTED;
      return TW_OK;
    }
    if (t.slope * (hi.alpha - lo.alpha) >= 0) hi = lo;
    lo = t;
  }
  return tw_line_settle(line, &lo, last_alpha, out, end);
}

/* Beyond p, between twice and ten times as far. */
static double outside(const tw_line *line, const tw_line_point *before, const tw_line_point *p) {
  const double cubic = tw_line_cubic(before, p);
  const double alpha = cubic > p->alpha ? fmin(fmax(cubic, 2 * p->alpha), 10 * p->alpha) : 10 * p->alpha;
  return fmin(alpha, line->longest);
}

tw_status tw_line_wolfe(tw_line *line, tw_line_point *out, tw_line_end *end) {
  tw_line_point before = line->start, p;
  double alpha = line->initial;
  while (line->evaluations < line->max_evaluations) {
    const tw_status status = tw_line_evaluate(line, alpha, &p);
    if (status != TW_OK) return status;
    if (!tw_line_decreases(line, &p) || (before.alpha > 0 && above(line, &p, &before)))
      return zoom(line, before, p, p.alpha, out, end);
    *out = p;
    *end = curvature(line, &p) ? TW_LINE_ACCEPTED : TW_LINE_LONGEST;
    if (*end == TW_LINE_ACCEPTED) return TW_OK;
    if (p.slope >= 0) return zoom(line, p, before, p.alpha, out, end);
    if (alpha >= line->longest) return TW_OK;
    alpha = outside(line, &before, &p);
    before = p;
  }
  return tw_line_settle(line, &before, before.alpha, out, end);
}
