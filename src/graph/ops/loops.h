/* The inner loops of element-wise ops, in builds with the same bits for plain arithmetic: a portable one, and those
 * for AVX2 with FMA and for AVX-512 (F, DQ, VL, BW), whose mathematical functions are SLEEF's vectors. */
#ifndef TALWEG_GRAPH_OPS_LOOPS_H
#define TALWEG_GRAPH_OPS_LOOPS_H

#include <talweg/array.h>

#define TW_MAX_OPERANDS 3

/* out[r * n + i] = f(in[k][r * row[k] + i * step[k]] ..) for r < rows, i < n; step[k] is 0 or 1. out may be
 * an operand of out's size. One-operand loops (copy excepted) get rows = 1 and step 1. */
typedef void tw_loop(int64_t rows, int64_t n, const void *const *in, const int64_t *row, const int64_t *step,
                     void *out);

typedef enum tw_loop_id {
#define NUMERIC(name) TW_LOOP_##name,
#define FLOATS(name) TW_LOOP_##name,
#define FUNCTION1(name) TW_LOOP_##name,
#define FUNCTION2(name) TW_LOOP_##name,
#define COMPARE(name) TW_LOOP_##name,
#define LOGIC(name) TW_LOOP_##name,
#define BYTES(name) TW_LOOP_##name,
#include "graph/ops/loops.def"
#undef NUMERIC
#undef FLOATS
#undef FUNCTION1
#undef FUNCTION2
#undef COMPARE
#undef LOGIC
#undef BYTES
  TW_LOOP_COUNT
} tw_loop_id;

typedef tw_loop *tw_loop_table[TW_LOOP_COUNT][TW_DTYPE_COUNT];
extern const tw_loop_table tw_loops_portable;
extern const tw_loop_table tw_loops_avx2, tw_loops_avx512; /* where the build has them */

/* The best loop on this machine for operands of `dtype` (of the last operand for where); NULL when there is
 * none. */
tw_loop *tw_loop_get(tw_loop_id id, tw_dtype dtype);

#endif
