/* The direct primal method of Byrd, Lu, Nocedal & Zhu (1995), section 5.1: minimises the model over the
 * variables that are free at the Cauchy point. The result is brought into the box by projection when that
 * descends (Morales & Nocedal, 2011), else by stopping at the first bound. */
#include "method/gradient/lbfgsb.h"

#include <math.h>
#include <string.h>

/* r = g + theta (cauchy - x) - W M c over the free variables, into d; M c by the factors of K. */
static void reduced_gradient(tw_lbfgsb *s) {
  double mc[2 * TW_COMPACT_PAIRS];
  memcpy(mc, s->c, sizeof mc);
  tw_compact_solve(&s->b, mc);
  for (int64_t i = 0; i < s->n; i++) {
    s->is_free[i] = tw_box_interior(&s->box, i, s->cauchy[i]);
    const double r = s->g[i] + s->b.theta * (s->cauchy[i] - s->x[i]) - tw_compact_row_dot(&s->b, i, mc);
    s->d[i] = s->is_free[i] ? r : 0;
  }
}

/* d <- -r / theta - W (K - W'ZZ'W / theta)^-1 W'r / theta^2. */
static bool newton_direction(tw_lbfgsb *s) {
  const double theta = s->b.theta;
  double v[2 * TW_COMPACT_PAIRS] = {0};
  tw_compact_transpose(&s->b, s->d, v);
  if (!tw_compact_factor(&s->b, s->is_free)) return false;
  tw_compact_solve(&s->b, v);
  for (int64_t i = 0; i < s->n; i++)
    if (s->is_free[i]) s->d[i] = -(s->d[i] + tw_compact_row_dot(&s->b, i, v) / theta) / theta;
  return true;
}

bool tw_lbfgsb_subspace(tw_lbfgsb *s) {
  reduced_gradient(s);
  if (!newton_direction(s)) return false;
  double slope = 0;
  for (int64_t i = 0; i < s->n; i++)
    slope += (tw_box_clamp(&s->box, i, s->cauchy[i] + s->d[i]) - s->x[i]) * s->g[i];
  const bool project = slope < 0;
  const double a = project ? 1 : fmin(1, tw_box_longest(&s->box, s->cauchy, s->d));
  for (int64_t i = 0; i < s->n; i++) s->d[i] = tw_box_clamp(&s->box, i, s->cauchy[i] + a * s->d[i]) - s->x[i];
  return true;
}
