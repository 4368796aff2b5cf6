/* The portable build of the loops: the system's mathematical library. */
#include "graph/ops/loops_arithmetic.h"

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

const tw_loops tw_loops_portable = {
    .name = "portable",
    .exp_sum = {exp_sum_f64, exp_sum_f32},
    .loop =
        {
#include "graph/ops/loops.def"
        },
};

const tw_loops *tw_loops_for(tw_cpu cpu) {
#if defined(TALWEG_X86) && defined(TALWEG_SLEEF)
  if (cpu.avx512) return &tw_loops_avx512;
  if (cpu.avx2) return &tw_loops_avx2;
#endif
  (void)cpu;
  return &tw_loops_portable;
}

tw_loop *tw_loop_get(tw_loop_id id, tw_dtype dtype) {
  return tw_loops_for(tw_cpu_features())->loop[id][dtype];
}

tw_exp_sum *tw_exp_sum_get(tw_dtype dtype) {
  return tw_loops_for(tw_cpu_features())->exp_sum[dtype == TW_F32];
}
