/* The own vector loops of exp and log1p beside SLEEF's, on 4096 numbers in the cache. This file is compiled for AVX2. */
#include "bench.h"

#ifdef BENCH_AVX2
#include <immintrin.h>
#include <sleef.h>

enum { N = 4096 };

typedef struct sweep {
  const void *from;
  void *to;
} sweep;

#define SWEEP(name, real, lanes, load, store, function) \
  static int name(void *s_) { \
    const sweep *s = s_; \
    for (int i = 0; i < N; i += lanes) store((real *)s->to + i, function(load((const real *)s->from + i))); \
    return 0; \
  }
SWEEP(sleef_exp_f64, double, 4, _mm256_loadu_pd, _mm256_storeu_pd, Sleef_expd4_u10avx2)
SWEEP(sleef_exp_f32, float, 8, _mm256_loadu_ps, _mm256_storeu_ps, Sleef_expf8_u10avx2)
SWEEP(sleef_log1p_f64, double, 4, _mm256_loadu_pd, _mm256_storeu_pd, Sleef_log1pd4_u10avx2)
SWEEP(sleef_log1p_f32, float, 8, _mm256_loadu_ps, _mm256_storeu_ps, Sleef_log1pf8_u10avx2)

static int function(const char *name, tw_expr (*build)(tw_expr x), tw_dtype dtype, int (*peer)(void *sweep)) {
  static double from[N], to[N];
  for (int i = 0; i < N; i++) {
    const double u = 4 * tw_random_uniform(5, (uint64_t)i);
    if (dtype == TW_F64)
      from[i] = u;
    else
      ((float *)from)[i] = (float)u;
  }
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", dtype, TW_SHAPE(N)), y = build(x);
  bench_fn fn = {.in = {from}, .out = {to}};
  if (bench_fn_open(&fn, 1, &x, 1, &y, (tw_exec){.threads = 1, .jit = TW_JIT_OFF})) return bench_fail(name);
  int bad = bench_time(name, "talweg", 1, 0.5, bench_fn_call, &fn);
  bad |= bench_time(name, "SLEEF", 1, 0.5, peer, &(sweep){from, to});
  bench_fn_close(&fn);
  tw_graph_free(g);
  return bad;
}

int bench_functions(void) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
  return function("exp f64", tw_exp, TW_F64, sleef_exp_f64) | function("exp f32", tw_exp, TW_F32, sleef_exp_f32) |
         function("log1p f64", tw_log1p, TW_F64, sleef_log1p_f64) | function("log1p f32", tw_log1p, TW_F32, sleef_log1p_f32);
}
#else
int bench_functions(void) { return 0; }
#endif
