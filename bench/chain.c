/* sum(log1p(exp(-y x)) w) and its gradient in x, n = 10^7: one pass; beside it what a plain copy moves. */
#include "bench.h"

enum { N = 10000000 };

typedef struct copying {
  char *from, *to;
  size_t bytes;
  int threads;
} copying;

static void copy_part(void *c_, int64_t tile, int worker) {
  copying *c = c_;
  const size_t part = c->bytes / (size_t)c->threads;
  (void)worker;
  memcpy(c->to + (size_t)tile * part, c->from + (size_t)tile * part, part);
}

static int copy(void *c_) {
  copying *c = c_;
  tw_parallel(c->threads, c->threads, copy_part, c);
  return 0;
}

static int chain(tw_dtype dtype) {
  const char *name = dtype == TW_F64 ? "chain f64" : "chain f32", *plain = dtype == TW_F64 ? "copy f64" : "copy f32";
  const size_t bytes = (size_t)N * tw_dtype_get(dtype)->size;
  tw_graph *g = tw_graph_new();
  tw_expr v[3];
  void *data[4];
  double sum[1];
  int bad = 0;
  for (int i = 0; i < 3; i++) v[i] = tw_input(g, NULL, dtype, TW_SHAPE(N));
  for (int i = 0; i < 4; i++) data[i] = tw_alloc(bytes, 1);
  for (int i = 0; i < 4; i++) {
    if (!data[i]) return 1;
    for (int64_t e = 0; e < N; e++) {
      const double u = tw_random_uniform((uint64_t)i, (uint64_t)e) - 0.5;
      if (dtype == TW_F64)
        ((double *)data[i])[e] = u;
      else
        ((float *)data[i])[e] = (float)u;
    }
  }
  tw_expr f = tw_sum(tw_mul(tw_log1p(tw_exp(tw_neg(tw_mul(v[1], v[0])))), v[2]), TW_ALL, false);
  for (int threads = 1; threads <= 2; threads++) {
    bench_fn fn = {.in = {data[0], data[1], data[2]}, .out = {sum, data[3]}};
    if (bench_fn_open(&fn, 3, v, 2, (tw_expr[]){f, tw_grad(f, v[0])}, (tw_exec){.threads = threads, .jit = TW_JIT_ON}))
      return bench_fail(name);
    copying c = {data[0], data[3], bytes, threads};
    bad |= bench_together(2, (bench_timed[]){{name, "talweg", threads, bench_fn_call, &fn}, {plain, "memcpy", threads, copy, &c}}, 2);
    bench_fn_close(&fn);
  }
  for (int i = 0; i < 4; i++) free(data[i]);
  tw_graph_free(g);
  return bad;
}

int bench_chain(void) { return chain(TW_F64) | chain(TW_F32); }
