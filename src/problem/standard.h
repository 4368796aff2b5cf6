/* Building standard test problems over one vector of unknowns x. */
#ifndef TALWEG_PROBLEM_STANDARD_H
#define TALWEG_PROBLEM_STANDARD_H

#include <talweg/problem.h>

#define X(name, source, default_n, optimum) tw_status tw_standard_##name(tw_problem *p, int64_t n);
#include "problem/standard.def"
#undef X

/* States the unknowns x [dimension] with their start; n is 0 or the dimension. TW_NONE with the graph's error
 * set. */
tw_expr tw_standard_fixed(tw_problem *p, int64_t n, int64_t dimension, const double *start);
/* States the unknowns x [n], n = 0: `otherwise`; n is a positive multiple of `multiple`. */
tw_expr tw_standard_sized(tw_problem *p, int64_t n, int64_t otherwise, int64_t multiple);
/* Starts at `pattern` (of `length` entries) repeated. */
void tw_standard_start(tw_problem *p, tw_expr x, int64_t length, const double *pattern);
/* States the objective; the status of all that was stated. */
tw_status tw_standard_minimize(tw_problem *p, tw_expr objective);

/* A constant vector of x's graph. */
tw_expr tw_standard_vector(tw_expr x, int64_t n, const double *value);
/* sum r_i^2 of scalars. */
tw_expr tw_standard_squares(int n, const tw_expr *r);

/* Short names for the formulas. Of no expression none. */
static inline tw_expr plus(tw_expr e, double c) {
  return tw_is_none(e) ? e : tw_add(e, tw_scalar(e.graph, c));
}
static inline tw_expr at(tw_expr x, int64_t i) {
  return tw_squeeze(tw_slice(x, 0, i, 1, 1), 0);
}
static inline tw_expr total(tw_expr e) {
  return tw_sum(e, TW_ALL, false);
}
static inline tw_expr linear(tw_expr x, const double *a, double c) { /* a'x + c */
  return plus(tw_matmul(tw_standard_vector(x, tw_size_of(x), a), x), c);
}

/* The index of a loop, k + shift as a number, and x[factor k + shift]. */
static inline tw_expr loop_index(tw_expr x) {
  return tw_is_none(x) ? x : tw_input(x.graph, "i", TW_I64, TW_SCALAR);
}
static inline tw_expr real(tw_expr k, double shift) {
  return plus(tw_cast(k, TW_F64), shift);
}
static inline tw_expr entry(tw_expr x, tw_expr k, int64_t factor, int64_t shift) {
  if (tw_is_none(x)) return x;
  tw_expr i = tw_add(tw_mul(k, tw_integer(x.graph, factor)), tw_integer(x.graph, shift));
  return tw_take(x, 1, &i);
}

#endif
