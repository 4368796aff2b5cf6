/* Reverse mode of scans with few states kept: the same bits, as few evaluations as can be, memory that does
 * not grow with the steps. */
#include "chain.h"

#include "graph/ops/revolve.h"

/* ------------------------------------------------------------------ the same bits */

static void checkpoints_change_no_bit(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  chain c = chain_of(g, 23);
  tw_expr in[CHAIN_INPUTS];
  tw_array value[CHAIN_INPUTS], kept[3];
  chain_inputs(&c, in, value, 11);
  for (int64_t checkpoints = 0; checkpoints <= 30; checkpoints += checkpoints < 5 ? 1 : 5) {
    tw_expr f[2], o[2];
    chain_scan(&c, checkpoints, f, o);
    tw_expr loss = chain_loss(f, o), v = tw_mul(c.w, c.w);
    tw_expr e[3] = {tw_grad(loss, c.u), tw_hvp(loss, c.w, v), tw_grad(tw_dot(tw_grad(loss, c.w), v), c.u)};
    for (int i = 0; i < 3; i++) {
      tw_array a = evaluate_on("derivative", CHAIN_INPUTS, in, value, e[i], 1);
      assert_true(largest(&a) > 1e-3);
      if (checkpoints == 0) {
        kept[i] = a;
        continue;
      }
      assert_memory_equal(a.data, kept[i].data, (size_t)size_of(&a) * sizeof(double));
      tw_array_free(&a);
    }
  }
  free_arrays(3, kept);
  free_arrays(CHAIN_INPUTS, value);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ evaluations */

/* The identity, which counts how often it is evaluated and may pull the brake. */
static struct {
  int64_t calls, brake; /* brake: calls before `stop` is set */
  volatile int stop;
} counter;

static bool counted_infer(const tw_args *args, tw_type *type) {
  *type = (tw_type){tw_dtype_of(args->in[0]), tw_shape_of(args->in[0])};
  return true;
}
static tw_status counted_kernel(const tw_call *call) {
  memcpy(call->out, call->in[0],
         (size_t)tw_size_of(call->node) * tw_dtype_get(tw_dtype_of(call->node))->size);
  if (++counter.calls == counter.brake) counter.stop = 1;
  return TW_OK;
}
static tw_expr counted_jvp(tw_expr node, const tw_expr *tangents) {
  (void)node;
  return tangents[0];
}
static void counted_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  (void)node;
  cotangents[0] = cotangent;
}
static const tw_op counted = {.name = "counted",
                              .summary = "the identity",
                              .arity = 1,
                              .infer = counted_infer,
                              .kernel = counted_kernel,
                              .jvp = counted_jvp,
                              .vjp = counted_vjp};

/* d/dx of x_n for x' = counted(x^2 / 2): its reverse needs x alone, so only advances are counted. */
static tw_expr counted_gradient(tw_expr start, int64_t n, int64_t checkpoints) {
  tw_expr k = tw_input(start.graph, "k", TW_I64, TW_SCALAR),
          x = tw_input(start.graph, "x", TW_F64, TW_SCALAR);
  tw_expr half = tw_scale(tw_square(x), 0.5), next = tw_node(start.graph, &counted, 1, &half, NULL);
  tw_scan_options options = {.checkpoints = checkpoints};
  return tw_grad(tw_scan_final(tw_scan(k, n, 1, &x, &start, &next, 0, NULL, &options), 0), start);
}

static void evaluations_are_as_few_as_can_be(void **state) {
  (void)state;
  for (int64_t n = 2; n <= 40; n++)
    for (int64_t checkpoints = 1; checkpoints <= 7; checkpoints++) {
      tw_graph *g = tw_graph_new();
      double at = 2, slope;
      tw_array value = tw_array_f64(&at, TW_SCALAR);
      tw_expr start = tw_input(g, "start", TW_F64, TW_SCALAR);
      counter.calls = counter.brake = 0;
      tw_array d = evaluate_on("gradient", 1, &start, &value, counted_gradient(start, n, checkpoints), 1);
      slope = ldexp(1, (int)n); /* every x_k is 2, and every step multiplies by it */
      assert_true(element(&d, 0) == slope);
      assert_true((double)counter.calls == tw_revolve_evaluations(n, checkpoints));
      tw_array_free(&d);
      tw_graph_free(g);
    }
}

