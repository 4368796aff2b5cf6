/* Sparse derivatives of loops and arrays, element by element: values, patterns and numbers of entries. */
#include "sparse.h"

/* ------------------------------------------------------------------ example 8 of the language: Luksan &
 * Vlcek */

static tw_expr luksan_objective(tw_expr x, int64_t n) {
  tw_graph *g = x.graph;
  tw_expr k = index_input(g), a = at(x, k), b = at(x, plus(k, 1));
  tw_expr first = tw_mul(number(g, 100), tw_square(tw_sub(tw_square(a), b)));
  return tw_loop_sum(k, n - 1, tw_add(first, tw_square(tw_sub(a, number(g, 1)))));
}

static tw_expr luksan_constraints(tw_expr x, int64_t n) {
  tw_graph *g = x.graph;
  tw_expr k = index_input(g), a = at(x, k), b = at(x, plus(k, 1)), c = at(x, plus(k, 2));
  tw_expr e = tw_mul(number(g, 3), tw_pow(b, number(g, 3)));
  e = tw_sub(tw_add(e, tw_mul(number(g, 2), c)), number(g, 5));
  e = tw_add(e, tw_mul(tw_sin(tw_sub(b, c)), tw_sin(tw_add(b, c))));
  e = tw_sub(tw_add(e, tw_mul(number(g, 4), b)), tw_mul(a, tw_exp(tw_sub(a, b))));
  return tw_loop_stack(k, n - 2, tw_sub(e, number(g, 3)));
}

static void luksan_vlcek(void **state) {
  (void)state;
  const int64_t sizes[] = {3, 4, 5, 50};
  for (int t = 0; t < 4; t++) {
    const int64_t n = sizes[t];
    model x = open_model("luksan-vlcek");
    tw_expr v = add_input(&x, "x", TW_SHAPE(n), true), y = add_input(&x, "y", TW_SHAPE(n - 2), false);
    tw_expr f = luksan_objective(v, n), c = luksan_constraints(v, n);
    x.e = c;
    check_jacobian(&x, (expected){TW_BY_ELEMENTS, 3 * (n - 2), true});
    x.e = f;
    check_hessian(&x, (expected){TW_BY_ELEMENTS, 2 * n - 1, false});
    x.e = tw_add(f, tw_dot(y, c)); /* the Lagrangian: tridiagonal */
    check_hessian(&x, (expected){TW_BY_ELEMENTS, 2 * n - 1, true});
    close_model(&x);
  }
}

/* ------------------------------------------------------------------ whole arrays */

static void whole_arrays(void **state) {
  (void)state;
  const int64_t n = 12;
  model x = open_model("chained arrays");
  tw_expr v = add_input(&x, "x", TW_SHAPE(n), true);
  tw_expr left = tw_slice(v, 0, 0, n - 1, 1), right = tw_slice(v, 0, 1, n - 1, 1);
  x.e = tw_sum(tw_square(tw_sub(right, tw_square(left))), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 2 * n - 1, true});
  x.e = tw_mul(tw_exp(left), right);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 2 * (n - 1), true});
  x.e = tw_sum(tw_exp(tw_slice(v, 0, n - 1, n / 2, -2)), TW_ALL, false); /* every other element, backwards */
  check_hessian(&x, (expected){TW_BY_ELEMENTS, n / 2, true});
  x.e = tw_concat(3, (tw_expr[]){tw_square(left), tw_reshape(tw_dot(v, v), TW_SHAPE(1)), tw_neg(v)}, 0);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, n - 1 + n + n, true});
  close_model(&x);
}

/* Five-point differences on a grid, with slices of both axes. */
static void grids(void **state) {
  (void)state;
  const int64_t m = 5, n = 6;
  model x = open_model("grid");
  tw_expr v = add_input(&x, "u", TW_SHAPE(m, n), true);
  tw_expr middle = tw_slice(tw_slice(v, 0, 1, m - 2, 1), 1, 1, n - 2, 1),
          sum = tw_mul(middle, number(x.graph, -4));
  for (int side = 0; side < 4; side++) {
    tw_expr rows = tw_slice(v, 0, side == 0 ? 0 : side == 1 ? 2 : 1, m - 2, 1);
    sum = tw_add(sum, tw_slice(rows, 1, side == 2 ? 0 : side == 3 ? 2 : 1, n - 2, 1));
  }
  x.e = tw_add(sum, tw_exp(middle));
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 5 * (m - 2) * (n - 2), true});
  /* the same by a loop over both indices */
  tw_graph *g = x.graph;
  tw_expr k = index_input(g), width = tw_integer(g, n - 2), i = plus(tw_idiv(k, width), 1),
          j = plus(tw_mod(k, width), 1);
  tw_expr around = tw_add(tw_add(at2(v, plus(i, -1), j), at2(v, plus(i, 1), j)),
                          tw_add(at2(v, i, plus(j, -1)), at2(v, i, plus(j, 1))));
  tw_expr here = at2(v, i, j), c = tw_add(tw_sub(around, tw_mul(number(g, 4), here)), tw_exp(here));
  tw_expr stack = tw_loop_stack(k, (m - 2) * (n - 2), c);
  x.e = stack;
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 5 * (m - 2) * (n - 2), true});
  x.e = tw_loop_sum(k, (m - 2) * (n - 2), tw_square(c));
  check_hessian(&x, (expected){TW_BY_ELEMENTS, -1, true});
  x.e =
      tw_add(tw_sum(tw_exp(v), TW_ALL, false), tw_dot(tw_exp(stack), tw_iota(g, TW_F64, (m - 2) * (n - 2))));
  check_hessian(&x, (expected){TW_BY_ELEMENTS, -1, true});
  close_model(&x);
}

