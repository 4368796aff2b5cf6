/* Sparse derivatives of matrices, of what is not sparse or not known beforehand, and of edge cases. */
#include "sparse.h"

/* ------------------------------------------------------------------ matrices */

static void constant_matrices(void **state) {
  (void)state;
  enum { N = 40, FEW = 3 };
  double a[N * N] = {0};
  for (int i = 0; i < N; i++)
    for (int q = 0; q < FEW; q++) a[i * N + (7 * i + 11 * q) % N] = 1 + i + q;
  model x = open_model("sparse matrix");
  tw_graph *g = x.graph;
  tw_array view = tw_array_f64(a, TW_SHAPE(N, N));
  tw_expr v = add_input(&x, "x", TW_SHAPE(N), true), s = tw_scale(tw_constant(g, &view), 1.0 / N);
  x.e = tw_matmul(s, v);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, FEW * N, true});
  x.e = tw_matmul(v, s);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, FEW * N, true});
  x.e = tw_matmul(s, tw_sin(v));
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, FEW * N, true});
  x.e = tw_sin(tw_matmul(s, v));
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, FEW * N, true});
  x.e = tw_sum(tw_square(tw_matmul(s, v)), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, -1, true});
  x.e = tw_sum(tw_exp(tw_matmul(s, tw_sin(tw_matmul(s, v)))), TW_ALL, false); /* nine numbers in a row */
  check_hessian(&x, (expected){TW_BY_ELEMENTS, -1, true});
  close_model(&x);
}

/* Rows of different lengths, one of them empty. */
static void uneven_matrices(void **state) {
  (void)state;
  enum { M = 7, N = 20 };
  double a[M * N] = {0};
  int64_t nnz = 0;
  for (int i = 0; i < M; i++)
    for (int q = 0; q < i; q++, nnz++) a[i * N + (3 * i + 7 * q) % N] = 1 + q;
  model x = open_model("uneven matrix");
  tw_array view = tw_array_f64(a, TW_SHAPE(M, N));
  tw_expr v = add_input(&x, "x", TW_SHAPE(N), true), s = tw_constant(x.graph, &view);
  x.e = tw_tanh(tw_scale(tw_matmul(s, v), 0.1));
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, nnz, true});
  x.e = tw_sum(tw_exp(tw_scale(tw_matmul(v, tw_matrix_transpose(s)), 0.1)), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, -1, true});
  close_model(&x);
}

static void small_matrices(void **state) {
  (void)state;
  const int64_t m = 30, n = 4;
  model x = open_model("regression");
  tw_graph *g = x.graph;
  tw_expr w = add_input(&x, "w", TW_SHAPE(n), true), data = add_input(&x, "X", TW_SHAPE(m, n), false);
  tw_expr y = tw_cast(tw_mod(tw_iota(g, TW_I64, m), tw_integer(g, 2)), TW_F64), z = tw_matmul(data, w);
  x.e = tw_sum(tw_sub(tw_softplus(z), tw_mul(y, z)), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, n * (n + 1) / 2, true});
  x.e = tw_sigmoid(z);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, m * n, true});
  x.e = tw_matmul(w, tw_matmul(tw_matmul(tw_matrix_transpose(data), data), w));
  check_hessian(&x, (expected){TW_BY_ELEMENTS, n * (n + 1) / 2, true});
  close_model(&x);
}

static void dense_ones(void **state) {
  (void)state;
  const int64_t n = 40;
  model x = open_model("dense");
  tw_expr v = add_input(&x, "x", TW_SHAPE(n), true);
  x.e = tw_logsumexp(v, TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_DENSE, n * (n + 1) / 2, true});
  x.e = tw_softmax(v, 0);
  check_jacobian(&x, (expected){TW_BY_DENSE, n * n, true});
  x.e = tw_cumsum(tw_square(v), 0, false);
  check_jacobian(&x, (expected){TW_BY_DENSE, n * (n + 1) / 2, true});
  x.e = tw_exp(tw_sum(v, TW_ALL, false));
  check_jacobian(&x, (expected){TW_BY_DENSE, n, true});
  close_model(&x);
}

/* Running sums of blocks: short ones element by element, long ones from products by vectors. */
static void running_sums(void **state) {
  (void)state;
  const int64_t m = 30, n = 3, longer = 20;
  model x = open_model("running sums");
  tw_expr v = add_input(&x, "X", TW_SHAPE(m, n), true);
  for (int reverse = 0; reverse < 2; reverse++) {
    x.e = tw_cumsum(tw_exp(v), 1, reverse);
    check_jacobian(&x, (expected){TW_BY_ELEMENTS, m * n * (n + 1) / 2, true});
  }
  x.e = tw_sum(tw_square(tw_cumprod(v, 1)), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, m * n * (n + 1) / 2, true});
  x.e = tw_reduce_max(v, 1u, false);
  check_jacobian(&x, (expected){TW_BY_COLORING, m * n, false});
  close_model(&x);
  x = open_model("long running sums");
  v = add_input(&x, "X", TW_SHAPE(4, longer), true);
  tw_expr z = add_input(&x, "z", TW_SHAPE(5), true), sums = tw_cumsum(tw_exp(v), 1, false);
  x.e = sums;
  check_jacobian(&x, (expected){TW_BY_COLORING, 4 * longer * (longer + 1) / 2, true});
  x.e = tw_sum(tw_square(sums), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_COLORING, 4 * longer * (longer + 1) / 2, true});
  /* beside a part that goes element by element */
  x.e = tw_reshape(tw_add(x.e, tw_mul(tw_dot(z, z), tw_exp(tw_slice(tw_ravel(v), 0, 0, 1, 1)))), TW_SCALAR);
  check_hessian(&x, (expected){TW_BY_COLORING, -1, true});
  close_model(&x);
}

