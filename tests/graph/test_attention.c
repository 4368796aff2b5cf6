/* Attention tile by tile against the product, softmax and product that it stands for, across the borders of tiles and blocks. */
#include "evaluate.h"

typedef struct setting {
  int64_t stack, nq, nk, d, e;
  bool causal;
} setting;

static tw_array draw(tw_dtype dtype, int64_t stack, int64_t n, int64_t d, uint64_t key) {
  tw_array a;
  tw_error error = {0};
  assert_ok(tw_array_new(&a, dtype, TW_SHAPE(stack, n, d), &error));
  for (int64_t i = 0; i < size_of(&a); i++) set_element(&a, i, tw_random_normal(key, (uint64_t)i));
  return a;
}

/* One element of the queries, keys or values that is not as the others. */
typedef struct odd_element {
  int which;
  int64_t at;
  double value;
} odd_element;

static void agrees_with(const setting *s, tw_dtype dtype, double tolerance, const odd_element *odd) {
  tw_graph *graph = tw_graph_new();
  tw_array value[3] = {draw(dtype, s->stack, s->nq, s->d, 1), draw(dtype, s->stack, s->nk, s->d, 2), draw(dtype, s->stack, s->nk, s->e, 3)};
  tw_expr x[3];
  if (odd) set_element(&value[odd->which], odd->at, odd->value);
  for (int i = 0; i < 3; i++) x[i] = tw_input(graph, "x", dtype, value[i].shape);
  const tw_attention_options options = {.causal = s->causal};
  const tw_expr fused = tw_attention(x[0], x[1], x[2], &options), plain = tw_attention_unfused(x[0], x[1], x[2], &options);
  assert_string_equal(tw_op_of(fused)->name, "attention");
  assert_string_equal(tw_op_of(plain)->name, "matmul");
  tw_array a = evaluate_on("fused", 3, x, value, fused, 1), b = evaluate_on("unfused", 3, x, value, plain, 1);
  tw_array two = evaluate_on("two threads", 3, x, value, fused, 2);
  assert_true(tw_shape_equal(&a.shape, &b.shape));
  assert_memory_equal(a.data, two.data, (size_t)size_of(&a) * tw_dtype_get(dtype)->size);
  for (int64_t i = 0; i < size_of(&a); i++) {
    const double got = element(&a, i), expected = element(&b, i);
    if (!(fabs(got - expected) <= tolerance * fmax(1, fabs(expected))) && !(isnan(got) && isnan(expected)) && got != expected)
      fail_msg("%lld x %lld: element %lld is %.12g, unfused %.12g", (long long)s->nq, (long long)s->nk, (long long)i, got, expected);
  }
  tw_array_free(&a);
  tw_array_free(&b);
  tw_array_free(&two);
  for (int i = 0; i < 3; i++) tw_array_free(&value[i]);
  tw_graph_free(graph);
}

static void agrees(const setting *s, tw_dtype dtype, double tolerance) { agrees_with(s, dtype, tolerance, NULL); }

static void tiles_are_the_whole(void **state) {
  (void)state;
  static const setting of[] = {{1, 1, 1, 3, 2, false},    {2, 127, 255, 8, 5, false}, {1, 128, 256, 16, 16, false},
                               {2, 129, 257, 7, 9, true}, {1, 300, 300, 4, 4, true},  {1, 3, 700, 5, 5, true},
                               {3, 1, 5000, 6, 2, false}, {1, 260, 1, 4, 3, false}};
  for (size_t k = 0; k < sizeof of / sizeof *of; k++) {
    agrees(&of[k], TW_F64, 1e-13);
    agrees(&of[k], TW_F32, 2e-5);
  }
}

/* With many queries the norms of the keys tell whether maxima are needed: scores that are moderate, or too large for that by one query
 * or one key; values that a sum of exponentials would make infinite; and what is not finite. */
