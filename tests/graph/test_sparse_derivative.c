/* Sparse derivatives: values against dense ones, on models, on every op and on random expressions. */
#include "sparse.h"

static tw_expr number(tw_graph *g, double c) {
  return tw_scalar(g, c);
}
static tw_expr plus(tw_expr k, int64_t c) {
  return tw_add(k, tw_integer(k.graph, c));
}
static tw_expr at(tw_expr x, tw_expr i) {
  return tw_take(x, 1, &i);
}
static tw_expr at2(tw_expr x, tw_expr i, tw_expr j) {
  return tw_take(x, 2, (tw_expr[]){i, j});
}
static tw_expr index_input(tw_graph *g) {
  return tw_input(g, "k", TW_I64, TW_SCALAR);
}

static tw_expr integers(tw_graph *g, int64_t n, const int64_t *value) {
  tw_array view = tw_array_view((void *)(uintptr_t)value, TW_I64, TW_SHAPE(n));
  return tw_constant(g, &view);
}

static model open_model(const char *name) {
  return (model){.name = name, .graph = tw_graph_new(), .low = 0.2, .high = 1.4};
}

static tw_expr add_input(model *x, const char *name, tw_shape shape, bool differentiated) {
  assert_true(x->n < MAX_MODEL_INPUTS);
  x->in[x->n++] = tw_input(x->graph, name, TW_F64, shape);
  x->m += differentiated;
  return x->in[x->n - 1];
}

/* ------------------------------------------------------------------ properties */

typedef struct expected {
  tw_sparse_way way;
  int64_t nnz; /* -1: any */
  bool exact;  /* every entry is used */
} expected;

static void check(model *x, tw_sparse_derivative *d, tw_expr dense, bool second, expected want) {
  tw_pattern p;
  int64_t zeros;
  if (tw_graph_status(x->graph)) fail_msg("%s: %s", x->name, tw_graph_message(x->graph));
  assert_well_formed(x->name, &d->pattern);
  compare_with_dense(x, d, dense, second, 1, &zeros);
  if (want.exact) assert_no_idle_entries(x, d);
  if (want.nnz >= 0 && d->pattern.nnz != want.nnz)
    fail_msg("%s: %lld entries, expected %lld", x->name, (long long)d->pattern.nnz, (long long)want.nnz);
  if (d->way != want.way) fail_msg("%s: way %d, expected %d", x->name, (int)d->way, (int)want.way);
  assert_int_equal((second ? tw_hessian_pattern : tw_jacobian_pattern)(x->e, x->m, x->in, &p), TW_OK);
  assert_same_pattern(x->name, &p, &d->pattern);
  tw_pattern_free(&p);
}

static void check_jacobian(model *x, expected want) {
  tw_sparse_derivative d;
  tw_sparse_jacobian(x->e, x->m, x->in, &d);
  check(x, &d, dense_of(x, x->e), false, want);
  tw_sparse_derivative_free(&d);
}

static void check_hessian(model *x, expected want) {
  tw_sparse_derivative d;
  tw_sparse_hessian(x->e, x->m, x->in, &d);
  check(x, &d, dense_of(x, gradient_of(x)), true, want);
  tw_sparse_derivative_free(&d);
}

static void close_model(model *x) {
  tw_graph_free(x->graph);
}

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

/* Running sums of blocks: products by vectors, by columns; a few dense rows beside: by rows. */
static void colored_ones(void **state) {
  (void)state;
  const int64_t m = 12, n = 3;
  model x = open_model("colored");
  tw_expr v = add_input(&x, "X", TW_SHAPE(m, n), true), z = add_input(&x, "z", TW_SHAPE(5), true);
  x.e = tw_cumsum(tw_exp(v), 1, false);
  check_jacobian(&x, (expected){TW_BY_COLORING, m * n * (n + 1) / 2, true});
  x.e = tw_reduce_max(v, 1u, false);
  check_jacobian(&x, (expected){TW_BY_ELEMENTS, m * n, false});
  x.e = tw_sum(tw_square(tw_cumsum(tw_exp(v), 1, false)), TW_ALL, false);
  check_hessian(&x, (expected){TW_BY_COLORING, m * n * (n + 1) / 2, true});
  x.e = tw_add(x.e, tw_mul(tw_dot(z, z), tw_exp(tw_slice(tw_ravel(v), 0, 0, 1, 1))));
  x.e = tw_reshape(x.e, TW_SCALAR);
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
      cmocka_unit_test(luksan_vlcek),
      cmocka_unit_test(whole_arrays),
      cmocka_unit_test(grids),
      cmocka_unit_test(transposes_and_diagonals),
      cmocka_unit_test(edges),
      cmocka_unit_test(fits),
      cmocka_unit_test(arrows),
      cmocka_unit_test(points_in_space),
      cmocka_unit_test(lagrangians),
      cmocka_unit_test(constant_matrices),
      cmocka_unit_test(uneven_matrices),
      cmocka_unit_test(small_matrices),
      cmocka_unit_test(dense_ones),
      cmocka_unit_test(colored_ones),
      cmocka_unit_test(conditions),
      cmocka_unit_test(unknown_positions),
      cmocka_unit_test(edge_cases),
      cmocka_unit_test(refusals),
      cmocka_unit_test(third_derivatives),
      cmocka_unit_test(single_precision),
      cmocka_unit_test(a_million_variables),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
