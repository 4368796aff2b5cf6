/* What dense and deep problems cost: sizes that would take minutes, gigabytes or the stack if domains or calls nested. */
#include "graph/transform/sparsity.h"
#include "sparse.h"

#include <pthread.h>

/* ------------------------------------------------------------------ dense */

static void expect_full_hessian(tw_expr f, tw_expr x) {
  tw_sparse_derivative d;
  const int64_t n = tw_size_of(x);
  assert_int_equal(tw_sparse_hessian(f, 1, &x, &d), TW_OK);
  assert_int_equal(d.way, TW_BY_DENSE);
  assert_int_equal(d.pattern.nnz, n * (n + 1) / 2);
  tw_sparse_derivative_free(&d);
}

static tw_expr all_squared(tw_expr e) { return tw_sum(tw_square(e), TW_ALL, false); }

static void dense_products(void **state) {
  (void)state;
  const int64_t n = 200;
  tw_graph *g = tw_graph_new();
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(n)), p = tw_input(g, "P", TW_F64, TW_SHAPE(n, n));
  tw_expr i = tw_cast(tw_iota(g, TW_I64, n * n), TW_F64), m = tw_reshape(tw_add(i, tw_scalar(g, 1)), TW_SHAPE(n, n));
  expect_full_hessian(all_squared(tw_matmul(m, x)), x);
  expect_full_hessian(all_squared(tw_matmul(p, tw_matmul(p, x))), x);
  expect_full_hessian(all_squared(tw_matmul(m, tw_matmul(m, tw_tanh(tw_matmul(m, x))))), x);
  expect_full_hessian(tw_matmul(x, tw_matmul(tw_matmul(tw_matrix_transpose(m), m), x)), x);
  /* reductions within products, again and again: fans multiply */
  tw_expr y = tw_input(g, "y", TW_F64, TW_SHAPE(10, 20)), a = tw_matmul(y, tw_matrix_transpose(y)), e = a;
  for (int k = 0; k < 4; k++) e = tw_softmax(tw_matmul(a, e), 1);
  expect_full_hessian(all_squared(e), y);
  assert_int_equal(tw_graph_status(g), TW_OK);
  tw_graph_free(g);
}

/* Factors that are 0 drop terms although the operand's sets are made once: input column `idle` is never used. */
static void idle_factors(void **state) {
  (void)state;
  enum { R = 6, N = 20 };
  double a[N * N];
  for (int i = 0; i < N * N; i++) a[i] = i / N == 3 ? 0 : 0.1 * (1 + i % 7);
  model x = open_model("idle factors");
  tw_array view = tw_array_f64(a, TW_SHAPE(N, N));
  tw_expr v = add_input(&x, "X", TW_SHAPE(R, N), true), s = tw_constant(x.graph, &view);
  x.e = tw_softmax(tw_matmul(v, s), 1);
  check_jacobian(&x, (expected){TW_BY_COLORING, R * N * (N - 1), true});
  x.e = tw_softmax(tw_matmul(tw_matrix_transpose(s), tw_matrix_transpose(v)), 0);
  check_jacobian(&x, (expected){TW_BY_COLORING, R * N * (N - 1), true});
  close_model(&x);
}

/* ------------------------------------------------------------------ deep */

/* Sets stay exact through more products than unions may nest: row i of the L-th power of a bidiagonal matrix reads i .. i + L. */
static void deep_bands(void **state) {
  (void)state;
  enum { N = 150, LEVELS = 120 };
  double a[N * N] = {0};
  for (int i = 0; i < N; i++) a[i * N + i] = a[i * N + (i + 1 < N ? i + 1 : i)] = 0.5;
  tw_graph *g = tw_graph_new();
  tw_array view = tw_array_f64(a, TW_SHAPE(N, N));
  tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(N)), s = tw_constant(g, &view), e = x;
  int64_t nnz = 0;
  for (int l = 0; l < LEVELS; l++) e = tw_tanh(tw_matmul(s, e));
  for (int i = 0; i < N; i++) nnz += i + LEVELS < N ? LEVELS + 1 : N - i;
  tw_pattern p;
  assert_int_equal(tw_jacobian_pattern(e, 1, &x, &p), TW_OK);
  assert_int_equal(p.nnz, nnz);
  tw_pattern_free(&p);
  tw_graph_free(g);
}

