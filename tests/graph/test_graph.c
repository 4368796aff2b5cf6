/* Graphs: hash-consing, folding, sticky errors. */
#include "test.h"

#include <talweg/graph.h>

static void equal_nodes_are_one(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(3)), y = tw_input(g, "x", TW_F64, TW_SHAPE(3));
  assert_false(tw_same(x, y)); /* inputs are never shared */
  assert_true(tw_same(tw_sin(x), tw_sin(x)));
  assert_true(tw_same(tw_add(x, y), tw_add(y, x)));
  assert_false(tw_same(tw_sub(x, y), tw_sub(y, x)));
  double data[3] = {1, 2, 3}, again[3] = {1, 2, 3}, other[3] = {1, 2, 4};
  tw_array a = tw_array_f64(data, TW_SHAPE(3)), b = tw_array_f64(again, TW_SHAPE(3)), c = tw_array_f64(other, TW_SHAPE(3));
  assert_true(tw_same(tw_constant(g, &a), tw_constant(g, &b)));
  assert_false(tw_same(tw_constant(g, &a), tw_constant(g, &c)));
  int32_t before = tw_graph_nodes(g);
  for (int i = 0; i < 1000; i++) tw_mul(tw_sin(x), tw_exp(y));
  assert_true(tw_graph_nodes(g) - before <= 3);
  assert_int_equal(tw_graph_status(g), TW_OK);
  tw_graph_free(g);
}

static void small_constants_fold(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  double value;
  tw_expr e = tw_add(tw_mul(tw_scalar(g, 2), tw_scalar(g, 3)), tw_exp(tw_scalar(g, 0)));
  assert_true(tw_constant_value(e, &value));
  assert_true(value == 7);
  double data[2] = {1, 2};
  tw_array a = tw_array_f64(data, TW_SHAPE(2));
  tw_expr sum = tw_add(tw_constant(g, &a), tw_scalar(g, 1));
  const double *folded = tw_constant_data(sum);
  assert_non_null(folded);
  assert_true(folded[0] == 2 && folded[1] == 3);
  assert_true(tw_dtype_of(tw_integer(g, (int64_t)1 << 60)) == TW_I64);
  tw_graph_free(g);
}

static void the_first_error_sticks(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new(), *h = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(3)), y = tw_input(g, "y", TW_F64, TW_SHAPE(4));
  tw_expr bad = tw_add(x, y);
  assert_true(tw_is_none(bad));
  assert_int_equal(tw_graph_status(g), TW_ERR_SHAPE);
  assert_non_null(strstr(tw_graph_message(g), "[3]"));
  assert_non_null(strstr(tw_graph_message(g), "[4]"));
  char first[TW_MESSAGE_MAX];
  strcpy(first, tw_graph_message(g));
  assert_true(tw_is_none(tw_sin(tw_exp(bad)))); /* later builders are no-ops */
  assert_true(tw_is_none(tw_sin(x)));
  assert_string_equal(first, tw_graph_message(g));
  tw_graph_clear(g);
  assert_false(tw_is_none(tw_sin(x)));
  tw_expr z = tw_input(h, "z", TW_F64, TW_SHAPE(3));
  assert_true(tw_is_none(tw_add(x, z))); /* another graph's expression */
  tw_graph_free(g);
  tw_graph_free(h);
}

static void many_nodes(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SCALAR), e = x;
  for (int i = 0; i < 20000; i++) e = tw_sin(e); /* deep: nothing may recurse */
  tw_expr d = tw_grad(e, x);
  assert_int_equal(tw_graph_status(g), TW_OK);
  assert_true(tw_depends(d, 1, &x));
  tw_fn *fn;
  tw_work *work;
  tw_error error;
  assert_int_equal(tw_fn_new(&fn, 1, &x, 1, &d, NULL, &error), TW_OK);
  assert_int_equal(tw_work_new(&work, fn, &error), TW_OK);
  double at = 0.5, slope = -1;
  assert_int_equal(tw_fn_call(fn, work, (const void *[]){&at}, (void *[]){&slope}, 0, &error), TW_OK);
  assert_true(slope > 0 && slope < 1);
  tw_work_free(work);
  tw_fn_free(fn);
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_nodes_are_one),
      cmocka_unit_test(small_constants_fold),
      cmocka_unit_test(the_first_error_sticks),
      cmocka_unit_test(many_nodes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
