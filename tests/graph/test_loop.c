/* Index-set loops: values and derivatives against whole-array expressions, size of the graph, threads. */
#include "test.h"

#include <talweg/graph.h>

static tw_error error;

static void evaluate(int n, const tw_expr *in, const void *const *values, int m, const tw_expr *out, void *const *results,
                     int threads) {
  tw_fn *fn;
  tw_work *work;
  assert_int_equal(tw_graph_status(in[0].graph), TW_OK);
  assert_ok(tw_fn_new(&fn, n, in, m, out, NULL, &error));
  assert_ok(tw_work_new(&work, fn, &error));
  tw_exec exec = {.threads = threads};
  tw_work_exec(work, &exec);
  assert_ok(tw_fn_call(fn, work, values, results, 0, &error));
  tw_work_free(work);
  tw_fn_free(fn);
}

/* f(x, w) = sum_{k<n-1} w[k] (x[k+1] - x[k]^2)^2 + sin(x[k]), as a loop and with whole arrays. */
static tw_expr as_loop(tw_expr x, tw_expr w, int64_t n) {
  tw_graph *g = x.graph;
  tw_expr k = tw_input(g, "k", TW_I64, TW_SCALAR), next = tw_add(k, tw_integer(g, 1));
  tw_expr xk = tw_take(x, 1, &k), xn = tw_take(x, 1, &next), wk = tw_take(w, 1, &k);
  return tw_loop_sum(k, n - 1, tw_add(tw_mul(wk, tw_square(tw_sub(xn, tw_square(xk)))), tw_sin(xk)));
}

static tw_expr as_arrays(tw_expr x, tw_expr w, int64_t n) {
  tw_expr xk = tw_slice(x, 0, 0, n - 1, 1), xn = tw_slice(x, 0, 1, n - 1, 1), wk = tw_slice(w, 0, 0, n - 1, 1);
  return tw_sum(tw_add(tw_mul(wk, tw_square(tw_sub(xn, tw_square(xk)))), tw_sin(xk)), TW_ALL, false);
}

static void derivatives_agree_with_arrays(void **state) {
  (void)state;
  const int64_t sizes[] = {2, 7, 1000, 5000};
  for (size_t t = 0; t < sizeof sizes / sizeof *sizes; t++) {
    int64_t n = sizes[t];
    tw_graph *g = tw_graph_new();
    tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(n)), w = tw_input(g, "w", TW_F64, TW_SHAPE(n)), v = tw_input(g, "v", TW_F64, TW_SHAPE(n));
    tw_expr f[2] = {as_loop(x, w, n), as_arrays(x, w, n)}, in[3] = {x, w, v}, out[8];
    for (int i = 0; i < 2; i++) {
      out[i] = f[i];
      out[2 + i] = tw_grad(f[i], x);
      out[4 + i] = tw_hvp(f[i], x, v);
      out[6 + i] = tw_grad(tw_sum(tw_mul(tw_hvp(f[i], x, v), w), TW_ALL, false), w);
    }
    double *at[3], *r[8];
    for (int i = 0; i < 3; i++) tw_random_normal_fill(10 + (uint64_t)i, 0, (size_t)n, at[i] = tw_alloc((size_t)n, sizeof(double)));
    for (int i = 0; i < 8; i++) r[i] = tw_alloc((size_t)n, sizeof(double));
    evaluate(3, in, (const void *[]){at[0], at[1], at[2]}, 8, out, (void *[]){r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]}, 0);
    for (int i = 0; i < 8; i += 2)
      for (int64_t j = 0; j < (i == 0 ? 1 : n); j++) assert_close(r[i][j], r[i + 1][j], 1e-12 * (i == 0 ? (double)n : 10));
    for (int i = 0; i < 3; i++) free(at[i]);
    for (int i = 0; i < 8; i++) free(r[i]);
    tw_graph_free(g);
  }
}

