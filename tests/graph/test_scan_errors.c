/* What scans refuse when they are made, and what their errors say when they run. */
#include "chain.h"

static void refusals(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), x = tw_input(g, "x", TW_F64, TW_SHAPE(2)),
          y = tw_input(g, "y", TW_F32, TW_SHAPE(2));
  tw_expr i = tw_input(g, "i", TW_I64, TW_SHAPE(2)), sum = tw_sum(x, TW_ALL, false);
  tw_expr deep = tw_input(g, "deep", TW_F64, tw_shape_make(TW_MAX_RANK, (int64_t[TW_MAX_RANK]){0}));
  assert_refused(g, tw_scan(x, 3, 1, &x, &x, &x, 0, NULL, NULL), TW_ERR_ARGUMENT,
                 "the index must be an i64 scalar");
  assert_refused(g, tw_scan(k, -1, 1, &x, &x, &x, 0, NULL, NULL), TW_ERR_RANGE, "-1 steps");
  assert_refused(g, tw_scan(k, 3, 0, NULL, NULL, NULL, 0, NULL, NULL), TW_ERR_ARGUMENT, "at least one carry");
  assert_refused(g, tw_scan(k, 3, 1, &x, &x, &x, 0, NULL, &(tw_scan_options){.checkpoints = -2}), TW_ERR_RANGE,
                 "-2 checkpoints");
  assert_refused(g, tw_scan(k, 3, 1, &sum, &sum, &sum, 0, NULL, NULL), TW_ERR_ARGUMENT,
                 "carry 0 must be an input");
  assert_refused(g, tw_scan(k, 3, 2, (tw_expr[]){x, x}, (tw_expr[]){x, x}, (tw_expr[]){x, x}, 0, NULL, NULL),
                 TW_ERR_ARGUMENT, "carry 1 must be an input of its own");
  assert_refused(g, tw_scan(k, 3, 1, &i, &i, &i, 0, NULL, NULL), TW_ERR_DTYPE, "carry 0 is i64");
  assert_refused(g, tw_scan(k, 3, 2, (tw_expr[]){x, y}, (tw_expr[]){x, y}, (tw_expr[]){x, y}, 0, NULL, NULL),
                 TW_ERR_DTYPE, "carry 1 is f32: carries are all f64 or all f32");
  assert_refused(g, tw_scan(k, 3, 1, &x, &sum, &x, 0, NULL, NULL), TW_ERR_SHAPE,
                 "the start of carry 0 is f64 []");
  assert_refused(g, tw_scan(k, 3, 1, &y, &y, &x, 0, NULL, NULL), TW_ERR_DTYPE,
                 "the next value of carry 0 is f64 [2], but the carry is f32 [2]");
  assert_refused(g, tw_scan(k, 3, 1, &x, &x, &x, 1, &i, NULL), TW_ERR_DTYPE, "output 0 is i64");
  assert_refused(g, tw_scan(k, 3, 1, &x, &x, &x, 1, &deep, NULL), TW_ERR_SHAPE, "output 0 has rank");
  assert_refused(g, tw_scan(k, INT64_MAX / 4, 1, &x, &x, &x, 1, &x, NULL), TW_ERR_SHAPE, "too many elements");
  assert_refused(g, tw_scan(k, 3, 1, &x, &x, (tw_expr[]){TW_NONE}, 0, NULL, NULL), TW_ERR_ARGUMENT,
                 "operand 3");
  assert_refused(g, tw_scan(k, 3, 1, &x, &x, &x, 0, NULL, &(tw_scan_options){.until = sum}), TW_ERR_DTYPE, "must be a bool scalar");
  assert_refused(g, tw_scan(k, 3, 1, &x, &x, &x, 1, &x, &(tw_scan_options){.until = tw_le(sum, sum)}), TW_ERR_ARGUMENT, "`until`");
  tw_expr scan = tw_scan(k, 3, 1, &x, &x, &x, 0, NULL, NULL);
  assert_refused(g, tw_scan_final(scan, 1), TW_ERR_ARGUMENT, "no carry 1: there are 1");
  assert_refused(g, tw_scan_out(scan, 0), TW_ERR_ARGUMENT, "no output 0");
  assert_refused(g, tw_scan_final(x, 0), TW_ERR_ARGUMENT, "of another op");
  /* A state that has the largest rank goes through everything but what must stack it. */
  tw_expr same = tw_square(deep),
          last = tw_scan_final(tw_scan(k, 3, 1, &deep, &deep, &same, 0, NULL, NULL), 0);
  tw_expr gradient = tw_grad(tw_sum(last, TW_ALL, false), deep);
  assert_int_equal(tw_graph_status(g), TW_OK);
  assert_refused(g, tw_grad(tw_sum(gradient, TW_ALL, false), deep), TW_ERR_SHAPE, "cannot be stacked");
  tw_graph_free(g);
}

static void call_once(int n, const tw_expr *in, const void *const *data, tw_expr e, void *out,
                      const tw_exec *exec, tw_status status, const char *part) {
  tw_error error = {0};
  tw_fn *fn;
  tw_work *work;
  assert_ok(tw_fn_new(&fn, n, in, 1, &e, NULL, &error));
  assert_ok(tw_work_new(&work, fn, &error));
  tw_work_exec(work, exec);
  assert_fails(tw_fn_call(fn, work, data, (void *[]){out}, 0, &error), status, part);
  tw_work_free(work);
  tw_fn_free(fn);
}

/* Step 5 reads past the end of u. */
static void errors_name_the_step(void **state) {
  (void)state;
  for (int64_t n = 6; n <= 9; n += 3) {
    tw_graph *g = tw_graph_new();
    tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), u = tw_input(g, "u", TW_F64, TW_SHAPE(5));
    tw_expr x = tw_input(g, "x", TW_F64, TW_SCALAR), start = tw_scalar(g, 1),
            next = tw_mul(x, tw_take(u, 1, &k));
    tw_expr final = tw_scan_final(tw_scan(k, n, 1, &x, &start, &next, 0, NULL, NULL), 0);
    double u0[5] = {1, 1, 1, 1, 1}, out[5];
    const void *data[1] = {u0};
    call_once(1, &u, data, final, out, NULL, TW_ERR_RANGE, "scan: step 5: take");
    /* Of six steps the last is not evaluated before it is reversed. */
    call_once(1, &u, data, tw_grad(final, u), out, NULL, TW_ERR_RANGE,
              n == 6 ? "scan: step 5 on the way back: " : "scan: step 5: take");
    tw_graph_free(g);
  }
}

static void interrupts(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  chain c = chain_of(g, 50);
  tw_expr in[CHAIN_INPUTS], f[2], o[2];
  tw_array value[CHAIN_INPUTS];
  const void *data[CHAIN_INPUTS];
  double out[64];
  const volatile int stop = 1;
  const tw_exec exec = {.stop = &stop};
  chain_inputs(&c, in, value, 1);
  for (int i = 0; i < CHAIN_INPUTS; i++) data[i] = value[i].data;
  chain_scan(&c, 2, f, o);
  call_once(CHAIN_INPUTS, in, data, f[0], out, &exec, TW_ERR_INTERRUPT, "interrupted at step 0");
  call_once(CHAIN_INPUTS, in, data, tw_grad(f[1], c.u), out, &exec, TW_ERR_INTERRUPT,
            "interrupted at step 0");
  free_arrays(CHAIN_INPUTS, value);
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refusals),
      cmocka_unit_test(errors_name_the_step),
      cmocka_unit_test(interrupts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
