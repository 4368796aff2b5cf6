/* Hager & Zhang, "A new conjugate gradient method with guaranteed descent and an efficient line search"
 * (2005): a bracket [a, b] with phi(a) <= phi(0) + eps, phi'(a) < 0, phi'(b) >= 0, narrowed by double secant
 * steps. The steps are named as in the paper. */
#include "method/linesearch/linesearch.h"

#include <math.h>

static const double THETA = 0.5;  /* U3: where an interval with a high end is cut */
static const double GAMMA = 0.66; /* an iteration must shrink the bracket by this, or it is bisected */
static const double RHO = 5;      /* B3: expansion while phi still falls */

typedef struct tw_bracket {
  tw_line *line;
  tw_line_point a, b;
  tw_line_point last; /* evaluated last */
  bool done;          /* last satisfies T1 or T2 */
} tw_bracket;

static bool low(const tw_bracket *k, const tw_line_point *p) {
  return p->value <= k->line->start.value + k->line->noise;
}

/* T1: Wolfe; T2: approximate Wolfe. The curvature condition is the strong one, so that a small c2 is an exact
 * search. */
static bool terminates(const tw_line *line, const tw_line_point *p) {
  return tw_line_decreases(line, p) && fabs(p->slope) <= -line->c2 * line->start.slope;
}

static tw_status probe(tw_bracket *k, double alpha, tw_line_point *p) {
  const tw_status status = tw_line_evaluate(k->line, alpha, p);
  k->last = *p;
  if (status == TW_OK && terminates(k->line, p)) k->done = true;
  return status;
}

static bool spent(const tw_bracket *k) {
  return k->done || k->line->evaluations >= k->line->max_evaluations ||
         fabs(k->b.alpha - k->a.alpha) <= 1e-15 * fabs(k->b.alpha);
}

/* U3: phi'(b) < 0 but phi(b) is high, or b is outside the domain: there is a bracket within [a, b]. */
static tw_status cut(tw_bracket *k, tw_line_point a, tw_line_point b) {
  k->a = a;
  k->b = b;
  while (!spent(k)) {
    tw_line_point d;
    const tw_status status = probe(k, (1 - THETA) * k->a.alpha + THETA * k->b.alpha, &d);
    if (status != TW_OK) return status;
    if (isfinite(d.value) && d.slope >= 0) {
      k->b = d;
      return TW_OK;
    }
    if (low(k, &d))
      k->a = d;
    else
      k->b = d;
  }
  return TW_OK;
}

/* U0-U3: narrows the bracket by the point c. */
static tw_status update(tw_bracket *k, const tw_line_point *c) {
  if (!(c->alpha > k->a.alpha && c->alpha < k->b.alpha)) return TW_OK;
  if (isfinite(c->value) && c->slope >= 0)
    k->b = *c;
  else if (low(k, c))
    k->a = *c;
  else
    return cut(k, k->a, *c);
  return TW_OK;
}

static double secant(const tw_line_point *a, const tw_line_point *b) {
  return (a->alpha * b->slope - b->alpha * a->slope) / (b->slope - a->slope);
}

static tw_status probe_and_update(tw_bracket *k, double alpha) {
  if (!(alpha > k->a.alpha && alpha < k->b.alpha) || spent(k)) return TW_OK;
  tw_line_point c;
  const tw_status status = probe(k, alpha, &c);
  return status == TW_OK && !k->done ? update(k, &c) : status;
}

/* S1-S4. */
static tw_status double_secant(tw_bracket *k) {
  const tw_line_point a = k->a, b = k->b;
  const double c = secant(&a, &b);
  const tw_status status = probe_and_update(k, c);
  if (status != TW_OK || k->done) return status;
  if (c == k->b.alpha) return probe_and_update(k, secant(&b, &k->b));
  if (c == k->a.alpha) return probe_and_update(k, secant(&a, &k->a));
  return TW_OK;
}

/* B0-B3: grows the first trial until it brackets a minimiser. *end is LONGEST when the limit is reached going
 * down. */
static tw_status bracket(tw_bracket *k, tw_line_end *end) {
  tw_line_point c, lowest = k->line->start; /* the last point with phi <= phi(0) + eps */
  double alpha = k->line->initial;
  while (!k->done && k->line->evaluations < k->line->max_evaluations) {
    const tw_status status = probe(k, alpha, &c);
    if (status != TW_OK || k->done) return status;
    if (isfinite(c.value) && c.slope >= 0) {
      k->a = lowest;
      k->b = c;
      return TW_OK;
    }
    if (!low(k, &c)) return cut(k, lowest.alpha < c.alpha ? lowest : k->line->start, c);
    lowest = c;
    if (alpha >= k->line->longest) {
      k->a = k->b = c;
      *end = TW_LINE_LONGEST;
      return TW_OK;
    }
    alpha = fmin(RHO * alpha, k->line->longest);
  }
  k->a = k->b = lowest;
  return TW_OK;
}

static tw_status narrow(tw_bracket *k) {
  while (!spent(k)) {
    const double width = k->b.alpha - k->a.alpha;
    tw_status status = double_secant(k);
    if (status == TW_OK && k->b.alpha - k->a.alpha > GAMMA * width)
      status = probe_and_update(k, 0.5 * (k->a.alpha + k->b.alpha));
    if (status != TW_OK) return status;
  }
  return TW_OK;
}

tw_status tw_line_hager_zhang(tw_line *line, tw_line_point *out, tw_line_end *end) {
  tw_bracket k = {.line = line, .a = line->start, .b = line->start};
  tw_status status = bracket(&k, end);
  if (status != TW_OK) return status;
  if (*end == TW_LINE_LONGEST && !k.done) {
    *out = k.a;
    return TW_OK;
  }
  status = narrow(&k);
  if (status != TW_OK) return status;
  *out = k.last;
  *end = TW_LINE_ACCEPTED;
  return k.done ? TW_OK : tw_line_settle(line, &k.a, k.last.alpha, out, end);
}
