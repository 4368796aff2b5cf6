/* Written C where the examples of ops do not go: large extents, integers, NaN and infinity, singular
 * matrices, bad indices. */
#include "written_file.h"

enum { CASES = 256 };

typedef struct cases {
  tw_graph *graph;
  written_file file;
  written item[CASES]; /* as being built; values are theirs */
  int n;
} cases;

static void cases_open(cases *c) {
  c->graph = tw_graph_new();
  c->n = 0;
  written_file_open(&c->file);
}

/* A new case; inputs and outputs are added to it. */
static void begin(cases *c, const char *label) {
  assert_true(c->n < CASES);
  c->item[c->n] = (written){0};
  snprintf(c->item[c->n++].label, sizeof c->item[0].label, "%s", label);
}

/* An input with values from [low, high), whole ones when it is an integer. */
static tw_expr drawn(cases *c, tw_dtype dtype, tw_shape shape, double low, double high) {
  written *w = &c->item[c->n - 1];
  const int64_t n = tw_shape_size(&shape);
  tw_array value = {0};
  tw_expr x = tw_input(c->graph, "x", dtype, shape);
  assert_int_equal(tw_array_new(&value, dtype, shape, NULL), TW_OK);
  for (int64_t i = 0; i < n; i++) {
    const double u =
        low + (high - low) * tw_random_uniform(tw_key_split((uint64_t)c->n, (uint64_t)w->n), (uint64_t)i);
    set_element(&value, i, dtype == TW_F64 || dtype == TW_F32 ? u : floor(u));
  }
  w->in[w->n] = x;
  w->value[w->n++] = value.data;
  return x;
}

/* .. with these values. */
static tw_expr given(cases *c, tw_dtype dtype, tw_shape shape, const double *x) {
  written *w = &c->item[c->n - 1];
  tw_expr e = drawn(c, dtype, shape, 0, 0);
  tw_array value = tw_array_view(w->value[w->n - 1], dtype, shape);
  for (int64_t i = 0; i < tw_shape_size(&shape); i++) set_element(&value, i, x[i]);
  return e;
}
#define GIVEN(c, dtype, shape, ...) given(c, dtype, shape, (double[]){__VA_ARGS__})

static void put(cases *c, tw_expr e) {
  written *w = &c->item[c->n - 1];
  if (tw_is_none(e)) fail_msg("%s: %s", w->label, tw_graph_message(c->graph));
  w->out[w->n_out++] = e;
}

static void cases_check(cases *c, double tolerance) {
  tw_error error = {0};
  for (int k = 0; k < c->n; k++)
    if (written_file_add(&c->file, &c->item[k], k % 2 ? TW_MODE_UNFUSED : 0, &error) != TW_OK)
      fail_msg("%s", error.message);
  written_file_compile(&c->file);
  for (int k = 0; k < c->n; k++) {
    written_check(&c->file, &c->file.item[k], tolerance);
    for (int i = 0; i < c->item[k].n; i++) free(c->item[k].value[i]);
  }
  written_file_close(&c->file);
  tw_graph_free(c->graph);
}

/* ------------------------------------------------------------------ products */

static tw_expr oriented(tw_expr a, bool transposed) {
  return transposed ? tw_matrix_transpose(a) : a;
}

static void products_of(cases *c, tw_dtype dtype, double high) {
  static const int64_t m[] = {130, 3, 1, 61, 5}, n[] = {300, 70, 33, 1, 2}, k[] = {70, 600, 1030, 100, 1};
  for (int s = 0; s < 5; s++)
    for (int way = 0; way < 4; way++) {
      begin(c, "matmul");
      tw_expr a = drawn(c, dtype, way & 1 ? TW_SHAPE(k[s], m[s]) : TW_SHAPE(m[s], k[s]), -high, high);
      tw_expr b = drawn(c, dtype, way & 2 ? TW_SHAPE(n[s], k[s]) : TW_SHAPE(k[s], n[s]), -high, high);
      put(c, tw_matmul(oriented(a, way & 1), oriented(b, way & 2)));
    }
  begin(c, "dot");
  put(c,
      tw_matmul(drawn(c, dtype, TW_SHAPE(3001), -high, high), drawn(c, dtype, TW_SHAPE(3001), -high, high)));
  begin(c, "stacks of products");
  tw_expr a = drawn(c, dtype, TW_SHAPE(3, 1, 4, 5), -high, high),
          b = drawn(c, dtype, TW_SHAPE(2, 4, 5), -high, high);
  put(c, tw_matmul(a, tw_matrix_transpose(b)));
  put(c, tw_matmul(tw_matrix_transpose(a), b));
  put(c, tw_matmul(a, drawn(c, dtype, TW_SHAPE(5), -high, high)));
}

