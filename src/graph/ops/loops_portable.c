/* The portable build of the loops: the system's mathematical library. */
#include "graph/ops/loops_arithmetic.h"

const tw_loop_table tw_loops_portable = {
#include "graph/ops/loops.def"
};

#define EXP_SUM(T, suffix, function)                                                                         \
  static double exp_sum_##suffix(int64_t n, const void *in, double shift, void *out) {                       \
    const T *x = in;                                                                                         \
    T *z = out;                                                                                              \
    double sum = 0;                                                                                          \
    for (int64_t i = 0; i < n; i++) sum += (double)(z[i] = function(x[i] - (T)shift));                       \
    return sum;                                                                                              \
  }
EXP_SUM(double, f64, exp)
EXP_SUM(float, f32, expf)
tw_exp_sum *const tw_exp_sums_portable[2] = {exp_sum_f64, exp_sum_f32};

tw_loop *tw_loop_get(tw_loop_id id, tw_dtype dtype) {
#if defined(TALWEG_X86) && defined(TALWEG_SLEEF)
  const tw_cpu cpu = tw_cpu_features();
  if (cpu.avx512) return tw_loops_avx512[id][dtype];
  if (cpu.avx2) return tw_loops_avx2[id][dtype];
#endif
  return tw_loops_portable[id][dtype];
}

tw_exp_sum *tw_exp_sum_get(tw_dtype dtype) {
  const int i = dtype == TW_F32;
#if defined(TALWEG_X86) && defined(TALWEG_SLEEF)
  const tw_cpu cpu = tw_cpu_features();
  if (cpu.avx512) return tw_exp_sums_avx512[i];
  if (cpu.avx2) return tw_exp_sums_avx2[i];
#endif
  return tw_exp_sums_portable[i];
}