static void nested_loops_and_matrices(void **state) {
  (void)state;
  enum { M = 6, N = 5 };
  tw_graph *g = tw_graph_new();
  tw_expr a = tw_input(g, "a", TW_F64, TW_SHAPE(M, N)), x = tw_input(g, "x", TW_F64, TW_SHAPE(N));
  tw_expr i = tw_input(g, "i", TW_I64, TW_SCALAR), j = tw_input(g, "j", TW_I64, TW_SCALAR), k = tw_input(g, "k", TW_I64, TW_SCALAR);
  /* sum_i (sum_j a[i,j] x[j])^2, and one loop over both indices */
  tw_expr inner = tw_loop_sum(j, N, tw_mul(tw_take(a, 2, (tw_expr[]){i, j}), tw_take(x, 1, &j)));
  tw_expr nested = tw_loop_sum(i, M, tw_square(inner));
  tw_expr rows = tw_loop_stack(i, M, tw_matmul(tw_take(a, 1, &i), x));
  tw_expr stacked = tw_sum(tw_square(rows), TW_ALL, false), whole = tw_sum(tw_square(tw_matmul(a, x)), TW_ALL, false);
  tw_expr n5 = tw_integer(g, N), at[2] = {tw_idiv(k, n5), tw_mod(k, n5)};
  tw_expr flat = tw_loop_sum(k, M * N, tw_mul(tw_take(a, 2, at), tw_take(x, 1, &at[1])));
  tw_expr flat_whole = tw_sum(tw_matmul(a, x), TW_ALL, false);
  tw_expr f[5] = {nested, stacked, whole, flat, flat_whole}, out[20];
  for (int t = 0; t < 5; t++) {
    out[t] = f[t];
    out[5 + t] = tw_grad(f[t], x);
    out[10 + t] = tw_grad(f[t], a);
    out[15 + t] = tw_hessian(f[t], x);
  }
  double av[M * N], xv[N], r[20][M * N];
  void *results[20];
  tw_random_normal_fill(1, 0, M * N, av);
  tw_random_normal_fill(2, 0, N, xv);
  for (int t = 0; t < 20; t++) results[t] = r[t];
  evaluate(2, (tw_expr[]){a, x}, (const void *[]){av, xv}, 20, out, results, 2);
  const int64_t sizes[4] = {1, N, M * N, N * N};
  for (int t = 0; t < 4; t++)
    for (int64_t e = 0; e < sizes[t]; e++) {
      assert_close(r[5 * t][e], r[5 * t + 2][e], 1e-12);
      assert_close(r[5 * t + 1][e], r[5 * t + 2][e], 1e-12);
      assert_close(r[5 * t + 3][e], r[5 * t + 4][e], 1e-12);
    }
  tw_graph_free(g);
}

/* A batch of loops: the Jacobian of a stack with respect to what it reads. */
static void jacobians_of_stacks(void **state) {
  (void)state;
  enum { N = 9 };
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(N)), k = tw_input(g, "k", TW_I64, TW_SCALAR), next = tw_add(k, tw_integer(g, 1));
  tw_expr c = tw_loop_stack(k, N - 1, tw_mul(tw_exp(tw_take(x, 1, &k)), tw_take(x, 1, &next)));
  tw_expr jacobian = tw_jacobian(c, x);
  double at[N], r[(N - 1) * N];
  tw_random_normal_fill(1, 0, N, at);
  evaluate(1, &x, (const void *[]){at}, 1, &jacobian, (void *[]){r}, 1);
  for (int i = 0; i < N - 1; i++)
    for (int j = 0; j < N; j++)
      assert_close(r[i * N + j], j == i ? exp(at[i]) * at[i + 1] : j == i + 1 ? exp(at[i]) : 0, 1e-13);
  tw_graph_free(g);
}

