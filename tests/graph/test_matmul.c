/* Products: the small kernels of both builds against plain loops, and matmul nodes of every way a product is
 * cut. */
#include "evaluate.h"

#include "graph/ops/small_product.h"

#define MOST_BUILDS 3

typedef struct build {
  const char *name;
  const tw_small_kernels *kernels; /* f64, f32 */
  bool fused;                      /* a b + c rounds once */
} build;

/* The portable build, and those that this machine runs. */
static int builds_here(build out[MOST_BUILDS]) {
  const tw_cpu cpu = tw_cpu_features();
  int n = 0;
  out[n++] = (build){"portable", tw_small_portable, false};
  if (cpu.avx2 && tw_small_kernels_for((tw_cpu){.avx2 = true}) != tw_small_portable)
    out[n++] = (build){"avx2", tw_small_kernels_for((tw_cpu){.avx2 = true}), true};
  if (cpu.avx512 && tw_small_kernels_for(cpu) != tw_small_portable) out[n++] = (build){"avx512", tw_small_kernels_for(cpu), true};
  return n;
}

/* Numbers of `dtype` in memory of exactly their size, so that the sanitizers see every access beyond it. */
static void *numbers(tw_dtype dtype, int64_t n, uint64_t stream) {
  void *x = tw_alloc((size_t)n, tw_dtype_get(dtype)->size);
  assert_non_null(x);
  for (int64_t i = 0; i < n; i++) {
    const double v = tw_random_normal(stream, (uint64_t)i);
    if (dtype == TW_F64)
      ((double *)x)[i] = v;
    else
      ((float *)x)[i] = (float)v;
  }
  return x;
}

static double number(tw_dtype dtype, const void *x, int64_t i) {
  return tw_dense_get(dtype, x, i);
}

/* ------------------------------------------------------------------ matrices */

/* One element as the kernels define it: a sum in order of l, from C or from zero. */
static double element_of(const tw_product *p, bool fused, const void *a, const void *b, double c, int64_t i,
                         int64_t j) {
  double s = p->add ? c : 0;
  float t = (float)s;
  for (int64_t l = 0; l < p->k; l++) {
    const double x = number(p->dtype, a, p->ta ? l * p->lda + i : i * p->lda + l);
    const double y = number(p->dtype, b, p->tb ? j * p->ldb + l : l * p->ldb + j);
    if (p->dtype == TW_F64)
      s = fused ? fma(x, y, s) : x * y + s;
    else
      t = fused ? fmaf((float)x, (float)y, t) : (float)x * (float)y + t;
  }
  return p->dtype == TW_F64 ? s : (double)t;
}

static void product_is_loop(const build *b, const tw_product *p) {
  const int64_t gap = p->ldc - p->n, size = p->m * p->ldc - gap;
  void *x = numbers(p->dtype, (p->ta ? p->k : p->m) * p->lda, 1);
  void *y = numbers(p->dtype, (p->tb ? p->n : p->k) * p->ldb, 2);
  void *z = numbers(p->dtype, size, 3), *before = numbers(p->dtype, size, 3);
  b->kernels[p->dtype == TW_F32].multiply(p, x, y, z);
  for (int64_t e = 0; e < size; e++) {
    const int64_t i = e / p->ldc, j = e % p->ldc;
    const double old = number(p->dtype, before, e);
    const double expected = j < p->n ? element_of(p, b->fused, x, y, old, i, j) : old;
    if (number(p->dtype, z, e) != expected)
      fail_msg("%s %lldx%lldx%lld%s%s: element %lld, %lld is %.17g, expected %.17g", b->name, (long long)p->m,
               (long long)p->n, (long long)p->k, p->ta ? " ta" : "", p->tb ? " tb" : "", (long long)i,
               (long long)j, number(p->dtype, z, e), expected);
  }
  free(x);
  free(y);
  free(z);
  free(before);
}

static tw_product product_of(tw_dtype dtype, int64_t m, int64_t n, int64_t k, unsigned flags) {
  const bool ta = flags & 1, tb = flags & 2;
  tw_product p = {dtype, m, n, k, ta, tb, ta ? m : k, tb ? k : n, n, flags & 4};
  if (flags & 8) p.lda += 3, p.ldb += 1, p.ldc += 2;
  return p;
}

/* Every extent from 1 to 17 in every storage, bit for bit. */
static void test_small_matrices(void **state) {
  (void)state;
  build builds[MOST_BUILDS];
  const int n_builds = builds_here(builds);
  unsigned flags = 0;
  for (int64_t m = 1; m <= 17; m++)
    for (int64_t n = 1; n <= 17; n++)
      for (int64_t k = 1; k <= 17; k++)
        for (int b = 0; b < n_builds; b++, flags++) {
          const tw_product f64 = product_of(TW_F64, m, n, k, flags),
                           f32 = product_of(TW_F32, m, n, k, flags / 3);
          product_is_loop(&builds[b], &f64);
          product_is_loop(&builds[b], &f32);
        }
}

