/* Flops and bytes of planned functions against integers worked out by hand, scopes, what workspaces hold, and the roof. */
#include "evaluate.h"

enum { MOST = 256 };

static tw_expr in(tw_graph *g, tw_shape shape) { return tw_input(g, "x", TW_F64, shape); }

/* A function of the inputs of `e`, and its costs; how many. */
static int costs_of(int n_inputs, const tw_expr *inputs, int n, const tw_expr *e, unsigned mode, tw_fn **fn, tw_cost *cost) {
  tw_error error = {0};
  assert_ok(tw_fn_new(fn, n_inputs, inputs, n, e, &(tw_fn_options){.mode = mode}, &error));
  const int count = tw_fn_costs(*fn, MOST, cost);
  assert_in_range(count, 0, MOST);
  return count;
}

static void costs(int n_inputs, const tw_expr *inputs, tw_expr e, double flops, double bytes) {
  tw_fn *fn;
  tw_cost cost[MOST];
  double all_flops = 0, all_bytes = 0;
  for (int k = costs_of(n_inputs, inputs, 1, &e, TW_MODE_UNFUSED, &fn, cost); k-- > 0;) {
    all_flops += cost[k].flops;
    all_bytes += cost[k].bytes;
    assert_true(cost[k].moved >= cost[k].bytes);
  }
  if (all_flops != flops || all_bytes != bytes)
    fail_msg("%s: %.17g flops, %.17g bytes; by hand %.17g and %.17g", tw_op_of(e)->name, all_flops, all_bytes, flops, bytes);
  tw_fn_free(fn);
}

static void nodes(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  const tw_expr a = in(g, TW_SHAPE(3, 5)), b = in(g, TW_SHAPE(5, 7)), s = in(g, TW_SHAPE(4, 3, 5)), v = in(g, TW_SHAPE(5));
  const tw_expr x = in(g, TW_SHAPE(2, 4, 6, 5)), w = in(g, TW_SHAPE(8, 4, 3, 3)), wg = in(g, TW_SHAPE(8, 2, 3, 3)),
                y = in(g, TW_SHAPE(2, 8, 6, 5));
  const tw_expr q = in(g, TW_SHAPE(2, 6, 4)), k = in(g, TW_SHAPE(2, 9, 4)), e = in(g, TW_SHAPE(2, 9, 3));
  const tw_expr ids = tw_input(g, "i", TW_I64, TW_SHAPE(6)), table = in(g, TW_SHAPE(100, 7));
  const tw_conv_options same = {.low = {1, 1}, .high = {1, 1}}, grouped = {.low = {1, 1}, .high = {1, 1}, .stride = {2, 1}, .groups = 2};
  costs(2, (tw_expr[]){a, b}, tw_matmul(a, b), 2 * 3 * 5 * 7, 8 * (15 + 35 + 21));
  costs(2, (tw_expr[]){s, b}, tw_matmul(s, b), 4 * 2 * 3 * 5 * 7, 8 * (60 + 35 + 84));
  costs(2, (tw_expr[]){a, v}, tw_matmul(a, v), 2 * 3 * 5, 8 * (15 + 5 + 3));
  costs(2, (tw_expr[]){x, w}, tw_conv(x, w, &same), 2 * 2 * 8 * 6 * 5 * 4 * 9, 8 * (240 + 288 + 480));
  costs(2, (tw_expr[]){x, wg}, tw_conv(x, wg, &grouped), 2 * 2 * 8 * 3 * 5 * 2 * 9, 8 * (240 + 144 + 240));
  costs(2, (tw_expr[]){y, w}, tw_conv_input(y, w, (int64_t[]){6, 5}, &same), 2 * 2 * 8 * 6 * 5 * 4 * 9, 8 * (240 + 288 + 480));
  costs(2, (tw_expr[]){x, y}, tw_conv_weight(x, y, (int64_t[]){3, 3}, &same), 2 * 2 * 8 * 6 * 5 * 4 * 9, 8 * (240 + 288 + 480));
  costs(3, (tw_expr[]){q, k, e}, tw_attention(q, k, e, NULL), 2 * 6 * 9 * (8 + 6 + 5), 8 * (48 + 72 + 54 + 36));
  costs(1, &s, tw_softmax(s, -1), 5 * 60, 8 * 120);
  costs(1, &s, tw_sum(s, 4, false), 60, 8 * (60 + 12));
  costs(2, (tw_expr[]){s, v}, tw_add(s, v), 60, 8 * (60 + 5 + 60));
  costs(1, &s, tw_square(s), 60, 8 * 120);
  costs(1, &s, tw_transpose(s, NULL), 0, 8 * 120);
  costs(2, (tw_expr[]){a, in(g, TW_SHAPE(3, 5))}, tw_concat(2, (tw_expr[]){a, a}, 0), 0, 8 * (15 + 15 + 30));
  costs(2, (tw_expr[]){table, ids}, tw_take(table, 1, &ids), 0, 8 * (42 + 42 + 6));
  costs(1, &table, tw_slice(table, 0, 0, 9, 3), 0, 8 * (63 + 63));
  assert_int_equal(tw_graph_status(g), TW_OK);
  tw_graph_free(g);
}