typedef tw_expr (*step_rule)(tw_expr e, tw_expr x, tw_expr p);
static tw_expr wave(tw_expr e, tw_expr x, tw_expr p) { return tw_add(tw_sin(e), tw_mul(x, p)); }
static tw_expr linear(tw_expr e, tw_expr x, tw_expr p) { return tw_sub(tw_mul(p, tw_neg(e)), x); }
static tw_expr choice(tw_expr e, tw_expr x, tw_expr p) { return tw_where(tw_gt(e, p), tw_sin(e), x); }
static tw_expr turned(tw_expr e, tw_expr x, tw_expr p) {
  return tw_mul(tw_concat(2, (tw_expr[]){tw_slice(e, 0, 2, 2, 1), tw_slice(x, 0, 0, 2, 1)}, 0), p);
}
static tw_expr normed(tw_expr e, tw_expr x, tw_expr p) { return tw_add(tw_mul(tw_softmax(e, 0), p), x); }

static const struct {
  step_rule step;
  int64_t jacobian, hessian; /* entries; -1: whatever they are */
} chains[] = {{wave, 4, 4}, {linear, 4, -1}, {choice, 4, 4}, {turned, -1, -1}, {normed, 16, 10}};
enum { CHAINS = sizeof chains / sizeof *chains };

typedef struct answer {
  tw_status status[3];
  int64_t pattern, jacobian, hessian;
} answer;

/* The questions about each chain. */
static void *ask(void *answers) {
  enum { STEPS = 1500 };
  for (int c = 0; c < CHAINS; c++) {
    answer *out = (answer *)answers + c;
    tw_graph *g = tw_graph_new();
    tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(4)), p = tw_input(g, "p", TW_F64, TW_SHAPE(4)), e = x;
    for (int k = 0; k < STEPS; k++) e = chains[c].step(e, x, p);
    tw_pattern pattern;
    tw_sparse_derivative d;
    out->status[0] = tw_jacobian_pattern(e, 1, &x, &pattern);
    out->pattern = pattern.nnz;
    tw_pattern_free(&pattern);
    out->status[1] = tw_sparse_jacobian(e, 1, &x, &d);
    out->jacobian = d.pattern.nnz;
    tw_sparse_derivative_free(&d);
    out->status[2] = tw_sparse_hessian(all_squared(e), 1, &x, &d);
    out->hessian = d.pattern.nnz;
    tw_sparse_derivative_free(&d);
    tw_graph_free(g);
  }
  return NULL;
}

/* On the stack of a thread as other programs make them; sanitizers make frames several times larger. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_BYTES ((size_t)1 << 23)
#endif
#endif
#if !defined(STACK_BYTES) && defined(__SANITIZE_ADDRESS__)
#define STACK_BYTES ((size_t)1 << 23)
#elif !defined(STACK_BYTES)
#define STACK_BYTES ((size_t)1 << 19)
#endif
static void deep_chains(void **state) {
  (void)state;
  pthread_t thread;
  pthread_attr_t attr;
  answer answers[CHAINS];
  assert_int_equal(pthread_attr_init(&attr), 0);
  assert_int_equal(pthread_attr_setstacksize(&attr, STACK_BYTES), 0);
  assert_int_equal(pthread_create(&thread, &attr, ask, answers), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  pthread_attr_destroy(&attr);
  for (int c = 0; c < CHAINS; c++) {
    const answer *a = &answers[c];
    for (int k = 0; k < 3; k++) assert_int_equal(a->status[k], TW_OK);
    assert_int_equal(a->pattern, a->jacobian);
    if (chains[c].jacobian >= 0) assert_int_equal(a->jacobian, chains[c].jacobian);
    if (chains[c].hessian >= 0) assert_int_equal(a->hessian, chains[c].hessian);
  }
}

/* A chain of choices: each step adds as many nodes to the gradient as the last one did. */
static void chains_of_choices(void **state) {
  (void)state;
  int32_t nodes[3];
  for (int k = 0; k < 3; k++) {
    tw_graph *g = tw_graph_new();
    tw_expr x = tw_input(g, "x", TW_F64, TW_SHAPE(4)), zero = tw_scalar(g, 0), e = x;
    for (int i = 0; i < 100 * (k + 1); i++) e = tw_where(tw_gt(e, zero), tw_sin(e), x);
    assert_false(tw_is_none(tw_hvp(all_squared(e), x, tw_ones_like(x))));
    nodes[k] = (int32_t)tw_graph_nodes(g);
    tw_graph_free(g);
  }
  assert_in_range(nodes[2] - nodes[1], 1, (nodes[1] - nodes[0]) + 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dense_products), cmocka_unit_test(idle_factors),      cmocka_unit_test(deep_bands),
      cmocka_unit_test(deep_chains),    cmocka_unit_test(chains_of_choices),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