static void products(void **state) {
  (void)state;
  static cases c;
  cases_open(&c);
  products_of(&c, TW_F64, 1);
  products_of(&c, TW_I64, 0x1p62);
  products_of(&c, TW_I32, 0x1p30);
  cases_check(&c, 1e-13);
}

/* ------------------------------------------------------------------ reductions and order */

static const tw_shape shapes[] = {{3, {3, 1000, 70}}, {1, {1001}}, {2, {7, 9}}};

static void reductions_of(cases *c, tw_dtype dtype, double low, double high) {
  for (int s = 0; s < 3; s++)
    for (int axis = 0; axis < shapes[s].rank; axis++) {
      begin(c, "reductions");
      tw_expr x = drawn(c, dtype, shapes[s], low, high);
      put(c, tw_sum(x, 1u << axis, false));
      put(c, tw_prod(x, 1u << axis, false));
      put(c, tw_reduce_max(x, 1u << axis, false));
      put(c, tw_reduce_min(x, 1u << axis, false));
      put(c, tw_argmax(x, axis));
      put(c, tw_argmin_index(x, axis));
      put(c, tw_argsort(x, axis));
      put(c, tw_cumsum(x, axis, axis % 2));
      put(c, tw_cumprod(x, axis));
    }
}

static void reductions(void **state) {
  (void)state;
  static cases c;
  cases_open(&c);
  reductions_of(&c, TW_F64, 0.99, 1.01);
  reductions_of(&c, TW_I64, -0x1p62, 0x1p62);
  reductions_of(&c, TW_I32, -100, 100);
  reductions_of(&c, TW_U8, 0, 256);
  reductions_of(&c, TW_BOOL, 0, 2);
  begin(&c, "smooth reductions");
  tw_expr x = drawn(&c, TW_F64, TW_SHAPE(3, 400, 70), -3, 3);
  put(&c, tw_norm(x, 2, false));
  put(&c, tw_logsumexp(x, 2, false));
  put(&c, tw_softmax(x, 1));
  cases_check(&c, 2e-13);
}

/* In f32, where a plain sum of so many terms loses digits: of columns, of rows, of all. */
static void long_sums(void **state) {
  (void)state;
  static cases c;
  cases_open(&c);
  for (int k = 0; k < 2; k++) { /* fused and not */
    begin(&c, "long sums");
    tw_expr x = drawn(&c, TW_F32, TW_SHAPE(300000, 2), 0.0999, 0.1001), y = drawn(&c, TW_F32, TW_SHAPE(50, 1000), 0.0999, 0.1001);
    put(&c, tw_sum(tw_square(x), 1, false));
    put(&c, tw_sum(tw_square(y), 2, false));
    put(&c, tw_sum(tw_square(x), TW_ALL, false));
  }
  cases_check(&c, 2e-7);
}

/* A constant without elements, which C has no array for. */
static void nothing_is_summed(void **state) {
  (void)state;
  static cases c;
  double none[1] = {0};
  cases_open(&c);
  for (int k = 0; k < 2; k++) {
    begin(&c, "nothing");
    tw_array empty = tw_array_view(none, TW_F64, TW_SHAPE(0));
    tw_expr x = drawn(&c, TW_F64, TW_SHAPE(3), -1, 1), e = tw_constant(c.graph, &empty);
    put(&c, tw_add(tw_sum(e, TW_ALL, false), tw_sum(x, TW_ALL, false)));
    put(&c, tw_concat(2, (tw_expr[]){e, x}, 0));
    put(&c, tw_add(tw_sum(tw_sort(e, 0), TW_ALL, false), x));
  }
  cases_check(&c, 1e-15);
}

