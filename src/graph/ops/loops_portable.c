/* The portable build of the loops: the system's mathematical library. */
#include "graph/ops/loops_arithmetic.h"

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
