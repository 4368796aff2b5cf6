/* Backtracking (Armijo, 1966) with the interpolation of Dennis & Schnabel (1983): quadratic through phi(0),
 * phi'(0) and the last trial, kept in [0.1, 0.5] of it. Values alone are asked for until one is accepted. */
#include "method/linesearch/linesearch.h"

#include <math.h>

static double backtracked(const tw_line *line, const tw_line_point *p) {
  const double a = p->alpha, slope = line->start.slope;
  const double excess =
      p->value - line->start.value - slope * a; /* a^2 times half the quadratic's curvature */
  const double minimizer = isfinite(excess) && excess > 0 ? -slope * a * a / (2 * excess) : 0.1 * a;
  return fmin(fmax(minimizer, 0.1 * a), 0.5 * a);
}

tw_status tw_line_armijo(tw_line *line, tw_line_point *out, tw_line_end *end) {
  tw_line_point p = {.alpha = line->initial};
  while (line->evaluations < line->max_evaluations && p.alpha > 0) {
    line->evaluations++;
    tw_status status = line->phi(line->context, p.alpha, &p.value, NULL);
    if (status != TW_OK) return status;
    const bool lower = p.value <= line->start.value + line->c1 * p.alpha * line->start.slope;
    if (lower || p.value <= line->start.value + line->noise) {
      status = tw_line_evaluate(line, p.alpha, out);
      if (status != TW_OK) return status;
      if (tw_line_decreases(line, out)) {
        *end = out->alpha >= line->longest ? TW_LINE_LONGEST : TW_LINE_ACCEPTED;
        return TW_OK;
      }
    }
    p.alpha = backtracked(line, &p);
  }
  *end = TW_LINE_STUCK;
  return TW_OK;
}