static void special_values(void **state) {
  (void)state;
  const tw_dtype dtypes[] = {TW_F64, TW_F32};
  static cases c;
  cases_open(&c);
  for (int d = 0; d < 2; d++)
    for (int row = 0; row < 2; row++) {
      begin(&c, "NaN, infinity, ties");
      tw_expr x = GIVEN(&c, dtypes[d], TW_SHAPE(4, 6), 1, NAN, -INFINITY, 3, 3, NAN, INFINITY, -0.0, 0,
                        INFINITY, -INFINITY, 0, 2, 2, -1, -1, 0, 5, -INFINITY, -INFINITY, -INFINITY,
                        -INFINITY, -INFINITY, -INFINITY);
      put(&c, tw_sum(x, 1u << row, false));
      put(&c, tw_reduce_max(x, 1u << row, false));
      put(&c, tw_reduce_min(x, 1u << row, false));
      put(&c, tw_argmax(x, row));
      put(&c, tw_argmin_index(x, row));
      put(&c, tw_argsort(x, row));
      put(&c, tw_norm(x, 1u << row, false));
      put(&c, tw_logsumexp(x, 1u << row, false));
      put(&c, tw_softmax(x, row));
      put(&c, tw_cumsum(x, row, true));
    }
  begin(&c, "norms far from 1");
  tw_expr x = GIVEN(&c, TW_F64, TW_SHAPE(4, 2), 3e200, 4e200, 3e-200, 4e-200, 0, 0, 5e-324, 0);
  put(&c, tw_div(tw_norm(x, 2, false), VECTOR(c.graph, 5e200, 5e-200, 1, 5e-324)));
  tw_expr y = GIVEN(&c, TW_F32, TW_SHAPE(3, 2), 3e30, 4e30, 3e-30, 4e-30, 0, 0);
  put(&c, tw_div(tw_cast(tw_norm(y, 2, false), TW_F64), VECTOR(c.graph, 5e30, 5e-30, 1)));
  begin(&c, "digamma and its derivatives");
  tw_expr z = drawn(&c, TW_F64, TW_SHAPE(50), -4.3, 20);
  put(&c, tw_digamma(z));
  put(&c, tw_grad(tw_sum(tw_digamma(z), TW_ALL, false), z));
  cases_check(&c, 1e-6);
}

/* Uniform draws have the same bits, normal ones but for the mathematical library. */
static void draws(void **state) {
  (void)state;
  static cases c;
  for (int normal = 0; normal < 2; normal++) {
    cases_open(&c);
    begin(&c, "draws");
    tw_expr key = GIVEN(&c, TW_I64, TW_SHAPE(3), 0, -5, 0x1p60);
    put(&c, normal ? tw_normal(key, TW_SHAPE(7)) : tw_uniform(key, TW_SHAPE(7)));
    put(&c, normal ? tw_normal(key, TW_SCALAR) : tw_uniform(key, TW_SCALAR));
    cases_check(&c, normal ? 1e-15 : 0);
  }
}

/* ------------------------------------------------------------------ integers and indices that fail */

static void failures(void **state) {
  (void)state;
  static cases c;
  cases_open(&c);
  for (int zero = 0; zero < 2; zero++) {
    begin(&c, "integer division");
    tw_expr a = GIVEN(&c, TW_I64, TW_SHAPE(4), -7, 7, INT64_MIN, 5),
            b = GIVEN(&c, TW_I64, TW_SHAPE(2, 1), zero ? 0 : -1, 3);
    put(&c, tw_idiv(a, b));
    put(&c, tw_mod(a, b));
  }
  for (int64_t at = -1; at < 5; at++) {
    const double index[] = {0, (double)at, 2, 1};
    for (int op = 0; op < 4; op++) {
      begin(&c, "indices");
      tw_expr i = given(&c, TW_I64, TW_SHAPE(4), index), x = drawn(&c, TW_F64, TW_SHAPE(4, 3), -1, 1);
      tw_expr places = tw_broadcast(tw_reshape(i, TW_SHAPE(4, 1)), TW_SHAPE(4, 3));
      if (op == 0) put(&c, tw_take(x, 1, &i));
      if (op == 1) put(&c, tw_scatter_add(c.graph, TW_SHAPE(4, 3), 1, &i, x));
      if (op == 2) put(&c, tw_take_along(x, places, 0));
      if (op == 3) put(&c, tw_grad(tw_sum(tw_square(tw_take_along(x, places, 0)), TW_ALL, false), x));
    }
  }
  cases_check(&c, 1e-15);
}

/* ------------------------------------------------------------------ matrices */

static tw_expr symmetric(tw_expr a) {
  return tw_add(a, tw_matrix_transpose(a));
}

static tw_expr shifted(tw_expr a, double by) {
  const tw_shape shape = tw_shape_of(a);
  const int64_t n = shape.dim[shape.rank - 1];
  return tw_add(a, tw_scale(tw_eye(a.graph, tw_dtype_of(a), n, n), by));
}

static void put_svd(cases *c, tw_expr a) {
  const tw_shape shape = tw_shape_of(a);
  tw_expr svd = tw_svd(a), u = tw_svd_u(svd, shape.dim[0]), s = tw_svd_s(svd, shape.dim[0]),
          v = tw_svd_v(svd, shape.dim[0]);
  put(c, s);
  put(c, tw_matmul(tw_mul(u, s), tw_matrix_transpose(v)));
  put(c, tw_matmul(tw_matrix_transpose(u), u));
  put(c, tw_matmul(tw_matrix_transpose(v), v));
}