/* A pass reads each operand once and writes its results: what is in between is not there. */
static void passes(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_fn *fn;
  tw_cost cost[MOST];
  const tw_expr x = in(g, TW_SHAPE(1000)), y = in(g, TW_SHAPE(1000)), r = tw_sum(tw_square(tw_sub(tw_mul(x, y), x)), TW_ALL, false);
  double flops = 0, bytes = 0;
  const int n = costs_of(2, (tw_expr[]){x, y}, 1, &r, 0, &fn, cost);
  for (int k = 0; k < n; k++) {
    assert_int_equal(cost[k].step, 0);
    flops += cost[k].flops;
    bytes += cost[k].bytes;
  }
  assert_int_equal(tw_fn_steps(fn), 1);
  assert_true(flops == 4000 && bytes == 8 * (1000 + 1000 + 1));
  tw_fn_free(fn);
  tw_graph_free(g);
}

/* Tiled attention reads keys and values once for every 64 queries; the matrix of scores is in no count. */
static void moved(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_fn *fn;
  tw_cost cost[MOST];
  const tw_expr q = in(g, TW_SHAPE(3, 300, 8)), k = in(g, TW_SHAPE(3, 50, 8)), o = tw_attention(q, k, k, NULL);
  assert_int_equal(costs_of(2, (tw_expr[]){q, k}, 1, &o, 0, &fn, cost), 1);
  assert_true(cost[0].moved == 8.0 * 3 * (2 * 300 * 8 + 5 * 2 * 50 * 8));
  tw_fn_free(fn);
  tw_graph_free(g);
}

/* Reverse mode through layers of widths d_0 .. d_3 takes three times the products of forward mode, but for the gradient of the
 * input, which nobody asks for. */
