/* Fused functions against the same functions op by op. */
#include "random_graph.h"

#include <string.h>

typedef struct run {
  tw_fn *fn;
  tw_work *work;
  tw_array out[RANDOM_POOL];
  int n;
} run;

static size_t bytes_of(const tw_array *a) { return (size_t)tw_shape_size(&a->shape) * tw_dtype_get(a->dtype)->size; }

static void run_open(run *r, random_graph *g, int n, const tw_expr *out, unsigned mode) {
  tw_error error;
  r->n = n;
  if (tw_fn_new(&r->fn, RANDOM_INPUTS, g->input, n, out, &(tw_fn_options){.mode = mode}, &error) != TW_OK ||
      tw_work_new(&r->work, r->fn, &error) != TW_OK)
    fail_msg("%s", error.message);
  for (int i = 0; i < n; i++) assert_int_equal(tw_array_new(&r->out[i], tw_dtype_of(out[i]), tw_shape_of(out[i]), NULL), TW_OK);
}

static void run_call(run *r, random_graph *g, int threads, tw_jit jit) {
  tw_error error;
  const void *in[RANDOM_INPUTS];
  void *out[RANDOM_POOL];
  for (int i = 0; i < RANDOM_INPUTS; i++) in[i] = g->value[i].data;
  for (int i = 0; i < r->n; i++) {
    out[i] = r->out[i].data;
    memset(out[i], 0xee, bytes_of(&r->out[i]));
  }
  tw_work_exec(r->work, &(tw_exec){.threads = threads, .jit = jit});
  if (tw_fn_call(r->fn, r->work, in, out, 0, &error) != TW_OK) fail_msg("%s", error.message);
}

static void run_close(run *r) {
  for (int i = 0; i < r->n; i++) tw_array_free(&r->out[i]);
  tw_work_free(r->work);
  tw_fn_free(r->fn);
}

static double get(const tw_array *a, int64_t e) {
  return a->dtype == TW_F64 ? ((const double *)a->data)[e] : (double)((const float *)a->data)[e];
}

/* The same within rounding: sums are ordered otherwise, and errors pass through maxima and comparisons smoothly enough. */
static void assert_same_within(const run *a, const run *b, double tolerance, uint64_t key) {
  for (int i = 0; i < a->n; i++)
    for (int64_t e = 0; e < tw_shape_size(&a->out[i].shape); e++) {
      const double x = get(&a->out[i], e), y = get(&b->out[i], e);
      if (!(fabs(x - y) <= tolerance * fmax(1, fabs(y))))
        fail_msg("key %llu, output %d, element %lld: %.17g, unfused %.17g", (unsigned long long)key, i, (long long)e, x, y);
    }
}

static void compare(uint64_t key, tw_dtype dtype, int64_t m, int64_t n, bool gradients, bool native) {
  random_graph g;
  random_graph_open(&g, key, dtype, m, n);
  random_graph_grow(&g, 20);
  tw_expr out[RANDOM_POOL];
  int count = 0;
  for (int i = 0; i < 4; i++) out[count++] = g.pool[RANDOM_INPUTS + pick(&g, g.count - RANDOM_INPUTS)];
  out[count++] = g.pool[g.count - 1];
  if (gradients) {
    tw_expr f = tw_sum(tw_square(out[0]), TW_ALL, false);
    for (int i = 0; i < RANDOM_INPUTS; i++) out[count++] = tw_grad(f, g.input[i]);
  }
  run fused, plain;
  run_open(&fused, &g, count, out, 0);
  run_open(&plain, &g, count, out, TW_MODE_UNFUSED);
  run_call(&fused, &g, 1, TW_JIT_OFF);
  run_call(&plain, &g, 1, TW_JIT_OFF);
  assert_same_within(&fused, &plain, dtype == TW_F64 ? 1e-10 : 1e-2, key);
  tw_array first[RANDOM_POOL];
  for (int i = 0; i < count; i++) {
    first[i] = fused.out[i];
    assert_int_equal(tw_array_new(&fused.out[i], first[i].dtype, first[i].shape, NULL), TW_OK);
  }
  for (int k = 0; k < 2; k++) {
    if (k == 1 && !native) continue;
    run_call(&fused, &g, 2, k ? TW_JIT_ON : TW_JIT_OFF);
    for (int i = 0; i < count; i++)
      if (memcmp(first[i].data, fused.out[i].data, bytes_of(&first[i])) != 0)
        fail_msg("key %llu: output %d differs %s", (unsigned long long)key, i, k ? "in native code" : "between 1 and 2 threads");
  }
  for (int i = 0; i < count; i++) tw_array_free(&first[i]);
  assert_true((double)tw_fn_work_bytes(fused.fn) <= 1.1 * (double)tw_fn_live_bytes(fused.fn) + 4096);
  run_close(&fused);
  run_close(&plain);
  random_graph_close(&g);
}