/* Where vectors are not unique, what follows from them is. */
static void degenerate(cases *c) {
  begin(c, "svd of rank 2");
  put_svd(c, tw_matmul(drawn(c, TW_F64, TW_SHAPE(7, 2), -1, 1), drawn(c, TW_F64, TW_SHAPE(2, 5), -1, 1)));
  begin(c, "svd of rank 1, wide");
  put_svd(c, tw_matmul(drawn(c, TW_F64, TW_SHAPE(4, 1), -1, 1), drawn(c, TW_F64, TW_SHAPE(1, 6), -1, 1)));
  begin(c, "svd of zeros");
  put_svd(c, drawn(c, TW_F64, TW_SHAPE(3, 5), 0, 0));
  begin(c, "svd of ones");
  put_svd(c, drawn(c, TW_F64, TW_SHAPE(6, 6), 1, 1));
  begin(c, "svd of the identity, large");
  put_svd(c, tw_scale(shifted(drawn(c, TW_F64, TW_SHAPE(5, 5), 0, 0), 1), 0x1p40));
  begin(c, "eigh of a projector");
  tw_expr q = drawn(c, TW_F64, TW_SHAPE(8, 3), -1, 1);
  tw_expr p = tw_matmul(q, tw_linear_solve(tw_matmul(tw_matrix_transpose(q), q), tw_matrix_transpose(q)));
  tw_expr e = tw_eigh(p), v = tw_eigh_vectors(e);
  put(c, tw_eigh_values(e));
  put(c, tw_matmul(tw_mul(v, tw_eigh_values(e)), tw_matrix_transpose(v)));
  put(c, tw_matmul(tw_matrix_transpose(v), v));
  begin(c, "det and its gradient of a singular matrix");
  tw_expr x = GIVEN(c, TW_F64, TW_SHAPE(3, 3), 1, 2, 3, 2, 4, 6, 1, 0, 1);
  put(c, tw_det(x));
  put(c, tw_grad(tw_det(x), x));
}

static void large(cases *c, int64_t n) {
  begin(c, "factors");
  tw_expr a = drawn(c, TW_F64, TW_SHAPE(n, n), -1, 1), b = drawn(c, TW_F64, TW_SHAPE(n, 7), -1, 1);
  tw_expr spd = shifted(tw_matmul(a, tw_matrix_transpose(a)), (double)n), regular = shifted(a, (double)n / 2);
  put(c, tw_cholesky(spd));
  put(c, tw_cholesky_solve(spd, b));
  put(c, tw_linear_solve(regular, b));
  put(c, tw_linear_solve(tw_matrix_transpose(regular), b));
  put(c, tw_inverse(regular));
  put(c, tw_logdet(regular));
  for (int way = 0; way < 4; way++) put(c, tw_triangular_solve(regular, b, way & 1, way & 2));
  begin(c, "permutation");
  put(c, tw_linear_solve(drawn(c, TW_F64, TW_SHAPE(3, n, n), -1, 1),
                         drawn(c, TW_F64, TW_SHAPE(3, n, 1), -1, 1)));
  begin(c, "decompositions");
  tw_expr s = symmetric(drawn(c, TW_F64, TW_SHAPE(n, n), -1, 1));
  put(c, tw_eigh(s));
  put(c, tw_svd(drawn(c, TW_F64, TW_SHAPE(n, n / 2), -1, 1)));
  put(c, tw_svd(drawn(c, TW_F64, TW_SHAPE(n / 2, n), -1, 1)));
}

static void refused(cases *c) {
  static const double singular[] = {1, 2, 2, 4}, indefinite[] = {1, 2, 2, -2}, broken[] = {1, NAN, NAN, 3},
                      good[] = {3, 1, 1, 2};
  const double *const matrix[] = {singular, indefinite, broken, good};
  for (int k = 0; k < 4; k++)
    for (int op = 0; op < 8; op++) {
      begin(c, "refused");
      tw_expr a = given(c, TW_F64, TW_SHAPE(2, 2), matrix[k]), b = drawn(c, TW_F64, TW_SHAPE(2), -1, 1);
      tw_expr all[] = {
          tw_cholesky(a),
          tw_linear_solve(a, b),
          tw_inverse(a),
          tw_logdet(a),
          tw_det(a),
          tw_eigh(a),
          tw_svd(a),
          tw_triangular_solve(tw_sub(a, tw_scale(tw_eye(c->graph, TW_F64, 2, 2), 4)), b, true, false)};
      put(c, all[op]);
    }
}

static void matrices(void **state) {
  (void)state;
  static cases c;
  cases_open(&c);
  degenerate(&c);
  large(&c, 12);
  large(&c, 45);
  refused(&c);
  cases_check(&c, 1e-11);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(products),       cmocka_unit_test(reductions),
                                     cmocka_unit_test(long_sums),      cmocka_unit_test(nothing_is_summed),
                                     cmocka_unit_test(special_values), cmocka_unit_test(draws),
                                     cmocka_unit_test(failures),       cmocka_unit_test(matrices)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
