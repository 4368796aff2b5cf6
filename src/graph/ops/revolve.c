/* The schedule of revolve.h.
 *
 * Let p(l, c) be the least number of evaluations that reverse l steps when the first of their states is kept
 * in one of c slots. The first advance goes m steps to a state that is kept too; the l-m steps behind it are
 * reversed with the c-1 slots that are left, then the m steps before it with all c: p(l, c) = min over m of
 * m + p(l-m, c-1) + p(m, c),   p(1, c) = 0,   p(l, 1) = l (l-1) / 2. p(., c) is convex and piecewise linear
 * with slope t on [beta(c, t-1), beta(c, t)], so m is best where beta(c, t-2) <= m <= beta(c, t-1)   and
 * beta(c-1, t-1) <= l-m <= beta(c-1, t). */
#include "graph/ops/revolve.h"

/* a b / d for a product that d divides; INT64_MAX when too large. */
static int64_t ratio(int64_t a, int64_t b, int64_t d) {
  int64_t whole, rest, sum;
  if (__builtin_mul_overflow(a / d, b, &whole) || __builtin_mul_overflow(a % d, b, &rest) ||
      __builtin_add_overflow(whole, rest / d, &sum))
    return INT64_MAX;
  return sum;
}

/* The least t with l <= beta(c, t), and beta(c, t-1) (0 for t = 0). */
static int64_t repetitions(int64_t l, int64_t c, int64_t *before) {
  int64_t t = 0, range = 1;
  if (c == 1 && l > 1) return *before = l - 1; /* beta(1, t) = t + 1 */
  for (*before = 0; range < l; range = ratio(range, c + t, t)) {
    *before = range;
    t++;
  }
  return t;
}

/* The longest best first advance on l >= 2 steps: min(beta(c, t-1), l - beta(c-1, t-1)). */
static int64_t first_advance(int64_t l, int64_t c) {
  int64_t range, t = repetitions(l, c, &range);
  int64_t rest = l - ratio(range, c, c + t - 1);
  return range < rest ? range : rest;
}

void tw_revolve_begin(tw_revolve *r, int64_t n, int64_t slots, int64_t *at) {
  *r = (tw_revolve){.slots = slots, .used = 1, .position = 0, .end = n, .at = at};
  at[0] = 0;
}

tw_revolve_action tw_revolve_next(tw_revolve *r) {
  if (r->end == 0) return (tw_revolve_action){.kind = TW_REVOLVE_DONE};
  if (r->position == r->end - 1) {
    r->end--;
    return (tw_revolve_action){.kind = TW_REVOLVE_REVERSE, .from = r->end};
  }
  if (r->position >= r->end) { /* the state at hand has had its use */
    while (r->at[r->used - 1] >= r->end) r->used--;
    r->position = r->at[r->used - 1];
    return (tw_revolve_action){.kind = TW_REVOLVE_RESTORE, .slot = r->used - 1};
  }
  tw_revolve_action advance = {.kind = TW_REVOLVE_ADVANCE, .from = r->position, .slot = -1};
  r->position += first_advance(r->end - r->position, r->slots - r->used + 1);
  advance.to = r->position;
  if (r->position < r->end - 1) {
    advance.slot = r->used++;
    r->at[advance.slot] = r->position;
  }
  return advance;
}

double tw_revolve_evaluations(int64_t n, int64_t slots) {
  if (n <= 1) return 0;
  int64_t range, t = repetitions(n, slots, &range);
  return (double)t * (double)n - (double)range * (double)(slots + t) / (double)(slots + 1);
}