/* Panels beside each other and packed pieces of the inner extent. */
static void test_wide_matrices(void **state) {
  (void)state;
  static const int64_t extents[][3] = {{1, 40, 5},  {9, 70, 3},  {3, 33, 130}, {20, 5, 200},
                                       {70, 64, 2}, {8, 32, 64}, {11, 65, 65}, {2, 100, 70}};
  build builds[MOST_BUILDS];
  const int n_builds = builds_here(builds);
  for (size_t e = 0; e < sizeof extents / sizeof *extents; e++)
    for (unsigned flags = 0; flags < 16; flags++)
      for (int b = 0; b < n_builds; b++)
        for (int single = 0; single < 2; single++) {
          const tw_product p =
              product_of(single ? TW_F32 : TW_F64, extents[e][0], extents[e][1], extents[e][2], flags);
          product_is_loop(&builds[b], &p);
        }
}

/* ------------------------------------------------------------------ vectors */

/* y = A x or A'x to within the error bound of any order of summation. */
static void vector_is_loop(const build *b, tw_dtype dtype, bool transpose, int64_t rows, int64_t cols,
                           int64_t lda) {
  const int64_t m = transpose ? cols : rows, k = transpose ? rows : cols;
  void *a = numbers(dtype, (rows - 1) * lda + cols, 4), *x = numbers(dtype, k, 5), *y = numbers(dtype, m, 6);
  const tw_small_kernels *kernels = &b->kernels[dtype == TW_F32];
  (transpose ? kernels->columns : kernels->rows)(rows, cols, a, lda, x, y);
  for (int64_t i = 0; i < m; i++) {
    double s = 0, size = 0;
    for (int64_t l = 0; l < k; l++) {
      const double t = number(dtype, a, transpose ? l * lda + i : i * lda + l) * number(dtype, x, l);
      s += t;
      size += fabs(t);
    }
    const double bound = (double)(k + 1) * (dtype == TW_F64 ? 2.3e-16 : 1.2e-7) * size;
    if (!(fabs(number(dtype, y, i) - s) <= bound))
      fail_msg("%s %lldx%lld%s: element %lld is %.17g, expected %.17g", b->name, (long long)rows,
               (long long)cols, transpose ? "'" : "", (long long)i, number(dtype, y, i), s);
  }
  free(a);
  free(x);
  free(y);
}

static void test_thin_matrix_times_vector(void **state) {
  (void)state;
  static const int64_t sizes[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,  13,  14,
                                  15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 99, 130, 442, 1001};
  enum { N = sizeof sizes / sizeof *sizes };
  build builds[MOST_BUILDS];
  const int n_builds = builds_here(builds);
  for (int r = 0; r < N; r++)
    for (int c = 0; c < N; c++)
      for (int b = 0; b < n_builds; b++)
        for (unsigned flags = 0; flags < 4; flags++)
          vector_is_loop(&builds[b], flags & 1 ? TW_F32 : TW_F64, flags & 2, sizes[r], sizes[c],
                         sizes[c] + (r + c) % 3);
}

/* A row of a matrix times a vector has the same bits wherever the row stands, so that cutting rows changes
 * none. */
static void test_rows_do_not_depend_on_their_place(void **state) {
  (void)state;
  build builds[MOST_BUILDS];
  const int n_builds = builds_here(builds);
  for (int b = 0; b < n_builds; b++)
    for (int64_t cols = 1; cols < 50; cols++) {
      double *a = numbers(TW_F64, 7 * cols, 7), *x = numbers(TW_F64, cols, 8), y[7], one;
      builds[b].kernels->rows(7, cols, a, cols, x, y);
      for (int64_t i = 0; i < 7; i++) {
        builds[b].kernels->rows(1, cols, a + i * cols, cols, x, &one);
        assert_same_bits(y[i], one);
      }
      free(a);
      free(x);
    }
}

/* ------------------------------------------------------------------ nodes */

typedef struct stack {
  tw_shape shape;
  bool transposed;
} stack;