static void backward(void **state) {
  (void)state;
  enum { LAYERS = 3, BATCH = 8 };
  static const int64_t d[LAYERS + 1] = {5, 7, 6, 3};
  tw_graph *g = tw_graph_new();
  tw_expr input[LAYERS + 1], out[LAYERS + 1], x = in(g, TW_SHAPE(BATCH, d[0]));
  double forward = 0, products = 0;
  input[LAYERS] = x;
  for (int l = 0; l < LAYERS; l++) {
    input[l] = in(g, TW_SHAPE(d[l], d[l + 1]));
    x = tw_tanh(tw_matmul(x, input[l]));
    forward += 2.0 * BATCH * (double)(d[l] * d[l + 1]);
  }
  out[0] = tw_sum(tw_square(x), TW_ALL, false);
  const tw_expr one = tw_ones_like(out[0]);
  assert_int_equal(tw_vjp(1, out, &one, LAYERS, input, out + 1), TW_OK);
  tw_fn *fn;
  tw_cost cost[MOST];
  for (int k = costs_of(LAYERS + 1, input, LAYERS + 1, out, 0, &fn, cost); k-- > 0;)
    if (tw_op_kind_of(tw_op_of(cost[k].node)) == TW_OP_KIND_PRODUCT) products += cost[k].flops;
  assert_true(products == 3 * forward - 2.0 * BATCH * (double)(d[0] * d[1]));
  tw_fn_free(fn);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ scopes */

static void scopes(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  const tw_expr x = in(g, TW_SHAPE(3));
  tw_scope_push(g, "outer");
  const tw_expr a = tw_exp(x);
  tw_scope_push(g, "inner");
  const tw_expr b = tw_sin(a), again = tw_exp(x);
  tw_scope_pop(g);
  const tw_expr c = tw_cos(a);
  tw_scope_pop(g);
  tw_scope_pop(g);
  assert_string_equal(tw_scope_of(x), "");
  assert_string_equal(tw_scope_of(a), "outer");
  assert_string_equal(tw_scope_of(b), "outer/inner");
  assert_string_equal(tw_scope_of(c), "outer");
  assert_true(tw_same(a, again)); /* a scope is no part of a node */
  const tw_expr d = tw_grad(tw_sum(b, TW_ALL, false), x); /* e^x cos(e^x): the factor e^x is of "outer" */
  assert_string_equal(tw_scope_of(tw_exp(x)), "outer");
  assert_string_equal(tw_scope_of(d), "outer");
  tw_scope_push(g, "a/b");
  assert_int_equal(tw_graph_status(g), TW_ERR_ARGUMENT);
  tw_graph_clear(g);
  for (int i = 0; i < 200 && tw_graph_status(g) == TW_OK; i++) tw_scope_push(g, "deep");
  assert_int_equal(tw_graph_status(g), TW_ERR_ARGUMENT);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ memory */

/* At no step do values and scratch exceed the largest live set, and at one they reach it (sizes are multiples of 64). */
static void held(void **state) {
  (void)state;
  enum { N = 64 };
  tw_graph *g = tw_graph_new();
  tw_fn *fn;
  tw_error error = {0};
  const tw_expr a = in(g, TW_SHAPE(N, N)), b = tw_matmul(a, a), c = tw_softmax(b, -1), e = tw_matmul(tw_matmul(c, b), c);
  assert_ok(tw_fn_new(&fn, 1, &a, 1, &e, NULL, &error));
  tw_held of[MOST];
  const int n = tw_fn_held(fn, MOST, of);
  size_t peak = 0;
  assert_in_range(n, 3, MOST);
  for (int s = 0; s < tw_fn_steps(fn); s++) {
    size_t now = 0;
    for (int k = 0; k < n; k++) now += of[k].first <= s && s <= of[k].last ? of[k].bytes : 0;
    peak = now > peak ? now : peak;
  }
  assert_int_equal(peak, tw_fn_live_bytes(fn));
  assert_true(peak >= 3 * N * N * sizeof(double)); /* b, c and their product */
  tw_fn_free(fn);
  tw_graph_free(g);
}

/* ------------------------------------------------------------------ times */

/* Every step has a time in order of its quantiles, the probe is a time, and results are those of a call. */
static void measured(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_fn *fn;
  tw_work *work;
  tw_error error = {0};
  double x[6 * 6], out[6 * 6], expected[6 * 6];
  for (int i = 0; i < 36; i++) x[i] = tw_random_normal(5, (uint64_t)i);
  const tw_expr a = in(g, TW_SHAPE(6, 6)), e = tw_softmax(tw_matmul(tw_sin(tw_matmul(a, a)), a), -1);
  assert_ok(tw_fn_new(&fn, 1, &a, 1, &e, NULL, &error));
  assert_ok(tw_work_new(&work, fn, &error));
  assert_ok(tw_fn_call(fn, work, (const void *[]){x}, (void *[]){expected}, 0, &error));
  tw_step_time time[MOST];
  tw_measurement whole;
  const tw_measure_options options = {.runs = 15, .counters = true};
  assert_ok(tw_fn_measure(fn, work, (const void *[]){x}, (void *[]){out}, &options, time, &whole, &error));
  assert_memory_equal(out, expected, sizeof out);
  assert_int_equal(whole.runs, 15);
  assert_true(whole.probe > 0 && whole.wall > 0 && whole.plain > 0 && whole.coverage >= 0 && whole.coverage <= 1);
  for (int s = 0; s < tw_fn_steps(fn); s++) {
    assert_true(time[s].repeats >= 1 && time[s].low >= 0 && time[s].low <= time[s].median && time[s].median <= time[s].high);
    assert_true(isnan(time[s].cycles) || time[s].cycles >= 0);
  }
  assert_int_equal(tw_fn_measure(fn, work, (const void *[]){x}, (void *[]){out}, &(tw_measure_options){.runs = -1}, time, &whole, &error),
                   TW_ERR_ARGUMENT);
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(g);
}

/* The roof of a machine that is known. */
static void roof(void **state) {
  (void)state;
  const tw_machine m = {1, 10, 20, {100, 1000, 10000, INFINITY}, {8, 4, 2, 1}, 1, 1};
  assert_true(tw_machine_rate(&m, 200) == 8 && tw_machine_rate(&m, 201) == 4 && tw_machine_rate(&m, 20001) == 1);
  assert_true(tw_machine_least(&m, false, 1000, 80) == 100 && tw_machine_least(&m, true, 1000, 80) == 50);
  assert_true(tw_machine_least(&m, false, 10, 400) == 100);
  assert_string_equal(tw_machine_bound(&m, false, 1000, 80, 101), "compute");
  assert_string_equal(tw_machine_bound(&m, false, 10, 400, 101), "memory");
  assert_string_equal(tw_machine_bound(&m, false, 10, 400, 501), "overhead");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nodes),    cmocka_unit_test(passes), cmocka_unit_test(moved),
                                     cmocka_unit_test(backward), cmocka_unit_test(scopes), cmocka_unit_test(held),
                                     cmocka_unit_test(measured), cmocka_unit_test(roof)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
