/* Compensated sums: s is the sum so far, r what its additions lost (Neumaier 1974). */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_SUM_H
#define TALWEG_GRAPH_EMIT_RUNTIME_SUM_H
typedef double real;

static inline void rt_add_T(real *s, real *r, real x) {
  const real t = *s + x;
  *r += (*s < 0 ? -*s : *s) >= (x < 0 ? -x : x) ? (*s - t) + x : (x - t) + *s;
  *s = t;
}

static inline real rt_total_T(real s, real r) {
  return r == r ? s + r : s; /* NaN: an infinite sum needs no correction */
}

#endif