/* a @ b for all entries of the stacks, each operand stored transposed or not, on one and on two threads. */
static void node_is_loop(tw_dtype dtype, stack a, stack b) {
  tw_error error = {0};
  tw_graph *graph = tw_graph_new();
  tw_array value[2];
  const stack side[2] = {a, b};
  tw_expr in[2];
  for (int i = 0; i < 2; i++) {
    assert_ok(tw_array_new(&value[i], dtype, side[i].shape, &error));
    for (int64_t e = 0; e < size_of(&value[i]); e++)
      set_element(&value[i], e, floor(tw_random_uniform((uint64_t)i + 20, (uint64_t)e) * 9) - 4);
    in[i] = tw_input(graph, "x", dtype, side[i].shape);
  }
  const tw_expr x = a.transposed ? tw_matrix_transpose(in[0]) : in[0];
  const tw_expr y = b.transposed ? tw_matrix_transpose(in[1]) : in[1];
  const tw_expr node = tw_matmul(x, y);
  assert_true(tw_same(tw_input_of(node, 0), in[0]) && tw_same(tw_input_of(node, 1), in[1])); /* no copies */
  tw_array one = evaluate_on("matmul", 2, in, value, node, 1),
           two = evaluate_on("matmul", 2, in, value, node, 2);
  assert_memory_equal(one.data, two.data, (size_t)size_of(&one) * tw_dtype_get(dtype)->size);
  /* the same by broadcasting and sums of whole numbers, which are exact */
  const int columns = tw_shape_of(y).rank - 1;
  const tw_expr left = tw_shape_of(y).rank == 1 ? x : tw_expand(x, -1);
  const tw_expr right = tw_shape_of(x).rank == 1 || tw_shape_of(y).rank == 1 ? y : tw_expand(y, columns - 1);
  const tw_expr terms = tw_mul(left, right);
  const int axis = tw_shape_of(terms).rank - (tw_shape_of(y).rank == 1 ? 1 : 2);
  tw_array sum = evaluate_on("sums", 2, in, value, tw_sum(terms, 1u << axis, false), 1);
  assert_int_equal(size_of(&sum), size_of(&one));
  for (int64_t e = 0; e < size_of(&one); e++) assert_true(element(&one, e) == element(&sum, e));
  for (int i = 0; i < 2; i++) tw_array_free(&value[i]);
  tw_array_free(&one);
  tw_array_free(&two);
  tw_array_free(&sum);
  tw_graph_free(graph);
}

static void test_nodes(void **state) {
  (void)state;
  static const stack pairs[][2] = {
      {{{2, {442, 10}}, false}, {{1, {10}}, false}}, /* tall times vector */
      {{{2, {442, 10}}, true}, {{1, {442}}, false}}, /* and transposed */
      {{{2, {10, 442}}, false}, {{1, {442}}, false}},
      {{{2, {10, 442}}, true}, {{1, {10}}, false}},
      {{{1, {300}}, false}, {{2, {300, 11}}, false}},
      {{{3, {1000, 3, 3}}, false}, {{3, {1000, 3, 3}}, true}},   /* many small ones */
      {{{4, {7, 1, 3, 4}}, false}, {{3, {5, 4, 2}}, false}},     /* a stack that broadcasts */
      {{{4, {40, 1, 6, 5}}, true}, {{4, {1, 30, 6, 4}}, false}}, /* two axes of it, several pieces */
      {{{2, {130, 70}}, false}, {{2, {70, 140}}, false}},        /* blocks */
      {{{2, {90, 150}}, true}, {{2, {200, 90}}, true}},
      {{{2, {3000, 40}}, true}, {{2, {3000, 20}}, false}}, /* cut by the inner extent */
      {{{2, {2000, 30}}, false}, {{2, {30, 12}}, false}},  /* a thin result */
      {{{2, {9, 60}}, false}, {{2, {1500, 60}}, true}},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    node_is_loop(TW_F64, pairs[i][0], pairs[i][1]);
    node_is_loop(TW_F32, pairs[i][0], pairs[i][1]);
  }
  node_is_loop(TW_I64, pairs[0][0], pairs[0][1]);
  node_is_loop(TW_I32, pairs[7][0], pairs[7][1]);
}

/* BLAS and LAPACK are called by several threads at once; their buffers must not be shared. */
static void test_many_at_once(void **state) {
  (void)state;
  tw_error error = {0};
  tw_graph *graph = tw_graph_new();
  tw_array a;
  assert_ok(tw_array_new(&a, TW_F64, TW_SHAPE(64, 48, 48), &error));
  tw_random_normal_fill(31, 0, (size_t)size_of(&a), a.data);
  const tw_expr x = tw_input(graph, "x", TW_F64, a.shape), square = tw_matmul(tw_matrix_transpose(x), x);
  const tw_expr shifted = tw_add(square, tw_eye(graph, TW_F64, 48, 48)),
                both[2] = {square, tw_cholesky(shifted)};
  for (int i = 0; i < 2; i++) {
    tw_array one = evaluate_on("alone", 1, &x, &a, both[i], 1);
    for (int round = 0; round < 100; round++) {
      tw_array many = evaluate_on("together", 1, &x, &a, both[i], 4);
      assert_memory_equal(one.data, many.data, (size_t)size_of(&one) * sizeof(double));
      tw_array_free(&many);
    }
    tw_array_free(&one);
  }
  tw_array_free(&a);
  tw_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_small_matrices),
      cmocka_unit_test(test_wide_matrices),
      cmocka_unit_test(test_thin_matrix_times_vector),
      cmocka_unit_test(test_rows_do_not_depend_on_their_place),
      cmocka_unit_test(test_nodes),
      cmocka_unit_test(test_many_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