/* ------------------------------------------------------------------ conditions, values without derivative,
 * parameters */

static void conditions(void **state) {
  (void)state;
  const int64_t n = 10;
  model x = open_model("conditions");
  x.low = -1;
  x.high = 1;
  tw_graph *g = x.graph;
  tw_expr v = add_input(&x, "x", TW_SHAPE(n), true), k = index_input(g);
  tw_expr inside = tw_lt(k, tw_integer(g, n - 1)), next = tw_where(inside, plus(k, 1), tw_integer(g, 0));
  /* the neighbour where there is one: no entry for where there is none */
  tw_expr body = tw_mul(at(v, k), tw_where(inside, tw_square(at(v, next)), number(g, 0)));
  x.e = tw_loop_stack(k, n, body);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 2 * (n - 1), true});
  x.e = tw_loop_sum(k, n, body);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 2 * (n - 1), true});
  /* a condition on x: both branches */
  x.e = tw_where(tw_gt(v, number(g, 0)), tw_square(v), tw_exp(v));
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, n, true});
  x.e = tw_mul(tw_sign(v), tw_square(v));
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, n, true});
  x.e = tw_sum(tw_mul(tw_stop_gradient(tw_exp(v)), tw_square(v)), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, n, true});
  x.e = tw_loop_sum(k, n, tw_mul(tw_sign(at(v, k)), tw_loop_sum(index_input(g), 1, tw_square(at(v, k)))));
  check_hessian(&x, (expected){TW_BY_ELEMENTS, n, true});
  x.e = tw_sum(tw_relu(v), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 0, true});
  close_model(&x);
}

/* Positions that are parameters are not known: any element may be meant. */
static void unknown_positions(void **state) {
  (void)state;
  const int64_t n = 6;
  model x = open_model("unknown positions");
  tw_graph *g = x.graph;
  tw_expr v = add_input(&x, "x", TW_SHAPE(n), true), k = index_input(g);
  x.in[x.n++] = tw_input(g, "at", TW_I64, TW_SHAPE(n)); /* drawn from 0.2 .. 1.4: zeros and ones */
  x.e = tw_loop_stack(k, n, tw_exp(at(v, at(x.in[1], k))));
  check_jacobian(&x, (expected){TW_BY_DENSE, n * n, false});
  x.e = tw_loop_stack(k, n, tw_mul(at(v, k), tw_cast(at(x.in[1], k), TW_F64)));
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, n, false});
  close_model(&x);
}

static void edge_cases(void **state) {
  (void)state;
  model x = open_model("edge cases");
  tw_graph *g = x.graph;
  tw_expr v = add_input(&x, "x", TW_SHAPE(4), true), none = add_input(&x, "none", TW_SHAPE(0), true),
          s = add_input(&x, "s", TW_SCALAR, true), p = add_input(&x, "p", TW_SHAPE(3), false);
  x.e = p;
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 0, true});
  x.e = tw_sum(p, TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 0, true});
  x.e = tw_sum(v, TW_ALL, false);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 4, true});
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 0, true});
  x.e = none;
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 0, true});
  x.e = s;
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 1, true});
  x.e = tw_add(tw_mul(s, tw_sum(none, TW_ALL, false)), tw_square(s));
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 1, true});
  x.e = v;
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 4, true});
  /* hs071: single numbers, no loop */
  tw_expr a = at(v, tw_integer(g, 0)), b = at(v, tw_integer(g, 1)), c = at(v, tw_integer(g, 2)),
          d = at(v, tw_integer(g, 3));
  x.e = tw_add(tw_mul(tw_mul(a, d), tw_add(tw_add(a, b), c)), c);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 6, true});
  x.e = tw_stack(2, (tw_expr[]){tw_prod(v, TW_ALL, false), tw_sum(tw_square(v), TW_ALL, false)}, 0);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 8, true});
  close_model(&x);
}