static void stops_in_the_middle(void **state) {
  (void)state;
  tw_error error = {0};
  tw_graph *g = tw_graph_new();
  tw_fn *fn;
  tw_work *work;
  double at = 2, slope = 0;
  tw_expr start = tw_input(g, "start", TW_F64, TW_SCALAR), e = counted_gradient(start, 1000, 3);
  assert_ok(tw_fn_new(&fn, 1, &start, 1, &e, NULL, &error));
  assert_ok(tw_work_new(&work, fn, &error));
  const int64_t brakes[] = {1, 700, 2000};
  for (int i = 0; i < 3; i++) {
    counter.calls = counter.stop = 0;
    counter.brake = brakes[i];
    tw_work_exec(work, &(tw_exec){.stop = &counter.stop});
    assert_fails(tw_fn_call(fn, work, (const void *[]){&at}, (void *[]){&slope}, 0, &error), TW_ERR_INTERRUPT,
                 "interrupted at step");
    assert_int_equal(counter.calls, brakes[i]);
  }
  /* The workspace is as good as new. */
  counter.calls = counter.stop = 0, counter.brake = -1;
  assert_ok(tw_fn_call(fn, work, (const void *[]){&at}, (void *[]){&slope}, 0, &error));
  assert_true(slope == ldexp(1, 1000));
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ memory and length */

/* x' = a x + b over vectors of `size`: x_n = a^n x + b (1 - a^n) / (1 - a). */
static tw_expr linear_end(tw_expr x, tw_expr a, tw_expr b, int64_t n, int64_t checkpoints) {
  tw_expr k = tw_input(x.graph, "k", TW_I64, TW_SCALAR),
          now = tw_input(x.graph, "x_k", TW_F64, tw_shape_of(x));
  tw_expr next = tw_add(tw_mul(a, now), b);
  tw_scan_options options = {.checkpoints = checkpoints};
  return tw_scan_final(tw_scan(k, n, 1, &now, &x, &next, 0, NULL, &options), 0);
}

static size_t work_bytes(int n, const tw_expr *in, tw_expr e) {
  tw_error error = {0};
  tw_fn *fn;
  assert_ok(tw_fn_new(&fn, n, in, 1, &e, NULL, &error));
  size_t bytes = tw_fn_work_bytes(fn);
  tw_fn_free(fn);
  return bytes;
}

/* n = 10^5 states of 100 numbers: 80 MB kept whole, 16 of them 12.8 kB. */
static void memory_is_bounded(void **state) {
  (void)state;
  enum { SIZE = 100, STATE = SIZE * sizeof(double) };
  const int64_t n = 100000;
  tw_graph *g = tw_graph_new();
  tw_expr in[3] = {tw_input(g, "x", TW_F64, TW_SHAPE(SIZE)), tw_input(g, "a", TW_F64, TW_SCALAR),
                   tw_input(g, "b", TW_F64, TW_SHAPE(SIZE))};
  const int64_t checkpoints[] = {0, 16, 1};
  size_t first[3], second[3], value[3], reverse[3];
  for (int i = 0; i < 3; i++) {
    tw_expr end = linear_end(in[0], in[1], in[2], n, checkpoints[i]),
            loss = tw_sum(tw_square(end), TW_ALL, false);
    value[i] = work_bytes(3, in, loss);
    first[i] = work_bytes(3, in, tw_grad(loss, in[1]));
    second[i] = work_bytes(3, in, tw_hvp(loss, in[1], in[1]));
    reverse[i] = work_bytes(3, in, tw_grad(tw_mul(tw_grad(loss, in[1]), in[1]), in[1]));
    assert_true(value[i] < 8 * STATE); /* forward: two states, whatever the option */
  }
  assert_true(first[0] >= (size_t)(n - 1) * STATE && first[0] < (size_t)n * STATE / 10 * 11);
  assert_true(first[1] >= 16 * STATE && first[1] < 32 * STATE);
  assert_true(first[2] < 17 * STATE);
  assert_true(second[1] >= 32 * STATE && second[1] < 64 * STATE); /* states and their tangents */
  assert_true(reverse[1] >= (size_t)n * STATE); /* reverse over reverse stacks the states, as graph.h says */
  /* A limit holds what is kept without being told: 10^7 such states are 8 GB. */
  tw_expr end = linear_end(in[0], in[1], in[2], 100 * n, 0);
  size_t many = work_bytes(3, in, tw_grad(tw_sum(end, TW_ALL, false), in[1]));
  assert_true(many > (size_t)1 << 27 && many < (size_t)1 << 29);
  /* Four states of 64 MB fill it; of 200 steps sqrt(400) are kept all the same. */
  tw_expr big = tw_input(g, "big", TW_F64, TW_SHAPE(1 << 23)), last = linear_end(big, in[1], in[1], 200, 0);
  many = work_bytes(2, (tw_expr[]){big, in[1]}, tw_grad(tw_sum(last, TW_ALL, false), in[1]));
  assert_true(many >= (size_t)20 << 26 && many < (size_t)28 << 26);
  tw_graph_free(g);
}

static void a_million_steps(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    const int64_t n = i ? 100000 : 1000000, checkpoints = i ? 16 : 0;
    const double a = 1 - 3e-6, b = 2e-6, x = 0.7;
    const double power = exp((double)n * log1p(-3e-6)), slope = (double)n * power / a; /* a^n, d a^n / da */
    const double sum = (1 - power) / (1 - a); /* 1 + a + .. + a^(n-1) */
    tw_graph *g = tw_graph_new();
    tw_expr in[3] = {tw_input(g, "x", TW_F64, TW_SCALAR), tw_input(g, "a", TW_F64, TW_SCALAR),
                     tw_input(g, "b", TW_F64, TW_SCALAR)};
    tw_array value[3] = {tw_array_f64((double[]){x}, TW_SCALAR), tw_array_f64((double[]){a}, TW_SCALAR),
                         tw_array_f64((double[]){b}, TW_SCALAR)};
    tw_expr e = linear_end(in[0], in[1], in[2], n, checkpoints);
    tw_expr all[4] = {e, tw_grad(e, in[0]), tw_grad(e, in[1]), tw_grad(e, in[2])};
    tw_array r = evaluate_on("a million steps", 3, in, value, tw_stack(4, all, 0), 1);
    assert_close(element(&r, 0), power * x + b * sum, 1e-9);
    assert_close(element(&r, 1), power, 1e-9);
    assert_close(element(&r, 2), slope * x + b * (sum - slope) / (1 - a), 1e-8);
    assert_close(element(&r, 3), sum, 1e-9);
    tw_array_free(&r);
    tw_graph_free(g);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(checkpoints_change_no_bit), cmocka_unit_test(evaluations_are_as_few_as_can_be),
      cmocka_unit_test(stops_in_the_middle),       cmocka_unit_test(memory_is_bounded),
      cmocka_unit_test(a_million_steps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
