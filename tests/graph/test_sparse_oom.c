/* Every allocation of a sparse derivative may fail: the graph's error says so, nothing leaks (address
 * sanitizer), nothing is half done. */
#include "failing_malloc.h"
#include "test.h"

#include <talweg/graph.h>

enum { N = 6 };

typedef struct model {
  tw_graph *graph;
  tw_expr x, f, c;
} model;

static tw_expr at(tw_expr x, tw_expr k, int64_t c) {
  tw_expr i = tw_add(k, tw_integer(k.graph, c));
  return tw_take(x, 1, &i);
}

/* A loop, a matrix with zeros, and a running sum, which goes by coloring. */
static bool open_model(model *m) {
  double a[N * N] = {0};
  m->graph = tw_graph_new();
  if (!m->graph) return false;
  tw_graph *g = m->graph;
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(8 * N)), k = tw_input(g, "k", TW_I64, TW_SCALAR);
  for (int i = 0; i < N; i++) a[i * N + i] = a[i * N + (i + 1) % N] = 1 + i;
  tw_array view = tw_array_f64(a, TW_SHAPE(N, N));
  tw_expr product = tw_matmul(tw_constant(g, &view), tw_slice(x, 0, 0, N, 1));
  tw_expr running = tw_cumsum(tw_exp(tw_reshape(x, TW_SHAPE(2, 4 * N))), 1, false);
  tw_expr chain = tw_loop_stack(k, 8 * N - 1, tw_mul(at(x, k, 0), tw_sin(at(x, k, 1))));
  m->x = x;
  m->c = tw_concat(3, (tw_expr[]){chain, tw_tanh(product), tw_ravel(running)}, 0);
  m->f = tw_sum(tw_square(m->c), TW_ALL, false);
  return tw_graph_status(g) == TW_OK;
}

static tw_status derive(model *m, int which, tw_sparse_derivative *d) {
  *d = (tw_sparse_derivative){.values = TW_NONE};
  switch (which) {
  case 0:
    return tw_sparse_jacobian(m->c, 1, &m->x, d);
  case 1:
    return tw_sparse_hessian(m->f, 1, &m->x, d);
  case 2:
    return tw_jacobian_pattern(m->c, 1, &m->x, &d->pattern);
  default:
    return tw_hessian_pattern(m->f, 1, &m->x, &d->pattern);
  }
}

static void every_allocation_may_fail(void **state) {
  (void)state;
  for (int which = 0; which < 4; which++) {
    int64_t expected = -1;
    bool happened = true;
    for (long i = -1; happened; i++) { /* -1: none fails */
      model m;
      tw_sparse_derivative d;
      assert_true(open_model(&m));
      if (i >= 0) failing_arm(i);
      tw_status status = derive(&m, which, &d);
      happened = failing_disarm() || i < 0;
      if (i < 0 && which < 2) assert_int_equal(d.way, TW_BY_COLORING);
      if (i < 0) expected = d.pattern.nnz;
      if (status == TW_OK) {
        assert_int_equal(d.pattern.nnz, expected);
      } else {
        assert_true(happened);
        assert_int_equal(status, TW_ERR_MEMORY);
        assert_non_null(strstr(tw_graph_message(m.graph), "memory"));
        assert_null(d.pattern.colptr);
        assert_null(d.pattern.rowidx);
      }
      tw_sparse_derivative_free(&d);
      tw_graph_free(m.graph);
      if (i > 100000) fail_msg("does not end");
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