static void refusals(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr v = tw_input(g, "x", TW_F64, TW_SHAPE(4)), i = tw_input(g, "i", TW_I64, TW_SHAPE(4));
  tw_sparse_derivative d;
  tw_pattern p;
  assert_int_equal(tw_sparse_hessian(v, 1, &v, &d), TW_ERR_SHAPE);
  assert_refused(g, d.values, TW_ERR_SHAPE, "sparse_hessian: needs a floating-point scalar, got f64 [4]");
  assert_int_equal(tw_hessian_pattern(v, 1, &v, &p), TW_ERR_SHAPE);
  assert_null(p.rowidx);
  tw_graph_clear(g);
  assert_int_equal(tw_sparse_jacobian(v, 1, &i, &d), TW_ERR_DTYPE);
  assert_refused(g, d.values, TW_ERR_DTYPE, "input 0");
  assert_int_equal(tw_jacobian_pattern(i, 1, &v, &p), TW_ERR_DTYPE);
  tw_graph_clear(g);
  assert_int_equal(tw_sparse_jacobian(TW_NONE, 1, &v, &d), TW_ERR_ARGUMENT);
  /* a full matrix of 10^10 entries */
  tw_expr large = tw_input(g, "x", TW_F64, TW_SHAPE(100000));
  assert_int_equal(tw_sparse_jacobian(tw_softmax(large, 0), 1, &large, &d), TW_ERR_UNSUPPORTED);
  assert_refused(g, d.values, TW_ERR_UNSUPPORTED, "100000 x 100000");
  /* blocks of a thousand, two thousand times */
  tw_expr blocks = tw_input(g, "X", TW_F64, TW_SHAPE(2000, 1000));
  tw_expr f = tw_sum(tw_logsumexp(blocks, 2u, false), TW_ALL, false);
  assert_int_equal(tw_sparse_hessian(f, 1, &blocks, &d), TW_ERR_UNSUPPORTED);
  assert_refused(g, d.values, TW_ERR_UNSUPPORTED, "2000000 x 2000000");
  tw_graph_free(g);
}

/* Values are expressions: they differentiate again. */
static void third_derivatives(void **state) {
  (void)state;
  const int64_t n = 9;
  model x = open_model("third derivatives");
  tw_expr v = add_input(&x, "x", TW_SHAPE(n), true), w = add_input(&x, "w", TW_SHAPE(2 * n - 1), false);
  tw_sparse_derivative d;
  tw_expr f = tw_exp(tw_mul(tw_slice(v, 0, 0, n - 1, 1), tw_slice(v, 0, 1, n - 1, 1)));
  assert_int_equal(tw_sparse_hessian(tw_sum(f, TW_ALL, false), 1, &v, &d), TW_OK);
  assert_int_equal(d.pattern.nnz, 2 * n - 1);
  x.e = tw_grad(tw_dot(w, d.values), v);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, -1, true});
  tw_sparse_derivative_free(&d);
  close_model(&x);
}

static void expect_way(tw_sparse_derivative *d, const char *name) {
  assert_string_equal(tw_sparse_way_name(d), name);
  tw_sparse_derivative_free(d);
}

static void ways_have_names(void **state) {
  (void)state;
  const int64_t m = 30, n = 40;
  tw_graph *g = tw_graph_new();
  const tw_expr x = tw_input(g, "X", TW_F64, TW_SHAPE(m, n)), sums = tw_cumsum(tw_exp(x), 1, false),
                v = tw_input(g, "v", TW_F64, TW_SHAPE(200));
  tw_sparse_derivative d;
  assert_int_equal(tw_sparse_jacobian(tw_exp(x), 1, &x, &d), TW_OK);
  expect_way(&d, "element by element");
  assert_int_equal(tw_sparse_jacobian(sums, 1, &x, &d), TW_OK);
  expect_way(&d, "distance-2 coloring of columns");
  assert_int_equal(tw_sparse_jacobian(tw_reduce_max(x, 2u, false), 1, &x, &d), TW_OK); /* all columns of a row differ, rows do not meet */
  assert_int_equal(d.colors, 1);
  expect_way(&d, "distance-2 coloring of rows");
  assert_int_equal(tw_sparse_hessian(tw_sum(tw_square(sums), TW_ALL, false), 1, &x, &d), TW_OK);
  assert_int_equal(d.colors, n);
  expect_way(&d, "star coloring");
  assert_int_equal(tw_sparse_jacobian(tw_softmax(v, 0), 1, &v, &d), TW_OK);
  expect_way(&d, "dense");
  tw_graph_free(g);
}

static void single_precision(void **state) {
  (void)state;
  const int64_t n = 8;
  model x = open_model("f32");
  x.in[0] = tw_input(x.graph, "x", TW_F32, TW_SHAPE(n));
  x.m = x.n = 1;
  tw_expr k = index_input(x.graph), body = tw_mul(tw_exp(at(x.in[0], k)), at(x.in[0], plus(k, 1)));
  x.e = tw_loop_stack(k, n - 1, body);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 2 * (n - 1), true});
  x.e = tw_loop_sum(k, n - 1, body);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 2 * (n - 1), true});
  close_model(&x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(constant_matrices), cmocka_unit_test(uneven_matrices),
      cmocka_unit_test(small_matrices),    cmocka_unit_test(dense_ones),
      cmocka_unit_test(running_sums),      cmocka_unit_test(conditions),
      cmocka_unit_test(unknown_positions), cmocka_unit_test(edge_cases),
      cmocka_unit_test(refusals),          cmocka_unit_test(third_derivatives),
      cmocka_unit_test(single_precision),  cmocka_unit_test(ways_have_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