static void small_graphs(void **state) {
  (void)state;
  for (uint64_t key = 1; key <= 600; key++)
    compare(key, key % 4 ? TW_F64 : TW_F32, 1 + (int64_t)(key % 7), 1 + (int64_t)(key % 11), key % 2, key % 10 == 0);
}

/* Several blocks, tiles and threads; rows that do not divide them. */
static void large_graphs(void **state) {
  (void)state;
  for (uint64_t key = 1; key <= 12; key++) compare(1000 + key, TW_F64, 97 + (int64_t)key, 601 + 11 * (int64_t)key, key % 2, key < 4);
  for (uint64_t key = 1; key <= 6; key++) compare(2000 + key, TW_F64, 300, 300, key % 2, key < 3);
  for (uint64_t key = 1; key <= 6; key++) compare(3000 + key, TW_F32, 5, 30011, key % 2, key < 3);
}

/* A chain with its gradient is one pass that stores only the gradient. */
static void chain_is_one_pass(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  const int64_t n = 100000;
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(n)), y = tw_input(g, "y", TW_F64, TW_SHAPE(n)), w = tw_input(g, "w", TW_F64, TW_SHAPE(n));
  tw_expr f = tw_sum(tw_mul(tw_log1p(tw_exp(tw_neg(tw_mul(y, x)))), w), TW_ALL, false);
  tw_fn *fn;
  tw_error error;
  assert_int_equal(tw_fn_new(&fn, 3, (tw_expr[]){x, y, w}, 2, (tw_expr[]){f, tw_grad(f, x)}, NULL, &error), TW_OK);
  assert_int_equal(tw_fn_steps(fn), 1);
  assert_true(tw_fn_work_bytes(fn) < (size_t)n); /* registers and partial sums, no array */
  tw_fn_free(fn);
  tw_graph_free(g);
}

static void bad_index_is_named(void **state) {
  (void)state;
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(10)), k = tw_input(g, "k", TW_I64, TW_SCALAR);
  tw_expr at = tw_add(k, tw_iota(g, TW_I64, 5)), e = tw_exp(tw_take(x, 1, &at));
  double in[10] = {0}, out[5];
  for (int64_t start = -2; start <= 7; start++) {
    tw_fn *fn;
    tw_work *work;
    tw_error error = {0};
    assert_int_equal(tw_fn_new(&fn, 2, (tw_expr[]){x, k}, 1, &e, NULL, &error), TW_OK);
    assert_int_equal(tw_work_new(&work, fn, &error), TW_OK);
    const tw_status status = tw_fn_call(fn, work, (const void *[]){in, &start}, (void *[]){out}, 0, &error);
    assert_int_equal(status, start >= 0 && start <= 5 ? TW_OK : TW_ERR_RANGE);
    if (status != TW_OK) assert_non_null(strstr(error.message, "extent is 10"));
    tw_work_free(work);
    tw_fn_free(fn);
  }
  tw_graph_free(g);
}

/* Steps whose multiples wrap around must not pass for positions inside: 4 x 2^62 = 0 modulo 2^64. */
static void steps_that_wrap_are_refused(void **state) {
  (void)state;
  const int64_t step[] = {INT64_C(1) << 62, INT64_C(1) << 61, INT64_MAX, INT64_MIN, -(INT64_C(1) << 62)};
  for (int i = 0; i < 5; i++) {
    tw_graph *g = tw_graph_new();
    tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(10));
    tw_expr at = tw_mul(tw_iota(g, TW_I64, i == 1 ? 9 : 5), tw_integer(g, step[i])), e = tw_exp(tw_take(x, 1, &at));
    double in[10] = {0}, out[9];
    tw_fn *fn;
    tw_work *work;
    tw_error error = {0};
    assert_int_equal(tw_fn_new(&fn, 1, &x, 1, &e, NULL, &error), TW_OK);
    assert_int_equal(tw_work_new(&work, fn, &error), TW_OK);
    assert_int_equal(tw_fn_call(fn, work, (const void *[]){in}, (void *[]){out}, 0, &error), TW_ERR_RANGE);
    tw_work_free(work);
    tw_fn_free(fn);
    tw_graph_free(g);
  }
}

