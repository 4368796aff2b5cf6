/* Projections and proxes as C: what is written agrees with the library, values and products with Jacobians. */
#include "graph/written.h"

#include "sets.h"

static const set_case *first_case(const char *kind) {
  for (int k = 0; k < SET_CASES; k++)
    if (strcmp(set_cases[k].kind, kind) == 0 && set_cases[k].generic) return &set_cases[k];
  return NULL;
}

static void sets_are_written(void **state) {
  (void)state;
  for (const tw_domain_kind *const *kind = tw_domain_kinds(); *kind; kind++) {
    const set_case *c = first_case((*kind)->name);
    projection q;
    projection_open(&q, c, false);
    const tw_expr u = tw_cos(tw_reshape(tw_iota(q.graph, TW_F64, q.n), case_shape(c)));
    function f = {.label = (*kind)->name, .n_in = 1, .n_out = 2, .in = {q.in[0]}, .out = {q.p, TW_NONE}, .low = -2, .high = 2};
    assert_int_equal(tw_vjp(1, &q.p, &u, 1, q.in, &f.out[1]), TW_OK);
    assert_written(&f);
    projection_close(&q);
  }
}

/* Nearest points in the Kullback-Leibler divergence, with second derivatives. */
static void entropic_projections_are_written(void **state) {
  (void)state;
  int kinds = 0;
  for (const tw_domain_kind *const *kind = tw_domain_kinds(); *kind; kind++) {
    if (!(*kind)->kl_project) continue;
    const set_case *c = first_case((*kind)->name);
    projection q;
    projection_open(&q, c, false);
    const tw_expr p = tw_kl_project(q.domain, q.in[0]), u = tw_cos(tw_reshape(tw_iota(q.graph, TW_F64, q.n), case_shape(c)));
    function f = {.label = (*kind)->name, .n_in = 1, .n_out = 3, .in = {q.in[0]}, .out = {p, TW_NONE, TW_NONE}, .low = -2, .high = 2};
    if (!tw_is_none(p)) { /* else a box with negative numbers */
      assert_int_equal(tw_vjp(1, &p, &u, 1, q.in, &f.out[1]), TW_OK);
      f.out[2] = tw_grad(tw_sum(tw_square(f.out[1]), TW_ALL, false), q.in[0]);
      assert_written(&f);
      kinds++;
    }
    projection_close(&q);
  }
  assert_true(kinds >= 4);
}

/* Radii are checked there too. */
static void parameters_are_written(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(5)), s = tw_input(graph, "s", TW_F64, TW_SCALAR);
  const tw_domain d = tw_domain_make(graph, tw_domain_find("simplex"), TW_SHAPE(5), 1, &s);
  function f = {.label = "simplex(s)", .n_in = 2, .n_out = 1, .in = {x, s}, .out = {tw_project(d, x)}, .low = 0.5, .high = 1.5};
  assert_written(&f);
  double at[5] = {0}, size = -1, out[5];
  assert_int_not_equal(written_call(&f, "cc -O2", (void *[]){at, &size}, (void *[]){out}), 0);
  size = 2;
  assert_int_equal(written_call(&f, "cc -O2", (void *[]){at, &size}, (void *[]){out}), 0);
  assert_close(out[3], 0.4, 1e-15);
  tw_graph_free(graph);
}

/* Long rows go ways of their own. */
static void long_rows_are_written(void **state) {
  (void)state;
  enum { LONG = 20000 };
  tw_graph *graph = tw_graph_new();
  const tw_expr x = tw_input(graph, "x", TW_F64, TW_SHAPE(LONG)), w = tw_input(graph, "w", TW_F64, TW_SHAPE(LONG));
  const tw_expr s = tw_scalar(graph, 900), section[4] = {tw_scalar(graph, -1), tw_scalar(graph, 1), w, tw_scalar(graph, 10)};
  const tw_domain simplex = tw_domain_make(graph, tw_domain_find("simplex"), TW_SHAPE(LONG), 1, &s);
  const tw_domain cut = tw_domain_make(graph, tw_domain_find("box_section"), TW_SHAPE(LONG), 4, section);
  function f = {.label = "long", .n_in = 2, .n_out = 2, .in = {x, w}, .out = {tw_project(simplex, x), tw_project(cut, x)}};
  assert_written(&f);
  tw_graph_free(graph);
}

static void isotonic_fits_are_written(void **state) {
  (void)state;
  tw_graph *graph = tw_graph_new();
  const tw_expr in[2] = {tw_input(graph, "y", TW_F64, TW_SHAPE(2, 6)), tw_input(graph, "w", TW_F64, TW_SHAPE(2, 6))};
  const tw_expr v = tw_isotonic_kl(in[0], in[1], false);
  function f = {.label = "isotonic", .n_in = 2, .n_out = 3, .in = {in[0], in[1]}, .out = {tw_isotonic(in[0], true), v, TW_NONE}};
  f.out[2] = tw_grad(tw_sum(tw_square(v), TW_ALL, false), in[1]);
  assert_written(&f);
  tw_graph_free(graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(sets_are_written), cmocka_unit_test(entropic_projections_are_written),
                                     cmocka_unit_test(parameters_are_written),
                                     cmocka_unit_test(long_rows_are_written),
                                     cmocka_unit_test(isotonic_fits_are_written)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