static void threads_give_the_same_bits(void **state) {
  (void)state;
  const int64_t n = 40000;
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(n)), w = tw_input(g, "w", TW_F64, TW_SHAPE(n));
  tw_expr f = as_loop(x, w, n), out[2] = {f, tw_grad(f, x)};
  double *at = tw_alloc((size_t)n, sizeof *at), *wv = tw_alloc((size_t)n, sizeof *wv), *r[2];
  double value[2];
  tw_random_normal_fill(1, 0, (size_t)n, at);
  tw_random_normal_fill(2, 0, (size_t)n, wv);
  for (int t = 0; t < 2; t++) {
    r[t] = tw_alloc((size_t)n, sizeof(double));
    evaluate(2, (tw_expr[]){x, w}, (const void *[]){at, wv}, 2, out, (void *[]){&value[t], r[t]}, t + 1);
  }
  assert_same_bits(value[0], value[1]);
  assert_memory_equal(r[0], r[1], (size_t)n * sizeof(double));
  free(at), free(wv), free(r[0]), free(r[1]);
  tw_graph_free(g);
}

/* The graph of a loop and of its derivatives does not grow with the index set. */
static void size_does_not_grow(void **state) {
  (void)state;
  int32_t nodes[2];
  for (int t = 0; t < 2; t++) {
    int64_t n = t ? 1000000000 : 10;
    tw_graph *g = tw_graph_new();
    tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(n)), w = tw_input(g, "w", TW_F64, TW_SHAPE(n));
    tw_expr v = tw_input(g, "v", TW_F64, TW_SHAPE(n));
    tw_hvp(as_loop(x, w, n), x, v);
    assert_int_equal(tw_graph_status(g), TW_OK);
    nodes[t] = tw_graph_nodes(g);
    tw_graph_free(g);
  }
  assert_int_equal(nodes[0], nodes[1]);
}

static void edge_cases(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(3)), k = tw_input(g, "k", TW_I64, TW_SCALAR);
  tw_expr xk = tw_take(x, 1, &k);
  tw_expr empty = tw_loop_sum(k, 0, xk), constant = tw_loop_sum(k, 4, tw_slice(x, 0, 0, 1, 1)), ints = tw_loop_sum(k, 5, tw_mul(k, k));
  tw_expr out[3] = {empty, constant, ints};
  double at[3] = {1, 2, 3}, r0 = 7, r1 = 7;
  int64_t r2 = 0;
  evaluate(1, &x, (const void *[]){at}, 3, out, (void *[]){&r0, &r1, &r2}, 1);
  assert_true(r0 == 0 && r1 == 4 && r2 == 30);
  /* An index outside the array is an error when evaluated. */
  tw_expr outside = tw_loop_sum(k, 4, xk);
  tw_fn *fn;
  tw_work *work;
  assert_ok(tw_fn_new(&fn, 1, &x, 1, &outside, NULL, &error));
  assert_ok(tw_work_new(&work, fn, &error));
  assert_fails(tw_fn_call(fn, work, (const void *[]){at}, (void *[]){&r0}, 0, &error), TW_ERR_RANGE, "3");
  tw_work_free(work);
  tw_fn_free(fn);
  assert_true(tw_is_none(tw_loop_sum(x, 3, x)));
  tw_graph_clear(g);
  /* A stack of the largest rank has no room for a batch. */
  tw_shape deep = tw_shape_make(TW_MAX_RANK - 1, (int64_t[TW_MAX_RANK - 1]){1, 1, 1, 1, 1, 1, 1});
  tw_expr y = tw_input(g, "y", TW_F64, TW_SCALAR), many = tw_input(g, "many", TW_F64, TW_SHAPE(2)), all;
  tw_expr stack = tw_loop_stack(k, 3, tw_broadcast(tw_mul(y, tw_cast(k, TW_F64)), deep));
  assert_int_equal(tw_batch(1, &stack, 1, &y, &many, 2, &all), TW_ERR_SHAPE);
  assert_non_null(strstr(tw_graph_message(g), "rank"));
  tw_graph_free(g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(derivatives_agree_with_arrays), cmocka_unit_test(nested_loops_and_matrices),
      cmocka_unit_test(jacobians_of_stacks),           cmocka_unit_test(threads_give_the_same_bits),
      cmocka_unit_test(size_does_not_grow),            cmocka_unit_test(edge_cases),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
