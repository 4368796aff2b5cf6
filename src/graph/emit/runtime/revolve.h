/* The schedule of src/graph/ops/revolve.h: part of the library, and of the C that it writes. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_REVOLVE_H
#define TALWEG_GRAPH_EMIT_RUNTIME_REVOLVE_H
#include <stdint.h>

/* a b / d for positive numbers and a product that d divides; INT64_MAX when too large. */
static inline int64_t rt_ratio(int64_t a, int64_t b, int64_t d) {
  if (a / d > INT64_MAX / b || a % d > INT64_MAX / b) return INT64_MAX;
  const int64_t whole = a / d * b, rest = a % d * b / d;
  return whole > INT64_MAX - rest ? INT64_MAX : whole + rest;
}

/* The least t with l <= beta(c, t), and beta(c, t-1) (0 for t = 0). */
static inline int64_t rt_repetitions(int64_t l, int64_t c, int64_t *before) {
  int64_t t = 0, range = 1;
  if (c == 1 && l > 1) return *before = l - 1; /* beta(1, t) = t + 1 */
  for (*before = 0; range < l; range = rt_ratio(range, c + t, t)) {
    *before = range;
    t++;
  }
  return t;
}

/* The longest best first advance on l >= 2 steps: min(beta(c, t-1), l - beta(c-1, t-1)). */
static inline int64_t rt_first_advance(int64_t l, int64_t c) {
  int64_t range;
  const int64_t t = rt_repetitions(l, c, &range), rest = l - rt_ratio(range, c, c + t - 1);
  return range < rest ? range : rest;
}

/* What to do next: 0, advance from step *from to state *to, which goes to *slot unless that is -1; 1, restore
 * *slot; 2, reverse step *from; 3, done. at [slots]: which state each holds; *used of them, 1 at first;
 * *position of the state at hand, 0 at first; steps *end and later are reversed. */
static inline int rt_revolve(int64_t slots, int64_t *used, int64_t *position, int64_t *end, int64_t *at,
                             int64_t *from, int64_t *to, int64_t *slot) {
  *from = *position;
  *to = *slot = 0;
  if (*end == 0) return 3;
  if (*position == *end - 1) {
    *from = --*end;
    return 2;
  }
  if (*position >= *end) { /* the state at hand has had its use */
    while (at[*used - 1] >= *end) --*used;
    *position = at[*used - 1];
    *slot = *used - 1;
    return 1;
  }
  *position += rt_first_advance(*end - *position, slots - *used + 1);
  *to = *position;
  *slot = -1;
  if (*position < *end - 1) {
    *slot = (*used)++;
    at[*slot] = *position;
  }
  return 0;
}

#endif
