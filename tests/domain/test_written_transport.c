/* Transport polytopes as C, beyond the small cases of test_written.c: the algorithm is one text, its dense kernels are others. */
#include "graph/written.h"

#include <talweg/domain.h>

/* Of one table size: the inputs x and a, a projection and an entropic one, and gradients in both. */
static void add_transport(function *f, tw_graph *graph, tw_dtype dtype, int64_t m, int64_t n) {
  const tw_expr x = tw_input(graph, "x", dtype, TW_SHAPE(2, m, n)), a = tw_input(graph, "a", dtype, TW_SHAPE(2, m));
  const tw_expr b = tw_broadcast(tw_scale(tw_sum(a, 2, true), 1 / (double)n), TW_SHAPE(2, n));
  const tw_domain d = tw_domain_make(graph, tw_domain_find("transport"), TW_SHAPE(2, m, n), 2, (tw_expr[]){a, b});
  const tw_expr near = tw_project(d, tw_scale(x, 0.1)), entropic = tw_kl_project(d, tw_scale(x, 3));
  const tw_expr loss = tw_sum(tw_add(tw_mul(near, tw_sin(x)), tw_square(entropic)), TW_ALL, false);
  const tw_expr out[4] = {near, entropic, tw_grad(loss, x), tw_grad(loss, a)};
  f->in[f->n_in++] = x, f->in[f->n_in++] = a;
  for (int i = 0; i < 4; i++) f->out[f->n_out++] = out[i];
}

/* Wide, tall and square tables, whose sums are inputs too. */
static void transport_is_written(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  function f = {.label = "transport", .low = 0.1, .high = 1}, single = {.label = "f32", .low = 0.1, .high = 1, .tolerance = 1e-6};
  add_transport(&f, graph, TW_F64, 3, 40);
  add_transport(&f, graph, TW_F64, 40, 3);
  add_transport(&f, graph, TW_F64, 30, 30);
  assert_written(&f);
  add_transport(&single, graph, TW_F32, 4, 5);
  assert_written(&single);
  tw_graph_free(graph);
}

/* Sums below 0 are refused there too, and tables that zeros forbid; numbers that are not finite give NaN. */
static void transport_is_checked(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(3, 2, 2)), a = tw_input(graph, "a", TW_F64, TW_SHAPE(2));
  const tw_domain d = tw_domain_make(graph, tw_domain_find("transport"), TW_SHAPE(3, 2, 2), 2, (tw_expr[]){a, tw_scalar(graph, 1)});
  const function f = {.label = "transport", .n_in = 2, .n_out = 1, .in = {x, a}, .out = {tw_kl_project(d, x)}};
  struct {
    double x[12], a[2];
    bool fails;
  } cases[] = {{{0, 0, 0, 0, 1, -INFINITY, -INFINITY, 2, 0, 0, 0, NAN}, {1, 1}, false},
               {{0}, {3, -1}, true},
               {{-INFINITY, -INFINITY}, {1, 1}, true}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    double ours[12], theirs[12];
    const bool fails = library_call(&f, (void *[]){cases[k].x, cases[k].a}, (void *[]){ours}) != TW_OK;
    const bool failed = written_call(&f, "cc -O1", (void *[]){cases[k].x, cases[k].a}, (void *[]){theirs}) != 0;
    assert_int_equal(fails, cases[k].fails);
    assert_int_equal(failed, cases[k].fails);
    for (int i = 0; i < 12 && !failed; i++) {
      const bool unknown = i >= 8;
      const double right = i < 4 ? 0.5 : i % 4 == 0 || i % 4 == 3;
      assert_true(unknown ? isnan(ours[i]) && isnan(theirs[i]) : fabs(ours[i] - right) <= 1e-15 && fabs(theirs[i] - right) <= 1e-15);
    }
  }
  tw_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(transport_is_written), cmocka_unit_test(transport_is_checked)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