static void transposes_and_diagonals(void **state) {
  (void)state;
  const int64_t n = 4;
  model x = open_model("matrix moves");
  tw_graph *g = x.graph;
  tw_expr v = add_input(&x, "X", TW_SHAPE(n, n), true);
  x.e = tw_mul(v, tw_matrix_transpose(v));
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 2 * n * n - n, true});
  x.e = tw_sum(tw_mul(tw_square(v), tw_matrix_transpose(v)), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, n * n + n * (n - 1) / 2, true});
  x.e = tw_add(tw_tril(v, 0), tw_mul(tw_diag(tw_diag(v)), number(g, 3)));
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, n * (n + 1) / 2, true});
  x.e = tw_square(tw_broadcast(tw_slice(v, 0, 1, 1, 1), TW_SHAPE(3, n)));
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 3 * n, true});
  x.e = tw_sum(tw_exp(tw_unslice(tw_diag(v), 0, 1, 2, 9)), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, n, true});
  close_model(&x);
}

/* ------------------------------------------------------------------ loops of other kinds */

/* sum_e w_e (x[i_e] - x[j_e])^4 + x[i_e] x[j_e] over edges, some of which begin and end in one vertex. */
static void edges(void **state) {
  (void)state;
  enum { E = 9, N = 6 };
  const int64_t from[E] = {0, 3, 5, 2, 2, 4, 1, 0, 3}, to[E] = {1, 3, 0, 4, 2, 2, 5, 1, 4};
  model x = open_model("edges");
  tw_graph *g = x.graph;
  tw_expr v = add_input(&x, "x", TW_SHAPE(N), true), w = add_input(&x, "w", TW_SHAPE(E), false),
          k = index_input(g);
  tw_expr i = at(integers(g, E, from), k), j = at(integers(g, E, to), k), a = at(v, i), b = at(v, j);
  tw_expr body = tw_add(tw_mul(at(w, k), tw_square(tw_square(tw_sub(a, b)))), tw_mul(a, b));
  x.e = tw_loop_sum(k, E, body);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, -1, true});
  x.e = tw_loop_stack(k, E, body);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, -1, true});
  /* the same with whole arrays, and its gradient as a model: scattered sums */
  tw_expr all_from = integers(g, E, from), all_to = integers(g, E, to);
  tw_expr difference = tw_sub(tw_take(v, 1, &all_from), tw_take(v, 1, &all_to));
  x.e = tw_dot(w, tw_square(tw_square(difference)));
  check_hessian(&x, (expected){TW_BY_ELEMENTS, -1, true});
  x.e = tw_grad(x.e, v);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, -1, true});
  x.e = tw_grad(tw_loop_sum(k, E, tw_sin(body)), v);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, -1, true});
  close_model(&x);
}

/* A curve fitted to many points: the Hessian is small, every entry a sum over all of them. */
static void fits(void **state) {
  (void)state;
  const int64_t n = 700;
  model x = open_model("fit");
  tw_graph *g = x.graph;
  tw_expr p = add_input(&x, "p", TW_SHAPE(3), true), y = add_input(&x, "y", TW_SHAPE(n), false),
          k = index_input(g);
  tw_expr t = tw_mul(tw_cast(plus(k, 1), TW_F64), number(g, 1.0 / (double)n));
  tw_expr p0 = at(p, tw_integer(g, 0)), p1 = at(p, tw_integer(g, 1)), p2 = at(p, tw_integer(g, 2));
  tw_expr r = tw_sub(tw_add(tw_mul(p0, tw_exp(tw_neg(tw_mul(p1, t)))), p2), at(y, k));
  x.e = tw_loop_sum(k, n, tw_square(r));
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 6, true});
  x.e = tw_loop_stack(k, n, r);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 3 * n, true});
  close_model(&x);
}

/* x shared by all iterations and z of each: an arrow. */
static void arrows(void **state) {
  (void)state;
  const int64_t n = 20;
  model x = open_model("arrow");
  tw_graph *g = x.graph;
  tw_expr s = add_input(&x, "s", TW_SCALAR, true), z = add_input(&x, "z", TW_SHAPE(n), true),
          k = index_input(g);
  x.e = tw_loop_sum(k, n, tw_square(tw_square(tw_sub(at(z, k), s))));
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 2 * n + 1, true});
  x.e = tw_sum(tw_exp(tw_mul(z, s)), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 2 * n + 1, true});
  x.e = tw_mul(z, s);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 2 * n, true});
  close_model(&x);
}

