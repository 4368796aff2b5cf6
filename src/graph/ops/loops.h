/* The inner loops of element-wise ops, in builds with the same bits for plain arithmetic: a portable one, and those
 * for AVX2 with FMA and for AVX-512 (F, DQ, VL, BW), whose mathematical functions are SLEEF's vectors and
 * own ones (loops_exp_log1p.h). */
#ifndef TALWEG_GRAPH_OPS_LOOPS_H
#define TALWEG_GRAPH_OPS_LOOPS_H

#include <talweg/graph.h>

#define TW_MAX_OPERANDS 3

typedef enum tw_loop_id {
#define NUMERIC1(name, real, whole) TW_LOOP_##name,
#define NUMERIC2(name, real, whole) TW_LOOP_##name,
#define SLOW2(name, real, whole) TW_LOOP_##name,
#define FLOATS1(name, real) TW_LOOP_##name,
#define FLOATS2(name, real) TW_LOOP_##name,
#define TEST1(name, real) TW_LOOP_##name,
#define FUNCTION1(name, real) TW_LOOP_##name,
#define FUNCTION2(name, real) TW_LOOP_##name,
#define COMPARE2(name, test) TW_LOOP_##name,
#define LOGIC1(name, test) TW_LOOP_##name,
#define LOGIC2(name, test) TW_LOOP_##name,
#define BYTES(name) TW_LOOP_##name,
#include "graph/ops/loops.def"
  TW_LOOP_COUNT
} tw_loop_id;

/* out[i] = e^(x[i] - shift) for i < n <= TW_EXP_SUM_MOST, and their sum; x may be out. The exponentials are those of the loop exp. */
enum { TW_EXP_SUM_MOST = 1024 };
typedef double tw_exp_sum(int64_t n, const void *x, double shift, void *out);

/* A build: its loops by op and dtype of the operands (of the last operand for where), NULL where there is none. */
typedef struct tw_loops {
  const char *name;
  tw_loop *loop[TW_LOOP_COUNT][TW_DTYPE_COUNT];
  tw_exp_sum *exp_sum[2]; /* f64, f32 */
} tw_loops;
extern const tw_loops tw_loops_portable, tw_loops_avx2, tw_loops_avx512; /* where the library has them */
const tw_loops *tw_loops_for(tw_cpu cpu);                                /* the best one for such a processor */

/* Of the best build on this machine: a loop or NULL; the sum for f64 or f32. */
tw_loop *tw_loop_get(tw_loop_id id, tw_dtype dtype);
tw_exp_sum *tw_exp_sum_get(tw_dtype dtype);

#endif
