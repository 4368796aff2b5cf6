/* What the processor of this machine can do; kernels with variants choose by it. */
#include <talweg/base.h>

tw_cpu tw_cpu_features(void) {
  tw_cpu cpu = {0};
#if defined(__x86_64__) || defined(__i386__)
  __builtin_cpu_init(); /* which also asks whether the system saves the registers */
  cpu.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  cpu.avx512 = cpu.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
#endif
  return cpu;
}