/* Three look-ups, each by RANK indices that are sums of four numbers: all that one node reads has room. */
static void many_numbers_in_indices(void **state) {
  (void)state;
  enum { RANK = 8, TERMS = 4, N = 3, SCALARS = 3 * RANK * TERMS };
  tw_graph *g = tw_graph_new();
  tw_shape shape = {.rank = RANK};
  for (int d = 0; d < RANK; d++) shape.dim[d] = d == 0 ? N : 1;
  tw_expr x = tw_input(g, "x", TW_F64, shape), in[SCALARS + 1] = {x}, taken[3];
  const void *data[SCALARS + 1];
  static const int64_t zero = 0;
  double values[N] = {1, 2, 3}, out[2][N];
  data[0] = values;
  for (int k = 0; k < SCALARS; k++) {
    in[k + 1] = tw_input(g, NULL, TW_I64, TW_SCALAR);
    data[k + 1] = &zero;
  }
  for (int i = 0; i < 3; i++) {
    tw_expr index[RANK];
    for (int d = 0; d < RANK; d++) {
      index[d] = d == 0 ? tw_iota(g, TW_I64, N) : tw_mul(tw_iota(g, TW_I64, N), tw_integer(g, 0));
      for (int t = 0; t < TERMS; t++) index[d] = tw_add(index[d], in[1 + (i * RANK + d) * TERMS + t]);
    }
    taken[i] = tw_take(x, RANK, index);
  }
  tw_expr e = tw_where(tw_gt(taken[0], tw_scalar(g, 1.5)), taken[1], tw_neg(taken[2]));
  e = tw_where(tw_gt(taken[0], tw_scalar(g, 2.5)), tw_add(e, taken[1]), e);
  for (int k = 0; k < 2; k++) {
    tw_fn *fn;
    tw_work *work;
    tw_error error = {0};
    assert_int_equal(tw_fn_new(&fn, SCALARS + 1, in, 1, &e, &(tw_fn_options){.mode = k ? TW_MODE_UNFUSED : 0}, &error), TW_OK);
    assert_int_equal(tw_work_new(&work, fn, &error), TW_OK);
    if (tw_fn_call(fn, work, data, (void *[]){out[k]}, 0, &error) != TW_OK) fail_msg("%s", error.message);
    tw_work_free(work);
    tw_fn_free(fn);
  }
  assert_memory_equal(out[0], out[1], sizeof out[0]);
  assert_true(out[0][0] == -1 && out[0][1] == 2 && out[0][2] == 6);
  tw_graph_free(g);
}

/* log(1 + e^(x w)) of n numbers, by one call or in calls of `piece` numbers. */
static void softplus_in_pieces(tw_dtype dtype, int64_t n, int64_t piece, const char *x, const char *w, char *out) {
  const int64_t bytes = (int64_t)tw_dtype_get(dtype)->size;
  for (int64_t at = 0; at < n; at += piece) {
    const int64_t some = n - at < piece ? n - at : piece;
    tw_graph *g = tw_graph_new();
    tw_expr in[2] = {tw_input(g, "x", dtype, TW_SHAPE(some)), tw_input(g, "w", dtype, TW_SHAPE(some))};
    tw_expr y = tw_log1p(tw_exp(tw_mul(in[0], in[1])));
    tw_error error;
    tw_fn *fn;
    tw_work *work;
    assert_int_equal(tw_fn_new(&fn, 2, in, 1, &y, NULL, &error), TW_OK);
    assert_int_equal(tw_work_new(&work, fn, &error), TW_OK);
    assert_int_equal(tw_fn_call(fn, work, (const void *[]){x + at * bytes, w + at * bytes}, (void *[]){out + at * bytes}, 0, &error), TW_OK);
    tw_work_free(work);
    tw_fn_free(fn);
    tw_graph_free(g);
  }
}

/* Arrays so long that blocks are asked for ahead, and functions run in pieces, give the bits of short ones. */
static void long_arrays(void **state) {
  (void)state;
  enum { N = 700037, PIECE = 70001 };
  for (int single = 0; single < 2; single++) {
    double *memory = tw_alloc(4 * (size_t)N, sizeof *memory);
    assert_non_null(memory);
    double *x = memory, *w = x + N, *whole = w + N, *parts = whole + N;
    for (int64_t i = 0; i < N; i++) {
      const double a = 3 * tw_random_normal(1, (uint64_t)i), b = tw_random_normal(2, (uint64_t)i);
      if (single) ((float *)x)[i] = (float)a, ((float *)w)[i] = (float)b;
      else x[i] = a, w[i] = b;
    }
    const tw_dtype dtype = single ? TW_F32 : TW_F64;
    softplus_in_pieces(dtype, N, N, (char *)x, (char *)w, (char *)whole);
    softplus_in_pieces(dtype, N, PIECE, (char *)x, (char *)w, (char *)parts);
    assert_memory_equal(whole, parts, N * tw_dtype_get(dtype)->size);
    free(memory);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(small_graphs), cmocka_unit_test(large_graphs),
                                     cmocka_unit_test(chain_is_one_pass), cmocka_unit_test(bad_index_is_named),
                                     cmocka_unit_test(steps_that_wrap_are_refused), cmocka_unit_test(many_numbers_in_indices),
                                     cmocka_unit_test(long_arrays)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
