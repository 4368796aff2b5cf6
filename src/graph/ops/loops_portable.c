/* The portable build of the loops: the system's mathematical library. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* lgamma_r: lgamma writes a global */
#endif
#include "graph/ops/loops_arithmetic.h"

/* log |Gamma(x)| without the global sign of lgamma. */
static inline double log_gamma(double x) {
  int sign;
  return lgamma_r(x, &sign);
}

/* 1 / (1 + e^-x), by the exponential that cannot overflow. */
static inline double logistic(double x) {
  const double e = exp(-fabs(x));
  return (x >= 0 ? 1 : e) / (1 + e);
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). */
static inline double soft_plus(double x) {
  return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

FLOAT_LOOPS(LOOP1, exp, exp(a))
FLOAT_LOOPS(LOOP1, expm1, expm1(a))
FLOAT_LOOPS(LOOP1, log, log(a))
FLOAT_LOOPS(LOOP1, log1p, log1p(a))
FLOAT_LOOPS(LOOP1, sin, sin(a))
FLOAT_LOOPS(LOOP1, cos, cos(a))
FLOAT_LOOPS(LOOP1, tan, tan(a))
FLOAT_LOOPS(LOOP1, asin, asin(a))
FLOAT_LOOPS(LOOP1, acos, acos(a))
FLOAT_LOOPS(LOOP1, atan, atan(a))
FLOAT_LOOPS(LOOP1, sinh, sinh(a))
FLOAT_LOOPS(LOOP1, cosh, cosh(a))
FLOAT_LOOPS(LOOP1, tanh, tanh(a))
FLOAT_LOOPS(LOOP1, sigmoid, logistic(a))
FLOAT_LOOPS(LOOP1, softplus, soft_plus(a))
FLOAT_LOOPS(LOOP1, erf, erf(a))
FLOAT_LOOPS(LOOP1, lgamma, log_gamma(a))
FLOAT_LOOPS(LOOP2, pow, pow(a, b))
FLOAT_LOOPS(LOOP2, atan2, atan2(a, b))

const tw_loop_table tw_loops_portable = {
#include "graph/ops/loops.def"
};

tw_loop *tw_loop_get(tw_loop_id id, tw_dtype dtype) {
#if defined(TALWEG_X86) && defined(TALWEG_SLEEF)
  const tw_cpu cpu = tw_cpu_features();
  if (cpu.avx512) return tw_loops_avx512[id][dtype];
  if (cpu.avx2) return tw_loops_avx2[id][dtype];
#endif
  return tw_loops_portable[id][dtype];
}
