/* Compiled functions: values, levels, buffers, outputs that are inputs, errors. */
#include "test.h"

#include <talweg/graph.h>

static tw_fn *compile(int n, const tw_expr *in, int m, const tw_expr *out, const int *levels, tw_work **work) {
  tw_error error;
  tw_fn *fn;
  tw_fn_options options = {.levels = levels};
  if (tw_fn_new(&fn, n, in, m, out, &options, &error) != TW_OK || tw_work_new(work, fn, &error) != TW_OK)
    fail_msg("%s", error.message);
  return fn;
}

static void outputs_of_all_kinds(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(2, 2)), y = tw_exp(x);
  tw_expr out[6] = {x, y, y, tw_ravel(y), tw_fill(g, TW_F64, TW_SHAPE(2), 5), tw_slice(tw_ravel(x), 0, 1, 2, 1)};
  tw_work *work;
  tw_fn *fn = compile(1, &x, 6, out, NULL, &work);
  double at[4] = {0, 1, 2, 3}, v[6][4] = {{0}};
  tw_error error;
  assert_int_equal(tw_fn_call(fn, work, (const void *[]){at}, (void *[]){v[0], v[1], v[2], v[3], v[4], v[5]}, 0, &error), TW_OK);
  for (int i = 0; i < 4; i++) {
    assert_true(v[0][i] == at[i]);
    assert_true(fabs(v[1][i] - exp(at[i])) < 1e-14 * exp(at[i]));
    assert_true(v[2][i] == v[1][i] && v[3][i] == v[1][i]);
  }
  assert_true(v[4][0] == 5 && v[4][1] == 5 && v[5][0] == 1 && v[5][1] == 2);
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(g);
}

/* What depends on lower levels alone is kept, whatever the pointers of the call say. */
static void levels_keep_what_did_not_change(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr p = tw_input(g, "p", TW_F64, TW_SHAPE(5)), x = tw_input(g, "x", TW_F64, TW_SHAPE(5));
  tw_expr v = tw_input(g, "v", TW_F64, TW_SHAPE(5));
  tw_expr lp = tw_exp(tw_sin(tw_add(p, tw_scalar(g, 1)))), lx = tw_cos(tw_mul(lp, x)), lv = tw_mul(tw_add(lx, lp), v);
  tw_expr in[3] = {p, x, v}, out[2] = {lv, lp};
  tw_work *work;
  tw_fn *fn = compile(3, in, 2, out, (int[]){0, 1, 2}, &work);
  double pv[5], xv[5], vv[5], a[5], b[5], junk[5] = {NAN, NAN, NAN, NAN, NAN};
  tw_error error;
  for (int round = 0; round < 20; round++) {
    int level = round == 0 ? 0 : round % 3;
    for (int i = 0; i < 5; i++) {
      if (level <= 0) pv[i] = tw_random_normal(1, (uint64_t)(round * 5 + i));
      if (level <= 1) xv[i] = tw_random_normal(2, (uint64_t)(round * 5 + i));
      vv[i] = tw_random_normal(3, (uint64_t)(round * 5 + i));
    }
    const void *inputs[3] = {level > 0 ? junk : pv, level > 1 ? junk : xv, vv};
    assert_int_equal(tw_fn_call(fn, work, inputs, (void *[]){a, b}, level, &error), TW_OK);
    for (int i = 0; i < 5; i++) {
      double l = exp(sin(pv[i] + 1)), want = (cos(l * xv[i]) + l) * vv[i];
      assert_true(fabs(a[i] - want) <= 1e-13 * (1 + fabs(want)));
      assert_true(fabs(b[i] - l) <= 1e-13 * l);
    }
  }
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(g);
}

/* A call at a level above all inputs, where nothing has changed, still writes its outputs. */
static void outputs_are_always_written(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr p = tw_input(g, "p", TW_F64, TW_SHAPE(3)), out = tw_exp(p);
  tw_work *work;
  tw_fn *fn = compile(1, &p, 1, &out, (int[]){0}, &work);
  const double pv[3] = {0, 1, 2};
  tw_error error;
  for (int level = 0; level < 4; level++) {
    double a[3] = {NAN, NAN, NAN};
    assert_int_equal(tw_fn_call(fn, work, (const void *[]){pv}, (void *[]){a}, level, &error), TW_OK);
    for (int i = 0; i < 3; i++) assert_true(fabs(a[i] - exp(pv[i])) <= 1e-14 * a[i]);
  }
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(g);
}

/* A chain of n element-wise steps needs two buffers, not n. */
static void buffers_are_shared(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  int64_t n = 1000;
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(n)), e = x;
  for (int i = 0; i < 50; i++) e = tw_sin(tw_add(e, tw_mul(x, tw_exp(e))));
  tw_expr s = tw_sum(e, TW_ALL, false);
  tw_work *work;
  tw_fn *fn = compile(1, &x, 1, &s, NULL, &work);
  assert_true(tw_fn_work_bytes(fn) <= 4 * (size_t)n * sizeof(double));
  assert_true((double)tw_fn_work_bytes(fn) <= 1.1 * (double)tw_fn_live_bytes(fn));
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(g);
}

static void refusals(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_error error;
  tw_fn *fn;
  tw_work *work;
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(3)), hidden = tw_input(g, "hidden", TW_F64, TW_SHAPE(3));
  tw_expr e = tw_add(x, hidden);
  assert_int_equal(tw_fn_new(&fn, 1, &x, 1, &e, NULL, &error), TW_ERR_ARGUMENT);
  assert_non_null(strstr(error.message, "hidden"));
  assert_null(fn);
  /* More memory than any machine has is an error, not a crash. */
  tw_expr huge = tw_sin(tw_mul(tw_iota(g, TW_F64, (int64_t)1 << 45), tw_slice(x, 0, 0, 1, 1)));
  assert_int_equal(tw_graph_status(g), TW_OK);
  huge = tw_sum(huge, TW_ALL, false);
  assert_int_equal(tw_fn_new(&fn, 1, &x, 1, &huge, NULL, &error), TW_OK);
  assert_int_equal(tw_work_new(&work, fn, &error), TW_ERR_MEMORY);
  tw_fn_free(fn);
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(outputs_of_all_kinds),
      cmocka_unit_test(levels_keep_what_did_not_change),
      cmocka_unit_test(outputs_are_always_written),
      cmocka_unit_test(buffers_are_shared),
      cmocka_unit_test(refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