static void many_queries(void **state) {
  (void)state;
  static const setting of[] = {{2, 257, 300, 4, 3, false}, {1, 300, 300, 4, 4, true}};
  static const odd_element odds[] = {{0, 5, 400}, {1, 9, -400}, {2, 7, 1e30}, {2, 7, -1e30}, {0, 3, NAN}, {1, 3, NAN}, {2, 3, NAN},
                             {1, 2, INFINITY}, {2, 2, INFINITY}};
  for (size_t k = 0; k < sizeof of / sizeof *of; k++)
    for (size_t i = 0; i < sizeof odds / sizeof *odds; i++) {
      agrees_with(&of[k], TW_F64, 1e-12, &odds[i]);
      agrees_with(&of[k], TW_F32, i < 2 ? 2e-4 : 2e-5, &odds[i]);
    }
}

/* Scores of any size: the softmax is that of differences. One key far above the others takes all; equal keys share. */
static void large_scores(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  const tw_expr q = tw_fill(graph, TW_F64, TW_SHAPE(1, 1), 1), v = tw_reshape(VECTOR(graph, 1, 2, 4), TW_SHAPE(3, 1));
  const tw_expr k = tw_reshape(VECTOR(graph, -1e300, 1e300, 1e300), TW_SHAPE(3, 1));
  tw_array a = evaluate(tw_attention(q, k, v, NULL));
  assert_true(element(&a, 0) == 3);
  tw_array_free(&a);
  tw_graph_free(graph);
}

/* Leading axes broadcast; a query sees no later key. */
static void shapes(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  const tw_expr q = tw_input(graph, "q", TW_F64, TW_SHAPE(4, 1, 3, 2)), k = tw_input(graph, "k", TW_F64, TW_SHAPE(5, 6, 2));
  const tw_expr v = tw_input(graph, "v", TW_F64, TW_SHAPE(6, 7));
  const tw_shape shape = tw_shape_of(tw_attention(q, k, v, NULL)), expected = TW_SHAPE(4, 5, 3, 7);
  assert_true(tw_shape_equal(&shape, &expected));
  assert_true(tw_is_none(tw_attention(q, v, v, NULL)));
  assert_int_equal(tw_graph_status(graph), TW_ERR_SHAPE);
  tw_graph_clear(graph);
  assert_true(tw_is_none(tw_attention(k, q, tw_slice(q, 3, 0, 1, 1), &(tw_attention_options){.causal = true})));
  assert_int_equal(tw_graph_status(graph), TW_ERR_SHAPE);
  tw_graph_clear(graph);
  assert_true(tw_is_none(tw_attention(q, k, v, &(tw_attention_options){.scale = INFINITY})));
  assert_int_equal(tw_graph_status(graph), TW_ERR_ARGUMENT);
  tw_graph_free(graph);
}

static double flops_of(int64_t nq, int64_t nk, bool causal) {
  tw_graph *graph = tw_graph_new();
  const tw_expr q = tw_input(graph, "q", TW_F32, TW_SHAPE(3, nq, 4)), k = tw_input(graph, "k", TW_F32, TW_SHAPE(3, nk, 4));
  const tw_expr o = tw_attention(q, k, tw_input(graph, "v", TW_F32, TW_SHAPE(3, nk, 5)), &(tw_attention_options){.causal = causal});
  const double flops = tw_op_of(o)->flops(o);
  tw_graph_free(graph);
  return flops;
}

static void flops(void **state) {
  (void)state;
  assert_true(flops_of(6, 10, false) == 3 * 60 * (8 + 10 + 5));
  assert_true(flops_of(6, 10, true) == 3 * (5 + 6 + 7 + 8 + 9 + 10) * 23);
  assert_true(flops_of(1, 10, true) == 3 * 10 * 23);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tiles_are_the_whole), cmocka_unit_test(many_queries),
                                     cmocka_unit_test(large_scores), cmocka_unit_test(shapes), cmocka_unit_test(flops)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
