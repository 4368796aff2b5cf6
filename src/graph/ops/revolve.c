/* The schedule of revolve.h.
 *
 * Let p(l, c) be the least number of evaluations that reverse l steps when the first of their states is kept
 * in one of c slots. The first advance goes m steps to a state that is kept too; the l-m steps behind it are
 * reversed with the c-1 slots that are left, then the m steps before it with all c: p(l, c) = min over m of
 * m + p(l-m, c-1) + p(m, c),   p(1, c) = 0,   p(l, 1) = l (l-1) / 2. p(., c) is convex and piecewise linear
 * with slope t on [beta(c, t-1), beta(c, t)], so m is best where beta(c, t-2) <= m <= beta(c, t-1)   and
 * beta(c-1, t-1) <= l-m <= beta(c-1, t). */
#include "graph/ops/revolve.h"
#include "graph/emit/runtime/revolve.h"

void tw_revolve_begin(tw_revolve *r, int64_t n, int64_t slots, int64_t *at) {
  *r = (tw_revolve){.slots = slots, .used = 1, .position = 0, .end = n, .at = at};
  at[0] = 0;
}

tw_revolve_action tw_revolve_next(tw_revolve *r) {
  tw_revolve_action next;
  next.kind = (tw_revolve_kind)rt_revolve(r->slots, &r->used, &r->position, &r->end, r->at, &next.from, &next.to, &next.slot);
  return next;
}

double tw_revolve_evaluations(int64_t n, int64_t slots) {
  if (n <= 1) return 0;
  int64_t range, t = rt_repetitions(n, slots, &range);
  return (double)t * (double)n - (double)range * (double)(slots + t) / (double)(slots + 1);
}