/* Distances between rows of a matrix: reductions inside of bodies. */
static void points_in_space(void **state) {
  (void)state;
  const int64_t n = 7;
  model x = open_model("points");
  tw_graph *g = x.graph;
  tw_expr v = add_input(&x, "X", TW_SHAPE(n, 3), true), k = index_input(g), next = plus(k, 1);
  tw_expr step = tw_sub(tw_take(v, 1, &next), tw_take(v, 1, &k));
  x.e = tw_loop_sum(k, n - 1, tw_norm(step, TW_ALL, false));
  check_hessian(&x, (expected){TW_BY_ELEMENTS, -1, true});
  x.e = tw_loop_sum(k, n - 1, tw_sum(tw_square(tw_square(step)), TW_ALL, false));
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 3 * (2 * n - 1), true});
  x.e = tw_loop_stack(k, n - 1, tw_logsumexp(step, TW_ALL, false));
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 6 * (n - 1), true});
  x.e = tw_norm(v, 2u, false);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 3 * n, true});
  x.e = tw_softmax(v, 1);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 9 * n, true});
  x.e = tw_sum(tw_square(tw_prod(v, 2u, false)), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 6 * n, true});
  tw_expr a = tw_reshape(tw_iota(g, TW_F64, 9), TW_SHAPE(3, 3));
  x.e = tw_loop_stack(k, n, tw_sin(tw_matmul(a, tw_take(v, 1, &k)))); /* a vector of each; a[0, 0] is 0 */
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 8 * n, true});
  tw_expr eye = tw_eye(g, TW_F64, 3, 3), row = tw_take(v, 1, &k);
  x.e = tw_loop_sum(k, n, tw_logdet(tw_add(tw_mul(tw_expand(row, 0), tw_expand(row, 1)), tw_scale(eye, 2))));
  check_hessian(&x, (expected){TW_BY_ELEMENTS, 6 * n, true});
  close_model(&x);
}

/* sum(y * loop_stack(body)) and what looks like it, with loops in loops. */
static void lagrangians(void **state) {
  (void)state;
  const int64_t m = 4, n = 5;
  model x = open_model("lagrangian");
  tw_graph *g = x.graph;
  tw_expr v = add_input(&x, "x", TW_SHAPE(m, n), true), y = add_input(&x, "y", TW_SHAPE(m), false),
          u = add_input(&x, "u", TW_SHAPE(n), false);
  tw_expr i = index_input(g), j = index_input(g);
  tw_expr rows = tw_loop_stack(i, m, tw_loop_sum(j, n, tw_square(at2(v, i, j))));
  tw_expr columns = tw_loop_stack(j, n, tw_loop_sum(i, m, tw_exp(at2(v, i, j))));
  x.e = rows;
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, m * n, true});
  x.e = tw_concat(2, (tw_expr[]){rows, columns}, 0);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, 2 * m * n, true});
  x.e = tw_add(tw_sum(tw_mul(y, rows), TW_ALL, false), tw_dot(u, columns));
  check_hessian(&x, (expected){TW_BY_ELEMENTS, m * n, true});
  x.e = tw_sum(tw_div(rows, y), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_ELEMENTS, m * n, true});
  x.e = tw_sum(tw_square(rows), TW_ALL, false); /* rows of five numbers */
  check_hessian(&x, (expected){TW_BY_ELEMENTS, m * n * (n + 1) / 2, true});
  close_model(&x);
}

/* ------------------------------------------------------------------ size */

/* A million variables: no map is stored, and the graph is as small as for ten. */
static void a_million_variables(void **state) {
  (void)state;
  int32_t nodes[2];
  for (int t = 0; t < 2; t++) {
    const int64_t n = t ? 1000000 : 40;
    tw_graph *g = tw_graph_new();
    tw_expr v = tw_input(g, "x", TW_F64, TW_SHAPE(n)), y = tw_input(g, "y", TW_F64, TW_SHAPE(n - 2));
    tw_expr c = luksan_constraints(v, n), f = luksan_objective(v, n);
    tw_sparse_derivative d[2];
    assert_int_equal(tw_sparse_jacobian(c, 1, &v, &d[0]), TW_OK);
    assert_int_equal(tw_sparse_hessian(tw_add(f, tw_dot(y, c)), 1, &v, &d[1]), TW_OK);
    assert_int_equal(d[0].pattern.nnz, 3 * (n - 2));
    assert_int_equal(d[1].pattern.nnz, 2 * n - 1);
    assert_true(tw_graph_bytes(g) < 1000000);
    nodes[t] = tw_graph_nodes(g);
    for (int i = 0; i < 2; i++) tw_sparse_derivative_free(&d[i]);
    tw_graph_free(g);
  }
  assert_true(abs(nodes[0] - nodes[1]) < 20); /* constants that are shared or not */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(luksan_vlcek), cmocka_unit_test(whole_arrays),
      cmocka_unit_test(grids),        cmocka_unit_test(transposes_and_diagonals),
      cmocka_unit_test(edges),        cmocka_unit_test(fits),
      cmocka_unit_test(arrows),       cmocka_unit_test(points_in_space),
      cmocka_unit_test(lagrangians),  cmocka_unit_test(a_million_variables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
