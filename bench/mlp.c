/* A perceptron 784-512-10, batch 128, f32, softmax cross-entropy: loss and gradients of all weights. */
#include "bench.h"

enum { BATCH = 128, IN = 784, HIDDEN = 512, OUT = 10 };

int bench_mlp(void) {
  tw_graph *g = tw_graph_new();
  const tw_shape shape[] = {TW_SHAPE(BATCH, IN), TW_SHAPE(BATCH, OUT),  TW_SHAPE(IN, HIDDEN),
                            TW_SHAPE(HIDDEN),    TW_SHAPE(HIDDEN, OUT), TW_SHAPE(OUT)};
  tw_expr v[6], out[5] = {TW_NONE};
  bench_fn fn = {0};
  int bad = 0;
  for (int i = 0; i < 6; i++) {
    const int64_t n = tw_shape_size(&shape[i]);
    float *data = tw_alloc((size_t)n, sizeof *data);
    v[i] = tw_input(g, NULL, TW_F32, shape[i]);
    if (!data) return 1;
    for (int64_t e = 0; e < n; e++) data[e] = (float)(0.05 * tw_random_normal((uint64_t)i, (uint64_t)e));
    for (int64_t e = 0; i == 1 && e < n; e++) data[e] = e % OUT == e / OUT % OUT; /* one-hot */
    fn.in[i] = data;
  }
  tw_expr h = tw_relu(tw_add(tw_matmul(v[0], v[2]), v[3])), logits = tw_add(tw_matmul(h, v[4]), v[5]);
  tw_expr loss = tw_neg(tw_scale(tw_sum(tw_mul(v[1], tw_log_softmax(logits, 1)), TW_ALL, false), 1.0 / BATCH)), weight = tw_ones_like(loss);
  out[0] = loss;
  if (tw_vjp(1, &loss, &weight, 4, v + 2, out + 1) != TW_OK) return bench_fail("mlp");
  for (int i = 0; i < 5; i++) fn.out[i] = tw_alloc((size_t)tw_size_of(out[i]), sizeof(float));
  for (int threads = 1; threads <= 2; threads++) {
    if (bench_fn_open(&fn, 6, v, 5, out, (tw_exec){.threads = threads, .jit = TW_JIT_ON})) return bench_fail("mlp");
    bad |= bench_time("mlp", "talweg", threads, 2, bench_fn_call, &fn);
    bench_fn_close(&fn);
  }
  bench_number("mlp", "loss", (double)*(float *)fn.out[0]);
  for (int i = 0; i < 6; i++) free((void *)(uintptr_t)fn.in[i]);
  for (int i = 0; i < 5; i++) free(fn.out[i]);
  tw_graph_free(g);
  return bad;
}
