/* Compensated sums: s is the sum so far, r what its additions lost (Neumaier 1974), which takes no comparison (Knuth, The Art
 * of Computer Programming 2, section 4.2.2). */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_SUM_H
#define TALWEG_GRAPH_EMIT_RUNTIME_SUM_H
typedef double real;

static inline void rt_add_T(real *s, real *r, real x) {
  const real t = *s + x, z = t - *s;
  *r += (*s - (t - z)) + (x - z);
  *s = t;
}

static inline real rt_total_T(real s, real r) {
  return r == r ? s + r : s; /* NaN: an infinite sum needs no correction */
}

#endif
